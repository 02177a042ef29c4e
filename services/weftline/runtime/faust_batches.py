"""Faust with whole batches: the only module that knows Faust's private hooks.

Stock Faust makes four asyncio tasks for every message (``Consumer._drain_messages``): 15,000 events/s. This module lets Faust carry
one event per *(partition, fetched chunk)*, whose synthetic message bears the chunk's last offset. The app, the group, the assignment,
the rebalance and the commit stay Faust's. Measured with a handler that does nothing, 400,000 events of 100 bytes in four partitions,
two cores: 310,000 events/s (670,000 without the pause between steps), 1.4 µs of CPU per event, 105 MB. A single event is in its step
2.6 ms after it was published (median; 95 %: 4.9 ms); if events come faster than the pause allows steps, after half a pause.

Pins, asserted below: faust-streaming 0.15.3, mode-streaming 0.7.1, aiokafka 0.14.0. The private hooks, to be read again whenever a
pin changes:

- ``Topic._compile_decode``: sets ``decode``; run in ``__init__``, so it holds for the clones that agents read.
- ``AIOKafkaConsumerThread.on_start``: starts the aiokafka consumer; fails at once when no broker answers.
- ``AIOKafkaConsumerThread._create_worker_consumer``: makes the aiokafka consumer, whose ``_isolation_level`` is read when it starts.
- ``AIOKafkaConsumerThread._fetch_records``: runs in the consumer's thread, advances the position; what it gives: :mod:`.passed`.
- ``aiokafka.consumer.fetcher.Fetcher._records``: what was fetched and not yet given, by partition, a ``FetchResult`` or an error; emptied
  in the dictionary's order. ``_fetch_max_wait_ms`` is read for each request.
- ``Consumer._new_consumer_thread``: makes that thread.
- ``Consumer._drain_messages``: run by the ``Fetcher`` service, cancelled when that stops.
- ``Consumer._wait_next_records``: waits while the flow is stopped, then fetches.
- ``Consumer._filter_tps_with_pending_acks``: which partitions a commit looks at.
- ``Consumer._new_offset``: what a commit may commit for one of them.
- ``Consumer._committed_offset``: read for the lag.
- ``Consumer.on_partitions_assigned``, ``on_partitions_revoked``: run in the main loop, awaited by aiokafka's group coordinator.
- ``AIOKafkaConsumer._subscription.subscription.assignment``: one object per generation, ``active`` until the next one is made; its
  ``state_value(tp).timestamp`` is the wall clock (ms) of the last answer to a fetch, also to one that brought nothing.
- ``AIOKafkaConsumer._coordinator.request_rejoin``: has the partitions assigned anew, with offsets as committed.
- ``aiokafka.consumer.fetcher``: its names ``MemoryRecords`` and ``PartitionRecords`` are those of :mod:`.unpacking`.
- ``faust.Worker.install_signal_handlers``: left out; signals are the program's.

Why nothing is lost. A fetch advances the position, so a fetched chunk that is dropped leaves a gap that a later commit would step
over (Faust's ``perform_seek`` does not go back where nothing was ever committed). Hence the one rule: *a chunk fetched under the
assignment that is held now is always queued, a chunk of a former assignment never*. The thread says under which assignment it
fetched. A commit takes the longest prefix of a partition's queued chunks that were acknowledged; whatever drops a chunk further on
only keeps the commit back. Offsets at which nothing is to be read are queued too, as done: so the commit reaches the last stable
offset, where the first transaction begins that is still open, and the lag is counted to there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import faust
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError, NoOffsetForPartitionError, OffsetOutOfRangeError, RecordTooLargeError
from faust.app.base import BootStrategy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumer
from faust.transport.drivers.aiokafka import Transport as KafkaTransport
from faust.types.tuples import TP, ConsumerMessage

from weftline.errors import WeftlineError
from weftline.runtime import logging, passed, unpacking
from weftline.runtime.groups import CLIENT
from weftline.runtime.loop import BatchLoop, Chunk, RawRecord
from weftline.runtime.passed import Passed
from weftline.runtime.retry import Backoff
from weftline.runtime.settings import Settings
from weftline.runtime.tls import trusting

PINS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
for _name, _pin in PINS.items():
    if version(_name) != _pin:
        raise ImportError(
            f"weftline.runtime.faust_batches touches private methods of {_name} {_pin}, but {version(_name)} is installed; "
            "install the pinned versions (deploy/locks), or read the hooks again and change PINS"
        )

fetcher.MemoryRecords = unpacking.Records
fetcher.PartitionRecords = unpacking.PartitionRecords
passed.tell()
log = logging.get(__name__)

#: A chunk is at most this share of a step, so that steps fill up well from several partitions.
CHUNKS_PER_STEP = 4
#: How long a rebalance may wait for the step in flight; far below the rebalance timeout, after which the broker removes the member.
REVOKE_GRACE_SECONDS = 5.0
REBALANCE_TIMEOUT_SECONDS = 30.0
COMMIT_SECONDS = 1.0
#: How long the broker waits with an answer that would be empty. aiokafka asks it for one thing at a time, and of partitions of which it
#: still has records for nothing: with Faust's 1.5 s, a partition that alone had a backlog got a megabyte a second (3,200 small
#: reports/s; 6,300 with 0.1 s).
IDLE_WAIT_MS, BUSY_WAIT_MS = 1_500, 100
#: What a chunk without records counts for, so that any number of them stays within the bounds of a step.
PASSED_BYTES = 1024
#: A topic that was deleted or made anew, or got partitions, is noticed so soon; aiokafka's own five minutes are too long.
METADATA_SECONDS = 10
#: Before partitions are asked for anew because the log does not have their place: whoever judges them needs a moment first.
ASIDE_SECONDS = 2.0
#: aiokafka leaves the group when nothing was fetched for so long, and nothing is fetched while a dependency is waited for.
FOREVER_SECONDS = 10 * 365 * 86_400.0


class GroupCrashed(WeftlineError):
    """Faust gave up; a supervisor shall start the program anew."""


@dataclass(slots=True, eq=False)
class _Fetched:
    """A chunk in the commit's order: offsets up to ``last`` may be committed once it and all before it are done."""

    first: int
    last: int
    done: bool = field(default=False)

    def finish(self) -> None:
        self.done = True


@dataclass(frozen=True, slots=True)
class _Poll:
    """What one fetch gave, and under which assignment (an aiokafka ``Assignment``)."""

    assignment: Any
    records: Mapping[TP, Sequence[Any]]


class _Thread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """The consumer's thread: waits for a broker at start, and says under which assignment it fetched."""

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._served: set[Any] = set()  # partitions of which the last fetch gave records

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust has this only together with its own transactions, which we do not use.
        consumer._isolation_level = "read_committed"
        return consumer

    async def on_start(self) -> None:
        backoff = Backoff()
        while not self.should_stop:
            try:
                await super().on_start()
                return
            except KafkaConnectionError as error:
                await self._consumer.stop()
                log.warning("waiting", dependency="kafka", error=str(error))
                await self.sleep(backoff.next())

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> _Poll:
        # A fetch empties one partition after the other, in this order, while they fit: what others published must not wait behind a
        # megabyte of one that was served already.
        waiting = consumer._fetcher._records
        for tp in self._served & waiting.keys():
            waiting[tp] = waiting.pop(tp)
        most = self.transport.feed.step_records
        try:
            records = await self._evenly(consumer, active_partitions, timeout, most)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            # Nothing is skipped: whoever takes the partition over judges what was lost, and where to go on.
            log.error("the log does not have the place where reading is to go on", error=repr(error))
            assignment = self.assignment_now()
            await asyncio.sleep(ASIDE_SECONDS)
            if assignment is self.assignment_now():
                self.rejoin()
            records = {}
        except RecordTooLargeError as error:
            # What lies there has no sound beginning. The fetcher has moved on by one offset, and this call has given nothing else.
            _, tp, offset, _ = error.args
            records = {TP(tp.topic, tp.partition): [unpacking.nameless(offset)]}
        self._served = set(records)
        consumer._fetcher._fetch_max_wait_ms = BUSY_WAIT_MS if waiting else IDLE_WAIT_MS
        # The call above moved the position as the last thing that it did, so no rebalance can have come in between: the assignment that
        # is held now is the one of which these records were fetched.
        return _Poll(self.assignment_now(), records)

    async def _evenly(self, consumer: Any, active_partitions: set[TP], timeout: float | None, most: int) -> dict[Any, Any]:
        """As many of each partition that has records here: all go on side by side, and what is stepped together happened at about one time.

        One partition after the other, each window of a backlog was made anew for each of them: 18,000 events in 48 partitions took the
        engine 0.9 to 1.1 ms each, and take 0.4 to 0.6; in eight partitions 0.4 to 0.9 (interleaved runs on two cores at a load of 8 to 19).
        """
        waiting = consumer._fetcher._records
        share = max(1, most // max(1, len(waiting)))
        found: dict[Any, Any] = await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=share)
        assignment = self.assignment_now()
        taken = sum(map(len, found.values()))
        # What is no result is an error, which the next call meets first: here it would cost what was found before.
        for tp in [tp for tp, of in waiting.items() if isinstance(of, fetcher.FetchResult) and tp not in found]:
            if not found or taken >= most:
                break
            more = await super()._fetch_records(consumer, {tp}, timeout=0, max_records=share)
            if assignment is not self.assignment_now():
                # They were fetched under the former one, and this was under the one that is held now.
                assignment, found, taken = self.assignment_now(), {}, 0
            found.update(more)
            taken += sum(map(len, more.values()))
        return found

    def rejoin(self) -> None:
        """Have the partitions assigned anew. To be called in this thread."""
        self._ensure_consumer()._coordinator.request_rejoin()

    def stable_end(self, tp: TP) -> int | None:
        """Up to where records are committed or aborted, by the last answer to a fetch; None before it."""
        consumer = self._ensure_consumer()
        stable: int | None = consumer.last_stable_offset(tp)
        end: int | None = consumer.highwater(tp)
        return end if stable is None or stable < 0 else stable

    def assignment_now(self) -> Any:
        subscription = self._ensure_consumer()._subscription.subscription
        return None if subscription is None else subscription.assignment


class _Consumer(KafkaConsumer):  # type: ignore[misc]
    """Hands chunks to the batch loop, and commits what the loop acknowledged."""

    def __init__(self, transport: _Transport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self._feed = transport.feed
        self._chunk_bytes = max(1, transport.settings.batch_bytes // CHUNKS_PER_STEP)
        self._chunks: dict[TP, deque[_Fetched]] = {}
        self._next: dict[TP, int] = {}
        self._moved: set[TP] = set()  # read from elsewhere once they are assigned anew; until then nothing of them is committed
        self._held_assignment: Any = None
        self._assigned_anew = asyncio.Event()
        self._fetching_since: float | None = None  # wall clock; None while the batch loop has enough

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    # ---- fetching -----------------------------------------------------------------------------------------------------------

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self._feed.has_room:
                    self._fetching_since = None
                    await self._feed.room()
                self._fetching_since = self._fetching_since or time.time()
                polled, _ = await self._wait_next_records(timeout=1.0)
                if isinstance(polled, _Poll) and polled.records and await self._is_held(polled.assignment):
                    # All are queued before the first is delivered: nothing may be awaited between the check and the queueing.
                    for message in [message for tp, records in polled.records.items() for message in self._queue(tp, records)]:
                        await self.callback(message)
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.app.should_stop:
                raise

    async def _is_held(self, assignment: Any) -> bool:
        """Whether records fetched under it count. The thread may know of a new assignment before this loop does: then wait."""
        while assignment is not self._held_assignment:
            if not assignment.active:
                return False
            self._assigned_anew.clear()
            await self._assigned_anew.wait()
        return True

    def _queue(self, tp: TP, records: Sequence[Any]) -> Iterator[ConsumerMessage]:
        """Cut what was fetched into chunks, enter them in the commit's order, and wrap each in a synthetic message."""
        batch: list[RawRecord] = []
        size = 0
        most = max(1, self._feed.step_records // CHUNKS_PER_STEP)
        for record in records:
            if isinstance(record, Passed):
                continue
            raw = RawRecord(
                *(
                    tp.topic,
                    tp.partition,
                    record.offset,
                    record.timestamp,
                    record.key,
                    record.value,
                    record.headers,
                    record.checksum,
                )
            )
            more = raw.size
            if batch and (len(batch) >= most or size + more > self._chunk_bytes):
                yield self._message(tp, batch, size)
                batch, size = [], 0
            size += more
            batch.append(raw)
        if batch:
            yield self._message(tp, batch, size)
        if isinstance(records[-1], Passed):
            # Not acknowledged here: how far the log was read is stored before Kafka is told, be there anything to read or not.
            yield self._message(tp, [], PASSED_BYTES, records[-1].last)

    def _message(self, tp: TP, batch: list[RawRecord], size: int, last: int | None = None) -> ConsumerMessage:
        """``last``: of a batch without records."""
        if last is None:
            last = batch[-1].offset
        fetched = _Fetched(batch[0].offset if batch else self._next.get(tp, last), last)
        self._chunks[tp].append(fetched)
        self._next[tp] = fetched.last + 1
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=fetched.last,
            timestamp=batch[-1].timestamp / 1000 if batch else 0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=Chunk(tp.partition, batch, size, fetched.finish, end=last + 1),
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    # ---- the group ----------------------------------------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # The thread awaits this call, so its assignment is the one that this call is about.
        self._held_assignment = self._thread.assignment_now()
        self._chunks = {tp: deque() for tp in assigned}
        self._next = {}
        self._moved = set()
        self._assigned_anew.set()
        self._feed.assign(tp.partition for tp in assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.stop_flow()
        await self._feed.revoke((tp.partition for tp in revoked), REVOKE_GRACE_SECONDS)
        await self._commit_all()
        self._held_assignment = None
        self._chunks = {}
        await super().on_partitions_revoked(revoked)

    # ---- the commit ---------------------------------------------------------------------------------------------------------

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterable[TP]:
        return [tp for tp, chunks in self._chunks.items() if chunks and chunks[0].done and tp not in self._moved]

    def _new_offset(self, tp: TP) -> int | None:
        """One past the last offset of the longest acknowledged prefix; None if nothing new may be committed."""
        chunks = self._chunks.get(tp)
        last = None
        while chunks and chunks[0].done:
            last = chunks.popleft().last
        return None if last is None else last + 1

    async def _commit_all(self) -> None:
        """Commit everything that is acknowledged now. Faust's own commit() only waits when another one is under way."""
        await self.maybe_wait_for_commit_to_finish()
        await self.commit()

    async def move(self, places: Mapping[int, int]) -> None:
        """Commit these offsets, by partition, whatever was committed before, and have the partitions assigned anew."""
        moved = {tp: places[tp.partition] for tp in self._chunks if tp.partition in places}
        await self._commit_all()
        self._moved |= moved.keys()
        if moved.keys() <= self.assignment() and moved:
            await self._thread.commit(moved)
        await self._thread.call_thread(self._thread.rejoin)

    async def on_stop(self) -> None:
        await self._commit_all()
        await super().on_stop()

    def silent_seconds(self) -> float:
        """For how long the broker has left fetches unanswered; 0 while nothing is to be fetched."""
        assignment, since = self._held_assignment, self._fetching_since
        if assignment is None or not assignment.tps or since is None or not self.flow_active:
            return 0.0
        answered = max(assignment.state_value(tp).timestamp or 0 for tp in assignment.tps) / 1000
        return max(0.0, time.time() - max(answered, since))

    def lags(self) -> dict[int, tuple[int, int]]:
        """By partition held: (first offset not yet acknowledged, offsets from there to the last stable one), as far as known."""
        found = {}
        for tp, chunks in self._chunks.items():
            waiting = next((chunk for chunk in chunks if not chunk.done), None)
            position = waiting.first if waiting else self._next.get(tp, self._committed_offset.get(tp))
            end = self._thread.stable_end(tp)
            if position is not None and end is not None:
                found[tp.partition] = (position, max(0, end - position))
        return found


class _Topic(faust.Topic):  # type: ignore[misc]
    """A topic whose messages carry chunks: nothing is deserialised."""

    def _compile_decode(self) -> None:
        self.decode = self._as_event

    async def _as_event(self, message: ConsumerMessage, *, propagate: bool = False) -> faust.Event:
        return faust.Event(self.app, None, message.value, None, message)


class _Transport(KafkaTransport):  # type: ignore[misc]
    Consumer: ClassVar[type] = _Consumer

    def __init__(self, *args: Any, feed: BatchLoop, settings: Settings) -> None:
        super().__init__(*args)
        self.feed = feed
        self.settings = settings


class _Boot(BootStrategy):  # type: ignore[misc]
    """No web server (Faust's would serve on 0.0.0.0:6066); no producer (processors have their own)."""

    enable_web = False
    enable_kafka_producer = False


class _App(faust.App):  # type: ignore[misc]
    BootStrategy = _Boot


class _Worker(faust.Worker):  # type: ignore[misc]
    def install_signal_handlers(self) -> None:
        """None: the program stops the batch loop first, then this."""


class KafkaGroup:
    """Membership of one consumer group, feeding a batch loop. To be made and used within the running event loop."""

    def __init__(self, group: str, topic: str, settings: Settings, feed: BatchLoop, datadir: Path) -> None:
        tls = None if settings.kafka_ca is None else trusting(settings.kafka_ca)
        credentials = faust.SSLCredentials(tls) if tls is not None else None
        if settings.kafka_username is not None:
            credentials = faust.SASLCredentials(
                username=settings.kafka_username,
                password=settings.kafka_password.get_secret_value() if settings.kafka_password else "",
                mechanism="SCRAM-SHA-512",
                ssl_context=tls,
            )
        session = settings.session_timeout_seconds
        app = _App(
            group,
            broker=";".join(f"kafka://{server.strip()}" for server in settings.kafka.split(",")),
            broker_credentials=credentials,
            broker_client_id=CLIENT,
            broker_session_timeout=session,
            broker_heartbeat_interval=session / 4,
            broker_rebalance_timeout=REBALANCE_TIMEOUT_SECONDS,
            broker_request_timeout=max(30.0, session),
            broker_commit_interval=COMMIT_SECONDS,
            broker_max_poll_records=settings.batch_records,
            broker_max_poll_interval=FOREVER_SECONDS,
            # Faust's own warnings about slow streams; ours are /readyz and the metrics.
            stream_processing_timeout=FOREVER_SECONDS,
            broker_commit_livelock_soft_timeout=FOREVER_SECONDS,
            # A rebalance waits for the batch loop in on_partitions_revoked, for a bounded time; Faust's own wait has no bound.
            stream_wait_empty=False,
            # Neither the oldest nor the newest record in silence: see weftline.processors.takeover.
            consumer_auto_offset_reset="none",
            consumer_metadata_max_age_ms=METADATA_SECONDS * 1000,
            topic_allow_declare=False,
            topic_disable_leader=True,
            datadir=datadir,
        )
        app.finalize()
        app.transport = _Transport(app.conf.broker_consumer, app, feed=feed, settings=settings)

        async def deliver(stream: Any) -> None:
            async for chunk in stream.noack():
                feed.offer(chunk)

        app.agent(_Topic(app, topics=[topic]), name="deliver", concurrency=1)(deliver)
        self._app = app
        self._worker = _Worker(
            app, loop=asyncio.get_running_loop(), redirect_stdouts=False, override_logging=False, quiet=True, loglevel=None
        )
        self._worker.spinner = None

    async def run(self) -> None:
        """Be a member until :meth:`stop`; raises GroupCrashed when Faust gives up."""
        await self._worker.start()
        reason = self._worker.crash_reason
        if reason is not None:
            raise GroupCrashed(f"Faust gave up: {reason!r}") from reason

    async def move(self, places: Mapping[int, int]) -> None:
        """Have these partitions read from these offsets, whatever was committed: they are assigned anew."""
        await self._app.consumer.move(places)

    async def stop(self) -> None:
        """Commit what is acknowledged and leave the group."""
        await self._worker.stop()

    # The thread may be starting or ending, or its assignment change under our feet: neither a scrape nor a watch may fail for it.

    def lags(self) -> dict[int, tuple[int, int]]:
        """By partition held: (first offset not yet acknowledged, offsets from there to the last stable one), as far as known."""
        with suppress(Exception):
            return dict(self._app.consumer.lags())
        return {}

    def silent_seconds(self) -> float:
        """For how long the broker has left fetches unanswered. It answers every 1.5 s at least, if only that there is nothing."""
        with suppress(Exception):
            return float(self._app.consumer.silent_seconds())
        return 0.0
