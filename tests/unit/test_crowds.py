"""One owner's flood in a partition: whoever stands behind it goes before it, and nothing is said to be read that was not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Gauge
from tests.support.loop_world import Gate, World, play, quiet, running, short_waits

from weftline.runtime.caution import Attempt
from weftline.runtime.chunks import CROWDED, RECORD_BYTES, Chunk, ChunkQueue, RawRecord

pytestmark = pytest.mark.usefixtures("quiet", "short_waits")
__all__ = ["quiet", "short_waits"]


def flood(_offset: int) -> bytes:
    return b"giant"


ALL = [0, *range(1000, 1000 + CROWDED), *range(2000, 2000 + CROWDED), *range(3000, 3000 + CROWDED), 4000]


def steps_of_a_crowd_and_one_other(*notes: Attempt) -> list[list[int]]:
    """The offsets of each step, when three chunks of a crowd and then another's record come to partition 0 during the first."""
    world = World(batch_records=CROWDED + 10)
    world.handler.notes = {note.partition: note for note in notes}

    async def scenario() -> None:
        async with running(world, 0, 1):
            gate = world.handler.on["step"] = Gate()
            world.offer(0, [0])
            await gate.entered.wait()
            for start in (1000, 2000, 3000):
                world.offer(0, range(start, start + CROWDED), key=flood)
            world.offer(0, [4000])
            gate.open.set()
            await world.until(lambda: len(world.acked) == len(ALL))

    play(scenario())
    return world.handler.steps


def test_whoever_stands_behind_a_crowd_is_in_the_next_step() -> None:
    assert steps_of_a_crowd_and_one_other()[1:3] == [[4000], [*range(1000, 1000 + CROWDED)]]


def test_where_something_is_suspicious_all_comes_in_order() -> None:
    steps = steps_of_a_crowd_and_one_other(Attempt(0, 2000, 2000 + CROWDED - 1, 1))
    assert [offset for step in steps for offset in step] == ALL


def test_what_is_suspicious_elsewhere_keeps_nobody_waiting() -> None:
    assert steps_of_a_crowd_and_one_other(Attempt(1, 7, 7, 1))[1] == [4000]


@pytest.mark.parametrize("suspicious", [0, 1])
def test_crowds_and_others_without_end_are_settled(suspicious: int) -> None:
    async def scenario() -> None:
        world = World(batch_records=CROWDED + 10)
        world.handler.notes[suspicious] = Attempt(suspicious, 1 << 40, 1 << 40, 1)
        ends = count(0, CROWDED + 1)

        async def more(*_: object) -> None:
            start = next(ends)
            world.offer(0, range(start, start + CROWDED), key=flood)
            world.offer(0, [start + CROWDED])
            await asyncio.sleep(0)

        async with running(world, 0, 1):
            world.handler.on["step"] = more
            await more()
            await more()
            await world.until(lambda: len(world.acked) > 3 * CROWDED)
            del world.handler.on["step"]

    play(scenario())


def test_a_crowd_is_read_ahead_of_and_no_further_than_memory_bears() -> None:
    async def scenario() -> None:
        size = 100_000
        queue = ChunkQueue(CROWDED, 1 << 20, size, Gauge("ahead", "", registry=None))
        for start in range(0, 1_000_000, CROWDED):
            if not queue.has_room:
                break
            queue.put(chunk(range(start, start + CROWDED), [b"giant"] * CROWDED))
        assert 2 * CROWDED < start < size / RECORD_BYTES + CROWDED
        room = asyncio.create_task(queue.room())
        await asyncio.sleep(0)
        assert not room.done()
        queue.take()
        await room

    play(scenario())


@given(
    st.lists(st.lists(st.sampled_from([b"giant", b"other", b"third"]), min_size=1, max_size=3 * CROWDED), max_size=6), st.booleans()
)
def test_every_record_is_taken_once_and_each_owners_in_order(keys: list[list[bytes]], in_order: bool) -> None:
    async def scenario() -> None:
        queue = ChunkQueue(CROWDED, 1 << 20, 1 << 20, Gauge("records", "", registry=None))
        at = 0
        for several in keys:
            queue.put(chunk(range(at, at + len(several)), several))
            at += len(several)
        taken = []
        while queue:
            step = sorted(record for part in queue.take({0} if in_order else ()) for record in part.records)
            taken += step
        assert sorted(record.offset for record in taken) == list(range(at))
        if in_order:
            assert [record.offset for record in taken] == list(range(at))

    play(scenario())


def chunk(offsets: range, keys: Sequence[bytes]) -> Chunk:
    records = [RawRecord("t", 0, offset, 0, key, b"v", ()) for offset, key in zip(offsets, keys, strict=True)]
    return Chunk(0, records, len(records), lambda: None)
