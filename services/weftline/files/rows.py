"""What a row of a table says: fields of ours, and measurements, or that it says nothing. Each cell at fault is told by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from weftline.contracts.rules import nearest, shown
from weftline.domain.laboratory.spelling import key
from weftline.files.cells import Cell, CellError, CellFault, Faults, Place, is_blank, is_nothing, plain_text
from weftline.files.columns import Layout, Placed
from weftline.files.fields import CLOCK, Sort, measurement_fields
from weftline.files.results import is_not_measured, result_of
from weftline.files.values import grade, moment, offset_of, said, text, value_of

#: A table says the same words in thousands of rows, and a key takes 3 µs.
_key = lru_cache(65_536)(key)
_OF_A_COLUMN = ("component", "method", "unit", "detection_limit", "labelled_value")


class Measured(NamedTuple):
    """One measurement, and the column that has its result."""

    at: int | None
    fields: dict[str, Any]


class Part(NamedTuple):
    """What one row says: its key, the fields of its event, and its measurements."""

    row: int
    key: tuple[str, ...]
    fields: dict[str, Any]
    measured: list[Measured]


@dataclass(slots=True)
class LeftOut:
    """Rows that say nothing: blank ones, sums, and the header where it stands again."""

    blank: int = 0
    totals: int = 0
    headers: int = 0


class RowReader:
    """Reads the rows of one table, in their order. ``broken``: cells that the file itself has wrong."""

    def __init__(self, layout: Layout, faults: Faults, broken: Sequence[CellFault] = ()) -> None:
        self._layout = layout
        self._notation = layout.notation
        self._columns = layout.columns
        self._faults = faults
        self._broken = {fault.place: fault.problem for fault in broken}
        self._above: dict[int, Cell] = {one.at: None for one in layout.columns if one.column.fill_down}
        self._totals = frozenset(map(key, layout.mapping.totals))
        self._totals_begin = frozenset(word.strip()[0].casefold() for word in layout.mapping.totals)
        names = layout.header.names
        self._again = [(one.at, names[one.at]) for one in layout.columns if one.at < len(names) and names[one.at]]
        self.left_out = LeftOut()

    def read(self, number: int, cells: Sequence[Cell]) -> Part | None:
        """What a row says; None if it says nothing, or something is wrong with it."""
        if is_nothing(cells):
            self.left_out.blank += 1
            return None
        if self._totals and any(map(self._sums_up, cells)):
            self.left_out.totals += 1
            return None
        if self._is_header(cells):
            self.left_out.headers += 1
            return None
        cells = self._filled(cells)
        width = len(cells)
        if all(one.at >= width or is_blank(cells[one.at]) for one in self._columns if not one.column.fill_down):
            self.left_out.blank += 1
            return None
        before = self._faults.count
        fields = dict(self._layout.constants)
        own: dict[str, Any] = {}
        measured: list[Measured] = []
        for one in self._columns:
            try:
                self._take(number, one, cells[one.at] if one.at < width else None, fields, own, measured)
            except CellError as error:
                self._fault(number, one, str(error))
        if self._layout.mapping.per_measurement:
            self._whole_row(number, own, measured)
        self._clock(number, fields)
        return Part(number, self._key(fields, cells), fields, measured) if self._faults.count == before else None

    def _fault(self, row: int, one: Placed | None, problem: str) -> None:
        self._faults.add(CellFault(Place(row, one.at if one else None), problem, one.name if one else ""))

    # -- Rows that say nothing, and cells that say what stands above

    def _sums_up(self, cell: Cell) -> bool:
        # By the first letter, for a key takes 3 µs, and nearly all cells are something else.
        return (
            isinstance(cell, str) and cell.strip()[:1].casefold() in self._totals_begin and key(cell.strip(" :：")) in self._totals
        )

    def _is_header(self, cells: Sequence[Cell]) -> bool:
        return bool(self._again) and all(at < len(cells) and plain_text(cells[at]) == name for at, name in self._again)

    def _filled(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        if not self._above:
            return cells
        filled = [*cells, *([None] * (max(self._above) + 1 - len(cells)))]
        for at, above in self._above.items():
            if plain_text(filled[at]):
                self._above[at] = filled[at]
            else:
                filled[at] = above
        return filled

    # -- Cells

    def _take(
        self, number: int, one: Placed, cell: Cell, fields: dict[str, Any], own: dict[str, Any], measured: list[Measured]
    ) -> None:
        if self._broken and (problem := self._broken.get(Place(number, one.at))):
            raise CellError(problem)
        if one.column.indicator is not None:
            self._one_of_many(one, _translated(one, cell), measured)
            return
        field = one.field
        if field is None or is_blank(cell) or is_blank(cell := _translated(one, cell)):
            return
        if one.of_measurement:
            own[field.name] = cell if field.sort is Sort.RESULT else value_of(cell, field, self._notation)
        elif field.name == "event_time":
            fields[field.name] = moment(cell, one.column.format)  # the time of day may stand in another column
        else:
            fields[field.name] = value_of(cell, field, self._notation, one.column.format)

    def _clock(self, number: int, fields: dict[str, Any]) -> None:
        """Date and time of day together, with the offset of that moment."""
        when, clock = fields.get("event_time"), fields.pop(CLOCK.name, None)
        if not isinstance(when, date):  # missing, which the contract tells
            return
        try:
            if clock is not None:
                if isinstance(when, datetime) and (when.hour or when.minute):
                    raise CellError("has a time already; leave out the column of the time of day")
                when = datetime.combine(when, clock)
            fields["event_time_zone_offset"] = offset_of(when, self._notation.zone)
            fields["event_time"] = said(when, "event_time", self._notation.zone)
        except CellError as error:
            self._fault(number, self._layout.by_field.get("event_time"), str(error))

    # -- Measurements

    def _one_of_many(self, one: Placed, cell: Cell, measured: list[Measured]) -> None:
        """A column that has the results of one indicator."""
        if is_not_measured(cell, self._notation):
            return
        column = one.column
        told: dict[str, Any] = {"indicator": column.indicator if one.indicator is None else one.indicator.code}
        for name in _OF_A_COLUMN:
            if (given := getattr(column, name)) is not None:
                told[name] = given if isinstance(given, str) else float(given)
        if column.reading is None:
            found = {**told, **result_of(cell, one.indicator, self._notation, told)}
        else:
            found = {**told, "kind": "GRADE", f"{column.reading}_grade": grade(cell)}
        if found["kind"] not in ("NUMBER", "NOT_DETECTED"):
            found.pop("detection_limit", None)
        if column.reading is not None:
            # Two readings of one thing are one measurement.
            for other in measured:
                if all(other.fields.get(name) == found.get(name) for name in ("indicator", "component", "method", "kind")):
                    other.fields.update(found)
                    return
        measured.append(Measured(one.at, found))

    def _whole_row(self, number: int, own: dict[str, Any], measured: list[Measured]) -> None:
        """The measurement of a row that is one; none where nothing was measured."""
        constants = self._layout.constants
        told = {**{name: constants[name] for name in measurement_fields() if name in constants}, **own}
        given = told.pop("result", None)
        indicator = self._layout.indicators.get(key(str(told.get("indicator", ""))))
        if indicator is not None:
            told["indicator"] = indicator.code
        column = self._layout.by_field.get("result")
        try:
            if given is not None and not is_not_measured(given, self._notation):
                found = {**told, **result_of(given, indicator, self._notation, told)}
            else:
                kind = _kind_of(told)
                if kind is None:
                    return
                found = {**told, "kind": kind}
        except CellError as error:
            self._fault(number, column, str(error))
            return
        if "indicator" in found:
            measured.append(Measured(column.at if column else None, found))
        else:
            self._fault(number, self._layout.by_field.get("indicator"), "names no indicator, and a result stands beside it")

    # -- Identity

    def _key(self, fields: Mapping[str, Any], cells: Sequence[Cell]) -> tuple[str, ...]:
        """What the key columns say, whatever sort of file wrote it: the value of a field, else the text or the time that stands there."""
        found = []
        for one in self._layout.key:
            if one.field is not None and not one.of_measurement and one.field.name in fields:
                found.append(str(fields[one.field.name]))
            else:
                found.append(_plain_key(cells[one.at]) if one.at < len(cells) else "")
        return tuple(found)


def _plain_key(cell: Cell) -> str:
    try:
        return moment(cell).isoformat()
    except CellError:
        return plain_text(cell)


def _kind_of(told: Mapping[str, Any]) -> str | None:
    if told.get("change_grade") is not None or told.get("staining_grade") is not None:
        return "GRADE"
    if told.get("value") is not None:
        return "NUMBER"
    return "QUALITATIVE" if told.get("text") is not None else None


def _translated(one: Placed, cell: Cell) -> Cell:
    """A cell by the column's value map."""
    if not one.values or is_blank(cell) or isinstance(cell, bool) or not isinstance(cell, str | float | int):
        return cell
    given = text(cell)
    found = one.values.get(_key(given))
    if found is not None:
        return found
    if one.column.others == "keep" or given in one.values.values() or one.field is None or one.field.sort is not Sort.TEXT:
        return cell  # whoever reads this sort of value knows further words, and refuses what it does not know
    raise CellError(f"{shown(given)} is not among the `values` of this column{nearest(given, one.column.values)}; add it there")
