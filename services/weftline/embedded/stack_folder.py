"""The folder of an embedded stack: who uses it, through which broker its data came, and where everything listens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from weftline.embedded.locks import FileLock, Held
from weftline.embedded.ports import free_ports, is_free
from weftline.errors import UserError

BrokerKind = Literal["kafka", "memory"]

#: The demonstration's own folder within the data folder, so that its data and those of ``weftline up`` never meet.
DEMO = "demo"

# The ports that clients try by default, taken when they are free.
USUAL_PORTS: Mapping[str, int] = {"kafka": 9092, "clickhouse": 8123, "board": 8080}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers of a stack listen."""

    kafka: str
    clickhouse: str


def lock_of(folder: Path) -> FileLock:
    """The lock that a running stack holds."""
    return FileLock(folder / "stack.lock")


class Ports:
    """Gives each name a port: the one asked for, else the usual one, else the one it had, else any that is free.

    The usual one before the one it had: a port that was taken once shall not move a stack for good.
    """

    def __init__(self, folder: Path, wanted: Mapping[str, int], usual: Mapping[str, int]) -> None:
        self._file = folder / "ports.json"
        self._wanted = wanted
        self._usual = usual
        self.taken: dict[str, int] = {}

    def of(self, name: str) -> int:
        if name not in self.taken:
            self.taken[name] = self._choose(name)
            write_json(self._file, {**self._remembered(), **self.taken})
        return self.taken[name]

    def _choose(self, name: str) -> int:
        wanted = self._wanted.get(name)
        if wanted:
            if not is_free(wanted):
                raise UserError(f"port {wanted} for {name} is taken; choose another, or 0 for any free one")
            return wanted
        candidates = [self._usual.get(name), self._remembered().get(name)]
        for port in candidates:
            if port is not None and port not in self.taken.values() and is_free(port):
                return port
        return free_ports(1)[0]

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
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
    os.replace(fresh, path)


def find_running(folder: Path) -> Addresses | None:
    """The addresses of the stack that runs on ``folder`` and whose servers are ready, or ``None``."""
    try:
        state = json.loads((folder / "stack.json").read_text("utf-8"))
        probe = lock_of(folder).acquire()
    except (OSError, ValueError):
        return None
    except Held as held:
        # The file of a stack that was killed lies there until the next one is ready.
        ready = str(state["pid"]) == held.owner and state["kafka"]
        return Addresses(state["kafka"], state["clickhouse"]) if ready else None
    probe.release()
    return None
