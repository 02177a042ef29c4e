"""A processor for the tests of the batch layer: its effects are rows in a SQLite file, so that they outlive a SIGKILL.

``python batch_worker.py TOPIC PARTITIONS FOLDER`` with settings from the environment. The folder holds ``effects.db`` (table
``handled``: one row per record stepped; ``settled`` is set by the next settle) and, put there by a test, ``down``: as long as it
exists, every call raises DependencyDown.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from weftline.errors import DependencyDown, UserError
from weftline.runtime.caution import Attempt
from weftline.runtime.groups import open_groups
from weftline.runtime.loop import Handler, RawRecord
from weftline.runtime.program import Runtime, run
from weftline.runtime.settings import load

SCHEMA = """
CREATE TABLE IF NOT EXISTS handled (
    part INT, pos INT, value TEXT, pid INT, settled INT DEFAULT 0, times INT DEFAULT 1, PRIMARY KEY (part, pos)
);
CREATE TABLE IF NOT EXISTS calls (at INTEGER PRIMARY KEY, pid INT, call TEXT, partitions TEXT);
"""


def effects(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "effects.db", timeout=30, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")  # a SIGKILL of the process loses nothing that was handed to the system
    connection.executescript(SCHEMA)
    return connection


class Recorder:
    def __init__(self, topic: str, folder: Path, database: sqlite3.Connection) -> None:
        self._topic = topic
        self._down = folder / "down"
        self._database = database
        self._per_step = float(os.environ.get("TEST_SECONDS_PER_STEP", "0"))
        self._per_record = float(os.environ.get("TEST_SECONDS_PER_RECORD", "0"))
        self._gathered: list[tuple[int, int]] = []

    def _check(self) -> None:
        if self._down.exists():
            raise DependencyDown("clickhouse", "the test says so")

    def _call(self, name: str, partitions: frozenset[int]) -> None:
        row = (os.getpid(), name, ",".join(str(partition) for partition in sorted(partitions)))
        self._database.execute("INSERT INTO calls (pid, call, partitions) VALUES (?, ?, ?)", row)

    async def assigned(self, partitions: frozenset[int]) -> dict[int, int]:
        """A group without a place begins at the oldest record: nobody but the handler says so."""
        self._call("assigned", partitions)
        return await asyncio.to_thread(self._beginnings, partitions)

    def _beginnings(self, partitions: frozenset[int]) -> dict[int, int]:
        with open_groups(load(), {self._topic: self._topic}) as groups:
            (group,) = groups.read()
        return {at.partition: at.start for at in group.positions if at.partition in partitions and at.place is None}

    async def revoked(self, partitions: frozenset[int]) -> None:
        self._call("revoked", partitions)
        self._gathered = [(partition, offset) for partition, offset in self._gathered if partition not in partitions]

    async def step(self, records: Sequence[RawRecord]) -> None:
        self._check()
        if os.environ.get("TEST_STEP_FAILS"):
            raise ValueError("a broken build")
        await asyncio.sleep(self._per_step + self._per_record * len(records))
        rows = [(r.partition, r.offset, (r.value or b"").decode(), os.getpid()) for r in records]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT INTO handled (part, pos, value, pid) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + 1", rows
        )
        self._database.execute("COMMIT")
        self._gathered += [(r.partition, r.offset) for r in records]

    async def settle(self, read: Mapping[int, int]) -> None:
        self._check()
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("UPDATE handled SET settled = 1 WHERE part = ? AND pos = ?", self._gathered)
        self._database.execute("COMMIT")
        self._gathered = []

    async def sweep(self) -> None:
        self._check()

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        self._call("reject", frozenset({record.partition}))

    async def healthy(self) -> None:
        self._check()

    async def tried(self, partitions: frozenset[int]) -> Sequence[Attempt]:
        return ()

    async def trying(self, notes: Sequence[Attempt]) -> None:
        pass


def main(topic: str, partitions: int, folder: Path) -> int:
    @asynccontextmanager
    async def recorder(_: Runtime) -> AsyncIterator[Handler]:
        database = effects(folder)
        try:
            yield Recorder(topic, folder, database)
        finally:
            database.close()

    try:
        return run(topic, topic, recorder, load())
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
