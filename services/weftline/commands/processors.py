"""What an operator of servers runs: topics, tables, the processors."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from weftline.commands.common import ClickHouseOption, KafkaOption, importing, located

app = typer.Typer()
topics = typer.Typer(epilog="Example: `weftline topics apply`")
app.add_typer(topics, name="topics")
cooperative = typer.Typer(epilog="Example: `WEFTLINE_HTTP_PORT=9104 weftline cooperative`")
app.add_typer(cooperative, name="cooperative")


@topics.callback(invoke_without_command=True)
def _topics(ctx: typer.Context) -> None:
    """The topics of schemas/topics.yaml on a broker."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@topics.command("apply", epilog="Example: `weftline topics apply --kafka broker:9092 --replication-factor 3`")
def topics_apply(
    kafka: KafkaOption = None,
    replication_factor: Annotated[int, typer.Option(min=1, help="For topics that are created.")] = 1,
    allow_shorter_retention: Annotated[
        bool, typer.Option("--allow-shorter-retention", help="Allow to keep a topic's records for less time.")
    ] = False,
) -> None:
    """Make a broker agree with schemas/topics.yaml; says what it changed, refuses to lose data, and changes no number of partitions."""
    from weftline.kafka_admin.topics import apply_topics
    from weftline.runtime.credentials import credentials

    settings = located(kafka, kafka_user="admin")
    lines = apply_topics(
        settings.kafka,
        replication_factor=replication_factor,
        allow_shorter_retention=allow_shorter_retention,
        **credentials(settings),
    )
    for line in lines or ["all topics are as listed"]:
        typer.echo(line)


@topics.command("repartition", epilog="Example: `weftline topics repartition --to 96`")
def topics_repartition(
    kafka: KafkaOption = None,
    to: Annotated[int | None, typer.Option(min=1, max=1000, help="So many; else as many as schemas/topics.yaml says.")] = None,
) -> None:
    """Add partitions to the topics of events, while publishers and processors work. Run again, it ends what was left; never fewer."""
    from weftline.contracts.topics import load_topics
    from weftline.runtime.repartition import repartition

    wanted = to or max(topic.partitions for topic in load_topics().values() if topic.grows)
    repartition(located(kafka, kafka_user="admin"), wanted, typer.echo)


@app.command(epilog="Example: `weftline migrate --clickhouse http://127.0.0.1:8123`")
def migrate(clickhouse: ClickHouseOption = None) -> None:
    """Bring the tables of ClickHouse up to date (schemas/clickhouse); run again, it changes nothing."""
    from weftline.warehouse.migrations import migrate as run

    for line in run(located(clickhouse=clickhouse)) or ["all migrations were applied before"]:
        typer.echo(line)


def _run(name: str, kafka: str | None, clickhouse: str | None) -> NoReturn:
    # Faust comes with it: who only reads what a kind is, such as `weftline status`, starts without.
    with importing():
        from weftline.processors.program import run
        from weftline.processors.registry import kinds

    sys.exit(run(kinds()[name], located(kafka, clickhouse, kafka_user=name)))


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9101 weftline orders`")
def orders(kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Run the processor of sample orders. Start more of the same to scale out."""
    _run("orders", kafka, clickhouse)


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9102 weftline inspections`")
def inspections(kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Run the processor of laboratory reports and lot inspections. Start more of the same to scale out."""
    _run("inspections", kafka, clickhouse)


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9103 weftline logistics`")
def logistics(kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Run the processor of shipments. Start more of the same to scale out."""
    _run("logistics", kafka, clickhouse)


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9104 weftline replies`")
def replies(kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Run the processor of answers to alerts. Start more of the same to scale out."""
    _run("replies", kafka, clickhouse)


@cooperative.callback(invoke_without_command=True)
def _cooperative(ctx: typer.Context, kafka: KafkaOption = None, clickhouse: ClickHouseOption = None) -> None:
    """Run the processor of the cooperatives' events. Start more of the same to scale out. With a command: that, of a cooperative."""
    if ctx.invoked_subcommand is None:
        _run("cooperative", kafka, clickhouse)
