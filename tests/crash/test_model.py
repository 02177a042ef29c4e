"""The promise in every schedule there is of small histories, on a model of the tables (:mod:`.model`, :mod:`.schedules`).

The interleavings on a real engine (:mod:`.test_interleavings`) are drawn by lot out of more than can be played; here none is left out:
a slow twin that writes on after its partition went to another, A → B → A, deaths between any two round trips, sweeps and deadlines
at any time. And each guard taken out in turn is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.crash import model
from tests.crash.histories import (
    ABOUT_ANOTHER,
    AMENDED,
    ANSWERED,
    ARRIVED,
    BY_DATE,
    CONFIRMED,
    CONFLICT,
    DECLARED,
    DELAYED,
    DEPARTED,
    DISPATCHED,
    FIRST_REPORT,
    GRANTED_FIRST,
    HELD_BACK,
    LATE_EVENT,
    LIVE,
    LOT_TAKEN_BACK,
    OLD_DECLARED,
    OLD_POSTPONED,
    POSTPONED,
    REPORT,
    REQUESTED,
    RUN,
    SECOND_REPORT,
    SOONER,
    TAKEN_BACK,
    TEST,
    TOLD_ENDS,
    VERIFIED,
    WITHDRAWN_LATER,
)
from tests.crash.model import Content, Database, Look, ModelStore, Row
from tests.crash.schedules import Scenario, Schedules, Wrong
from tests.crash.test_can_fail import clearing_memory_on_revoke, distinct_count_in_the_memory_check
from tests.support.tables import kinds
from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.domain import revisions
from weftline.domain.events import (
    Event,
)
from weftline.domain.fold import Known, Outcome
from weftline.processors import store, telling
from weftline.processors.folding import Batches, Folding
from weftline.processors.kinds import Kind
from weftline.processors.rows import AlertRow
from weftline.processors.step import Processor
from weftline.processors.store_records import Stored


class Played(NamedTuple):
    """A scenario of a kind, with fewer states than it has: what explores nothing shall not pass."""

    kind: str
    scenario: Scenario
    states: int


def twin(*events: Event, **more: Any) -> Scenario:
    """The partition goes from w0 to w1 at any time, and w0 writes on."""
    return Scenario([events], moves=(1,), **more)


def there_and_back(*events: Event, **more: Any) -> Scenario:
    """A → B → A."""
    return Scenario([events], moves=(1, 0), **more)


def crash(*events: Event, **more: Any) -> Scenario:
    """One worker, which dies and is replaced."""
    return Scenario([events], workers=1, **{"crashes": 1, "batches": (1, 2), **more})


#: Of the smallest scenario there are 6,900.
LEAST_SCHEDULES = 5_000

PLAYED = {
    # Orders: an event that comes late, one that is declared erroneous, two contents of one identity.
    "a late event, a slow twin": Played("orders", twin(*LATE_EVENT, deadlines=True), 15_000),
    "a late event, there and back": Played("orders", there_and_back(*LATE_EVENT), 50_000),
    "a late event, two deaths, a sweep": Played("orders", crash(*LATE_EVENT, crashes=2, sweeps=1), 5_000),
    "a late event, a death, settled in any order": Played("orders", crash(*LATE_EVENT, side_by_side=True), 7_500),
    "a late event, two deaths, every row an insert": Played("orders", crash(*LATE_EVENT, crashes=2, torn=True), 1_500),
    "verified, two deaths, every row an insert": Played("inspections", crash(REPORT, VERIFIED, crashes=2, torn=True), 1_500),
    "a late event, a slow twin, every row an insert": Played("orders", twin(*LATE_EVENT, torn=True), 3_000),
    # Every owner is too large for a step: its records are stored and noted, and a sweep folds it as a stream.
    "apart, two deaths": Played("orders", crash(*LATE_EVENT, crashes=2, sweeps=1, apart=True), 1_000),
    "apart, a slow twin": Played("orders", twin(*LATE_EVENT, apart=True), 1_000),
    "apart, overdue, a death": Played("logistics", crash(*POSTPONED, sweeps=1, deadlines=True, apart=True), 1_000),
    "apart, verified, a slow twin": Played("inspections", twin(REPORT, VERIFIED, apart=True), 1_000),
    "apart, astray": Played("inspections", Scenario([[REPORT], [VERIFIED]], crashes=1, apart=True), 500),
    "apart, a date, a slow twin": Played("orders", twin(*BY_DATE, apart=True), 1_000),
    "a date, a slow twin, a death": Played("orders", twin(*BY_DATE, deadlines=True, crashes=1), 25_000),
    "a date, two deaths, a sweep": Played("orders", crash(*BY_DATE, crashes=2, sweeps=1, deadlines=True), 15_000),
    "declared erroneous, a slow twin, a death": Played("orders", twin(*DECLARED, crashes=1), 25_000),
    "declared erroneous, a slow twin, a sweep": Played("orders", twin(*DECLARED, sweeps=1), 50_000),
    "a conflict, a slow twin": Played("orders", twin(*CONFLICT, deadlines=True), 15_000),
    "a conflict, two deaths": Played("orders", crash(*CONFLICT, crashes=2), 2_000),
    "three workers": Played("orders", Scenario([[CONFIRMED]], workers=3, moves=(1, 2)), 20_000),
    # Shipments: overdue, expected later as a message says that is itself late, and overdue again; arrived before it was due.
    "postponed, a slow twin": Played("logistics", twin(*POSTPONED, deadlines=True, batches=(1, 2)), 25_000),
    "postponed, two deaths, a sweep": Played("logistics", crash(*POSTPONED, crashes=2, sweeps=1, deadlines=True), 25_000),
    "declared erroneous, forgotten at once": Played("orders", crash(*DECLARED, crashes=2, sweeps=1, forgets=True), 5_000),
    "arrived, a slow twin": Played("logistics", twin(DEPARTED, ARRIVED, deadlines=True), 10_000),
    # Answers: one that leads somewhere only by what came before it; a problem that another lot is added to.
    "answered, a slow twin, a death": Played("replies", twin(*ANSWERED, crashes=1), 20_000),
    "answered, two deaths, every row an insert": Played("replies", crash(*ANSWERED, crashes=2, torn=True), 1_500),
    "held back, a slow twin": Played("replies", twin(*HELD_BACK, sweeps=1), 25_000),
    "held back, apart, a slow twin": Played("replies", twin(*HELD_BACK, apart=True), 1_000),
    "answered, astray": Played("replies", Scenario([[ANSWERED[0]], [ANSWERED[1]]]), 500),
    # Reports: verified before it comes, amended after it was verified.
    "verified first, a slow twin, a death": Played("inspections", twin(VERIFIED, REPORT, crashes=1), 50_000),
    "verified first, a slow twin, a sweep": Played("inspections", twin(VERIFIED, REPORT, sweeps=1), 50_000),
    "verified, there and back": Played("inspections", there_and_back(REPORT, VERIFIED), 40_000),
    "amended, a slow twin": Played("inspections", twin(REPORT, VERIFIED, AMENDED), 40_000),
    "amended, a death": Played("inspections", crash(REPORT, VERIFIED, AMENDED, sweeps=1), 10_000),
    # Two reports of a factory come by two workers at once: what rests on both is made of what each says of its own.
    "two strands": Played("inspections", Scenario([FIRST_REPORT, SECOND_REPORT], batches=(2,)), 5_000),
    "two strands, a death": Played("inspections", Scenario([FIRST_REPORT, SECOND_REPORT], batches=(2,), crashes=1), 100_000),
    "two strands, a slow twin": Played("inspections", twin(*FIRST_REPORT, *SECOND_REPORT, batches=(2,)), 15_000),
    "one identity in two strands": Played(
        "inspections", Scenario([FIRST_REPORT, (ABOUT_ANOTHER, SECOND_REPORT[1])], batches=(2,)), 2_500
    ),
    "one identity in two strands, a slow twin": Played(
        "inspections", twin(*FIRST_REPORT, ABOUT_ANOTHER, SECOND_REPORT[1], batches=(2,)), 12_000
    ),
    # Of two lots a slow twin says both, from the records from which the other says one.
    "a lot taken back, a slow twin": Played("inspections", twin(*LOT_TAKEN_BACK, ends=(1, 2, 3)), 5_000),
    "a lot taken back, apart, a slow twin": Played("inspections", twin(*LOT_TAKEN_BACK, ends=(1, 2, 3), apart=True), 500),
    # A run of failures that begins earlier than was known when it was told.
    "renamed, a slow twin": Played("inspections", twin(*RUN, ends=TOLD_ENDS, live=LIVE), 10_000),
    "history by then, a slow twin": Played("logistics", twin(*SOONER, batches=(1, 2), live=LIVE), 10_000),
    "renamed, two deaths, every row an insert": Played(
        "inspections", crash(*RUN, ends=TOLD_ENDS, live=LIVE, crashes=2, torn=True), 1_000
    ),
    "renamed, apart, a slow twin": Played("inspections", twin(*RUN, ends=TOLD_ENDS, live=LIVE, apart=True), 500),
    # Told so late that it waits for a digest: in a step nobody says anything, a sweep does, which may come at any time or die.
    "a digest, a slow twin": Played("logistics", twin(*OLD_POSTPONED, batches=(1, 2), sweeps=1), 10_000),
    "a digest, declared erroneous, two deaths": Played("orders", crash(*OLD_DECLARED, crashes=2, sweeps=1), 1_000),
    "a digest, apart, two deaths": Played("logistics", crash(*OLD_POSTPONED, crashes=2, sweeps=1, apart=True), 500),
    # A member: a free test that is granted before it is known to be asked for, and one whose request was in error.
    "granted first, a slow twin": Played("cooperative", twin(*GRANTED_FIRST, deadlines=True), 10_000),
    "granted first, two deaths, a sweep": Played("cooperative", crash(*GRANTED_FIRST, crashes=2, sweeps=1), 3_000),
    "granted, apart, a slow twin": Played("cooperative", twin(*GRANTED_FIRST, apart=True), 500),
    "a request taken back, a slow twin": Played("cooperative", twin(*TAKEN_BACK, batches=(1, 2)), 5_000),
    # What a member's state rests on beside its records: a report that counts and is withdrawn, at any time, by another kind's processor.
    "drawn, a slow twin": Played("cooperative", twin(TEST, drawn=WITHDRAWN_LATER), 3_000),
    "drawn, two records, a slow twin": Played("cooperative", twin(*GRANTED_FIRST, drawn=WITHDRAWN_LATER[:1]), 10_000),
    "drawn, a slow twin, a sweep": Played("cooperative", twin(TEST, drawn=WITHDRAWN_LATER[:1], sweeps=1), 3_000),
    "drawn, a death, a sweep": Played("cooperative", crash(*GRANTED_FIRST, drawn=WITHDRAWN_LATER, sweeps=1), 5_000),
    "drawn, apart, a slow twin": Played("cooperative", twin(TEST, drawn=WITHDRAWN_LATER, apart=True), 500),
    # Two partitions: two owners in one window; one owner whose records lie in both, as another partitioner than ours may have it.
    "neighbours": Played("orders", Scenario([[replace(CONFIRMED, order_id="o4")], [CONFIRMED]], crashes=1), 2_000),
    "astray, a death": Played("orders", Scenario([[CONFIRMED], [REQUESTED]], crashes=1), 5_000),
    "astray, deadlines": Played("logistics", Scenario([[DEPARTED], [DELAYED]], deadlines=True), 3_500),
    "astray": Played("inspections", Scenario([[REPORT], [VERIFIED]]), 500),
}


@pytest.fixture(scope="module")
def every_kind() -> dict[str, Kind]:
    return kinds()


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(FileRegistry())


@pytest.mark.parametrize("played", PLAYED.values(), ids=PLAYED)
def test_after_every_schedule_the_tables_are_the_fold_of_the_records(
    played: Played, every_kind: dict[str, Kind], codec: Codec
) -> None:
    schedules = Schedules(every_kind[played.kind], codec, played.scenario)
    schedules.explore()
    assert schedules.states > played.states, schedules.states
    assert schedules.count > LEAST_SCHEDULES, schedules.count


def test_an_alert_is_withdrawn_though_a_sweep_came_before_the_settle(every_kind: dict[str, Kind], codec: Codec) -> None:
    """A worker stores an alert and dies. Its successor reads the record together with the one that takes it back, as many as are
    stored, so that it does not ask for alerts of a former life; a sweep finds the alert and no state; then the state is stored, in which
    no alert stands. This is how the model found that a sweep must come back to an alert that is newer than the stored state.
    """
    Schedules(every_kind["orders"], codec, crash(*DECLARED, sweeps=1)).explore()


def test_one_revision_is_said_in_one_way(every_kind: dict[str, Kind], codec: Codec) -> None:
    """A slow twin that read two records at once says RAISED of what the other, who read them one by one, says UPDATED: two revisions,
    of which the table and every reader keep the same one."""
    Schedules(every_kind["logistics"], codec, twin(*POSTPONED, batches=(1, 2))).explore()


# What each guard is there for. Not seen is the clearing of memory by itself: the count stands in for it, so the two are taken out
# together; nor the bounds of a sweep by the server's clock, which here never runs backwards and knows no insert that takes time.


def versions_on_facts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(store, "fact_version", lambda rank_sum: 1)


def versions_on_state(patch: pytest.MonkeyPatch) -> None:
    real = ModelStore.put_states

    async def put_states(self: ModelStore, rows: Iterable[Any]) -> None:
        await real(self, [(judged._replace(version=1), row) for judged, row in rows])

    patch.setattr(ModelStore, "put_states", put_states)


def versions_on_rollups(patch: pytest.MonkeyPatch) -> None:
    real = ModelStore.put_windows

    async def put_windows(self: ModelStore, table: str, rows: Sequence[Row]) -> None:
        await real(self, table, [row._replace(version=1) for row in rows])

    patch.setattr(ModelStore, "put_windows", put_windows)


def the_count_in_the_memory_check(patch: pytest.MonkeyPatch) -> None:
    distinct_count_in_the_memory_check(patch, NOWHERE)


def both_guards_of_the_memory(patch: pytest.MonkeyPatch) -> None:
    distinct_count_in_the_memory_check(patch, NOWHERE)
    clearing_memory_on_revoke(patch, NOWHERE)


def storing_facts_that_do_not_differ(patch: pytest.MonkeyPatch) -> None:
    real = ModelStore.put_facts

    def there(self: Database, owner: str, facts: Content) -> tuple[Any, ...]:
        return tuple((key, kept.value) for key, kept in facts.items() if key[0] == owner)

    async def put_facts(self: ModelStore, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            rows = await self._ask(Look("there", (self._kind.facts,), (outcome.owner,)))
            known = {repr((*key[1:], *value)) for key, value in rows}
            outcome.facts = [fact for fact in outcome.facts if repr((*fact[:6], *fact.amounts)) not in known]
        await real(self, outcomes)

    patch.setattr(Database, "there", there, raising=False)
    patch.setattr(ModelStore, "put_facts", put_facts)


def the_sweep(patch: pytest.MonkeyPatch) -> None:
    async def sweep(self: Processor) -> None:
        return

    patch.setattr(Processor, "sweep", sweep)


def what_is_drawn_in_the_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outcome, "known", property(lambda self: Known(self.count, self.version)))


def the_sweep_of_what_was_restated(patch: pytest.MonkeyPatch) -> None:
    async def restated(self: ModelStore, since: Any) -> list[str]:
        return []

    patch.setattr(ModelStore, "restated", restated)


def the_outbox(patch: pytest.MonkeyPatch) -> None:
    """Alerts are marked as published before they are."""
    real = ModelStore.put_alerts

    async def put_alerts(self: ModelStore, rows: Sequence[AlertRow]) -> None:
        await real(self, [row._replace(alert=row.alert._replace(published=True)) for row in rows])

    patch.setattr(ModelStore, "put_alerts", put_alerts)


def the_digest(patch: pytest.MonkeyPatch) -> None:
    """What waits for one waits for ever."""
    patch.setattr(telling, "digests", lambda rows: iter(()))


def the_greater_revision_for_a_passed_deadline(patch: pytest.MonkeyPatch) -> None:
    """Where passed deadlines are equal what is said decides, by its digest: here the wrong way round."""
    real = revisions.revision
    patch.setattr(revisions, "revision", lambda records, passed, said, table: real(records, 255 - passed, said, table))


def telling_what_takes_the_place_of_a_told_alert(patch: pytest.MonkeyPatch) -> None:
    """As it was: a factory reads WITHDRAWN, and nobody tells it under which name its failures go on."""
    patch.setattr(revisions, "replaced", lambda *_: None)


def comparing_each_subject(patch: pytest.MonkeyPatch) -> None:
    """As it was: who has said something of an owner at a version has said all."""
    real = telling.Telling.compare

    async def compare(self: telling.Telling, held: Any, since: Any, large: Any, signs: Any, as_of: int) -> set[str]:
        said, asked = {(subject[0], version) for subject, version in self._said | self._said_since}, self._store.alerting

        async def alerting(*given: Any) -> Any:
            return [pair for pair in await asked(*given) if (pair[0][0], pair[1]) not in said]

        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(self._store, "alerting", alerting)
            return await real(self, held, since, large, signs, as_of)

    patch.setattr(telling.Telling, "compare", compare)


def comparing_after_a_takeover(patch: pytest.MonkeyPatch) -> None:
    """Whatever a worker left undone is taken to agree."""
    patch.setattr(model, "disagreeing", lambda *_: ())


def told_in_the_version(patch: pytest.MonkeyPatch) -> None:
    """Who did not see that an alert was told writes over the row that says so."""
    real = revisions.alert_version
    patch.setattr(revisions, "alert_version", lambda state, told, said, published: real(state, False, said, published))


def what_is_said_in_the_revision(patch: pytest.MonkeyPatch) -> None:
    """One revision for all that is said in one state."""
    real, version = revisions.revision, revisions.alert_version
    patch.setattr(revisions, "revision", lambda records, passed, said, table: real(records, passed, 0, table))
    patch.setattr(revisions, "alert_version", lambda state, told, said, published: version(state, told, 0, published))


def what_is_said_in_the_version(patch: pytest.MonkeyPatch) -> None:
    """The table keeps the later of two rows of one state, readers the greater revision."""
    real = revisions.alert_version
    patch.setattr(revisions, "alert_version", lambda state, told, said, published: real(state, told, 0, published))


def the_greater_version_for_a_passed_deadline(patch: pytest.MonkeyPatch) -> None:
    real = revisions.state_version
    patch.setattr(store, "state_version", lambda rank_sum, passed: real(rank_sum, 0))


def acknowledging_after_the_rollups(patch: pytest.MonkeyPatch) -> None:
    """A matter of the scenario."""


def the_note_that_an_owner_waits(patch: pytest.MonkeyPatch) -> None:
    async def wait(self: ModelStore, owners: Any) -> None:
        return

    patch.setattr(ModelStore, "wait", wait)


def the_count_before_a_fold_apart(patch: pytest.MonkeyPatch) -> None:
    """A fold notes as seen what there is when it ends."""
    real = ModelStore.folded

    async def folded(self: ModelStore, owner: str, partition: int, records: int, began: str) -> None:
        await real(self, owner, partition, (await self.known_of({owner: []}))[owner].known.records, began)

    patch.setattr(ModelStore, "folded", folded)


def folding_what_others_have_not_judged(patch: pytest.MonkeyPatch) -> None:
    async def behind(self: Folding, outcomes: Sequence[Outcome]) -> Batches:
        return Batches({}, {})

    patch.setattr(Folding, "behind", behind)


def what_strands_say_stored_in_the_step(patch: pytest.MonkeyPatch) -> None:
    """It is stored with all other state when the step is settled."""

    async def put(self: Processor, outcomes: Sequence[Outcome]) -> None:
        pass

    patch.setattr(Processor, "_put_at_once", put)


def what_else_one_identity_is_about(patch: pytest.MonkeyPatch) -> None:
    def records_of(self: Database, strands: tuple[tuple[str, str], ...], records: Content) -> tuple[Any, ...]:
        return tuple(sorted(key for key, kept in records.items() if (key[0], kept.value) in strands))

    patch.setattr(Database, "records_of", records_of)


def strands_that_the_batch_is_about_otherwise(patch: pytest.MonkeyPatch) -> None:
    real = ModelStore.known_of

    async def known_of(self: ModelStore, batches: Any) -> dict[str, Stored]:
        return {owner: stored._replace(strands=frozenset()) for owner, stored in (await real(self, batches)).items()}

    patch.setattr(ModelStore, "known_of", known_of)


#: What those of :mod:`.test_can_fail` that are used here ask nothing of.
NOWHERE: Any = None


@pytest.mark.parametrize(
    ("without", "kind", "scenario"),
    [
        (versions_on_facts, "orders", twin(*DECLARED)),
        (versions_on_state, "orders", twin(*LATE_EVENT)),
        (versions_on_rollups, "orders", twin(*LATE_EVENT)),
        (the_count_in_the_memory_check, "orders", Scenario([[CONFIRMED, DISPATCHED], [REQUESTED]])),
        (both_guards_of_the_memory, "orders", there_and_back(REQUESTED, CONFIRMED, DISPATCHED)),
        (storing_facts_that_do_not_differ, "orders", crash(*LATE_EVENT)),
        (the_sweep, "logistics", crash(*POSTPONED)),
        (what_is_drawn_in_the_version, "cooperative", twin(TEST, drawn=WITHDRAWN_LATER[:1], sweeps=1)),
        (the_sweep_of_what_was_restated, "cooperative", crash(TEST, drawn=WITHDRAWN_LATER)),
        (the_outbox, "logistics", crash(*POSTPONED)),
        (the_digest, "logistics", crash(*OLD_POSTPONED)),
        (the_greater_revision_for_a_passed_deadline, "logistics", twin(*POSTPONED, deadlines=True)),
        (the_greater_version_for_a_passed_deadline, "logistics", twin(*POSTPONED, deadlines=True)),
        (telling_what_takes_the_place_of_a_told_alert, "inspections", crash(*RUN, ends=TOLD_ENDS, live=LIVE)),
        (comparing_each_subject, "inspections", twin(*LOT_TAKEN_BACK, ends=(1, 2, 3))),
        (comparing_after_a_takeover, "logistics", twin(*SOONER, batches=(1, 2), live=LIVE)),
        (told_in_the_version, "logistics", twin(*SOONER, batches=(1, 2), live=LIVE)),
        (what_is_said_in_the_revision, "logistics", twin(*POSTPONED, batches=(1, 2))),
        (what_is_said_in_the_version, "logistics", twin(*POSTPONED, batches=(1, 2))),
        (acknowledging_after_the_rollups, "orders", crash(*LATE_EVENT, commits_early=True)),
        (the_note_that_an_owner_waits, "orders", crash(*LATE_EVENT, apart=True)),
        (the_count_before_a_fold_apart, "orders", Scenario([[CONFIRMED], [REQUESTED]], sweeps=1, crashes=1, apart=True)),
        (folding_what_others_have_not_judged, "inspections", Scenario([FIRST_REPORT, SECOND_REPORT], batches=(2,))),
        (what_strands_say_stored_in_the_step, "inspections", Scenario([FIRST_REPORT, SECOND_REPORT], batches=(2,))),
        (what_else_one_identity_is_about, "inspections", crash(ABOUT_ANOTHER, *FIRST_REPORT, batches=(1,))),
        (
            strands_that_the_batch_is_about_otherwise,
            "inspections",
            Scenario([FIRST_REPORT, (ABOUT_ANOTHER, SECOND_REPORT[1])], batches=(2,)),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_drift_is_found_without(
    without: Callable[[pytest.MonkeyPatch], None],
    kind: str,
    scenario: Scenario,
    every_kind: dict[str, Kind],
    codec: Codec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch)
    with pytest.raises(Wrong):
        Schedules(every_kind[kind], codec, scenario).explore(Random(1))
