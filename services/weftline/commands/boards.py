"""Boards for Grafana: write their files, and look at dashboards' files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from weftline.commands.common import fail, read_text
from weftline.errors import UserError

app = typer.Typer()
boards = typer.Typer(
    help="Boards for Grafana, made from the same definitions as the built-in board.",
    epilog="Example: `weftline boards render --check`",
)
app.add_typer(boards, name="boards")

#: Where a checkout keeps them.
_FOLDER = Path("deploy", "grafana", "dashboards")


@boards.command(epilog="Example: `weftline boards render --check`")
def render(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder for en/ and zh/.")] = _FOLDER,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is not what would be written.")] = False,
) -> None:
    """Write every board as dashboard JSON, in English and in Chinese."""
    from weftline.boards.grafana import render as rendered

    files = {to / path: text for path, text in rendered().items()}
    differs = sorted(path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text)
    if check:
        foreign = sorted({path for folder in {path.parent for path in files} for path in folder.glob("*.json")} - files.keys())
        if differs:
            fail(f"{', '.join(map(str, differs))}: not as the boards are defined; `weftline boards render` writes them anew")
        if foreign:
            fail(f"{', '.join(map(str, foreign))}: no board makes it; remove it, or keep it elsewhere")
        typer.echo(f"{len(files)} dashboards are as the boards are defined")
        return
    for path in differs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], "utf-8")
    typer.echo(f"{len(files)} dashboards in {to}, {len(differs)} of them written anew")


@boards.command("lint", epilog="Example: `weftline boards lint deploy/grafana/dashboards/*/*.json`")
def check_dashboards(files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Dashboards as JSON.")]) -> None:
    """Look at dashboards: titles, units, places, data sources, links and variables; links may lead from one file to another."""
    from weftline.boards.lint import lint

    dashboards = {}
    for file in files:
        try:
            dashboards[file] = json.loads(read_text(file))
        except ValueError as error:
            raise UserError(f"{file}: is not JSON: {error}") from None
        if not isinstance(dashboards[file], dict):
            raise UserError(f"{file}: is no dashboard: a JSON object was expected")
    findings = lint(dashboards)
    for finding in findings:
        typer.echo(str(finding), err=True)
    if findings:
        fail(f"{len(findings)} findings in {len(files)} dashboards")
    typer.echo(f"{len(files)} dashboards, no findings")
