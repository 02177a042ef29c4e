"""One database in which many worlds are played, several at a time, and what a failure says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.crash.world import DAY, PARTITIONS, Dice, Interruptible, Outbox, World, current_gate, go_on, pass_gate
from tests.support.strategies import EVENTS, START
from tests.support.tables import stored
from weftline.contracts.codec import Codec
from weftline.domain.events import Event
from weftline.processors.apart import Folder, Inline
from weftline.processors.kinds import Kind
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime import failpoints
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader

#: Worlds played at a time: two keep two cores busy with ClickHouse, more hide the waiting for it.
SIDE_BY_SIDE = 4


class Universe:
    """A database with its tables, in which worlds are played, several at a time."""

    def __init__(self, where: Settings, kinds: Mapping[str, Kind], codec: Codec, reader: Reader) -> None:
        self.where, self.kinds, self.codec, self.reader = where, kinds, codec, reader
        self.change: Callable[[Dice], Dice] = lambda dice: dice
        self.histories = histories
        self._metrics = {name: Metrics(name) for name in kinds}
        self._stores: dict[str, Store] = {}
        self._taken: set[int] = set()
        self._worlds = 0

    def processor(self, kind: Kind, outbox: Outbox, clock: Callable[[], int]) -> Processor:
        given: Any = (kind, PARTITIONS, self._stores[kind.name], outbox, self.codec, clock, self.where, self._metrics[kind.name])
        return Processor(*given, Inline(Folder(*given)))

    def _world(self, kind: Kind, events: Sequence[Event], random: Random) -> World:
        """A world whose partitions no other world has."""
        while True:
            self._worlds += 1
            world = World(self, kind, f"x{self._worlds}", self._worlds, events, Random(random.getrandbits(64)))
            if self._taken.isdisjoint(world.log):
                self._taken.update(world.log)
                return world

    def play(self, number: int, count: int) -> list[tuple[World, dict[str, str]]]:
        """Play ``count`` worlds side by side, of each kind a third, as ``number`` says; those that went wrong, and how."""
        played = asyncio.run(self._play(number, count))
        tables = {name: stored(kind, self.reader) for name, kind in self.kinds.items()}
        found = [(world, world.wrong(tables[world.kind.name], said)) for world, said in played]
        return [(world, wrong) for world, wrong in found if wrong]

    async def _play(self, number: int, count: int) -> list[tuple[World, list[str]]]:
        async with await Interruptible.connect(self.where) as warehouse:
            current_gate.set(go_on)
            self._stores = {name: await Store.open(kind, warehouse, self.codec) for name, kind in self.kinds.items()}
            columns = await warehouse.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
            for table, name, type_ in columns:
                warehouse.types.setdefault(table, {})[name] = type_
            random = Random(number)
            worlds = [
                self._world(kind, events, random)
                for name, kind in self.kinds.items()
                for events in self.histories(name, -(-count // len(self.kinds)), number)
            ]
            live = [(center, START // DAY, since) for world in worlds for center, since in world.live.items()]
            if live:
                await warehouse.insert(
                    "center_reference",
                    list(zip(*live, strict=True)),
                    ("center_id", "valid_from", "live_from"),
                    [warehouse.types["center_reference"][name] for name in ("center_id", "valid_from", "live_from")],
                )
            several = asyncio.Semaphore(SIDE_BY_SIDE)

            async def play(world: World) -> tuple[World, list[str]]:
                async with several:
                    await world.play()
                    return world, await world.misled(self._stores[world.kind.name])

            with failpoints.hooked(pass_gate):
                return await asyncio.gather(*(play(world) for world in worlds))


def histories(kind: str, count: int, number: int) -> list[list[Event]]:
    """``count`` lists of hostile events, always the same for one ``number``."""
    drawn: list[list[Event]] = []

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(EVENTS[kind], min_size=4, max_size=12))
    def draw(events: list[Event]) -> None:
        drawn.append(events)

    draw()
    return drawn


def told(number: int, wrong: Sequence[tuple[World, dict[str, str]]]) -> str:
    """What went wrong in the world with the shortest story, and the story."""
    world, faults = min(wrong, key=lambda found: len(found[0].trace))
    log = [f"{raw.partition}/{raw.offset}: {raw.key!r} {world.event(raw)}" for log in world.log.values() for raw in log]
    what = [f"{table}: {fault}" for table, fault in faults.items()]
    head = f"{len(wrong)} worlds of seed {number} went wrong; the shortest is {world.name} of {world.kind.name}, {world.dice}"
    return "\n".join([head, *log, *world.trace, *what])
