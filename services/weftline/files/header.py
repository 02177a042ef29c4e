"""Where a table begins: titles stand above it, its header may take several lines, and the columns stand in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from weftline.contracts.rules import nearest, shown
from weftline.domain.laboratory.spelling import key
from weftline.errors import UserError
from weftline.files.cells import Cell, Table, column_of, is_nothing, letters, plain_text
from weftline.files.mapping_file import BY_LETTERS, MappingFile

SEARCHED_ROWS: Final = 50
"""A header stands at the top; what is found below would be data that look like one."""

BETWEEN: Final = "/"
"""Joins the lines of a header: 耐水色牢度/变色."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table. ``row``: its last line, from 1, 0 where there is none; ``names``: by column, empty where there is none.

    ``columns``: name in the mapping → column.
    """

    row: int
    names: tuple[str, ...]
    columns: Mapping[str, int]

    def unused(self) -> list[str]:
        """What the file calls the columns that the mapping does not name."""
        taken = set(self.columns.values())
        return [name for column, name in enumerate(self.names) if name and column not in taken]


def find_header(table: Table, mapping: MappingFile) -> Header:
    """The header that has what the mapping names. :class:`UserError` says what is missing, and what the nearest row reads."""
    wanted = [name for name, column in mapping.columns.items() if not column.optional and not name.startswith(BY_LETTERS)]
    lettered = {
        name: column for name in mapping.columns if (column := column_of(name[1:])) is not None and name.startswith(BY_LETTERS)
    }
    lines = mapping.header_lines
    if not wanted and mapping.header_row is None:
        return Header(0, (), lettered)
    best: tuple[int, int, tuple[str, ...]] = (-1, 0, ())
    for first, names in _candidates(table, lines, mapping.header_row):
        keys = Counter(map(key, names))
        found = sum(1 for name in wanted if keys[key(name)])
        if found == len(wanted):
            return Header(first + lines - 1, names, lettered | _placed(table, mapping, names))
        if found > best[0]:
            best = (found, first, names)
    raise UserError(_lacking(table, wanted, best))


def header_names(rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """The names of the columns under a header of several lines.

    A blank cell of an upper line belongs to its left neighbour, as where cells are merged, if both have a name below; the name of a column
    that has one line only is that.
    """
    width = max(map(len, rows), default=0)
    lines = [[plain_text(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    for place, line in enumerate(lines[:-1]):
        for column in range(1, width):
            if not line[column] and lines[place + 1][column] and lines[place + 1][column - 1]:
                line[column] = line[column - 1]
    return tuple(
        BETWEEN.join(dict.fromkeys(" ".join(line[column].split()) for line in lines if line[column])) for column in range(width)
    )


def _candidates(table: Table, lines: int, row: int | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(row of the first line, names) of what may be the header."""
    last = (SEARCHED_ROWS if row is None else row) + lines - 1
    top = [cells for _, cells in islice(table.rows(), last)]
    for first in range(1, len(top) - lines + 2) if row is None else (row,):
        if 0 < first <= len(top) - lines + 1 and not is_nothing(top[first - 1]):
            yield first, header_names(top[first - 1 : first - 1 + lines])


def _placed(table: Table, mapping: MappingFile, names: Sequence[str]) -> dict[str, int]:
    by_key: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        by_key.setdefault(key(name), []).append(column)
    placed = {}
    for name in mapping.columns:
        columns = [] if name.startswith(BY_LETTERS) else by_key.get(key(name), [])
        if len(columns) > 1:
            where = " and ".join(map(letters, columns))
            raise UserError(
                f"{table.name}: {name} heads the columns {where}; name the one that is meant by its letter, as "
                f"{BY_LETTERS}{letters(columns[0])}, or set header_lines if a line above tells them apart"
            )
        if columns:
            placed[name] = columns[0]
    return placed


def _lacking(table: Table, wanted: Sequence[str], best: tuple[int, int, tuple[str, ...]]) -> str:
    found, row, names = best
    if found < 0:
        return f"{table.name}: has no row where the header should be; set header_row in the mapping to the row in which it begins"
    there = {key(name) for name in names}
    missing = [f"{name}{nearest(name, filter(None, names))}" for name in wanted if key(name) not in there]
    read = ", ".join(filter(None, names))
    return (
        f"{table.name}: no row has all headers of the mapping; nearest comes row {row}, which lacks {', '.join(missing)} (it reads "
        f"{shown(read)[1:-1]}). Change the names in the mapping, mark a column as `optional: true`, or set header_row"
    )
