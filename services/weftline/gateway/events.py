"""What became of an event: whether it is in, how it was judged, what it counts for; and the events that can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_PROCESSOR, BY_TYPE, AnyEvent
from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Partner
from weftline.contracts.rules import iso
from weftline.domain.events import Event
from weftline.errors import ContractError
from weftline.gateway.recent import Place, Recent
from weftline.gateway.tables import Tables

_DECLARED: Final = 1 << 63
#: Of each owner and event time the content that stands, and whether it was declared erroneous. Sorted by owner, which nobody has told
#: us here: two columns are read from end to end.
_RECORDS: Final = f"""
SELECT max(rank >= {_DECLARED}),
    hex(if(countIf(rank < {_DECLARED}) = 0, argMax(value, rank), argMaxIf(value, rank, rank < {_DECLARED}))),
    toInt64(toUnixTimestamp64Milli(min(stored_at)))
FROM {{table:Identifier}}
WHERE event_id = {{id:String}} AND (source = {{source:String}} OR {{source:String}} = '')
GROUP BY owner, event_time, source
ORDER BY source, event_time, owner
LIMIT 100"""
_FACT: Final = """
SELECT counts, judgement
FROM {table:Identifier} FINAL
WHERE minute = toStartOfMinute({at:DateTime64(3, 'UTC')}) AND center_id = {center:String} AND owner = {owner:String}
    AND event_time = {at:DateTime64(3, 'UTC')} AND source = {source:String} AND event_id = {id:String}"""
_LETTER: Final = """
SELECT reason, field, detail
FROM dead_letters FINAL
WHERE topic = {topic:String} AND partition = {partition:Int32} AND offset = {offset:Int64}"""


class Known(NamedTuple):
    """An event under an identity. ``stored_at``: when the tables had it (ms), None if they do not yet; ``place``: where we put it."""

    kind: str
    event: AnyEvent
    declared: bool
    stored_at: int | None
    place: Place | None = None


async def find(source: Tables, recent: Recent, codec: Codec, partner: Partner, event_id: str, of: str | None) -> list[Known]:
    """The events with this id that a partner may be told of; ``of``: their source, None for any."""
    found: list[Known] = []
    for kind in BY_PROCESSOR.values():
        for declared, value, stored_at in await source.rows(_RECORDS, {"table": kind.records, "id": event_id, "source": of or ""}):
            event = _decoded(codec, kind.topic, bytes.fromhex(value))
            found.append(Known(kind.name, event, bool(declared), stored_at))
    places = {_at(known.event): known for known in found}
    for identity, sent in recent.named(event_id):
        if of is not None and identity.source != of:
            continue
        topic = BY_TYPE[identity.kind].topic
        for place in sorted(sent, key=lambda one: one.content.declared):
            event = _decoded(codec, topic, place.value)
            before = places.get(_at(event))
            if before is None:
                places[_at(event)] = Known(identity.kind, event, place.content.declared, None, place)
            else:
                # A declaration that the tables do not have yet is the newer truth; its content is that of the event.
                places[_at(event)] = before._replace(declared=before.declared or place.content.declared, place=place)
    return [known for known in places.values() if partner.sees_event(known.event)]


def _at(event: AnyEvent) -> tuple[str, str, str, int]:
    return (type(event).__name__, event.source, event.owner, event.event_time)


def _decoded(codec: Codec, topic: str, value: bytes) -> AnyEvent:
    event = codec.decode(topic, value, stored=True)
    if not isinstance(event, Event):
        raise TypeError(f"{topic} has a {type(event).__name__}")
    return event


async def tell(source: Tables, known: Sequence[Known]) -> list[dict[str, Any]]:
    """What became of each."""
    return [await _tell(source, one) for one in known]


async def _tell(source: Tables, known: Known) -> dict[str, Any]:
    event, kind = known.event, BY_TYPE[known.kind]
    asked = {
        "table": kind.facts,
        "at": event.event_time,
        "center": event.center_id,
        "owner": event.owner,
        "source": event.source,
        "id": event.event_id,
    }
    facts = await source.rows(_FACT, asked) if known.stored_at is not None else []
    letters: list[tuple[Any, ...]] = []
    if known.stored_at is None and (place := known.place) is not None:
        asked = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
        letters = await source.rows(_LETTER, asked)
    judged = facts[0] if facts else None
    state = "judged" if judged else "stored" if known.stored_at is not None else "dead_letter" if letters else "accepted"
    return {
        "id": event.event_id,
        "source": event.source,
        "type": known.kind,
        "owner": event.owner,
        "event_time": iso(event.event_time),
        "state": state,
        "stored_at": None if known.stored_at is None else iso(known.stored_at),
        "counts": bool(judged[0]) if judged else None,
        "judgement": judged[1] if judged else None,
        "retracted": known.declared,
        "dead_letter": dict(zip(("reason", "field", "detail"), letters[0], strict=True)) if letters else None,
        "event": _said(event),
    }


def _said(event: AnyEvent) -> dict[str, Any] | None:
    """The event as it was sent; None for one that today's contract would not let in."""
    try:
        return to_json(replace(event, error_declaration=None))
    except ContractError:
        return None
