"""Which fields a row may have: those of the event that it becomes, taken from the event's own class, and a few that only sheets have."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from weftline.domain.events import (
    CorrectiveAction,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    LotInspection,
    Measurement,
    OrderEvent,
    PlanUsed,
    ReportStatusChange,
)
from weftline.domain.vocabulary import InspectionKind


class RowKind(StrEnum):
    """What a row tells of."""

    ORDER = "order"
    REPORT = "report"
    REPORT_STATUS = "report_status"
    LOT = "lot"
    CORRECTIVE_ACTION = "corrective_action"
    SHIPMENT = "shipment"


class Sort(StrEnum):
    """What may stand in a field."""

    TEXT = "text"
    WORD = "word"
    WHOLE = "whole"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    TIME = "time"
    CLOCK = "clock"
    GRADE = "grade"
    LIST = "list"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``path``: where it stands in the event's JSON; ``words``: its vocabulary."""

    name: str
    sort: Sort
    path: tuple[str, ...]
    required: bool = False
    words: type[StrEnum] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a row of a kind becomes. ``fixed``: what its JSON says anyway; ``body``: the object in it that is its own."""

    event: type[Any]
    fixed: Mapping[str, str]
    body: str | None = None
    part: type[Any] | None = None


def _inspection(kind: InspectionKind, body: str, part: type[Any]) -> Shape:
    return Shape(InspectionEvent, {"type": "inspection", "kind": kind.value}, body, part)


SHAPES: Final[Mapping[RowKind, Shape]] = {
    RowKind.ORDER: Shape(OrderEvent, {"type": "order"}),
    RowKind.REPORT: _inspection(InspectionKind.LABORATORY_REPORT, "laboratory_report", LaboratoryReport),
    RowKind.REPORT_STATUS: _inspection(InspectionKind.REPORT_STATUS, "report_status", ReportStatusChange),
    RowKind.LOT: _inspection(InspectionKind.LOT_INSPECTION, "lot_inspection", LotInspection),
    RowKind.CORRECTIVE_ACTION: _inspection(InspectionKind.CORRECTIVE_ACTION, "corrective_action", CorrectiveAction),
    RowKind.SHIPMENT: Shape(LogisticsEvent, {"type": "logistics"}),
}

#: What a mapping cannot say: identities are derived, zone and precision follow from the time, parts have columns of their own.
_DERIVED: Final = frozenset(
    (
        "event_id",
        "event_time_zone_offset",
        "precision",
        "error_declaration",
        "kind",
        "measurements",
        "plans",
        "declared_value_minor",
    )
)
_BODIES: Final = frozenset(shape.body for shape in SHAPES.values() if shape.body)
#: Columns of a plan for one class of nonconformity, and those that all its plans share.
PLAN_CLASSES: Final = ("critical", "major", "minor")
PLAN_OWN: Final = ("aql", "accept", "reject", "sample_size")
PLAN_SHARED: Final = ("standard", "edition", "level", "severity", "basis")

#: Only a sheet has them.
RESULT: Final = Field("result", Sort.RESULT, ("result",))
CLOCK: Final = Field("event_time_of_day", Sort.CLOCK, ())
VERIFIED: Final = (Field("verified_at", Sort.TIME, ()), Field("verified_by", Sort.TEXT, ()))
VALUE: Final = Field("declared_value", Sort.MONEY, ("declared_value_minor",))


@cache
def fields_of(kind: RowKind) -> Mapping[str, Field]:
    """The fields of a row, by name, without those of measurements."""
    shape = SHAPES[kind]
    found = {field.name: field for field in _fields(shape.event, ())}
    if shape.part is not None:
        assert shape.body is not None
        found |= {field.name: field for field in _fields(shape.part, (shape.body,))}
    found[CLOCK.name] = CLOCK
    if kind is RowKind.REPORT:
        found |= {field.name: field for field in VERIFIED}
    if kind is RowKind.SHIPMENT:
        found[VALUE.name] = VALUE
    if kind is RowKind.LOT:
        plan = {field.name: field for field in _fields(PlanUsed, ())}
        for name in PLAN_SHARED:
            found[f"plan_{name}"] = dataclasses.replace(plan[name], name=f"plan_{name}", path=(), required=False)
        for cls in PLAN_CLASSES:
            for name in PLAN_OWN:
                found[f"{cls}_{name}"] = dataclasses.replace(plan[name], name=f"{cls}_{name}", path=(), required=False)
    return found


@cache
def measurement_fields() -> Mapping[str, Field]:
    """The fields of one measurement, for tables with a row for each."""
    found = {field.name: field for field in _fields(Measurement, ()) if field.name != "kind"}
    for name in ("change_grade", "staining_grade"):
        found[name] = dataclasses.replace(found[name], sort=Sort.GRADE)
    return {**found, RESULT.name: RESULT}


def _fields(cls: type[Any], path: tuple[str, ...]) -> Iterator[Field]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.name in _DERIVED or field.name in _BODIES:
            continue
        sort, words = _sort(field.name, hints[field.name])
        yield Field(field.name, sort, (*path, field.name), field.default is dataclasses.MISSING, words)


def _sort(name: str, hint: Any) -> tuple[Sort, type[StrEnum] | None]:
    if get_origin(hint) in (Union, UnionType):  # one of something and None
        hint = next(one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is tuple:
        return Sort.LIST, None
    if issubclass(hint, StrEnum):
        return Sort.WORD, hint
    if hint is int and (name == "event_time" or name.endswith("_at")):
        return Sort.TIME, None
    return {bool: Sort.FLAG, int: Sort.WHOLE, float: Sort.NUMBER, str: Sort.TEXT}[hint], None
