"""The tables of one kind, as its processor reads and writes them. Every method is one round trip to ClickHouse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from weftline.contracts.codec import Codec
from weftline.contracts.publishers import Grants, signature_in
from weftline.domain.fold import Drawn, Fact, Known, Outcome, StateRow, Subject
from weftline.domain.revisions import (
    JUDGED_IN_SQL,
    Judged,
    StateSubject,
    content_of,
    fact_version,
    readable,
    standing_of,
    state_version,
)
from weftline.domain.vocabulary import AlertSeverity
from weftline.errors import UserError
from weftline.processors.comparing import disagreeing, key_in_sql
from weftline.processors.kinds import Kind, StateTable
from weftline.processors.messenger import DeadLetter
from weftline.processors.rows import (
    AlertColumns,
    AlertRow,
    AttemptColumns,
    LetterColumns,
    OutboxColumns,
    SignatureColumns,
    StateColumns,
    alert_columns,
    alert_row,
    letter_columns,
)
from weftline.processors.store_apart import ApartStore
from weftline.processors.store_records import SMALL, RecordStore, record_columns
from weftline.processors.unchanged import NO_SIGNS, Signs, Unchanged
from weftline.runtime import failpoints, logging
from weftline.runtime.caution import BURIED, Attempt, DiedOf
from weftline.runtime.clock import ServerClock
from weftline.warehouse import cuts
from weftline.warehouse.client import SERVER_TIME, Warehouse
from weftline.warehouse.publishers import ALL, grants_of
from weftline.warehouse.reference import LIVE

log = logging.get(__name__)

FACT_COLUMNS: Final = ("owner", "rev", *Fact._fields[:-1])  # the last are the amounts
_STORED = ", ".join(OutboxColumns._fields)
#: The same as weftline.domain.digests.waits.
_WAITS = f"late_hours >= {{late:UInt32}} AND replaces = '' AND severity != '{AlertSeverity.CRITICAL}'"

#: An insert carries the server's time of its beginning, not of its end: a sweep looks so many seconds back beyond the last one. No
#: statement takes longer (see warehouse.client).
OVERLAP_SECONDS = 60
_STORED_SINCE = "stored_at >= toDateTime64({stored_at:String}, 3, 'UTC') - toIntervalSecond({overlap:UInt32})"


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


class Store(RecordStore):
    """Reads and writes of one kind. ``types`` are the column types as ClickHouse has them, by table."""

    def __init__(self, kind: Kind, warehouse: Warehouse, codec: Codec, types: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(kind, warehouse, codec, types)
        self._fact_columns = (*FACT_COLUMNS, *kind.amount_columns)
        self.clock = ServerClock()
        self._unchanged = Unchanged()
        self.apart = ApartStore(kind, warehouse, self._record, self._unchanged)

    @classmethod
    async def open(cls, kind: Kind, warehouse: Warehouse, codec: Codec) -> Store:
        """Learn the column types once, so that no insert needs to ask, and what time it is; says what to do if a table is missing."""
        rows = await warehouse.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()", {})
        types: dict[str, dict[str, str]] = {}
        for table, name, type_ in rows:
            types.setdefault(table, {})[name] = type_
        wanted = {
            kind.records: record_columns(kind),
            kind.facts: (*FACT_COLUMNS, *kind.amount_columns),
            "alerts": AlertColumns._fields,
        }
        wanted |= {"dead_letters": LetterColumns._fields, "dead_letter_signatures": SignatureColumns._fields}
        wanted |= {"processing_attempts": AttemptColumns._fields}
        for state in kind.states.values():
            wanted[state.name] = ("owner", *state.key_columns, *StateColumns._fields, *state.columns)
        for table, columns in wanted.items():
            missing = [column for column in columns if column not in types.get(table, {})]
            if missing:
                raise UserError(f"ClickHouse table {table} lacks {', '.join(missing)}; run `weftline migrate`")
        store = cls(kind, warehouse, codec, types)
        await store.now()
        return store

    async def _insert_rows(self, table: str, rows: Sequence[Any]) -> None:
        """Rows of one class of :mod:`.rows`."""
        if rows:
            await self._insert(table, rows[0]._fields, list(zip(*rows, strict=True)))

    async def healthy(self) -> None:
        """Raise DependencyDown if ClickHouse does not answer."""
        await self._warehouse.rows("SELECT 1", {})

    async def now(self) -> str:
        """The server's clock, by which ``stored_at`` goes. :attr:`clock` runs on from here."""
        asked = self.clock.asking()
        ((text, milliseconds),) = await self._warehouse.rows(SERVER_TIME, {})
        self.clock.read(milliseconds, asked)
        return str(text)

    # judged facts and rollups

    async def put_facts(self, outcomes: Iterable[Outcome]) -> None:
        """Store judged facts."""
        rows = [
            (outcome.owner, fact_version(outcome.version), *fact[:6], *fact.amounts)
            for outcome in outcomes
            for fact in outcome.facts
        ]
        if rows:
            columns = list(zip(*rows, strict=True))
            await self._insert(self._kind.facts, self._fact_columns, columns, columns[FACT_COLUMNS.index("event_time")])

    async def refresh(self, minutes: Iterable[int]) -> None:
        """Make the windows of these minutes (seconds since the epoch) anew from the facts, then their hours. Days are a view of the hours.

        All centers of a minute: a superset does no harm, and minutes alone prune best.
        """
        kind = self._kind
        touched = set(minutes)
        names = ", ".join(kind.measures)
        counted = ", ".join(f"{'countIf(counts)' if name == 'events' else f'sumIf({name}, counts)'}" for name in kind.measures)
        summed = ", ".join(f"sum({name})" for name in kind.measures)
        for windows in cuts.windows(touched):
            await self._warehouse.command(
                f"INSERT INTO {kind.rollup}_minute (minute, center_id, version, {names}) "
                f"SELECT minute, center_id, sum(toUInt256(rev)), {counted} FROM {kind.facts} FINAL "
                "PREWHERE minute IN {windows:Array(DateTime('UTC'))} GROUP BY minute, center_id",
                {"windows": windows},
            )
            await failpoints.reach("minute")
        # The range prunes partitions, the monotonic function of the sort key prunes granules.
        for windows in cuts.windows(second // 3600 * 3600 for second in touched):
            await self._warehouse.command(
                f"INSERT INTO {kind.rollup}_hour (hour, center_id, version, {names}) "
                f"SELECT toStartOfHour(minute, 'UTC') AS window, center_id, sum(version), {summed} FROM {kind.rollup}_minute FINAL "
                "PREWHERE minute >= {first:DateTime('UTC')} AND minute < {end:DateTime('UTC')} "
                "AND toStartOfHour(minute, 'UTC') IN {windows:Array(DateTime('UTC'))} GROUP BY window, center_id",
                {"windows": windows, "first": windows[0], "end": windows[-1] + 3600},
            )
            await failpoints.reach("hour")

    # state

    async def put_states(self, rows: Iterable[tuple[Judged, StateRow]]) -> None:
        """Store state rows, one insert per table."""
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for judged, row in rows:
            common = StateColumns(
                version=judged.version,
                records=judged.records,
                partition=judged.partition,
                next_deadline=row.next_deadline,
                alerts=[_with_deadline(alert, content_of(alert)) for alert in row.alerts],
            )
            by_table.setdefault(row.table, []).append((judged.owner, *row.key, *common, *row.values))
        await together(self._put_state(self._kind.states[table], values) for table, values in by_table.items())

    async def _put_state(self, state: StateTable, values: Sequence[tuple[Any, ...]]) -> None:
        await self._insert(
            state.name, ("owner", *state.key_columns, *StateColumns._fields, *state.columns), list(zip(*values, strict=True))
        )
        await failpoints.reach("state")

    async def judged(self, subjects: Sequence[StateSubject]) -> list[Judged]:
        """The stored rows of some subjects, as sources of alerts; without those of a newer release that this one cannot read."""
        found = []
        for state in self._kind.states.values():
            key = key_in_sql(state)
            wanted = [subject for subject in subjects if subject[1] == state.name]
            for part in cuts.texts(wanted, size=lambda subject: sum(map(len, (subject[0], *subject[2])))):
                rows = await self._warehouse.rows(
                    f"SELECT owner, {key}, version, records, partition, alerts FROM {state.name} FINAL "
                    f"WHERE owner IN {{owners:Array(String)}} AND (owner, {key}) IN {{subjects:Array(Tuple(String, Array(String)))}}",
                    {
                        "owners": sorted({owner for owner, _, _ in part}),
                        "subjects": [(owner, list(below)) for owner, _, below in part],
                    },
                    threads=SMALL,
                )
                for owner, below, version, records, partition, alerts in rows:
                    standing = [_standing(text) for text in alerts]
                    if None not in standing:
                        found.append(Judged(owner, state.name, tuple(below), version, records, partition, tuple(standing)))
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

    async def across(self, subjects: Mapping[str, Collection[Subject]]) -> dict[str, list[StateRow]]:
        """State rows that rest on several strands, by owner, of what their strands say in the table."""
        across = self._kind.across
        if across is None:
            return {}
        asked = [(owner, *subject[1:]) for owner, own in subjects.items() for subject in own]
        made: dict[tuple[str, ...], tuple[Any, ...]] = {}
        size = len(asked[0]) if asked else 0
        for part in cuts.texts(asked, size=lambda subject: sum(map(len, subject))):
            given = {"owners": sorted({subject[0] for subject in part}), "subjects": part}
            rows = await self._warehouse.rows(across.query, given, threads=SMALL)
            made |= {tuple(row[:size]): tuple(row[size:]) for row in rows}
        found: dict[str, list[StateRow]] = {}
        for owner, *key in asked:
            found.setdefault(owner, []).append(across.row(owner, tuple(key), made.get((owner, *key))))
        return found

    async def ranks_judged(self, owners: Sequence[str]) -> dict[str, int]:
        """The sum, modulo 2^64, of the ranks of all records from which the strands of each owner were last judged."""
        across = self._kind.across
        if across is None:
            return {}
        return {
            owner: ranks
            for part in cuts.texts(owners)
            for owner, ranks in await self._warehouse.rows(
                f"SELECT owner, sum(ranks) FROM {across.strands} FINAL WHERE owner IN {{owners:Array(String)}} GROUP BY owner",
                {"owners": part},
                threads=SMALL,
            )
        }

    # what another kind's state says

    async def drawn(self, owners: Sequence[str]) -> dict[str, Drawn]:
        """What is drawn of another kind, by owner; nothing, where nothing is."""
        draws = self._kind.draws
        if draws is None:
            return {}
        rows: list[tuple[Any, ...]] = []
        for part in cuts.texts(draws.asked(owners)):
            rows += [tuple(row) for row in await self._warehouse.rows(draws.query, {"owners": part}, threads=SMALL)]
        return dict(draws.drawn(owners, rows))

    async def restated(self, since: Swept) -> list[str]:
        """Owners of whom another kind has stored something since the last sweep, from which state is drawn.

        They are looked for among the records, which are stored before anything is drawn for them: of two workers who store at one time, one
        finds what the other has stored."""
        draws = self._kind.draws
        if draws is None:
            return []
        rows = await self._warehouse.rows(
            f"SELECT DISTINCT owner FROM {self._kind.records} WHERE {draws.theirs_in_sql} IN "
            f"(SELECT owner FROM {draws.table} WHERE {_STORED_SINCE})",
            since.parameters,
            threads=SMALL,
        )
        return sorted(row[0] for row in rows)

    # alerts

    async def alerting(
        self, partitions: Sequence[int], since: Swept, live: Mapping[str, int], signs: Signs = NO_SIGNS
    ) -> list[tuple[StateSubject, int]]:
        """Subjects and versions of state rows with standing alerts, and of rows of alerts, that were stored since the last sweep; more of
        them, where nothing was written since. Before the first sweep all those of which something may have to be said, with ``live`` as in
        :func:`~weftline.domain.revisions.agrees`."""
        if since == NEVER:
            given = {"partitions": list(partitions), "kind": self._kind.name, "centers": [*live], "times": [*live.values()]}
            return _subjects(await self._warehouse.rows(disagreeing(self._kind), given))
        where = f"WHERE partition IN {{partitions:Array(UInt16)}} AND {_STORED_SINCE}"
        sources = [
            f"SELECT owner, '{state.name}' AS of, {key_in_sql(state)} AS key, version FROM {state.name} {where} AND notEmpty(alerts)"
            for state in self._kind.states.values()
        ]
        sources.append(f"SELECT owner, subject_table, subject_key, {JUDGED_IN_SQL} FROM alerts {where} AND kind = {{kind:String}}")
        statement = f"SELECT DISTINCT owner, of, key, version FROM ({' UNION ALL '.join(sources)})"
        given = {"partitions": list(partitions), "kind": self._kind.name, **since.parameters}
        rows = await self._unchanged.read(
            "alerting",
            ["alerts", *self._kind.states],
            signs,
            tuple(partitions),
            lambda: self._warehouse.rows(statement, given, threads=SMALL),
        )
        return _subjects(rows)

    async def alerts(self, owners: Sequence[str]) -> list[AlertRow]:
        """The table's alerts of some owners."""
        found: list[AlertRow] = []
        for part in cuts.texts(owners):
            rows = await self._warehouse.rows(
                f"SELECT {_STORED} FROM alerts FINAL WHERE kind = {{kind:String}} AND owner IN {{owners:Array(String)}}",
                {"kind": self._kind.name, "owners": part},
                threads=SMALL,
            )
            found.extend(alert_row(row) for row in rows)
        return found

    async def alerts_of(self, subjects: Sequence[StateSubject]) -> list[AlertRow]:
        """The table's alerts of some subjects (owner, table and key)."""
        found: list[AlertRow] = []
        for part in cuts.texts(subjects, size=lambda subject: sum(map(len, (*subject[:2], *subject[2])))):
            rows = await self._warehouse.rows(
                f"SELECT {_STORED} FROM alerts FINAL WHERE kind = {{kind:String}} AND owner IN {{owners:Array(String)}} "
                "AND (owner, subject_table, subject_key) IN {subjects:Array(Tuple(String, String, Array(String)))}",
                {
                    "kind": self._kind.name,
                    "owners": sorted({owner for owner, _, _ in part}),
                    "subjects": [(owner, table, list(key)) for owner, table, key in part],
                },
                threads=SMALL,
            )
            found.extend(alert_row(row) for row in rows)
        return found

    async def unpublished_of(self, owner: str, late: int, *, digest: bool = False) -> list[AlertRow]:
        """Some alerts of an owner that are not marked as published; ``late`` and ``digest`` as in :meth:`unpublished`."""
        which = f"{'' if digest else 'NOT '}({_WAITS})"
        return _readable(await self.apart.unpublished(owner, _STORED, which, late))

    async def fresh_of(self, owner: str, since: str) -> tuple[frozenset[tuple[str, str]], int] | None:
        """Identities of an owner's records that were stored since, and the earliest of their event times; None if there are none."""
        return await self.apart.fresh(owner, since, OVERLAP_SECONDS)

    async def unpublished(
        self,
        partitions: Sequence[int],
        since: Swept,
        late: int,
        without: Sequence[str] = (),
        signs: Signs = NO_SIGNS,
        *,
        digest: bool = False,
    ) -> list[AlertRow]:
        """Alerts that are stored and not yet marked as published. The last sweep published all that there were then, so only owners of
        whom an alert was stored since are looked at. ``without``: not of these owners.
        ``digest``: what waits for one (:func:`weftline.domain.digests.waits` with so many hours ``late``); else all but that."""
        waiting = (
            "kind = {kind:String} AND partition IN {partitions:Array(UInt16)} AND NOT published AND NOT historic "
            f"AND owner NOT IN {{without:Array(String)}} AND {'' if digest else 'NOT '}({_WAITS})"
        )
        statement = (
            f"SELECT {_STORED} FROM alerts FINAL WHERE {waiting} "
            f"AND owner IN (SELECT owner FROM alerts WHERE {waiting} AND {_STORED_SINCE})"
        )
        given = {
            "kind": self._kind.name,
            "partitions": list(partitions),
            "without": list(without),
            "late": late,
            **since.parameters,
        }
        rows = await self._unchanged.read(
            "waiting" if digest else "unpublished",
            ["alerts"],
            signs,
            (tuple(partitions), tuple(without), since == NEVER),
            lambda: self._warehouse.rows(statement, given, threads=SMALL),
        )
        return _readable(rows)

    async def put_alerts(self, rows: Sequence[AlertRow]) -> None:
        """Store alerts, each as its own last word."""
        await self._insert_rows("alerts", [alert_columns(self._kind.name, row) for row in rows])

    async def live(self, signs: Signs = NO_SIGNS) -> dict[str, int]:
        """When centers went live (ms, by center), as far as reference data say."""
        return dict(await self._unchanged.read("live", ["center_reference"], signs, None, lambda: self._warehouse.rows(LIVE, {})))

    # who may publish what

    async def grants(self) -> Grants:
        """The grants of the reference data as they stand now."""
        return grants_of(await self._warehouse.rows(ALL, {}))

    # dead letters

    async def put_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters, byte for byte unless they were cut."""
        signed = [
            SignatureColumns(*letter.record[:3], signature=signature)
            for letter in letters
            if (signature := signature_in(letter.record.headers)) is not None
        ]
        await self._insert_rows("dead_letter_signatures", signed)  # first: a letter that is open must be whole
        await self._insert_rows("dead_letters", [letter_columns(letter) for letter in letters])

    # what is tried

    async def tried(self, partitions: Sequence[int]) -> list[Attempt]:
        """What was last noted of these partitions."""
        rows = await self._warehouse.rows(
            "SELECT partition, first, last, times FROM processing_attempts FINAL "
            "WHERE kind = {kind:String} AND partition IN {partitions:Array(UInt16)}",
            {"kind": self._kind.name, "partitions": list(partitions)},
        )
        # Of what was buried so, nothing that is older can come again: a worker reads on from seconds before its predecessor's end.
        buried = await self._warehouse.rows(
            "SELECT DISTINCT partition, offset FROM dead_letters WHERE topic = {topic:String} AND partition IN {partitions:Array(Int32)} "
            "AND reason = 'processing_failed' AND startsWith(detail, {died:String}) AND stored_at > now64(3) - toIntervalDay(1)",
            {"topic": self._kind.topic, "partitions": list(partitions), "died": DiedOf.__name__},
        )
        return [*(Attempt(*row) for row in rows), *(Attempt(partition, offset, offset, BURIED) for partition, offset in buried)]

    async def put_attempts(self, notes: Sequence[Attempt]) -> None:
        """Note what is tried now, or is through."""
        await self._insert_rows("processing_attempts", [AttemptColumns(self._kind.name, *note) for note in notes])


def _subjects(rows: Iterable[Sequence[Any]]) -> list[tuple[StateSubject, int]]:
    return [((owner, table, tuple(key)), version) for owner, table, key, version in rows]


def judged_of(owner: str, partition: int, known: Known, row: StateRow) -> Judged:
    """A state row as a source of alerts. ``known``: of how much it is."""
    return Judged(owner, row.table, row.key, state_version(known.version, row.passed), known.records, partition, row.alerts)


def _with_deadline(alert: Any, content: str) -> str:
    return json.dumps({"by_deadline": alert.by_deadline, "content": content}, ensure_ascii=False)


def _standing(text: str) -> Any:
    """None for one that a newer release stored, with a word that this one lacks."""
    fields = json.loads(text)
    return standing_of(fields["content"], fields["by_deadline"]) if readable(fields["content"]) else None


def _readable(rows: Iterable[Sequence[Any]]) -> list[AlertRow]:
    """Alerts without those of a newer release that this one cannot read: they are left for it to tell."""
    return [row for row in map(alert_row, rows) if readable(row.alert.content)]


async def together(parts: Iterable[Awaitable[None]]) -> None:
    """Await side by side. All come to their end before the first failure is told: another attempt must not meet this one."""
    for result in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
