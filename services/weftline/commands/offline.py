"""Two daily questions of a quality officer, answered without any server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from weftline.commands.common import JsonOption, fail, print_json, read_text

app = typer.Typer()


@app.command(epilog="Example: `weftline plan --lot-size 3201 --level II --aql 1.5 --tightened`")
def plan(
    lot_size: Annotated[int, typer.Option(help="Units in the lot.")],
    aql: Annotated[str, typer.Option(help="Acceptance quality limit: 0.65, 1.0, 1.5, 2.5, 4.0 …")],
    level: Annotated[str, typer.Option(help="Inspection level: S-1, S-2, S-3, S-4, I, II or III.")] = "II",
    tightened: Annotated[bool, typer.Option("--tightened", help="Tightened instead of normal inspection.")] = False,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of inspection; today if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The ISO 2859-1 single sampling plan for a lot: code letter, sample size, Ac and Re, arrows followed."""
    from weftline.contracts.standards import load_sampling_standard
    from weftline.domain.sampling import PlanError, describe

    day = (on or datetime.now(UTC)).date()
    try:
        found = describe(load_sampling_standard(), lot_size, level, aql, "TIGHTENED" if tightened else "NORMAL", on=day)
    except PlanError as error:
        fail(str(error), 2)
    if as_json:
        print_json(found)
        return
    typer.echo(
        f"code letter  {found['code_letter']}"
        + (f"  (plan of letter {found['plan_letter']})" if found["plan_letter"] != found["code_letter"] else "")
    )
    typer.echo(f"sample size  {found['sample_size']}")
    typer.echo(f"accept (Ac)  {found['accept']}")
    typer.echo(f"reject (Re)  {found['reject']}")
    typer.echo(f"standard     {found['standard']} {found['edition'] or ''}, {found['severity']} inspection, level {found['level']}")
    typer.echo(f"switching    {found['switching']}")
    for warning in found["warnings"]:
        typer.echo(f"note         {warning}")


@app.command(epilog="Example: `weftline judge schemas/examples/inspection.results.v1-value/v1/laboratory-report.json`")
def judge(
    file: Annotated[str, typer.Argument(help="A laboratory report or a lot inspection as JSON; - reads standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Judge a report or a lot: verdict, per item, with the clause and the edition that decided."""
    from weftline.judging import judge_file

    name = "standard input" if file == "-" else file
    judged = judge_file(read_text(file), name, int(datetime.now(UTC).timestamp() * 1000))
    if as_json:
        print_json(judged.as_json)
    else:
        typer.echo(judged.as_text)
