"""A batch loop with a handler that is told when to fail, and that notes every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import takewhile
from typing import Any

import pytest
from structlog.testing import capture_logs

from weftline.runtime import retry
from weftline.runtime.caution import Attempt
from weftline.runtime.health import Status
from weftline.runtime.loop import BatchLoop, Chunk, RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings


@pytest.fixture
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.0005)
    monkeypatch.setattr(retry, "MOST_SECONDS", 0.002)


#: How long a condition may take that comes true within milliseconds.
PATIENCE_SECONDS = 10


class Recorder:
    """Notes every call; ``on[name]`` is awaited within it and may raise. What must not happen is noted in ``wrongs``: an assertion
    that fails within a call would be taken for a fault of the handler."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.steps: list[list[int]] = []  # offsets of each attempt
        self.stepped: set[tuple[int, int]] = set()  # (partition, offset) of steps that returned
        self.settled: set[tuple[int, int]] = set()
        self.read: dict[int, int] = {}  # by partition: up to where a settle was told that all was stepped
        self.rejected: list[int] = []
        self.offered: dict[int, set[tuple[int, int]]] = {}  # by partition: (partition, offset) since it was assigned
        self.partitions: set[int] = set()
        self.told: set[int] = set()
        self.on: dict[str, Callable[..., Awaitable[None]]] = {}
        self.wrongs: list[str] = []
        self.notes: dict[int, Attempt] = {}
        self.buried: list[Attempt] = []
        self._inside = False

    async def _call(self, name: str, *arguments: object) -> None:
        self.expect(not self._inside, "two calls overlap")
        self._inside = True
        self.calls.append(name)
        try:
            if name in self.on:
                await self.on[name](*arguments)
        finally:
            self._inside = False

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrongs.append(otherwise)

    async def assigned(self, partitions: frozenset[int]) -> None:
        self.told |= partitions
        await self._call("assigned", partitions)
        self.expect(not partitions & self.partitions, "assigned twice")
        self.partitions |= partitions

    async def revoked(self, partitions: frozenset[int]) -> None:
        await self._call("revoked", partitions)
        self.expect(bool(partitions) and partitions <= self.told, "revoked what was not assigned")
        self.told -= partitions
        self.partitions -= partitions
        self.stepped = {(partition, offset) for partition, offset in self.stepped if partition not in partitions}

    async def step(self, records: Sequence[RawRecord]) -> None:
        self.steps.append([record.offset for record in records])
        self.expect({record.partition for record in records} <= self.partitions, "stepped while not assigned")
        await self._call("step", records)
        self.stepped |= {(record.partition, record.offset) for record in records}

    async def settle(self, read: Mapping[int, int]) -> None:
        read = {partition: end for partition, end in read.items() if partition in self.partitions}
        for partition, end in read.items():
            missing = {place for place in self.offered.get(partition, ()) if place[1] < end} - self.stepped
            self.expect(not missing, f"said to be read up to {end}, and not stepped: {sorted(missing)}")
        await self._call("settle")
        self.settled |= self.stepped
        self.read |= read

    async def sweep(self) -> None:
        await self._call("sweep")

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        await self._call("reject", record, error)
        self.rejected.append(record.offset)
        self.stepped.add((record.partition, record.offset))

    async def healthy(self) -> None:
        await self._call("healthy")

    async def tried(self, partitions: frozenset[int]) -> Sequence[Attempt]:
        return [*(self.notes[partition] for partition in partitions if partition in self.notes), *self.buried]

    async def trying(self, notes: Sequence[Attempt]) -> None:
        self.notes.update({note.partition: note for note in notes})
        if "trying" in self.on:
            await self.on["trying"](notes)


class World:
    """A loop over a recorder, with the side that fetches played by the test."""

    def __init__(self, **changes: object) -> None:
        bounds: dict[str, object] = {"pause_seconds": 0, "settle_seconds": 0.0001, "sweep_seconds": 600}
        self.handler = Recorder()
        self.metrics = Metrics("test")
        self.status = Status("test", self.metrics)
        self.loop = BatchLoop(self.handler, Settings(_env_file=None, **(bounds | changes)), self.metrics, self.status)  # type: ignore[arg-type]
        self.acked: list[tuple[int, int]] = []
        self.epoch: dict[int, int] = {}  # by partition: how often it was revoked
        self.log: dict[
            tuple[int, int], dict[int, bool]
        ] = {}  # by partition and epoch: end of each chunk, whether it was acknowledged

    def offer(self, partition: int, offsets: Iterable[int], size: int = 1, key: Callable[[int], bytes] = lambda _: b"k") -> Chunk:
        records = [RawRecord("t", partition, offset, 0, key(offset), b"v", ()) for offset in offsets]
        covered = {(partition, record.offset) for record in records}
        epoch = self.epoch.get(partition, 0)
        log = self.log.setdefault((partition, epoch), {})

        def ack() -> None:
            self.handler.expect(covered <= self.handler.settled, "acknowledged before it was settled")
            self.handler.expect(epoch == self.epoch.get(partition, 0), "acknowledged after it was revoked")
            self.acked += sorted(covered)
            log[chunk.end] = True
            committed = max(takewhile(lambda end: log[end], log), default=0)
            self.handler.expect(committed <= self.handler.read.get(partition, 0), "Kafka is told before the tables were")

        chunk = Chunk(partition, records, size * len(records), ack)
        self.loop.offer(chunk)
        if chunk.to_step:  # it was taken
            log[chunk.end] = False
            self.handler.offered.setdefault(partition, set()).update(covered)
        return chunk

    async def revoke(self, partitions: Iterable[int], grace_seconds: float) -> None:
        gone = list(partitions)
        await self.loop.revoke(gone, grace_seconds)
        for partition in gone:
            self.epoch[partition] = self.epoch.get(partition, 0) + 1
            self.handler.offered.pop(partition, None)
            self.handler.read.pop(partition, None)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0)


@asynccontextmanager
async def running(world: World, *partitions: int) -> AsyncIterator[None]:
    """The loop at work, holding these partitions; stopped at the end."""
    task = asyncio.create_task(world.loop.run())
    world.loop.assign(partitions)
    await world.until(lambda: world.handler.partitions == set(partitions))
    try:
        yield
        world.loop.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
    finally:
        task.cancel()
        assert world.handler.wrongs == [], world.handler.wrongs


def play(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


class Gate:
    """A call that waits until it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.entered.set()
        await self.open.wait()


def failing(times: int, error: Exception) -> Callable[..., Awaitable[None]]:
    left = iter(range(times))

    async def call(*_: object) -> None:
        if next(left, None) is not None:
            raise error

    return call
