"""The promise, on the pure fold: any order, any repeats, any cut into batches give the same tables.

The tables are modelled as ClickHouse keeps them: of the rows with one address the greatest version is true. The reference is one
fold of all records at once. Histories are small and hostile: few identities, few moments, conflicts, corrections before and after
what they correct, one identity at several event times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.strategies import AS_OF, EVENTS, order_events

from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.events import Event, OrderEvent
from weftline.domain.fold import NOT_JUDGED, Fact, History, Outcome, Record, Rules, StateRow
from weftline.domain.inspections import InspectionRules
from weftline.domain.logistics import ShipmentRules
from weftline.domain.orders import OrderRules
from weftline.domain.revisions import state_version

STANDARDS = load_standards()
SAMPLING = load_sampling_standard()

Start = Callable[[], Rules[Any]]
RULES: dict[str, Start] = {
    "orders": OrderRules,
    "logistics": ShipmentRules,
    "inspections": lambda: InspectionRules(STANDARDS, SAMPLING),
}


class Tables:
    """Facts and state as ReplacingMergeTree keeps them."""

    def __init__(self) -> None:
        self.facts: dict[tuple[Any, ...], tuple[int, Fact]] = {}
        self.rows: dict[tuple[Any, ...], tuple[int, StateRow]] = {}

    def store(self, outcome: Outcome) -> None:
        for fact, rev in outcome.facts:
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
    tables.store(History(owner, start).add(sorted(records, key=lambda record: record.position), AS_OF))
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
    assert {address: rev for address, (rev, _) in tables.facts.items()} == {
        address: rev for address, (rev, _) in reference.facts.items()
    }
    assert records


@pytest.mark.parametrize("kind", sorted(RULES))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_who_knows_less_never_overwrites_who_knows_more(kind: str, data: st.DataObject) -> None:
    """Two workers with different snapshots write in any order; whoever knows all wins wherever it wrote."""
    records, _ = data.draw(scenarios(kind))
    start = RULES[kind]
    owner = records[0].event.owner
    own = [record for record in records if record.event.owner == owner]
    part = data.draw(st.lists(st.sampled_from(own), min_size=1, unique_by=lambda record: record.position))
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
    for fact, _ in outcome.facts:
        failed = (fact.source, fact.event_id, fact.event_time) in raised
        assert (fact.judgement == NOT_JUDGED) is failed
        assert not (failed and fact.counts)

    # The others are judged as if the failing ones had left no trace: as if a rule had looked at them and changed nothing.
    class Blind(OrderRules):
        def apply(self, event: OrderEvent, rank: int) -> tuple[int, str, tuple[Any, ...]]:
            return (0, NOT_JUDGED, self.void(event)) if event.quantity == 2 else super().apply(event, rank)

    unharmed = judge(events, Blind)
    assert [fact for fact, _ in unharmed.facts] == [fact for fact, _ in outcome.facts]
    assert unharmed.rows == outcome.rows
