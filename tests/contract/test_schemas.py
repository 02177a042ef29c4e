"""The schema files: compatible in every direction, documented, numbered once, and the same as the code's tables and classes."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any

import avro.schema
import pytest
import yaml
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from fastavro.schema import fingerprint, to_parsing_canonical_form

from weftline.contracts.kinds import KINDS, MessageKind
from weftline.contracts.mapping import Contract
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry, local_schema
from weftline.contracts.rules import REQUIRED
from weftline.contracts.topics import load_topics
from weftline.domain import alerts, events, vocabulary
from weftline.domain.cooperative import events as cooperative

AVRO = schemas_root() / "avro"
FILES = sorted(AVRO.glob("*/v*.avsc"))
SUBJECTS = sorted({path.parent.name for path in FILES})
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named type and field of a schema with its dotted path."""
    if isinstance(schema, list):
        for branch in schema:
            yield from nodes(branch, path)
    elif isinstance(schema, dict):
        if schema["type"] in ("record", "enum"):
            yield path or schema["name"], schema
        for field in schema.get("fields", ()):
            inner = f"{path}.{field['name']}".lstrip(".")
            yield inner, field
            yield from nodes(field["type"], inner)
        if schema["type"] == "array":
            yield from nodes(schema["items"], path)


def named(schema: Any, kind: str) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for _, node in nodes(schema) if node["type"] == kind and "name" in node}


def unreadable(reader: dict[str, Any], writer: dict[str, Any]) -> list[str]:
    """Why ``reader`` cannot read what ``writer`` wrote; empty when it can."""
    check = ReaderWriterCompatibilityChecker()
    result = check.get_compatibility(avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer)))
    return [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages)


def incompatible(versions: list[dict[str, Any]]) -> list[str]:
    """Full and transitive: each version reads each other one."""
    return [why for reader, writer in itertools.permutations(versions, 2) for why in unreadable(reader, writer)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_all_versions_of_a_subject_read_each_other(subject: str) -> None:
    versions = [json.loads(path.read_text()) for path in FILES if path.parent.name == subject]
    assert versions
    assert unreadable(versions[-1], versions[-1]) == []
    assert incompatible(versions) == []


def test_a_breaking_change_would_be_found() -> None:
    old = local_schema("sample.orders.v1-value", 1)

    def changed(**field: Any) -> dict[str, Any]:
        new = copy.deepcopy(old)
        new["fields"] = [f for f in new["fields"] if f["name"] != field["name"]] + ([field] if "type" in field else [])
        return new

    assert incompatible([old, changed(name="urgency", type="string")]), "a new field without a default"
    assert incompatible([old, changed(name="factory_id")]), "a field without a default taken away"
    assert incompatible([old, changed(name="quantity", type="string", default="")]), "another type"
    middle = changed(name="urgency", type="string", default="")
    assert incompatible([old, middle]) == [], "a new field with a default"
    far = copy.deepcopy(middle)
    far["fields"][-1] = {"name": "urgency", "type": "int", "default": 0}
    assert incompatible([old, far]) == []
    assert incompatible([old, middle, far]), "not only neighbours are compared"


@by_file
def test_everything_is_documented(path: Any) -> None:
    assert [where for where, node in nodes(json.loads(path.read_text())) if len(node.get("doc", "")) < 5] == []


@by_file
def test_enums_survive_a_newer_publisher(path: Any) -> None:
    for name, enum in named(json.loads(path.read_text()), "enum").items():
        assert enum["default"] == enum["symbols"][0] == "UNKNOWN", name


@by_kind
def test_enums_are_the_vocabulary(kind: MessageKind) -> None:
    for name, enum in named(local_schema(kind.subject, kind.version), "enum").items():
        members = getattr(vocabulary, name)
        assert [member.value for member in members] == enum["symbols"], name
        assert all(member.name == member.value for member in members), name


def test_ids_are_unique_and_complete() -> None:
    text = (AVRO / "ids.yaml").read_text()
    ids = yaml.safe_load(text)
    # A repeated key would silently win in YAML.
    assert len(ids) == sum(1 for line in text.splitlines() if line[:1].isdigit())
    assert sorted(map(tuple, ids.values())) == sorted((path.parent.name, int(path.stem[1:])) for path in FILES)
    assert all(0 < key < 2**31 for key in ids)


#: Id → subject, version, and the CRC-64-AVRO fingerprint of the schema's Parsing Canonical Form (Avro specification).
GIVEN = {
    1: ("sample.orders.v1-value", 1, "1871c423f760e971"),
    2: ("inspection.results.v1-value", 1, "cb06f2d3f011477d"),
    3: ("logistics.events.v1-value", 1, "428ae8c7f5035057"),
    4: ("quality.alerts.v1-value", 1, "7f1c28de7351ba74"),
    5: ("inspection.results.v1-value", 2, "6e0163306ac7aa7d"),
    6: ("sample.orders.v1-value", 2, "8e5de79c81d2e8c5"),
    7: ("logistics.events.v1-value", 2, "a00fd8f6b255ff19"),
    8: ("inspection.results.v1-value", 3, "0283fe0d16f0773b"),
    9: ("quality.alerts.v1-value", 2, "3e35270ec8446343"),
    10: ("quality.alerts.v1-value", 3, "85e3544a3f82f782"),
    11: ("quality.alert-replies.v1-value", 1, "580c22b52e544e59"),
    12: ("cooperative.events.v1-value", 1, "3d1649c4c2c90a57"),
    13: ("cooperative.events.v1-value", 2, "f2153d7ed0818a64"),
    14: ("quality.alerts.v1-value", 4, "6193f7b58bdc6ee7"),
}


def test_ids_that_were_given_stay_and_so_do_their_schemas() -> None:
    """An id stands in every message that was ever sent: lines may be added here, never changed."""
    found = {
        given: (subject, version, fingerprint(to_parsing_canonical_form(local_schema(subject, version)), "CRC-64-AVRO"))
        for given, (subject, version) in FileRegistry().ids.items()
    }
    assert found == GIVEN


@by_kind
def test_kinds_agree_with_schemas_and_topics(kind: MessageKind) -> None:
    schema = local_schema(kind.subject, kind.version)
    assert kind.record == f"{schema['namespace']}.{schema['name']}"
    assert load_topics()[kind.topic].schema == kind.subject
    newest = max(int(path.stem[1:]) for path in FILES if path.parent.name == kind.subject)
    assert kind.version == newest


def test_every_topic_with_a_schema_has_a_kind_and_its_dead_letters() -> None:
    topics = load_topics()
    assert {topic.name for topic in topics.values() if topic.schema} == {kind.topic for kind in KINDS}
    for kind in KINDS:
        letters = topics[kind.topic].dead_letters
        assert letters == (None if kind.cls is alerts.Alert else f"{kind.topic}.dlq")
        assert letters is None or (topics[letters].schema is None and topics[letters].partitions == 1)


@by_kind
def test_classes_have_the_fields_and_defaults_of_the_schema(kind: MessageKind) -> None:
    records = named(local_schema(kind.subject, kind.version), "record")
    classes = {kind.record.rpartition(".")[2]: kind.cls}
    classes |= {
        name: getattr(events, name, None) or getattr(cooperative, name, None) or getattr(alerts, name)
        for name in records
        if name not in classes
    }
    for name, schema in records.items():
        cls: Any = classes[name]
        wanted = [field["name"] for field in schema["fields"]]
        found = [field.name for field in dataclasses.fields(cls)]
        assert sorted(found) == sorted(wanted), name
        for field in schema["fields"]:
            ours = cls.__dataclass_fields__[field["name"]].default
            if ours is not dataclasses.MISSING:
                assert "default" in field, f"{name}.{field['name']}"
                assert (list(ours) if isinstance(ours, tuple) else ours) == field["default"], f"{name}.{field['name']}"


@by_kind
def test_json_may_leave_out_exactly_what_has_a_default_in_the_schema(kind: MessageKind) -> None:
    rule = Contract()._tables[kind.cls]
    schema = local_schema(kind.subject, kind.version)
    complete = {field["name"]: None for field in schema["fields"] if "default" not in field}
    for name in complete:
        rest = {key: value for key, value in EXAMPLES[kind.name].items() if key in complete and key != name}
        with pytest.raises(Exception, match=f"^{name}: is missing$"):
            rule.from_json(rest)
    bare = rule.from_json({key: value for key, value in EXAMPLES[kind.name].items() if key in complete})
    assert {field["name"]: bare[field["name"]] for field in schema["fields"] if "default" in field} == {
        field["name"]: field["default"] for field in schema["fields"] if "default" in field
    }
    assert list(bare) == [field["name"] for field in schema["fields"]], "the tables keep the schema's order"
    assert rule.default is REQUIRED


def first_with_a_time(kind: MessageKind) -> dict[str, Any]:
    """An example that is told by its time: without its zone a date is no time, and that fault would come first."""
    files = sorted((schemas_root() / "examples" / kind.subject / "v1").glob("*.json"))
    found: list[dict[str, Any]] = [json.loads(path.read_text("utf-8")) for path in files]
    return next(example for example in found if "T" in example.get("event_time", "T"))


EXAMPLES = {kind.name: first_with_a_time(kind) for kind in KINDS}
