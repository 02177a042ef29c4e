"""Events on their way into Kafka: each exactly once per call, and no failure lost.

The producer is idempotent and waits for all in-sync replicas (``acks=all``), so that a retry of its own writes nothing twice. What
it cannot deliver is kept and raised by the next :meth:`KafkaTransport.flush` or :meth:`KafkaTransport.close`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from kafka.producer.future import RecordMetadata
from kafka.producer.transaction_manager import ProducerIdAndEpoch, TransactionState

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import key_of, partition_of, topic_of
from weftline.sdk.connection import describe, missing_topic, reach, refuse, settings
from weftline.sdk.delivery import DeliveryError, Sent, Undelivered

if TYPE_CHECKING:
    from weftline.contracts.signing import SigningKey

log = logging.getLogger(__name__)

LINGER_MS = 20
"""How long a batch waits for company. A flush waits for nothing. At full speed 5 ms would send nine events in a batch, for which
whoever reads them pays."""

BATCH_BYTES = 128 * 1024

MAX_UNACKNOWLEDGED = 50_000
"""kafka-python buffers without limit; :meth:`Publisher.publish` waits when so many events are on their way (about 100 MB)."""

METADATA_SECONDS = 5.0
"""How long to ask for a topic that the broker does not name, as right after its creation."""


_LAST_EPOCH: Final = 32_767

_OF_THE_EVENT: Final = (InvalidRecordError, MessageSizeTooLargeError, RecordListTooLargeError)
"""What Kafka says of an event that it will refuse again."""


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
        self.failed.append(Undelivered(event, topic, describe(error), isinstance(error, _OF_THE_EVENT)))
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
            raise DeliveryError(f"Kafka at {self.kafka}", failed, unknown, sent)
        return sent


def _goes_on(producer: KafkaProducer) -> None:
    """Let a producer go on after it gave something up that the broker may have stored.

    kafka-python 3.0.12 drops its producer id there and never asks for another one, since it takes itself for initialised still: from
    then on it sends nothing, and gives nothing up, so that a flush has no end. Kafka's own client begins the next epoch of its id
    instead, and needs nobody for that (KIP-360).
    """
    manager = producer._transaction_manager
    drop = manager.reset_producer_id

    def reset_producer_id() -> None:
        with manager._lock:
            before = manager.producer_id_and_epoch
            drop()
            if before.is_valid and before.epoch < _LAST_EPOCH:
                manager.set_producer_id_and_epoch(ProducerIdAndEpoch(before.producer_id, before.epoch + 1))
            elif manager._current_state == TransactionState.READY:
                manager._current_state = TransactionState.UNINITIALIZED

    manager.reset_producer_id = reset_producer_id


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


class KafkaTransport:
    """An open connection to ``kafka``; parameters as of :class:`weftline.sdk.Publisher`."""

    def __init__(
        self,
        kafka: str,
        *,
        client: str,
        schema_registry: str | None,
        username: str | None,
        password: str | None,
        ca: Path | str | None,
        private_key: Path | str | None,
        delivery_timeout: float,
    ) -> None:
        self._kafka = kafka
        self._username = username
        self._signing = None if private_key is None else _signing_key(private_key)
        self._codec = Codec(open_registry(schema_registry))
        connection = settings(kafka, username, password, ca)
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
                client_id=f"weftline-publisher-{client}",
            )
        except KafkaError as error:
            refuse(kafka, error, self._username)
        _goes_on(self._producer)
        self._final = delivery_timeout + 10.0
        self._deliveries = _Deliveries(kafka)
        self._forgotten = weakref.finalize(self, _report_forgotten, self._deliveries, self._producer)

    def hand_over(self, event: AnyEvent) -> Sent:
        """Send one; it waits only when very many are on their way."""
        value, key, topic = self._codec.encode(event), key_of(event), topic_of(event)
        partition = partition_of(key, self._count(topic))
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
        self._forgotten.detach()
        try:
            with suppress(KafkaTimeoutError):
                self._producer.flush(self._final if timeout is None else timeout)
        finally:
            _close(self._producer)
            self._codec.close()
        self._deliveries.settle()

    def together(self) -> AbstractContextManager[None]:
        """Nothing needs to be done for it."""
        return nullcontext()

    def _count(self, topic: str) -> int:
        """The topic's number of partitions, as the broker last told it: the producer asks it every five minutes."""
        try:
            found = self._producer.partitions_for(topic)
        except KafkaTimeoutError as error:
            reach(self._kafka)
            raise missing_topic(self._kafka, topic, self._username) from error
        except KafkaError as error:
            refuse(self._kafka, error, self._username)
        return len(found)
