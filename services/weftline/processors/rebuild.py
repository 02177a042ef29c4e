"""``weftline rebuild``: facts, state, alerts and rollups anew from the records, under the edition of the rules in this code.

It writes what a processor writes, with the same versions, so it may run while processors do, be killed, and be run again: whoever
knows more, or judges by a greater edition, wins. Start it when every processor runs the new edition; until it ends, tables may mix
editions. Alerts that change because of a rule are revisions of the same alerts (an id follows from the business subject), sent to
factories like any other change; those whose subject the rules no longer know are withdrawn.

**Foreign rows.** A row that no record gives, or whose version is greater than the records explain, cannot be overwritten: it would win.
Such rows are the only ones that Weftline ever deletes, and each by its exact version. That no processor stored one is certain, for
tables are read before records: what a processor stores rests on records that it stored before. A foreign alert that was sent is
withdrawn, since its factory must be told.

**It says what it did.** Whatever differed is looked at again after it was written anew. What still differs then is ``left``. A
stored record that does not say what its address says is never touched unless asked for (``remove_damaged``): it may be all that is
left of an event.

Reads as many records at once as the audit does, and refreshes the windows of each such part, which costs a superset of the work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.domain.fold import EDITION, History, Outcome
from weftline.domain.revisions import Judged, state_version
from weftline.processors import audit_tables
from weftline.processors.audit import STATEMENT_SECONDS, Look, look, of_owners, selections
from weftline.processors.audit_loss import mended
from weftline.processors.audit_tables import Difference, Sums
from weftline.processors.audit_windows import Window, suspected, touched
from weftline.processors.kinds import Kind
from weftline.processors.messenger import Messenger
from weftline.processors.registry import kinds
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.processors.strangers import Strangers
from weftline.runtime.clock import Clock, clock_of
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, Warehouse, reader

#: Told of each row that changes.
Show = Callable[[Difference], None]

#: Looks at what differed. A foreign row may lie over another one; and a processor may be in the middle of its work.
ROUNDS = 5
#: Pause before another look at what only differs, which a processor at work may have settled by then.
PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class Rebuilt:
    """What was rebuilt, or would be: records, owners, rows by table that differed, and those of them that differ still.

    ``damaged`` are records that do not say what their address says, ``removed`` those of them that were deleted.
    """

    edition: int = EDITION
    records: int = 0
    owners: int = 0
    seconds: float = 0.0
    changed: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)


class Rebuilder(Processor):
    """A processor that steps over owners instead of over batches of the log. ``named``: so many records were given their strand."""

    named = 0

    async def rebuild(self, owners: Iterable[str]) -> None:
        """Write all of these owners anew, as a step and its settle would."""
        asked = list(owners)
        as_of = self._clock()
        self.named += await self._store.name_strands(asked)
        outcomes = []
        found = await self._store.records(asked)
        drawn = await self._store.drawn(asked)
        for owner, records in found.items():
            if records:
                history = History(owner, self._kind.start)
                if owner in drawn:
                    history.draw(drawn[owner])
                outcome = history.add(records, as_of)
                outcome.rows = history.rows(as_of).rows
                outcomes.append(outcome)
        await self._store.put_facts(outcomes)
        judged = self._judged(outcomes)
        await self._alerts.say([*(source for source, _ in judged), *await self._without_subject(outcomes)], asked, as_of)
        self._gather(outcomes, judged)
        await self.settle()

    async def refresh(self, minutes: Iterable[int]) -> None:
        """Make windows anew from the facts."""
        await self._store.refresh(minutes)

    async def _without_subject(self, outcomes: list[Outcome]) -> list[Judged]:
        """Sources without alerts, for rows of alerts whose subject the rules no longer give."""
        known = {(outcome.owner, row.table, row.key) for outcome in outcomes for row in outcome.rows}
        of_owner = {outcome.owner: outcome for outcome in outcomes}
        lost = []
        for row in await self._store.alerts(list(of_owner)):
            if (row.owner, row.subject_table, row.subject_key) not in known:
                outcome = of_owner[row.owner]
                of = outcome.known
                version = state_version(of.version, 0)
                lost.append(Judged(row.owner, row.subject_table, row.subject_key, version, of.records, row.partition, ()))
        return lost


def rebuild(
    settings: Settings,
    *,
    dry_run: bool = False,
    show: Show | None = None,
    since: int | None = None,
    remove_damaged: bool = False,
) -> Rebuilt:
    """Rebuild all kinds; ``dry_run`` only says what would change, ``since`` (ms) takes only owners with records stored from then on.

    Raises DependencyDown; run it again then."""
    began = time.monotonic()
    report = Rebuilt()
    with reader(settings) as server:
        clock = clock_of(settings.simulated_clock, server.clock())
    codec = Codec(open_registry(settings.schema_registry))
    for kind in kinds().values():
        asyncio.run(_rebuild(kind, settings, codec, clock, report, dry_run, show, since, remove_damaged))
    report.seconds = time.monotonic() - began
    return report


async def _rebuild(
    kind: Kind,
    settings: Settings,
    codec: Codec,
    clock: Clock,
    report: Rebuilt,
    dry_run: bool,
    show: Show | None,
    since: int | None,
    remove_damaged: bool,
) -> None:
    async with _rebuilder(kind, settings, codec, clock) as rebuilder:
        with reader(settings, seconds=STATEMENT_SECONDS) as warehouse:
            work = _OfKind(kind, warehouse, codec, clock, report, show or (lambda _: None), None if dry_run else rebuilder)
            sums: Sums = {}
            weights: dict[tuple[int, str], int] = {}
            for selection in selections(kind, warehouse, since):
                seen = look(kind, warehouse, codec, selection, None, clock)
                if seen.broken and remove_damaged and not dry_run:
                    work.remove_damaged(seen)
                    seen = look(kind, warehouse, codec, selection, None, clock)
                await work.owners(seen)
                audit_tables.add_sums(kind, seen.ought[kind.facts], sums)
                audit_tables.add_weights(seen.limits, weights)
            if rebuilder.named:  # rows without their strand are gone when their parts were merged with the new ones
                warehouse.command(f"OPTIMIZE TABLE {kind.records} FINAL")
            await work.windows(suspected(kind, warehouse, sums, weights) if since is None else touched(sums))
            if since is None and not dry_run and not report.left:
                mended(warehouse, kind)


class _OfKind:
    """The rebuild of one kind. ``rebuilder`` None: nothing is written."""

    def __init__(
        self, kind: Kind, reader: Reader, codec: Codec, clock: Clock, report: Rebuilt, show: Show, rebuilder: Rebuilder | None
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._codec = codec
        self._clock = clock
        self._report = report
        self._show = show
        self._rebuilder = rebuilder
        self._strangers = Strangers(kind, reader)

    async def owners(self, seen: Look) -> None:
        """Write these owners anew, and look again at those of whom something differed."""
        report = self._report
        report.owners += len(seen.known)
        report.records += sum(count for count, _ in seen.known.values())
        _count(report.damaged, seen.broken)
        # Of an owner with a record that does not read nothing can be made anew.
        closed = {difference.key[0] for difference in seen.broken if len(difference.ought or ()) == 1}
        differing = list(seen.differences(self._kind))
        _count(report.changed, differing)
        for difference in differing:
            self._show(difference)
        if self._rebuilder is None:
            return
        await self._rebuilder.rebuild(owner for owner in seen.known if owner not in closed)
        known = {difference.key[0]: (0, 0) for difference in differing}
        for number in range(ROUNDS + 1):
            if not known:
                return
            differing, before, known = [], known, {}
            for owners in of_owners(before):
                again = look(self._kind, self._reader, self._codec, owners, None, self._clock)
                differing += again.differences(self._kind)
                known |= {difference.key[0]: again.known.get(difference.key[0], (0, 0)) for difference in differing}
            if number == ROUNDS:
                break
            minutes = self._strangers.remove(differing)
            await self._rebuilder.rebuild(owner for owner in known if owner not in closed)
            await self._rebuilder.refresh(minutes)
            if not any(map(self._strangers.is_one, differing)):
                await asyncio.sleep(PAUSE_SECONDS)
        # Of whom records have come meanwhile, a processor is in the middle of writing.
        _count(report.left, (difference for difference in differing if known[difference.key[0]] == before[difference.key[0]]))

    async def windows(self, doubted: Sequence[Window]) -> None:
        """Make those of these windows anew that do not say what their facts add up to."""
        if self._rebuilder is None:
            _count(self._report.changed, self._strangers.windows(doubted))
            return
        for number in range(ROUNDS + 1):
            wrong = self._strangers.windows(doubted)
            if number == 0:
                _count(self._report.changed, wrong)
                for difference in wrong:
                    self._show(difference)
            if not wrong:
                return
            if number:
                await asyncio.sleep(PAUSE_SECONDS)
            self._strangers.remove_windows(wrong)
            await self._rebuilder.refresh({difference.key[0] for difference in wrong})
        _count(self._report.left, wrong)

    def remove_damaged(self, seen: Look) -> None:
        """Delete records that do not say what their address says."""
        _count(self._report.removed, seen.broken)
        self._strangers.remove_records(seen.broken)


def _count(counts: dict[str, int], differences: Iterable[Difference]) -> None:
    for difference in differences:
        counts[difference.table] = counts.get(difference.table, 0) + 1


@asynccontextmanager
async def _rebuilder(kind: Kind, settings: Settings, codec: Codec, clock: Clock) -> AsyncIterator[Rebuilder]:
    messenger = Messenger(settings, codec)
    await messenger.start()
    try:
        async with await Warehouse.connect(settings, seconds=STATEMENT_SECONDS) as warehouse:
            store = await Store.open(kind, warehouse, codec)
            partitions = await messenger.partitions(kind.topic)
            yield Rebuilder(kind, partitions, store, messenger, codec, clock, settings, Metrics("rebuild"))
    finally:
        await messenger.stop()
