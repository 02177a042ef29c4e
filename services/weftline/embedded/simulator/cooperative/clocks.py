"""Dates of rectification as the simulator knows them: end of the day, days counted from the next one; and years of the fund.

Written down a second time on purpose, as all of :mod:`.knowledge`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from weftline.embedded.simulator.workdays import DAY, HOUR, midnight


class Clock(NamedTuple):
    """A failure and what became of it: from when dates count, by when it is to be put right, and what was done."""

    case_id: str
    by_authority: bool
    level: str
    failed: int
    rectify_by: int
    reinspect_by: int
    reported: int | None
    retested: tuple[tuple[int, bool], ...]
    accepted: bool
    safety: bool
    slight: bool
    second_from: int | None = None
    second_by: int | None = None

    @property
    def stage(self) -> str:
        """What it waits for, or how it ended."""
        results = [passed for _, passed in self.retested]
        if results and results[-1]:
            return "PASSED"
        if results:
            return "FAILED" if len(results) > 1 else "SECOND_ROUND"
        return "REINSPECT" if self.accepted else "ACCEPT" if self.reported is not None else "RECTIFY"

    @property
    def closed(self) -> int | None:
        """When it ended."""
        return self.retested[-1][0] if self.stage in ("PASSED", "FAILED") else None

    @property
    def missed(self) -> list[tuple[int, int | None]]:
        """Of every day that passed, or is to pass, in vain: from when it was late, and until when."""
        first, second = [*(time for time, _ in self.retested[:2]), None, None][:2]
        rectified = self.reported if self.reported is not None else first
        waits = [(self.rectify_by, rectified), (self.reinspect_by, first)]
        if self.second_by is not None:
            waits.append((self.second_by, second))
        return [(by + 1, done) for by, done in waits if done is None or done > by]

    def overdue(self, at: int) -> bool:
        """Whether it waits in vain then."""
        return any(since <= at and (until is None or at < until) for since, until in self.missed)

    def overdue_since(self, at: int) -> int | None:
        """Since when, without a break, it does."""
        since = [begin for begin, until in self.missed if begin <= at and (until is None or at < until)]
        return min(since, default=None)

    def was_late(self, at: int) -> bool:
        """Whether it ever had to be waited for in vain."""
        return any(since <= at for since, _ in self.missed)


def end_of(time: int, days: int) -> int:
    """The last millisecond of the day so many days after that of ``time``, which is not counted."""
    return midnight(time) + (days + 1) * DAY - 1


def year_of(time: int) -> int:
    """The calendar year there."""
    return datetime.fromtimestamp((time + 8 * HOUR) / 1000, UTC).year


def begin_of(year: int) -> int:
    """When a calendar year begins there."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 - 8 * HOUR
