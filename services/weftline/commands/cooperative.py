"""Questions of a cooperative's officer that are answered from records alone: why a member has its grade, and who should test next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, located, moment_of, print_json
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.domain.cooperative.burn import Outlook
    from weftline.domain.cooperative.history import Ref
    from weftline.domain.cooperative.member import Judgement, Reason
    from weftline.domain.cooperative.pool import Pool, Suggestion
    from weftline.domain.cooperative.rules import Basis
    from weftline.domain.cooperative.what_if import Difference
    from weftline.processors.member_asking import Asked

app = typer.Typer()
credit = typer.Typer(
    help="The cooperative's own credit of its members; never the official grade.",
    epilog="Example: `weftline credit explain hm-f-001`",
)
fund = typer.Typer(help="The testing fund of a cooperative.", epilog="Example: `weftline fund plan`")
app.add_typer(credit, name="credit")
app.add_typer(fund, name="fund")

CooperativeOption = Annotated[
    str | None, typer.Option("--cooperative", metavar="ID", help="Which cooperative; needed where there are several.")
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="A moment of the past, or the end of a day: 2026-05-06T08:00:00+08:00, 2026-05-06."
    ),
]

#: What is to be seen of a free test, in words; the other marks are no fault.
MARKS: Final = {
    "OVER_QUOTA": "over quota",
    "BY_EXCEPTION": "exception",
    "NO_MEMBER": "no member",
    "UNPROVEN": "no report",
}


@credit.command(epilog="Example: `weftline credit explain hm-f-001 --without https://lims.example/c1 evt-17`")
def explain(
    factory: Annotated[str, typer.Argument(metavar="FACTORY", help="The member.")],
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="EVENT_ID", help="With --without: events of that source.")
    ] = None,
    cooperative: CooperativeOption = None,
    as_of: AsOfOption = None,
    without: Annotated[
        str | None,
        typer.Option("--without", metavar="SOURCE", help="As if the events that follow had never been: SOURCE EVENT_ID …."),
    ] = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score and grade of a member, each point with its rule and its events; with --without, what would be otherwise."""
    from weftline.domain.cooperative.history import EventRef
    from weftline.domain.cooperative.what_if import difference

    if (without is None) != (not event_ids):
        raise UserError("--without wants a source and the ids of its events: --without SOURCE EVENT_ID …")
    asked = read(clickhouse, cooperative, factory, as_of)
    (member,), judge = asked.members, asked.judge
    judged = judge(member)
    changed = None
    if without is not None:
        changed = difference(judged, judge(member.without(EventRef(without, event_id) for event_id in event_ids or ())))
    if as_json:
        print_json(explained(member.factory_id, judged, changed))
        return
    for line in (*explanation(member.factory_id, judged), *(changes(changed) if changed else ())):
        typer.echo(line)


@fund.command(epilog="Example: `weftline fund plan --year 2026 --json | jq '.next[0]'`")
def plan(
    cooperative: CooperativeOption = None,
    year: Annotated[int | None, typer.Option("--year", min=2000, max=2999, help="Year of the fund; this one if not given.")] = None,
    clickhouse: ClickHouseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Budget, price and use of the quota of a year, and who should be tested next, with the reasons."""
    from weftline.domain.cooperative.burn import outlook
    from weftline.domain.cooperative.history import History
    from weftline.domain.cooperative.pool import plan as planned
    from weftline.domain.cooperative.pool import pool_of

    asked = read(clickhouse, cooperative, None, None)
    year = year or asked.year
    judged = {member.factory_id: asked.judge(member, (year,)) for member in asked.members}
    cooperative_id = asked.cooperative_id
    own = judged.pop(cooperative_id, None)
    pool = pool_of(year, History() if own is None else own.history, judged)
    burning = outlook(pool, asked.editions, asked.moment)
    suggested = planned(year, judged)
    marked = [
        (mark.value, factory, request.request_id)
        for factory, one in judged.items()
        for of_year in one.fund
        if of_year.year == year
        for request in of_year.requests
        for mark in request.marks
        if mark in MARKS
    ]
    if as_json:
        seen = [{"mark": mark, "factory_id": factory, "request_id": request} for mark, factory, request in marked]
        print_json(
            {
                "cooperative_id": cooperative_id,
                **_pool_json(pool),
                **_outlook_json(burning),
                "marked": seen,
                "next": [_suggestion_json(one) for one in suggested],
            }
        )
        return
    burns = _outlook_lines(burning, pool, asked.editions.at(asked.moment).utc_offset)
    for line in (*_pool_lines(cooperative_id, pool, marked), *burns, *_plan_lines(suggested, pool)):
        typer.echo(line)


def read(clickhouse: str | None, cooperative: str | None, factory: str | None, as_of: str | None) -> Asked:
    """Whom a command asks about, as of a moment or of the end of a day on the cooperative's clock. Raises :class:`UserError` if nobody,
    or not one cooperative, is meant."""
    from weftline.processors.member_asking import ask

    if as_of is not None:
        moment_of("--as-of", as_of, "+00:00")  # what is no time is told before anything is read
    asked = ask(located(clickhouse=clickhouse), cooperative, factory, None)
    if as_of is None:
        return asked
    moment = moment_of("--as-of", as_of, asked.editions.at(asked.moment).utc_offset)
    return replace(asked, moment=moment, until=moment)


# -- Words


def explanation(factory: str, judged: Judgement) -> Iterator[str]:
    """The score, line by line."""
    rules, credit = judged.rules, judged.credit
    yield f"{factory}  {credit.score} points, {credit.grade.en} ({credit.grade.zh}), as of {time_of(judged.as_of, rules.utc_offset)}"
    if not judged.is_member:
        yield "no member now: it left, is suspended, or never joined"
    yield f"by the rules of edition {rules.edition} of {rules.en}"
    for point in credit.points:
        share = "" if point.share == 1 else f", {point.share:.0%} for its age"
        yield f"{point.points:>+8}  {rule(point.basis)}{share}"
        if point.evidence:
            yield f"{'':10}{', '.join(map(_name, point.evidence))}"
    for official in judged.officials:
        yield f"official, apart: {official.grade} for {official.year} by {official.issuer} ({_name(official.event)})"
    on = ", ".join(f"{entry.list} since {time_of(entry.decided_at, rules.utc_offset)}" for entry in judged.listed)
    yield f"the cooperative's own lists: {on or 'on none'}"
    for proposal in judged.proposals:
        yield f"proposed for the {proposal.list} list: {rule(proposal.basis)} ({', '.join(map(_name, proposal.evidence))})"
    failing, have = judged.eligibility.failing, measured(judged)
    yield "collective trademark: every condition is met" if not failing else "collective trademark: fails"
    for gate in failing:
        yield f"{'':10}{rule(gate.basis)}{have.get(gate.basis.rule, '')}; cure: {gate.cure_en}"


def measured(judged: Judgement) -> dict[str, str]:
    """What there is of what each condition of the trademark counts, by its rule: so many, or so many of so many."""
    from weftline.domain.cooperative.rules import Count, Share

    said: dict[str, str] = {}
    for answer in judged.eligibility.answers:
        for one in answer.found:
            match one.condition:
                case Share(signals=wanted):
                    of = sum(signal.name in wanted for signal in one.signals)
                    said[answer.gate.basis.rule] = f": {of} of {len(one.signals)}"
                case Count(at_least=int(least)) if least > 1:
                    said[answer.gate.basis.rule] = f": {len(one.signals)}"
    return said


def changes(changed: Difference) -> Iterator[str]:
    """What would be otherwise, line by line."""
    if changed.nothing:
        yield "without them: all the same"
        return
    yield "without them:"
    (score, other_score), (grade, other_grade) = changed.score, changed.grade
    yield f"  score   {score} -> {other_score}, grade {grade.en} -> {other_grade.en}"
    for name, (before, after) in (("lists", changed.lists), ("proposed", changed.proposed), ("mark fails", changed.failing)):
        if before != after:
            yield f"  {name}   {', '.join(sorted(before)) or 'none'} -> {', '.join(sorted(after)) or 'none'}"
    for sign, points in (("-", changed.gone), ("+", changed.come)):
        for point in points:
            yield f"  {sign} {point.points:>+8}  {rule(point.basis)}"


def explained(factory: str, judged: Judgement, changed: Difference | None) -> dict[str, Any]:
    """The same for programs."""
    credit = judged.credit
    said: dict[str, Any] = {
        "factory_id": factory,
        "as_of": judged.as_of,
        "rules": {"edition": judged.rules.edition, "zh": judged.rules.zh, "en": judged.rules.en},
        "score": str(credit.score),
        "grade": credit.grade.code,
        "points": [
            {**basis_json(one.basis), "points": str(one.points), "share": str(one.share), "evidence": list(one.evidence)}
            for one in credit.points
        ],
        "official_grades": [
            {"grade": one.grade, "year": one.year, "issuer": one.issuer, "evidence": one.event} for one in judged.officials
        ],
        "lists": [{"list": one.list, "listing_id": one.listing_id, "since": one.decided_at} for one in judged.listed],
        "proposed": [{**basis_json(one.basis), "list": one.list, "evidence": list(one.evidence)} for one in judged.proposals],
        "trademark_fails": [
            {**basis_json(gate.basis), "cure_zh": gate.cure_zh, "cure_en": gate.cure_en} for gate in judged.eligibility.failing
        ],
    }
    if changed is not None:
        said["without"] = {
            "score": [str(score) for score in changed.score],
            "grade": [grade.code for grade in changed.grade],
            "lists": [sorted(lists) for lists in changed.lists],
            "proposed": [sorted(rules) for rules in changed.proposed],
            "trademark_fails": [sorted(rules) for rules in changed.failing],
        }
    return said


def _pool_lines(cooperative_id: str, pool: Pool, marked: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield f"{cooperative_id}, {pool.year}: {pool.members:,} members within the year"
    yield f"quota       {pool.used:,} of {pool.quota:,} batches used ({_part(pool.use_of_quota)}), {pool.reserved:,} reserved"
    yield f"budget      {_money(pool.budget_minor, pool)}, spent {_money(pool.spent_minor, pool)}, left {_money(pool.left_minor, pool)}"
    yield f"price       {_money(pool.price_per_batch, pool)} a batch, {_money(pool.price_per_defect, pool)} for each test that failed"
    unpriced = f"; no price is known of {pool.unpriced:,} batches" if pool.unpriced else ""
    yield f"tests       {pool.passed:,} passed, {pool.failed:,} failed{unpriced}"
    for factory, request in pool.over_budget:
        yield f"over budget {factory} {request}"
    for mark, factory, request in marked:
        yield f"{MARKS[mark]:<11} {factory} {request}"


def _outlook_lines(found: Outlook, pool: Pool, utc_offset: str) -> Iterator[str]:
    """How the budget burns down; nothing without one."""
    if found.share is not None:
        reached = (
            "" if found.reached is None else f"; since {time_of(found.reached.since, utc_offset)}: {rule(found.reached.basis)}"
        )
        yield f"used        {found.share:.1%} of the budget, with what is reserved{reached}"
    if found.pace is not None and not found.over:
        basis, days = found.pace
        ends = "it lasts for the year" if found.ends_at is None else f"it ends on {time_of(found.ends_at, utc_offset)[:10]}"
        if pool.left_minor is not None and pool.left_minor <= 0:
            ends = "nothing is left"
        yield f"pace        {_money(found.lately_minor, pool)} in the last {days} days of the year: {ends} [{basis.rule}" + (
            ", proposal]" if basis.is_proposal else "]"
        )


def _plan_lines(suggested: Iterable[Suggestion], pool: Pool) -> Iterator[str]:
    gone = pool.left_minor is not None and pool.left_minor <= 0
    yield "who should be tested next" + (": nothing is left of the budget, each of them would go beyond it" if gone else "")
    for one in suggested:
        yield f"{one.weight:>6}  {one.factory_id}, {one.left} left: {'; '.join(map(_reason, one.reasons))}"


def _pool_json(pool: Pool) -> dict[str, Any]:
    return {
        **{
            name: getattr(pool, name)
            for name in ("year", "currency", "members", "quota", "reserved", "used", "batches", "unpriced")
        },
        **{
            name: getattr(pool, name)
            for name in ("budget_minor", "spent_minor", "committed_minor", "left_minor", "passed", "failed")
        },
        "price_per_batch_minor": _text(pool.price_per_batch),
        "price_per_defect_minor": _text(pool.price_per_defect),
        "use_of_quota": _text(pool.use_of_quota),
        "burnt": [burn._asdict() for burn in pool.burnt],
        "over_budget": [{"factory_id": factory, "request_id": request} for factory, request in pool.over_budget],
    }


def _outlook_json(found: Outlook) -> dict[str, Any]:
    reached = found.reached
    return {
        "used_share": _text(found.share),
        "reached": None if reached is None else {**basis_json(reached.basis), "share": str(reached.share), "since": reached.since},
        "pace": None if found.pace is None else {**basis_json(found.pace[0]), "days": found.pace[1]},
        "spent_lately_minor": found.lately_minor,
        "ends_at": found.ends_at,
    }


def _suggestion_json(one: Suggestion) -> dict[str, Any]:
    reasons = [{**basis_json(reason.basis), "weight": reason.weight, "evidence": list(reason.evidence)} for reason in one.reasons]
    return {"factory_id": one.factory_id, "weight": one.weight, "left": one.left, "reasons": reasons}


def basis_json(basis: Basis) -> dict[str, Any]:
    return {"rule": basis.rule, "zh": basis.zh, "en": basis.en, "source": basis.source, "confidence": basis.confidence}


def rule(basis: Basis) -> str:
    """A rule in words, with its id, and that it is a proposal where nobody has confirmed it."""
    return f"{basis.en} [{basis.rule}{', proposal' if basis.is_proposal else ''}]"


def _reason(reason: Reason) -> str:
    return f"{rule(reason.basis)} {reason.weight}"


def _name(one: Ref) -> str:
    from weftline.domain.cooperative.history import words_of

    return words_of((one,))


def _money(minor: Decimal | int | None, pool: Pool) -> str:
    return "?" if minor is None else f"{pool.currency or ''} {Decimal(minor) / 100:,.2f}".strip()


def _part(share: Decimal | None) -> str:
    return "?" if share is None else f"{share:.1%}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def time_of(moment: int | None, utc_offset: str) -> str:
    from weftline.domain.days import offset_minutes

    if moment is None:
        return "?"
    return datetime.fromtimestamp(moment / 1000, timezone(timedelta(minutes=offset_minutes(utc_offset)))).strftime(
        "%Y-%m-%d %H:%M%z"
    )
