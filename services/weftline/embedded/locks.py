"""A lock on a folder or a piece of work, held by one process and let go by the kernel when that process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

#: Whoever only looks whether a lock is held has it for some microseconds: a start that met one of them would fail.
LOOKED_AT_SECONDS = 0.5


class Held(Exception):
    """Somebody else holds the lock; ``owner`` is what they wrote into it (a process id), or an empty string."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(f"{path} is held by process {owner or 'unknown'}")
        self.owner = owner


class FileLock:
    """An exclusive ``flock`` on ``path``; the file stays, since removing it would let two processes lock two files of one name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool = False, patience: float = 0.0) -> FileLock:
        """Take the lock, or raise :class:`Held`; with ``wait`` stand in line instead.

        ``patience``: seconds for which to try again, where others take it for a moment to see whether anybody holds it.
        """
        until = time.monotonic() + patience
        while True:
            try:
                return self._take(wait=wait)
            except Held:
                if time.monotonic() >= until:
                    raise
            time.sleep(0.02)

    def _take(self, *, wait: bool) -> FileLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise Held(self._path, owner) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        return self if self._descriptor is not None else self.acquire(wait=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
