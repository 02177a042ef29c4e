"""Single sampling plans of ISO 2859-1: code letters, master tables with their arrows followed, editions.

The standard is data (``schemas/standards/iso-2859-1.yaml``). Every cell is derived once (:mod:`.tables`), so that a lookup is one
dictionary access and a table with a hole cannot be loaded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from weftline.domain.sampling.switching import Due, SwitchingRules
from weftline.domain.sampling.tables import TABLES, Cell
from weftline.domain.vocabulary import Severity

_EPOCH: Final = date(1970, 1, 1).toordinal()

Aql = Decimal | float | int | str


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


class PlanError(ValueError):
    """A plan was asked for that the standard does not have; ``argument`` is the name of the parameter at fault.

    The one-line message names the argument, the value, and what is allowed.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for a lot.

    ``code_letter`` is the letter of the lot's size and level, ``plan_letter`` the row to which the arrows led. ``sample_size`` is
    what is drawn: the row's ``table_sample_size``, or the whole lot where that is not larger (``full_inspection``; Ac is kept).
    ``per_hundred_units``: the AQL counts nonconformities per hundred units and has no meaning as percent nonconforming.
    """

    lot_size: int
    level: str
    aql: str
    severity: Severity
    code_letter: str
    plan_letter: str
    sample_size: int
    table_sample_size: int
    accept: int
    reject: int
    full_inspection: bool
    per_hundred_units: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition and its days of validity, both included, counted from 1970-01-01; no ``valid_to``: still in force."""

    standard: str
    edition: str
    valid_from: int
    valid_to: int | None
    confidence: str
    source: str
    note: str | None

    def in_force(self, day: int) -> bool:
        """Whether it was in force on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class SamplingStandard:
    """A sampling standard, ready for lookups. Tables are keyed by (severity, code letter, AQL)."""

    id: str
    source: str
    confidence: str
    editions: tuple[Edition, ...]
    lot_sizes: tuple[int, ...]  # the smallest lot of each range, ascending
    code_letters: Mapping[str, str]  # level -> one letter per range
    aqls: Mapping[Decimal, str]  # step -> how it is printed, ascending
    percent_up_to: Decimal
    cells: Mapping[tuple[Severity, str, Decimal], Cell]
    reduced_reason: str
    common_sample: bool
    switching: SwitchingRules
    critical_accept: int

    def plan(self, lot_size: int, level: str, aql: Aql, severity: Severity | Due | str = Severity.NORMAL) -> Plan:
        """The plan for a lot of ``lot_size`` units; level and severity in any case. Raises :class:`PlanError`."""
        table = self.severity(severity)
        step = self.aql(aql)
        level = self.level(level)
        letter = self.code_letter(lot_size, level)
        cell = self.cells[table, letter, step]
        return Plan(
            lot_size=lot_size,
            level=level,
            aql=self.aqls[step],
            severity=table,
            code_letter=letter,
            plan_letter=cell.letter,
            sample_size=min(cell.sample_size, lot_size),
            table_sample_size=cell.sample_size,
            accept=cell.accept,
            reject=cell.reject,
            full_inspection=cell.sample_size >= lot_size,
            per_hundred_units=step > self.percent_up_to,
        )

    def code_letter(self, lot_size: int, level: str) -> str:
        """The sample size code letter.

        A lot of one unit is below the table and is an error, not a guess: there is nothing to sample.
        """
        if isinstance(lot_size, bool) or not isinstance(lot_size, int):
            raise PlanError("lot_size", f"must be a whole number of units, not {lot_size!r}")
        if lot_size < self.lot_sizes[0]:
            advice = "; inspect the unit itself, no sampling plan applies" if lot_size == 1 else ""
            raise PlanError("lot_size", f"{lot_size} is below the tables, which begin at {self.lot_sizes[0]}{advice}")
        return self.code_letters[self.level(level)][bisect_right(self.lot_sizes, lot_size) - 1]

    def level(self, level: str) -> str:
        """The inspection level as the standard writes it."""
        name = str(level).strip().upper()
        if name not in self.code_letters:
            raise PlanError("level", f"{level!r} is no inspection level; use one of {', '.join(self.code_letters)}")
        return name

    def aql(self, aql: Aql) -> Decimal:
        """The AQL step, exactly; a float is read as the shortest decimal that denotes it (2.5, 0.065)."""
        try:
            step = Decimal(repr(aql) if isinstance(aql, float) else aql)
            known = step.is_finite() and step in self.aqls and not isinstance(aql, bool)
        except (InvalidOperation, TypeError, ValueError):
            known = False
        if not known:
            raise PlanError("aql", f"{aql!r} is no AQL of the tables; use one of {', '.join(self.aqls.values())}")
        return step

    def severity(self, severity: Severity | Due | str) -> Severity:
        """The severity whose table is asked for."""
        name = str(severity).strip().upper()
        if name == Severity.REDUCED:
            raise PlanError("severity", f"reduced inspection is switched off; use normal or tightened. {self.reduced_reason}")
        if name == Due.DISCONTINUED:
            raise PlanError(
                "severity", "inspection is discontinued; there is no plan until a corrective action is accepted, then tightened"
            )
        if name not in TABLES:
            raise PlanError("severity", f"{str(severity)!r} is no severity; use normal or tightened")
        return Severity(name)

    def edition_in_force(self, day: int, standard: str | None = None) -> Edition | None:
        """The newest edition in force on a day (days since 1970-01-01), of ``standard`` or else of the first one listed."""
        name = self.editions[0].standard if standard is None else standard
        valid = [edition for edition in self.editions if edition.standard == name and edition.in_force(day)]
        return max(valid, key=lambda edition: edition.valid_from, default=None)


__all__ = ["Aql", "Cell", "Edition", "Plan", "PlanError", "SamplingStandard", "day_number"]
