"""How the whole is doing: lag and freshness per processor, sizes of tables, dead letters, alerts. What ``weftline status`` shows.

Kafka and ClickHouse are asked apart from each other: where one is down, the other's half is still told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.errors import DependencyDown, UserError
from weftline.runtime.degraded import degraded
from weftline.runtime.groups import Group, open_groups
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.faults import WarehouseError
from weftline.warehouse.restores import unfinished

#: Processors by name, each with its topic.
TOPICS: Final[Mapping[str, str]] = {name: kind.topic for name, kind in BY_PROCESSOR.items()}
RECORDS: Final[Mapping[str, str]] = {name: kind.records for name, kind in BY_PROCESSOR.items()}

#: Tables besides these without which nothing works.
NEEDED: Final = ("alerts", "dead_letters", "reading_marks", "losses", "reread_requests")

#: A statement of the status is over in milliseconds; whoever asks how things are does not want to wait for a server that hangs.
SECONDS = 15.0
#: Alerts are published within a step, and by the next sweep (seconds) after a crash. Older ones that are not are stuck.
STUCK_SECONDS = 60


class Stored(NamedTuple):
    """What a processor has stored: records, when the newest of them was stored, and when the newest event happened (ms, UTC)."""

    records: int
    newest_stored_at: int | None
    newest_event_time: int | None


class Table(NamedTuple):
    """A table's rows, as they lie on disk: replaced ones count until they are merged away."""

    name: str
    rows: int
    bytes: int
    parts: int


class DeadLetters(NamedTuple):
    """Records of a topic that could not be read or judged, by reason; ``last`` is when the last was stored (ms, UTC)."""

    topic: str
    reason: str
    records: int
    last: int
    example: str


class LastAlert(NamedTuple):
    """The alert that changed last."""

    changed_at: int
    occurred_at: int
    status: str
    severity: str
    rule: str
    factory_id: str
    text_zh: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """``standing`` by severity; ``historic`` are those of them that nobody is told, from before their center went live;
    ``unpublished`` is the outbox."""

    standing: Mapping[str, int]
    historic: int
    unpublished: int
    stuck: int
    last: LastAlert | None


@dataclass(frozen=True, slots=True)
class Tables:
    """ClickHouse's half."""

    stored: Mapping[str, Stored]
    sizes: tuple[Table, ...]
    dead_letters: tuple[DeadLetters, ...]
    alerts: Alerts
    now: int


@dataclass(frozen=True, slots=True)
class Status:
    """Both halves; one that could not be read is None, and ``problems`` says why. Healthy is what has no problem.

    ``degraded``: processors that do not run, each with why.
    """

    kafka: str
    clickhouse: str
    groups: tuple[Group, ...] | None
    tables: Tables | None
    problems: tuple[str, ...]
    degraded: Mapping[str, str]

    @property
    def healthy(self) -> bool:
        """Nothing needs a person."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """For programs. Times are milliseconds since the epoch, UTC."""
        processors = []
        for name, topic in TOPICS.items():
            group = next((group for group in self.groups or () if group.name == name), None)
            stored = self.tables.stored.get(name) if self.tables else None
            processors.append(
                {
                    "name": name,
                    "topic": topic,
                    "state": group and group.state,
                    "lag": group and group.lag,
                    "undecided": group and group.undecided,
                    "members": group and group.members and [asdict(member) for member in group.members],
                    "partitions": group and [{**asdict(position), "lag": position.lag} for position in group.positions],
                    **(stored or Stored(0, None, None))._asdict(),
                }
            )
        tables = self.tables
        return {
            "healthy": self.healthy,
            "degraded": dict(self.degraded),
            "problems": list(self.problems),
            "kafka": {"address": self.kafka, "answers": self.groups is not None},
            "clickhouse": {"address": self.clickhouse, "answers": tables is not None},
            "processors": processors,
            "tables": tables and [table._asdict() for table in tables.sizes],
            "dead_letters": tables and [letters._asdict() for letters in tables.dead_letters],
            "alerts": tables
            and {
                "standing": dict(tables.alerts.standing),
                "historic": tables.alerts.historic,
                "unpublished": tables.alerts.unpublished,
                "last": tables.alerts.last and tables.alerts.last._asdict(),
            },
        }


#: Sentences about what is lost, from the groups that have a topic and the tables.
Losses = Callable[[Sequence[Group], Reader], list[str]]


def read_status(settings: Settings, losses: Losses = lambda groups, server: []) -> Status:
    """Ask both servers. Never raises for what is down or missing: that is what it is asked for. ``losses`` is the processors' judgement."""
    problems: list[str] = []
    groups: tuple[Group, ...] | None = None
    tables: Tables | None = None
    try:
        with open_groups(settings, TOPICS) as connection:
            groups = tuple(connection.read())
    except (DependencyDown, UserError) as error:
        problems.append(str(error))
    try:
        with reader(settings, seconds=SECONDS) as server:
            tables = read_tables(server)
            lost = losses([group for group in groups or () if group.positions], server)
            problems.extend(f"{said} (`weftline losses`)" for said in lost)
            problems.extend(corrupt_parts(server))
            problems.extend(
                f"a restore of backup {id_} has begun and not ended; run `weftline restore` with its folder again"
                for id_ in unfinished(server)
            )
    except (DependencyDown, UserError, WarehouseError) as error:
        problems.append(str(error))
    problems.extend(
        f"{group.name}: Kafka has no topic {group.topic}; run `weftline topics apply`"
        for group in groups or ()
        if not group.positions
    )
    missing = {
        group.name: f"no processor runs; start `weftline {group.name}` (`weftline up` starts all)"
        for group in groups or ()
        if group.positions and group.members == ()
    }
    stopped = {**missing, **degraded(settings.data, settings.kafka)}
    problems.extend(f"{name}: {why}" for name, why in stopped.items())
    if tables is not None and tables.alerts.stuck:
        problems.append(
            f"{tables.alerts.stuck} alerts wait to be published for more than {STUCK_SECONDS} s; look at the processors' logs"
        )
    return Status(settings.kafka, settings.clickhouse, groups, tables, tuple(problems), stopped)


def corrupt_parts(server: Reader) -> list[str]:
    """Tables of which ClickHouse has set parts aside because it could not read them, one sentence each.

    What lay in them is missing from every answer, and nothing else says so. A part is judged when the server loads it, or meets it in
    a merge; whoever wants to know of all parts at once asks with CHECK TABLE, which reads everything.
    """
    found = server.rows(
        "SELECT table, count(), min(name), any(reason) FROM system.detached_parts "
        "WHERE database = currentDatabase() AND (startsWith(reason, 'broken') OR startsWith(reason, 'covered-by-broken')) "
        "GROUP BY table ORDER BY table"
    )
    return [
        f"table {table}: {count} parts cannot be read and were set aside ({reason}: {name}); what they held is missing from all answers, "
        "unless they were begun on a full disk, where it was never acknowledged: `weftline audit` says which, a backup has them "
        "(`weftline restore`)"
        for table, count, name, reason in found
    ]


def read_tables(server: Reader) -> Tables:
    """ClickHouse's half. Raises UserError where the tables have not been made."""
    sizes = [
        Table(*row)
        for row in server.rows(
            "SELECT name, toUInt64(ifNull(total_rows, 0)), toUInt64(ifNull(total_bytes, 0)), toUInt64(ifNull(parts, 0)) "
            "FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
        )
    ]
    missing = {*RECORDS.values(), *NEEDED} - {table.name for table in sizes}
    if missing:
        raise UserError(f"ClickHouse has no table {', '.join(sorted(missing))}; run `weftline migrate`")
    stored = {
        name: Stored(*row)
        for name, table in RECORDS.items()
        for row in server.rows(
            f"SELECT count(), if(count() = 0, NULL, toUnixTimestamp64Milli(max(stored_at))), "
            f"if(count() = 0, NULL, toUnixTimestamp64Milli(max(event_time))) FROM {table}"
        )
    }
    letters = server.rows(
        "SELECT topic, reason, count(), toUnixTimestamp64Milli(max(stored_at)), "
        "argMax(if(field = '', detail, field || ': ' || detail), stored_at) "
        "FROM dead_letter_status WHERE status = 'open' GROUP BY topic, reason ORDER BY topic, reason"
    )
    ((now,),) = server.rows("SELECT toUnixTimestamp64Milli(now64(3))")
    return Tables(stored, tuple(sizes), tuple(DeadLetters(*row) for row in letters), _alerts(server), now)


def _alerts(server: Reader) -> Alerts:
    standing = server.rows(
        "SELECT severity, count(), countIf(historic) FROM alerts FINAL WHERE status != 'WITHDRAWN' GROUP BY severity ORDER BY severity"
    )
    ((unpublished, stuck),) = server.rows(
        "SELECT count(), countIf(stored_at < now64(3) - toIntervalSecond({stuck:UInt32})) FROM alerts FINAL "
        "WHERE NOT published AND NOT historic",
        {"stuck": STUCK_SECONDS},
    )
    last = server.rows(
        "SELECT toUnixTimestamp64Milli(stored_at), toUnixTimestamp64Milli(occurred_at), status, severity, rule, factory_id, text_zh, "
        "text_en FROM alerts FINAL ORDER BY stored_at DESC LIMIT 1"
    )
    return Alerts(
        {severity: count for severity, count, _ in standing},
        sum(historic for _, _, historic in standing),
        unpublished,
        stuck,
        LastAlert(*last[0]) if last else None,
    )
