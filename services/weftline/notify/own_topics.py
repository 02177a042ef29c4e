"""The topics of single factories, ``quality.alerts.v1.<factory>``: copies of what the topic of all alerts has for each.

Each has a thread with a reader and a place of its own in Kafka, so that a topic that is missing holds up no other factory and no other
receiver. A message is copied as it is, in the order of the log, digests whole; the place is kept after the broker has acknowledged the
copy on every in-sync replica, so a crash in between copies some of it once more, and leaves out nothing. The first time it begins at the
oldest alert that is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import key_of, own_topic
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown, WeftlineError
from weftline.runtime import logging
from weftline.runtime.settings import Settings
from weftline.sdk import Subscriber
from weftline.sdk.connection import describe
from weftline.sdk.connection import settings as connection

log = logging.get(__name__)

#: How the name of the group begins under which the place of a factory is kept.
GROUP: Final = "weftline-notify-"
#: One message is on its way at a time, since they are to lie in the order in which they were told.
ACKNOWLEDGED_SECONDS: Final = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class OwnTopic:
    """The copy for one factory: :meth:`run` in a thread, until :meth:`stop`. ``fault``: why nothing is copied now; empty while it is."""

    def __init__(self, factory_id: str, of: Settings) -> None:
        self.factory_id = factory_id
        self.fault = "it has not begun"
        self._topic = own_topic(factory_id).name
        self._settings = of
        self._stopping = threading.Event()
        self._subscriber: Subscriber | None = None

    def run(self) -> None:
        """Copy. Whatever stands in the way is said and waited for: it may be mended, and an alert is not left out."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                with (
                    self._subscribed() as alerts,
                    self._producer() as producer,
                    closing(Codec(open_registry(self._settings.schema_registry))) as codec,
                ):
                    self._says("")
                    pause = _FIRST_PAUSE
                    alerts.run(lambda alert, to=producer, by=codec: self._copy(to, by, alert))  # type: ignore[misc]
            except WeftlineError as error:
                self._says(str(error))
                self._stopping.wait(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)

    def stop(self) -> None:
        """Let :meth:`run` end after the message at hand."""
        self._stopping.set()
        if self._subscriber is not None:
            self._subscriber.stop()

    def _copy(self, producer: KafkaProducer, codec: Codec, alert: Alert) -> None:
        try:
            sent = producer.send(self._topic, codec.encode(alert), key_of(alert), headers=cloudevents_headers(alert), partition=0)
            sent.get(ACKNOWLEDGED_SECONDS)
        except KafkaError as error:
            raise DependencyDown(
                "kafka",
                f"{self._topic} takes nothing: {describe(error)}; `weftline access grant factory {self.factory_id}` makes it",
            ) from error

    @contextmanager
    def _subscribed(self) -> Iterator[Subscriber]:
        of = self._settings
        with Subscriber(
            of.kafka,
            self.factory_id,
            group=f"{GROUP}{self.factory_id}",
            schema_registry=of.schema_registry,
            username=of.kafka_username,
            password=_password(of),
            ca=of.kafka_ca,
        ) as subscriber:
            self._subscriber = subscriber
            if self._stopping.is_set():
                subscriber.stop()
            yield subscriber

    @contextmanager
    def _producer(self) -> Iterator[KafkaProducer]:
        of = self._settings
        client = connection(of.kafka, of.kafka_username, _password(of), of.kafka_ca)
        try:
            producer = KafkaProducer(
                **client,
                acks="all",
                linger_ms=0,
                max_in_flight_requests_per_connection=1,
                max_block_ms=int(ACKNOWLEDGED_SECONDS * 1000),
            )
        except KafkaError as error:
            raise DependencyDown("kafka", describe(error)) from error
        try:
            yield producer
        finally:
            producer.close(timeout=1.0)

    def _says(self, fault: str) -> None:
        if fault and fault != self.fault:
            log.warning("waiting", own_topic=self._topic, error=fault)
        elif not fault:
            log.info("copying alerts", own_topic=self._topic)
        self.fault = fault


def _password(of: Settings) -> str | None:
    return of.kafka_password.get_secret_value() if of.kafka_password else None
