"""``weftline audit`` and ``weftline rebuild``: are the tables what the records say, and making them so under new rules."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, end_on_signals, located, milliseconds, print_json
from weftline.errors import DependencyDown

if TYPE_CHECKING:
    from weftline.processors.audit import Report
    from weftline.processors.audit_tables import Difference
    from weftline.runtime.settings import Settings

app = typer.Typer()

#: Exit statuses besides 0, all is well: rows that are wrong; nothing found wrong, but not all could be judged.
DRIFT, UNSETTLED = 1, 3

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="Deadlines as of this time (ISO 8601 with offset, or ms); else the processors' clock."
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only owners with records stored since this time, and the log since then."),
]


@app.command(
    epilog="Examples: `weftline audit`, `weftline audit --since 2026-05-06T00:00:00Z --json`, `weftline audit --every 3600`"
)
def audit(
    as_of: AsOfOption = None,
    since: SinceOption = None,
    every: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="SECONDS", help="Go on for ever, and export the drift on WEFTLINE_HTTP_HOST:WEFTLINE_HTTP_PORT."
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Wait at most so long, at each look, for processors to catch up.")
    ] = 60.0,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the log against the records, and every table against a fold of the records in memory. Processors may go on meanwhile.

    Ends with status 0 if all is as it must be, 1 if rows are wrong, 3 if nothing is wrong but not all could be judged (a processor
    does not run, or does not keep up; a publisher's transaction is still open; records were lost before they were read, see
    `weftline losses`).
    """
    settings = located(kafka, clickhouse)
    moment, from_ = milliseconds("--as-of", as_of) if as_of else None, milliseconds("--since", since) if since else None
    if every is not None:
        _for_ever(settings, moment, from_, patience, every, as_json)
    report = _run(settings, moment, from_, patience)
    _print(report, as_json)
    sys.exit(DRIFT if report.rows else UNSETTLED if report.unsettled or report.undecided or report.unseen else 0)


@app.command(epilog="Examples: `weftline rebuild --dry-run --show`, `weftline rebuild`")
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Name every row that changes.")] = False,
    remove_damaged: Annotated[
        bool, typer.Option("--remove-damaged", help="Delete stored records that do not say what their address says; then reread.")
    ] = False,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
) -> None:
    """Make facts, state, alerts and rollups anew from the records, under the edition of the rules in this program.

    For when the rules have changed: start every processor anew first, then run this while they work. Also for rows that somebody else
    wrote: what no record gives is deleted. It may be stopped and run again.

    Ends with status 0 if all is as the records say, 1 if something could not be mended; it says what, and what to do.
    """
    from weftline.processors.rebuild import rebuild as run

    def tell(difference: Difference) -> None:
        typer.echo(f"{difference.table}: {difference.what:<10}{_in_words(difference)}")

    done = run(located(kafka, clickhouse), dry_run=dry_run, show=tell if show else None, remove_damaged=remove_damaged)
    for table, rows in done.changed.items():
        left = done.left.get(table, 0)
        typer.echo(f"{table}: {rows:,} rows would change" if dry_run else f"{table}: {max(rows - left, 0):,} rows changed")
    typer.echo(
        f"{'would rebuild' if dry_run else 'rebuilt'} {done.owners:,} owners from {done.records:,} records under edition "
        f"{done.edition} of the rules, in {done.seconds:.1f} s; {'' if done.changed else 'no '}facts, state, alerts or rollups differed"
    )
    for table, rows in done.removed.items():
        typer.echo(
            f"{table}: {rows:,} damaged records deleted; `weftline reread` reads them again, as far as the log still has them"
        )
    for table, rows in done.damaged.items():
        typer.echo(
            f"weftline: {table}: {rows:,} records do not say what their address says, and nothing can be made of them; `weftline rebuild "
            "--remove-damaged` deletes them, `weftline reread` then reads them again, as far as the log still has them",
            err=True,
        )
    for table, rows in done.left.items():
        typer.echo(
            f"weftline: {table}: {rows:,} rows still differ; something writes to this table that is no processor of this edition, or "
            "nothing can be made anew for want of a record: `weftline audit` names them",
            err=True,
        )
    sys.exit(DRIFT if done.left or done.damaged else 0)


def _run(settings: Settings, as_of: int | None, since: int | None, patience: float) -> Report:
    from weftline.contracts.codec import Codec
    from weftline.contracts.registry import open_registry
    from weftline.processors.audit import STATEMENT_SECONDS
    from weftline.processors.audit import audit as run
    from weftline.runtime.clock import clock_of
    from weftline.runtime.groups import open_groups
    from weftline.warehouse.client import reader
    from weftline.warehouse.status import TOPICS

    codec = Codec(open_registry(settings.schema_registry))
    with reader(settings, seconds=STATEMENT_SECONDS) as warehouse, open_groups(settings, TOPICS) as groups:
        clock = clock_of(settings.simulated_clock, warehouse.clock()) if as_of is None else lambda: as_of
        return run(settings, warehouse, groups.read, codec, clock, since=since, patience=patience)


def _for_ever(settings: Settings, as_of: int | None, since: int | None, patience: float, every: float, as_json: bool) -> None:
    from weftline.processors.audit_metrics import AuditMetrics
    from weftline.runtime.exporter import serving

    metrics, rest = AuditMetrics(), end_on_signals()
    with serving(settings, metrics.registry) as port:
        typer.echo(f"metrics on http://{settings.http_host}:{port}/metrics", err=True)
        while True:
            began = time.monotonic()
            try:
                report = _run(settings, as_of, since, patience)
            except DependencyDown as error:
                # The time of the last audit grows old, which is what a rule should look at.
                typer.echo(f"weftline: {error}; the next audit tries again", err=True)
            else:
                metrics.show(report)
                _print(report, as_json)
            rest(max(every - (time.monotonic() - began), 0))


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(report))
        return
    for line in _lines(report):
        typer.echo(line)


def _lines(report: Report) -> Iterator[str]:
    as_of = datetime.fromtimestamp(report.as_of / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    yield (
        f"audited {report.logged:,} records of the log ({report.dead:,} dead letters), {report.records:,} stored records of "
        f"{report.owners:,} owners, as of {as_of}, in {report.seconds:.1f} s"
    )
    for table, drift in report.drift.items():
        if drift.rows:
            yield f"{table}: {drift.missing:,} missing, {drift.extra:,} extra, {drift.different:,} different"
            yield from (f"  {difference.what:<10}{_in_words(difference)}" for difference in drift.shown)
    if report.shared_identities:
        yield f"note: {report.shared_identities:,} identities (source and event id) stand under several owners, each as an event of its own"
    if report.unsettled:
        yield f"not judged: {report.unsettled:,} owners and windows, whose processor does not run, is behind, or never rested"
    if report.undecided:
        yield f"not yet decided: {report.undecided:,} offsets of the log wait for a publisher's transaction to be committed or aborted"
    yield from (f"not seen: {said}" for said in report.unseen)
    if report.rows:
        yield f"DRIFT: {report.rows:,} rows are wrong"
    elif report.unseen:
        yield f"what is there is as it must be, but {len(report.unseen):,} losses are open: `weftline losses`"
    else:
        yield "no drift"


def _in_words(difference: Difference) -> str:
    """The key, and of a row that differs its columns that do."""
    names = _columns(difference.table)
    key = " ".join(f"{name}={value}" for name, value in zip(names[0], difference.key, strict=False))
    said = []
    if difference.stored is not None and difference.ought is not None:
        changes = _changes(difference, names[1])
        said = [f"{name} is {is_!r:.80}, ought to be {ought!r:.80}" for name, (is_, ought) in changes.items()]
    if difference.versions is not None and difference.versions[0] > difference.versions[1]:
        said.append("its version is greater than its records explain")
    return f"{key}: {', '.join(said)}" if said else key


def _changes(difference: Difference, names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    stored, ought = difference.stored or (), difference.ought or ()
    if len(stored) != len(ought) or len(names) != len(stored):
        return {"it": (stored, ought)}
    return {name: (a, b) for name, a, b in zip(names, stored, ought, strict=True) if a != b}


def _columns(table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from weftline.processors.audit_tables import columns
    from weftline.processors.registry import kinds

    for kind in kinds().values():
        if table == kind.records:
            address = ("owner", "event_time", "source", "event_id", "rank")
            return address, address
        if table in (found := columns(kind)):
            return found[table]
    return ("topic", "partition", "offset"), ()


def _as_json(report: Report) -> dict[str, Any]:
    def row(difference: Difference) -> dict[str, Any]:
        names = _columns(difference.table)
        said: dict[str, Any] = {
            "what": difference.what,
            "key": dict(zip(names[0], difference.key, strict=False)),
        }
        if difference.versions is not None:
            said["version"] = dict(zip(("is", "explained"), difference.versions, strict=True))
        if difference.what == "different":
            said["columns"] = {name: {"is": is_, "ought": ought} for name, (is_, ought) in _changes(difference, names[1]).items()}
        return said

    return {
        "as_of": report.as_of,
        "seconds": round(report.seconds, 3),
        "logged": report.logged,
        "dead_letters": report.dead,
        "records": report.records,
        "owners": report.owners,
        "shared_identities": report.shared_identities,
        "unsettled": report.unsettled,
        "unseen": report.unseen,
        "undecided": report.undecided,
        "drift_rows": report.rows,
        "tables": {
            table: {
                "missing": drift.missing,
                "extra": drift.extra,
                "different": drift.different,
                "first": [row(difference) for difference in drift.shown],
            }
            for table, drift in report.drift.items()
        },
    }
