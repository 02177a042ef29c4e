"""The tables on a real engine: as they are described, column by column; and what the views show of each kind's story."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from tests.support.golden import same_as_golden
from tests.support.stories import told
from tests.support.tables import kinds

from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.processors.kinds import Kind
from weftline.processors.store import Store, judged_of
from weftline.processors.tables import tables_of, views_of
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, Warehouse, reader
from weftline.warehouse.migrations import migrate

KINDS = kinds()
VIEWS = Path(__file__).parents[1] / "contract" / "rows" / "views"
#: Of what is shown beside the kinds: reference data, alerts, letters and losses have tests of their own, and so has what looks at a clock.
NOT_OF_A_KIND = {
    *(
        "cooperatives",
        "centers",
        "factories",
        "products",
        "contacts",
        "aliases",
        "named_events",
        "standing_alerts",
        "waiting_alerts",
        "open_alerts",
        "dead_letter_status",
        "not_allowed",
        "open_losses",
    ),
    *("identity_conflicts", "unmatched_declarations", "fund_burn"),
}


@pytest.fixture(scope="module")
def server(clickhouse: str) -> Iterator[Reader]:
    """A migrated database in which every kind's story was stored."""
    settings = Settings(clickhouse=clickhouse, clickhouse_database=f"tables_{os.getpid()}")
    migrate(settings)
    for kind in KINDS.values():
        asyncio.run(_store(settings, kind))
    with reader(settings) as opened:
        yield opened


async def _store(settings: Settings, kind: Kind) -> None:
    async with await Warehouse.connect(settings) as warehouse:
        store = await Store.open(kind, warehouse, Codec(FileRegistry()))
        outcomes = told(kind)
        await store.put_facts(outcomes)
        await store.refresh({fact.event_time // 60_000 * 60 for outcome in outcomes for fact in outcome.facts})
        await store.put_states(
            (judged_of(outcome.owner, 0, outcome.known, row), row) for outcome in outcomes for row in outcome.rows
        )


def _columns(server: Reader, name: str) -> dict[str, tuple[str, str, str]]:
    rows = server.rows(
        "SELECT name, type, comment, replaceAll(default_expression, ' ', '') FROM system.columns "
        "WHERE database = currentDatabase() AND table = {table:String} ORDER BY position",
        {"table": name},
    )
    return {column: tuple(rest) for column, *rest in rows}


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_are_as_they_are_described(kind: str, server: Reader) -> None:
    """What all migrations add up to: names, types, comments, engines and order."""
    for table in tables_of(KINDS[kind]):
        described = {column.name: (column.kind, column.says, column.default) for column in table.columns}
        assert _columns(server, table.name) == described, table.name
        ((engine, comment),) = server.rows(
            "SELECT engine_full, comment FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
            {"table": table.name},
        )
        partition = f"PARTITION BY {table.partition} " if table.partition else ""
        ordered = f"{table.engine.removesuffix('()')} {partition}ORDER BY"
        assert engine.startswith(ordered), engine
        assert engine.replace("(owner) ", "owner ").partition("ORDER BY ")[2] in (
            f"({table.order}) SETTINGS {table.settings or 'index_granularity = 8192'}",
            f"{table.order} SETTINGS {table.settings or 'index_granularity = 8192'}",
        )
        assert comment == table.says
    for view in views_of(KINDS[kind]):
        shown = {name: says for name, (_, says, _) in _columns(server, view.name).items()}
        assert shown == {column.name: column.says for _, column in view.columns}, view.name


def _views(server: Reader) -> list[str]:
    rows = server.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name")
    return [name for (name,) in rows if name not in NOT_OF_A_KIND]


def test_what_the_views_show_of_the_stories(server: Reader) -> None:
    for view in _views(server):
        rows = server.rows(f"SELECT * FROM {view} ORDER BY ALL")
        assert rows, f"the stories make a row of {view}"
        same_as_golden(VIEWS / f"{view}.json", [dict(zip(_columns(server, view), row, strict=True)) for row in rows])


def test_no_two_columns_of_a_view_can_change_places_unseen(server: Reader) -> None:
    alike = []
    for view in _views(server):
        by_type: dict[str, list[str]] = defaultdict(list)
        for name, (kind, _, _) in _columns(server, view).items():
            by_type[kind].append(name)
        rows = [dict(zip(_columns(server, view), row, strict=True)) for row in server.rows(f"SELECT * FROM {view}")]
        pairs = [pair for columns in by_type.values() for pair in combinations(columns, 2)]
        alike += [(view, *pair) for pair in pairs if all(row[pair[0]] == row[pair[1]] for row in rows)]
    assert not alike, f"let a story tell them apart: {alike}"
