"""The SDK over HTTP, against the real application: the same events come out as over Kafka, and no failure is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.examples import CODEC, ORDER
from tests.support.gateway import NOW, World

from weftline.domain.events import OrderEvent
from weftline.errors import ContractError, UserError
from weftline.sdk import DeliveryError, HttpPublisher, Publisher, publish_file
from weftline.sdk.common import Defaults

SAID: dict[str, Any] = {
    "order_id": "A-17",
    "status": "CONFIRMED",
    "product_category": "sheet",
    "factory_id": "f-204",
    "event_time": NOW - 1000,
}


class Way:
    """From the SDK to the application, with what goes wrong on the way."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: list[Callable[[], httpx.Response | None]] = []
        self.asked = 0
        self.slept: list[float] = []
        self.seconds = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.before and (answer := self.before.pop(0)()) is not None:
            return answer
        given = {name: request.headers[name] for name in ("authorization", "content-type")}
        found = self.world.ask(None, request.method, request.url.path, content=request.content, headers=given)
        return httpx.Response(found.status_code, headers=dict(found.headers), content=found.content)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def publisher(self, token: str | None = None, **more: Any) -> HttpPublisher:
        own = Defaults(source=ORDER.source, cooperative_id=ORDER.cooperative_id, center_id=ORDER.center_id)
        return HttpPublisher(
            "http://127.0.0.1",
            token or self.world.tokens["center"],
            own,
            **{
                **{"delivery_timeout": 60.0, "strict": False, "on_advice": None, "now": lambda: NOW},
                **{"transport": httpx.MockTransport(self), "sleep": self.sleep, "clock": lambda: self.seconds},
                **more,
            },
        )


@pytest.fixture
def way() -> Way:
    return Way(World())


def events(way: Way) -> list[OrderEvent]:
    found = [CODEC.decode(record.topic, record.value) for record in way.world.outbox.sent]
    return [event for event in found if isinstance(event, OrderEvent)]


def test_the_same_methods_give_the_same_events(way: Way) -> None:
    with way.publisher() as center:
        sent = center.order(**SAID)
        center.order(**{**SAID, "order_id": "A-18"})
        assert center.flush() == 2
        assert center.flush() == 0
        center.declare_erroneous(sent, "incorrect_data", declaration_time=NOW)
    assert way.asked == 2  # a batch, and what was left at the end
    first, _, declared = events(way)
    assert first == sent.event
    assert (declared.event_id, declared.error_declaration is not None) == (first.event_id, True)


def test_what_is_wrong_is_told_before_it_is_sent(way: Way) -> None:
    with way.publisher() as center:
        with pytest.raises(ContractError, match="quantity"):
            center.order(**SAID, quantity=-1)
        with pytest.raises(ContractError, match="shet"):
            way.publisher(strict=True).order(**{**SAID, "product_category": "shet"})
    assert way.asked == 0


def test_the_good_go_on_and_the_others_are_raised(way: Way) -> None:
    with way.publisher() as center:
        center.order(**SAID)
        foreign = center.order(**SAID, center_id="another")
        center.order(**{**SAID, "order_id": "A-18"})
        with pytest.raises(DeliveryError, match="1 of 3 events were not delivered") as lost:
            center.flush()
    assert [one.event for one in lost.value.undelivered] == [foreign.event]
    assert "center_id: this token does not speak for 'another'" in lost.value.undelivered[0].reason
    assert [event.order_id for event in events(way)] == ["A-17", "A-18"]


def test_it_waits_as_long_as_it_is_told(way: Way) -> None:
    def away() -> httpx.Response:
        return httpx.Response(503, headers={"Retry-After": "7"})

    def gone() -> httpx.Response:
        raise httpx.ConnectError("refused")

    way.before = [away, gone, away]
    with way.publisher() as center:
        center.order(**SAID)
        assert center.flush() == 1
    assert way.slept == [7.0, 1.0, 7.0]


def test_it_gives_up_in_time(way: Way) -> None:
    way.world.outbox.down = True
    with way.publisher(delivery_timeout=12.0) as center:
        center.order(**SAID)
        with pytest.raises(DeliveryError, match="kafka does not answer"):
            center.flush()
    assert sum(way.slept) <= 12
    assert events(way) == []


def test_a_token_that_does_not_hold_is_a_users_error(way: Way) -> None:
    center = way.publisher("wft_nothing")
    center.order(**SAID)
    with pytest.raises(UserError, match="weftline partner rotate"):
        center.flush()
    center.order(**SAID)
    with pytest.raises(UserError):
        center.close()
    with pytest.raises(UserError, match="closed"):
        center.order(**SAID)


def test_large_numbers_go_in_batches(way: Way) -> None:
    with way.publisher() as center:
        for number in range(1_100):
            center.order(**{**SAID, "order_id": f"A-{number}"})
        assert way.asked == 2
        assert center.flush() == 1_100
    assert len(events(way)) == 1_100


def test_a_file_is_published_too(way: Way, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    body = {"type": "order", **SAID, "event_time": "2026-05-06T09:30:00+08:00"}
    file.write_text(f"{json.dumps(body)}\n{{}}\n{json.dumps({**body, 'order_id': 'A-18'})}\n", "utf-8")
    with way.publisher() as center:
        summary = publish_file(file, center)
    assert (summary.published, summary.bad, len(events(way))) == (2, 1, 2)


def test_where_it_goes_is_an_address() -> None:
    for url in ("gateway.example", "ftp://gateway", ""):
        with pytest.raises(UserError, match="gateway address"):
            Publisher.over_http(url, "wft_x")
    Publisher.over_http("http://127.0.0.1:1", "wft_x").close()
