"""The collective trademark: who holds it, whether a member may, what fails and what would cure it, and the best among the best.

Whoever grants decides, by an event. The gate says what the rules say of it, and of a holder that no longer meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from weftline.domain.cooperative.conditions import Facts, Found, holds
from weftline.domain.cooperative.history import EventRef, History, ref
from weftline.domain.cooperative.rules import Gate, TrademarkRules
from weftline.domain.vocabulary import TrademarkStep


class Standing(StrEnum):
    """Where a member stands with a mark."""

    APPLIED = "APPLIED"
    HOLDS = "HOLDS"
    FELL_OUT = "FELL_OUT"  # it holds the mark and does not meet the conditions any more
    REFUSED = "REFUSED"
    SUSPENDED = "SUSPENDED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Mark:
    """A member's right to a mark as its events left it. ``until``: last moment (ms) at which it holds; None: without an end."""

    mark_id: str
    step: TrademarkStep
    since: int
    until: int | None
    events: tuple[EventRef, ...]

    def held(self, as_of: int) -> bool:
        """Whether the member may carry it then."""
        return self.step is TrademarkStep.GRANTED and (self.until is None or as_of <= self.until)


@dataclass(frozen=True, slots=True)
class Answer:
    """One condition of the gate: whether it is met, and on what that rests."""

    gate: Gate
    met: bool
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Eligibility:
    """What the gate says of a member."""

    answers: tuple[Answer, ...]

    @property
    def eligible(self) -> bool:
        """Whether all conditions are met."""
        return all(answer.met for answer in self.answers)

    @property
    def failing(self) -> tuple[Gate, ...]:
        """The conditions that are not; each says what would cure it."""
        return tuple(answer.gate for answer in self.answers if not answer.met)


def marks_of(history: History) -> tuple[Mark, ...]:
    """A member's rights to marks."""
    marks: dict[str, Mark] = {}
    for event in history.events:
        if (body := event.trademark) is None or body.step is TrademarkStep.UNKNOWN:
            continue
        before = marks.get(body.mark_id)
        if before is not None and before.step is TrademarkStep.GRANTED and body.step is TrademarkStep.APPLIED:
            continue  # whoever applies for an extension goes on holding it
        until = event.deadline(body.valid_until) if body.step is TrademarkStep.GRANTED else None
        events = (*(before.events if before is not None else ()), ref(event))
        marks[body.mark_id] = Mark(body.mark_id, body.step, event.event_time, until, events)
    return tuple(marks.values())


def eligibility(facts: Facts, rules: TrademarkRules) -> Eligibility:
    """Each condition of the gate, asked of a member."""
    return Eligibility(tuple(_answer(gate, facts) for gate in rules.conditions))


def _answer(gate: Gate, facts: Facts) -> Answer:
    found = holds(gate.when, facts)
    return Answer(gate, all(one.met for one in found), found)


def standing(mark: Mark, eligible: Eligibility, as_of: int) -> Standing:
    """Where the member stands with the mark then."""
    if mark.step is TrademarkStep.GRANTED:
        if not mark.held(as_of):
            return Standing.EXPIRED
        return Standing.HOLDS if eligible.eligible else Standing.FELL_OUT
    return Standing(mark.step.value)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a member is ranked by, in this order: conditions that fail (fewer first), score, share of tests passed, tests passed."""

    factory_id: str
    failing: int
    score: Decimal
    passed: int
    failed: int

    @property
    def share(self) -> Decimal:
        """Of its tests, the part that passed; 0 without any."""
        tests = self.passed + self.failed
        return Decimal(self.passed) / tests if tests else Decimal(0)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the ranking. ``within``: one of the places that the cooperative gives, and eligible. ``behind``: by what it
    stands behind the one before it; empty for the first, and ``factory_id`` where only the order of ids parts the two."""

    number: int
    candidate: Candidate
    within: bool
    behind: str


def ranking(candidates: Iterable[Candidate], rules: TrademarkRules) -> tuple[Place, ...]:
    """The best among the best. Equals are told apart by their ids, so that everybody sees one order."""
    places: list[Place] = []
    ordered = sorted(candidates, key=lambda one: (*(-value for value in _merits(one).values()), one.factory_id))
    for number, candidate in enumerate(ordered, 1):
        within = candidate.failing == 0 and number <= rules.number
        places.append(Place(number, candidate, within, _behind(places[-1].candidate, candidate) if places else ""))
    return tuple(places)


def _merits(candidate: Candidate) -> Mapping[str, Decimal]:
    """What counts, the first first; more is better."""
    return {
        "failing": Decimal(-candidate.failing),
        "score": candidate.score,
        "share": candidate.share,
        "passed": Decimal(candidate.passed),
    }


def _behind(better: Candidate, worse: Candidate) -> str:
    merits = _merits(worse)
    return next((name for name, value in _merits(better).items() if value != merits[name]), "factory_id")
