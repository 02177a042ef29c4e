"""The tables of one kind, as its processor reads and writes them. Every method is one round trip to ClickHouse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.domain.events import Event
from weftline.domain.fold import Outcome, Record, StateRow
from weftline.domain.revisions import Judged, StoredAlert, content_of, fact_version, standing_of, state_version
from weftline.domain.vocabulary import AlertStatus
from weftline.errors import ContractError, UserError
from weftline.processors.kinds import Kind, StateTable
from weftline.processors.messenger import DeadLetter
from weftline.runtime import failpoints, logging
from weftline.warehouse.client import Warehouse

log = logging.get(__name__)

_RECORD = ("owner", "event_time", "source", "event_id", "rank", "value")
_FACT = ("owner", "rev", "event_time", "center_id", "source", "event_id", "counts", "judgement")
_STATE = ("version", "records", "partition", "next_deadline", "alerts")
_ALERT = (
    *("kind", "owner", "alert_id", "version", "partition", "subject_table", "subject_key", "revision", "status", "published"),
    *("historic", "rule", "severity", "occurred_at", "cooperative_id", "center_id", "factory_id", "product_category", "subject"),
    *("text_zh", "text_en", "replaces", "content"),
)
_DEAD = ("topic", "partition", "offset", "reason", "field", "detail", "schema_id", "key", "value", "received_at")
_STORED = (
    "owner, partition, subject_table, subject_key, alert_id, version, revision, status, published, historic, replaces, content"
)

#: An insert carries the server's time of its beginning, not of its end: a sweep looks so many seconds back beyond the last one. No
#: statement takes longer (see warehouse.client).
OVERLAP_SECONDS = 60
_STORED_SINCE = "stored_at >= toDateTime64({stored_at:String}, 3, 'UTC') - toIntervalSecond({overlap:UInt32})"

#: Owners asked for in one query; more are asked in turns, so that a query's text stays below a few hundred kilobytes.
OWNERS_AT_ONCE = 5_000


class Received(NamedTuple):
    """A record of the batch: where it came from, and what it says."""

    raw_index: int
    owner: str
    record: Record[Any]
    value: bytes


class Swept(NamedTuple):
    """When the last sweep began: by the server's clock, by which ``stored_at`` goes, and by the one by which deadlines pass (ms)."""

    stored_at: str
    as_of: int

    @property
    def parameters(self) -> dict[str, Any]:
        """What stands in the statements."""
        return {"stored_at": self.stored_at, "overlap": OVERLAP_SECONDS}


#: Before the first sweep: all is to be looked at.
NEVER = Swept("1970-01-02 00:00:00", 0)


class AlertRow(NamedTuple):
    """A row of the table of alerts with the subject it belongs to."""

    owner: str
    partition: int
    subject_table: str
    subject_key: tuple[str, ...]
    alert: StoredAlert


class Store:
    """Reads and writes of one kind. ``types`` are the column types as ClickHouse has them, by table."""

    def __init__(self, kind: Kind, warehouse: Warehouse, codec: Codec, types: Mapping[str, Mapping[str, str]]) -> None:
        self._kind = kind
        self._warehouse = warehouse
        self._codec = codec
        self._types = types
        self._fact_columns = (*_FACT, *kind.amounts)

    @classmethod
    async def open(cls, kind: Kind, warehouse: Warehouse, codec: Codec) -> Store:
        """Learn the column types once, so that no insert needs to ask; says what to do if a table is missing."""
        rows = await warehouse.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()", {})
        types: dict[str, dict[str, str]] = {}
        for table, name, type_ in rows:
            types.setdefault(table, {})[name] = type_
        wanted = {kind.records: _RECORD, kind.facts: (*_FACT, *kind.amounts), "alerts": _ALERT, "dead_letters": _DEAD}
        for state in kind.states.values():
            wanted[state.name] = ("owner", *state.key, *_STATE, *state.columns)
        for table, columns in wanted.items():
            missing = [column for column in columns if column not in types.get(table, {})]
            if missing:
                raise UserError(f"ClickHouse table {table} lacks {', '.join(missing)}; run `weftline migrate`")
        return cls(kind, warehouse, codec, types)

    async def _insert(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        types = self._types[table]
        await self._warehouse.insert(table, columns, names, [types[name] for name in names])

    async def healthy(self) -> None:
        """Raise DependencyDown if ClickHouse does not answer."""
        await self._warehouse.rows("SELECT 1", {})

    async def now(self) -> str:
        """The server's clock, by which ``stored_at`` goes."""
        return str((await self._warehouse.rows("SELECT toString(now64(3, 'UTC'))", {}))[0][0])

    # records

    async def put_records(self, received: Sequence[Received]) -> None:
        """Store records, raw."""
        columns: list[list[Any]] = [[], [], [], [], [], []]
        for _, owner, record, value in received:
            event = record.event
            for column, cell in zip(
                columns, (owner, event.event_time, event.source, event.event_id, record.rank, value), strict=True
            ):
                column.append(cell)
        await self._insert(self._kind.records, _RECORD, columns)

    async def counts(self, owners: Sequence[str]) -> dict[str, int]:
        """Distinct records stored, by owner. Told apart by rank, 62 bits of a hash of all of the content, on which the fold relies anyway.

        Measured for 100 owners with 5,000 records each: 21 ms, with the whole address 60.
        """
        return {
            owner: count
            for part in _parts(owners)
            for owner, count in await self._warehouse.rows(
                f"SELECT owner, uniqExact(rank) FROM {self._kind.records} WHERE owner IN {{owners:Array(String)}} GROUP BY owner",
                {"owners": part},
            )
        }

    async def records(self, owners: Sequence[str]) -> dict[str, list[Record[Any]]]:
        """All records of some owners, repeats dropped."""
        found: dict[str, list[Record[Any]]] = {owner: [] for owner in owners}
        for part in _parts(owners):
            rows = await self._warehouse.rows(
                f"SELECT DISTINCT owner, event_time, source, event_id, rank, value FROM {self._kind.records} "
                "WHERE owner IN {owners:Array(String)}",
                {"owners": part},
                binary=("value",),
            )
            seen: set[tuple[Any, ...]] = set()
            for row in rows:
                address = row[:5]
                if address in seen:
                    continue
                seen.add(address)
                found[row[0]].append(self._record(row[0], row[5]))
        return found

    def _record(self, owner: str, data: bytes) -> Record[Any]:
        try:
            event = self._codec.decode(self._kind.topic, data)
        except ContractError as error:
            # It was accepted once: a contract that became narrower must not make an owner unreadable without a word.
            raise RuntimeError(f"a stored record of {owner} no longer reads: {error}") from error
        if not isinstance(event, Event):
            raise TypeError(f"a stored record of {owner} is a {type(event).__name__}")
        return Record(event, rank_of(data[FRAMING:], event.error_declaration is not None))

    # judged facts and rollups

    async def put_facts(self, outcomes: Iterable[Outcome]) -> None:
        """Store judged facts."""
        rows = [
            (outcome.owner, fact_version(rank_sum), *fact[:6], *fact.amounts)
            for outcome in outcomes
            for fact, rank_sum in outcome.facts
        ]
        if rows:
            await self._insert(self._kind.facts, self._fact_columns, list(zip(*rows, strict=True)))

    async def refresh(self, minutes: Iterable[int]) -> None:
        """Make the windows of these minutes (seconds since the epoch) anew from the facts, then their hours and days.

        All centers of a minute: a superset does no harm, and minutes alone prune best.
        """
        touched = sorted(set(minutes))
        if not touched:
            return
        kind = self._kind
        names = ", ".join(name for name, _ in kind.measures)
        counted = ", ".join(f"{'countIf(counts)' if name == 'events' else f'sumIf({name}, counts)'}" for name, _ in kind.measures)
        summed = ", ".join(f"sum({name})" for name, _ in kind.measures)
        await self._warehouse.command(
            f"INSERT INTO {kind.rollup}_minute (minute, center_id, version, {names}) "
            f"SELECT minute, center_id, sum(toUInt256(rev)), {counted} FROM {kind.facts} FINAL "
            "PREWHERE minute IN {windows:Array(DateTime('UTC'))} GROUP BY minute, center_id",
            {"windows": touched},
        )
        await failpoints.reach("minute")
        for coarse, fine, seconds in (("hour", "minute", 3600), ("day", "hour", 86400)):
            windows = sorted({second // seconds * seconds for second in touched})
            # The range prunes partitions, the monotonic function of the sort key prunes granules.
            start = f"toStartOf{coarse.title()}({fine}, 'UTC')"
            await self._warehouse.command(
                f"INSERT INTO {kind.rollup}_{coarse} ({coarse}, center_id, version, {names}) "
                f"SELECT {start} AS window, center_id, sum(version), {summed} FROM {kind.rollup}_{fine} FINAL "
                f"PREWHERE {fine} >= {{first:DateTime('UTC')}} AND {fine} < {{end:DateTime('UTC')}} "
                f"AND {start} IN {{windows:Array(DateTime('UTC'))}} GROUP BY window, center_id",
                {"windows": windows, "first": windows[0], "end": windows[-1] + seconds},
            )
            await failpoints.reach(coarse)

    # state

    async def put_states(self, rows: Iterable[tuple[Judged, StateRow]]) -> None:
        """Store state rows, one insert per table."""
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for judged, row in rows:
            alerts = [content_of(alert) for alert in row.alerts]
            by_table.setdefault(row.table, []).append(
                (
                    *(judged.owner, *row.key, judged.version, judged.records, judged.partition, row.next_deadline),
                    *([_with_deadline(alert, content) for alert, content in zip(row.alerts, alerts, strict=True)], *row.values),
                )
            )
        await together(self._put_state(self._kind.states[table], values) for table, values in by_table.items())

    async def _put_state(self, state: StateTable, values: Sequence[tuple[Any, ...]]) -> None:
        await self._insert(state.name, ("owner", *state.key, *_STATE, *state.columns), list(zip(*values, strict=True)))
        await failpoints.reach("state")

    async def judged(self, owners: Sequence[str]) -> list[Judged]:
        """The stored state rows of some owners, as sources of alerts."""
        found = []
        for part in _parts(owners):
            for state in self._kind.states.values():
                key = f"array({', '.join(f'toString({name})' for name in state.key)})" if state.key else "emptyArrayString()"
                rows = await self._warehouse.rows(
                    f"SELECT owner, {key}, version, records, partition, alerts FROM {state.name} FINAL "
                    "WHERE owner IN {owners:Array(String)}",
                    {"owners": part},
                )
                for owner, subject, version, records, partition, alerts in rows:
                    standing = tuple(_standing(text) for text in alerts)
                    found.append(Judged(owner, state.name, tuple(subject), version, records, partition, standing))
        return found

    async def due(self, partitions: Sequence[int], since: Swept, as_of: int) -> list[str]:
        """Owners of whom a deadline has passed that their state does not know of yet: one that passed since the last sweep, or of a row
        stored since.

        Who they might be is read without FINAL, from columns alone: 11 ms for 10^6 rows, where FINAL takes 63.
        """
        owners: set[str] = set()
        for state in self._kind.states.values():
            if not state.deadlines:
                continue
            passed = "partition IN {partitions:Array(UInt16)} AND next_deadline < fromUnixTimestamp64Milli({as_of:Int64}, 'UTC')"
            rows = await self._warehouse.rows(
                f"SELECT DISTINCT owner FROM {state.name} FINAL WHERE {passed} AND owner IN (SELECT owner FROM {state.name} WHERE "
                f"{passed} AND (next_deadline >= fromUnixTimestamp64Milli({{before:Int64}}, 'UTC') OR {_STORED_SINCE}))",
                {"partitions": list(partitions), "as_of": as_of, "before": since.as_of, **since.parameters},
            )
            owners.update(row[0] for row in rows)
        return sorted(owners)

    # alerts

    async def alerting(self, partitions: Sequence[int], since: Swept) -> list[tuple[str, int]]:
        """(owner, version of its state) of state rows with standing alerts, and of rows of alerts, stored since the last sweep."""
        where = f"WHERE partition IN {{partitions:Array(UInt16)}} AND {_STORED_SINCE}"
        sources = [f"SELECT owner, version FROM {state.name} {where} AND notEmpty(alerts)" for state in self._kind.states.values()]
        # The version of an alert's row is that of the state, and a bit: see revisions.alert_version.
        sources.append(f"SELECT owner, bitShiftRight(version, 1) FROM alerts {where} AND kind = {{kind:String}}")
        rows = await self._warehouse.rows(
            f"SELECT DISTINCT owner, version FROM ({' UNION ALL '.join(sources)})",
            {"partitions": list(partitions), "kind": self._kind.name, **since.parameters},
        )
        return [(owner, version) for owner, version in rows]

    async def alerts(self, owners: Sequence[str]) -> list[AlertRow]:
        """The table's alerts of some owners."""
        found: list[AlertRow] = []
        for part in _parts(owners):
            rows = await self._warehouse.rows(
                f"SELECT {_STORED} FROM alerts FINAL WHERE kind = {{kind:String}} AND owner IN {{owners:Array(String)}}",
                {"kind": self._kind.name, "owners": part},
            )
            found.extend(_alert_row(row) for row in rows)
        return found

    async def unpublished(self, partitions: Sequence[int], since: Swept) -> list[AlertRow]:
        """The outbox: what the last sweep published is published, so only what was stored since."""
        waiting = "kind = {kind:String} AND partition IN {partitions:Array(UInt16)} AND NOT published AND NOT historic"
        rows = await self._warehouse.rows(
            f"SELECT {_STORED} FROM alerts FINAL WHERE {waiting} "
            f"AND owner IN (SELECT owner FROM alerts WHERE {waiting} AND {_STORED_SINCE})",
            {"kind": self._kind.name, "partitions": list(partitions), **since.parameters},
        )
        return [_alert_row(row) for row in rows]

    async def put_alerts(self, rows: Sequence[AlertRow]) -> None:
        """Store alerts, each as its own last word."""
        if not rows:
            return
        values = []
        for row in rows:
            stored, alert = row.alert, standing_of(row.alert.content)
            values.append(
                (
                    *(self._kind.name, row.owner, stored.alert_id, stored.version, row.partition, row.subject_table),
                    *(list(row.subject_key), stored.revision, stored.status.value, int(stored.published), int(stored.historic)),
                    *(alert.rule.value, alert.severity.value, alert.occurred_at, alert.cooperative_id, alert.center_id),
                    *(alert.factory_id, alert.product_category, alert.subject, alert.text_zh, alert.text_en),
                    *(stored.replaces, stored.content),
                )
            )
        await self._insert("alerts", _ALERT, list(zip(*values, strict=True)))

    # dead letters

    async def put_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters, byte for byte."""
        rows = [
            (
                *(letter.record.topic, letter.record.partition, letter.record.offset, letter.reason, letter.field, letter.detail),
                *(letter.schema_id, letter.record.key, letter.record.value, letter.record.timestamp),
            )
            for letter in letters
        ]
        await self._insert("dead_letters", _DEAD, list(zip(*rows, strict=True)))


def judged_of(owner: str, partition: int, version: int, records: int, row: StateRow) -> Judged:
    """A state row as a source of alerts. ``version`` is the sum of the ranks."""
    return Judged(owner, row.table, row.key, state_version(version, row.passed), records, partition, row.alerts)


def _with_deadline(alert: Any, content: str) -> str:
    return json.dumps({"by_deadline": alert.by_deadline, "content": content}, ensure_ascii=False)


def _standing(text: str) -> Any:
    fields = json.loads(text)
    return standing_of(fields["content"], fields["by_deadline"])


def _alert_row(row: Sequence[Any]) -> AlertRow:
    owner, partition, table, key, alert_id, version, revision, status, published, historic, replaces, content = row
    stored = StoredAlert(alert_id, version, revision, AlertStatus(status), bool(published), bool(historic), replaces, content)
    return AlertRow(owner, partition, table, tuple(key), stored)


async def together(parts: Iterable[Awaitable[None]]) -> None:
    """Await side by side. All come to their end before the first failure is told: another attempt must not meet this one."""
    for result in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _parts(owners: Iterable[str]) -> Iterable[list[str]]:
    every = list(owners)
    return (every[start : start + OWNERS_AT_ONCE] for start in range(0, len(every), OWNERS_AT_ONCE))
