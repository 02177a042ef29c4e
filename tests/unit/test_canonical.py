"""Canonical order: total, the same for everybody, kept by what is known, and never against the life cycle without a reason.

The second half fixes it altogether, so an order that is written anew from the words of :mod:`weftline.domain.canonical` is found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.domain.canonical import in_order, moments
from weftline.domain.life_cycle import LifeCycle, of_lot, of_order, of_report, of_shipment
from weftline.domain.vocabulary import BusinessStep as B
from weftline.domain.vocabulary import OrderStatus as S
from weftline.domain.vocabulary import ReportStatus, Submission

DAY = 24


@dataclass(frozen=True)
class Thing:
    """As much of an event as the order looks at."""

    event_time: int
    until: int
    source: str
    sequence: int | None
    life_cycle: LifeCycle
    event_id: str


@dataclass(frozen=True)
class Sent:
    event: Thing
    rank: int


@st.composite
def things(draw: st.DrawFn) -> Sent:
    """Instants and whole days, in few hours of three days whose beginnings two zones see differently."""
    if draw(st.integers(0, 2)):
        begin = draw(st.integers(0, 3 * DAY))
        end = begin + 1
    else:
        begin = draw(st.sampled_from([0, 8])) + DAY * draw(st.integers(0, 2))
        end = begin + DAY
    thing = Thing(
        begin,
        end,
        draw(st.sampled_from("ab")),
        draw(st.one_of(st.none(), st.integers(0, 3))),
        (draw(st.integers(0, 4)),),
        draw(st.sampled_from(["e9", "e10"])),
    )
    return Sent(thing, draw(st.integers(1, 3)))


several = st.lists(things(), min_size=1, max_size=7, unique=True)


def known_before(one: Sent, other: Sent) -> bool:
    """By the definition: an earlier time, or an earlier number of the same source at the same time."""
    a, b = one.event, other.event
    if a.until <= b.event_time:
        return True
    same = (a.source, a.event_time, a.until) == (b.source, b.event_time, b.until)
    return same and a.sequence is not None and b.sequence is not None and a.sequence < b.sequence


@settings(max_examples=150, deadline=None)
@given(several.flatmap(lambda sent: st.tuples(st.just(sent), st.permutations(sent))))
def test_everybody_has_the_same_order(both: tuple[list[Sent], list[Sent]]) -> None:
    sent, shuffled = both
    assert [in_order(moment) for moment in moments(sent)] == [in_order(moment) for moment in moments(shuffled)]


@settings(max_examples=150, deadline=None)
@given(several)
def test_moments_part_what_time_parts(sent: list[Sent]) -> None:
    found = [*moments(sent)]
    assert sorted(map(hash, (record for moment in found for record in moment))) == sorted(map(hash, sent))
    for earlier, later in combinations(found, 2):
        assert all(known_before(one, other) for one, other in product(earlier, later))
    for moment in found:
        # No moment can be cut in two: whatever the cut in time, one event reaches over it.
        for cut in sorted({record.event.event_time for record in moment})[1:]:
            assert any(record.event.event_time < cut < record.event.until for record in moment)


@settings(max_examples=250, deadline=None)
@given(several)
def test_what_is_known_is_kept_and_the_life_cycle_decides_the_rest(sent: list[Sent]) -> None:
    for moment in moments(sent):
        ordered = in_order(moment)
        place = {record: number for number, record in enumerate(ordered)}
        for one, other in product(ordered, ordered):
            if known_before(one, other):
                assert place[one] < place[other]
            elif one.event.life_cycle > other.event.life_cycle and place[one] < place[other]:
                # Against the life cycle: only if the other has to wait for something that is as late in it.
                assert _latest_before(other, ordered) >= one.event.life_cycle


def _latest_before(record: Sent, moment: Sequence[Sent]) -> LifeCycle:
    """The greatest life cycle among all that is known to come before a record, also by way of others."""
    before = {record}
    while True:
        more = {one for one in moment if one not in before and any(known_before(one, other) for other in before)}
        if not more:
            return max((one.event.life_cycle for one in before - {record}), default=())
        before |= more


@settings(max_examples=250, deadline=None)
@given(st.lists(things(), min_size=3, max_size=3, unique=True), several)
def test_it_is_transitive_and_total(three: list[Sent], others: list[Sent]) -> None:
    """Among whatever else is there: of two records one comes first, and no three go round in a circle."""
    records = [*dict.fromkeys([*three, *others])]
    ordered = [record for moment in moments(records) for record in in_order(moment)]
    assert len(ordered) == len(records)
    before = {(one, other): ordered.index(one) < ordered.index(other) for one, other in product(three, three)}
    for one, other, third in product(three, three, three):
        assert before[one, other] + before[other, one] == (one != other)
        assert not (before[one, other] and before[other, third]) or before[one, third]


def test_sequences_of_two_sources_say_nothing_of_each_other() -> None:
    confirmed = Sent(Thing(0, 1, "orders", 5001, of_order(1, S.CONFIRMED, None), "c"), 1)
    dispatched = Sent(Thing(0, 1, "gate", 12, of_order(1, S.DISPATCHED, None), "d"), 1)
    assert in_order([dispatched, confirmed]) == [confirmed, dispatched]


def test_a_circle_is_cut_where_the_life_cycle_is_a_guess() -> None:
    """A source says that it dispatched, then was confirmed; another was in production: by pairs, each would come before the next."""
    dispatched = Sent(Thing(0, 1, "a", 1, of_order(1, S.DISPATCHED, None), "1"), 1)
    confirmed = Sent(Thing(0, 1, "a", 2, of_order(1, S.CONFIRMED, None), "2"), 1)
    made = Sent(Thing(0, 1, "b", None, of_order(1, S.IN_PRODUCTION, None), "3"), 1)
    assert in_order([confirmed, dispatched, made]) == [made, dispatched, confirmed]


@pytest.mark.parametrize(
    "cycle",
    [
        [
            of_shipment(step)
            for step in (B.LOADING, B.DEPARTING, B.TRANSPORTING, B.VOID_SHIPPING, B.ARRIVING, B.UNLOADING, B.RECEIVING)
        ],
        [of_lot(Submission.ORIGINAL), of_lot(Submission.RESUBMITTED)],
        [of_report(None, 0), of_report(None, 1), of_report(ReportStatus.VERIFIED, 0), of_report(ReportStatus.WITHDRAWN, 0)],
        [of_order(1, status, None) for status in (S.REQUESTED, S.QUOTED, S.CONFIRMED, S.ON_HOLD, S.RESUMED, S.DISPATCHED)],
        [of_order(1, S.REVISION_REQUESTED, None), of_order(2, S.CONFIRMED, None), of_order(2, S.CANCELLED, None)],
    ],
)
def test_life_cycles(cycle: list[LifeCycle]) -> None:
    assert cycle == sorted(cycle)
    assert len(set(cycle)) == len(cycle)


def test_every_symbol_has_a_place() -> None:
    assert len({of_order(1, status, None) for status in S}) == len(S)
    assert all(of_report(status, 0) for status in ReportStatus)
    assert all(of_shipment(step) for step in B)
