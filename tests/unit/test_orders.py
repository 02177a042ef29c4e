"""Rules of sample orders: rounds that nobody numbers, verdicts said twice, counter-proposals, rounds that are left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.strategies import order_events

from weftline.domain.alerts import StandingAlert
from weftline.domain.events import OrderEvent
from weftline.domain.fold import Fact, History, Record
from weftline.domain.orders import OrderRules
from weftline.domain.vocabulary import OrderStatus as S

HOUR = 3_600_000
START = 1_767_225_600_000
LATE = START + 1000 * HOUR


def at(hour: int) -> int:
    return START + hour * HOUR


def step(status: S, hour: int, number: int = 1, promised: int | None = None, **more: Any) -> OrderEvent:
    return OrderEvent(
        source="mes",
        event_id=f"{hour:04} {status}",
        event_time=at(hour),
        event_time_zone_offset="+08:00",
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        order_id="o1",
        product_category="sheet",
        status=status,
        round=number,
        promised_at=None if promised is None else at(promised),
        **more,
    )


def folded(events: Iterable[OrderEvent], as_of: int = LATE) -> tuple[dict[str, Any], tuple[StandingAlert, ...], list[Fact]]:
    """The order's row by column, its alerts, and the facts in order of time."""
    records = [Record(event, 1 + number) for number, event in enumerate(events)]
    outcome = History("c1|o1", OrderRules).add(records, as_of)
    (row,) = outcome.rows
    assert not outcome.failures
    facts = sorted((fact for fact in outcome.facts), key=lambda fact: (fact.event_time, fact.event_id))
    return row.values._asdict(), row.alerts, facts


def judgements(facts: Sequence[Fact]) -> list[str]:
    return [fact.judgement for fact in facts]


# One round: steps of which any may be left out, each an hour or more after the one before. The next begins by being asked for or made.
_ROUND = (S.CONFIRMED, S.MATERIAL_READY, S.IN_PRODUCTION, S.INTERNAL_QC, S.DISPATCHED, S.RECEIVED, S.COMMENTED)


@st.composite
def lives(draw: st.DrawFn) -> list[OrderEvent]:
    """An order of several rounds, each of which ends with a verdict."""
    events: list[OrderEvent] = []
    rounds = draw(st.integers(1, 4))
    for number in range(1, rounds + 1):
        steps = [status for status in _ROUND if draw(st.integers(0, 3))]
        while number > 1 and steps and steps[0] in (S.RECEIVED, S.COMMENTED):
            steps = steps[1:]
        if number > 1 and not steps:
            steps = [S.DISPATCHED]
        last = draw(st.sampled_from([S.APPROVED, S.REJECTED, S.CANCELLED])) if number == rounds else S.REVISION_REQUESTED
        for status in [*steps, last]:
            hour = len(events)
            promised = hour + draw(st.integers(0, 9)) if status is S.CONFIRMED and draw(st.booleans()) else None
            events.append(step(status, hour, number, promised))
            if draw(st.integers(0, 5)) == 0 and status not in (S.APPROVED, S.REJECTED, S.CANCELLED):
                events += [step(S.ON_HOLD, len(events), number), step(S.RESUMED, len(events) + 1, number)]
    return events


@settings(max_examples=150, deadline=None)
@given(lives())
def test_who_leaves_rounds_out_is_understood_as_who_numbers_them(events: list[OrderEvent]) -> None:
    numbered, alerts, facts = folded(events)
    bare, bare_alerts, bare_facts = folded([replace(event, round=1) for event in events])
    assert bare == numbered
    assert bare_alerts == alerts
    assert judgements(bare_facts) == judgements(facts)
    assert [fact.amounts.of_round for fact in bare_facts if fact.counts] == [event.round for event in events]


@settings(max_examples=150, deadline=None)
@given(st.lists(order_events, max_size=8), st.sampled_from([S.APPROVED, S.REJECTED, S.REVISION_REQUESTED]), st.integers(1, 3))
def test_a_verdict_said_twice_moves_nothing(events: list[OrderEvent], verdict: S, number: int) -> None:
    told = [replace(event, error_declaration=None, event_id=f"{event.event_id}{place}") for place, event in enumerate(events)]
    once = [*told, step(verdict, 50, number)]
    row, alerts, _ = folded(once)
    again, alerts_again, facts = folded([*once, step(verdict, 122, number)])
    moved = {"last_event_time", "events", "marks", "not_applied"}
    assert {k: v for k, v in again.items() if k not in moved} == {k: v for k, v in row.items() if k not in moved}
    assert alerts_again == alerts
    assert facts[-1].judgement != "applied"


def test_nothing_vanishes_after_a_revision_without_a_number() -> None:
    first = [step(S.CONFIRMED, 0, promised=20), step(S.DISPATCHED, 1), step(S.REVISION_REQUESTED, 2)]
    row, alerts, facts = folded([*first, step(S.CONFIRMED, 3, promised=20), step(S.DISPATCHED, 4), step(S.APPROVED, 5)])
    assert (row["status"], row["round"], row["round_verdict"]) == ("APPROVED", 2, ["REVISION_REQUESTED", "APPROVED"])
    assert row["round_finished_at"] == [at(1), at(4)]
    assert all(fact.counts for fact in facts)
    assert (alerts, row["not_applied"]) == ((), 0)


@pytest.mark.parametrize("status", [S.RECEIVED, S.COMMENTED])
def test_a_word_on_the_sample_that_was_seen_opens_no_round(status: S) -> None:
    first = [step(S.CONFIRMED, 0), step(S.DISPATCHED, 1), step(S.REVISION_REQUESTED, 2)]
    row, _, facts = folded([*first, step(status, 3)])
    assert (row["round"], row["not_applied"], row["marks"]) == (1, 1, ["after_verdict", "step_skipped"])
    assert facts[-1].judgement == "after_verdict"
    row, _, _ = folded([*first, step(status, 3), step(S.CONFIRMED, 4, promised=9), step(S.DISPATCHED, 5)])
    assert (row["round"], row["round_promised_at"]) == (2, [None, at(9)])


def test_who_numbers_rounds_means_the_first_by_one() -> None:
    first = [step(S.CONFIRMED, 0), step(S.DISPATCHED, 1), step(S.REVISION_REQUESTED, 2), step(S.CONFIRMED, 3, 2)]
    row, _, facts = folded([*first, step(S.COMMENTED, 4)])
    assert (row["round"], row["status"], facts[-1].judgement) == (2, "CONFIRMED", "earlier_round")
    other = replace(step(S.DISPATCHED, 5), source="gate")
    row, _, facts = folded([*first, other])
    assert (row["status"], row["round_finished_at"]) == ("DISPATCHED", [at(1), at(5)])


def test_a_round_that_is_left_before_its_deadline_is_neither_open_nor_overdue() -> None:
    row, alerts, _ = folded([step(S.CONFIRMED, 0, promised=10), step(S.CONFIRMED, 5, 2, promised=30), step(S.DISPATCHED, 20, 2)])
    assert (row["round_left_at"], row["round_finished_at"], alerts) == ([at(5), None], [None, at(20)], ())
    row, alerts, _ = folded([step(S.CONFIRMED, 0, promised=4), step(S.CONFIRMED, 5, 2, promised=30), step(S.DISPATCHED, 20, 2)])
    assert [alert.occurred_at for alert in alerts] == [at(4)]


def test_what_was_dispatched_does_not_replace_what_was_ordered() -> None:
    ordered = step(S.CONFIRMED, 0, quantity=6)
    assert folded([ordered, step(S.DISPATCHED, 1, quantity=2), step(S.RECEIVED, 2, quantity=1)])[0]["quantity"] == 6
    assert folded([step(S.CONFIRMED, 0), step(S.DISPATCHED, 1, quantity=2)])[0]["quantity"] == 2


@pytest.mark.parametrize(
    ("events", "marks", "promise", "first"),
    [
        ([step(S.QUOTED, 0, promised=9), step(S.CONFIRMED, 1)], ["step_skipped", "applied"], 9, 9),
        ([step(S.CONFIRMED, 0, promised=9), step(S.QUOTED, 1, promised=20)], ["step_skipped", "counter_proposal"], 9, 9),
        (
            [step(S.CONFIRMED, 0, promised=9), step(S.QUOTED, 1, promised=20), step(S.CONFIRMED, 2)],
            ["step_skipped", "counter_proposal", "repeated"],
            20,
            9,
        ),
        (
            [step(S.CONFIRMED, 0, promised=9), step(S.IN_PRODUCTION, 1), step(S.CONFIRMED, 2, promised=20)],
            ["step_skipped", "step_skipped", "confirmed_again"],
            20,
            9,
        ),
        (
            [step(S.CONFIRMED, 0, promised=9), step(S.IN_PRODUCTION, 1), step(S.CONFIRMED, 2, promised=9)],
            ["step_skipped", "step_skipped", "backward"],
            9,
            9,
        ),
        (
            [step(S.CONFIRMED, 0, promised=9), step(S.DISPATCHED, 1), step(S.QUOTED, 2, promised=20)],
            ["step_skipped", "step_skipped", "backward"],
            9,
            9,
        ),
    ],
)
def test_what_a_promise_is_worth(events: list[OrderEvent], marks: list[str], promise: int, first: int) -> None:
    row, _, facts = folded(events)
    assert judgements(facts) == marks
    assert (row["round_promised_at"], row["round_first_promised_at"]) == ([at(promise)], [at(first)])
    assert row["status"] == max((event.status for event in events if event.status is not S.QUOTED), key=[*S].index)


def test_sequences_of_two_sources_do_not_lose_a_promise() -> None:
    confirmed = replace(step(S.CONFIRMED, 1, promised=9), sequence=5001)
    dispatched = replace(step(S.DISPATCHED, 1), source="gate", sequence=12)
    row, alerts, _ = folded([confirmed, dispatched])
    assert (row["status"], row["round_promised_at"], alerts) == ("DISPATCHED", [at(9)], ())
