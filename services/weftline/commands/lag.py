"""``weftline lag``: the processors' lag for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import KafkaOption, end_on_signals, located

if TYPE_CHECKING:
    from weftline.runtime.groups import Group

app = typer.Typer()


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9110 weftline lag`")
def lag(
    kafka: KafkaOption = None,
    every: Annotated[float, typer.Option(min=0.5, max=300, metavar="SECONDS", help="Pause between two readings.")] = 5.0,
) -> None:
    """Serve the lag of the processors at /metrics as kafka_consumergroup_lag, also while they are down; Ctrl-C ends it."""
    from weftline.runtime import logging
    from weftline.runtime.exporter import Kept, follow, serving
    from weftline.runtime.groups import open_groups
    from weftline.runtime.lag import LagCollector
    from weftline.runtime.metrics import program_registry
    from weftline.warehouse.status import TOPICS

    settings = located(kafka)
    logging.configure(settings)
    rest = end_on_signals()
    kept: Kept[Sequence[Group]] = Kept(every)
    registry = program_registry("lag")
    registry.register(LagCollector(kept))

    def connect(connection: ExitStack) -> Callable[[], Sequence[Group]]:
        return connection.enter_context(open_groups(settings, TOPICS)).read

    with serving(settings, registry) as port:
        typer.echo(f"listening on http://{settings.http_host}:{port}/metrics")
        follow("kafka", connect, kept.put, lambda: rest(every))
