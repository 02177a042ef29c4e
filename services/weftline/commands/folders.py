"""``weftline watch-folder``: files are published by dropping them into a folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from weftline.commands.common import KafkaOption, end_on_signals, located
from weftline.commands.partners import SpoolOption, publisher_of

if TYPE_CHECKING:
    from weftline.files.mapping_file import MappingFile
    from weftline.files.watching import Publish, Published
    from weftline.sdk import Publisher
    from weftline.sdk.common import Defaults

Opened: TypeAlias = "Callable[[], AbstractContextManager[Publisher]]"

app = typer.Typer()

LOOK_SECONDS = 1.0
EVENTS = (".json", ".jsonl", ".ndjson", ".jsonld", ".gz")
TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@app.command("watch-folder", epilog="Example: `weftline watch-folder /srv/lims-export --map reports.map.yaml`")
def watch_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where files are dropped; done/ and failed/ are made in it.")],
    mapping: Annotated[
        Path | None,
        typer.Option("--map", metavar="YAML", help="What the columns of spreadsheets mean; `weftline map init` writes it."),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", metavar="FILE", help="Where it is kept what was sent; else beside the mapping.")
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="URI", help="Who publishes, for events that do not say it.")] = None,
    cooperative: Annotated[str | None, typer.Option(metavar="ID", help="Cooperative, likewise.")] = None,
    center: Annotated[str | None, typer.Option(metavar="ID", help="Sampling center, likewise.")] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; else WEFTLINE_PUBLISHER_KEY, else none.")
    ] = None,
    rest: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="A file is taken that did not change for so long.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left; with status 1 if a file failed.")] = False,
    spool: SpoolOption = None,
    kafka: KafkaOption = None,
) -> None:
    """Publish every file that is dropped into a folder, over a network share too, and move it to done/ or failed/ with a report beside it.

    Spreadsheets are read by the mapping as `weftline publish --map` does it: one faulty row, and nothing of the file is sent. JSON Lines
    and EPCIS documents are taken as well. While Kafka is away files stay where they are; with --spool their events wait there. Killed in
    the middle, it does the same again at its next start, and nothing is published twice.
    """
    from weftline.errors import UserError
    from weftline.files.ledger import SUFFIX
    from weftline.files.mapping_file import read_mapping
    from weftline.files.watching import Folder, Patience
    from weftline.sdk.common import Defaults

    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; make it first, and let those write there who shall publish")
    tables = None if mapping is None else (read_mapping(mapping), ledger or mapping.with_suffix(SUFFIX))
    who = Defaults(source=source, cooperative_id=cooperative, center_id=center)
    opened: Opened = publisher_of(located(kafka), who, key, spool)
    with ExitStack() as lasting:
        if spool is not None:  # one for all files, so that what waits is sent on between them
            opened = _always(lasting.enter_context(opened()))
        watched = Folder(folder, _publishing(opened, tables, who), typer.echo, Patience(rest))
        typer.echo(f"{folder}: watched; Ctrl-C ends it")
        wait = end_on_signals()
        while watched.look(time.monotonic()) or not once:
            wait(min(LOOK_SECONDS, rest) or 0.1)
    sys.exit(1 if watched.failed else 0)


def _always(publisher: Publisher) -> Opened:
    """It is open already, and stays so."""
    return lambda: nullcontext(publisher)


def _publishing(opened: Opened, tables: tuple[MappingFile, Path] | None, who: Defaults) -> Publish:
    """What publishes a file of either sort. ``tables``: mapping and ledger of spreadsheets."""
    from weftline.errors import UserError

    def publish(path: Path) -> Published:
        suffix = path.suffix.lower()
        if suffix in EVENTS:
            return _events(path, opened)
        if suffix not in TABLES:
            raise UserError(f"{path.name}: is neither a table ({', '.join(TABLES)}) nor events ({', '.join(EVENTS)})")
        if tables is None:
            raise UserError(
                f"{path.name}: is a table, and this folder is watched without --map, so nobody knows what its columns mean"
            )
        return _table(path, opened, *tables, who)

    return publish


def _open(opened: Opened) -> AbstractContextManager[Publisher]:
    """What keeps a publisher from opening is not the file's fault."""
    from weftline.errors import UserError
    from weftline.files.watching import Later

    try:
        return opened()
    except UserError as error:
        raise Later(str(error)) from None


def _events(path: Path, opened: Opened) -> Published:
    from weftline.files.watching import Later, Published
    from weftline.sdk import publish_file

    told: list[str] = []
    with _open(opened) as publisher:
        summary = publish_file(
            path,
            publisher,
            on_problem=lambda problem: told.append(str(problem)),
            on_warning=lambda warning: told.append(f"{warning.place}: warning: {warning.reason}"),
        )
    if summary.undelivered:
        raise Later(f"{summary.undelivered} events were not delivered ({summary.delivery})")
    line = f"{summary.published:,} published, {summary.skipped:,} left out that say nothing of ours, {summary.bad:,} refused"
    return Published(not summary.bad, (line, *told))


def _table(path: Path, opened: Opened, mapping: MappingFile, ledger: Path, who: Defaults) -> Published:
    from weftline.files.publishing import Means, Reporting, publish_table
    from weftline.files.report import beside, summary
    from weftline.files.watching import Later, Published

    with _open(opened) as publisher:
        means = Means(ledger, who, publisher.advise, publisher, _now)
        outcome = publish_table(path, mapping, means, Reporting())
    if outcome.undelivered:
        raise Later(f"{outcome.undelivered} events were not delivered ({outcome.delivery})")
    warned = (f"{one.place}: warning: {one.reason}" for one in outcome.warnings)
    return Published(True, (summary(outcome), *warned, *beside(outcome)))


def _now() -> int:
    return time.time_ns() // 1_000_000
