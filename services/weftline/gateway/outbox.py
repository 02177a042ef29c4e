"""The edge to Kafka, outwards: events are acknowledged when every in-sync replica has them (``acks=all``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from weftline.contracts.envelope import Headers
from weftline.errors import DependencyDown
from weftline.runtime import blame
from weftline.runtime.blame import Whose
from weftline.runtime.kafka import client_options
from weftline.runtime.settings import Settings

#: A broker that takes longer is away, for somebody who waits at the other end.
SECONDS: Final = 10.0
#: While no broker answers, another is asked for so often; meanwhile everybody is told the same.
AGAIN_SECONDS: Final = 1.0
#: Room for the largest event that the codec lets pass, and for its headers.
MAX_REQUEST_BYTES: Final = 2_000_000


class Record(NamedTuple):
    """What is written into the log."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class At(NamedTuple):
    """Where it lies."""

    partition: int
    offset: int


class Outbox(Protocol):
    """What the gateway asks of Kafka."""

    async def send(self, records: Sequence[Record]) -> list[At]:
        """Write all of them, and return when they are durable. :class:`DependencyDown` where that cannot be said of all."""

    async def healthy(self) -> None:
        """:class:`DependencyDown` if no broker answers."""


class Kafka:
    """The same, for good. Connects by itself, and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._away: tuple[float, DependencyDown] | None = None
        self._connecting = asyncio.Lock()

    async def send(self, records: Sequence[Record]) -> list[At]:
        try:
            producer = await self._connected()
            sending = [await producer.send(one.topic, value=one.value, key=one.key, headers=list(one.headers)) for one in records]
            answers: list[Any] = await asyncio.gather(*sending, return_exceptions=True)
            # All of them are waited for: what is told is about the whole.
            if (failed := next((answer for answer in answers if isinstance(answer, BaseException)), None)) is not None:
                raise failed
        except DependencyDown:
            raise
        except Exception as error:
            if blame.fault("producer", error).whose is not Whose.DEPENDENCY:
                raise
            raise DependencyDown("kafka", f"the events were not acknowledged: {str(error) or 'no answer in time'}") from error
        return [At(answer.partition, answer.offset) for answer in answers]

    async def healthy(self) -> None:
        producer = await self._connected()
        try:
            await asyncio.wait_for(producer.client.fetch_all_metadata(), 5)
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown("kafka", str(error) or "no answer within 5 s") from error

    async def close(self) -> None:
        """Let go of the connection; nothing is pending between two calls."""
        if self._producer is not None:
            await self._producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                if self._away is not None and time.monotonic() - self._away[0] < AGAIN_SECONDS:
                    raise self._away[1]
                # Without idempotence, as in processors/messenger.py: a repeat is the same record, and records are a set.
                producer = AIOKafkaProducer(
                    acks="all",
                    linger_ms=0,
                    max_request_size=MAX_REQUEST_BYTES,
                    request_timeout_ms=int(SECONDS * 1000),
                    **client_options(self._settings),
                )
                try:
                    await asyncio.wait_for(producer.start(), SECONDS)
                except (KafkaError, OSError, TimeoutError) as error:
                    await producer.stop()
                    self._away = time.monotonic(), DependencyDown("kafka", str(error) or "no answer in time")
                    raise self._away[1] from error
                self._producer = producer
            return self._producer
