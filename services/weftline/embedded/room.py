"""Room on the disk of a stack. A full disk is nobody's fault and passes: it is waited out, and nothing that dies of it counts as broken.

Kafka ends itself when it cannot write, and would again at each start; so does ClickHouse, where it did not refuse an insert in time
(:mod:`.engine_losses`); processors wait for both.
"""

from __future__ import annotations

import os
from pathlib import Path

from weftline.errors import UserError

#: Below this nothing is started. Kafka and ClickHouse together write some 10 MB when they start, and then want to work.
ROOM_MB = 64


def free_mb(folder: Path) -> float:
    """MB that are free for us on the disk on which ``folder`` lies, or will."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize / (1 << 20)


def require(folder: Path) -> None:
    """Raise UserError if a stack cannot start on ``folder`` for want of room."""
    free = free_mb(folder)
    if free < ROOM_MB:
        raise UserError(
            f"the disk of {folder.absolute()} is full: {free:.0f} MB are free, a stack needs {ROOM_MB} MB to start; make room there, or "
            "choose another folder with --data"
        )
