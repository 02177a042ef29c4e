"""``weftline notify``: alerts as webhooks and as messages of group bots."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import ClickHouseOption, DataOption, JsonOption, KafkaOption, fail, located, print_json
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.notify.outbox import Delivery, Outbox
    from weftline.notify.receivers import Receivers
    from weftline.runtime.settings import Settings

app = typer.Typer()
notify = typer.Typer(
    epilog="Example: `weftline notify check receivers.yaml`, then `weftline notify run --receivers receivers.yaml`"
)
app.add_typer(notify, name="notify")

ReceiversOption = Annotated[
    Path | None, typer.Option("--receivers", metavar="FILE", help="File of receivers; else WEFTLINE_RECEIVERS.")
]
ReceiverOption = Annotated[str | None, typer.Option("--receiver", metavar="ID", help="Of this receiver alone.")]
AlertOption = Annotated[str | None, typer.Option("--alert", metavar="ID", help="Of this alert alone.")]


class StateName(StrEnum):
    """States of a delivery."""

    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"
    SUPERSEDED = "superseded"


@notify.callback(invoke_without_command=True)
def _notify(ctx: typer.Context) -> None:
    """Alerts as signed webhooks and as messages of WeCom, DingTalk and Feishu group bots."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _receivers(settings: Settings, *, optional: bool = False) -> Receivers:
    from weftline.notify.receivers import EXAMPLE, Receivers
    from weftline.notify.receivers_file import load_receivers

    if settings.receivers is None and settings.webhooks != "off" and optional:
        return Receivers("", ())  # those that partners register are enough
    if settings.receivers is None:
        raise UserError(f"no file of receivers is named; give --receivers FILE or WEFTLINE_RECEIVERS ({EXAMPLE} is an example)")
    return load_receivers(settings.receivers)


@notify.command("run", epilog="Example: `WEFTLINE_HTTP_PORT=9112 weftline notify run --receivers receivers.yaml`")
def run(receivers: ReceiversOption = None, kafka: KafkaOption = None, data: DataOption = None) -> None:
    """Deliver alerts until Ctrl-C. What was read and not delivered is in the data folder, and goes out after the next start.

    Where it never ran before it begins with the next alert. `weftline up` starts it by itself where WEFTLINE_RECEIVERS is set, or
    WEFTLINE_WEBHOOKS lets partners register webhooks with the gateway; then it needs no file.
    """
    from weftline.gateway.tables import ClickHouse
    from weftline.notify.program import run as run_program
    from weftline.warehouse.contacts import Contacts
    from weftline.warehouse.webhooks import Registry

    settings = located(kafka, data=data, kafka_user="notify")
    if receivers is not None:
        settings = settings.model_copy(update={"receivers": receivers})
    found = _receivers(settings, optional=True)

    def say(line: str) -> None:
        typer.echo(line)
        sys.stdout.flush()

    sys.exit(run_program(settings, found, say, Registry(ClickHouse(settings)), Contacts(ClickHouse(settings))))


@notify.command("check", epilog="Example: `weftline notify check receivers.yaml`")
def check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="File of receivers; else WEFTLINE_RECEIVERS.")] = None,
    clickhouse: ClickHouseOption = None,
    contacts: Annotated[
        bool,
        typer.Option(
            "--contacts", help="Ask ClickHouse which contacts of the reference data are called, and fail if one cannot be."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a file of receivers, with its secrets, and say who is told what; every fault is told with its line. Nothing is sent."""
    from weftline.contracts.topics import own_topic

    settings = located(clickhouse=clickhouse)
    if file is not None:
        settings = settings.model_copy(update={"receivers": file})
    found = _receivers(settings)
    if contacts:
        sys.exit(_check_contacts(settings, found, as_json))
    if as_json:
        print_json(
            [
                {
                    **{"id": each.id, "kind": each.kind, "host": each.host},
                    **dict(zip(("factory_id", "cooperative_id", "center_id"), each.party, strict=True)),
                    **{"severities": sorted(each.severities), "rules": sorted(each.rules), "per_minute": each.per_minute},
                }
                for each in found.each
            ]
        )
        return
    for each in found.each:
        names = ("factory", "cooperative", "center")
        party = ", ".join(f"{name} {value}" for name, value in zip(names, each.party, strict=True) if value) or "all"
        typer.echo(f"{each.id:<24}  {each.kind:<8}  {each.host:<32}  {party}: {', '.join(sorted(each.severities))}")
    for factory_id in found.own_topics:
        typer.echo(f"{own_topic(factory_id).name}: a copy of the alerts of factory {factory_id}, for its own user of Kafka")
    if found.contact_minutes is not None:
        typer.echo(f"contacts of the reference data are called after {found.contact_minutes} minutes; --contacts says which can be")
    if found.inbox and settings.link_key is None:
        typer.echo(
            "inbox: needs WEFTLINE_LINK_KEY, the same for `weftline notify run` and the gateway; `weftline up` has one of its own",
            err=True,
        )
    if not found.board and not found.inbox:
        typer.echo("neither board: nor inbox: is given, so messages have no link", err=True)


def _check_contacts(settings: Settings, found: Receivers, as_json: bool) -> int:
    """Say who is called by the reference data today; gives the exit status."""
    from weftline.notify.contacts import calls_on, day_of
    from weftline.warehouse.client import reader
    from weftline.warehouse.contacts import contacts

    with reader(settings) as server:
        known = calls_on(contacts(server), found.each, day_of(time.time()))
    wrong = [one for one in known if one.why]
    if as_json:
        print_json({"after_minutes": found.contact_minutes, "contacts": [one._asdict() for one in known]})
    else:
        for one in known:
            typer.echo(f"{'CANNOT BE CALLED  ' if one.why else ''}{one}")
        if not known:
            typer.echo("the reference data have no contacts that would be called (`weftline reference show`)", err=True)
        if found.contact_minutes is None:
            typer.echo("contacts_after_minutes is not in the file of receivers, so nobody is called by them", err=True)
    return 1 if wrong else 0


@notify.command("list", epilog="Examples: `weftline notify list --state parked`, `weftline notify list --alert ID --json`")
def list_(
    state: Annotated[StateName | None, typer.Option(metavar="STATE", help="waiting, sent, parked or superseded; else all.")] = None,
    receiver: ReceiverOption = None,
    alert: AlertOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many.")] = 100,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """What became of each delivery, and which receivers fail or are switched off."""
    with _open(located(data=data)) as outbox:
        rows, endpoints = outbox.rows(state, receiver, alert, limit), outbox.endpoints()
    failing = {name: health for name, health in sorted(endpoints.items()) if health.failures}
    if as_json:
        print_json(
            {
                "deliveries": [{key: value for key, value in row._asdict().items() if key != "body"} for row in rows],
                "failing": {
                    name: {"since": health.since, "failures": health.failures, "off_since": health.off_since, "why": health.why}
                    for name, health in failing.items()
                },
            }
        )
        return
    for row in rows:
        typer.echo(_line(row))
    for name, health in failing.items():
        said = (
            f"switched off since {_when(health.off_since)}: {health.why}" if health.off else f"failing since {_when(health.since)}"
        )
        typer.echo(f"receiver {name}: {said}; {health.failures} failures", err=True)
    if not rows:
        typer.echo("no such deliveries", err=True)


def _line(row: Delivery) -> str:
    at = row.last_at or row.arrived_at
    coming = f", next at {_when(row.next_at)}" if row.state == "waiting" and row.next_at > time.time() else ""
    return (
        f"{_when(at)}  {row.state:<10}  {row.receiver:<20}  {row.alert_id} revision {row.revision}  "
        f"{row.attempts} attempts{coming}  {row.answer}"
    ).rstrip()


def _when(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")[:19]


@notify.command("resend", epilog="Examples: `weftline notify resend --receiver erp-f-204`, `weftline notify resend --alert ID`")
def resend(
    receiver: ReceiverOption = None,
    alert: AlertOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked, of all receivers.")] = False,
    data: DataOption = None,
) -> None:
    """Send again what is parked, for another day, and switch its receivers on again.

    Of an alert of which a later revision went out since, nothing is sent: it would be old news. An alert and a receiver that are both
    named are sent again even if they were sent.
    """
    if not (receiver or alert or everything):
        fail("say what: --receiver ID, --alert ID, or --all", 2)
    with _open(located(data=data)) as outbox:
        again, left = outbox.resend(receiver, alert, time.time())
    old = f"; {left:,} left out, of which a later revision was sent" if left else ""
    typer.echo(f"{again:,} deliveries wait to be sent again{old}")


@notify.command("secret", epilog="Example: `weftline notify secret > erp.secret && chmod 600 erp.secret`")
def secret() -> None:
    """Print a new secret for a webhook; its receiver needs the same one."""
    import base64
    import secrets

    typer.echo(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")


@contextmanager
def _open(settings: Settings) -> Iterator[Outbox]:
    """The outbox of the data folder, which must be there."""
    from weftline.notify.outbox import Outbox, outbox_at

    path = outbox_at(settings.data)
    if not path.is_file():
        raise UserError(f"{path} is not there: `weftline notify run` never ran on this data folder; --data names another")
    with closing(Outbox(path)) as outbox:
        yield outbox
