"""What the tables know of events before they are published: who is known, and what was published under their identities.

It is asked for many events at once: the records are sorted by their owners, and an identity may have been used for another one, so that
two columns of them are read from end to end.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import NamedTuple

from weftline.contracts.advice import Advice, declared_before, points_elsewhere, said_before
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.kinds import BY_CLASS, BY_PROCESSOR, AnyEvent
from weftline.contracts.registry import open_registry
from weftline.contracts.rules import shown
from weftline.domain.events import Event
from weftline.errors import WeftlineError
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.reference import VIEWS

_DECLARED = 1 << 63
TABLES: Mapping[type, str] = {kind.cls: kind.records for kind in BY_PROCESSOR.values()}


class Row(NamedTuple):
    """A record under an identity; ``event_time`` in ms."""

    owner: str
    event_time: int
    rank: int

    @property
    def declared(self) -> bool:
        """Whether it declares the event erroneous."""
        return self.rank >= _DECLARED


class _Parties:
    """The centers, factories or cooperatives of the reference data."""

    def __init__(self, server: Reader, kind: str) -> None:
        self._kind = kind
        self._known = {name for (name,) in server.rows(f"SELECT {kind}_id FROM {VIEWS[kind]}")}
        self._called = set(server.rows("SELECT used_by, alias FROM aliases WHERE kind = {kind:String}", {"kind": kind}))
        # A file names one unknown party in thousands of lines, and among 30,000 the nearest takes a second to be found.
        self._problem = lru_cache(4096)(self._find_problem)

    def problem(self, event: Event) -> str | None:
        """What is odd about the party that an event names."""
        name: str = getattr(event, f"{self._kind}_id")
        # What is the cooperative's own names it in the place of a member; and a source may have a name of its own for somebody.
        if (event.source, name) in self._called or (self._kind == "factory" and name == event.cooperative_id):
            return None
        return self._problem(name)

    def _find_problem(self, name: str) -> str | None:
        # Where no reference data was loaded nobody is known, and that says nothing.
        if not self._known or name in self._known:
            return None
        near = difflib.get_close_matches(name, sorted(self._known), n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"{shown(name)} is no {self._kind} of the reference data{hint}"


class Stored:
    """Advice by what is stored."""

    def __init__(self, server: Reader) -> None:
        self._server = server
        self._codec = Codec(open_registry(None))
        self._parties = {f"{kind}_id": _Parties(server, kind) for kind in ("center", "factory", "cooperative")}

    def advise(self, events: Sequence[AnyEvent]) -> list[tuple[Advice, ...]]:
        """What is odd about each of the events."""
        found: dict[int, list[Advice]] = defaultdict(list)
        for place, event in enumerate(events):
            for field, parties in self._parties.items():
                if problem := parties.problem(event):
                    found[place].append(Advice(field, problem))
        for cls, table in TABLES.items():
            mine = {place: event for place, event in enumerate(events) if isinstance(event, cls)}
            rows = self._rows(table, list(mine.values()))
            for place, event in mine.items():
                found[place].extend(self._identity(event, rows[event.source, event.event_id]))
        return [tuple(found[place]) for place in range(len(events))]

    def _rows(self, table: str, events: Sequence[AnyEvent]) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        if events:
            statement = (
                f"SELECT DISTINCT source, event_id, owner, toUnixTimestamp64Milli(event_time) AS at, rank FROM {table} "
                "WHERE event_id IN {ids:Array(String)} AND source IN {sources:Array(String)} ORDER BY at, rank"
            )
            asked = {"sources": sorted({event.source for event in events}), "ids": sorted({event.event_id for event in events})}
            for source, event_id, *row in self._server.rows(statement, asked):
                found[source, event_id].append(Row(*row))
        return found

    def _identity(self, event: AnyEvent, rows: Sequence[Row]) -> list[Advice]:
        events = [row for row in rows if not row.declared]
        here = [row for row in rows if (row.owner, row.event_time) == (event.owner, event.event_time)]
        if event.error_declaration is None:
            if any(row.declared for row in here):
                return [declared_before(event)]
            rank = rank_of(self._codec.encode(event)[FRAMING:], False)
            known = not events or Row(event.owner, event.event_time, rank) in events
            return [] if known else [said_before(event, "published")]
        if any(not row.declared for row in here):
            return []
        if events:
            return [points_elsewhere(event, events[0].owner, events[0].event_time)]
        problem = (
            f"declares the event {shown(event.event_id)} erroneous, which is not in the tables; until it comes nothing is corrected"
        )
        return [Advice("error_declaration", problem)]


class Asking:
    """:class:`Stored` for whoever publishes and must not be held up: a ClickHouse that does not answer is told of, and asked no more."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._held = ExitStack()
        self._stored: Stored | None = None
        self._gone = False

    def __call__(self, events: Sequence[AnyEvent]) -> Sequence[tuple[Advice, ...]]:
        nothing: list[tuple[Advice, ...]] = [()] * len(events)
        if self._gone:
            return nothing
        try:
            if self._stored is None:
                self._stored = Stored(self._held.enter_context(reader(self._settings)))
            return self._stored.advise(events)
        except WeftlineError as error:
            self._gone = True
            self._tell(f"ClickHouse is not asked, so centers, factories and what was published before are not looked at ({error})")
            return nothing

    def close(self) -> None:
        """Let go of the connection."""
        self._held.close()


class Standing(NamedTuple):
    """An event in the tables, as it was sent. ``declared``: it was declared erroneous since; ``what``: the kind of event."""

    event: AnyEvent
    what: str
    declared: bool


def standing(server: Reader, source: str, event_id: str, schema_registry: str | None = None) -> list[Standing]:
    """The events that carry an identity, the earliest first: of each owner and event time the content that stands."""
    codec = Codec(open_registry(schema_registry))
    found = []
    for cls, table in TABLES.items():
        kind = BY_CLASS[cls]
        rows = server.rows(
            f"SELECT max(rank >= {_DECLARED}), argMaxIf(hex(value), rank, rank < {_DECLARED}) AS sound FROM {table} "
            "WHERE event_id = {id:String} AND source = {source:String} GROUP BY owner, event_time HAVING sound != '' "
            "ORDER BY event_time, owner",
            {"id": event_id, "source": source},
        )
        for declared, value in rows:
            event = codec.decode(kind.topic, bytes.fromhex(value), stored=True)
            if not isinstance(event, Event):
                raise TypeError(f"{table} has a {type(event).__name__}")
            found.append(Standing(event, kind.name, bool(declared)))
    return found
