"""The command ``weftline``: the list of its commands, and how it ends. The commands stand in :mod:`weftline.commands`."""

from __future__ import annotations

import logging
import sys
from typing import Annotated, NoReturn

import typer

import weftline
from weftline.commands import (
    access,
    audit,
    backup,
    board,
    boards,
    certificate,
    cooperative,
    dlq,
    folders,
    gateway,
    health,
    lag,
    local,
    losses,
    mapped,
    members,
    notify,
    offline,
    packs,
    partner,
    partners,
    processors,
    publisher,
    reference,
    reports,
    retract,
    spool,
    state,
    tables,
    watch,
)
from weftline.commands.common import fail, in_one_line, load_first

app = typer.Typer(
    name="weftline",
    epilog="Example: `weftline up`, and in another terminal `weftline alerts --follow`",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (
    *(
        local,
        board,
        partners,
        mapped,
        folders,
        spool,
        partner,
        certificate,
        retract,
        publisher,
        state,
        audit,
        losses,
        backup,
        offline,
        processors,
        reference,
        dlq,
        lag,
        watch,
    ),
    *(access, health, boards, tables, gateway, notify, cooperative, members, packs, reports),
):
    app.add_typer(part.app)


def main() -> NoReturn:
    """Entry point: a user's error ends in one line, never in a traceback."""
    load_first()
    # Libraries warn of a broker that goes away; the command says it itself, and the processors set up logging of their own.
    for library in ("kafka", "clickhouse_connect"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:  # a wrong option or argument
        asked = getattr(error, "ctx", None)
        path = asked.command_path if asked else "weftline"
        wrong = error.format_message().replace("Value error, ", "").rstrip(".")  # pydantic's words, not ours
        fail(f"{wrong}; `{path} --help` shows how", 2)
    except Exception as error:
        line = in_one_line(error)
        if line is None:
            raise
        fail(line)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"weftline {weftline.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Event-driven quality and throughput for shared sampling centers of an industrial cluster."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
