"""``weftline backup`` and ``weftline restore``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import ClickHouseOption, KafkaOption, located

if TYPE_CHECKING:
    from weftline.runtime.settings import Settings
    from weftline.warehouse.backup_folder import Manifest

app = typer.Typer()

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the backup.")]


@app.command(epilog="Example: `weftline backup /backups/2026-11-28`")
def backup(folder: FolderArgument, kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Write all tables and the processors' places in Kafka into a new folder, while everything works.

    What comes after it began is not in it: after a restore it is read again from Kafka, as long as that keeps it (90 days).
    """
    from weftline.warehouse.backup import backup as run

    made = run(located(kafka, clickhouse), folder, _say)
    seconds = (made.ended_at - made.began_at) / 1000
    typer.echo(f"backed up {len(made.tables)} tables, {made.bytes:,} bytes, into {folder} in {seconds:.1f} s")


@app.command(epilog="Examples: `weftline restore /backups/2026-11-28`, `weftline restore /backups/2026-11-28 --check`")
def restore(
    folder: FolderArgument,
    check_only: Annotated[bool, typer.Option("--check", help="Only see whether the backup is whole.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Add the backup to what the tables have, and make everything anew from both.")
    ] = False,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
) -> None:
    """Fill an empty stack from a backup, and have the rest read again from Kafka.

    The processors stand still meanwhile: those of a stack that runs here are stopped and started again, others must be stopped
    before. It may be interrupted and run again. Where the tables are lost and the log is not, processors that start read it again at
    once: `weftline up --restore DIR` is sooner than they.
    """
    from weftline.warehouse.restore import check

    manifest = check(folder)
    if check_only:
        typer.echo(f"{folder} is whole: {len(manifest.tables)} tables, {manifest.bytes:,} bytes, taken {_moment(manifest)}")
        return
    settings = located(kafka, clickhouse)
    with _processors_held(settings):
        fill(settings, folder, manifest, _say, merge=merge)


def fill(settings: Settings, folder: Path, manifest: Manifest, say: Callable[[str], None], *, merge: bool = False) -> None:
    """Restore a backup that was checked, make anew what that cannot give, and say what was done. No processor may run."""
    from weftline.warehouse.restore import restore as run

    done = run(settings, folder, manifest, say, merge=merge)
    if done.rebuild:
        from weftline.processors.rebuild import rebuild

        what = "everything" if done.since is None else "what was not settled when the backup began"
        say(f"making {what} anew from the records, for {' and '.join(done.rebuild)}")
        rebuild(settings, since=done.since)
    for line in done.lost:
        say(f"careful: {line}")
    say(f"restored {sum(done.rows.values()):,} rows, the state of {_moment(manifest)}; `weftline audit` says when the rest is read")


def _moment(manifest: Manifest) -> str:
    return datetime.fromtimestamp(manifest.began_at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@contextmanager
def _processors_held(settings: Settings) -> Iterator[None]:
    """Those of the stack that runs on the data folder here, if it is that stack that is restored."""
    from weftline.embedded.hold import Hold
    from weftline.embedded.stack_folder import find_running

    running = find_running(settings.data)
    if running is None or running.kafka != settings.kafka:
        yield
        return
    with Hold(settings.data):
        _say("the processors of the stack stand still")
        yield
    _say("the processors of the stack start again")


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()
