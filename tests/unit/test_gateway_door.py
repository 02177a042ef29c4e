"""Who is let in: every role at every address, Host and Origin, tokens that hold no more; and what a refusal says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.examples import ORDER
from tests.support.gateway import ALL, CENTER, NOW, World
from tests.unit.test_gateway_publishing import BODY, problem
from tests.unit.test_gateway_reading import row

from weftline.contracts.mapping import to_json
from weftline.contracts.partners import revoked
from weftline.gateway.limits import Limits

FOREIGN = replace(ORDER, event_id="foreign", source="urn:foreign", center_id="x-1", cooperative_id="elsewhere")
MISSING = "/v1/events/nothing"

#: Address → method, path, body.
ASKED: dict[str, tuple[str, str, Any]] = {
    "publish own": ("POST", "/v1/events", BODY),
    "publish foreign": ("POST", "/v1/events", to_json(FOREIGN)),
    "event own": ("GET", f"/v1/events/{ORDER.event_id}", None),
    "event foreign": ("GET", "/v1/events/foreign", None),
    "retract own": ("POST", f"/v1/events/{ORDER.event_id}/retract", {}),
    "retract foreign": ("POST", "/v1/events/foreign/retract", {}),
    "alerts": ("GET", "/v1/alerts", None),
    "alert own": ("GET", "/v1/alerts/mine-1", None),
    "alert foreign": ("GET", "/v1/alerts/theirs-1", None),
    "stream": ("GET", "/v1/alerts/stream", None),
}
EXPECTED: dict[str, dict[str | None, int]] = {
    "publish own": {None: 401, "center": 202, "other": 403, "factory": 403, "officer": 403, "operator": 403},
    "publish foreign": {None: 401, "center": 403, "other": 403, "factory": 403, "officer": 403, "operator": 403},
    "event own": {None: 401, "center": 200, "other": 404, "factory": 403, "officer": 200, "operator": 200},
    "event foreign": {None: 401, "center": 404, "other": 404, "factory": 403, "officer": 404, "operator": 200},
    "retract own": {None: 401, "center": 202, "other": 404, "factory": 403, "officer": 403, "operator": 403},
    "retract foreign": {None: 401, "center": 404, "other": 404, "factory": 403, "officer": 403, "operator": 403},
    "alerts": {None: 401, "center": 403, "other": 403, "factory": 200, "officer": 200, "operator": 200},
    "alert own": {None: 401, "center": 403, "other": 403, "factory": 200, "officer": 200, "operator": 200},
    "alert foreign": {None: 401, "center": 403, "other": 403, "factory": 404, "officer": 404, "operator": 404},
    "stream": {None: 401, "center": 403, "other": 403, "factory": 200, "officer": 200, "operator": 200},
}


class ByScope:
    """Alerts as ClickHouse gives them: only what the scope in the statement lets through."""

    def __init__(self, world: World) -> None:
        self._rows = world.tables.rows

    async def __call__(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        if "alerts" not in statement:
            return await self._rows(statement, parameters)
        if "id" in parameters and parameters["id"] != "mine-1":
            return []
        mine = parameters.get("mine")
        if mine is not None and not {"f-1", ORDER.cooperative_id} & set(mine):
            return []
        base = row(1, alert_id="mine-1", factory_id="f-1", rule="LOT_NOT_ACCEPTED")
        return [(*base, "RAISED", 1, 0, "{}", 1) if "id" in parameters else base]


@pytest.mark.parametrize("who", [None, *(one.partner_id for one in ALL)])
@pytest.mark.parametrize("asked", list(ASKED))
def test_every_role_at_every_address(asked: str, who: str | None) -> None:
    world = World()
    world.tables.records += [(ORDER, NOW), (FOREIGN, NOW)]
    world.tables.rows = ByScope(world)  # type: ignore[method-assign]
    method, path, body = ASKED[asked]
    answer = world.ask(who, method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == EXPECTED[asked][who], answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        for secret in ("foreign", "x-1", "elsewhere", "mine-1", "theirs-1"):
            # What the caller said himself may be said back to him.
            assert secret not in answer.text or secret in str(body), answer.text
    assert len(world.outbox.sent) == (1 if method == "POST" and answer.status_code == 202 else 0)


def test_foreign_and_missing_are_not_told_apart() -> None:
    world = World()
    world.tables.records += [(FOREIGN, NOW)]
    for who in ("center", "other", "officer"):
        pair = [world.ask(who, "GET", path) for path in ("/v1/events/foreign", "/v1/events/nothing")]
        assert pair[0].content == pair[1].content
        assert pair[0].status_code == pair[1].status_code == 404


def test_tokens_that_do_not_hold_look_alike() -> None:
    world = World()
    right = world.tokens["center"]
    wrong = [
        "",
        "Bearer",
        f"Basic {right}",
        f"Bearer {right}x",
        f"Bearer {right[:-2]}",
        "Bearer " + "wft_" + "0" * 12 + "_" + "A" * 43,
    ]
    answers = [world.ask(None, "GET", MISSING, headers={"Authorization": text} if text else {}) for text in wrong]
    answers.append(world.ask(None, "GET", MISSING))
    world.later(10)
    world.tables.tokens = [revoked(one, NOW) for one in world.tables.tokens]
    answers.append(world.ask("center", "GET", MISSING))
    world.later(10)
    world.tables.tokens, world.tables.partners = [], []
    answers.append(world.ask("center", "GET", MISSING))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="weftline"'}
    assert right not in answers[0].text


def test_a_partner_who_is_disabled_is_out_after_some_seconds() -> None:
    world = World()
    assert world.ask("center", "GET", MISSING).status_code == 404
    world.tables.partners = [replace(one, disabled=True) for one in world.tables.partners]
    world.later(5)
    assert world.ask("center", "GET", MISSING).status_code == 401


def test_when_a_token_was_last_taken_is_written_down() -> None:
    world = World()
    world.ask("center", "GET", MISSING)
    world.ask(None, "GET", MISSING)
    world.runner.run(world.door.write_uses())
    world.runner.run(world.door.write_uses())
    (token,) = [one.token_id for one in world.tables.tokens if one.partner_id == "center"]
    assert world.tables.inserted == [("partner_uses", [[token], [NOW]])]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8081"}, 404),
        ({"Host": "localhost"}, 404),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1", "Origin": "https://evil.example"}, 403),
        ({"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}, 404),
        ({"Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
    ],
)
def test_host_and_origin_on_every_address(headers: dict[str, str], status: int) -> None:
    world = World()
    assert world.ask("center", "GET", MISSING, headers=headers).status_code == status
    for path in ("/healthz", "/v1/openapi.json", "/nothing"):
        assert (world.ask(None, "GET", path, headers=headers).status_code == 403) is (status == 403)


def test_what_is_not_served() -> None:
    world = World()
    problem(world.ask("center", "GET", "/v2/events"), 404, "not-found")
    problem(world.ask("center", "DELETE", "/v1/alerts"), 405, "method")
    assert world.ask(None, "GET", "/healthz").text == "ok\n"
    for path in ("/docs", "/redoc", "/openapi.json", "/metrics"):
        assert world.ask(None, "GET", path).status_code == 404


def test_nothing_unforeseen_is_told() -> None:
    world = World()

    async def broken(*_: object) -> list[tuple[Any, ...]]:
        raise ZeroDivisionError("secret of the program")

    world.ask("center", "GET", MISSING)
    world.tables.rows = broken  # type: ignore[method-assign]
    answer = world.ask("center", "GET", MISSING)
    problem(answer, 500, "unforeseen")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_openapi_has_examples_that_are_accepted_and_every_status() -> None:
    world = World()
    found = world.ask(None, "GET", "/v1/openapi.json").json()
    publish = found["paths"]["/v1/events"]["post"]
    assert {"202", "400", "401", "403", "409", "413", "415", "422", "429", "503"} <= publish["responses"].keys()
    content = publish["requestBody"]["content"]
    own = {"source": ORDER.source, "center_id": ORDER.center_id, "cooperative_id": ORDER.cooperative_id}
    for media, said in content.items():
        for value in [one["value"] for one in said.get("examples", {}).values()] or [said["example"]]:
            answer = world.ask(
                "center", "POST", "/v1/events", json=_owned(value, own), headers={"Content-Type": media, "X-Test": "1"}
            )
            assert answer.status_code in (202, 403, 409), answer.text  # of form there is nothing to say
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "Problem" in found["components"]["schemas"]
    order = next(one for one in content["application/json"]["schema"]["oneOf"] if one.get("title") == "SampleOrderEvent")
    assert "CONFIRMED" in order["properties"]["status"]["enum"]
    assert "event_id" not in order["required"]


def _owned(value: Any, own: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_owned(one, own) for one in value]
    if "specversion" in value:
        return {**value, "source": own["source"], "data": {**value["data"], "center_id": own["center_id"]}}
    return {**value, **own}


def test_a_bucket_fills_evenly_and_is_a_partners_own() -> None:
    limits = Limits()
    assert [limits.take("a", 60, 1, 0.0) for _ in range(60)] == [0.0] * 60
    assert limits.take("a", 60, 1, 0.0) == pytest.approx(1.0)
    assert limits.take("b", 60, 1, 0.0) == 0.0
    assert limits.take("a", 60, 5, 3.0) == pytest.approx(2.0)  # nothing was taken
    assert limits.take("a", 60, 3, 3.0) == 0.0
    assert limits.take("a", 60, 1_000, 63.0) == 0.0  # a full bucket, all of which it takes
    assert limits.take("a", 60, 1, 63.0) > 0
    assert limits.take("a", 60, 1, 10.0) > 0  # a clock that goes back fills nothing


def test_the_partner_of_these_tests_says_what_the_examples_say() -> None:
    assert list(CENTER.refusals(ORDER)) == []


def test_while_the_tables_are_away_they_are_not_asked_by_everybody_in_turn() -> None:
    world = World()
    world.tables.down = True
    asked = 0
    rows = world.tables.rows

    async def counted(*of: Any) -> list[tuple[Any, ...]]:
        nonlocal asked
        asked += 1
        return await rows(*of)

    world.tables.rows = counted  # type: ignore[method-assign]
    for _ in range(5):
        problem(world.ask("center", "GET", MISSING), 503, "away")
    assert asked == 1
    world.later(1)
    world.tables.down = False
    assert world.ask("center", "GET", MISSING).status_code == 404
