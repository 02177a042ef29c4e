"""Members of a cooperative, as its officer asks: free tests left, grades, lists, the trademark, the six unifications, and what waits.

All is folded from the records, as of now or of a moment of the past; the views say the same of now (``fund_years``, ``listed``, …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, print_json
from weftline.commands.cooperative import MARKS, AsOfOption, CooperativeOption, basis_json, measured, read, rule, time_of
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.domain.cooperative.member import Judgement
    from weftline.domain.rows.desk import DeskRow
    from weftline.processors.member_asking import Asked

app = typer.Typer()
members = typer.Typer(
    help="Members of a cooperative: free tests left, grades, lists, trademark, unifications, and what waits.",
    epilog="Example: `weftline members work`",
)
app.add_typer(members, name="members")

FactoryOption = Annotated[str | None, typer.Option("--factory", metavar="ID", help="This member alone.")]


class Whose(StrEnum):
    """Whose work."""

    MEMBER = "member"
    OFFICER = "officer"


@members.command("fund", epilog="Example: `weftline members fund --year 2026`")
def fund_left(
    factory: FactoryOption = None,
    cooperative: CooperativeOption = None,
    year: Annotated[int | None, typer.Option("--year", min=2000, max=2999, help="Year of the fund; this one if not given.")] = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many free tests each member has left: quota, used, reserved."""
    asked, desks = _desks(clickhouse, cooperative, factory, as_of)
    year = year or asked.year

    def lines(judged: Judgement, desk: DeskRow) -> Iterator[str]:
        of_year = next((one for one in judged.fund if one.year == year), None)
        for one in things(desk, "fund"):
            if one["year"] == year and of_year is not None:
                by = "; ".join(f"{rule(basis)} {batches}" for basis, batches in of_year.quota_by) or "no quota"
                spent = f"{one['used']} used, {one['reserved']} reserved of {one['quota']}"
                free = f", {one['free']} free re-inspections besides" if one["free"] else ""
                gone = "" if of_year.may_ask else ", no member any more"
                seen = "".join(
                    f"; {request.request_id} {MARKS[m]}" for request in of_year.requests for m in request.marks if m in MARKS
                )
                yield f"{one['left']:>4} left  {desk.factory_id}: {spent}{free}{gone}{seen} ({by})"

    def told(_: Judgement, desk: DeskRow) -> Any:
        return [one for one in things(desk, "fund") if one["year"] == year]

    _head(asked, as_json, f"free tests of {year}")
    _say(asked, desks, as_json, {"year": year}, "fund", told, lines)


@members.command(epilog="Example: `weftline members grades --as-of 2026-03-31T23:59:59+08:00`")
def grades(
    factory: FactoryOption = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who has which grade: the cooperative's own, and apart from it the last official one."""
    asked, desks = _desks(clickhouse, cooperative, factory, as_of)

    def lines(judged: Judgement, desk: DeskRow) -> Iterator[str]:
        credit = judged.credit
        official = "".join(f"; official, apart: {one.grade} for {one.year} by {one.issuer}" for one in judged.officials[-1:])
        gone = "" if desk.is_member else "; no member now"
        caps = "".join(f"; {rule(one.basis)}" for one in credit.points if one.basis.rule in capping)
        yield f"{credit.score:>7.1f}  {credit.grade.code:10} {desk.factory_id}{official}{gone}{caps}"

    def told(judged: Judgement, _: DeskRow) -> Any:
        return {
            "score": str(judged.credit.score),
            "grade": judged.credit.grade.code,
            "rules_edition": judged.rules.edition,
            "official": [{"grade": one.grade, "year": one.year, "issuer": one.issuer} for one in judged.officials],
        }

    capping = {cap.basis.rule for cap in asked.editions.at(asked.moment).credit.caps}
    desks.sort(key=lambda pair: (-pair[0].credit.score, pair[1].factory_id))
    _head(asked, as_json, "the cooperative's own score and grade, and apart from it the official grade")
    _say(asked, desks, as_json, {}, "credit", told, lines)


@members.command(epilog="Example: `weftline members lists --as-of 2026-06-06T12:00:00+08:00`")
def lists(
    factory: FactoryOption = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who is on which list of the cooperative's own, now or on any day of the past; and whom the rules propose."""
    asked, desks = _desks(clickhouse, cooperative, factory, as_of)
    offset = asked.editions.at(asked.moment).utc_offset

    def ground(said: str) -> str:
        basis = asked.editions.ground(said)
        return said if basis is None else rule(basis)

    def lines(judged: Judgement, desk: DeskRow) -> Iterator[str]:
        for one in things(desk, "entry"):
            until = f", until {time_of(one['until'], offset)}" if one["until"] is not None else ""
            since = one["decided_at"] or one["proposed_at"] or one["ended_at"]
            yield (
                f"{one['list']:6} {one['state']:9} {desk.factory_id}: entry {one['id']} since {time_of(since, offset)}{until}"
                f"{'; ' + ground(one['ground']) if one['ground'] else ''}"
            )
        for proposal in judged.proposals:
            since = time_of(proposal.since, offset)
            yield f"{proposal.list.value:6} by rule   {desk.factory_id}: {rule(proposal.basis)}, since {since}"

    def told(_: Judgement, desk: DeskRow) -> Any:
        on = sorted({one["list"] for one in things(desk, "entry") if one["state"] == "LISTED"})
        return {"on": on, "entries": things(desk, "entry"), "spans": things(desk, "listed"), "proposed": things(desk, "proposal")}

    _head(asked, as_json, "the cooperative's own lists, none of the market regulator's")
    _say(asked, desks, as_json, {}, "lists", told, lines, empty=lambda said: not said["entries"] and not said["proposed"])


@members.command(epilog="Example: `weftline members trademark --factory hm-f-001`")
def trademark(
    factory: FactoryOption = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who may carry the collective trademark, which condition fails and what would cure it, in the order of the ranking."""
    from weftline.domain.cooperative.trademark import Candidate, ranking

    asked, desks = _desks(clickhouse, cooperative, None, as_of)
    desks = [(judged, desk) for judged, desk in desks if desk.is_member or desk.mark_id]
    found = [
        Candidate(desk.factory_id, desk.conditions_failing, judged.credit.score, desk.tests_passed, desk.tests_failed)
        for judged, desk in desks
        if desk.is_member
    ]
    places = {place.candidate.factory_id: place for place in ranking(found, asked.editions.at(asked.moment).trademark)}
    desks.sort(key=lambda pair: places[pair[1].factory_id].number if pair[1].factory_id in places else len(places) + 1)
    if factory is not None:
        desks = [(judged, desk) for judged, desk in desks if desk.factory_id == factory]
        if not desks:
            raise UserError(f"{factory} is no member of {asked.cooperative_id} and holds no mark of it")
    _head(asked, as_json, f"collective trademark: place, * within the best {asked.editions.at(asked.moment).trademark.number}")

    def lines(judged: Judgement, desk: DeskRow) -> Iterator[str]:
        place = places.get(desk.factory_id)
        rights = ", ".join(f"{one['id']} {one['standing']}" for one in things(desk, "mark"))
        where = "  no member" if place is None else f"{place.number:>4}{' *' if place.within else '  '}"
        state = "meets all" if judged.eligibility.eligible else f"fails {desk.conditions_failing}"
        behind = f", behind by {place.behind}" if place is not None and place.behind else ""
        yield f"{where}  {desk.factory_id}: {state}{behind}{'; ' + rights if rights else ''}"
        have = measured(judged)
        for gate in judged.eligibility.failing:
            yield f"{'':8}{rule(gate.basis)}{have.get(gate.basis.rule, '')}; cure: {gate.cure_en}"

    def told(judged: Judgement, desk: DeskRow) -> Any:
        place = places.get(desk.factory_id)
        return {
            "eligible": judged.eligibility.eligible,
            "place": None if place is None else place.number,
            "within": place is not None and place.within,
            "behind": "" if place is None else place.behind,
            "rights": things(desk, "mark"),
            "conditions": things(desk, "gate"),
        }

    _say(asked, desks, as_json, {}, "trademark", told, lines)


@members.command(epilog="Example: `weftline members unifications --json`")
def unifications(
    factory: FactoryOption = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """The six unifications: at how many members each is done, and at whom it is not."""
    from weftline.domain.cooperative.unifications import together

    asked, desks = _desks(clickhouse, cooperative, factory, as_of)
    desks = [(judged, desk) for judged, desk in desks if desk.is_member]
    shares = together(judged.scorecard for judged, _ in desks) if desks else ()
    _head(asked, as_json, "the six unifications, at how many members each is done and what each lacks")
    if not as_json:
        for share in shares:
            typer.echo(f"{share.done:>5} of {share.members:<5} {share.basis.en} ({share.basis.zh})")

    def lines(judged: Judgement, desk: DeskRow) -> Iterator[str]:
        missing = [row.basis.en for row in judged.scorecard if not row.done]
        yield f"{len(judged.scorecard) - len(missing)} of {len(judged.scorecard)}  {desk.factory_id}" + (
            f": not {'; '.join(missing)}" if missing else ""
        )

    said = {"together": [{"rule": one.basis.rule, "done": one.done, "members": one.members} for one in shares]}
    _say(asked, desks, as_json, said, "rows", lambda _, desk: things(desk, "row"), lines)


@members.command(epilog="Example: `weftline members work --desk officer`")
def work(
    factory: FactoryOption = None,
    desk: Annotated[Whose | None, typer.Option("--desk", help="Whose work: the member's, or the officer's.")] = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """What waits for whom: clocks, free tests, proposals, appeals, the trademark, what expires, results; what is due first stands first."""
    asked, desks = _desks(clickhouse, cooperative, factory, as_of)
    offset = asked.editions.at(asked.moment).utc_offset
    items = [
        {"factory_id": row.factory_id, **one}
        for _, row in desks
        for one in things(row, "work")
        if desk is None or one["desk"] == desk.name
    ]
    if factory is None and desk is not Whose.MEMBER:
        items += _budgets_to_watch(asked, {row.factory_id: judged for judged, row in desks})
    seen = {(row.factory_id, id_): said for _, row in desks for id_, said in _seen(row, asked)}
    items.sort(key=lambda one: (one["due"] is None, one["due"] or one["since"], one["factory_id"], one["task"], one["about"]))
    if as_json:
        print_json({"cooperative_id": asked.cooperative_id, "as_of": asked.moment, "work": items})
        return
    _head(asked, as_json, "what waits, what is due first before all else" if items else "nothing waits")
    for one in items:
        due = f"due {time_of(one['due'], offset)}" if one["due"] is not None else f"since {time_of(one['since'], offset)}"
        late = " OVERDUE" if one["due"] is not None and one["due"] < asked.moment else ""
        more = seen.get((one["factory_id"], one["about"]), "")
        if "rule" in one:
            more = f"{one['rule']['en']} ({one['rule']['confidence']})"
        typer.echo(f"{one['desk']:8}{one['task']:14}{one['factory_id']}  {one['about']}, {due}{late}{'; ' + more if more else ''}")


# -- What they share


def _budgets_to_watch(asked: Asked, members: Mapping[str, Judgement]) -> Iterator[dict[str, Any]]:
    """Budgets of the cooperative of which a threshold is reached, as its officer's work; a budget is no member's, so on no desk."""
    from weftline.domain.cooperative.burn import outlook, work_of_pool
    from weftline.domain.cooperative.fund import years
    from weftline.domain.cooperative.pool import pool_of

    for own in (member for member in asked.members if member.factory_id == member.cooperative_id):
        history = asked.judge(own).history
        for year in years(history):
            found = outlook(pool_of(year, history, members), asked.editions, asked.moment)
            if found.reached is not None and (item := work_of_pool(year, found)) is not None:
                said = {**item._asdict(), "task": item.task.value, "desk": item.desk.value, "evidence": ""}
                yield {"factory_id": asked.cooperative_id, **said, "rule": basis_json(found.reached.basis)}


def things(desk: DeskRow, prefix: str) -> list[dict[str, Any]]:
    """The things of a kind that lie on a desk, as the view of that kind has them."""
    begin = f"{prefix}_"
    lists = {
        name.removeprefix(begin): value
        for name, value in desk._asdict().items()
        if name.startswith(begin) and isinstance(value, list)
    }
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _head(asked: Asked, as_json: bool, what: str) -> None:
    """Of whom and of when all that follows is, and by whose rules."""
    if not as_json:
        rules = asked.editions.at(asked.moment)
        typer.echo(
            f"{asked.cooperative_id}, {time_of(asked.moment, rules.utc_offset)}: {what}; by edition {rules.edition} of {rules.en}"
        )


def _seen(desk: DeskRow, asked: Asked) -> Iterator[tuple[str, str]]:
    """What whoever decides should see of a free test, or of an entry, by its id."""
    for one in things(desk, "request"):
        yield one["id"], ", ".join(MARKS.get(mark, "free re-inspection") for mark in one["marks"].split(", ") if mark)
    for one in things(desk, "entry"):
        basis = asked.editions.ground(one["ground"])
        words = one["ground"] if basis is None else rule(basis)
        yield one["id"], f"{one['list'].lower()} list{': ' + words if words else ''}"


def _desks(
    clickhouse: str | None, cooperative: str | None, factory: str | None, as_of: str | None
) -> tuple[Asked, list[tuple[Judgement, DeskRow]]]:
    """Whom is asked about, and their judgements and desks; what is the cooperative's own has none."""
    asked = read(clickhouse, cooperative, factory, as_of)
    desks = [asked.desk(member) for member in asked.members if member.factory_id != member.cooperative_id]
    return asked, [(judged, desk) for judged, desk in desks if desk.events]


def _say(
    asked: Asked,
    desks: Iterable[tuple[Judgement, DeskRow]],
    as_json: bool,
    first: Mapping[str, Any],
    name: str,
    told: Callable[[Judgement, DeskRow], Any],
    lines: Callable[[Judgement, DeskRow], Iterable[str]],
    empty: Callable[[Any], bool] = lambda said: said == [],
) -> None:
    """Member by member, as lines or as JSON; whoever has nothing of it is left out."""
    if not as_json:
        for judged, desk in desks:
            for line in lines(judged, desk):
                typer.echo(line)
        return
    said = [{"factory_id": desk.factory_id, name: told(judged, desk)} for judged, desk in desks]
    print_json(
        {
            "cooperative_id": asked.cooperative_id,
            "as_of": asked.moment,
            **first,
            "members": [one for one in said if not empty(one[name])],
        }
    )
