"""Tables and plain views as values, as SQL, and the statements that lead from one edition of them to the next.

What is rendered is kept beside the migrations (``schemas/clickhouse/now``): a reader finds there what they add up to, and the next
migration is the difference between that file and what is described now. So :func:`parse` reads what :func:`render` wrote, and only that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weftline.errors import UserError


class SqlColumn(NamedTuple):
    """A column: ``kind`` is its ClickHouse type, ``default`` an expression or empty."""

    name: str
    kind: str
    says: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``engine`` with its arguments; ``order``, ``partition`` (may be empty) and ``settings`` (likewise) as in SQL."""

    name: str
    says: str
    columns: tuple[SqlColumn, ...]
    engine: str
    order: str
    partition: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class PlainView:
    """A view that shows columns of one table as they are. ``columns``: expression, and as what it is shown.

    ``by``: names of columns, comma separated, of which it has one row each; then other expressions are sums, and ``where`` is of them.
    ``each``: lists of the table, of one length, of whose elements it has a row each.
    """

    name: str
    says: str
    columns: tuple[tuple[str, SqlColumn], ...]
    source: str
    where: str
    by: str = ""
    each: tuple[str, ...] = ()


def render(things: Iterable[Table | PlainView]) -> str:
    """Statements, as a migration may have them, one after the other."""
    return "\n".join(_create(thing) if isinstance(thing, Table) else _view(thing) for thing in things)


def _create(table: Table) -> str:
    names, kinds = _widths(table.columns)
    columns = ",\n".join(f"    {_declared(column, names, kinds)}" for column in table.columns)
    partition = f"PARTITION BY {table.partition}\n" if table.partition else ""
    settings = f"SETTINGS {table.settings}\n" if table.settings else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} {{on_cluster}}\n(\n{columns}\n)\nENGINE = {{engine:{table.engine}}}\n"
        f"{partition}ORDER BY ({table.order})\n{settings}COMMENT {_quoted(table.says)};\n"
    )


def _declared(column: SqlColumn, names: int = 0, kinds: int = 0) -> str:
    default = f"DEFAULT {column.default} " if column.default else ""
    return f"{column.name:{names}} {column.kind:{kinds}} {default}COMMENT {_quoted(column.says)}"


def _widths(columns: Sequence[SqlColumn]) -> tuple[int, int]:
    return max(len(column.name) for column in columns), max(len(column.kind) for column in columns if not column.default)


def _view(view: PlainView) -> str:
    shown = ",\n    ".join(source if source == column.name else f"{source} AS {column.name}" for source, column in view.columns)
    kept = f"GROUP BY {view.by}\nHAVING {view.where}" if view.by else f"WHERE {view.where}"
    each = f"ARRAY JOIN\n    {', '.join(view.each)}\n" if view.each else ""
    return (
        f"CREATE OR REPLACE VIEW {view.name} {{on_cluster}} AS\nSELECT\n    {shown}\nFROM {view.source} FINAL\n{each}{kept}\n"
        f"COMMENT {_quoted(view.says)};\n\n{_comments(view.name, [column for _, column in view.columns])}"
    )


def _comments(name: str, columns: Sequence[SqlColumn]) -> str:
    said = ",\n".join(f"    COMMENT COLUMN {column.name} {_quoted(column.says)}" for column in columns)
    return f"ALTER TABLE {name} {{on_cluster}}\n{said};\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


_BEGIN = re.compile(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+) ")
_COLUMN = re.compile(r"    (\w+) +(\S.*?) +(?:DEFAULT (.+) )?COMMENT '((?:[^']|'')*)',?")


class Known(NamedTuple):
    """What a rendered file says of one table or view: its text, and the columns of a table by name."""

    text: str
    columns: dict[str, SqlColumn]


def parse(text: str) -> dict[str, Known]:
    """The tables and views of a rendered file, by name."""
    found = {}
    for statement in re.split(r"\n(?=CREATE )", "\n" + text):
        if begin := _BEGIN.match(statement):
            columns = [_COLUMN.fullmatch(line) for line in statement.splitlines()]
            told = [SqlColumn(c[1], c[2], c[4].replace("''", "'").replace("\\\\", "\\"), c[3] or "") for c in columns if c]
            found[begin[1]] = Known(statement.strip() + "\n", {column.name: column for column in told})
    return found


def migration(things: Iterable[Table | PlainView], known: Mapping[str, Known]) -> str:
    """The statements that make of what is known what is described now; empty if nothing differs.

    Raises :class:`~weftline.errors.UserError` for what cannot be said in such statements without a thought about the rows that are
    there: a column that goes, or whose type changes; another engine, order or partition.
    """
    parts = []
    for thing in things:
        text = render([thing])
        old = known.get(thing.name)
        if old is None or (isinstance(thing, PlainView) and old.text != text):
            parts.append(text)
        elif isinstance(thing, Table) and old.text != text:
            parts.append(_altered(thing, old))
    return "\n".join(parts)


def _altered(table: Table, old: Known) -> str:
    described = {column.name: column for column in table.columns}
    wrong = [f"{name} goes" for name in old.columns.keys() - described.keys()]
    wrong += [
        f"{name} becomes {described[name].kind}" + (f" DEFAULT {described[name].default}" if described[name].default else "")
        for name, column in old.columns.items()
        if name in described and described[name][1::2] != column[1::2]
    ]
    if wrong:
        raise UserError(
            f"{table.name}: {', '.join(sorted(wrong))}; write this migration by hand, what stands in the table decides how"
        )
    lines = []
    for name, column in described.items():
        before = old.columns.get(name)
        if before is None:
            lines.append(f"    ADD COLUMN IF NOT EXISTS {_declared(column)}")
        elif before.says != column.says:
            lines.append(f"    COMMENT COLUMN {name} {_quoted(column.says)}")
    (made, says), (was_made, said) = (_rest(text) for text in (_create(table), old.text))
    if made != was_made:
        raise UserError(f"{table.name}: is made otherwise ({' '.join(made.split())}); write this migration by hand")
    if says != said:
        lines.append(f"    MODIFY COMMENT {_quoted(table.says)}")
    return f"ALTER TABLE {table.name} {{on_cluster}}\n" + ",\n".join(lines) + ";\n"


def _rest(text: str) -> tuple[str, str]:
    """How a rendered table is made below its columns, and what it says."""
    made, _, says = text.partition("\n)\n")[2].rpartition("\nCOMMENT ")
    return made, says
