"""Judging one lot inspection by the plan that was used.

The plan used decides, whatever the standard would have asked for; where the two differ the result carries a mark and the
expected plan, never a silently replaced number. Two things are not for a plan to decide: a critical unit never passes (Ac 0), and
a sample of nothing accepts nothing. A unit counts once, at its worst nonconformity. Nothing here raises on what an inspector may
have written.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from weftline.domain.events import LotInspection, PlanUsed
from weftline.domain.sampling.plans import Cell, Plan, PlanError, SamplingStandard
from weftline.domain.vocabulary import NonconformityClass, Severity

_DAY_MS: Final = 86_400_000


class Mark(StrEnum):
    """What is odd about a lot inspection; the closed list that operators see."""

    # about the lot
    LOT_SIZE_NOT_IN_TABLE = "lot_size_not_in_table"  # below the smallest lot for which there is a plan
    SAMPLE_EXCEEDS_LOT = "sample_exceeds_lot"  # more units inspected than the lot has
    UNITS_EXCEED_SAMPLE = "units_exceed_sample"  # more nonconforming units, over all classes, than inspected ones
    NOTHING_INSPECTED = "nothing_inspected"  # a sample of no units: neither accepted nor not
    UNKNOWN_CLASS = "unknown_class"  # a plan for a class that is not known here; it was left aside
    # about one class
    NO_PLAN = "no_plan"  # units were found but no plan is given: not judged
    SEVERAL_PLANS = "several_plans"  # more than one plan for the class; the first one judged
    CRITICAL_ACCEPT_NOT_ZERO = "critical_accept_not_zero"  # the plan would accept critical units; it was not followed
    ACCEPT_REJECT_INCONSISTENT = "accept_reject_inconsistent"  # Re is not Ac + 1
    BETWEEN_ACCEPT_AND_REJECT = "between_accept_and_reject"  # the units fall into the gap between Ac and Re: not accepted
    SAMPLE_DIFFERS = "sample_differs"  # another number of units inspected than the plan's n, or the whole lot if that is smaller
    PLAN_MISMATCH = "plan_mismatch"  # n, Ac or Re are not what the standard gives for this lot, level, AQL and severity
    COMMON_SAMPLE = "common_sample"  # not the class's own plan, but the one of the larger sample of another class
    AQL_NOT_IN_TABLE = "aql_not_in_table"  # missing, or no AQL step
    AQL_PER_HUNDRED_UNITS = "aql_per_hundred_units"  # the AQL counts nonconformities, but units were counted
    LEVEL_UNKNOWN = "level_unknown"  # no inspection level of the standard
    SEVERITY_UNKNOWN = "severity_unknown"  # not known here
    SEVERITY_REDUCED = "severity_reduced"  # reduced inspection is switched off; the plan could not be checked
    STANDARD_UNKNOWN = "standard_unknown"  # no such standard here; the plan could not be checked
    EDITION_UNKNOWN = "edition_unknown"  # no such edition here; checked against the tables we have
    EDITION_NOT_IN_FORCE = "edition_not_in_force"  # known, but not in force on the day of inspection


_FAULT_OF_ARGUMENT: Final = {
    "lot_size": Mark.LOT_SIZE_NOT_IN_TABLE,
    "level": Mark.LEVEL_UNKNOWN,
    "aql": Mark.AQL_NOT_IN_TABLE,
}


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """One class of nonconformity; ``accepted`` is None where it could not be judged.

    ``accept`` and ``reject`` are the numbers that judged. ``expected`` is the standard's plan for the same lot, level, AQL and
    severity, None where that could not be looked up.
    """

    nonconformity_class: NonconformityClass
    accepted: bool | None
    units: int
    accept: int | None
    reject: int | None
    plan: PlanUsed | None
    expected: Plan | None
    marks: tuple[Mark, ...]

    @property
    def severity_used(self) -> Severity | None:
        """The severity of the plan used; beside it stands the severity due, which the switching knows."""
        return self.plan.severity if self.plan else None


@dataclass(frozen=True, slots=True)
class LotVerdict:
    """The lot: accepted if every class that could be judged accepts it, None if none could.

    ``classes``: CRITICAL always, MAJOR and MINOR where there is a plan or a unit, in this order.
    """

    accepted: bool | None
    classes: tuple[ClassVerdict, ...]
    marks: tuple[Mark, ...]

    def of(self, nonconformity_class: NonconformityClass) -> ClassVerdict | None:
        """The verdict of one class, if the lot was inspected for it."""
        return next((verdict for verdict in self.classes if verdict.nonconformity_class is nonconformity_class), None)


def judge(lot: LotInspection, inspected_at: int, standard: SamplingStandard, *, utc_offset_minutes: int = 0) -> LotVerdict:
    """Judge a lot inspection of ``inspected_at`` (milliseconds, UTC).

    The offset gives the calendar day at the place of inspection, which decides whether an edition was in force.
    """
    day = (inspected_at + utc_offset_minutes * 60_000) // _DAY_MS
    plans: dict[NonconformityClass, PlanUsed] = {}
    repeated: set[NonconformityClass] = set()
    for plan in lot.plans:
        if plan.nonconformity_class in plans:
            repeated.add(plan.nonconformity_class)
        else:
            plans[plan.nonconformity_class] = plan
    checks = {of: _check(plan, lot, day, standard) for of, plan in plans.items()}

    verdicts: list[ClassVerdict] = []
    for of, units in (
        (NonconformityClass.CRITICAL, lot.critical_units),
        (NonconformityClass.MAJOR, lot.major_units),
        (NonconformityClass.MINOR, lot.minor_units),
    ):
        used = plans.get(of)
        if used is None and units == 0 and of is not NonconformityClass.CRITICAL:
            continue
        expected, marks = checks.get(of, (None, ()))
        found = list(marks)
        if of in repeated:
            found.append(Mark.SEVERAL_PLANS)
        if used and expected and not _agrees(used, expected):
            others = [plan for other, (plan, _) in checks.items() if plan and other is not of]
            found.append(Mark.COMMON_SAMPLE if _is_common(used, expected, others, standard) else Mark.PLAN_MISMATCH)
        verdicts.append(_judge_class(of, units, used, expected, lot, standard, found))

    judged = [verdict.accepted for verdict in verdicts if verdict.accepted is not None]
    return LotVerdict(all(judged) if judged else None, tuple(verdicts), _lot_marks(lot, plans, standard))


def _judge_class(
    of: NonconformityClass,
    units: int,
    used: PlanUsed | None,
    expected: Plan | None,
    lot: LotInspection,
    standard: SamplingStandard,
    marks: list[Mark],
) -> ClassVerdict:
    accept = reject = None
    if used is not None:
        accept, reject = used.accept, used.reject
        if reject != accept + 1:
            marks.append(Mark.ACCEPT_REJECT_INCONSISTENT)
        if lot.sample_size != min(used.sample_size, lot.lot_size):
            marks.append(Mark.SAMPLE_DIFFERS)
    if of is NonconformityClass.CRITICAL:
        if accept is not None and accept != standard.critical_accept:
            marks.append(Mark.CRITICAL_ACCEPT_NOT_ZERO)
        accept, reject = standard.critical_accept, standard.critical_accept + 1
    accepted: bool | None = None
    if accept is None or reject is None:
        marks.append(Mark.NO_PLAN)
    elif units > accept or units >= reject:
        accepted = False
        if accept < units < reject:
            marks.append(Mark.BETWEEN_ACCEPT_AND_REJECT)
    elif lot.sample_size > 0:
        accepted = True
    return ClassVerdict(of, accepted, units, accept, reject, used, expected, tuple(marks))


def _check(used: PlanUsed, lot: LotInspection, day: int, standard: SamplingStandard) -> tuple[Plan | None, tuple[Mark, ...]]:
    """The plan that the standard gives for what the plan used names, and what is odd about those names."""
    marks: list[Mark] = []
    name = _folded(used.standard)
    editions = [edition for edition in standard.editions if _folded(edition.standard) == name]
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


def _folded(name: str) -> str:
    """``ISO 2859-1`` and ``iso2859-1`` name one standard."""
    return "".join(name.split()).upper()


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


def _lot_marks(lot: LotInspection, plans: dict[NonconformityClass, PlanUsed], standard: SamplingStandard) -> tuple[Mark, ...]:
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
