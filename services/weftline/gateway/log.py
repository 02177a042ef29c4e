"""The edge to Kafka, inwards: the log of alerts, read from given places, by readers of no group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_CLASS
from weftline.domain.alerts import Alert
from weftline.errors import ContractError, DependencyDown
from weftline.gateway.positions import Places
from weftline.runtime import logging
from weftline.runtime.kafka import client_options, partitions
from weftline.runtime.settings import Settings

log = logging.get(__name__)

TOPIC: Final = BY_CLASS[Alert].topic
SECONDS: Final = 10.0


class Message(NamedTuple):
    """A record of the log. ``alert`` is None for one that cannot be read; ``at``: when the broker took it (ms)."""

    partition: int
    offset: int
    at: int
    alert: Alert | None


class Following(Protocol):
    """A reader of some partitions."""

    async def bounds(self) -> tuple[Places, Places]:
        """The first offset that is kept in each partition, and the one behind the last."""

    async def since(self, moment: int) -> Places:
        """The first offsets of what was taken at ``moment`` (ms) or later; the end where there is nothing."""

    def seek(self, places: Places) -> None:
        """Go on from there."""

    async def places(self) -> Places:
        """Where it goes on: behind what was given last, and behind what is no message."""

    async def next(self, seconds: float) -> list[Message]:
        """What comes next, in order within a partition; nothing if nothing comes for so long."""


class AlertLog(Protocol):
    """What the gateway asks of the log."""

    async def partitions(self) -> int:
        """How many there are; fixed when the topic was made."""

    def follow(self, partitions: Collection[int]) -> AbstractAsyncContextManager[Following]:
        """A reader of these partitions."""


class KafkaLog:
    """The same, for good."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._count = 0

    async def partitions(self) -> int:
        if not self._count:
            self._count = await _asked(partitions(TOPIC, self._settings)) or 0
        if not self._count:
            raise DependencyDown("kafka", f"there is no topic {TOPIC}; `weftline topics apply` makes it")
        return self._count

    @asynccontextmanager
    async def follow(self, partitions: Collection[int]) -> AsyncIterator[Following]:
        async with self._consumer() as consumer:
            consumer.assign([TopicPartition(TOPIC, number) for number in sorted(partitions)])
            yield _Reader(consumer, self._codec)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=int(SECONDS * 1000),
            # Alerts are few, and there may be some hundred readers.
            fetch_max_bytes=1 << 20,
            max_partition_fetch_bytes=1 << 20,
            fetch_max_wait_ms=500,
            **client_options(self._settings),
        )
        try:
            await _asked(consumer.start())
            yield consumer
        finally:
            await consumer.stop()


class _Reader:
    def __init__(self, consumer: Any, codec: Codec) -> None:
        self._consumer = consumer
        self._codec = codec

    async def bounds(self) -> tuple[Places, Places]:
        partitions = list(self._consumer.assignment())
        begins = await _asked(self._consumer.beginning_offsets(partitions))
        ends = await _asked(self._consumer.end_offsets(partitions))
        return _by_number(begins), _by_number(ends)

    async def since(self, moment: int) -> Places:
        partitions = list(self._consumer.assignment())
        found = await _asked(self._consumer.offsets_for_times(dict.fromkeys(partitions, moment)))
        _, ends = await self.bounds()
        return {at.partition: ends[at.partition] if known is None else known.offset for at, known in found.items()}

    def seek(self, places: Places) -> None:
        for partition, offset in places.items():
            self._consumer.seek(TopicPartition(TOPIC, partition), offset)

    async def places(self) -> Places:
        return {at.partition: await _asked(self._consumer.position(at)) for at in self._consumer.assignment()}

    async def next(self, seconds: float) -> list[Message]:
        try:
            found = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=500)
        except (KafkaError, OSError) as error:
            raise DependencyDown("kafka", str(error)) from error
        return [self._message(record) for records in found.values() for record in records]

    def _message(self, record: Any) -> Message:
        alert = None
        try:
            read = self._codec.decode(TOPIC, record.value)
            alert = read if isinstance(read, Alert) else None
        except ContractError as error:
            log.error("an alert cannot be read", partition=record.partition, offset=record.offset, error=str(error))
        return Message(record.partition, record.offset, record.timestamp, alert)


async def _asked(asking: Any) -> Any:
    try:
        return await asyncio.wait_for(asking, SECONDS)
    except (KafkaError, OSError, TimeoutError) as error:
        raise DependencyDown("kafka", str(error) or "no answer in time") from error


def _by_number(offsets: Any) -> dict[int, int]:
    return {at.partition: offset for at, offset in offsets.items()}
