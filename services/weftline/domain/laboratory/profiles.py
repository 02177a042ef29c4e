"""What applies to one sort of specimen at one time, looked up once and remembered.

Reports of one sort (period between changes of standards, specimen, kind, class, age group, traits) are judged by the same limits,
so the limits are resolved once per sort, into a dictionary from indicator to checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weftline.domain.events import LaboratoryReport
from weftline.domain.laboratory.checks import (
    Check,
    check_acceptable,
    check_bounds,
    check_every_class,
    check_grades,
    check_without_limit,
)
from weftline.domain.laboratory.findings import WITHOUT_LIMIT, Finding, Outcome, Reason, flags_of, waived
from weftline.domain.laboratory.label_shares import check_label_share
from weftline.domain.laboratory.standards import (
    SAFETY_CLASSES,
    Acceptable,
    Bounds,
    Clause,
    Indicator,
    LabelShare,
    LeastGrades,
    Limit,
    LimitRule,
    Relief,
    Standard,
    Standards,
)
from weftline.domain.vocabulary import AgeGroup, SafetyClass, SpecimenType


@dataclass(frozen=True, slots=True)
class Profile:
    """``safety_class``: by which it is judged. ``editions``: those that have limits for it.

    ``checks``: for every known indicator, deciding limits first. ``required``: what the standards require of such a specimen; None
    when none of them says.
    """

    safety_class: SafetyClass
    editions: tuple[str, ...]
    checks: Mapping[str, tuple[Check, ...]]
    required: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class _Sort:
    """A sort of specimen, with the class by which it is judged."""

    specimen: SpecimenType
    kind: str | None
    safety_class: SafetyClass
    age_group: AgeGroup
    traits: frozenset[str]


def profile_of(report: LaboratoryReport, time: int, standards: Standards) -> Profile:
    """What applies to ``report`` when tested at ``time`` (ms UTC)."""
    traits = report.traits
    if traits:
        traits = tuple(sorted(standards.traits.intersection(traits)))
    kind = report.specimen_kind if report.specimen_kind in standards.kinds else None
    key = (standards.period(time), report.specimen, kind, report.safety_class, report.age_group, traits)
    profile = standards.profiles.get(key)
    if profile is None:
        profile = _resolve(report, kind, frozenset(traits), standards, standards.in_force(time))
        standards.profiles[key] = profile
    return profile


def _resolve(
    report: LaboratoryReport, kind: str | None, traits: frozenset[str], standards: Standards, in_force: tuple[Standard, ...]
) -> Profile:
    prescribed = [s.class_of_age_group[report.age_group] for s in in_force if report.age_group in s.class_of_age_group]
    safety_class = min(prescribed, default=report.safety_class)  # A, the strictest, is the smallest
    sort = _Sort(report.specimen, kind, safety_class, report.age_group, traits)
    deciding: dict[str, list[Check]] = {}
    others: dict[str, list[Check]] = {}
    editions: list[str] = []
    for standard in in_force:
        rules = [rule for rule in standard.limits if rule.scope.covers(sort.specimen, sort.kind, sort.age_group)]
        if rules:
            editions.append(standard.label)
        for rule in rules:
            check, decides = _applied(rule, standard, standards.indicators[rule.indicator], sort)
            if check is not None:
                (deciding if decides else others).setdefault(rule.indicator, []).append(check)
    checks = {
        code: (*deciding.get(code, ()), *others.get(code, ())) or (check_without_limit(indicator, WITHOUT_LIMIT[Reason.NO_LIMIT]),)
        for code, indicator in standards.indicators.items()
    }
    required = _required(in_force, sort, deciding.keys())
    return Profile(safety_class, tuple(editions), checks, required)


def _required(in_force: Iterable[Standard], sort: _Sort, limited: Iterable[str]) -> tuple[str, ...] | None:
    known = False
    required: dict[str, None] = {}
    for standard in in_force:
        for requirement in standard.requirements:
            if requirement.scope.covers(sort.specimen, sort.kind, sort.age_group):
                known = True
                required |= dict.fromkeys(code for code in requirement.indicators if code in limited)
                break
    return tuple(required) if known else None


def _applied(rule: LimitRule, standard: Standard, indicator: Indicator, sort: _Sort) -> tuple[Check | None, bool]:
    """The check of ``rule`` for such a specimen, if any, and whether it decides."""
    reliefs = [relief for relief in standard.reliefs if _frees(relief, rule, sort)]
    if any(relief.instead is None for relief in reliefs):
        clause = next(relief.clause for relief in reliefs if relief.instead is None)
        return check_without_limit(indicator, waived(clause)), False
    for relief in reliefs:
        if relief.instead is not None:
            return _check(relief.instead, indicator, sort), True
    if rule.by_class and sort.safety_class not in SAFETY_CLASSES:
        return _for_unknown_class(rule, indicator, sort)
    limit = rule.limits.get(sort.safety_class) if rule.by_class else next(iter(rule.limits.values()))
    return (None, False) if limit is None else (_check(limit, indicator, sort), _decides(limit))


def _frees(relief: Relief, rule: LimitRule, sort: _Sort) -> bool:
    return (
        relief.clause.decides
        and relief.trait in sort.traits
        and rule.indicator in relief.indicators
        and relief.scope.covers(sort.specimen, sort.kind, sort.age_group)
    )


def _for_unknown_class(rule: LimitRule, indicator: Indicator, sort: _Sort) -> tuple[Check, bool]:
    limits = [rule.limits.get(safety_class) for safety_class in SAFETY_CLASSES]
    known = [limit for limit in limits if limit is not None]
    # Only what every class limits is required of a specimen of an unknown class.
    decides = len(known) == len(limits) and all(_decides(limit) for limit in known)
    unknown = Finding(Outcome.NOT_JUDGED, Reason.CLASS_UNKNOWN, flags_of(Reason.CLASS_UNKNOWN, decides), _clauses(known[0])[0])
    checks = tuple(None if limit is None else _check(limit, indicator, sort) for limit in limits)
    return check_every_class(checks, unknown), decides


def _check(limit: Limit, indicator: Indicator, sort: _Sort) -> Check:
    if isinstance(limit, Bounds):
        return check_bounds(indicator, limit)
    if isinstance(limit, LeastGrades):
        return check_grades(indicator, limit)
    if isinstance(limit, Acceptable):
        return check_acceptable(indicator, limit)
    filling = sort.kind in limit.filling_kinds or limit.filling_trait in sort.traits
    return check_label_share(indicator, limit, filling, sort.specimen)


def _clauses(limit: Limit) -> tuple[Clause, ...]:
    if isinstance(limit, LabelShare):
        return (limit.trace, *(band.clause for band in (*limit.textile, *limit.filling, limit.pure)))
    return (limit.clause,)


def _decides(limit: Limit) -> bool:
    return any(clause.decides for clause in _clauses(limit))
