"""The testing fund of a member: what it may ask for in a year, what is reserved, used and left.

A request reserves its batches, a refusal or a cancellation gives them back, a test that is done uses them. The re-inspection of a member
who rectified after its first failed check of a level charges nothing. What goes beyond the quota is seen by whoever decides: refused with
the reason, or approved by exception, which the event says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from weftline.domain.cooperative import conditions
from weftline.domain.cooperative.clocks import Case
from weftline.domain.cooperative.conditions import Facts, Signal, all_met
from weftline.domain.cooperative.events import CooperativeEvent, Fund
from weftline.domain.cooperative.history import EventRef, History, Inspection, ref
from weftline.domain.cooperative.rules import Basis, CooperativeRules, Editions, SignalName
from weftline.domain.days import offset_minutes
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import FundStep, Payer

_MEMBER: Final = frozenset({SignalName.MEMBER})
_OWN: Final = frozenset({FundStep.BUDGET_SET, FundStep.PRICE_SET, FundStep.UNKNOWN})
_GIVEN_BACK: Final = frozenset({FundStep.REFUSED, FundStep.CANCELLED})


class RequestMark(StrEnum):
    """What is to be seen about a request."""

    FREE_REINSPECTION = "FREE_REINSPECTION"  # it charges no quota
    OVER_QUOTA = (
        "OVER_QUOTA"  # it goes beyond the quota, and nobody said that it is an exception: to be refused, if it still can be
    )
    BY_EXCEPTION = "BY_EXCEPTION"  # it goes beyond the quota, and somebody decided that it may
    UNPROVEN = "UNPROVEN"  # done, and no verified report of it that the fund paid is known
    NO_MEMBER = "NO_MEMBER"  # the factory was no member when it asked, or was suspended


@dataclass(frozen=True, slots=True)
class Request:
    """A free test as its events left it. ``at``: when it was first heard of, ``last_at``: its last step (ms). ``paid_minor``: hundredths of
    ``currency``; None: nobody said."""

    request_id: str
    year: int
    step: FundStep
    at: int
    last_at: int
    batches: int
    product_category: str | None = None
    case_id: str | None = None
    by_exception: bool = False
    report: ReportKey | None = None
    paid_minor: int | None = None
    currency: str | None = None
    reason: str | None = None
    events: tuple[EventRef, ...] = ()
    marks: tuple[RequestMark, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it reserves batches."""
        return self.step in (FundStep.REQUESTED, FundStep.APPROVED)

    @property
    def done(self) -> bool:
        """Whether the test was made."""
        return self.step is FundStep.DONE

    @property
    def charges(self) -> int:
        """Batches that it takes from the quota."""
        free = RequestMark.FREE_REINSPECTION in self.marks
        return self.batches if (self.open or self.done) and not free else 0


@dataclass(frozen=True, slots=True)
class FundYear:
    """A member's year. ``quota_by``: the rules that make the quota, with their batches. ``outside``: reports that the fund paid and of
    which no request says that it is done. ``may_ask``: whether it is a member now, or was when the year ended; who left, or is suspended,
    has nothing left that it could ask for."""

    year: int
    quota: int
    quota_by: tuple[tuple[Basis, int], ...]
    requests: tuple[Request, ...] = ()
    outside: tuple[ReportKey, ...] = ()
    may_ask: bool = True

    @property
    def reserved(self) -> int:
        """Batches that are asked for or approved."""
        return sum(request.charges for request in self.requests if request.open)

    @property
    def used(self) -> int:
        """Batches that were tested."""
        return sum(request.charges for request in self.requests if request.done)

    @property
    def free(self) -> int:
        """Batches of re-inspections that charge nothing."""
        return sum(request.batches for request in self.requests if RequestMark.FREE_REINSPECTION in request.marks)

    @property
    def left(self) -> int:
        """Batches that may still be asked for."""
        return max(0, self.quota - self.reserved - self.used) if self.may_ask else 0


def fund_year(year: int, history: History, cases: Iterable[Case], facts: Facts, book: Editions) -> FundYear:
    """What the fund says of a member in a year."""
    rules = rules_of(year, facts.as_of, book)
    quota_by = tuple(_quota(year, facts, rules))
    quota = min(sum(batches for _, batches in quota_by), rules.fund.most)
    by_id = {case.case_id: case for case in cases}
    reports = {one.report: one for one in history.standing if one.payer is Payer.TESTING_FUND}
    requests, charged = [], 0
    for request in requests_of(history):
        if request.year == year:
            marked = replace(request, marks=tuple(_marks(request, quota - charged, by_id, reports, facts)))
            charged += marked.charges
            requests.append(marked)
    claimed = {request.report for request in requests_of(history)}
    outside = (key for key, one in reports.items() if key not in claimed and year_of(one.tested_at, rules) == year)
    last = _year_begins(year + 1, rules) - 1
    may_ask = bool((_then(facts, last) if last < facts.as_of else facts).holding(_MEMBER))
    return FundYear(year, quota, quota_by, tuple(requests), tuple(outside), may_ask)


def rules_of(year: int, as_of: int, book: Editions) -> CooperativeRules:
    """The edition by which a year of the fund is judged: the one in force, of a year that is over the one that was at its end."""
    return book.at(min(as_of, year_span(year, book.at(as_of))[1] - 1))


def year_span(year: int, rules: CooperativeRules) -> tuple[int, int]:
    """The first moment (ms) of a calendar year there, and the first after it."""
    return _year_begins(year, rules), _year_begins(year + 1, rules)


def years(history: History) -> tuple[int, ...]:
    """The years of the fund that a member's events name."""
    return tuple(sorted({event.fund.year for event in history.events if event.fund is not None}))


def turns(signals: Iterable[Signal], asked: Iterable[int], book: Editions) -> Iterator[int]:
    """Moments at which the quota of one of these years may change by itself."""
    signals = tuple(signals)
    for year in asked:
        rules = book.at(_year_begins(year, book.at(0)))
        yield from (_year_begins(year, rules), _year_begins(year + 1, rules))
        for more in rules.fund.more:
            yield from conditions.turns(more.when, signals)


def requests_of(history: History) -> tuple[Request, ...]:
    """A member's free tests, in the order in which they were first heard of."""
    requests: dict[str, Request] = {}
    for event in history.events:
        if (body := event.fund) is not None and body.step not in _OWN and body.request_id is not None:
            requests[body.request_id] = _after(requests.get(body.request_id), body.request_id, event, body)
    return tuple(requests.values())


def _after(before: Request | None, request_id: str, event: CooperativeEvent, body: Fund) -> Request:
    if before is None:
        before = Request(request_id, body.year, body.step, event.event_time, event.event_time, body.batches)
    elif before.done:  # what was tested was tested: nothing gives it back
        return replace(before, events=(*before.events, ref(event)))
    report = before.report
    if body.laboratory_id is not None and body.report_number is not None:
        report = ReportKey(body.laboratory_id, body.report_number)
    return replace(
        before,
        year=body.year,
        step=body.step,
        last_at=event.event_time,
        batches=body.batches,
        product_category=body.product_category or before.product_category,
        case_id=body.case_id or before.case_id,
        by_exception=before.by_exception or body.by_exception,
        report=report,
        paid_minor=before.paid_minor if body.amount_minor is None else body.amount_minor,
        currency=body.currency or before.currency,
        reason=body.reason or before.reason,
        events=(*before.events, ref(event)),
    )


def _quota(year: int, facts: Facts, rules: CooperativeRules) -> Iterator[tuple[Basis, int]]:
    """What makes the quota. A rule gives its batches if it held when the member's year began, or holds now: a year's quota never sinks
    because time passes."""
    begins, ends = _year_begins(year, rules), _year_begins(year + 1, rules)
    within = [
        signal
        for signal in facts.signals
        if signal.name is SignalName.MEMBER and signal.at < ends and (signal.until is None or signal.until > begins)
    ]
    if not within:
        return
    yield rules.fund.quota, rules.fund.least
    first = max(begins, min(signal.at for signal in within))
    last = max(first, min(facts.as_of, ends - 1))
    for more in rules.fund.more:
        if any(all_met(more.when, _then(facts, moment)) for moment in (first, last)):
            yield more.basis, more.weight


def _then(facts: Facts, moment: int) -> Facts:
    """What held at a moment of the past."""
    return replace(facts, signals=tuple(signal for signal in facts.signals if signal.at <= moment), as_of=moment)


def _marks(
    request: Request, left: int, cases: Mapping[str, Case], reports: Mapping[ReportKey, Inspection], facts: Facts
) -> Iterator[RequestMark]:
    if request.step in _GIVEN_BACK:
        return
    case = cases.get(request.case_id) if request.case_id is not None else None
    if case is not None and case.by_authority and case.first and case.rectified_at is not None:
        yield RequestMark.FREE_REINSPECTION
    elif request.batches > left:
        yield RequestMark.BY_EXCEPTION if request.by_exception else RequestMark.OVER_QUOTA
    if not _then(facts, request.at).holding(_MEMBER):
        yield RequestMark.NO_MEMBER
    if request.done and request.report not in reports:
        yield RequestMark.UNPROVEN


def _year_begins(year: int, rules: CooperativeRules) -> int:
    """The first moment (ms) of a calendar year there."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 - offset_minutes(rules.utc_offset) * 60_000


def year_of(time: int, rules: CooperativeRules) -> int:
    """The calendar year there, of a moment (ms)."""
    return datetime.fromtimestamp(time / 1000 + offset_minutes(rules.utc_offset) * 60, UTC).year
