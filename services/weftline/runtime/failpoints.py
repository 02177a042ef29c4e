"""Named points between the steps of a processor at which it can be made to die, to fail or to wait. Off unless switched on.

A crash at a chosen place needs no luck this way. Tests switch a hook on (:func:`hooked`), which is awaited at every point and may
raise or suspend. For a whole program, ``WEFTLINE_FAILPOINTS=facts=3,published=1`` kills it as by SIGKILL when it comes to the point
``facts`` for the third time, or to ``published`` for the first. ``WEFTLINE_DIES_OF=text`` kills it whenever it steps a record whose
value contains the text.

Off, a point costs about 80 ns; a step and its settle pass a dozen of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager

from weftline.errors import UserError

#: What has just been done when the point is reached: dead letters published (their table not yet written) · records stored · folded ·
#: alerts stored · alerts published · facts stored · alerts marked as published · rollups refreshed by minute, hour · one table of
#: state stored.
POINTS = ("buried", "records", "folded", "alerts", "published", "facts", "marked", "minute", "hour", "state")

Hook = Callable[[str], Awaitable[None]]


async def reach(point: str) -> None:
    """Nothing, unless a hook is switched on."""
    if _hook is not None:
        await _hook(point)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Await ``hook(point)`` at every point of this process; what it raises, the caller of the point raises."""
    global _hook
    before, _hook = _hook, hook
    try:
        yield
    finally:
        _hook = before


def meet(values: Iterable[bytes | None]) -> None:
    """Nothing, unless one of these values is one to die of."""
    if _dies_of and any(_dies_of in (value or b"") for value in values):
        os.kill(os.getpid(), signal.SIGKILL)


def deadly(text: str) -> Hook | None:
    """The hook for a value of ``WEFTLINE_FAILPOINTS``; none for an empty one."""
    if not text:
        return None
    fatal: dict[str, int] = {}
    for part in text.split(","):
        point, _, times = part.strip().partition("=")
        if point not in POINTS or not times.isdecimal() or int(times) < 1:
            raise UserError(f"WEFTLINE_FAILPOINTS: {part!r} is not point=times, with a point out of {', '.join(POINTS)}")
        fatal[point] = int(times)
    reached: Counter[str] = Counter()

    async def die(point: str) -> None:
        reached[point] += 1
        if reached[point] == fatal.get(point):
            os.kill(os.getpid(), signal.SIGKILL)

    return die


_dies_of = os.environ.get("WEFTLINE_DIES_OF", "").encode()
_hook: Hook | None = deadly(os.environ.get("WEFTLINE_FAILPOINTS", ""))
