"""Daily questions of a quality officer, and the words that a publisher may use, answered without any server."""

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


@app.command(epilog="Examples: `weftline indicators`, `weftline indicators --json`")
def indicators(as_json: JsonOption = False) -> None:
    """What can be measured: codes, how a result is given, units, codes of results. A limit applies to a result under its code only."""
    from weftline.contracts.standards import load_standards

    found = load_standards().indicators.values()
    if as_json:
        print_json(
            [
                {
                    "code": one.code,
                    "zh": one.zh,
                    "en": one.en,
                    "kinds": sorted(one.accepts),
                    "unit": one.unit,
                    "units": list(one.units),
                    "scale": one.scale,
                    "codes": list(one.codes),
                    "methods": [method.name for method in one.methods],
                }
                for one in found
            ]
        )
        return
    for one in found:
        how = ", ".join(filter(None, ["/".join(sorted(one.accepts)), one.unit, *one.units, *one.codes]))
        typer.echo(f"{one.code:<32} {how}\n{'':<4}{one.zh}, {one.en}")


@app.command(epilog="Examples: `weftline categories`, `weftline categories --json`")
def categories(as_json: JsonOption = False) -> None:
    """Product categories: codes, names, the class of GB 18401 that is usual for each. Another code is shown as it comes, and no rule
    speaks of it."""
    from weftline.contracts.standards import load_standards

    found = {category.code: category for category in load_standards().categories.values()}.values()
    if as_json:
        print_json([{"code": one.code, "zh": one.zh, "en": one.en, "usual_class": one.usual_class} for one in found])
        return
    for one in found:
        typer.echo(f"{one.code:<16} {one.usual_class or '-':<3} {one.zh}, {one.en}")
