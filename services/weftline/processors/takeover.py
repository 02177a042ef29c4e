"""Taking partitions over: asks Kafka and ClickHouse what :mod:`.reading` judges by, keeps the marks, and tells of losses.

Whoever takes a partition over judges before the first record is stepped; whatever looks odd while it works (a look with every sweep at
the tables, one of the watchdog at the log) only has it taken over again. So there is one place that judges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from kafka.errors import KafkaError

from weftline.errors import DependencyDown
from weftline.processors.kinds import Kind
from weftline.processors.reading import MARKS, Log, Loss, Mark, Reread, Table, Verdict, judge
from weftline.processors.unchanged import NO_SIGNS, Signs, Unchanged
from weftline.runtime import logging
from weftline.runtime.groups import Group, open_groups
from weftline.runtime.health import Status
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse
from weftline.warehouse.faults import NAME, NotReady

log = logging.get(__name__)

_MARK = {
    "kind": "LowCardinality(String)",
    "partition": "UInt16",
    "topic_id": "String",
    "offset": "Int64",
    "records": "UInt64",
    "tables": "Map(LowCardinality(String), String)",
    "reread_at": "DateTime64(3, 'UTC')",
    "oldest": "Int64",
    "newest": "Int64",
}
_LOSS = {
    "kind": "LowCardinality(String)",
    "topic": "LowCardinality(String)",
    "topic_id": "String",
    "partition": "UInt16",
    "what": "LowCardinality(String)",
    "first": "Int64",
    "last": "Int64",
    "detail": "String",
    "state": "LowCardinality(String)",
    "found_at": "DateTime64(3, 'UTC')",
}


#: The tables of ``names`` as :class:`~weftline.processors.reading.Table` has them, blocks of the table ``records`` alone; then the sign of
#: each (:mod:`.unchanged`). One of several replicas may lag behind what another has said, so that nothing can be told from its parts.
TABLES = (
    "SELECT name, toString(uuid), ifNull(total_rows, 0) = 0, if(name = {records:String}, seen.first, 0), "
    "if(name = {records:String} AND NOT startsWith(engine, 'Replicated'), seen.last, 0), "
    "if(match(engine, '^(Replacing|Summing|Aggregating)?MergeTree$'), concat(toString(uuid), '/', toString(seen.parts)), '') "
    "FROM system.tables LEFT JOIN (SELECT table AS name, toInt64(min(min_block_number)) AS first, toInt64(max(max_block_number)) AS last, "
    "sum(cityHash64(partition_id, min_block_number, max_block_number, level, data_version, modification_time)) AS parts "
    "FROM system.parts WHERE active AND database = currentDatabase() AND table IN {names:Array(String)} GROUP BY table) AS seen "
    "USING (name) WHERE database = currentDatabase() AND name IN {names:Array(String)}"
)
#: The marks of a ``kind``, each behind its partition.
STORED_MARKS = (
    "SELECT partition, topic_id, `offset`, records, tables, reread_at, oldest, newest FROM reading_marks FINAL "
    "WHERE kind = {kind:String}"
)


#: Tables that a sweep looks at besides those that it writes.
LOOKED_AT = ("reread_requests", "losses", "center_reference", "owners_apart")


class Open(NamedTuple):
    """A row of ``losses``: the loss, the topic's id and when it was found (ms)."""

    loss: Loss
    topic_id: str
    found_at: int


def logs_of(group: Group) -> dict[int, Log]:
    """The partitions of a group's topic."""
    return {at.partition: Log(group.topic_id, at.start, at.end, at.place) for at in group.positions}


class Takeover:
    """For the worker of one kind. ``status`` bears what is lost to ``/readyz``."""

    def __init__(self, kind: Kind, warehouse: Warehouse, settings: Settings, status: Status) -> None:
        self._kind = kind
        self._warehouse = warehouse
        self._settings = settings
        self._status = status
        self._marks: dict[int, Mark] = {}  # of partitions held
        self._seen: dict[str, Table] = {}  # the tables, as they were when partitions were last taken over
        self._emptied: set[str] = set()  # tables that lost their rows since, whatever has come after them
        self._asked: dict[int, int] = {}  # the last request seen, by partition
        self._open: list[Open] = []
        self._unchanged = Unchanged()
        #: How many the topic had when the last ones were taken over; and up to below which partition there are rows.
        self.partitions = self._rows_end = 0

    async def over(self, partitions: frozenset[int]) -> dict[int, int]:
        """Judge these partitions. Offsets from which they must be read, where Kafka says otherwise: to be committed before anything is
        read, after which they are taken over again. Raises DependencyDown, also while the topic does not exist."""
        logs = await self._logs()
        if not partitions <= logs.keys():
            problem = (
                f"topic {self._kind.topic} does not exist any more; make it anew (`weftline topics apply`), then `weftline losses`"
            )
            self._status.topic_gone(problem)
            raise DependencyDown("kafka", problem)
        self._status.topic_gone(None)
        self.partitions = len(logs)
        found, _ = await self._tables()
        tables = {name: table._replace(emptied=name in self._emptied) for name, table in found.items()}
        marks, rereads = await self._stored_marks(), await self._rereads(NO_SIGNS)

        def judged(numbers: frozenset[int]) -> dict[int, Verdict]:
            kind = self._kind
            return {
                of: judge(of, logs[of], marks.get(of), kind.records, kind.made_of_each, tables, rereads.get(of)) for of in numbers
            }

        self._rows_end = await self._end_of_rows()
        verdicts = judged(partitions)
        if not marks or any(loss.what == "tables" for verdict in verdicts.values() for loss in verdict.losses):
            # Of all partitions, by whoever comes first: once it has stored a record the tables are not empty any more.
            verdicts = judged(frozenset(logs))
        await self._tell(verdicts, {of: logs[of].topic_id for of in verdicts})
        await self._put_marks({number: verdict.mark for number, verdict in verdicts.items() if verdict.mark != marks.get(number)})
        self._emptied = set()
        self._marks |= {partition: verdicts[partition].mark for partition in partitions}
        self._seen = tables
        self._asked = {partition: reread.asked_at for partition, reread in rereads.items()}
        places = {number: verdicts[number].offset for number in partitions if verdicts[number].offset != logs[number].committed}
        for partition, offset in places.items():
            log.warning("reading from another place", partition=partition, committed=logs[partition].committed, offset=offset)
        return places

    def rows_of(self, held: Collection[int]) -> list[int]:
        """Of which partitions, by what stands in them, the holder of these sees to the rows.

        A row may bear any partition that somebody holds, so it stays as it is when the topic gets more. Of one that the topic does not have
        (it was made anew with fewer, or a backup of such a stack restored) he sees to it whose number is the remainder.
        """
        gone = range(self.partitions, self._rows_end)
        return sorted([*held, *(partition for partition in gone if partition % self.partitions in held)])

    def away(self, partitions: frozenset[int]) -> None:
        """These partitions are gone."""
        for partition in partitions:
            self._marks.pop(partition, None)

    async def keep(self, read: Mapping[int, tuple[int, int]]) -> None:
        """Store that all below an offset is in the tables, and how many records were stored since; by partition."""
        marks = {
            partition: replace(mark, offset=offset, records=mark.records + records)
            for partition, (offset, records) in read.items()
            if (mark := self._marks.get(partition)) is not None
        }
        await self._put_marks(marks)
        self._marks |= marks
        await self._tell_mended()

    async def _tell_mended(self) -> None:
        mended = [one for one in self._open if self._is_mended(one)]
        if mended:
            await self._put_losses(mended, "mended")
            self._open = [one for one in self._open if one not in mended]
            log.info("read again what the tables lacked", losses=[one.loss[:4] for one in mended])

    def _is_mended(self, one: Open) -> bool:
        mark = self._marks.get(one.loss.partition)
        return one.loss.what == "tables" and mark is not None and mark.topic_id == one.topic_id and mark.offset >= one.loss.last

    async def filled(self) -> None:
        """Records were just stored. In a table that was empty their blocks are looked at here and not with the next sweep: as long as
        nothing is known of them, nothing tells that they are gone once others have come (under load a sweep came seconds later)."""
        records = self._kind.records
        was = self._seen.get(records)
        if was is not None and was.empty:
            tables, signs = await self._tables()
            now = tables[records]
            if not signs[records]:
                return  # a replica that lags would look as if it had lost what another one has just taken
            if now.empty:
                self._emptied.add(records)
                self._status.doubt(f"{records}: emptied as soon as it was written")
            elif now.id == was.id:
                # Marks are left to the sweep: in the middle of a step these partitions may already be somebody else's.
                self._seen[records] = now

    async def look(self) -> Signs:
        """Have partitions taken over again if tables were lost beneath, or somebody asked to read again. How the tables are now."""
        tables, signs = await self._tables()
        rereads = await self._rereads(signs)
        lost = [name for name, was in self._seen.items() if tables[name].lost_since(was)]
        self._seen = {name: table._replace(empty=table.empty and name not in lost) for name, table in tables.items()}
        if lost:
            self._emptied |= {*lost} & {self._kind.records}
            self._status.doubt(f"{', '.join(lost)}: lost or replaced while they were written")
        else:
            # A worker that dies before it sees that these blocks are gone leaves word of them. Stored with the next settle; at once
            # where none were known, for there may be nothing to settle.
            now = tables[self._kind.records]
            unknown = {of for of, mark in self._marks.items() if not mark.oldest}
            self._marks = {of: replace(mark, oldest=mark.oldest or now.first, newest=now.last) for of, mark in self._marks.items()}
            await self._put_marks({of: self._marks[of] for of in unknown if now.first})
        asked = [
            p for p in self._marks if p in rereads and rereads[p].asked_at > max(self._asked.get(p, 0), self._marks[p].reread_at)
        ]
        if asked:
            self._status.doubt("somebody asked to read again (weftline reread)")
        await self._read_open(signs)
        # Who read the last of it may have died before it said so, and there may be nothing more to settle.
        await self._tell_mended()
        return signs

    # what is stored

    async def _logs(self) -> dict[int, Log]:
        def read() -> dict[int, Log]:
            with open_groups(self._settings, {self._kind.name: self._kind.topic}) as groups:
                (group,) = groups.read()
            return logs_of(group)

        try:
            return await asyncio.to_thread(read)
        except KafkaError as error:
            raise DependencyDown("kafka", f"{self._settings.kafka}: {error}") from error

    async def _tables(self) -> tuple[dict[str, Table], Signs]:
        ours = {*self._kind.tables, MARKS}
        wanted = sorted(ours | {*LOOKED_AT})
        rows = await self._warehouse.rows(TABLES, {"names": wanted, "records": self._kind.records})
        signs = {row[0]: row[-1] for row in rows}
        if missing := [name for name in wanted if name not in signs]:
            raise NotReady(NAME, f"tables are gone: {', '.join(missing)}; `weftline migrate` makes them anew")
        return {row[0]: Table(row[1], bool(row[2]), *row[3:5]) for row in rows if row[0] in ours}, signs

    async def _stored_marks(self) -> dict[int, Mark]:
        rows = await self._warehouse.rows(STORED_MARKS, {"kind": self._kind.name})
        return {partition: Mark(*mark) for partition, *mark in rows}

    async def _end_of_rows(self) -> int:
        """One more than the greatest partition that a row of state or alerts bears, or an owner that is folded apart."""
        kinds = [f"SELECT max(partition) AS most FROM {name} WHERE kind = {{kind:String}}" for name in ("alerts", "owners_apart")]
        states = [f"SELECT max(partition) AS most FROM {name}" for name in self._kind.states]
        ((most,),) = await self._warehouse.rows(
            f"SELECT max(most) FROM ({' UNION ALL '.join([*kinds, *states])})", {"kind": self._kind.name}
        )
        return int(most) + 1

    async def _put_marks(self, marks: Mapping[int, Mark]) -> None:
        if marks:
            rows = [
                (
                    self._kind.name,
                    partition,
                    mark.topic_id,
                    mark.offset,
                    mark.records,
                    dict(mark.tables),
                    mark.reread_at,
                    mark.oldest,
                    mark.newest,
                )
                for partition, mark in marks.items()
            ]
            await self._insert(MARKS, _MARK, rows)

    async def _rereads(self, signs: Signs) -> dict[int, Reread]:
        asked = "SELECT partition, `offset`, asked_at FROM reread_requests FINAL WHERE kind = {kind:String}"
        rows = await self._unchanged.read(
            "rereads", ["reread_requests"], signs, None, lambda: self._warehouse.rows(asked, {"kind": self._kind.name})
        )
        return {partition: Reread(*reread) for partition, *reread in rows}

    # losses

    async def _tell(self, verdicts: Mapping[int, Verdict], topic_ids: Mapping[int, str]) -> None:
        """Store losses that are new, or that were mended and happened again; what somebody has accepted stays so."""
        found = [Open(loss, topic_ids[number], 0) for number, verdict in verdicts.items() for loss in verdict.losses]
        if found:
            rows = await self._warehouse.rows(
                "SELECT topic_id, partition, what, first, last FROM losses FINAL WHERE kind = {kind:String} AND state != 'mended'",
                {"kind": self._kind.name},
            )
            known = {tuple(row) for row in rows}
            ((now,),) = await self._warehouse.rows("SELECT toUnixTimestamp64Milli(now64(3))")
            new = [one._replace(found_at=now) for one in found if (one.topic_id, *one.loss[:4]) not in known]
            for one in new:
                log.error("loss", partition=one.loss.partition, what=one.loss.what, detail=one.loss.detail)
            await self._put_losses(new, "open")
        await self._read_open(NO_SIGNS)

    async def _read_open(self, signs: Signs) -> None:
        open_ = (
            "SELECT partition, what, first, last, detail, topic_id, found_at FROM open_losses WHERE kind = {kind:String} "
            "ORDER BY found_at, partition"
        )
        rows = await self._unchanged.read(
            "losses", ["losses"], signs, None, lambda: self._warehouse.rows(open_, {"kind": self._kind.name})
        )
        self._open = [Open(Loss(*row[:5]), row[5], row[6]) for row in rows]
        self._status.lost([(one.loss.what, f"partition {one.loss.partition}: {one.loss.detail}") for one in self._open])

    async def _put_losses(self, losses: Sequence[Open], state: str) -> None:
        if losses:
            kind = self._kind
            rows = [(kind.name, kind.topic, one.topic_id, *one.loss, state, one.found_at) for one in losses]
            await self._insert("losses", _LOSS, rows)

    async def _insert(self, table: str, types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
        await self._warehouse.insert(table, list(zip(*rows, strict=True)), list(types), list(types.values()))
