"""Publish events into Kafka: checked before they are sent, each exactly once per call, and no failure lost.

The producer is idempotent and waits for all in-sync replicas (``acks=all``), so that a retry of its own writes nothing twice. What
it cannot deliver is kept and raised by the next :meth:`Publisher.flush` or :meth:`Publisher.close`.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.producer.future import RecordMetadata

from weftline.contracts.advice import Advice
from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import key_of, partition_of, topic_of
from weftline.domain.events import Event
from weftline.errors import ContractError, UserError, WeftlineError
from weftline.sdk.advice import Adviser
from weftline.sdk.connection import describe, missing_topic, reach, refuse, settings
from weftline.sdk.methods import Defaults, EventMethods
from weftline.sdk.values import AnyEvent

if TYPE_CHECKING:
    from weftline.contracts.signing import SigningKey

log = logging.getLogger(__name__)

LINGER_MS = 20
"""How long a batch waits for company. A flush waits for nothing. At full speed 5 ms would send nine events in a batch, for which
whoever reads them pays."""

BATCH_BYTES = 128 * 1024

MAX_UNACKNOWLEDGED = 50_000
"""kafka-python buffers without limit; :meth:`Publisher.publish` waits when so many events are on their way (about 100 MB)."""

KEPT_ADVICE = 10_000
"""So many different pieces of advice are remembered and said."""

METADATA_SECONDS = 5.0
"""How long to ask for a topic that the broker does not name, as right after its creation."""


def _now() -> int:
    return time.time_ns() // 1_000_000


class Sent(NamedTuple):
    """An event that was accepted and handed over; that it has arrived is said by :meth:`Publisher.flush`."""

    event: AnyEvent
    topic: str
    partition: int


class Undelivered(NamedTuple):
    """An event that Kafka did not take, and why."""

    event: AnyEvent
    topic: str
    reason: str


class DeliveryError(WeftlineError):
    """Some events did not arrive; ``undelivered`` holds them, to be published again once the cause is mended.

    ``unknown`` more were still on their way when the time was up; they may yet arrive, and publishing them again does no harm.
    """

    def __init__(self, kafka: str, undelivered: tuple[Undelivered, ...], unknown: int, sent: int) -> None:
        parts = []
        if undelivered:
            first = undelivered[0]
            parts.append(
                f"{len(undelivered)} of {sent} events were not delivered; the first is event {first.event.event_id!r} "
                f"for {first.topic}: {first.reason}"
            )
        if unknown:
            parts.append(f"{unknown} of {sent} events are not acknowledged yet")
        super().__init__(f"Kafka at {kafka}: {'; '.join(parts)}")
        self.undelivered = undelivered
        self.unknown = unknown


class _Deliveries:
    """What is on its way. ``publish`` counts up in the callers' threads, the producer's own thread counts down."""

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka
        self.sent = 0
        self.done = 0
        self.reported = 0
        self.failed: list[Undelivered] = []
        self.room = threading.Event()
        self.lock = threading.Lock()

    @property
    def pending(self) -> int:
        return self.sent - self.done

    def sending(self) -> None:
        with self.lock:
            self.sent += 1

    def arrived(self, _: RecordMetadata) -> None:
        self.done += 1  # only ever called from the producer's one thread
        self.room.set()

    def refused(self, event: AnyEvent, topic: str, error: BaseException) -> None:
        self.failed.append(Undelivered(event, topic, describe(error)))
        self.done += 1
        self.room.set()

    def wait_for_room(self) -> None:
        while self.pending >= MAX_UNACKNOWLEDGED:
            self.room.clear()
            if self.pending >= MAX_UNACKNOWLEDGED:
                self.room.wait(1.0)

    def settle(self) -> int:
        """How many arrived since the last call; :class:`DeliveryError` if any did not."""
        failed, unknown = tuple(self.failed), self.pending
        sent, self.reported = self.sent - self.reported, self.sent - unknown
        del self.failed[: len(failed)]
        if failed or unknown:
            raise DeliveryError(self.kafka, failed, unknown, sent)
        return sent


def _close(producer: KafkaProducer) -> None:
    """Let go of a producer; what is still pending fails, and is counted so."""
    try:
        producer.close(timeout=1.0)
    except KafkaTimeoutError:
        # kafka-python's close() gives up while events are pending, leaves its thread running and raises again when Python exits.
        producer._sender.force_close()
        producer._sender.join(5.0)
        producer.close(timeout=1.0)


def _report_forgotten(deliveries: _Deliveries, producer: KafkaProducer) -> None:
    """A publisher that was dropped without close() must not lose events in silence."""
    _close(producer)
    try:
        deliveries.settle()
    except DeliveryError as error:
        log.error("a Publisher was dropped without close(): %s", error)


def _signing_key(path: Path | str) -> SigningKey:
    from weftline.contracts.signing import SigningKey  # 60 ms that a publisher without a key does not need

    return SigningKey.load(path)


class Publisher(EventMethods[Sent]):
    """Publishes the events of one sampling center, laboratory or factory.

    ::

        with Publisher("127.0.0.1:9092", source="https://center.example/mes", cooperative_id="nantong", center_id="c-1") as center:
            center.order(order_id="A-17", status="CONFIRMED", product_category="duvet-cover", factory_id="f-204",
                         event_time=datetime.now(UTC), promised_at=…)

    ``kafka``: ``host:port``, comma separated. ``schema_registry``: URL of a Confluent-compatible registry; without one the built-in
    ids are used. ``username`` and ``password``: SASL/SCRAM-SHA-512. ``private_key``: the PEM file with which every event is signed,
    where the cluster binds publishers to whom they may speak for (`weftline publisher key new` makes it). ``delivery_timeout``:
    seconds, at least 1, after which an event that Kafka does not take is given up. One publisher may be used from several threads.

    What is odd about an event though it keeps its contract (an indicator, unit or category that no rule knows, a time to come, an
    identity that stands for something else) is said once each by ``logging`` (``weftline.sdk``), or each time to ``on_advice``; with
    ``strict`` it is refused like a breach. ``now`` gives the time in ms.

    Measured with order events, the broker on the second core: 14,000 events/s, 67 µs of CPU each, of which kafka-python takes 29,
    sending the seven headers 15, check and Avro 10, making the headers 5; advice came later and takes 6 more. For more, publish from
    several processes.
    """

    def __init__(
        self,
        kafka: str,
        *,
        source: str | None = None,
        cooperative_id: str | None = None,
        center_id: str | None = None,
        time_zone_offset: str = "+08:00",
        schema_registry: str | None = None,
        username: str | None = None,
        password: str | None = None,
        private_key: Path | str | None = None,
        delivery_timeout: float = 120.0,
        strict: bool = False,
        on_advice: Callable[[AnyEvent, Advice], None] | None = None,
        now: Callable[[], int] = _now,
    ) -> None:
        super().__init__(
            Defaults(source=source, cooperative_id=cooperative_id, center_id=center_id, time_zone_offset=time_zone_offset)
        )
        if delivery_timeout < 1:
            raise UserError(f"delivery_timeout must be at least 1 second, not {delivery_timeout}")
        self._kafka = kafka
        self._username = username
        self._signing = None if private_key is None else _signing_key(private_key)
        self._codec = Codec(open_registry(schema_registry))
        self._partitions: dict[str, int] = {}
        connection = settings(kafka, username, password)
        try:
            self._producer = KafkaProducer(
                **connection,
                acks="all",
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                delivery_timeout_ms=int(delivery_timeout * 1000),
                # kafka-python wants time for at least one request before events are given up.
                request_timeout_ms=int(min(30.0, delivery_timeout / 2) * 1000),
                max_block_ms=int(METADATA_SECONDS * 1000),
                client_id=f"weftline-publisher-{source or 'unnamed'}",
            )
        except KafkaError as error:
            refuse(kafka, error, self._username)
        self._strict = strict
        self._on_advice = on_advice
        self._now = now
        self._adviser: Adviser | None = None
        self._advising = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self._final = delivery_timeout + 10.0
        self._deliveries = _Deliveries(kafka)
        self._forgotten = weakref.finalize(self, _report_forgotten, self._deliveries, self._producer)
        self._closed = False

    def publish(self, event: AnyEvent) -> Sent:
        """Check one event and hand it over. :class:`ContractError` names the field that is wrong; nothing is sent then.

        It waits only when very many events are on their way. Delivery is confirmed by :meth:`flush`.
        """
        advice = self.advise(event)
        if advice and self._strict:
            raise ContractError(advice[0].field, "; ".join([advice[0].problem, *map(str, advice[1:])]))
        for one in advice:
            if self._on_advice is not None:
                self._on_advice(event, one)
            elif one not in self._told and len(self._told) < KEPT_ADVICE:
                self._told.add(one)
                log.warning("event %s: %s", event.event_id, one)
        return self.hand_over(event)

    def advise(self, event: AnyEvent) -> tuple[Advice, ...]:
        """What is odd about an event that is about to be published."""
        if not isinstance(event, Event):
            raise TypeError(f"{type(event).__name__} is no event that is published")
        with self._advising:
            if self._adviser is None:
                self._adviser = Adviser()
            return self._adviser.advise(event, self._now())

    def published(self, event: AnyEvent) -> bool:
        """Whether the event that a declaration is about was published by this publisher, just so."""
        return self._adviser is not None and self._adviser.knows(event)

    def hand_over(self, event: AnyEvent) -> Sent:
        """As :meth:`publish`, without advice."""
        if self._closed:
            raise UserError("this Publisher is closed")
        if not isinstance(event, Event):
            raise TypeError(f"{type(event).__name__} is no event that is published")
        value, key, topic = self._codec.encode(event), key_of(event), topic_of(event)
        partition = partition_of(key, self._partitions.get(topic) or self._count(topic))
        deliveries = self._deliveries
        headers = cloudevents_headers(event)
        if self._signing is not None:
            headers.append(self._signing.header(topic, key, value))
        deliveries.wait_for_room()
        try:
            future = self._producer.send(topic, value, key, headers, partition)
        except KafkaError as error:
            refuse(self._kafka, error, self._username)
        deliveries.sending()
        future.add_callback(deliveries.arrived)
        if self._adviser is not None:
            with self._advising:
                self._adviser.remember(event)
        future.add_errback(partial(deliveries.refused, event, topic))
        return Sent(event, topic, partition)

    def flush(self, timeout: float | None = None) -> int:
        """Wait until everything published has arrived; how many since the last flush.

        Raises :class:`DeliveryError` with what did not. Without ``timeout`` (seconds) the answer is final, because the producer
        gives an event up after ``delivery_timeout``; with a shorter one some may still be on their way.
        """
        with suppress(KafkaTimeoutError):  # what is pending is told below
            self._producer.flush(self._final if timeout is None else timeout)
        return self._deliveries.settle()

    def close(self, timeout: float | None = None) -> None:
        """Flush and let go of the connection. What has not arrived within ``timeout`` is given up: :class:`DeliveryError`."""
        if self._closed:
            return
        self._closed = True
        self._forgotten.detach()
        try:
            with suppress(KafkaTimeoutError):
                self._producer.flush(self._final if timeout is None else timeout)
        finally:
            _close(self._producer)
            self._codec.close()
        self._deliveries.settle()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except DeliveryError as lost:
            if error is None:
                raise
            error.add_note(str(lost))  # what the caller's own fault must not hide

    def _count(self, topic: str) -> int:
        """The topic's number of partitions as the broker has it; asked once, because it is fixed at creation."""
        try:
            found = self._producer.partitions_for(topic)
        except KafkaTimeoutError as error:
            reach(self._kafka)
            raise missing_topic(self._kafka, topic, self._username) from error
        except KafkaError as error:
            refuse(self._kafka, error, self._username)
        self._partitions[topic] = len(found)
        return len(found)
