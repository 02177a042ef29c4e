"""What a sweep remembers of tables that nobody has written to is what it would read: whatever is done to them, and by whomever."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random

from weftline.processors.takeover import TABLES
from weftline.processors.unchanged import Signs, Unchanged
from weftline.runtime.settings import load
from weftline.warehouse.client import Warehouse, reader

TABLE = (
    "CREATE TABLE {name} (a UInt32, v UInt32, b UInt32 DEFAULT 0) ENGINE = ReplacingMergeTree(v) PARTITION BY a % 3 ORDER BY a "
    "SETTINGS min_bytes_for_wide_part = 0"
)
#: Whatever changes what stands in a table, or only how it lies there.
DONE = (
    *("INSERT INTO {name} (a, v) VALUES ({a}, {v})",) * 6,
    "INSERT INTO {name} (a, v) SELECT number, {v} FROM numbers(10)",
    "OPTIMIZE TABLE {name} FINAL",
    "DELETE FROM {name} WHERE a = {a}",
    "ALTER TABLE {name} UPDATE b = {v} WHERE a = {a} SETTINGS mutations_sync = 2",
    "ALTER TABLE {name} DELETE WHERE a = {a} SETTINGS mutations_sync = 2",
    "ALTER TABLE {name} DROP PARTITION {part}",
    "TRUNCATE TABLE {name}",
    "DROP TABLE {name} SYNC; " + TABLE,
    "SELECT 1",
)

STEPS = 250


def test_what_is_remembered_is_what_would_be_read(clickhouse: str) -> None:
    settings = load(clickhouse=clickhouse, clickhouse_database="unchanged")
    with reader(settings, database="system") as server:
        server.command("CREATE DATABASE IF NOT EXISTS unchanged")
    random, reads = Random(1), 0

    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            for name in ("one", "two"):
                await warehouse.command(TABLE.format(name=name))
            unchanged = Unchanged()

            async def now(name: str) -> list[tuple[int, ...]]:
                return await warehouse.rows(f"SELECT a, v, b FROM {name} FINAL ORDER BY a, v, b")

            async def counted(name: str) -> list[tuple[int, ...]]:
                nonlocal reads
                reads += 1
                return await now(name)

            for _ in range(STEPS):
                done = random.choice(DONE).format(
                    name=random.choice(("one", "two")), a=random.randrange(20), v=random.randrange(5), part=random.randrange(3)
                )
                for statement in done.split("; "):
                    await warehouse.command(statement)
                rows = await warehouse.rows(TABLES, {"names": ["one", "two"], "records": "one"})
                signs: Signs = {row[0]: row[-1] for row in rows}
                assert all(signs.values())
                # Somebody writes between the look and the reading: then the next look must see it.
                late = random.random() < 0.2
                if late:
                    await warehouse.command(f"INSERT INTO one (a, v) VALUES ({random.randrange(20)}, {random.randrange(5)})")
                for name in ("one", "two"):
                    found = await unchanged.read(name, [name], signs, None, partial(counted, name))
                    assert late or found == await now(name), done

    asyncio.run(run())
    assert STEPS / 2 < reads < 1.5 * STEPS, "each statement changes at most one of the two tables; merges come besides"


def test_where_nothing_is_known_or_something_else_is_asked_it_is_read() -> None:
    async def run() -> None:
        unchanged, given = Unchanged(), iter(range(10))

        async def read() -> int:
            return next(given)

        for signs, asked, found in (
            ({"t": "1", "u": "1"}, 0, 0),
            ({"t": "1", "u": "1"}, 0, 0),
            ({"t": "1", "u": "2"}, 0, 1),
            ({"t": "1", "u": "2"}, 1, 2),
            ({"t": "", "u": "2"}, 1, 3),
            ({"u": "2"}, 1, 4),
            ({"t": "1", "u": "2"}, 1, 2),
        ):
            assert await unchanged.read("what", ["t", "u"], signs, asked, read) == found

    asyncio.run(run())
