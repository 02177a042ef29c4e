"""The warehouse's client and migrations against the real engine."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weftline.contracts.paths import schemas_root
from weftline.errors import DependencyDown, UserError
from weftline.runtime.settings import Settings
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader, Warehouse, reader
from weftline.warehouse.faults import NotReady, WarehouseError
from weftline.warehouse.migrations import _BOOKKEEPING, load, migrate, pending, render, statements
from weftline.warehouse.sql import split_statements

_numbers = itertools.count()


@pytest.fixture
def settings(clickhouse: str) -> Settings:
    """Settings with a database of the test's own, which exists."""
    own = Settings(clickhouse=clickhouse, clickhouse_database=f"warehouse_{os.getpid()}_{next(_numbers)}")
    with reader(own, database="system") as server:
        server.command(f"CREATE DATABASE {own.clickhouse_database}")
    return own


def _parts(settings: Settings, table: str) -> int:
    with reader(settings) as server:
        return int(
            server.rows(
                "SELECT count() FROM system.parts WHERE database = {database:String} AND table = {table:String} AND level = 0",
                {"database": settings.clickhouse_database, "table": table},
            )[0][0]
        )


COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "owner": ("String", ["中心|A-1", "it's; a \\ \n test", ""]),
    "time": ("DateTime64(3, 'UTC')", [1_704_067_200_123, 0, 4_102_444_799_999]),
    "minute": ("DateTime('UTC')", [1_704_067_200, 0, 4_102_444_740]),
    "rev": ("UInt256", [(1 << 256) - 1, 0, 1 << 128]),
    "version": ("UInt128", [(1 << 128) - 1, 0, 1 << 64]),
    "rank": ("UInt64", [(1 << 64) - 1, 0, 1 << 63]),
    "amount": ("Int64", [-5, 0, 5]),
    "center": ("LowCardinality(String)", ["a", "b", "a"]),
    "kind": ("Enum8('pass' = 1, 'fail' = 2)", ["pass", "fail", "pass"]),
    "due": ("Nullable(DateTime64(3, 'UTC'))", [None, 1_704_067_200_000, None]),
    "lots": ("Array(String)", [[], ["L1", "L'2"], ["中"]]),
    "counts": ("Bool", [True, False, True]),
    "value": ("String", [b"\x00\xff\x01Avro", b"", b"'\\"]),
}


def test_every_type_comes_back_as_it_went(settings: Settings) -> None:
    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            declared = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
            await warehouse.command(f"CREATE TABLE t ({declared}) ENGINE = MergeTree ORDER BY tuple()")
            columns = [values for _, values in COLUMNS.values()]
            assert await warehouse.insert("t", columns, list(COLUMNS), [kind for kind, _ in COLUMNS.values()]) == 1
            assert await warehouse.rows("SELECT * FROM t", binary=["value"]) == list(zip(*columns, strict=True))
            assert [list(column) for column in await warehouse.columns("SELECT * FROM t", binary=["value"])] == columns
            assert await warehouse.columns("SELECT * FROM t WHERE amount = 99") == []
        with reader(settings) as server:
            assert server.rows("SELECT * FROM t", binary=["value"]) == list(zip(*columns, strict=True))

    asyncio.run(run())


def test_parameters_arrive_as_they_were_given(clickhouse: str) -> None:
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
        ["'", "\\", "\\'", "\\N", "\0", "\\0", "\n\t", "{a:String}", "[", "NULL", "中'", "--", "*/"]
    )
    server = reader(Settings(clickhouse=clickhouse, clickhouse_database="system"))

    @hypothesis_settings(max_examples=150, deadline=None)
    @given(text=texts, texts=st.lists(texts, max_size=5), numbers=st.lists(st.integers(0, (1 << 256) - 1), max_size=5))
    def check(text: str, texts: list[str], numbers: list[int]) -> None:
        given_values: dict[str, Any] = {
            "text": text,
            "texts": texts,
            "numbers": numbers,
            "pairs": list(zip(texts, numbers, strict=False)),
            "maybe": [*texts, None],
            "low": text,
        }
        (row,) = server.rows(
            "SELECT {text:String}, {texts:Array(String)}, {numbers:Array(UInt256)}, {pairs:Array(Tuple(String, UInt256))},"
            " {maybe:Array(Nullable(String))}, {low:LowCardinality(String)}",
            given_values,
        )
        assert row == tuple(given_values.values())

    try:
        check()
    finally:
        server.close()


def test_parameters_of_other_types(clickhouse: str) -> None:
    shanghai = timezone(timedelta(hours=8))
    moment = datetime(2026, 3, 1, 8, 0, 0, 123_000, tzinfo=shanghai)
    milliseconds = 1_772_323_200_123
    wanted: list[tuple[str, Any, Any]] = [
        ("DateTime64(3, 'UTC')", moment, milliseconds),
        ("DateTime64(3, 'UTC')", milliseconds, milliseconds),
        ("Array(DateTime64(3, 'UTC'))", [milliseconds, 5, moment], [milliseconds, 5, milliseconds]),
        ("DateTime('UTC')", moment, milliseconds // 1000),
        ("DateTime('UTC')", 5, 5),
        ("Array(DateTime('UTC'))", [milliseconds // 1000, 5], [milliseconds // 1000, 5]),
        ("Tuple(String, DateTime64(3, 'UTC'))", ("a", milliseconds), ("a", milliseconds)),
        ("Nullable(UInt8)", None, None),
        ("Bool", True, True),
        ("Int64", -7, -7),
        ("Float64", 0.1, 0.1),
        ("Decimal(18, 4)", Decimal("1.25"), Decimal("1.2500")),
        ("Array(Decimal(18, 4))", [Decimal("1.25")], [Decimal("1.2500")]),
        ("UUID", UUID(int=5), UUID(int=5)),
        ("Enum8('a' = 1)", "a", "a"),
    ]
    with reader(Settings(clickhouse=clickhouse, clickhouse_database="system")) as server:
        for kind, value, expected in wanted:
            assert server.rows(f"SELECT {{x:{kind}}}", {"x": value}) == [(expected,)], kind
        assert server.rows("SELECT count() FROM {t:Identifier}", {"t": "one"}) == [(1,)]
        # Without parameters braces are left to the server.
        with pytest.raises(WarehouseError, match="Substitution"):
            server.rows("SELECT {x:String}")


def test_ten_thousand_owners_and_windows_use_the_primary_key(settings: Settings) -> None:
    owners = [f"urn:weftline:order:{number:08d}" for number in range(0, 1_000_000, 100)]
    minutes = [1_704_067_200 + 60 * number for number in range(5_000)]

    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            await warehouse.command(
                "CREATE TABLE facts (owner String, minute DateTime('UTC'), rev UInt256, entries Int64)"
                " ENGINE = ReplacingMergeTree(rev) PARTITION BY toYYYYMM(minute) ORDER BY (minute, owner)"
            )
            await warehouse.command(
                "CREATE TABLE records (owner String) ENGINE = MergeTree ORDER BY owner SETTINGS index_granularity = 256"
            )
            await warehouse.command(
                "CREATE TABLE rollup (minute DateTime('UTC'), version UInt256, entries Int64)"
                " ENGINE = ReplacingMergeTree(version) ORDER BY minute"
            )
            await warehouse.insert(
                "records", [[f"urn:weftline:order:{number:08d}" for number in range(50_000)]], ["owner"], ["String"]
            )
            assert await warehouse.rows(
                "SELECT count() FROM records WHERE owner IN {owners:Array(String)}", {"owners": owners}
            ) == [(500,)]

            many = minutes * 8
            columns: list[list[Any]] = [
                [f"o{number}" for number in range(len(many))],
                many,
                [1 << 200] * len(many),
                [1] * len(many),
            ]
            await warehouse.insert(
                "facts", columns, ["owner", "minute", "rev", "entries"], ["String", "DateTime('UTC')", "UInt256", "Int64"]
            )
            await warehouse.command(
                "INSERT INTO rollup SELECT minute, sum(toUInt256(rev)), sum(entries) FROM facts FINAL"
                " PREWHERE minute IN {minutes:Array(DateTime('UTC'))} GROUP BY minute",
                {"minutes": minutes[:4_000]},
            )
            assert await warehouse.rows("SELECT count(), sum(entries), max(version) FROM rollup FINAL") == [
                (4_000, 32_000, 1 << 203)
            ]

            for statement, parameters in (
                ("SELECT * FROM records WHERE owner IN {x:Array(String)}", owners[:3]),
                ("SELECT * FROM facts PREWHERE minute IN {x:Array(DateTime('UTC'))}", minutes[:3]),
            ):
                plan = "\n".join(line for (line,) in await warehouse.rows(f"EXPLAIN indexes = 1 {statement}", {"x": parameters}))
                assert "3-element set" in plan
                read, there = plan.rsplit("Granules: ", 1)[1].split("\n")[0].split("/")
                assert int(read) < int(there)

    asyncio.run(run())


def test_one_insert_is_one_part_and_longer_ones_are_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            await warehouse.command("CREATE TABLE t (a String, b UInt256) ENGINE = MergeTree ORDER BY a")
            await warehouse.command("SYSTEM STOP MERGES t")
            # 12 MB: the client's own insert would make it seven blocks, and a request of many pieces.
            columns: list[list[Any]] = [[f"{number:032d}" for number in range(200_000)], list(range(200_000))]
            assert await warehouse.insert("t", columns, ["a", "b"], ["String", "UInt256"]) == 1
            assert _parts(settings, "t") == 1
            assert await warehouse.insert("t", [[], []], ["a", "b"], ["String", "UInt256"]) == 0
            monkeypatch.setattr(cuts, "BLOCK_ROWS", 100)
            assert await warehouse.insert("t", [column[:250] for column in columns], ["a", "b"], ["String", "UInt256"]) == 3
            assert _parts(settings, "t") == 4
            assert await warehouse.rows("SELECT count(), sum(b) FROM t") == [(200_250, 199_999 * 100_000 + 249 * 125)]

    asyncio.run(run())


def test_on_a_cluster_reads_see_what_was_written(settings: Settings) -> None:
    """As far as one node can tell: the engine knows the settings and gets them."""
    wanted = {
        "insert_quorum": "auto",
        "insert_quorum_parallel": False,
        "insert_quorum_timeout": 60_000,
        "select_sequential_consistency": 1,
        "max_insert_threads": 1,
    }

    async def run() -> None:
        async with await Warehouse.connect(settings.model_copy(update={"clickhouse_cluster": "textile"})) as warehouse:
            ((*found,),) = await warehouse.rows("SELECT " + ", ".join(f"getSetting('{name}')" for name in wanted))
            assert dict(zip(wanted, found, strict=True)) == wanted

    asyncio.run(run())


def test_faults_say_what_and_whose(settings: Settings) -> None:
    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            await warehouse.command("CREATE TABLE t (m Date, v UInt256) ENGINE = MergeTree PARTITION BY toYYYYMM(m) ORDER BY m")
            with pytest.raises(WarehouseError, match=r"^insert into t: column v: ") as refused:
                await warehouse.insert("t", [["x"], [None]], ["m", "v"], ["String", "UInt256"])
            assert refused.value.code is None
            with pytest.raises(WarehouseError, match=r"^insert into t: 2 columns of \[1, 2\] rows"):
                await warehouse.insert("t", [[1], [2, 3]], ["m", "v"], ["Date", "UInt256"])
            with pytest.raises(WarehouseError, match=r"^SELECT \(nonsense: Code: 62"):
                await warehouse.rows("SELECT\n  (nonsense")
            with pytest.raises(NotReady, match="insert into missing: the table does not exist; run `weftline migrate`"):
                await warehouse.insert("missing", [[1]], ["a"], ["UInt8"])
            # As it is for a moment where a table was lost, and what makes it anew has come as far as its first columns.
            await warehouse.command("CREATE TABLE younger (a UInt8) ENGINE = MergeTree ORDER BY a")
            with pytest.raises(NotReady, match="insert into younger: the table lacks a column; run `weftline migrate`"):
                await warehouse.insert("younger", [[1], [1]], ["a", "b"], ["UInt8", "UInt8"])
            with pytest.raises(NotReady, match="SELECT b FROM younger: the table lacks a column; run `weftline migrate`"):
                await warehouse.rows("SELECT b FROM younger")

        with pytest.raises(UserError, match="the database does not exist; run `weftline migrate`"):
            await Warehouse.connect(settings.model_copy(update={"clickhouse_database": "nowhere"}))
        with pytest.raises(UserError, match=r"127\.0\.0\.1:8123 is no address of"):
            await Warehouse.connect(settings.model_copy(update={"clickhouse": "127.0.0.1:8123"}))
        with pytest.raises(DependencyDown, match=r"connecting to http://127\.0\.0\.1:1"):
            await Warehouse.connect(settings.model_copy(update={"clickhouse": "http://127.0.0.1:1"}))

    asyncio.run(run())


def test_a_block_that_the_engine_refuses_is_an_error(settings: Settings) -> None:
    async def run() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            await warehouse.command("CREATE TABLE t (m Date) ENGINE = MergeTree PARTITION BY toYYYYMM(m) ORDER BY m")
            await warehouse.command("CREATE TABLE c (v UInt8, CONSTRAINT small CHECK v < 5) ENGINE = MergeTree ORDER BY v")
            # The code is that of a table which cannot keep up, but this is not worth waiting for.
            months = [datetime(2000 + number // 12, number % 12 + 1, 1, tzinfo=UTC).date() for number in range(150)]
            with pytest.raises(WarehouseError, match=r"^insert into t: Code: 252") as hostile:
                await warehouse.insert("t", [months], ["m"], ["Date"])
            assert hostile.value.code == 252
            with pytest.raises(WarehouseError, match=r"^insert into c: Code: 469"):
                await warehouse.insert("c", [[1, 9]], ["v"], ["UInt8"])
            assert await warehouse.rows("SELECT (SELECT count() FROM t), (SELECT count() FROM c)") == [(0, 0)]

    asyncio.run(run())


def test_a_killed_server_is_waited_for_and_needs_no_new_client(start_clickhouse: Callable[[], Any]) -> None:
    server = start_clickhouse()

    async def run() -> None:
        settings = Settings(clickhouse=server.address)  # its own database is there from the start
        async with await Warehouse.connect(settings) as warehouse:
            await warehouse.command("CREATE TABLE t (a UInt64) ENGINE = ReplacingMergeTree ORDER BY a")

            async def insert(number: int) -> None:
                await warehouse.insert("t", [[number]], ["a"], ["UInt64"])

            await asyncio.gather(*(insert(number) for number in range(8)))  # eight kept connections
            slow = asyncio.create_task(warehouse.rows("SELECT count() FROM numbers(30000) WHERE NOT sleepEachRow(0.001)"))
            running = "SELECT 1 FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers%'"
            while not await warehouse.rows(running):  # noqa: ASYNC110  only the server knows when it has begun
                await asyncio.sleep(0.01)
            server.kill()
            with pytest.raises(DependencyDown):
                await slow
            for call in (insert(0), warehouse.rows("SELECT count() FROM t"), warehouse.command("OPTIMIZE TABLE t")):
                with pytest.raises(DependencyDown):
                    await call
            assert not await warehouse.ping()
            await asyncio.to_thread(server.start)
            await asyncio.gather(*(insert(number) for number in range(8, 16)))
            assert await warehouse.rows("SELECT count(), sum(a) FROM t FINAL") == [(16, 120)]

            # Now the connections are still kept when the server comes back, and nobody has noticed that they are dead.
            server.kill()
            await asyncio.to_thread(server.start)
            await asyncio.gather(*(insert(number) for number in range(16, 24)))
            assert await warehouse.rows("SELECT count() FROM t FINAL") == [(24,)]

    asyncio.run(run())


def _tables(server: Reader, settings: Settings) -> list[str]:
    found = server.rows(
        "SELECT name FROM system.tables WHERE database = {d:String} ORDER BY name", {"d": settings.clickhouse_database}
    )
    return [name for (name,) in found]


def test_migrations_run_once_and_changed_ones_never(clickhouse: str, tmp_path: Path) -> None:
    settings = Settings(clickhouse=clickhouse, clickhouse_database=f"migrated_{os.getpid()}_{next(_numbers)}")
    first = tmp_path / "0001_first.sql"
    first.write_text(
        "CREATE TABLE IF NOT EXISTS a {on_cluster} (x String COMMENT 'k;v') ENGINE = {engine:ReplacingMergeTree()} ORDER BY x;"
    )
    with pytest.raises(UserError, match="run `weftline migrate`"):
        pending(settings, tmp_path)
    assert migrate(settings, tmp_path) == ["0001_first.sql"]
    assert migrate(settings, tmp_path) == []

    second = tmp_path / "0002_second.sql"
    second.write_text(
        "CREATE TABLE IF NOT EXISTS b (x String) ENGINE = Memory; CREATE VIEW IF NOT EXISTS c AS SELECT nonsense FROM a"
    )
    assert pending(settings, tmp_path) == ["0002_second.sql"]
    with pytest.raises(WarehouseError, match=r"^0002_second\.sql, statement 2: CREATE VIEW IF NOT EXISTS c"):
        migrate(settings, tmp_path)
    with reader(settings) as server:
        assert _tables(server, settings) == ["a", "b", "schema_migrations"]
        second.write_text(second.read_text().replace("nonsense", "x"))
        assert migrate(settings, tmp_path) == ["0002_second.sql"]
        assert _tables(server, settings) == ["a", "b", "c", "schema_migrations"]
        assert server.rows("SELECT name FROM schema_migrations ORDER BY name") == [("0001_first.sql",), ("0002_second.sql",)]

    first.write_text(first.read_text() + "-- a remark")
    with pytest.raises(UserError, match=r"0001_first\.sql was run with another text"):
        migrate(settings, tmp_path)


def test_two_migrators_at_once_make_the_same_tables(clickhouse: str) -> None:
    settings = Settings(clickhouse=clickhouse, clickhouse_database=f"twice_{os.getpid()}_{next(_numbers)}")
    files = [file.name for file in load(schemas_root() / "clickhouse")]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: migrate(settings), range(2)))
    assert files in runs
    assert migrate(settings) == []
    assert pending(settings) == []
    with reader(settings) as server:
        assert server.rows("SELECT DISTINCT name FROM schema_migrations ORDER BY name") == [(name,) for name in files]


@pytest.mark.parametrize("cluster", [None, "textile"])
def test_the_engine_parses_what_a_cluster_would_be_sent(clickhouse: str, cluster: str | None) -> None:
    """As far as one node can tell: its parser accepts every statement and gives it back with the clauses of the cluster in it."""
    texts = split_statements(render(_BOOKKEEPING, cluster))
    for file in load(schemas_root() / "clickhouse"):
        texts += statements(file, cluster)
    with reader(Settings(clickhouse=clickhouse, clickhouse_database="system")) as server:
        for text in texts:
            ((formatted,),) = server.rows("SELECT formatQuery({text:String})", {"text": text})
            assert ("ON CLUSTER textile" in formatted) == (cluster is not None), formatted[:200]
            if "ORDER BY" in formatted and formatted.startswith("CREATE TABLE"):
                replicated = "MergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}'" in formatted
                assert replicated == (cluster is not None), formatted
