"""The batch loop: what is acknowledged, when, and what is called in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.support.loop_world import Gate, World, failing, play, quiet, running, short_waits

from weftline.errors import DependencyDown
from weftline.runtime.loop import MOST_FAULTS, RATIO_FAILURES, ProcessorStopped, RawRecord

pytestmark = pytest.mark.usefixtures("quiet", "short_waits")
__all__ = ["quiet", "short_waits"]


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


@pytest.mark.parametrize(
    ("size", "each"),
    [
        pytest.param(1, 20, id="while records keep coming a slow settle is followed by a longer gathering"),
        pytest.param(400, 3, id="no more is gathered than a step may take"),
    ],
)
def test_a_slow_settle_is_followed_by_a_longer_gathering(size: int, each: int) -> None:
    async def scenario() -> None:
        world = World(batch_bytes=1024)
        sent = 0

        async def more(_: object) -> None:
            """Something waits whenever a step has ended, but for the last."""
            nonlocal sent
            if sent < 20:
                sent += 1
                world.offer(0, [sent], size)

        async def slow() -> None:
            await asyncio.sleep(0.2)  # so the gathering that follows is LONGEST_GATHERING

        world.handler.on |= {"step": more, "settle": slow}
        async with running(world, 0):
            world.offer(0, [0], size)
            # The first settle is due at once; at the end, when nothing more comes, nobody waits for what could have been gathered.
            await world.until(lambda: len(world.acked) == 21)
        calls = [call for call in world.handler.calls if call in ("step", "settle")]
        assert len(calls[2:]) == 20 + -(-20 // each), "as few settles as there may be"

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
