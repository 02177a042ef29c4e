"""Bytes to events and back: nothing but contract errors escapes, whatever the bytes; what is sent is what is read."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import shutil
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastavro import parse_schema, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.contracts.codec import FRAMING, MAX_VALUE_BYTES, Codec, rank_of, schema_id_of
from weftline.contracts.envelope import cloudevents_headers, read_envelope
from weftline.contracts.kinds import BY_TYPE, KINDS, Kind, kind_of
from weftline.contracts.mapping import Contract, TimeRange, from_avro, from_json, to_avro, to_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry, HttpRegistry, local_schema
from weftline.contracts.topics import topic_of
from weftline.domain import vocabulary as v
from weftline.domain.alerts import Alert
from weftline.domain.events import ErrorDeclaration, InspectionEvent, LogisticsEvent, OrderEvent
from weftline.errors import ContractError, DecodeError, DependencyDown, UserError

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
EXAMPLES: dict[str, Any] = {
    path.relative_to(schemas_root() / "examples").as_posix(): from_json(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((schemas_root() / "examples").glob("*/v1/*.json"))
}
ORDER = EXAMPLES["sample.orders.v1-value/v1/confirmed.json"]
DECLARED = EXAMPLES["sample.orders.v1-value/v1/dispatched-incorrect.json"]
REPORT = EXAMPLES["inspection.results.v1-value/v1/laboratory-report.json"]
LOT = EXAMPLES["inspection.results.v1-value/v1/lot-inspection.json"]
ACTION = EXAMPLES["inspection.results.v1-value/v1/corrective-action.json"]
SHIPMENT = EXAMPLES["logistics.events.v1-value/v1/departing.json"]
ALERT = EXAMPLES["quality.alerts.v1-value/v1/safety-raised.json"]

letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs"))
identifiers = st.text(letters, min_size=1, max_size=200)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\x08\x0b\x0c\x7f"), max_size=50).filter(
    lambda text: all(char in "\t\n\r" or ord(char) >= 32 for char in text)
)
times = st.integers(TimeRange().earliest, TimeRange().latest - 1)
declarations = st.none() | st.builds(
    ErrorDeclaration, times, st.sampled_from(v.ErrorReason), st.lists(identifiers, max_size=4).map(tuple)
)
common: dict[str, Any] = {
    "source": identifiers,
    "event_id": identifiers,
    "event_time": times,
    "event_time_zone_offset": st.sampled_from(["+08:00", "-03:30", "+14:00", "-14:00", "+00:00"]),
    "sequence": st.none() | st.integers(-(2**63), 2**63 - 1),
    "cooperative_id": identifiers,
    "center_id": identifiers.filter(lambda text: "|" not in text),
    "factory_id": identifiers,
    "error_declaration": declarations,
}
orders = st.builds(
    OrderEvent,
    **common,
    order_id=identifiers,
    location_id=st.none() | identifiers,
    status=st.sampled_from(v.OrderStatus),
    round=st.integers(1, 1_000),
    sample_type=st.sampled_from(v.SampleType),
    product_category=identifiers,
    quantity=st.integers(0, 2**31 - 1),
    style_number=st.none() | identifiers,
    promised_at=st.none() | times,
    production_step=st.none() | st.sampled_from(v.ProductionStep),
    changed_by=st.none() | identifiers,
    reason=st.none() | texts,
)
shipments = st.builds(
    LogisticsEvent,
    **common,
    shipment_id=identifiers,
    business_step=st.sampled_from(v.BusinessStep),
    disposition=st.none() | st.sampled_from(v.Disposition),
    order_ids=st.lists(identifiers, max_size=3).map(tuple),
    lot_ids=st.lists(identifiers, max_size=3).map(tuple),
    partial=st.booleans(),
    expected_arrival_at=st.none() | times,
    declared_value_minor=st.none() | st.integers(0, 2**63 - 1),
    declared_currency=st.none() | st.sampled_from(["CNY", "USD"]),
)
reports = st.builds(
    lambda value, grade, text: dataclasses.replace(
        REPORT,
        laboratory_report=dataclasses.replace(
            REPORT.laboratory_report,
            measurements=tuple(
                dataclasses.replace(found, value=value, change_grade=grade, text=text)
                for found in REPORT.laboratory_report.measurements
            ),
        ),
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["1", "1-2", "4-5", "5", "8"]),
    identifiers,
)


@given(st.one_of(orders, shipments, reports))
def test_what_is_sent_is_what_is_read(event: Any) -> None:
    value = CODEC.encode(event)
    assert CODEC.decode(topic_of(event), value) == event
    assert from_avro(type(event), to_avro(event)) == event
    assert from_json(json.loads(json.dumps(to_json(event)))) == event
    envelope = read_envelope(cloudevents_headers(event))
    assert envelope is not None
    assert (envelope.id, envelope.source) == (event.event_id, event.source)


# --- Broken bytes -----------------------------------------------------------------------------------------------------------------


def sound_or_refused(topic: str, value: bytes) -> None:
    """Either a ContractError, or an event that can be sent again."""
    try:
        event = CODEC.decode(topic, value)
    except ContractError:
        return
    assert CODEC.decode(topic, CODEC.encode(event)) == event


@settings(max_examples=400)
@given(st.sampled_from(list(EXAMPLES.values())), st.data())
def test_flipped_bits_and_cut_or_longer_values(event: Any, data: st.DataObject) -> None:
    value = bytearray(CODEC.encode(event))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "replace"])):
            case "flip":
                value[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del value[max(at, 1) :]
            case "insert":
                value[at:at] = data.draw(st.binary(max_size=12))
            case "replace":
                value[at] = data.draw(st.sampled_from([0x01, 0x7F, 0x80, 0xFF]))
    sound_or_refused(topic_of(event), bytes(value))


@settings(max_examples=400)
@given(st.sampled_from(KINDS), st.binary(max_size=300))
def test_any_bytes_behind_a_right_frame(kind: Kind, body: bytes) -> None:
    sound_or_refused(kind.topic, b"\0" + REGISTRY.latest(kind.subject).to_bytes(4, "big") + body)


@given(st.sampled_from(list(EXAMPLES.values())), st.integers(0, 10_000))
def test_every_cut_is_refused(event: Any, cut: int) -> None:
    value = CODEC.encode(event)
    with pytest.raises(DecodeError):
        CODEC.decode(topic_of(event), value[: cut % len(value)])


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(DecodeError, match="goes on for 3 bytes"):
        CODEC.decode(topic_of(ORDER), CODEC.encode(ORDER) + b"\0\0\0")


def zigzag(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def replaced(event: Any, old: bytes, new: bytes) -> bytes:
    body = CODEC.encode(event)
    assert body.count(old) == 1
    return body.replace(old, new)


HUGE = [2**31, 2**40, 2**62, -1, -(2**62)]


@pytest.mark.parametrize("length", HUGE)
def test_a_declared_length_allocates_nothing(length: int) -> None:
    text = replaced(ORDER, zigzag(len(ORDER.factory_id)) + ORDER.factory_id.encode(), zigzag(length) + b"F")
    ids = zigzag(len(SHIPMENT.order_ids)) + zigzag(len(SHIPMENT.order_ids[0])) + SHIPMENT.order_ids[0].encode()
    count = replaced(SHIPMENT, ids, zigzag(length) + zigzag(length) + b"x")
    for event, value in ((ORDER, text), (SHIPMENT, count)):
        CODEC.decode(topic_of(event), CODEC.encode(event))
        tracemalloc.start()
        with pytest.raises(DecodeError):
            CODEC.decode(topic_of(event), value)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200_000


def test_a_negative_index_of_an_enum_is_refused() -> None:
    """It is an offence to Avro; Python would take the symbol at that place from the end."""
    status, rest = zigzag(list(v.OrderStatus).index(ORDER.status)), zigzag(ORDER.round)
    with pytest.raises(DecodeError):
        CODEC.decode(topic_of(ORDER), replaced(ORDER, status + rest, zigzag(-6) + rest))


def test_a_negative_index_is_refused_where_a_named_type_is_used_again() -> None:
    """NonconformityClass is defined in the lot inspection and used by name in the corrective action."""
    body = CODEC.encode(ACTION)
    at = body.find(zigzag(2) + zigzag(1) + zigzag(len(ACTION.corrective_action.accepted_by)))
    assert at > 0
    assert body[at] == 4
    with pytest.raises(DecodeError):
        CODEC.decode(topic_of(ACTION), body[:at] + zigzag(-2) + body[at + 1 :])


@pytest.mark.parametrize(
    ("topic", "value", "problem"),
    [
        ("sample.orders.v1", None, "is empty"),
        ("sample.orders.v1", b"", "is empty"),
        ("sample.orders.v1", b"\0\0\0\0", "does not begin"),
        ("sample.orders.v1", b"\1\0\0\0\1", "does not begin"),
        ("sample.orders.v1", b"\0\0\0\0\x63", "99 is not in"),
        ("sample.orders.v1", b"\0\0\0\0\3", "3 is not a schema of org.weftline.v1.SampleOrderEvent"),
        ("sample.orders.v1.dlq", b"\0\0\0\0\1", "carries no events of ours"),
        ("sample.orders.v1", b"\0" + bytes(MAX_VALUE_BYTES), "at most"),
    ],
)
def test_what_is_no_event_says_why(topic: str, value: bytes | None, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        CODEC.decode(topic, value)


def test_a_value_too_large_for_kafka_is_refused_before_sending() -> None:
    event = dataclasses.replace(SHIPMENT, lot_ids=tuple(f"{number:0200}" for number in range(9_000)))
    with pytest.raises(ContractError, match=r"logistics: takes .* send it in parts"):
        CODEC.encode(event)


def test_rank() -> None:
    body = CODEC.encode(ORDER)[FRAMING:]
    assert 1 <= rank_of(body, False) <= 2**62
    assert rank_of(body, True) - rank_of(body, False) == 2**63
    assert rank_of(body, False) != rank_of(CODEC.encode(DECLARED)[FRAMING:], False)
    assert schema_id_of(CODEC.encode(ORDER)) == 1
    assert schema_id_of(b"\1abcd") is None


# --- Other versions of a schema ---------------------------------------------------------------------------------------------------


def order_schema(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    schema = copy.deepcopy(local_schema("sample.orders.v1-value", 1))
    change(schema)
    return schema


class Registered(FileRegistry):
    """Our files and one schema more, under id 9."""

    def __init__(self, schema: dict[str, Any], root: Path) -> None:
        shutil.copytree(schemas_root() / "avro", root / "avro")
        (root / "avro" / "sample.orders.v1-value" / "v9.avsc").write_text(json.dumps(schema))
        ids = yaml.safe_load((root / "avro" / "ids.yaml").read_text()) | {9: ["sample.orders.v1-value", 9]}
        (root / "avro" / "ids.yaml").write_text(yaml.safe_dump(ids))
        super().__init__(root)


def test_a_newer_version_is_read_by_ours(tmp_path: Path) -> None:
    def newer(schema: dict[str, Any]) -> None:
        fields = {field["name"]: field for field in schema["fields"]}
        fields["status"]["type"]["symbols"].insert(1, "TELEPORTED")
        schema["fields"].insert(3, {"name": "urgency", "type": ["null", "string"], "default": None})
        schema["fields"] = [field for field in schema["fields"] if field["name"] != "reason"]

    schema = order_schema(newer)
    codec = Codec(Registered(schema, tmp_path))
    for status, found in (("TELEPORTED", v.OrderStatus.UNKNOWN), ("CONFIRMED", v.OrderStatus.CONFIRMED)):
        out = BytesIO()
        schemaless_writer(out, parse_schema(schema), {**to_avro(ORDER), "status": status, "urgency": "high"})
        read = codec.decode("sample.orders.v1", b"\0\0\0\0\x09" + out.getvalue())
        assert read == dataclasses.replace(ORDER, status=found, reason=None)
    assert codec.decode("sample.orders.v1", codec.encode(ORDER)) == ORDER


def recursive(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "next", "type": ["null", "SampleOrderEvent"], "default": None})


def empty_items(schema: dict[str, Any]) -> None:
    empty = {"type": "record", "name": "Empty", "fields": [{"name": "nothing", "type": "null"}]}
    schema["fields"].append({"name": "many", "type": {"type": "array", "items": empty}, "default": []})


def incompatible(schema: dict[str, Any]) -> None:
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "factory_id"]


def invalid(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "bad", "type": {"type": "enum", "name": "Bad", "symbols": ["no symbol!"]}})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (recursive, "contains itself"),
        (empty_items, "take no bytes"),
        (incompatible, "No default value for field factory_id"),
        (invalid, "no valid Avro schema"),
    ],
)
def test_a_registered_schema_that_cannot_be_read_safely_is_refused(
    change: Callable[[dict[str, Any]], None], problem: str, tmp_path: Path
) -> None:
    schema = order_schema(change)
    codec = Codec(Registered(schema, tmp_path))
    body = CODEC.encode(ORDER)[FRAMING:]
    if change is incompatible:
        out = BytesIO()
        schemaless_writer(out, parse_schema(schema), to_avro(ORDER))
        body = out.getvalue()
    with pytest.raises(DecodeError, match=problem):
        codec.decode("sample.orders.v1", b"\0\0\0\0\x09" + body)


# --- A registry over HTTP ---------------------------------------------------------------------------------------------------------


class _Registry(BaseHTTPRequestHandler):
    """A registry that knows the order schema as 4711, and can be out of order."""

    asked: list[str]
    status: int

    def do_GET(self) -> None:
        self.answer({"schema": json.dumps(local_schema("sample.orders.v1-value", 1))} if self.path == "/schemas/ids/4711" else None)

    def do_POST(self) -> None:
        sent = json.loads(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["schema"])
        known = sent == local_schema("sample.orders.v1-value", 1) and self.path == "/subjects/sample.orders.v1-value"
        self.answer({"id": 4711} if known else None)

    def answer(self, body: dict[str, Any] | None) -> None:
        self.asked.append(self.path)
        text = json.dumps(body or {"error_code": 40403}).encode()
        self.send_response(self.status if self.status != 200 else 200 if body else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def served() -> Iterator[tuple[HttpRegistry, type[_Registry]]]:
    handler = type("Handler", (_Registry,), {"asked": [], "status": 200})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    registry = HttpRegistry(f"http://127.0.0.1:{server.server_port}/")
    yield registry, handler
    registry.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_registry(served: tuple[HttpRegistry, type[_Registry]]) -> None:
    registry, handler = served
    codec = Codec(registry)
    value = codec.encode(ORDER)
    assert schema_id_of(value) == 4711
    assert value[FRAMING:] == CODEC.encode(ORDER)[FRAMING:]
    for _ in range(3):
        assert codec.decode("sample.orders.v1", codec.encode(ORDER)) == ORDER
        assert Codec(registry).decode("sample.orders.v1", value) == ORDER
    assert handler.asked == ["/subjects/sample.orders.v1-value", "/schemas/ids/4711"], "each asked once"

    with pytest.raises(DecodeError, match="4712 is unknown"):
        codec.decode("sample.orders.v1", b"\0\0\0\x12\x68" + value[FRAMING:])
    with pytest.raises(UserError, match=r"does not know our schema of logistics\.events\.v1-value"):
        codec.encode(SHIPMENT)
    handler.status = 503
    with pytest.raises(DependencyDown, match=r"^schema-registry: .*503"):
        codec.decode("sample.orders.v1", b"\0\0\0\x12\x69" + value[FRAMING:])


def test_http_registry_that_does_not_answer() -> None:
    registry = HttpRegistry("http://127.0.0.1:1")
    with pytest.raises(DependencyDown, match=r"schema-registry: http.* does not answer"):
        Codec(registry).decode("sample.orders.v1", b"\0\0\0\0\1abc")
    registry.close()


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
    (ORDER, "round", 1_001, "to 1000"),
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
    (REPORT, "laboratory_report.traits", ("x",) * 1_001, "at most 1000"),
    (REPORT, "lot_ids", ("x",) * 10_001, "at most 10000"),
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
        ({"type": None}, "type", "None is none of order, inspection, logistics, alert"),
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
    assert [kind_of(event).ce_type for event in (REPORT, SHIPMENT, ALERT)] == [
        "org.weftline.inspection.result.v1",
        "org.weftline.logistics.event.v1",
        "org.weftline.quality.alert.v1",
    ]
    assert len({kind.ce_type for kind in BY_TYPE.values()}) == 4


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
