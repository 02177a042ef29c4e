"""A cooperative that is played: what its rules say, in any order and any batches, is what whoever played it knows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.cooperative import rulebook
from tests.support.simulated_cooperative import PlayedCooperative, play, said

from weftline.contracts.standards import load_standards
from weftline.domain.cooperative.clocks import Case, cases_of
from weftline.domain.cooperative.judged import history_of
from weftline.domain.cooperative.members import MATTERS, MEMBERS, MemberRules
from weftline.domain.fold import Drawn, History, Record
from weftline.domain.vocabulary import EnforcementStep, QualityList
from weftline.embedded.simulator.config import Disturbances
from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.cooperative.planning import Plan
from weftline.embedded.simulator.workdays import DAY
from weftline.errors import UserError

END = 1_793_900_000_123
SMALL = CooperativePlay.small(END)
WILD = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.08, conflicts=0.08, corrupt=0.02)
SEEDS = (1, 2)


@cache
def wild(seed: int) -> PlayedCooperative:
    return play(seed, SMALL, WILD)


@cache
def calm(seed: int) -> PlayedCooperative:
    return play(seed, SMALL)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rules_agree_with_what_was_played(seed: int) -> None:
    """Fund years, score and grade, dates of clocks, lists, eligibility and unifications: on the last day, and on days of the past."""
    played, days = wild(seed), Random(seed)
    for at in (END, *(days.randrange(SMALL.first_day, END) for _ in range(2))):
        answers = played.answers(at)
        judged = {factory: said(played.records[factory].judged(played.cooperative, at)) for factory in answers}
        assert judged == answers


@pytest.mark.parametrize("seed", [51, 84])
def test_a_short_play_may_end_before_somebody_who_joined_late_has_signed(seed: int) -> None:
    """With these seeds it was one of them who was to leave, on a day after the last."""
    short = CooperativePlay.small(END, days=302)
    plan = Plan(replace(short, leavers=6, batches=30, failed=2), seed, "t", "lab")
    left = [time for member in plan.members for time, step in member.membership if step == "LEFT"]
    assert len(left) > short.leavers
    assert max(left) <= short.end
    assert any(member.membership[-1][0] > short.end - DAY for member in plan.members), "else this says nothing"


def test_what_is_played_has_everything_in_it() -> None:
    """A truth about nothing would agree with anything."""
    answers = [of for seed in SEEDS for of in wild(seed).cooperative.answers(END)["members"]]
    clocks = [clock for of in answers for clock in of["clocks"]]
    assert {clock["stage"] for clock in clocks} >= {"RECTIFY", "PASSED", "FAILED"}
    assert any(clock["overdue"] for clock in clocks)
    assert any(clock["second_by"] for clock in clocks)
    assert {entry["list"] for of in answers for entry in of["entries"]} >= {QualityList.BLACK}
    assert {of["grade"] for of in answers} >= {"good", "fair", "watch"}
    assert {"PLEDGE_SIGNED", "LEFT", "RESUMED"} <= {of["membership"] for of in answers}
    assert any(year["free"] for of in answers for year in of["fund"])
    assert any(year["left"] for of in answers for year in of["fund"])
    for seed in SEEDS:
        years = wild(seed).cooperative.answers(END)["fund"]
        assert sum(year["batches"] for year in years) == SMALL.batches
        assert (sum(year["passed"] for year in years), sum(year["failed"] for year in years)) == (
            SMALL.batches - SMALL.failed,
            SMALL.failed,
        )
        assert sum(year["spent_minor"] for year in years) == SMALL.budget_minor


def folded(
    history: History[Any], records: list[Record[Any]], inspections: list[Record[Any]], facts: dict[Any, Any]
) -> dict[Any, Any]:
    """Take a batch in with what laboratories have said by then; the rows that a sweep would store now."""
    history.draw(Drawn(rows=history_of((), inspections, load_standards()).inspections))
    if records:
        facts |= {fact[:4]: fact for fact in history.add(records, END).facts}
    return {(row.table, *row.key): row for row in history.rows(END).rows}


@settings(max_examples=40)
@given(data=st.data())
def test_any_order_and_any_batches_give_the_same_tables(data: st.DataObject) -> None:
    """Incremental equals refolded, facts and rows, and the member is as the simulator knows it."""
    played = wild(data.draw(st.sampled_from(SEEDS)))
    factory = data.draw(st.sampled_from(sorted(played.records)))
    records, order = played.records[factory], Random(data.draw(st.integers(0, 1 << 32)))
    came = order.sample([*records.own, *records.inspections], len(records.own) + len(records.inspections))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(came)), max_size=3)))
    owner = f"{SMALL.name}|{factory}"

    history, facts, rows, inspections = _history(owner), {}, {}, []  # type: ignore[var-annotated]
    for begin, end in zip([0, *cuts], [*cuts, len(came)], strict=True):
        inspections += [record for record in came[begin:end] if record in records.inspections]
        rows = folded(history, [record for record in came[begin:end] if record in records.own], inspections, facts)
    at_once: dict[Any, Any] = {}
    assert rows == folded(_history(owner), records.own, records.inspections, at_once)
    assert facts == at_once
    assert {table for table, *_ in rows} >= {MEMBERS, MATTERS}

    (answer,) = (of for of in _answers(played) if of["factory_id"] == factory)
    row = rows[MEMBERS,].values
    assert (row.membership, row.credit_score, row.credit_grade) == (answer["membership"], answer["score"], answer["grade"])
    assert (row.trademark_eligible, row.tests_done) == (not answer["failing"], answer["batches_done"])
    assert (row.reports, row.reports_failed) == (answer["reports"], answer["reports_failed"])
    officers = (answer["chief_quality_officers"], answer["quality_specialists"])
    assert (row.chief_quality_officers, row.quality_specialists) == officers
    assert (row.red_listed, row.black_listed) == ("RED" in answer["listed"], "BLACK" in answer["listed"])


def _history(owner: str) -> History[Any]:
    return History(owner, lambda: MemberRules(rulebook()))


@cache
def _answers_of(seed: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wild(seed).cooperative.answers(END)["members"]
    return found


def _answers(played: PlayedCooperative) -> list[dict[str, Any]]:
    return next(_answers_of(seed) for seed in SEEDS if wild(seed) is played)


def _dates(case: Case | None) -> tuple[int | None, ...]:
    return () if case is None else (case.rectify_by, case.reinspect_by, case.second_from, case.second_by)


_DATED = {EnforcementStep.CHECK_FAILED, EnforcementStep.RECTIFICATION_ORDERED, EnforcementStep.REINSPECTION_FAILED}


@settings(max_examples=60)
@given(seed=st.sampled_from(SEEDS), chance=st.integers(0, 1 << 32), share=st.floats(0, 1))
def test_dates_of_a_clock_do_not_depend_on_what_else_came_or_when(seed: int, chance: int, share: float) -> None:
    """Once the events that state them are there, whatever share of all others came before them: the dates are the last ones."""
    played, random = calm(seed), Random(chance)
    cases = [(member, case) for member in played.cooperative.plan.members for case in member.cases if case.failed <= END]
    member, case = random.choice(cases)
    records = played.records[member.factory_id]
    dated = [r for r in records.own if r.event.enforcement and r.event.enforcement.case_id == case.case_id]
    dated = [record for record in dated if record.event.step in _DATED]
    others = [record for record in records.own if record not in dated]
    some = random.sample([*dated, *random.sample(others, int(share * len(others)))], len(dated) + int(share * len(others)))
    inspections = random.sample(records.inspections, int(share * len(records.inspections)))

    known = played.cooperative.plan.known(member, END).said(played.cooperative.years)
    wanted = next(clock for clock in known["clocks"] if clock["case_id"] == case.case_id)
    history = history_of(some, inspections, load_standards())
    found = next((one for one in cases_of(history, rulebook().of(SMALL.name)) if one.case_id == case.case_id), None)
    assert _dates(found) == tuple(wanted[name] for name in ("rectify_by", "reinspect_by", "second_from", "second_by"))


def test_a_report_that_is_withdrawn_restates_the_days_between() -> None:
    """It judged its member until then; from then on, of that day too, it never did, but for who asks what was known."""
    played = calm(1)
    withdrawn = [(member, test) for member in played.cooperative.plan.members for test in member.tests if test.withdrawn]
    assert withdrawn
    for member, test in withdrawn:
        assert test.withdrawn is not None
        before, after = (played.cooperative.known(member.factory_id, test.withdrawn + step) for step in (-1, 0))
        assert test in before.tests
        assert test not in after.tests


def test_a_cooperative_that_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="at least 300 days"):
        CooperativePlay(start=END - 20 * DAY, end=END)
    with pytest.raises(UserError, match="no fewer members"):
        CooperativePlay(start=END - 400 * DAY, end=END, founders=30, members=20, chiefs=0, certified=0, graded=0)
    few: dict[str, Any] = {"founders": 2, "members": 3, "leavers": 0, "chiefs": 1, "specialists": 1, "certified": 1, "graded": 1}
    with pytest.raises(UserError, match="more than its members may ask for"):
        play(1, CooperativePlay(start=END - 400 * DAY, end=END, **few))
