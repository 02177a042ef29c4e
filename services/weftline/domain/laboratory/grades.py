"""Ordinal grades: steps on a scale, never strings and never ranges.

``3-4`` is one grade that lies between 3 and 4. A grade is kept as its number of half steps (``3`` is 6, ``3-4`` is 7), so that
grades compare as integers. Two scales are in use:

- the grey scales for change of colour and for staining: nine grades, 5 > 4-5 > 4 > 3-4 > 3 > 2-3 > 2 > 1-2 > 1 (ISO 105-A02,
  ISO 105-A03; in China GB/T 250, GB/T 251); pilling and soaping are graded in the same nine steps;
- the blue wool scale for fastness to light: 1 to 8, 8 the best, likewise with half steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Scale(StrEnum):
    """Which grades exist."""

    GREY = "grey"
    BLUE_WOOL = "blue_wool"


def _scale(best: int) -> Mapping[str, int]:
    whole = {str(grade): 2 * grade for grade in range(1, best + 1)}
    halves = {f"{grade}-{grade + 1}": 2 * grade + 1 for grade in range(1, best)}
    return MappingProxyType(dict(sorted((whole | halves).items(), key=lambda item: item[1])))


# Grade to half steps, worst grade first. Looked up directly on the hot path.
HALF_STEPS: Mapping[Scale, Mapping[str, int]] = MappingProxyType({Scale.GREY: _scale(5), Scale.BLUE_WOOL: _scale(8)})


def half_steps(grade: str, scale: Scale = Scale.GREY) -> int | None:
    """``grade`` as half steps, twice its number; None if the scale has no such grade."""
    return HALF_STEPS[scale].get(grade)


def grade_text(steps: int) -> str:
    """The grade of ``steps`` half steps as it is written: 7 is ``3-4``."""
    whole, half = divmod(steps, 2)
    return f"{whole}-{whole + 1}" if half else str(whole)
