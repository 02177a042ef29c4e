"""Limits turned into functions of one measurement.

A check is made once per limit and called for every measurement. It never raises, whatever the measurement says: what cannot be
read gives a finding that names the reason.

Numbers arrive as doubles (Avro) but were written as decimals, and are compared as the decimals that they print as: 7.5 is 7.5,
and 20.0 is not above 20. For a limit of at most 15 significant digits that is the same as comparing the doubles (the shortest
decimal of the limit's double is the limit itself, and rounding keeps order), at 0.02 µs instead of 0.27; a property test holds the
two against each other. Differences, however, are taken between decimals: 60.1 - 55.1 is 5.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from weftline.domain.events import LaboratoryReport, Measurement
from weftline.domain.laboratory.findings import WITHOUT_LIMIT, Finding, Findings, Outcome, Reason
from weftline.domain.laboratory.grades import HALF_STEPS, Scale
from weftline.domain.laboratory.standards import Acceptable, Bounds, Indicator, LeastGrades
from weftline.domain.laboratory.texts import bounds_text, grades_text
from weftline.domain.vocabulary import MeasurementKind

Check = Callable[[Measurement, LaboratoryReport], Finding]
ReadNumber = Callable[[Measurement, float | None], "float | Reason"]

NUMBER = MeasurementKind.NUMBER
GRADE = MeasurementKind.GRADE
QUALITATIVE = MeasurementKind.QUALITATIVE
NOT_DETECTED = MeasurementKind.NOT_DETECTED
_SPELLINGS_REMEMBERED = 256  # of an indicator's units; laboratories use a handful


def reader(indicator: Indicator) -> ReadNumber:
    """A function that gives a measurement's number in the indicator's unit, or why it is none."""
    # The greatest double instead of infinity: then the one comparison below refuses NaN and infinities too.
    least = -sys.float_info.max if indicator.least is None else float(indicator.least)
    most = sys.float_info.max if indicator.most is None else float(indicator.most)
    spellings = indicator.spellings
    unit = None if indicator.unit is None else spellings.unit(indicator.unit)
    factors = {spellings.unit(other): factor for other, factor in indicator.units.items()}

    @lru_cache(_SPELLINGS_REMEMBERED)
    def factor_of(given: str | None) -> Decimal | Reason | None:
        name = "" if given is None else spellings.unit(given)
        if not name:
            # The same figure may be meant in several units, and nobody says in which.
            return Reason.UNIT_MISSING if factors else None
        if name == unit:
            return None
        return factors.get(name, Reason.UNKNOWN_UNIT)

    def read(measurement: Measurement, value: float | None) -> float | Reason:
        if value.__class__ is not float:
            if value is None:
                return Reason.VALUE_MISSING
            try:
                value = float(value)
            except (TypeError, ValueError, OverflowError):
                return Reason.NOT_A_NUMBER
        factor = factor_of(measurement.unit)
        if factor is not None:
            if isinstance(factor, Reason):
                return factor
            value = float(Decimal(repr(value)) * factor)
        if least <= value <= most:
            return value
        finite = -sys.float_info.max <= value <= sys.float_info.max
        return Reason.IMPOSSIBLE_VALUE if finite else Reason.NOT_A_NUMBER

    return read


def kind_of_result(measurement: Measurement) -> MeasurementKind | Reason:
    """What a measurement says: its kind, but a number below its own detection limit is "not detected" at that limit.

    Half of a detection limit, put in for "not detected", would be such a number, and would pass limits that the method cannot see.
    """
    kind, value = measurement.kind, measurement.value
    if kind is NUMBER:
        limit = measurement.detection_limit
        return NOT_DETECTED if limit is not None and value is not None and value < limit else kind
    if kind is NOT_DETECTED and (value is not None or measurement.change_grade or measurement.staining_grade):
        return Reason.CONTRADICTION
    return kind


def check_bounds(indicator: Indicator, limit: Bounds) -> Check:
    """A number within bounds; "not detected" passes an upper bound that the method can see."""
    findings = Findings(limit.clause, bounds_text(limit, indicator.unit))
    passes, fails, not_judged = findings.passes, findings.fails, findings.not_judged
    read = reader(indicator)
    low = -sys.float_info.max if limit.low is None else float(limit.low)
    high = sys.float_info.max if limit.high is None else float(limit.high)
    censored = NOT_DETECTED in indicator.accepts and limit.low is None

    def check(measurement: Measurement, _report: LaboratoryReport) -> Finding:
        kind = kind_of_result(measurement)
        if kind is NUMBER:
            value = read(measurement, measurement.value)
            if value.__class__ is float:
                return passes if low <= value <= high else fails
            return not_judged[value]  # type: ignore[index]
        if isinstance(kind, Reason):
            return not_judged[kind]
        if kind is NOT_DETECTED and censored:
            detects = detection_limit(indicator, read, measurement)
            if detects is None:
                return passes
            if isinstance(detects, Reason):
                return not_judged[detects]
            return passes if detects <= high else not_judged[Reason.DETECTION_LIMIT_TOO_HIGH]
        return not_judged[Reason.KIND_DOES_NOT_FIT]

    return check


def detection_limit(indicator: Indicator, read: ReadNumber, measurement: Measurement) -> float | Reason | None:
    """What the method of a "not detected" can see, in the indicator's unit.

    Stated in the report, else known of the method. None: not known, but the method is one that the standards prescribe for the
    indicator (or none is named, so the prescribed one is meant), and such a method can see the limit that it is prescribed for.
    """
    if measurement.detection_limit is not None:
        return read(measurement, measurement.detection_limit)
    name = measurement.method
    for method in indicator.methods:
        if name is None or indicator.spellings.names(name, method.name):
            return None if method.detection_limit is None else float(method.detection_limit)
    return Reason.DETECTION_LIMIT_UNKNOWN


def check_grades(indicator: Indicator, limit: LeastGrades) -> Check:
    """The worse of change and staining decides: each must reach its grade."""
    findings = Findings(limit.clause, grades_text(limit, "change", "staining"), grades_text(limit, "变色", "沾色"))
    passes, fails, not_judged = findings.passes, findings.fails, findings.not_judged
    steps = HALF_STEPS[indicator.scale or Scale.GREY]
    least_change, least_staining, both = limit.change, limit.staining, indicator.both_readings

    def check(measurement: Measurement, _report: LaboratoryReport) -> Finding:
        if measurement.kind is not GRADE:
            return not_judged[Reason.KIND_DOES_NOT_FIT]
        change, staining = measurement.change_grade, measurement.staining_grade
        changed = None if change is None else steps.get(change)
        stained = None if staining is None else steps.get(staining)
        # A reading that fails has failed, whatever is wrong with the other one.
        if (changed is not None and changed < least_change) or (stained is not None and stained < least_staining):
            return fails
        if (change is not None and changed is None) or (staining is not None and stained is None):
            return not_judged[Reason.UNKNOWN_GRADE]
        if change is None and staining is None:
            return not_judged[Reason.VALUE_MISSING]
        if both and (change is None or staining is None):
            return not_judged[Reason.READING_MISSING]
        return passes

    return check


def check_acceptable(indicator: Indicator, limit: Acceptable) -> Check:
    """A qualitative result by its code; "not detected" is that nothing was found."""
    # `pass` says that the laboratory found one of the others; as a limit it would say nothing.
    accepted = [code for code, good in indicator.codes.items() if good and code != "pass"] or ["pass"]
    findings = Findings(limit.clause, " / ".join(accepted), " / ".join(indicator.codes_zh.get(code, code) for code in accepted))
    passes, fails, not_judged = findings.passes, findings.fails, findings.not_judged
    codes, spellings = dict(indicator.codes), indicator.spellings
    censored = NOT_DETECTED in indicator.accepts

    def check(measurement: Measurement, _report: LaboratoryReport) -> Finding:
        if measurement.kind is not QUALITATIVE:
            kind = kind_of_result(measurement)
            if isinstance(kind, Reason):
                return not_judged[kind]
            return passes if censored and kind is NOT_DETECTED else not_judged[Reason.KIND_DOES_NOT_FIT]
        if measurement.text is None:
            return not_judged[Reason.VALUE_MISSING]
        good = codes.get(measurement.text)
        if good is None:
            good = codes.get(spellings.code(measurement.text))
        if good is None:
            return not_judged[Reason.UNKNOWN_CODE]
        return passes if good else fails

    return check


def check_every_class(checks: tuple[Check | None, ...], finding_unknown: Finding) -> Check:
    """For a specimen whose safety class is not known: what every class says.

    A reading that fails even in the mildest class has failed, one that passes in the strictest has passed. None stands for a
    class that has no such limit.
    """

    def check(measurement: Measurement, report: LaboratoryReport) -> Finding:
        found = [one(measurement, report) for one in checks if one is not None]
        first = found[0]
        if all(other.outcome is first.outcome and other.reason is first.reason for other in found):
            if len(found) == len(checks):
                # The last class is the mildest: that even its limit is missed tells the most.
                return found[-1] if first.outcome is Outcome.FAIL else first
            if first.outcome is Outcome.NOT_JUDGED:
                return first
        return finding_unknown

    return check


def check_without_limit(indicator: Indicator, finding: Finding) -> Check:
    """``finding`` for every measurement that is a result of the indicator at all."""
    read = reader(indicator)
    steps = HALF_STEPS[indicator.scale or Scale.GREY]

    def check(measurement: Measurement, _report: LaboratoryReport) -> Finding:
        kind = kind_of_result(measurement)
        if isinstance(kind, Reason):
            return WITHOUT_LIMIT[kind]
        if kind not in indicator.accepts:
            return WITHOUT_LIMIT[Reason.KIND_DOES_NOT_FIT]
        if kind is NUMBER:
            value = read(measurement, measurement.value)
            return WITHOUT_LIMIT[value] if isinstance(value, Reason) else finding
        if kind is GRADE:
            readings = [g for g in (measurement.change_grade, measurement.staining_grade) if g is not None]
            if not readings:
                return WITHOUT_LIMIT[Reason.VALUE_MISSING]
            if any(grade not in steps for grade in readings):
                return WITHOUT_LIMIT[Reason.UNKNOWN_GRADE]
            if indicator.both_readings and len(readings) < 2:
                return WITHOUT_LIMIT[Reason.READING_MISSING]
        if kind is QUALITATIVE:
            if measurement.text is None:
                return WITHOUT_LIMIT[Reason.VALUE_MISSING]
            if measurement.text not in indicator.codes and indicator.spellings.code(measurement.text) not in indicator.codes:
                return WITHOUT_LIMIT[Reason.UNKNOWN_CODE]
        return finding

    return check


def check_unknown_indicator(measurement: Measurement, _report: LaboratoryReport) -> Finding:
    """An indicator that ``indicators.yaml`` does not know: a result, if there is one, but not judged."""
    speaks = {
        NUMBER: measurement.value is not None and measurement.value - measurement.value == 0.0,
        GRADE: measurement.change_grade is not None or measurement.staining_grade is not None,
        QUALITATIVE: measurement.text is not None,
        NOT_DETECTED: True,
    }
    return WITHOUT_LIMIT[Reason.UNKNOWN_INDICATOR if speaks.get(measurement.kind, False) else Reason.VALUE_MISSING]
