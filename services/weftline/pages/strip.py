"""Measured values against their limits, on a line: where a value lies, which side passes. Pure; positions are per cent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_COUNT = re.compile(r"\d+")


def is_beyond(value: float, low: float | None, high: float | None) -> bool:
    """Whether a value is outside of its limits; a value on the limit keeps it."""
    return (low is not None and value < low) or (high is not None and value > high)


@dataclass(frozen=True, slots=True)
class Measure:
    """``value``, ``low`` and ``high`` in the same unit; None: there is no such limit."""

    value: float
    low: float | None
    high: float | None

    @property
    def passes(self) -> bool:
        return not is_beyond(self.value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Line:
    """From ``begin`` to ``end``, in the unit of what lies on it."""

    begin: float
    end: float

    def at(self, mark: float) -> float:
        return round((mark - self.begin) / (self.end - self.begin) * 100, 2)

    def passing(self, on: Measure) -> tuple[float, float]:
        """From where to where a value passes."""
        return 0.0 if on.low is None else self.at(on.low), 100.0 if on.high is None else self.at(on.high)


def measure(value: float | None, low: float | None, high: float | None) -> Measure | None:
    """A value and its limits, or None where there is no number or no limit."""
    return None if value is None or (low is None and high is None) else Measure(value, low, high)


def of_count(value: str, limit: str) -> Measure | None:
    """What was found in a lot: ``28 units`` against ``Ac 5`` (the acceptance number), as the evidence of lot alerts has them."""
    found, accepted = _COUNT.search(value), _COUNT.search(limit)
    return None if found is None or accepted is None else Measure(float(found[0]), None, float(accepted[0]))


def line_of(several: Sequence[Measure]) -> Line:
    """One line for all: values and limits keep off its ends."""
    known = [mark for one in several for mark in (one.value, one.low, one.high) if mark is not None] or [0.0]
    least, most = min(known), max(known)
    room = (most - least or abs(most) or 1.0) * 0.35
    # A line that begins at zero tells more than one that does not, where zero is near and nothing lies on it.
    return Line(0.0 if 0 < least <= (most - least) * 2 else least - room, most + room)
