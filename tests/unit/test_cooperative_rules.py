"""What must hold of every history of a member, whatever the rules say of it; and the sums of the founding documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cooperative import STORIES, ZONE, history, in_canonical_order, midnight, rulebook, story
from tests.support.cooperative_histories import DAYS, as_of, events, failed_check, inspections, passed_test, safety_failure

from weftline.domain.cooperative.clocks import cases_of
from weftline.domain.cooperative.credit import Credit
from weftline.domain.cooperative.events import CooperativeEvent, Fund
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.member import Judgement, judge_member, turns
from weftline.domain.cooperative.pool import plan, pool_of
from weftline.domain.cooperative.trademark import Candidate, ranking
from weftline.domain.cooperative.unifications import together
from weftline.domain.cooperative.what_if import difference
from weftline.domain.cooperative.work import Item, work_of
from weftline.domain.days import DAY
from weftline.domain.laboratory import VerdictKind
from weftline.domain.vocabulary import CooperativeKind, FundStep

BOOK = rulebook().of("haimen")
FOUNDING = story("founding.yaml")
WATCH = BOOK.at(0).credit.grades[-1]


def said(judged: Judgement) -> tuple[object, ...]:
    """All that a judgement says, but when it was asked."""
    as_of = judged.as_of
    return (
        tuple((case, case.overdue(as_of), case.lenient(as_of), case.against(as_of)) for case in judged.cases),
        tuple((entry, entry.state(as_of)) for entry in judged.entries),
        *(judged.proposals, judged.credit, judged.officials, judged.marks, judged.scorecard, judged.fund, judged.next),
        tuple((answer.gate.basis.rule, answer.met, [one.have for one in answer.found]) for answer in judged.eligibility.answers),
        work_of(judged),
    )


@given(events(), inspections(), as_of(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same(
    found: list[CooperativeEvent], tests: list[Inspection], time: int, random: object
) -> None:
    before = judge_member(History.of(in_canonical_order(found), tests), BOOK, time)
    shuffled, other = list(found), list(tests)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(other)  # type: ignore[attr-defined]
    assert said(judge_member(History.of(in_canonical_order(shuffled), other), BOOK, time)) == said(before)


@given(events(), inspections(), st.data())
def test_nothing_changes_by_itself_but_at_the_moments_that_are_foretold(
    found: list[CooperativeEvent], tests: list[Inspection], data: st.DataObject
) -> None:
    """So the fold can take these moments for its deadlines, and a sweep need not look in between."""
    told = History.of(in_canonical_order(found), tests)
    moments = [0, *turns(told, BOOK), DAYS[-1] + 20_000 * DAY]
    since, until = data.draw(st.sampled_from(list(pairwise(moments))))
    assert said(judge_member(told, BOOK, since)) == said(judge_member(told, BOOK, until - 1))


@given(events(), inspections(), as_of())
def test_the_dates_of_a_clock_follow_from_events_alone(found: list[CooperativeEvent], tests: list[Inspection], time: int) -> None:
    told = History.of(in_canonical_order(found), tests)
    assert judge_member(told, BOOK, time).cases == judge_member(told, BOOK, time + 1000 * DAY).cases == cases_of(told, BOOK)


@given(events(), inspections(), as_of())
def test_every_point_has_a_rule_and_evidence_and_they_add_up(
    found: list[CooperativeEvent], tests: list[Inspection], time: int
) -> None:
    judged = judge_member(History.of(in_canonical_order(found), tests), BOOK, time)
    rules, credit = judged.rules.credit, judged.credit
    assert sum(point.points for point in credit.points) == credit.score
    assert rules.least <= credit.score <= rules.most
    known = {(event.source, event.event_id) for event in found} | {tuple(one.report) for one in tests}
    for point in credit.points:
        assert point.basis is rules.start or point.evidence
        assert {tuple(name) for name in point.evidence} <= known
        assert point.basis.source


@given(events(), inspections(), as_of(), st.integers(0, 60))
def test_a_safety_failure_is_never_outweighed(found: list[CooperativeEvent], tests: list[Inspection], time: int, more: int) -> None:
    failure = safety_failure(time - 30 * DAY)
    good = [passed_test(number, time - DAY) for number in range(more)]
    with_it = _credit(found, [*tests, *good, failure], time)
    assert with_it.grade == WATCH
    assert with_it.score <= _credit(found, [*tests, *good], time).score


def _credit(found: Sequence[CooperativeEvent], tests: Sequence[Inspection], time: int) -> Credit:
    return judge_member(History.of(in_canonical_order(found), tests), BOOK, time).credit


@given(as_of(), st.integers(0, 60), st.sampled_from(["check", "safety check", "safety test"]))
def test_one_failed_test_starts_a_clock_and_proposes_nobody_for_the_black_list(time: int, days: int, failure: str) -> None:
    """While it is not overdue: what is ignored for long is another ground than a failed test."""
    failed = time - days * DAY
    history = {
        "check": History.of([failed_check(failed, "pilling")], []),
        "safety check": History.of([failed_check(failed, "formaldehyde")], []),
        "safety test": History.of([], [safety_failure(failed)]),
    }[failure]
    judged = judge_member(history, BOOK, time)
    assert [case.due for case in judged.cases] == [judged.cases[0].rectify_by]
    assert judged.proposals == ()


@given(events(), as_of())
def test_nobody_is_on_a_list_whom_no_person_put_there(found: list[CooperativeEvent], time: int) -> None:
    undecided = [
        replace(event, listing=replace(event.listing, decided_by=None)) if event.listing is not None else event for event in found
    ]
    assert judge_member(History.of(in_canonical_order(undecided), ()), BOOK, time).listed == ()


@given(events(), inspections(), as_of())
def test_a_past_view_knows_nothing_of_what_came_later(found: list[CooperativeEvent], tests: list[Inspection], time: int) -> None:
    told = History.of(in_canonical_order(found), tests)
    early = [event for event in found if event.event_time <= time]
    before = History.of(
        in_canonical_order(early),
        [one for one in tests if one.counted_at <= time and (one.withdrawn_at is None or one.withdrawn_at <= time)]
        + [replace(one, withdrawn_at=None) for one in tests if one.counted_at <= time and (one.withdrawn_at or 0) > time],
    )
    assert said(judge_member(told.until(time), BOOK, time)) == said(judge_member(before, BOOK, time))


@given(events(), inspections(), as_of())
def test_what_if_nothing_were_different_is_nothing(found: list[CooperativeEvent], tests: list[Inspection], time: int) -> None:
    judged = judge_member(History.of(in_canonical_order(found), tests), BOOK, time)
    assert difference(judged, judged).nothing


def test_a_withdrawn_report_restates_what_followed() -> None:
    told = history(story("05-safety-cannot-be-outweighed.yaml"))
    time = midnight(story("05-safety-cannot-be-outweighed.yaml")["expect"][1]["as_of"])
    without = History.of(told.events, [one for one in told.inspections if not one.failed])
    changed = difference(judge_member(told, BOOK, time), judge_member(without, BOOK, time))
    # 60 + 20 + 4 + 4 + 6: the failure, what it capped, and the points for putting it right are gone.
    assert changed.score == (Decimal(49), Decimal(94))
    assert [grade.code for grade in changed.grade] == ["watch", "excellent"]
    assert changed.failing == (frozenset({"mark_pass_share", "mark_safety", "mark_grade"}), frozenset[str]())
    assert changed.proposed == (frozenset[str](), frozenset({"red_best"}))
    assert {point.basis.rule for point in changed.gone} == {"safety_failed", "safety_cap", "rectified"}


def test_every_story_is_told_before_its_deadlines() -> None:
    """Of what is due there is a warning before, and one moment at which it is overdue."""
    told = history(story("06-ignored.yaml"))
    (case,) = cases_of(told, BOOK)
    clocks = BOOK.at(case.began_at).clocks
    assert case.warns_at(clocks) == (*(case.rectify_by + 1 - days * DAY for days in clocks.warn_days), case.rectify_by + 1)
    assert set(case.warns_at(clocks)) <= set(turns(told, BOOK))


# -- The whole cooperative


def _own(step: FundStep, year: int, amount_minor: int) -> CooperativeEvent:
    """A budget or a price of the cooperative."""
    return CooperativeEvent(
        source="test",
        event_id=step.value,
        event_time=DAYS[0],
        event_time_zone_offset=ZONE,
        cooperative_id="haimen",
        center_id="station",
        factory_id="haimen",
        kind=CooperativeKind.FUND,
        fund=Fund(step=step, year=year, currency="CNY", amount_minor=amount_minor),
    )


def test_the_founding_sums() -> None:
    """2.25 million for 3,800 batches of which 97.5 % passed; and what quota 553 members have."""
    time, year = midnight(story("01-seasoned.yaml")["expect"][0]["as_of"]), 2025
    told = history(story("01-seasoned.yaml"))
    done = next(event for event in told.events if event.event_id == "r1-done")
    body = done.fund
    assert body is not None
    one = next(one for one in told.inspections if one.report.report_number == "1")
    tests, requests = [], []
    for number in range(FOUNDING["batches"]):
        key = one.report._replace(report_number=str(number))
        verdict = VerdictKind.PASS if number < FOUNDING["passed"] else VerdictKind.FAIL
        tests.append(replace(one, report=key, verdict=verdict))
        fund = replace(body, request_id=str(number), amount_minor=None, report_number=str(number))
        requests.append(replace(done, event_id=str(number), fund=fund))
    price = FOUNDING["budget_minor"] // FOUNDING["batches"]
    own = History.of([_own(FundStep.BUDGET_SET, year, FOUNDING["budget_minor"]), _own(FundStep.PRICE_SET, year, price)], ())
    members = {"all": judge_member(History.of((*told.events[:1], *requests), tests), BOOK, time, years=[year])}
    pool = pool_of(year, own, members)
    assert (pool.batches, pool.passed, pool.failed) == (FOUNDING["batches"], FOUNDING["passed"], FOUNDING["failed"])
    assert pool.price_per_batch is not None
    assert pool.price_per_defect is not None
    assert int(pool.price_per_batch / 100) == FOUNDING["price_per_batch"]
    assert abs(pool.price_per_defect / 100 - FOUNDING["per_defect"]) < 1
    assert pool.left_minor is not None
    assert 0 <= pool.left_minor < FOUNDING["batches"]
    assert Decimal(pool.passed) / pool.batches == Decimal("0.975")
    assert pool.unpriced == 0
    assert pool.over_budget == ()


def test_the_quota_of_all_members() -> None:
    rules = BOOK.at(0).fund
    assert (rules.least, rules.most) == (FOUNDING["quota_least"], FOUNDING["quota_most"])
    assert FOUNDING["members"] * rules.least == FOUNDING["least_per_year"]
    assert FOUNDING["members"] * rules.most == FOUNDING["most_per_year"]


def _all(year: int) -> tuple[int, dict[str, Judgement]]:
    time = midnight(story(STORIES[0])["expect"][0]["as_of"])
    return time, {name: judge_member(history(story(name)).until(time), BOOK, time, years=[year]) for name in STORIES}


def test_the_pool_of_the_ten() -> None:
    _, members = _all(2026)
    pool = pool_of(2026, History.of([_own(FundStep.BUDGET_SET, 2026, 300_000)], ()), members)
    # Quotas by hand: 3, 5, 3, 3, 3, 3, 3, 3, 3 and 4 of the one that came back.
    assert (pool.members, pool.quota) == (10, 33)
    # Used: 2 of the first, 3 of the third. Reserved: 2 of the second, 3 of the third.
    assert (pool.used, pool.reserved) == (5, 5)
    # 2 × 592 of the first and 1,184 + 592 of the third; the free re-inspection of the fourth has no price.
    assert (pool.spent_minor, pool.batches, pool.unpriced) == (296_000, 6, 1)
    assert [burn.left_minor for burn in pool.burnt] == [240_800, 122_400, 63_200, 4_000]
    # Five batches stand for what was paid: RMB 592 each.
    assert pool.price_per_batch == 59_200
    assert pool.use_of_quota == Decimal(5) / 33


def test_a_price_in_another_currency_than_the_budgets_is_none() -> None:
    """Whichever was set before: what holds is what was said last."""
    _, members = _all(2026)
    foreign = _own(FundStep.PRICE_SET, 2026, 8_000)
    assert foreign.fund is not None
    foreign = replace(foreign, fund=replace(foreign.fund, currency="USD"))
    own = [_own(FundStep.BUDGET_SET, 2026, 300_000), _own(FundStep.PRICE_SET, 2026, 59_200)]
    priced, unpriced = (pool_of(2026, History.of((*own, *more), ()), members).unpriced for more in ((), (foreign,)))
    assert (priced, unpriced) == (0, 1)


def test_a_budget_that_is_overdrawn_names_who_went_beyond_it() -> None:
    _, members = _all(2026)
    pool = pool_of(2026, History.of([_own(FundStep.BUDGET_SET, 2026, 200_000)], ()), members)
    # 592 on 2 February twice over, 592 on 2 March: 2,368 of 2,000 are spent with the last.
    assert pool.over_budget == (("03-over-quota.yaml", "r2"), ("01-seasoned.yaml", "r4"))
    assert pool.left_minor == -96_000


def test_who_should_be_tested_next_and_why() -> None:
    _, members = _all(2026)
    suggested = plan(2026, members)
    # The new member without means first (75); of those with 40 or 25 whoever has more left. The third has nothing left.
    assert suggested[0].factory_id == "02-new-without-means.yaml"
    assert [reason.basis.rule for reason in suggested[0].reasons] == ["next_new", "next_untested", "next_limited_means"]
    assert "03-over-quota.yaml" not in {one.factory_id for one in suggested}
    assert [one.weight for one in suggested] == sorted((one.weight for one in suggested), reverse=True)


def test_the_best_among_the_best_says_why() -> None:
    rules = replace(BOOK.at(0).trademark, number=2)
    candidates = [
        Candidate("a", 0, Decimal(80), 9, 1),
        Candidate("b", 1, Decimal(95), 9, 0),
        Candidate("c", 0, Decimal(80), 9, 0),
        Candidate("d", 0, Decimal(75), 30, 0),
        Candidate("e", 0, Decimal(75), 30, 0),
    ]
    places = ranking(candidates, rules)
    assert [(place.candidate.factory_id, place.behind, place.within) for place in places] == [
        ("c", "", True),
        ("a", "share", True),
        ("d", "score", False),
        ("e", "factory_id", False),
        ("b", "failing", False),
    ]
    assert ranking(reversed(candidates), rules) == places


def test_the_six_unifications_of_the_ten() -> None:
    _, members = _all(2026)
    shares = {share.basis.rule: (share.done, share.members) for share in together(judged.scorecard for judged in members.values())}
    # Tested within the year: the first, third, fourth, fifth and ninth. Overdue: the sixth, and the case of the fifth is closed.
    assert shares == {
        "standards": (1, 10),
        "testing": (5, 10),
        "officers": (3, 10),
        "credit": (2, 10),
        "brand": (2, 10),
        "enforcement": (9, 10),
    }


@pytest.mark.parametrize("name", STORIES)
def test_work_names_what_it_rests_on(name: str) -> None:
    told = story(name)
    for expected in told["expect"]:
        time = midnight(expected["as_of"])
        items: tuple[Item, ...] = work_of(judge_member(history(told).until(time), BOOK, time))
        assert all(item.evidence and item.since <= time for item in items)
