"""What a table says, put by on disk until all of it was checked: nothing is sent while a row may still turn out to be at fault.

SQLite keeps it in a temporary file that ends with the process, so that a table of any length takes no more memory than its longest event.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from weftline.files.events import Made
from weftline.files.rows import Measured, Part

_TOGETHER: Final = 1_000
"""Rows that are written at once."""


class Repeated(NamedTuple):
    """A row whose key an earlier one has; ``different``: they do not say the same."""

    first: int
    row: int
    different: bool


class Spool:
    """Parts of events, and events, of one table. ``close`` it."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE parts(key TEXT, row INTEGER, said TEXT);"
            "CREATE TABLE events(key TEXT UNIQUE, row INTEGER, event_id TEXT, made BLOB); BEGIN;"
        )
        self._parts: list[tuple[str, int, str]] = []

    def add_part(self, part: Part) -> None:
        """A row that is not yet an event."""
        self._parts.append((json.dumps(part.key), part.row, json.dumps([part.fields, part.measured], ensure_ascii=False)))
        if len(self._parts) >= _TOGETHER:
            self._flush()

    def add(self, made: Made) -> Repeated | None:
        """An event; if an earlier one has its key, that stays, and the answer names it."""
        # Its own process reads it again, and nobody else: pickle, which takes a fifth of the time of JSON and the contract.
        row = (made.key, made.row, made.event.event_id, pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
        if self._base.execute("INSERT INTO events VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount:
            return None
        first, event_id = self._base.execute("SELECT row, event_id FROM events WHERE key = ?", (made.key,)).fetchone()
        return Repeated(first, made.row, event_id != made.event.event_id)

    def parts(self) -> Iterator[list[Part]]:
        """The parts that have one key together, in the order of their first rows."""
        self._flush()
        self._base.execute("CREATE INDEX parts_by_key ON parts(key, row)")
        rows = self._base.execute(
            "SELECT key, row, said FROM parts JOIN (SELECT key AS k, min(row) AS first FROM parts GROUP BY key) ON key = k "
            "ORDER BY first, row"
        )
        for key, together in groupby(rows, itemgetter(0)):
            yield [_part(key, row, said) for _, row, said in together]

    def events(self) -> Iterator[Made]:
        """The events, in the order in which they were added."""
        for (made,) in self._base.execute("SELECT made FROM events ORDER BY rowid"):
            yield pickle.loads(made)

    def count(self) -> int:
        """How many events there are."""
        (found,) = self._base.execute("SELECT count(*) FROM events").fetchone()
        return int(found)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _flush(self) -> None:
        self._base.executemany("INSERT INTO parts VALUES (?, ?, ?)", self._parts)
        self._parts.clear()


def _part(key: str, row: int, said: str) -> Part:
    fields, measured = json.loads(said)
    return Part(row, tuple(json.loads(key)), fields, [Measured(*one) for one in measured])
