"""What lies on a member's desk, and what is told of it: whatever its history, and by hand."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.support.cooperative import in_canonical_order, rulebook
from tests.support.cooperative_histories import DAYS, as_of, events, inspections

from weftline.domain.alerts import StandingAlert
from weftline.domain.cooperative.desk import desk_of, desk_turns, fund_years
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.lists import entries_of, spans_of
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.tellings import alerts_of
from weftline.domain.days import DAY
from weftline.domain.rows.desk import DeskRow
from weftline.domain.vocabulary import AlertRule

BOOK = rulebook().of("haimen")
CLOCKS = {AlertRule.RECTIFICATION_DUE, AlertRule.RECTIFICATION_OVERDUE}


def desk(found: History, time: int, end: int = DAYS[-1] + 2000 * DAY) -> tuple[DeskRow, tuple[StandingAlert, ...]]:
    judged = judge_member(found, BOOK, time, fund_years(found, BOOK, time))
    return desk_of(judged, BOOK, ("haimen", "f-1")), alerts_of(judged, BOOK, desk_turns(found, BOOK, end))


@given(events(), inspections(), st.data())
def test_a_desk_changes_by_itself_only_at_the_moments_that_are_foretold(
    found: list[CooperativeEvent], tests: list[Inspection], data: st.DataObject
) -> None:
    """Once everything has happened that is known."""
    known = History.of(in_canonical_order(found), tests)
    now = max((0, *(event.event_time for event in found), *(one.counted_at for one in tests)))
    end = max(now, DAYS[-1]) + 400 * DAY
    moments = [now, *(time for time in desk_turns(known, BOOK, end) if now < time < end), end]
    first, last = data.draw(st.sampled_from(list(pairwise(moments))))
    assert desk(known, first) == desk(known, last - 1)


@given(events(), inspections(), st.integers(0, 800), st.integers(0, 800))
def test_a_list_of_columns_is_whole(found: list[CooperativeEvent], tests: list[Inspection], days: int, more: int) -> None:
    """Of each kind of thing all columns are of one length; and a clock that was told stays told."""
    known = History.of(in_canonical_order(found), tests)
    early = DAYS[-1] + days * DAY
    late = early + more * DAY
    row, before = desk(known, early)
    lengths: dict[str, set[int]] = {}
    for name, value in row._asdict().items():
        if isinstance(value, list):
            lengths.setdefault(name.partition("_")[0], set()).add(len(value))
    assert all(len(found) == 1 for found in lengths.values()), lengths
    after = {alert.alert_id: alert for alert in desk(known, late)[1]}
    for alert in before:
        assert alert.occurred_at <= early
        assert alert.evidence
        if alert.rule in CLOCKS:
            assert after[alert.alert_id] == alert
    assert len({alert.alert_id for alert in before}) == len(before)


@given(events(), st.lists(as_of(), min_size=1, max_size=8))
def test_who_was_on_a_list_on_any_day_is_what_was_true_then(found: list[CooperativeEvent], times: list[int]) -> None:
    known = History.of(in_canonical_order(found), ())
    spans = spans_of(known, BOOK)
    for time in times:
        then = {(entry.listing_id, entry.list) for entry in entries_of(known.until(time), BOOK) if entry.on_list(time)}
        assert {
            (span.listing_id, span.list) for span in spans if span.since <= time and (span.until is None or time < span.until)
        } == then
