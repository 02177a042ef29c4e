"""The fold of one owner whose history does not fit into memory: the same judgement as :mod:`.fold`, moment by moment.

A :class:`~weftline.domain.fold.History` keeps every record and can return to any moment. A stream keeps neither: it is given all records of
an owner in order of event time, says the fact of each, and ends with the state. What it remembers of a record that has passed is 16
bytes of its identity, and what the rules keep. That it judges as a History does is a property test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Generic, TypeVar

from weftline.domain.canonical import in_order
from weftline.domain.events import Event
from weftline.domain.fold import (
    DECLARED_ERRONEOUS,
    SUPERSEDED,
    Fact,
    Failure,
    Record,
    Rules,
    StateRow,
    Subject,
    fact_of,
    judge_one,
    keep,
)

E = TypeVar("E", bound=Event)

#: Ranks of declarations begin here (see :func:`weftline.contracts.codec.rank_of`).
_DECLARED = 1 << 63


class Stream(Generic[E]):
    """An owner's records as they pass. ``version`` and ``count`` are those of the records so far.

    ``touched``: identities of the records for whose sake this is done; the rows to be written are those that they could affect. None: all.
    """

    def __init__(self, start: Callable[[], Rules[E]], touched: frozenset[tuple[str, str]] | None = None) -> None:
        self._rules = start()
        self._touched = touched
        self._stood: set[bytes] = set()  # identities that stood at an earlier time
        self._events: list[E] = []  # of the touched
        self._subjects: dict[Subject, None] = {}
        self.version = 0
        self.count = 0
        self.failures: list[Failure] = []

    def moment(self, records: Sequence[Record[E]]) -> Iterator[tuple[Fact, int]]:
        """The facts of the next moment, each with its ``rev``; ``records`` are all that there are of it, each once."""
        rules, ordered = self._rules, sorted(records, key=lambda record: record.key)
        for record in ordered:
            rules.note(record.event)
        self._remember(ordered)
        self.version += sum(record.rank for record in ordered)
        self.count += len(ordered)
        facts: dict[tuple[int, str, str, str], tuple[int, Fact]] = {}
        standing: list[Record[E]] = []
        for _, same in groupby(ordered, key=lambda record: record.event.event_time):
            standing += self._standing([*same], facts)
        for record in in_order(standing):
            fact, failure = judge_one(rules, record)
            keep(facts, record.rank, fact)
            if failure is not None:
                self.failures.append(failure)
        rules.forget()
        for _, fact in facts.values():
            yield fact, self.version

    def _standing(self, same: Sequence[Record[E]], facts: dict[tuple[int, str, str, str], tuple[int, Fact]]) -> list[Record[E]]:
        """Which records of one event time stand; the facts of the others."""
        greatest: dict[tuple[str, str], int] = {}
        for record in same:
            greatest[record.identity] = max(record.rank, greatest.get(record.identity, 0))
        standing = []
        for record in same:
            if record.rank < greatest[record.identity]:
                judgement = SUPERSEDED
            elif record.rank >= _DECLARED:
                judgement = DECLARED_ERRONEOUS
            elif _digest(record.identity) in self._stood:
                judgement = SUPERSEDED
            else:
                standing.append(record)
                continue
            keep(facts, record.rank, fact_of(record.event, 0, judgement, self._rules.void(record.event)))
        self._stood.update(_digest(identity) for identity, rank in greatest.items() if rank < _DECLARED)
        return standing

    def rows(self, as_of: int) -> Iterator[StateRow]:
        """The state rows that the touched records could affect, after all have passed."""
        for event in self._events:
            self._subjects.update(dict.fromkeys(self._rules.subjects(event)))
        for subject in self._subjects:
            yield self._rules.row(subject, as_of)

    def _remember(self, moment: Sequence[Record[E]]) -> None:
        """Whose rows are to be written. A record could affect whatever another one of its moment is about; that is known when all have
        passed, and of all together as they pass."""
        if self._touched is None:
            self._subjects.update(dict.fromkeys(subject for record in moment for subject in self._rules.subjects(record.event)))
        elif any(record.identity in self._touched for record in moment):
            self._events += [record.event for record in moment]


def _digest(identity: Iterable[str]) -> bytes:
    return blake2b("\x1f".join(identity).encode(), digest_size=16).digest()
