"""What a date without a time means: a day of the zone in which it was written. Times are ms since the epoch, UTC."""

from __future__ import annotations

from typing import Final

DAY: Final = 86_400_000
_MINUTE: Final = 60_000


def offset_minutes(offset: str) -> int:
    """Minutes east of UTC of an EPCIS eventTimeZoneOffset such as ``+08:00``."""
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return -minutes if offset[0] == "-" else minutes


def begins_a_day(time: int, offset: str) -> bool:
    """Whether it is midnight there."""
    return (time + offset_minutes(offset) * _MINUTE) % DAY == 0


def last_of_day(begin: int) -> int:
    """The last millisecond of the day that begins then."""
    return begin + DAY - 1
