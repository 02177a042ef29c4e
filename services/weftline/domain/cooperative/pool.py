"""The testing fund of a whole cooperative in a year: its budget burnt down, what a batch and a defect cost, how much of the quota was
used; and who should be tested next, and why.

Amounts are hundredths of the budget's currency. What was paid in another currency, or nobody knows, is counted apart and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from weftline.domain.cooperative.fund import FundYear, Request
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.member import Judgement, Reason
from weftline.domain.vocabulary import FundStep


class Burn(NamedTuple):
    """What was left of the budget after a test was paid (ms, hundredths)."""

    at: int
    left_minor: int


class Payment(NamedTuple):
    """What a free test cost or, where it is not done, would cost (hundredths). ``at``: its last step (ms)."""

    at: int
    factory_id: str
    request_id: str
    price_minor: int
    done: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """See the module. ``budget_minor``: None: nobody set one. ``unpriced``: batches that are done and of which no price is known.

    ``payments``: of all that has a price, in the order of time. ``passed`` and ``failed``: tests.
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
    payments: tuple[Payment, ...] = ()

    @property
    def burnt(self) -> tuple[Burn, ...]:
        """What was left of the budget after each test that is done; empty without a budget."""
        if self.budget_minor is None:
            return ()
        done = [payment for payment in self.payments if payment.done]
        spent = accumulate(payment.price_minor for payment in done)
        return tuple(Burn(payment.at, self.budget_minor - so_far) for payment, so_far in zip(done, spent, strict=True))

    @property
    def running(self) -> Iterator[tuple[Payment, int]]:
        """Each payment, and what is spent and committed with it."""
        return zip(self.payments, accumulate(payment.price_minor for payment in self.payments), strict=True)

    @property
    def over_budget(self) -> tuple[tuple[str, str], ...]:
        """Requests that are paid, or would be, beyond the budget, as (factory, request)."""
        if (budget := self.budget_minor) is None:
            return ()
        return tuple(
            (payment.factory_id, payment.request_id) for payment, so_far in self.running if so_far > budget and payment.price_minor
        )

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
    priced = [(factory, request, _price(request, prices, currency)) for factory, request in requests]
    payments = tuple(
        Payment(request.last_at, factory, request.request_id, price, request.done)
        for factory, request, price in priced
        if price is not None
    )
    tests = [one for factory, judged in members.items() for one in _tests(judged, years.get(factory))]
    return Pool(
        year=year,
        currency=currency,
        budget_minor=budget,
        spent_minor=sum(payment.price_minor for payment in payments if payment.done),
        committed_minor=sum(payment.price_minor for payment in payments if not payment.done),
        batches=sum(request.batches for _, request, _ in priced if request.done),
        unpriced=sum(request.batches for _, request, price in priced if request.done and price is None),
        passed=sum(one.passed for one in tests),
        failed=sum(one.failed for one in tests),
        members=sum(found.quota > 0 for found in years.values()),
        quota=sum(found.quota for found in years.values()),
        reserved=sum(found.reserved for found in years.values()),
        used=sum(found.used for found in years.values()),
        payments=payments,
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
