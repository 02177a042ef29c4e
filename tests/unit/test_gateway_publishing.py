"""Publishing over HTTP: every status, what is accepted, and that of anything else comes a problem with a field."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import CODEC, EXAMPLES, ORDER, REPORT
from tests.support.gateway import CENTER, MY_SHIPMENT, NOW, World, mine

from weftline.contracts.envelope import read_envelope
from weftline.contracts.mapping import to_json
from weftline.contracts.publishers import Grant, Grants
from weftline.contracts.signing import HEADER, SigningKey
from weftline.domain.events import OrderEvent
from weftline.gateway import bodies
from weftline.gateway.bodies import CLOUD_EVENT, CLOUD_EVENTS
from weftline.gateway.publishing import Publishing
from weftline.sdk.values import content_id

BODY = to_json(ORDER)
URL = "/v1/events"


@pytest.fixture
def world() -> World:
    return World()


def post(world: World, value: Any, who: str | None = "center", media: str = "application/json", **headers: str) -> Any:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return world.ask(who, "POST", URL, content=data, headers={"Content-Type": media, **headers})


def problem(answer: Any, status: int, kind: str) -> list[str]:
    """That an answer is this problem; the fields at fault."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["type"] == f"urn:weftline:problem:{kind}"
    assert said["status"] == status
    assert said["title"]
    assert said["detail"]
    return [fault["field"] for fault in said.get("faults", [])]


def test_one_event_lies_in_kafka_as_the_sdk_writes_it(world: World) -> None:
    answer = post(world, BODY)
    assert answer.status_code == 202, answer.text
    (record,) = world.outbox.sent
    assert (record.topic, record.key, record.value) == ("sample.orders.v1", ORDER.owner.encode(), CODEC.encode(ORDER))
    envelope = read_envelope(record.headers)
    assert envelope is not None
    assert (envelope.id, envelope.source) == (ORDER.event_id, ORDER.source)
    (told,) = answer.json()["events"]
    assert (told["id"], told["source"], told["type"], told["offset"]) == (ORDER.event_id, ORDER.source, "order", 0)
    assert world.ask("center", "GET", told["href"]).status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_batch_of_all_kinds(world: World) -> None:
    answer = post(world, [BODY, to_json(MY_SHIPMENT)])
    assert answer.status_code == 202, answer.text
    assert [record.topic for record in world.outbox.sent] == ["sample.orders.v1", "logistics.events.v1"]
    assert answer.json()["accepted"] == 2


def test_what_a_token_says_alone_may_be_left_out_and_so_may_the_id(world: World) -> None:
    short = {name: value for name, value in BODY.items() if name not in ("source", "center_id", "cooperative_id", "event_id")}
    answer = post(world, short)
    assert answer.status_code == 202, answer.text
    event = CODEC.decode("sample.orders.v1", world.outbox.sent[0].value)
    assert isinstance(event, OrderEvent)
    assert event == replace(ORDER, event_id=content_id(ORDER))
    assert answer.json()["events"][0]["id"] == event.event_id


def test_every_field_at_fault_is_told_and_nothing_is_sent(world: World) -> None:
    wrong = {**BODY, "status": "CONFIRMD", "quantity": -1, "colour": "red"}
    del wrong["order_id"]
    assert set(problem(post(world, wrong), 422, "contract")) == {"status", "quantity", "colour", "order_id"}
    answer = post(world, [BODY, wrong, "no event"])
    assert set(problem(answer, 422, "contract")) == {"status", "quantity", "colour", "order_id", "text"}
    assert {fault["event"] for fault in answer.json()["faults"]} == {1, 2}
    assert "did you mean CONFIRMED" in answer.text
    assert world.outbox.sent == []


def test_alerts_are_not_published(world: World) -> None:
    alert = to_json(next(one for name, one in EXAMPLES.items() if "quality.alerts" in name))
    assert problem(post(world, alert), 422, "contract") == ["type"]


def test_a_center_speaks_for_nobody_else(world: World) -> None:
    for field in ("source", "center_id", "cooperative_id"):
        answer = post(world, [BODY, {**BODY, field: "c-another"}])
        assert problem(answer, 403, "not-allowed") == [field]
        assert answer.json()["faults"][0]["event"] == 1
    report = to_json(mine(REPORT))
    assert problem(post(world, report), 403, "not-allowed") == ["laboratory_report.laboratory_id"]
    assert problem(post(world, BODY, "other"), 403, "not-allowed") == ["source", "cooperative_id", "center_id"]
    for who in ("factory", "officer", "operator"):
        assert problem(post(world, BODY, who), 403, "not-allowed") == []
    assert world.outbox.sent == []


def test_an_identity_stands_for_one_thing(world: World) -> None:
    assert post(world, BODY).status_code == 202
    assert post(world, BODY).status_code == 202  # the same again
    other = {**BODY, "quantity": 77}
    answer = post(world, other)
    assert problem(answer, 409, "conflict") == ["event_id"]
    assert "retract" in answer.text
    assert problem(post(world, {**BODY, "order_id": "another"}), 409, "conflict") == ["event_id"]  # of another owner
    assert len(world.outbox.sent) == 2
    fresh = World()
    fresh.tables.records.append((ORDER, NOW))  # the tables know it, this process does not
    assert problem(post(fresh, other), 409, "conflict") == ["event_id"]
    assert post(fresh, BODY).status_code == 202


def test_one_body_does_not_contradict_itself(world: World) -> None:
    answer = post(world, [BODY, {**BODY, "quantity": 77}])
    assert problem(answer, 409, "conflict") == ["event_id"]
    assert answer.json()["faults"][0]["event"] == 1
    assert world.outbox.sent == []
    assert post(world, [BODY, BODY]).status_code == 202


def test_of_two_requests_at_one_time_one_wins(world: World) -> None:
    async def both() -> list[int]:
        headers = {"Authorization": f"Bearer {world.tokens['center']}"}
        async with world.client() as client:
            sending = (client.post(URL, json={**BODY, "quantity": n}, headers=headers) for n in (1, 2, 3))
            answers = await asyncio.gather(*sending)
        return sorted(answer.status_code for answer in answers)

    assert world.runner.run(both()) == [202, 409, 409]
    assert len(world.outbox.sent) == 1


def test_a_declaration_is_about_its_event(world: World) -> None:
    declared = {**BODY, "error_declaration": {"declaration_time": "2026-06-01T00:00:00Z", "reason": "INCORRECT_DATA"}}
    assert post(world, declared).status_code == 202  # it may come first
    assert post(world, BODY).status_code == 202
    assert problem(post(world, {**declared, "order_id": "another"}), 409, "conflict") == ["event_id"]


def test_what_was_not_sent_is_not_remembered(world: World) -> None:
    world.outbox.down = True
    answer = post(world, BODY)
    problem(answer, 503, "away")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret" not in answer.text
    world.outbox.down = False
    assert post(world, {**BODY, "quantity": 77}).status_code == 202


def test_without_the_tables_nothing_is_accepted(world: World) -> None:
    assert post(world, to_json(MY_SHIPMENT)).status_code == 202
    world.tables.down = True
    answer = post(world, BODY)
    problem(answer, 503, "away")
    assert "secret" not in answer.text
    world.later(60)  # nor does anybody know who asks
    problem(post(world, BODY), 503, "away")
    assert len(world.outbox.sent) == 1


def test_warnings_are_told_of_what_is_accepted(world: World) -> None:
    answer = post(world, {**BODY, "product_category": "shet"})
    assert answer.status_code == 202
    (warning,) = [one for one in answer.json()["warnings"] if one["field"] == "product_category"]
    assert "did you mean sheet?" in warning["problem"]


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"", 400, "no-json"),
        (b"{", 400, "no-json"),
        (b"\xff", 400, "no-json"),
        (b'{"type": "order", "type": "order"}', 400, "no-json"),
        (b"NaN", 400, "no-json"),
        (b"[" * 200_000, 400, "no-json"),
        (b"[" * 60 + b"]" * 60, 422, "contract"),
        (b'{"type": "order", "order_id": ' + b'{"a":' * 60 + b"1" + b"}" * 61, 422, "contract"),
        (b"[]", 422, "contract"),
        (b"null", 422, "contract"),
        (b'{"type": "\\ud800"}', 422, "contract"),
        (b'{"\\ud800": 1, "type": "order"}', 422, "contract"),
        (b'{"type": "order", "quantity": 1' + b"0" * 5_000 + b"}", 400, "no-json"),
    ],
    ids=str,
)
def test_bodies_that_are_none(world: World, data: bytes, status: int, kind: str) -> None:
    assert problem(post(world, data), status, kind) != []


def test_too_large_and_of_another_kind(world: World) -> None:
    problem(post(world, b" " * (bodies.MAX_BODY_BYTES + 1)), 413, "too-large")
    problem(post(world, [BODY] * (bodies.MAX_EVENTS + 1)), 413, "too-large")
    problem(post(world, BODY, media="text/plain"), 415, "media")
    problem(post(world, BODY, media=""), 415, "media")
    problem(post(world, BODY, **{"Content-Encoding": "gzip"}), 415, "media")

    async def endless() -> AsyncIterator[bytes]:  # without a length, it is given up in the middle
        for _ in range(bodies.MAX_BODY_BYTES // 65_536 + 2):
            yield b" " * 65_536

    answer = world.ask("center", "POST", URL, content=endless(), headers={"Content-Type": "application/json"})
    problem(answer, 413, "too-large")


def test_an_idempotency_key(world: World) -> None:
    first = post(world, BODY, **{"Idempotency-Key": "k-1"})
    again = post(world, BODY, **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code, first.json()) == (202, 202, again.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(world.outbox.sent) == 1
    assert problem(post(world, to_json(MY_SHIPMENT), **{"Idempotency-Key": "k-1"}), 422, "contract") == ["Idempotency-Key"]
    assert problem(post(world, BODY, **{"Idempotency-Key": "k" * 201}), 422, "contract") == ["Idempotency-Key"]
    world.outbox.down = True  # what came to nothing may be tried again under its key
    problem(post(world, to_json(MY_SHIPMENT), **{"Idempotency-Key": "k-2"}), 503, "away")
    world.outbox.down = False
    assert post(world, to_json(MY_SHIPMENT), **{"Idempotency-Key": "k-2"}).status_code == 202


def test_whoever_sends_too_much_is_told_to_wait() -> None:
    world = World(partners=[replace(CENTER, per_minute=6)])
    assert post(world, [BODY] * 4).status_code == 202
    answer = post(world, [BODY] * 3)
    problem(answer, 429, "too-many")
    assert answer.headers["retry-after"] == "10"  # one was counted for the request itself
    world.later(10)
    assert post(world, BODY).status_code == 202
    world.later(60)
    assert post(world, [BODY] * 50).status_code == 429  # the request itself has emptied a part of the bucket
    assert len(world.outbox.sent) == 5


# -- CloudEvents


def cloud(**more: Any) -> dict[str, Any]:
    data = {name: value for name, value in BODY.items() if name not in ("type", "source", "event_id", "event_time")}
    own = {"specversion": "1.0", "id": ORDER.event_id, "source": ORDER.source, "type": "org.weftline.sample.order.v1"}
    return {**own, "time": BODY["event_time"], "data": data, **more}


def test_cloud_events_structured_and_batched(world: World) -> None:
    assert post(world, cloud(), media=CLOUD_EVENT + "; charset=utf-8").status_code == 202
    assert world.outbox.sent[0].value == CODEC.encode(ORDER)
    answer = post(world, [cloud(extension="any"), cloud(data=BODY)], media=CLOUD_EVENTS)
    assert answer.status_code == 202, answer.text
    assert {record.value for record in world.outbox.sent} == {CODEC.encode(ORDER)}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"specversion": "0.3"}, {"specversion"}),
        ({"id": ""}, {"id"}),
        ({"type": "org.weftline.sample.ordr.v1"}, {"type"}),
        ({"source": 7}, {"source"}),
        ({"time": "yesterday"}, {"time"}),
        ({"data": None}, {"data"}),
        ({"data": [1]}, {"data"}),
        ({"data_base64": "e30="}, {"data_base64"}),
        ({"datacontenttype": "text/xml"}, {"datacontenttype"}),
        ({"dataContentType": "application/json"}, {"dataContentType"}),
        ({"data": {**BODY, "event_id": "x"}}, {"id"}),
        ({"data": {**BODY, "source": "x"}}, {"source"}),
        ({"data": {**BODY, "type": "logistics"}}, {"type"}),
        ({"data": {**BODY, "event_time": "2020-01-01T00:00:00Z"}}, {"time"}),
        ({"data": {**BODY, "quantity": -1}, "id": ""}, {"id", "data.quantity"}),
    ],
)
def test_what_is_wrong_with_a_cloud_event(world: World, change: dict[str, Any], fields: set[str]) -> None:
    answer = post(world, cloud(**change), media=CLOUD_EVENT)
    found = set(problem(answer, 422, "contract"))
    assert fields <= found
    assert all(field in fields or field.startswith("data.") for field in found), answer.text
    assert world.outbox.sent == []


# -- Where publishers are bound


def test_a_bound_gateway_signs_and_refuses_what_processors_would_refuse() -> None:
    key = SigningKey.new()
    grant = Grant(
        publisher_id="gateway",
        public_key=key.public,
        valid_from=date(2020, 1, 1),
        sources=(ORDER.source,),
        centers=("*",),
        cooperatives=("*",),
        source="test",
    )
    world = World()
    world.gateway.publishing = Publishing(world.door, world.tables, world.outbox, CODEC, key=key, bound=True, now=lambda: NOW)
    answer = post(world, BODY)
    assert problem(answer, 403, "not-allowed") == ["signature"]
    assert world.outbox.sent == []
    world.door.grants = Grants([grant])
    assert post(world, BODY).status_code == 202
    assert HEADER in dict(world.outbox.sent[0].headers)


# -- Anything at all

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | st.sampled_from(sorted(BODY)), inner, max_size=6)
    ),
    max_leaves=25,
)
likely = st.fixed_dictionaries({}, optional={name: st.just(value) | values for name, value in BODY.items()})


@given(value=values | likely | st.lists(likely, max_size=3), media=st.sampled_from(["application/json", CLOUD_EVENT, CLOUD_EVENTS]))
def test_any_json_is_accepted_or_a_problem_with_a_field(value: Any, media: str) -> None:
    world = _WORLD
    world.later(600)
    answer = post(world, value, media=media)
    assert answer.status_code in (202, 403, 409, 422), (value, answer.text)
    if answer.status_code != 202:
        assert answer.json()["faults"], answer.text
        assert all(fault["field"] and fault["problem"] for fault in answer.json()["faults"])


_WORLD = World()
