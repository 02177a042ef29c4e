"""What a next version adds to a schema, and which events use it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.examples import ACTION, ALERT, LOT, ORDER, REPORT

from weftline.contracts.kinds import KINDS, kind_of
from weftline.contracts.mapping import to_avro
from weftline.contracts.registry import local_schema
from weftline.contracts.versions import added, named

Schema = dict[str, Any]


def next_version(event: Any, change: Callable[[dict[str, Any]], None]) -> tuple[Schema, Schema]:
    """The newest schema of the event's subject and one after it; ``change`` gets its named types."""
    kind = kind_of(event)
    old = local_schema(kind.subject, kind.version)
    new = copy.deepcopy(old)
    change(dict(named(new)))
    return old, new


def a_field(record: str, default: Any) -> Callable[[dict[str, Any]], None]:
    return lambda types: types[record]["fields"].append({"name": "grown", "type": ["null", "string"], "default": default})


def a_symbol(enum: str) -> Callable[[dict[str, Any]], None]:
    return lambda types: types[enum]["symbols"].append("GROWN")


PLACES = {
    "order": (ORDER, "SampleOrderEvent", "OrderStatus", ("status",)),
    "measurement": (REPORT, "Measurement", "MeasurementKind", ("laboratory_report", "measurements", 0, "kind")),
    "plan": (LOT, "PlanUsed", "Severity", ("lot_inspection", "plans", 0, "severity")),
    # Defined with the plan, and used by name here.
    "action": (ACTION, "CorrectiveAction", "NonconformityClass", ("corrective_action", "nonconformity_class")),
    "alert": (ALERT, "Evidence", "AlertSeverity", ("severity",)),
}


def put(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """``body`` with another value at ``path``."""
    changed = copy.deepcopy(body)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("place", PLACES)
def test_a_new_symbol_is_something_that_an_older_version_cannot_say(place: str) -> None:
    event, _, enum, path = PLACES[place]
    news = added(*next_version(event, a_symbol(enum)))
    assert news
    assert news.unused(to_avro(event))
    assert not news.unused(put(to_avro(event), path, "GROWN"))


@pytest.mark.parametrize("place", PLACES)
def test_a_new_field_is_unused_only_at_its_default(place: str) -> None:
    event, record, _, path = PLACES[place]
    news = added(*next_version(event, a_field(record, None)))
    within = ("evidence", 0) if place == "alert" else path[:-1]
    body = to_avro(event)
    news.complete(body)
    for value, unused in ((None, True), ("here", False)):
        assert news.unused(put(body, (*within, "grown"), value)) is unused


def test_what_is_added_to_a_type_reaches_every_use_of_its_name() -> None:
    """Evidence is defined in the alert, and used by name in the alerts that a digest lists."""
    news = added(*next_version(ALERT, a_field("Evidence", None)))
    listed = to_avro(ALERT) | {"evidence": []}
    body = {**to_avro(ALERT), "listed": [copy.deepcopy(to_avro(ALERT))]}
    news.complete(body)
    assert body["listed"][0]["evidence"][0]["grown"] is None
    assert news.unused(body)
    assert not news.unused(put(body, ("listed", 0, "evidence", 0, "grown"), "here"))
    assert news.unused({**body, "listed": [listed]})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_version_only_adds(kind: Any) -> None:
    """What was once given keeps its type, its default and the order of its symbols, else old bytes would mean something else."""
    for number in range(1, kind.version):
        older, newer = (local_schema(kind.subject, version) for version in (number, number + 1))
        assert only_adds(older, newer) == []


def only_adds(older: Schema, newer: Schema) -> list[str]:
    """What of ``older`` is another thing in ``newer``."""
    known, faults = dict(named(newer)), []
    for name, node in named(older):
        if node["type"] == "enum":
            if known[name]["symbols"][: len(node["symbols"])] != node["symbols"]:
                faults.append(name)
            continue
        fields = {field["name"]: field for field in known[name]["fields"]}
        faults += [
            f"{name}.{field['name']}"
            for field in node["fields"]
            if field["name"] not in fields or outline(field) != outline(fields[field["name"]])
        ]
    return faults


def outline(field: Schema) -> str:
    """Type and default, with named types by their names."""

    def short(node: Any) -> Any:
        if isinstance(node, list):
            return [short(branch) for branch in node]
        if not isinstance(node, dict):
            return node
        if node["type"] in ("record", "enum"):
            return node["name"]
        return {key: short(node[key]) for key in ("type", "items", "logicalType") if key in node}

    return json.dumps([short(field["type"]), field.get("default", "none at all")])


def test_what_does_not_only_add_is_found() -> None:
    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "SampleOrderEvent.round": lambda types: field(types, "round").update(default=2),
        "SampleOrderEvent.quantity": lambda types: field(types, "quantity").update(type="long"),
        "SampleOrderEvent.reason": lambda types: types["SampleOrderEvent"]["fields"].remove(field(types, "reason")),
        "OrderStatus": lambda types: types["OrderStatus"]["symbols"].insert(1, "GROWN"),
    }
    for fault, change in changes.items():
        assert only_adds(*next_version(ORDER, change)) == [fault]


def field(types: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in types["SampleOrderEvent"]["fields"] if found["name"] == name)
