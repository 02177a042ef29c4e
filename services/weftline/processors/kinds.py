"""What makes one kind of processor: topic, rules and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import MessageKind
from weftline.domain.fold import Rules, StateRow, Subject
from weftline.domain.rows.columns import Described, columns_of, names_of
from weftline.processors.draws import Draws

#: Grains that a rollup is stored in, in seconds. Days are a view of the hours (:func:`weftline.processors.tables.views_of`).
GRAINS: Final[Mapping[str, int]] = {"minute": 60, "hour": 3600}


class View(NamedTuple):
    """A table of state for readers: without bookkeeping, of the rows in which something stands (``where``).

    ``owner``: what the owner is called there, and what it is; None where other columns say so. ``without``: columns left out.
    ``each``: it has a row for each element of the lists whose names begin so and ``_``, beside the columns ``of`` the whole row.
    """

    name: str
    says: str
    where: str
    owner: tuple[str, str] | None = None
    without: tuple[str, ...] = ()
    each: str = ""
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateTable:
    """A table of state. ``row`` and ``key`` (below the owner) are the NamedTuples whose fields are its columns; ``deadlines``: its rows
    wait for them; ``at_once``: they are stored in the step and not when it is settled, since others are made from them; ``shows``: more
    views of it."""

    name: str
    says: str
    row: Described
    view: View
    key: Described | None = None
    deadlines: bool = False
    at_once: bool = False
    shows: tuple[View, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`weftline.domain.fold.StateRow.values`."""
        return names_of(self.row)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the columns of the key below the owner."""
        return names_of(self.key) if self.key else ()


class Says(NamedTuple):
    """What comments of the tables say of a kind.

    ``owner``: which field of an event it is; ``facts``: what one is; ``judgement``: the marks; ``events``: which of them a window counts;
    ``throughput``: what rollups have of a center and window; ``view``, ``view_says``: how the names of their views begin, and what they
    have.
    """

    owner: str
    facts: str
    judgement: str
    events: str
    throughput: str
    view: str
    view_says: str


class Across(NamedTuple):
    """State that rests on several strands of an owner: made in ClickHouse of what each of them says, so that none of them has to be read.

    ``strands``: the table of state, stored at once, with a row for each strand: its name, the sum of the ranks of its records (``ranks``,
    modulo 2^64), and what else is needed. ``table``: the table of state that is made. ``query``: its columns for the ``subjects``
    (owner, key) of some ``owners``; ``row``: the state row of an owner's subject, of what the query gives of it below its key, or of
    None.
    """

    strands: str
    table: str
    query: str
    row: Callable[[str, Subject, tuple[Any, ...] | None], StateRow]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event, from its topic to its tables. ``amounts``: the class of :attr:`weftline.domain.fold.Fact.amounts`."""

    of: MessageKind
    start: Callable[[], Rules[Any]]
    amounts: Described
    says: Says
    states: dict[str, StateTable] = field(default_factory=dict)
    #: The rules as a stream needs them, which remember as little as they can; None: as they are.
    start_lean: Callable[[], Rules[Any]] | None = None
    #: None: an owner is one strand.
    across: Across | None = None
    #: None: its state rests on its own records alone.
    draws: Draws | None = None
    #: Estimated bytes in memory of a history for each byte of its records' values.
    per_byte: int = 4

    @property
    def amount_columns(self) -> tuple[str, ...]:
        """Columns of its facts below those that every fact has."""
        return names_of(self.amounts)

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns of its rollups: the number of events that count, and the sums of what is summed over them."""
        return measures_of(self.amounts)

    @property
    def name(self) -> str:
        """That of its processor."""
        return self.of.processor

    @property
    def topic(self) -> str:
        """Where its events come from."""
        return self.of.topic

    @property
    def records(self) -> str:
        """The table of its records."""
        return self.of.records

    @property
    def facts(self) -> str:
        """The table of what they were judged to be."""
        return self.of.facts

    @property
    def rollup(self) -> str:
        """How the names of its rollups begin."""
        return self.of.rollup

    @property
    def lean(self) -> Callable[[], Rules[Any]]:
        """How a stream starts the rules."""
        return self.start_lean or self.start

    @property
    def made_of_each(self) -> tuple[str, ...]:
        """Tables in which every record that is no dead letter has a part: judged facts and rollups."""
        return (self.facts, *(f"{self.rollup}_{grain}" for grain in GRAINS))

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that its processor writes."""
        return (self.records, *self.made_of_each, *self.states, "alerts", "dead_letters")


@cache
def measures_of(amounts: Described) -> tuple[str, ...]:
    """The measures of a kind with these amounts."""
    return ("events", *(column.name for column in columns_of(amounts) if column.summed is not None))


def tables(*tables: StateTable) -> dict[str, StateTable]:
    """State tables by name."""
    return {table.name: table for table in tables}
