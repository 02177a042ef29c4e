"""The batch loop when partitions go and come, and when the program stops."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.loop_world import Gate, World, failing, play, quiet, running, short_waits

from weftline.errors import DependencyDown
from weftline.runtime import chunks, retry
from weftline.runtime.loop import MOST_FAULTS

pytestmark = pytest.mark.usefixtures("quiet", "short_waits")
__all__ = ["quiet", "short_waits"]


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
        st.sampled_from(["offer", "flood", "both", "turn", "revoke all", "revoke", "assign", "down", "fault"]), st.integers(0, 2)
    ),
    max_size=40,
)


@given(ACTIONS)
def test_in_any_order_of_events_only_what_was_settled_while_held_is_acknowledged(actions: list[tuple[str, int]]) -> None:
    """``World`` notes what is acknowledged unsettled or after it was revoked, and what Kafka could be told before the tables were. Here:
    at rest, everything is acknowledged that was offered under the last assignment of its partition, crowds or not."""

    async def scenario() -> None:
        world = World(batch_records=4)  # so that a crowd and the others of one chunk are not always in one step
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
                case "offer" | "flood" | "both":
                    offsets = range(4 * offset, 4 * offset + (1 if action == "offer" else 3))
                    crowd = {"offer": 0, "flood": 3, "both": 2}[action]
                    world.offer(partition, offsets, key=lambda number, crowd=crowd: b"crowd" if number % 4 < crowd else b"other")
                    if partition in offered:
                        offered[partition].update(offsets)
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
        patch.setattr(chunks, "CROWDED", 2)
        play(scenario())
