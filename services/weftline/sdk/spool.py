"""Events that wait on a disk until they can be sent, in the order in which they came.

It is a SQLite file (WAL, synchronous=FULL), which is everything that a spool has to be: a transaction that has returned outlives a kill
and a loss of power; one that was torn is found by SQLite's own checksums and never happened; ``max_page_count`` bounds it; several
processes may append. persist-queue and litequeue, which are SQLite beneath, were looked at: the first is never full, the second is by a
number of messages and not by bytes, and neither has a checksum or one sender. These two are what is ours: the checksum of each event, since
SQLite has none of a page that rots after it was written, and that one process at a time sends.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json, to_json
from weftline.errors import ContractError, UserError
from weftline.runtime.durable import changing, open_durable

MAX_BYTES: Final = 1 << 30
"""About two million events."""

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they came; none is given twice
    body BLOB NOT NULL,                     -- JSON as weftline publish takes it
    crc INTEGER NOT NULL,                   -- of the body
    at REAL NOT NULL,                       -- when it came, seconds since the epoch
    refused TEXT                            -- why it is put aside: nobody will take it as it is
);
CREATE INDEX refused ON events (seq) WHERE refused IS NOT NULL;
"""
_WAITING: Final = "SELECT seq, body, crc FROM events WHERE refused IS NULL ORDER BY seq LIMIT ?"
#: So little room is left of a bound when it is the bound that was reached, and not the end of the disk.
_SLACK_PAGES: Final = 8


class SpoolFull(UserError):
    """There is no room for another event: of the spool's bound, or of the disk."""


class Waiting(NamedTuple):
    """An event that waits, and its number."""

    seq: int
    event: AnyEvent


class Refused(NamedTuple):
    """An event that was put aside, and why."""

    seq: int
    body: str
    reason: str


class SpoolStatus(NamedTuple):
    """How much waits. ``oldest``: when the first of it came (seconds since the epoch); sizes in bytes."""

    waiting: int
    refused: int
    oldest: float | None
    bytes: int
    bound: int


class Spool:
    """A folder of waiting events, of ``max_bytes`` at most. Safe for several threads and processes; ``close`` it.

    Raises :class:`UserError` where the folder cannot be used.
    """

    def __init__(self, folder: Path | str, max_bytes: int = MAX_BYTES, now: Callable[[], float] = time.time) -> None:
        self.folder = Path(folder)
        self._now = now
        self._lock = RLock()
        self._base = open_durable(self.folder / "spool.db", _SCHEMA, _VERSION)
        (size,) = self._base.execute("PRAGMA page_size").fetchone()
        (self._pages,) = self._base.execute(f"PRAGMA max_page_count = {max(1, max_bytes // size)}").fetchone()
        self._page_size = size

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is appended inside is on disk when it ends, all or nothing; each by itself costs a wait for the disk."""
        with self._lock:
            if self._base.in_transaction:
                yield
                return
            try:
                with changing(self._base):
                    yield
            except sqlite3.DatabaseError as error:
                raise self._told(error) from None

    def append(self, event: AnyEvent) -> None:
        """Keep an event. It is on disk when this returns, or when :meth:`together` ends. :class:`SpoolFull` where there is no room."""
        body = json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":")).encode()
        with self.together():
            self._base.execute("INSERT INTO events (body, crc, at) VALUES (?, ?, ?)", (body, zlib.crc32(body), self._now()))

    def waiting(self, count: int) -> list[Waiting]:
        """The first so many. One that rotted on the disk is put aside, and told by :meth:`status`."""
        found: list[Waiting] = []
        with self._lock:
            for seq, body, crc in self._base.execute(_WAITING, (count,)).fetchall():
                try:
                    found.append(Waiting(seq, _event(body, crc)))
                except ContractError as error:
                    self.refuse([(seq, str(error))])
        return found

    def arrived(self, numbers: Iterable[int]) -> None:
        """Forget events: whom they were for has them."""
        with self.together():
            self._base.executemany("DELETE FROM events WHERE seq = ?", [(number,) for number in numbers])

    def refuse(self, reasons: Sequence[tuple[int, str]]) -> None:
        """Put events aside, each with the reason: they would be refused again, and those behind them wait."""
        with self.together():
            self._base.executemany("UPDATE events SET refused = ? WHERE seq = ?", [(reason, seq) for seq, reason in reasons])

    def again(self) -> int:
        """Try once more what was put aside; how many."""
        with self.together():
            return self._base.execute("UPDATE events SET refused = NULL WHERE refused IS NOT NULL").rowcount

    def refused(self, count: int) -> list[Refused]:
        """The first so many of what was put aside."""
        asked = "SELECT seq, body, refused FROM events WHERE refused IS NOT NULL ORDER BY seq LIMIT ?"
        with self._lock:
            rows = self._base.execute(asked, (count,)).fetchall()
        return [Refused(seq, body.decode(errors="replace"), reason) for seq, body, reason in rows]

    def status(self) -> SpoolStatus:
        """How much waits."""
        with self._lock:
            waiting, oldest = self._base.execute("SELECT count(*), min(at) FROM events WHERE refused IS NULL").fetchone()
            (refused,) = self._base.execute("SELECT count(*) FROM events WHERE refused IS NOT NULL").fetchone()
            return SpoolStatus(waiting, refused, oldest, self._used() * self._page_size, self._pages * self._page_size)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Whether this is the one process that may send: of two, each would send what the other has not acknowledged yet.

        The lock is SQLite's, so that it goes with its process and is the same on every system.
        """
        lock = sqlite3.connect(self.folder / "sender.lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                yield False
                return
            yield True
        finally:
            lock.close()

    def _used(self) -> int:
        """Pages in use."""
        (pages,) = self._base.execute("PRAGMA page_count").fetchone()
        (free,) = self._base.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _told(self, error: sqlite3.DatabaseError) -> UserError:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            return UserError(f"spool {self.folder} cannot be used: {error}; nothing of this was kept")
        if self._used() + _SLACK_PAGES >= self._pages:
            return SpoolFull(
                f"spool {self.folder} is full: {self._pages * self._page_size / 1e6:,.1f} MB wait to be sent, and nothing of this was "
                f"kept; `weftline spool status {self.folder}` tells why"
            )
        free = shutil.disk_usage(self.folder).free >> 10
        return SpoolFull(f"the disk of spool {self.folder} is full ({free:,} kB left), and nothing of this was kept; make room")


def _event(body: bytes, crc: int) -> AnyEvent:
    if zlib.crc32(body) != crc:
        raise ContractError("spool", "what the disk gives back is not what was written: it is damaged")
    event: AnyEvent = from_json(json.loads(body))  # type: ignore[assignment]
    return event
