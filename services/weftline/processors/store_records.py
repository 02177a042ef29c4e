"""The records of one kind as its processor writes and reads them: all of an owner, or those of some strands. One round trip each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from weftline.contracts.codec import Codec
from weftline.domain.events import Event
from weftline.domain.fold import NOTHING, Known, Record
from weftline.errors import ContractError
from weftline.processors.kinds import Kind
from weftline.warehouse import cuts
from weftline.warehouse.client import Warehouse

N = TypeVar("N", str, tuple[str, str])

_KNOWN: Final = "owner, length(groupUniqArray(rank)), arraySum(rank -> toUInt128(rank), groupUniqArray(rank))"
_IN_STRANDS: Final = "((owner, strand) IN {strands:Array(Tuple(String, String))} OR strand = '')"
_ADDRESS: Final = "owner, event_time, source, event_id, rank"

#: What every step, settle and sweep reads is small: on one thread the engine takes 68 % of a core at 1,000 events/s, on all of them 73
#: and 76 (one paired run on two busy cores).
SMALL: Final = 1


class Received(NamedTuple):
    """A record of the batch: where it came from, and what it says."""

    raw_index: int
    owner: str
    record: Record[Any]
    value: bytes


class Size(NamedTuple):
    """How much is stored, repeats included."""

    records: int
    size: int


class Stored(NamedTuple):
    """What is stored of an owner, whose batch was asked about: how much; in which strands there are events with the ids of those of the
    batch; and how many records there are in the strands of the batch."""

    known: Known = NOTHING
    strands: frozenset[str] = frozenset()
    records: int = 0


def record_columns(kind: Kind) -> tuple[str, ...]:
    """Columns of a kind's records; the strand where an owner has several."""
    return ("owner", "event_time", "source", "event_id", "rank", "value", *(["strand"] if kind.across else []))


class RecordStore:
    """The part of a :class:`~weftline.processors.store.Store` that is about records.

    A record that a former version stored has no strand in its row (``weftline rebuild`` gives it one), and is read with every strand.
    """

    def __init__(self, kind: Kind, warehouse: Warehouse, codec: Codec, types: Mapping[str, Mapping[str, str]]) -> None:
        self._kind = kind
        self._warehouse = warehouse
        self._codec = codec
        self._types = types

    async def _insert(
        self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]], times: Sequence[int] | None = None
    ) -> None:
        types = self._types[table]
        await self._warehouse.insert(table, columns, names, [types[name] for name in names], times)

    async def put_records(self, received: Sequence[Received]) -> None:
        """Store records, raw."""
        names = record_columns(self._kind)
        columns: list[list[Any]] = [[] for _ in names]
        for _, owner, record, value in received:
            event = record.event
            cells = (owner, event.event_time, event.source, event.event_id, record.rank, value, event.strand)
            for column, cell in zip(columns, cells, strict=False):
                column.append(cell)
        await self._insert(self._kind.records, names, columns)

    async def known_of(self, batches: Mapping[str, Sequence[Record[Any]]]) -> dict[str, Stored]:
        """What is stored of each owner, beside a batch of its records. Records are told apart by rank, 62 bits of a hash of all of the
        content, on which the fold relies anyway.

        For 100 owners with 5,000 records each 41 ms of CPU; to count them alone takes 34, with the whole address 60 % more.
        """
        if self._kind.across is None:
            return {
                owner: Stored(Known(count, version), frozenset([""]), count)
                for part in cuts.texts(list(batches))
                for owner, count, version in await self._warehouse.rows(
                    f"SELECT {_KNOWN} FROM {self._kind.records} WHERE owner IN {{owners:Array(String)}} GROUP BY owner",
                    {"owners": part},
                    threads=SMALL,
                )
            }
        found: dict[str, Stored] = {}
        asked = [
            (owner, *of)
            for owner, batch in batches.items()
            for of in [(record.identity[1], record.event.strand) for record in batch] or [("", "")]
        ]
        for some in cuts.texts(asked, size=_length):
            rows = await self._warehouse.rows(
                f"SELECT {_KNOWN}, groupUniqArrayIf(strand, event_id IN {{events:Array(String)}} AND strand != ''), "
                f"length(groupUniqArrayIf(rank, {_IN_STRANDS})) "
                f"FROM {self._kind.records} WHERE owner IN {{owners:Array(String)}} GROUP BY owner",
                {
                    "owners": _distinct(owner for owner, _, _ in some),
                    "events": _distinct(event for _, event, _ in some),
                    "strands": _distinct((owner, strand) for owner, _, strand in some),
                },
                threads=SMALL,
            )
            for owner, count, version, strands, records in rows:
                # Of an owner that is asked about in several turns the first says how much is known: no content may be older than that.
                before = found.get(owner, Stored(Known(count, version)))
                found[owner] = Stored(before.known, before.strands.union(strands), before.records + records)
        return found

    async def records(self, owners: Sequence[str]) -> dict[str, list[Record[Any]]]:
        """All records of some owners, each once."""
        found: dict[str, list[Record[Any]]] = {owner: [] for owner in owners}
        for part in cuts.texts(owners):
            await self._read("owner IN {owners:Array(String)}", {"owners": part}, found)
        return found

    async def records_of(self, strands: Mapping[str, Collection[str]]) -> dict[str, list[Record[Any]]]:
        """The records of some strands, by owner, each once; and of other strands what has an identity in common with them, for that decides
        what stands."""
        if self._kind.across is None:
            return await self.records(list(strands))
        found: dict[str, list[Record[Any]]] = {owner: [] for owner in strands}
        for part in cuts.texts(_pairs(strands), size=_length):
            theirs = "owner IN {owners:Array(String)}"
            of_these = f"SELECT owner, source, event_id FROM {self._kind.records} WHERE {theirs} AND {_IN_STRANDS}"
            given = {"owners": _distinct(owner for owner, _ in part), "strands": part}
            await self._read(f"{theirs} AND (owner, source, event_id) IN ({of_these})", given, found)
        return found

    async def _read(self, where: str, given: Mapping[str, Any], found: dict[str, list[Record[Any]]]) -> None:
        rows = await self._warehouse.rows(
            f"SELECT DISTINCT {_ADDRESS}, value FROM {self._kind.records} WHERE {where}", given, binary=("value",)
        )
        seen: set[tuple[Any, ...]] = set()
        for row in rows:
            address = row[:5]
            if address in seen:
                continue
            seen.add(address)
            found[row[0]].append(self._record(row[0], row[5]))

    async def name_strands(self, owners: Sequence[str]) -> int:
        """Store the records of some owners again that a former version stored without their strand; how many there were."""
        if self._kind.across is None:
            return 0
        named = 0
        for part in cuts.texts(owners):
            rows = await self._warehouse.rows(
                f"SELECT owner, value FROM {self._kind.records} WHERE owner IN {{owners:Array(String)}} AND strand = ''",
                {"owners": part},
                binary=("value",),
            )
            if rows:
                await self.put_records([Received(0, owner, self._record(owner, value), value) for owner, value in rows])
            named += len(rows)
        return named

    async def sizes(self, strands: Mapping[str, Collection[str]]) -> dict[str, Size]:
        """How much there is of some strands, by owner, repeats included."""
        found: dict[str, Size] = {}
        for part in cuts.texts(_pairs(strands), size=_length):
            which, given = ("1", {}) if self._kind.across is None else (_IN_STRANDS, {"strands": part})
            rows = await self._warehouse.rows(
                f"SELECT owner, count(), sum(length(value)) FROM {self._kind.records} "
                f"WHERE owner IN {{owners:Array(String)}} AND {which} GROUP BY owner",
                {"owners": _distinct(owner for owner, _ in part), **given},
                threads=SMALL,
            )
            for owner, records, size in rows:
                before = found.get(owner, Size(0, 0))
                found[owner] = Size(before.records + records, before.size + size)
        return found

    async def unjudged(self, owners: Sequence[str]) -> dict[str, set[str]]:
        """The strands of which other records are stored than they were last judged from, by owner; one without a name stands for
        all records without one."""
        across = self._kind.across
        if across is None:
            return {}
        found: dict[str, set[str]] = {}
        for part in cuts.texts(owners):
            rows = await self._warehouse.rows(
                "SELECT owner, strand FROM (SELECT owner, strand, sum(rank) AS ranks FROM ("
                f"SELECT owner, rank, max(strand) AS strand FROM {self._kind.records} WHERE owner IN {{owners:Array(String)}} "
                "GROUP BY owner, rank) GROUP BY owner, strand) AS stored "
                f"LEFT JOIN (SELECT owner, strand, ranks FROM {across.strands} FINAL WHERE owner IN {{owners:Array(String)}}) AS judged "
                "USING (owner, strand) WHERE stored.ranks != judged.ranks",
                {"owners": part},
            )
            for owner, strand in rows:
                found.setdefault(owner, set()).add(strand)
        return found

    def _record(self, owner: str, data: bytes) -> Record[Any]:
        try:
            event, rank = self._codec.stored(self._kind.topic, data)
        except ContractError as error:
            raise RuntimeError(f"a stored record of {owner} no longer reads: {error}") from error
        if not isinstance(event, Event):
            raise TypeError(f"a stored record of {owner} is a {type(event).__name__}")
        return Record(event, rank)


def _pairs(named: Mapping[str, Collection[str]]) -> list[tuple[str, str]]:
    return [(owner, name) for owner, names in named.items() for name in sorted(names)]


def _length(texts: Sequence[str]) -> int:
    return sum(map(len, texts))


def _distinct(names: Iterable[N]) -> list[N]:
    return sorted(set(names))
