"""A hostile simulation as a list of messages, with what is true of it: :class:`Played`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from tests.support import tables
from tests.support.examples import CODEC
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.kinds import BY_PROCESSOR, kind_of
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.events import AlertReply, ErrorDeclaration, InspectionEvent
from weftline.domain.fold import Record
from weftline.domain.vocabulary import ErrorReason, ReplyKind
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.corrupt import Damager
from weftline.embedded.simulator.simulation import Role, Simulation

DAY = 86_400_000
DISTURBANCES = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.03, conflicts=0.02, corrupt=0.02)
KINDS = {kind.topic: kind.processor for kind in BY_PROCESSOR.values()}
#: So many of the lots are held back and answered for.
ANSWERED = 0.2
_SAID = (
    ReplyKind.BLOCK,
    ReplyKind.ACKNOWLEDGE,
    ReplyKind.ACCEPT,
    ReplyKind.FORWARD,
    ReplyKind.SEND,
    ReplyKind.LIFT,
    ReplyKind.CLOSE,
)


class Message:
    """A record as it is sent; a damaged one has no rank."""

    __slots__ = ("event", "headers", "key", "rank", "topic", "value")

    def __init__(self, event: Any, value: bytes, rank: int | None) -> None:
        self.topic, self.key, self.headers = topic_of(event), key_of(event), cloudevents_headers(event)
        self.event, self.value, self.rank = event, value, rank


class Played:
    """A simulation of ``days`` from ``start`` (ms) with about ``events`` events: all of its messages, each kind's distinct records, and
    the simulator's answers. ``members``: with a small cooperative, whose two years come in any order among the rest."""

    def __init__(self, seed: int, start: int, days: int, events: int, *, members: bool = False) -> None:
        codec = Codec(FileRegistry())

        def rank(event: Any) -> int:
            return rank_of(codec.encode(event)[FRAMING:], event.error_declaration is not None)

        end = start + days * DAY
        config = SimulationConfig(
            seed=seed,
            start=start,
            end=end,
            events_per_day=events / days,
            cooperative=CooperativePlay.small(end) if members else None,
            disturbances=DISTURBANCES,
        )
        simulation = Simulation(config, rank=rank)
        damager = Damager(codec, config.seed)
        self.messages: list[Message] = []
        for emission in simulation:
            event = emission.event
            if emission.role is Role.CORRUPT:
                self.messages.append(Message(event, damager.damage(event)[0], None))
            else:
                self.messages.append(Message(event, codec.encode(event), rank(event)))
        self._answer(Random(f"answers {seed}"))
        if config.cooperative is not None:
            self._scatter(config.cooperative.name, Random(f"scattered {seed}"))
        self.answers = simulation.answers()
        self.truth = self.answers["truth"]
        played = tables.by_kind(
            (KINDS[kind_of(m.event).topic], Record(m.event, m.rank)) for m in self.messages if m.rank is not None
        )
        self.records = {name: played.get(name, []) for name in BY_PROCESSOR}

    def _scatter(self, cooperative_id: str, random: Random) -> None:
        """Put what is of a cooperative in any place."""
        own = [message for message in self.messages if message.event.cooperative_id == cooperative_id]
        self.messages = [message for message in self.messages if message.event.cooperative_id != cooperative_id]
        for message in own:
            self.messages.insert(random.randrange(len(self.messages) + 1), message)

    def _answer(self, random: Random) -> None:
        """Put what factories say of their lots among the messages, in any order, some of it twice and some taken back. The simulated world
        says none of that."""
        sound = (message.event for message in self.messages if message.rank is not None and _is_of_a_lot(message.event))
        # Each once: what is said of a lot that was sent twice would be two contents of one identity.
        for lot in {lot.event_id: lot for lot in sound}.values():
            if random.random() < ANSWERED:
                for reply in _replies(lot, random):
                    value = CODEC.encode(reply)
                    message = Message(reply, value, rank_of(value[FRAMING:], reply.error_declaration is not None))
                    self.messages.insert(random.randrange(len(self.messages)), message)


def _is_of_a_lot(event: Any) -> bool:
    return isinstance(event, InspectionEvent) and event.lot_inspection is not None and event.error_declaration is None


def _replies(lot: InspectionEvent, random: Random) -> Iterator[AlertReply]:
    """What is said of a lot within some hours, each with an identity of its own; a part is missing, so that not all of it leads on."""
    assert lot.lot_inspection is not None
    alert_id = f"answered:{lot.event_id}"
    for number, kind in enumerate(_SAID):
        if random.random() < 0.2:
            continue
        about_lots = kind in (ReplyKind.BLOCK, ReplyKind.LIFT)
        reply = AlertReply(
            source=lot.source,
            event_id=f"{lot.event_id}.{number}",
            event_time=lot.event_time + number * 600_000,
            event_time_zone_offset=lot.event_time_zone_offset,
            cooperative_id=lot.cooperative_id,
            center_id=lot.center_id,
            factory_id=lot.factory_id,
            reply=kind,
            alert_id=alert_id,
            supplier_id="supplier" if kind in (ReplyKind.FORWARD, ReplyKind.SEND) else None,
            lot_ids=(lot.lot_inspection.lot_id,) if about_lots else (),
            problem_id=f"p-{random.randrange(20)}" if about_lots else None,
        )
        yield reply
        if random.random() < 0.1:
            yield reply
        if random.random() < 0.1:
            declared = ErrorDeclaration(reply.event_time + 1, ErrorReason.DID_NOT_OCCUR, ())
            yield replace(reply, error_declaration=declared)
