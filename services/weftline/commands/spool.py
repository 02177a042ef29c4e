"""``weftline spool``: what waits on a disk until it can be sent."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import JsonOption, KafkaOption, located, print_json
from weftline.commands.partners import publisher_of

if TYPE_CHECKING:
    from weftline.sdk.spool import Refused, SpoolStatus

app = typer.Typer()
spool = typer.Typer(epilog="Example: `weftline spool status /var/spool/weftline`")
app.add_typer(spool, name="spool")

SHOWN_REFUSED = 20

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="What `weftline publish --spool` was given.")
]


@spool.callback(invoke_without_command=True)
def _spool(ctx: typer.Context) -> None:
    """Events that wait on a disk until Kafka answers (`weftline publish --spool`)."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@spool.command(
    epilog="Examples: `weftline spool status /var/spool/weftline`, `weftline spool status /var/spool/weftline --metrics`"
)
def status(
    folder: FolderArgument,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print metrics as Prometheus' node exporter takes them from a text file.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how much waits, since when, and what was put aside because it was refused. Status 1 if something was."""
    from weftline.sdk.spool import Spool

    kept = Spool(folder)
    try:
        found, refused = kept.status(), kept.refused(SHOWN_REFUSED)
    finally:
        kept.close()
    if metrics:
        typer.echo(_metrics(folder, found), nl=False)
    elif as_json:
        print_json({**found._asdict(), "put_aside": [{**one._asdict(), "body": _read(one)} for one in refused]})
    else:
        since = f" since {datetime.fromtimestamp(found.oldest).astimezone():%Y-%m-%d %H:%M:%S %z}" if found.oldest else ""
        typer.echo(f"{found.waiting:,} events wait{since}; {found.bytes / 1e6:,.1f} of {found.bound / 1e6:,.0f} MB are in use")
        if found.refused:
            typer.echo(
                f"{found.refused:,} were refused and put aside; once that is mended, `weftline spool send {folder} --refused`:"
            )
        for one in refused:
            typer.echo(f"  {one.seq}: {one.reason}\n     {one.body}")
    sys.exit(1 if found.refused else 0)


@spool.command(epilog="Example: `weftline spool send /var/spool/weftline --kafka kafka.example:9092`")
def send(
    folder: FolderArgument,
    refused: Annotated[bool, typer.Option("--refused", help="Try what was put aside once more.")] = False,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; else WEFTLINE_PUBLISHER_KEY, else none.")
    ] = None,
    kafka: KafkaOption = None,
) -> None:
    """Send on what waits, in order, as long as Kafka answers. Status 1 if something is left, which stays where it is."""
    from weftline.sdk.common import Defaults
    from weftline.sdk.spool import Spool

    kept = Spool(folder)
    try:
        if refused:
            kept.again()
        before = kept.status()
        with publisher_of(located(kafka), Defaults(), key, folder)():
            pass  # what waits is sent on by whoever has it open, and closing waits for that
        left = kept.status()
    finally:
        kept.close()
    typer.echo(f"{before.waiting - left.waiting:,} sent on, {left.waiting:,} wait, {left.refused:,} are put aside")
    sys.exit(1 if left.waiting or left.refused else 0)


def _read(one: Refused) -> object:
    """What it says; as text where it is damaged."""
    try:
        return json.loads(one.body)
    except ValueError:
        return one.body


def _metrics(folder: Path, found: SpoolStatus) -> str:
    """In Prometheus' text format; the SDK goes without its library."""
    age = time.time() - found.oldest if found.oldest is not None else 0.0
    gauges: list[tuple[str, str, float]] = [
        ("waiting_events", "Events that wait to be sent", found.waiting),
        ("refused_events", "Events that were refused and put aside", found.refused),
        ("oldest_seconds", "For how long the oldest of what waits does so", age),
        ("used_bytes", "Bytes in use", found.bytes),
        ("bound_bytes", "Bytes that may be in use", found.bound),
    ]
    label = json.dumps(str(folder))
    return "".join(
        f"# HELP weftline_spool_{name} {text}.\n# TYPE weftline_spool_{name} gauge\nweftline_spool_{name}{{folder={label}}} {value}\n"
        for name, text, value in gauges
    )
