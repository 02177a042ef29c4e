"""What holds of every verdict: worse never improves it, nothing raises, and it agrees with itself."""

from __future__ import annotations

import json
import math
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.support.laboratory import (
    COLOUR,
    FAIL,
    GREY,
    INCOMPLETE,
    PASS,
    STANDARDS,
    A,
    B,
    C,
    at,
    grade,
    not_detected,
    number,
    of,
    report,
)

from weftline.domain.events import Measurement
from weftline.domain.laboratory import (
    Confidence,
    Coverage,
    Indicator,
    Outcome,
    Reason,
    VerdictKind,
    judge,
    value_text_zh,
    verdict_as_json,
    verdict_as_text,
)
from weftline.domain.laboratory.checks import check_bounds
from weftline.domain.laboratory.standards import Bounds, Clause
from weftline.domain.vocabulary import AgeGroup, MeasurementKind, SafetyClass, SpecimenType

# Properties.
grades = st.sampled_from(GREY)
classes = st.sampled_from([A, B, C, SafetyClass.UNKNOWN])
RANK = {FAIL: 0, INCOMPLETE: 1, PASS: 2}


@given(
    limit=st.decimals(min_value=0, max_value=10_000, places=4),
    steps=st.integers(-3, 3),
    measured=st.floats(0, 20_000),
)
def test_doubles_compare_as_the_decimals_they_print_as(limit: Decimal, steps: int, measured: float) -> None:
    clause = Clause("S", "1", "1", "s", Confidence.CONFIRMED)
    indicator = Indicator("x", "x", "x", frozenset({MeasurementKind.NUMBER}))
    check = check_bounds(indicator, Bounds(clause, high=limit))
    near = float(limit)
    for _ in range(abs(steps)):
        near = math.nextafter(near, math.copysign(math.inf, steps))
    for value in (measured, near):
        expected = Outcome.PASS if Decimal(repr(value)) <= limit else Outcome.FAIL
        assert check(number("x", value), report()).outcome is expected


@given(cls=classes, change=grades, staining=grades, worse=grades)
def test_a_worse_grade_never_improves_the_verdict(cls: SafetyClass, change: str, staining: str, worse: str) -> None:
    if GREY.index(worse) > GREY.index(staining):
        worse, staining = staining, worse
    for indicator in (*COLOUR, "cf_saliva"):
        better = of(grade(indicator, change, staining), number("ph", 7.0), safety_class=cls)
        worsened = of(grade(indicator, change, worse), number("ph", 7.0), safety_class=cls)
        assert RANK[worsened.verdict] <= RANK[better.verdict]


@given(cls=classes, less=st.floats(0, 400), more=st.floats(0, 400))
def test_more_formaldehyde_never_improves_the_verdict(cls: SafetyClass, less: float, more: float) -> None:
    less, more = sorted((less, more))
    verdicts = [RANK[of(number("formaldehyde", value), safety_class=cls).verdict] for value in (less, more)]
    assert verdicts[1] <= verdicts[0]
    undetected = of(not_detected("formaldehyde", less), safety_class=cls)
    assert RANK[undetected.verdict] >= verdicts[0] or undetected.items[0].reason is not None


@given(cls=st.sampled_from([A, B, C]), near=st.floats(4.0, 9.0), far=st.floats(0, 14))
def test_ph_farther_from_its_range_never_improves_the_verdict(cls: SafetyClass, near: float, far: float) -> None:
    def distance(value: float) -> float:
        return max(4.0 - value, value - {A: 7.5, B: 8.5, C: 9.0}[cls], 0.0)

    near, far = sorted((near, far), key=distance)
    near_verdict, far_verdict = (RANK[of(number("ph", value), safety_class=cls).verdict] for value in (near, far))
    assert far_verdict <= near_verdict


texts = st.none() | st.sampled_from([*GREY, "8", "none", "mould", "pass", "", "x"])
numbers = st.none() | st.floats() | st.integers(-(10**400), 10**400)
anything = st.builds(
    Measurement,
    indicator=st.sampled_from([*STANDARDS.indicators, "invented"]),
    kind=st.sampled_from(MeasurementKind),
    component=st.none() | st.sampled_from(["cotton", "filling/cotton", "/", "", "DEHP", "DBP", "((#"]),
    method=st.none() | st.sampled_from(["GB/T 2912.1-2009", "GB/T 17592", "?"]),
    value=numbers,
    change_grade=texts,
    staining_grade=texts,
    text=texts,
    detection_limit=numbers,
    labelled_value=numbers,
    unit=st.none() | st.sampled_from(["mg/kg", "%", "N", "ppm", "", "?", "—", "毫克/千克"]),
)


@given(
    measurements=st.lists(anything, max_size=8),
    plan=st.lists(st.sampled_from([*STANDARDS.indicators, "invented"]), max_size=4),
    specimen=st.sampled_from(SpecimenType),
    kind=st.none() | st.sampled_from([*sorted(STANDARDS.kinds.values()), "gizmo"]),
    cls=st.sampled_from(SafetyClass),
    age_group=st.sampled_from(AgeGroup),
    traits=st.lists(st.sampled_from([*sorted(STANDARDS.traits.values()), "gizmo"]), max_size=3),
    time=st.integers(at("2000-01-01"), at("2099-12-31")),
    category=st.none() | st.sampled_from(["sheet", "carpet", "curtain", "gizmo"]),
)
def test_any_report_is_judged_and_the_verdict_agrees_with_itself(
    measurements: list[Measurement],
    plan: list[str],
    specimen: SpecimenType,
    kind: str | None,
    cls: SafetyClass,
    age_group: AgeGroup,
    traits: list[str],
    time: int,
    category: str | None,
) -> None:
    given_report = report(
        *measurements,
        plan=tuple(plan),
        specimen=specimen,
        specimen_kind=kind,
        safety_class=cls,
        age_group=age_group,
        traits=tuple(traits),
    )
    verdict = judge(given_report, time, STANDARDS, category)
    assert judge(given_report, time, STANDARDS, category) == verdict

    by_code = {indicator.indicator: indicator for indicator in verdict.indicators}
    assert len(by_code) == len(verdict.indicators)
    assert set(by_code) >= {m.indicator for m in measurements} | set(plan)
    assert {m.indicator for m in measurements} == {item.indicator for item in verdict.items}
    for indicator in verdict.indicators:
        assert indicator.tested == (indicator.passed + indicator.failed + indicator.not_judged)
        assert indicator.incomplete == (indicator.required and not indicator.tested)
        assert indicator.incomplete == (indicator.indicator in verdict.missing)
        assert indicator.tested or not indicator.not_detected
    for item in verdict.items:
        assert (item.outcome in (Outcome.PASS, Outcome.FAIL)) == (item.reason is None)
        if item.reason is None:
            assert item.clause is not None
            assert item.clause.confidence is Confidence.CONFIRMED
        assert value_text_zh(item.measurement, STANDARDS)
    failed = any(indicator.failed for indicator in verdict.indicators)
    passed = any(indicator.passed for indicator in verdict.indicators)
    out_of_scope = category == "carpet" and any(item.reason is Reason.OUT_OF_SCOPE for item in verdict.items)
    if verdict.verdict is VerdictKind.NOT_APPLICABLE:
        assert (category, failed, passed) == ("carpet", False, False)
    else:
        assert failed or passed or not out_of_scope
        assert verdict.verdict is (FAIL if failed else INCOMPLETE if verdict.gaps else PASS)
    assert 0 <= verdict.of_them_tested <= (verdict.required_by_standards or 0)
    full = verdict.required_by_standards is not None and verdict.of_them_tested == verdict.required_by_standards
    assert verdict.coverage is (Coverage.FULL if full else Coverage.PARTIAL)
    assert verdict.verdict is not PASS or (passed and not verdict.missing)
    json.dumps(verdict_as_json(verdict, STANDARDS), allow_nan=False)
    assert verdict_as_text(verdict, STANDARDS)
