"""All tables of a kind as ClickHouse holds them, and as a fold of the records in memory says they must be.

Content only: versions, revisions, what was published and when it was stored is bookkeeping that depends on arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.fold import History, Record
from weftline.domain.revisions import content_of
from weftline.processors.inspections import inspections
from weftline.processors.kinds import Kind
from weftline.processors.logistics import LOGISTICS
from weftline.processors.orders import ORDERS
from weftline.warehouse.client import Reader

Rows = dict[tuple[Any, ...], tuple[Any, ...]]
Tables = dict[str, Rows]

GRAINS = {"minute": 60, "hour": 3600, "day": 86400}


def kinds() -> dict[str, Kind]:
    """The three kinds by name."""
    every = (ORDERS, inspections(load_standards(), load_sampling_standard()), LOGISTICS)
    return {kind.name: kind for kind in every}


def expected(kind: Kind, records: Iterable[Record[Any]], as_of: int) -> Tables:
    """What the tables must hold after these records, whatever their order."""
    owners: dict[str, list[Record[Any]]] = defaultdict(list)
    for record in records:
        owners[record.event.owner].append(record)
    tables: Tables = {name: {} for name in (kind.facts, "alerts", *kind.states)}
    sums: dict[str, dict[tuple[Any, ...], list[int]]] = {
        f"{kind.rollup}_{grain}": defaultdict(lambda: [0] * len(kind.measures)) for grain in GRAINS
    }
    for owner, batch in owners.items():
        history = History(owner, kind.start)
        outcome = history.add(batch, as_of)
        for fact, _ in outcome.facts:
            address = (owner, fact.event_time, fact.center_id, fact.source, fact.event_id)
            tables[kind.facts][address] = _frozen((fact.counts, fact.judgement, *fact.amounts))
            if fact.counts:
                values = dict(zip(kind.amounts, fact.amounts, strict=True), events=1)
                for grain, seconds in GRAINS.items():
                    window = (fact.event_time // 1000 // seconds * seconds, fact.center_id)
                    for index, (name, _) in enumerate(kind.measures):
                        sums[f"{kind.rollup}_{grain}"][window][index] += values[name]
        for row in history.rows(as_of).rows:
            tables[row.table][(owner, *row.key)] = _frozen((row.next_deadline, *row.values))
            for alert in row.alerts:
                tables["alerts"][(owner, alert.alert_id)] = (content_of(alert),)
    for name, windows in sums.items():
        tables[name] = {window: tuple(found) for window, found in windows.items() if any(found)}
    return tables


def stored(kind: Kind, reader: Reader) -> Tables:
    """What the tables hold."""

    def read(table: str, key: Iterable[str], columns: Iterable[str], where: str = "") -> Rows:
        names = list(key)
        rows = reader.rows(f"SELECT {', '.join([*names, *columns])} FROM {table} FINAL {where}")
        return {row[: len(names)]: _frozen(row[len(names) :]) for row in rows}

    tables = {
        kind.facts: read(
            kind.facts,
            ("owner", "event_time", "center_id", "source", "event_id"),
            ("counts", "judgement", *kind.amounts),
        ),
        "alerts": read("alerts", ("owner", "alert_id"), ("content",), f"WHERE kind = '{kind.name}' AND status != 'WITHDRAWN'"),
    }
    for state in kind.states.values():
        tables[state.name] = read(state.name, ("owner", *state.key), ("next_deadline", *state.columns))
    for grain in GRAINS:
        name = f"{kind.rollup}_{grain}"
        rows = read(name, (grain, "center_id"), [measure for measure, _ in kind.measures])
        tables[name] = {key: row for key, row in rows.items() if any(row)}
    return tables


def drift(is_: Tables, ought: Tables) -> dict[str, str]:
    """Per table that is not as it ought to be: how many rows are missing, extra and different, with the first of each."""
    found = {}
    for table in ought:
        have, want = is_[table], ought[table]
        missing = [key for key in want if key not in have]
        extra = [key for key in have if key not in want]
        different = [(key, have[key], want[key]) for key in want if key in have and have[key] != want[key]]
        if missing or extra or different:
            found[table] = (
                f"missing {len(missing)} {missing[:1]}, extra {len(extra)} {extra[:1]}, different {len(different)} {different[:1]}"
            )
    return found


def _frozen(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(list(value) if isinstance(value, (list, tuple)) else value for value in row)


def by_kind(records: Iterable[tuple[str, Record[Any]]]) -> Mapping[str, list[Record[Any]]]:
    """Records by the name of their kind, each once."""
    found: dict[str, dict[tuple[Any, ...], Record[Any]]] = defaultdict(dict)
    for kind, record in records:
        found[kind][record.event.owner, *record.position] = record
    return {kind: list(once.values()) for kind, once in found.items()}
