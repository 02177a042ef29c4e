"""Records as they come from Kafka, and the bounded queue in which they wait for their step."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import Gauge


class RawRecord(NamedTuple):
    """One record as Kafka has it. ``timestamp`` in ms since the epoch. A NamedTuple: a frozen dataclass takes longer to make."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition, in offset order, not empty, that are acknowledged together."""

    partition: int
    records: Sequence[RawRecord]
    size: int  # bytes of keys and values
    ack: Callable[[], None]
    lost: bool = field(default=False)  # its partition was taken away: never to be acknowledged


class ChunkQueue:
    """Chunks by partition. ``records`` and ``size`` (bytes) bound one step; ``gauge`` shows the records that wait."""

    def __init__(self, records: int, size: int, gauge: Gauge) -> None:
        self._most_records = records
        self._most_size = size
        self._gauge = gauge
        self._ready: OrderedDict[int, deque[Chunk]] = OrderedDict()  # the partition to be taken from next comes first
        self._records = 0
        self._size = 0
        self._less = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._ready)

    @property
    def has_room(self) -> bool:
        """Whether less than a full step is queued."""
        return self._records < self._most_records and self._size < self._most_size

    async def room(self) -> None:
        """Return when :attr:`has_room`."""
        while not self.has_room:
            self._less.clear()
            await self._less.wait()

    def put(self, chunk: Chunk) -> None:
        self._ready.setdefault(chunk.partition, deque()).append(chunk)
        self._count(chunk, 1)

    def put_back(self, chunks: Iterable[Chunk]) -> None:
        """Undo a :meth:`take`: these come first again, in the order in which they were taken."""
        for chunk in reversed(list(chunks)):
            self._ready.setdefault(chunk.partition, deque()).appendleft(chunk)
            self._count(chunk, 1)

    def drop(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            for chunk in self._ready.pop(partition, ()):
                self._count(chunk, -1)

    def take(self) -> list[Chunk]:
        """Chunks for one step: in turn from every partition, while they fit; at least one, if there is any."""
        batch: list[Chunk] = []
        records = size = 0
        while self._ready:
            partition, queue = next(iter(self._ready.items()))
            chunk = queue[0]
            records += len(chunk.records)
            size += chunk.size
            if batch and (records > self._most_records or size > self._most_size):
                break
            batch.append(queue.popleft())
            self._count(chunk, -1)
            if queue:
                self._ready.move_to_end(partition)
            else:
                del self._ready[partition]
        return batch

    def _count(self, chunk: Chunk, sign: int) -> None:
        self._records += sign * len(chunk.records)
        self._size += sign * chunk.size
        self._gauge.set(self._records)
        if sign < 0:
            self._less.set()
