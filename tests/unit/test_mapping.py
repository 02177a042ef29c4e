"""The contract, field by field, in bytes and in JSON, and the envelope around it."""

from __future__ import annotations

import dataclasses
import json
import math
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from tests.support.examples import ALERT, CODEC, DECLARED, LOT, MEMBER, ORDER, REGISTRY, REPORT, SHIPMENT

from weftline.contracts.codec import FRAMING, Codec
from weftline.contracts.envelope import cloudevents_headers, read_envelope
from weftline.contracts.kinds import BY_TYPE, kind_of
from weftline.contracts.mapping import Contract, TimeRange, from_avro, from_json, to_avro, to_json
from weftline.contracts.registry import local_schema
from weftline.contracts.topics import topic_of
from weftline.domain import vocabulary as v
from weftline.domain.alerts import Alert
from weftline.domain.events import InspectionEvent, LogisticsEvent, OrderEvent
from weftline.errors import ContractError

# --- The contract of each field ---------------------------------------------------------------------------------------------------

BREACHES: list[tuple[Any, str, Any, str]] = [
    (ORDER, "source", "", "must not be empty"),
    (ORDER, "event_id", "x" * 201, "201 characters"),
    (ORDER, "factory_id", " F-1", "white space"),
    (ORDER, "factory_id", "F-1\u3000", "white space"),
    (ORDER, "order_id", "a\x1fb", r"U\+001F"),
    (ORDER, "order_id", "a\nb", r"U\+000A"),
    (ORDER, "order_id", "a\x00", r"U\+0000"),
    (ORDER, "order_id", "\ud800", r"U\+D800"),
    (ORDER, "order_id", 7, "must be text"),
    (ORDER, "center_id", "a|b", r"'\|'"),
    (ALERT, "center_id", "a|b", r"'\|'"),
    (ORDER, "event_time", TimeRange().earliest - 1, "2000-01-01T00:00:00.000Z"),
    (ORDER, "event_time", TimeRange().latest, "before 2100-01-01"),
    (ORDER, "event_time", 1.5, "whole number"),
    (ORDER, "event_time", True, "whole number"),
    (ORDER, "promised_at", 0, "2000-01-01"),
    (ORDER, "event_time_zone_offset", "08:00", r"like \+08:00"),
    (ORDER, "event_time_zone_offset", "+14:01", r"like \+08:00"),
    (ORDER, "event_time_zone_offset", "+05:60", r"like \+08:00"),
    (ORDER, "sequence", 2**63, "whole number"),
    (ORDER, "round", 0, "from 1"),
    (ORDER, "round", 51, "to 50"),
    (ORDER, "quantity", -1, "from 0"),
    (ORDER, "quantity", 2**31, "to 2147483647"),
    (ORDER, "quantity", True, "whole number"),
    (ORDER, "reason", "a\x00b", r"U\+0000"),
    (ORDER, "reason", "x" * 2_001, "2001 characters"),
    (ORDER, "reason", "\udfff", r"U\+DFFF"),
    (ORDER, "status", "CONFIRMD", "did you mean CONFIRMED"),
    (ORDER, "status", None, "is none of"),
    (DECLARED, "error_declaration.declaration_time", -1, "2000-01-01"),
    (DECLARED, "error_declaration.corrective_event_ids[0]", "", "must not be empty"),
    (REPORT, "laboratory_report.report_number", "", "must not be empty"),
    (REPORT, "laboratory_report.amendment", -1, "from 0"),
    (REPORT, "laboratory_report.tested_at", 1, "2000-01-01"),
    (REPORT, "laboratory_report.measurements[1].value", math.nan, "finite"),
    (REPORT, "laboratory_report.measurements[1].value", math.inf, "finite"),
    (REPORT, "laboratory_report.measurements[1].value", 10**400, "finite"),
    (REPORT, "laboratory_report.measurements[1].value", None, "missing when kind is NUMBER"),
    (REPORT, "laboratory_report.measurements[0].detection_limit", -1.0, "not below 0"),
    (REPORT, "laboratory_report.measurements[2].change_grade", "3.5", "must be a grade"),
    (REPORT, "laboratory_report.measurements[2].change_grade", "4-3", "must be a grade"),
    (REPORT, "laboratory_report.measurements[2].staining_grade", "9", "must be a grade"),
    (REPORT, "laboratory_report.measurements[3].text", None, "missing when kind is QUALITATIVE"),
    (REPORT, "laboratory_report.measurements", "abc", "must be a list"),
    (REPORT, "laboratory_report.traits", ("x",) * 51, "at most 50 are"),
    (REPORT, "lot_ids", ("x",) * 101, "at most 100 are"),
    (REPORT, "laboratory_report", None, "is missing when kind is LABORATORY_REPORT"),
    (REPORT, "lot_inspection", LOT.lot_inspection, "must not be set when kind is LABORATORY_REPORT"),
    (LOT, "lot_inspection.lot_size", -1, "from 0"),
    (LOT, "lot_inspection.plans[1].aql", -2.5, "not below 0"),
    (LOT, "lot_inspection.plans[2].accept", 2**31, "to 2147483647"),
    (SHIPMENT, "declared_currency", "usd", "three capital letters"),
    (SHIPMENT, "declared_value_minor", -1, "from 0"),
    (SHIPMENT, "partial", 1, "true or false"),
    (SHIPMENT, "lot_ids[0]", "x ", "white space"),
    (ALERT, "revision", -1, "from 0"),
    (ALERT, "evidence[0].event_time", 1, "2000-01-01"),
]


def changed(node: Any, path: str, value: Any) -> Any:
    """A copy of a domain object or Avro dict with one field changed."""
    head, _, rest = path.partition(".")
    name, _, index = head.partition("[")
    old = node[name] if isinstance(node, dict) else getattr(node, name)
    if index:
        at = int(index[:-1])
        new: Any = type(old)([*old[:at], changed(old[at], rest, value) if rest else value, *old[at + 1 :]])
    else:
        new = changed(old, rest, value) if rest else value
    return {**node, name: new} if isinstance(node, dict) else dataclasses.replace(node, **{name: new})


@pytest.mark.parametrize(("event", "path", "value", "problem"), BREACHES)
def test_a_breach_names_its_field_both_ways(event: Any, path: str, value: Any, problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as sending:
        CODEC.encode(changed(event, path, value))
    avro_value = to_avro(LOT)["lot_inspection"] if path == "lot_inspection" else value
    with pytest.raises(ContractError, match=problem) as reading:
        from_avro(type(event), changed(to_avro(event), path, avro_value))
    assert sending.value.field == reading.value.field == path
    assert sending.value.reason == "contract"


def test_a_breach_in_bytes_is_no_decoding_fault() -> None:
    """Fields out of contract reach the reader from publishers in other languages."""
    out = BytesIO(b"\0\0\0\0\1")
    out.seek(FRAMING)
    schemaless_writer(out, parse_schema(local_schema("sample.orders.v1-value", 1)), {**to_avro(ORDER), "center_id": "a|b"})
    with pytest.raises(ContractError, match=r"^center_id: ") as caught:
        CODEC.decode("sample.orders.v1", out.getvalue())
    assert type(caught.value) is ContractError


def test_what_a_newer_publisher_sends_is_legal() -> None:
    bodies = dict.fromkeys(["laboratory_report", "report_status", "lot_inspection", "corrective_action"])
    unknown = dataclasses.replace(REPORT, kind=v.InspectionKind.UNKNOWN, **bodies)
    assert CODEC.decode(topic_of(unknown), CODEC.encode(unknown)) == unknown
    order = dataclasses.replace(ORDER, status=v.OrderStatus.UNKNOWN)
    assert CODEC.decode(topic_of(order), CODEC.encode(order)) == order


def test_the_range_of_times_is_configured() -> None:
    narrow = Contract(TimeRange(ORDER.event_time, ORDER.event_time + 1))
    late = dataclasses.replace(ORDER, promised_at=None, event_time=ORDER.event_time + 1)
    assert Codec(REGISTRY, narrow).encode(dataclasses.replace(late, event_time=ORDER.event_time))
    with pytest.raises(ContractError, match=r"^event_time: "):
        Codec(REGISTRY, narrow).encode(late)


def test_only_events_and_alerts_are_taken() -> None:
    with pytest.raises(TypeError, match="dict is no event"):
        CODEC.encode({"source": "x"})  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="laboratory_report: must be a LaboratoryReport"):
        CODEC.encode(dataclasses.replace(REPORT, laboratory_report={}))
    with pytest.raises(ContractError, match=r"^order_id: is missing"):
        from_avro(OrderEvent, {key: value for key, value in to_avro(ORDER).items() if key != "order_id"})


# --- JSON -------------------------------------------------------------------------------------------------------------------------

SMALL = {
    "type": "order",
    "source": "s",
    "event_id": "e",
    "event_time": "2026-05-04T09:30:00.250+08:00",
    "cooperative_id": "c",
    "center_id": "n",
    "factory_id": "f",
    "order_id": "o",
    "status": "REQUESTED",
    "product_category": "sheet",
}


def test_json_fills_in_what_the_schema_defaults_and_the_offset() -> None:
    event = from_json(SMALL)
    assert isinstance(event, OrderEvent)
    assert event.event_time == 1_777_858_200_250
    assert event.event_time_zone_offset == "+08:00"
    assert (event.round, event.quantity, event.sequence) == (1, 0, None)
    assert from_json({**SMALL, "event_time": event.event_time, "event_time_zone_offset": "+08:00"}) == event
    assert to_json(event) == {**SMALL, "event_time": "2026-05-04T01:30:00.250Z", "event_time_zone_offset": "+08:00"}


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"type": "orders"}, "type", "did you mean order"),
        ({"type": None}, "type", "None is none of order, inspection, logistics, reply, cooperative, alert"),
        ({"sytle_number": "x"}, "sytle_number", "did you mean style_number"),
        ({"error_declaration": {"declared": 1}}, "error_declaration.declared", "did you mean declaration_time"),
        ({"error_declaration": []}, "error_declaration", "must be an object"),
        ({"event_time": "2026-05-04T09:30:00"}, "event_time", "with its offset"),
        ({"event_time": "yesterday"}, "event_time", "with its offset"),
        ({"event_time": 1_777_858_200_250}, "event_time_zone_offset", "is missing"),
        ({"event_time": "0001-01-01T00:00:00+14:00"}, "event_time", "must be from 2000"),
        ({"event_time": "9999-12-31T23:59:59-14:00"}, "event_time", "must be from 2000"),
        ({"quantity": 1.0}, "quantity", "whole number"),
        ({"order_id": None}, "order_id", "must be text"),
        ({"status": "requested"}, "status", "did you mean REQUESTED"),
        ({"status": ["REQUESTED"]}, "status", "is none of"),
    ],
)
def test_json_faults_name_the_field(change: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(ContractError, match=problem) as caught:
        from_json({**SMALL, **change})
    assert caught.value.field == field


def test_json_nan_is_refused() -> None:
    sent = json.loads(json.dumps(to_json(REPORT)).replace("8.9", "NaN"))
    with pytest.raises(ContractError, match=r"laboratory_report\.measurements\[1\]\.value: must be a finite number"):
        from_json(sent)


# --- CloudEvents ------------------------------------------------------------------------------------------------------------------


def test_envelope() -> None:
    assert dict(cloudevents_headers(ORDER)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"ord-000018",
        "ce_source": b"https://lims.haimen-center.example/weftline",
        "ce_type": b"org.weftline.sample.order.v1",
        "ce_time": b"2026-05-04T01:30:00.000Z",
        "ce_subject": b"haimen-1|S2026-04417",
        "content-type": b"application/avro",
    }
    assert isinstance(ALERT, Alert)
    envelope = read_envelope(cloudevents_headers(ALERT))
    assert envelope is not None
    assert envelope.id == f"{ALERT.alert_id}/{ALERT.revision}"
    assert [kind_of(event).ce_type for event in (REPORT, SHIPMENT, MEMBER, ALERT)] == [
        "org.weftline.inspection.result.v1",
        "org.weftline.logistics.event.v1",
        "org.weftline.cooperative.event.v1",
        "org.weftline.quality.alert.v1",
    ]
    assert len({kind.ce_type for kind in BY_TYPE.values()}) == len(BY_TYPE)


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ([("ce_specversion", b"0.3"), ("ce_id", b"1")], "ce_specversion"),
        ([("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_type", b"t")], "ce_source"),
        ([("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_type", b"t"), ("ce_source", b"s"), ("ce_time", b"now")], "ce_time"),
        ([("ce_id", b"\xff")], "headers"),
    ],
)
def test_a_wrong_envelope_names_the_attribute(headers: list[tuple[str, bytes | None]], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_envelope(headers)
    assert caught.value.field == field


def test_no_envelope() -> None:
    assert read_envelope([("traceparent", b"\xff"), ("content-type", b"application/avro"), ("ce_id", None)]) is None


def test_events_are_typed() -> None:
    assert isinstance(REPORT, InspectionEvent)
    assert isinstance(SHIPMENT, LogisticsEvent)
