"""The cooperative's own credit: a rolling score and a grade, of which every point names its rule and what it rests on.

The score is what everybody begins with, and the points of all signals that hold, less as they grow old, within least and most. A *cap* is
a line of its own: while a safety item failed lately the score is at most so much, whatever else there is, so such a failure is never
outweighed. The official grade that an authority gave stands beside it, and neither enters the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from weftline.domain.cooperative.conditions import Facts, Signal
from weftline.domain.cooperative.history import EventRef, History, Ref, ref
from weftline.domain.cooperative.rules import Basis, CreditRules, Grade, PointRule
from weftline.domain.days import DAY
from weftline.domain.vocabulary import CreditGrade


@dataclass(frozen=True, slots=True)
class Point:
    """A line of the score: points of one signal, or of a cap. ``share``: what part of the rule's points its age leaves, from 0 to 1.

    ``basis`` names the rule, ``evidence`` what it rests on; what everybody begins with rests on nothing.
    """

    basis: Basis
    points: Decimal
    evidence: tuple[Ref, ...] = ()
    at: int | None = None
    share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Credit:
    """A score, its grade, and the lines that add up to it."""

    score: Decimal
    grade: Grade
    points: tuple[Point, ...]

    def of_rule(self, rule: str) -> Decimal:
        """What a rule gives together."""
        return sum((point.points for point in self.points if point.basis.rule == rule), Decimal(0))


@dataclass(frozen=True, slots=True)
class Official:
    """A grade that an authority gave; imported, never computed."""

    grade: CreditGrade
    year: int
    issuer: str
    event: EventRef


def credit_of(facts: Facts, rules: CreditRules) -> Credit:
    """The score of a member by the signals that hold."""
    points = [Point(rules.start, rules.start_points)]
    for rule in rules.points:
        points += _points(rule, facts)
    score = sum((point.points for point in points), Decimal(0))
    for adjusted in _bounds(score, facts, rules):
        points.append(adjusted)
        score += adjusted.points
    return Credit(score, rules.grade(score), tuple(points))


def turns(signals: Iterable[Signal], rules: CreditRules) -> Iterator[int]:
    """Moments at which the score may change by itself: points grow old, caps end."""
    for signal in signals:
        for rule in rules.points:
            if signal.name in rule.signals:
                yield from (signal.at + days * DAY for days, _ in rule.decay)
        for cap in rules.caps:
            if signal.name in cap.signals and cap.within_days is not None:
                yield signal.at + cap.within_days * DAY


def officials_of(history: History) -> tuple[Official, ...]:
    """The official grades, one for each year and issuer: what was said last."""
    found = {
        (body.year, body.issuer): Official(body.grade, body.year, body.issuer, ref(event))
        for event in history.events
        if (body := event.official_grade) is not None
    }
    return tuple(official for _, official in sorted(found.items()))


def _points(rule: PointRule, facts: Facts) -> Iterator[Point]:
    """The newest first, until what the rule gives together is used up."""
    left = rule.together
    for signal in sorted(facts.holding(rule.signals), key=lambda one: (-one.at, one.evidence)):
        share = rule.share(facts.as_of - signal.at, DAY)
        points = rule.points * share
        if left is not None:
            points = min(points, left)
            left -= points
        if points:
            yield Point(rule.basis, points, signal.evidence, signal.at, share)


def _bounds(score: Decimal, facts: Facts, rules: CreditRules) -> Iterator[Point]:
    """What caps take away, the lowest of them first, and what the ends of the scale do."""
    for cap in sorted(rules.caps, key=lambda cap: cap.most):
        signals = facts.holding(cap.signals, cap.within_days)
        if signals and score > cap.most:
            yield Point(cap.basis, cap.most - score, tuple(name for signal in signals for name in signal.evidence))
            score = cap.most
    within = max(rules.least, min(rules.most, score))
    if within != score:
        yield Point(rules.start, within - score)
