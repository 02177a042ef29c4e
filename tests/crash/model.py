"""The tables as a model in memory, asked one round trip at a time by the real processor (:mod:`.schedules`).

The tables are as ReplacingMergeTree has them: of the rows with one sort key the greatest version is true, of equal ones the later.
Replaced rows are gone at once, which is the least that a query without FINAL may find. The server's clock moves when it is read:
what was stored before and after is all that a sweep asks of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from tests.support.comparing import disagreeing
from weftline.domain.digests import waits
from weftline.domain.fold import Drawn, Known, Outcome, Record, StateRow, Subject
from weftline.domain.reports import Content as Content_
from weftline.domain.reports import Result
from weftline.domain.revisions import Judged, StateSubject, judged_in
from weftline.domain.rows.columns import MODULUS
from weftline.domain.rows.inspections import StrandRow
from weftline.domain.runs import Runs
from weftline.domain.vocabulary import AlertStatus
from weftline.processors import audit_tables, store, store_apart
from weftline.processors.audit_tables import Tables, amounts_of, fold_rows
from weftline.processors.kinds import GRAINS, Kind
from weftline.processors.rows import AlertRow
from weftline.processors.store import NEVER, Swept
from weftline.processors.store_records import Received, Size, Stored

Key = tuple[Any, ...]
#: An owner, and of its batch the ids of the events and the strands.
Asked = tuple[str, frozenset[str], frozenset[str]]


class Row(NamedTuple):
    """What is inserted."""

    key: Key
    version: int
    value: Any


class Kept(NamedTuple):
    """What a table holds under a key. ``stored_at`` is kept where a sweep asks for it."""

    version: int
    stored_at: int
    value: Any


Content = Mapping[Key, Kept]

# What a worker asks for, and then waits.


class Put(NamedTuple):
    """An insert; a message sent is one into a table of what was said."""

    table: str
    rows: tuple[Row, ...]


class Look(NamedTuple):
    """A query: a method of :class:`Database` over these tables."""

    what: str
    tables: tuple[str, ...]
    given: tuple[Any, ...] = ()


class Commit(NamedTuple):
    """Kafka is told that all before this offset is done."""

    end: int


class Idle(NamedTuple):
    """Nothing: the worker waits for a call."""


Request = Put | Look | Commit | Idle
Ask = Callable[[Request], Awaitable[Any]]
IDLE = Idle()


class Database:
    """All tables of a kind. Contents are numbered, so that a state of all tables is a tuple of small numbers (:attr:`empty`)."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        rollups = [audit_tables.rollup(kind, grain) for grain in GRAINS]
        names = (kind.records, kind.facts, *rollups, *kind.states, "alerts", "said", "apart", "clock", "drawn")
        self._place = {name: place for place, name in enumerate(names)}
        self._dated = frozenset((*kind.states, "alerts", "drawn"))
        self._contents: list[Content] = [{}]
        self._numbers: dict[frozenset[tuple[Key, Kept]], int] = {frozenset(): 0}
        self.empty = (0,) * len(names)

    def touched(self, request: Put | Look) -> tuple[int, ...]:
        """Places of the tables on which the answer and the effect depend."""
        if isinstance(request, Look):
            return tuple(self._place[name] for name in request.tables)
        dated = (self._place["clock"],) if request.table in self._dated else ()
        return (self._place[request.table], *dated)

    def content(self, tables: tuple[int, ...], name: str) -> Content:
        """What a table holds."""
        return self._contents[tables[self._place[name]]]

    def perform(self, tables: tuple[int, ...], request: Put | Look) -> tuple[int, int, Any]:
        """One round trip: the place of the table that it changes, the number of its content from then on, and the answer."""
        if isinstance(request, Put):
            return self._place[request.table], self._number(self._after(tables, request)), None
        answer = getattr(self, request.what)(*request.given, *(self.content(tables, name) for name in request.tables))
        place = self._place[request.tables[0]]
        return place, self._number({(): Kept(0, 0, answer)}) if request.what == "now" else tables[place], answer

    def _after(self, tables: tuple[int, ...], put: Put) -> Content:
        content = dict(self.content(tables, put.table))
        clock = self.content(tables, "clock") if put.table in self._dated else None
        for key, version, value in put.rows:
            if key not in content or version >= content[key].version:
                content[key] = Kept(version, clock[()].value if clock else 0, value)
        return content

    def _number(self, content: Content) -> int:
        number = self._numbers.setdefault(frozenset(content.items()), len(self._contents))
        if number == len(self._contents):
            self._contents.append(content)
        return number

    # queries

    def now(self, clock: Content) -> int:
        return 1 + (clock[()].value if clock else 0)

    def known_of(self, asked: tuple[Asked, ...], records: Content) -> tuple[tuple[str, Stored], ...]:
        found = []
        for owner, events, strands in asked:
            own = {key[4]: (key[3], kept.value) for key, kept in records.items() if key[0] == owner}
            there = frozenset(strand for event_id, strand in own.values() if event_id in events)
            of_these = sum(strand in strands for _, strand in own.values())
            if own:
                found.append((owner, Stored(Known(len(own), sum(own)), there, of_these)))
        return tuple(found)

    def records_of(self, strands: tuple[tuple[str, str], ...], records: Content) -> tuple[Key, ...]:
        identities = {(key[0], *key[2:4]) for key, kept in records.items() if (key[0], kept.value) in strands}
        return tuple(sorted(key for key in records if (key[0], *key[2:4]) in identities))

    def ranks_judged(self, owners: tuple[str, ...], strands: Content) -> tuple[tuple[str, int], ...]:
        sums = {owner: sum(_strand(kept).ranks for key, kept in strands.items() if key[0] == owner) for owner in owners}
        return tuple((owner, ranks % MODULUS) for owner, ranks in sums.items())

    def unjudged(self, owners: tuple[str, ...], records: Content, strands: Content) -> tuple[tuple[str, str], ...]:
        stored: dict[tuple[str, str], set[int]] = {}
        for key, kept in records.items():
            stored.setdefault((key[0], kept.value), set()).add(key[4])
        judged = {key: _strand(kept).ranks for key, kept in strands.items()}
        return tuple(key for key, ranks in stored.items() if key[0] in owners and sum(ranks) % MODULUS != judged.get(key, 0))

    def across(self, owners: tuple[str, ...], strands: Content) -> tuple[tuple[str, StrandRow], ...]:
        return tuple((key[0], _strand(kept)) for key, kept in sorted(strands.items()) if key[0] in owners)

    def records(self, owners: tuple[str, ...], records: Content) -> tuple[Key, ...]:
        return tuple(sorted(key for key in records if key[0] in owners))

    def minute(self, windows: tuple[int, ...], facts: Content) -> tuple[Row, ...]:
        rows = [
            ((key[1] // 60_000 * 60, key[2]), kept.version, amounts_of(self.kind, kept.value))
            for key, kept in facts.items()
            if key[1] // 60_000 * 60 in windows
        ]
        return _summed(rows)

    def coarse(self, seconds: int, windows: tuple[int, ...], fine: Content) -> tuple[Row, ...]:
        rows = [((key[0] // seconds * seconds, key[1]), kept.version, kept.value) for key, kept in fine.items()]
        return _summed(row for row in rows if row[0][0] in windows)

    def judged(self, subjects: tuple[StateSubject, ...], state: Content) -> tuple[Judged, ...]:
        return tuple(kept.value[0] for _, kept in sorted(state.items()) if kept.value[0].subject in subjects)

    def due(self, partitions: tuple[int, ...], since: int, before: int, as_of: int, state: Content) -> tuple[str, ...]:
        found = [
            judged.owner
            for _, stored_at, (judged, row) in state.values()
            if judged.partition in partitions
            and row.next_deadline is not None
            and row.next_deadline < as_of
            and (row.next_deadline >= before or stored_at >= since)
        ]
        return tuple(sorted({*found}))

    def drawn(self, owners: tuple[str, ...], drawn: Content) -> tuple[tuple[str, int, Any], ...]:
        return tuple((key[0], kept.version, kept.value) for key, kept in sorted(drawn.items()) if key[0] in owners)

    def restated(self, since: int, records: Content, drawn: Content) -> tuple[str, ...]:
        theirs = {key[0] for key, kept in drawn.items() if kept.stored_at >= since}
        assert self.kind.draws is not None
        return tuple(sorted({key[0] for key in records if self.kind.draws.theirs(key[0]) in theirs}))

    def alerting(
        self, partitions: tuple[int, ...], since: int, live: tuple[tuple[str, int], ...], alerts: Content, *states: Content
    ) -> tuple[tuple[StateSubject, int], ...]:
        if not since:
            judged = [kept.value[0] for state in states for kept in state.values()]
            return disagreeing(partitions, dict(live), judged, [kept.value for kept in alerts.values()])
        found = {
            (kept.value[0].subject, kept.version)
            for state in states
            for kept in state.values()
            if kept.value[0].partition in partitions and kept.stored_at >= since and kept.value[0].alerts
        }
        for kept in alerts.values():
            if kept.value.partition in partitions and kept.stored_at >= since:
                found.add(((kept.value.owner, kept.value.subject_table, kept.value.subject_key), judged_in(kept.version)))
        return tuple(sorted(found))

    def alerts(self, owners: tuple[str, ...], alerts: Content) -> tuple[AlertRow, ...]:
        return tuple(kept.value for key, kept in sorted(alerts.items()) if key[0] in owners)

    def unpublished(
        self, partitions: tuple[int, ...], since: int, without: tuple[str, ...], late: int, digest: bool, alerts: Content
    ) -> tuple[AlertRow, ...]:
        found = [
            kept
            for _, kept in sorted(alerts.items())
            if kept.value.partition in partitions
            and not kept.value.alert.published
            and not kept.value.alert.historic
            and waits(kept.value.alert, late) == digest
        ]
        owners = {kept.value.owner for kept in found if kept.stored_at >= since and kept.value.owner not in without}
        return tuple(kept.value for kept in found if kept.value.owner in owners)

    def known(self, partitions: tuple[int, ...] | None, apart: Content) -> tuple[store_apart.Apart, ...]:
        found: dict[str, dict[str, Kept]] = {}
        for (owner, what), kept in apart.items():
            if partitions is None or kept.value[0] in partitions:
                found.setdefault(owner, {})[what] = kept
        nothing = Kept(0, 0, (0, ""))
        return tuple(
            store_apart.Apart(
                owner, of.get("stored", nothing).version, of.get("folded", nothing).version, of.get("folded", nothing).value[1]
            )
            for owner, of in sorted(found.items())
        )

    # as the audit reads them

    def stored(self, tables: tuple[int, ...]) -> Tables:
        """What all tables hold, in the words of :mod:`weftline.processors.audit_tables`."""
        found = audit_tables.empty(self.kind)
        for state in self.kind.states:
            for key, kept in self.content(tables, state).items():
                fold_rows(key[0], [kept.value[1]], found)
        found["alerts"] = {
            key: (kept.value.alert.content,)
            for key, kept in self.content(tables, "alerts").items()
            if kept.value.alert.status is not AlertStatus.WITHDRAWN
        }
        facts = self.content(tables, self.kind.facts)
        found[self.kind.facts] = {
            key: tuple(list(value) if isinstance(value, tuple) else value for value in kept.value) for key, kept in facts.items()
        }
        for grain in GRAINS:
            name = audit_tables.rollup(self.kind, grain)
            found[name] = {key: kept.value for key, kept in self.content(tables, name).items() if any(kept.value)}
        return found


def _summed(rows: Iterable[tuple[Key, int, Sequence[int]]]) -> tuple[Row, ...]:
    found: dict[Key, tuple[int, tuple[int, ...]]] = {}
    for key, version, values in rows:
        before, sums = found.get(key, (0, (0,) * len(values)))
        found[key] = (before + version, tuple(a + b for a, b in zip(sums, values, strict=True)))
    return tuple(Row(key, version, sums) for key, (version, sums) in sorted(found.items()))


class ModelStore:
    """What a processor uses of :class:`weftline.processors.store.Store`; each round trip is asked for, and waited for.

    ``torn``: every insert is cut into as many as it has rows. ``live``: when centers went live, which nobody changes here.
    """

    def __init__(
        self,
        kind: Kind,
        ask: Ask,
        known: dict[Key, Record[Any]],
        torn: bool = False,
        live: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._kind, self._ask, self._known, self._torn, self._live = kind, ask, known, torn, live

    async def now(self) -> str:
        return f"{await self._ask(Look('now', ('clock',))):09}"

    async def put_records(self, received: Sequence[Received]) -> None:
        rows = []
        for item in received:
            event = item.record.event
            key = (item.owner, event.event_time, event.source, event.event_id, item.record.rank)
            self._known[key] = item.record
            rows.append(Row(key, 0, event.strand))
        await self._put(self._kind.records, rows)

    async def known_of(self, batches: Mapping[str, Sequence[Record[Any]]]) -> dict[str, Stored]:
        asked = tuple(
            (owner, frozenset(record.identity[1] for record in batch), frozenset(record.event.strand for record in batch))
            for owner, batch in batches.items()
        )
        return dict(await self._ask(Look("known_of", (self._kind.records,), (asked,))))

    async def records(self, owners: Sequence[str]) -> dict[str, list[Record[Any]]]:
        keys = await self._ask(Look("records", (self._kind.records,), (tuple(owners),)))
        return {owner: [self._known[key] for key in keys if key[0] == owner] for owner in owners}

    async def records_of(self, strands: Mapping[str, Iterable[str]]) -> dict[str, list[Record[Any]]]:
        asked = tuple(sorted((owner, name) for owner, names in strands.items() for name in names))
        keys = await self._ask(Look("records_of", (self._kind.records,), (asked,)))
        return {owner: [self._known[key] for key in keys if key[0] == owner] for owner in strands}

    async def sizes(self, strands: Mapping[str, Iterable[str]]) -> dict[str, Size]:
        found = await self.records_of(strands)
        return {owner: Size(len(records), 100 * len(records)) for owner, records in found.items()}

    async def ranks_judged(self, owners: Sequence[str]) -> dict[str, int]:
        return dict(await self._ask(Look("ranks_judged", ("strand_state",), (tuple(owners),))))

    async def unjudged(self, owners: Sequence[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for owner, strand in await self._ask(Look("unjudged", (self._kind.records, "strand_state"), (tuple(owners),))):
            found.setdefault(owner, set()).add(strand)
        return found

    async def across(self, subjects: Mapping[str, Iterable[Subject]]) -> dict[str, list[StateRow]]:
        """As the query of :mod:`weftline.processors.inspection_runs`, by the runs of the domain."""
        said = await self._ask(Look("across", ("strand_state",), (tuple(subjects),)))
        return {
            owner: [self._runs(owner, key, [row for of, row in said if of == owner]) for _, *key in own]
            for owner, own in subjects.items()
        }

    def _runs(self, owner: str, key: Sequence[str], strands: Sequence[StrandRow]) -> StateRow:
        runs, told = Runs(), {}
        for row in strands:
            for indicator, failed, tells in zip(row.indicators, row.failed, row.told, strict=True):
                if indicator == key[0]:
                    position = (cast(int, row.tested_at), row.laboratory_id, row.report_number)
                    told[position] = tells
                    runs.insert(Result(position, bool(failed), cast(Content_, None), 0))
        assert self._kind.across is not None
        if not runs.results:
            return self._kind.across.row(owner, tuple(key), None)
        alarming = [[told[result.position] for result in run] for run in runs.alarming]
        last = runs.last.position[0] if runs.last else None
        found = (runs.results, runs.failures, runs.current, runs.longest, last, alarming)
        return self._kind.across.row(owner, tuple(key), found)

    async def put_facts(self, outcomes: Iterable[Outcome]) -> None:
        rows = [
            Row(
                (outcome.owner, fact.event_time, fact.center_id, fact.source, fact.event_id),
                store.fact_version(outcome.version),
                (fact.counts, fact.judgement, *_hashable(fact.amounts)),
            )
            for outcome in outcomes
            for fact in outcome.facts
        ]
        if rows:
            await self._put(self._kind.facts, rows)

    async def refresh(self, minutes: Iterable[int]) -> None:
        touched = tuple(sorted(minutes))
        if not touched:
            return
        fine = self._kind.facts
        for grain, seconds in GRAINS.items():
            windows = tuple(sorted({second // seconds * seconds for second in touched}))
            look = Look("minute", (fine,), (windows,)) if grain == "minute" else Look("coarse", (fine,), (seconds, windows))
            rows = await self._ask(look)
            fine = audit_tables.rollup(self._kind, grain)
            if rows:
                await self.put_windows(fine, rows)

    async def put_windows(self, table: str, rows: Sequence[Row]) -> None:
        """The second half of a refresh."""
        await self._put(table, rows)

    async def put_states(self, rows: Iterable[tuple[Judged, StateRow]]) -> None:
        by_table: dict[str, list[Row]] = {}
        for judged, row in rows:
            kept = Row((judged.owner, *row.key), judged.version, (judged, row._replace(values=_hashable(row.values))))
            by_table.setdefault(row.table, []).append(kept)
        await asyncio.gather(*(self._put(table, of_table) for table, of_table in by_table.items()))

    async def judged(self, subjects: Sequence[StateSubject]) -> list[Judged]:
        tables = [state for state in self._kind.states if any(subject[1] == state for subject in subjects)]
        return [row for state in tables for row in await self._ask(Look("judged", (state,), (tuple(subjects),)))]

    async def due(self, partitions: Sequence[int], since: Swept, as_of: int) -> list[str]:
        given = (tuple(partitions), _time(since), since.as_of, as_of)
        states = [state.name for state in self._kind.states.values() if state.deadlines]
        return sorted({owner for state in states for owner in await self._ask(Look("due", (state,), given))})

    async def drawn(self, owners: Sequence[str]) -> dict[str, Drawn]:
        draws = self._kind.draws
        if draws is None:
            return {}
        rows = await self._ask(Look("drawn", ("drawn",), (tuple(draws.asked(owners)),)))
        return dict(draws.drawn(owners, ((owner, version, 1, *said) for owner, version, said in rows)))

    async def restated(self, since: Swept) -> list[str]:
        if self._kind.draws is None:
            return []
        return list(await self._ask(Look("restated", (self._kind.records, "drawn"), (_time(since),))))

    async def alerting(
        self, partitions: Sequence[int], since: Swept, live: Mapping[str, int], _signs: Any
    ) -> list[tuple[StateSubject, int]]:
        given = (tuple(partitions), _time(since), tuple(sorted(live.items())))
        return list(await self._ask(Look("alerting", ("alerts", *self._kind.states), given)))

    async def alerts(self, owners: Sequence[str]) -> list[AlertRow]:
        return list(await self._ask(Look("alerts", ("alerts",), (tuple(owners),))))

    async def unpublished(
        self, partitions: Sequence[int], since: Swept, late: int, without: Sequence[str], _signs: Any, *, digest: bool = False
    ) -> list[AlertRow]:
        given = (tuple(partitions), _time(since), tuple(without), late, digest)
        return list(await self._ask(Look("unpublished", ("alerts",), given)))

    async def live(self, _signs: Any) -> dict[str, int]:
        return dict(self._live)

    # owners that are folded apart

    @property
    def apart(self) -> ModelStore:
        return self

    async def known(self, partitions: Sequence[int], _signs: Any = None) -> list[store_apart.Apart]:
        return list(await self._ask(Look("known", ("apart",), (tuple(partitions),))))

    async def noted(self, owner: str) -> store_apart.Apart | None:
        found = await self._ask(Look("known", ("apart",), (None,)))
        return next((apart for apart in found if apart.owner == owner), None)

    async def wait(self, owners: Sequence[tuple[str, int, int]]) -> None:
        await self._put("apart", [Row((owner, "stored"), stored, (partition, "")) for owner, partition, stored in owners])

    async def folded(self, owner: str, partition: int, records: int, began: str) -> None:
        await self._put("apart", [Row((owner, "folded"), records, (partition, began))])

    async def fresh_of(self, owner: str, since: str) -> None:
        """All is fresh: what was stored when, the model keeps of no record."""

    async def moments(self, owner: str) -> AsyncIterator[list[Record[Any]]]:
        """One page for each event time, each a round trip: records may come between two of them."""
        times = sorted({key[1] for key in await self._ask(Look("records", (self._kind.records,), ((owner,),)))})
        moment: list[Record[Any]] = []
        for time in times:
            if moment and time >= max(record.event.until for record in moment):
                yield moment
                moment = []
            keys = await self._ask(Look("records", (self._kind.records,), ((owner,),)))
            moment += [self._known[key] for key in keys if key[1] == time]
        if moment:
            yield moment

    async def alerts_of(self, subjects: Sequence[tuple[str, str, tuple[str, ...]]]) -> list[AlertRow]:
        found = await self.alerts(sorted({owner for owner, _, _ in subjects}))
        return [row for row in found if (row.owner, row.subject_table, row.subject_key) in subjects]

    async def unpublished_of(self, owner: str, late: int, *, digest: bool = False) -> list[AlertRow]:
        found = [row for row in await self.alerts([owner]) if not row.alert.published and not row.alert.historic]
        return [row for row in found if waits(row.alert, late) == digest]

    async def put_alerts(self, rows: Sequence[AlertRow]) -> None:
        if rows:
            await self._put("alerts", [Row((row.owner, row.alert.alert_id), row.alert.version, row) for row in rows])

    async def _put(self, table: str, rows: Sequence[Row]) -> None:
        for part in [[row] for row in rows] if self._torn else [rows]:
            await self._ask(Put(table, tuple(part)))


def _strand(kept: Kept) -> StrandRow:
    return StrandRow(*kept.value[1].values)


def _time(since: Swept) -> int:
    return 0 if since == NEVER else int(since.stored_at)


def _hashable(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)
