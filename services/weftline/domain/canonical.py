"""Canonical order: in which order the rules see an owner's events.

Time decides where it is known. Events whose times do not tell them apart lie in one **moment**: those of one millisecond, and all those of
a day of which at least one has a date only, for that may have happened at any time of its day. Within a moment,

* what is known is kept: earlier times come first, and events of one source at one time stand by that source's own ``sequence``;
* all else is decided by the life cycle: what naturally comes first is smaller (:attr:`weftline.domain.events.Event.life_cycle`).

A sequence says nothing about another source's events. As a comparison of two events, these two sentences could go round in a circle: a
source says A before B, by life cycle B is before C and C before A. So they are made into one key. An event's **stage** is the
greatest life cycle among itself and all that is known to come before it. The order of a moment is that of (stage, end of the time in
which it happened, its beginning, source, sequence, life cycle, event id, rank). Whatever is known to come first has no greater stage
and no later end, so the key keeps it; and a sort by a key is total and transitive, and the same for everybody who knows the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from weftline.domain.events import Event
from weftline.domain.life_cycle import LifeCycle


class Ranked(Protocol):
    """A record: an event and its rank."""

    @property
    def event(self) -> Any: ...

    @property
    def rank(self) -> int: ...


R = TypeVar("R", bound=Ranked)

_by_time = attrgetter("event.event_time")
_by_end = attrgetter("event.until")
_FIRST: LifeCycle = ()


def moments(records: Iterable[R]) -> Iterator[list[R]]:
    """Records by moment, the moments in order of time; within one, by event time."""
    gathering: Gathering[R] = Gathering()
    for record in sorted(records, key=_by_time):
        if ended := gathering.take(record):
            yield ended
    if gathering.moment:
        yield gathering.moment


class Gathering(Generic[R]):
    """The moment of records that come in the order of their event times."""

    def __init__(self) -> None:
        self.moment: list[R] = []
        self._until = 0

    def take(self, record: R) -> list[R]:
        """The moment that is over with this record, if one is."""
        event: Event = record.event
        ended: list[R] = []
        if self.moment and event.event_time >= self._until:
            ended, self.moment = self.moment, []
        self._until = max(self._until, event.until) if self.moment else event.until
        self.moment.append(record)
        return ended


def in_order(moment: Sequence[R]) -> Sequence[R]:
    """The records of one moment in canonical order, however they are given."""
    if len(moment) < 2:
        return moment
    stages = _stages(moment)

    def key(record: R) -> tuple[Any, ...]:
        event: Event = record.event
        return stages[id(record)], event.until, *_own(record)

    return sorted(moment, key=key)


def _own(record: Ranked) -> tuple[Any, ...]:
    """What orders the events of one source at one time, and parts any two records."""
    event: Event = record.event
    sequence = -1 if event.sequence is None else event.sequence
    return event.event_time, event.source, sequence, event.life_cycle, event.event_id, record.rank


def _stages(moment: Sequence[R]) -> dict[int, LifeCycle]:
    """For each record, by ``id``, the greatest life cycle among its own and those known to come before it."""
    stages: dict[int, LifeCycle] = {}
    ended = iter(sorted(moment, key=_by_end))
    next_ended = next(ended, None)
    before = _FIRST  # of all that ended before the event at hand began
    chains: dict[tuple[str, int, int], LifeCycle] = {}
    for record in sorted(moment, key=_own):
        event: Event = record.event
        while next_ended is not None and next_ended.event.until <= event.event_time:
            before = max(before, stages[id(next_ended)])
            next_ended = next(ended, None)
        stage = max(before, event.life_cycle)
        if event.sequence is not None:
            # What is known of one time: by the sequence, in which the sort above hands them over.
            chain = (event.source, event.event_time, event.until)
            stage = chains[chain] = max(stage, chains.get(chain, _FIRST))
        stages[id(record)] = stage
    return stages
