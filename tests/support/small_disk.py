"""A disk that one can fill: :func:`small_disk` makes it, :func:`filled` leaves no byte on it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, mb: int) -> Iterator[Path | str]:
    """A file system of so many MB at ``folder``, which exists; where this machine lets us mount none, why that is."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mb}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        yield f"a small file system cannot be mounted here ({reason})"
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(*disks: Path, left: int = 0) -> Iterator[Callable[[], None]]:
    """Not a byte is left on any of these, or so many at most; gives what fills them again."""
    ballasts = [disk / "ballast" for disk in disks]

    def fill() -> None:
        for ballast in ballasts:
            for size in (1 << 20, 512):
                with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
            os.truncate(ballast, max(0, ballast.stat().st_size - left))

    try:
        fill()
        yield fill
    finally:
        for ballast in ballasts:
            ballast.unlink(missing_ok=True)
