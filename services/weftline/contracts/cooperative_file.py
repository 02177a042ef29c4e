"""How ``schemas/standards/cooperative.yaml`` is written: the rules of cooperatives, in dated editions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from weftline.contracts.cooperative_parts import Conditioned, Days, Part, Positive, Rule, Signals, Sourced, Sure, When, Whole
from weftline.contracts.rules import offset
from weftline.contracts.yaml_types import Day, Fault, Faults, Model, NotA, Number, Text, checked, milliseconds, one_of
from weftline.domain.cooperative.rules import (
    EVERY,
    BurnRules,
    CapRule,
    ClockRules,
    Conditional,
    CooperativeRules,
    CreditRules,
    Editions,
    FundRules,
    Gate,
    Grade,
    ListRules,
    PointRule,
    ProposalRule,
    Rulebook,
    Term,
    Threshold,
    TrademarkRules,
    WorkRules,
)
from weftline.domain.days import offset_minutes
from weftline.domain.vocabulary import QualityList, TestPurpose


def _descends(days: list[int]) -> list[int]:
    if any(later >= earlier for earlier, later in pairwise(days)):
        raise Fault("must be numbers of days before a deadline, the greatest first")
    return days


def _something(share: Decimal) -> Decimal:
    if not share:
        raise NotA("must be more than 0: nothing used is no news")
    if share != round(share, 4):
        raise NotA("must be whole hundredths of a percent, such as 0.8 or 0.8525")
    return share


Purpose = Annotated[TestPurpose, one_of({word.value: word for word in TestPurpose if word is not TestPurpose.UNKNOWN})]
List = Annotated[QualityList, one_of({word.value: word for word in QualityList if word is not QualityList.UNKNOWN})]


class _More(Conditioned):
    batches: Positive

    def value(self, edition: Sourced) -> Conditional:
        return Conditional(self.basis(edition), self.conditions(), self.batches)


class _Next(Conditioned):
    weight: Positive

    def value(self, edition: Sourced) -> Conditional:
        return Conditional(self.basis(edition), self.conditions(), self.weight)


class _Quota(Rule):
    least: Whole
    most: Whole

    @model_validator(mode="after")
    def _ascends(self) -> _Quota:
        if self.most < self.least:
            raise NotA(f"must be {self.least} (the least) or more", "most")
        return self


class _Term(Rule):
    days: Days

    def value(self, edition: Sourced) -> Term:
        return Term(self.basis(edition), self.days)


class _Threshold(Rule):
    share: Annotated[Part, AfterValidator(_something)]

    def value(self, edition: Sourced) -> Threshold:
        return Threshold(self.basis(edition), self.share)


class _Burn(Model):
    thresholds: Annotated[list[_Threshold], Field(min_length=1)]
    pace: _Term

    @model_validator(mode="after")
    def _ascends(self) -> _Burn:
        shares = [one.share for one in self.thresholds]
        if any(later <= earlier for earlier, later in pairwise(shares)):
            raise Fault("must go from the least share to the greatest", "thresholds")
        return self

    def value(self, edition: Sourced) -> BurnRules:
        return BurnRules(tuple(one.value(edition) for one in self.thresholds), self.pace.value(edition))


class _Fund(Model):
    quota: _Quota
    more: list[_More] = []
    free_reinspection: Rule
    next: list[_Next] = []
    burn: _Burn | None = None  # without it nobody is shown that a budget comes to its end

    def value(self, edition: Sourced) -> FundRules:
        return FundRules(
            self.quota.basis(edition),
            self.quota.least,
            self.quota.most,
            tuple(more.value(edition) for more in self.more),
            self.free_reinspection.basis(edition),
            tuple(reason.value(edition) for reason in self.next),
            None if self.burn is None else self.burn.value(edition),
        )


class _Window(Rule):
    from_days: Days
    to_days: Days

    @model_validator(mode="after")
    def _ascends(self) -> _Window:
        if self.to_days < self.from_days:
            raise NotA(f"must be {self.from_days} (from_days) or more", "to_days")
        return self


class _OwnTests(Rule):
    purposes: list[Purpose]


class _Warn(Rule):
    days: Annotated[list[Days], AfterValidator(_descends)]


class _Clocks(Model):
    rectify: _Term
    reinspect: _Term
    second_round: _Window
    counting: Rule
    own_tests: _OwnTests
    leniency: Rule
    warn: _Warn

    def value(self, edition: Sourced) -> ClockRules:
        return ClockRules(
            rectify=self.rectify.value(edition),
            reinspect=self.reinspect.value(edition),
            second_round=self.second_round.basis(edition),
            second_from_days=self.second_round.from_days,
            second_to_days=self.second_round.to_days,
            counting=self.counting.basis(edition),
            own_tests=self.own_tests.basis(edition),
            purposes=frozenset(self.own_tests.purposes),
            leniency=self.leniency.basis(edition),
            warn=self.warn.basis(edition),
            warn_days=tuple(self.warn.days),
        )


class _Start(Rule):
    points: Number


class _Decay(Model):
    days: Days
    share: Part


class _Points(Rule):
    signals: Signals
    points: Number
    together: Number | None = None
    decay: list[_Decay] = []

    @model_validator(mode="after")
    def _is_sound(self) -> _Points:
        if self.together is not None and (self.points <= 0 or self.together < self.points):
            raise Fault("is for points above zero, and no less than they are: bad points have no bound", "together")
        days = [step.days for step in self.decay]
        if days != sorted(set(days)):
            raise Fault("days must grow from step to step", "decay")
        return self

    def value(self, edition: Sourced) -> PointRule:
        decay = tuple((step.days, step.share) for step in self.decay)
        return PointRule(self.basis(edition), frozenset(self.signals), self.points, self.together, decay)


class _Cap(Rule):
    signals: Signals
    within_days: Days | None = None
    most: Number

    def value(self, edition: Sourced) -> CapRule:
        return CapRule(self.basis(edition), frozenset(self.signals), self.most, self.within_days)


class _Grade(Model):
    id: Text
    zh: Text
    en: Text
    # Not named `from`, which is a word of Python.
    from_: Number = Field(alias="from")

    def value(self) -> Grade:
        return Grade(self.id, self.zh, self.en, self.from_)


class _Credit(Model):
    start: _Start
    least: Number
    most: Number
    points: list[_Points]
    caps: list[_Cap] = []
    grades: Annotated[list[_Grade], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_scale(self) -> _Credit:
        if not self.least <= self.start.points <= self.most:
            raise Fault(f"must lie from {self.least} (least) to {self.most} (most)", "start", "points")
        ends = [grade.from_ for grade in self.grades]
        if any(later >= earlier for earlier, later in pairwise(ends)):
            raise Fault("must go from the best to the worst, each from fewer points", "grades")
        if ends[-1] != self.least:
            raise Fault(f"the last must begin at {self.least} (least), so that every score has a grade", "grades")
        return self

    def value(self, edition: Sourced) -> CreditRules:
        return CreditRules(
            start=self.start.basis(edition),
            start_points=self.start.points,
            least=self.least,
            most=self.most,
            points=tuple(points.value(edition) for points in self.points),
            caps=tuple(cap.value(edition) for cap in self.caps),
            grades=tuple(grade.value() for grade in self.grades),
        )


class _Proposal(Conditioned):
    list: List

    @model_validator(mode="after")
    def _is_no_punishment_for_one_failure(self) -> _Proposal:
        if self.list is QualityList.BLACK and not any(one.needs_more_than_a_failure for one in self.when):
            raise Fault(
                "could be met by one failed test, which starts a clock and is no ground for the black list; ask for more", "when"
            )
        return self

    def proposal(self, edition: Sourced) -> ProposalRule:
        return ProposalRule(self.basis(edition), self.list, self.conditions())


class _Lists(Model):
    red_term: _Term
    black_term: _Term
    early_removal: _Term
    appeal: _Term
    proposals: list[_Proposal] = []

    def value(self, edition: Sourced) -> ListRules:
        return ListRules(
            terms={QualityList.RED: self.red_term.value(edition), QualityList.BLACK: self.black_term.value(edition)},
            early_removal=self.early_removal.value(edition),
            appeal=self.appeal.value(edition),
            proposals=tuple(proposal.proposal(edition) for proposal in self.proposals),
        )


class _Places(Rule):
    number: Whole


class _Gate(Conditioned):
    cure_zh: Text
    cure_en: Text

    def gate(self, edition: Sourced) -> Gate:
        return Gate(self.basis(edition), self.conditions(), self.cure_zh, self.cure_en)


class _Trademark(Model):
    places: _Places
    conditions: Annotated[list[_Gate], Field(min_length=1)]

    def value(self, edition: Sourced) -> TrademarkRules:
        gates = tuple(gate.gate(edition) for gate in self.conditions)
        return TrademarkRules(self.places.basis(edition), self.places.number, gates)


class _Work(Model):
    expiring: _Term
    news: _Term

    def value(self, edition: Sourced) -> WorkRules:
        return WorkRules(self.expiring.value(edition), self.news.value(edition))


class _Edition(Model):
    cooperative: Text
    edition: Text
    zh: Text
    en: Text
    valid_from: Day
    utc_offset: Annotated[Text, checked(offset)]
    source: Text
    confidence: Sure
    fund: _Fund
    clocks: _Clocks
    credit: _Credit
    lists: _Lists
    trademark: _Trademark
    unifications: Annotated[list[Conditioned], Field(min_length=6, max_length=6)]
    work: _Work

    @model_validator(mode="after")
    def _names_its_own_grades(self) -> _Edition:
        known = {grade.id for grade in self.credit.grades}
        words = ", ".join(grade.id for grade in self.credit.grades)
        Faults.raise_any(
            NotA(f"must be a grade of this edition, one of {words}", *steps, name)
            for steps, when in self._conditions()
            for name, grade in (("grade_at_least", when.grade_at_least), ("grade_at_most", when.grade_at_most))
            if grade is not None and grade not in known
        )
        return self

    def _conditions(self) -> Iterator[tuple[tuple[str | int, ...], When]]:
        places: dict[tuple[str, ...], Sequence[Conditioned]] = {
            ("fund", "more"): self.fund.more,
            ("fund", "next"): self.fund.next,
            ("lists", "proposals"): self.lists.proposals,
            ("trademark", "conditions"): self.trademark.conditions,
            ("unifications",): self.unifications,
        }
        for steps, rules in places.items():
            for place, rule in enumerate(rules):
                for number, when in enumerate(rule.when):
                    yield (*steps, place, "when", number), when

    @property
    def begins(self) -> int:
        """Midnight there, ms since the epoch."""
        day = datetime(self.valid_from.year, self.valid_from.month, self.valid_from.day, tzinfo=UTC)
        return milliseconds(day) - offset_minutes(self.utc_offset) * 60_000

    def value(self, safety_indicators: frozenset[str]) -> CooperativeRules:
        return CooperativeRules(
            cooperative=self.cooperative,
            edition=self.edition,
            zh=self.zh,
            en=self.en,
            valid_from=self.begins,
            utc_offset=self.utc_offset,
            safety_indicators=safety_indicators,
            fund=self.fund.value(self),
            clocks=self.clocks.value(self),
            credit=self.credit.value(self),
            lists=self.lists.value(self),
            trademark=self.trademark.value(self),
            unifications=tuple(row.value(self) for row in self.unifications),
            work=self.work.value(self),
        )


class CooperativeFile(Model):
    editions: Annotated[list[_Edition], Field(min_length=1)]

    @model_validator(mode="after")
    def _holds_for_everybody(self) -> CooperativeFile:
        if all(edition.cooperative != EVERY for edition in self.editions):
            raise Fault(f'none is for every cooperative; give one the cooperative "{EVERY}"', "editions")
        begun: dict[tuple[str, Any], int] = {}
        for place, edition in enumerate(self.editions):
            first = begun.setdefault((edition.cooperative, edition.valid_from), place)
            if first != place:
                raise Fault("begins on the day of another edition of this cooperative", "editions", place, "valid_from")
        return self

    def rulebook(self, safety_indicators: frozenset[str]) -> Rulebook:
        """The value of the domain."""
        found: dict[str, list[CooperativeRules]] = {}
        for edition in sorted(self.editions, key=lambda edition: edition.valid_from):
            found.setdefault(edition.cooperative, []).append(edition.value(safety_indicators))
        return Rulebook({cooperative: Editions(tuple(editions)) for cooperative, editions in found.items()})
