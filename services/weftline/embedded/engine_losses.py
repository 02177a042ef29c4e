"""Writes of the engine that failed, which it keeps to itself (:class:`Losses`).

chDB leaves out the exception that ClickHouse throws when write(2) fails. On a full disk it acknowledges inserts, and commits merges, whose
files are empty or cut short; after an ALTER the definition of a table is empty, and the engine never starts again. (4.4; seen with
strace. Of the fills of a disk of 96 MB beside four writers every fourth spoiled a part.) It only counts them. So

- nothing is acknowledged on a disk that is nearly full before the counter was asked, and elsewhere it is asked every second;
- what writes definitions is refused where there is no room for one;
- an engine that lost a write ends. At its next start it finds by their sizes which parts are spoiled, sets them aside, and takes up again
  those that they were merged from: ClickHouse leaves them on the disk for eight minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from weftline.embedded.engine_sql import Refused, Statement
from weftline.embedded.room import free_mb
from weftline.errors import WeftlineError

#: Asking costs 2 ms, and an insert 4 to 20. A disk with more room than this is not full before a statement ends that began on it.
NEARLY_FULL_MB = 1024
#: As much as ClickHouse itself wants for an insert.
DEFINITION_MB = 1
LOOK_SECONDS = 1.0

COUNTED = "SELECT sum(value) FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'"

_DEFINES = frozenset(["ALTER", "ATTACH", "CREATE", "DETACH", "EXCHANGE", "RENAME", "REPLACE", "UNDROP"])


class Losses:
    """How many writes were lost on the disk of ``folder``, by the counter that ``ask`` reads, which blocks."""

    def __init__(self, folder: Path, ask: Callable[[], int]) -> None:
        self._folder, self._ask = folder, ask

    def require_room(self, statement: Statement) -> None:
        """Raise :class:`Refused` for a statement that would write a definition where there is no room for it."""
        if statement.word in _DEFINES and free_mb(self._folder) < DEFINITION_MB:
            raise Refused(
                243, "NOT_ENOUGH_SPACE", f"Cannot reserve {DEFINITION_MB} MiB, not enough space: {statement.word} is not run"
            )

    def confirm(self) -> None:
        """Raise :class:`Refused` unless what was written until now lies on the disk."""
        if free_mb(self._folder) < NEARLY_FULL_MB and (lost := self._ask()):
            raise Refused(243, "NOT_ENOUGH_SPACE", f"{lost} writes failed, the disk is full; the engine starts anew")

    async def seen(self) -> int:
        """Wait until a write was lost; how many there were."""
        while True:
            with contextlib.suppress(WeftlineError):  # an engine without memory for it is asked again
                if lost := await asyncio.to_thread(self._ask):
                    return lost
            await asyncio.sleep(LOOK_SECONDS)
