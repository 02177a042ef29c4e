"""What makes one kind of processor: topic, rules and tables. Column names stand in the order in which the rules give values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weftline.contracts.kinds import MessageKind
from weftline.domain.fold import Rules

#: Grains of a rollup, in seconds.
GRAINS: Final[Mapping[str, int]] = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class StateTable:
    """A table of state: the key below the owner, the columns of the values, and whether its rows wait for deadlines."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    deadlines: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event, from its topic to its tables. ``amounts`` are the columns of :attr:`weftline.domain.fold.Fact.amounts`."""

    of: MessageKind
    start: Callable[[], Rules[Any]]
    amounts: tuple[str, ...]
    measures: tuple[tuple[str, str], ...]
    states: dict[str, StateTable] = field(default_factory=dict)
    #: The rules as a stream needs them, which remember as little as they can; None: as they are.
    start_lean: Callable[[], Rules[Any]] | None = None
    #: Estimated bytes in memory of a history for each byte of its records' values.
    per_byte: int = 4

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


def summed(*columns: str) -> tuple[tuple[str, str], ...]:
    """Measures of a rollup: the number of events that count, and the sums of these columns of the facts that count."""
    return (("events", "count()"), *((column, f"sum({column})") for column in columns))


def tables(*tables: StateTable) -> dict[str, StateTable]:
    """State tables by name."""
    return {table.name: table for table in tables}
