"""The shell: a task for each receiver that takes what may go out from the outbox, sends it, and writes down what came of it.

A receiver that hangs holds up its own task and nobody else's: each has its own connections, its own pace and its own few requests in
flight, and even the lookup of its name is its own thread. What all share is the outbox, which answers within milliseconds, in one
thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import httpx

from weftline.contracts.mapping import from_json
from weftline.contracts.reference import Contact
from weftline.domain.alerts import Alert
from weftline.notify import notices, webhooks
from weftline.notify.addresses import Resolve, system_resolve
from weftline.notify.chat import BOTS, Request
from weftline.notify.delivery import Answer, Health, Verdict
from weftline.notify.lane import AT_ONCE, Lane
from weftline.notify.metrics import NotifyMetrics
from weftline.notify.outbox import Delivery, Key, Outbox, message_of
from weftline.notify.posting import ANSWER_SECONDS, Meaning, Poster
from weftline.notify.quieting import Told, Waiting, plan, urgent
from weftline.notify.receivers import Receiver, Receivers
from weftline.notify.words import Said, Speech, say
from weftline.runtime import logging

log = logging.get(__name__)

#: How often it is looked whether another program (`weftline notify resend`) has asked for something.
LOOK_SECONDS: Final = 1.0
#: Nobody is woken by what is forgotten, so every task looks by itself now and then.
LONGEST_SLEEP_SECONDS: Final = 60.0
#: What waits for one group of people is planned as a whole; beyond so many the urgent are.
_MOST_PLANNED: Final = 500
#: Requests in flight are waited for at the end; what has no answer then is tried again at the next start.
STOP_SECONDS: Final = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """What one request tells."""

    keys: tuple[Key, ...]
    urgent: bool
    fresh: bool
    request: Callable[[float], Request]

    @property
    def alert_ids(self) -> frozenset[str]:
        return frozenset(alert_id for alert_id, _ in self.keys)


class Dispatcher:
    """Until :meth:`run` is cancelled; :meth:`serve` gives it other receivers meanwhile.

    ``clock`` is the wall clock; ``chance`` gives 0 to 1; ``escalates``: whether it is known who acknowledged what, so that timers may
    fire.
    """

    def __init__(
        self,
        receivers: Receivers,
        outbox: Outbox,
        speech: Callable[[Receiver], Speech],
        metrics: NotifyMetrics,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        resolve: Resolve = system_resolve,
        answer_seconds: float = ANSWER_SECONDS,
        escalates: Callable[[], bool] = lambda: True,
    ) -> None:
        self._receivers = receivers
        self._outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._escalates = escalates
        self._writer = ThreadPoolExecutor(1, "outbox")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broken: asyncio.Future[None] | None = None
        context = httpx.create_ssl_context(trust_env=False)  # once: it reads a megabyte of certificates

        def serving(receiver: Receiver) -> _Serving:
            return _Serving(self, receiver, Poster(receiver, context, resolve=resolve, seconds=answer_seconds), speech(receiver))

        self._serving_of = serving
        self._serving = {receiver.id: serving(receiver) for receiver in receivers.each}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Those that are served no longer, until what is in flight to them has ended.
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """Those that are served now. May be asked from any thread."""
        return self._receivers.each

    @property
    def contact_minutes(self) -> int | None:
        """After how long without an acknowledgement contacts of the reference data are called; None: never."""
        return self._receivers.contact_minutes

    async def keep_contacts(self, found: Sequence[Contact]) -> None:
        """Call these from now on."""
        await self.ask(lambda box: box.keep_contacts(found))

    async def run(self) -> None:
        """Deliver until cancelled; then wait for what is in flight, for a while."""
        self._loop = asyncio.get_running_loop()
        self._broken = self._loop.create_future()
        await self.ask(lambda box: box.know(self.receivers))
        looking = self._begin(self._look())
        for name, serving in self._serving.items():
            if name not in self._tasks:  # `serve` may have come before
                self._tasks[name] = self._begin(serving.run())
        try:
            await self._broken
        finally:
            tasks = [looking, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            flying = [*self._leaving, *(task for serving in self._serving.values() for task in serving.flying)]
            if flying:
                _, left = await asyncio.wait(flying, timeout=STOP_SECONDS)
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)
            for serving in self._serving.values():
                await serving.poster.close()
            self._writer.shutdown()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose fault ends :meth:`run`: none of them is to end by itself."""
        task = asyncio.create_task(work)

        def ended(task: asyncio.Task[None]) -> None:
            fault = None if task.cancelled() else task.exception()
            if fault is not None and self._broken is not None and not self._broken.done():
                self._broken.set_exception(fault)

        task.add_done_callback(ended)
        return task

    async def serve(self, each: Sequence[Receiver]) -> None:
        """Serve these from now on, and nobody else. For one that is known already only what is said of it changes.

        What waits for one that is left out is closed in the outbox first, so that nothing is begun any more; what is in flight ends.
        """
        self._receivers = replace(self._receivers, each=tuple(each))
        await self.ask(lambda box: box.know(self.receivers))
        wanted = {receiver.id: receiver for receiver in each}
        for name, serving in [*self._serving.items()]:
            if name not in wanted or wanted[name].mark != serving.receiver.mark:
                self._leave(name)
        for name, receiver in wanted.items():
            if name in self._serving:
                self._serving[name].receiver = receiver
                continue
            self._serving[name] = self._serving_of(receiver)
            self._tasks[name] = self._begin(self._serving[name].run())

    def _leave(self, name: str) -> None:
        serving, task = self._serving.pop(name), self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

        async def left() -> None:
            await asyncio.gather(*([] if task is None else [task]), return_exceptions=True)
            await asyncio.gather(*serving.flying, return_exceptions=True)
            await serving.poster.close()

        leaving = asyncio.create_task(left())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def wake(self, names: Collection[str]) -> None:
        """Something is new for these receivers. May be called from any thread."""
        if self._loop is not None and names:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake, names)

    def _wake(self, names: Collection[str]) -> None:
        for name in names:
            if name in self._serving:
                self._serving[name].woken.set()

    async def ask(self, what: Callable[[Outbox], T]) -> T:
        """Do something with the outbox, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, what, self._outbox)

    async def _look(self) -> None:
        known, forgotten = -1, 0.0
        while True:
            try:
                found = await self.ask(lambda box: box.requests)
                if found != known:
                    known = found
                    self._wake(self._serving.keys())
                if self._escalates():
                    self._wake(await self.ask(lambda box: box.escalate(self.receivers, self._clock(), self.contact_minutes)))
                if self._clock() - forgotten > 86_400:
                    forgotten = self._clock()
                    await self.ask(lambda box: box.forget(self._clock()))
            except Exception as error:
                log.warning("waiting", dependency="outbox", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    # For the tasks

    @property
    def now(self) -> float:
        return self._clock()

    @property
    def chance(self) -> Callable[[], float]:
        return self._chance

    async def done(self, receiver: Receiver, message: Message, answer: Answer) -> None:
        """Write down what came of a message."""
        self._metrics.attempts.labels(answer.verdict).inc()
        before, after = await self.ask(lambda box: box.finish(receiver.id, message.keys, answer, self.now, self._chance))
        if answer.verdict is not Verdict.DELIVERED:
            log.warning("not delivered", receiver=receiver.id, host=receiver.host, alerts=len(message.keys), answer=answer.detail)
        if after.off and not before.off:
            await self._tell_owner(receiver, after)

    async def _tell_owner(self, receiver: Receiver, health: Health) -> None:
        log.error("receiver switched off", receiver=receiver.id, host=receiver.host, why=health.why)
        others = [each for each in self.receivers if each.party == receiver.party and each.id != receiver.id]
        name, revision, body = notices.switched_off(receiver, health)
        self._wake(await self.ask(lambda box: box.notice(name, revision, body, others, self.now)))


class _Serving:
    """What is done for one receiver."""

    def __init__(self, dispatcher: Dispatcher, receiver: Receiver, poster: Poster, speech: Speech) -> None:
        self._all = dispatcher
        self.receiver = receiver
        self._speech = speech
        self._lane = Lane(receiver.per_minute, 1 if receiver.for_people else AT_ONCE)
        self._busy: set[str] = set()
        self._read: dict[Key, Alert | None] = {}
        self.poster = poster
        self.flying: set[asyncio.Task[None]] = set()
        self.woken = asyncio.Event()

    async def run(self) -> None:
        while True:
            self.woken.clear()
            try:
                at = await self._turn()
            except Exception:  # a disk that is full; whatever it is, this receiver is served again, and the others are meanwhile
                log.exception("waiting", dependency="outbox", receiver=self.receiver.id)
                at = self._all.now + 5.0
            pause = LONGEST_SLEEP_SECONDS if at is None else min(LONGEST_SLEEP_SECONDS, max(0.0, at - self._all.now))
            # Not wait_for: that of Python 3.11 loses a cancellation that comes just when it is woken, and then nothing ends this.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.woken.wait()

    async def _turn(self) -> float | None:
        """Send what may be sent now; gives when to look again."""
        opens = self._lane.free_at(self._all.now, len(self.flying), urgent=True, fresh=True)
        if opens is None or opens > self._all.now:
            return opens
        messages, at = await (self._for_people() if self.receiver.for_people else self._for_programs())
        for message in messages:
            if message.alert_ids & self._busy:
                continue
            now = self._all.now
            free = self._lane.free_at(now, len(self.flying), urgent=message.urgent, fresh=message.fresh)
            if free is None:  # whatever ends wakes this task
                break
            if free > now:
                at = free if at is None else min(at, free)
                continue
            self._lane.began(now)
            self._busy |= message.alert_ids
            task = asyncio.create_task(self._send(message))
            self.flying.add(task)
            task.add_done_callback(self.flying.discard)
        return at

    async def _send(self, message: Message) -> None:
        name = self.receiver.id
        try:
            begun = await self._all.ask(lambda box: box.begin(name, message.keys, self._all.now))
            if len(begun) == len(message.keys):
                answer = await self._post(message)
                self._lane.ended(answer, self._all.now, self._all.chance)
                await self._all.done(self.receiver, message, answer)
            else:  # a request to send something else again came in between
                await asyncio.sleep(1.0)
        except Exception:  # the attempt is written down, what became of it is not: it is made again
            log.exception("an attempt broke off", receiver=name)
            await asyncio.sleep(5.0)
        finally:
            self._busy -= message.alert_ids
            # Behind the callback that takes this task out of those in flight.
            asyncio.get_running_loop().call_soon(self.woken.set)

    async def _post(self, message: Message) -> Answer:
        try:
            request = message.request(self._all.now)
        except Exception as error:  # no attempt can make it better
            log.exception("a message cannot be written", receiver=self.receiver.id)
            return Answer(Verdict.REFUSED, f"the message cannot be written: {type(error).__name__}")
        return await self.poster.post(request, self._meaning())

    def _meaning(self) -> Meaning:
        if bot := BOTS.get(self.receiver.kind):
            return lambda status, _, body: bot.answer(status, body)
        return lambda status, headers, _: webhooks.answer(status, headers)

    # -- What is sent

    async def _for_programs(self) -> tuple[list[Message], float | None]:
        receiver, busy = self.receiver, frozenset(self._busy)
        rows, at = await self._all.ask(lambda box: box.due(receiver.id, self._all.now, AT_ONCE, busy))

        def message(row: Delivery) -> Message:
            def request(now: float) -> Request:
                return webhooks.request(receiver.address, row.alert_id, row.revision, row.body, receiver.secrets, now)

            return Message((row.key,), bool(row.urgent), not row.attempts, request)

        return [message(row) for row in rows], at

    async def _for_people(self) -> tuple[list[Message], float | None]:
        name, now = self.receiver.id, self._all.now
        rows = await self._all.ask(lambda box: box.all_waiting(name, _MOST_PLANNED))
        ours, alerts = self._sorted_out(rows)
        told, last = await self._all.ask(
            lambda box: (
                box.told(name, (waiting.alert.alert_id for waiting in alerts)),
                box.last_of_causes(name, (waiting.cause for waiting in alerts)),
            )
        )
        read = {alert_id: (_alert(body), surely) for alert_id, (body, surely) in told.items()}
        known = {alert_id: Told(alert, surely) for alert_id, (alert, surely) in read.items() if alert is not None}
        planned = plan(alerts, known, last, 60.0 * self.receiver.digest_minutes, now)
        if planned.superseded:
            await self._all.ask(lambda box: box.supersede(name, planned.superseded, now))
        messages = [
            self._to_people((row.key,), notices.said(message_of(row.body), self._speech), True, not row.attempts)
            for row in ours
            if row.next_at <= now
        ]
        for together in planned.now:
            fresh = not any(waiting.attempts for waiting in together)
            said = say([waiting.alert for waiting in together], self._speech, now)
            keys = tuple(waiting.key for waiting in together)
            messages.append(self._to_people(keys, said, any(urgent(waiting.alert) for waiting in together), fresh))
        times = [row.next_at for row in ours if row.next_at > now]
        return messages, min([*times, *([planned.at] if planned.at is not None else [])], default=None)

    def _sorted_out(self, rows: Sequence[Delivery]) -> tuple[list[Delivery], list[Waiting]]:
        """Messages of our own, and alerts. Each is read once: a group that is down looks at all that waits for it again and again."""
        self._read = {row.key: self._read[row.key] if row.key in self._read else _alert(row.body) for row in rows}
        ours, alerts = [], []
        for row in rows:
            if (alert := self._read[row.key]) is None:
                ours.append(row)
            else:
                alerts.append(Waiting(alert, row.arrived_at, row.next_at, row.attempts))
        return ours, alerts

    def _to_people(self, keys: tuple[Key, ...], said: Said, at_once: bool, fresh: bool) -> Message:
        bot, receiver = BOTS[self.receiver.kind], self.receiver
        secret = receiver.secrets[0] if receiver.secrets else None
        return Message(keys, at_once, fresh, lambda now: bot.request(said, receiver.address, secret, now))


def _alert(body: str) -> Alert | None:
    """The alert that a body tells; None if it is a message of our own."""
    said = message_of(body)
    return None if said["type"] in notices.TYPES else cast(Alert, from_json(said))
