"""The promise, on the pure fold: any order, any repeats, any cut into batches give the same tables.

The tables are modelled as ClickHouse keeps them: of the rows with one address the greatest version is true. The reference is one
fold of all records at once. Histories are small and hostile: few identities, few moments, conflicts, corrections before and after
what they correct, one identity at several event times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.strategies import AS_OF, EVENTS, HOUR, START, order_events

from weftline.contracts.standards import load_cooperative_rules, load_sampling_standard, load_standards
from weftline.domain.canonical import moments
from weftline.domain.cooperative.members import MemberRules
from weftline.domain.events import Event, InspectionEvent, OrderEvent, ReportStatusChange
from weftline.domain.fold import NOT_JUDGED, Fact, History, Outcome, Record, Rules, StateRow
from weftline.domain.inspections import InspectionRules
from weftline.domain.logistics import ShipmentRules
from weftline.domain.orders import OrderRules
from weftline.domain.replies import ReplyRules
from weftline.domain.revisions import state_version
from weftline.domain.stream import Stream
from weftline.domain.vocabulary import InspectionKind, Precision, ReportStatus

STANDARDS = load_standards()
SAMPLING = load_sampling_standard()
RULEBOOK = load_cooperative_rules(STANDARDS)

Start = Callable[[], Rules[Any]]
RULES: dict[str, Start] = {
    "orders": OrderRules,
    "logistics": ShipmentRules,
    "replies": ReplyRules,
    "cooperative": lambda: MemberRules(RULEBOOK),
    "inspections": lambda: InspectionRules(STANDARDS, SAMPLING),
}


class Tables:
    """Facts and state as ReplacingMergeTree keeps them."""

    def __init__(self) -> None:
        self.facts: dict[tuple[Any, ...], tuple[int, Fact]] = {}
        self.rows: dict[tuple[Any, ...], tuple[int, StateRow]] = {}

    def store(self, outcome: Outcome) -> None:
        rev = outcome.version
        for fact in outcome.facts:
            address = (outcome.owner, fact.event_time, fact.center_id, fact.source, fact.event_id)
            if address not in self.facts or self.facts[address][0] <= rev:
                self.facts[address] = (rev, fact)
        for row in outcome.rows:
            version = state_version(outcome.version, row.passed)
            subject = (outcome.owner, row.table, row.key)
            if subject not in self.rows or self.rows[subject][0] <= version:
                self.rows[subject] = (version, row)

    def content(self) -> tuple[dict[Any, Fact], dict[Any, StateRow]]:
        """Without versions: they are bookkeeping, and a row that nothing affected keeps an older one."""
        return {k: fact for k, (_, fact) in self.facts.items()}, {k: row for k, (_, row) in self.rows.items()}


def record_of(event: Event) -> Record[Any]:
    """Equal events are one record; the hash of this test process decides ranks, so that hypothesis also turns ranks around."""
    rank = ((event.error_declaration is not None) << 63) + 1 + (hash(repr(event)) & ((1 << 62) - 1))
    return Record(event, rank)


@st.composite
def scenarios(draw: st.DrawFn, kind: str) -> tuple[list[Record[Any]], list[list[Record[Any]]]]:
    """Distinct records, and the same in another order, with repeats, cut into batches."""
    events = draw(st.lists(EVENTS[kind], min_size=1, max_size=12))
    records = [record_of(event) for event in events]
    repeats = draw(st.lists(st.sampled_from(records), max_size=4))
    arrived = draw(st.permutations(records + repeats))
    batches: list[list[Record[Any]]] = [[]]
    for record in arrived:
        if batches[-1] and draw(st.booleans()):
            batches.append([])
        batches[-1].append(record)
    return records, batches


def fold_all(owner: str, records: Sequence[Record[Any]], start: Start) -> Tables:
    tables = Tables()
    tables.store(History(owner, start).add(records, AS_OF))
    return tables


@pytest.mark.parametrize("kind", sorted(RULES))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_arrival_changes_no_table(kind: str, data: st.DataObject) -> None:
    records, batches = data.draw(scenarios(kind))
    start = RULES[kind]
    tables = Tables()
    known: dict[Any, list[Record[Any]]] = {}
    histories: dict[str, History[Any]] = {}
    # A worker that forgets at any moment reads the owner's records again; so does one whose count disagrees with the warehouse.
    forgets = data.draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches)))
    for batch, forget in zip(batches, forgets, strict=True):
        for owner in {record.event.owner for record in batch}:
            own = [record for record in batch if record.event.owner == owner]
            stored = known.setdefault(owner, [])
            stored.extend(own)
            if forget:
                histories.pop(owner, None)
            history = histories.setdefault(owner, History(owner, start))
            tables.store(history.add(own, AS_OF, stored if forget else ()))
    reference = Tables()
    for owner, stored in known.items():
        whole = fold_all(owner, stored, start)
        reference.facts |= whole.facts
        reference.rows |= whole.rows
    assert tables.content() == reference.content()
    # What nothing affected since keeps the version that it had; no fact has more than all of the records explain.
    assert all(rev <= reference.facts[address][0] for address, (rev, _) in tables.facts.items())
    assert records


def test_a_record_puts_others_of_its_moment_in_another_order() -> None:
    """Found by the property above, once in thousands: a step of one report makes two steps of another change places, for a date makes one
    moment of a day, and so their report is written too."""

    def published(event_id: str, time: int, number: str, amendment: int, precision: Precision) -> InspectionEvent:
        return InspectionEvent(
            source="mes" if number == "r2" else "lims",
            event_id=event_id,
            event_time=time,
            event_time_zone_offset="+00:00",
            precision=precision,
            cooperative_id="haimen",
            center_id="c1",
            factory_id="f1",
            kind=InspectionKind.REPORT_STATUS,
            product_category="sheet",
            report_status=ReportStatusChange(
                laboratory_id="lab", report_number=number, amendment=amendment, status=ReportStatus.PUBLISHED
            ),
        )

    exact = Precision.UNKNOWN
    by_date = Record(published("e2", START, "r2", 1, Precision.DAY), 1)
    later, other = Record(published("e1", START + 3 * HOUR, "r2", 1, exact), 2), Record(published("e0", START, "r1", 2, exact), 3)
    for batches in permutations([by_date, later, other]):
        tables, history = Tables(), History("f1", RULES["inspections"])
        for record in batches:
            tables.store(history.add([record], AS_OF))
        assert tables.content() == fold_all("f1", [by_date, later, other], RULES["inspections"]).content()


@pytest.mark.parametrize("kind", sorted(RULES))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_who_knows_less_never_overwrites_who_knows_more(kind: str, data: st.DataObject) -> None:
    """Two workers with different snapshots write in any order; whoever knows all wins wherever it wrote."""
    records, _ = data.draw(scenarios(kind))
    start = RULES[kind]
    owner = records[0].event.owner
    own = [record for record in records if record.event.owner == owner]
    part = data.draw(st.lists(st.sampled_from(own), min_size=1, unique_by=lambda record: record.key))
    behind, ahead = fold_all(owner, part, start), fold_all(owner, own, start)
    for first, second in ((behind, ahead), (ahead, behind)):
        tables = Tables()
        for written in (first, second):
            for address, fact in written.facts.items():
                if address not in tables.facts or tables.facts[address][0] <= fact[0]:
                    tables.facts[address] = fact
            for subject, row in written.rows.items():
                if subject not in tables.rows or tables.rows[subject][0] <= row[0]:
                    tables.rows[subject] = row
        assert tables.content() == ahead.content()


@settings(max_examples=200, deadline=None)
@given(events=st.lists(order_events, min_size=1, max_size=10))
def test_an_event_on_which_a_rule_raises_changes_no_state(events: list[OrderEvent]) -> None:
    class Brittle(OrderRules):
        def apply(self, event: OrderEvent, rank: int) -> tuple[int, str, tuple[Any, ...]]:
            if event.quantity == 2:
                raise ArithmeticError("two is too many")
            return super().apply(event, rank)

    def judge(kept: list[OrderEvent], start: Start) -> Outcome:
        return History("c1|o1", start).add([record_of(event) for event in kept], AS_OF)

    outcome = judge(events, Brittle)
    raised = {(failure.event.source, failure.event.event_id, failure.event.event_time) for failure in outcome.failures}
    for fact in outcome.facts:
        failed = (fact.source, fact.event_id, fact.event_time) in raised
        assert (fact.judgement == NOT_JUDGED) is failed
        assert not (failed and fact.counts)

    # The others are judged as if the failing ones had left no trace: as if a rule had looked at them and changed nothing.
    class Blind(OrderRules):
        def apply(self, event: OrderEvent, rank: int) -> tuple[int, str, tuple[Any, ...]]:
            return (0, NOT_JUDGED, self.void(event)) if event.quantity == 2 else super().apply(event, rank)

    unharmed = judge(events, Blind)
    assert unharmed.facts == outcome.facts
    assert unharmed.rows == outcome.rows


LEAN: dict[str, Start] = {**RULES, "inspections": lambda: InspectionRules(STANDARDS, SAMPLING, lean=True)}


def streamed(kind: str, records: list[Record[Any]], touched: list[Record[Any]] | None) -> Outcome:
    """The owner folded as its records pass, one moment after the other."""
    identities = None if touched is None else frozenset(record.identity for record in touched)
    since = min(record.event.event_time for record in (records if touched is None else touched))
    stream: Stream[Any] = Stream(LEAN[kind], identities)
    outcome = Outcome(records[0].event.owner)
    distinct = {record.key: record for record in records}.values()
    for moment in moments(distinct):
        outcome.facts += [fact for fact in stream.moment(moment) if max(record.event.until for record in moment) > since]
    outcome.rows = [*stream.rows(AS_OF)]
    outcome.failures = stream.failures
    return outcome


@pytest.mark.parametrize("kind", RULES)
def test_a_stream_judges_as_a_history_does(kind: str) -> None:
    """All of an owner; and, after some records are there, what a further batch of them makes it write."""

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(scenarios(kind))
    def check(scenario: tuple[list[Record[Any]], list[list[Record[Any]]]]) -> None:
        records, batches = scenario
        whole: History[Any] = History(records[0].event.owner, RULES[kind])
        outcome = whole.add(records, AS_OF)
        outcome.rows = whole.rows(AS_OF).rows
        assert comparable(streamed(kind, records, None)) == comparable(outcome)
        late: History[Any] = History(records[0].event.owner, RULES[kind])
        stepped, passed = late.add(batches[-1], AS_OF, records), streamed(kind, records, batches[-1])
        # A stream does not know whether another content of a touched identity came before: it says more facts, and says them right.
        assert {*map(repr, stepped.facts)} <= {*map(repr, passed.facts)} <= {*map(repr, outcome.facts)}
        assert comparable(replace(passed, facts=[])) == comparable(replace(stepped, facts=[]))

    check()


def comparable(outcome: Outcome) -> Any:
    return (
        sorted(outcome.facts, key=repr),
        sorted(outcome.rows, key=lambda row: (row.table, row.key)),
    )
