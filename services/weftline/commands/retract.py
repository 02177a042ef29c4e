"""``weftline retract``: declare an event of one's own erroneous, knowing only its identity."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, fail, located, print_json
from weftline.commands.partners import publisher_of
from weftline.contracts.rules import iso

if TYPE_CHECKING:
    from weftline.warehouse.advice import Standing

app = typer.Typer()


@app.command(
    epilog="Examples: `weftline retract https://lims.example/c1 o-17-3 --replaced-by o-17-4`, "
    "`weftline retract https://lims.example/c1 o-17-3 --did-not-occur`"
)
def retract(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Who published the event.")],
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="Its identity within the source.")],
    replaced_by: Annotated[
        list[str] | None,
        typer.Option("--replaced-by", metavar="EVENT_ID", help="Event that says it right, published by itself; repeatable."),
    ] = None,
    did_not_occur: Annotated[
        bool, typer.Option("--did-not-occur", help="It never happened; else its data were incorrect.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Where several events carry the identity: all of them; else nothing is done.")
    ] = False,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; else WEFTLINE_PUBLISHER_KEY, else none.")
    ] = None,
    kafka: KafkaOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Declare an event erroneous: it is taken from the tables as it was sent and sent again with the declaration.

    So nothing of it has to be typed again, and it cannot point at nothing. What rested on the event is restated within a second.
    """
    from weftline.sdk.common import Defaults
    from weftline.warehouse.advice import standing
    from weftline.warehouse.client import reader

    settings = located(kafka, clickhouse)
    with reader(settings) as server:
        found = standing(server, source, event_id, settings.schema_registry)
    open_ = [one for one in found if not one.declared]
    if not found:
        fail(
            f"no event {event_id!r} of {source!r} is in the tables; `weftline status` says whether all that was published is stored"
        )
    if not open_:
        fail(f"the event {event_id!r} of {source!r} was declared erroneous already; nothing was sent")
    if len(open_) > 1 and not every:
        listed = "; ".join(map(_said, open_))
        fail(f"{len(open_)} events carry the identity {event_id!r} of {source!r}: {listed}. --all declares each of them erroneous")
    with publisher_of(settings, Defaults(), key)() as publisher:
        for one in open_:
            publisher.declare_erroneous(
                one.event,
                "did_not_occur" if did_not_occur else "incorrect_data",
                declaration_time=time.time_ns() // 1_000_000,
                corrective_event_ids=tuple(replaced_by or ()),
            )
    if as_json:
        print_json([{"owner": one.event.owner, "event_time": iso(one.event.event_time)} for one in open_])
        return
    for one in open_:
        typer.echo(f"declared erroneous: {_said(one)}")


def _said(one: Standing) -> str:
    return f"{one.what} {one.event.owner}, {iso(one.event.event_time)}"
