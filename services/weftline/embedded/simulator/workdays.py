"""Working hours: the clock by which centers, laboratories and inspectors move.

Everybody works Monday to Saturday, 08:00 to 18:00 local time (UTC+8). A duration of work is counted on a clock that runs only then,
so that "nine hours of sewing" ends on the next morning when it was begun in the afternoon. Both directions are plain arithmetic.
"""

from __future__ import annotations

from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
UTC_OFFSET: Final = "+08:00"
_OFFSET_MS: Final = 8 * HOUR
_OPENS: Final = 8 * HOUR
WORKDAY: Final = 10 * HOUR
_DAYS: Final = 6
WORKWEEK: Final = _DAYS * WORKDAY
# 1970-01-01 was a Thursday; weeks are counted from the Monday before.
_TO_MONDAY: Final = 3 * DAY + _OFFSET_MS


def worked(time: int) -> int:
    """Working milliseconds up to ``time`` (ms, UTC) since the Monday before the epoch."""
    week, rest = divmod(time + _TO_MONDAY, 7 * DAY)
    day, of_day = divmod(rest, DAY)
    if day >= _DAYS:
        return (week + 1) * WORKWEEK
    return week * WORKWEEK + day * WORKDAY + min(max(of_day - _OPENS, 0), WORKDAY)


def clock(work: int) -> int:
    """The time (ms, UTC) at which ``work`` milliseconds have been worked; the first such moment of a working day."""
    week, rest = divmod(work, WORKWEEK)
    day, of_day = divmod(rest, WORKDAY)
    return week * 7 * DAY + day * DAY + _OPENS + of_day - _TO_MONDAY


def later(time: int, work: float) -> int:
    """The time after ``work`` more working milliseconds."""
    return clock(worked(time) + int(work))


def midnight(time: int) -> int:
    """Local midnight that begins the day of ``time``, in UTC."""
    return time - (time + _OFFSET_MS) % DAY


def month(time: int) -> int:
    """Month 0–11 in the rough: seasons do not mind a day or two."""
    return int((time + _OFFSET_MS) / DAY % 365.2425 / 30.436875)
