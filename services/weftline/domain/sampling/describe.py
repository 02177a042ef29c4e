"""The plan for a lot in the words of ``weftline plan``."""

from __future__ import annotations

import datetime
from typing import TypedDict

from weftline.domain.sampling.plans import Aql, Plan, SamplingStandard, day_number
from weftline.domain.sampling.switching import Due
from weftline.domain.vocabulary import Severity


class PlanDescription(TypedDict):
    """What ``weftline plan --json`` prints. ``edition`` is None on a day on which no edition that we know was in force."""

    lot_size: int
    level: str
    aql: str
    severity: str
    code_letter: str
    plan_letter: str
    sample_size: int
    accept: int
    reject: int
    full_inspection: bool
    standard: str
    edition: str | None
    confidence: str
    switching: str
    warnings: list[str]


def describe(
    standard: SamplingStandard,
    lot_size: int,
    level: str,
    aql: Aql,
    severity: Severity | Due | str = Severity.NORMAL,
    *,
    on: datetime.date,
) -> PlanDescription:
    """The plan for a lot inspected on the day ``on``. Raises :class:`~weftline.domain.sampling.plans.PlanError`."""
    plan = standard.plan(lot_size, level, aql, severity)
    edition = standard.edition_in_force(day_number(on))
    warnings = _warnings(plan, standard)
    if edition is None:
        warnings.append(f"No edition of {standard.editions[0].standard} that is known here was in force on {on}.")
    elif edition.note:
        warnings.append(edition.note)
    return PlanDescription(
        lot_size=plan.lot_size,
        level=plan.level,
        aql=plan.aql,
        severity=plan.severity.lower(),
        code_letter=plan.code_letter,
        plan_letter=plan.plan_letter,
        sample_size=plan.sample_size,
        accept=plan.accept,
        reject=plan.reject,
        full_inspection=plan.full_inspection,
        standard=standard.editions[0].standard if edition is None else edition.standard,
        edition=None if edition is None else edition.edition,
        confidence=standard.confidence if edition is None else edition.confidence,
        switching=_switching_note(plan, standard),
        warnings=warnings,
    )


def _warnings(plan: Plan, standard: SamplingStandard) -> list[str]:
    warnings = []
    if plan.full_inspection:
        warnings.append(
            f"100 % inspection: the plan asks for {plan.table_sample_size} and the lot has {plan.lot_size}; "
            f"inspect every unit, Ac and Re stay as they are."
        )
    if plan.plan_letter != plan.code_letter:
        warnings.append(
            f"Letter {plan.code_letter} has no plan at AQL {plan.aql}; the arrow leads to letter {plan.plan_letter} "
            f"and its sample size of {plan.table_sample_size}."
        )
    if plan.per_hundred_units:
        warnings.append(
            f"AQL {plan.aql} is above {standard.percent_up_to}: count nonconformities per hundred units, not nonconforming units."
        )
    return warnings


def _switching_note(plan: Plan, standard: SamplingStandard) -> str:
    rules = standard.switching
    if plan.severity is Severity.NORMAL:
        other = standard.plan(plan.lot_size, plan.level, plan.aql, Severity.TIGHTENED)
        return (
            f"{rules.not_accepted} of {rules.window} or fewer consecutive lots not accepted: go to tightened "
            f"({_numbers(other)} for such a lot)."
        )
    other = standard.plan(plan.lot_size, plan.level, plan.aql, Severity.NORMAL)
    end = rules.discontinue_after
    stop = "" if end is None else f" {end} lots not accepted in all: discontinue until a corrective action is accepted."
    return f"{rules.accepted} consecutive lots accepted: back to normal ({_numbers(other)} for such a lot).{stop}"


def _numbers(plan: Plan) -> str:
    return f"n {plan.sample_size}, Ac {plan.accept}, Re {plan.reject}"
