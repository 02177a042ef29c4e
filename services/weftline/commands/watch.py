"""``weftline watch``: what only the tables know, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import ClickHouseOption, end_on_signals, located

if TYPE_CHECKING:
    from weftline.warehouse.watch import Reading

app = typer.Typer()


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9111 weftline watch`")
def watch(
    clickhouse: ClickHouseOption = None,
    every: Annotated[float, typer.Option(min=0.5, max=300, metavar="SECONDS", help="Pause between two readings.")] = 15.0,
) -> None:
    """Serve at /metrics how fresh the tables are, what was not delivered, and how many centers have fallen silent; Ctrl-C ends it."""
    from weftline.runtime import logging
    from weftline.runtime.clock import clock_of
    from weftline.runtime.exporter import Kept, follow, serving
    from weftline.runtime.metrics import program_registry
    from weftline.warehouse.client import reader
    from weftline.warehouse.watch import SECONDS, Watch
    from weftline.warehouse.watch_metrics import WatchCollector

    settings = located(clickhouse=clickhouse)
    logging.configure(settings)
    rest = end_on_signals()
    kept: Kept[Reading] = Kept(every)
    registry = program_registry("watch")
    registry.register(WatchCollector(kept))

    def connect(connection: ExitStack) -> Callable[[], Reading]:
        server = connection.enter_context(reader(settings, seconds=SECONDS))
        return Watch(
            server, clock_of(settings.simulated_clock, lambda: server.clock()()), settings.silent_hours, time.monotonic
        ).read

    with serving(settings, registry) as port:
        typer.echo(f"listening on http://{settings.http_host}:{port}/metrics")
        follow("clickhouse", connect, kept.put, lambda: rest(every))
