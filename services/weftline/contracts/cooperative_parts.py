"""Of what the models of ``schemas/standards/cooperative.yaml`` are made: rules with their source, and the conditions that they ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Protocol

from pydantic import Field, PlainValidator, model_validator

from weftline.contracts.yaml_types import Fault, Lacks, Model, NotA, Text, member, one_of
from weftline.domain.cooperative.rules import FAILURES, Basis, Condition, Conditional, Count, GradeBound, Share, SignalName
from weftline.domain.laboratory.standards import Confidence

#: What one failed test brings about by itself.
_OF_ONE_FAILURE: Final = FAILURES | {SignalName.CASE_OPEN}
#: The last day of which a deadline can be given: some sixty years.
_MOST_DAYS: Final = 22_000


def _part(value: Any) -> Decimal:
    share = Decimal(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if share is None or not 0 <= share <= 1:
        raise NotA("must be a number from 0 to 1")
    return share


Whole = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Days = Annotated[int, Field(ge=1, le=_MOST_DAYS)]
Part = Annotated[Decimal, PlainValidator(_part)]
Signals = Annotated[list[Annotated[SignalName, member(SignalName)]], Field(min_length=1)]
Sure = Annotated[Confidence, one_of({word.value: word for word in (Confidence.CONFIRMED, Confidence.UNCONFIRMED)})]


class Sourced(Protocol):
    """An edition: what its rules say where they say nothing of their own."""

    @property
    def source(self) -> str: ...

    @property
    def confidence(self) -> Confidence: ...


class Rule(Model):
    """What every rule says; source and confidence are the edition's where it does not state its own."""

    id: Text
    zh: Text
    en: Text
    source: Text | None = None
    confidence: Sure | None = None

    @model_validator(mode="after")
    def _says_who_is_sure(self) -> Rule:
        if self.confidence is not None and self.source is None:
            raise Lacks("a confidence of its own needs a source of its own", "source")
        return self

    def basis(self, edition: Sourced) -> Basis:
        return Basis(self.id, self.zh, self.en, self.source or edition.source, self.confidence or edition.confidence)


class When(Model):
    valued = frozenset(
        {"signals", "about", "among", "within_days", "for_days"}
        | {"at_least", "at_most", "at_least_share", "grade_at_least", "grade_at_most"}
    )

    signals: Signals | None = None
    about: Annotated[list[Text], Field(default_factory=list)]
    among: Signals | None = None
    within_days: Days | None = None
    for_days: Days | None = None
    at_least: Positive | None = None
    at_most: Whole | None = None
    at_least_share: Part | None = None
    grade_at_least: Text | None = None
    grade_at_most: Text | None = None

    @model_validator(mode="after")
    def _is_one_condition(self) -> When:
        said = self.model_fields_set
        grade = said & {"grade_at_least", "grade_at_most"}
        if grade and said != grade:
            raise Fault("asks for a grade and for signals at once; make it two conditions")
        if grade:
            return self
        if self.signals is None:
            raise Fault("is no condition: state signals, or grade_at_least, or grade_at_most")
        if self.among is not None:
            if self.at_least_share is None:
                raise Lacks("say what part of `among` must be in `signals`", "at_least_share")
            if said & {"about", "for_days", "at_least", "at_most"}:
                raise Fault("is a share, which takes signals, among, within_days and at_least_share only")
        elif self.at_least_share is not None:
            raise Lacks("say of which signals it is a share", "among")
        elif self.at_least is None and self.at_most is None:
            raise Fault("says nothing of how many signals; state at_least or at_most")
        return self

    def condition(self) -> Condition:
        signals = frozenset(self.signals or ())
        if not signals:
            return GradeBound(self.grade_at_least, self.grade_at_most)
        if self.among is not None and self.at_least_share is not None:
            return Share(signals, frozenset(self.among), self.at_least_share, self.within_days)
        return Count(signals, frozenset(self.about), self.within_days, self.for_days, self.at_least, self.at_most)

    @property
    def needs_more_than_a_failure(self) -> bool:
        """Whether one failed test alone cannot meet it."""
        enough = self.at_least or 0
        return enough > 1 or (enough == 1 and _OF_ONE_FAILURE.isdisjoint(self.signals or ()))


class Conditioned(Rule):
    when: Annotated[list[When], Field(min_length=1)]

    def conditions(self) -> tuple[Condition, ...]:
        return tuple(one.condition() for one in self.when)

    def value(self, edition: Sourced) -> Conditional:
        return Conditional(self.basis(edition), self.conditions())
