"""The clock, as a parameter: deadlines pass by the wall clock, or by the simulated one of a demonstration."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from weftline.errors import UserError

#: Milliseconds since the epoch, UTC.
Clock = Callable[[], int]


class Stretch(NamedTuple):
    """From ``wall_start`` (ms) on, simulated time runs from ``simulated_start`` (ms), ``speed`` times as fast."""

    wall_start: int
    simulated_start: int
    speed: float


def system_clock() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def simulated_clock(stretches: Sequence[Stretch], wall_clock: Clock = system_clock) -> Clock:
    """A clock that keeps to the last stretch that has begun, until it meets the wall clock; it never runs backward.

    ``stretches`` in rising order of both times. Before the first one begins, the clock stands.
    """
    starts = [stretch.wall_start for stretch in stretches]

    def now() -> int:
        wall = wall_clock()
        at = bisect_right(starts, wall)
        begin = stretches[max(at - 1, 0)]
        simulated = begin.simulated_start + int(max(wall - begin.wall_start, 0) * begin.speed)
        if 0 < at < len(stretches):
            simulated = min(simulated, stretches[at].simulated_start)
        return min(wall, simulated)

    return now


def clock_of(setting: str | None) -> Clock:
    """From ``WEFTLINE_SIMULATED_CLOCK``: nothing, or ``wall_start,simulated_start,speed`` (ms, ms, factor); several by ``;``."""
    if not setting:
        return system_clock
    stretches = []
    try:
        for part in setting.split(";"):
            wall_start, simulated_start, speed = part.split(",")
            stretches.append(Stretch(int(wall_start), int(simulated_start), float(speed)))
    except ValueError:
        stretches = []
    rising = all(a.wall_start <= b.wall_start and a.simulated_start <= b.simulated_start for a, b in pairwise(stretches))
    if not stretches or not rising or any(stretch.speed < 0 for stretch in stretches):
        raise UserError(
            f"WEFTLINE_SIMULATED_CLOCK wants wall_start_ms,simulated_start_ms,speed, several of them by ';' in rising order, "
            f"got {setting[:200]!r}"
        )
    return simulated_clock(stretches)
