"""Where the panels of a board stand: they flow from left to right in :data:`.model.COLUMNS` columns, under the heading of their row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weftline.boards.model import COLUMNS, Board, Panel, Row


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of grid cells; ``x`` grows to the right, ``y`` downwards, both from 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def overlaps(self, other: Place) -> bool:
        return self.x < other.x + other.width and other.x < self.x + self.width and self.y < other.bottom and other.y < self.bottom


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row, the place of its heading, and its panels with theirs."""

    row: Row
    heading: Place
    panels: tuple[tuple[Panel, Place], ...]


def lay_out(board: Board) -> tuple[PlacedRow, ...]:
    """The board's rows one below the other."""
    rows: list[PlacedRow] = []
    top = 0
    for row in board.rows:
        heading = Place(0, top, COLUMNS, 1)
        places = flow(((panel.width, panel.height) for panel in row.panels), heading.bottom)
        rows.append(PlacedRow(row, heading, tuple(zip(row.panels, places, strict=True))))
        top = max((place.bottom for place in places), default=heading.bottom)
    return tuple(rows)


def flow(sizes: Iterable[tuple[int, int]], top: int = 0) -> tuple[Place, ...]:
    """Places for rectangles of (width, height), in their order; a line is as high as the highest in it. A width is 1 to COLUMNS."""
    places: list[Place] = []
    x = height = 0
    for width, tall in sizes:
        if not 1 <= width <= COLUMNS or tall < 1:
            raise ValueError(f"a panel is 1 to {COLUMNS} columns wide and at least 1 high, got {width} by {tall}")
        if x + width > COLUMNS:
            top, x, height = top + height, 0, 0
        places.append(Place(x, top, width, tall))
        x, height = x + width, max(height, tall)
    return tuple(places)
