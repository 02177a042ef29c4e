"""The publisher's ledger: what was sent of the rows of tables, so that an edited row finds the event that it takes back.

What is to be sent is noted first, with the identity and to the last letter as it will be sent; only when Kafka has it, it is noted as
sent. Whoever is killed in between sends the same again the next time, which changes nothing. A ledger that is lost makes nothing wrong of
what is not edited: identities follow from the rows. But an edit is not known as one then, and the old event has to be taken back by
`weftline retract`.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json
from weftline.domain.events import ErrorDeclaration, Event
from weftline.domain.vocabulary import ErrorReason
from weftline.errors import UserError
from weftline.files.events import Made

VERSION: Final = 1
SUFFIX: Final = ".ledger"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS entries(
  event_id TEXT PRIMARY KEY,  -- as it was sent
  key TEXT NOT NULL,          -- of the row
  edition TEXT NOT NULL,      -- the identity that follows from what the row says
  content BLOB NOT NULL,      -- what the event says but for its identity: JSON, packed
  declared TEXT,              -- the declaration with which it was given up: JSON
  pending INTEGER NOT NULL    -- noted, and not known to have arrived
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key(columns TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS standing ON entries(key) WHERE declared IS NULL;
CREATE INDEX IF NOT EXISTS given_up ON entries(edition) WHERE declared IS NOT NULL;
CREATE INDEX IF NOT EXISTS pending ON entries(event_id) WHERE pending = 1;
"""


class LedgerBusy(UserError):
    """Another program is at work with it."""


class Change(NamedTuple):
    """What a row makes necessary: ``event`` is new, and ``old`` is what stood for the row until now."""

    made: Made
    event: AnyEvent
    old: AnyEvent | None


class Ledger:
    """One ledger. ``close`` it. Raises :class:`UserError` for a file that is none, or that another program has open to write.

    ``reading``: nothing is written, and a file that is not there is an empty ledger.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._path, self._reading = path, reading
        try:
            if reading and not path.exists():
                self._base = sqlite3.connect(":memory:", isolation_level=None)
            elif reading:
                self._base = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
            else:
                self._base = sqlite3.connect(path, timeout=0.5, isolation_level=None)
                # One writer, from now until the end: two that publish the same table at once would each take back what the other sends.
                self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._base.execute("BEGIN EXCLUSIVE")
            (version,) = self._base.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise UserError(f"{path}: is the ledger of a newer Weftline; use that one")
            if not version and (not reading or not path.exists()):
                # Not executescript, which would commit before.
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._base.execute(statement)
                self._base.execute(f"PRAGMA user_version = {VERSION}")
            if not reading:
                self._base.execute("COMMIT")
            self._base.execute("SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise LedgerBusy(
                    f"{path}: another `weftline publish` is at work with this ledger; wait until it has ended"
                ) from None
            raise UserError(f"{path}: the ledger cannot be used: {error}; --ledger names another file") from None
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path}: is no ledger ({error}); --ledger names another file") from None

    def known_by(self, columns: str) -> None:
        """Say by which columns rows are known.

        :class:`UserError` where it was other columns before: every row would be a new one, and what was sent of it would stand beside it.
        """
        found = self._base.execute("SELECT columns FROM key").fetchone()
        if found is None and not self._reading:
            self._base.execute("INSERT INTO key VALUES (?)", (columns,))
        if found is not None and found[0] != columns:
            raise UserError(
                f"{self._path}: rows were known by {found[0]} until now, and the mapping's key is {columns}: every row would be sent a "
                "second time. Put the key back; or take back what was sent (`weftline retract`) and begin another ledger with --ledger"
            )

    def change(self, made: Made) -> Change | None:
        """What has to be sent of a row; None if nothing.

        A row that says again what it said before its last edit gets an identity of its own, for the first one was given up.
        """
        edition = made.event.event_id
        found = self._base.execute(
            "SELECT edition, event_id, content FROM entries WHERE key = ? AND declared IS NULL", (made.key,)
        ).fetchone()
        if found is not None and found[0] == edition:
            return None
        (given_up,) = self._base.execute(
            "SELECT count(*) FROM entries WHERE edition = ? AND declared IS NOT NULL", (edition,)
        ).fetchone()
        event = replace(made.event, event_id=f"{edition}.{given_up + 1}") if given_up else made.event
        return Change(made, event, None if found is None else _unpacked(*found[1:]))

    def note(self, changes: Iterable[Change], now: int) -> list[AnyEvent]:
        """Note what is to be sent, durably; the events in the order in which they shall be sent. ``now``: ms since the epoch."""
        sending: list[AnyEvent] = []
        self._base.execute("BEGIN")
        for change in changes:
            if change.old is not None:
                declaration = ErrorDeclaration(now, ErrorReason.INCORRECT_DATA, (change.event.event_id,))
                said = json.dumps(asdict(declaration))
                self._base.execute("UPDATE entries SET declared = ?, pending = 1 WHERE event_id = ?", (said, change.old.event_id))
                sending.append(replace(change.old, error_declaration=declaration))
            packed = zlib.compress(change.made.content.encode(), 1)
            row = (change.event.event_id, change.made.key, change.made.event.event_id, packed)
            self._base.execute("INSERT INTO entries VALUES (?, ?, ?, ?, NULL, 1)", row)
            sending.append(change.event)
        self._base.execute("COMMIT")
        return sending

    def pending(self) -> Iterator[AnyEvent]:
        """What was noted and is not known to have arrived."""
        rows = self._base.execute("SELECT event_id, content, declared FROM entries WHERE pending = 1 ORDER BY event_id")
        for event_id, content, declared in rows.fetchall():
            yield _unpacked(event_id, content, declared)

    def sent(self, events: Sequence[AnyEvent]) -> None:
        """They have arrived."""
        self._base.execute("BEGIN")
        self._base.executemany("UPDATE entries SET pending = 0 WHERE event_id = ?", [(event.event_id,) for event in events])
        self._base.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _unpacked(event_id: str, content: bytes, declared: str | None = None) -> AnyEvent:
    said = {**json.loads(zlib.decompress(content)), "event_id": event_id}
    event = from_json(said if declared is None else {**said, "error_declaration": json.loads(declared)})
    if not isinstance(event, Event):
        raise TypeError(f"the ledger holds a {type(event).__name__}")
    return event
