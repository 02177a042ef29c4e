"""Tables as SQL: what is rendered is read back, and a migration is what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from weftline.cli import app
from weftline.contracts.paths import schemas_root
from weftline.domain.rows.columns import Change, Code, Column, Holds, Summed, Time, columns_of
from weftline.errors import UserError
from weftline.processors.registry import kinds
from weftline.processors.tables import tables_of, views_of
from weftline.warehouse.ddl import PlainView, SqlColumn, Table, migration, parse, render
from weftline.warehouse.migrations import Migration, statements

OWNER, COUNT = SqlColumn("owner", "String", "whose it is"), SqlColumn("n", "UInt8", "how many")
TABLE = Table("t", "A table.", (OWNER, COUNT), "ReplacingMergeTree(n)", "owner")
VIEW = PlainView("v", "A view.", (("owner", SqlColumn("factory", "String", "who")),), "t", "n > 0")

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)
columns = st.lists(
    st.builds(
        SqlColumn,
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.sampled_from(["String", "UInt8", "DateTime64(3, 'UTC')", "Array(Nullable(DateTime64(3, 'UTC')))"]),
        words,
        st.sampled_from(["", "now64(3)"]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda column: column.name,
).filter(lambda columns: any(not column.default for column in columns))


@given(columns, words)
def test_what_is_rendered_is_read_back(columns: list[SqlColumn], says: str) -> None:
    table = replace(TABLE, columns=tuple(columns), says=says)
    assert list(parse(render([table, VIEW]))["t"].columns.values()) == columns
    assert migration([table, VIEW], parse(render([table, VIEW]))) == ""
    assert statements(Migration("0001_a.sql", render([table, VIEW]), ""), None)


def test_a_migration_is_what_differs() -> None:
    known = parse(render([TABLE]))
    more = replace(
        TABLE, columns=(OWNER, SqlColumn("due_at", "Nullable(DateTime)", "when it's due"), COUNT._replace(says="how often"))
    )
    assert migration([more], known) == (
        "ALTER TABLE t {on_cluster}\n"
        "    ADD COLUMN IF NOT EXISTS due_at Nullable(DateTime) COMMENT 'when it''s due',\n"
        "    COMMENT COLUMN n 'how often';\n"
    )
    assert migration([replace(TABLE, says="It's one.")], known) == (
        "ALTER TABLE t {on_cluster}\n    MODIFY COMMENT 'It''s one.';\n"
    )
    assert migration([TABLE, VIEW], known) == render([VIEW])
    assert migration([VIEW], parse(render([replace(VIEW, where="n > 1")]))) == render([VIEW])
    assert migration([TABLE], {}) == render([TABLE])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (replace(TABLE, columns=(OWNER,)), "t: n goes; write this migration by hand"),
        (replace(TABLE, columns=(OWNER, COUNT._replace(kind="UInt16"))), "t: n becomes UInt16; write this"),
        (replace(TABLE, columns=(OWNER, COUNT._replace(default="1"))), "t: n becomes UInt8 DEFAULT 1; write this"),
        (replace(TABLE, order="owner, n"), r"t: is made otherwise \(ENGINE.*\(owner, n\).*\); write this"),
    ],
)
def test_what_rows_that_are_there_decide_is_left_to_a_human(table: Table, words: str) -> None:
    with pytest.raises(UserError, match=words):
        migration([table], parse(render([TABLE])))


def test_a_field_that_is_not_described_is_no_column() -> None:
    class Undescribed(NamedTuple):
        name: str

    with pytest.raises(TypeError, match=r"Undescribed\.name: say what it holds"):
        columns_of(Undescribed)


class Described(NamedTuple):
    opened: Annotated[Change, "1 if opened", Summed("opened")]
    closed: Annotated[Change, "1 if closed", Summed()]
    status: Annotated[Code, "what it is"]
    due_at: Annotated[Time | None, "when it is due"]


def test_what_a_description_says() -> None:
    assert columns_of(Described) == (
        Column("opened", Holds.CHANGE, "1 if opened", summed="opened"),
        Column("closed", Holds.CHANGE, "1 if closed", summed="1 if closed"),
        Column("status", Holds.CODE, "what it is"),
        Column("due_at", Holds.TIME, "when it is due", optional=True),
    )


def test_the_files_are_as_the_tables_are_described(tmp_path: Path) -> None:
    runner = CliRunner()
    folder = schemas_root() / "clickhouse"
    assert runner.invoke(app, ["tables", "render", "--check", "--in", str(folder)]).exit_code == 0
    # Where there is nothing yet, the first migration is all of it.
    shown = runner.invoke(app, ["tables", "render", "--in", str(tmp_path)])
    assert "say --migration NAME" in str(shown.exception)
    assert not list(tmp_path.iterdir())
    assert runner.invoke(app, ["tables", "render", "--in", str(tmp_path), "--migration", "all"]).exit_code == 0
    (written,) = tmp_path.glob("*.sql")
    assert written.name == "0001_all.sql"
    for kind in kinds().values():
        assert render([*tables_of(kind), *views_of(kind)]) in written.read_text("utf-8")
        assert (tmp_path / "now" / f"{kind.name}.sql").read_text("utf-8") == (folder / "now" / f"{kind.name}.sql").read_text(
            "utf-8"
        )
    again = runner.invoke(app, ["tables", "render", "--in", str(tmp_path)])
    assert (again.exit_code, again.output.split()[-5:]) == (0, ["0", "of", "them", "written", "anew"])
    lost = tmp_path / "now" / "orders.sql"
    lost.write_text(lost.read_text("utf-8").replace("pieces ordered", "pieces"), "utf-8")
    assert runner.invoke(app, ["tables", "render", "--check", "--in", str(tmp_path)]).exit_code == 1
