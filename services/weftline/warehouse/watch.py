"""What only the tables know: how fresh they are, what was not delivered, who has fallen silent. Read by ``weftline watch``.

Every statement is bounded, whatever the history: newest windows are read from the end of the primary key; of the records only parts
that were not there at the last look; of the centers two weeks of hours; of the alerts two columns of one byte.
Measured with 2·10^7 records in one part, two cores: the first look 480 ms, any other one 27 to 97; a newest window 3 to 5 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.runtime.clock import Clock
from weftline.runtime.metrics import REASONS
from weftline.warehouse.client import Reader
from weftline.warehouse.status import RECORDS, STUCK_SECONDS, TOPICS

#: The first look reads one column of all records, 24 ns each: some seconds for 10^8.
SECONDS: Final = 120.0
#: A window further back is not looked for: two months' partitions at most are opened.
WINDOW_DAYS: Final = 31

_WEEK, _HOUR = 7 * 86_400, 3_600
#: By processor: its judged facts, and the beginning of the names of its rollups.
_TABLES: Final = {name: (kind.facts, kind.rollup) for name, kind in BY_PROCESSOR.items()}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of events; times in seconds since the epoch, None where there is nothing.

    ``stored``: when its newest record was stored. ``fact``, ``rollup``: the newest minute of the facts and of the rollup, by the
    time at which things happened. ``waiting``: alerts not marked as published for more than STUCK_SECONDS, the oldest of them for
    ``waiting_seconds``. ``dead``: open dead letters by reason.
    """

    stored: float | None
    fact: float | None
    rollup: float | None
    waiting: int
    waiting_seconds: float
    dead: Mapping[str, int]

    @property
    def behind_seconds(self) -> float:
        """By how much the newest window of the rollup is older than that of the facts it is made from."""
        return 0.0 if self.fact is None else max(self.fact - (self.rollup or 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """All of it. ``active``: centers of which something happened within a week; ``silent``: those of them that have fallen silent."""

    kinds: Mapping[str, Kind]
    active: int
    silent: int
    seconds: float


class Newest:
    """When the newest record of a table was stored. ``stored_at`` is no key; but parts never change, so each is read once."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._known: dict[str, int] = {}

    def read(self, reader: Reader) -> float | None:
        """Seconds since the epoch; None for an empty table."""
        parts = {
            name
            for (name,) in reader.rows(
                "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active",
                {"table": self._table},
            )
        }
        self._known = {name: newest for name, newest in self._known.items() if name in parts}
        found = reader.rows(
            f"SELECT _part, toUnixTimestamp64Milli(max(stored_at)) FROM {self._table} "
            "WHERE _part NOT IN {known:Array(String)} GROUP BY _part",
            {"known": sorted(self._known)},
        )
        self._known |= dict(found)
        return max(self._known.values()) / 1000 if self._known else None


class Watch:
    """A connection that is asked again and again. ``silent_hours``: see :func:`centers`; ``clock``: the processors'."""

    def __init__(self, reader: Reader, clock: Clock, silent_hours: int, timer: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock
        self._silent_hours = silent_hours
        self._timer = timer
        self._newest = {name: Newest(table) for name, table in RECORDS.items()}

    def read(self) -> Reading:
        """A reading. Raises DependencyDown, and what :mod:`weftline.warehouse.client` raises of a database without tables."""
        began = self._timer()
        now = self._clock() // 1000
        waiting, dead = undelivered(self._reader), dead_letters(self._reader)
        kinds = {}
        for name, (facts, rollup) in _TABLES.items():
            number, seconds = waiting.get(name, (0, 0.0))
            kinds[name] = Kind(
                self._newest[name].read(self._reader),
                newest_minute(self._reader, facts, now),
                newest_minute(self._reader, f"{rollup}_minute", now),
                number,
                seconds,
                {reason: dead.get((name, reason), 0) for reason in REASONS},
            )
        active, silent = centers(self._reader, now, self._silent_hours)
        return Reading(kinds, active, silent, self._timer() - began)


def newest_minute(reader: Reader, table: str, now: int) -> float | None:
    """The newest window up to ``now`` (s): a publisher whose clock runs ahead must not make a table look fresh."""
    found = reader.rows(
        f"SELECT toUnixTimestamp(minute) FROM {table} WHERE minute > {{after:DateTime('UTC')}} AND minute <= {{now:DateTime('UTC')}} "
        "ORDER BY minute DESC LIMIT 1",
        {"after": now - WINDOW_DAYS * 86_400, "now": now},
    )
    return float(found[0][0]) if found else None


def undelivered(reader: Reader) -> dict[str, tuple[int, float]]:
    """By kind: how many alerts wait for more than STUCK_SECONDS to be published, and for how long the oldest has (s)."""
    waiting = "NOT published AND NOT historic AND stored_at < now64(3) - toIntervalSecond({stuck:UInt32})"
    rows = reader.rows(
        "SELECT kind, count(), toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(min(stored_at)) FROM alerts FINAL "
        f"WHERE {waiting} AND (kind, owner) IN (SELECT kind, owner FROM alerts WHERE {waiting}) GROUP BY kind",
        {"stuck": STUCK_SECONDS},
    )
    return {kind: (number, milliseconds / 1000) for kind, number, milliseconds in rows}


def dead_letters(reader: Reader) -> dict[tuple[str, str], int]:
    """Open dead letters by kind and reason."""
    kinds = {topic: name for name, topic in TOPICS.items()}
    rows = reader.rows("SELECT topic, reason, count() FROM dead_letter_status WHERE status = 'open' GROUP BY topic, reason")
    return {(kinds[topic], reason): number for topic, reason, number in rows if topic in kinds}


def centers(reader: Reader, now: int, silent_hours: int) -> tuple[int, int]:
    """How many centers something happened at within a week up to ``now`` (s), and how many of these have fallen silent.

    Silent is who has let pass ``silent_hours`` of its own usual hours: since the last hour in which something happened there, one
    week ago, something did in so many hours that have none now. So a closed night or Sunday is no silence, a public holiday is one,
    and a center of less than a week is never silent.
    """
    hours = " UNION ALL ".join(
        f"SELECT center_id, toUnixTimestamp(hour) AS at FROM {rollup}_hour FINAL "
        "WHERE hour > {after:DateTime('UTC')} AND hour <= {now:DateTime('UTC')} AND events > 0"
        for _, rollup in _TABLES.values()
    )
    parameters = {"after": now - 2 * _WEEK - _HOUR, "now": now, "at": now, "hours": silent_hours}
    ((active, silent),) = reader.rows(
        f"SELECT count(), countIf(missed >= {{hours:UInt32}}) FROM (SELECT max(at) AS last, arrayCount("
        f"h -> h + {_WEEK} > last AND h + {_WEEK + _HOUR} <= {{at:Int64}}, groupUniqArray(at)) AS missed "
        f"FROM ({hours}) GROUP BY center_id HAVING last > {{at:Int64}} - {_WEEK})",
        parameters,
    )
    return active, silent
