"""The fold: an owner's records in, judged facts, state and standing alerts out.

Pure and total. What any worker knows of an owner is a snapshot of one growing set of records; whatever the order in which the set
grew, the same set gives the same result:

* **Rank** decides between contents: of several under one identity at one event time the greatest rank stands; of one identity at
  several event times the earliest that is not declared erroneous. All others are judged ``superseded`` and count zero.
* **Canonical order** (:mod:`.canonical`): event time; within a moment a source's own sequence, then the life cycle. Rules see standing
  events only, and only these have a place in the order.
* **Address**: a fact lies at (owner, event time, center, source, event id), a function of the event alone. It never moves.
* **Version**: ``rev`` of a fact is the sum of the ranks of all the owner's records up to the end of its moment; the version of a state
  row is the sum over all. Who knows less never overwrites who knows more: with more records a moment only grows.
* A rule that raises leaves the state unchanged: the event is judged ``not_judged`` and reported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from weftline.domain.alerts import StandingAlert
from weftline.domain.canonical import in_order, moments
from weftline.domain.events import Event

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

#: Edition of the rules below ``domain``; raise it with any change that judges the same records differently. It stands in the
#: topmost bits of every version, so that what a new edition writes replaces what the old one wrote.
EDITION = 4

#: What the kernel itself can say of an event; the rules of each kind add their own marks.
SUPERSEDED = "superseded"
DECLARED_ERRONEOUS = "declared_erroneous"
NOT_JUDGED = "not_judged"

Key = tuple[int, str, str, int]
Subject = tuple[str, ...]


class Record(Generic[E]):
    """What was sent: an event and its rank. Its identity is (``source``, ``event_id``); ``key`` parts it from every other of its owner."""

    __slots__ = ("event", "identity", "key", "rank")

    def __init__(self, event: E, rank: int) -> None:
        self.event = event
        self.rank = rank
        self.identity = (event.source, event.event_id)
        self.key: Key = (event.event_time, event.source, event.event_id, rank)

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

    def forget(self) -> None:
        """All marks are void: nobody will return to them."""

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
    """All known records of one owner by event time, and the rules' state after them.

    A record that comes late is judged from its own moment on: the rules return to the moment before, and what is later is judged
    again. That costs what lies behind it, not the owner's whole past (44 µs for each such record of a factory; judging one for the first
    time takes 195).
    """

    __slots__ = ("_groups", "_moments", "_rules", "count", "owner", "records", "version")

    def __init__(self, owner: str, start: Callable[[], Rules[E]]) -> None:
        self.owner = owner
        self._rules = start()
        self.records: list[Record[E]] = []
        self._moments: list[_Moment] = []  # for each record, its moment
        # identity -> event time -> contents: decides what stands
        self._groups: dict[tuple[str, str], dict[int, list[Record[E]]]] = {}
        self.version = 0
        self.count = 0

    def knows(self, record: Record[E]) -> bool:
        """Whether this very record is known."""
        times = self._groups.get(record.identity)
        return times is not None and any(record.rank == other.rank for other in times.get(record.event.event_time, ()))

    def add(self, batch: Sequence[Record[E]], as_of: int, stored: Sequence[Record[E]] = ()) -> Outcome:
        """Take a batch in, repeats included, and say what to store: facts from the moment of the batch's earliest event on.

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
        self._judge([*again, *fresh], since, outcome)
        # A content that no longer stands, because of one of the batch, may have been about something else.
        identities = dict.fromkeys(record.identity for record in batch)
        contents = [record for identity in identities for same in self._groups[identity].values() for record in same]
        outcome.rows = self._rows(self._beside(contents), as_of)
        return outcome

    def rows(self, as_of: int) -> Outcome:
        """Every state row of the owner as of a later moment, for the sweep and the audit."""
        outcome = Outcome(self.owner, version=self.version, count=self.count)
        outcome.rows = self._rows(self.records, as_of)
        return outcome

    def _beside(self, some: Iterable[Record[E]]) -> Iterator[Record[E]]:
        """The records of all moments in which some lie: which of a moment's events comes first depends on each of them, whatever they
        are about."""
        for time in {record.event.event_time for record in some}:
            index = bisect_left(self.records, time, key=_event_time)
            moment = self._moments[index]
            for at in range(moment.first, len(self.records)):
                if self._moments[at] is not moment:
                    break
                yield self.records[at]

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
        """Take back what was judged from the moment of ``time`` on; the records of it."""
        index = bisect_left(self.records, time, key=_event_time)
        if index and (reaching := self._moments[index - 1]).until > time:
            index = reaching.first
        again = self.records[index:]
        if again:
            self._rules.rewind(self._moments[index].mark)
            del self.records[index:], self._moments[index:]
        return again

    def _judge(self, records: Sequence[Record[E]], since: int, outcome: Outcome) -> None:
        """Judge records, none of them within or before a moment that was judged; facts of moments before ``since`` are not reported."""
        rules = self._rules
        rank_sum = self.version - sum(record.rank for record in records)
        for moment in moments(records):
            until = max(record.event.until for record in moment)
            place = _Moment(len(self.records), until, rules.mark())
            self.records.extend(moment)
            self._moments.extend([place] * len(moment))
            rank_sum += sum(record.rank for record in moment)
            for record in sorted(moment, key=_key):
                rules.note(record.event)
            told = outcome if until > since else None
            facts = self._judge_moment(moment, told)
            if told is not None:
                told.facts.extend((fact, rank_sum) for fact in facts)

    def _judge_moment(self, moment: Sequence[Record[E]], outcome: Outcome | None) -> Iterable[Fact]:
        """The fact at each address of a moment."""
        standing: list[Record[E]] = []
        facts: dict[tuple[int, str, str, str], tuple[int, Fact]] = {}
        for record in moment:
            judgement = self._standing(record)
            if judgement is None:
                standing.append(record)
            else:
                keep(facts, record.rank, fact_of(record.event, 0, judgement, self._rules.void(record.event)))
        for record in in_order(standing):
            fact, failure = judge_one(self._rules, record)
            keep(facts, record.rank, fact)
            if failure is not None and outcome is not None:
                outcome.failures.append(failure)
        return [fact for _, fact in facts.values()]


class _Moment(NamedTuple):
    """A moment that was judged: the index of its first record, the time at which it ends, and the rules' state before it."""

    first: int
    until: int
    mark: Any


def judge_one(rules: Rules[E], record: Record[E]) -> tuple[Fact, Failure | None]:
    """Let the rules judge a standing event; the failure if they raise."""
    event = record.event
    before = rules.mark()
    try:
        return fact_of(event, *rules.apply(event, record.rank)), None
    except MemoryError:  # the machine's fault, not the event's: a judgement must not depend on it
        raise
    except Exception as error:  # one event on which a rule raises must not stop its owner for ever
        rules.rewind(before)
        return fact_of(event, 0, NOT_JUDGED, rules.void(event)), Failure(event, error)


def fact_of(event: Event, counts: int, judgement: str, amounts: tuple[Any, ...]) -> Fact:
    """A fact at its event's address."""
    return Fact(event.event_time, event.center_id, event.source, event.event_id, counts, judgement, amounts)


def keep(facts: dict[tuple[int, str, str, str], tuple[int, Fact]], rank: int, fact: Fact) -> None:
    """Several contents may share an address: the one that stands has the greatest rank of them."""
    address = (fact.event_time, fact.center_id, fact.source, fact.event_id)
    if address not in facts or facts[address][0] < rank:
        facts[address] = (rank, fact)


def _key(record: Record[Any]) -> Key:
    return record.key


def _event_time(record: Record[Any]) -> int:
    return record.key[0]
