"""A batch loop with a handler that is told when to fail, and that notes every call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from weftline.runtime import retry
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
        self.rejected: list[int] = []
        self.partitions: set[int] = set()
        self.told: set[int] = set()
        self.on: dict[str, Callable[..., Awaitable[None]]] = {}
        self.wrongs: list[str] = []
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

    async def settle(self) -> None:
        await self._call("settle")
        self.settled |= self.stepped

    async def sweep(self) -> None:
        await self._call("sweep")

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        await self._call("reject", record, error)
        self.rejected.append(record.offset)
        self.stepped.add((record.partition, record.offset))

    async def healthy(self) -> None:
        await self._call("healthy")


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

    def chunk(self, partition: int, offsets: Iterable[int], size: int = 1) -> Chunk:
        records = [RawRecord("t", partition, offset, 0, b"k", b"v", ()) for offset in offsets]
        epoch = self.epoch.get(partition, 0)

        def ack() -> None:
            covered = {(record.partition, record.offset) for record in records}
            self.handler.expect(covered <= self.handler.settled, "acknowledged before it was settled")
            self.handler.expect(epoch == self.epoch.get(partition, 0), "acknowledged after it was revoked")
            self.acked += sorted(covered)

        return Chunk(partition, records, size * len(records), ack)

    def offer(self, partition: int, offsets: Iterable[int], size: int = 1) -> Chunk:
        chunk = self.chunk(partition, offsets, size)
        self.loop.offer(chunk)
        return chunk

    async def revoke(self, partitions: Iterable[int], grace_seconds: float) -> None:
        gone = list(partitions)
        await self.loop.revoke(gone, grace_seconds)
        for partition in gone:
            self.epoch[partition] = self.epoch.get(partition, 0) + 1

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
        assert world.handler.wrongs == []


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
