"""Reference data in ClickHouse: loading entries, and who is known or named without being known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.publishers import Grant
from weftline.contracts.reference import Center, Factory, Reference
from weftline.warehouse import publishers
from weftline.warehouse.client import Reader

_COLUMNS: Final = "valid_from, cooperative_id, name_zh, name_en, source"
#: When centers went live (ms): as the latest entry says that says it at all.
LIVE: Final = (
    "SELECT center_id, toUnixTimestamp64Milli(assumeNotNull(argMax(live_from, valid_from))) FROM center_reference FINAL "
    "WHERE live_from IS NOT NULL GROUP BY center_id"
)
#: What only a center's entry has, with types: the time as milliseconds.
_CENTER: Final = {"rounds_per_day": "Nullable(Float64)", "live_from": "Nullable(Int64)"}
#: Events of so many days are looked at for parties that nobody knows: a bound for the work, and what is older is no news.
DAYS: Final = 90
#: Entries stored by one statement: its text stays below some megabytes.
ENTRIES: Final = 2_000


class Loaded(NamedTuple):
    """What loading did: entries that are new, that replaced one of the same id and day, that were there already.

    ``later``: of all these, entries that hold from a day that is yet to come.
    """

    new: int
    changed: int
    same: int
    later: int


class Known(NamedTuple):
    """A party as it is known today. ``live_from``: when a center went live (ms)."""

    id: str
    cooperative_id: str
    name_zh: str
    name_en: str
    rounds_per_day: float | None = None
    live_from: int | None = None


class Unknown(NamedTuple):
    """A party that events name and reference data does not; ``last`` is the newest event time (ms, UTC)."""

    kind: str
    id: str
    cooperative_id: str
    events: int
    last: int


class Listed(NamedTuple):
    """The first parties of a list, and how many there are."""

    parties: list[Any]
    total: int


def load(server: Reader, reference: Reference) -> Loaded:
    """Store what is not stored already: loading a file twice writes nothing the second time."""
    ((today,),) = server.rows("SELECT today()")
    counts = [
        _load(
            server, "center_reference", "center_id", [(*_row(c), c.rounds_per_day, c.live_from) for c in reference.centers], today
        ),
        _load(server, "factory_reference", "factory_id", [_row(f) for f in reference.factories], today),
        _load_grants(server, reference.publishers, today),
    ]
    return Loaded(*map(sum, zip(*counts, strict=True)))


def _load_grants(server: Reader, grants: Sequence[Grant], today: date) -> Loaded:
    return Loaded(*publishers.load(server, grants), sum(grant.valid_from > today for grant in grants))


def _row(party: Center | Factory) -> tuple[Any, ...]:
    return (party.id, party.valid_from, party.cooperative_id, party.name_zh, party.name_en, party.source)


def _load(server: Reader, table: str, key: str, rows: Sequence[tuple[Any, ...]], today: date) -> Loaded:
    more = _CENTER if table == "center_reference" else {}
    columns = f"{key}, {_COLUMNS}{''.join(f', {name}' for name in more)}"
    places = [f"row.{n}" for n in range(1, columns.count(",") + 2)]
    read, written = columns, ", ".join(places)
    if more:
        read = columns.replace("live_from", "toUnixTimestamp64Milli(live_from)")
        written = f"{', '.join(places[:-1])}, fromUnixTimestamp64Milli({places[-1]}, 'UTC')"
    stored = {row[:2]: row for row in server.rows(f"SELECT {read} FROM {table} FINAL")}
    different = [row for row in rows if stored.get(row[:2]) != row]
    for begin in range(0, len(different), ENTRIES):
        kind = f"Tuple({', '.join(('String', 'Date', 'String', 'String', 'String', 'String', *more.values()))})"
        # Not VALUES, which would be an asynchronous insert by default.
        server.command(
            f"INSERT INTO {table} ({columns}) SELECT {written} FROM (SELECT arrayJoin({{rows:Array({kind})}}) AS row)",
            {"rows": different[begin : begin + ENTRIES]},
        )
    changed = sum(row[:2] in stored for row in different)
    later = sum(row[1] > today for row in rows)
    return Loaded(len(different) - changed, changed, len(rows) - len(different), later)


def known_centers(server: Reader, limit: int) -> Listed:
    """Centers as they are known today, by id."""
    return _known(
        server,
        "center_id, cooperative_id, name_zh, name_en, rounds_per_day, toUnixTimestamp64Milli(live_from) FROM centers ORDER BY center_id",
        limit,
    )


def known_factories(server: Reader, limit: int) -> Listed:
    """Factories as they are known today, by id."""
    return _known(server, "factory_id, cooperative_id, name_zh, name_en FROM factories ORDER BY factory_id", limit)


def _known(server: Reader, rest: str, limit: int) -> Listed:
    rows = server.rows(f"SELECT count() OVER (), {rest} LIMIT {{limit:UInt32}}", {"limit": limit})
    return Listed([Known(*row[1:]) for row in rows], rows[0][0] if rows else 0)


def granted(server: Reader, limit: int) -> Listed:
    """Grants of publishers, by publisher and day."""
    grants = sorted(publishers.read_grants(server).all, key=lambda grant: (grant.publisher_id, grant.valid_from, grant.public_key))
    return Listed(grants[:limit], len(grants))


def unknown(server: Reader, limit: int, days: int = DAYS) -> Listed:
    """Parties that events of the last ``days`` name and that are not known today; those with the most events first.

    Only events that count: a misspelt id goes away when its event is declared erroneous. The bound on the time is one on the work
    (partitions and the sort key are pruned by it). Of 10^7 facts in a year, 90 days take 0.1 s and all of them 0.3 s.
    """
    parts = [
        f"SELECT '{kind}' AS kind, {kind}_id AS id, argMax(cooperative_id, event_time) AS cooperative, count() AS n, "
        f"max(event_time) AS last FROM {table} FINAL WHERE minute >= now() - toIntervalDay({{days:UInt32}}) AND counts "
        f"AND {kind}_id NOT IN (SELECT {kind}_id FROM {view}) GROUP BY id"
        for kind, view in (("center", "centers"), ("factory", "factories"))
        for table in [events.facts for events in BY_PROCESSOR.values()]
    ]
    rows = server.rows(
        "SELECT count() OVER (), kind, id, argMax(cooperative, last), sum(n) AS events, toUnixTimestamp64Milli(max(last)) "
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY kind, id ORDER BY kind, events DESC, id LIMIT {{limit:UInt32}}",
        {"limit": limit, "days": days},
    )
    return Listed([Unknown(*row[1:]) for row in rows], rows[0][0] if rows else 0)


def names_of_factories(server: Reader, time: int) -> dict[str, tuple[str, str]]:
    """What factories were called then (ms): (Chinese, English); of the entries that hold from that day or before, the latest."""
    rows = server.rows(
        "SELECT factory_id, argMax((name_zh, name_en), valid_from) FROM factory_reference FINAL "
        "WHERE valid_from <= toDate(fromUnixTimestamp64Milli({time:Int64})) GROUP BY factory_id",
        {"time": time},
    )
    return {factory: (zh, en) for factory, (zh, en) in rows}
