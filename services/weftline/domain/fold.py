"""The fold: an owner's records in, judged facts, state and standing alerts out.

Pure and total. What any worker knows of an owner is a snapshot of one growing set of records; whatever the order in which the set
grew, the same set gives the same result:

* **Rank** decides between contents: of several under one identity at one event time the greatest rank stands; of one identity at
  several event times the earliest that is not declared erroneous. All others are judged ``superseded`` and count zero.
* **Strands**: an owner's events are judged strand by strand (:attr:`weftline.domain.events.Event.strand`). What rests on several
  strands must not depend on the order between them.
* **Canonical order** (:mod:`.canonical`) within a strand: event time; within a moment a source's own sequence, then the life cycle. Rules
  see standing events only, and only these have a place in the order.
* **Address**: a fact lies at (owner, event time, center, source, event id), a function of the event alone. It never moves.
* **Version**: of whatever is said of an owner, the sum of the ranks of all records of the owner that are known. Who knows less never
  overwrites who knows more. What nothing affects is not said again, and keeps the version that it had.
* A rule that raises leaves the state unchanged: the event is judged ``not_judged`` and reported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

from weftline.domain.alerts import StandingAlert
from weftline.domain.canonical import in_order, moments
from weftline.domain.events import Event

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)

#: Edition of the rules below ``domain``; raise it with any change that judges the same records differently. It stands in the
#: topmost bits of every version, so that what a new edition writes replaces what the old one wrote.
EDITION = 6

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
    """The rules of one kind of event for one owner: those of its strands, and what these share."""

    def strand(self, name: str) -> StrandRules[E_contra]:
        """The rules of a strand, made when they are asked for first; to be called once for each."""


class StrandRules(Protocol[E_contra]):
    """The rules of one strand, with its running state, which can return to an earlier moment."""

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

    def note(self, event: E_contra, rank: int) -> None:
        """Told of every record, standing or not, before it is judged: what subjects are there."""

    def subjects(self, event: E_contra) -> Iterable[Subject]:
        """(table, key…) of every state row that a record with this content could affect."""

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of a subject, also when no event of it stands."""


class Known(NamedTuple):
    """How much is known of an owner: the number of its records, each counted once, and the sum of their ranks."""

    records: int
    version: int


NOTHING = Known(0, 0)


class Drawn(NamedTuple):
    """What another kind's state says of an owner: of how much it is, and the rows that the rules are given."""

    known: Known = NOTHING
    rows: tuple[Any, ...] = ()


class Drawing(Protocol):
    """Rules whose state rows rest on what another kind's state says as well; its facts do not."""

    def draw(self, rows: tuple[Any, ...]) -> None:
        """What it says now, in place of what it said before."""


class Failure(NamedTuple):
    """An event on which a rule raised."""

    event: Event
    error: Exception


@dataclass(slots=True)
class Outcome:
    """What a change of an owner's records means for the tables.

    ``version`` is Σ of the ranks of all of the owner's records, ``count`` their number, each counted once. ``across``: rows that are
    affected as well, and rest on strands that were not there; ``whole``: all strands were. ``drawn``: how much is known of what another
    kind's state says.
    """

    owner: str
    facts: list[Fact] = field(default_factory=list)
    rows: list[StateRow] = field(default_factory=list)
    across: list[Subject] = field(default_factory=list)
    whole: bool = True
    failures: list[Failure] = field(default_factory=list)
    version: int = 0
    count: int = 0
    drawn: Known = NOTHING

    @property
    def known(self) -> Known:
        """Of how much the state rows are: of the records, and of what was drawn."""
        return Known(self.count + self.drawn.records, self.version + self.drawn.version)


class History(Generic[E]):
    """Known records of one owner by strand and event time, and the rules' state after them: of all of its strands, or of some.

    A record that comes late is judged from its own moment on: the rules of its strand return to the moment before, and what is later
    in the strand is judged again. That costs what lies behind it there, and nothing of the owner's other strands.
    """

    __slots__ = ("_across", "_groups", "_ranks", "_rules", "_strands", "count", "drawn", "held", "loaded", "owner", "version")

    def __init__(self, owner: str, start: Callable[[], Rules[E]], across: frozenset[str] = frozenset()) -> None:
        """``across``: tables whose rows rest on all strands, and are said here as long as all are here; the others' follow from one."""
        self.owner = owner
        self._rules = start()
        self._across = across
        self._strands: dict[str, _Strand[E]] = {}
        # identity -> event time -> contents: decides what stands
        self._groups: dict[tuple[str, str], dict[int, list[Record[E]]]] = {}
        self.loaded: set[str] = set()  # strands of which all records are here
        self.held = 0  # records that are here
        self._ranks = 0  # the sum of their ranks
        self.count = 0
        self.version = 0
        self.drawn = NOTHING

    def draw(self, drawn: Drawn) -> None:
        """What another kind's state says of the owner now; only for rules that are :class:`Drawing`."""
        cast(Drawing, self._rules).draw(drawn.rows)
        self.drawn = drawn.known

    @property
    def records(self) -> Iterator[Record[E]]:
        """The records that are here, each once."""
        return (record for strand in self._strands.values() for record in strand.records)

    def knows(self, record: Record[E]) -> bool:
        """Whether this very record is here."""
        times = self._groups.get(record.identity)
        return times is not None and any(record.rank == other.rank for other in times.get(record.event.event_time, ()))

    def becomes(self, known: Known, batch: Iterable[Record[E]]) -> bool:
        """Whether this much is known of the owner once the batch is taken in: then nobody else has stored anything of it meanwhile."""
        fresh = {record.key: record.rank for record in batch if not self.knows(record)}
        return known == Known(self.count + len(fresh), self.version + sum(fresh.values()))

    def would_hold(self, strands: Collection[str], batch: Iterable[Record[E]]) -> int:
        """How many records of these strands would be here after a batch."""
        fresh = {record.key for record in batch if record.event.strand in strands and not self.knows(record)}
        return len(fresh) + sum(len(self._strands[name].records) for name in strands if name in self._strands)

    def strands_of(self, batch: Iterable[Record[E]], stored: Iterable[Record[E]] = ()) -> set[str]:
        """The strands that a batch could affect: those of all contents of its identities, here or among ``stored``."""
        found = {record.event.strand for record in batch}
        identities = {record.identity for record in batch}
        found |= {record.event.strand for record in stored if record.identity in identities}
        return found | {content.event.strand for identity in identities for content in self._contents(identity)}

    def add(self, batch: Sequence[Record[E]], as_of: int, stored: Sequence[Record[E]] = (), known: Known | None = None) -> Outcome:
        """Take a batch in, repeats included, and say what to store: of every strand that one of its records could affect, the facts from
        that record's moment on.

        Repeats matter: after a crash nothing seems to differ, and yet facts and windows may not have been stored. ``stored`` are
        records that the warehouse holds and this memory may not know; they are taken in first. ``known``: how much is known of the
        owner; without it, all of its records are here.
        """
        fresh: dict[str, list[Record[E]]] = {}
        new: list[Record[E]] = []
        for record in (*stored, *batch):
            if not self.knows(record):
                self._groups.setdefault(record.identity, {}).setdefault(record.event.event_time, []).append(record)
                fresh.setdefault(record.event.strand, []).append(record)
                new.append(record)
        ranks = sum(record.rank for record in new)
        self.held += len(new)
        self._ranks += ranks
        if known is None:
            known = Known(self.count + len(new), self.version + ranks)
        self.count, self.version = known
        outcome = Outcome(self.owner, version=self.version, count=self.count, drawn=self.drawn)
        said = self._affected(batch)
        for name, begin in self._affected((*new, *batch)).items():
            strand = self._strands.get(name)
            if strand is None:
                strand = self._strands[name] = _Strand(self._rules.strand(name))
            again = strand.return_to(begin)
            self._judge(strand, [*again, *fresh.get(name, ())], said.get(name), outcome)
        identities = dict.fromkeys(record.identity for record in batch)
        self._say_rows((c for identity in identities for c in self._contents(identity)), as_of, outcome)
        return outcome

    def rows(self, as_of: int) -> Outcome:
        """Every state row of the owner as of a later moment, for the sweep and the audit."""
        outcome = Outcome(self.owner, version=self.version, count=self.count, drawn=self.drawn)
        self._say_rows(self.records, as_of, outcome)
        return outcome

    def _affected(self, records: Iterable[Record[E]]) -> dict[str, int]:
        """From when on these records could affect each strand: they decide what stands of their identities from their own time on, and
        such a content may be about something else."""
        begins: dict[str, int] = {}
        for record in records:
            for content in self._contents(record.identity):
                time, name = content.event.event_time, content.event.strand
                if time >= record.event.event_time and time < begins.get(name, time + 1):
                    begins[name] = time
        return begins

    def _contents(self, identity: tuple[str, str]) -> Iterator[Record[E]]:
        return (content for same in self._groups.get(identity, {}).values() for content in same)

    def _say_rows(self, records: Iterable[Record[E]], as_of: int, outcome: Outcome) -> None:
        """The rows that records could affect: those of all that lies in one moment with them, for which of a moment's events comes first
        depends on each of them, whatever they are about."""
        subjects: dict[Subject, _Strand[E]] = {}
        looked_at: set[int] = set()
        for record in records:
            strand = self._strands[record.event.strand]
            moment = strand.moment_of(record)
            if id(moment) in looked_at:
                continue
            looked_at.add(id(moment))
            for other in strand.of_moment(moment):
                subjects.update(dict.fromkeys(strand.rules.subjects(other.event), strand))
        outcome.whole = Known(self.held, self._ranks) == Known(self.count, self.version)
        elsewhere = frozenset() if outcome.whole else self._across
        outcome.across = [subject for subject in subjects if subject[0] in elsewhere]
        outcome.rows = [strand.rules.row(subject, as_of) for subject, strand in subjects.items() if subject[0] not in elsewhere]

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

    def _judge(self, strand: _Strand[E], records: Sequence[Record[E]], since: int | None, outcome: Outcome) -> None:
        """Judge records of a strand, none of them within or before a moment that was judged; facts of moments before ``since`` are not
        said, without one none."""
        for moment in moments(records):
            until = max(record.event.until for record in moment)
            strand.put(moment, until)
            for record in sorted(moment, key=_key):
                strand.rules.note(record.event, record.rank)
            told = outcome if since is not None and until > since else None
            self._judge_moment(strand.rules, moment, told)

    def _judge_moment(self, rules: StrandRules[E], moment: Sequence[Record[E]], outcome: Outcome | None) -> None:
        """Judge the standing records of a moment, and say the fact at each address of it."""
        standing: list[Record[E]] = []
        facts: list[Fact] = []
        for record in moment:
            judgement = self._standing(record)
            if judgement is None:
                standing.append(record)
            elif outcome is not None and not self._hidden(record):
                facts.append(fact_of(record.event, 0, judgement, rules.void(record.event)))
        for record in in_order(standing):
            fact, failure = judge_one(rules, record)
            facts.append(fact)
            if failure is not None and outcome is not None:
                outcome.failures.append(failure)
        if outcome is not None:
            outcome.facts.extend(facts)

    def _hidden(self, record: Record[E]) -> bool:
        """Whether a greater content lies at the same address, perhaps of another strand."""
        center = record.event.center_id
        others = self._groups[record.identity][record.event.event_time]
        return any(other.rank > record.rank and other.event.center_id == center for other in others)


class _Moment(NamedTuple):
    """A moment that was judged: the index of its first record, the time at which it ends, and the rules' state before it."""

    first: int
    until: int
    mark: Any


class _Strand(Generic[E]):
    """The records of one strand by event time, each with its moment, and the rules' state after them."""

    __slots__ = ("_moments", "records", "rules")

    def __init__(self, rules: StrandRules[E]) -> None:
        self.rules = rules
        self.records: list[Record[E]] = []
        self._moments: list[_Moment] = []  # for each record, its moment

    def put(self, moment: Sequence[Record[E]], until: int) -> None:
        """The moment that is judged next."""
        place = _Moment(len(self.records), until, self.rules.mark())
        self.records.extend(moment)
        self._moments.extend([place] * len(moment))

    def return_to(self, time: int) -> list[Record[E]]:
        """Take back what was judged from the moment of ``time`` on; the records of it."""
        index = bisect_left(self.records, time, key=_event_time)
        if index and (reaching := self._moments[index - 1]).until > time:
            index = reaching.first
        again = self.records[index:]
        if again:
            self.rules.rewind(self._moments[index].mark)
            del self.records[index:], self._moments[index:]
        return again

    def moment_of(self, record: Record[E]) -> _Moment:
        """The moment in which a record lies."""
        return self._moments[bisect_left(self.records, record.event.event_time, key=_event_time)]

    def of_moment(self, moment: _Moment) -> Iterator[Record[E]]:
        """The records of a moment."""
        for at in range(moment.first, len(self.records)):
            if self._moments[at] is not moment:
                return
            yield self.records[at]


def judge_one(rules: StrandRules[E], record: Record[E]) -> tuple[Fact, Failure | None]:
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


def _key(record: Record[Any]) -> Key:
    return record.key


def _event_time(record: Record[Any]) -> int:
    return record.key[0]
