"""What a sampling center or a factory does: publish events, read alerts. Needs the SDK and nothing else."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, fail, located, print_json

if TYPE_CHECKING:
    from weftline.runtime.settings import Settings
    from weftline.sdk import Alert, EpcisDefaults, ListedAlert, Problem, Progress, Publisher, Summary
    from weftline.sdk.common import Defaults
    from weftline.sdk.files import Advise

app = typer.Typer()


SpoolOption = Annotated[
    Path | None,
    typer.Option(
        "--spool", metavar="FOLDER", help="Keep events in this folder first, and send on what waits there when Kafka answers again."
    ),
]


class _Reasoned(Protocol):
    @property
    def reason(self) -> str: ...


W = TypeVar("W", bound=_Reasoned)

DIFFERENT_WARNINGS = 10_000
"""So many are kept in mind, so that each is said once."""


class ShipmentFrom(StrEnum):
    """What in an EPCIS event may name the shipment (:class:`weftline.contracts.epcis.ShipmentKey`, which takes long to import)."""

    SSCC = "sscc"
    DESADV = "desadv"
    BOL = "bol"


class Language(StrEnum):
    """Languages of the alerts' texts."""

    EN = "en"
    ZH = "zh"


@app.command(
    epilog="Examples: `weftline publish events.jsonl --source https://center.example --cooperative haimen --center dieshiqiao`, "
    "`weftline publish shipment.jsonld --source … --cooperative … --center … --factory haimen-0204`, "
    "`weftline publish orders.xlsx --map orders.map.yaml --dry-run`"
)
def publish(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON Lines (one event a line), or an EPCIS 2.0 JSON-LD document (give all four of the next options); - reads "
            "standard input. With --map CSV, xlsx, xls or ods."
        ),
    ],
    source: Annotated[str | None, typer.Option(metavar="URI", help="Who publishes, for events that do not say it.")] = None,
    cooperative: Annotated[str | None, typer.Option(metavar="ID", help="Cooperative, likewise.")] = None,
    center: Annotated[str | None, typer.Option(metavar="ID", help="Sampling center or dispatching point, likewise.")] = None,
    factory: Annotated[
        str | None, typer.Option(metavar="ID", help="Factory that EPCIS events are for; EPCIS has no word for it.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; else WEFTLINE_PUBLISHER_KEY, else none.")
    ] = None,
    shipment_from: Annotated[
        list[ShipmentFrom] | None,
        typer.Option(
            metavar="sscc|desadv|bol",
            help="Where EPCIS events name their shipment, if not by one logistic unit (sscc), else despatch advice, else bill of "
            "lading; may be given more than once, first hit wins.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what else is only warned of: see below.")] = False,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", metavar="YAML", help="What the columns of a spreadsheet mean; `weftline map init` writes it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --map: send nothing; show what would be sent, judged, and every warning.")
    ] = False,
    skip_faulty: Annotated[
        bool,
        typer.Option(
            "--skip-faulty", help="With --map: leave out rows at fault and send the rest; else one such row holds up all."
        ),
    ] = False,
    ledger: Annotated[
        Path | None,
        typer.Option("--ledger", metavar="FILE", help="With --map: where it is kept what was sent; else beside the mapping."),
    ] = None,
    spool: SpoolOption = None,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the events of a file. What is good goes on; each line that is not is reported with its number and reason.

    A warning tells of an event that is published and of which something will come to nothing: an indicator, unit, category, factory or
    center that nobody knows, a time to come, an identity that stands for something else, a declaration whose event is not there. The
    last three of them are looked up in ClickHouse, where it answers.

    A spreadsheet is read by a mapping. What was sent of it is kept in a ledger, so that a row that was edited since declares its old event
    erroneous and sends a new one; all else is sent once.

    Ends with status 0 only if everything that is ours has arrived: in Kafka, or with --spool on the disk, from where `weftline spool send`,
    or the next to publish over it, sends on what waits. Publishing a file again does no harm.
    """
    from weftline.sdk import EpcisDefaults, ShipmentKey, publish_file
    from weftline.sdk.common import Defaults

    if mapping is None:
        _refuse_without_mapping(file, {"--dry-run": dry_run, "--skip-faulty": skip_faulty, "--ledger": ledger})
    epcis: EpcisDefaults | None = None
    if source and cooperative and center and factory:
        epcis = EpcisDefaults(cooperative_id=cooperative, center_id=center, factory_id=factory, source=source)
        if shipment_from:
            epcis = replace(epcis, shipment_from=tuple(map(ShipmentKey, shipment_from)))
    settings = located(kafka, clickhouse)
    who = Defaults(source=source, cooperative_id=cooperative, center_id=center)
    opened = publisher_of(settings, who, key, spool)
    if mapping is not None:
        from weftline.commands.mapped import Wanted, publish_mapped

        wanted = Wanted(
            file,
            mapping,
            Defaults(source=source, cooperative_id=cooperative, center_id=center),
            ledger,
            dry_run,
            skip_faulty,
            strict,
            as_json,
        )
        publish_mapped(wanted, opened, lambda say: _stored(settings, say), _each_once)
    with (
        opened() as publisher,
        _bar(file) as (advance, say),
        _stored(settings, say) as stored,
    ):
        summary = publish_file(
            file,
            publisher,
            epcis=epcis,
            on_problem=lambda problem: say(_said(problem)),
            progress=advance,
            on_warning=_each_once(lambda warning: say(f"{warning.place}: warning: {warning.reason}")),
            stored=stored,
            strict=strict,
        )
    if as_json:
        print_json(_summary_json(summary))
    else:
        typer.echo(_summary(summary), err=False)
    sys.exit(summary.exit_status)


def publisher_of(settings: Settings, who: Defaults, key: Path | None, spool: Path | None = None) -> Callable[[], Publisher]:
    """What opens a publisher with the settings' credentials, where asked over a ``spool``.

    ``who``: what events say of themselves that do not say it.
    """
    from weftline.sdk.opening import publisher_of as opening

    return opening(settings, who, key, spool)


def _refuse_without_mapping(file: str, given: dict[str, object]) -> None:
    if wrong := [option for option, value in given.items() if value]:
        fail(f"{' and '.join(wrong)} go with --map; `weftline map init FILE` writes a mapping", 2)
    if Path(file).suffix.lower() in (".csv", ".tsv", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"):
        fail(
            f"{file} is a spreadsheet: give --map with a mapping of its columns; `weftline map init {file}` writes one to begin with",
            2,
        )


def _each_once(tell: Callable[[W], None]) -> Callable[[W], None]:
    """A center that nobody knows is one piece of news, not one of each of its ten thousand lines; the summary counts them."""
    told: set[str] = set()

    def once(warning: W) -> None:
        if warning.reason not in told:
            tell(warning)
            if len(told) < DIFFERENT_WARNINGS:
                told.add(warning.reason)

    return once


@contextmanager
def _stored(settings: Settings, say: Callable[[str], None]) -> Iterator[Advise | None]:
    """What tells what the tables know of events; nothing where there is no ClickHouse to ask, as at a partner who has the SDK alone."""
    try:
        from weftline.warehouse.advice import Asking
    except ModuleNotFoundError:
        yield None
        return
    if "clickhouse" not in settings.model_fields_set:  # nobody said where one is, and none runs here
        yield None
        return
    with closing(Asking(settings, say)) as asking:
        yield asking


@contextmanager
def _bar(file: str) -> Iterator[tuple[Callable[[Progress], None], Callable[[str], None]]]:
    """A progress bar on standard error, if that is a terminal; and a way to print lines beside it."""
    if not sys.stderr.isatty():
        yield lambda _: None, lambda line: typer.echo(line, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[events]:,} events"))
    with Bar(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("standard input" if file == "-" else file, total=None, events=0)

        def advance(at: Progress) -> None:
            bar.update(task, completed=at.read, total=at.total, events=at.published)

        yield advance, lambda line: console.print(line, markup=False, soft_wrap=True)


def _said(problem: Problem) -> str:
    return f"{problem}" if problem.fault else f"{problem} (left out)"


def _summary(summary: Summary) -> str:
    parts = [f"{summary.published:,} published"]
    if summary.skipped:
        parts.append(f"{summary.skipped:,} EPCIS events left out that say nothing of ours")
    if summary.bad:
        parts.append(f"{summary.bad:,} refused")
    if summary.undelivered:
        parts.append(f"{summary.undelivered:,} not delivered ({summary.delivery})")
    if summary.warned:
        parts.append(f"{summary.warned:,} with warnings (--strict refuses such)")
    return ", ".join(parts)


def _summary_json(summary: Summary) -> dict[str, object]:
    return {
        "published": summary.published,
        "skipped": summary.skipped,
        "bad": summary.bad,
        "undelivered": summary.undelivered,
        "delivery": summary.delivery and str(summary.delivery),
        "problems": [problem._asdict() for problem in summary.problems],
        "warned": summary.warned,
        "warnings": [warning._asdict() for warning in summary.warnings],
    }


@app.command(
    epilog="Examples: `weftline alerts --factory haimen-0204 --follow --lang zh`, `weftline alerts --from-beginning --json`"
)
def alerts(
    factory: Annotated[str | None, typer.Option(metavar="ID", help="Only alerts for this factory; else for all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until Ctrl-C.")] = False,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin again at the oldest alert kept (90 days).")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Where nothing was read before: begin at the next alert, not at the oldest.")
    ] = False,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name under which the place is kept; by default one of this command's own.")
    ] = None,
    own_topic: Annotated[
        bool, typer.Option("--own-topic", help="From the factory's own topic: `weftline access grant factory`.")
    ] = False,
    lang: Annotated[Language, typer.Option(help="Language of the texts.")] = Language.EN,
    kafka: KafkaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
) -> None:
    """Print quality alerts, one a line, from where this command left off; at first from the oldest kept. What a digest lists is indented.

    An alert may change: the greatest revision of an id holds, and one that is WITHDRAWN never happened.
    """
    from weftline.sdk import Subscriber

    if from_beginning and new:
        fail("--from-beginning and --new contradict each other; give one of them", 2)
    settings = located(kafka)
    password = settings.kafka_password
    place = group or f"weftline-cli-{factory or 'all'}"
    if from_beginning:
        _forget(settings, place)
    count = 0
    with (
        Subscriber(
            settings.kafka,
            factory,
            group=place,
            from_beginning=not new,
            own_topic=own_topic,
            follow=follow,
            schema_registry=settings.schema_registry,
            username=settings.kafka_username,
            password=password.get_secret_value() if password else None,
            ca=settings.kafka_ca,
        ) as subscriber,
        _on_interrupt(subscriber.stop),
    ):
        for alert in subscriber:
            count += 1
            typer.echo(_json_line(alert) if as_json else "\n".join(_lines(alert, lang)))
            sys.stdout.flush()
    if not count and not follow and not as_json:
        typer.echo("no alerts since the last time; --from-beginning shows all that are kept", err=True)


def _lines(alert: Alert, lang: Language) -> Iterator[str]:
    """An alert; of a digest what it sums up, and below it each that it lists."""
    yield _line(alert, lang)
    yield from (f"  {_line(listed, lang)}" for listed in alert.listed)


def _line(alert: ListedAlert, lang: Language) -> str:
    when = datetime.fromtimestamp(alert.occurred_at / 1000).astimezone().isoformat(" ", "minutes")
    text = alert.text_zh if lang is Language.ZH else alert.text_en
    return f"{when}  {alert.severity:<8}  {alert.status:<9}  {alert.factory_id:<14}  {text}"


def _json_line(alert: Alert) -> str:
    from weftline.contracts.mapping import to_json

    return json.dumps(to_json(alert), ensure_ascii=False)


def _forget(settings: Settings, group: str) -> None:
    """Let go of the place of a group, so that it begins anew."""
    from kafka.errors import GroupIdNotFoundError

    from weftline.kafka_admin.client import open_admin
    from weftline.runtime.credentials import credentials

    # A group under whose name nothing was read is as good as one that was let go of.
    with open_admin(settings.kafka, 10.0, credentials(settings)) as admin, suppress(GroupIdNotFoundError):
        admin.delete_groups([group])


@contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end what goes on in good order: the place is kept, the status is 0."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
