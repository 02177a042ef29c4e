"""Who may speak for whom: grants of reference data, and the gate at which a record is let in or refused.

**Where it is decided, and why the promise holds.** At the gate, before a record is stored, and by nothing but the record as it lies in
the log (topic, key, value, signature, the broker's time) and the grants; never by when, where or how often it is read. What is
refused is a dead letter, ``not_allowed``, and counts nothing. So the tables are what they were before, a fold of a set of records:
those of the log that the grants allow. Which records these are depends on no order, hence the tables do not either.

**Grants change.** A grant that is loaded late makes the set larger: the letters that it would have let in are open, and
``weftline dlq replay --reason not_allowed`` brings them in with the signature that they came with; the tables are then as if the grant
had always been there. A key that is revoked makes the set smaller, and what is stored is never removed: ``weftline audit`` names what is
stored and no longer allowed, and whoever has the right to speak for its source declares it erroneous.

**Two times.** A grant holds for events that *happened* from ``valid_from`` to before ``valid_until`` (UTC days, by event time): a center
that left may still report what happened while it was there. A key is revoked for all that the *broker took* from ``revoked_from`` on:
a thief writes any event time he likes, but not the broker's. To withdraw all that a key ever signed, revoke it from before its
first use. In a rotation the new key is granted the same, with the same ``valid_from``, beside the old one; the old one is revoked from
the day on which nobody signs with it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from weftline.contracts.rules import iso
from weftline.contracts.signing import HEADER, parse, vouches, written
from weftline.domain.events import Event, InspectionEvent
from weftline.errors import NotAllowed

#: In place of a public key: whoever speaks for these sources need not sign. For a time of transition; anybody can then forge them.
UNSIGNED: Final = "unsigned"

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one key may say. ``public_key`` as :func:`~weftline.contracts.signing.written`, or :data:`UNSIGNED`.

    A name that ends in * stands for all that begin so. ``valid_from`` to before ``valid_until``: UTC days, by event time;
    ``revoked_from``: ms since the epoch, by the broker's time; None: no end. ``source``: who said so.
    """

    publisher_id: str
    public_key: str
    valid_from: date
    valid_until: date | None = None
    revoked_from: int | None = None
    sources: tuple[str, ...]
    centers: tuple[str, ...]
    cooperatives: tuple[str, ...]
    laboratories: tuple[str, ...] = ()
    source: str


class Delivered(NamedTuple):
    """A record as far as the gate looks at it. ``timestamp``: the broker's (ms)."""

    topic: str
    key: bytes | None
    value: bytes
    signature: bytes | None
    timestamp: int


def signature_in(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """The header with the signature, as it came; of several the last counts, as in Kafka."""
    found = None
    for name, value in headers:
        if name == HEADER:
            found = value
    return found


class Grants:
    """All grants. :meth:`refusal` is the gate: a pure function of them and of a record."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self.all = frozenset(grants)
        self._by_key: dict[str, tuple[Grant, ...]] = {}
        for grant in sorted(self.all, key=repr):
            self._by_key[grant.public_key] = (*self._by_key.get(grant.public_key, ()), grant)

    def refusal(self, record: Delivered, event: Event) -> NotAllowed | None:
        """Why ``event``, which ``record`` carries, is not allowed; None if it is. A declaration needs the right to its event."""
        by = None
        if record.signature is not None and (by := parse(record.signature)) is None:
            return NotAllowed(
                "signature", f"the header {HEADER} holds no public key and signature; sign with `weftline publish --key`"
            )
        spoken = UNSIGNED if by is None else written(by.public_key)
        grants = self._by_key.get(spoken, ())
        if not grants:
            return _unknown(spoken)
        if by is not None and not vouches(by, record.topic, record.key, record.value):
            return NotAllowed(
                "signature", f"is not of this topic, key and value by key {spoken}; the record was changed, or made up"
            )
        return _right(spoken, grants, record.timestamp, event)


def _unknown(spoken: str) -> NotAllowed:
    if spoken == UNSIGNED:
        return NotAllowed("signature", "is missing, and nobody may speak without one; sign with `weftline publish --key FILE`")
    return NotAllowed(
        "signature", f"by key {spoken}, which no publisher of the reference data has; `weftline reference apply` takes it"
    )


def _right(spoken: str, grants: tuple[Grant, ...], taken: int, event: Event) -> NotAllowed | None:
    left = [grant for grant in grants if grant.revoked_from is None or taken < grant.revoked_from]
    if not left:
        since = max(grant.revoked_from or 0 for grant in grants)
        return NotAllowed("signature", f"key {spoken} was revoked for all that Kafka took from {iso(since)} on, this {iso(taken)}")
    day = date.fromordinal(_EPOCH + event.event_time // _DAY_MS)
    left = [grant for grant in left if grant.valid_from <= day and (grant.valid_until is None or day < grant.valid_until)]
    who = f"{grants[0].publisher_id} ({'without a signature' if spoken == UNSIGNED else f'key {spoken}'})"
    if not left:
        return NotAllowed("event_time", f"{iso(event.event_time)} is outside the days for which {who} may speak")
    for field, said, names in claims(event):
        left = [grant for grant in left if covers(getattr(grant, names), said)]
        if not left:
            return NotAllowed(field, f"{who} may not speak for {said!r} of {iso(event.event_time)}")
    return None


def claims(event: Event) -> Iterator[tuple[str, str, str]]:
    """What an event says whom it speaks for: field, value, and where a grant or a partner names it."""
    yield "source", event.source, "sources"
    yield "cooperative_id", event.cooperative_id, "cooperatives"
    yield "center_id", event.center_id, "centers"
    if isinstance(event, InspectionEvent):
        for part in ("laboratory_report", "report_status"):
            if (said := getattr(event, part)) is not None:
                yield f"{part}.laboratory_id", said.laboratory_id, "laboratories"


def covers(names: tuple[str, ...], said: str) -> bool:
    """Whether one of the names, which may end in *, is what is said."""
    return any(said.startswith(name[:-1]) if name.endswith("*") else said == name for name in names)
