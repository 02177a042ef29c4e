"""All that the cooperative's rules say of one member, from its history alone; and when that may change by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from weftline.domain.cooperative import clocks, conditions, credit, fund
from weftline.domain.cooperative.clocks import Case, cases_of
from weftline.domain.cooperative.conditions import Facts, Signal, holds
from weftline.domain.cooperative.credit import Credit, Official, credit_of, officials_of
from weftline.domain.cooperative.fund import FundYear, fund_year
from weftline.domain.cooperative.history import History, Ref
from weftline.domain.cooperative.lists import Entry, Proposal, entries_of, proposals
from weftline.domain.cooperative.rules import Basis, Condition, CooperativeRules, Editions, SignalName
from weftline.domain.cooperative.signals import signals_of
from weftline.domain.cooperative.trademark import Eligibility, Mark, Standing, eligibility, marks_of, standing
from weftline.domain.cooperative.unifications import Row, scorecard
from weftline.domain.days import DAY

#: Later than any deadline (ms).
_THE_END: Final = 1 << 62
_MEMBER: Final = frozenset({SignalName.MEMBER})


class Reason(NamedTuple):
    """Why a member should be tested soon, how much that weighs, and what it rests on."""

    basis: Basis
    weight: int
    evidence: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of a member at ``as_of``. ``rules``: the edition by which it is judged; a case keeps the one it began under."""

    as_of: int
    rules: CooperativeRules
    history: History
    facts: Facts
    cases: tuple[Case, ...]
    entries: tuple[Entry, ...]
    proposals: tuple[Proposal, ...]
    credit: Credit
    officials: tuple[Official, ...]
    marks: tuple[tuple[Mark, Standing], ...]
    eligibility: Eligibility
    scorecard: tuple[Row, ...]
    fund: tuple[FundYear, ...]
    next: tuple[Reason, ...]

    @property
    def listed(self) -> tuple[Entry, ...]:
        """The entries by which the member is on a list now."""
        return tuple(entry for entry in self.entries if entry.on_list(self.as_of))

    @property
    def is_member(self) -> bool:
        """Whether it is a member now, and not suspended."""
        return bool(self.facts.holding(_MEMBER))


def judge_member(history: History, book: Editions, as_of: int, years: Iterable[int] = ()) -> Judgement:
    """Judge a member. ``as_of`` (ms) decides which deadlines have passed and how old things are; for the past, give
    ``history.until(as_of)``. ``years``: of the fund, besides those that its events name.
    """
    rules = book.at(as_of)
    cases, entries, marks = cases_of(history, book), entries_of(history, book), marks_of(history)
    unrated = Facts(signals_of(history, cases, entries, marks, as_of), as_of, rules.credit)
    rated = credit_of(unrated, rules.credit)
    facts = Facts(unrated.signals, as_of, rules.credit, rated.grade)
    eligible = eligibility(facts, rules.trademark)
    return Judgement(
        as_of=as_of,
        rules=rules,
        history=history,
        facts=facts,
        cases=cases,
        entries=entries,
        proposals=proposals(facts, entries, rules),
        credit=rated,
        officials=officials_of(history),
        marks=tuple((mark, standing(mark, eligible, as_of)) for mark in marks),
        eligibility=eligible,
        scorecard=scorecard(facts, rules.unifications),
        fund=tuple(fund_year(year, history, cases, facts, book) for year in sorted({*years, *fund.years(history)})),
        next=tuple(_reasons(facts, rules)),
    )


def turns(history: History, book: Editions) -> tuple[int, ...]:
    """Every moment (ms) at which the judgement of this history may become another by itself, in order.

    Between two of them it says the same whenever it is asked, but for ``as_of`` itself; so they are the deadlines of a fold.
    """
    cases, entries, marks = cases_of(history, book), entries_of(history, book), marks_of(history)
    signals = signals_of(history, cases, entries, marks, _THE_END)
    found = {
        *clocks.deadlines(cases, book),
        *(time for entry in entries for time in entry.deadlines),
        *(mark.until + 1 for mark in marks if mark.until is not None),
        *(signal.until for signal in signals if signal.until is not None),
        *fund.turns(signals, fund.years(history), book),
        *(time for rules in book.editions for time in _turns_by(rules, signals, history)),
        *(rules.valid_from for rules in book.editions[1:]),
    }
    return tuple(sorted(found))


def _turns_by(rules: CooperativeRules, signals: tuple[Signal, ...], history: History) -> Iterator[int]:
    yield from credit.turns(signals, rules.credit)
    yield from conditions.turns(_conditions(rules), signals)
    yield from (signal.until - rules.work.expiring.days * DAY for signal in signals if signal.until is not None)
    yield from (one.counted_at + rules.work.news.days * DAY for one in history.standing)


def _conditions(rules: CooperativeRules) -> Iterator[Condition]:
    yield from (condition for rule in rules.lists.proposals for condition in rule.when)
    yield from (condition for gate in rules.trademark.conditions for condition in gate.when)
    yield from (condition for rule in (*rules.unifications, *rules.fund.next) for condition in rule.when)


def _reasons(facts: Facts, rules: CooperativeRules) -> Iterator[Reason]:
    """Why it should be tested soon, the weightiest reason first; of who is no member, or is suspended, there is none."""
    if not facts.holding(_MEMBER):
        return
    for rule in sorted(rules.fund.next, key=lambda rule: -rule.weight):
        found = holds(rule.when, facts)
        if all(one.met for one in found):
            evidence = dict.fromkeys(name for one in found for signal in one.signals for name in signal.evidence)
            yield Reason(rule.basis, rule.weight, tuple(evidence))
