"""One measured value against its limit, on a line: where the value lies, which side passes. Pure; positions are per cent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weftline.boards.web.points import is_beyond

_COUNT = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Strip:
    """``value``, ``low`` and ``high`` in the same unit; None: there is no such limit. Each with its place in per cent of the line."""

    value: float
    low: float | None
    high: float | None
    at: float
    low_at: float
    high_at: float

    @property
    def passes(self) -> bool:
        return not is_beyond(self.value, self.low, self.high)


def strip(value: float | None, low: float | None, high: float | None) -> Strip | None:
    """The line for a value, or None where there is no number or no limit. The value and the limits keep off the ends of the line."""
    if value is None or (low is None and high is None):
        return None
    known = [mark for mark in (value, low, high) if mark is not None]
    least, most = min(known), max(known)
    room = (most - least or abs(most) or 1.0) * 0.35
    # A line that begins at zero tells more than one that does not, where zero is near and nothing lies on it.
    begin = 0.0 if 0 < least <= (most - least) * 2 else least - room
    end = most + room

    def at(mark: float) -> float:
        return round((mark - begin) / (end - begin) * 100, 2)

    return Strip(value, low, high, at(value), 0.0 if low is None else at(low), 100.0 if high is None else at(high))


def of_count(value: str, limit: str) -> Strip | None:
    """The line of a lot: ``28 units`` against ``Ac 5`` (the acceptance number), as the evidence of lot alerts has them."""
    found, accepted = _COUNT.search(value), _COUNT.search(limit)
    if found is None or accepted is None:
        return None
    return strip(float(found[0]), None, float(accepted[0]))
