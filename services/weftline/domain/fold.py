"""The fold: an owner's records in, judged facts, state and standing alerts out.

Pure and total. What any worker knows of an owner is a snapshot of one growing set of records; whatever the order in which the set
grew, the same set gives the same result:

* **Rank** decides between contents: of several under one identity at one event time the greatest rank stands; of one identity at
  several event times the earliest that is not declared erroneous. All others are judged ``superseded`` and count zero.
* **Canonical order**: event time, the source's own sequence, life-cycle rank, source, event id. Rules see standing events only.
* **Address**: a fact lies at (owner, event time, center, source, event id), a function of the event alone. It never moves.
* **Version**: ``rev`` of a fact is the sum of the ranks of all the owner's records not later than it; the version of a state row
  is the sum over all. Who knows less never overwrites who knows more.
* A rule that raises leaves the state unchanged: the event is judged ``not_judged`` and reported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from weftline.domain.alerts import StandingAlert
from weftline.domain.events import Event

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

#: Edition of the rules below ``domain``; raise it with any change that judges the same records differently. It stands in the
#: topmost bits of every version, so that what a new edition writes replaces what the old one wrote.
EDITION = 1

#: What the kernel itself can say of an event; the rules of each kind add their own marks.
SUPERSEDED = "superseded"
DECLARED_ERRONEOUS = "declared_erroneous"
NOT_JUDGED = "not_judged"

Position = tuple[int, int, int, str, str, int]
Subject = tuple[str, ...]


class Record(Generic[E]):
    """What was sent: an event and its rank. Its identity is (``source``, ``event_id``)."""

    __slots__ = ("event", "identity", "position", "rank")

    def __init__(self, event: E, rank: int) -> None:
        self.event = event
        self.rank = rank
        self.identity = (event.source, event.event_id)
        # The rank at the end makes the order total among several contents of one identity.
        self.position: Position = (
            event.event_time,
            -1 if event.sequence is None else event.sequence,
            event.life_cycle,
            event.source,
            event.event_id,
            rank,
        )

    def __repr__(self) -> str:
        return f"Record({self.event!r}, rank={self.rank})"


class Fact(NamedTuple):
    """A judged fact: its address, whether it counts, its judgement, and the amounts of its kind in the order of their columns."""

    event_time: int
    center_id: str
    source: str
    event_id: str
    counts: int
    judgement: str
    amounts: tuple[Any, ...]


class StateRow(NamedTuple):
    """State of one subject of an owner, with the alerts that stand.

    ``table`` and ``key`` (below the owner) name the row, ``values`` are its columns. ``next_deadline`` (ms) is when the next alert
    begins to stand by itself; ``passed`` counts the deadlines that passed already and is part of the row's version.
    """

    table: str
    key: Subject
    values: tuple[Any, ...]
    alerts: tuple[StandingAlert, ...] = ()
    next_deadline: int | None = None
    passed: int = 0


class Rules(Protocol[E_contra]):
    """The rules of one kind of event, with the running state of one owner, which can return to an earlier moment."""

    def mark(self) -> Any:
        """The present state, to be returned to."""

    def rewind(self, mark: Any) -> None:
        """Return to the state of which this is the mark; marks made since are void."""

    def apply(self, event: E_contra, rank: int) -> tuple[int, str, tuple[Any, ...]]:
        """Judge the next standing event: counts, judgement, amounts. If it raises, what it changed is taken back."""

    def void(self, event: E_contra) -> tuple[Any, ...]:
        """The amounts of an event that counts zero: only what follows from the event alone."""

    def note(self, event: E_contra) -> None:
        """Told of every record, standing or not, before it is judged: what subjects are there."""

    def subjects(self, event: E_contra) -> Iterable[Subject]:
        """(table, key…) of every state row that a record with this content could affect."""

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of a subject, also when no event of it stands."""


class Failure(NamedTuple):
    """An event on which a rule raised."""

    event: Event
    error: Exception


@dataclass(slots=True)
class Outcome:
    """What a change of an owner's records means for the tables.

    ``facts`` pairs each fact with its ``rev``; ``version`` is Σ of all ranks, ``count`` the number of distinct records.
    """

    owner: str
    facts: list[tuple[Fact, int]] = field(default_factory=list)
    rows: list[StateRow] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    version: int = 0
    count: int = 0


class History(Generic[E]):
    """All known records of one owner in canonical order, and the rules' state after them.

    A record that comes late is judged from its own event time on: the rules return to the moment before, and what is later is judged
    again. That costs what lies behind it, not the owner's whole past (44 µs for each such record of a factory; judging one for the first
    time takes 195).
    """

    __slots__ = ("_groups", "_marks", "_rules", "count", "owner", "records", "version")

    def __init__(self, owner: str, start: Callable[[], Rules[E]]) -> None:
        self.owner = owner
        self._rules = start()
        self.records: list[Record[E]] = []
        self._marks: list[Any] = []  # for each record, the rules' state before its moment
        # identity -> event time -> contents: decides what stands
        self._groups: dict[tuple[str, str], dict[int, list[Record[E]]]] = {}
        self.version = 0
        self.count = 0

    def knows(self, record: Record[E]) -> bool:
        """Whether this very record is known."""
        times = self._groups.get(record.identity)
        return times is not None and any(record.rank == other.rank for other in times.get(record.event.event_time, ()))

    def add(self, batch: Sequence[Record[E]], as_of: int, stored: Sequence[Record[E]] = ()) -> Outcome:
        """Take a batch in, repeats included, and say what to store: facts from the batch's earliest event time on.

        Repeats matter: after a crash nothing seems to differ, and yet facts and windows may not have been stored. ``stored`` are
        records that the warehouse holds and this memory may not know; they are taken in first.
        """
        fresh: list[Record[E]] = []
        for record in (*stored, *batch):
            if not self.knows(record):
                self._take(record)
                fresh.append(record)
        since = min(record.event.event_time for record in batch)
        again = self._return_to(min(since, *(record.event.event_time for record in fresh)) if fresh else since)
        outcome = Outcome(self.owner, version=self.version, count=self.count)
        self._judge(sorted([*again, *fresh], key=_position), since, outcome)
        # A content that no longer stands, because of one of the batch, may have been about something else.
        identities = dict.fromkeys(record.identity for record in batch)
        contents = (record for identity in identities for same in self._groups[identity].values() for record in same)
        outcome.rows = self._rows(contents, as_of)
        return outcome

    def rows(self, as_of: int) -> Outcome:
        """Every state row of the owner as of a later moment, for the sweep and the audit."""
        outcome = Outcome(self.owner, version=self.version, count=self.count)
        outcome.rows = self._rows(self.records, as_of)
        return outcome

    def _rows(self, records: Iterable[Record[E]], as_of: int) -> list[StateRow]:
        subjects = {subject: None for record in records for subject in self._rules.subjects(record.event)}
        return [self._rules.row(subject, as_of) for subject in subjects]

    def _take(self, record: Record[E]) -> None:
        self._groups.setdefault(record.identity, {}).setdefault(record.event.event_time, []).append(record)
        self.version += record.rank
        self.count += 1

    def _standing(self, record: Record[E]) -> str | None:
        """None if the record stands, else the judgement. Looks at nothing later than the record's own event time."""
        times = self._groups[record.identity]
        own = record.event.event_time
        if any(other.rank > record.rank for other in times[own]):
            return SUPERSEDED
        if record.event.error_declaration is not None:
            return DECLARED_ERRONEOUS
        for time, contents in times.items():
            # A declaration has a greater rank than any content, so one among them means that nothing stands at that time.
            if time < own and not any(other.event.error_declaration for other in contents):
                return SUPERSEDED
        return None

    def _return_to(self, time: int) -> list[Record[E]]:
        """Take back what was judged from ``time`` on; the records of it."""
        index = bisect_left(self.records, time, key=_event_time)
        again = self.records[index:]
        if again:
            self._rules.rewind(self._marks[index])
            del self.records[index:], self._marks[index:]
        return again

    def _judge(self, records: Sequence[Record[E]], since: int, outcome: Outcome) -> None:
        """Judge records in canonical order, none of them earlier than what was judged; facts before ``since`` are not reported."""
        rules = self._rules
        rank_sum = self.version - sum(record.rank for record in records)
        for time, same in groupby(records, key=_event_time):
            moment = list(same)
            self.records.extend(moment)
            self._marks.extend([rules.mark()] * len(moment))
            rank_sum += sum(record.rank for record in moment)
            facts: dict[tuple[str, str, str], tuple[int, Fact]] = {}
            for record in moment:
                rules.note(record.event)
            for record in moment:
                fact = self._judge_one(record, outcome if time >= since else None)
                address = (fact.center_id, fact.source, fact.event_id)
                # Several contents may share an address: the one that stands has the greatest rank of them.
                if address not in facts or facts[address][0] < record.rank:
                    facts[address] = (record.rank, fact)
            if time >= since:
                outcome.facts.extend((fact, rank_sum) for _, fact in facts.values())

    def _judge_one(self, record: Record[E], outcome: Outcome | None) -> Fact:
        event = record.event
        judgement = self._standing(record)
        if judgement is None:
            before = self._rules.mark()
            try:
                counts, judgement, amounts = self._rules.apply(event, record.rank)
            except Exception as error:  # one event on which a rule raises must not stop its owner for ever
                self._rules.rewind(before)
                counts, judgement, amounts = 0, NOT_JUDGED, self._rules.void(event)
                if outcome is not None:
                    outcome.failures.append(Failure(event, error))
        else:
            counts, amounts = 0, self._rules.void(event)
        return Fact(event.event_time, event.center_id, event.source, event.event_id, counts, judgement, amounts)


def _position(record: Record[Any]) -> Position:
    return record.position


def _event_time(record: Record[Any]) -> int:
    return record.position[0]
