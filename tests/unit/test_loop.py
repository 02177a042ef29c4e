"""The batch loop with a handler that is told when to fail: what is acknowledged, when, and what is called in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from weftline.errors import DependencyDown
from weftline.runtime import retry
from weftline.runtime.health import STATES, Status
from weftline.runtime.loop import MOST_FAULTS, RATIO_FAILURES, BatchLoop, Chunk, ProcessorStopped, RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_acknowledged_only_when_settled() -> None:
    async def scenario() -> None:
        world = World()
        async with running(world, 0):
            gate = world.handler.on["settle"] = Gate()
            world.offer(0, [1, 2])
            await gate.entered.wait()
            assert world.handler.steps == [[1, 2]]
            assert world.acked == []
            world.offer(0, [3])  # comes while the settle runs: not covered by it
            gate.open.set()
            await world.until(lambda: world.acked == [(0, 1), (0, 2), (0, 3)])
            assert [call for call in world.handler.calls if call in ("step", "settle")] == ["step", "settle", "step", "settle"]

    play(scenario())


def test_steps_are_gathered_for_a_settle() -> None:
    async def scenario() -> None:
        world = World(settle_seconds=30)
        async with running(world, 0):
            for offset in range(5):
                world.offer(0, [offset])
                await world.until(lambda number=offset + 1: len(world.handler.stepped) == number)
            assert world.handler.calls.count("settle") == 1  # promptly after the first step, the next in half a minute
            assert world.acked == [(0, 0)]
        assert len(world.acked) == 5  # the stop settles

    play(scenario())


def test_a_step_takes_from_all_partitions_in_turn_within_its_bounds() -> None:
    async def scenario() -> None:
        world = World(batch_records=6, batch_bytes=1024)
        async with running(world, 0, 1):
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [0])
            await gate.entered.wait()
            for start in range(10, 22, 3):
                world.offer(0, range(start, start + 3))
            world.offer(1, [100, 101])
            world.offer(1, [102], size=1023)  # too many bytes beside anything else
            gate.open.set()
            await world.until(lambda: len(world.acked) == 1 + 12 + 3)
            assert world.handler.steps == [[0], [10, 11, 12, 100, 101], [13, 14, 15], [102], [16, 17, 18, 19, 20, 21]]

    play(scenario())


def test_what_comes_within_the_pause_is_one_step() -> None:
    async def scenario() -> None:
        world = World(pause_seconds=0.2)
        async with running(world, 0, 1):
            world.offer(0, [0])
            await world.until(lambda: len(world.handler.steps) == 1)
            for offset in range(1, 20):
                world.offer(offset % 2, [offset])
                await asyncio.sleep(0)
            await world.until(lambda: len(world.acked) == 20)
            assert len(world.handler.steps) == 2

    play(scenario())


@pytest.mark.parametrize("call", ["assigned", "step", "settle", "sweep"])
def test_a_dependency_that_is_down_is_waited_for(call: str) -> None:
    async def scenario() -> None:
        world = World(sweep_seconds=0.001)
        down = True
        states: set[tuple[str, str | None]] = set()

        async def fail(*_: object) -> None:
            states.add((world.status.state, world.status.waiting_for))
            if down:
                raise DependencyDown("clickhouse", "gone")

        task = asyncio.create_task(world.loop.run())
        world.handler.on[call] = fail
        world.loop.assign([0])
        world.offer(0, [1, 2])
        await world.until(lambda: world.handler.calls.count(call) > 4)
        assert world.acked == [] or call == "sweep"
        assert ("waiting", "clickhouse") in states
        assert not world.status.ready
        down = False
        await world.until(lambda: world.acked == [(0, 1), (0, 2)] and world.status.ready)
        assert world.status.waiting_for is None
        assert all(step == [1, 2] for step in world.handler.steps)
        assert world.handler.rejected == []
        assert "healthy" not in world.handler.calls
        world.loop.stop()
        await task

    play(scenario())


def test_the_culprit_is_found_and_rejected_the_rest_goes_on() -> None:
    async def scenario() -> None:
        world = World()

        async def fail(records: Sequence[RawRecord]) -> None:
            if any(record.offset in (17, 40) for record in records):
                raise ValueError("a bug")

        world.handler.on["step"] = fail
        async with running(world, 0):
            world.offer(0, range(64))
            await world.until(lambda: len(world.acked) == 64)
        assert world.handler.rejected == [17, 40]
        # Halving, not one by one: 2 culprits, 6 halvings each, and 3 attempts at each single culprit.
        assert len(world.handler.steps) <= 2 * (2 * 6 + 3)
        assert world.handler.stepped == {(0, offset) for offset in range(64)}

    play(scenario())


def test_an_error_that_an_outage_explains_rejects_nothing() -> None:
    """A client may fail in a way that nobody classified while the dependency is away."""

    async def scenario() -> None:
        world = World()
        world.handler.on["step"] = failing(6, ConnectionResetError("odd"))

        async def ill() -> None:
            if len(world.handler.steps) <= 6 and world.handler.calls[-2] != "healthy":
                raise DependencyDown("clickhouse", "gone")

        world.handler.on["healthy"] = ill
        async with running(world, 0):
            world.offer(0, [1, 2])
            await world.until(lambda: len(world.acked) == 2)
        assert world.handler.rejected == []
        assert all(step == [1, 2] for step in world.handler.steps)

    play(scenario())


def test_a_single_record_survives_an_error_of_the_moment() -> None:
    async def scenario() -> None:
        world = World()
        world.handler.on["step"] = failing(2, ValueError("once"))
        async with running(world, 0):
            world.offer(0, [1])
            await world.until(lambda: world.acked == [(0, 1)])
        assert world.handler.rejected == []

    play(scenario())


def test_a_topic_is_not_emptied_into_the_dead_letters() -> None:
    async def scenario() -> None:
        world = World()
        world.handler.on["step"] = failing(10**6, ValueError("broken build"))
        task = asyncio.create_task(world.loop.run())
        world.loop.assign([0])
        world.offer(0, range(1000))
        with pytest.raises(ProcessorStopped, match="WEFTLINE_FAILURE_RATIO"):
            await task
        assert len(world.handler.rejected) == RATIO_FAILURES
        assert world.acked == []

    play(scenario())


def test_few_bad_records_among_many_do_not_stop_it() -> None:
    async def scenario() -> None:
        world = World()

        async def fail(records: Sequence[RawRecord]) -> None:
            if any(record.offset % 25 == 0 for record in records):
                raise ValueError("bad")

        world.handler.on["step"] = fail
        async with running(world, 0):
            world.offer(0, range(1, 1001))
            await world.until(lambda: len(world.acked) == 1000)
        assert len(world.handler.rejected) == 40  # 4 %, the limit is 5

    play(scenario())


@pytest.mark.parametrize("call", ["settle", "sweep", "healthy", "reject"])
def test_a_call_that_keeps_failing_stops_without_acknowledging(call: str) -> None:
    async def scenario() -> None:
        world = World()
        world.handler.on["step"] = failing(10**6 if call in ("healthy", "reject") else 0, ValueError("no"))
        world.handler.on[call] = failing(10**6, RuntimeError("broken"))
        task = asyncio.create_task(world.loop.run())
        world.loop.assign([0])
        world.offer(0, [1])
        with pytest.raises(ProcessorStopped, match=f"{call} failed {MOST_FAULTS} times"):
            await task
        assert world.acked == []

    play(scenario())


def test_a_call_that_fails_now_and_then_goes_on() -> None:
    async def scenario() -> None:
        world = World()
        world.handler.on["settle"] = failing(MOST_FAULTS - 1, RuntimeError("now and then"))
        async with running(world, 0):
            world.offer(0, [1])
            await world.until(lambda: world.acked == [(0, 1)])

    play(scenario())


def test_a_rebalance_lets_the_step_in_flight_end_and_be_acknowledged() -> None:
    async def scenario() -> None:
        world = World(settle_seconds=30)
        async with running(world, 0, 1):
            world.offer(0, [1])
            await world.until(lambda: len(world.acked) == 1)  # from now on no settle is due for half a minute
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [2])
            await gate.entered.wait()
            world.offer(1, [3])  # queued: to be dropped
            revoking = asyncio.create_task(world.revoke([0, 1], 10))
            await asyncio.sleep(0)
            gate.open.set()
            await revoking
            assert world.acked == [(0, 1), (0, 2)]
            assert world.handler.partitions == set()
            assert world.handler.steps == [[1], [2]]

    play(scenario())


def test_a_step_that_outlives_the_grace_acknowledges_nothing() -> None:
    """The partition may be held again before that step ends; the handler is told of the loss first, and the records come again."""

    async def scenario() -> None:
        world = World()
        async with running(world, 0):
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [1])
            await gate.entered.wait()
            await world.revoke([0], 0.001)
            world.loop.assign([0])
            world.offer(0, [1, 2])
            world.handler.calls.clear()
            gate.open.set()
            await world.until(lambda: len(world.acked) == 2)
            assert world.acked == [(0, 1), (0, 2)]
            assert [call for call in world.handler.calls if call != "settle"][:3] == ["revoked", "assigned", "sweep"]

    play(scenario())


@pytest.mark.parametrize("call", ["step", "settle"])
def test_a_rebalance_ends_the_wait_for_a_dependency(call: str) -> None:
    async def scenario() -> None:
        world = World()
        async with running(world, 0):
            world.handler.on[call] = failing(10**6, DependencyDown("clickhouse", "gone"))
            world.offer(0, [1])
            await world.until(lambda: world.status.state == "waiting")
            await world.revoke([0], 10)
            assert world.handler.partitions == set()
            del world.handler.on[call]
            world.loop.assign([0])
            world.offer(0, [1])
            await world.until(lambda: world.acked == [(0, 1)])

    play(scenario())


def test_losing_one_partition_does_not_lose_the_others_records() -> None:
    async def scenario() -> None:
        world = World()
        async with running(world, 0, 1):
            world.handler.on["step"] = failing(10**6, DependencyDown("clickhouse", "gone"))
            world.offer(0, [1])
            world.offer(1, [2])
            await world.until(lambda: world.handler.steps[-1:] == [[1, 2]])
            await world.revoke([0], 10)
            del world.handler.on["step"]
            await world.until(lambda: world.acked == [(1, 2)])

    play(scenario())


def test_what_could_not_be_settled_before_a_rebalance_is_never_acknowledged() -> None:
    async def scenario() -> None:
        world = World(settle_seconds=30)
        async with running(world, 0, 1):
            world.offer(0, [1])
            await world.until(lambda: len(world.acked) == 1)
            world.offer(0, [2])
            await world.until(lambda: (0, 2) in world.handler.stepped)
            world.handler.on["settle"] = failing(1, ValueError("just now"))
            await world.revoke([0], 10)
            world.offer(1, [3])
            await world.until(lambda: (1, 3) in world.handler.stepped)
        assert world.acked == [(0, 1), (1, 3)]

    play(scenario())


def test_fetching_stops_while_a_full_step_is_queued() -> None:
    async def scenario() -> None:
        world = World(batch_records=4)
        async with running(world, 0):
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [0])
            await gate.entered.wait()
            world.offer(0, [1, 2, 3])
            await world.loop.room()
            world.offer(0, [4])
            room = asyncio.create_task(world.loop.room())
            await asyncio.sleep(0.001)
            assert not room.done()
            gate.open.set()
            await room
            await world.until(lambda: len(world.acked) == 5)

    play(scenario())


def test_stop_ends_settles_and_acknowledges_the_step_in_flight() -> None:
    async def scenario() -> None:
        world = World(settle_seconds=30)
        async with running(world, 0):
            world.offer(0, [1])
            await world.until(lambda: len(world.acked) == 1)
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [2])
            await gate.entered.wait()
            world.offer(0, [3])
            world.loop.stop()
            gate.open.set()
        assert world.acked == [(0, 1), (0, 2)]

    play(scenario())


def test_stop_does_not_wait_for_a_dependency() -> None:
    async def scenario() -> None:
        world = World()
        async with running(world, 0):
            world.handler.on["step"] = world.handler.on["settle"] = failing(10**6, DependencyDown("clickhouse", "gone"))
            world.offer(0, [1])
            await world.until(lambda: world.status.state == "waiting")
        assert world.acked == []

    play(scenario())


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["offer", "offer", "offer", "turn", "revoke all", "revoke", "assign", "down", "fault"]), st.integers(0, 2)
    ),
    max_size=40,
)


@given(ACTIONS)
def test_in_any_order_of_events_only_what_was_settled_while_held_is_acknowledged(actions: list[tuple[str, int]]) -> None:
    """``World`` notes what is acknowledged unsettled or after it was revoked. Here: at rest, everything is acknowledged that was
    offered under the last assignment of its partition."""

    async def scenario() -> None:
        world = World()
        troubles: list[Exception] = []

        async def fail(*_: object) -> None:
            await asyncio.sleep(0)
            if troubles:
                raise troubles.pop()

        world.handler.on = dict.fromkeys(["assigned", "step", "settle", "sweep"], fail)
        faults = iter(range(MOST_FAULTS - 1))  # more in a row, and it would be right to stop
        offered: dict[int, set[int]] = {}  # by partition held: offsets offered under its present assignment
        task = asyncio.create_task(world.loop.run())
        for offset, (action, partition) in enumerate(actions):
            match action:
                case "offer":
                    world.offer(partition, [offset])
                    if partition in offered:
                        offered[partition].add(offset)
                case "assign" if partition not in offered:
                    offered[partition] = set()
                    world.loop.assign([partition])
                case "revoke" | "revoke all":
                    gone = [partition] if action == "revoke" else list(offered)
                    await world.revoke(gone, 0.001 * (offset % 3))
                    for lost in gone:
                        offered.pop(lost, None)
                case "down":
                    troubles.append(DependencyDown("clickhouse", "gone"))
                case "fault" if next(faults, None) is not None:
                    troubles.append(ValueError("fault"))
                case "turn":
                    await asyncio.sleep(0)
        await world.until(lambda: task.done() or all((p, o) in world.acked for p, offsets in offered.items() for o in offsets))
        world.loop.stop()
        await task
        assert world.handler.wrongs == []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "FIRST_SECONDS", 0.0001)
        patch.setattr(retry, "MOST_SECONDS", 0.0002)
        play(scenario())


def test_the_states_of_a_processor() -> None:
    now = 0.0
    status = Status("orders", Metrics("orders"), lambda: now)
    seen = [status.state]
    assert status.describe()["waiting_for"] == "kafka group"
    status.joined(frozenset({1}))
    seen.append(status.state)
    now = 1000
    status.work(True)
    seen.append(status.state)
    now += 61
    seen.append(status.state)
    assert not status.ready
    status.wait_for("clickhouse")
    seen.append(status.state)
    status.wait_for(None)
    assert status.state == "active"
    assert seen == ["starting", "idle", "active", "stalled", "waiting"]
    assert set(seen) == set(STATES)


def test_metric_names_are_a_closed_list_in_base_units() -> None:
    registry: CollectorRegistry = Metrics("orders").registry
    ours = {metric.name: metric for metric in registry.collect() if metric.name.startswith("weftline_")}
    assert {"weftline_steps", "weftline_lag_records", "weftline_waiting"} <= set(ours)
    for name, metric in ours.items():
        assert metric.documentation
        unit = name.rsplit("_", 1)[1]
        assert metric.type == "counter" or unit in ("info", "seconds", "offset", "records", "owners", "waiting"), name
    foreign = {metric.name for metric in registry.collect()} - set(ours)
    assert all(name.startswith("process_") for name in foreign)
