"""The tables of a kind, from its description: records, judged facts, rollups, state, and the views that show them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from weftline.domain.rows.columns import Column, Holds, columns_of
from weftline.processors.kinds import GRAINS, Kind, StateTable, View
from weftline.warehouse.ddl import PlainView, SqlColumn, Table

_KINDS: Final = {
    Holds.CODE: "LowCardinality(String)",
    Holds.TEXT: "String",
    Holds.FLAG: "UInt8",
    Holds.CHANGE: "Int8",
    Holds.NUMBER: "Int32",
    Holds.COUNT: "UInt32",
    Holds.SMALL: "UInt16",
    Holds.MONEY: "Int64",
    Holds.SPAN: "Int64",
    Holds.TIME: "DateTime64(3, 'UTC')",
    Holds.CHECK: "UInt64",
}
_TIME: Final = _KINDS[Holds.TIME]
_MINUTE: Final = "DateTime('UTC')"
#: State and records are read by owner: a granule that is read for one of them shall not hold thousands.
_SMALL_GRANULES: Final = "index_granularity = 256"
#: A month into which nothing came for a day becomes one part. To refresh a window reads some granules of every part of its month: 40
#: windows among 10^6 facts took the engine 77 ms of CPU where they lay in 8 parts, and 13 in one. To make one of them costs 2 µs a fact.
_WHOLE_MONTHS: Final = (
    "index_granularity = 8192, min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1"
)
_OWNER: Final = SqlColumn("owner", "String", "whose events are folded together")
_SUM_OF_RANKS: Final = "sum of the ranks of the records it was judged from, below the edition of the rules"
_STRAND: Final = "which of the owner's events it is judged together with; empty where a former version stored it, until a rebuild"
_STORED_AT: Final = SqlColumn("stored_at", _TIME, "when it was stored (bookkeeping)", "now64(3)")
_ADDRESS: Final = (
    SqlColumn("event_time", _TIME, "when it happened"),
    SqlColumn("source", "String", "who published it"),
    SqlColumn("event_id", "String", "identity within the source"),
)
_BEGINS: Final = {"minute": "start of a minute", "hour": "start of an hour"}
_DAY: Final = SqlColumn("day", _MINUTE, "start of a day (UTC)")


def tables_of(kind: Kind) -> Iterator[Table]:
    """All tables that are this kind's own, as they are described."""
    yield _records(kind)
    yield _facts(kind)
    for grain in GRAINS:
        yield _rollup(kind, grain)
    for state in kind.states.values():
        yield _state(state)


def views_of(kind: Kind) -> Iterator[PlainView]:
    """The views that show its rollups and its state."""
    for grain in GRAINS:
        rollup = _rollup(kind, grain)
        shown = tuple((column.name, column) for column in rollup.columns if column.name != "version")
        says = f"{kind.says.view_says} per center and {grain} (UTC)."
        yield PlainView(f"{kind.says.view}_per_{grain}", says, shown, rollup.name, "events > 0")
    yield _days(kind)
    for state in kind.states.values():
        yield from (_shown(state, view) for view in (state.view, *state.shows))


def _shown(state: StateTable, view: View) -> PlainView:
    if view.each:
        listed = [column for column in columns_of(state.row) if column.several and column.name.startswith(f"{view.each}_")]
        each = [
            (column.name, SqlColumn(column.name.removeprefix(f"{view.each}_"), _kind(column._replace(several=False)), column.says))
            for column in listed
        ]
        whole = [
            (column.name, SqlColumn(column.name, _kind(column), column.says))
            for column in columns_of(state.row)
            if column.name in view.of
        ]
        return PlainView(view.name, view.says, (*whole, *each), state.name, view.where, each=tuple(source for source, _ in each))
    columns = [*_columns(state.key), *_columns(state.row)]
    owner = [("owner", SqlColumn(view.owner[0], _OWNER.kind, view.owner[1]))] if view.owner else []
    kept = [(column.name, column) for column in columns if column.name not in view.without]
    return PlainView(view.name, view.says, (*owner, *kept), state.name, view.where)


def _records(kind: Kind) -> Table:
    rank = "declared erroneous * 2^63 + 1 + 62 bits of a hash of the content: decides between several contents of one identity"
    columns = (
        SqlColumn("owner", "String", f"{_OWNER.says}: {kind.says.owner}"),
        *_ADDRESS,
        SqlColumn("rank", "UInt64", rank),
        SqlColumn("value", "String", "the message: Confluent framing and Avro, in its plain spelling"),
        SqlColumn("stored_at", _TIME, "when a processor stored it (bookkeeping)", "now64(3)"),
        *([SqlColumn("strand", "String", _STRAND)] if kind.across is not None else []),
    )
    says = f"Every {kind.of.name} event that was received, with all that it says, corrections included."
    order = "owner, event_time, source, event_id, rank"
    return Table(kind.records, says, columns, "ReplacingMergeTree()", order, settings=_SMALL_GRANULES)


def _facts(kind: Kind) -> Table:
    columns = (
        SqlColumn("minute", _MINUTE, "window of the rollup", "toStartOfMinute(event_time)"),
        SqlColumn("center_id", _KINDS[Holds.CODE], "sampling center of the event"),
        _OWNER,
        *_ADDRESS,
        SqlColumn("rev", "UInt128", f"version: {_SUM_OF_RANKS}"),
        SqlColumn("counts", "UInt8", "whether the event counts"),
        SqlColumn("judgement", _KINDS[Holds.CODE], kind.says.judgement),
        *_columns(kind.amounts),
    )
    order = "minute, center_id, owner, event_time, source, event_id"
    return Table(kind.facts, kind.says.facts, columns, "ReplacingMergeTree(rev)", order, "toYYYYMM(minute)", _WHOLE_MONTHS)


def _rollup(kind: Kind, grain: str) -> Table:
    columns = (
        SqlColumn(grain, _MINUTE, _BEGINS[grain]),
        SqlColumn("center_id", _KINDS[Holds.CODE], "sampling center"),
        SqlColumn("version", "UInt256", "sum of the versions of what it was made from"),
        SqlColumn("events", "Int64", kind.says.events),
        *(SqlColumn(column.name, "Int64", column.summed) for column in columns_of(kind.amounts) if column.summed is not None),
    )
    says = f"{kind.says.throughput} per center and {grain}."
    order, partition = f"{grain}, center_id", f"toYYYYMM({grain})"
    return Table(f"{kind.rollup}_{grain}", says, columns, "ReplacingMergeTree(version)", order, partition, _WHOLE_MONTHS)


def _days(kind: Kind) -> PlainView:
    """The view of days. To store them cost a settle 13 to 30 ms of the engine's CPU, a fifth of all of its rollups. A reader adds them up
    from the hours of a year in 32 ms where there are 20 centers, in 64 to 215 where there are 100; from stored ones it was 8 and 19."""
    hours = _rollup(kind, "hour")
    sums = tuple((f"sum({column.name})", column) for column in hours.columns if column.name not in ("hour", "center_id", "version"))
    columns = (("toStartOfDay(hour, 'UTC')", _DAY), *((c.name, c) for c in hours.columns if c.name == "center_id"), *sums)
    says = f"{kind.says.view_says} per center and day (UTC)."
    return PlainView(f"{kind.says.view}_per_day", says, columns, hours.name, "events > 0", "day, center_id")


def _state(state: StateTable) -> Table:
    version = f"{_SUM_OF_RANKS}; its lowest 24 bits count the deadlines that passed"
    columns = (
        _OWNER,
        *_columns(state.key),
        SqlColumn("version", "UInt256", version),
        SqlColumn("records", "UInt64", "distinct records known of the owner (bookkeeping)"),
        SqlColumn("partition", "UInt16", "Kafka partition of the owner (bookkeeping)"),
        SqlColumn("next_deadline", f"Nullable({_TIME})", "when the next alert begins to stand by itself"),
        SqlColumn("alerts", "Array(String)", "alerts that stand, as JSON"),
        _STORED_AT,
        *_columns(state.row),
    )
    order = ", ".join(("owner", *state.key_columns))
    return Table(state.name, state.says, columns, "ReplacingMergeTree(version)", order, settings=_SMALL_GRANULES)


def _columns(described: type[tuple[object, ...]] | None) -> tuple[SqlColumn, ...]:
    return tuple(SqlColumn(column.name, _kind(column), column.says) for column in columns_of(described)) if described else ()


def _kind(column: Column) -> str:
    kind = _KINDS[column.holds]
    if column.optional:
        kind = f"Nullable({kind})"
    return f"Array({kind})" if column.several else kind
