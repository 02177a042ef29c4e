"""Reference data out of a table: a workbook with a sheet for each list, or a CSV file of one.

The first row that is not empty has the keys of :class:`~weftline.contracts.reference_file.ReferenceFile`; ``capacity/digital printer`` is
one resource of ``capacity``. The cells become the nodes that YAML would have made, so that the same model checks them and the same words
say what is wrong, with row and column in place of the line. A cell of CSV is text, and one that is read as text stays it: 0204 is an id.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from weftline.contracts.reference import EXAMPLE, Reference, said_by
from weftline.contracts.reference_file import ReferenceFile
from weftline.contracts.rules import nearest
from weftline.contracts.yaml_reading import Told, check, told_at_once
from weftline.errors import UserError
from weftline.files.cells import Cell, Table, is_nothing, letters, plain_text
from weftline.files.reading import WORKBOOKS, open_table

#: Keys by which a publisher speaks for others are lists, and a file of keys is no sheet that is passed around.
LISTS: Final = tuple(part for part in ReferenceFile.OWN if part != "publishers")
SUFFIXES: Final = (*WORKBOOKS, ".csv", ".tsv", ".txt")
_MAP, _SEQUENCE, _TEXT = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"
#: Values that are no text; all others are read as they are shown.
_VALUES: Final = frozenset({"valid_from", "live_from", "rounds_per_day"})
_WITHIN: Final = "capacity/"
_RESOLVER: Final[Any] = yaml.SafeLoader("").resolve


def read_tables(path: Path, part: str | None = None) -> Reference:
    """The entries of a workbook, or of a CSV file of the list ``part`` (None: the file is called after it).

    Raises :class:`UserError` that lists every fault with its row and column.
    """
    found = []
    for name, table in _tables(path, part):
        found.append((name, table.name, _list(table)))
        if table.faults:
            raise UserError(told_at_once(table.name, map(str, table.faults), ""))
    nowhere = yaml.Mark(str(path), 0, 0, 0, None, 0)
    root = MappingNode(_MAP, [(_text(name, nowhere), entries) for name, _, entries in found], nowhere)
    reference, faults = check(root, ReferenceFile)
    if reference is None or faults:
        raise UserError(told_at_once(str(path), map(_line, sorted(faults)), f"{EXAMPLE} shows what each list says"))
    return said_by(reference)


def _line(fault: Told) -> str:
    place = fault.place
    where = f"row {place.line}, column {letters(place.column - 1)}: " if place.line > 1 else ""
    return f"{where}{place.words}: {fault.problem}" if place.words else f"{where}{fault.problem}"


def _tables(path: Path, part: str | None) -> Iterator[tuple[str, Table]]:
    if path.suffix.lower() not in WORKBOOKS:
        name = part or path.stem
        if name not in LISTS:
            raise UserError(
                f"{path}: which list is it? Call the file {', '.join(f'{each}.csv' for each in LISTS)}, or say --list NAME"
                f"{nearest(name, LISTS)}"
            )
        yield name, open_table(path)
        return
    if part is not None:
        raise UserError(f"{path}: --list is for CSV; of a workbook each sheet is called after its list: {', '.join(LISTS)}")
    from weftline.files.workbooks import sheets

    names = sheets(path)
    if not set(names) & set(LISTS):
        raise UserError(f"{path}: has no sheet that is called after a list; call them {', '.join(LISTS)}")
    # A sheet of notes may stand beside; one that nearly has the name of a list would be passed over in silence.
    for name in names:
        if name in LISTS:
            yield name, open_table(path, sheet=name)
        elif near := difflib.get_close_matches(name.lower(), LISTS, n=1, cutoff=0.75):
            raise UserError(f"{path}: the sheet {name} is called after no list (did you mean {near[0]}?)")


def _list(table: Table) -> SequenceNode:
    """The rows as entries; one that is empty is none."""
    header: list[str] | None = None
    entries: list[Node] = []
    for number, cells in table.rows():
        if is_nothing(cells):
            continue
        if header is None:
            header = [plain_text(cell) for cell in cells]
        else:
            entries.append(_entry(number, header, cells))
    return SequenceNode(_SEQUENCE, entries, _mark(0, 0))


def _entry(number: int, header: Sequence[str], cells: Sequence[Cell]) -> MappingNode:
    pairs: list[tuple[Node, Node]] = []
    resources: list[tuple[Node, Node]] = []
    for column, cell in enumerate(cells):
        name = header[column] if column < len(header) else ""
        text = plain_text(cell)
        if not text:
            continue
        mark = _mark(number, column)
        if name.startswith(_WITHIN):
            resources.append((_text(name.removeprefix(_WITHIN).strip(), mark), _value(cell, mark)))
        else:
            key = name or f"(column {letters(column)}, which has no name)"
            pairs.append((_text(key, mark), _value(cell, mark) if name in _VALUES else _text(text, mark)))
    if resources:
        pairs.append((_text("capacity", resources[0][0].start_mark), MappingNode(_MAP, resources, resources[0][0].start_mark)))
    return MappingNode(_MAP, pairs, _mark(number, 0))


def _value(cell: Cell, mark: yaml.Mark) -> ScalarNode:
    """A day, a time or a number, as YAML would read what the cell shows."""
    if isinstance(cell, datetime) and cell.time() == time():
        cell = cell.date()
    text = cell.isoformat() if isinstance(cell, date) else plain_text(cell)
    return ScalarNode(_RESOLVER(ScalarNode, text, (True, False)), text, mark)


def _text(text: str, mark: yaml.Mark) -> ScalarNode:
    return ScalarNode(_TEXT, text, mark)


def _mark(row: int, column: int) -> yaml.Mark:
    return yaml.Mark("", 0, max(0, row - 1), column, None, 0)
