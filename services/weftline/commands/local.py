"""Everything on this machine: the embedded stack, the simulated cluster, the demonstration."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import DataOption, KafkaOption, located

if TYPE_CHECKING:
    from weftline.embedded.simulator.config import SimulationConfig
    from weftline.embedded.simulator.player import Progress
    from weftline.embedded.stack_folder import Addresses

app = typer.Typer()

_DAY_MS = 86_400_000


class Broker(StrEnum):
    """Brokers of the embedded stack."""

    KAFKA = "kafka"
    MEMORY = "memory"


KafkaPort = Annotated[int, typer.Option("--kafka-port", min=0, max=65535, help="0: the last one, else 9092, else any free one.")]
ClickHousePort = Annotated[
    int, typer.Option("--clickhouse-port", min=0, max=65535, help="0: the last one, else 8123, else any free one.")
]
BoardPort = Annotated[int, typer.Option("--board-port", min=0, max=65535, help="0: 8080, else the last one, else any free one.")]

GatewayPort = Annotated[
    int, typer.Option("--gateway-port", min=0, max=65535, help="0: 8081, else the last one, else any free one.")
]


@app.command(epilog="Examples: `weftline up --data ~/weftline --kafka-port 9092`, `weftline up --restore /backups/2026-11-28`")
def up(
    data: DataOption = None,
    broker: Annotated[
        Broker, typer.Option(help="Apache Kafka, or a broker in memory that forgets everything when it stops.")
    ] = Broker.KAFKA,
    kafka_port: KafkaPort = 0,
    clickhouse_port: ClickHousePort = 0,
    board_port: BoardPort = 0,
    gateway_port: GatewayPort = 0,
    secure: Annotated[
        bool | None,
        typer.Option(
            "--secure/--no-secure",
            help="TLS everywhere, and a user of Kafka with no more rights than it needs for each program; by default as it was before.",
        ),
    ] = None,
    backup: Annotated[
        Path | None,
        typer.Option(
            "--restore", metavar="DIR", help="Fill the tables from a backup, unless they have data, before anybody reads on."
        ),
    ] = None,
) -> None:
    """Start Kafka, ClickHouse, the processors, the board and the gateway on this machine; Ctrl-C stops all, the data stay.

    --secure makes a certificate and passwords in the data folder, which only its owner can read. Gateway and board show the certificate of
    WEFTLINE_TLS_CERTIFICATE and WEFTLINE_TLS_KEY instead, where they are given.
    """
    from weftline.embedded.supervisor import StackConfig, board_missing, everything, gateway_missing
    from weftline.embedded.up import up as run
    from weftline.runtime.tls import serving

    os.umask(0o077)  # whatever a stack writes is its owner's
    settings = located(data=data)
    if settings.receivers is not None:
        from weftline.notify.receivers_file import load_receivers

        load_receivers(settings.receivers)  # a fault of the file is told here, not in a log
    manifest = None
    if backup is not None:
        from weftline.warehouse.restore import check

        manifest = check(backup)
    asked = (("kafka", kafka_port), ("clickhouse", clickhouse_port), ("board", board_port), ("gateway", gateway_port))
    ports = {name: port for name, port in asked if port}

    def say(line: str) -> None:
        typer.echo(line)
        sys.stdout.flush()

    def prepare(addresses: Addresses) -> None:
        from weftline.embedded.accounts import open_accounts, open_board
        from weftline.kafka_admin.topics import apply_topics
        from weftline.runtime.settings import load
        from weftline.warehouse.migrations import migrate

        security = addresses.security
        if security is not None and (changed := open_accounts(addresses.kafka, settings.data, security)):
            say(f"users of Kafka and their rights: {len(changed)} changes; `weftline access list` shows all")
        for line in apply_topics(addresses.kafka, **({} if security is None else security.broker_login())):
            say(line)
        for line in migrate(load(**addresses.settings())):
            say(f"migrated {line}")
        if security is not None:
            open_board(load(**addresses.settings()), settings.data)
        if backup is not None and manifest is not None:
            from weftline.commands.backup import fill

            fill(load(**addresses.settings()), backup, manifest, say)
        if settings.publishers == "trusted":
            say("everybody who may write to Kafka is trusted to speak for anybody; WEFTLINE_PUBLISHERS=bound asks for signatures")

    for missing in filter(None, (board_missing(), gateway_missing())):
        say(missing)
    certificate, key = settings.tls_certificate, settings.tls_key
    serving(certificate, key)  # a fault is told here, not in a log
    shown = (certificate, key) if certificate is not None and key is not None else None
    config = StackConfig(settings.data, broker.value, ports, secure=secure, shown=shown)
    sys.exit(run(config, prepare=prepare, workers=everything, say=say))


@app.command(epilog="Examples: `weftline demo`, `weftline demo --for 60`; `make demo FOR=60` installs first what is missing")
def demo(
    seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", min=5, help="Play so long, compare, and end; else go on until Ctrl-C."),
    ] = None,
    data: DataOption = None,
    seed: Annotated[int, typer.Option(help="Another number plays another month.")] = 1,
    broker: Annotated[
        Broker | None, typer.Option(help="Apache Kafka; if it cannot be fetched and nothing is said here, a broker in memory.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the data of the last demonstration; take another folder beside it.")
    ] = False,
    kafka_port: KafkaPort = 0,
    clickhouse_port: ClickHousePort = 0,
    board_port: BoardPort = 0,
) -> None:
    """Start everything in a folder of its own and watch a simulated month: throughput, lag, alerts, pass rates.

    At the end the tables are compared with what the simulator knows to be true. With --for the exit status is 0 only if
    everything that was published is in the tables.
    """
    from weftline.embedded.demo import DemoConfig, run

    os.umask(0o077)
    settings = located(data=data)
    config = DemoConfig(
        settings.data, seconds, seed, broker.value if broker else None, keep, kafka_port, clickhouse_port, board_port
    )
    sys.exit(run(config))


@app.command(
    epilog="Examples: `weftline simulate --rate 200`, `weftline simulate --seed 7 --days 60 --events 100000 --answers truth.json`, "
    "`weftline simulate --speed 3600 --duration 120`"
)
def simulate(
    seed: Annotated[int, typer.Option(help="The same seed, start and dials give the same bytes.")] = 1,
    days: Annotated[float, typer.Option(min=0.1, max=3650, help="Length of the simulated span.")] = 30.0,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First simulated day (UTC); else the span ends now.")
    ] = None,
    events_per_day: Annotated[float, typer.Option(help="Events on an average simulated day.")] = 1_500.0,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after so many events of the undisturbed world.")] = None,
    rate: Annotated[float | None, typer.Option(help="Records per second; else as fast as it goes.")] = None,
    speed: Annotated[float | None, typer.Option(help="Simulated seconds per second, instead of a rate.")] = None,
    duration: Annotated[float | None, typer.Option(min=1, help="Stop after so many seconds.")] = None,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Sent again, byte for byte.")] = 0.02,
    disorder: Annotated[float, typer.Option(min=0, max=1, help="Sent some minutes after their turn.")] = 0.05,
    lateness: Annotated[float, typer.Option(min=0, max=1, help="Sent hours or days after their turn.")] = 0.01,
    corrections: Annotated[float, typer.Option(min=0, max=1, help="Beside a wrong event that is declared erroneous.")] = 0.005,
    conflicts: Annotated[float, typer.Option(min=0, max=1, help="Sent twice under one identity with different content.")] = 0.002,
    corrupt: Annotated[float, typer.Option(min=0, max=1, help="Accompanied by a damaged copy.")] = 0.002,
    pass_rate: Annotated[float, typer.Option(min=0.5, max=1.0, help="Share of reports that pass.")] = 0.975,
    namespace: Annotated[str, typer.Option(help="Stands before the ids of centers and factories.")] = "",
    cooperative: Annotated[
        bool,
        typer.Option("--cooperative", help="And the five years of a quality cooperative, from 17 to 553 members, up to the end."),
    ] = False,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write what is true; else answers.json in the data folder.")
    ] = None,
    bulk: Annotated[bool, typer.Option("--bulk", help="Load generator: batches built by hand, not the SDK's Publisher.")] = False,
    kafka: KafkaOption = None,
) -> None:
    """Play a believable cluster into Kafka: orders, reports, lots, shipments, a cooperative, and what goes wrong on their way.

    --duplicates to --corrupt are shares of all events that go wrong on their way. Writes what it knows to be true (the answer
    file), so that tables can be checked against something that the processors did not compute; and beside it reference.yaml, the
    names of those who take part, for `weftline reference apply`.
    """
    from weftline.embedded.simulator.config import Disturbances, Pace, SimulationConfig
    from weftline.embedded.simulator.cooperative.config import CooperativePlay
    from weftline.embedded.simulator.player import simulate as play
    from weftline.embedded.simulator.reference import write_beside
    from weftline.embedded.simulator.sinks import Connection

    settings = located(kafka)
    begin = int(time.time() * 1000 - days * _DAY_MS) if start is None else int(start.replace(tzinfo=UTC).timestamp() * 1000)
    end = begin + int(days * _DAY_MS)
    config = SimulationConfig(
        seed=seed,
        start=begin,
        end=end,
        events_per_day=events_per_day,
        events=events,
        pass_rate=pass_rate,
        namespace=namespace,
        cooperative=CooperativePlay.five_years(end, f"{namespace}nantong") if cooperative else None,
        disturbances=Disturbances(
            duplicates=duplicates,
            disorder=disorder,
            lateness=lateness,
            corrections=corrections,
            conflicts=conflicts,
            corrupt=corrupt,
        ),
    )
    pace = Pace(rate=rate, seconds=duration) if speed is None else Pace.at_speed(config, speed, duration)
    if speed is not None and rate is not None:
        pace = Pace(rate=rate, points=pace.points)  # refuses
    password = settings.kafka_password
    connection = Connection(
        settings.kafka,
        settings.kafka_username,
        password.get_secret_value() if password else None,
        settings.schema_registry,
        settings.kafka_ca,
    )
    file = answers or settings.data / "answers.json"
    parties = write_beside(file, config)
    with _bar(config) as progress:
        summary = play(config, connection, pace=pace, answers=file, bulk=bulk, progress=progress)
    typer.echo(
        f"{summary.messages:,} messages in {summary.seconds:.1f} s ({summary.rate:,.0f}/s): {summary.events:,} events, "
        f"{summary.records:,} records, {summary.corrupt:,} damaged"
    )
    typer.echo(f"what is true of them: {summary.answers}")
    typer.echo(f"who takes part: {parties} (`weftline reference apply {parties}` gives them names)")


@contextmanager
def _bar(config: SimulationConfig) -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("simulated {task.fields[day]}"), BarColumn(), TextColumn("{task.fields[sent]:,} messages"))
    with Bar(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=config.events or (config.end - config.start), day="", sent=0)

        def follow(at: Progress) -> None:
            done = at.happened if config.events else at.simulated_time - config.start
            day = datetime.fromtimestamp(at.simulated_time / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            bar.update(task, completed=done, day=day, sent=at.sent)

        yield follow
