"""How an edition of a standard is written under ``schemas/standards``.

``context`` of its models: ``indicators``, by code, and ``categories``, by the key of every spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo, model_validator

from weftline.contracts.indicators_file import Range
from weftline.contracts.yaml_types import Day, Fault, Faults, Lacks, Model, NotA, Number, Text, member, milliseconds
from weftline.domain.laboratory.grades import HALF_STEPS, Scale
from weftline.domain.laboratory.spelling import key
from weftline.domain.laboratory.standards import (
    SAFETY_CLASSES,
    Acceptable,
    Band,
    Bounds,
    Clause,
    Confidence,
    Indicator,
    LabelShare,
    LeastGrades,
    Limit,
    LimitRule,
    Relief,
    Requirement,
    Scope,
    Standard,
)
from weftline.domain.vocabulary import AgeGroup, SafetyClass, SpecimenType

# The standards are Chinese: an edition comes into force at midnight in China.
_CHINA: Final = timezone(timedelta(hours=8))
_DAY: Final = 24 * 60 * 60 * 1000
_LIMITS: Final = ("maximum", "minimum", "range", "least_grade", "acceptable", "label_share")
_FOR_ALL: Final = ""  # the key of a limit that is the same for every class
T = TypeVar("T")
Steps = tuple[Hashable, ...]


# -- Types


def _indicator(code: str, info: ValidationInfo) -> str:
    if code not in _of(info, "indicators"):
        raise NotA("must be a code of indicators.yaml")
    return code


def _category(name: str, info: ValidationInfo) -> str:
    category = _of(info, "categories").get(key(name))
    if category is None:
        raise NotA("must be a code of categories.yaml")
    return str(category.code)


def _of(info: ValidationInfo, name: str) -> Mapping[str, Any]:
    return info.context[name] if info.context else {}


def _by_class(value: Any) -> Any:
    classes = isinstance(value, dict) and any(word in value for word in SAFETY_CLASSES)
    return value if classes else {_FOR_ALL: value}


def _class(value: Any) -> str:
    if value != _FOR_ALL and value not in SAFETY_CLASSES:
        raise NotA(f"must be one of {', '.join(SAFETY_CLASSES)}")
    return str(value)


def _grade(value: Any) -> str:
    if not isinstance(value, str):
        raise NotA('must be a quoted grade, like "3-4"')
    return value


def _both(value: Any) -> Any:
    """One grade is for both readings."""
    return value if isinstance(value, dict) else {"change": value, "staining": value}


def _true(value: bool) -> bool:
    if not value:
        raise NotA("must be true")
    return value


def _bands(bands: list[_Band]) -> list[_Band]:
    ends = [band.up_to for band in bands]
    if not ends or ends != sorted(set(ends)) or ends[-1] != 100:
        raise Fault("up_to must grow from band to band and end at 100")
    return bands


Code = Annotated[Text, AfterValidator(_indicator)]
CategoryName = Annotated[Text, AfterValidator(_category)]
Specimen = Annotated[SpecimenType, member(SpecimenType)]
Age = Annotated[AgeGroup, member(AgeGroup)]
Sure = Annotated[Confidence, member(Confidence)]
Grade = Annotated[str, PlainValidator(_grade)]
_Class = Annotated[str, PlainValidator(_class)]
ByClass = Annotated[dict[_Class, T], BeforeValidator(_by_class)]


# -- Parts


class _Clause(Model):
    """Where a figure is written; what is left out is the file's."""

    clause: Text
    confidence: Sure | None = None
    source: Text | None = None
    safety: bool | None = None

    def of(self, base: Clause) -> Clause:
        return replace(
            base,
            number=self.clause,
            confidence=self.confidence or base.confidence,
            source=self.source or base.source,
            safety=base.safety if self.safety is None else self.safety,
        )


class _Scope(Model):
    specimens: list[Specimen] = []
    kinds: list[Text] = []
    age_groups: list[Age] = []

    @property
    def scope(self) -> Scope:
        return Scope(frozenset(self.specimens), frozenset(self.kinds), frozenset(self.age_groups))


class _Grades(Model):
    change: Grade
    staining: Grade


class _Trace(_Clause):
    maximum: Number


class _Pure(_Clause):
    tolerance: Number


class _Band(_Clause):
    up_to: Number
    tolerance: Number
    never_zero_up_to: Number | None = None

    def band(self, base: Clause) -> Band:
        return Band(self.of(base), self.up_to, self.tolerance, self.never_zero_up_to)


class _LabelShare(Model):
    trace: _Trace
    pure: _Pure
    textile: Annotated[list[_Band], AfterValidator(_bands)]
    filling: Annotated[list[_Band], AfterValidator(_bands)]
    filling_kinds: list[Text]
    filling_trait: Text
    filling_parts: list[Text]
    label_needed: list[Specimen]
    sum_tolerance: Number

    def clauses(self) -> Iterator[tuple[Steps, _Clause]]:
        yield from ((("trace",), self.trace), (("pure",), self.pure))
        for name, bands in (("textile", self.textile), ("filling", self.filling)):
            yield from (((name, place), band) for place, band in enumerate(bands))

    def limit(self, base: Clause) -> LabelShare:
        return LabelShare(
            textile=tuple(band.band(base) for band in self.textile),
            filling=tuple(band.band(base) for band in self.filling),
            pure=Band(self.pure.of(base), Decimal(100), self.pure.tolerance),
            trace=self.trace.of(base),
            trace_total=self.trace.maximum,
            filling_kinds=frozenset(self.filling_kinds),
            filling_trait=self.filling_trait,
            filling_parts=frozenset(map(key, self.filling_parts)),
            label_needed=frozenset(self.label_needed),
            sum_tolerance=self.sum_tolerance,
        )


class _Limited(_Scope):
    """An entry that sets a limit, in one of the ways of :data:`_LIMITS`."""

    valued = frozenset(_LIMITS)

    maximum: ByClass[Number] | None = None
    minimum: ByClass[Number] | None = None
    range: ByClass[Range] | None = None
    least_grade: ByClass[Annotated[_Grades, BeforeValidator(_both)]] | None = None
    acceptable: ByClass[Annotated[bool, AfterValidator(_true)]] | None = None
    label_share: _LabelShare | None = None

    @property
    def stated(self) -> list[str]:
        return [name for name in _LIMITS if getattr(self, name) is not None]

    def misfits(self, indicator: Indicator) -> Iterator[Fault]:
        """Why the limit is none, or none of this indicator."""
        if len(self.stated) != 1:
            yield Fault(f"must state one of {', '.join(_LIMITS)}; it states {len(self.stated)}")
            return
        name, fitting = self.stated[0], _fitting(indicator)
        if name not in fitting:
            yield Fault(f"does not fit {indicator.code}, which takes {' or '.join(fitting)}", name)
        elif name == "label_share" and not (indicator.least == 0 and indicator.most == 100):
            yield Fault(f"is for shares, but {indicator.code} is not possible from 0 to 100", name)
        elif self.least_grade is not None:
            grades = HALF_STEPS[indicator.scale or Scale.GREY]
            for word, pair in self.least_grade.items():
                for reading, grade in pair:
                    if grade not in grades:
                        yield NotA(f"must be a quoted grade, one of {', '.join(grades)}", name, word, reading)

    def limits(self, clause: Clause, indicator: Indicator) -> tuple[dict[SafetyClass, Limit], bool]:
        """The limit for each safety class, and whether it depends on the class."""
        if self.label_share is not None:
            return dict.fromkeys(SAFETY_CLASSES, self.label_share.limit(clause)), False
        grades = HALF_STEPS[indicator.scale or Scale.GREY]
        read: dict[str, Callable[[Any], Limit]] = {
            "maximum": lambda value: Bounds(clause, high=value),
            "minimum": lambda value: Bounds(clause, low=value),
            "range": lambda value: Bounds(clause, *value),
            "least_grade": lambda value: LeastGrades(clause, grades[value.change], grades[value.staining]),
            "acceptable": lambda _: Acceptable(clause),
        }
        (name,) = self.stated
        by_class = {word: read[name](value) for word, value in getattr(self, name).items()}
        if _FOR_ALL in by_class:
            return dict.fromkeys(SAFETY_CLASSES, by_class[_FOR_ALL]), False
        return {SafetyClass(word): limit for word, limit in by_class.items()}, True


def _fitting(indicator: Indicator) -> tuple[str, ...]:
    """How the limits of an indicator are written."""
    if indicator.scale is not None:
        return ("least_grade",)
    return ("acceptable",) if indicator.codes else ("maximum", "minimum", "range", "label_share")


class _Rule(_Limited):
    valued = _Limited.valued | {"clause", "confidence", "source", "safety"}

    indicator: Code
    # Missing where the limit is a share of the label: its parts have clauses of their own.
    clause: Text | None = None
    confidence: Sure | None = None
    source: Text | None = None
    safety: bool | None = None
    sum_of: list[Text] = []

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> _Rule:
        faults = list(self.misfits(_of(info, "indicators")[self.indicator]))
        if self.sum_of and not {*self.stated} <= {"maximum", "minimum", "range"}:
            faults.append(Fault("only numbers can be summed; state a maximum, a minimum or a range", "sum_of"))
        if self.label_share is None:
            if self.clause is None:
                faults.append(Lacks("say where the figure is written", "clause"))
        else:
            own = self.model_fields_set & {"clause", "confidence", "source", "safety"}
            faults += [Fault("is not for a label_share, whose parts have their own; leave it out", name) for name in sorted(own)]
        Faults.raise_any(faults)
        return self

    def clauses(self) -> Iterator[tuple[Steps, _Clause]]:
        if self.label_share is not None:
            yield from ((("label_share", *steps), clause) for steps, clause in self.label_share.clauses())
        else:
            yield (), self.own

    @property
    def own(self) -> _Clause:
        return _Clause(clause=self.clause or "", confidence=self.confidence, source=self.source, safety=self.safety)

    def rule(self, base: Clause, indicators: Mapping[str, Indicator]) -> LimitRule:
        clause = base if self.label_share is not None else self.own.of(base)
        limits, by_class = self.limits(clause, indicators[self.indicator])
        return LimitRule(self.indicator, self.scope, limits, by_class, tuple(self.sum_of))


class _Exception(_Limited, _Clause):
    trait: Text
    indicators: list[Code]
    note: Text = ""
    waived: bool = False

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> _Exception:
        if self.waived:
            Faults.raise_any(Fault("is set, though the indicators are waived; leave one of both out", name) for name in self.stated)
            return self
        if len(self.indicators) != 1:
            raise Fault("an exception that sets another limit is for one indicator; give each an entry of its own", "indicators")
        faults = list(self.misfits(_of(info, "indicators")[self.indicators[0]]))
        if not faults and any(_FOR_ALL not in getattr(self, name) for name in self.stated if name != "label_share"):
            faults.append(Fault("an exception sets one limit, for every class", self.stated[0]))
        Faults.raise_any(faults)
        return self

    def clauses(self) -> Iterator[tuple[Steps, _Clause]]:
        yield (), self
        if self.label_share is not None:
            yield from ((("label_share", *steps), clause) for steps, clause in self.label_share.clauses())

    def relief(self, base: Clause, indicators: Mapping[str, Indicator]) -> Relief:
        clause, codes = self.of(base), frozenset(self.indicators)
        if self.waived:
            return Relief(self.trait, codes, self.scope, clause)
        limits, _ = self.limits(clause, indicators[self.indicators[0]])
        return Relief(self.trait, codes, self.scope, clause, limits[SafetyClass.A])


class _Required(_Scope):
    indicators: list[Code]


class _OutOfScope(_Clause):
    categories: list[CategoryName]


class StandardFile(Model):
    standard: Text
    edition: Text
    zh: Text
    en: Text
    valid_from: Day
    valid_to: Day | None = None
    confidence: Sure
    safety: bool
    source: Text
    class_of_age_group: dict[Age, Annotated[SafetyClass, member(SafetyClass)]] = {}
    out_of_scope: _OutOfScope | None = None
    limits: list[_Rule] = []
    exceptions: list[_Exception] = []
    requires: list[_Required] = []

    @classmethod
    def beside(cls, body: Mapping[Any, Any]) -> Iterator[Fault]:
        since, until = body.get("valid_from"), body.get("valid_to")
        if type(since) is type(until) is date and until < since:
            yield Fault(f"must not be before valid_from, {since}", "valid_to")

    @model_validator(mode="after")
    def _says_who_is_as_sure(self) -> StandardFile:
        Faults.raise_any(
            Fault("a confidence of its own needs a source of its own", *steps, "confidence")
            for steps, clause in self._clauses()
            if clause.confidence not in (None, self.confidence) and clause.source is None
        )
        return self

    def _clauses(self) -> Iterator[tuple[Steps, _Clause]]:
        if self.out_of_scope is not None:
            yield ("out_of_scope",), self.out_of_scope
        for place, rule in enumerate(self.limits):
            yield from ((("limits", place, *steps), clause) for steps, clause in rule.clauses())
        for place, exception in enumerate(self.exceptions):
            yield from ((("exceptions", place, *steps), clause) for steps, clause in exception.clauses())

    def edition_of(self, indicators: Mapping[str, Indicator]) -> Standard:
        """The value of the domain."""
        base = Clause(self.standard, self.edition, "", self.source, self.confidence, self.safety)
        excluded = self.out_of_scope
        return Standard(
            self.standard,
            self.edition,
            self.zh,
            self.en,
            _midnight(self.valid_from),
            None if self.valid_to is None else _midnight(self.valid_to) + _DAY,
            self.source,
            tuple(rule.rule(base, indicators) for rule in self.limits),
            tuple(exception.relief(base, indicators) for exception in self.exceptions),
            tuple(Requirement(required.scope, tuple(required.indicators)) for required in self.requires),
            self.class_of_age_group,
            frozenset() if excluded is None else frozenset(excluded.categories),
            None if excluded is None else excluded.of(base),
        )


def _midnight(day: date) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=_CHINA))
