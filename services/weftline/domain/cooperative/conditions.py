"""Conditions of rules, asked of a member's signals: whether they are met, by what, and when that may change by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from weftline.domain.cooperative.history import Ref
from weftline.domain.cooperative.rules import Condition, Count, CreditRules, Grade, GradeBound, Share, SignalName
from weftline.domain.days import DAY


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that follows from a member's events: since ``at``, and until ``until`` (exclusive; None: for good). Times in ms.

    ``about``: what it is of, such as the scheme of a certificate. ``evidence``: what it rests on.
    """

    name: SignalName
    at: int
    evidence: tuple[Ref, ...]
    until: int | None = None
    about: str = ""

    def holds(self, as_of: int) -> bool:
        """Whether it has not ended then."""
        return self.until is None or as_of < self.until


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are asked of. ``grade``: the member's, once it is known."""

    signals: tuple[Signal, ...]
    as_of: int
    credit: CreditRules
    grade: Grade | None = None

    def holding(self, names: frozenset[SignalName], within_days: int | None = None) -> tuple[Signal, ...]:
        """The signals of these names that hold now, and are younger than so many days."""
        return tuple(
            signal
            for signal in self.signals
            if signal.name in names
            and signal.holds(self.as_of)
            and (within_days is None or self.as_of - signal.at < within_days * DAY)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a condition is met. ``have``: what there is, of a count a number, of a share from 0 to 1; ``signals``: what it looked at."""

    condition: Condition
    met: bool
    have: Decimal | str
    signals: tuple[Signal, ...] = ()


def holds(when: Iterable[Condition], facts: Facts) -> tuple[Found, ...]:
    """Each condition of a rule, met or not."""
    return tuple(_found(condition, facts) for condition in when)


def all_met(when: Iterable[Condition], facts: Facts) -> bool:
    """Whether all conditions of a rule are met."""
    return all(_found(condition, facts).met for condition in when)


def turns(when: Iterable[Condition], signals: Iterable[Signal]) -> Iterator[int]:
    """Moments at which a condition may change by itself, except by the grade."""
    signals = tuple(signals)
    for condition in when:
        if isinstance(condition, GradeBound):
            continue
        names = condition.signals if isinstance(condition, Count) else condition.signals | condition.among
        ages = (condition.within_days, condition.for_days if isinstance(condition, Count) else None)
        for signal in signals:
            if signal.name in names:
                yield from (signal.at + days * DAY for days in ages if days is not None)


def _found(condition: Condition, facts: Facts) -> Found:
    match condition:
        case Count():
            return _count(condition, facts)
        case Share():
            return _share(condition, facts)
    return _grade(condition, facts)


def _count(condition: Count, facts: Facts) -> Found:
    old_enough = facts.as_of - (condition.for_days or 0) * DAY
    found = tuple(
        signal
        for signal in facts.holding(condition.signals, condition.within_days)
        if (not condition.about or signal.about in condition.about) and (condition.for_days is None or signal.at <= old_enough)
    )
    enough = condition.at_least is None or len(found) >= condition.at_least
    few = condition.at_most is None or len(found) <= condition.at_most
    return Found(condition, enough and few, Decimal(len(found)), found)


def _share(condition: Share, facts: Facts) -> Found:
    among = facts.holding(condition.among, condition.within_days)
    if not among:
        return Found(condition, met=False, have=Decimal(0))
    share = Decimal(sum(signal.name in condition.signals for signal in among)) / len(among)
    return Found(condition, share >= condition.at_least, share, among)


def _grade(condition: GradeBound, facts: Facts) -> Found:
    if facts.grade is None:
        raise ValueError("a condition on the grade was asked before the grade was known")
    place = facts.credit.place
    own = place(facts.grade.code)
    enough = condition.at_least is None or own <= place(condition.at_least)
    low = condition.at_most is None or own >= place(condition.at_most)
    return Found(condition, enough and low, facts.grade.code)
