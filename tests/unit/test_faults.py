"""Every fault of an event at once: the same faults that reading it tells one by one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import EXAMPLES

from weftline.contracts.mapping import faults, from_json, to_json
from weftline.errors import ContractError

BODIES = [to_json(event) for event in EXAMPLES.values()]
WRONG: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**70, "", " x", "2026-13-01", "2026-05-04", "2026-05-04T09:30", [], [None], {}, {"value": 1}),
    *("DISPATCHD", "x" * 300, "a\x1fb", [[]], "+25:00", "NOT_DETECTED"),
)


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a body."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path for key, value in inner for path in [(*at, key), *places(value, (*at, key))]]


def put(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """A value into a body; what another change took away stays away."""
    node: Any = body
    for step in path[:-1]:
        if (
            not isinstance(node, dict | list)
            or (isinstance(node, dict) and step not in node)
            or (isinstance(node, list) and step >= len(node))
        ):
            return
        node = node[step]
    if isinstance(node, dict):
        if value is ...:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = value
    elif isinstance(node, list) and isinstance(path[-1], int) and path[-1] < len(node) and value is not ...:
        node[path[-1]] = value


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    body = copy.deepcopy(draw(st.sampled_from(BODIES)))
    paths = places(body)
    for _ in range(draw(st.integers(0, 4))):
        # A copy: what is put into a value that was put there before must not change what is put there next.
        put(body, draw(st.sampled_from(paths)), copy.deepcopy(draw(st.sampled_from((*WRONG, ...)))))
    if draw(st.booleans()):
        body[draw(st.sampled_from(("promised", "colour", "x\x00", "type")))] = 1
    return body


@given(spoilt())
def test_there_is_a_fault_where_reading_finds_one_and_only_there(body: dict[str, Any]) -> None:
    before = json.dumps(body)
    told = faults(body)
    assert json.dumps(body) == before
    assert len({fault.field for fault in told}) == len(told)
    first = None
    try:
        from_json(body)
    except ContractError as error:
        first = error.field
    # Which one comes first is a matter of the order of looking; that it is told is not.
    assert first in {fault.field for fault in told} if first is not None else told == []


def test_all_of_several_faults_are_told() -> None:
    body = next(b for b in BODIES if "laboratory_report" in b)
    body = copy.deepcopy(body)
    body["laboratory_report"]["measurements"][0]["kind"] = "NUMBR"
    body["laboratory_report"]["measurements"][1]["value"] = "7"
    del body["factory_id"]
    body["event_time"] = "yesterday"
    body["colour"] = "red"
    assert {fault.field for fault in faults(body)} == {
        "laboratory_report.measurements[0].kind",
        "laboratory_report.measurements[1].value",
        *("factory_id", "event_time", "event_time_zone_offset", "colour"),
    } - ({"event_time_zone_offset"} if "event_time_zone_offset" in body else set())


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"event_time": "2026-02-30", "promised_at": "2026-02-31"}, {"event_time", "promised_at"}),
        ({"event_time": "2026-02-03", "event_time_zone_offset": "+99:00"}, {"event_time_zone_offset"}),
        ({"type": "ordr"}, {"type"}),
        ({"precision": "DAY"}, {"event_time"}),
    ],
)
def test_what_concerns_dates_is_told_once(change: dict[str, Any], fields: set[str]) -> None:
    order = next(b for b in BODIES if b["type"] == "order" and b["status"] == "CONFIRMED")
    assert {fault.field for fault in faults({**order, **change})} == fields
