"""The folder of an embedded stack: who uses it, through which broker its data came, and where everything listens."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from weftline.embedded.locks import FileLock, Held
from weftline.embedded.passwords import FOLDER, Passwords, read_passwords, write_private
from weftline.embedded.ports import free_ports, is_free, reserve
from weftline.embedded.security import FOLDER as TLS
from weftline.embedded.security import OPERATOR, Security, read_security
from weftline.errors import UserError
from weftline.runtime.degraded import STATE_FILE

BrokerKind = Literal["kafka", "memory"]
ClickHouseUser = Literal["weftline", "board", "reader"]

#: What a stack puts into its folder.
OWN_FOLDERS = ("kafka", "clickhouse", "logs", "notify", FOLDER, TLS)
OWN_FILES = ("ports.json", "broker", "stack.lock", "stack.json", "answers.json", "reference.yaml")

# The ports that clients try by default, taken when they are free.
USUAL_PORTS: Mapping[str, int] = {"kafka": 9092, "clickhouse": 8123, "board": 8080, "gateway": 8081}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers of a stack listen, and what ClickHouse asks for; without passwords nothing is said of who asks.

    ``link_key``: for those who make links to inboxes, or open them. ``security``: of a stack that is reached by TLS, and whose Kafka
    asks who comes.
    """

    kafka: str
    clickhouse: str
    passwords: Passwords | None = None
    link_key: str = field(default="", repr=False)
    security: Security | None = field(default=None, repr=False)

    def settings(self, user: ClickHouseUser = "weftline", kafka_user: str | None = OPERATOR) -> dict[str, str]:
        """As arguments of :func:`weftline.runtime.settings.load`; without a ``kafka_user`` for who has nothing to do there."""
        where = {"kafka": self.kafka, "clickhouse": self.clickhouse}
        return where | self.credentials(user) | self.trusted() | ({} if kafka_user is None else self.kafka_credentials(kafka_user))

    def trusted(self) -> dict[str, str]:
        """Who signs what the servers show, likewise."""
        if self.security is None:
            return {}
        authority = str(self.security.authority.absolute())
        return {"kafka_ca": authority, "clickhouse_ca": authority}

    def kafka_credentials(self, user: str) -> dict[str, str]:
        """Who asks Kafka, likewise; nothing where it asks nobody, or there is no such user here."""
        password = None if self.security is None else self.security.passwords.get(user)
        return {} if password is None else {"kafka_username": user, "kafka_password": password}

    def credentials(self, user: ClickHouseUser = "weftline") -> dict[str, str]:
        """Who asks ClickHouse, as arguments of :func:`weftline.runtime.settings.load`."""
        if self.passwords is None:
            return {}
        return {"clickhouse_username": user, "clickhouse_password": getattr(self.passwords, user)}

    def environment(self, user: ClickHouseUser = "weftline", kafka_user: str | None = OPERATOR) -> dict[str, str]:
        """As the environment of a program."""
        return {f"WEFTLINE_{name.upper()}": value for name, value in self.settings(user, kafka_user).items()}


def lock_of(folder: Path) -> FileLock:
    """The lock that a running stack holds."""
    return FileLock(folder / "stack.lock")


class Ports:
    """Gives each name a port: the one asked for, else the usual one, else the one it had, else any that is free.

    The usual one before the one it had: a port that was taken once shall not move a stack for good. Until :meth:`release` no other
    stack of this user is given it.
    """

    def __init__(self, folder: Path, wanted: Mapping[str, int], usual: Mapping[str, int]) -> None:
        self._file = folder / "ports.json"
        self._wanted = wanted
        self._usual = usual
        self.taken: dict[str, int] = {}
        self._reserved: list[FileLock] = []

    def of(self, name: str) -> int:
        if name not in self.taken:
            self.taken[name] = self._choose(name)
            write_json(self._file, {**self._remembered(), **self.taken})
        return self.taken[name]

    def release(self) -> None:
        """Others may have the ports now; a second call does nothing."""
        while self._reserved:
            self._reserved.pop().release()

    def _choose(self, name: str) -> int:
        wanted = self._wanted.get(name)
        if wanted:
            if not self._take(wanted):
                raise UserError(f"port {wanted} for {name} is taken; choose another, or 0 for any free one")
            return wanted
        for known in (self._usual.get(name), self._remembered().get(name)):
            if known is not None and self._take(known):
                return known
        while not self._take(any_free := free_ports(1)[0]):
            pass
        return any_free

    def _take(self, port: int) -> bool:
        if not is_free(port) or (lock := reserve(port)) is None:
            return False
        self._reserved.append(lock)
        return True

    def _remembered(self) -> dict[str, int]:
        try:
            return {str(name): int(port) for name, port in json.loads(self._file.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError):
            # None yet, or cut short by a power cut: addresses are a convenience, not data.
            return {}


def claim(folder: Path, broker: BrokerKind) -> None:
    """A folder belongs to the broker that used it first: the tables in it came from topics that the other one does not have."""
    marker = folder / "broker"
    owner = marker.read_text("utf-8").strip() if marker.exists() else ""
    if not owner and (folder / "kafka" / "data").exists():  # the marker did not survive a power cut
        owner = "kafka"
    if owner and owner != broker:
        names = {"kafka": "Apache Kafka", "memory": "the memory broker"}
        raise UserError(
            f"the data in {folder.absolute()} came through {names.get(owner, owner)}, so {names[broker]} cannot use it; "
            "choose another folder"
        )
    if not owner:
        marker.write_text(f"{broker}\n", "utf-8")


def write_json(path: Path, value: object) -> None:
    write_private(path, json.dumps(value, indent=2) + "\n")


def find_running(folder: Path) -> Addresses | None:
    """The addresses of the stack that runs on ``folder`` and whose servers are ready, or ``None``."""
    try:
        state = json.loads((folder / STATE_FILE).read_text("utf-8"))
        probe = lock_of(folder).acquire()
    except (OSError, ValueError):
        return None
    except Held as held:
        # The file of a stack that was killed lies there until the next one is ready, and for a moment the lock still names it too.
        ready = str(state["pid"]) == held.owner and state["kafka"] and _is_alive(state["pid"])
        if not ready:
            return None
        security = read_security(folder) if state.get("secured") else None
        return Addresses(state["kafka"], state["clickhouse"], read_passwords(folder), security=security)
    probe.release()
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True


def make_private(folder: Path) -> None:
    """Folders 700 and files 600 in the folder of a stack, also where an earlier version has left them open to others.

    Only what a stack has put there: the folder may hold other things too.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for name in (*OWN_FOLDERS, *OWN_FILES):
        path = folder / name
        if path.is_symlink() or not path.exists():
            continue
        _chmod(path)
        for place, folders, files in os.walk(path):
            for entry in (*folders, *files):
                _chmod(Path(place, entry))


def _chmod(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        if not stat.S_ISLNK(status.st_mode) and stat.S_IMODE(status.st_mode) != wanted:
            path.chmod(wanted)
