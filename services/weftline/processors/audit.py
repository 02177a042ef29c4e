"""``weftline audit``: the log against the records, and every table against a fold of the records in memory.

**No false alarms beside live processors.** A row that differs at one look is suspected, no more: its record may be stored and its
fact not yet. What counts as drift has stood still through two looks:

1. The first look reads the tables and then the records of all owners, some thousands at a time, and notes for each suspected owner
   which records it had (their number and the sum of their ranks), and for each suspected window what its facts add up to.
2. Then Kafka is asked where the log ends. Whatever the first look saw stored came from before that place.
3. It waits until the processors have acknowledged the log up to there, which they do after facts, rollups and state are stored, and
   then for two sweeps, which pass deadlines and mend alerts after a crash.
4. The second look reads the tables of the suspects, *then* their records. Same records as before and still a difference: drift. Other
   records than before: looked at again from step 2 on, :data:`ROUNDS` times at most.

Who then still is not settled (a processor is down with work before it, or an owner never rests) is no drift and is counted apart.

**Deadlines.** The first look ends at one moment of the clock, the second at a later one. A row may be as a fold of either has it: a
deadline between them may or may not have been noticed; one before both was passed by the sweeps in between. A moment of the past
(``--as-of``) fits only tables whose processors' clock stands there: a deadline that they saw pass is drift to it.

**Rollups.** The first look adds up the folded facts per minute, hour and day. A suspected window is judged at the second look by the
facts stored in it, each fact that drifts counted as it ought to be. With ``since`` only windows of the owners looked at are judged.

Measured on two cores that others kept busy (load 8): 36,697 records of the log and 34,980 stored ones of 3,803 owners in 8.2 s, 0.23 ms
of CPU a record, 288 MB at most for the whole program, that is some 6 kB a record of those folded at once. Owners are read by
:data:`RECORDS_AT_ONCE` records (a single owner with more is read whole); the sums per minute stay to the end, some 0.5 kB for each
center and minute in which something happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from weftline.contracts.codec import Codec
from weftline.domain.events import Event
from weftline.domain.fold import Record
from weftline.errors import ContractError
from weftline.processors import audit_tables as tables_of
from weftline.processors.audit_log import NOT_ALLOWED, audit_log
from weftline.processors.audit_loss import unseen
from weftline.processors.audit_tables import Difference, Limits, Row, Selection, Stored, Sums, Tables
from weftline.processors.audit_windows import Rolled, Window, facts_of, rollups_of, suspected, touched
from weftline.processors.kinds import GRAINS, Kind
from weftline.processors.registry import kinds as all_kinds
from weftline.runtime.clock import Clock
from weftline.runtime.groups import Group
from weftline.runtime.settings import Settings
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader

#: Records folded at once: some 300 MB. Fewer would scan the owners of all facts more often, since facts are sorted by minute.
RECORDS_AT_ONCE = 50_000
#: Looks after the first.
ROUNDS = 3
#: So many rows of a table are spelled out.
SHOWN = 5
#: A statement may scan a whole table.
STATEMENT_SECONDS = 600.0
#: Seconds that a sweep may take on a busy machine, besides the pause between two of them (WEFTLINE_SWEEP_SECONDS, which the audit
#: must be given as the processors have it).
SWEEP_TAKES = 1.0
#: Pause between two questions to Kafka whether the processors are there.
POLL_SECONDS = 0.5

#: Which records an owner has: their number, and the sum of their ranks. Records are never removed, so both only grow.
Known = tuple[int, int]


@dataclass(slots=True)
class Drift:
    """What is wrong with a table, and the first few rows of it."""

    missing: int = 0
    extra: int = 0
    different: int = 0
    shown: list[Difference] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows that are wrong."""
        return self.missing + self.extra + self.different

    def add(self, difference: Difference) -> None:
        """Count one more."""
        setattr(self, difference.what, getattr(self, difference.what) + 1)
        if len(self.shown) < SHOWN:
            self.shown.append(difference)


@dataclass(slots=True)
class Report:
    """Result of an audit. Every table looked at is in ``drift``; ``unsettled`` are owners and windows that could not be judged.

    ``undecided``: offsets of the log that were there at the beginning, and at the end still waited for a transaction to be committed
    or aborted. What was aborted is not there, and is not missing.

    ``unseen`` says in sentences what no audit can see any more: records that are neither in the log nor in the tables.
    """

    as_of: int
    logged: int = 0
    dead: int = 0
    records: int = 0
    owners: int = 0
    unsettled: int = 0
    undecided: int = 0
    seconds: float = 0.0
    shared_identities: int = 0
    unseen: list[str] = field(default_factory=list)
    drift: dict[str, Drift] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows that are wrong, in all tables."""
        return sum(drift.rows for drift in self.drift.values())

    def add(self, difference: Difference) -> None:
        """Count a difference as drift."""
        self.drift.setdefault(difference.table, Drift()).add(difference)


class Look(NamedTuple):
    """One look at some owners: what is stored, what ought to be, what is wrong with the records themselves, who has which records."""

    stored: Stored
    ought: Tables
    or_ought: Tables
    limits: Limits
    broken: list[Difference]
    known: dict[str, Known]

    def differences(self, kind: Kind) -> Iterator[Difference]:
        """Rows that are not as they ought to be, each once; those that cannot be written over bear their versions."""
        foreign = {(row.table, row.key): row for row in tables_of.unexplained(kind, self.stored, self.limits)}
        for difference in tables_of.differences(self.stored.tables, self.ought, self.or_ought):
            table, key = difference.table, difference.key
            said_wrong = table == "alerts" and difference.stored is not None  # what knows no more leaves it as it is
            if foreign.pop((table, key), None) is not None or difference.what == "extra" or said_wrong:
                versions = self.stored.versions[table][key], self.limits.of(kind, table, key)
                difference = difference._replace(versions=versions)
            yield difference
        yield from foreign.values()


def look(kind: Kind, reader: Reader, codec: Codec, selection: Selection, early: int | None, clock: Clock) -> Look:
    """Read tables, then records, and fold these. ``early``: a moment before; none: the clock after the tables were read."""
    stored = tables_of.stored_by_owner(kind, reader, selection)
    late = clock()
    records, broken, known = read_records(kind, reader, codec, selection)
    ought = tables_of.empty(kind)
    limits = Limits({}, {})
    or_ought = ought if early is None or early == late else {**tables_of.empty(kind), kind.facts: ought[kind.facts]}
    drawn = tables_of.drawn(kind, reader, records)
    for owner, own in records.items():
        history = tables_of.fold_owner(kind, owner, own, late, ought, limits, drawn.get(owner))
        if or_ought is not ought and early is not None:
            tables_of.fold_rows(owner, history.rows(early).rows, or_ought)
    return Look(stored, ought, or_ought, limits, broken, known)


def read_records(
    kind: Kind, reader: Reader, codec: Codec, selection: Selection
) -> tuple[dict[str, list[Record[Any]]], list[Difference], dict[str, Known]]:
    """The records of some owners; those whose address is not that of their value; and who has how many."""
    strand = "strand" if kind.across is not None else "''"
    rows = reader.rows(
        f"SELECT DISTINCT owner, event_time, source, event_id, rank, {strand}, value FROM {kind.records} WHERE {selection.where}",
        selection.parameters,
        binary=("value",),
    )
    records: dict[str, list[Record[Any]]] = {}
    broken: list[Difference] = []
    known: dict[str, Known] = {}
    strands: dict[Row, str] = {}
    for *columns, strand, value in rows:
        address = tuple(columns)
        if address in strands:  # a second row of it, which a former version stored, or which is yet to be merged away
            if strand not in ("", strands[address]):
                broken.append(Difference(kind.records, address, (*address, strand), (*address, strands[address])))
            continue
        owner, _, _, _, rank = address
        count, ranks = known.get(owner, (0, 0))
        known[owner] = (count + 1, ranks + rank)
        record, said = _record(kind, codec, value)
        if said != address:
            broken.append(Difference(kind.records, address, address, said))
        strands[address] = record.event.strand if record is not None else strand
        if strand not in ("", strands[address]):
            broken.append(Difference(kind.records, address, (*address, strand), (*address, strands[address])))
        if record is not None:
            records.setdefault(owner, []).append(record)
    return records, broken, known


def _record(kind: Kind, codec: Codec, value: bytes) -> tuple[Record[Any] | None, Row]:
    try:
        event = codec.decode(kind.topic, value, stored=True)
    except ContractError as error:
        return None, (f"does not read: {error}",)
    if not isinstance(event, Event):
        return None, (f"is a {type(event).__name__}",)
    rank = codec.rank(event, value)
    return Record(event, rank), (event.owner, event.event_time, event.source, event.event_id, rank)


def selections(kind: Kind, reader: Reader, since: int | None) -> Iterator[Selection]:
    """All owners, rows without a record included; with ``since`` (ms) those with records stored from then on."""
    if since is not None:
        rows = reader.rows(
            f"SELECT DISTINCT owner FROM {kind.records} WHERE stored_at >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')",
            {"since": since},
        )
        yield from of_owners(row[0] for row in rows)
        return
    after: str | None = None
    while True:
        found = reader.rows(
            f"SELECT owner, count() FROM {kind.records} WHERE {'1' if after is None else 'owner > {after:String}'} "
            f"GROUP BY owner ORDER BY owner LIMIT {cuts.OWNERS} SETTINGS optimize_aggregation_in_order = 1",
            {} if after is None else {"after": after},
        )
        total, upto = 0, None
        for owner, count in found:
            total += count
            if upto is not None and total > RECORDS_AT_ONCE:
                break
            upto = owner
        else:
            if len(found) < cuts.OWNERS:
                yield Selection.between(after, None)
                return
        yield Selection.between(after, upto)
        after = upto


def of_owners(owners: Iterable[str]) -> Iterator[Selection]:
    """These owners, some thousands at a time."""
    for part in cuts.texts(owners):
        yield Selection.of(part)


class _KindAudit:
    """The audit of one kind, through its looks."""

    def __init__(self, kind: Kind, reader: Reader, codec: Codec, clock: Clock, report: Report) -> None:
        self.kind = kind
        self._reader = reader
        self._codec = codec
        self._clock = clock
        self._report = report
        self._early: int | None = None
        self._owners: dict[str, Known] = {}  # suspected, with the records they had
        self._windows: dict[Window, Row] = {}  # suspected, with what their facts added up to
        self._restated: dict[Window, list[int]] = {}  # by how much facts that drift put windows wrong

    @property
    def suspects(self) -> int:
        """Owners and windows to be looked at again."""
        return len(self._owners) + len(self._windows)

    def first(self, since: int | None) -> None:
        """Look at all; see the module."""
        sums: Sums = {}
        weights: dict[tuple[int, str], int] = {}
        for selection in selections(self.kind, self._reader, since):
            seen = look(self.kind, self._reader, self._codec, selection, None, self._clock)
            self._report.owners += len(seen.known)
            self._report.records += sum(count for count, _ in seen.known.values())
            for difference in seen.broken:
                self._report.add(difference)
            for difference in seen.differences(self.kind):
                owner = difference.key[0]
                self._owners[owner] = seen.known.get(owner, (0, 0))
            tables_of.add_sums(self.kind, seen.ought[self.kind.facts], sums)
            tables_of.add_weights(seen.limits, weights)
        doubted = suspected(self.kind, self._reader, sums, weights) if since is None else touched(sums)
        self._windows = facts_of(self.kind, self._reader, doubted)
        self._early = self._clock()

    def again(self) -> None:
        """Look at the suspects, after the processors have acknowledged what there was at the last look, and have swept."""
        waiting = self._waiting()
        before, self._owners = self._owners, {}
        for selection in of_owners(before):
            seen = look(self.kind, self._reader, self._codec, selection, self._early, self._clock)
            for difference in seen.differences(self.kind):
                owner = difference.key[0]
                known = seen.known.get(owner, (0, 0))
                if known != before[owner] or owner in waiting:
                    self._owners[owner] = known
                    continue
                self._report.add(difference)
                if difference.table == self.kind.facts:
                    self._restate(difference)
        stored = rollups_of(self.kind, self._reader, self._windows)
        now = facts_of(self.kind, self._reader, self._windows)
        unsettled: dict[Window, Row] = {}
        for window, facts in self._windows.items():
            ought = self._ought(window, now[window])
            rolled, most = stored.get(window, Rolled(0, None)), now[window][0]
            if rolled.amounts == ought and rolled.version <= most:
                continue
            if now[window] != facts:
                unsettled[window] = now[window]
                continue
            grain, start, center_id = window
            versions = (rolled.version, most) if rolled.version > most or ought is None else None
            is_, should = (rolled.amounts, ought) if rolled.amounts != ought else (rolled.amounts or (), ought or ())
            self._report.add(Difference(tables_of.rollup(self.kind, grain), (start, center_id), is_, should, versions))
        self._windows = unsettled
        self._early = self._clock()

    def _waiting(self) -> set[str]:
        """Owners too large for a step, whose fold apart is still to come: they are not settled."""
        rows = self._reader.rows(
            "SELECT owner FROM owners_apart WHERE kind = {kind:String} GROUP BY owner HAVING max(stored) > max(folded)",
            {"kind": self.kind.name},
        )
        return {owner for (owner,) in rows}

    def _restate(self, fact: Difference) -> None:
        minute, center_id = tables_of.minute_of(fact.key), fact.key[2]
        ought, stored = tables_of.amounts_of(self.kind, fact.ought), tables_of.amounts_of(self.kind, fact.stored)
        for grain, seconds in GRAINS.items():
            window = (grain, minute // seconds * seconds, center_id)
            own = self._restated.setdefault(window, [0] * len(ought))
            for index, amount in enumerate(ought):
                own[index] += amount - stored[index]

    def _ought(self, window: Window, facts: Row) -> Row | None:
        """What a rollup's row must say: none if all of it is zero, for such a row need not be there."""
        amounts = [amount + by for amount, by in zip(facts[1:], self._restated.get(window, [0] * len(facts[1:])), strict=True)]
        return tuple(amounts) if any(amounts) else None


def audit(
    settings: Settings,
    reader: Reader,
    groups: Callable[[], Sequence[Group]],
    codec: Codec,
    clock: Clock,
    *,
    since: int | None = None,
    patience: float = 60.0,
    kinds: Mapping[str, Kind] | None = None,
) -> Report:
    """One audit. ``groups`` asks Kafka for the processors' places; ``patience`` (s) bounds each wait for them.

    Raises DependencyDown if Kafka or ClickHouse does not answer.
    """
    began = time.monotonic()
    audited = kinds or all_kinds()
    report = Report(clock())
    for kind in audited.values():
        for table in (kind.records, *tables_of.columns(kind)):
            report.drift.setdefault(table, Drift())
    report.drift.setdefault("dead_letters", Drift())
    if settings.publishers == "bound":
        report.drift.setdefault(NOT_ALLOWED, Drift())
    found = groups()
    report.unseen = unseen(found, reader)
    for group in found:
        read = audit_log(audited[group.name], group, settings, codec, reader, since)
        report.logged += read.records
        report.dead += read.dead
        for difference in read.missing:
            report.add(difference)
    parts = {name: _KindAudit(kind, reader, codec, clock, report) for name, kind in audited.items()}
    for part in parts.values():
        part.first(since)
        report.shared_identities += _shared(part.kind, reader) if since is None else 0
    for _ in range(ROUNDS):
        waiting = {name for name, part in parts.items() if part.suspects}
        settled = _settled(waiting, groups, settings.sweep_seconds, patience) if waiting else set()
        if not settled:
            break
        for name in settled:
            parts[name].again()
    report.unsettled = sum(part.suspects for part in parts.values())
    report.undecided = _undecided(found, groups)
    report.seconds = time.monotonic() - began
    return report


def _undecided(before: Sequence[Group], groups: Callable[[], Sequence[Group]]) -> int:
    """Offsets that were there before and may still not be read."""
    if not any(group.undecided for group in before):
        return 0
    stable = {(group.name, position.partition): position.stable for group in groups() for position in group.positions}
    return sum(
        max(position.end - stable.get((group.name, position.partition), position.stable), 0)
        for group in before
        for position in group.positions
        if position.undecided
    )


def _settled(names: set[str], groups: Callable[[], Sequence[Group]], sweep_seconds: float, patience: float) -> set[str]:
    """Wait until these processors have acknowledged the log as it is now, and have swept; those that did."""
    deadline = time.monotonic() + patience
    found = [group for group in groups() if group.name in names]
    ends = {(group.name, position.partition): position.stable for group in found for position in group.positions}

    def behind(group: Group) -> bool:
        return any(position.committed < ends[group.name, position.partition] for position in group.positions)

    def working(group: Group) -> bool:
        """A group without a member gets no further; a broker that does not name members may have some."""
        return group.members is None or bool(group.members)

    def waited_for(group: Group) -> bool:
        # While partitions change hands nobody sweeps.
        return working(group) and (behind(group) or group.state not in ("Stable", "unknown"))

    while any(waited_for(group) for group in found) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        found = [group for group in groups() if group.name in names]
    settled = [group for group in found if not behind(group) and not waited_for(group)]
    if any(working(group) for group in settled):
        time.sleep(2 * (sweep_seconds + SWEEP_TAKES))
    return {group.name for group in settled}


def _shared(kind: Kind, reader: Reader) -> int:
    """Identities (source and event id) under more than one owner: two events to us, and probably a publisher's mistake."""
    rows = reader.rows(
        f"SELECT count() FROM (SELECT cityHash64(source, event_id) AS identity FROM {kind.records} "
        "GROUP BY identity HAVING min(owner) != max(owner))"
    )
    return int(rows[0][0])
