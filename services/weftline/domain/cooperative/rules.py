"""The rules of a cooperative as values: what ``schemas/standards/cooperative.yaml`` says.

Every rule has a :class:`Basis`, which says where it comes from, and goes with whatever it decides. A rule that nobody of the cooperative
has confirmed decides all the same, since a cooperative may give itself what rules it likes, and is shown as a proposal.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from weftline.domain.laboratory.standards import Confidence
from weftline.domain.vocabulary import QualityList, TestPurpose

#: The cooperative whose rules hold for all that have none of their own.
EVERY: Final = "*"


class SignalName(StrEnum):
    """What rules can ask of a member; :mod:`.signals` makes them of its events."""

    JOINED = "JOINED"  # it joined, or came back
    MEMBER = "MEMBER"  # it is a member, and not suspended
    LIMITED_MEANS = "LIMITED_MEANS"
    PLEDGED = "PLEDGED"
    CHIEF_OFFICER = "CHIEF_OFFICER"
    SPECIALIST = "SPECIALIST"
    TRAINED = "TRAINED"
    CERTIFIED = "CERTIFIED"  # about: the scheme
    TEST_PASSED = "TEST_PASSED"  # of verified reports that were not withdrawn
    TEST_FAILED = "TEST_FAILED"  # in no safety item
    CHECK_FAILED = "CHECK_FAILED"  # a spot check, in no safety item
    SAFETY_FAILED = "SAFETY_FAILED"  # a test or a spot check, in a safety item
    CASE_OPEN = "CASE_OPEN"  # a failure that is not put right
    OVERDUE = "OVERDUE"  # a deadline of a case has passed, and what was due has not come
    RECTIFIED = "RECTIFIED"  # a re-inspection was passed, and nothing was overdue before
    SECOND_ROUND_FAILED = "SECOND_ROUND_FAILED"
    COLLECTION_RECEIVED = "COLLECTION_RECEIVED"
    STANDARD_LED = "STANDARD_LED"
    STANDARD_JOINED = "STANDARD_JOINED"
    MARK_REGISTERED = "MARK_REGISTERED"
    HONOURED = "HONOURED"
    ON_RED_LIST = "ON_RED_LIST"
    ON_BLACK_LIST = "ON_BLACK_LIST"
    TRADEMARK_HELD = "TRADEMARK_HELD"


#: Signals of failed tests. One of them starts a clock, and is no ground for the black list.
FAILURES: Final = frozenset({SignalName.TEST_FAILED, SignalName.CHECK_FAILED, SignalName.SAFETY_FAILED})


@dataclass(frozen=True, slots=True)
class Basis:
    """What a rule is called, and where it comes from."""

    rule: str
    zh: str
    en: str
    source: str
    confidence: Confidence

    @property
    def is_proposal(self) -> bool:
        """Whether nobody has confirmed it."""
        return self.confidence is not Confidence.CONFIRMED


@dataclass(frozen=True, slots=True)
class Count:
    """So many of the signals hold. ``within_days``: they are younger; ``for_days``: they are as old or older; ``about``: only these."""

    signals: frozenset[SignalName]
    about: frozenset[str] = frozenset()
    within_days: int | None = None
    for_days: int | None = None
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Of the signals in ``among`` so large a part are in ``signals``, from 0 to 1; none at all is not enough."""

    signals: frozenset[SignalName]
    among: frozenset[SignalName]
    at_least: Decimal
    within_days: int | None = None


@dataclass(frozen=True, slots=True)
class GradeBound:
    """The cooperative's own grade is no worse than ``at_least``, no better than ``at_most``."""

    at_least: str | None = None
    at_most: str | None = None


Condition: TypeAlias = Count | Share | GradeBound


@dataclass(frozen=True, slots=True)
class Term:
    """A number of days."""

    basis: Basis
    days: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """A rule that holds where all of its conditions do. ``weight``: batches of a quota, points of a priority; else 0."""

    basis: Basis
    when: tuple[Condition, ...]
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """So large a part of a year's budget, from 0 to 1."""

    basis: Basis
    share: Decimal


@dataclass(frozen=True, slots=True)
class BurnRules:
    """How a budget comes to its end. ``thresholds``: what an officer is to see, the least first; ``pace``: spending of so many of the last
    days is taken for the pace."""

    thresholds: tuple[Threshold, ...]
    pace: Term


@dataclass(frozen=True, slots=True)
class FundRules:
    """Free batches of a member and year: ``least``, and more by rule up to ``most``; who should be tested next; and, if the cooperative
    has rules for that, how its budget burns down."""

    quota: Basis
    least: int
    most: int
    more: tuple[Conditional, ...]
    free_reinspection: Basis
    next: tuple[Conditional, ...]
    burn: BurnRules | None = None


@dataclass(frozen=True, slots=True)
class ClockRules:
    """What is due by when after a failure. ``purposes``: of reports that start a clock where no case was opened."""

    rectify: Term
    reinspect: Term
    second_round: Basis
    second_from_days: int
    second_to_days: int
    counting: Basis
    own_tests: Basis
    purposes: frozenset[TestPurpose]
    leniency: Basis
    warn: Basis
    warn_days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PointRule:
    """Points for each signal that holds; ``together``: at most that much for all (of the same sign as ``points``).

    ``decay``: (days, share) in order: younger than these days it counts that share. Empty: whole as long as it holds.
    """

    basis: Basis
    signals: frozenset[SignalName]
    points: Decimal
    together: Decimal | None = None
    decay: tuple[tuple[int, Decimal], ...] = ()

    def share(self, age: int, day: int) -> Decimal:
        """What part of it counts at an age in ms."""
        if not self.decay:
            return Decimal(1)
        return next((share for days, share in self.decay if age < days * day), Decimal(0))


@dataclass(frozen=True, slots=True)
class CapRule:
    """While one of the signals holds (and is younger than ``within_days``) the score is at most ``most``, whatever else there is."""

    basis: Basis
    signals: frozenset[SignalName]
    most: Decimal
    within_days: int | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade of the cooperative's own; its codes are none of the official ones."""

    code: str
    zh: str
    en: str
    from_: Decimal


@dataclass(frozen=True, slots=True)
class CreditRules:
    """The rolling score. ``grades`` from the best to the worst."""

    start: Basis
    start_points: Decimal
    least: Decimal
    most: Decimal
    points: tuple[PointRule, ...]
    caps: tuple[CapRule, ...]
    grades: tuple[Grade, ...]

    def grade(self, score: Decimal) -> Grade:
        """The grade of a score."""
        return next((grade for grade in self.grades if score >= grade.from_), self.grades[-1])

    def place(self, code: str) -> int:
        """How many grades are better."""
        return next(place for place, grade in enumerate(self.grades) if grade.code == code)


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """When a member is proposed for a list."""

    basis: Basis
    list: QualityList
    when: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ListRules:
    """The cooperative's own red and black list."""

    terms: Mapping[QualityList, Term]
    early_removal: Term
    appeal: Term
    proposals: tuple[ProposalRule, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition of the collective trademark, and what would cure it."""

    basis: Basis
    when: tuple[Condition, ...]
    cure_zh: str
    cure_en: str


@dataclass(frozen=True, slots=True)
class TrademarkRules:
    """Who may carry the collective trademark."""

    places: Basis
    number: int
    conditions: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class WorkRules:
    """What a work list tells early, and for how long."""

    expiring: Term
    news: Term


@dataclass(frozen=True, slots=True)
class CooperativeRules:
    """One edition of a cooperative's rules. ``valid_from`` (ms) is midnight at ``utc_offset``."""

    cooperative: str
    edition: str
    zh: str
    en: str
    valid_from: int
    utc_offset: str
    safety_indicators: frozenset[str]
    fund: FundRules
    clocks: ClockRules
    credit: CreditRules
    lists: ListRules
    trademark: TrademarkRules
    unifications: tuple[Conditional, ...]
    work: WorkRules


@dataclass(frozen=True, slots=True)
class Editions:
    """The editions of one cooperative, in order of time. Before the first begins, the first holds."""

    editions: tuple[CooperativeRules, ...]

    def at(self, time: int) -> CooperativeRules:
        """The edition in force then."""
        return self.editions[max(0, bisect_right(self.editions, time, key=lambda edition: edition.valid_from) - 1)]

    def ground(self, said: str | None) -> Basis | None:
        """The rule of proposals that somebody names as the ground of an entry, as its newest edition has it; None for other words."""
        rules = (rule.basis for edition in reversed(self.editions) for rule in edition.lists.proposals)
        return next((basis for basis in rules if basis.rule == said), None)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of all cooperatives."""

    cooperatives: Mapping[str, Editions]

    def of(self, cooperative_id: str) -> Editions:
        """The cooperative's own rules; where it has none, those for every cooperative."""
        return self.cooperatives.get(cooperative_id) or self.cooperatives[EVERY]
