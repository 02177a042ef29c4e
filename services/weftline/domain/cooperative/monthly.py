"""What a cooperative reports of a month to its association, from the judgements of its members at the month's end.

Everything is counted as it stood in the last moment of the month: a report that was verified later is not in it, one that was withdrawn
later is. So the same records give the same month, whenever it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from weftline.domain.cooperative.burn import Outlook, outlook
from weftline.domain.cooperative.clocks import Case
from weftline.domain.cooperative.conditions import Signal
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.lists import Entry, EntryState
from weftline.domain.cooperative.member import Judgement
from weftline.domain.cooperative.pool import Pool, pool_of
from weftline.domain.cooperative.rules import Basis, Editions, SignalName
from weftline.domain.days import offset_minutes
from weftline.domain.vocabulary import SizeClass

#: So many months stand in the series of a report, its own the last.
MONTHS = 12


class Month(NamedTuple):
    """A calendar month."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def next(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def back(self, months: int) -> Month:
        """So many months before."""
        count = self.year * 12 + self.number - 1 - months
        return Month(count // 12, count % 12 + 1)

    def begin(self, utc_offset: str) -> int:
        """Its first moment there (ms)."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()) * 1000 - offset_minutes(utc_offset) * 60_000

    def end(self, utc_offset: str) -> int:
        """Its last moment there (ms)."""
        return self.next.begin(utc_offset) - 1


def month_of(time: int, utc_offset: str) -> Month:
    """The month of a moment (ms) there."""
    local = datetime.fromtimestamp(time // 1000 + offset_minutes(utc_offset) * 60, UTC)
    return Month(local.year, local.month)


class Rate(NamedTuple):
    """Tests: how many passed of how many that were judged. What only a part was tested of, and passed, is neither."""

    passed: int
    judged: int

    @property
    def share(self) -> float | None:
        return self.passed / self.judged if self.judged else None


class Step(NamedTuple):
    """One month of a series: what there was at its end, what happened within it."""

    month: Month
    members: int
    joined: int
    left: int
    chief_officers: int
    specialists: int
    batches: int
    tests: Rate


class CategoryRate(NamedTuple):
    """Tests of a product: in the month, and in the twelve months."""

    category: str
    month: Rate
    year: Rate


class Failing(NamedTuple):
    """An indicator: in how many reports it failed, in the month and in the twelve months."""

    indicator: str
    month: int
    year: int


@dataclass(frozen=True, slots=True)
class Line:
    """A member at the month's end. ``judged``: by the rules; ``year``: tests of the twelve months."""

    factory_id: str
    judged: Judgement
    size: str
    sells_online: bool | None
    since: int | None
    chief_officers: int
    specialists: int
    trained: int
    quota: int
    reserved: int
    used: int
    left: int
    year: Rate

    @property
    def is_member(self) -> bool:
        return self.since is not None


@dataclass(frozen=True, slots=True)
class Report:
    """See the module. ``lines``, ``lists`` and ``cases`` are in the order of the members' ids."""

    cooperative_id: str
    month: Month
    as_of: int
    utc_offset: str
    lines: tuple[Line, ...]
    pool: Pool
    outlook: Outlook
    steps: tuple[Step, ...]
    categories: tuple[CategoryRate, ...]
    failing: tuple[Failing, ...]
    lists: tuple[tuple[str, Entry], ...]
    cases: tuple[tuple[str, Case], ...]
    proposals: tuple[Basis, ...]

    @property
    def members(self) -> int:
        return sum(line.is_member for line in self.lines)


def report_of(
    cooperative_id: str, month: Month, own: History, members: Mapping[str, Judgement], utc_offset: str, book: Editions
) -> Report:
    """The report. ``members``: each judged as of the month's end, with the month's year of the fund; ``own``: the cooperative's events."""
    begin, end = month.begin(utc_offset), month.end(utc_offset)
    year_begin = month.back(MONTHS - 1).begin(utc_offset)
    known = {factory: judged for factory, judged in sorted(members.items()) if judged.history.events}
    tests = [one for judged in known.values() for one in judged.history.standing if year_begin <= one.tested_at <= end]
    of_month = [one for one in tests if begin <= one.tested_at]
    pool = pool_of(month.year, own, known)
    burning = outlook(pool, book, end)
    return Report(
        cooperative_id=cooperative_id,
        month=month,
        as_of=end,
        utc_offset=utc_offset,
        lines=tuple(_line(factory, judged, month.year, year_begin) for factory, judged in known.items()),
        pool=pool,
        outlook=burning,
        steps=tuple(_step(month.back(back), known.values(), tests, utc_offset) for back in reversed(range(MONTHS))),
        categories=tuple(
            CategoryRate(name, *(rate(one for one in these if one.product_category == name) for these in (of_month, tests)))
            for name in sorted({one.product_category for one in tests})
        ),
        failing=tuple(_failing(of_month, tests)),
        lists=tuple(
            (factory, entry) for factory, judged in known.items() for entry in judged.entries if _of_the_month(entry, begin, end)
        ),
        cases=tuple((factory, case) for factory, judged in known.items() for case in judged.cases if _in_month(case, begin)),
        proposals=tuple(_proposals(known.values(), burning)),
    )


def rate(tests: Iterable[Inspection]) -> Rate:
    """How many passed, of those that say pass or fail of all that is required."""
    found = Counter("passed" if one.passed else "failed" if one.failed else "" for one in tests)
    return Rate(found["passed"], found["passed"] + found["failed"])


def _line(factory: str, judged: Judgement, year: int, year_begin: int) -> Line:
    fund = next((found for found in judged.fund if found.year == year), None)
    holding = judged.facts.holding
    member = holding(frozenset({SignalName.MEMBER}))
    return Line(
        factory_id=factory,
        judged=judged,
        size=next((size.value for size in _told(judged.history, "size_class") if size is not SizeClass.UNKNOWN), ""),
        sells_online=next((online for online in _told(judged.history, "sells_online") if online is not None), None),
        since=member[0].at if member else None,
        chief_officers=len(holding(frozenset({SignalName.CHIEF_OFFICER}))),
        specialists=len(holding(frozenset({SignalName.SPECIALIST}))),
        trained=len(holding(frozenset({SignalName.TRAINED}))),
        quota=fund.quota if fund else 0,
        reserved=fund.reserved if fund else 0,
        used=fund.used if fund else 0,
        left=fund.left if fund else 0,
        year=rate(one for one in judged.history.standing if year_begin <= one.tested_at),
    )


def _told(history: History, field: str) -> Iterator[Any]:
    """What its membership said in a field, the last first."""
    return (getattr(event.membership, field) for event in reversed(history.events) if event.membership is not None)


def _step(month: Month, members: Iterable[Judgement], tests: Iterable[Inspection], utc_offset: str) -> Step:
    begin, end = month.begin(utc_offset), month.end(utc_offset)
    members = tuple(members)
    signals = [signal for judged in members for signal in judged.facts.signals]
    holding = [
        {signal.name: sum(other.name is signal.name for other in standing) for signal in standing}
        for judged in members
        if (standing := [signal for signal in judged.facts.signals if signal.at <= end and signal.holds(end)])
    ]

    def at_end(name: SignalName) -> int:
        """Of who is a member then: nobody says that an officer of who left is one no more."""
        return sum(held.get(name, 0) for held in holding if SignalName.MEMBER in held)

    def within(time: int | None) -> bool:
        return time is not None and begin <= time <= end

    joined = [signal for signal in signals if signal.name is SignalName.JOINED]
    return Step(
        month=month,
        members=at_end(SignalName.MEMBER),
        joined=sum(within(signal.at) for signal in joined),
        left=sum(within(signal.until) and not _goes_on(signal, joined) for signal in joined),
        chief_officers=at_end(SignalName.CHIEF_OFFICER),
        specialists=at_end(SignalName.SPECIALIST),
        batches=sum(
            request.batches
            for judged in members
            for year in judged.fund
            for request in year.requests
            if request.done and within(request.last_at)
        ),
        tests=rate(one for one in tests if begin <= one.tested_at <= end),
    )


def _goes_on(ended: Signal, joined: Iterable[Signal]) -> bool:
    """Whether what ended there was only told again, as joined: it begins anew with the very event that ended it."""
    return any(signal.evidence[0] == ended.evidence[-1] for signal in joined if signal is not ended)


def _failing(of_month: Iterable[Inspection], tests: Iterable[Inspection]) -> Iterator[Failing]:
    """The indicators that failed most, first."""
    month, year = (Counter(code for one in these if one.failed for code in set(one.failing)) for these in (of_month, tests))
    for code, count in sorted(year.items(), key=lambda pair: (-pair[1], pair[0])):
        yield Failing(code, month[code], count)


def _of_the_month(entry: Entry, begin: int, end: int) -> bool:
    """Whether it stands at the month's end, an appeal that waits included, or something became of it within the month; also by itself."""
    if entry.state(end) in (EntryState.LISTED, EntryState.APPEALED):
        return True
    ended = entry.until if entry.decided_at is not None and entry.ended_at is None else entry.ended_at
    times = (entry.decided_at, entry.appealed_at, ended)
    return any(time is not None and begin <= time <= end for time in times)


def _in_month(case: Case, begin: int) -> bool:
    """Whether it was open in the month."""
    return case.closed_at is None or case.closed_at >= begin


def _proposals(members: Iterable[Judgement], burning: Outlook) -> Iterator[Basis]:
    """The rules that decided something and that nobody has confirmed."""
    seen: set[str] = set()
    for basis in (*(basis for judged in members for basis in _deciding(judged)), *burning.rules):
        if basis.is_proposal and basis.rule not in seen:
            seen.add(basis.rule)
            yield basis


def _deciding(judged: Judgement) -> Iterator[Basis]:
    yield from (point.basis for point in judged.credit.points)
    yield from (answer.gate.basis for answer in judged.eligibility.answers)
    yield from (basis for year in judged.fund for basis, _ in year.quota_by)
