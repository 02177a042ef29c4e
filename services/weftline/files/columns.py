"""A mapping laid on the columns of one table: which column is read how, and what holds for all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from weftline.contracts.standards import load_standards
from weftline.domain.laboratory.spelling import key
from weftline.domain.laboratory.standards import Indicator
from weftline.errors import UserError
from weftline.files.cells import Cell, CellError
from weftline.files.fields import SHAPES, Field, Shape, fields_of, measurement_fields
from weftline.files.header import Header
from weftline.files.mapping_file import Column, MappingFile
from weftline.files.values import Notation, moment, value_of, zone_of
from weftline.files.words import load_words
from weftline.sdk.common import Defaults

#: Fields that the publisher may give for all its events, and the option that does.
BY_OPTION = {"source": "--source", "cooperative_id": "--cooperative", "center_id": "--center"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A column of the mapping where it stands (``at``, from 0). ``values``: :func:`key` of their word → ours."""

    at: int
    name: str
    column: Column
    field: Field | None
    indicator: Indicator | None
    values: Mapping[str, str]
    of_measurement: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """All that rows are read by. ``constants``: what every row says; ``by_field``: the column that has a field; ``key``: those of the key.

    ``indicators``: :func:`key` of a code or name → the indicator.
    """

    mapping: MappingFile
    header: Header
    shape: Shape
    notation: Notation
    columns: tuple[Placed, ...]
    by_field: Mapping[str, Placed]
    key: tuple[Placed, ...]
    constants: Mapping[str, Any]
    indicators: Mapping[str, Indicator]

    @property
    def known_by(self) -> str:
        """The columns of the key in words that a renamed header does not change: their fields, where they have one."""
        return ", ".join([self.mapping.rows, *(one.field.name if one.field else one.name for one in self.key)])


def laid_out(mapping: MappingFile, header: Header, defaults: Defaults) -> Layout:
    """The layout. :class:`UserError` where something that every event needs is given by nothing: one fault, not one in each row."""
    indicators = _indicators()
    columns = tuple(_placed(mapping, name, at, indicators) for name, at in sorted(header.columns.items(), key=lambda item: item[1]))
    by_field = {one.field.name: one for one in columns if one.field is not None}
    notation = Notation(zone_of(mapping.time_zone), mapping.decimal, load_words())
    constants = _constants(mapping, defaults, notation)
    missing = [
        name
        for name, field in fields_of(mapping.rows).items()
        if field.required and field.path and name not in constants and name not in by_field
    ]
    if missing:
        told = ", ".join(f"{name} (or {BY_OPTION[name]})" if name in BY_OPTION else name for name in missing)
        raise UserError(f"the mapping gives no {told}; add a column, or a line under `constants`")
    by_name = {one.name: one for one in columns}
    absent = [name for name in mapping.key if name not in by_name]
    if absent:
        raise UserError(
            f"the file has no column {', '.join(absent)}, which belongs to the key: events cannot be told apart without it"
        )
    return Layout(
        mapping,
        header,
        SHAPES[mapping.rows],
        notation,
        columns,
        by_field,
        tuple(by_name[name] for name in mapping.key),
        constants,
        indicators,
    )


@cache
def _indicators() -> Mapping[str, Indicator]:
    known, also = load_standards().indicators.values(), load_words().indicators
    return {key(word): one for one in known for word in (one.code, one.zh, one.en, *also.get(one.code, ()))}


def _placed(mapping: MappingFile, name: str, at: int, indicators: Mapping[str, Indicator]) -> Placed:
    column = mapping.columns[name]
    field, of_measurement = fields_of(mapping.rows).get(column.field or ""), column.indicator is not None
    if field is None and column.field is not None:
        field, of_measurement = measurement_fields()[column.field], True
    values = {key(their): ours for their, ours in column.values.items()}
    return Placed(at, name, column, field, indicators.get(key(column.indicator or "")), values, of_measurement)


def _constants(mapping: MappingFile, defaults: Defaults, notation: Notation) -> dict[str, Any]:
    known = dict(fields_of(mapping.rows))
    if mapping.per_measurement:
        known |= measurement_fields()
    found: dict[str, Any] = {name: given for name in BY_OPTION if (given := getattr(defaults, name)) is not None}
    for name, given in mapping.constants.items():
        if given == "":
            continue  # a question of `weftline map init` that nobody has answered
        try:
            if isinstance(given, list):
                found[name] = sorted(set(given))
            elif isinstance(given, bool):
                found[name] = given
            else:
                cell: Cell = given if isinstance(given, str) else float(given)
                found[name] = moment(cell) if name == "event_time" else value_of(cell, known[name], notation)
        except CellError as error:
            raise UserError(f"the mapping's constant {name}: {error}") from None
    return found
