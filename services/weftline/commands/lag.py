"""``weftline lag``: the processors' lag for Prometheus."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from weftline.commands.common import KafkaOption, located

app = typer.Typer()


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9110 weftline lag`")
def lag(
    kafka: KafkaOption = None,
    every: Annotated[float, typer.Option(min=0.5, max=300, metavar="SECONDS", help="Pause between two readings.")] = 5.0,
) -> None:
    """Serve the lag of the three processors at /metrics as kafka_consumergroup_lag, also while they are down; Ctrl-C ends it."""
    from weftline.runtime import logging
    from weftline.runtime.lag import LagExporter
    from weftline.warehouse.status import TOPICS

    settings = located(kafka)
    logging.configure(settings)
    exporter = LagExporter(settings, TOPICS, every)

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    typer.echo(f"listening on http://{settings.http_host}:{exporter.port}/metrics")
    exporter.run()
