"""What a processor says on Kafka: alerts to factories, and dead letters byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from weftline.contracts.codec import Codec, schema_id_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.topics import key_of, load_topics, topic_of
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown
from weftline.runtime import logging
from weftline.runtime.kafka import client_options
from weftline.runtime.loop import RawRecord
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: A dead letter carries headers besides the value of the record, which may itself be as large as the broker allows.
MAX_REQUEST_BYTES = 1_500_000
#: Headers of a dead letter, the closed list: why, what, and where it came from.
DEAD_LETTER_HEADERS = (
    "weftline_reason",
    "weftline_field",
    "weftline_detail",
    "weftline_topic",
    "weftline_partition",
    "weftline_offset",
    "weftline_timestamp",
    "weftline_schema_id",
)


class DeadLetter(NamedTuple):
    """A record that could not be read or judged. ``reason``: undecodable, contract, not_judged or processing_failed."""

    record: RawRecord
    reason: str
    field: str
    detail: str

    @property
    def schema_id(self) -> int | None:
        """The schema id in the framing, if there is one."""
        return schema_id_of(self.record.value or b"")

    def headers(self) -> list[tuple[str, bytes]]:
        """The record's own headers, and ours."""
        record = self.record
        schema_id = self.schema_id
        values = (
            self.reason,
            self.field,
            self.detail,
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            "" if schema_id is None else schema_id,
        )
        own = [(name, str(value).encode()) for name, value in zip(DEAD_LETTER_HEADERS, values, strict=True)]
        return [*((name, value) for name, value in record.headers if name not in DEAD_LETTER_HEADERS), *own]


class Messenger:
    """A producer; every method returns when the broker has acknowledged all of it. Raises DependencyDown for Kafka."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._codec = codec
        self._topics = load_topics()
        # acks=all without idempotence: a repeat is harmless (readers know it by id and revision), and the memory broker has none.
        self._producer = AIOKafkaProducer(
            acks="all",
            linger_ms=0,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=10_000,
            **client_options(settings),
        )

    async def start(self) -> None:
        """Connect."""
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise DependencyDown("kafka", str(error)) from error

    async def stop(self) -> None:
        """Close the connection; nothing is pending between two calls."""
        await self._producer.stop()

    async def healthy(self) -> None:
        """Raise DependencyDown if no broker answers."""
        try:
            await asyncio.wait_for(self._producer.client.fetch_all_metadata(), 5)
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown("kafka", str(error) or "no answer within 5 s") from error

    async def alerts(self, alerts: Iterable[Alert]) -> None:
        """Publish alerts, each to the partition of its factory."""
        sending = []
        try:
            for alert in alerts:
                headers = cloudevents_headers(alert)
                value = self._codec.encode(alert)
                sending.append(await self._producer.send(topic_of(alert), value=value, key=key_of(alert), headers=headers))
            await asyncio.gather(*sending)
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown("kafka", f"alerts were not acknowledged: {error}") from error

    async def dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Publish dead letters to the topic that belongs to their origin."""
        sending = []
        try:
            for letter in letters:
                topic = self._topics[letter.record.topic].dead_letters
                if topic is None:
                    raise LookupError(f"topic {letter.record.topic} has no dead-letter topic in schemas/topics.yaml")
                record = letter.record
                try:
                    sending.append(
                        await self._producer.send(topic, value=record.value, key=record.key, headers=letter.headers(), partition=0)
                    )
                except MessageSizeTooLargeError:
                    # The table holds it byte for byte all the same; the topic says where.
                    log.error("dead letter too large for its topic", topic=record.topic, offset=record.offset)
            await asyncio.gather(*sending)
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown("kafka", f"dead letters were not acknowledged: {error}") from error
