"""``weftline gateway``: HTTP for partners without Kafka."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from weftline.commands.common import ClickHouseOption, KafkaOption, fail, importing, located

app = typer.Typer()


@app.command(epilog="Example: `weftline gateway --port 8081`")
def gateway(
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Else WEFTLINE_GATEWAY_PORT, else 8081; 0: any free one.")
    ] = None,
) -> None:
    """Serve partners over HTTP: centers publish events, factories read their alerts. Who may do what: `weftline partner`."""
    from weftline.extras import advice, lacking
    from weftline.runtime.settings import load

    if missing := lacking("gateway"):
        fail(f"this command needs the extra 'gateway'; {advice(missing)}")
    with importing():
        from weftline.gateway.program import run

    settings = located(kafka, clickhouse, kafka_user="gateway")
    if port is not None:
        settings = load(**{name: getattr(settings, name) for name in settings.model_fields_set} | {"gateway_port": port})
    sys.exit(run(settings))
