"""Kafka's jars: fetched once with jgo, each checked against the SHA-256 that stands in ``kafka-jars.txt``.

The list is the lock. jgo resolves POM files only when the list is written anew (37 s, 15 s of them CPU, on two cores); to fetch 92
known jars with eight threads takes 19 s (7 s CPU). jgo itself only warns when a checksum differs, so the check is ours, and it is
made at every start (54 MB, 0.04 s): a jar that was cut short by a crash is found and fetched again.

Run ``python -m weftline.embedded.jars`` to write the list anew after a change of :data:`COORDINATES`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from weftline.embedded.interrupt import Interrupted, never
from weftline.embedded.locks import FileLock
from weftline.errors import UserError

COORDINATES = ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.kafka:kafka-tools:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
LIST = Path(__file__).with_name("kafka-jars.txt")
REPOSITORIES_VARIABLE = "WEFTLINE_MAVEN_REPOSITORIES"

# Many small files: the time goes into waiting for answers, two per jar (jgo also asks for the SHA-1).
THREADS = 8
TIMEOUT_SECONDS = 30

Classpath = NewType("Classpath", str)


class JarsUnavailable(UserError):
    """Kafka's jars are neither cached nor can they be fetched; ``make demo`` alone may go on without them."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the list."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def coordinate(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    def path(self, repository: Path) -> Path:
        """Where a Maven repository keeps the jar."""
        return repository.joinpath(*self.group.split("."), self.artifact, self.version, f"{self.artifact}-{self.version}.jar")


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/weftline``, or ``~/.cache/weftline``: shared by all data folders of a user."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "weftline"


def configured_repositories() -> tuple[str, ...]:
    """Maven repositories to ask before Maven Central: addresses in WEFTLINE_MAVEN_REPOSITORIES, separated by commas or blanks.

    A mirror need not be trusted: what it sends is checked like everything else.
    """
    return tuple(os.environ.get(REPOSITORIES_VARIABLE, "").replace(",", " ").split())


def read_list(path: Path = LIST) -> tuple[Jar, ...]:
    """The jars that the class path consists of."""
    jars = []
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            sha256, coordinate = line.split()
            jars.append(Jar(sha256, *coordinate.split(":")))
    return tuple(jars)


def prepare_kafka(
    cache: Path | None = None,
    repositories: Sequence[str] | None = None,
    say: Callable[[str], None] | None = None,
    interrupted: Callable[[], bool] = never,
) -> Classpath:
    """The class path of Kafka, every jar on it present and checked; fetches what is missing, and tells ``say`` that it does.

    ``cache``: see :func:`default_cache`; ``repositories``: see :func:`configured_repositories`.
    Raises :class:`JarsUnavailable` when a jar cannot be fetched, or comes with the wrong content twice, and :class:`Interrupted`
    between two jars when ``interrupted`` says so.
    """
    folder = cache or default_cache()
    sources = configured_repositories() if repositories is None else tuple(repositories)
    maven = folder / "maven"
    jars = read_list()
    with FileLock(folder / "maven.lock").acquire(wait=True):
        missing = [jar for jar in jars if not _is_good(jar, maven)]
        if missing:
            if say is not None:
                say(f"fetching Apache Kafka: {len(missing)} of {len(jars)} jars, 54 MB in all, kept in {folder}")

            def fetch(jar: Jar) -> None:
                if interrupted():
                    raise Interrupted("Apache Kafka was still being fetched")
                _fetch(jar, maven, sources)

            with ThreadPoolExecutor(THREADS) as pool:
                for _ in pool.map(fetch, missing):
                    pass
    return Classpath(os.pathsep.join(str(jar.path(maven)) for jar in jars))


def _is_good(jar: Jar, maven: Path) -> bool:
    try:
        with jar.path(maven).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def _fetch(jar: Jar, maven: Path, repositories: Sequence[str]) -> None:
    """Ask each repository in turn, Maven Central last, until one sends the right bytes; then all of them once more."""
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    faults: list[str] = []
    for address in [*repositories, MAVEN_CENTRAL_URL] * 2:
        # jgo takes whatever file lies there for the jar, so a bad one has to go first.
        jar.path(maven).unlink(missing_ok=True)
        context = MavenContext(
            repo_cache=maven, local_repos=[], remote_repos={"source": address.rstrip("/")}, timeout=TIMEOUT_SECONDS
        )
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except (OSError, RuntimeError) as error:  # requests' exceptions are OSErrors; jgo raises RuntimeError for "not found"
            faults.append(f"{address}: {type(error).__name__}")
            continue
        if _is_good(jar, maven):
            return
        faults.append(f"{address}: wrong SHA-256")
    jar.path(maven).unlink(missing_ok=True)
    raise JarsUnavailable(
        f"cannot fetch {jar.coordinate} for Apache Kafka ({'; '.join(dict.fromkeys(faults))}); check the network, "
        f"or name a Maven mirror in {REPOSITORIES_VARIABLE}, or copy the cache folder {maven} from a machine that has it"
    )


def write_list(path: Path = LIST) -> int:
    """Resolve :data:`COORDINATES` anew with jgo and write the list; returns the number of jars."""
    import jgo
    from jgo.env import Environment

    with tempfile.TemporaryDirectory() as cache:
        environment: Environment = jgo.build("+".join(COORDINATES), cache_dir=Path(cache))
        locked = environment.lockfile.dependencies
        lines = sorted((f"{jar.groupId}:{jar.artifactId}:{jar.version}", jar.sha256) for jar in locked)
    header = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    path.write_text("\n".join([*header, *(f"{sha256}  {coordinate}" for coordinate, sha256 in lines)]) + "\n", "utf-8")
    return len(lines)


if __name__ == "__main__":
    write_list()
