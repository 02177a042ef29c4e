"""One step of a processor, and the sweep: what makes the tables true after any crash.

A step, in this order: **decode** · **store records**, before looking anything up, else two writers can miss each other · **fold**
the touched owners · **store judged facts**, whether or not they differ from what is stored: after a crash nothing would seem to
differ, and a window would never be refreshed · **alerts**: the change against the table of alerts is stored, then published and
acknowledged. A settle **refreshes rollups** of the touched windows, **stores state** and marks the alerts that were published; only
what it covered is acknowledged to Kafka.

A crash between any two of these is healed by reading the batch again, and by the sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.topics import partition_of
from weftline.domain.events import Event
from weftline.domain.fold import Outcome, Record, StateRow
from weftline.domain.revisions import Judged, changes, message_of
from weftline.errors import ContractError
from weftline.processors.kinds import Kind
from weftline.processors.memory import Memory
from weftline.processors.messenger import DeadLetter, Messenger
from weftline.processors.store import NEVER, AlertRow, Received, Store, Swept, judged_of, together
from weftline.runtime import failpoints, logging
from weftline.runtime.clock import Clock
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: A publisher gone wrong must not fill the disk with log: so many of a step's dead letters are written one by one, the rest is counted.
LOGGED_LETTERS, LOGGED_DETAIL = 3, 200


class Processor:
    """The handler of one kind (see :class:`weftline.runtime.loop.Handler`)."""

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
    ) -> None:
        self._kind = kind
        self._partitions = partitions
        self._store = store
        self._messenger = messenger
        self._codec = codec
        self._clock = clock
        self._metrics = metrics
        self._memory = Memory(kind, settings.memory_records)
        self._held: frozenset[int] = frozenset()
        self._alerting: set[str] = set()  # owners in memory that have, or may have, rows in the table of alerts
        self._minutes: set[int] = set()  # windows to refresh, seconds since the epoch
        self._rows: dict[tuple[str, str, tuple[str, ...]], tuple[Judged, StateRow]] = {}  # state to store, by subject
        self._published: dict[tuple[str, int], AlertRow] = {}  # alerts to be marked as published, by id and version
        self._swept = NEVER
        self._said: set[tuple[str, int]] = set()  # (owner, version of its state) for which the table of alerts was seen to
        self._said_since: set[tuple[str, int]] = set()  # the same, since the last sweep
        self._to_compare: dict[str, int] = {}  # owner -> version of an alert that no stored state is as new as

    async def assigned(self, partitions: frozenset[int]) -> None:
        """Newly held partitions: whoever held them may have died between any two steps, so the next sweep looks at everything."""
        self._held |= partitions
        self._swept = NEVER
        self._said.clear()
        self._said_since.clear()
        self._to_compare.clear()

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Forget: what others store of these owners from now on goes unseen here."""
        self._held -= partitions
        self._memory.clear()
        self._alerting.clear()

    async def healthy(self) -> None:
        """Raise DependencyDown if ClickHouse or Kafka does not answer."""
        await self._store.healthy()
        await self._messenger.healthy()

    async def step(self, records: Sequence[RawRecord]) -> None:
        """Records in, effects stored; see the module."""
        as_of = self._clock()
        with self._timed("decode"):
            received, letters = self._decode(records)
        await self._bury(letters)
        if not received:
            return
        with self._timed("store"):
            await self._store.put_records(received)
        await failpoints.reach("records")
        with self._timed("fold"):
            outcomes = await self._fold(received, as_of)
        await failpoints.reach("folded")
        await self._bury(_not_judged(records, received, outcomes))
        with self._timed("facts"):
            await self._store.put_facts(outcomes)
        await failpoints.reach("facts")
        judged = self._judged(outcomes)
        with self._timed("alerts"):
            asking = [o.owner for o in outcomes if o.owner in self._alerting or any(row.alerts for row in o.rows)]
            await self._say([source for source, _ in judged], asking, as_of)
        self._gather(outcomes, judged)
        self._metrics.owners.set(len(self._memory))
        self._metrics.memory_records.set(self._memory.records)

    async def settle(self) -> None:
        """Refresh the touched windows, store the touched state, mark what was published; side by side, since none needs another."""
        await together((self._refresh(), self._put_states(), self._mark()))
        self._minutes.clear()
        self._rows.clear()

    async def _refresh(self) -> None:
        with self._timed("rollups"):
            await self._store.refresh(self._minutes)

    async def _put_states(self) -> None:
        with self._timed("state"):
            await self._store.put_states(self._rows.values())

    async def _mark(self) -> None:
        """Mark alerts as published: the mark has a version of its own, greater than the row's."""
        rows = list(self._published.values())
        if not rows:
            return
        await self._store.put_alerts(
            [row._replace(alert=row.alert._replace(version=row.alert.version | 1, published=True)) for row in rows]
        )
        await failpoints.reach("marked")
        for row in rows:
            del self._published[row.alert.alert_id, row.alert.version]

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        """To dead letters: processing failed, and not for want of a dependency."""
        await self._bury([DeadLetter(record, "processing_failed", "", f"{type(error).__name__}: {error}"[:1000])])

    async def sweep(self) -> None:
        """Pass deadlines; make the table of alerts agree with the stored state; publish what is not marked."""
        if not self._held:
            return
        held = sorted(self._held)
        began = Swept(await self._store.now(), self._clock())
        owners = await self._store.due(held, self._swept, began.as_of)
        if owners:
            outcomes = [history.rows(began.as_of) for history in (await self._histories(owners)).values()]
            judged = self._judged(outcomes)
            await self._say([source for source, _ in judged], owners, began.as_of)
            self._gather(outcomes, judged)
            await self.settle()
        stored = {*await self._store.alerting(held, self._swept)}
        # What this worker has said itself need not be compared again; what another one wrote must.
        for owner, version in stored - self._said - self._said_since:
            self._to_compare[owner] = max(version, self._to_compare.get(owner, 0))
        owners = sorted(self._to_compare)
        sources = await self._store.judged(owners)
        await self._say(sources, owners, began.as_of)
        newest = dict.fromkeys(owners, 0)
        for source in sources:
            newest[source.owner] = max(newest[source.owner], source.version)
        # An alert may be newer than the stored state, which its worker was to store next: compared until a state is there that knows.
        self._to_compare = {owner: version for owner, version in self._to_compare.items() if version > newest[owner]}
        self._said = {pair for pair in stored | self._said_since if pair[0] not in self._to_compare}
        self._said_since = set()
        await self._mark()
        await self._publish(await self._store.unpublished(held, self._swept))
        await self._mark()
        self._swept = began

    # the parts of a step

    def _decode(self, records: Sequence[RawRecord]) -> tuple[list[Received], list[DeadLetter]]:
        received: list[Received] = []
        letters: list[DeadLetter] = []
        for index, raw in enumerate(records):
            try:
                event = self._codec.decode(raw.topic, raw.value)
                if not isinstance(event, Event) or raw.value is None:
                    raise ContractError("value", f"topic {raw.topic} carries no {type(event).__name__}")
                owner = event.owner
                if raw.key != owner.encode() and raw.partition != self._partition(owner):
                    raise ContractError("key", f"is not {owner!r}, so that another partition handles this owner; send that key")
                rank = rank_of(raw.value[FRAMING:], event.error_declaration is not None)
                received.append(Received(index, owner, Record(event, rank), raw.value))
            except ContractError as error:
                letters.append(DeadLetter(raw, error.reason, error.field, error.problem))
        return received, letters

    async def _fold(self, received: Sequence[Received], as_of: int) -> list[Outcome]:
        """Memory serves an owner as long as the warehouse holds exactly what memory and batch say; else all is read again."""
        batches: dict[str, list[Record[Any]]] = {}
        for item in received:
            batches.setdefault(item.owner, []).append(item.record)
        stored = await self._store.counts(list(batches))
        missing = []
        for owner, batch in batches.items():
            history = self._memory.get(owner)
            fresh = {(record.position, record.rank) for record in batch if history is None or not history.knows(record)}
            if stored.get(owner, 0) != len(fresh) + (history.count if history else 0):
                missing.append(owner)
        loaded = await self._store.records(missing) if missing else {}
        # Owners not known before may have alerts from a former life, even if all of their records are in this batch.
        self._alerting.update(missing)
        self._alerting.update(owner for owner in batches if self._memory.get(owner) is None)
        outcomes = []
        for owner, batch in batches.items():
            history = self._memory.get(owner) or self._memory.fresh(owner)
            outcomes.append(history.add(batch, as_of, loaded.get(owner, ())))
            self._memory.keep(history)
        self._alerting.difference_update(self._memory.trim())
        return outcomes

    async def _histories(self, owners: Sequence[str]) -> dict[str, Any]:
        """Histories read from the warehouse: a sweep looks at what is stored, whoever stored it."""
        histories = {}
        for owner, records in (await self._store.records(owners)).items():
            if records:
                history = histories[owner] = self._memory.fresh(owner)
                history.add(records, 0)
        return histories

    async def _say(self, judged: Sequence[Judged], owners: Iterable[str], as_of: int) -> None:
        """Store the change of the alerts, publish it, mark it. ``owners``: those whose alerts the table may have."""
        asked = set(owners)
        if not asked:
            return
        stored: dict[tuple[str, str, tuple[str, ...]], list[Any]] = {}
        found = await self._store.alerts(sorted(asked))
        self._alerting.difference_update(asked)
        for row in found:
            self._alerting.add(row.owner)
            stored.setdefault((row.owner, row.subject_table, row.subject_key), []).append(row.alert)
        rows = [
            AlertRow(source.owner, source.partition, source.table, source.key, change)
            for source in judged
            for change in changes(source, stored.get((source.owner, source.table, source.key), ()), as_of)
        ]
        if rows:
            self._alerting.update(row.owner for row in rows)
            await self._store.put_alerts(rows)
            await failpoints.reach("alerts")
            await self._publish([row for row in rows if not row.alert.historic])
        self._said_since.update((source.owner, source.version) for source in judged if source.owner in asked)

    async def _publish(self, rows: Sequence[AlertRow]) -> None:
        """Publish; once acknowledged, they are to be marked by the next settle."""
        if not rows:
            return
        await self._messenger.alerts(message_of(row.alert) for row in rows)
        await failpoints.reach("published")
        for row in rows:
            self._published[row.alert.alert_id, row.alert.version] = row
            self._metrics.alerts.labels(row.alert.status.lower()).inc()

    def _judged(self, outcomes: Sequence[Outcome]) -> list[tuple[Judged, StateRow]]:
        """Every touched state row, as a source of alerts and as what is to be stored."""
        return [
            (judged_of(outcome.owner, self._partition(outcome.owner), outcome.version, outcome.count, row), row)
            for outcome in outcomes
            for row in outcome.rows
        ]

    def _gather(self, outcomes: Sequence[Outcome], judged: Sequence[tuple[Judged, StateRow]]) -> None:
        for outcome in outcomes:
            self._minutes.update(fact.event_time // 60_000 * 60 for fact, _ in outcome.facts)
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
            letters.append(DeadLetter(records[item.raw_index], "not_judged", "", f"{type(error).__name__}: {error}"[:1000]))
    return letters
