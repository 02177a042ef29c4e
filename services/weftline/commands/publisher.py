"""``weftline publisher``: keys with which publishers sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
publisher = typer.Typer(epilog="Example: `weftline publisher key new center-7.pem --id center-7 --source https://lims.example/c7`")
key = typer.Typer(epilog="Example: `weftline publisher key new center-7.pem --id center-7`")
publisher.add_typer(key, name="key")
app.add_typer(publisher, name="publisher")


@publisher.callback(invoke_without_command=True)
def _publisher(ctx: typer.Context) -> None:
    """Keys with which publishers sign, where a cluster binds them to whom they may speak for (WEFTLINE_PUBLISHERS=bound)."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@key.callback(invoke_without_command=True)
def _key(ctx: typer.Context) -> None:
    """Make a key, or show what belongs to one."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="PEM file of the private key; it stays with the publisher.")]
IdOption = Annotated[str, typer.Option("--id", metavar="ID", help="What the reference data call the publisher.")]
SourceOption = Annotated[list[str] | None, typer.Option("--source", metavar="URI", help="Source for which it speaks; repeatable.")]
CenterOption = Annotated[list[str] | None, typer.Option("--center", metavar="ID", help="Sampling center, likewise.")]
CooperativeOption = Annotated[list[str] | None, typer.Option("--cooperative", metavar="ID", help="Cooperative, likewise.")]
LaboratoryOption = Annotated[list[str] | None, typer.Option("--laboratory", metavar="ID", help="Laboratory, likewise.")]
FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--valid-from", formats=["%Y-%m-%d"], help="First day (UTC) on which its events may have happened; else 30 days ago."
    ),
]
#: Late reports are the normal case: events of a new publisher may have happened so many days ago.
LATE_DAYS = 30


@key.command(
    epilog="Example: `weftline publisher key new center-7.pem --id center-7 --source https://lims.example/c7 --center c7 "
    "--cooperative haimen --laboratory lab-7 > center-7.yaml`"
)
def new(
    file: FileArgument,
    identity: IdOption,
    source: SourceOption = None,
    center: CenterOption = None,
    cooperative: CooperativeOption = None,
    laboratory: LaboratoryOption = None,
    valid_from: FromOption = None,
) -> None:
    """Make a private key in a new file, and print the entry of the reference data that lets it speak.

    The publisher makes it and hands the entry over; whoever looks after the reference data checks it and loads it.
    """
    from weftline.contracts.signing import SigningKey

    made = SigningKey.new()
    made.save(file)
    typer.echo(_entry(identity, made.public, source, center, cooperative, laboratory, valid_from), nl=False)


@key.command(epilog="Example: `weftline publisher key show center-7.pem --id center-7`")
def show(
    file: FileArgument,
    identity: IdOption,
    source: SourceOption = None,
    center: CenterOption = None,
    cooperative: CooperativeOption = None,
    laboratory: LaboratoryOption = None,
    valid_from: FromOption = None,
) -> None:
    """Print the same entry for a key that is there already."""
    from weftline.contracts.signing import SigningKey

    typer.echo(_entry(identity, SigningKey.load(file).public, source, center, cooperative, laboratory, valid_from), nl=False)


def _entry(
    identity: str,
    public: str,
    source: list[str] | None,
    center: list[str] | None,
    cooperative: list[str] | None,
    laboratory: list[str] | None,
    valid_from: datetime | None,
) -> str:
    """A file that `weftline reference apply` takes, as soon as what is missing is filled in."""
    import yaml

    entry = {
        "id": identity,
        "public_key": public,
        "valid_from": (valid_from or datetime.now(UTC) - timedelta(days=LATE_DAYS)).date(),
        "sources": source or [],
        "centers": center or [],
        "cooperatives": cooperative or [],
        "laboratories": laboratory or [],
        "source": f"{identity}, {datetime.now(UTC).date()}",
    }
    if not laboratory:
        del entry["laboratories"]
    note = (
        "# valid_from: the day from which on its events may have happened; of a new key beside an old one, that of the old one.\n"
    )
    return note + str(yaml.safe_dump({"publishers": [entry]}, allow_unicode=True, sort_keys=False, width=1_000))
