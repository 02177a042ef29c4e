"""What a worker asks, as a function of what it was told.

A worker knows what it was told and nothing else: the calls that its loop makes and the answers to its round trips. :class:`Lives`
keeps that function as a tree: below each thing that a worker can be told stands what it asks next. The real
:class:`~weftline.processors.step.Processor` runs once per node of that tree, all that it was told before being told to it again if no
processor stands there any more; the rest of a schedule is looking things up (:mod:`.schedules`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.crash.model import IDLE, Commit, Key, ModelStore, Put, Request, Row
from weftline.contracts.codec import Codec
from weftline.domain.alerts import Alert
from weftline.domain.fold import Record
from weftline.processors.apart import Folder, Inline
from weftline.processors.kinds import Kind
from weftline.processors.memory import Memory
from weftline.processors.messenger import DeadLetter
from weftline.processors.step import Processor
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings

if TYPE_CHECKING:
    from tests.crash.schedules import Scenario


# What an idle worker is told to do: no tuples, of which two may be equal and yet of different kinds.


@dataclass(frozen=True, slots=True)
class Join:
    """Take over a partition."""

    partition: int


@dataclass(frozen=True, slots=True)
class Step:
    """Read these offsets at this time."""

    partition: int
    first: int
    end: int
    as_of: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Settle, and commit up to here."""

    end: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sweep at this time."""

    as_of: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Partition 0 was taken away: settle what is gathered, which commits nothing any more, and forget."""


Call = Join | Step | Settle | Sweep | Leave


class Node:
    """What a worker was told up to here, and what it asks: more than one thing where it works side by side."""

    __slots__ = ("asks", "before", "below", "call", "effects", "life", "told")

    def __init__(self, before: Node | None, told: Told | None, life: Life, asks: tuple[Request, ...]) -> None:
        self.before, self.told, self.asks = before, told, asks
        self.life: Life | None = life  # the processor that stands here, until it is led on
        self.call: Call | None = before.call if before else None  # under way, or the last
        if before and told and before.idle:
            self.call = told.answer
        self.below: dict[Told, Node] = {}
        self.effects: dict[tuple[int, ...], tuple[int, int, Node]] = {}  # of what it asks, by that and the tables it touches

    @property
    def idle(self) -> bool:
        """The worker waits for a call."""
        return self.asks[0] is IDLE

    def path(self) -> list[Told]:
        """All that the worker was told."""
        path: list[Told] = []
        node: Node | None = self
        while node is not None and node.told is not None:
            path.append(node.told)
            node = node.before
        return path[::-1]


class Told(NamedTuple):
    """The answer to one of the things that a worker asks."""

    which: int
    answer: Any


class Forgetful(Memory):
    """Has room for nobody."""

    def trim(self) -> list[str]:
        """All are forgotten."""
        forgotten = list(self._kept)
        self.clear()
        return forgotten


class Life:
    """A worker as it lives: the real processor, which waits for what it is told next."""

    def __init__(self, lives: Lives) -> None:
        self._lives, self._now = lives, 0
        self._asks: list[tuple[Request, asyncio.Future[Any]]] = []
        self.task = asyncio.create_task(self._live())

    async def tell(self, path: Iterable[Told]) -> tuple[Request, ...]:
        """Tell it all this, one after the other; what it asks then."""
        await self._quiet()
        for which, answer in path:
            _, waiting = self._asks.pop(which)
            waiting.set_result(answer)
            await self._quiet()
        return tuple(request for request, _ in self._asks)

    async def _quiet(self) -> None:
        """Until nothing more can happen before somebody is answered: it has asked all that it asks."""
        loop: Any = asyncio.get_running_loop()
        await asyncio.sleep(0)
        # There is no public way to ask. Ten turns each time, which were always enough, took a sixth of the whole time.
        while loop._ready:  # noqa: ASYNC110
            await asyncio.sleep(0)
        if self.task.done():
            self.task.result()
        assert self._asks

    async def _ask(self, request: Request) -> Any:
        waiting = asyncio.get_running_loop().create_future()
        self._asks.append((request, waiting))
        return await waiting

    async def _live(self) -> None:
        lives = self._lives
        store: Any = ModelStore(lives.kind, self._ask, lives.known, lives.torn, lives.live)
        messenger: Any = self
        clock = lambda: self._now  # noqa: E731
        given: Any = (lives.kind, len(lives.log), store, messenger, lives.codec, clock, lives.settings, lives.metrics)
        processor = Processor(*given, Inline(Folder(*given)) if lives.apart else None)
        if lives.forgets:
            processor._folding.memory = Forgetful(lives.kind, lives.settings.memory_mb << 20)
        while True:
            await self._do(processor, await self._ask(IDLE))

    async def _do(self, processor: Processor, call: Call) -> None:
        match call:
            case Join(partition):
                await processor.assigned(frozenset({partition}))
            case Step(partition, first, end, as_of):
                self._now = as_of
                await processor.step(self._lives.log[partition][first:end])
                if self._lives.commits_early:
                    await self._ask(Commit(end))
            case Settle(end):
                await processor.settle()
                await self._ask(Commit(end))
            case Sweep(as_of):
                self._now = as_of
                await processor.sweep()
            case Leave():
                await processor.settle()
                await processor.revoked(frozenset({0}))

    # the messenger

    async def alerts(self, alerts: Iterable[Alert]) -> None:
        """Each message is a round trip."""
        for alert in alerts:
            await self._ask(Put("said", (Row((alert,), 0, None),)))

    async def dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """No history here has any."""
        raise AssertionError(letters)


class Lives:
    """The tree of all that a worker can be told. All workers are one program, so they share it."""

    def __init__(self, kind: Kind, log: Sequence[Sequence[RawRecord]], codec: Codec, scenario: Scenario) -> None:
        self.kind, self.log, self.codec, self.commits_early = kind, log, codec, scenario.commits_early
        self.torn, self.apart, self.live, self.forgets = scenario.torn, scenario.apart, scenario.live, scenario.forgets
        self.settings = Settings(_env_file=None, memory_mb=0 if self.apart else 512, digest_days=1, digest_seconds=0)  # type: ignore[call-arg]
        self.metrics = Metrics(kind.name)
        self.known: dict[Key, Record[Any]] = {}
        self._loop = asyncio.new_event_loop()
        self._lives: list[Life] = []
        self.nodes = 0
        self.root = self._node(None, None, None, ())

    def after(self, node: Node, told: Told) -> Node:
        """Where a worker is that was told this."""
        found = node.below.get(told)
        if found is None:
            life, node.life = node.life, None
            new = (told,) if life else (*node.path(), told)
            found = node.below[told] = self._node(node, told, life, new)
        return found

    def close(self) -> None:
        """End all processors."""
        for life in self._lives:
            life.task.cancel()
        self._loop.run_until_complete(asyncio.gather(*(life.task for life in self._lives), return_exceptions=True))
        self._loop.close()

    def _node(self, before: Node | None, told: Told | None, life: Life | None, new: Iterable[Told]) -> Node:
        async def live() -> tuple[Life, tuple[Request, ...]]:
            standing = life or Life(self)
            return standing, await standing.tell(new)

        self.nodes += 1
        standing, asks = self._loop.run_until_complete(live())
        if life is None:
            self._lives.append(standing)
        return Node(before, told, standing, asks)
