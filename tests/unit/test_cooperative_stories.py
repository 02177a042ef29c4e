"""Ten members whose histories were judged by hand before there was any code: tests/data/cooperative says what must come out, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.support.cooperative import STORIES, history, last_of, midnight, rulebook, story

from weftline.domain.cooperative.clocks import Lenient
from weftline.domain.cooperative.history import EventRef, Ref
from weftline.domain.cooperative.member import Judgement, judge_member
from weftline.domain.cooperative.work import work_of


def test_there_are_ten() -> None:
    assert len(STORIES) == 10


@pytest.mark.parametrize("name", STORIES)
def test_a_member_is_judged_as_by_hand(name: str) -> None:
    told = story(name)
    book = rulebook().of("haimen")
    for expected in told["expect"]:
        as_of = midnight(expected["as_of"])
        judged = judge_member(history(told).until(as_of), book, as_of, years=expected.get("fund", ()))
        said = {asked: SAYS[asked](judged, value) for asked, value in expected.items() if asked != "as_of"}
        assert said == {asked: value for asked, value in expected.items() if asked != "as_of"}, expected["as_of"]


def _fund(judged: Judgement, years: Mapping[int, Any]) -> Any:
    return {
        found.year: {"quota": found.quota, "reserved": found.reserved, "used": found.used, "left": found.left}
        for found in judged.fund
        if found.year in years
    }


def _points(judged: Judgement, _: Any) -> Any:
    rules = dict.fromkeys(point.basis.rule for point in judged.credit.points)
    assert sum(point.points for point in judged.credit.points) == judged.credit.score
    return {rule: _number(judged.credit.of_rule(rule)) for rule in rules}


def _evidence(judged: Judgement, rules: Mapping[str, Any]) -> Any:
    return {
        rule: [_name(one) for point in judged.credit.points if point.basis.rule == rule for one in point.evidence] for rule in rules
    }


def _clocks(judged: Judgement, cases: Mapping[str, Any]) -> Any:
    return {case.case_id: _clock(case, cases.get(case.case_id, {}), judged.as_of) for case in judged.cases}


def _clock(case: Any, asked: Mapping[str, Any], as_of: int) -> Any:
    said: dict[str, Any] = {"stage": case.stage.value}
    for name in ("rectify_by", "reinspect_by", "second_by"):
        if getattr(case, name) is not None:
            said[name] = asked.get(name) if getattr(case, name) == last_of(asked[name]) else getattr(case, name)
    if case.second_from is not None:
        said["second_from"] = asked.get("second_from") if case.second_from == midnight(asked["second_from"]) else case.second_from
    against = [reason.value for reason in case.against(as_of)]
    said["lenient"] = against if case.lenient(as_of) is Lenient.NO else case.lenient(as_of).value
    if case.overdue(as_of):
        said["overdue"] = True
    return said


def _entries(judged: Judgement, entries: Mapping[str, Any]) -> Any:
    return {entry.listing_id: _entry(entry, entries[entry.listing_id], judged.as_of) for entry in judged.entries}


def _entry(entry: Any, asked: Mapping[str, Any], as_of: int) -> Any:
    said: dict[str, Any] = {"state": entry.state(as_of).value}
    if "until" in asked:
        said["until"] = asked["until"] if entry.until == last_of(asked["until"]) else entry.until
    if "early_removal_from" in asked:
        since = asked["early_removal_from"]
        said["early_removal_from"] = since if entry.early_removal_from == midnight(since) else entry.early_removal_from
    return said


def _name(one: Ref) -> str:
    return one.event_id if isinstance(one, EventRef) else f"{one.laboratory_id}/{one.report_number}"


def _number(value: Decimal) -> Any:
    return int(value) if value == value.to_integral_value() else float(value)


SAYS: Mapping[str, Callable[[Judgement, Any], Any]] = {
    "fund": _fund,
    "requests": lambda judged, _: {
        request.request_id: [mark.value for mark in request.marks] for year in judged.fund for request in year.requests
    },
    "score": lambda judged, _: _number(judged.credit.score),
    "grade": lambda judged, _: judged.credit.grade.code,
    "points": _points,
    "evidence": _evidence,
    "clocks": _clocks,
    "proposals": lambda judged, _: [proposal.basis.rule for proposal in judged.proposals],
    "lists": lambda judged, _: [entry.list.value for entry in judged.listed],
    "entries": _entries,
    "trademark": lambda judged, _: [gate.basis.rule for gate in judged.eligibility.failing],
    "mark": lambda judged, _: {mark.mark_id: standing.value for mark, standing in judged.marks},
    "done": lambda judged, _: [row.basis.rule for row in judged.scorecard if row.done],
    "next": lambda judged, _: {reason.basis.rule: reason.weight for reason in judged.next},
    "work": lambda judged, _: [item.task.value for item in work_of(judged)],
}
