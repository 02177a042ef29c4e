"""A body that is as long as the plain spelling of its content is that spelling."""

from __future__ import annotations

from io import BytesIO
from random import Random
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import ACTION, CODEC, LOT, ORDER, REPORT, SHIPMENT
from tests.support.spellings import PLAINLY, Writer

from weftline.contracts.codec import FRAMING
from weftline.contracts.kinds import kind_of
from weftline.contracts.mapping import to_avro
from weftline.contracts.plain import UNTOLD, sizer_of

PART = {"type": "record", "name": "Part", "fields": [{"name": "n", "type": "int"}, {"name": "s", "type": ["null", "string"]}]}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "number", "type": "long"},
        {"name": "measured", "type": ["null", "double"]},
        {"name": "flag", "type": "boolean"},
        {"name": "symbol", "type": {"type": "enum", "name": "Symbol", "symbols": ["A", "B", "C"]}},
        {"name": "perhaps", "type": ["null", "Symbol"]},
        {"name": "part", "type": ["null", PART]},
        {"name": "parts", "type": {"type": "array", "items": "Part"}},
        {"name": "numbers", "type": {"type": "array", "items": "long"}},
    ],
}
PARSED = parse_schema(SCHEMA)
SIZE = sizer_of(SCHEMA)

longs = st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70)
texts = st.text(max_size=8) | st.integers(60, 70).map("x".__mul__)
parts = st.fixed_dictionaries({"n": st.integers(-100, 100), "s": st.none() | texts})
bodies = st.fixed_dictionaries(
    {
        "text": texts,
        "number": longs,
        "measured": st.none() | st.floats(allow_nan=False),
        "flag": st.booleans(),
        "symbol": st.sampled_from("ABC"),
        "perhaps": st.none() | st.sampled_from("ABC"),
        "part": st.none() | parts,
        "parts": st.lists(parts, max_size=3),
        "numbers": st.lists(longs, max_size=3) | st.integers(60, 130).map(lambda n: [1] * n),
    }
)


def plainly(body: dict[str, Any]) -> bytes:
    out = BytesIO()
    schemaless_writer(out, PARSED, body)
    return out.getvalue()


@given(bodies, st.randoms(use_true_random=False))
def test_no_other_spelling_is_as_long(body: dict[str, Any], chosen: Random) -> None:
    value = Writer(SCHEMA, chosen).write(body)
    read = schemaless_reader(BytesIO(value), PARSED, None)
    if SIZE(read) == len(value):
        assert value == plainly(body)


@given(bodies)
def test_the_length_is_that_of_the_plain_spelling_where_it_can_be_told(body: dict[str, Any]) -> None:
    told = not body["flag"] and len(body["numbers"]) < 64 and all(abs(n) < 2**60 for n in (body["number"], *body["numbers"]))
    assert SIZE(body) == len(plainly(body)) if told else SIZE(body) < 0


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"flag": True}, {b"\1": b"\xff"}),
        ({"numbers": [1] * 64}, {b"\x80\1" + b"\2" * 64 + b"\0": b"\x7e" + b"\2" * 63 + b"\2\2\0"}),
        ({"number": -(2**63)}, {b"\xff" * 9 + b"\1": b"\xff" * 9 + b"\x7f"}),
    ],
    ids=["any byte but 0 is true", "two blocks of less than 64", "the tenth byte has room to spare"],
)
def test_what_has_another_spelling_of_the_same_length_is_not_told(body: dict[str, Any], value: dict[bytes, bytes]) -> None:
    whole = {
        "text": "a", "number": 0, "measured": None, "flag": False, "symbol": "A", "perhaps": None, "part": None, "parts": [],
        "numbers": [], **body,
    }  # fmt: skip
    ((plain, other),) = value.items()
    spelt = plainly(whole).replace(plain, other)
    assert spelt != plainly(whole)
    assert len(spelt) == len(plainly(whole))
    assert schemaless_reader(BytesIO(spelt), PARSED, None) == whole, "fastavro reads it as the same"
    assert SIZE(whole) < 0


def test_what_no_schema_of_ours_has_is_not_told() -> None:
    for node in (
        "bytes",
        "float",
        ["null", "int", "string"],
        {"type": "map", "values": "int"},
        {"type": "fixed", "name": "F", "size": 3},
    ):
        size = sizer_of({"type": "record", "name": "R", "fields": [{"name": "a", "type": node}]})
        assert size({"a": b"1"}) <= UNTOLD + 100


@pytest.mark.parametrize("event", [ORDER, REPORT, LOT, ACTION, SHIPMENT], ids=lambda event: type(event).__name__)
def test_of_what_our_publishers_send_it_can_be_told(event: Any) -> None:
    body = to_avro(event)
    for version in CODEC._own[kind_of(event)]:
        if version.added.unused(body):
            assert version.length(body) == len(Writer(dict(version.local), PLAINLY).write(body))
    assert any(version.length(body) == len(CODEC.encode(event)) - FRAMING for version in CODEC._own[kind_of(event)])
