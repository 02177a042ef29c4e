"""Values and limits as people write them."""

from __future__ import annotations

from decimal import Decimal

from weftline.domain.events import Measurement
from weftline.domain.laboratory.grades import grade_text
from weftline.domain.laboratory.spelling import NO_SPELLINGS
from weftline.domain.laboratory.standards import Bounds, Indicator, LeastGrades, Standards
from weftline.domain.vocabulary import MeasurementKind


def number_text(value: Decimal | float) -> str:
    """``value`` as people write it: a measured 20.0 is ``20``, a limit keeps its digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    decimal = Decimal(repr(value))
    if not decimal.is_finite():
        return str(decimal)
    text = format(decimal, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit(text: str, unit: str | None) -> str:
    """``20 mg/kg``."""
    return f"{text} {unit}" if unit else text


def value_text(measurement: Measurement) -> str:
    """What was measured, as people write it: ``21.3 mg/kg``, ``change 4, staining 3-4``, ``not detected (< 20 mg/kg)``."""
    return _value_text(measurement, "change", "staining", "not detected", "label", None)


def value_text_zh(measurement: Measurement, standards: Standards) -> str:
    """The same in Chinese; qualitative results by their name."""
    indicator = standards.indicators.get(measurement.indicator)
    return _value_text(measurement, "变色", "沾色", "未检出", "标注", indicator)


def _value_text(
    measurement: Measurement, change: str, staining: str, not_detected: str, label: str, indicator: Indicator | None
) -> str:
    codes, spellings = (indicator.codes_zh, indicator.spellings) if indicator else ({}, NO_SPELLINGS)
    kind, unit = measurement.kind, measurement.unit
    if kind is MeasurementKind.NUMBER and measurement.value is not None:
        text = with_unit(number_text(measurement.value), unit)
        limit, stated = measurement.detection_limit, measurement.labelled_value
        if limit is not None and measurement.value < limit:
            text = f"{text}, {not_detected} (< {with_unit(number_text(limit), unit)})"
        return text if stated is None else f"{text} ({label} {with_unit(number_text(stated), unit)})"
    if kind is MeasurementKind.GRADE:
        changed, stained = measurement.change_grade, measurement.staining_grade
        if changed is not None and stained is not None:
            return f"{change} {changed}, {staining} {stained}"
        return changed or stained or "–"
    if kind is MeasurementKind.QUALITATIVE and measurement.text:
        return codes.get(measurement.text) or codes.get(spellings.code(measurement.text), measurement.text)
    if kind is MeasurementKind.NOT_DETECTED:
        limit = measurement.detection_limit
        return not_detected if limit is None else f"{not_detected} (< {with_unit(number_text(limit), unit)})"
    return "–"


def bounds_text(limit: Bounds, unit: str | None) -> str:
    """``≤ 20 mg/kg``, ``4–7.5``."""
    if limit.low is None and limit.high is not None:
        return with_unit(f"≤ {number_text(limit.high)}", unit)
    if limit.high is None and limit.low is not None:
        return with_unit(f"≥ {number_text(limit.low)}", unit)
    if limit.low is None or limit.high is None:
        return "none"
    between = " – " if limit.low < 0 else "–"
    return with_unit(f"{number_text(limit.low)}{between}{number_text(limit.high)}", unit)


def grades_text(limit: LeastGrades, change: str, staining: str) -> str:
    """``≥ 3-4``, or both readings where they differ."""
    if limit.change == limit.staining:
        return f"≥ {grade_text(limit.change)}"
    return f"{change} ≥ {grade_text(limit.change)}, {staining} ≥ {grade_text(limit.staining)}"
