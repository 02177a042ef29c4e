"""Reading over HTTP: what became of an event, taking one back, alerts page by page and one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import ALERT, CODEC, DECLARED, ORDER
from tests.support.gateway import FACTORY, NOW, OFFICER, OPERATOR, World
from tests.unit.test_gateway_publishing import BODY, post, problem

from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Partner, Role
from weftline.domain.events import OrderEvent
from weftline.domain.next_steps import NEXT
from weftline.domain.vocabulary import AlertRule, ErrorReason
from weftline.gateway import alerts
from weftline.gateway.problems import Problem

URL = f"/v1/events/{ORDER.event_id}"


@pytest.fixture
def world() -> World:
    return World()


def told(world: World, who: str = "center", url: str = URL) -> Any:
    answer = world.ask(who, "GET", url)
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["events"]
    return one


# -- What became of an event


def test_the_life_of_an_event(world: World) -> None:
    problem(world.ask("center", "GET", URL), 404, "not-found")
    post(world, BODY)
    found = told(world)
    assert (found["state"], found["counts"], found["retracted"]) == ("accepted", None, False)
    assert found["event"] == to_json(ORDER)
    world.tables.records.append((ORDER, NOW))
    assert told(world)["state"] == "stored"
    world.tables.facts[ORDER.event_id] = (1, "applied")
    found = told(world)
    assert (found["state"], found["counts"], found["judgement"]) == ("judged", True, "applied")
    assert told(world, "officer")["state"] == "judged"
    assert told(world, "operator")["owner"] == ORDER.owner


def test_a_dead_letter_is_told_with_its_reason(world: World) -> None:
    place = post(world, BODY).json()["events"][0]
    world.tables.letters[place["topic"], place["partition"], place["offset"]] = ("not_allowed", "signature", "is missing")
    found = told(world)
    assert found["state"] == "dead_letter"
    assert found["dead_letter"] == {"reason": "not_allowed", "field": "signature", "detail": "is missing"}


def test_ids_with_slashes_and_of_several_sources(world: World) -> None:
    odd = replace(ORDER, event_id="urn:x/y/retract?a=1#b")
    href = post(world, to_json(odd)).json()["events"][0]["href"]
    assert told(world, url=href)["id"] == odd.event_id
    assert told(world, url=href.partition("?")[0])["id"] == odd.event_id
    problem(world.ask("center", "GET", href.partition("?")[0] + "?source=another"), 404, "not-found")


def test_nobody_is_told_of_anothers_event(world: World) -> None:
    world.tables.records.append((replace(ORDER, cooperative_id="elsewhere"), NOW))
    missing = world.ask("other", "GET", "/v1/events/nothing")
    foreign = world.ask("other", "GET", URL)
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content) == (404, missing.content)
    assert world.ask("officer", "GET", URL).content == missing.content
    assert world.ask("center", "GET", URL).content == missing.content  # his source, and another's cooperative
    foreign = world.ask("other", "POST", f"{URL}/retract")
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert told(world, "operator")["state"] == "stored"


# -- Retract


def test_an_event_is_taken_back_as_it_was_sent(world: World) -> None:
    world.tables.records.append((ORDER, NOW))
    answer = world.ask("center", "POST", f"{URL}/retract", json={"reason": "did_not_occur", "corrective_event_ids": ["o-2"]})
    assert answer.status_code == 202, answer.text
    (record,) = world.outbox.sent
    event = CODEC.decode(record.topic, record.value)
    assert isinstance(event, OrderEvent)
    assert event.error_declaration is not None
    assert (event.error_declaration.reason, event.error_declaration.corrective_event_ids) == (ErrorReason.DID_NOT_OCCUR, ("o-2",))
    assert replace(event, error_declaration=None) == ORDER
    assert told(world)["retracted"]
    again = world.ask("center", "POST", f"{URL}/retract")
    assert (again.status_code, again.json()["accepted"], len(again.json()["retracted_before"])) == (202, 0, 1)
    assert len(world.outbox.sent) == 1


def test_what_was_just_published_is_taken_back_too(world: World) -> None:
    post(world, BODY)
    assert world.ask("center", "POST", f"{URL}/retract").status_code == 202
    assert len(world.outbox.sent) == 2


def test_what_was_declared_in_the_tables_is_not_declared_again(world: World) -> None:
    world.tables.records.append((DECLARED, NOW))
    own = replace(DECLARED, source=ORDER.source, center_id=ORDER.center_id, cooperative_id=ORDER.cooperative_id)
    world.tables.records[:] = [(own, NOW)]
    answer = world.ask("center", "POST", f"/v1/events/{own.event_id}/retract")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


def test_of_several_events_one_must_be_meant(world: World) -> None:
    world.tables.records += [(ORDER, NOW), (replace(ORDER, order_id="another"), NOW)]
    problem(world.ask("center", "POST", f"{URL}/retract"), 409, "conflict")
    assert world.outbox.sent == []
    answer = world.ask("center", "POST", f"{URL}/retract", json={"all": True})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"reason": "because"}, {"reason"}),
        ({"why": 1}, {"why"}),
        ({"all": "yes"}, {"all"}),
        ({"corrective_event_ids": "o-2"}, {"corrective_event_ids"}),
        ({"corrective_event_ids": ["", 7]}, {"corrective_event_ids[0]", "corrective_event_ids[1]"}),
        ([], {"body"}),
    ],
)
def test_what_is_wrong_with_a_retraction(world: World, body: Any, fields: set[str]) -> None:
    world.tables.records.append((ORDER, NOW))
    assert set(problem(world.ask("center", "POST", f"{URL}/retract", json=body), 422, "contract")) == fields
    assert world.outbox.sent == []


# -- Alerts


def row(number: int, occurred: int = NOW, **more: Any) -> tuple[Any, ...]:
    """A row of a page."""
    named = {name: f"{name}-{number}" for name in alerts._COLUMNS} | {"late_hours": 0, "replaces": "", **more}
    evidence = json.dumps([{"source": "s", "event_id": "e", "event_time": occurred, "value": "96 mg/kg"}])
    return (*(named[name] for name in alerts._COLUMNS), occurred, evidence)


def test_pages_follow_each_other(world: World) -> None:
    world.tables.alerts = [row(n, NOW - n) for n in range(3)]
    answer = world.ask("factory", "GET", "/v1/alerts?limit=2&severity=CRITICAL")
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert [one["alert_id"] for one in page["alerts"]] == ["alert_id-0", "alert_id-1"]
    assert page["alerts"][0]["text"] == {"zh": "text_zh-0", "en": "text_en-0"}
    assert page["alerts"][0]["evidence"][0]["event_time"].endswith("Z")
    assert page["alerts"][0]["replaces"] is None
    statement, asked = world.tables.asked[-1]
    assert (asked["mine"], asked["severity"], asked["most"]) == (["f-1"], "CRITICAL", 3)
    world.ask("factory", "GET", f"/v1/alerts?limit=2&cursor={page['next']}")
    statement, asked = world.tables.asked[-1]
    assert (asked["at"], asked["id"]) == (NOW - 1, "alert_id-1")
    assert "alert_id < {id:String}" in statement
    world.tables.alerts = [row(9)]
    assert world.ask("factory", "GET", "/v1/alerts").json()["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("rule=NONE", "rule"),
        ("severity=BAD", "severity"),
        ("state=closed", "state"),
        ("cursor=x", "cursor"),
        ("cursor=WzEsMl0", "cursor"),  # [1,2]
        ("cursor=" + "x" * 1001, "cursor"),
    ],
)
def test_parameters_that_are_none(world: World, query: str, field: str) -> None:
    assert problem(world.ask("factory", "GET", f"/v1/alerts?{query}"), 422, "contract") == [field]


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_no_cursor_is_taken_that_was_not_given(text: str) -> None:
    try:
        found = alerts.cursor(text)
    except Problem:
        return
    assert alerts.cursor(found.written()) == found


@given(st.integers(0, 1 << 60), st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=100))
def test_a_cursor_comes_back_as_it_was(at: int, alert_id: str) -> None:
    assert alerts.cursor(alerts.Cursor(at, alert_id).written()) == (at, alert_id)


def test_the_scope_is_part_of_every_statement() -> None:
    wild = Partner(partner_id="w", role=Role.FACTORY, factories=("a", "b*"))
    for build in (lambda who: alerts.page(who, alerts.Filters(), None, 10), lambda who: alerts.one(who, "x")):
        sql, asked = build(wild)
        assert "factory_id IN {mine:Array(String)}" in sql
        assert (asked["mine"], asked["mine_begin"]) == (["a"], ["b"])
        sql, asked = build(OFFICER)
        assert "cooperative_id IN {mine:Array(String)}" in sql
        assert asked["mine"] == [ORDER.cooperative_id]
        sql, asked = build(OPERATOR)
        assert "mine" not in sql
        assert "mine" not in asked
        sql, _ = build(Partner(partner_id="c", role=Role.CENTER))
        assert "AND 0" in sql or "WHERE 0" in sql
    assert "mine" in alerts.page(FACTORY, alerts.Filters(factory_id="f-2"), None, 1).sql  # a filter narrows, it never widens


def test_one_alert_with_its_history_and_what_to_do(world: World) -> None:
    alert = replace(ALERT, factory_id="f-1")
    later = replace(alert, revision=alert.revision + 2, status=type(alert.status).UPDATED)
    for one in (alert, alert, later, replace(alert, alert_id="another")):
        world.log.put(one)
    content = json.dumps({"style_number": "ST", "lot_ids": ["l"], "order_id": None, "evidence": []})
    base = row(1, alert_id=alert.alert_id, factory_id="f-1", rule=alert.rule.value)
    world.tables.alerts = [(*base, "UPDATED", later.revision, 0, content, 1)]
    found = world.ask("factory", "GET", f"/v1/alerts/{alert.alert_id}")
    assert found.status_code == 200, found.text
    said = found.json()
    assert (said["state"], said["style_number"], said["lot_ids"]) == ("open", "ST", ["l"])
    assert [one["revision"] for one in said["history"]] == [alert.revision, later.revision]
    assert said["history_is_complete"]
    assert said["next_step"]["en"].startswith("Stop shipping")
    world.tables.alerts = [(*base, "WITHDRAWN", later.revision, 0, content, 0)]
    said = world.ask("factory", "GET", f"/v1/alerts/{alert.alert_id}").json()
    assert (said["state"], said["next_step"]) == ("withdrawn", None)
    world.tables.alerts = []
    problem(world.ask("factory", "GET", f"/v1/alerts/{alert.alert_id}"), 404, "not-found")


def test_every_rule_says_what_to_do() -> None:
    assert set(NEXT) == {rule for rule in AlertRule if rule is not AlertRule.UNKNOWN}
    assert all(step.zh and step.en for step in NEXT.values())
