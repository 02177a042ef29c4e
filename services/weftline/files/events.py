"""What rows say as events of ours, checked by the contract of every other event; and the identity that follows from it.

An identity is a hash of what the key columns say and of all that the event says. So the same row is the same event, from whatever sort
of file and wherever it stands in it, and an edited row is another one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json, to_json
from weftline.contracts.rules import shown
from weftline.domain.alerts import Alert
from weftline.domain.vocabulary import InspectionKind, ReportStatus
from weftline.errors import ContractError
from weftline.files.cells import CellFault, Faults, Place
from weftline.files.columns import Layout, Placed
from weftline.files.fields import PLAN_CLASSES, PLAN_OWN, PLAN_SHARED, RowKind, fields_of, measurement_fields
from weftline.files.rows import Measured, Part

PREFIX: Final = "row:"
"""How the identity of an event from a table begins; 40 hexadecimal digits follow."""

_MEASUREMENT: Final = re.compile(r"laboratory_report\.measurements\[(\d+)\](?:\.(\w+))?")


class Made(NamedTuple):
    """An event of a row. ``key``: 40 hexadecimal digits by which an edited row is known; its ``event_id`` is that of its first edition.

    ``content``: what it says but for its identity, as JSON.
    """

    row: int
    key: str
    event: AnyEvent
    content: str


class EventMaker:
    """Makes events of the rows of one table."""

    def __init__(self, layout: Layout, faults: Faults) -> None:
        self._layout = layout
        self._rows = layout.mapping.rows
        self._known = fields_of(self._rows)
        self._faults = faults

    def make(self, parts: Sequence[Part]) -> list[Made]:
        """The events of the rows that have one key: of a single row, or where a row is one measurement of all those of a report.

        None where something is wrong, which is told of the cell from which it comes.
        """
        fields = self._together(parts)
        if fields is None:
            return []
        # In one order, whatever that of rows and columns: the content is the identity.
        found = [(part.row, one) for part in parts for one in part.measured]
        measured = sorted(found, key=lambda item: json.dumps(item[1].fields, sort_keys=True)) if len(found) > 1 else found
        first = parts[0]
        made = []
        try:
            for suffix, body in self._bodies(fields, [one.fields for _, one in measured]):
                event = from_json(body)
                assert not isinstance(event, Alert)
                made.append(_identified(first.row, (self._rows, *first.key, suffix), event))
        except ContractError as error:
            self._refused(first.row, error, measured)
            return []
        return made

    def _together(self, parts: Sequence[Part]) -> dict[str, Any] | None:
        """What rows of one key say together: a blank cell agrees with anything."""
        first = parts[0]
        if len(parts) == 1:
            return first.fields
        fields, told_by = dict(first.fields), dict.fromkeys(first.fields, first.row)
        for other in parts[1:]:
            for name, value in other.fields.items():
                if name in measurement_fields():
                    continue
                if fields.setdefault(name, value) != value:
                    problem = (
                        f"says {shown(value)}, and row {told_by[name]} of the same key says {shown(fields[name])}; make them agree, or "
                        "name in `key` what tells them apart"
                    )
                    self._fault(other.row, self._layout.by_field.get(name), problem)
                    return None
                told_by.setdefault(name, other.row)
        return fields

    def _bodies(self, fields: Mapping[str, Any], measured: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The JSON of the events of a row: of one, and of a report that was verified another."""
        shape = self._layout.shape
        body: dict[str, Any] = {"event_id": "-", **shape.fixed}
        inner: dict[str, Any] = body
        if shape.body is not None:
            inner = body[shape.body] = {}
        for name, value in fields.items():
            field = self._known.get(name)
            if field is not None and field.path:
                (inner if len(field.path) == 2 else body)[field.path[-1]] = value
        if "event_time_zone_offset" in fields:
            body["event_time_zone_offset"] = fields["event_time_zone_offset"]
        if self._rows is RowKind.REPORT:
            inner["measurements"] = measured
        if self._rows is RowKind.LOT:
            inner["plans"] = list(_plans(fields))
        yield "", body
        if self._rows is RowKind.REPORT and fields.get("verified_at") is not None:
            yield "VERIFIED", _verification(body, fields)

    # -- What is wrong

    def _fault(self, row: int, one: Placed | None, problem: str) -> None:
        self._faults.add(CellFault(Place(row, one.at if one else None), problem, one.name if one else ""))

    def _refused(self, row: int, error: ContractError, measured: Sequence[tuple[int, Measured]]) -> None:
        """A breach of the contract, told of the cell from which it comes."""
        by_field = self._layout.by_field
        found = _MEASUREMENT.match(error.field)
        if found is not None:
            row, one = measured[int(found[1])]
            name = found[2] or "result"
            column = by_field.get(name) or next((column for column in self._layout.columns if column.at == one.at), None)
            self._fault(row, column, f"{name} {error.problem}")
            return
        name = error.field.rpartition(".")[2].partition("[")[0]
        column = by_field.get(name) or next(
            (one for one in by_field.values() if one.field and one.field.path[-1:] == (name,)), None
        )
        if error.field.startswith("lot_inspection.plans"):
            column, name = None, error.field.partition(".")[2]
        self._fault(row, column, f"{name} {error.problem}")


def _plans(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan in hand for each class of nonconformity of which a column says something."""
    shared = {name: fields[f"plan_{name}"] for name in PLAN_SHARED if f"plan_{name}" in fields}
    for cls in PLAN_CLASSES:
        own = {name: fields[f"{cls}_{name}"] for name in PLAN_OWN if f"{cls}_{name}" in fields}
        if own:
            yield {"nonconformity_class": cls.upper(), **shared, "sample_size": fields.get("sample_size"), **own}


def _verification(report: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The event that verifies a report; its day or moment is that of the row's own column."""
    at = str(fields["verified_at"])
    own = {"kind", "laboratory_report", "event_time", "sequence"} | ({"event_time_zone_offset"} if "T" in at else set())
    body = report["laboratory_report"]
    status = {name: body[name] for name in ("laboratory_id", "report_number", "amendment") if name in body}
    by = {} if fields.get("verified_by") is None else {"verified_by": fields["verified_by"]}
    return {
        **{name: value for name, value in report.items() if name not in own},
        "kind": InspectionKind.REPORT_STATUS.value,
        "event_time": at,
        "report_status": {**status, **by, "status": ReportStatus.VERIFIED.value},
    }


def _identified(row: int, known_by: tuple[str, ...], event: AnyEvent) -> Made:
    said = to_json(event)
    del said["event_id"]
    content = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    named = json.dumps([event.source, *known_by], ensure_ascii=False)
    identity = hashlib.sha256(f"{named}\n{content}".encode()).hexdigest()[:40]
    key = hashlib.sha256(named.encode()).hexdigest()[:40]
    return Made(row, key, replace(event, event_id=f"{PREFIX}{identity}"), content)
