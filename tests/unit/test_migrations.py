"""Migrations as text: files, templates, order. What the engine makes of them is in integration/test_warehouse.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from weftline.contracts.paths import schemas_root
from weftline.errors import UserError
from weftline.warehouse.migrations import Migration, load, render, statements, to_run

TEMPLATE = """
CREATE TABLE IF NOT EXISTS t {on_cluster} (a String COMMENT 'of {engine:X}; {on_cluster}') -- {engine:Y}
ENGINE = {engine:ReplacingMergeTree(rev, is_deleted)} ORDER BY a;
CREATE TABLE IF NOT EXISTS u {on_cluster} (a String) ENGINE = {engine:MergeTree} ORDER BY a;
CREATE OR REPLACE VIEW v {on_cluster} AS SELECT a FROM t WHERE a = {wanted:String}
"""
PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"


def _file(name: str, text: str = "") -> Migration:
    return Migration(name, text, f"checksum of {name}{text}")


def test_one_text_serves_a_single_node() -> None:
    first, second, view = (" ".join(text.split()) for text in statements(_file("0001_a.sql", TEMPLATE), None))
    assert first == (
        "CREATE TABLE IF NOT EXISTS t (a String COMMENT 'of {engine:X}; {on_cluster}') -- {engine:Y} "
        "ENGINE = ReplacingMergeTree(rev, is_deleted) ORDER BY a"
    )
    assert second == "CREATE TABLE IF NOT EXISTS u (a String) ENGINE = MergeTree() ORDER BY a"
    assert view == "CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a = {wanted:String}"


def test_the_same_text_serves_a_cluster() -> None:
    first, second, view = (" ".join(text.split()) for text in statements(_file("0001_a.sql", TEMPLATE), "textile"))
    assert first == (
        "CREATE TABLE IF NOT EXISTS t ON CLUSTER `textile` (a String COMMENT 'of {engine:X}; {on_cluster}') -- {engine:Y} "
        f"ENGINE = ReplicatedReplacingMergeTree({PATH}, rev, is_deleted) ORDER BY a"
    )
    assert second == f"CREATE TABLE IF NOT EXISTS u ON CLUSTER `textile` (a String) ENGINE = ReplicatedMergeTree({PATH}) ORDER BY a"
    assert view == "CREATE OR REPLACE VIEW v ON CLUSTER `textile` AS SELECT a FROM t WHERE a = {wanted:String}"


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a String) ENGINE = Memory",
        "CREATE TABLE t (a String COMMENT 'IF NOT EXISTS') ENGINE = Memory",
        "create view v as select 1",
        "/* why */ DROP TABLE t",
        "ALTER TABLE t ADD COLUMN a String",
        "ALTER TABLE t {on_cluster} DROP COLUMN a",
        "ALTER TABLE t UPDATE a = a + 1 WHERE 1",
        "RENAME TABLE a TO b",
        "INSERT INTO t SELECT 1",
        "SELECT 'open",
    ],
)
def test_what_may_not_run_twice_is_refused_by_file(text: str) -> None:
    with pytest.raises(UserError, match=r"^0007_bad\.sql: "):
        statements(_file("0007_bad.sql", text), None)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE IF EXISTS t",
        "ALTER TABLE t {on_cluster} ADD COLUMN  IF NOT EXISTS a String DEFAULT 'DROP COLUMN b'",
        "ALTER TABLE t MODIFY COLUMN a LowCardinality(String)",
        "ALTER TABLE t MODIFY COMMENT 'ADD COLUMN'",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS SELECT 1",
    ],
)
def test_what_may_run_twice_is_not(text: str) -> None:
    assert len(statements(_file("0001_good.sql", text), None)) == 1


def test_files_come_in_order_and_must_be_numbered(tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_bytes(b"SELECT 2\r\n")
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1\n")
    (tmp_path / "notes.txt").write_text("not ours")
    first, second = load(tmp_path)
    assert (first.name, second.name) == ("0001_a.sql", "0002_b.sql")
    (tmp_path / "0002_b.sql").write_bytes(b"SELECT 2\n")
    assert load(tmp_path)[1].checksum == second.checksum, "line ends are not a change"
    (tmp_path / "0002_c.sql").write_text("SELECT 3")
    with pytest.raises(UserError, match=r"0002_c\.sql: number 0002 is taken by 0002_b\.sql"):
        load(tmp_path)
    (tmp_path / "0002_c.sql").rename(tmp_path / "3_c.sql")
    with pytest.raises(UserError, match=r"3_c\.sql: name it NNNN_name\.sql"):
        load(tmp_path)


def test_only_what_continues_history_is_run() -> None:
    a, b, c = _file("0001_a.sql"), _file("0002_b.sql"), _file("0003_c.sql")
    assert to_run([a, b], {}) == [a, b]
    assert to_run([a, b], {a.name: {a.checksum}}) == [b]
    with pytest.raises(UserError, match=r"0001_a\.sql was run with another text"):
        to_run([a, b], {a.name: {"other"}})
    with pytest.raises(UserError, match=r"0001_a\.sql was run with another text"):
        to_run([a, b], {a.name: {a.checksum, "other"}})
    with pytest.raises(UserError, match=r"migrated with 0003_c\.sql, which this Weftline does not have"):
        to_run([a, b], {name: {f"checksum of {name}"} for name in (a.name, b.name, c.name)})
    with pytest.raises(UserError, match=r"0002_b\.sql was never run, but 0003_c\.sql was"):
        to_run([a, b, c], {a.name: {a.checksum}, c.name: {c.checksum}})


@pytest.mark.parametrize("cluster", [None, "textile"])
def test_our_own_files_leave_no_template_open(cluster: str | None) -> None:
    files = load(schemas_root() / "clickhouse")
    assert files
    for file in files:
        assert statements(file, cluster)
        assert render(render(file.text, cluster), cluster) == render(file.text, cluster)
