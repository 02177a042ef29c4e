"""Rules of shipments: legs that are undone, parts, arrivals told late or before their departure. Times are hours of one day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.domain.alerts import StandingAlert
from weftline.domain.events import LogisticsEvent
from weftline.domain.fold import Fact, History, Record
from weftline.domain.logistics import ShipmentRules
from weftline.domain.vocabulary import BusinessStep as B

HOUR = 3_600_000
START = 1_767_225_600_000
LATE = START + 1000 * HOUR
MOVED = ("milestone", "legs", "first_departed_at", "departed_at", "arrived_at", "delivered_at")


def at(hour: float) -> int:
    return START + int(hour * HOUR)


def step(business_step: B, hour: float, **more: Any) -> LogisticsEvent:
    for name in ("expected_arrival_at", "actual_arrival_at", "actual_departure_at"):
        if more.get(name) is not None:
            more[name] = at(more[name])
    return LogisticsEvent(
        source="tms",
        event_id=f"{hour:09.2f} {business_step} {sorted(more.items())}",
        event_time=at(hour),
        event_time_zone_offset="+08:00",
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        shipment_id="s1",
        business_step=business_step,
        **more,
    )


def folded(events: Iterable[LogisticsEvent], as_of: int = LATE) -> tuple[dict[str, Any], tuple[StandingAlert, ...], list[Fact]]:
    """The shipment's row by column, its alerts, and the facts in order of time."""
    records = [Record(event, 1 + number) for number, event in enumerate(events)]
    outcome = History("s1", ShipmentRules).add(records, as_of)
    (row,) = outcome.rows
    assert not outcome.failures
    facts = sorted((fact for fact in outcome.facts), key=lambda fact: (fact.event_time, fact.event_id))
    return row.values._asdict(), row.alerts, facts


def sums(facts: Iterable[Fact]) -> dict[str, int]:
    names = ("departed", "arrived", "delivered", "voided")
    return {name: sum(getattr(fact.amounts, name) for fact in facts if fact.counts) for name in names}


def leg_times(facts: Iterable[Fact]) -> list[int]:
    found = (fact.amounts.leg_time_ms for fact in facts)
    return [time for time in found if time is not None]


hours = st.integers(0, 40)
steps = st.builds(
    step,
    st.sampled_from([B.LOADING, B.DEPARTING, B.TRANSPORTING, B.HOLDING, B.ARRIVING, B.UNLOADING, B.RECEIVING, B.VOID_SHIPPING]),
    hours,
    expected_arrival_at=st.one_of(st.none(), hours),
    lot_ids=st.sampled_from([(), ("l1",), ("l1", "l2")]),
    partial=st.booleans(),
)
histories = st.lists(steps, max_size=7, unique_by=lambda event: event.event_id)


@settings(max_examples=200, deadline=None)
@given(histories, st.one_of(st.none(), hours))
def test_a_departure_that_is_undone_leaves_what_was_before(events: list[LogisticsEvent], expected: int | None) -> None:
    before, alerts, facts = folded([step(B.LOADING, 0), *events])
    if before["milestone"] not in ("PREPARING", "ARRIVED"):
        return
    undone = [step(B.DEPARTING, 50, expected_arrival_at=expected), step(B.HOLDING, 51), step(B.VOID_SHIPPING, 52)]
    after, alerts_after, facts_after = folded([step(B.LOADING, 0), *events, *undone])
    assert {name: after[name] for name in MOVED} == {name: before[name] for name in MOVED}
    assert sums(facts_after) == sums(facts) | {"voided": sums(facts)["voided"] + 1}
    # What has not departed is not late; what was late stays so.
    stood = [] if before["milestone"] == "PREPARING" and any(alert.by_deadline for alert in alerts) else [*alerts]
    assert [alert.occurred_at for alert in alerts_after if not alert.by_deadline] == [
        alert.occurred_at for alert in stood if not alert.by_deadline
    ]
    assert not any(alert.by_deadline for alert in alerts_after)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 20),
    st.integers(0, 20),
    st.integers(0, 10),
    st.lists(st.tuples(st.sampled_from([B.HOLDING, B.TRANSPORTING, B.INSPECTING]), hours)),
)
def test_an_arrival_is_late_by_when_it_happened(expected: int, arrived: int, told_after: int, between: list[tuple[B, int]]) -> None:
    told = step(B.ARRIVING, 40 + told_after + arrived, actual_arrival_at=arrived)
    events = [
        step(B.DEPARTING, 0, expected_arrival_at=expected),
        *(step(what, hour) for what, hour in dict.fromkeys(between)),
        told,
    ]
    row, alerts, _ = folded(events)
    assert row["arrived_at"] == at(arrived)
    assert [alert.occurred_at for alert in alerts] == ([at(expected)] if arrived > expected else [])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.sets(st.sampled_from(["l1", "l2", "l3"]))), unique_by=lambda part: part[0], max_size=5
    )
)
def test_a_partial_receipt_delivers_its_own_lots(parts: list[tuple[int, set[str]]]) -> None:
    departing = step(B.DEPARTING, 0, lot_ids=("l1", "l2", "l3"), order_ids=("o1",), expected_arrival_at=20)
    receipts = [step(B.RECEIVING, hour, partial=True, lot_ids=tuple(sorted(lots))) for hour, lots in parts]
    row, alerts, facts = folded([departing, *receipts])
    come: set[str] = set()
    done = None
    for hour, lots in sorted(parts):
        come |= lots
        done = hour if done is None and len(come) == 3 else done
    assert row["milestone"] == ("IN_TRANSIT" if done is None else "DELIVERED")
    assert row["delivered_at"] == (None if done is None else at(done))
    assert sums(facts)["delivered"] == sums(facts)["arrived"] == (done is not None)
    assert bool(alerts) is (done is None or done > 20)


def test_the_rest_of_a_partial_receipt_may_be_taken_off() -> None:
    departing = step(B.DEPARTING, 0, lot_ids=("l1", "l2"), expected_arrival_at=20)
    received = step(B.RECEIVING, 10, partial=True, lot_ids=("l1",))
    row, alerts, facts = folded([departing, received, step(B.VOID_SHIPPING, 30, partial=True, lot_ids=("l2",))])
    assert (row["milestone"], row["lot_ids"], row["arrived_at"], alerts) == ("DELIVERED", ["l1"], at(10), ())
    assert sums(facts) == {"departed": 1, "arrived": 1, "delivered": 1, "voided": 0}


def test_what_is_voided_piece_by_piece_is_voided() -> None:
    departing = step(B.DEPARTING, 0, lot_ids=("l1", "l2"), expected_arrival_at=20)
    voids = [step(B.VOID_SHIPPING, 1, partial=True, lot_ids=("l1",)), step(B.VOID_SHIPPING, 2, partial=True, lot_ids=("l2",))]
    row, alerts, facts = folded([departing, *voids])
    assert (row["milestone"], row["legs"], row["departed_at"], alerts) == ("PREPARING", 0, None, ())
    assert sums(facts) == {"departed": 0, "arrived": 0, "delivered": 0, "voided": 1}


def test_a_shipment_whose_contents_nobody_named_is_not_delivered_by_parts() -> None:
    row, _, facts = folded([step(B.DEPARTING, 0), step(B.RECEIVING, 1, partial=True, lot_ids=("l1",))])
    assert (row["milestone"], row["delivered_ids"], facts[1].judgement) == ("IN_TRANSIT", ["l1"], "partly")
    row, _, _ = folded([step(B.DEPARTING, 0), step(B.RECEIVING, 1, partial=True, lot_ids=("l1",)), step(B.RECEIVING, 2)])
    assert row["milestone"] == "DELIVERED"


def test_the_way_implies_a_departure_and_unloading_an_arrival() -> None:
    row, alerts, facts = folded([step(B.TRANSPORTING, 1, expected_arrival_at=5), step(B.UNLOADING, 3)])
    assert (row["milestone"], row["departed_at"], row["arrived_at"], alerts) == ("ARRIVED", at(1), at(3), ())
    assert sums(facts) == {"departed": 1, "arrived": 1, "delivered": 0, "voided": 0}
    assert leg_times(facts) == []  # when it departed nobody said
    row, _, facts = folded([step(B.DEPARTING, 0), step(B.TRANSPORTING, 1), step(B.ARRIVING, 3), step(B.UNLOADING, 4)])
    assert (row["legs"], row["arrived_at"], leg_times(facts)) == (1, at(3), [3 * HOUR])
    assert row["marks"] == []


def test_an_arrival_before_its_departure_is_marked_and_in_no_lead_time() -> None:
    row, _, facts = folded([step(B.DEPARTING, 10), step(B.ARRIVING, 12, actual_arrival_at=8)])
    assert (row["milestone"], row["arrived_at"], row["marks"]) == ("ARRIVED", at(8), ["arrival_before_departure"])
    assert facts[1].judgement == "arrival_before_departure"
    assert (leg_times(facts), sums(facts)["arrived"]) == ([], 1)


@pytest.mark.parametrize("ids", [("9", "10", "11"), ("11", "10", "9"), ("b", "a", "c")])
def test_one_date_is_ordered_by_the_life_cycle(ids: tuple[str, str, str]) -> None:
    way = (step(B.DEPARTING, 0, expected_arrival_at=5), step(B.ARRIVING, 0), step(B.RECEIVING, 0))
    row, alerts, facts = folded([replace(event, event_id=name) for event, name in zip(way, ids, strict=True)])
    assert (row["milestone"], row["marks"], alerts) == ("DELIVERED", [], ())
    assert sums(facts) == {"departed": 1, "arrived": 1, "delivered": 1, "voided": 0}
