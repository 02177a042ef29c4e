"""SQLite files that must not lose what they were told: one way to open them, and to change them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from weftline.errors import UserError

_BUSY_SECONDS: Final = 30.0


def open_durable(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """The file at ``path``, made with ``schema`` (statements that end with ``;`` and a line break) where there is none.

    What a transaction has committed is on disk and outlives a kill and a loss of power (WAL, synchronous=FULL); several processes may
    have it open, on a local disk. ``version``: of the schema. Raises :class:`UserError` for a file of a newer version, and for one that
    cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        base = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        (found,) = base.execute("PRAGMA user_version").fetchone()
        if found > version:
            base.close()
            raise UserError(f"{path} was written by a newer version of weftline; use that one")
        if found < version:
            with changing(base):
                for statement in schema.split(";\n"):
                    base.execute(statement)
                base.execute(f"PRAGMA user_version = {version}")
    except (sqlite3.DatabaseError, OSError) as error:
        raise UserError(f"{path} cannot be used: {error}; is there room on the disk, and is it ours?") from None
    return base


@contextmanager
def changing(base: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it is committed at the end, or nothing."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield base
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:
            base.rollback()
        raise
