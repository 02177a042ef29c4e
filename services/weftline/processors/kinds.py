"""What makes one kind of processor: topic, rules and tables. Column names stand in the order in which the rules give values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weftline.domain.fold import Rules


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

    name: str
    topic: str
    start: Callable[[], Rules[Any]]
    records: str
    facts: str
    amounts: tuple[str, ...]
    rollup: str
    measures: tuple[tuple[str, str], ...]
    states: dict[str, StateTable] = field(default_factory=dict)


def summed(*columns: str) -> tuple[tuple[str, str], ...]:
    """Measures of a rollup: the number of events that count, and the sums of these columns of the facts that count."""
    return (("events", "count()"), *((column, f"sum({column})") for column in columns))


def tables(*tables: StateTable) -> dict[str, StateTable]:
    """State tables by name."""
    return {table.name: table for table in tables}
