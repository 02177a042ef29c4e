"""The fold of one owner whose history does not fit into memory: the same judgement as :mod:`.fold`, moment by moment.

A :class:`~weftline.domain.fold.History` keeps every record and can return to any moment. A stream keeps neither: it is given all records of
an owner in order of event time, says the fact of each, and ends with the state. What it remembers of a record that has passed is 16
bytes of its identity, and what the rules keep. That it judges as a History does is a property test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Generic, TypeVar, cast

from weftline.domain.canonical import in_order, moments
from weftline.domain.events import Event
from weftline.domain.fold import (
    DECLARED_ERRONEOUS,
    SUPERSEDED,
    Drawing,
    Drawn,
    Fact,
    Failure,
    Key,
    Record,
    Rules,
    StateRow,
    StrandRules,
    Subject,
    fact_of,
    judge_one,
)

E = TypeVar("E", bound=Event)

#: At its address lies the fact of a content of greater rank.
_HIDDEN = ""

#: Ranks of declarations begin here (see :func:`weftline.contracts.codec.rank_of`).
_DECLARED = 1 << 63


class Stream(Generic[E]):
    """An owner's records as they pass.

    ``touched``: identities of the records for whose sake this is done; what is said is what they could affect. None: all.
    """

    def __init__(self, start: Callable[[], Rules[E]], touched: frozenset[tuple[str, str]] | None = None) -> None:
        self._rules = start()
        self._strands: dict[str, StrandRules[E]] = {}
        self._touched = touched
        self._affected: set[str] = set()  # strands in which one of the touched has passed
        self._stood: set[bytes] = set()  # identities that stood at an earlier time
        self._events: list[E] = []  # of the touched, and of their moments
        self._subjects: dict[Subject, str] = {}  # with the strand that says them
        self.failures: list[Failure] = []

    def draw(self, drawn: Drawn) -> None:
        """As :meth:`weftline.domain.fold.History.draw`."""
        cast(Drawing, self._rules).draw(drawn.rows)

    def moment(self, records: Sequence[Record[E]]) -> Iterator[Fact]:
        """The facts of the owner's next moment; ``records`` are all that there are of it, each once."""
        ordered = sorted(records, key=lambda record: record.key)
        judgements: dict[Key, str | None] = {}
        for _, same in groupby(ordered, key=lambda record: record.event.event_time):
            judgements |= self._standing([*same])
        strands: dict[str, list[Record[E]]] = {}
        for record in ordered:
            strands.setdefault(record.event.strand, []).append(record)
        for name, own in strands.items():
            yield from self._of_strand(name, own, judgements)

    def _of_strand(self, name: str, records: Sequence[Record[E]], judgements: Mapping[Key, str | None]) -> Iterator[Fact]:
        """The facts of a strand's records that lie in one moment of the owner; they may be several moments of the strand."""
        if name not in self._strands:
            self._strands[name] = self._rules.strand(name)
        rules = self._strands[name]
        for moment in moments(records):
            for record in sorted(moment, key=lambda record: record.key):
                rules.note(record.event, record.rank)
            self._remember(name, moment)
            facts = []
            standing = []
            for record in moment:
                judgement = judgements[record.key]
                if judgement is None:
                    standing.append(record)
                elif judgement != _HIDDEN:
                    facts.append(fact_of(record.event, 0, judgement, rules.void(record.event)))
            for record in in_order(standing):
                fact, failure = judge_one(rules, record)
                facts.append(fact)
                if failure is not None:
                    self.failures.append(failure)
            if self._touched is None or name in self._affected:
                yield from facts
        rules.forget()

    def _standing(self, same: Sequence[Record[E]]) -> dict[Key, str | None]:
        """How the records of one event time are judged by their identity alone; None: they stand."""
        greatest: dict[tuple[str, str], int] = {}
        at_address: dict[tuple[str, str, str], int] = {}
        for record in same:
            greatest[record.identity] = max(record.rank, greatest.get(record.identity, 0))
            address = (*record.identity, record.event.center_id)
            at_address[address] = max(record.rank, at_address.get(address, 0))
        found: dict[Key, str | None] = {}
        for record in same:
            if record.rank < at_address[*record.identity, record.event.center_id]:
                found[record.key] = _HIDDEN
            elif record.rank < greatest[record.identity]:
                found[record.key] = SUPERSEDED
            elif record.rank >= _DECLARED:
                found[record.key] = DECLARED_ERRONEOUS
            else:
                found[record.key] = SUPERSEDED if _digest(record.identity) in self._stood else None
        self._stood.update(_digest(identity) for identity, rank in greatest.items() if rank < _DECLARED)
        return found

    def rows(self, as_of: int) -> Iterator[StateRow]:
        """The state rows that the touched records could affect, after all have passed."""
        for event in self._events:
            self._take_subjects(event)
        for subject, name in self._subjects.items():
            yield self._strands[name].row(subject, as_of)

    def _remember(self, name: str, moment: Sequence[Record[E]]) -> None:
        """Whose rows are to be written. A record could affect whatever another one of its moment is about; that is known when all have
        passed, and of all together as they pass."""
        if self._touched is None:
            for record in moment:
                self._take_subjects(record.event)
        elif any(record.identity in self._touched for record in moment):
            self._affected.add(name)
            self._events += [record.event for record in moment]

    def _take_subjects(self, event: E) -> None:
        self._subjects.update(dict.fromkeys(self._strands[event.strand].subjects(event), event.strand))


def _digest(identity: Iterable[str]) -> bytes:
    return blake2b("\x1f".join(identity).encode(), digest_size=16).digest()
