"""Reference data in ClickHouse: loading entries, and who is known or named without being known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.publishers import Grant
from weftline.contracts.reference import Reference
from weftline.warehouse import publishers
from weftline.warehouse.client import Reader


class Table(NamedTuple):
    """Where a list of the file is kept: its key, beside the day, and what else it says, with ClickHouse's types."""

    part: str
    name: str
    key: Mapping[str, str]
    said: Mapping[str, str]


#: When centers went live (ms): as the latest entry says that says it at all.
LIVE: Final = (
    "SELECT center_id, toUnixTimestamp64Milli(assumeNotNull(argMax(live_from, valid_from))) FROM center_reference FINAL "
    "WHERE live_from IS NOT NULL GROUP BY center_id"
)
_NAMED: Final = {"name_zh": "String", "name_en": "String", "source": "String"}
#: How a time and a capacity travel: milliseconds, and pairs.
_TIME: Final = "Nullable(Int64)"
_PAIRS: Final = "Array(Tuple(String, Float64))"
#: What is loaded: list of the file → its table.
TABLES: Final = (
    Table("cooperatives", "cooperative_reference", {"cooperative_id": "String"}, _NAMED),
    Table(
        "centers",
        "center_reference",
        {"center_id": "String"},
        {
            **{"cooperative_id": "String", **_NAMED},
            **{"rounds_per_day": "Nullable(Float64)", "live_from": _TIME, "capacity": _PAIRS},
        },
    ),
    Table("factories", "factory_reference", {"factory_id": "String"}, {"cooperative_id": "String", **_NAMED}),
    Table(
        "products",
        "product_reference",
        {"factory_id": "String", "style_number": "String"},
        {"product_category": "String", **_NAMED},
    ),
    Table(
        "contacts",
        "contact_reference",
        {"factory_id": "String", "cooperative_id": "String", "center_id": "String", "contact": "String"},
        {"receiver": "String", "name": "String", "source": "String"},
    ),
    Table(
        "aliases",
        "alias_reference",
        {"kind": "String", "used_by": "String", "alias": "String"},
        {"id": "String", "source": "String"},
    ),
)
_READ: Final = {_TIME: "toUnixTimestamp64Milli({})", _PAIRS: f"CAST({{}}, '{_PAIRS}')"}
_WRITTEN: Final = {_TIME: "fromUnixTimestamp64Milli({}, 'UTC')", _PAIRS: "CAST({}, 'Map(String, Float64)')"}
#: Kinds of party → the view of those that are known today.
VIEWS: Final = {"cooperative": "cooperatives", "center": "centers", "factory": "factories"}
#: Events of so many days are looked at for parties that nobody knows: a bound for the work, and what is older is no news.
DAYS: Final = 90
#: So many parties are named that an unknown one may be.
LIKELY: Final = 3
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
    capacity: Mapping[str, float] = {}


class Unknown(NamedTuple):
    """A party that events name and reference data does not; ``last`` is the newest event time (ms, UTC).

    ``likely``: whom of those that are known it may mean, the likeliest first; see :func:`likely`.
    """

    kind: str
    id: str
    cooperative_id: str
    events: int
    last: int
    likely: tuple[str, ...] = ()


class Listed(NamedTuple):
    """The first parties of a list, and how many there are."""

    parties: list[Any]
    total: int


def load(server: Reader, reference: Reference) -> Loaded:
    """Store what is not stored already: loading a file twice writes nothing the second time."""
    ((today,),) = server.rows("SELECT today()")
    counts = [_load(server, table, getattr(reference, table.part), today) for table in TABLES]
    return Loaded(*map(sum, zip(*counts, _load_grants(server, reference.publishers, today), strict=True)))


def _load_grants(server: Reader, grants: Sequence[Grant], today: date) -> Loaded:
    return Loaded(*publishers.load(server, grants), sum(grant.valid_from > today for grant in grants))


def _load(server: Reader, table: Table, entries: Sequence[Any], today: date) -> Loaded:
    if not entries:
        return Loaded(0, 0, 0, 0)
    types = {**table.key, "valid_from": "Date", **table.said}
    own = len(table.key) + 1
    # A party's own id is called id in the file, and by its kind in the table.
    asked = {name: "id" if len(table.key) == 1 and name in table.key else name for name in types}
    rows = [tuple(_given(getattr(entry, asked[name])) for name in types) for entry in entries]
    read = ", ".join(_READ.get(kind, "{}").format(name) for name, kind in types.items())
    stored = {row[:own]: row for row in server.rows(f"SELECT {read} FROM {table.name} FINAL")}
    different = [row for row in rows if stored.get(row[:own]) != row]
    written = ", ".join(_WRITTEN.get(kind, "{}").format(f"row.{place}") for place, kind in enumerate(types.values(), 1))
    for begin in range(0, len(different), ENTRIES):
        # Not VALUES, which would be an asynchronous insert by default.
        server.command(
            f"INSERT INTO {table.name} ({', '.join(types)}) SELECT {written} "
            f"FROM (SELECT arrayJoin({{rows:Array(Tuple({', '.join(types.values())}))}}) AS row)",
            {"rows": different[begin : begin + ENTRIES]},
        )
    changed = sum(row[:own] in stored for row in different)
    later = sum(row[own - 1] > today for row in rows)
    return Loaded(len(different) - changed, changed, len(rows) - len(different), later)


def _given(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, Mapping) else value


def known_centers(server: Reader, limit: int) -> Listed:
    """Centers as they are known today, by id."""
    return _known(
        server,
        "center_id, cooperative_id, name_zh, name_en, rounds_per_day, toUnixTimestamp64Milli(live_from), capacity FROM centers "
        "ORDER BY center_id",
        limit,
    )


def known_factories(server: Reader, limit: int) -> Listed:
    """Factories as they are known today, by id."""
    return _known(server, "factory_id, cooperative_id, name_zh, name_en FROM factories ORDER BY factory_id", limit)


def _known(server: Reader, rest: str, limit: int) -> Listed:
    rows = server.rows(f"SELECT count() OVER (), {rest} LIMIT {{limit:UInt32}}", {"limit": limit})
    return Listed([Known(*row[1:]) for row in rows], rows[0][0] if rows else 0)


#: Views whose rows are shown as they are → their columns, by which they are in order.
_SHOWN: Final = {
    "cooperatives": ("cooperative_id", "name_zh", "name_en"),
    "products": ("factory_id", "style_number", "product_category", "name_zh", "name_en"),
    "contacts": ("factory_id", "cooperative_id", "center_id", "contact", "reached_by", "called"),
    "aliases": ("kind", "used_by", "alias", "party"),
}


def listed(server: Reader, view: str, limit: int) -> Listed:
    """What one of the other views has today, by name."""
    names = _SHOWN[view]
    asked = f"SELECT count() OVER (), {', '.join(names)} FROM {view} ORDER BY {', '.join(names)} LIMIT {{limit:UInt32}}"
    rows = server.rows(asked, {"limit": limit})
    return Listed([dict(zip(names, row[1:], strict=True)) for row in rows], rows[0][0] if rows else 0)


def granted(server: Reader, limit: int) -> Listed:
    """Grants of publishers, by publisher and day."""
    grants = sorted(publishers.read_grants(server).all, key=lambda grant: (grant.publisher_id, grant.valid_from, grant.public_key))
    return Listed(grants[:limit], len(grants))


def unknown(server: Reader, limit: int, days: int = DAYS) -> Listed:
    """Parties that events of the last ``days`` name and that are not known today; those with the most events first.

    Only events that count: a misspelt id goes away when its event is declared erroneous. Whom the event's source calls by an alias is
    known, and so is a cooperative where it stands in the place of a member. Where no cooperative is known at all, none is asked for. The
    bound on the time is one on the work (partitions and the sort key are pruned by it). Of 10^7 facts in a year, 90 days take 0.1 s and
    all of them 0.3 s.
    """
    ((cooperatives,),) = server.rows("SELECT count() FROM cooperatives")
    parts = [
        f"SELECT '{kind}' AS kind, {kind}_id AS id, argMax(cooperative_id, event_time) AS cooperative, count() AS n, "
        f"max(event_time) AS last FROM {table} FINAL WHERE minute >= now() - toIntervalDay({{days:UInt32}}) AND counts "
        f"AND {kind}_id NOT IN (SELECT {kind}_id FROM {view}) "
        f"AND (source, {kind}_id) NOT IN (SELECT used_by, alias FROM aliases WHERE kind = '{kind}') "
        f"{'AND factory_id != cooperative_id ' if kind == 'factory' else ''}GROUP BY id"
        for kind, view in VIEWS.items()
        if cooperatives or kind != "cooperative"
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


def likely(server: Reader, parties: Iterable[Unknown]) -> list[Unknown]:
    """The same with the ids of those that they may be: by id, by name, and by what sources call them."""
    asked = list(parties)
    words: dict[str, dict[str, str]] = {}
    for kind in {party.kind for party in asked}:
        known = server.rows(f"SELECT {kind}_id, name_zh, name_en FROM {VIEWS[kind]} ORDER BY {kind}_id DESC")
        called = server.rows("SELECT party, alias FROM aliases WHERE kind = {kind:String} ORDER BY party DESC", {"kind": kind})
        # Written last, an id stands for itself whatever else bears its name.
        pairs = [*((word, row[0]) for row in (*called, *known) for word in row[1:]), *((row[0], row[0]) for row in known)]
        words[kind] = dict(pairs)
    return [party._replace(likely=tuple(_nearest(party.id, words[party.kind]))) for party in asked]


def _nearest(name: str, words: Mapping[str, str]) -> list[str]:
    """The parties whose words are most like a name. Among 30,000 words the nearest take a second to be found."""
    found = difflib.get_close_matches(name, words, n=3 * LIKELY, cutoff=0.6)
    return list(dict.fromkeys(words[word] for word in found))[:LIKELY]
