"""One content has one rank, whoever wrote it and in whatever spelling, version or schema; another content has another one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.examples import ACTION, CODEC, LOT, ORDER, REGISTRY, REPORT, SHIPMENT
from tests.support.spellings import Writer
from tests.support.strategies import EVENTS

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.kinds import MessageKind, kind_of
from weftline.contracts.mapping import from_json, to_avro, to_json
from weftline.contracts.registry import FileRegistry, local_schema
from weftline.contracts.topics import topic_of
from weftline.errors import ContractError


def sendable(event: Any) -> bool:
    """Whether it keeps its contract: the random replies that rules must bear are also such as nobody can send."""
    try:
        to_avro(event)
    except ContractError:
        return False
    return True


events = st.one_of(*(kind.filter(sendable) for kind in EVENTS.values()), st.sampled_from([ORDER, REPORT, LOT, ACTION, SHIPMENT]))
BY_NAME = {"order": ORDER, "report": REPORT, "lot": LOT, "action": ACTION, "shipment": SHIPMENT}


def framed(schema_id: int, schema: dict[str, Any], body: dict[str, Any], chosen: Random) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + Writer(schema, chosen).write(body)


def ranked(codec: Codec, event: Any, value: bytes) -> tuple[Any, int]:
    """The event as it is accepted, and its rank; by its stored bytes both stay the same for ever."""
    accepted: Any = codec.accept(topic_of(event), value)
    rank = codec.rank(accepted.message, accepted.value)
    assert codec.accept(topic_of(event), accepted.value) == accepted
    assert codec.decode(topic_of(event), accepted.value, stored=True) == accepted.message
    assert codec.stored(topic_of(event), accepted.value) == (accepted.message, rank)
    assert accepted.rank == rank
    return accepted.message, rank


def versions(kind: MessageKind, body: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Ids and schemas of ours that can say ``body``."""
    ids = {version: key for key, (subject, version) in REGISTRY.ids.items() if subject == kind.subject}
    return [(ids[own.number], dict(own.local)) for own in CODEC._own[kind] if own.added.unused(body)]


@given(events, st.randoms(use_true_random=False))
def test_one_content_has_one_rank_in_every_version_and_spelling(event: Any, chosen: Random) -> None:
    body = to_avro(event)
    own = CODEC.encode(event)
    assert CODEC.accept(topic_of(event), own).value == own, "what our publisher sends is stored as it is"
    rank = CODEC.rank(event, own)
    for schema_id, schema in versions(kind_of(event), body):
        value = framed(schema_id, schema, body, chosen)
        assert CODEC.decode(topic_of(event), value) == event
        assert ranked(CODEC, event, value) == (event, rank)


@given(events, events, st.randoms(use_true_random=False))
def test_another_content_has_another_rank(one: Any, other: Any, chosen: Random) -> None:
    assume(one != other)
    ranks = {
        ranked(CODEC, event, framed(schema_id, schema, to_avro(event), chosen))[1]
        for event in (one, other)
        for schema_id, schema in versions(kind_of(event), to_avro(event))
    }
    assert len(ranks) == 2


def fields_of(event: Any) -> list[tuple[str, ...]]:
    """The path of every field, at most one level within a body."""
    body = to_json(event)
    return [(name,) for name in body if name not in ("type", "kind")] + [
        (name, inner) for name, value in body.items() if isinstance(value, dict) for inner in value
    ]


@pytest.mark.parametrize("name", BY_NAME)
def test_each_field_is_content(name: str) -> None:
    """A change of any single field is another content, however small."""
    event = BY_NAME[name]
    ranks = {CODEC.rank(event, CODEC.encode(event))}
    tried = 1
    for path in fields_of(event):
        changed = to_json(event)
        place = changed
        for step in path[:-1]:
            place = place[step]
        before = place[path[-1]]
        if isinstance(before, str):
            if path[-1].endswith(("_at", "_time")):
                place[path[-1]] = before.replace(".000Z", ".001Z")
            elif not before.isupper() and not before.startswith(("+", "-")):
                place[path[-1]] = before + "x"
        elif isinstance(before, int) and not isinstance(before, bool):
            place[path[-1]] = before + 1
        elif isinstance(before, list):
            place[path[-1]] = before[:-1] if path[-1] != "plans" else before * 2
        if place[path[-1]] == before:
            continue
        other: Any = from_json(changed)
        ranks.add(CODEC.rank(other, CODEC.encode(other)))
        tried += 1
    assert tried > 6
    assert len(ranks) == tried


def test_a_default_left_out_and_one_that_is_written_are_one_content() -> None:
    bare = {key: value for key, value in to_json(ORDER).items() if key not in ("round", "sample_type", "reason", "sequence")}
    full = bare | {"round": 1, "sample_type": "UNKNOWN", "reason": None, "precision": "UNKNOWN", "sequence": None}
    one, other = (CODEC.encode(from_json(event)) for event in (bare, full))
    assert one == other


def test_in_json_too_the_spelling_is_no_content() -> None:
    spelt = to_json(REPORT)
    spelt["laboratory_report"]["measurements"][0] |= {"kind": "NUMBER", "value": 8.0}
    again = json.loads(json.dumps(spelt))
    again["event_time"] = REPORT.event_time
    again["laboratory_report"]["measurements"][0]["value"] = 8
    assert CODEC.encode(from_json(dict(reversed(again.items())))) == CODEC.encode(from_json(spelt))


# --- Schemas of others --------------------------------------------------------------------------------------------------------------

FOREIGN = 4711


class Foreign(FileRegistry):
    """Our files, and the schema of somebody else."""

    def __init__(self, schema: dict[str, Any]) -> None:
        super().__init__()
        self._foreign = schema

    def schema(self, schema_id: int) -> dict[str, Any]:
        return self._foreign if schema_id == FOREIGN else super().schema(schema_id)


def changed(event: Any, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    kind = kind_of(event)
    schema = copy.deepcopy(local_schema(kind.subject, kind.version))
    change(schema)
    return schema


def field(schema: dict[str, Any], *path: str) -> dict[str, Any]:
    """A field by its path through records."""
    found: dict[str, Any] = {}
    for name in path:
        found = next(field for field in schema["fields"] if field["name"] == name)
        branches = found["type"] if isinstance(found["type"], list) else [found["type"]]
        schema = next((branch for branch in branches if isinstance(branch, dict) and "fields" in branch), {})
    return found


def reordered(schema: dict[str, Any]) -> None:
    schema["fields"].reverse()
    # A named type is defined where it is met first.
    text, defined = json.dumps(schema["fields"]), dict[str, Any]()
    schema["fields"] = _defined_first(json.loads(text), defined, _definitions(json.loads(text)))


def _definitions(node: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(node, list):
        for part in node:
            found |= _definitions(part)
    elif isinstance(node, dict):
        if node.get("type") in ("record", "enum"):
            found[node["name"]] = node
        for part in node.values():
            found |= _definitions(part)
    return found


def _defined_first(node: Any, seen: dict[str, Any], known: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_defined_first(part, seen, known) for part in node]
    name = node if isinstance(node, str) else node.get("name") if node.get("type") in ("record", "enum") else None
    if name in known:
        if name in seen:
            return name
        node = seen[name] = dict(known[name])
    if isinstance(node, str):
        return node
    done = dict(node)
    for key in ("fields", "items", "type"):
        if isinstance(done.get(key), dict | list) or (key in ("items", "type") and done.get(key) in known):
            done[key] = _defined_first(done[key], seen, known)
    return done


def with_aliases(schema: dict[str, Any]) -> None:
    field(schema, "factory_id")["aliases"] = ["mill"]
    schema["aliases"] = ["SampleEvent"]


def narrower_numbers(schema: dict[str, Any]) -> None:
    """Written as int, read as long."""
    field(schema, "sequence")["type"] = ["null", "int"]


def an_extra_at_its_default(schema: dict[str, Any]) -> None:
    schema["fields"].insert(2, {"name": "urgency", "type": ["null", "string"], "default": None})
    schema["fields"].append({"name": "colours", "type": {"type": "array", "items": "string"}, "default": []})


def another_default(schema: dict[str, Any]) -> None:
    """Their default is only what *they* leave out: it says nothing of what stands in their bytes."""
    found = field(schema, "precision")
    found["default"] = "DAY"


SAME = (reordered, with_aliases, narrower_numbers, an_extra_at_its_default, another_default)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("change", SAME, ids=lambda change: change.__name__)
@settings(max_examples=20)
@given(chosen=st.randoms(use_true_random=False))
def test_under_a_foreign_schema_the_same_content_has_the_same_rank(
    change: Callable[[dict[str, Any]], None], name: str, chosen: Random
) -> None:
    event = BY_NAME[name]
    schema = changed(event, change)
    codec = Codec(Foreign(schema))
    value = framed(FOREIGN, schema, to_avro(event), chosen)
    assert ranked(codec, event, value) == (event, CODEC.rank(event, CODEC.encode(event)))
    assert codec.accept(topic_of(event), value).value == CODEC.encode(event), "no registry but ours is needed to read it again"


class Hidden(NamedTuple):
    """Something in a foreign schema that ours cannot say."""

    change: Callable[[dict[str, Any]], None]
    values: tuple[dict[str, Any], dict[str, Any]]


def an_extra(schema: dict[str, Any]) -> None:
    schema["fields"].insert(2, {"name": "urgency", "type": ["null", "string"], "default": None})


def a_symbol(schema: dict[str, Any]) -> None:
    field(schema, "status")["type"]["symbols"] += ["TELEPORTED", "VANISHED"]


UNSEEN = (
    Hidden(an_extra, ({"urgency": "high"}, {"urgency": "low"})),
    Hidden(a_symbol, ({"status": "TELEPORTED"}, {"status": "VANISHED"})),
)


@pytest.mark.parametrize("hidden", UNSEEN, ids=lambda hidden: hidden.change.__name__)
@given(first=st.randoms(use_true_random=False), second=st.randoms(use_true_random=False))
def test_what_we_cannot_see_is_content_all_the_same(hidden: Hidden, first: Random, second: Random) -> None:
    """Two events that look alike to us are two: their bytes are kept, for the version that will see the difference."""
    schema = changed(ORDER, hidden.change)
    codec = Codec(Foreign(schema))
    one, other = (to_avro(ORDER) | values for values in hidden.values)
    seen, rank = ranked(codec, ORDER, framed(FOREIGN, schema, one, first))
    assert ranked(codec, ORDER, framed(FOREIGN, schema, one, second)) == (seen, rank)
    alike, another = ranked(codec, ORDER, framed(FOREIGN, schema, other, second))
    assert alike == seen
    assert len({rank, another, CODEC.rank(seen, CODEC.encode(seen))}) == 3
    assert codec.accept(topic_of(ORDER), framed(FOREIGN, schema, one, first)).value[:FRAMING] == b"\0" + FOREIGN.to_bytes(4, "big")


# --- What was stored ----------------------------------------------------------------------------------------------------------------


@given(events, st.randoms(use_true_random=False))
def test_what_was_stored_as_it_came_keeps_its_rank(event: Any, chosen: Random) -> None:
    """Earlier versions stored every spelling of v1 as it came, and ranked its bytes."""
    schema_id, schema = versions(kind_of(event), to_avro(event))[0]
    assume(schema_id in (1, 2, 3))
    value = framed(schema_id, schema, to_avro(event), chosen)
    assert CODEC.rank(event, value) == rank_of(value[FRAMING:], event.error_declaration is not None)
