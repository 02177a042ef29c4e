"""One reader of the log of alerts for all streams of a gateway.

It reads every partition from where it began, keeps the last messages of each, and wakes those that follow it; a follower has nothing but
its places, so none is skipped and none repeated, however slow it is. Who begins further back than what is kept (a resume, or a stream
that did not keep up) reads by itself until it gets there. The reader begins with the first follower and ends with the last.

500 idle streams with a heartbeat every 15 s took 1.46 % of a core, the gateway without any 0.27 % (`python -m tests.bench.streams
--seconds 30`, on two cores at a load of 11). It is the heartbeats that cost, so they come every 30 s: 0.9 % by that figure, not
measured again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from weftline.errors import DependencyDown
from weftline.gateway.log import AlertLog, Following, Message
from weftline.gateway.positions import Places

#: Of each partition so many messages are kept for those that follow: some minutes of a busy day, in a few megabytes.
KEPT: Final = 500
_SECONDS: Final = 5.0


class SharedLog:
    """The log, for many at once; an :class:`AlertLog` like the one behind it."""

    def __init__(self, log: AlertLog, kept: int = KEPT) -> None:
        self._log = log
        self._kept = kept
        self._reader: _Reader | None = None
        self._changing = asyncio.Lock()

    async def partitions(self) -> int:
        """How many there are."""
        return await self._log.partitions()

    @asynccontextmanager
    async def follow(self, partitions: Collection[int]) -> AsyncIterator[Following]:
        """A follower of these partitions."""
        async with self._changing:
            if self._reader is None or self._reader.fault is not None:
                self._reader = await _Reader.begin(self._log, self._kept)
            reader = self._reader
            follower = _Follower(reader, self._log, partitions)
            reader.followers.add(follower)
        try:
            yield follower
        finally:
            reader.followers.discard(follower)
            await follower.close()
            async with self._changing:
                if not reader.followers:
                    await reader.end()
                    if self._reader is reader:
                        self._reader = None


class _Reader:
    """Reads, keeps, wakes. ``since``: from there on all that there is is kept; ``at``: as far as it has read."""

    def __init__(self, following: Following, held: AsyncExitStack, ends: Places, kept: int) -> None:
        self.following = following
        self.followers: set[_Follower] = set()
        self.fault: DependencyDown | None = None
        self.at = dict(ends)
        self.since = dict(ends)
        self._kept: dict[int, deque[Message]] = {number: deque() for number in ends}
        self._most = kept
        self._held = held
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def begin(cls, log: AlertLog, kept: int) -> _Reader:
        async with AsyncExitStack() as held:
            following = await held.enter_async_context(log.follow(range(await log.partitions())))
            _, ends = await following.bounds()
            following.seek(ends)
            return cls(following, held.pop_all(), ends, kept)

    async def end(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._held.aclose()

    def after(self, partition: int, offset: int) -> list[Message]:
        """What is kept from an offset on."""
        found = []
        for message in reversed(self._kept[partition]):
            if message.offset < offset:
                break
            found.append(message)
        return found[::-1]

    async def _read(self) -> None:
        try:
            while True:
                messages = await self.following.next(_SECONDS)
                places = await self.following.places()
                # From here on nobody else comes in between: who saw a message that is kept and not yet the place behind it got it twice.
                for message in messages:
                    kept = self._kept[message.partition]
                    kept.append(message)
                    if len(kept) > self._most:
                        self.since[message.partition] = kept.popleft().offset + 1
                self.at.update(places)
                self._wake({message.partition for message in messages})
        except DependencyDown as error:
            self.fault = error
        except Exception as error:
            self.fault = DependencyDown("kafka", f"the log of alerts cannot be read: {error!r}")
        self._wake(self.at)

    def _wake(self, partitions: Iterable[int]) -> None:
        of = set(partitions)
        for follower in self.followers if of else ():
            if not of.isdisjoint(follower.partitions):
                follower.news.set()


class _Follower:
    def __init__(self, reader: _Reader, log: AlertLog, partitions: Collection[int]) -> None:
        self.partitions = frozenset(partitions)
        self.news = asyncio.Event()
        self._reader = reader
        self._log = log
        self._at: dict[int, int] = {}
        self._own: Following | None = None
        self._reads: frozenset[int] = frozenset()
        self._held = AsyncExitStack()

    async def close(self) -> None:
        self._own = None
        await self._held.aclose()

    async def bounds(self) -> tuple[Places, Places]:
        begins, ends = await self._reader.following.bounds()
        return {number: begins[number] for number in self.partitions}, {number: ends[number] for number in self.partitions}

    async def since(self, moment: int) -> Places:
        found = await self._reader.following.since(moment)
        return {number: found[number] for number in self.partitions}

    async def places(self) -> Places:
        return dict(self._at)

    def seek(self, places: Places) -> None:
        self._at.update(places)

    async def next(self, seconds: float) -> list[Message]:
        self.news.clear()
        if behind := [number for number, offset in self._at.items() if offset < self._reader.since[number]]:
            return await self._by_itself(behind, seconds)
        if self._own is not None:
            await self.close()
        if not (found := self._kept()):
            if self._reader.fault is not None:
                raise self._reader.fault
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.news.wait()
            if not any(offset < self._reader.since[number] for number, offset in self._at.items()):
                found = self._kept()
        return found

    def _kept(self) -> list[Message]:
        found = []
        for number, offset in self._at.items():
            if offset < self._reader.at[number]:
                found += self._reader.after(number, offset)
                self._at[number] = self._reader.at[number]
        return found

    async def _by_itself(self, behind: list[int], seconds: float) -> list[Message]:
        if self._own is None or not self._reads.issuperset(behind):
            await self.close()  # what is kept has moved on past another partition as well
            self._reads = frozenset(behind)
            self._own = await self._held.enter_async_context(self._log.follow(behind))
            self._own.seek({number: self._at[number] for number in behind})
        found = await self._own.next(seconds)
        # Where a transaction ended there is no message, and the place is behind it all the same.
        self._at.update(await self._own.places())
        return found
