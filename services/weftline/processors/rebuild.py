"""``weftline rebuild``: facts, state, alerts and rollups anew from the records, under the edition of the rules in this code.

It writes what a processor writes, with the same versions, so it may run while processors do, be killed, and be run again: whoever
knows more, or judges by a greater edition, wins. Start it when every processor runs the new edition; until it ends, tables may mix
editions. Alerts that change because of a rule are revisions of the same alerts (an id follows from the business subject), sent to
factories like any other change; those whose subject the rules no longer know are withdrawn. A state row or a fact that the rules
no longer give at all stays in its table, for nothing is deleted: the audit shows it as extra.

Reads as many records at once as the audit does, and refreshes the windows of each such part, which costs a superset of the work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import load_topics
from weftline.domain.fold import EDITION, Outcome
from weftline.domain.revisions import Judged, state_version
from weftline.processors.audit import STATEMENT_SECONDS, Look, look, selections
from weftline.processors.audit_tables import Difference, differences, kinds
from weftline.processors.kinds import Kind
from weftline.processors.messenger import Messenger
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.clock import Clock, clock_of
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse, reader

#: Told of each row that changes.
Show = Callable[[Difference], None]


@dataclass(slots=True)
class Rebuilt:
    """What was rebuilt, or would be: records, owners, and rows changed by table."""

    edition: int = EDITION
    records: int = 0
    owners: int = 0
    seconds: float = 0.0
    changed: dict[str, int] = field(default_factory=dict)

    def add(self, seen: Look, show: Show | None) -> None:
        """Count what a look found to differ from what the rules say now."""
        self.owners += len(seen.known)
        self.records += sum(count for count, _ in seen.known.values())
        for difference in differences(seen.tables, seen.ought):
            self.changed[difference.table] = self.changed.get(difference.table, 0) + 1
            if show is not None:
                show(difference)


class Rebuilder(Processor):
    """A processor that steps over owners instead of over batches of the log."""

    async def rebuild(self, owners: Iterable[str]) -> None:
        """Write all of these owners anew, as a step and its settle would."""
        asked = list(owners)
        as_of = self._clock()
        outcomes = []
        for owner, records in (await self._store.records(asked)).items():
            if records:
                history = self._memory.fresh(owner)
                outcome = history.add(records, as_of)
                outcome.rows = history.rows(as_of).rows
                outcomes.append(outcome)
        await self._store.put_facts(outcomes)
        judged = self._judged(outcomes)
        await self._say([*(source for source, _ in judged), *await self._without_subject(outcomes)], asked, as_of)
        self._gather(outcomes, judged)
        await self.settle()

    async def _without_subject(self, outcomes: list[Outcome]) -> list[Judged]:
        """Sources without alerts, for rows of alerts whose subject the rules no longer give."""
        known = {(outcome.owner, row.table, row.key) for outcome in outcomes for row in outcome.rows}
        of_owner = {outcome.owner: outcome for outcome in outcomes}
        lost = []
        for row in await self._store.alerts(list(of_owner)):
            if (row.owner, row.subject_table, row.subject_key) not in known:
                outcome = of_owner[row.owner]
                version = state_version(outcome.version, 0)
                lost.append(Judged(row.owner, row.subject_table, row.subject_key, version, outcome.count, row.partition, ()))
        return lost


def rebuild(settings: Settings, *, dry_run: bool = False, show: Show | None = None) -> Rebuilt:
    """Rebuild all kinds; ``dry_run`` only says what would change. Raises DependencyDown; run it again then."""
    began = time.monotonic()
    report = Rebuilt()
    clock = clock_of(settings.simulated_clock)
    codec = Codec(open_registry(settings.schema_registry))
    for kind in kinds().values():
        asyncio.run(_rebuild(kind, settings, codec, clock, report, dry_run, show))
    report.seconds = time.monotonic() - began
    return report


async def _rebuild(
    kind: Kind, settings: Settings, codec: Codec, clock: Clock, report: Rebuilt, dry_run: bool, show: Show | None
) -> None:
    async with _rebuilder(kind, settings, codec, clock) as rebuilder:
        with reader(settings, seconds=STATEMENT_SECONDS) as warehouse:
            for selection in selections(kind, warehouse, None):
                seen = look(kind, warehouse, codec, selection, None, clock)
                report.add(seen, show)
                if not dry_run:
                    await rebuilder.rebuild(seen.known)


@asynccontextmanager
async def _rebuilder(kind: Kind, settings: Settings, codec: Codec, clock: Clock) -> AsyncIterator[Rebuilder]:
    messenger = Messenger(settings, codec)
    await messenger.start()
    try:
        async with await Warehouse.connect(settings, seconds=STATEMENT_SECONDS) as warehouse:
            store = await Store.open(kind, warehouse, codec)
            partitions = load_topics()[kind.topic].partitions
            yield Rebuilder(kind, partitions, store, messenger, codec, clock, settings, Metrics("rebuild"))
    finally:
        await messenger.stop()
