"""What applies to one sort of specimen at one time, looked up once and remembered.

Reports of one sort (period between changes of standards, specimen, kind, class, age group, traits) are judged by the same limits,
so the limits are resolved once per sort, into a dictionary from indicator to checks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from weftline.domain.events import LaboratoryReport
from weftline.domain.laboratory.checks import (
    Check,
    check_acceptable,
    check_bounds,
    check_every_class,
    check_grades,
    check_without_limit,
)
from weftline.domain.laboratory.findings import WITHOUT_LIMIT, Finding, Outcome, Reason, flags_of, not_applicable
from weftline.domain.laboratory.label_shares import check_label_share
from weftline.domain.laboratory.spelling import key
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

    ``checks``: for every known indicator, deciding limits first; ``sums``: limits on several components together. ``required``: what
    the standards require of such a specimen, of one whose class is not known all that any class requires; None when no standard
    says. ``class_matters``: the class is not known, and the classes require different things. ``applicable``: false where a standard
    that would decide says itself that it is not about such a product, and none else decides.
    """

    safety_class: SafetyClass
    editions: tuple[str, ...]
    checks: Mapping[str, tuple[Check, ...]]
    sums: tuple[tuple[Indicator, tuple[str, ...], Check], ...]
    required: tuple[str, ...] | None
    class_matters: bool
    out_of_scope: bool


@dataclass(frozen=True, slots=True)
class _Sort:
    """A sort of specimen, with the class by which it is judged."""

    specimen: SpecimenType
    kind: str | None
    safety_class: SafetyClass
    age_group: AgeGroup
    traits: frozenset[str]
    category: str | None  # only one that is out of some standard's scope


def profile_of(report: LaboratoryReport, time: int, standards: Standards, category: str | None = None) -> Profile:
    """What applies to ``report`` when tested at ``time`` (ms UTC); ``category``: the code of its product category, if it is known."""
    traits = report.traits
    if traits:
        known = standards.traits
        traits = tuple(sorted({known[spelled] for trait in traits if (spelled := key(trait)) in known}))
    kind = None if report.specimen_kind is None else standards.kinds.get(key(report.specimen_kind))
    excluded = category if category in standards.excluded else None
    remembered = (standards.period(time), report.specimen, kind, report.safety_class, report.age_group, traits, excluded)
    profile = standards.memo.get(remembered)
    if not isinstance(profile, Profile):
        sort = _Sort(report.specimen, kind, report.safety_class, report.age_group, frozenset(traits), excluded)
        profile = standards.memo[remembered] = _resolve(sort, standards, standards.in_force(time))
    return profile


def _resolve(sort: _Sort, standards: Standards, in_force: tuple[Standard, ...]) -> Profile:
    prescribed = [s.class_of_age_group[sort.age_group] for s in in_force if sort.age_group in s.class_of_age_group]
    sort = replace(sort, safety_class=min(prescribed, default=sort.safety_class))  # A, the strictest, is the smallest
    deciding: dict[str, list[Check]] = {}
    others: dict[str, list[Check]] = {}
    sums: list[tuple[Indicator, tuple[str, ...], Check]] = []
    editions: list[str] = []
    for standard in in_force:
        rules = [rule for rule in standard.limits if rule.scope.covers(sort.specimen, sort.kind, sort.age_group)]
        if rules and sort.category not in standard.out_of_scope:
            editions.append(standard.label)
        for rule in rules:
            indicator = standards.indicators[rule.indicator]
            check, decides = _applied(rule, standard, indicator, sort)
            if rule.sum_of:
                if check is not None and sort.category not in standard.out_of_scope:
                    sums.append((indicator, rule.sum_of, check))
            elif check is not None:
                (deciding if decides else others).setdefault(rule.indicator, []).append(check)
    checks = {
        code: (*deciding.get(code, ()), *others.get(code, ())) or (check_without_limit(indicator, WITHOUT_LIMIT[Reason.NO_LIMIT]),)
        for code, indicator in standards.indicators.items()
    }
    about_it = [standard for standard in in_force if sort.category not in standard.out_of_scope]
    by_class = [_required(about_it, replace(sort, safety_class=one)) for one in _possible(sort.safety_class)]
    required = None if None in by_class else tuple(dict.fromkeys(code for of in by_class for code in of or ()))
    return Profile(
        sort.safety_class,
        tuple(editions),
        checks,
        tuple(sums),
        required,
        class_matters=any(set(of or ()) != set(required or ()) for of in by_class),
        out_of_scope=len(about_it) < len(in_force),
    )


def _possible(safety_class: SafetyClass) -> tuple[SafetyClass, ...]:
    return (safety_class,) if safety_class in SAFETY_CLASSES else SAFETY_CLASSES


def _required(standards: Collection[Standard], sort: _Sort) -> tuple[str, ...] | None:
    """What the standards require of a specimen whose class is known; None if none of them says."""
    known = False
    required: dict[str, None] = {}
    for standard in standards:
        for requirement in standard.requirements:
            if requirement.scope.covers(sort.specimen, sort.kind, sort.age_group):
                known = True
                required |= dict.fromkeys(code for code in requirement.indicators if _is_limited(code, standards, sort))
                break
    return tuple(required) if known else None


def _is_limited(code: str, standards: Iterable[Standard], sort: _Sort) -> bool:
    """Whether a confirmed limit of ``code`` holds for such a specimen, no exception freeing it."""
    return any(
        _limit_of(rule, standard, sort) is not None
        for standard in standards
        for rule in standard.limits
        if rule.indicator == code and not rule.sum_of and rule.scope.covers(sort.specimen, sort.kind, sort.age_group)
    )


def _limit_of(rule: LimitRule, standard: Standard, sort: _Sort) -> Limit | None:
    reliefs = [relief for relief in standard.reliefs if _frees(relief, rule, sort)]
    if reliefs:
        return None if any(relief.instead is None for relief in reliefs) else reliefs[0].instead
    limit = rule.limits.get(sort.safety_class)
    return limit if limit is not None and _decides(limit) else None


def _applied(rule: LimitRule, standard: Standard, indicator: Indicator, sort: _Sort) -> tuple[Check | None, bool]:
    """The check of ``rule`` for such a specimen, if any, and whether it decides."""
    if sort.safety_class in SAFETY_CLASSES and sort.safety_class not in rule.limits:
        return None, False
    if sort.category in standard.out_of_scope:
        return check_without_limit(indicator, not_applicable(Reason.OUT_OF_SCOPE, standard.scope_clause)), False
    reliefs = [relief for relief in standard.reliefs if _frees(relief, rule, sort)]
    if any(relief.instead is None for relief in reliefs):
        clause = next(relief.clause for relief in reliefs if relief.instead is None)
        return check_without_limit(indicator, not_applicable(Reason.WAIVED, clause)), False
    for relief in reliefs:
        if relief.instead is not None:
            return _check(relief.instead, indicator, sort), True
    if rule.by_class and sort.safety_class not in SAFETY_CLASSES:
        return _for_unknown_class(rule, indicator, sort)
    limit = rule.limits[sort.safety_class] if rule.by_class else next(iter(rule.limits.values()))
    return _check(limit, indicator, sort), _decides(limit)


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
