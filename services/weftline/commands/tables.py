"""Tables of the kinds: write their SQL from their descriptions, and the migration that leads there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from weftline.commands.common import fail
from weftline.errors import UserError

app = typer.Typer()
tables = typer.Typer(
    help="Tables of the kinds, made from the descriptions of their columns.",
    epilog="Example: `weftline tables render --check`",
)
app.add_typer(tables, name="tables")

#: Where a checkout keeps the migrations; what they add up to stands in ``now`` below.
_FOLDER = Path("schemas", "clickhouse")


@tables.callback()
def _group() -> None:
    """A group, though there is one command only."""


@tables.command(epilog="Example: `weftline tables render --migration order_fabric_width`")
def render(
    name: Annotated[str, typer.Option("--migration", metavar="NAME", help="Write the differences as the next migration.")] = "",
    folder: Annotated[Path, typer.Option("--in", metavar="DIR", help="Folder of the migrations.")] = _FOLDER,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is not what would be written.")] = False,
) -> None:
    """Write what the migrations add up to, kind by kind; where the description has moved on, also the next migration."""
    from weftline.processors.registry import kinds
    from weftline.processors.tables import tables_of, views_of
    from weftline.warehouse import ddl
    from weftline.warehouse.migrations import load

    if name and not re.fullmatch(r"[a-z0-9_]+", name):
        raise UserError(f"--migration {name}: lower case letters, digits and _")
    parts = []
    files: dict[Path, str] = {}
    for kind in kinds().values():
        path = folder / "now" / f"{kind.name}.sql"
        described: list[ddl.Table | ddl.PlainView] = [*tables_of(kind), *views_of(kind)]
        files[path] = f"-- What the migrations make of {kind.name}. Written by `weftline tables render`.\n\n{ddl.render(described)}"
        parts.append(ddl.migration(described, ddl.parse(path.read_text("utf-8") if path.is_file() else "")))
    differs = sorted(path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text)
    if check:
        if differs:
            fail(
                f"{', '.join(map(str, differs))}: not as the tables are described; `weftline tables render --migration NAME` writes "
                "the migration and these files"
            )
        typer.echo(f"{len(files)} files are as the tables are described")
        return
    changes = "\n".join(part for part in parts if part)
    if changes and not name:
        raise UserError("the tables are described otherwise than they are; say --migration NAME for the file that leads there")
    if changes:
        number = max((int(migration.name[:4]) for migration in load(folder)), default=0) + 1
        path = folder / f"{number:04}_{name}.sql"
        path.write_text(f"-- Written by `weftline tables render --migration {name}`.\n\n{changes}", "utf-8")
        typer.echo(f"{path} written")
    for path in differs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8")
    typer.echo(f"{len(files)} files in {folder / 'now'}, {len(differs)} of them written anew")
