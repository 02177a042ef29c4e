"""What an owner that is folded apart asks of ClickHouse: how large it is, that it waits, and its records one moment after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, NamedTuple

from weftline.domain.canonical import Gathering
from weftline.domain.fold import Record
from weftline.processors.kinds import Kind
from weftline.processors.unchanged import NO_SIGNS, Signs, Unchanged
from weftline.warehouse.client import Warehouse

#: Bytes of records read at once: some 150 MB when the objects of the largest reports stand beside them.
PAGE_BYTES = 4 << 20
#: Alerts that are asked for at once.
ALERTS = 500

_KNOWN = "SELECT owner, max(stored), max(folded), toString(max(folded_at)) FROM owners_apart WHERE kind = {kind:String}"
_MARK = ("kind", "owner", "partition", "stored", "folded", "folded_at")


class Apart(NamedTuple):
    """An owner that is folded apart. ``stored``: so many distinct records had been stored when it was last met; ``folded``: with so
    many it was last folded, and ``folded_at`` is the server's time at which that fold began (empty: never)."""

    owner: str
    stored: int
    folded: int
    folded_at: str

    @property
    def waits(self) -> bool:
        """Records are stored that no fold has seen."""
        return self.folded < self.stored


class ApartStore:
    """The table ``owners_apart`` and what goes with it. Both counts only grow, so that the greatest of each is true, whoever wrote it
    in whatever order."""

    def __init__(self, kind: Kind, warehouse: Warehouse, record: Callable[[str, bytes], Record[Any]], unchanged: Unchanged) -> None:
        self._kind = kind
        self._unchanged = unchanged
        self._warehouse = warehouse
        self._record = record

    async def known(self, partitions: Sequence[int], signs: Signs = NO_SIGNS) -> list[Apart]:
        """The owners of these partitions that were folded apart, or are to be."""
        # Notes of one owner may bear several partitions, if its topic got more meanwhile: it is the greatest that decides.
        statement = f"{_KNOWN} GROUP BY owner HAVING max(partition) IN {{partitions:Array(UInt16)}}"
        given = {"kind": self._kind.name, "partitions": list(partitions)}
        rows = await self._unchanged.read(
            "known", ["owners_apart"], signs, tuple(partitions), lambda: self._warehouse.rows(statement, given)
        )
        return [_apart(*row) for row in rows]

    async def noted(self, owner: str) -> Apart | None:
        """What is noted of one owner; None if it was never folded apart."""
        given = {"kind": self._kind.name, "owner": owner}
        rows = await self._warehouse.rows(f"{_KNOWN} AND owner = {{owner:String}} GROUP BY owner", given)
        return _apart(*rows[0]) if rows else None

    async def wait(self, owners: Sequence[tuple[str, int, int]]) -> None:
        """Note that these (owner, partition, distinct records stored) are to be folded apart."""
        if owners:
            await self._put([(owner, partition, stored, 0, "1970-01-02 00:00:00") for owner, partition, stored in owners])

    async def folded(self, owner: str, partition: int, records: int, began: str) -> None:
        """Note that an owner was folded with so many records, by a fold that began then."""
        await self._put([(owner, partition, 0, records, began)])

    async def _put(self, rows: Sequence[tuple[Any, ...]]) -> None:
        await self._warehouse.command(
            f"INSERT INTO owners_apart ({', '.join(_MARK)}) SELECT {{kind:String}}, row.1, row.2, row.3, row.4, "
            "toDateTime64(row.5, 3, 'UTC') FROM (SELECT arrayJoin({rows:Array(Tuple(String, UInt16, UInt64, UInt64, String))}) AS row)",
            {"kind": self._kind.name, "rows": rows},
        )

    async def fresh(self, owner: str, since: str, overlap: int) -> tuple[frozenset[tuple[str, str]], int] | None:
        """Identities of the records stored since then, and the earliest of their event times (ms); None if there are none."""
        rows = await self._warehouse.rows(
            f"SELECT source, event_id, toUnixTimestamp64Milli(min(event_time)) FROM {self._kind.records} WHERE owner = {{owner:String}} "
            "AND stored_at >= toDateTime64({since:String}, 3, 'UTC') - toIntervalSecond({overlap:UInt32}) GROUP BY source, event_id",
            {"owner": owner, "since": since, "overlap": overlap},
        )
        return (frozenset((row[0], row[1]) for row in rows), min(row[2] for row in rows)) if rows else None

    async def moments(self, owner: str) -> AsyncIterator[list[Record[Any]]]:
        """All records of an owner, repeats dropped, by moment, in order of time (:func:`weftline.domain.canonical.moments`)."""
        gathering: Gathering[Record[Any]] = Gathering()
        async for record in self._by_time(owner):
            if ended := gathering.take(record):
                yield ended
        if gathering.moment:
            yield gathering.moment

    async def _by_time(self, owner: str) -> AsyncIterator[Record[Any]]:
        """All records of an owner, repeats dropped, in the order of their event times."""
        found = await self._warehouse.columns(
            f"SELECT toUnixTimestamp64Milli(event_time) AS time, sum(length(value)) FROM {self._kind.records} "
            "WHERE owner = {owner:String} GROUP BY time ORDER BY time",
            {"owner": owner},
        )
        for first, last in _pages(*found) if found else ():
            rows = await self._warehouse.rows(
                f"SELECT DISTINCT toUnixTimestamp64Milli(event_time) AS time, source, event_id, rank, value FROM {self._kind.records} "
                "WHERE owner = {owner:String} AND event_time >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') "
                "AND event_time <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') ORDER BY time",
                {"owner": owner, "first": first, "last": last},
                binary=("value",),
            )
            seen: set[tuple[Any, ...]] = set()
            at = first
            for time, source, event_id, rank, value in rows:
                if time != at:
                    seen, at = set(), time
                if (source, event_id, rank) not in seen:
                    seen.add((source, event_id, rank))
                    yield self._record(owner, value)

    async def unpublished(self, owner: str, columns: str, which: str, late: int) -> list[Any]:
        """Some rows of alerts of an owner that are not marked as published; ``which``: a condition, perhaps with ``late``."""
        return await self._warehouse.rows(
            f"SELECT {columns} FROM alerts FINAL WHERE kind = {{kind:String}} AND owner = {{owner:String}} "
            f"AND NOT published AND NOT historic AND {which} ORDER BY alert_id LIMIT {ALERTS}",
            {"kind": self._kind.name, "owner": owner, "late": late},
        )


def _apart(owner: str, stored: int, folded: int, began: str) -> Apart:
    return Apart(owner, stored, folded, began if folded else "")


def _pages(times: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last event time of each page of moments."""
    first, total = None, 0
    last = 0
    for time, size in zip(times, sizes, strict=True):
        if first is not None and total + size > PAGE_BYTES:
            yield first, last
            first, total = None, 0
        first = time if first is None else first
        last, total = time, total + size
    if first is not None:
        yield first, last
