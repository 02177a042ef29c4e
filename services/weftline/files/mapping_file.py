"""How a mapping is written: which column of somebody's table is which field of ours, and what their words mean.

``weftline map init FILE`` writes one to begin with; README.md, "From a spreadsheet", shows the whole path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from weftline.contracts.rules import nearest
from weftline.contracts.text_reading import decoded
from weftline.contracts.yaml_reading import parse_yaml
from weftline.contracts.yaml_types import Fault, Faults, Model, NotA, Number, Text, checked, member
from weftline.contracts.yaml_types import number as exact
from weftline.domain.laboratory.spelling import key
from weftline.errors import UserError
from weftline.files.cells import CellError, column_of
from weftline.files.fields import RowKind, Sort, fields_of, measurement_fields
from weftline.files.values import Decimals, zone_of

#: A column by its letters instead of its header: `@C`.
BY_LETTERS: Final = "@"
_KEY_IS: Final = "name the columns that tell one event from another, such as [单号, 状态, 轮次]; an edited row is known by them"
_COLUMNS_ARE: Final = "say which field each column is; `weftline map init FILE` writes them"
_INDICATOR_ONLY: Final = ("reading", "component", "method", "unit", "detection_limit", "labelled_value")


def _short(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


def _zone(name: str) -> str:
    try:
        zone_of(name)
    except CellError as error:
        raise Fault(str(error)) from None
    return name


def _constant(value: Any) -> Any:
    if isinstance(value, bool | str) or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        return value
    return exact(value)


class Column(Model):
    """One column: a field, or the results of one indicator."""

    field: Text | None = None
    indicator: Text | None = None
    reading: Literal["change", "staining"] | None = None
    component: Text | None = None
    method: Text | None = None
    unit: Text | None = None
    detection_limit: Number | None = None
    labelled_value: Number | None = None
    #: Their word → ours; an empty one stands for nothing.
    values: dict[str, str] = {}
    #: What `values` does not name: a fault, or taken as it is.
    others: Literal["refuse", "keep"] = "refuse"
    format: Text | None = None
    #: A blank cell means what stands above it, as in merged cells.
    fill_down: bool = False
    #: The file may lack it.
    optional: bool = False


class MappingFile(Model):
    """A mapping. ``rows``: what a row tells of. ``constants``: fields that no column has, or whose cell is blank."""

    rows: Annotated[RowKind, member(RowKind), Field(description=f"say what a row tells of: {', '.join(RowKind)}")]
    time_zone: Annotated[str, AfterValidator(_zone), Field(description="say on whose clock the times are, +08:00 or Asia/Shanghai")]
    key: Annotated[list[Text], Field(min_length=1, description=_KEY_IS)]
    columns: Annotated[dict[Text, Annotated[Column, BeforeValidator(_short)]], Field(min_length=1, description=_COLUMNS_ARE)]
    constants: dict[str, Annotated[Any, AfterValidator(_constant)]] = {}
    sheet: Text | None = None
    header_row: Annotated[int, Field(ge=1)] | None = None
    header_lines: Annotated[int, Field(ge=1)] = 1
    encoding: Text | None = None
    separator: Annotated[str, checked(lambda text: text)] | None = None
    decimal: Annotated[Decimals, member(Decimals)] | None = None
    #: Words of rows that sum up, such as 合计; such rows are left out.
    totals: list[Text] = []

    HEADER_LINES: ClassVar = 5

    @model_validator(mode="after")
    def _agrees(self) -> MappingFile:
        Faults.raise_any((*self._table_faults(), *self._column_faults(), *self._constant_faults()))
        return self

    @property
    def per_measurement(self) -> bool:
        """Whether a row is one measurement, and a report several rows."""
        return any(column.field == "indicator" for column in self.columns.values())

    def _table_faults(self) -> Iterator[Fault]:
        if self.header_lines > self.HEADER_LINES:
            yield Fault(f"must be at most {self.HEADER_LINES}", "header_lines")
        if self.separator is not None and len(self.separator) != 1:
            yield Fault('must be one character; a tab is "\\t"', "separator")
        for place, name in enumerate(self.key):
            if name not in self.columns:
                yield Fault(f"{name} is no column of this mapping{nearest(name, self.columns)}", "key", place)
        first: dict[str, str] = {}
        for name in self.columns:
            if name.startswith(BY_LETTERS) and column_of(name[1:]) is None:
                yield Fault(f"{name} is no column; write @A to @XFD", "columns", name)
            elif first.setdefault(_same(name), name) != name:
                yield Fault(f"{name} is the same header as {first[_same(name)]}; leave one", "columns", name)

    def _column_faults(self) -> Iterator[Fault]:
        known = dict(fields_of(self.rows))
        if self.rows is RowKind.REPORT:
            known |= measurement_fields()
        taken: dict[tuple[str | None, ...], str] = {}
        for name, column in self.columns.items():
            at = ("columns", name)
            if column.indicator is not None:
                if column.field is not None:
                    yield Fault("is a field and an indicator; leave one", *at)
                if self.rows is not RowKind.REPORT:
                    yield Fault("only a row that tells of a report has results", *at, "indicator")
                if self.per_measurement:
                    yield Fault(
                        "each row names its indicator already; leave out this column, or that of `indicator`", *at, "indicator"
                    )
                what: tuple[str | None, ...] = (column.indicator, column.component, column.reading)
            else:
                for other in _INDICATOR_ONLY:
                    if getattr(column, other) is not None:
                        yield Fault("belongs to a column that has an `indicator`", *at, other)
                if column.field is None:
                    if name not in self.key:
                        yield Fault("says neither its `field` nor its `indicator`; only a column of the key may do so", *at)
                    continue
                if column.field not in known:
                    yield Fault(f"{column.field} is no field of such a row{_meant(column.field, self.rows, known)}", *at, "field")
                    continue
                if column.field in measurement_fields() and self.rows is RowKind.REPORT and not self.per_measurement:
                    yield Fault("belongs to rows of one measurement each, which have a column for `indicator` too", *at, "field")
                what = (column.field,)
            if taken.setdefault(what, name) != name:
                yield Fault(f"says the same as {taken[what]}; leave one", *at)

    def _constant_faults(self) -> Iterator[Fault]:
        known: Mapping[str, Any] = fields_of(self.rows)
        if self.rows is RowKind.REPORT and self.per_measurement:
            known = {**known, **{name: field for name, field in measurement_fields().items() if field.sort is not Sort.RESULT}}
        for name in self.constants:
            if name not in known:
                yield Fault(f"{name} is no field of such a row{nearest(name, known)}", "constants", name)


def _meant(field: str, rows: RowKind, known: Mapping[str, Any]) -> str:
    """What somebody may mean who names a field that such rows do not have."""
    if rows is RowKind.REPORT and field == "status":
        return "; a report has no status but the day on which it was verified: give that column as verified_at"
    others = [kind.value for kind in RowKind if field in fields_of(kind)]
    return f", but of others ({', '.join(others)})" if others else nearest(field, known)


def _same(header: str) -> str:
    return header.upper() if header.startswith(BY_LETTERS) else key(header)


def read_mapping(path: Path) -> MappingFile:
    """The mapping in a file. Raises :class:`UserError` that lists every fault with its line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; `weftline map init FILE` writes a mapping to begin with"
        ) from None
    return parse_mapping(data, str(path))


def parse_mapping(data: bytes, name: str) -> MappingFile:
    """The mapping in a text that faults are told under ``name``; as :func:`read_mapping`."""
    return parse_yaml(decoded(data, name), MappingFile, name, example="README.md")


__all__ = ["BY_LETTERS", "Column", "MappingFile", "NotA", "parse_mapping", "read_mapping"]
