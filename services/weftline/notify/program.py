"""``weftline notify run``: reads alerts like any other subscriber, keeps them in the outbox, and delivers.

Kafka is told of a place only after what was read up to it is on disk, so a crash anywhere means that some of it is read, and perhaps sent,
once more.
"""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from prometheus_client import generate_latest

from weftline.contracts.standards import load_standards
from weftline.domain.alerts import Alert
from weftline.domain.events import AlertReply
from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.notify import contacts, replies
from weftline.notify.delivery import State
from weftline.notify.dispatcher import Dispatcher
from weftline.notify.metrics import NotifyMetrics
from weftline.notify.outbox import Outbox, outbox_at
from weftline.notify.own_topics import OwnTopic
from weftline.notify.receivers import Receiver, Receivers
from weftline.notify.registered import Following, Registry, rules_of
from weftline.notify.words import Speech
from weftline.pages.links import Inbox, Links
from weftline.runtime import logging
from weftline.runtime.health import Pages
from weftline.runtime.settings import Settings
from weftline.sdk import Subscriber

log = logging.get(__name__)

#: The name under which its place in the alerts is kept. A new one begins at the next alert: nobody wants those of the last 90 days.
GROUP: Final = "weftline-notify"
#: Pauses while Kafka does not answer, or the disk is full.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
#: Figures of the outbox are read so often.
_COUNT_SECONDS: Final = 5.0


def run(
    settings: Settings,
    receivers: Receivers,
    say: Callable[[str], None],
    registry: Registry | None = None,
    source: contacts.Source | None = None,
) -> int:
    """Until SIGTERM or SIGINT; gives the exit status. ``registry``: of partners' webhooks, asked where the settings let them have any;
    ``source``: of contacts, asked where the file says that they are called."""
    logging.configure(settings)
    with _alone(outbox_at(settings.data).parent):
        return asyncio.run(_Program(settings, receivers, registry, source).run(say))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two dispatchers on one outbox would send everything twice, and not in order."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"another `weftline notify run` works on {folder}; stop it first, or choose another data folder"
            ) from None
        yield


def inbox_of(settings: Settings, receivers: Receivers) -> Callable[[Receiver], Inbox | None]:
    """Whose messages lead to which inbox. :class:`UserError` where the file names one and there is no key to sign links with."""
    if not receivers.inbox:
        return lambda _: None
    if settings.link_key is None:
        raise UserError("the file of receivers has an inbox:, so WEFTLINE_LINK_KEY is needed, the same as the gateway's")
    links = Links(settings.link_key.get_secret_value())

    def inbox(receiver: Receiver) -> Inbox | None:
        if receiver.factory_id is None or not receiver.is_a_factorys:
            return None
        return Inbox(receivers.inbox, links, receiver.factory_id, settings.link_hours)

    return inbox


class _Program:
    def __init__(self, settings: Settings, receivers: Receivers, registry: Registry | None, source: contacts.Source | None) -> None:
        self._settings = settings
        self._receivers = receivers
        self._registry = registry
        self._metrics = NotifyMetrics()
        rules = rules_of(settings)
        self._outbox = Outbox(outbox_at(settings.data))
        zone, names = ZoneInfo(settings.time_zone), load_standards().indicators
        words = {code: (known.zh, known.en) for code, known in names.items()}

        inbox = inbox_of(settings, receivers)

        def speech(receiver: Receiver) -> Speech:
            return Speech(receiver.zh, zone, receivers.board, words, receiver.keyword, inbox(receiver))

        #: Before all replies that there are have been read, a timer may be of an alert that was acknowledged long ago.
        self._replies_read = threading.Event()
        found = [] if rules is None else self._outbox.registrations()
        registered = () if rules is None else rules.receivers(found, int(time.time() * 1000))
        every = replace(receivers, each=(*receivers.each, *registered))
        self._dispatcher = Dispatcher(every, self._outbox, speech, self._metrics, escalates=self._replies_read.is_set)
        self._metrics.receivers.set(len(every.each))
        self._following = (
            None if rules is None or registry is None else Following(registry, rules, self._dispatcher, receivers.each, found)
        )
        self._source = source if receivers.contact_minutes is not None else None
        self._contacts = None if self._source is None else contacts.Following(self._source, self._dispatcher)
        self._stopping = threading.Event()
        self._waiting_for: str | None = "kafka"
        self._fault: BaseException | None = None
        self._subscriber: Subscriber | None = None
        self._own_topics = [OwnTopic(factory_id, settings) for factory_id in receivers.own_topics]

    async def run(self, say: Callable[[str], None]) -> int:
        """Everything until a signal, or until reading ends with a fault that only a person can mend."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
        async with Pages(self._settings, lambda: self.registry_text, self._ready) as pages:
            say(
                f"listening on http://{self._settings.http_host}:{pages.port}/metrics, "
                f"delivering to {len(self._dispatcher.receivers)} receivers"
            )
            delivering = asyncio.create_task(self._dispatcher.run())
            counting = asyncio.create_task(self._count())

            def end() -> None:
                loop.call_soon_threadsafe(over.set)

            threads = [threading.Thread(target=self._read, args=(end, self._read_alerts), name="alerts", daemon=True)]
            if self._contacts is not None or any(receiver.escalates_to for receiver in self._receivers.each):
                threads.append(threading.Thread(target=self._read, args=(end, self._read_replies), name="replies", daemon=True))
            threads += [threading.Thread(target=own.run, name=f"own-{own.factory_id}", daemon=True) for own in self._own_topics]
            for thread in threads:
                thread.start()
            waiting = asyncio.create_task(over.wait())
            following = asyncio.create_task(self._follow())
            await asyncio.wait([waiting, delivering, following], return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            if self._subscriber is not None:
                self._subscriber.stop()
            for own in self._own_topics:
                own.stop()
            # Whoever asks the dispatcher's outbox goes first.
            following.cancel()
            await asyncio.wait([following])
            for task in (delivering, counting, waiting):
                task.cancel()
            ended = await asyncio.gather(delivering, following, counting, waiting, return_exceptions=True)
            for thread in threads:
                await asyncio.to_thread(thread.join, 5.0)
        if self._registry is not None:
            await self._registry.close()
        if self._source is not None:
            await self._source.close()
        self._outbox.close()
        if self._fault is not None:
            raise self._fault
        for fault in ended[:2]:
            if isinstance(fault, Exception):
                raise fault
        log.info("stopped")
        return 0

    async def _follow(self) -> None:
        """Keep up with what partners register, if they may, and with contacts, if they are called; for ever."""
        try:
            async with asyncio.TaskGroup() as all_of_them:
                all_of_them.create_task(_for_ever())
                if self._following is not None:
                    all_of_them.create_task(self._following.run())
                if self._contacts is not None:
                    all_of_them.create_task(self._contacts.run())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    # -- The threads that read

    def _read(self, end: Callable[[], None], read: Callable[[Outbox], None]) -> None:
        pause = _FIRST_PAUSE
        try:
            outbox = Outbox(outbox_at(self._settings.data))
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    read(outbox)
                    return
                except (DependencyDown, sqlite3.OperationalError) as error:
                    self._waits_for("outbox" if isinstance(error, sqlite3.Error) else "kafka", str(error))
                pause = _FIRST_PAUSE if time.monotonic() - began > _LONGEST_PAUSE else pause
                self._stopping.wait(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)
        except BaseException as fault:
            self._fault = fault if isinstance(fault, WeftlineError) else WeftlineError(f"reading broke off: {fault!r}")
            log.exception("reading broke off")
        finally:
            end()

    def _read_alerts(self, outbox: Outbox) -> None:
        with self._subscribed() as subscriber:
            self._waits_for(None)
            subscriber.run(lambda alert: self._keep(outbox, alert))

    def _read_replies(self, outbox: Outbox) -> None:
        def keep(found: Sequence[AlertReply], places: replies.Places) -> None:
            outbox.replies(found, places, time.time())

        def caught_up() -> None:
            self._replies_read.set()
            self._waits_for(None)

        replies.follow(self._settings, outbox.reply_places, keep, self._stopping, caught_up)

    @contextmanager
    def _subscribed(self) -> Iterator[Subscriber]:
        settings = self._settings
        password = settings.kafka_password
        with Subscriber(
            settings.kafka,
            None,
            group=GROUP,
            from_beginning=False,
            schema_registry=settings.schema_registry,
            username=settings.kafka_username,
            password=password.get_secret_value() if password else None,
            ca=settings.kafka_ca,
        ) as subscriber:
            self._subscriber = subscriber
            if self._stopping.is_set():
                subscriber.stop()
            yield subscriber

    def _keep(self, outbox: Outbox, alert: Alert) -> None:
        """A message is kept whole, a digest too, in one transaction, before it is acknowledged."""
        names = outbox.receive(alert.each, self._dispatcher.receivers, time.time(), self._dispatcher.contact_minutes)
        self._metrics.revisions.inc(len(alert.each))
        self._dispatcher.wake(names)

    def _waits_for(self, dependency: str | None, error: str = "") -> None:
        if dependency is not None and self._waiting_for != dependency:
            log.warning("waiting", dependency=dependency, error=error)
        elif dependency is None and self._waiting_for is not None:
            log.info("reading alerts", receivers=len(self._dispatcher.receivers))
        self._waiting_for = dependency
        self._metrics.waiting.set(dependency == "kafka")

    # -- Figures

    async def _count(self) -> None:
        # A connection and a thread of its own: counting a year's deliveries takes a while, for which no delivery waits.
        with closing(Outbox(outbox_at(self._settings.data))) as box:
            await self._count_with(box)

    async def _count_with(self, box: Outbox) -> None:
        while True:
            try:
                counts, oldest, endpoints = await asyncio.to_thread(lambda: (box.counts(), box.oldest_waiting(), box.endpoints()))
            except sqlite3.Error as error:
                log.warning("waiting", dependency="outbox", error=str(error))
            else:
                for state in State:
                    self._metrics.deliveries.labels(state).set(sum(count for (_, of), count in counts.items() if of == state))
                self._metrics.oldest.set(0 if oldest is None else max(0.0, time.time() - oldest))
                served = self._dispatcher.receivers
                self._metrics.off.set(sum(endpoints[each.id].off for each in served if each.id in endpoints))
                self._metrics.receivers.set(len(served))
            await asyncio.sleep(_COUNT_SECONDS)

    def describe(self) -> dict[str, object]:
        """The body of ``/readyz``."""
        return {
            "program": "notify",
            "state": "active" if self._waiting_for is None else "waiting",
            "waiting_for": self._waiting_for,
            "receivers": len(self._dispatcher.receivers),
            # Nothing waits for ClickHouse: what was read of it last goes on.
            **(
                {"registered_webhooks": {"looks": of.looks, "fault": of.fault or None}}
                if (of := self._following) is not None
                else {}
            ),
            **(
                {
                    "contacts": {
                        "looks": known.looks,
                        "fault": known.fault or None,
                        "unreached": [str(one) for one in known.unreached[: contacts.MOST_NAMED]],
                    }
                }
                if (known := self._contacts) is not None
                else {}
            ),
            **({"own_topics": {own.factory_id: own.fault or "copying" for own in self._own_topics}} if self._own_topics else {}),
        }

    def _ready(self) -> tuple[dict[str, object], bool]:
        said = self.describe()
        return said, said["waiting_for"] is None

    @property
    def registry_text(self) -> bytes:
        return generate_latest(self._metrics.registry)


async def _for_ever() -> None:
    await asyncio.Event().wait()
