"""The master tables of single sampling: as they are printed, and what is left when the arrows are followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from weftline.domain.vocabulary import Severity

#: The severities that have a table.
TABLES: Final = (Severity.NORMAL, Severity.TIGHTENED)
#: The arrows of a table, as steps from row to row.
ARROWS: Final = {"up": -1, "down": 1}

#: A letter and an AQL.
Place = tuple[str, Decimal]
#: A number, or an arrow.
Printed = int | str


class TableError(ValueError):
    """A table from which a plan cannot be derived."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of a master table after its arrows were followed: draw ``sample_size`` units."""

    letter: str
    sample_size: int
    accept: int

    @property
    def reject(self) -> int:
        """Re; in normal and tightened single sampling always Ac + 1."""
        return self.accept + 1


@dataclass(frozen=True, slots=True)
class MasterTable:
    """A table as it is printed. Along a diagonal (one letter down, one AQL step to the left) every cell is the same.

    ``diagonal``: the cells from the one with Ac 0 on, whose place is ``zero_at``; all before it is ``before``, all after it ``after``.
    ``beyond`` goes on with it for ``beyond_letters`` only. ``cells``: places where the printed table leaves the diagonal.
    """

    zero_at: Place
    before: Printed
    diagonal: tuple[Printed, ...]
    after: Printed
    beyond_letters: frozenset[str]
    beyond: tuple[int, ...]
    cells: Mapping[Place, Printed]


def resolve(table: MasterTable, rows: Mapping[str, int], extra: Mapping[str, int], steps: Sequence[Decimal]) -> dict[Place, Cell]:
    """The plan to which the arrows lead, for every letter of ``rows`` and every AQL. ``rows`` and ``extra``: sample sizes by letter, in
    order; to a row of ``extra`` only an arrow leads. Raises :class:`TableError` where the arrows lead out of the table."""
    printed = _Grid(table, rows, extra, steps)
    return {(letter, aql): printed.resolve(letter, aql) for letter in rows for aql in steps}


class _Grid:
    """One master table, cell by cell."""

    def __init__(self, table: MasterTable, rows: Mapping[str, int], extra: Mapping[str, int], steps: Sequence[Decimal]) -> None:
        self._table = table
        self._rows = [*rows.items(), *extra.items()]
        self._on_diagonals = len(rows)
        self._row_of = {letter: row for row, (letter, _) in enumerate(self._rows)}
        self._column_of = {step: column for column, step in enumerate(steps)}
        self._longer = (*table.diagonal, *table.beyond)
        self._first = sum(self._place(table.zero_at))
        self._exceptions = {self._place(place): cell for place, cell in table.cells.items()}

    def resolve(self, letter: str, aql: Decimal) -> Cell:
        """The plan to which the arrows lead from a letter's row."""
        row, column = self._place((letter, aql))
        cell = self._cell(row, column)
        direction = ARROWS.get(cell, 0) if isinstance(cell, str) else 0
        while isinstance(cell, str):
            row += direction
            if not 0 <= row < len(self._rows):
                raise TableError(f"from letter {letter} at AQL {aql} the arrows lead out of the table")
            cell = self._cell(row, column)
        return Cell(*self._rows[row], cell)

    def _cell(self, row: int, column: int) -> Printed:
        if (row, column) in self._exceptions:
            return self._exceptions[row, column]
        if row >= self._on_diagonals:
            return (
                self._table.after
            )  # an extra row has the cells that are listed and no others: the arrow leads on, out of the table
        place = row + column - self._first
        if place < 0:
            return self._table.before
        cells = self._longer if self._rows[row][0] in self._table.beyond_letters else self._table.diagonal
        return cells[place] if place < len(cells) else self._table.after

    def _place(self, place: Place) -> tuple[int, int]:
        return self._row_of[place[0]], self._column_of[place[1]]
