"""Whether a partner may publish what a body says: every fault of every event, before anything is sent. Pure functions.

A body is taken as a whole or not at all: who sends a batch again sends the same one, and that does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.kinds import BY_CLASS, AnyEvent
from weftline.contracts.partners import Partner
from weftline.contracts.rules import iso, shown
from weftline.errors import ContractError
from weftline.gateway.bodies import Body, Said
from weftline.gateway.problems import Fault, Kind, Problem
from weftline.sdk.common import Defaults
from weftline.sdk.reading import event_of, faults_of


class Content(NamedTuple):
    """What an identity stands for: whose event, when (ms), and what it says, as its rank. Equal to a row of the records."""

    owner: str
    event_time: int
    rank: int

    @property
    def declared(self) -> bool:
        """Whether it declares the event erroneous."""
        return self.rank >= 1 << 63


class Identity(NamedTuple):
    """``kind``: name of the kind of event, each of which has tables of its own."""

    kind: str
    source: str
    event_id: str


class Checked(NamedTuple):
    """An event that may be sent, and its bytes. ``place`` in the body."""

    place: int
    event: AnyEvent
    value: bytes

    @property
    def identity(self) -> Identity:
        """Its identity."""
        return identity_of(self.event)

    @property
    def content(self) -> Content:
        """What it says."""
        declared = self.event.error_declaration is not None
        return Content(self.event.owner, self.event.event_time, rank_of(self.value[FRAMING:], declared))


def identity_of(event: AnyEvent) -> Identity:
    """The identity of an event."""
    return Identity(BY_CLASS[type(event)].name, event.source, event.event_id)


def defaults_of(partner: Partner) -> Defaults:
    """What a partner need not say, since it can be one thing only."""
    return Defaults(source=_only(partner.sources), cooperative_id=_only(partner.cooperatives), center_id=_only(partner.centers))


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 and not names[0].endswith("*") else None


def check(body: Body, partner: Partner, codec: Codec) -> list[Checked]:
    """The events of a body, with what the partner need not say. :class:`Problem` with every fault of all of them."""
    defaults = defaults_of(partner)
    sound: list[Checked] = []
    faults: list[Fault] = []
    for place, said in enumerate(body.events):
        told = place if body.batch else None
        found = list(_faults(said, defaults, told))
        if not found:
            event = event_of(said.value, defaults)
            try:
                sound.append(Checked(place, event, codec.encode(event)))
            except ContractError as error:
                found.append(Fault(error.field, error.problem, told))
        faults += found
    if faults:
        first = faults[0]
        detail = f"{len(faults)} fields are at fault; nothing was accepted. The first: {first.field} {first.problem}"
        raise Problem(Kind.CONTRACT, detail, faults)
    return sound


def refuse_foreign(events: Sequence[Checked], partner: Partner, batch: bool) -> None:
    """Raise :class:`Problem` if one of the events speaks for somebody else than the partner."""
    foreign = [
        Fault(refused.field, refused.problem, one.place if batch else None)
        for one in events
        for refused in partner.refusals(one.event)
    ]
    if foreign:
        raise Problem(Kind.NOT_ALLOWED, "Nothing was accepted: this token does not speak for whom the events name", foreign)


def _faults(said: Said, defaults: Defaults, place: int | None) -> list[Fault]:
    of_envelope = [fault._replace(event=place) for fault in said.faults]
    if not said.value and said.faults:  # there is no event to look at
        return of_envelope
    known = {fault.field for fault in said.faults}
    ours = (Fault(said.within + fault.field, fault.problem, place) for fault in faults_of(said.value, defaults))
    # A field that the envelope gave is told of once.
    return of_envelope + [fault for fault in ours if not ({_BY_FIELD.get(fault.field)} & known)]


_BY_FIELD = {"data.source": "source", "data.event_id": "id", "data.event_time": "time", "data.type": "type"}


def conflict(new: Content, known: Sequence[Content]) -> str | None:
    """Why an identity cannot stand for ``new`` beside what it stands for already; None if it can.

    The same again is no conflict, nor is a declaration about the event that is known. A declaration about an event that is not known is
    one that came first, and waits for it.
    """
    sound = [one for one in known if not one.declared]
    if not sound:
        return None
    if new.declared:
        if any((one.owner, one.event_time) == (new.owner, new.event_time) for one in sound):
            return None
        return (
            f"declares another event erroneous than the one that has this identity, which happened at {iso(sound[0].event_time)}; "
            "repeat that event with the declaration, or use POST /v1/events/{id}/retract"
        )
    if new in sound:
        return None
    return (
        "was used for an event with other content. An identity stands for one thing: what was wrong is retracted "
        "(POST /v1/events/{id}/retract), and what replaces it has an event_id of its own"
    )


def conflicts(events: Sequence[Checked], known: Mapping[Identity, Sequence[Content]], batch: bool) -> list[Fault]:
    """The events whose identity stands for something else, be it in the tables or earlier in the same body."""
    seen: dict[Identity, list[Content]] = {identity: list(contents) for identity, contents in known.items()}
    found = []
    for one in events:
        contents = seen.setdefault(one.identity, [])
        why = conflict(one.content, contents)
        if why is not None:
            found.append(Fault("event_id", f"{shown(one.event.event_id)} {why}", one.place if batch else None))
        contents.append(one.content)
    return found


def refuse_conflicts(found: Sequence[Fault]) -> None:
    """Raise :class:`Problem` if there are any."""
    if found:
        raise Problem(Kind.CONFLICT, f"Nothing was accepted: {found[0].field} {found[0].problem}", found)
