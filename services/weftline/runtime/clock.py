"""The clock, as a parameter: deadlines pass by ClickHouse's clock, or by the simulated one of a demonstration.

Not by the clock of the machine on which a processor happens to run. One that ran three days ahead would call everything overdue and
told late, and another that ran behind would have noticed no deadline; several workers of one group would have judged by several
clocks. ClickHouse's is the one that all of them see.
"""

from __future__ import annotations

import math
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


class ServerClock:
    """ClickHouse's clock: its last reading, carried on by this machine's monotonic clock, which nobody sets.

    A processor reads it when it starts and at every sweep. ``local`` is the clock that is compared with it, ``monotonic`` in seconds.
    """

    def __init__(self, local: Clock = system_clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._local = local
        self._monotonic = monotonic
        self._read: tuple[int, float] | None = None  # the server's time in ms, and the monotonic moment to which it belongs
        self._skews = {"worker": math.nan, "kafka": math.nan}

    def asking(self) -> float:
        """The moment before the server is asked; for :meth:`read`."""
        return self._monotonic()

    def read(self, server: int, asked: float) -> None:
        """The server said ``server`` (ms) after it was asked at ``asked``. Taken for the time in the middle between question and
        answer: wrong by half of the time that this took, at most."""
        answered = self._monotonic()
        middle = (asked + answered) / 2
        self._read = (server, middle)
        self._skews["worker"] = (self._local() - int((answered - middle) * 1000) - server) / 1000

    def __call__(self) -> int:
        """The server's time now (ms)."""
        if self._read is None:
            raise RuntimeError("the server's clock was not read yet")
        server, middle = self._read
        return server + int((self._monotonic() - middle) * 1000)

    def stamped(self, broker: int, sent: int) -> None:
        """The broker wrote down ``broker`` (ms) for a record that was sent at ``sent`` by this clock and is acknowledged now."""
        self._skews["kafka"] = (broker - (sent + self()) / 2) / 1000

    def skew(self, of: str) -> float:
        """By how many seconds the clock of the ``worker`` or of ``kafka`` is ahead of ClickHouse's; NaN if nobody knows yet."""
        return self._skews[of]


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


def clock_of(setting: str | None, wall_clock: Clock) -> Clock:
    """From ``WEFTLINE_SIMULATED_CLOCK``: nothing, or ``wall_start,simulated_start,speed`` (ms, ms, factor); several by ``;``.

    ``wall_clock`` is the one by which either runs: the server's.
    """
    if not setting:
        return wall_clock
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
    return simulated_clock(stretches, wall_clock)
