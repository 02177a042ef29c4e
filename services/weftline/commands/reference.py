"""``weftline reference``: who the parties are that events name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, located, print_json, read_text
from weftline.contracts.rules import iso
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.contracts.publishers import Grant
    from weftline.contracts.reference import Reference
    from weftline.runtime.settings import Settings
    from weftline.warehouse.client import Reader
    from weftline.warehouse.reference import Known, Listed, Unknown

app = typer.Typer()
reference = typer.Typer(epilog="Example: `weftline reference apply schemas/examples/reference.yaml`")
app.add_typer(reference, name="reference")

LimitOption = Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="So many of each list at most.")]


@reference.callback(invoke_without_command=True)
def _reference(ctx: typer.Context) -> None:
    """Who the parties are, by validity date: cooperatives, centers, factories, products, contacts, aliases. They change no table.

    And which publisher's key may speak for whom, where WEFTLINE_PUBLISHERS=bound.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


class ListName(StrEnum):
    """What a CSV file may hold."""

    COOPERATIVES = "cooperatives"
    CENTERS = "centers"
    FACTORIES = "factories"
    PRODUCTS = "products"
    CONTACTS = "contacts"
    ALIASES = "aliases"


@reference.command(
    epilog="Examples: `weftline reference apply schemas/examples/reference.yaml`, `weftline reference apply parties.xlsx`"
)
def apply(
    file: Annotated[
        str,
        typer.Argument(
            help="YAML as in schemas/examples/reference.yaml (- reads it from standard input), a workbook with a sheet for each list, "
            "or a CSV file of one."
        ),
    ],
    part: Annotated[
        ListName | None, typer.Option("--list", metavar="NAME", help="What a CSV file holds; else it is called after it.")
    ] = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take entries over. A file that is applied again changes nothing; nothing is taken of a file that has a fault.

    An entry replaces the one of the same name and day; a later day takes over on that day. Entries that a file no longer names stay.
    """
    from weftline.warehouse.client import reader
    from weftline.warehouse.publishers import open_letters
    from weftline.warehouse.reference import load as run

    entries = _read(file, part)
    settings = located(clickhouse=clickhouse)
    with reader(settings) as server:
        done = run(server, entries)
        refused = open_letters(server) if entries.publishers else 0
    if as_json:
        print_json(done._asdict())
        return
    typer.echo(f"{done.new:,} new, {done.changed:,} changed, {done.same:,} as before; {done.later:,} hold from a later day on")
    if refused:
        typer.echo(
            f"{refused:,} records were refused for want of a grant; `weftline dlq replay --reason not_allowed` brings in those that are "
            "allowed now"
        )


def _read(file: str, part: ListName | None) -> Reference:
    from weftline.contracts.reference import read_reference
    from weftline.files.reference_tables import SUFFIXES, read_tables

    if Path(file).suffix.lower() in SUFFIXES or (part is not None and file != "-"):
        return read_tables(Path(file), part)
    return read_reference(read_text(file), file)


@reference.command(epilog="Examples: `weftline reference show`, `weftline reference show --limit 1000 --json`")
def show(
    limit: LimitOption = 20,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parties as they are known today, what belongs to them, and for whom publishers may speak."""
    from weftline.warehouse import reference as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        centers, factories = tables.known_centers(server, limit), tables.known_factories(server, limit)
        others = {name: tables.listed(server, name, limit) for name in ("cooperatives", "products", "contacts", "aliases")}
        granted = tables.granted(server, limit)
    if as_json:
        listed = {"centers": centers, "factories": factories}
        shown: dict[str, Any] = {
            **{name: {"total": of.total, "parties": [p._asdict() for p in of.parties]} for name, of in listed.items()},
            **{name: {"total": of.total, "entries": of.parties} for name, of in others.items()},
        }
        print_json({**shown, "publishers": {"total": granted.total, "grants": [asdict(grant) for grant in granted.parties]}})
        return
    _list("centers", centers, _known)
    _list("factories", factories, _known)
    for name, of in others.items():
        if of.total:
            _list(name, of, _said)
    _list("what publishers may speak for", granted, _granted)


@reference.command(epilog="Examples: `weftline reference check`, `weftline reference check --days 7 --json`")
def check(
    limit: LimitOption = 20,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Look for unknown parties in the events of so many days.")] = 90,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parties that events name and reference data do not, with those that they are likeliest to be.

    And contacts that `weftline notify` cannot call, where WEFTLINE_RECEIVERS names the file of receivers.

    Whom it is, an alias says (`aliases:` in the file), or an entry of its own; a misspelt id is taken back with `weftline retract`.
    """
    from weftline.warehouse import reference as tables
    from weftline.warehouse.client import reader

    settings = located(clickhouse=clickhouse)
    with reader(settings) as server:
        found = tables.unknown(server, limit, days)
        unknown = found._replace(parties=tables.likely(server, found.parties))
        unreached, left_out = _unreached(settings, server, limit)
    if as_json:
        contacts = {
            "unreached": [one._asdict() for one in unreached.parties],
            "total": unreached.total,
            "not_checked": left_out or None,
        }
        print_json({"total": unknown.total, "parties": [party._asdict() for party in unknown.parties], "contacts": contacts})
        return
    _list(f"named by events of the last {days} days, and not known", unknown, _unknown)
    if left_out:
        typer.echo(f"contacts were not checked: {left_out}")
    else:
        _list("contacts that cannot be called", unreached, str)


def _unreached(settings: Settings, server: Reader, limit: int) -> tuple[Listed, str]:
    """Contacts that cannot be called today, and why that is not known."""
    from weftline.notify.contacts import calls_on, day_of
    from weftline.notify.receivers_file import load_receivers
    from weftline.warehouse.contacts import contacts
    from weftline.warehouse.reference import Listed

    known = contacts(server)
    if not known:
        return Listed([], 0), ""
    if settings.receivers is None:
        return Listed([], 0), "WEFTLINE_RECEIVERS does not name the file of receivers by which they are called"
    try:
        receivers = load_receivers(settings.receivers)
    except UserError as error:
        return Listed([], 0), str(error)
    if receivers.contact_minutes is None:
        return Listed([], 0), f"{settings.receivers} has no contacts_after_minutes, so nobody is called by them"
    wrong = [one for one in calls_on(known, receivers.each, day_of(time.time())) if one.why]
    return Listed(wrong[:limit], len(wrong)), ""


def _list(title: str, of: Listed, line: Callable[[Any], str]) -> None:
    typer.echo(f"{title}: {of.total:,}")
    for party in of.parties:
        typer.echo(f"  {line(party)}")
    if of.total > len(of.parties):
        typer.echo(f"  and {of.total - len(of.parties):,} more (--limit)")


def _known(party: Known) -> str:
    capacity = "" if party.rounds_per_day is None else f", {party.rounds_per_day:g} rounds a day"
    capacity += "".join(f", {resource} {rounds:g}" for resource, rounds in party.capacity.items())
    live = "" if party.live_from is None else f", live from {iso(party.live_from)}"
    return f"{party.id:<20} {party.cooperative_id or '-':<12} {party.name_zh}, {party.name_en}{capacity}{live}"


def _said(entry: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in entry.items() if value)


def _granted(grant: Grant) -> str:
    names = [
        f"{part} {' '.join(found)}"
        for part in ("sources", "cooperatives", "centers", "laboratories")
        if (found := getattr(grant, part))
    ]
    until = f" until {grant.valid_until}" if grant.valid_until else ""
    revoked = f", REVOKED for what Kafka took from {iso(grant.revoked_from)} on" if grant.revoked_from is not None else ""
    return f"{grant.publisher_id:<20} {grant.public_key} from {grant.valid_from}{until}{revoked}: {', '.join(names)}"


def _unknown(party: Unknown) -> str:
    last = datetime.fromtimestamp(party.last / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    maybe = f"; did you mean {' or '.join(party.likely)}?" if party.likely else ""
    return f"{party.kind:<11} {party.id:<20} {party.cooperative_id or '-':<12} events: {party.events:,}, the newest {last}{maybe}"
