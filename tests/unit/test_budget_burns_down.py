"""How a cooperative's budget burns down, by hand: thresholds, since when, the pace of the last days, and what an officer sees of it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from tests.support.cooperative import event, last_of, midnight, rulebook

from weftline.domain.cooperative.burn import Outlook, outlook, work_of_pool
from weftline.domain.cooperative.desk import desk_of, desk_turns
from weftline.domain.cooperative.history import History
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.pool import Payment, Pool
from weftline.domain.cooperative.rules import BurnRules, Editions
from weftline.domain.cooperative.work import Desk, Task
from weftline.domain.days import DAY

BOOK = rulebook().of("haimen")


def day(month: int, number: int, year: int = 2026) -> int:
    return midnight(datetime.date(year, month, number))


def paid(at: int, price_minor: int, done: bool = True) -> Payment:
    return Payment(at, "f-1", f"r-{at}", price_minor, done)


def pool(budget_minor: int | None, *payments: Payment) -> Pool:
    spent, committed = (sum(one.price_minor for one in payments if one.done is done) for done in (True, False))
    money = {"currency": "CNY", "budget_minor": budget_minor, "spent_minor": spent, "committed_minor": committed}
    rest = dict.fromkeys(("batches", "unpriced", "passed", "failed", "members", "quota", "reserved", "used"), 0)
    return Pool(year=2026, **money, **rest, payments=tuple(sorted(payments)))


def rule_of(found: Outlook) -> tuple[str, int] | None:
    return None if found.reached is None else (found.reached.basis.rule, found.reached.since)


def test_a_threshold_is_reached_by_what_is_used_and_reserved() -> None:
    steps = (
        paid(day(2, 1), 50_000),
        paid(day(3, 1), 29_999),
        paid(day(4, 1), 1, done=False),
        paid(day(5, 1), 19_999),
        paid(day(6, 1), 1),
    )
    found = [rule_of(outlook(pool(100_000, *steps[:count]), BOOK, day(6, 2))) for count in range(6)]
    nearly = ("budget_nearly_used", day(4, 1))
    assert found == [None, None, None, nearly, nearly, ("budget_used", day(6, 1))]
    basis = BOOK.at(0).fund.burn
    assert basis is not None
    assert [(one.share, one.basis.is_proposal) for one in basis.thresholds] == [(Decimal("0.8"), True), (1, True)]


def test_beyond_the_budget_and_of_a_budget_of_nothing() -> None:
    beyond = outlook(pool(100_000, paid(day(2, 1), 150_000)), BOOK, day(3, 1))
    assert (beyond.share, rule_of(beyond), beyond.ends_at) == (Decimal("1.5"), ("budget_used", day(2, 1)), None)
    assert outlook(pool(0), BOOK, day(3, 1)).reached is None, "nothing was to be used, and nothing is"
    assert rule_of(outlook(pool(0, paid(day(2, 1), 1)), BOOK, day(3, 1))) == ("budget_used", day(2, 1))
    assert outlook(pool(None, paid(day(2, 1), 1)), BOOK, day(3, 1)) == Outlook(None)


def test_the_pace_is_that_of_the_last_days_and_within_the_year() -> None:
    """By 30 August 900 of 1,500 are used, of them 300 in the last 90 days, 100 are reserved: 500 last 150 days, beyond the year."""
    payments = paid(day(2, 1), 60_000), paid(day(7, 1), 30_000), paid(day(7, 2), 10_000, done=False)
    found = outlook(pool(150_000, *payments), BOOK, day(8, 30))
    assert (found.lately_minor, found.ends_at) == (30_000, None)
    # With 800 at the start 300 remain to be used: 90 days more, the 28th of November.
    assert outlook(pool(130_000, *payments), BOOK, day(8, 30)).ends_at == day(8, 30) + 90 * DAY == day(11, 28)
    # What was paid before the window is no pace, nor is what is reserved.
    assert outlook(pool(130_000, payments[0], payments[2]), BOOK, day(8, 30)).ends_at is None
    # In January the year's own days count, and no hour is a pace.
    early = pool(100_000, paid(day(1, 2), 10_000))
    assert outlook(early, BOOK, day(1, 11)).ends_at == day(1, 11) + 9 * 10 * DAY
    assert outlook(pool(100_000, paid(day(1, 1) + 1, 10_000)), BOOK, day(1, 1) + 2).ends_at == day(1, 1) + 2 + 9 * DAY


def test_nobody_has_to_decide_about_a_year_that_is_over() -> None:
    used = pool(100_000, paid(day(6, 1), 90_000))
    last = last_of(datetime.date(2026, 12, 31))
    before, after = outlook(used, BOOK, last), outlook(used, BOOK, last + 1)
    item = work_of_pool(2026, before)
    assert item is not None
    assert (item.task, item.desk, item.about, item.since) == (Task.BUDGET, Desk.OFFICER, "2026 budget_nearly_used", day(6, 1))
    assert (after.over, after.reached, after.ends_at) == (True, before.reached, None)
    assert work_of_pool(2026, after) is None
    assert work_of_pool(2026, outlook(pool(100_000), BOOK, last)) is None


@pytest.mark.parametrize("turned", list(permutations(range(3))))
def test_any_order(turned: tuple[int, ...]) -> None:
    payments = paid(day(2, 1), 70_000), paid(day(3, 1), 15_000, done=False), paid(day(4, 1), 5_000)
    assert outlook(pool(100_000, *(payments[place] for place in turned)), BOOK, day(5, 1)) == outlook(
        pool(100_000, *payments), BOOK, day(5, 1)
    )


def test_each_cooperative_and_each_edition_has_its_own_thresholds() -> None:
    """A year that is over is judged by what was in force at its end; without such rules nothing is reached, and there is no pace."""
    first = BOOK.at(0)
    burn = first.fund.burn
    assert burn is not None
    strict = BurnRules((replace(burn.thresholds[0], share=Decimal("0.5")),), burn.pace)
    later = replace(first, valid_from=day(1, 1, 2027), fund=replace(first.fund, burn=strict))
    half = pool(100_000, paid(day(6, 1), 60_000))
    both = Editions((first, later))
    assert outlook(half, both, day(3, 1, 2027)).reached is None
    assert rule_of(outlook(replace(half, year=2027), both, day(3, 1, 2027))) == ("budget_nearly_used", day(6, 1))
    none = Editions((replace(first, fund=replace(first.fund, burn=None)),))
    assert outlook(half, none, day(7, 1)) == Outlook(Decimal("0.6"))


@pytest.mark.parametrize("late", [False, True])
def test_the_cooperatives_own_desk_says_which_thresholds_hold(late: bool) -> None:
    """Those of the edition in force; of a year that is over, of the one at its end. And an edition that begins is a turn of the desk."""
    first = BOOK.at(0)
    burn = first.fund.burn
    assert burn is not None
    strict = BurnRules((replace(burn.thresholds[0], share=Decimal("0.5")),), burn.pace)
    begins = day(1, 1, 2027) if late else day(7, 1)
    both = Editions((first, replace(first, valid_from=begins, fund=replace(first.fund, burn=strict))))
    own = event({"id": "budget", "at": datetime.date(2026, 1, 5), "fund": {"step": "BUDGET_SET", "year": 2026, "amount_minor": 1}})
    told = History.of([replace(own, factory_id="haimen")], ())

    def shares(as_of: int) -> list[int]:
        desk = desk_of(judge_member(told, both, as_of), both, ("haimen", "haimen"))
        assert set(desk.threshold_year) == {2026}
        assert (desk.threshold_begins_at[0], desk.threshold_ends_at[0]) == (day(1, 1), day(1, 1, 2027))
        return list(desk.threshold_share)

    assert shares(begins - 1) == [8_000, 10_000]
    assert shares(begins) == shares(day(3, 1, 2027)) == ([8_000, 10_000] if late else [5_000])
    assert begins in desk_turns(told, both, day(3, 1, 2027))
