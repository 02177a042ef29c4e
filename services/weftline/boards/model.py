"""What a board is: panels, the question that each answers, and how its figure is defined. Values only; nothing here draws.

The same definitions make the Grafana boards (:mod:`.grafana`) and the built-in board (:mod:`.web`). Titles come in Chinese and English
from one place. SQL is written for ClickHouse's Grafana data source, with its macros; :mod:`.macros` expands them elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from weftline.pages.text import LANGUAGES, Language, Text, Tone, Unit

#: Text, units and tones are those of all pages; here they are part of what a board is written in.
__all__ = [
    "COLUMNS",
    "LANGUAGES",
    "Board",
    "Field",
    "Kind",
    "Kpi",
    "Language",
    "Link",
    "Panel",
    "Row",
    "Text",
    "Threshold",
    "Tone",
    "Unit",
    "Variable",
]

#: Width of every board, as in Grafana.
COLUMNS = 24


class Kind(StrEnum):
    """How a panel is drawn, and what its query has to give.

    STAT: one row, one column per figure. LINES, AREAS, STACK: ``time``, then a column per series; or ``time``, ``series`` (text),
    ``value``. BARS: a text, then a column per series. POINTS: ``time``, ``value``, ``low``, ``high``, ``not_detected``, ``what``.
    TABLE: any columns of :data:`.fields.FIELDS`.
    """

    STAT = "stat"
    LINES = "lines"
    AREAS = "areas"
    STACK = "stack"
    BARS = "bars"
    POINTS = "points"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Link:
    """A cell leads to another board, which is given the cell's value as ``variable``."""

    board: str
    variable: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column that panels may have: heading, unit, colour, the board that its cells lead to, and the words for its codes."""

    title: Text
    unit: Unit = Unit.NONE
    tone: Tone | None = None
    link: Link | None = None
    words: str | None = None
    """Name of an enumeration in :data:`.words.WORDS`."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure of ``at`` or more is shown in this tone, until the next threshold. The first threshold of a panel has no ``at``: it is for
    all figures below the second."""

    tone: Tone
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """How a figure is defined, so that two readers mean the same (numerator, denominator, time base, exclusions, owner)."""

    numerator: Text
    denominator: Text
    time_base: Text
    exclusions: Text
    owner: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """``id`` is unique within its board. Exactly one of ``sql`` and ``promql`` (legend to expression). ``width`` of :data:`COLUMNS`."""

    id: str
    title: Text
    question: Text
    kind: Kind
    sql: str = ""
    promql: Mapping[str, str] | None = None
    unit: Unit = Unit.COUNT
    thresholds: tuple[Threshold, ...] = ()
    kpi: Kpi | None = None
    width: int = 12
    height: int = 8
    horizontal: bool = False
    """Of BARS: categories below each other, for long names."""
    may_be_empty: bool = False
    """No rows are good news, or this depends on reference data."""


@dataclass(frozen=True, slots=True)
class Variable:
    """What a reader chooses. ``sql`` gives the values, and may ask for the variables that stand before it on its board.

    ``multi``: several, or all. Without ``multi`` the first value is chosen until the reader chooses; where there is none, whatever
    asks for it finds nothing and all else is shown.
    """

    name: str
    title: Text
    sql: str
    multi: bool = True
    free: bool = False
    """A link may lead to a value that is not among those on offer."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: Text
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """``id`` is the end of its Grafana uid and its path on the built-in board."""

    id: str
    title: Text
    question: Text
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    days: int = 7
    """Length of the time range that is shown first."""
    listed: bool = True
    """Not listed: reached by links from others, and no tab of its own."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)
