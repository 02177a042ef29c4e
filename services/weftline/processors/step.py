"""One step of a processor, and the sweep: what makes the tables true after any crash.

A step, in this order: **decode** · **store records**, before looking anything up, else two writers can miss each other · **fold**
the touched owners · **alerts**: the change against the table of alerts is stored, then published and acknowledged; nobody waits for a
fact as a factory waits for these · **store judged facts**, whether or not they differ from what is stored: after a crash nothing would
seem to differ, and a window would never be refreshed. A settle **refreshes rollups** of the touched windows, **stores state** and marks
the alerts that were published; only what it covered is acknowledged to Kafka.

A crash between any two of these is healed by reading the batch again, and by the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from weftline.contracts.codec import Codec
from weftline.contracts.publishers import Delivered, Grants, signature_in
from weftline.contracts.topics import partition_of
from weftline.domain.events import Event
from weftline.domain.fold import Outcome, Record, StateRow
from weftline.domain.revisions import Judged
from weftline.errors import ContractError, DecodeError, NotAllowed
from weftline.processors.folding import Apart, Batches, Folding
from weftline.processors.kinds import Kind
from weftline.processors.messenger import DeadLetter, Messenger
from weftline.processors.store import NEVER, Store, Swept, judged_of, together
from weftline.processors.store_records import Received
from weftline.processors.takeover import Takeover
from weftline.processors.telling import Telling
from weftline.processors.unchanged import NO_SIGNS
from weftline.runtime import failpoints, logging
from weftline.runtime.caution import Attempt
from weftline.runtime.clock import Clock
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: A publisher gone wrong must not fill the disk with log: so many of a step's dead letters are written one by one, the rest is counted.
LOGGED_LETTERS, LOGGED_DETAIL = 3, 200


class Processor:
    """The handler of one kind (see :class:`weftline.runtime.loop.Handler`)."""

    #: Instead of :data:`weftline.processors.telling.MOST_ALERTS`.
    most_alerts: int | None = None

    def __init__(
        self,
        kind: Kind,
        partitions: int,
        store: Store,
        messenger: Messenger,
        codec: Codec,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
        apart: Apart | None = None,
        takeover: Takeover | None = None,
    ) -> None:
        self._kind = kind
        self._partitions = partitions
        self._store = store
        self._messenger = messenger
        self._codec = codec
        self._clock = clock
        self._metrics = metrics
        self._bound = settings.publishers == "bound"
        self._grants: Grants | None = Grants(()) if self._bound else None  # the gate; none: everybody is trusted
        self._alerts = Telling(store, messenger, settings, metrics, self.most_alerts)
        self._takeover = takeover  # None: whoever calls sees to the log itself
        self._stored: dict[int, int] = {}  # records stored since the last settle, by partition
        self._folding = Folding(kind, store, settings.memory_mb << 20, self._alerts, apart, self._partition)
        self._apart = apart
        self._held: frozenset[int] = frozenset()
        self._minutes: set[int] = set()  # windows to refresh, seconds since the epoch
        self._rows: dict[tuple[str, str, tuple[str, ...]], tuple[Judged, StateRow]] = {}  # state to store, by subject
        self._swept = NEVER

    async def assigned(self, partitions: frozenset[int]) -> Mapping[int, int]:
        """Newly held partitions: whoever held them may have died between any two steps, so the next sweep looks at everything."""
        for partition in partitions:
            self._stored.pop(partition, None)
        if self._held & partitions:  # in doubt: what is remembered of them may be in no table
            self._folding.clear()
        places: Mapping[int, int] = {}
        if self._takeover is not None:
            places = await self._takeover.over(partitions)
            self._partitions = self._takeover.partitions
        self._held |= partitions
        self._swept = NEVER
        self._alerts.take_over()
        await self._read_grants()
        await self._alerts.read_live(NO_SIGNS)
        return places

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Forget: what others store of these owners from now on goes unseen here."""
        self._held -= partitions
        for partition in partitions:
            self._stored.pop(partition, None)
        if self._takeover is not None:
            self._takeover.away(partitions)
        self._folding.away()

    async def healthy(self) -> None:
        """Raise DependencyDown if ClickHouse or Kafka does not answer."""
        await self._store.healthy()
        await self._messenger.healthy()

    async def tried(self, partitions: frozenset[int]) -> Sequence[Attempt]:
        """What was last noted of these partitions."""
        return await self._store.tried(sorted(partitions))

    async def trying(self, notes: Sequence[Attempt]) -> None:
        """Note what is tried now, or is through."""
        await self._store.put_attempts(notes)

    async def step(self, records: Sequence[RawRecord]) -> None:
        """Records in, effects stored; see the module."""
        try:
            await self._step(records)
        except BaseException:
            self._folding.doubt()
            raise

    async def _step(self, records: Sequence[RawRecord]) -> None:
        as_of = self._clock()
        failpoints.meet(record.value for record in records)
        with self._timed("decode"):
            received, letters = self._decode(records)
        if any(letter.reason == NotAllowed.reason for letter in letters) and await self._read_grants():
            # Nothing is refused by grants that are older than the record: what was just loaded holds at once.
            received, letters = self._decode(records)
        await self._bury(letters)
        if not received:
            return
        with self._timed("store"):
            await self._store.put_records(received)
        if self._takeover is not None:
            await self._takeover.filled()
        await failpoints.reach("records")
        with self._timed("fold"):
            outcomes = await self._folding.fold(Batches.of(received), as_of)
        await failpoints.reach("folded")
        await self._bury(_not_judged(records, received, outcomes))
        with self._timed("across"):
            await self._put_at_once(outcomes)
            if (behind := await self._folding.behind(outcomes)).records:
                more = await self._folding.fold(behind, as_of)
                await self._put_at_once(more)
                outcomes += more
            await self._folding.across(outcomes)
        judged = self._judged(outcomes)
        with self._timed("alerts"):
            asking = [o.owner for o in outcomes if self._alerts.may_have(o.owner) or any(row.alerts for row in o.rows)]
            await self._alerts.say([source for source, _ in judged], asking, as_of)
            self._alerts.forget(owner for owner in asking if self._folding.memory.get(owner) is None)
        with self._timed("facts"):
            await self._store.put_facts(outcomes)
        await failpoints.reach("facts")
        self._gather(outcomes, judged)
        for item in received:
            partition = records[item.raw_index].partition
            self._stored[partition] = self._stored.get(partition, 0) + 1
        memory = self._folding.memory
        self._metrics.owners.set(len(memory))
        self._metrics.memory_records.set(memory.records)
        self._metrics.memory_bytes.set(memory.weight)

    async def _put_at_once(self, outcomes: Sequence[Outcome]) -> None:
        """Store the state of which other state is made: of those owners of whom it is not made here."""
        at_once = {table.name for table in self._kind.states.values() if table.at_once}
        partly = [outcome for outcome in outcomes if not outcome.whole]
        if not (at_once and partly):
            return
        await self._store.put_states([pair for pair in self._judged(partly) if pair[0].table in at_once])
        for outcome in partly:
            outcome.rows = [row for row in outcome.rows if row.table not in at_once]

    async def settle(self, read: Mapping[int, int] = {}) -> None:
        """Refresh the touched windows, store the touched state, mark what was published: side by side, since none needs another. Then
        note what was read: of a table that a dead worker had not yet written to for the first time, a note made before would say that
        it is lost."""
        await together((self._refresh(), self._put_states(), self._alerts.mark()))
        await self._keep(read)
        self._minutes.clear()
        self._rows.clear()
        for partition in read:
            self._stored.pop(partition, None)

    async def _keep(self, read: Mapping[int, int]) -> None:
        if self._takeover is not None:
            await self._takeover.keep({partition: (end, self._stored.get(partition, 0)) for partition, end in read.items()})

    async def _refresh(self) -> None:
        with self._timed("rollups"):
            await self._store.refresh(self._minutes)

    async def _put_states(self) -> None:
        with self._timed("state"):
            await self._store.put_states(self._rows.values())

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        """To dead letters: processing failed, and not for want of a dependency."""
        await self._bury([DeadLetter.of(record, "processing_failed", "", f"{type(error).__name__}: {error}")])

    async def sweep(self) -> None:
        """Pass deadlines; make the table of alerts agree with the stored state; publish what is not marked."""
        if not self._held:
            return
        signs = NO_SIGNS if self._takeover is None else await self._takeover.look()
        await self._read_grants()
        if await self._alerts.read_live(signs):
            self._swept = NEVER
        held = sorted(self._held) if self._takeover is None else self._takeover.rows_of(self._held)
        began = Swept(await self._store.now(), self._clock())
        await self._folding.ask_apart(held, signs)
        restated = [owner for owner in await self._store.restated(self._swept) if self._partition(owner) in held]
        owners = await self._folding.here(sorted({*restated, *await self._store.due(held, self._swept, began.as_of)}))
        if owners:
            outcomes = [history.rows(began.as_of) for history in (await self._folding.whole(owners)).values()]
            judged = self._judged(outcomes)
            await self._alerts.say([source for source, _ in judged], owners, began.as_of)
            self._alerts.forget(owners)
            self._gather(outcomes, judged)
            await self.settle()
        if self._swept == NEVER:
            # An alert that agrees with its state is not read then, so nobody counts that a slow twin stored it since its owner was met.
            self._alerts.forget()
        self._folding.again(await self._alerts.compare(held, self._swept, self._folding.large, signs, began.as_of))
        await self._alerts.mark()
        await self._alerts.send(held, self._swept, self._folding.large, signs, began)
        await self._alerts.mark()
        self._swept = began
        if self._apart is not None:
            await self._apart.swept()
            self._metrics.owners_apart.labels("known").set(len(self._folding.large))
            self._metrics.owners_apart.labels("waiting").set(self._apart.waiting)

    # the parts of a step

    def _decode(self, records: Sequence[RawRecord]) -> tuple[list[Received], list[DeadLetter]]:
        received: list[Received] = []
        letters: list[DeadLetter] = []
        for index, raw in enumerate(records):
            try:
                if raw.cut is not None:
                    raise DecodeError("value", raw.cut.problem)
                event, value, rank = self._codec.accept(raw.topic, raw.value)
                if not isinstance(event, Event) or raw.value is None:
                    raise ContractError("value", f"topic {raw.topic} carries no {type(event).__name__}")
                owner = event.owner
                if raw.key != owner.encode():
                    raise ContractError("key", f"is not {owner!r}, whose events these are; send that key")
                if self._grants is not None:
                    signature = signature_in(raw.headers)
                    refusal = self._grants.refusal(Delivered(raw.topic, raw.key, raw.value, signature, raw.timestamp), event)
                    if refusal is not None:
                        raise refusal
                received.append(Received(index, owner, Record(event, rank), value))
            except ContractError as error:
                letters.append(DeadLetter.of(raw, error.reason, error.field, error.problem))
        return received, letters

    async def _read_grants(self) -> bool:
        """Whether they are others than before. Read when partitions come, at every sweep, and before anything is refused."""
        if not self._bound:
            return False
        before, self._grants = self._grants, await self._store.grants()
        return before is None or before.all != self._grants.all

    def _judged(self, outcomes: Sequence[Outcome]) -> list[tuple[Judged, StateRow]]:
        """Every touched state row, as a source of alerts and as what is to be stored."""
        return [
            (judged_of(outcome.owner, self._partition(outcome.owner), outcome.known, row), row)
            for outcome in outcomes
            for row in outcome.rows
        ]

    def _gather(self, outcomes: Sequence[Outcome], judged: Sequence[tuple[Judged, StateRow]]) -> None:
        for outcome in outcomes:
            self._minutes.update(fact.event_time // 60_000 * 60 for fact in outcome.facts)
        for source, row in judged:
            self._rows[source.owner, source.table, source.key] = (source, row)

    async def _bury(self, letters: Sequence[DeadLetter]) -> None:
        """Dead letters: to their topic, then to their table."""
        if not letters:
            return
        await self._messenger.dead_letters(letters)
        await failpoints.reach("buried")
        await self._store.put_dead_letters(letters)
        for index, letter in enumerate(letters):
            self._metrics.dead_letters.labels(letter.reason).inc()
            if index >= LOGGED_LETTERS:
                continue
            log.warning(
                "dead letter",
                topic=letter.record.topic,
                partition=letter.record.partition,
                offset=letter.record.offset,
                reason=letter.reason,
                field=letter.field,
                detail=letter.detail[:LOGGED_DETAIL],
            )
        if len(letters) > LOGGED_LETTERS:
            log.warning("more dead letters in this step", more=len(letters) - LOGGED_LETTERS, list="weftline dlq list")

    def _timed(self, phase: str) -> AbstractContextManager[Any]:
        return cast(AbstractContextManager[Any], self._metrics.phase_seconds.labels(phase).time())

    def _partition(self, owner: str) -> int:
        return partition_of(owner.encode(), self._partitions)


def _not_judged(records: Sequence[RawRecord], received: Sequence[Received], outcomes: Sequence[Outcome]) -> list[DeadLetter]:
    """A letter per record of the batch on which a rule raised. Older ones were reported when they came."""
    failed = {
        (outcome.owner, failure.event.source, failure.event.event_id, failure.event.event_time): failure.error
        for outcome in outcomes
        for failure in outcome.failures
    }
    if not failed:
        return []
    letters = []
    for item in received:
        event = item.record.event
        error = failed.get((item.owner, event.source, event.event_id, event.event_time))
        if error is not None:
            letters.append(DeadLetter.of(records[item.raw_index], "not_judged", "", f"{type(error).__name__}: {error}"))
    return letters
