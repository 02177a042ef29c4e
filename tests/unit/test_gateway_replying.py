"""Answering an alert over HTTP: who may, what leads on, and what is published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.examples import CODEC
from tests.support.gateway import NOW, World
from tests.unit.test_gateway_publishing import problem
from tests.unit.test_gateway_reading import row

from weftline.domain.answers import EDGES, AnswerState
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import ReplyKind

URL = "/v1/alerts/a-1/replies"
_OF_ALERT = {ReplyKind.SEND, ReplyKind.CANCEL, ReplyKind.ACKNOWLEDGE, ReplyKind.ACCEPT, ReplyKind.DECLINE, ReplyKind.CLOSE}


def notification(receiver: str, state: AnswerState, tier: int = 0, sender: str = "", problems: tuple[str, ...] = ()) -> Any:
    """A row of what the gateway asks of the view of answers."""
    return (receiver, state.value, tier, sender, "MAJOR", NOW, NOW, None, None, "who acknowledged", "", "", "why", list(problems))


@pytest.fixture
def world() -> World:
    world = World()
    content = json.dumps({"lot_ids": ["l-1", "l-2"], "style_number": None})
    base = row(1, alert_id="a-1", factory_id="f-1", center_id="c-1", cooperative_id="coop")
    world.tables.alerts = [(*base, "RAISED", 7, 0, content, 1)]
    return world


def published(world: World) -> list[AlertReply]:
    return [CODEC.decode(record.topic, record.value) for record in world.outbox.sent]  # type: ignore[misc]


def test_a_factory_acknowledges(world: World) -> None:
    answer = world.ask("factory", "POST", URL, json={"reply": "acknowledge", "target_date": "2026-05-27", "by": "质量主管"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["events"][0]["type"] == "reply"
    (event,) = published(world)
    assert (event.alert_id, event.factory_id, event.center_id, event.cooperative_id) == ("a-1", "f-1", "c-1", "coop")
    assert (event.reply, event.replied_by, event.source) == (ReplyKind.ACKNOWLEDGE, "质量主管", "urn:weftline:partner:factory")
    assert event.target_at == 1_779_897_599_999, "a date ends with its day, at the factory"
    assert world.outbox.sent[0].key == b"f-1"


def test_an_operator_answers_for_anybody_and_is_named(world: World) -> None:
    assert world.ask("operator", "POST", URL, json={"reply": "CLOSE"}).status_code == 202
    assert published(world)[0].replied_by == "operator"


def test_what_is_not_ones_own_is_as_what_is_not_there(world: World) -> None:
    world.tables.alerts = []
    foreign = world.ask("factory", "POST", URL, json={"reply": "close"})
    problem(foreign, 404, "not-found")
    assert foreign.json() == world.ask("factory", "GET", "/v1/alerts/a-1").json()
    problem(world.ask("center", "POST", URL, json={"reply": "close"}), 403, "not-allowed")
    assert world.outbox.sent == []


def test_an_answer_cannot_come_by_the_way_of_events(world: World) -> None:
    event = {
        **{"type": "reply", "event_time": "2026-05-20T09:00:00+08:00", "reply": "CLOSE", "alert_id": "a-1", "factory_id": "f-1"},
    }
    assert problem(world.ask("center", "POST", "/v1/events", json=event), 403, "not-allowed") == ["factory_id"]


@pytest.mark.parametrize("state", AnswerState)
@pytest.mark.parametrize("kind", sorted(_OF_ALERT))
def test_every_edge_and_no_other(world: World, state: AnswerState, kind: ReplyKind) -> None:
    world.tables.notifications = [notification("f-1", state), notification("s-1", state, 1, "f-1")]
    answer = world.ask("factory", "POST", URL, json={"reply": kind.lower(), "supplier_id": "s-1", "reason": "because"})
    if kind in EDGES.get(state, {}):
        assert answer.status_code == 202, answer.text
    else:
        assert problem(answer, 409, "no-edge") == ["reply"]
        told = answer.json()
        assert told["state"] == state
        assert told["possible"] == [way.lower() for way in EDGES.get(state, ())]
        assert world.outbox.sent == []


def test_there_are_eleven_edges() -> None:
    assert sum(map(len, EDGES.values())) == 11
    assert {state for state in AnswerState if state.ended} == {AnswerState.CLOSED, AnswerState.CANCELED}


def test_a_supplier_answers_what_was_forwarded_to_him(world: World) -> None:
    ask = {"reply": "acknowledge", "supplier_id": "s-1"}
    assert problem(world.ask("factory", "POST", URL, json=ask), 409, "no-edge") == ["reply"]
    assert world.ask("factory", "POST", URL, json={"reply": "forward", "supplier_id": "s-1"}).status_code == 202
    world.tables.notifications = [notification("s-1", AnswerState.CREATED, 1, "f-1")]
    further = {"reply": "forward", "supplier_id": "s-2", "forwarded_by": "s-1"}
    assert problem(world.ask("factory", "POST", URL, json=further), 409, "no-edge") == ["reply"]
    world.tables.notifications = [notification("s-1", AnswerState.SENT, 1, "f-1")]
    assert world.ask("factory", "POST", URL, json=ask).status_code == 202
    assert world.ask("factory", "POST", URL, json=further).status_code == 202


def test_lots_are_held_back_and_set_free(world: World) -> None:
    assert world.ask("factory", "POST", URL, json={"reply": "block", "problem_id": "p-1"}).status_code == 202
    assert published(world)[0].lot_ids == ("l-1", "l-2"), "those of the alert, unless others are named"
    lift = {"reply": "lift", "problem_id": "p-1"}
    assert world.ask("factory", "POST", URL, json=lift).json()["possible"] == ["block"]
    world.tables.lots = [("l-1", True), ("l-2", True)]
    again = world.ask("factory", "POST", URL, json={"reply": "block", "problem_id": "p-1"})
    assert again.json()["possible"] == ["extend", "lift", "feedback"]
    assert world.ask("factory", "POST", URL, json=lift).status_code == 202


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"reply"}),
        ({"reply": "shout"}, {"reply"}),
        ({"reply": "decline"}, {"reason"}),
        ({"reply": "acknowledge", "target_date": "soon"}, {"target_date"}),
        ({"reply": "acknowledge", "by": ""}, {"by"}),
        ({"reply": "acknowledge", "why": "x"}, {"why"}),
        ({"reply": "forward"}, {"supplier_id"}),
        ({"reply": "lift"}, {"problem_id"}),
        ({"reply": "acknowledge", "lot_ids": ["l-1"]}, {"lot_ids"}),
        ({"reply": "acknowledge", "alert_id": "another"}, {"alert_id"}),
        ([], {"body"}),
    ],
)
def test_what_is_wrong_with_a_reply(world: World, body: Any, fields: set[str]) -> None:
    assert set(problem(world.ask("factory", "POST", URL, json=body), 422, "contract")) == fields
    assert world.outbox.sent == []


def test_one_key_is_one_reply(world: World) -> None:
    for replayed in (False, True):
        answer = world.ask("factory", "POST", URL, json={"reply": "close"}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202
        assert ("Idempotency-Replayed" in answer.headers) is replayed
    assert len(world.outbox.sent) == 1


def test_an_alert_shows_how_it_was_answered(world: World) -> None:
    told = world.ask("factory", "GET", "/v1/alerts/a-1").json()
    assert (told["answer"]["state"], told["suppliers"], told["replies"]) == ("RECEIVED", [], [])
    assert told["answer"]["possible"] == ["acknowledge", "close", "forward", "block"]
    world.tables.notifications = [
        notification("f-1", AnswerState.ACKNOWLEDGED, problems=("p-1",)),
        notification("s-1", AnswerState.SENT, 1, "f-1"),
    ]
    world.tables.replies = [(NOW, NOW, "ACKNOWLEDGE", "", "", "who", "", "applied", 1, "urn:x", "r-1")]
    told = world.ask("factory", "GET", "/v1/alerts/a-1").json()
    assert told["answer"]["possible"] == ["accept", "decline", "close", "forward", "block"]
    assert (told["answer"]["acknowledged_by"], told["answer"]["open_problems"]) == ("who acknowledged", ["p-1"])
    assert (told["suppliers"][0]["receiver_id"], told["suppliers"][0]["possible"]) == ("s-1", ["acknowledge", "close"])
    assert (told["replies"][0]["reply"], told["replies"][0]["counts"]) == ("acknowledge", True)
