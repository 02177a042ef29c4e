"""Cells, how they are called, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple, TypeAlias

from weftline.domain.laboratory.spelling import key
from weftline.errors import UserError, WeftlineError

Cell: TypeAlias = str | float | int | bool | datetime | date | time | timedelta | None
"""What a cell holds. Of CSV it is text; of a workbook what the program that wrote it made of it. An empty one is None or ``""``."""

SHOWN_FAULTS: Final = 50
"""So many faults are listed at once: a column that is mapped wrongly has one in each of its thousands of rows."""

_NO_VALUE: Final = frozenset(("", "/", "//", "\\"))


Rows: TypeAlias = Iterator[tuple[int, Sequence[Cell]]]
"""Rows with their numbers, from 1."""


class CellError(WeftlineError):
    """What is wrong with the content of a cell, in a sentence that says what to do."""


class Place(NamedTuple):
    """A cell, or where ``column`` is None a whole row. ``row`` counts from 1 as a spreadsheet does, ``column`` from 0."""

    row: int
    column: int | None = None

    def __str__(self) -> str:
        return f"row {self.row}" if self.column is None else f"{letters(self.column)}{self.row}"


class CellFault(NamedTuple):
    """What is wrong with a row, and where. ``header``: what the column is called in the file."""

    place: Place
    problem: str
    header: str = ""

    def __str__(self) -> str:
        return f"{self.place}{f' ({self.header})' if self.header else ''}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet, or a CSV file. ``rows()`` gives (number, cells) from the first row on, each time anew; empty rows are counted, and given.

    ``name``: file and sheet, for messages. ``total``: rows, where the file says it. ``notes``: what is odd about it and harms nothing;
    ``faults``: cells that cannot be read at all.
    """

    name: str
    rows: Callable[[], Rows]
    total: int | None = None
    notes: tuple[str, ...] = ()
    faults: tuple[CellFault, ...] = field(default=())


class FaultyRows(UserError):
    """Rows are wrong, and therefore nothing was sent; ``faults``: the first of what is wrong."""

    def __init__(self, text: str, faults: Sequence[CellFault]) -> None:
        super().__init__(text)
        self.faults = tuple(faults)


@dataclass(slots=True)
class Faults:
    """All that is wrong with a table: the first are kept, all are counted, and so are the rows that have any."""

    kept: list[CellFault] = field(default_factory=list)
    count: int = 0
    rows: set[int] = field(default_factory=set)

    def add(self, fault: CellFault) -> None:
        self.count += 1
        self.rows.add(fault.place.row)
        if len(self.kept) < SHOWN_FAULTS:
            self.kept.append(fault)

    def told(self, name: str, then: str) -> FaultyRows:
        """All of them as one error; ``name``: file and sheet, ``then``: what to do."""
        more = self.count - len(self.kept)
        lines = [f"{name}: {_count(self.count, 'fault')} in {_count(len(self.rows), 'row')}; {then}", *map(str, self.kept)]
        return FaultyRows("\n  ".join([*lines, f"and {more:,} more"] if more else lines), self.kept)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def letters(column: int) -> str:
    """A column (from 0) as spreadsheets call it: A … Z, AA …"""
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def column_of(name: str) -> int | None:
    """The column (from 0) of such letters; None if they are none that a spreadsheet has (A to XFD)."""
    if not (name.isascii() and name.isalpha() and len(name) <= 3):
        return None
    found = 0
    for letter in name.upper():
        found = found * 26 + ord(letter) - 64
    return found - 1 if found <= 16_384 else None


def is_blank(cell: Cell) -> bool:
    """Whether a cell says nothing: it is empty, or has nothing but white space, dashes or a slash."""
    if not isinstance(cell, str):
        return cell is None
    if cell[:1].isalnum():  # most are, and the rest takes 3 µs
        return False
    return not cell.strip() or (len(cell) < 10 and key(cell) in _NO_VALUE)


def plain_text(cell: Cell) -> str:
    """What a cell reads, without the white space around it; for headers, messages and comparisons."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()


def is_nothing(cells: Sequence[Cell]) -> bool:
    """Whether all of a row's cells are empty."""
    return all(cell is None or cell == "" or (isinstance(cell, str) and not cell.strip()) for cell in cells)
