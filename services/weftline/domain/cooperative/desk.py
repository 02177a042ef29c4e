"""A member's desk: what the rules say of it, thing by thing, as the columns of ``desk_state`` have it; and when that turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from weftline.domain.cooperative import clocks, fund
from weftline.domain.cooperative.clocks import cases_of
from weftline.domain.cooperative.history import History, words_of
from weftline.domain.cooperative.lists import entries_of, spans_of
from weftline.domain.cooperative.member import Judgement, turns
from weftline.domain.cooperative.rules import Editions
from weftline.domain.cooperative.signals import signals_of
from weftline.domain.cooperative.trademark import marks_of
from weftline.domain.cooperative.work import work_of
from weftline.domain.rows.desk import DeskRow
from weftline.domain.vocabulary import FundStep


def desk_turns(history: History, book: Editions, as_of: int) -> tuple[int, ...]:
    """Every moment at which a desk may become another by itself: those of the judgement, those at which a clock is told, and the years of
    the fund, of which there is no end: up to the one after ``as_of``."""
    cases = cases_of(history, book)
    signals = signals_of(history, cases, entries_of(history, book), marks_of(history), as_of)
    found = {*turns(history, book), *clocks.tellings(cases, book)}
    if years := fund_years(history, book, as_of):
        found.update(fund.turns(signals, (*years, years[-1] + 1), book))
    return tuple(sorted(found))


def fund_years(history: History, book: Editions, as_of: int) -> tuple[int, ...]:
    """The years of the fund in which the member was one, up to the one of ``as_of``."""
    rules = book.at(as_of)
    joined = [event.event_time for event in history.events if event.membership is not None]
    return tuple(range(fund.year_of(joined[0], rules), fund.year_of(as_of, rules) + 1)) if joined else ()


def desk_of(judged: Judgement, book: Editions, owner: tuple[str, str]) -> DeskRow:
    """The desk of a member, (cooperative, factory), of its judgement with the years of :func:`fund_years`."""
    cooperative_id, factory_id = owner
    own = cooperative_id == factory_id
    tests = () if own else judged.history.standing
    said: dict[str, list[Any]] = {}
    for prefix, things in _own_things(judged, book) if own else _things(judged, book):
        _put(said, prefix, things)
    lists = {name: said.get(name, []) for name in DeskRow._fields[DeskRow._fields.index("fund_year") :]}
    return DeskRow(
        cooperative_id=cooperative_id,
        factory_id=factory_id,
        is_member=int(judged.is_member),
        events=len(judged.history.events),
        tests_passed=sum(one.passed for one in tests),
        tests_failed=sum(one.failed for one in tests),
        conditions_failing=0 if own else len(judged.eligibility.failing),
        mark_places=judged.rules.trademark.number,
        test_next=0 if own else sum(reason.weight for reason in judged.next),
        **lists,
    )


def _put(said: dict[str, list[Any]], prefix: str, things: Iterable[dict[str, Any]]) -> None:
    for thing in things:
        for name, value in thing.items():
            said.setdefault(f"{prefix}_{name}", []).append(value)


def _own_things(judged: Judgement, book: Editions) -> Sequence[tuple[str, Iterable[dict[str, Any]]]]:
    return ("budget", _budgets(judged.history)), ("threshold", _thresholds(judged, book))


def _things(judged: Judgement, book: Editions) -> Sequence[tuple[str, Iterable[dict[str, Any]]]]:
    return (
        ("fund", _years(judged)),
        ("request", _requests(judged)),
        ("case", _cases(judged)),
        ("entry", _entries(judged)),
        (
            "listed",
            (
                {"entry_id": span.listing_id, "list": span.list.value, "since": span.since, "until": span.until}
                for span in spans_of(judged.history, book)
            ),
        ),
        ("proposal", _proposals(judged)),
        ("gate", _gates(judged)),
        (
            "mark",
            (
                {"id": mark.mark_id, "standing": standing.value, "since": mark.since, "until": mark.until}
                for mark, standing in judged.marks
            ),
        ),
        ("row", _rows(judged)),
        ("point", _points(judged)),
        ("reason", _reasons(judged)),
        ("work", _work(judged)),
    )


def _years(judged: Judgement) -> Iterator[dict[str, Any]]:
    for year in judged.fund:
        if year.quota or year.requests or year.outside:
            yield {
                "year": year.year,
                "quota": year.quota,
                "quota_by": ", ".join(f"{basis.rule} {batches}" for basis, batches in year.quota_by),
                "reserved": year.reserved,
                "used": year.used,
                "left": year.left,
                "free": year.free,
                "outside": len(year.outside),
            }


def _requests(judged: Judgement) -> Iterator[dict[str, Any]]:
    for year in judged.fund:
        for request in year.requests:
            yield {
                "id": request.request_id,
                "year": request.year,
                "step": request.step.value,
                "at": request.at,
                "last_at": request.last_at,
                "batches": request.batches,
                "charges": request.charges,
                "category": request.product_category or "",
                "paid_minor": request.paid_minor,
                "currency": request.currency or "",
                "report": "/".join(request.report) if request.report is not None else "",
                "marks": ", ".join(request.marks),
            }


def _cases(judged: Judgement) -> Iterator[dict[str, Any]]:
    for case in judged.cases:
        yield {
            "id": case.case_id,
            "by_authority": int(case.by_authority),
            "level": case.level.value,
            "stage": case.stage.value,
            "failed_at": case.failed_at,
            "began_at": case.began_at,
            "rectify_by": case.rectify_by,
            "reinspect_by": case.reinspect_by,
            "second_from": case.second_from,
            "second_by": case.second_by,
            "due": case.due,
            "overdue": int(case.overdue(judged.as_of)),
            "rectified_at": case.rectified_at,
            "closed_at": case.closed_at,
            "lenient": case.lenient(judged.as_of).value,
            "against": ", ".join(case.against(judged.as_of)),
            "evidence": words_of((*case.began, *case.answers)),
        }


def _entries(judged: Judgement) -> Iterator[dict[str, Any]]:
    for entry in judged.entries:
        yield {
            "id": entry.listing_id,
            "list": entry.list.value,
            "state": entry.state(judged.as_of).value,
            "ground": entry.ground or "",
            "proposed_at": entry.proposed_at,
            "decided_at": entry.decided_at,
            "decided_by": entry.decided_by or "",
            "until": entry.until,
            "appealed_at": entry.appealed_at,
            "answer_by": entry.answer_by,
            "early_removal_from": entry.early_removal_from,
            "ended_at": entry.ended_at,
            "evidence_ids": ", ".join(entry.evidence),
            "evidence": words_of(entry.events),
        }


def _proposals(judged: Judgement) -> Iterator[dict[str, Any]]:
    for proposal in judged.proposals:
        yield {
            "rule": proposal.basis.rule,
            "list": proposal.list.value,
            "since": proposal.since,
            "zh": proposal.basis.zh,
            "en": proposal.basis.en,
            "evidence": words_of(proposal.evidence),
        }


def _gates(judged: Judgement) -> Iterator[dict[str, Any]]:
    for answer in judged.eligibility.answers:
        gate = answer.gate
        yield {
            "rule": gate.basis.rule,
            "met": int(answer.met),
            "zh": gate.basis.zh,
            "en": gate.basis.en,
            "cure_zh": "" if answer.met else gate.cure_zh,
            "cure_en": "" if answer.met else gate.cure_en,
            "is_proposal": int(gate.basis.is_proposal),
            "evidence": words_of(_looked_at(answer.found)),
        }


def _rows(judged: Judgement) -> Iterator[dict[str, Any]]:
    for row in judged.scorecard:
        yield {
            "rule": row.basis.rule,
            "done": int(row.done),
            "zh": row.basis.zh,
            "en": row.basis.en,
            "evidence": words_of(_looked_at(row.found)),
        }


def _points(judged: Judgement) -> Iterator[dict[str, Any]]:
    for point in judged.credit.points:
        yield {
            "rule": point.basis.rule,
            "zh": point.basis.zh,
            "en": point.basis.en,
            "points": round(point.points * Decimal(100)),
            "at": point.at,
            "is_proposal": int(point.basis.is_proposal),
            "evidence": words_of(point.evidence),
        }


def _reasons(judged: Judgement) -> Iterator[dict[str, Any]]:
    for reason in judged.next:
        yield {
            "rule": reason.basis.rule,
            "zh": reason.basis.zh,
            "en": reason.basis.en,
            "weight": reason.weight,
            "evidence": words_of(reason.evidence),
        }


def _work(judged: Judgement) -> Iterator[dict[str, Any]]:
    for item in work_of(judged):
        yield {
            "task": item.task.value,
            "desk": item.desk.value,
            "about": item.about,
            "since": item.since,
            "due": item.due,
            "evidence": words_of(item.evidence),
        }


def _budgets(history: History) -> Iterator[dict[str, Any]]:
    """Budgets and prices as they were set last."""
    last: dict[tuple[int, str, str], dict[str, Any]] = {}
    for event in history.events:
        body = event.fund
        if body is None or body.amount_minor is None or body.step not in (FundStep.BUDGET_SET, FundStep.PRICE_SET):
            continue
        category = (body.product_category or "") if body.step is FundStep.PRICE_SET else ""
        last[body.year, body.step.value, category] = {
            "year": body.year,
            "what": body.step.value,
            "category": category,
            "amount_minor": body.amount_minor,
            "currency": body.currency or "",
        }
    yield from (said for _, said in sorted(last.items()))


def _thresholds(judged: Judgement, book: Editions) -> Iterator[dict[str, Any]]:
    """What of each year's budget is worth telling when it is used. Whether it is, no fold knows: members use it (view ``fund_burn``)."""
    for year in fund.years(judged.history):
        rules = fund.rules_of(year, judged.as_of, book)
        begins_at, ends_at = fund.year_span(year, rules)
        for threshold in rules.fund.burn.thresholds if rules.fund.burn is not None else ():
            yield {
                "year": year,
                "rule": threshold.basis.rule,
                "zh": threshold.basis.zh,
                "en": threshold.basis.en,
                "is_proposal": int(threshold.basis.is_proposal),
                "share": round(threshold.share * 10_000),
                "pace_days": rules.fund.burn.pace.days if rules.fund.burn is not None else 0,
                "begins_at": begins_at,
                "ends_at": ends_at,
            }


def _looked_at(found: Iterable[Any]) -> tuple[Any, ...]:
    """What some conditions looked at."""
    return tuple(dict.fromkeys(name for one in found for signal in one.signals for name in signal.evidence))
