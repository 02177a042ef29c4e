"""Keeping the processors of a running stack still, for work that must not meet them (a restore).

Whoever wants that takes a lock in the stack's folder. The supervisor sees it, stops the processors, says in ``stack.json`` for whom, and
starts them again when the lock is let go, which the kernel does however its holder ends. For whom: what it said of one who was killed a
moment ago is no word for the next.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from weftline.embedded.locks import FileLock, Held
from weftline.embedded.stack_folder import find_running
from weftline.errors import UserError

#: A processor has 15 s to stop, and one that is just starting may take a minute before anybody looks.
SECONDS = 120.0
POLL_SECONDS = 0.1
#: Somebody who has the lock and has not yet written his number into it.
UNKNOWN = "unknown"


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / "hold.lock")


def holder(folder: Path) -> str:
    """The process that wants the processors to stand still; an empty string if nobody does."""
    try:
        with _lock(folder).acquire():
            return ""
    except Held as held:
        return held.owner or UNKNOWN
    except OSError:  # a full disk, on which the file cannot be made
        return ""


class Hold:
    """While it is entered, no processor of the stack on ``folder`` runs. Raises UserError if they do not stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = _lock(folder)

    def __enter__(self) -> Hold:
        self._lock.acquire(wait=True)
        try:
            deadline = time.monotonic() + SECONDS
            while not self._still():
                if find_running(self._folder) is None:
                    raise UserError(f"the stack on {self._folder} has ended; start it again with `weftline up`")
                if time.monotonic() > deadline:
                    raise UserError(
                        f"the processors of the stack on {self._folder} did not stop within {SECONDS:.0f} s; see its logs"
                    )
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _still(self) -> bool:
        try:
            return bool(json.loads((self._folder / "stack.json").read_text("utf-8")).get("held") == str(os.getpid()))
        except (OSError, ValueError):
            return False
