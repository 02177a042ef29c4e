"""Alerts as server-sent events: what a partner sees of the log, from a place on, without gap or repeat, with heartbeats.

A stream begins with an id alone, the place where it stands, and so does each heartbeat: whoever was cut off before the first alert goes on
from there too. A place that the log does not keep any more is refused (410) rather than passed over in silence. One revision that Kafka
has twice, as after a crash of a processor, is sent once by a stream; across a resume it is told by (``alert_id``, ``revision``).
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from fastapi.sse import format_sse_event

from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Caller, Partner
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown
from weftline.gateway import positions
from weftline.gateway.log import AlertLog, Following, Message
from weftline.gateway.problems import Kind, Problem, wait, written

#: Proxies cut a connection that is silent for a minute. A heartbeat takes 0.36 ms, and there are all streams' of them (shared_log.py).
HEARTBEAT_SECONDS: Final = 30.0
#: A client comes back after so long.
RETRY_MS: Final = 2_000
#: Streams of one gateway, and of one partner.
MOST: Final = 1_000
MOST_OF_ONE: Final = 5
#: Revisions of so many alerts are remembered, so that none is sent twice.
REMEMBERED: Final = 10_000


class Streams:
    """How many there are."""

    def __init__(self, most: int = MOST, of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._of_one = of_one
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Streams now."""
        return self._open.total()

    def enter(self, partner_id: str) -> None:
        """One more; :class:`Problem` if there is no room for it."""
        if self._open[partner_id] >= self._of_one:
            raise wait(f"This partner has {self._of_one} streams open; end one of them first", 5, Kind.TOO_MANY)
        if self.open >= self._most:
            raise wait("Too many streams are open here", 30)
        self._open[partner_id] += 1

    def leave(self, partner_id: str) -> None:
        """One less."""
        self._open[partner_id] -= 1
        if self._open[partner_id] <= 0:
            del self._open[partner_id]


class Stream:
    """One stream: :meth:`open`, then :meth:`events` until whoever reads goes away."""

    def __init__(
        self,
        caller: Caller,
        following: Following,
        places: dict[int, int],
        held: AsyncExitStack,
        still: Callable[[Caller], Awaitable[Caller | None]],
        heartbeat: float,
        clock: Callable[[], float],
    ) -> None:
        self._caller = caller
        self._following = following
        self._places = places
        self._held = held
        self._still = still
        self._heartbeat = heartbeat
        self._clock = clock
        self._told: OrderedDict[str, int] = OrderedDict()

    @classmethod
    async def open(
        cls,
        caller: Caller,
        log: AlertLog,
        streams: Streams,
        still: Callable[[Caller], Awaitable[Caller | None]],
        *,
        last_id: str | None,
        from_beginning: bool,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> Stream:
        """The stream, standing at its place. All that can be refused is refused here, while there still is a status to say so."""
        count = await log.partitions()
        partitions = positions.partitions_for(caller.partner, count)
        places = None if last_id is None else positions.read(last_id, partitions)
        async with AsyncExitStack() as held:
            streams.enter(caller.partner.partner_id)
            held.callback(streams.leave, caller.partner.partner_id)
            following = await held.enter_async_context(log.follow(partitions))
            begins, ends = await following.bounds()
            if places is None:
                places = dict(begins if from_beginning else ends)
            elif any(not begins[number] <= offset <= ends[number] for number, offset in places.items()):
                raise Problem(
                    Kind.GONE,
                    "The log of alerts does not go back to this Last-Event-ID, so something would be missing: GET /v1/alerts for what "
                    "stands, then begin a new stream",
                )
            following.seek(places)
            return cls(caller, following, places, held.pop_all(), still, heartbeat, clock)

    async def events(self) -> AsyncIterator[bytes]:
        """The bytes of the stream."""
        async with self._held:
            yield format_sse_event(id=positions.written(self._places), retry=RETRY_MS, comment="the place where this stream begins")
            beat = self._clock() + self._heartbeat
            while True:
                try:
                    messages = await self._following.next(max(0.0, beat - self._clock()))
                except DependencyDown:
                    return  # whoever reads comes back with the last id
                for message in messages:
                    if (sent := self._sent(message)) is not None:
                        yield sent
                        beat = self._clock() + self._heartbeat
                if self._clock() >= beat:
                    still = await self._still(self._caller)
                    if still is None or still.partner != self._caller.partner:
                        return
                    self._places.update(await self._following.places())
                    yield format_sse_event(id=positions.written(self._places), comment="heartbeat")
                    beat = self._clock() + self._heartbeat

    def _sent(self, message: Message) -> bytes | None:
        self._places[message.partition] = message.offset + 1
        alert = None if message.alert is None else seen(message.alert, self._caller.partner, self._told)
        if alert is None:
            return None
        for one in alert.each:
            self._told[one.alert_id] = one.revision
            self._told.move_to_end(one.alert_id)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return format_sse_event(data_str=written(to_json(alert)).decode(), event="alert", id=positions.written(self._places))


def seen(alert: Alert, partner: Partner, told: OrderedDict[str, int]) -> Alert | None:
    """As much of a message as a partner may see and was not told already; None if that is nothing."""
    if not partner.sees_alert(alert.factory_id, alert.cooperative_id) and not alert.listed:
        return None
    fresh = tuple(
        one
        for one in alert.each
        if partner.sees_alert(one.factory_id, one.cooperative_id) and one.revision > told.get(one.alert_id, -1)
    )
    if not fresh:
        return None
    return replace(alert, listed=fresh) if alert.listed else alert
