"""The audit's comparison as tests use it: all tables of a kind at once, and what differs in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from weftline.contracts.standards import load_standards
from weftline.domain.cooperative.judged import history_of
from weftline.domain.fold import Drawn, Record
from weftline.processors.audit_tables import Difference, Tables, differences, expected, stored
from weftline.processors.kinds import Kind
from weftline.processors.registry import kinds

__all__ = ["by_kind", "drift", "expected", "expected_of_all", "kinds", "stored"]


def expected_of_all(records: Mapping[str, list[Record[Any]]], as_of: int) -> dict[str, Tables]:
    """Per kind, what all of its tables must hold after these records. What one draws from another's follows from that one's records."""
    return {name: expected(kind, records[name], as_of, _drawn(kind, records)) for name, kind in kinds().items()}


def _drawn(kind: Kind, records: Mapping[str, list[Record[Any]]]) -> dict[str, Drawn]:
    if kind.draws is None:
        return {}
    theirs: dict[str, list[Record[Any]]] = defaultdict(list)
    for record in records["inspections"]:
        theirs[record.event.owner].append(record)
    owners = {record.event.owner for record in records[kind.of.processor]}
    return {
        owner: Drawn(rows=history_of((), theirs.get(kind.draws.theirs(owner), ()), load_standards()).inspections)
        for owner in owners
    }


def drift(is_: Tables, ought: Tables) -> dict[str, str]:
    """Per table that is not as it ought to be: how many rows are missing, extra and different, with the first of each."""
    found: dict[str, dict[str, list[Difference]]] = defaultdict(lambda: defaultdict(list))
    for difference in differences(is_, ought):
        found[difference.table][difference.what].append(difference)
    return {
        table: ", ".join(f"{what} {len(rows)} {tuple(rows[0])}" for what, rows in by_what.items())
        for table, by_what in found.items()
    }


def by_kind(records: Iterable[tuple[str, Record[Any]]]) -> Mapping[str, list[Record[Any]]]:
    """Records by the name of their kind, each once."""
    found: dict[str, dict[tuple[Any, ...], Record[Any]]] = defaultdict(dict)
    for kind, record in records:
        found[kind][record.event.owner, *record.key] = record
    return {kind: list(once.values()) for kind, once in found.items()}
