"""The built-in board."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weftline.commands.common import ClickHouseOption, importing, located

app = typer.Typer()

#: Where a board is looked for; the settings' own default, 0, would be another port every time.
USUAL_PORT = 8080


@app.command(epilog="Example: `weftline board --clickhouse http://127.0.0.1:8123 --port 8090`")
def board(
    clickhouse: ClickHouseOption = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Else WEFTLINE_HTTP_PORT, else 8080; 0: any free one.")] = None,
) -> None:
    """Serve the boards as web pages, live, without Grafana: throughput, quality, logistics, each alert with its evidence."""
    with importing():
        from weftline.boards.web.program import run
        from weftline.runtime.settings import load

    settings = located(clickhouse=clickhouse, user="board")
    if port is not None or "http_port" not in settings.model_fields_set:
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        settings = load(**{**given, "http_port": USUAL_PORT if port is None else port})
    sys.exit(run(settings))
