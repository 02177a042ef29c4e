"""The audit log of the gateway, and limits on whoever is not known: what is noted, what is not, and that nobody waits for either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.support.gateway import ALL, NOW, World
from tests.unit.test_gateway_door import MISSING
from tests.unit.test_gateway_publishing import BODY, problem

from weftline.errors import DependencyDown
from weftline.gateway import app, journal
from weftline.gateway.door import STRANGERS_PER_MINUTE, neighbourhood
from weftline.gateway.limits import Limits
from weftline.warehouse.partners import LOG_COLUMNS

STRANGER = {"Authorization": "Bearer wft_000000000000_" + "A" * 43}


def noted(world: World) -> list[dict[str, object]]:
    """What stands in the audit log once everything is written."""
    world.runner.run(world.gateway.journal.write(world.tables))
    tables = [columns for name, columns in world.tables.inserted if name == "partner_log"]
    return [dict(zip(LOG_COLUMNS, row, strict=True)) for columns in tables for row in zip(*columns, strict=True)]


def test_who_published_and_who_read_what_is_noted() -> None:
    world = World()
    assert world.ask("center", "POST", "/v1/events", json=BODY).status_code == 202
    world.ask("factory", "GET", "/v1/alerts?limit=3")
    world.ask("factory", "GET", "/v1/events/x%20y")
    assert [(one["partner_id"], one["method"], one["asked"], one["status"], one["events"]) for one in noted(world)] == [
        ("center", "POST", "/v1/events", 202, 1),
        ("factory", "GET", "/v1/alerts?limit=3", 200, 0),
        ("factory", "GET", "/v1/events/x%20y", 403, 0),
    ]
    (token,) = [one.token_id for one in world.tables.tokens if one.partner_id == "center"]
    first, *others = noted(world)
    assert (first["token_id"], first["address"]) == (token, "127.0.0.1")
    assert len({one["entry_id"] for one in (first, *others)}) == 3


def test_no_request_waits_for_the_log_and_strangers_do_not_fill_it() -> None:
    world = World()
    world.ask("center", "GET", MISSING)
    for _ in range(3):
        assert world.ask(None, "GET", MISSING, headers=STRANGER).status_code == 401
    assert world.tables.inserted == []
    assert [one["partner_id"] for one in noted(world)] == ["center"]


def test_what_fails_in_an_unforeseen_way_is_noted_too() -> None:
    world = World()

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    world.ask("center", "GET", MISSING)
    world.tables.rows = broken  # type: ignore[assignment]
    world.ask("center", "GET", MISSING)
    assert [one["status"] for one in noted(world)] == [404, 500]


def test_what_could_not_be_written_is_written_once_later() -> None:
    world = World()
    world.ask("center", "GET", "/v1/events/1")
    insert = world.tables.insert

    async def refused(*_: object) -> None:
        raise DependencyDown("clickhouse", "away")

    world.tables.insert = refused  # type: ignore[assignment]
    with pytest.raises(DependencyDown):
        noted(world)
    world.ask("center", "GET", "/v1/events/2")
    world.tables.insert = insert  # type: ignore[method-assign]
    assert [one["asked"] for one in noted(world)] == ["/v1/events/1", "/v1/events/2"]
    assert len(noted(world)) == 2


def test_what_waits_is_bounded_and_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 2)
    world = World()
    for number in range(5):
        world.ask("center", "GET", f"/v1/events/{number}")
    assert world.gateway.metrics.unnoted._value.get() == 3
    assert [one["asked"] for one in noted(world)] == ["/v1/events/3", "/v1/events/4"]


def test_strangers_of_an_address_are_told_to_wait_and_lock_nobody_out() -> None:
    world = World()
    for _ in range(STRANGERS_PER_MINUTE):
        assert world.ask(None, "GET", MISSING, headers=STRANGER).status_code == 401
    for headers in (STRANGER, {}):
        answer = world.ask(None, "GET", MISSING, headers=headers)
        problem(answer, 429, "too-many")
        assert int(answer.headers["retry-after"]) >= 1
    assert world.ask("center", "GET", MISSING).status_code == 404
    world.later(60)
    assert world.ask(None, "GET", MISSING, headers=STRANGER).status_code == 401


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
    ],
)
def test_an_address_of_ipv6_is_one_of_many_of_the_same_machine(one: str, other: str, same: bool) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) is same


def test_a_partner_far_beyond_his_limit_costs_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused asks neither ClickHouse nor Kafka, reads no body, and takes from no bucket but its own."""
    greedy, reader = (replace(one, per_minute=10) for one in ALL if one.partner_id in ("center", "factory"))
    world = World(partners=[greedy, reader])
    for _ in range(10):
        world.ask("center", "GET", MISSING)
    asked = len(world.tables.asked)

    async def no_body(_: object) -> bytes:
        raise AssertionError("the body of a request that is refused was read")

    monkeypatch.setattr(app, "body_of", no_body)

    async def refused() -> list[int]:
        async with world.client() as client:
            headers = {"Authorization": f"Bearer {world.tokens['center']}", "Content-Type": "application/json"}
            return [(await client.post("/v1/events", headers=headers, json=BODY)).status_code for _ in range(100)]

    assert set(world.runner.run(refused())) == {429}
    assert len(world.tables.asked) == asked
    assert world.outbox.sent == []
    assert [world.ask("factory", "GET", "/v1/alerts").status_code for _ in range(10)] == [200] * 10
    assert world.ask("factory", "GET", "/v1/alerts").status_code == 429


def test_a_slow_body_is_given_up_and_a_steady_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """A request whose next part never comes."""

        def __init__(self, *parts: bytes) -> None:
            self.headers: dict[str, str] = {}
            self.parts = parts

        async def stream(self) -> AsyncIterator[bytes]:
            for part in self.parts:
                yield part
            await asyncio.Event().wait()

    monkeypatch.setattr(app, "BODY_SECONDS", 0.0)
    with pytest.raises(app.Problem) as raised:
        asyncio.run(app.body_of(Slow(b"[", b"1")))  # type: ignore[arg-type]
    assert raised.value.kind.status == 408

    class Steady(Slow):
        """A request whose parts come one after the other, each within what the former ones have earned."""

        async def stream(self) -> AsyncIterator[bytes]:
            for part in self.parts:
                await asyncio.sleep(0)
                yield part

    monkeypatch.setattr(app, "BODY_SECONDS", 3600.0)
    assert asyncio.run(app.body_of(Steady(b"[", b"]"))) == b"[]"  # type: ignore[arg-type]


def test_buckets_of_strangers_are_bounded() -> None:
    limits = Limits()
    for number in range(20_000):
        limits.take(f"10.{number >> 8}.{number & 255}.1", STRANGERS_PER_MINUTE, 1, float(NOW))
    assert len(limits._left) <= 10_000
