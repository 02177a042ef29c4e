"""``weftline reference``: who the parties are that events name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, located, print_json, read_text
from weftline.contracts.rules import iso

if TYPE_CHECKING:
    from weftline.contracts.publishers import Grant
    from weftline.warehouse.reference import Known, Listed, Unknown

app = typer.Typer()
reference = typer.Typer(epilog="Example: `weftline reference load schemas/examples/reference.yaml`")
app.add_typer(reference, name="reference")


@reference.callback(invoke_without_command=True)
def _reference(ctx: typer.Context) -> None:
    """Names, membership and capacity of centers and factories, by validity date: they enrich what is read and change no table.

    And which publisher's key may speak for whom, where WEFTLINE_PUBLISHERS=bound.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@reference.command(epilog="Example: `weftline reference load schemas/examples/reference.yaml`")
def load(
    file: Annotated[str, typer.Argument(help="YAML as in schemas/examples/reference.yaml; - reads standard input.")],
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load entries. Loading a file again changes nothing; nothing is loaded of a file that has a fault.

    An entry replaces the one of the same id and day; a later day takes over on that day. Entries that a file no longer names stay.
    """
    from weftline.contracts.reference import read_reference
    from weftline.warehouse.client import reader
    from weftline.warehouse.publishers import open_letters
    from weftline.warehouse.reference import load as run

    entries = read_reference(read_text(file), file)
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


@reference.command(epilog="Examples: `weftline reference show`, `weftline reference show --days 7 --limit 1000 --json`")
def show(
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="So many of each list at most.")] = 20,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Look for unknown parties in the events of so many days.")] = 90,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parties as they are known today, and parties that events name but reference data does not."""
    from weftline.warehouse import reference as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        centers, factories = tables.known_centers(server, limit), tables.known_factories(server, limit)
        unknown = tables.unknown(server, limit, days)
        granted = tables.granted(server, limit)
    if as_json:
        listed = {"centers": centers, "factories": factories, "unknown": unknown}
        shown: dict[str, Any] = {
            name: {"total": of.total, "parties": [p._asdict() for p in of.parties]} for name, of in listed.items()
        }
        print_json({**shown, "publishers": {"total": granted.total, "grants": [asdict(grant) for grant in granted.parties]}})
        return
    for title, of, line in (
        ("centers", centers, _known),
        ("factories", factories, _known),
        ("what publishers may speak for", granted, _granted),
        (f"named by events of the last {days} days, and not known", unknown, _unknown),
    ):
        _list(title, of, line)


def _list(title: str, of: Listed, line: Callable[[Any], str]) -> None:
    typer.echo(f"{title}: {of.total:,}")
    for party in of.parties:
        typer.echo(f"  {line(party)}")
    if of.total > len(of.parties):
        typer.echo(f"  and {of.total - len(of.parties):,} more (--limit)")


def _known(party: Known) -> str:
    capacity = "" if party.rounds_per_day is None else f", {party.rounds_per_day:g} rounds a day"
    live = "" if party.live_from is None else f", live from {iso(party.live_from)}"
    return f"{party.id:<20} {party.cooperative_id or '-':<12} {party.name_zh}, {party.name_en}{capacity}{live}"


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
    return f"{party.kind:<8} {party.id:<20} {party.cooperative_id or '-':<12} events: {party.events:,}, the newest {last}"
