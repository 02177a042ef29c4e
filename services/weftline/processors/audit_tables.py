"""All tables of a kind as ClickHouse holds them, as a fold of records in memory says they must be, and what differs.

Content only: versions, revisions, what was published, what was historic and when it was stored is bookkeeping that depends on
arrival, and is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from weftline.domain.fold import Drawn, History, Record, StateRow
from weftline.domain.revisions import MOST_PASSED, content_of, fact_version, judged_in, state_version
from weftline.processors.kinds import GRAINS, Kind
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader

Row = tuple[Any, ...]
Rows = dict[Row, Row]
Tables = dict[str, Rows]
#: Versions of rows, by table and key.
Versions = dict[str, dict[Row, int]]
#: (window in seconds since the epoch, center) -> sums of the measures.
Sums = dict[tuple[int, str], list[int]]


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
    """A row that is not as it ought to be. ``stored`` None: it is missing; ``ought`` None: it is extra; else it is different.

    ``versions``, of a row that cannot be written over: its own, and the greatest that the records explain. One that is greater would win
    against every true row that comes later, whatever it says now.
    """

    table: str
    key: Row
    stored: Row | None
    ought: Row | None
    versions: tuple[int, int] | None = None

    @property
    def what(self) -> str:
        """``missing``, ``extra`` or ``different``."""
        return "missing" if self.stored is None else "extra" if self.ought is None else "different"


class Limits(NamedTuple):
    """The greatest versions that records explain: of facts by their address, of state rows and alerts by owner."""

    facts: dict[Row, int]
    owners: dict[str, int]

    def of(self, kind: Kind, table: str, key: Row) -> int:
        """What a row may have at most. Nothing explains a row without a record."""
        return self.facts.get(key, 0) if table == kind.facts else self.owners.get(key[0], 0)


class Stored(NamedTuple):
    """Content and versions of rows. ``versions`` has the withdrawn alerts too; of an alert it is that of the state it was judged in."""

    tables: Tables
    versions: Versions


def rollup(kind: Kind, grain: str) -> str:
    """Name of a rollup table."""
    return f"{kind.rollup}_{grain}"


def columns(kind: Kind) -> dict[str, Columns]:
    """What is compared, by table: facts, state and alerts by owner, and rollups by window."""
    found = {
        kind.facts: Columns(
            ("owner", "event_time", "center_id", "source", "event_id"), ("counts", "judgement", *kind.amount_columns)
        ),
        "alerts": Columns(("owner", "alert_id"), ("content",)),
    }
    for state in kind.states.values():
        found[state.name] = Columns(("owner", *state.key_columns), ("next_deadline", "alerts", *state.columns))
    for grain in GRAINS:
        found[rollup(kind, grain)] = Columns((grain, "center_id"), kind.measures)
    return found


# What ought to be


def fold_owner(
    kind: Kind,
    owner: str,
    records: Iterable[Record[Any]],
    as_of: int,
    tables: Tables,
    limits: Limits | None = None,
    drawn: Drawn | None = None,
) -> History[Any]:
    """Add to ``tables`` what they must hold of an owner with these records, whatever their order; the history.

    ``drawn``: what another kind's tables say of it, as they stand. Those are held against their own records, so drift is found where it is.
    """
    history = History(owner, kind.start)
    if drawn is not None:
        history.draw(drawn)
    batch = list(records)
    if batch:
        for fact in history.add(batch, as_of).facts:
            address = (owner, fact.event_time, fact.center_id, fact.source, fact.event_id)
            tables[kind.facts][address] = _frozen((fact.counts, fact.judgement, *fact.amounts))
            if limits is not None:
                limits.facts[address] = fact_version(history.version)
    if limits is not None:
        limits.owners[owner] = state_version(history.version + history.drawn.version, MOST_PASSED)
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
    values = dict(zip(kind.amount_columns, row[2:], strict=True), events=1)
    return [values[name] for name in kind.measures]


def add_sums(kind: Kind, facts: Rows, sums: Sums) -> None:
    """Add these facts to the sums per minute."""
    for (_, event_time, center_id, _, _), row in facts.items():
        if row[0]:
            window = sums.setdefault((event_time // 60_000 * 60, center_id), [0] * len(kind.measures))
            for index, amount in enumerate(amounts_of(kind, row)):
                window[index] += amount


def add_weights(limits: Limits, weights: dict[tuple[int, str], int]) -> None:
    """Add the versions of these facts to the sums per minute: what the version of a window may be at most."""
    for key, version in limits.facts.items():
        window = (minute_of(key), key[2])
        weights[window] = weights.get(window, 0) + version


def windows(sums: Sums, seconds: int) -> Rows:
    """Rows of a rollup of this grain from the sums per minute. Windows in which all is zero need not be there."""
    coarse: Sums = {}
    for (minute, center_id), values in sums.items():
        window = coarse.setdefault((minute // seconds * seconds, center_id), [0] * len(values))
        for index, value in enumerate(values):
            window[index] += value
    return {key: tuple(values) for key, values in coarse.items() if any(values)}


def drawn(kind: Kind, reader: Reader, owners: Iterable[str]) -> dict[str, Drawn]:
    """What these owners' state rests on beside their records."""
    if kind.draws is None:
        return {}
    asked = list(owners)
    parts = cuts.texts(kind.draws.asked(asked))
    return dict(kind.draws.drawn(asked, (row for part in parts for row in reader.rows(kind.draws.query, {"owners": part}))))


def expected(kind: Kind, records: Iterable[Record[Any]], as_of: int, draws: Mapping[str, Drawn] = MappingProxyType({})) -> Tables:
    """What all tables must hold after these records, whatever their order; ``draws``: what is drawn, by owner."""
    owners: dict[str, list[Record[Any]]] = {}
    for record in records:
        owners.setdefault(record.event.owner, []).append(record)
    tables = empty(kind)
    for owner, batch in owners.items():
        fold_owner(kind, owner, batch, as_of, tables, drawn=draws.get(owner))
    sums: Sums = {}
    add_sums(kind, tables[kind.facts], sums)
    for grain, seconds in GRAINS.items():
        tables[rollup(kind, grain)] = windows(sums, seconds)
    return tables


# What is


def stored_by_owner(kind: Kind, reader: Reader, selection: Selection) -> Stored:
    """What the tables hold of some owners: facts, state, standing alerts, and the versions of all of them.

    The condition stands in PREWHERE: ``owner`` is part of every sort key, so that it cannot bring replaced rows back. Facts are
    sorted by minute, so that each selection scans their owners from end to end.
    """
    shapes = columns(kind)
    found = Stored({}, {})
    where = f"PREWHERE {selection.where}"
    for state in kind.states:
        rows, found.versions[state] = _read(reader, state, shapes[state], where, selection.parameters, "version")
        found.tables[state] = {key: (row[0], [_standing(text) for text in row[1]], *row[2:]) for key, row in rows.items()}
    shape = shapes[kind.facts]
    facts, versions = _read(reader, kind.facts, Columns((*shape.key, "minute"), shape.values), where, selection.parameters, "rev")
    # A fact is looked for at the minute of its event; one that stands elsewhere keeps that minute in its key.
    placed = {key: key[:-1] if minute_of(key) == minute_of(key[:-1]) else key for key in facts}
    found.tables[kind.facts] = {placed[key]: row for key, row in facts.items()}
    found.versions[kind.facts] = {placed[key]: version for key, version in versions.items()}
    alerts = reader.rows(
        f"SELECT owner, alert_id, content, status = 'WITHDRAWN', version, {', '.join(_TOLD)} FROM alerts FINAL "
        f"PREWHERE kind = '{kind.name}' AND {selection.where}",
        selection.parameters,
    )
    found.tables["alerts"] = {(row[0], row[1]): (_told(row[2], row[5:]),) for row in alerts if not row[3]}
    found.versions["alerts"] = {(row[0], row[1]): judged_in(row[4]) for row in alerts}
    return found


#: Columns of an alert that repeat what its content says, for readers.
_TOLD = (
    *("rule", "severity", "occurred_at", "cooperative_id", "center_id", "factory_id", "product_category", "subject"),
    *("text_zh", "text_en"),
)


def _told(content: str, told: Row) -> str:
    """The content of an alert; with what its other columns say otherwise, if they do."""
    said = json.loads(content)
    wrong = {name: value for name, value in zip(_TOLD, told, strict=True) if said[name] != value}
    return f"{content} but {wrong}" if wrong else content


def minute_of(key: Row) -> int:
    """The window (s) in which a fact with this key counts."""
    return int(key[5]) if len(key) > 5 else int(key[1]) // 60_000 * 60


def stored_windows(kind: Kind, grain: str, reader: Reader) -> tuple[Rows, dict[Row, int]]:
    """What a rollup holds, without windows in which all is zero; and the versions of all of them."""
    table = rollup(kind, grain)
    rows, versions = _read(reader, table, columns(kind)[table], "", {}, "version")
    return {key: row for key, row in rows.items() if any(row)}, versions


def stored(kind: Kind, reader: Reader) -> Tables:
    """What all tables hold."""
    tables = stored_by_owner(kind, reader, Selection()).tables
    for grain in GRAINS:
        tables[rollup(kind, grain)] = stored_windows(kind, grain, reader)[0]
    return tables


def _read(
    reader: Reader, table: str, shape: Columns, clause: str, parameters: Mapping[str, Any], version: str
) -> tuple[Rows, dict[Row, int]]:
    names = ", ".join([*shape.key, *shape.values, version])
    rows = reader.rows(f"SELECT {names} FROM {table} FINAL {clause}", parameters)
    size = len(shape.key)
    return {row[:size]: _frozen(row[size:-1]) for row in rows}, {row[:size]: row[-1] for row in rows}


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


def unexplained(kind: Kind, stored: Stored, limits: Limits) -> Iterator[Difference]:
    """Rows that agree in content or are withdrawn, but whose version is greater than the records explain, which must have been read
    after these rows: then no processor can have stored them."""
    for table, versions in stored.versions.items():
        for key, version in versions.items():
            limit = limits.of(kind, table, key)
            if version > limit:
                row = stored.tables[table].get(key)
                yield Difference(table, key, row or (), row or (), (version, limit))
