"""Laboratory reports for the tests, and a short way to judge them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from weftline.contracts.standards import load_standards
from weftline.domain.events import LaboratoryReport, Measurement
from weftline.domain.laboratory import (
    Outcome,
    Reason,
    Standards,
    Verdict,
    VerdictKind,
    judge,
)
from weftline.domain.vocabulary import MeasurementKind, SafetyClass, SpecimenType, TestPurpose

STANDARDS = load_standards()
PASS, FAIL, INCOMPLETE = VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.INCOMPLETE
A, B, C = SafetyClass.A, SafetyClass.B, SafetyClass.C
FINISHED, RAW, AUXILIARY = SpecimenType.FINISHED_PRODUCT, SpecimenType.RAW_MATERIAL, SpecimenType.AUXILIARY
GREY = ["1", "1-2", "2", "2-3", "3", "3-4", "4", "4-5", "5"]


def at(day: str) -> int:
    """Noon in UTC of ``day``, ms."""
    return round(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)


NOW = at("2026-05-04")


def in_its_unit(indicator: str, more: dict[str, Any]) -> dict[str, Any]:
    """``more`` with the indicator's own unit, unless it names one or has it at None: several are in use, so a number needs one."""
    known = STANDARDS.indicators.get(indicator)
    return {"unit": known.unit if known else None, **more}


def number(indicator: str, value: float | None, **more: Any) -> Measurement:
    more = in_its_unit(indicator, more)
    return Measurement(indicator=indicator, kind=MeasurementKind.NUMBER, value=value, **more)


def grade(indicator: str, change: str | None, staining: str | None = None) -> Measurement:
    return Measurement(indicator=indicator, kind=MeasurementKind.GRADE, change_grade=change, staining_grade=staining)


def quality(indicator: str, text: str | None) -> Measurement:
    return Measurement(indicator=indicator, kind=MeasurementKind.QUALITATIVE, text=text)


def not_detected(indicator: str, limit: float | None = None, **more: Any) -> Measurement:
    more = in_its_unit(indicator, more)
    return Measurement(indicator=indicator, kind=MeasurementKind.NOT_DETECTED, detection_limit=limit, **more)


def share(label: float | None, measured: float, fibre: str = "cotton") -> Measurement:
    return number("fibre_content", measured, component=fibre, labelled_value=label, unit="%")


def report(*measurements: Measurement, plan: tuple[str, ...] | None = None, **more: Any) -> LaboratoryReport:
    """A finished product of class B; unless told otherwise, what was measured is what was ordered."""
    ordered = tuple(dict.fromkeys(m.indicator for m in measurements)) if plan is None else plan
    given: dict[str, Any] = {"specimen": FINISHED, "specimen_kind": "unfilled", "safety_class": B, **more}
    return LaboratoryReport(
        laboratory_id="LAB",
        report_number="R-1",
        purpose=TestPurpose.FUND,
        test_plan=ordered,
        measurements=measurements,
        **given,
    )


def of(*measurements: Measurement, time: int = NOW, standards: Standards = STANDARDS, **more: Any) -> Verdict:
    return judge(report(*measurements, **more), time, standards)


def only(verdict: Verdict) -> tuple[Outcome, Reason | None]:
    (item,) = verdict.items
    return item.outcome, item.reason


# A finished product of class B, all of table 1 tested and passed.
COMPLETE_B = (
    not_detected("formaldehyde", 20.0),
    number("ph", 7.0),
    quality("odour", "none"),
    not_detected("azo_amines", 5.0),
    grade("cf_water", "4", "3-4"),
    grade("cf_acid_perspiration", "4", "4"),
    grade("cf_alkaline_perspiration", "4", "3"),
    grade("cf_dry_rubbing", None, "3-4"),
)

COLOUR = ("cf_water", "cf_acid_perspiration", "cf_alkaline_perspiration", "cf_dry_rubbing")
