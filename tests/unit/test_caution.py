"""Lives of workers that die of a record: the record is found, nothing else is lost, and a kill from outside costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.loop_world import World, play, quiet, short_waits

from weftline.errors import DependencyDown
from weftline.runtime import pace
from weftline.runtime.caution import BURIED, BURYING, CONFIRMED, Attempt, DiedOf
from weftline.runtime.loop import SUSPECT_ATTEMPTS, ProcessorStopped, RawRecord

__all__ = ["quiet", "short_waits"]
pytestmark = pytest.mark.usefixtures("quiet", "short_waits")

#: Lives until a batch of so many records is rid of the one: the whole twice, its pieces, the record alone (see caution).
MOST_DEATHS = {16: 3 + CONFIRMED, 1_024: 4 + CONFIRMED, 20_000: 5 + CONFIRMED}


class Death(BaseException):
    """SIGKILL: nothing of the program runs after it."""


class Log:
    """Partitions of a topic, as far as they were acknowledged, and the lives of the workers on them."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = lengths
        self.committed = [0] * len(lengths)
        self.notes: dict[int, Attempt] = {}
        self.rejected: list[tuple[int, int]] = []
        self.why: list[BaseException] = []
        self.stepped: set[tuple[int, int]] = set()
        #: Of the last life.
        self.calls = 0

    async def live(
        self, deadly: set[tuple[int, int]], *, kill: int | None = None, burying: bool = False, chunk: int = 5_000
    ) -> bool:
        """One life, to its death (True) or to the end of the log. ``kill``: after so many calls it is killed from outside."""
        world = World(batch_records=20_000)
        world.handler.notes = self.notes
        world.handler.buried = [Attempt(partition, offset, offset, BURIED) for partition, offset in self.rejected]
        world.handler.stepped |= set(self.rejected)
        self.calls = 0

        async def counted(*_: object) -> None:
            self.calls += 1
            if self.calls == kill:
                raise Death

        async def step(records: Sequence[RawRecord]) -> None:
            await counted()
            if deadly & {(record.partition, record.offset) for record in records}:
                raise Death
            self.stepped |= {(record.partition, record.offset) for record in records}

        async def reject(record: RawRecord, error: BaseException) -> None:
            await counted()
            if burying and record.value is not None:
                raise Death
            self.rejected.append((record.partition, record.offset))
            self.why.append(error)

        world.handler.on |= {"step": step, "reject": reject, "settle": counted, "trying": counted}
        running = asyncio.create_task(world.loop.run())
        world.loop.assign(range(len(self.lengths)))
        for partition, length in enumerate(self.lengths):
            for start in range(self.committed[partition], length, chunk):
                world.offer(partition, range(start, min(start + chunk, length)))

        def through() -> bool:
            return len(world.acked) == sum(self.lengths) - sum(self.committed)

        try:
            await world.until(lambda: running.done() or through())
            if not running.done():
                world.loop.stop()
            await running
        except Death:
            return True
        finally:
            for partition in range(len(self.lengths)):
                done = [offset for of, offset in world.acked if of == partition]
                self.committed[partition] = max([self.committed[partition], *(offset + 1 for offset in done)])
        assert world.handler.wrongs == []
        return False


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=3),
    st.integers(1, 60),
    st.sampled_from([1, 7, 300]),
    st.booleans(),
    st.data(),
)
def test_the_records_are_found_and_nothing_else_is_lost(
    lengths: list[int], killed: int, chunk: int, burying: bool, data: st.DataObject
) -> None:
    everything = {(at, offset) for at, length in enumerate(lengths) for offset in range(length)}
    deadly = data.draw(st.sets(st.sampled_from(sorted(everything)), min_size=1, max_size=3))
    log = Log(lengths)

    async def scenario() -> int:
        deaths = 0
        await log.live(deadly, kill=killed, chunk=chunk)  # somebody kills it besides
        while await log.live(deadly, burying=burying, chunk=chunk):
            deaths += 1
            assert deaths <= len(deadly) * (MOST_DEATHS[20_000] + BURYING)
        return deaths

    play(scenario())
    assert set(log.rejected) == deadly
    assert isinstance(log.why[0], DiedOf)
    assert log.stepped == everything - deadly
    assert log.committed == lengths
    assert all(note.times == 0 for note in log.notes.values()), "all is noted to be through"


@pytest.mark.parametrize("length", MOST_DEATHS)
def test_so_many_deaths_at_most(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST", max(MOST_DEATHS))
    log = Log([length])
    deadly = {(0, length * 2 // 3)}

    async def scenario() -> int:
        deaths = 0
        while await log.live(deadly):
            deaths += 1
        return deaths

    # The first of them was not noted in a long life; here every life is young, so it is one less.
    assert asyncio.run(scenario()) == MOST_DEATHS[length] - 1
    assert log.rejected == list(deadly)


def test_a_piece_is_less_than_the_range_it_is_of() -> None:
    """Also when one record of the range was buried: else the next worker finds the note of the last one, for ever."""
    log = Log([17])

    async def scenario() -> int:
        deaths = 0
        while await log.live({(0, 1), (0, 2)}) and deaths < 100:
            deaths += 1
        return deaths

    assert asyncio.run(scenario()) <= 2 * MOST_DEATHS[1_024]
    assert log.rejected == [(0, 1), (0, 2)]


def test_one_kill_from_outside_costs_one_settle() -> None:
    """Not one for each of the records that were noted: others wait meanwhile."""
    log = Log([100] * 8)

    async def scenario() -> None:
        assert await log.live(set(), kill=2)  # a note, and no step
        assert {note.times for note in log.notes.values()} == {1}
        before = sum(log.committed)
        assert not await log.live(set())
        assert sum(log.committed) - before == 800
        assert log.calls <= 5  # a note, a step, a settle, the note that it is through, and the settle at the end

    play(scenario())


def test_two_kills_from_outside_cost_some_settles() -> None:
    """Not one for each record either: pieces of all partitions are stepped together."""
    log = Log([100] * 8)

    async def scenario() -> None:
        for _ in range(2):
            assert await log.live(set(), kill=2)
        assert {note.times for note in log.notes.values()} == {2}
        assert not await log.live(set())
        assert log.committed == log.lengths
        assert log.calls <= 4 * 7 + 1  # seven times a note, a step, a settle, and the note that it is through

    play(scenario())


def test_many_partitions_cost_no_more_settles_than_few() -> None:
    """A batch is spread over all of them: the few records of each are not stepped one by one as long as they are many together."""

    async def calls(partitions: int) -> int:
        log = Log([800 // partitions] * partitions)
        for _ in range(2):
            assert await log.live(set(), kill=2)
        assert not await log.live(set())
        assert log.committed == log.lengths
        return log.calls

    assert asyncio.run(calls(50)) <= 4 * 8 + 1


@pytest.mark.parametrize("length", [10, 300])
def test_of_many_partitions_the_record_is_found_as_soon(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST", max(MOST_DEATHS))
    log = Log([length] * 48)
    deadly = {(7, length * 2 // 3)}

    async def scenario() -> int:
        deaths = 0
        while await log.live(deadly):
            deaths += 1
        return deaths

    assert asyncio.run(scenario()) <= MOST_DEATHS[20_000] - 1
    assert log.rejected == list(deadly)


@pytest.mark.parametrize("seed", range(20))
def test_kills_from_outside_reject_nothing(seed: int) -> None:
    random = Random(seed)
    log = Log([200, 50])

    async def scenario() -> None:
        for _ in range(30):
            await log.live(set(), kill=random.randint(1, 40))
        assert not await log.live(set())

    play(scenario())
    assert log.rejected == []
    assert log.committed == [200, 50]


def test_a_call_that_brings_a_dependency_down_is_not_waited_for_for_ever() -> None:
    """ClickHouse answers whenever it is asked how it is, and breaks off whenever one record is among what it is given."""

    async def scenario() -> None:
        world = World()

        async def step(records: Sequence[RawRecord]) -> None:
            if any(record.offset == 17 for record in records):
                raise DependencyDown("clickhouse", "connection lost", suspect=True)

        world.handler.on["step"] = step
        running = asyncio.create_task(world.loop.run())
        world.loop.assign([0])
        world.offer(0, range(32))
        await world.until(lambda: len(world.acked) == 32)
        assert world.handler.rejected == [17]
        world.loop.stop()
        await running

    play(scenario())


def test_a_dependency_that_is_down_is_no_suspect() -> None:
    async def scenario() -> None:
        world = World()
        attempts = 0

        async def down(*_: object) -> None:
            nonlocal attempts
            attempts += 1
            if attempts < 10 * SUSPECT_ATTEMPTS:
                raise DependencyDown("clickhouse", "connection lost", suspect=True)

        world.handler.on["step"] = world.handler.on["healthy"] = down
        running = asyncio.create_task(world.loop.run())
        world.loop.assign([0])
        world.offer(0, range(32))
        await world.until(lambda: len(world.acked) == 32)
        assert world.handler.rejected == []
        assert {len(step) for step in world.handler.steps} == {32}
        world.loop.stop()
        await running

    play(scenario())


def test_what_is_the_programs_own_buries_nothing() -> None:
    async def scenario() -> None:
        world = World()

        async def step(_: Sequence[RawRecord]) -> None:
            raise MemoryError

        world.handler.on["step"] = step
        running = asyncio.create_task(world.loop.run())
        world.loop.assign([0])
        world.offer(0, range(32))
        with pytest.raises(ProcessorStopped, match="MemoryError"):
            await running
        assert world.handler.rejected == []
        assert world.acked == []
        assert world.handler.notes[0].times == 1, "the next one is careful"

    play(scenario())
