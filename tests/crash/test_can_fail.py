"""What the interleavings find when the processor lacks one of the things that its promise rests on.

Each of these is taken out in turn, and drift must be found within a bounded number of schedules. These are the guards that rest on the
real engine's statements, and two more, so that it is known that the interleavings find anything. The others are taken out in
:mod:`.test_model`, which finds each in a second, and by no chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.crash.universe import Universe
from tests.crash.world import Interruptible
from tests.support.strategies import HOUR, START
from weftline.domain.events import LogisticsEvent
from weftline.domain.fold import Known, Outcome, Record
from weftline.domain.vocabulary import BusinessStep
from weftline.processors.folding import Batches, Folding
from weftline.processors.memory import Memory
from weftline.processors.rows import AlertRow
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.processors.store_records import Stored

#: Schedules at most, of 30 at a time; each of them finds its fault within the first 30 or 60 on the seeds tried.
ROUNDS, SCHEDULES = 5, 30

Patch = pytest.MonkeyPatch


def throw(universe: Universe, **dice: Any) -> None:
    """Throw these dice in every world."""
    before = universe.change
    universe.change = lambda thrown: replace(before(thrown), **dice)


def versions_on_rollups(patch: Patch, universe: Universe) -> None:
    # Of the kinds that fill windows most; with all of them it takes five times as many schedules until two meet in one.
    universe.kinds = {name: universe.kinds[name] for name in ("orders", "inspections", "logistics")}
    throw(universe, sleepy_at="_hour", nap=0.4, freeze=0.6)
    real = Interruptible.command

    async def command(self: Interruptible, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        statement = statement.replace("sum(toUInt256(rev))", "toUInt256(1)").replace("sum(version)", "toUInt256(1)")
        await real(self, statement, parameters)

    patch.setattr(Interruptible, "command", command)


class Trusting:
    """A store that says of every owner in memory that nobody else has stored anything of it."""

    class Right(Known):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = Known.__hash__

    def __init__(self, real: Store, memory: Memory) -> None:
        self._real, self._memory = real, memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def known_of(self, batches: Mapping[str, Sequence[Record[Any]]]) -> dict[str, Stored]:
        found = await self._real.known_of(batches)
        return {
            owner: stored._replace(known=self.Right(*stored.known)) if self._memory.get(owner) else stored
            for owner, stored in found.items()
        }


def distinct_count_in_the_memory_check(patch: Patch, universe: Universe) -> None:
    real = Folding.fold

    async def fold(self: Folding, batches: Batches, as_of: int) -> list[Outcome]:
        true = self._store
        self._store = Trusting(true, self.memory)  # type: ignore[assignment]
        try:
            return await real(self, batches, as_of)
        finally:
            self._store = true

    patch.setattr(Folding, "fold", fold)


def clearing_memory_on_revoke(patch: Patch, universe: Universe) -> None:
    async def revoked(self: Processor, partitions: frozenset[int]) -> None:
        self._held -= partitions

    patch.setattr(Processor, "revoked", revoked)


def _plain(row: Sequence[Any]) -> str:
    return repr([list(value) if isinstance(value, tuple) else value for value in row])


def storing_facts_that_do_not_differ(patch: Patch, universe: Universe) -> None:
    real = Store.put_facts

    async def put_facts(self: Store, outcomes: Sequence[Outcome]) -> None:
        names = ", ".join(("event_time", "center_id", "source", "event_id", "counts", "judgement", *self._kind.amount_columns))
        for outcome in outcomes:
            rows = await self._warehouse.rows(
                f"SELECT {names} FROM {self._kind.facts} FINAL WHERE owner = {{owner:String}}", {"owner": outcome.owner}
            )
            there = {_plain(row) for row in rows}
            outcome.facts = [fact for fact in outcome.facts if _plain((*fact[:6], *fact.amounts)) not in there]
        await real(self, outcomes)

    patch.setattr(Store, "put_facts", put_facts)


def postponed(universe: Universe) -> None:
    """Shipments that were overdue until a message, itself late, said that they were expected later; then that passed too."""
    departure = LogisticsEvent(
        source="tms",
        event_id="e1",
        event_time=START,
        event_time_zone_offset="+08:00",
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        shipment_id="s1",
        business_step=BusinessStep.DEPARTING,
        expected_arrival_at=START + HOUR,
    )
    delay = replace(
        departure,
        event_id="e2",
        event_time=START + HOUR // 2,
        business_step=BusinessStep.TRANSPORTING,
        expected_arrival_at=START + 5 * HOUR,
    )
    universe.histories = lambda kind, count, number: [[departure, delay]] * count if kind == "logistics" else []
    throw(universe, batch=1)


def the_sweep(patch: Patch, universe: Universe) -> None:
    postponed(universe)

    async def sweep(self: Processor) -> None:
        return

    patch.setattr(Processor, "sweep", sweep)


def the_outbox(patch: Patch, universe: Universe) -> None:
    """Alerts are marked as published before they are."""
    postponed(universe)
    throw(universe, crash=0.1)
    real = Store.put_alerts

    async def put_alerts(self: Store, rows: Sequence[AlertRow]) -> None:
        await real(self, [row._replace(alert=row.alert._replace(published=True)) for row in rows])

    patch.setattr(Store, "put_alerts", put_alerts)


def found(universe: Universe) -> list[Any]:
    for number in range(1, ROUNDS + 1):
        if wrong := universe.play(number, SCHEDULES):
            return wrong
    return []


Without = Callable[[Patch, Universe], None]


@pytest.mark.parametrize(
    "without",
    [
        versions_on_rollups,
        storing_facts_that_do_not_differ,
        the_sweep,
        the_outbox,
    ],
    ids=lambda without: without.__name__,
)
def test_drift_is_found_without(without: Without, universe: Universe, monkeypatch: Patch) -> None:
    without(monkeypatch, universe)
    assert found(universe)
