"""What is odd about an event that keeps its contract, in words; who finds it out stands in :mod:`weftline.sdk.advice` (without any server)
and in :mod:`weftline.warehouse.advice` (by the tables).
"""

from __future__ import annotations

from typing import NamedTuple

from weftline.contracts.rules import iso, shown
from weftline.domain.events import Event


class Advice(NamedTuple):
    """What is odd about an event: the field, and what about it."""

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


def said_before(event: Event, where: str) -> Advice:
    """An identity that stands for something else."""
    return Advice(
        "event_id",
        f"{shown(event.event_id)} was {where} before with other content. An identity stands for one thing: what was wrong is "
        "declared erroneous (`weftline retract`), and what replaces it has an event_id of its own",
    )


def declared_before(event: Event) -> Advice:
    """An identity that was given up."""
    return Advice(
        "event_id", f"{shown(event.event_id)} was declared erroneous, so this counts nothing; give it an event_id of its own"
    )


def points_elsewhere(event: Event, owner: str, event_time: int) -> Advice:
    """A declaration beside its event."""
    if owner != event.owner:
        what = f"the event {shown(event.event_id)} is about {shown(owner)} and not about {shown(event.owner)}"
    else:
        what = f"the event {shown(event.event_id)} happened at {iso(event_time)} and not at {iso(event.event_time)}"
    return Advice("error_declaration", f"{what}; nothing is corrected. `weftline retract` makes the right declaration")
