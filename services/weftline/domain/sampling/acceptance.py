"""Judging one lot inspection by the sample that was drawn and the standard's plan.

The plan that decides is the *standard's*, for the lot's size and for the level, AQL and severity that the inspector had in hand; a plan in
hand with other numbers is marked, and does not decide. A plan that says ``BY_AGREEMENT`` is a buyer's own: it decides by its own
numbers, and is counted apart.

With n units to inspect, Ac and Re, and d units found in a sample of m:

======  =============================================  ====================================
sample  accepted                                       not accepted
======  =============================================  ====================================
m = n   d ≤ Ac                                         otherwise (between Ac and Re too)
m < n   d + (n - m) ≤ Ac: even if all others were bad  d ≥ Re
m > n   d ≤ Ac                                         d - (m - n) ≥ Re: even without the surplus
======  =============================================  ====================================

and NOT_JUDGED otherwise: units inspected shall equal n (MIL-STD-105E 4.10.1.1, ANSI/ASQ Z1.4 10.1.1). Figures that contradict themselves
(more units found than inspected, more inspected than the lot has) never accept a lot, and two plans for one class judge nothing. A critical
unit never passes (Ac 0). A unit counts once, at its worst nonconformity. Nothing here raises on what an inspector may have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from weftline.domain.events import LotInspection, PlanUsed
from weftline.domain.laboratory.spelling import folded, key
from weftline.domain.sampling.marks import Mark
from weftline.domain.sampling.plans import Cell, Plan, PlanError, SamplingStandard
from weftline.domain.vocabulary import NonconformityClass, PlanBasis, Severity

_DAY_MS: Final = 86_400_000
_YEAR: Final = re.compile(r"[-:](?:19|20)\d\d$")

_FAULT_OF_ARGUMENT: Final = {
    "lot_size": Mark.LOT_SIZE_NOT_IN_TABLE,
    "level": Mark.LEVEL_UNKNOWN,
    "aql": Mark.AQL_NOT_IN_TABLE,
}
#: Marks of a lot whose figures contradict themselves.
_IMPOSSIBLE: Final = frozenset({Mark.SAMPLE_EXCEEDS_LOT, Mark.UNITS_EXCEED_SAMPLE, Mark.NOTHING_INSPECTED})


class Numbers(NamedTuple):
    """n, Ac and Re."""

    sample_size: int
    accept: int
    reject: int


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """One class of nonconformity; ``accepted`` is None where it could not be judged.

    ``deciding``: the numbers that judged, None where there are none. ``plan``: the plan in hand. ``expected``: the standard's plan for
    the same lot, level, AQL and severity, None where that could not be looked up.
    """

    nonconformity_class: NonconformityClass
    accepted: bool | None
    units: int
    deciding: Numbers | None
    plan: PlanUsed | None
    expected: Plan | None
    marks: tuple[Mark, ...]

    @property
    def severity_used(self) -> Severity | None:
        """The severity of the plan in hand; beside it stands the severity due, which the switching knows."""
        return self.plan.severity if self.plan else None

    @property
    def by_agreement(self) -> bool:
        """Whether a buyer's own plan judged."""
        return Mark.BY_AGREEMENT in self.marks


@dataclass(frozen=True, slots=True)
class LotVerdict:
    """The lot: not accepted if a class is not, else not judged (None) if a class could not be judged, else accepted.

    ``classes``: CRITICAL always, MAJOR and MINOR where there is a plan or a unit, in this order.
    """

    accepted: bool | None
    classes: tuple[ClassVerdict, ...]
    marks: tuple[Mark, ...]

    @property
    def by_agreement(self) -> bool:
        """Whether a buyer's own plan judged a class of it: then the lot is counted apart."""
        return any(of.by_agreement for of in self.classes)

    @property
    def all_marks(self) -> tuple[Mark, ...]:
        """The marks of the lot and of its classes, each once."""
        return tuple(dict.fromkeys((*self.marks, *(mark for of in self.classes for mark in of.marks))))

    def of(self, nonconformity_class: NonconformityClass) -> ClassVerdict | None:
        """The verdict of one class, if the lot was inspected for it."""
        return next((verdict for verdict in self.classes if verdict.nonconformity_class is nonconformity_class), None)


def judge(lot: LotInspection, inspected_at: int, standard: SamplingStandard, *, utc_offset_minutes: int = 0) -> LotVerdict:
    """Judge a lot inspection of ``inspected_at`` (milliseconds, UTC).

    The offset gives the calendar day at the place of inspection, which decides whether an edition was in force.
    """
    day = (inspected_at + utc_offset_minutes * 60_000) // _DAY_MS
    plans: dict[NonconformityClass, list[PlanUsed]] = {}
    for plan in lot.plans:
        of_class = plans.setdefault(plan.nonconformity_class, [])
        if plan not in of_class:  # the same plan written twice contradicts nothing
            of_class.append(plan)
    checks = {of: _check(several[0], lot, day, standard) for of, several in plans.items()}
    marks = _lot_marks(lot, plans, standard)
    impossible = not _IMPOSSIBLE.isdisjoint(marks)

    verdicts: list[ClassVerdict] = []
    for of, units in (
        (NonconformityClass.MAJOR, lot.major_units),
        (NonconformityClass.MINOR, lot.minor_units),
        (NonconformityClass.CRITICAL, lot.critical_units),
    ):
        several = plans.get(of, [])
        if not several and units == 0 and of is not NonconformityClass.CRITICAL:
            continue
        expected, found = checks.get(of, (None, ()))
        others = [plan for other, (plan, _) in checks.items() if plan and other is not of]
        if len(several) > 1:
            decided = _Decided(None, (*found, Mark.SEVERAL_PLANS))
        else:
            decided = _decided(several[0] if several else None, expected, others, lot, standard, found)
        if of is NonconformityClass.CRITICAL:
            sizes = [verdict.deciding.sample_size for verdict in verdicts if verdict.deciding is not None]
            decided = _critical(decided, several, max(sizes, default=None), lot.lot_size, standard)
        accepted, more = _judged(units, lot.sample_size, decided.numbers)
        if of is NonconformityClass.CRITICAL and units > standard.critical_accept:
            accepted = False
        elif accepted and impossible:
            accepted = None
        verdicts.append(
            ClassVerdict(of, accepted, units, decided.numbers, several[0] if several else None, expected, (*decided.marks, *more))
        )

    verdicts.insert(0, verdicts.pop())
    results = [verdict.accepted for verdict in verdicts]
    return LotVerdict(False if False in results else None if None in results else True, tuple(verdicts), marks)


class _Decided(NamedTuple):
    """The numbers that decide, if any, and what is odd about how they came about."""

    numbers: Numbers | None
    marks: tuple[Mark, ...]


def _decided(
    used: PlanUsed | None,
    expected: Plan | None,
    others: list[Plan],
    lot: LotInspection,
    standard: SamplingStandard,
    marks: tuple[Mark, ...],
) -> _Decided:
    """Of a class for which there is at most one plan."""
    if used is None:
        return _Decided(None, (*marks, Mark.NO_PLAN))
    if used.reject != used.accept + 1:
        marks = (*marks, Mark.ACCEPT_REJECT_INCONSISTENT)
    if Mark.BY_AGREEMENT in marks:
        return _Decided(Numbers(min(used.sample_size, lot.lot_size), used.accept, used.reject), marks)
    if expected is None:
        return _Decided(None, marks)
    if _agrees(used, expected):
        return _Decided(Numbers(expected.sample_size, expected.accept, expected.reject), marks)
    if _is_common(used, expected, others, standard):
        # The standard's too, only that of another row.
        return _Decided(Numbers(min(used.sample_size, lot.lot_size), used.accept, used.reject), (*marks, Mark.COMMON_SAMPLE))
    return _Decided(Numbers(expected.sample_size, expected.accept, expected.reject), (*marks, Mark.PLAN_MISMATCH))


def _critical(
    decided: _Decided, several: list[PlanUsed], largest: int | None, lot_size: int, standard: SamplingStandard
) -> _Decided:
    """Critical units: Ac by rule, and n of its own plan or, without one, of the largest plan of the other classes."""
    accept = standard.critical_accept
    marks = tuple(mark for mark in decided.marks if mark is not Mark.NO_PLAN)
    if any(plan.accept != accept for plan in several):
        marks = (*marks, Mark.CRITICAL_ACCEPT_NOT_ZERO)
    if Mark.SEVERAL_PLANS in marks:
        size = None
    elif decided.numbers is not None:
        size = decided.numbers.sample_size
    elif several:
        # It needs no AQL: n is what stands in the plan, and nothing tells what it should be.
        size = min(several[0].sample_size, lot_size) if several[0].aql is None else None
    else:
        size = largest
    if size is None:
        return _Decided(None, marks if several else (*marks, Mark.NO_PLAN))
    return _Decided(Numbers(size, accept, accept + 1), marks)


def _judged(units: int, inspected: int, numbers: Numbers | None) -> tuple[bool | None, tuple[Mark, ...]]:
    """The rule at the head of this module."""
    if numbers is None:
        return None, ()
    size, accept, reject = numbers
    missing, surplus = max(size - inspected, 0), max(inspected - size, 0)
    marks = (Mark.SAMPLE_DIFFERS,) if missing or surplus else ()
    if units - surplus >= reject:
        return False, marks
    if units + missing <= accept:
        return True, marks
    if marks:
        return None, marks
    return False, (Mark.BETWEEN_ACCEPT_AND_REJECT,)


def _check(used: PlanUsed, lot: LotInspection, day: int, standard: SamplingStandard) -> tuple[Plan | None, tuple[Mark, ...]]:
    """The plan that the standard gives for what the plan in hand names, and what is odd about those names."""
    # Who writes by the first version of the schema says it in the name of the standard.
    if used.basis is PlanBasis.BY_AGREEMENT or key(used.standard) == key(PlanBasis.BY_AGREEMENT):
        return None, (Mark.BY_AGREEMENT,)
    marks: list[Mark] = []
    name = standard_name(used.standard)
    editions = [edition for edition in standard.editions if standard_name(edition.standard) == name]
    if not editions:
        return None, (Mark.STANDARD_UNKNOWN,)
    named = [edition for edition in editions if edition.edition == used.edition.strip()]
    if not named:
        marks.append(Mark.EDITION_UNKNOWN)
    elif not any(edition.in_force(day) for edition in named):
        marks.append(Mark.EDITION_NOT_IN_FORCE)
    if used.severity not in (Severity.NORMAL, Severity.TIGHTENED):
        marks.append(Mark.SEVERITY_REDUCED if used.severity is Severity.REDUCED else Mark.SEVERITY_UNKNOWN)
        return None, tuple(marks)
    if used.aql is None:
        # A critical class has Ac 0 by rule and needs no AQL.
        if used.nonconformity_class is not NonconformityClass.CRITICAL:
            marks.append(Mark.AQL_NOT_IN_TABLE)
        return None, tuple(marks)
    try:
        plan = standard.plan(lot.lot_size, used.level, used.aql, used.severity)
    except PlanError as fault:
        mark = _FAULT_OF_ARGUMENT[fault.argument]
        if mark is not Mark.LOT_SIZE_NOT_IN_TABLE:  # a mark of the lot, not of each class
            marks.append(mark)
        return None, tuple(marks)
    if plan.per_hundred_units:
        marks.append(Mark.AQL_PER_HUNDRED_UNITS)
    return plan, tuple(marks)


def standard_name(name: str) -> str:
    """``ISO 2859-1``, ``iso2859-1`` and ``ISO 2859—1:1999`` name one standard."""
    return _YEAR.sub("", folded(name).replace(" ", "").replace("gbt", "gb/t"))


def numbers_text(numbers: Numbers | Plan | PlanUsed | None) -> str:
    """``n 80, Ac 5, Re 6``."""
    return "no numbers" if numbers is None else f"n {numbers.sample_size}, Ac {numbers.accept}, Re {numbers.reject}"


def _agrees(used: PlanUsed, expected: Plan | Cell) -> bool:
    """For a lot no larger than the sample both the table's n and the whole lot are right to write down."""
    sizes = {expected.sample_size}
    if isinstance(expected, Plan):
        sizes.add(expected.table_sample_size)
    return used.sample_size in sizes and (used.accept, used.reject) == (expected.accept, expected.reject)


def _is_common(used: PlanUsed, expected: Plan, others: list[Plan], standard: SamplingStandard) -> bool:
    """Whether the plan used is the one for the larger sample of another class of the same lot."""
    aql = Decimal(expected.aql)
    return standard.common_sample and any(
        other.table_sample_size > expected.table_sample_size
        and _agrees(used, standard.cells[expected.severity, other.plan_letter, aql])
        for other in others
    )


def _lot_marks(lot: LotInspection, plans: Iterable[NonconformityClass], standard: SamplingStandard) -> tuple[Mark, ...]:
    marks = []
    if lot.lot_size < standard.lot_sizes[0]:
        marks.append(Mark.LOT_SIZE_NOT_IN_TABLE)
    if lot.sample_size > lot.lot_size:
        marks.append(Mark.SAMPLE_EXCEEDS_LOT)
    if lot.critical_units + lot.major_units + lot.minor_units > lot.sample_size:
        marks.append(Mark.UNITS_EXCEED_SAMPLE)
    if lot.sample_size <= 0:
        marks.append(Mark.NOTHING_INSPECTED)
    if NonconformityClass.UNKNOWN in plans:
        marks.append(Mark.UNKNOWN_CLASS)
    return tuple(marks)
