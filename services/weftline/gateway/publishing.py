"""From a body to the log: look at every event, take the identities, ask the tables, write, and tell where everything lies.

Nothing is sent before all of it is known to be right, and nothing is acknowledged before Kafka has all of it. Where an answer is lost, or
Kafka dies in between, some may have arrived: the request is sent again as it was, and records being a set, that does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.kinds import BY_TYPE
from weftline.contracts.partners import Caller
from weftline.contracts.publishers import Delivered, signature_in
from weftline.contracts.rules import iso
from weftline.contracts.signing import SigningKey
from weftline.contracts.topics import key_of, topic_of
from weftline.gateway.bodies import Body
from weftline.gateway.checking import Checked, Content, Identity, check, conflicts, refuse_conflicts, refuse_foreign
from weftline.gateway.door import Door
from weftline.gateway.outbox import Outbox, Record
from weftline.gateway.problems import Fault, Kind, Problem
from weftline.gateway.recent import Recent
from weftline.gateway.tables import Tables
from weftline.sdk.advice import Adviser

#: What the records of some owners say of some identities. By owner, which is how they are sorted: some milliseconds, whatever the
#: history. (An identity that another owner's event has is two events, as the promise has it; :mod:`.recent` refuses it all the same
#: while it is remembered.)
_KNOWN = """
SELECT DISTINCT source, event_id, owner, toUnixTimestamp64Milli(event_time) AS at, rank
FROM {table:Identifier}
WHERE owner IN {owners:Array(String)} AND event_id IN {ids:Array(String)} AND source IN {sources:Array(String)}
ORDER BY at, rank"""


class Accepted(NamedTuple):
    """What was accepted, as it is told, and how many events that are."""

    body: dict[str, Any]
    events: int


class Publishing:
    """Publishes for all partners. ``bound``: processors let in by the grants of the reference data, so this is asked before."""

    def __init__(
        self,
        door: Door,
        source: Tables,
        outbox: Outbox,
        codec: Codec,
        *,
        key: SigningKey | None = None,
        bound: bool = False,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.recent = Recent()
        self.codec = codec
        self._door = door
        self._source = source
        self._outbox = outbox
        self._key = key
        self._bound = bound
        self._now = now
        self._adviser = Adviser()

    async def publish(self, caller: Caller, body: Body) -> Accepted:
        """Publish all events of a body, or raise :class:`Problem` or :class:`~weftline.errors.DependencyDown` and publish none."""
        # The request itself was counted when it came in.
        self._door.charge(caller, max(0, len(body.events) - 1))
        # In a thread: a thousand reports take half a second, for which streams and all others would wait.
        events = await asyncio.to_thread(check, body, caller.partner, self.codec)
        return await self.publish_events(caller, events, body.batch)

    async def publish_events(self, caller: Caller, events: Sequence[Checked], batch: bool) -> Accepted:
        """The same of events that are sound. ``batch``: faults name the place of their event."""
        refuse_foreign(events, caller.partner, batch)
        records = [self._record(one) for one in events]
        self._pass_gate(events, records, batch)
        claimed = self.recent.claim(events, batch)
        try:
            refuse_conflicts(conflicts(events, await self._known(events), batch))
            places = await self._outbox.send(records)
        except BaseException:
            # What is sent again has the same content, and so is no conflict with what may have arrived.
            self.recent.release(claimed)
            raise
        told = []
        for one, record, at in zip(events, records, places, strict=True):
            self.recent.sent(one, record.topic, at.partition, at.offset)
            told.append(_told(one, record, at.partition, at.offset))
        return Accepted({"accepted": len(told), "events": told, "warnings": self._warnings(events, batch)}, len(told))

    def _record(self, one: Checked) -> Record:
        topic, key, headers = topic_of(one.event), key_of(one.event), cloudevents_headers(one.event)
        if self._key is not None:
            headers.append(self._key.header(topic, key, one.value))
        return Record(topic, key, one.value, headers)

    def _pass_gate(self, events: Sequence[Checked], records: Sequence[Record], batch: bool) -> None:
        """What processors would refuse is refused now: the gateway's own key must be granted what its partners may say."""
        if not self._bound:
            return
        refused = []
        for one, record in zip(events, records, strict=True):
            delivered = Delivered(record.topic, record.key, record.value, signature_in(record.headers), self._now())
            if (why := self._door.grants.refusal(delivered, one.event)) is not None:
                refused.append(Fault(why.field, why.problem, one.place if batch else None))
        if refused:
            detail = (
                "Nothing was accepted: the reference data do not let this gateway speak for whom the events name; whoever runs it loads "
                "a grant for its key (`weftline reference apply`)"
            )
            raise Problem(Kind.NOT_ALLOWED, detail, refused)

    async def _known(self, events: Sequence[Checked]) -> Mapping[Identity, Sequence[Content]]:
        known: dict[Identity, list[Content]] = defaultdict(list)
        for name in sorted({one.identity.kind for one in events}):
            mine = [one.event for one in events if one.identity.kind == name]
            asked = {
                "table": BY_TYPE[name].records,
                "owners": sorted({event.owner for event in mine}),
                "ids": sorted({event.event_id for event in mine}),
                "sources": sorted({event.source for event in mine}),
            }
            for source, event_id, *content in await self._source.rows(_KNOWN, asked):
                known[Identity(name, source, event_id)].append(Content(*content))
        return known

    def _warnings(self, events: Sequence[Checked], batch: bool) -> list[dict[str, Any]]:
        """What keeps the contract, was accepted, and will come to nothing all the same."""
        now = self._now()
        found = ((one, advice) for one in events for advice in self._adviser.advise(one.event, now))
        return [Fault(advice.field, advice.problem, one.place if batch else None).as_json() for one, advice in found]


def _told(one: Checked, record: Record, partition: int, offset: int) -> dict[str, Any]:
    event = one.event
    return {
        "id": event.event_id,
        "source": event.source,
        "type": one.identity.kind,
        "event_time": iso(event.event_time),
        "href": href(event.source, event.event_id),
        "topic": record.topic,
        "partition": partition,
        "offset": offset,
    }


def href(source: str, event_id: str) -> str:
    """Where is told what became of an event."""
    return f"/v1/events/{quote(event_id, safe='')}?source={quote(source, safe='')}"
