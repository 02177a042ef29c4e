"""All tables of a kind as ClickHouse holds them, as a fold of records in memory says they must be, and what differs.

Content only: versions, revisions, what was published, what was historic and when it was stored is bookkeeping that depends on
arrival, and is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.fold import History, Record, StateRow
from weftline.domain.revisions import content_of
from weftline.processors.inspections import inspections
from weftline.processors.kinds import Kind
from weftline.processors.logistics import LOGISTICS
from weftline.processors.orders import ORDERS
from weftline.warehouse.client import Reader

Row = tuple[Any, ...]
Rows = dict[Row, Row]
Tables = dict[str, Rows]
#: (window in seconds since the epoch, center) -> sums of the measures.
Sums = dict[tuple[int, str], list[int]]

#: Grains of a rollup, in seconds.
GRAINS = {"minute": 60, "hour": 3600, "day": 86400}


class Selection(NamedTuple):
    """Which owners to read: a condition on ``owner`` with its parameters. The default is all."""

    where: str = "1"
    parameters: Mapping[str, Any] = {}

    @classmethod
    def of(cls, owners: Iterable[str]) -> Selection:
        """These owners."""
        return cls("owner IN {owners:Array(String)}", {"owners": list(owners)})

    @classmethod
    def between(cls, after: str | None, upto: str | None) -> Selection:
        """Owners beyond ``after`` up to ``upto``, both none: without a limit."""
        limits = [("after", ">", after), ("upto", "<=", upto)]
        given = [(name, sign, value) for name, sign, value in limits if value is not None]
        where = " AND ".join(f"owner {sign} {{{name}:String}}" for name, sign, _ in given)
        return cls(where or "1", {name: value for name, _, value in given})


class Columns(NamedTuple):
    """Names of the columns of a table that are compared: the key, and the values below it."""

    key: tuple[str, ...]
    values: tuple[str, ...]


class Difference(NamedTuple):
    """A row that is not as it ought to be. ``stored`` None: it is missing; ``ought`` None: it is extra; else it is different."""

    table: str
    key: Row
    stored: Row | None
    ought: Row | None

    @property
    def what(self) -> str:
        """``missing``, ``extra`` or ``different``."""
        return "missing" if self.stored is None else "extra" if self.ought is None else "different"


def kinds() -> dict[str, Kind]:
    """The three kinds by name."""
    every = (ORDERS, inspections(load_standards(), load_sampling_standard()), LOGISTICS)
    return {kind.name: kind for kind in every}


def rollup(kind: Kind, grain: str) -> str:
    """Name of a rollup table."""
    return f"{kind.rollup}_{grain}"


def columns(kind: Kind) -> dict[str, Columns]:
    """What is compared, by table: facts, state and alerts by owner, and rollups by window."""
    found = {
        kind.facts: Columns(("owner", "event_time", "center_id", "source", "event_id"), ("counts", "judgement", *kind.amounts)),
        "alerts": Columns(("owner", "alert_id"), ("content",)),
    }
    for state in kind.states.values():
        found[state.name] = Columns(("owner", *state.key), ("next_deadline", "alerts", *state.columns))
    for grain in GRAINS:
        found[rollup(kind, grain)] = Columns((grain, "center_id"), tuple(name for name, _ in kind.measures))
    return found


# What ought to be


def fold_owner(kind: Kind, owner: str, records: Iterable[Record[Any]], as_of: int, tables: Tables) -> History[Any]:
    """Add to ``tables`` what they must hold of an owner with these records, whatever their order; the history."""
    history = History(owner, kind.start)
    batch = list(records)
    if batch:
        for fact, _ in history.add(batch, as_of).facts:
            address = (owner, fact.event_time, fact.center_id, fact.source, fact.event_id)
            tables[kind.facts][address] = _frozen((fact.counts, fact.judgement, *fact.amounts))
    fold_rows(owner, history.rows(as_of).rows, tables)
    return history


def fold_rows(owner: str, rows: Iterable[StateRow], tables: Tables) -> None:
    """Add to ``tables`` what they must hold of an owner's state and alerts."""
    for row in rows:
        alerts = [content_of(alert) for alert in row.alerts]
        standing = [(alert.by_deadline, content) for alert, content in zip(row.alerts, alerts, strict=True)]
        tables[row.table][(owner, *row.key)] = _frozen((row.next_deadline, standing, *row.values))
        for alert, content in zip(row.alerts, alerts, strict=True):
            tables["alerts"][owner, alert.alert_id] = (content,)


def empty(kind: Kind) -> Tables:
    """Tables by owner without rows."""
    return {name: {} for name in (kind.facts, "alerts", *kind.states)}


def amounts_of(kind: Kind, row: Row | None) -> list[int]:
    """What a row of facts adds to each measure of its windows."""
    if row is None or not row[0]:
        return [0] * len(kind.measures)
    values = dict(zip(kind.amounts, row[2:], strict=True), events=1)
    return [values[name] for name, _ in kind.measures]


def add_sums(kind: Kind, facts: Rows, sums: Sums) -> None:
    """Add these facts to the sums per minute."""
    for (_, event_time, center_id, _, _), row in facts.items():
        if row[0]:
            window = sums.setdefault((event_time // 60_000 * 60, center_id), [0] * len(kind.measures))
            for index, amount in enumerate(amounts_of(kind, row)):
                window[index] += amount


def windows(sums: Sums, seconds: int) -> Rows:
    """Rows of a rollup of this grain from the sums per minute. Windows in which all is zero need not be there."""
    coarse: Sums = {}
    for (minute, center_id), values in sums.items():
        window = coarse.setdefault((minute // seconds * seconds, center_id), [0] * len(values))
        for index, value in enumerate(values):
            window[index] += value
    return {key: tuple(values) for key, values in coarse.items() if any(values)}


def expected(kind: Kind, records: Iterable[Record[Any]], as_of: int) -> Tables:
    """What all tables must hold after these records, whatever their order."""
    owners: dict[str, list[Record[Any]]] = {}
    for record in records:
        owners.setdefault(record.event.owner, []).append(record)
    tables = empty(kind)
    for owner, batch in owners.items():
        fold_owner(kind, owner, batch, as_of, tables)
    sums: Sums = {}
    add_sums(kind, tables[kind.facts], sums)
    for grain, seconds in GRAINS.items():
        tables[rollup(kind, grain)] = windows(sums, seconds)
    return tables


# What is


def stored_by_owner(kind: Kind, reader: Reader, selection: Selection) -> Tables:
    """What the tables hold of some owners: facts, state, standing alerts.

    The condition stands in PREWHERE: ``owner`` is part of every sort key, so that it cannot bring replaced rows back. Facts are
    sorted by minute, so that each selection scans their owners from end to end.
    """
    shapes = columns(kind)
    tables = {}
    for table in (kind.facts, "alerts", *kind.states):
        where, after = selection.where, ""
        if table == "alerts":
            where, after = f"kind = '{kind.name}' AND {where}", "WHERE status != 'WITHDRAWN'"
        tables[table] = _read(reader, table, shapes[table], f"PREWHERE {where} {after}", selection.parameters)
    for state in kind.states:
        tables[state] = {key: (row[0], [_standing(text) for text in row[1]], *row[2:]) for key, row in tables[state].items()}
    return tables


def stored_windows(kind: Kind, grain: str, reader: Reader) -> Rows:
    """What a rollup holds, without windows in which all is zero."""
    table = rollup(kind, grain)
    rows = _read(reader, table, columns(kind)[table], "", {})
    return {key: row for key, row in rows.items() if any(row)}


def stored(kind: Kind, reader: Reader) -> Tables:
    """What all tables hold."""
    tables = stored_by_owner(kind, reader, Selection())
    for grain in GRAINS:
        tables[rollup(kind, grain)] = stored_windows(kind, grain, reader)
    return tables


def _read(reader: Reader, table: str, shape: Columns, clause: str, parameters: Mapping[str, Any]) -> Rows:
    names = ", ".join([*shape.key, *shape.values])
    rows = reader.rows(f"SELECT {names} FROM {table} FINAL {clause}", parameters)
    size = len(shape.key)
    return {row[:size]: _frozen(row[size:]) for row in rows}


def _standing(text: str) -> tuple[bool, str]:
    fields = json.loads(text)
    return fields["by_deadline"], fields["content"]


def _frozen(row: Iterable[Any]) -> Row:
    return tuple(list(value) if isinstance(value, (list, tuple)) else value for value in row)


# What differs


def differences(is_: Tables, ought: Tables, or_ought: Tables | None = None) -> Iterator[Difference]:
    """Rows that are neither as ``ought`` nor as ``or_ought`` has them."""
    for table, wanted in ought.items():
        have, other = is_[table], (or_ought or ought)[table]
        for key in dict.fromkeys((*wanted, *other, *have)):
            row = have.get(key)
            if row != wanted.get(key) and row != other.get(key):
                yield Difference(table, key, row, other.get(key) if wanted.get(key) is None else wanted[key])
