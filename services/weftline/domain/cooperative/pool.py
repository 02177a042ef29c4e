"""The testing fund of a whole cooperative in a year: its budget burnt down, what a batch and a defect cost, how much of the quota was
used; and who should be tested next, and why.

Amounts are hundredths of the budget's currency. What was paid in another currency, or nobody knows, is counted apart and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from weftline.domain.cooperative.fund import FundYear, Request
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.member import Judgement, Reason
from weftline.domain.vocabulary import FundStep


class Burn(NamedTuple):
    """What was left of the budget after a test was paid (ms, hundredths)."""

    at: int
    left_minor: int


@dataclass(frozen=True, slots=True)
class Pool:
    """See the module. ``budget_minor``: None: nobody set one. ``unpriced``: batches that are done and of which no price is known.

    ``over_budget``: requests that are paid, or would be, beyond the budget, as (factory, request). ``passed`` and ``failed``: tests.
    """

    year: int
    currency: str | None
    budget_minor: int | None
    spent_minor: int
    committed_minor: int
    batches: int
    unpriced: int
    passed: int
    failed: int
    members: int
    quota: int
    reserved: int
    used: int
    burnt: tuple[Burn, ...] = ()
    over_budget: tuple[tuple[str, str], ...] = ()

    @property
    def left_minor(self) -> int | None:
        """What of the budget is neither spent nor committed; below zero if it is overdrawn."""
        return None if self.budget_minor is None else self.budget_minor - self.spent_minor - self.committed_minor

    @property
    def price_per_batch(self) -> Decimal | None:
        """Hundredths spent on each batch whose price is known; None without any."""
        return _per(self.spent_minor, self.batches - self.unpriced)

    @property
    def price_per_defect(self) -> Decimal | None:
        """Hundredths spent for each test that found something; None if none did."""
        return _per(self.spent_minor, self.failed)

    @property
    def use_of_quota(self) -> Decimal | None:
        """What part of the quota of all members was used, from 0 to 1 and beyond; None where nobody has any."""
        return _per(self.used, self.quota)


def pool_of(year: int, own: History, members: Mapping[str, Judgement]) -> Pool:
    """The fund of a cooperative in a year. ``own``: the cooperative's own events; ``members``: each judged with that year."""
    budget, currency = _budget(year, own)
    prices = _prices(year, own, currency)
    years = {factory: found for factory, judged in members.items() if (found := _of(year, judged)) is not None}
    requests = sorted(
        ((factory, request) for factory, found in years.items() for request in found.requests if request.open or request.done),
        key=lambda pair: (pair[1].last_at, pair[0], pair[1].request_id),
    )
    spent = committed = batches = unpriced = 0
    burnt, over = [], []
    for factory, request in requests:
        price = _price(request, prices, currency)
        if request.done:
            batches += request.batches
            unpriced += 0 if price is not None else request.batches
            spent += price or 0
            if budget is not None and price is not None:
                burnt.append(Burn(request.last_at, budget - spent))
        else:
            committed += price or 0
        if budget is not None and spent + committed > budget and price:
            over.append((factory, request.request_id))
    tests = [one for factory, judged in members.items() for one in _tests(judged, years.get(factory))]
    return Pool(
        year=year,
        currency=currency,
        budget_minor=budget,
        spent_minor=spent,
        committed_minor=committed,
        batches=batches,
        unpriced=unpriced,
        passed=sum(one.passed for one in tests),
        failed=sum(one.failed for one in tests),
        members=sum(found.quota > 0 for found in years.values()),
        quota=sum(found.quota for found in years.values()),
        reserved=sum(found.reserved for found in years.values()),
        used=sum(found.used for found in years.values()),
        burnt=tuple(burnt),
        over_budget=tuple(over),
    )


class Suggestion(NamedTuple):
    """A member who should be tested soon: how much speaks for it, why, and how many batches it has left this year."""

    factory_id: str
    weight: int
    reasons: tuple[Reason, ...]
    left: int


def plan(year: int, members: Mapping[str, Judgement]) -> tuple[Suggestion, ...]:
    """Who should be tested next, for whom most speaks first; not those who have nothing left, or for whom nothing speaks."""
    found = [
        Suggestion(factory, sum(reason.weight for reason in judged.next), judged.next, of_year.left)
        for factory, judged in members.items()
        if judged.next and (of_year := _of(year, judged)) is not None and of_year.left > 0
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, -one.left, one.factory_id)))


def _of(year: int, judged: Judgement) -> FundYear | None:
    return next((found for found in judged.fund if found.year == year), None)


def _tests(judged: Judgement, found: FundYear | None) -> Iterable[Inspection]:
    """The member's inspections that the fund paid in that year."""
    if found is None:
        return ()
    paid = {*found.outside, *(request.report for request in found.requests if request.done)}
    return (one for one in judged.history.standing if one.report in paid)


def _budget(year: int, own: History) -> tuple[int | None, str | None]:
    """The budget of the year as it was set last."""
    said = [
        body for event in own.events if (body := event.fund) is not None and body.step is FundStep.BUDGET_SET and body.year == year
    ]
    return (said[-1].amount_minor, said[-1].currency) if said else (None, None)


def _prices(year: int, own: History, currency: str | None) -> dict[str | None, int]:
    """The price list of the year as it was set last, by product category; under None the price of what is not named. A price in another
    currency than the budget's is none, also where there was one in the budget's before it."""
    last = {
        body.product_category: body
        for event in own.events
        if (body := event.fund) is not None and body.step is FundStep.PRICE_SET and body.year == year
    }
    return {
        category: body.amount_minor
        for category, body in last.items()
        if body.currency == currency and body.amount_minor is not None
    }


def _price(request: Request, prices: Mapping[str | None, int], currency: str | None) -> int | None:
    """What was paid; where nobody said, what the price list says."""
    if request.paid_minor is not None:
        return request.paid_minor if request.currency in (None, currency) else None
    price = prices.get(request.product_category, prices.get(None))
    return None if price is None else price * request.batches


def _per(amount: int, number: int) -> Decimal | None:
    return Decimal(amount) / number if number > 0 else None
