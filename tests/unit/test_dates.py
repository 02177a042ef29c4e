"""A date without a time: how it is given, and that what is known by its date is never early or late within its day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.contracts.codec import Codec, schema_id_of
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json, to_json
from weftline.contracts.registry import FileRegistry
from weftline.domain.events import LogisticsEvent, OrderEvent
from weftline.domain.fold import History, Outcome, Record
from weftline.domain.logistics import ShipmentRules
from weftline.domain.orders import OrderRules
from weftline.domain.vocabulary import BusinessStep, OrderStatus, Precision
from weftline.errors import ContractError
from weftline.sdk.common import Defaults
from weftline.sdk.methods import EventMethods

HOUR = 3_600_000
DAY = 24 * HOUR
# The first moment of 2026-11-10 at +08:00, and the last of 2026-11-12.
TENTH = 1_794_240_000_000
LAST_OF_TWELFTH = TENTH + 3 * DAY - 1
ORDER: dict[str, Any] = {
    "type": "order",
    "source": "urn:export",
    "event_id": "e1",
    "event_time": "2026-11-10",
    "event_time_zone_offset": "+08:00",
    "cooperative_id": "haimen",
    "center_id": "c1",
    "factory_id": "f1",
    "order_id": "o1",
    "status": "CONFIRMED",
    "product_category": "sheet",
}


class Kept(EventMethods[AnyEvent]):
    def publish(self, event: AnyEvent) -> AnyEvent:
        return event


SDK = Kept(Defaults(source="urn:export", cooperative_id="haimen", center_id="c1", time_zone_offset="+08:00"))


@pytest.mark.parametrize("day", ["2026-11-10", "2026/11/10"])
def test_a_date_is_a_day_of_its_zone(day: str) -> None:
    event = from_json(ORDER | {"event_time": day, "promised_at": "2026-11-12"})
    assert isinstance(event, OrderEvent)
    assert (event.event_time, event.precision, event.promised_at) == (TENTH, Precision.DAY, LAST_OF_TWELFTH)
    assert from_json(to_json(event)) == event
    assert schema_id_of(Codec(FileRegistry()).encode(event)) == 6
    sdk = {"order_id": "o1", "status": "CONFIRMED", "product_category": "sheet", "factory_id": "f1", "event_id": "e1"}
    assert SDK.order(**sdk, event_time=date(2026, 11, 10), promised_at=date(2026, 11, 12)) == event


def test_a_promise_by_date_of_an_event_with_a_time() -> None:
    event = from_json(ORDER | {"event_time": "2026-11-10T09:00:00+08:00", "promised_at": "2026/11/12"})
    assert isinstance(event, OrderEvent)
    assert (event.precision, event.promised_at) == (Precision.UNKNOWN, LAST_OF_TWELFTH)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_time": "2026-11-10T09:00:00+08:00", "precision": "DAY"}, "event_time"),
        ({"event_time": "2026-11-31"}, "event_time"),
        ({"event_time_zone_offset": None}, "event_time_zone_offset"),
        ({"event_time_zone_offset": "8"}, "event_time_zone_offset"),
        ({"precision": "HOUR"}, "precision"),
    ],
)
def test_what_is_no_day_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    fields = {name: value for name, value in (ORDER | change).items() if value is not None}
    with pytest.raises(ContractError) as refused:
        from_json(fields)
    assert refused.value.field == field


def test_the_sdk_takes_no_date_where_a_time_is_needed() -> None:
    with pytest.raises(ContractError, match="has no time"):
        SDK.declare_erroneous(from_json(ORDER), "INCORRECT_DATA", declaration_time=date(2026, 11, 12))  # type: ignore[arg-type]


def test_a_promise_in_an_event_by_date_ends_with_its_day() -> None:
    """Also where the publisher wrote the day's midnight."""
    event = from_json(ORDER | {"promised_at": "2026-11-12T00:00:00+08:00"})
    assert isinstance(event, OrderEvent)
    assert event.deadline(event.promised_at) == LAST_OF_TWELFTH
    exact = from_json(ORDER | {"promised_at": "2026-11-12T18:00:00+08:00"})
    assert isinstance(exact, OrderEvent)
    assert exact.deadline(exact.promised_at) == exact.promised_at


def folded(events: Iterable[Any], rules: Any, as_of: int) -> Outcome:
    return History("owner", rules).add([Record(event, 1 + place) for place, event in enumerate(events)], as_of)


def order(status: OrderStatus, time: int, **more: Any) -> OrderEvent:
    event = from_json(ORDER | {"event_id": f"{time} {status}", "event_time": time, "status": status.value})
    assert isinstance(event, OrderEvent)
    return replace(event, **more)


def shipment(step: BusinessStep, time: int, **more: Any) -> LogisticsEvent:
    event = LogisticsEvent(
        source="tms",
        event_id=f"{time} {step}",
        event_time=time,
        event_time_zone_offset="+08:00",
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        shipment_id="s1",
        business_step=step,
    )
    return replace(event, **more)


days = st.integers(0, 3)
hours = st.integers(0, 23)


@settings(max_examples=150, deadline=None)
@given(days, hours, days, st.lists(st.tuples(days, hours), max_size=2, unique=True))
def test_what_happened_on_a_date_is_late_only_if_the_day_is(
    promised: int, hour: int, done: int, between: list[tuple[int, int]]
) -> None:
    """Whatever hour the promise names, and whatever else is known by the hour of that very day."""
    deadline = TENTH + promised * DAY + hour * HOUR
    late = done > promised
    made = [order(OrderStatus.IN_PRODUCTION, TENTH + day * DAY + at * HOUR) for day, at in between if day <= done]
    dispatched = order(OrderStatus.DISPATCHED, TENTH + done * DAY, precision=Precision.DAY)
    confirmed = order(OrderStatus.CONFIRMED, TENTH, precision=Precision.DAY, promised_at=deadline + 1)
    (row,) = folded([confirmed, *made, dispatched], OrderRules, TENTH + 99 * DAY).rows
    assert bool(row.alerts) is late
    on_way = [shipment(BusinessStep.HOLDING, TENTH + day * DAY + at * HOUR) for day, at in between if day <= done]
    arrived = shipment(BusinessStep.ARRIVING, TENTH + done * DAY, precision=Precision.DAY)
    departed = shipment(BusinessStep.DEPARTING, TENTH, precision=Precision.DAY, expected_arrival_at=deadline + 1)
    outcome = folded([departed, *on_way, arrived], ShipmentRules, TENTH + 99 * DAY)
    assert bool(outcome.rows[0].alerts) is late
    assert all(fact.judgement in ("applied", "noted") for fact in outcome.facts)


def test_a_date_is_ordered_by_the_life_cycle_among_hours_of_its_day() -> None:
    """A fact at the day's beginning is judged by what another system says of its evening."""
    dispatched = order(OrderStatus.DISPATCHED, TENTH, precision=Precision.DAY)
    confirmed = order(OrderStatus.CONFIRMED, TENTH + 15 * HOUR, promised_at=TENTH + 20 * HOUR)
    received = order(OrderStatus.RECEIVED, TENTH + 23 * HOUR)
    outcome = folded([received, dispatched, confirmed], OrderRules, TENTH + 99 * DAY)
    assert {fact.event_id.split()[1]: fact.judgement for fact in outcome.facts} == {
        "CONFIRMED": "step_skipped",
        "DISPATCHED": "step_skipped",
        "RECEIVED": "applied",
    }
    (row,) = outcome.rows
    assert "RECEIVED" in row.values
    assert row.alerts == ()
