"""A hostile simulation as a list of messages, with what is true of it: :class:`Played`."""

from __future__ import annotations

from typing import Any

from tests.support import tables
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.kinds import kind_of
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.fold import Record
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.corrupt import Damager
from weftline.embedded.simulator.simulation import Role, Simulation

DAY = 86_400_000
DISTURBANCES = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.03, conflicts=0.02, corrupt=0.02)
KINDS = {"sample.orders.v1": "orders", "inspection.results.v1": "inspections", "logistics.events.v1": "logistics"}


class Message:
    """A record as it is sent; a damaged one has no rank."""

    __slots__ = ("event", "headers", "key", "rank", "topic", "value")

    def __init__(self, event: Any, value: bytes, rank: int | None) -> None:
        self.topic, self.key, self.headers = topic_of(event), key_of(event), cloudevents_headers(event)
        self.event, self.value, self.rank = event, value, rank


class Played:
    """A simulation of ``days`` from ``start`` (ms) with about ``events`` events: all of its messages, each kind's distinct records, and
    the simulator's answers."""

    def __init__(self, seed: int, start: int, days: int, events: int) -> None:
        codec = Codec(FileRegistry())

        def rank(event: Any) -> int:
            return rank_of(codec.encode(event)[FRAMING:], event.error_declaration is not None)

        config = SimulationConfig(
            seed=seed, start=start, end=start + days * DAY, events_per_day=events / days, disturbances=DISTURBANCES
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
        self.answers = simulation.answers()
        self.truth = self.answers["truth"]
        self.records = tables.by_kind(
            (KINDS[kind_of(m.event).topic], Record(m.event, m.rank)) for m in self.messages if m.rank is not None
        )
