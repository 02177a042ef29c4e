"""``weftline partner``: who uses the HTTP gateway, and by which tokens."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, fail, located, milliseconds, print_json
from weftline.contracts.partners import DAYS, LISTS, PER_MINUTE, Partner, Partners, Role, Token, checked, new_token, revoked
from weftline.contracts.rules import iso

if TYPE_CHECKING:
    from weftline.contracts.partners import Made

app = typer.Typer()
partner = typer.Typer(
    epilog="Example: `weftline partner add c1 --role center --source https://lims.example/c1 --center c1 --cooperative haimen`"
)
app.add_typer(partner, name="partner")

_HOUR_MS = 3_600_000
#: 0 in an option stands for no end.
_NO_END = 0

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="What the partner is called.")]
DaysOption = Annotated[int, typer.Option(min=0, max=3650, help="The token holds for so many days; 0: without end.")]


@partner.callback(invoke_without_command=True)
def _partner(ctx: typer.Context) -> None:
    """Partners of the HTTP gateway: what each may publish and read, and the tokens by which they are known.

    A token is shown once, when it is made; what is kept is a hash of it. A gateway knows a change after some seconds.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@partner.command(
    epilog="Examples: `weftline partner add f-204 --role factory --factory f-204`, "
    "`weftline partner add c1 --role center --source https://lims.example/c1 --center c1 --cooperative haimen --laboratory lab-1`"
)
def add(
    identity: IdArgument,
    role: Annotated[
        Role, typer.Option(help="center publishes as itself, factory reads its alerts, officer its cooperatives', operator all.")
    ],
    source: Annotated[list[str] | None, typer.Option("--source", metavar="URI", help="As which a center publishes.")] = None,
    center: Annotated[list[str] | None, typer.Option("--center", metavar="ID", help="Likewise.")] = None,
    cooperative: Annotated[
        list[str] | None, typer.Option("--cooperative", metavar="ID", help="Likewise; of an officer, whose alerts are read.")
    ] = None,
    laboratory: Annotated[list[str] | None, typer.Option("--laboratory", metavar="ID", help="As which a center reports.")] = None,
    factory: Annotated[list[str] | None, typer.Option("--factory", metavar="ID", help="Whose alerts a factory reads.")] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests, or events, a minute; whoever sends more is told to wait.")] = (
        PER_MINUTE
    ),
    days: DaysOption = DAYS,
    change: Annotated[
        bool, typer.Option("--change", help="The partner is there and gets these rights instead; its tokens stay.")
    ] = False,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a partner in, and print its token: the only time that it is shown. Names may be repeated, and end in * for all that begin so."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    made = checked(
        Partner(
            partner_id=identity,
            role=role,
            sources=tuple(source or ()),
            centers=tuple(center or ()),
            cooperatives=tuple(cooperative or ()),
            laboratories=tuple(laboratory or ()),
            factories=tuple(factory or ()),
            per_minute=per_minute,
        )
    )
    with reader(located(clickhouse=clickhouse)) as server:
        known = tables.read_partners(server)
        if identity in known.partners and not change:
            fail(f"there is a partner {identity}; --change gives it other rights, `weftline partner rotate` another token")
        if change:
            before = _known(known, identity)
            tables.put_partner(server, replace(made, disabled=before.disabled))
            typer.echo(f"changed {identity}; its tokens stay as they are", err=True)
            return
        token = new_token(identity, server.clock()(), days or None)
        tables.put_partner(server, made)
        tables.put_token(server, token.token)
    _tell(token, as_json)


@partner.command(epilog="Example: `weftline partner rotate c1 --keep-old 24`")
def rotate(
    identity: IdArgument,
    keep_old: Annotated[
        float, typer.Option("--keep-old", min=0, max=720, metavar="HOURS", help="The old tokens are taken for so long.")
    ] = 0.0,
    days: DaysOption = DAYS,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a new token for a partner. The old ones are not taken any more, or only for some hours; a disabled partner is let in again."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        known = tables.read_partners(server)
        found, now = _known(known, identity), server.clock()()
        # The old ones first: whoever rotates after a theft is not left with both if this command dies.
        for old in known.tokens_of(identity):
            ended = revoked(old, now + int(keep_old * _HOUR_MS))
            if ended != old:
                tables.put_token(server, ended)
        token = new_token(identity, now, days or None)
        tables.put_token(server, token.token)
        if found.disabled:
            tables.put_partner(server, replace(found, disabled=False))
    _tell(token, as_json)


@partner.command(epilog="Example: `weftline partner disable c1`")
def disable(identity: IdArgument, clickhouse: ClickHouseOption = None) -> None:
    """Take none of a partner's tokens any more, and end its streams. `weftline partner rotate` lets it in again, with another token."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        known = tables.read_partners(server)
        found, now = _known(known, identity), server.clock()()
        tables.put_partner(server, replace(found, disabled=True))
        for old in known.tokens_of(identity):
            tables.put_token(server, revoked(old, now))
    typer.echo(f"disabled {identity}; a gateway refuses it within some seconds")


@partner.command("list", epilog="Example: `weftline partner list`")
def list_(clickhouse: ClickHouseOption = None, as_json: JsonOption = False) -> None:
    """All partners: role, until when one of its tokens holds, and when one was last taken."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        known, uses, now = tables.read_partners(server), tables.last_uses(server), server.clock()()
    shown = [_shown(known, uses, one, now) for one in sorted(known.partners.values(), key=lambda one: one.partner_id)]
    if as_json:
        print_json(shown)
        return
    for one in shown:
        typer.echo(f"{one['partner_id']:<20} {one['role']:<9} {one['state']:<9} last use {one['last_use'] or 'never'}")
    if not shown:
        typer.echo("no partners; `weftline partner add` lets one in", err=True)


@partner.command(epilog="Example: `weftline partner show c1`")
def show(identity: IdArgument, clickhouse: ClickHouseOption = None, as_json: JsonOption = False) -> None:
    """One partner: what it may say and see, and its tokens by name, with expiry and last use. Tokens themselves are nowhere."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    with reader(located(clickhouse=clickhouse)) as server:
        known, uses, now = tables.read_partners(server), tables.last_uses(server), server.clock()()
    one = _shown(known, uses, _known(known, identity), now)
    if as_json:
        print_json(one)
        return
    typer.echo(f"{one['partner_id']}: {one['role']}, {one['state']}, {one['per_minute']:,} a minute")
    for name in LISTS:
        if one[name]:
            typer.echo(f"  {name:<13} {' '.join(one[name])}")
    for token in one["tokens"]:
        until = f"until {token['expires_at']}" if token["expires_at"] else "without end"
        ended = f", ended {token['revoked_at']}" if token["revoked_at"] else ""
        typer.echo(f"  token {token['token_id']} from {token['made_at']} {until}{ended}, last use {token['last_use'] or 'never'}")


@partner.command(epilog="Example: `weftline partner log f-204 --since 2026-05-06T00:00:00+08:00`")
def log(
    identity: Annotated[str, typer.Argument(metavar="[ID]", help="Of this partner alone.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="From then on; else all that is known.")] = "0",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 100,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who published and who read what over the gateway, the newest first; a request stands there some seconds after it was answered."""
    from weftline.warehouse import partners as tables
    from weftline.warehouse.client import reader

    begin = milliseconds("--since", since)
    with reader(located(clickhouse=clickhouse)) as server:
        found = [{**one, "at": iso(one["at"])} for one in tables.read_log(server, identity, begin, limit)]
    if as_json:
        print_json(found)
        return
    for one in found:
        published = f"  {one['events']} events" if one["events"] else ""
        typer.echo(f"{one['at']}  {one['partner_id']:<20} {one['status']} {one['method']:<4} {one['asked']}{published}")
    if not found:
        typer.echo("nothing was asked for", err=True)


def _known(known: Partners, identity: str) -> Partner:
    found = known.partners.get(identity)
    if found is None:
        fail(f"there is no partner {identity}; `weftline partner list` names all")
    return found


def _shown(known: Partners, uses: Any, one: Partner, now: int) -> dict[str, Any]:
    tokens = known.tokens_of(one.partner_id)
    used = [uses[token.token_id] for token in tokens if token.token_id in uses]
    holds = any(token.holds(now) for token in tokens)
    return {
        **asdict(one),
        "state": "disabled" if one.disabled else "active" if holds else "expired",
        "last_use": iso(max(used)) if used else None,
        "tokens": [_token(token, uses.get(token.token_id)) for token in tokens],
    }


def _token(token: Token, used: int | None) -> dict[str, Any]:
    times = {"made_at": token.made_at, "expires_at": token.expires_at, "revoked_at": token.revoked_at, "last_use": used}
    return {"token_id": token.token_id, **{name: None if at is None else iso(at) for name, at in times.items()}}


def _tell(made: Made, as_json: bool) -> None:
    if as_json:
        print_json({"token": made.text, **_token(made.token, None)})
        return
    typer.echo(made.text)
    until = f"it holds until {iso(made.token.expires_at)}" if made.token.expires_at is not None else "it holds without end"
    typer.echo(f"the token of {made.token.partner_id}, shown this once: {until}. Hand it over by a way that nobody reads", err=True)
