"""Bytes to events and back: nothing but contract errors escapes, whatever the bytes; what is sent is what is read."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.examples import ACTION, CODEC, DECLARED, EXAMPLES, LOT, ORDER, REGISTRY, REPORT, SHIPMENT
from tests.support.letters import letters

from weftline.contracts.codec import FRAMING, MAX_VALUE_BYTES, rank_of, schema_id_of
from weftline.contracts.envelope import cloudevents_headers, read_envelope
from weftline.contracts.kinds import KINDS, MessageKind, kind_of
from weftline.contracts.limits import LIMITS
from weftline.contracts.mapping import TimeRange, from_avro, from_json, to_avro, to_json
from weftline.contracts.topics import topic_of
from weftline.domain import vocabulary as v
from weftline.domain.events import ErrorDeclaration, LogisticsEvent, OrderEvent
from weftline.errors import ContractError, DecodeError

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
    round=st.integers(1, 50),
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
                if found.kind is not v.MeasurementKind.NOT_DETECTED
                else found
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
def test_any_bytes_behind_a_right_frame(kind: MessageKind, body: bytes) -> None:
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
    names = tuple("纺" * 190 + f"{number:010}" for number in range(LIMITS.shipped))
    event = dataclasses.replace(SHIPMENT, lot_ids=names, order_ids=names)
    with pytest.raises(ContractError, match=r"logistics: takes .* send it in parts"):
        CODEC.encode(event)


def test_rank() -> None:
    body = CODEC.encode(ORDER)[FRAMING:]
    assert 1 <= rank_of(body, False) <= 2**62
    assert rank_of(body, True) - rank_of(body, False) == 2**63
    assert rank_of(body, False) != rank_of(CODEC.encode(DECLARED)[FRAMING:], False)
    assert schema_id_of(CODEC.encode(ORDER)) == 1
    assert schema_id_of(b"\1abcd") is None


# --- What is stored -----------------------------------------------------------------------------------------------------------------


def written(event: Any) -> bytes:
    """The bytes as a program without our contract would write them."""
    kind = kind_of(event)
    out = BytesIO()
    framing = b"\0" + REGISTRY.latest(kind.subject).to_bytes(4, "big")
    schemaless_writer(out, parse_schema(REGISTRY.schema(REGISTRY.latest(kind.subject))), _unchecked(event))
    return framing + out.getvalue()


def _unchecked(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _unchecked(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_unchecked(item) for item in value] if isinstance(value, tuple) else value


WIDE = [
    (dataclasses.replace(ORDER, round=LIMITS.rounds + 1), "round"),
    (dataclasses.replace(ORDER, reason="x" * (LIMITS.text + 1)), "reason"),
    (dataclasses.replace(ORDER, order_id="x" * (LIMITS.identifier + 1)), "order_id"),
    (dataclasses.replace(SHIPMENT, lot_ids=("x",) * (LIMITS.shipped + 1)), "lot_ids"),
    (dataclasses.replace(LOT, lot_ids=("x",) * (LIMITS.lots + 1)), "lot_ids"),
    *(
        (dataclasses.replace(REPORT, laboratory_report=dataclasses.replace(REPORT.laboratory_report, **{name: values})), name)
        for name, values in {
            "measurements": REPORT.laboratory_report.measurements[:1] * (LIMITS.measurements + 1),
            "test_plan": ("ph",) * (LIMITS.test_plan + 1),
            "traits": ("x",) * (LIMITS.traits + 1),
        }.items()
    ),
    (
        dataclasses.replace(
            LOT, lot_inspection=dataclasses.replace(LOT.lot_inspection, plans=LOT.lot_inspection.plans[:1] * (LIMITS.plans + 1))
        ),
        "plans",
    ),
]


@pytest.mark.parametrize(("event", "field"), WIDE, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_narrower_contract_refuses_is_still_read_where_it_is_stored(event: Any, field: str) -> None:
    """At the gate the field and its limit are named, whoever wrote the bytes; of what was stored before, nothing is lost."""
    value = written(event)
    with pytest.raises(ContractError, match=r"at most|to 50") as refused:
        CODEC.decode(topic_of(event), value)
    assert refused.value.field.rpartition(".")[2] == field
    with pytest.raises(ContractError, match=field):
        CODEC.encode(event)
    assert CODEC.decode(topic_of(event), value, stored=True) == event


@given(st.one_of(orders, shipments, reports, st.sampled_from(list(EXAMPLES.values()))))
def test_what_is_stored_reads_as_it_was_accepted(event: Any) -> None:
    value = CODEC.encode(event)
    assert CODEC.decode(topic_of(event), value, stored=True) == CODEC.decode(topic_of(event), value) == event
