"""What this process has in hand or has just published: until the tables know of it, and while two requests say it at once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from weftline.gateway.checking import Checked, Content, Identity, conflicts, refuse_conflicts
from weftline.gateway.problems import Kind, Problem, of_field

#: Identities remembered, some 40 MB: at 100 events/s eight minutes; the tables have an event after a second or two.
KEPT: Final = 50_000
#: Answers remembered by Idempotency-Key.
KEYS: Final = 10_000
LONGEST_KEY: Final = 200

T = TypeVar("T")


class Place(NamedTuple):
    """Where an event lies in the log, with its content and its bytes. ``offset`` -1: it is on its way."""

    content: Content
    value: bytes
    topic: str
    partition: int
    offset: int


class Recent:
    """Identities that were published here, with what they stand for."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._places: OrderedDict[Identity, tuple[Place, ...]] = OrderedDict()

    def of(self, identity: Identity) -> tuple[Place, ...]:
        """What was published under an identity."""
        return self._places.get(identity, ())

    def claim(self, events: Sequence[Checked], batch: bool) -> list[Checked]:
        """Take the identities for these events before anybody else can; :class:`Problem` if another content has one of them.

        Gives those that were not claimed already, for :meth:`release` if they are not sent after all.
        """
        known = {one.identity: [place.content for place in self.of(one.identity)] for one in events}
        refuse_conflicts(conflicts(events, known, batch))
        fresh = [one for one in events if all(place.content != one.content for place in self.of(one.identity))]
        for one in fresh:
            self._put(one.identity, Place(one.content, one.value, "", -1, -1))
        return fresh

    def release(self, events: Sequence[Checked]) -> None:
        """They were not sent."""
        for one in events:
            left = tuple(place for place in self.of(one.identity) if place.content != one.content or place.offset >= 0)
            self._places.pop(one.identity, None)
            if left:
                self._put(one.identity, *left)

    def sent(self, event: Checked, topic: str, partition: int, offset: int) -> None:
        """Kafka has it."""
        others = tuple(place for place in self.of(event.identity) if place.content != event.content)
        self._places.pop(event.identity, None)
        self._put(event.identity, *others, Place(event.content, event.value, topic, partition, offset))

    def named(self, event_id: str) -> list[tuple[Identity, tuple[Place, ...]]]:
        """What Kafka has under an id, whatever its source. Looked for from the newest."""
        found = ((identity, self._places[identity]) for identity in reversed(self._places) if identity.event_id == event_id)
        return [(identity, sent) for identity, places in found if (sent := tuple(one for one in places if one.offset >= 0))]

    def _put(self, identity: Identity, *places: Place) -> None:
        self._places[identity] = (*self.of(identity), *places)
        self._places.move_to_end(identity)
        while len(self._places) > self._kept:
            self._places.popitem(last=False)


class Answers(Generic[T]):
    """Answers by partner and ``Idempotency-Key``, for as long as this process remembers.

    That is enough: a request that is repeated later publishes the same identities with the same contents once more, which changes
    nothing. What a key adds is that a second, *different* request under it is refused, and the same answer given twice.
    """

    def __init__(self, kept: int = KEYS) -> None:
        self._kept = kept
        self._known: OrderedDict[tuple[str, str], tuple[bytes, T | None]] = OrderedDict()

    def begin(self, partner_id: str, key: str, *said: bytes) -> T | None:
        """The answer that was given before; None if there is none, and then :meth:`end` or :meth:`forget` must follow."""
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise of_field("Idempotency-Key", f"must be 1 to {LONGEST_KEY} printable characters")
        digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in said)).digest()
        known = self._known.get((partner_id, key))
        if known is None:
            self._known[partner_id, key] = digest, None
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
            return None
        if known[0] != digest:
            raise of_field("Idempotency-Key", "was used for a request that says something else; take a new key for a new request")
        if known[1] is None:
            raise Problem(Kind.BUSY, "Wait for its answer, or ask again in a second", headers={"Retry-After": "1"})
        return known[1]

    def end(self, partner_id: str, key: str, answer: T) -> None:
        """The answer to what was begun."""
        if (known := self._known.get((partner_id, key))) is not None:
            self._known[partner_id, key] = known[0], answer

    def forget(self, partner_id: str, key: str) -> None:
        """What was begun came to nothing, and may be tried again."""
        self._known.pop((partner_id, key), None)
