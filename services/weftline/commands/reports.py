"""``weftline cooperative report``: what a cooperative reports of a month to its association; ``weftline cluster``: what its members see."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, located, print_json
from weftline.commands.cooperative import CooperativeOption, read
from weftline.commands.processors import cooperative as group
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.domain.cooperative.monthly import Month, Report
    from weftline.processors.member_asking import Asked

app = typer.Typer()
MonthOption = Annotated[str | None, typer.Option("--month", metavar="YYYY-MM", help="A month that is over; else the last one.")]


@group.command("report", epilog="Example: `weftline cooperative report --month 2026-10 --out 2026-10.xlsx`")
def monthly(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The workbook (xlsx); one of that name is written over.")],
    month: MonthOption = None,
    cooperative: CooperativeOption = None,
    clickhouse: ClickHouseOption = None,
) -> None:
    """The monthly report as a workbook: members, officers, fund, pass rates, failing indicators, lists, clocks. Same records, same file."""
    from weftline.files.monthly import workbook
    from weftline.packs.making import digest
    from weftline.warehouse.client import reader
    from weftline.warehouse.reference import names_of_factories

    asked, made = _report(clickhouse, cooperative, month)
    with reader(located(clickhouse=clickhouse)) as server:
        names = {factory: zh for factory, (zh, _) in names_of_factories(server, made.as_of).items()}
    records = (record for member in asked.members for record in (*member.own, *member.inspections))
    out.write_bytes(workbook(made, names, digest(records, made.as_of)))
    typer.echo(f"{out}: {made.month}, {made.members:,} members")


@app.command(epilog="Example: `weftline cluster hm-f-001`")
def cluster(
    factory: Annotated[str, typer.Argument(metavar="FACTORY", help="The member who looks.")],
    month: MonthOption = None,
    cooperative: CooperativeOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where a member stands among all, at the end of a month: percentiles of groups of five members or more, and nobody else's figures.

    Groups that would give away a smaller one, by what parts them from others, are left out.
    """
    from weftline.domain.cooperative.cluster import LEAST, PERCENTILES, profile, view

    _, made = _report(clickhouse, cooperative, month)
    profiles = [profile(line) for line in made.lines if line.is_member]
    if factory not in {one.factory_id for one in profiles}:
        raise UserError(f"{factory} was no member of {made.cooperative_id} at the end of {made.month}")
    shown = view(profiles, factory)
    if as_json:
        said = [{**asdict(one), "measure": one.measure.value, "group": dict(one.group)} for one in shown]
        print_json({"month": str(made.month), "least": LEAST, "percentiles": list(PERCENTILES), "cells": said})
        return
    typer.echo(f"{factory} at the end of {made.month}; groups of fewer than {LEAST}, or that give one away, are left out")
    heads = " ".join(f"{f'p{percent}':>5}" for percent in PERCENTILES)
    typer.echo(f"{'':25}{heads}   score in points; tests of twelve months and quota of the year in per cent")
    for one in shown:
        group = ", ".join(f"{name} {value}" for name, value in one.group) or "all"
        own = "" if one.own is None else f"   you {one.own}, above {one.below} % of the others"
        spread = " ".join(f"{value:>5}" for value in one.percentiles)
        typer.echo(f"{one.measure.value:<11}{one.members:>5} members  {spread}   {group}{own}")


def _report(clickhouse: str | None, cooperative: str | None, month: str | None) -> tuple[Asked, Report]:
    """The report of a month that is over, and the records that it was made from."""
    from weftline.domain.cooperative.history import History
    from weftline.domain.cooperative.monthly import month_of, report_of

    asked = read(clickhouse, cooperative, None, None)
    offset = asked.editions.at(asked.moment).utc_offset
    wanted = month_of(asked.moment, offset).back(1) if month is None else _month(month)
    end = wanted.end(offset)
    if asked.moment <= end:
        raise UserError(f"{wanted} is not over yet; ask again from {wanted.next}-01 on")
    then = replace(asked, moment=end, until=end)
    judged = {member.factory_id: then.judge(member, (wanted.year,)) for member in then.members}
    own = judged.pop(then.cooperative_id, None)
    events = History() if own is None else own.history
    return then, report_of(then.cooperative_id, wanted, events, judged, offset, then.editions)


def _month(text: str) -> Month:
    from weftline.domain.cooperative.monthly import Month

    if re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text) is None:
        raise UserError(f"--month wants a month such as 2026-10, got {text!r}")
    return Month(int(text[:4]), int(text[5:]))
