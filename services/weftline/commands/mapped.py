"""``weftline publish FILE --map`` and ``weftline map``: spreadsheets and CSV as events."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from weftline.commands.common import fail, print_json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from weftline.files.ledger import Change
    from weftline.files.publishing import Outcome, Step, Warned
    from weftline.sdk import Publisher
    from weftline.sdk.common import Defaults
    from weftline.sdk.files import Advise

app = typer.Typer()
maps = typer.Typer(
    epilog="Example: `weftline map init orders.xlsx`, then `weftline publish orders.xlsx --map orders.map.yaml --dry-run`"
)
app.add_typer(maps, name="map")

SHOWN_CHANGES = 20
"""So many of what would be sent are shown by a dry run, and so many are listed as JSON at most:"""
LISTED_CHANGES = 1_000


class TemplateKind(StrEnum):
    """Workbooks that can be had."""

    ORDERS = "orders"
    REPORTS = "reports"
    LOTS = "lots"
    SHIPMENTS = "shipments"


class RowsOf(StrEnum):
    """What the rows of a file may tell of (:class:`weftline.files.fields.RowKind`)."""

    ORDER = "order"
    REPORT = "report"
    REPORT_STATUS = "report_status"
    LOT = "lot"
    CORRECTIVE_ACTION = "corrective_action"
    SHIPMENT = "shipment"


@maps.callback(invoke_without_command=True)
def _maps(ctx: typer.Context) -> None:
    """Mappings: which column of a spreadsheet is which field, and what its words mean."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@maps.command(
    epilog="Examples: `weftline map init orders.xlsx`, `weftline map init results.csv --rows report --output results.yaml`"
)
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, xlsx, xls or ods.")],
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sheet of a workbook; else the first that is not hidden.")
    ] = None,
    rows: Annotated[RowsOf | None, typer.Option(help="What a row tells of; else it is guessed.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; else FILE.map.yaml. - is standard output.")
    ] = None,
) -> None:
    """Write a mapping for a file to begin with. What is guessed is marked `# guess`: look at each, then try it with `publish --dry-run`."""
    from weftline.files.fields import RowKind
    from weftline.files.guessing import guessed_mapping

    text = guessed_mapping(file, sheet, None if rows is None else RowKind(rows.value))
    if output == "-":
        typer.echo(text, nl=False)
        return
    target = Path(output) if output else file.with_suffix(".map.yaml")
    _write_new(target, text.encode())
    typer.echo(f"{target}: {text.count('# guess')} guesses, {text.count('# ?')} open questions; look at each of them")


@maps.command(epilog="Examples: `weftline map template orders`, `weftline map template reports --output reports-2026.xlsx`")
def template(
    kind: Annotated[TemplateKind, typer.Argument(metavar="orders|reports|lots|shipments", help="What its rows shall tell of.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; else KIND.xlsx.")] = None,
) -> None:
    """Write an empty workbook with the right columns, lists to choose from, and a sheet that explains them in Chinese and English."""
    from weftline.files.templates import workbook

    target = output or Path(f"{kind.value}.xlsx")
    _write_new(target, workbook(kind.value))
    typer.echo(f"{target}: fill it in, then `weftline map init {target}`")


def _write_new(target: Path, content: bytes) -> None:
    """Write a file that was not there: one that somebody has worked on is not to be lost."""
    try:
        with target.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        fail(f"{target} is there already; --output names another file")


# -- publish --map


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``weftline publish FILE --map`` was asked for."""

    file: str
    mapping: Path
    defaults: Defaults
    ledger: Path | None
    dry_run: bool
    skip_faulty: bool
    strict: bool
    as_json: bool


def publish_mapped(
    wanted: Wanted,
    publisher: Callable[[], AbstractContextManager[Publisher]],
    stored: Callable[[Callable[[str], None]], AbstractContextManager[Advise | None]],
    each_once: Callable[[Callable[[Warned], None]], Callable[[Warned], None]],
) -> NoReturn:
    """Publish a table, or in a dry run show what would be published; ends the program."""
    from weftline.files.ledger import SUFFIX
    from weftline.files.mapping_file import read_mapping
    from weftline.files.publishing import Means, Reporting, publish_table
    from weftline.files.report import beside, summary
    from weftline.sdk.advice import Adviser

    if wanted.file == "-":
        fail("--map wants a file, not standard input: it is read twice", 2)
    mapping = read_mapping(wanted.mapping)
    ledger = wanted.ledger or wanted.mapping.with_suffix(SUFFIX)
    shown = _Shown(wanted)
    with (
        nullcontext() if wanted.dry_run else publisher() as sending,
        _bar(wanted.file) as (advance, say),
        stored(say) as known,
    ):
        adviser = Adviser()
        means = Means(
            ledger,
            wanted.defaults,
            (lambda event: adviser.advise(event, _now())) if sending is None else sending.advise,
            sending,
            _now,
            known,
            wanted.skip_faulty,
            wanted.strict,
        )
        tell = Reporting(
            shown.take if wanted.dry_run else (lambda _: None),
            each_once(lambda one: say(f"{one.place}: warning: {one.reason}")),
            advance,
        )
        outcome = publish_table(Path(wanted.file), mapping, means, tell)
        for line in beside(outcome):
            say(line)
    if wanted.as_json:
        print_json(_as_json(outcome, shown))
    else:
        for line in (*shown.lines(), summary(outcome)):
            typer.echo(line)
    sys.exit(outcome.exit_status)


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Shown:
    """What a dry run shows: the first changes whole, of all of them how they would be judged."""

    wanted: Wanted
    changes: list[tuple[Change, Any]] = field(default_factory=list)
    count: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)

    def take(self, change: Change) -> None:
        from weftline.judging import judge_event

        judged = judge_event(change.event)
        self.count += 1
        if judged is not None:
            self.verdicts[str(judged.as_json["verdict"])] += 1
        if len(self.changes) < (LISTED_CHANGES if self.wanted.as_json else SHOWN_CHANGES):
            self.changes.append((change, judged))

    def lines(self) -> Iterator[str]:
        """In words."""
        for change, judged in self.changes:
            what = "new" if change.old is None else f"edited; {change.old.event_id} would be declared erroneous"
            yield f"row {change.made.row}: {_described(change.event)} ({what})"
            if judged is not None:
                yield from (f"    {line}" for line in judged.as_text.splitlines())
        if self.count > len(self.changes):
            yield f"and {self.count - len(self.changes):,} more"
        if self.verdicts:
            yield "verdicts: " + ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(self.verdicts.items()))


def _described(event: Any) -> str:
    """An event in one line: what it is about, when, and what happened."""
    from weftline.contracts.mapping import to_json
    from weftline.domain.texts import local_time

    said = to_json(event)
    body: dict[str, Any] = next((value for value in said.values() if isinstance(value, dict)), {})
    when = local_time(event.event_time, event.event_time_zone_offset)
    words = [said.get("status") or said.get("business_step") or body.get("status"), body.get("report_number") or body.get("lot_id")]
    what = str(said.get("kind", said["type"])).lower().replace("_", " ")
    about = said.get("order_id") or said.get("shipment_id") or ""
    day = when[:10] if str(event.precision) == "DAY" else when
    return " ".join(map(str, filter(None, [what, about, *words, "of", event.factory_id, "at", day])))


def _as_json(outcome: Outcome, shown: _Shown) -> dict[str, object]:
    from weftline.contracts.mapping import to_json
    from weftline.files.report import as_json

    return {
        **as_json(outcome),
        "verdicts": dict(shown.verdicts),
        "changes": [
            {
                "row": change.made.row,
                "event": to_json(change.event),
                "declares_erroneous": change.old and change.old.event_id,
                "verdict": judged and judged.as_json,
            }
            for change, judged in shown.changes
        ],
    }


@contextmanager
def _bar(file: str) -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """A progress bar on standard error, if that is a terminal; and a way to print lines beside it."""
    if not sys.stderr.isatty():
        yield lambda _: None, lambda line: typer.echo(line, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, Any] = {}

        def advance(step: Step) -> None:
            if step.what not in tasks:
                tasks[step.what] = bar.add_task(f"{step.what} {file}", total=step.total)
            bar.update(tasks[step.what], completed=step.done, total=step.total)

        yield advance, lambda line: console.print(line, markup=False, soft_wrap=True)
