"""The batch loop: from fetched chunks to steps, settles and acknowledgements. Pure asyncio; knows neither Kafka nor Faust.

Whoever fetches calls :meth:`BatchLoop.offer` with chunks of one partition in offset order, after :meth:`BatchLoop.room`; tells of
:meth:`BatchLoop.assign` and :meth:`BatchLoop.revoke`; and commits what was acknowledged. All calls to the handler are made by
:meth:`BatchLoop.run`, one at a time, so a handler needs no lock.

What holds:

- A chunk is acknowledged after a settle that ended after the steps that took its parts, and never once its partition was taken away.
- A step that fails leaves nothing acknowledged; it is tried again, whole or in parts, so a handler's effects must be idempotent.
- :class:`~weftline.errors.DependencyDown` from any call is waited out, for as long as it takes, unless the partitions go or the
  program stops.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile

from weftline.errors import DependencyDown, WeftlineError
from weftline.runtime import blame, logging
from weftline.runtime.caution import Attempt, Caution, DiedOf, Portion
from weftline.runtime.chunks import Chunk, ChunkQueue, Part, RawRecord
from weftline.runtime.handler import Handler
from weftline.runtime.health import Status
from weftline.runtime.metrics import Metrics
from weftline.runtime.pace import Pace
from weftline.runtime.retry import Backoff
from weftline.runtime.settings import Settings

__all__ = ["BatchLoop", "Chunk", "Handler", "ProcessorStopped", "RawRecord"]

log = logging.get(__name__)

#: A call that fails so often in a row, with its dependencies healthy, is broken: a supervisor shall start the program anew.
MOST_FAULTS = 5
#: A step that took longer than the pause is followed by as long a rest as it took, but by no more than so many seconds.
LONGEST_REST = 0.05
#: While records keep coming, settles take no more than this share of the time, so that a slow one is followed by a longer gathering: most
#: of what it costs ClickHouse is its number of statements and parts (300 events/s: 1.20 ms of the engine's CPU per event without, 0.89
#: with). Nobody waits longer for a chart because of that than so many seconds.
SETTLE_SHARE = 1 / 20
LONGEST_GATHERING = 3.0
#: A single record is tried so often before it goes to dead letters: an error of the moment must not cost a record.
RECORD_ATTEMPTS = 3
#: A dependency that answers, but not so often in a row what one call asks of it, is not down: the call is to blame.
SUSPECT_ATTEMPTS = 5
#: Of the memory for histories, what may be held back of those who send so much that others go before them.
AHEAD_SHARE = 6
#: The failure ratio is taken over so many records, and only from so many failures on (one bad record of ten says nothing).
RATIO_WINDOW, RATIO_FAILURES = 1_000, 20


class ProcessorStopped(WeftlineError):
    """Going on would do harm or nothing; the program ends with status 1 and acknowledges no more."""


class _Interrupted(Exception):
    """Waiting was cut short: partitions go, or the program stops."""


class BatchLoop:
    """See the module. ``settings`` gives the bounds; times are monotonic seconds of ``clock``."""

    def __init__(
        self,
        handler: Handler,
        settings: Settings,
        metrics: Metrics,
        status: Status,
        clock: Callable[[], float] = time.monotonic,
        move: Callable[[Mapping[int, int]], Awaitable[None]] | None = None,
    ) -> None:
        self._handler = handler
        self._settings = settings
        self._metrics = metrics
        self._status = status
        self._clock = clock
        #: Tells Kafka to read partitions from other offsets; they are assigned anew then. To be set before :meth:`run`.
        self.move = move
        self._pace = Pace(settings.batch_records)
        ahead = (settings.memory_mb << 20) // AHEAD_SHARE
        self._queue = ChunkQueue(self._pace.records, settings.batch_bytes, ahead, metrics.queued)
        self._in_flight: list[Part] = []
        self._unsettled: list[Part] = []
        self._offered: dict[int, deque[Chunk]] = {}  # by partition held, in offset order, until they are settled
        self._held: set[int] = set()  # as the group says
        self._announced: set[int] = set()  # handler.assigned returned
        self._told: set[int] = set()  # handler.assigned was called, and may have done half of its work
        self._leaving: set[int] = set()  # taken away, the handler not yet told
        self._caution = Caution()
        self._outcomes: deque[bool] = deque(maxlen=RATIO_WINDOW)  # True: rejected
        self._next_step = self._next_settle = self._latest_settle = self._next_sweep = 0.0
        self._disturbed = False  # something failed since the step began: how long it takes says nothing
        self._stopping = False
        self._ended = False
        self._wake = asyncio.Event()
        self._left = asyncio.Event()

    # ---- for whoever fetches ------------------------------------------------------------------------------------------------

    async def room(self) -> None:
        """Return when less than one full step is queued, so that memory holds three at most: in flight, queued, just fetched."""
        await self._queue.room()

    @property
    def has_room(self) -> bool:
        return self._queue.has_room

    @property
    def step_records(self) -> int:
        """So many records are a step now."""
        return self._pace.records

    def offer(self, chunk: Chunk) -> None:
        """Queue a fetched chunk. Never blocks. Ignored if its partition is not held (it will be read again by whoever holds it)."""
        if chunk.partition in self._held and not self._ended:
            self._offered.setdefault(chunk.partition, deque()).append(chunk)
            self._queue.put(chunk)
            self._wake.set()

    def assign(self, partitions: Iterable[int]) -> None:
        """The group gave this worker these partitions, in addition to what it holds."""
        new = set(partitions)
        self._held |= new
        self._offered.update((partition, deque()) for partition in new)
        self._status.joined(frozenset(self._held))
        self._wake.set()

    async def revoke(self, partitions: Iterable[int], grace_seconds: float) -> None:
        """The group takes these partitions away. Returns when the handler was told, or after the grace: later acknowledgements of
        their chunks are then void. Within the grace a step in flight ends and is settled: the next holder reads less again."""
        lost = frozenset(partitions) & self._held
        self._held -= lost
        self._queue.drop(lost)
        self._status.joined(frozenset(self._held))
        if not lost or self._ended:
            return
        self._metrics.rebalances.inc()
        self._leaving |= lost
        self._left.clear()
        self._wake.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self._left.wait()
        finally:
            self._lose(lost)

    def stop(self) -> None:
        """Ask :meth:`run` to end: after the step in flight, settled and acknowledged."""
        self._stopping = True
        self._wake.set()

    # ---- the loop -----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until :meth:`stop`. Raises ProcessorStopped when going on makes no sense."""
        try:
            while not self._stopping:
                with suppress(_Interrupted):
                    await self._turn()
            await self._settle_once()
            with suppress(Exception):  # else the next worker is careful for nothing
                await self._note(self._caution.close())
        finally:
            self._ended = True
            self._left.set()

    async def _turn(self) -> None:
        """The one thing that is most due, or a wait for something to become due."""
        now = self._clock()
        self._status.work(True)
        if self._leaving:
            await self._leave()
        elif (doubt := self._status.take_doubt()) is not None:
            log.warning("taking partitions over again", because=doubt)
            if self._unsettled:
                await self._settle()
            self._announced.clear()
        elif self._held - self._announced:
            await self._announce()
        elif self._queue.others_first:
            await self._step()  # what else is due they wait for no more than for a crowd
        elif self._unsettled and now >= self._settle_due:
            await self._settle()
        elif self._held and now >= self._next_sweep:
            await self._sweep()
        elif self._queue and (now >= self._next_step or self._queue.full):
            await self._step()
        else:
            self._status.work(bool(self._queue or self._unsettled))
            due = [self._next_step] if self._queue else []
            due += [self._settle_due] if self._unsettled else []
            due += [self._next_sweep] if self._held else []
            await self._wait(min(due) - now if due else None)

    @property
    def _settle_due(self) -> float:
        """Later while there is something to step, unless as much waits to be settled as a step may take."""
        more = bool(self._queue) and sum(part.size for part in self._unsettled) < self._settings.batch_bytes
        return self._latest_settle if more else self._next_settle

    async def _step(self) -> None:
        others_first = self._queue.others_first
        batch = self._queue.take(self._caution.suspicious)
        beside_crowd = others_first and not any(part.behind for part in batch)
        started = self._clock()
        self._in_flight = batch
        self._disturbed = False
        self._status.stepping(True)
        records = list(chain.from_iterable(part.records for part in batch))
        try:
            for portion in self._caution.portions(records, started):
                await self._try_portion(portion)
        except _Interrupted:
            self._queue.put_back(part for part in batch if not part.chunk.lost and part.chunk.partition in self._held)
            raise
        finally:
            self._in_flight = []
            self._status.stepping(False)
        # Many small steps cost ClickHouse more than few larger ones, and slow themselves down.
        ended = self._clock()
        if not (self._disturbed or beside_crowd):
            self._pace.took(len(records), ended - started)
            self._queue.most_records = self._pace.records
        self._next_step = max(started + self._settings.pause_seconds, ended + min(ended - started, LONGEST_REST))
        for part in batch:
            part.records = ()  # only the acknowledgement is still needed
            part.chunk.to_step -= 1
        self._unsettled += batch
        self._metrics.steps.inc()
        self._metrics.records.inc(len(records))
        self._metrics.bytes.inc(sum(part.size for part in batch))
        self._ended_one("step", started)

    async def _try_portion(self, portion: Portion) -> None:
        await self._note(portion.notes)
        if portion.deaths:
            died = DiedOf(f"{portion.deaths} workers in a row ended while they stepped this record, without an exception")
            await self._reject(portion.records[0], died)
        else:
            await self._apply(portion.records)
        if portion.alone:
            await self._persist("settle", lambda: self._handler.settle(self._read()))
            await self._note(self._caution.close({record.partition for record in portion.records}))

    async def _note(self, notes: Sequence[Attempt]) -> None:
        if notes:
            await self._persist("trying", lambda: self._handler.trying(notes))

    async def _settle(self) -> None:
        started = self._clock()
        read = self._read()
        await self._persist("settle", lambda: self._handler.settle(read))
        await self._note(self._caution.close())
        self._acknowledge(started)

    async def _settle_once(self) -> None:
        """A last settle, without another attempt: what it does not cover is read again."""
        if not self._unsettled:
            return
        started = self._clock()
        try:
            await self._handler.settle(self._read())
        except Exception as error:
            log.warning("not settled; these records will be read again", parts=len(self._unsettled), error=repr(error))
        else:
            self._acknowledge(started)

    def _read(self) -> dict[int, int]:
        """How far everything was stepped, of the partitions of which something is not settled yet."""
        found = {}
        for partition in {part.chunk.partition for part in self._unsettled if not part.chunk.lost}:
            for chunk in takewhile(lambda chunk: not chunk.to_step, self._offered[partition]):
                found[partition] = chunk.end
        return found

    def _acknowledge(self, started: float) -> None:
        for part in self._unsettled:
            part.chunk.to_settle -= 1
            if not (part.chunk.to_settle or part.chunk.lost):
                part.chunk.ack()
        self._unsettled = []
        for chunks in self._offered.values():
            while chunks and not chunks[0].to_settle:
                chunks.popleft()
        # Counted from the end: a settle slower than its interval must leave time for steps.
        ended = self._clock()
        self._next_settle = ended + self._settings.settle_seconds
        self._latest_settle = max(self._next_settle, ended + min((ended - started) / SETTLE_SHARE, LONGEST_GATHERING))
        self._ended_one("settle", started)

    async def _sweep(self) -> None:
        started = self._clock()
        await self._persist("sweep", self._handler.sweep)
        self._next_sweep = self._clock() + self._settings.sweep_seconds
        self._ended_one("sweep", started)

    async def _announce(self) -> None:
        new = frozenset(self._held - self._announced)
        self._told |= new
        places: dict[int, int] = {}

        async def assigned() -> None:
            places.update(await self._handler.assigned(new) or {})

        await self._persist("assigned", assigned)
        found: list[Attempt] = []

        async def look() -> None:
            found[:] = await self._handler.tried(new)

        await self._persist("tried", look)
        if suspects := [note for note in found if note.times > 0]:
            log.warning("a worker ended while it tried these; they are stepped apart from the rest", tried=suspects)
        self._caution.take_over(new - places.keys(), found, self._clock())
        if places and self.move is not None:
            # Not read from where it must be: nothing of these is stepped until the group has assigned them anew.
            self._queue.drop(places)
            self._held -= places.keys()
            self._lose(places)
            await self.move(places)
        self._announced |= new - places.keys()
        self._next_sweep = 0.0
        log.info("partitions taken over", partitions=sorted(new))

    def _lose(self, partitions: Collection[int]) -> None:
        for part in chain(self._in_flight, self._unsettled):
            part.chunk.lost = part.chunk.lost or part.chunk.partition in partitions

    async def _leave(self) -> None:
        lost = frozenset(self._leaving)
        await self._settle_once()
        if told := lost & self._told:
            await self._persist("revoked", lambda: self._handler.revoked(told), leaving=True)
            if closed := self._caution.close(told):
                await self._persist("trying", lambda: self._handler.trying(closed), leaving=True)
        self._caution.forget(lost)
        self._announced -= lost
        self._told -= lost
        self._leaving -= lost
        if not self._leaving:
            self._left.set()
        log.info("partitions given up", partitions=sorted(lost))

    # ---- trouble ------------------------------------------------------------------------------------------------------------

    async def _apply(self, records: Sequence[RawRecord]) -> None:
        """Have every record stepped or rejected: what fails, the dependencies being healthy, is halved until one record is left."""
        parts = [records]
        while parts:
            part = parts.pop()
            error = await self._try_step(part, attempts=RECORD_ATTEMPTS if len(part) == 1 else 1)
            self._status.progress()  # halving may take minutes; a watchdog that ended it would have it begin anew for ever
            if error is None:
                self._outcomes.extend([False] * min(len(part), RATIO_WINDOW))
            elif len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                await self._reject(part[0], error)

    async def _try_step(self, records: Sequence[RawRecord], attempts: int) -> Exception | None:
        """None when the step returned; else what it raised in the last attempt, all dependencies being healthy."""
        backoff = Backoff()
        while True:
            try:
                await self._await_dependencies("step", lambda: self._handler.step(records))
                return None
            except _Interrupted:
                raise
            except Exception as error:
                self._metrics.faults.labels("step").inc()
                self._disturbed = True
                if blame.fault("step", error).whose is blame.Whose.PROGRAM:
                    raise ProcessorStopped(f"a step of {len(records)} records from {_name(records[0])} on: {error!r}") from error
                if await self._persist("healthy", self._handler.healthy):
                    continue  # one was down and is back: that explains it
                attempts -= 1
                log.info("step failed", records=len(records), first=_name(records[0]), error=repr(error))
                if attempts <= 0:
                    return error
            await self._wait_or_interrupt(backoff.next())

    async def _reject(self, record: RawRecord, error: Exception) -> None:
        await self._persist("reject", lambda: self._handler.reject(record, error))
        log.error("record rejected as processing_failed", record=_name(record), error=repr(error), exc_info=error)
        self._outcomes.append(True)
        failed = sum(self._outcomes)
        if failed >= RATIO_FAILURES and failed > self._settings.failure_ratio * len(self._outcomes):
            raise ProcessorStopped(
                f"{failed} of the last {len(self._outcomes)} records failed in processing, the last with {error!r}; "
                f"stopped rather than send the rest to dead letters (limit: WEFTLINE_FAILURE_RATIO={self._settings.failure_ratio})"
            )

    async def _persist(self, name: str, call: Callable[[], Awaitable[None]], leaving: bool = False) -> bool:
        """Call until it returns. True if a dependency had to be waited for. ``leaving``: lost partitions do not interrupt."""
        backoff = Backoff()
        while True:
            try:
                return await self._await_dependencies(name, call, leaving)
            except _Interrupted:
                raise
            except Exception as error:
                wait = backoff.next()
                self._metrics.faults.labels(name).inc()
                log.warning("call failed", call=name, attempt=backoff.attempts, error=repr(error), exc_info=error)
                if backoff.attempts >= MOST_FAULTS:
                    raise ProcessorStopped(f"{name} failed {MOST_FAULTS} times in a row, the last time with {error!r}") from error
            await self._wait_or_interrupt(wait, leaving)

    async def _await_dependencies(self, name: str, call: Callable[[], Awaitable[None]], leaving: bool = False) -> bool:
        """Call until it no longer raises DependencyDown. True if it did. Any other exception passes; so does a suspect one of a step,
        if it comes again and again while all dependencies answer."""
        backoff = Backoff()
        since = self._clock()
        suspected = 0
        try:
            while True:
                try:
                    await call()
                except DependencyDown as down:
                    self._disturbed = True
                    suspected = suspected + 1 if name == "step" and down.suspect and await self._all_answer() else 0
                    if suspected >= SUSPECT_ATTEMPTS:
                        raise
                    wait = backoff.next()
                    self._status.wait_for(down.dependency, str(down))
                    # Once at the beginning, then every ten attempts (less than a minute).
                    if backoff.attempts % 10 == 1:
                        log.warning("waiting", call=name, dependency=down.dependency, error=str(down), attempt=backoff.attempts)
                else:
                    if backoff.attempts:
                        log.info("going on", call=name, after_seconds=round(self._clock() - since, 1))
                    return backoff.attempts > 0
                await self._wait_or_interrupt(wait, leaving)
        finally:
            self._status.wait_for(None)

    async def _all_answer(self) -> bool:
        try:
            await self._handler.healthy()
        except Exception:
            return False
        return True

    async def _wait_or_interrupt(self, seconds: float, leaving: bool = False) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            if self._stopping or (self._leaving and not leaving):
                raise _Interrupted
            await self._wait(left)

    async def _wait(self, seconds: float | None) -> None:
        """Until something happened, or for so long. Nothing may be awaited between looking at the state and this."""
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _ended_one(self, phase: str, started: float) -> None:
        self._metrics.phase_seconds.labels(phase).observe(self._clock() - started)
        self._status.progress()


def _name(record: RawRecord) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"
