"""``weftline losses`` and ``weftline reread``: what was lost, and having the log read again."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, located, milliseconds, print_json
from weftline.contracts.kinds import BY_PROCESSOR

app = typer.Typer()

#: So long is waited for a worker to take a request up: it looks with every sweep.
TAKEN_UP_SECONDS = 60.0


#: The processors, as the command line names them.
KindName = StrEnum("KindName", [*BY_PROCESSOR])  # type: ignore[misc]  # mypy wants the names spelt out
KindArgument = Annotated[KindName | None, typer.Argument(metavar="[KIND]", help=f"{', '.join(BY_PROCESSOR)}; else all.")]


@app.command(epilog="Examples: `weftline losses`, `weftline losses orders --accept`")
def losses(
    kind: KindArgument = None,
    accept: Annotated[bool, typer.Option("--accept", help="Say that they are known: nothing is told of them any more.")] = False,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """What was lost and is neither mended nor accepted: of the log before it was read, or of the tables.

    Ends with status 1 if there is something, unless it is accepted now.
    """
    from weftline.processors.rereading import accept_losses, open_losses

    found = open_losses(located(kafka, clickhouse), kind)
    if as_json:
        print_json([{"kind": name, **loss._asdict()} for name, loss in found])
    else:
        for name, loss in found:
            typer.echo(
                f"{name}  partition {loss.partition}  {loss.what:<10} offsets {loss.first:,} to {loss.last:,}: {loss.detail}"
            )
        if not found:
            typer.echo("nothing is lost")
    if accept and found:
        accept_losses(located(kafka, clickhouse), kind)
        typer.echo(f"{len(found):,} accepted", err=True)
    sys.exit(1 if found and not accept else 0)


@app.command(epilog="Examples: `weftline reread --from beginning`, `weftline reread orders --from 2026-11-20T00:00:00+08:00`")
def reread(
    kind: KindArgument = None,
    from_: Annotated[
        str,
        typer.Option(
            "--from", metavar="PLACE", help="beginning, a time (ISO 8601 with offset: when the broker took it), or an offset."
        ),
    ] = "beginning",
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
) -> None:
    """Have the log read again from a place on. Harmless: the same records give the same tables, however often they are read.

    Where processors run, they take it up by themselves with their next sweep; where none does, the group is set back at once.
    """
    from weftline.processors.rereading import Place, ask

    settings = located(kafka, clickhouse)
    if from_ == "beginning":
        place = Place.beginning()
    else:
        place = Place.at(int(from_)) if from_.isdigit() else Place.since(milliseconds("--from", from_))
    asked = ask(settings, kind, place)
    for one in asked:
        when = "" if one.running else "; no processor runs, so the next start does it"
        typer.echo(f"{one.kind}: {one.records:,} records will be read again in {one.partitions} partitions{when}")
    waiting = [one for one in asked if one.running and one.records]
    deadline = time.monotonic() + TAKEN_UP_SECONDS
    while waiting and time.monotonic() < deadline:
        time.sleep(0.5)
        waiting = [one for one in waiting if not one.taken_up(settings)]
    for one in waiting:
        typer.echo(f"weftline: {one.kind}: not taken up within {TAKEN_UP_SECONDS:.0f} s; look at the processor's log", err=True)
    sys.exit(1 if waiting else 0)
