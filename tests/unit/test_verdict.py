"""The laboratory verdict against tables typed from the standards' descriptions, not from our data files."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.support.laboratory import (
    AUXILIARY,
    COLOUR,
    COMPLETE_B,
    FAIL,
    FINISHED,
    INCOMPLETE,
    PASS,
    RAW,
    STANDARDS,
    A,
    B,
    C,
    grade,
    not_detected,
    number,
    of,
    only,
    quality,
    share,
)

from weftline.domain.events import Measurement
from weftline.domain.laboratory import (
    Confidence,
    Gap,
    Outcome,
    Reason,
    VerdictKind,
    value_text_zh,
    verdict_as_json,
    verdict_as_text,
)
from weftline.domain.vocabulary import AgeGroup, MeasurementKind, SafetyClass, SpecimenType

# GB 18401-2010, table 1: the worst reading that still passes, and the next worse one.
TABLE_1_NUMBERS = [
    ("formaldehyde", A, 20.0, 20.1),
    ("formaldehyde", B, 75.0, 75.1),
    ("formaldehyde", C, 300.0, 300.5),
    ("azo_amines", A, 20.0, 20.1),
    ("azo_amines", B, 20.0, 20.1),
    ("azo_amines", C, 20.0, 20.1),
    ("ph", A, 7.5, 7.6),
    ("ph", A, 4.0, 3.9),
    ("ph", B, 8.5, 8.6),
    ("ph", B, 4.0, 3.9),
    ("ph", C, 9.0, 9.1),
    ("ph", C, 4.0, 3.9),
]
TABLE_1_GRADES = [
    ("cf_water", A, "3-4", "3"),
    ("cf_water", B, "3", "2-3"),
    ("cf_water", C, "3", "2-3"),
    ("cf_acid_perspiration", A, "3-4", "3"),
    ("cf_acid_perspiration", B, "3", "2-3"),
    ("cf_acid_perspiration", C, "3", "2-3"),
    ("cf_alkaline_perspiration", A, "3-4", "3"),
    ("cf_alkaline_perspiration", B, "3", "2-3"),
    ("cf_alkaline_perspiration", C, "3", "2-3"),
    ("cf_dry_rubbing", A, "4", "3-4"),
    ("cf_dry_rubbing", B, "3", "2-3"),
    ("cf_dry_rubbing", C, "3", "2-3"),
    ("cf_saliva", A, "4", "3-4"),
]


@pytest.mark.parametrize(("indicator", "cls", "passes", "fails"), TABLE_1_NUMBERS)
def test_table_1_numbers(indicator: str, cls: SafetyClass, passes: float, fails: float) -> None:
    assert of(number(indicator, passes), safety_class=cls).verdict is PASS
    failed = of(number(indicator, fails), safety_class=cls)
    assert failed.verdict is FAIL
    assert failed.indicators[0].safety_failed
    assert failed.items[0].clause_text is not None
    assert failed.items[0].clause_text.startswith("GB 18401-2010, table 1")


@pytest.mark.parametrize(("indicator", "cls", "passes", "fails"), TABLE_1_GRADES)
def test_table_1_grades_are_judged_by_the_worse_reading(indicator: str, cls: SafetyClass, passes: str, fails: str) -> None:
    assert of(grade(indicator, passes, passes), safety_class=cls).verdict is PASS
    assert of(grade(indicator, "5", fails), safety_class=cls).verdict is FAIL
    assert of(grade(indicator, fails, "5"), safety_class=cls).verdict is FAIL


@pytest.mark.parametrize("cls", [A, B, C])
def test_odour_is_none_in_every_class(cls: SafetyClass) -> None:
    assert of(quality("odour", "none"), safety_class=cls).verdict is PASS
    for smell in ("mould", "petroleum", "fish", "aromatic", "present"):
        assert of(quality("odour", smell), safety_class=cls).verdict is FAIL


@pytest.mark.parametrize("cls", [B, C])
def test_saliva_has_no_limit_outside_class_a(cls: SafetyClass) -> None:
    verdict = of(grade("cf_saliva", "1", "1"), safety_class=cls)
    assert only(verdict) == (Outcome.NOT_JUDGED, Reason.NO_LIMIT)
    assert verdict.indicators[0].tested
    assert verdict.indicators[0].not_judged


def test_class_b_ph_is_that_of_2010() -> None:
    # 4.0-7.5 is the 2003 edition's; a popular page still gives it for class B.
    assert of(number("ph", 8.5)).verdict is PASS


def test_a_passing_report_names_what_decided() -> None:
    verdict = of(*COMPLETE_B, plan=())
    assert verdict.verdict is PASS
    assert not verdict.gaps
    assert not verdict.missing
    assert not verdict.safety_failures
    assert verdict.editions == ("GB 18401-2010", "GB/T 29862-2013")
    assert {item.clause.confidence for item in verdict.items if item.clause} == {Confidence.CONFIRMED}
    assert [i.indicator for i in verdict.indicators if i.not_detected] == ["formaldehyde", "azo_amines"]


@pytest.mark.parametrize("left_out", range(len(COMPLETE_B)))
def test_required_and_not_tested_is_incomplete(left_out: int) -> None:
    verdict = of(*COMPLETE_B[:left_out], *COMPLETE_B[left_out + 1 :], plan=())
    assert verdict.verdict is INCOMPLETE
    assert verdict.missing == (COMPLETE_B[left_out].indicator,)
    (missing,) = [i for i in verdict.indicators if i.incomplete]
    assert (missing.required, missing.tested) == (True, False)


def test_a_failure_beats_a_gap() -> None:
    verdict = of(number("formaldehyde", 80.0), plan=())
    assert verdict.verdict is FAIL
    assert verdict.gaps == (Gap.REQUIRED_NOT_TESTED,)


def test_saliva_is_required_for_class_a_only() -> None:
    assert "cf_saliva" in of(plan=(), safety_class=A).missing
    assert "cf_saliva" not in of(plan=(), safety_class=B).missing


def test_the_test_plan_comes_before_the_standard() -> None:
    assert of(number("ph", 7.0), plan=("ph",)).verdict is PASS
    twice = of(number("ph", 7.0), plan=("ph", "pilling", "pilling"))
    assert (twice.verdict, twice.missing) == (INCOMPLETE, ("pilling",))


def test_a_zip_or_a_wadding_has_no_colour_fastness() -> None:
    chemistry = COMPLETE_B[:3]
    assert of(*chemistry, plan=(), specimen=RAW, specimen_kind="wadding").verdict is PASS
    assert of(COMPLETE_B[3], plan=(), specimen=AUXILIARY, specimen_kind="zip").verdict is PASS
    fabric = of(*chemistry, plan=(), specimen=RAW, specimen_kind="fabric")
    assert "cf_water" in fabric.missing


@pytest.mark.parametrize("kind", [None, "gizmo"])
def test_a_specimen_of_unknown_needs_never_passes(kind: str | None) -> None:
    verdict = of(*COMPLETE_B, plan=(), specimen=AUXILIARY, specimen_kind=kind)
    assert (verdict.verdict, verdict.gaps) == (INCOMPLETE, (Gap.REQUIREMENTS_UNKNOWN,))


@pytest.mark.parametrize("measurements", [(), (grade("pilling", "4"),)])
def test_nothing_judged_proves_nothing(measurements: tuple[Measurement, ...]) -> None:
    verdict = of(*measurements, specimen=AUXILIARY, specimen_kind="zip", plan=())
    assert (verdict.verdict, verdict.gaps) == (INCOMPLETE, (Gap.NOTHING_JUDGED,))


# Exceptions of table 1.
@pytest.mark.parametrize(
    ("trait", "specimen", "freed"),
    [
        ("undyed", FINISHED, COLOUR),
        ("hand_dyed", FINISHED, COLOUR),
        ("wash_faded", RAW, COLOUR),
        ("wash_faded", FINISHED, ()),  # note b, 2010: only products that are not final
        ("hanging_decoration", FINISHED, ("cf_acid_perspiration", "cf_alkaline_perspiration")),
        ("wet_processed_later", RAW, ()),
        ("no_such_trait", FINISHED, ()),
    ],
)
def test_what_a_trait_frees_from(trait: str, specimen: SpecimenType, freed: tuple[str, ...]) -> None:
    sort: dict[str, Any] = {"specimen": specimen, "specimen_kind": "fabric", "traits": (trait,)}
    assert set(COLOUR) - set(of(plan=(), **sort).missing) == set(freed)
    for indicator in COLOUR:
        outcome = only(of(grade(indicator, "1", "1"), **sort))
        assert outcome == ((Outcome.NOT_APPLICABLE, Reason.WAIVED) if indicator in freed else (Outcome.FAIL, None))


def test_traits_may_stand_in_any_order() -> None:
    traits = ("hanging_decoration", "undyed")
    assert of(plan=(), traits=traits).missing == of(plan=(), traits=traits[::-1]).missing


@pytest.mark.parametrize(
    ("specimen", "ph", "expected"),
    [(RAW, 10.5, PASS), (RAW, 10.6, FAIL), (RAW, 3.9, FAIL), (AUXILIARY, 10.5, PASS), (FINISHED, 9.1, FAIL)],
)
def test_ph_is_wider_for_what_is_processed_wet_later(specimen: SpecimenType, ph: float, expected: VerdictKind) -> None:
    assert of(number("ph", ph), specimen=specimen, traits=("wet_processed_later",)).verdict is expected


# Not detected.
@pytest.mark.parametrize(
    ("measurement", "cls", "expected"),
    [
        (not_detected("formaldehyde", 20.0, unit="mg/kg"), A, (Outcome.PASS, None)),
        (not_detected("formaldehyde"), A, (Outcome.PASS, None)),  # the prescribed method starts at 20
        (not_detected("formaldehyde", method="GB/T 2912.1-2009"), A, (Outcome.PASS, None)),
        (not_detected("formaldehyde", method="GB/T2912.1-2009"), A, (Outcome.PASS, None)),
        (not_detected("formaldehyde", method="ISO 14184-1:2011"), A, (Outcome.PASS, None)),  # starts at 16
        (not_detected("formaldehyde", 25.0), A, (Outcome.NOT_JUDGED, Reason.DETECTION_LIMIT_TOO_HIGH)),
        (not_detected("formaldehyde", 25.0), B, (Outcome.PASS, None)),
        (not_detected("formaldehyde", method="in-house"), A, (Outcome.NOT_JUDGED, Reason.DETECTION_LIMIT_UNKNOWN)),
        (not_detected("formaldehyde", method="GB/T 2912.10"), A, (Outcome.NOT_JUDGED, Reason.DETECTION_LIMIT_UNKNOWN)),
        (not_detected("formaldehyde", math.nan), A, (Outcome.NOT_JUDGED, Reason.NOT_A_NUMBER)),
        (not_detected("formaldehyde", 5.0, unit="furlong"), A, (Outcome.NOT_JUDGED, Reason.UNKNOWN_UNIT)),
        (not_detected("azo_amines", method="GB/T 17592-2011"), A, (Outcome.PASS, None)),
        (not_detected("odour"), A, (Outcome.PASS, None)),
        (not_detected("ph"), A, (Outcome.NOT_JUDGED, Reason.KIND_DOES_NOT_FIT)),
        (not_detected("cf_water"), A, (Outcome.NOT_JUDGED, Reason.KIND_DOES_NOT_FIT)),
        (number("formaldehyde", 12.0), A, (Outcome.PASS, None)),  # a number below the range is as reported
    ],
)
def test_not_detected_is_a_value_of_its_own(
    measurement: Measurement, cls: SafetyClass, expected: tuple[Outcome, Reason | None]
) -> None:
    verdict = of(measurement, safety_class=cls)
    assert only(verdict) == expected
    assert verdict.verdict is (PASS if expected[0] is Outcome.PASS else INCOMPLETE)


# What cannot be read.
UNUSABLE = [
    (number("odour", 1.0), Reason.KIND_DOES_NOT_FIT),
    (number("cf_water", 4.0), Reason.KIND_DOES_NOT_FIT),
    (quality("formaldehyde", "none"), Reason.KIND_DOES_NOT_FIT),
    (grade("ph", "4"), Reason.KIND_DOES_NOT_FIT),
    (Measurement(indicator="ph", kind=MeasurementKind.UNKNOWN, value=7.0), Reason.KIND_DOES_NOT_FIT),
    (number("ph", None), Reason.VALUE_MISSING),
    (quality("odour", None), Reason.VALUE_MISSING),
    (grade("cf_water", None), Reason.VALUE_MISSING),
    (number("formaldehyde", math.nan), Reason.NOT_A_NUMBER),
    (number("formaldehyde", math.inf), Reason.NOT_A_NUMBER),
    (number("formaldehyde", -math.inf), Reason.NOT_A_NUMBER),
    (number("formaldehyde", 10**400), Reason.NOT_A_NUMBER),
    (number("formaldehyde", -1.0), Reason.IMPOSSIBLE_VALUE),
    (number("ph", 14.1), Reason.IMPOSSIBLE_VALUE),
    (number("formaldehyde", 10.0, unit="%"), Reason.UNKNOWN_UNIT),
    (number("formaldehyde", 10.0, unit="mg/L"), Reason.UNKNOWN_UNIT),
    (number("formaldehyde", 10.0, unit=None), Reason.UNIT_MISSING),
    (number("formaldehyde", 10.0, unit="—"), Reason.UNIT_MISSING),
    (not_detected("formaldehyde", 10.0, unit=None), Reason.UNIT_MISSING),
    (number("phthalates", 0.05, unit=None), Reason.UNIT_MISSING),
    (not_detected("formaldehyde", 20.0, value=96.0), Reason.CONTRADICTION),
    (not_detected("odour", value=0.0), Reason.CONTRADICTION),
    (not_detected("lead", change_grade="4"), Reason.CONTRADICTION),
    (number("ph", 7.0, unit="mg/kg"), Reason.UNKNOWN_UNIT),
    (grade("cf_water", "4", "6"), Reason.UNKNOWN_GRADE),
    (grade("cf_water", "good", "4"), Reason.UNKNOWN_GRADE),
    (grade("cf_water", "4"), Reason.READING_MISSING),
    (grade("cf_water", None, "4"), Reason.READING_MISSING),
    (quality("odour", "roses"), Reason.UNKNOWN_CODE),
    (grade("pilling", "0"), Reason.UNKNOWN_GRADE),  # an indicator without a limit is read all the same
    (grade("cf_light", "9"), Reason.UNKNOWN_GRADE),
    (number("breaking_strength", math.nan), Reason.NOT_A_NUMBER),
    (number("invented", math.nan), Reason.VALUE_MISSING),
]


@pytest.mark.parametrize(("measurement", "reason"), UNUSABLE)
def test_what_cannot_be_read_is_no_result(measurement: Measurement, reason: Reason) -> None:
    verdict = of(measurement, *(m for m in COMPLETE_B if m.indicator != measurement.indicator))
    assert verdict.items[0].reason is reason
    assert verdict.verdict is INCOMPLETE
    assert verdict.missing == (measurement.indicator,)
    assert not verdict.indicators[0].tested
    # What is not required and cannot be read stands in nobody's way.
    assert of(measurement, number("ph", 7.0), plan=("ph",) if measurement.indicator != "ph" else ("odour",)).verdict is (
        PASS if measurement.indicator != "ph" else INCOMPLETE
    )


def test_a_reading_that_fails_fails_beside_one_that_cannot_be_read() -> None:
    assert of(grade("cf_water", "2", "?")).verdict is FAIL
    assert of(grade("cf_water", None, "2")).verdict is FAIL
    both = of(number("ph", 9.9), number("ph", None))
    assert (both.verdict, both.missing, both.gaps) == (FAIL, (), ())
    assert of(number("ph", 7.0), number("ph", None)).verdict is INCOMPLETE


def test_one_reading_is_enough_for_rubbing() -> None:
    assert of(grade("cf_dry_rubbing", "3")).verdict is PASS
    assert of(grade("cf_dry_rubbing", None, "2-3")).verdict is FAIL


def test_units_are_converted() -> None:
    infant: dict[str, Any] = {"age_group": AgeGroup.INFANT}
    assert of(number("formaldehyde", 75.0, unit="ppm")).verdict is PASS
    assert of(number("phthalates", 1000.0, unit="mg/kg"), **infant).verdict is PASS
    assert of(number("phthalates", 1000.1, unit="mg/kg"), **infant).verdict is FAIL
    assert of(not_detected("phthalates", 30.0, unit="mg/kg"), **infant).verdict is PASS
    assert of(number("ph", 7.0, unit="")).verdict is PASS


def test_an_unknown_indicator_is_named_and_not_judged() -> None:
    verdict = of(number("invented", 1.0), *COMPLETE_B)
    assert (verdict.verdict, verdict.items[0].reason) == (PASS, Reason.UNKNOWN_INDICATOR)
    assert verdict.indicators[0].not_judged


# Unknown class.
@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (number("formaldehyde", 20.0), (Outcome.PASS, None)),  # passes in the strictest class
        (number("formaldehyde", 301.0), (Outcome.FAIL, None)),  # fails in the mildest
        (number("formaldehyde", 50.0), (Outcome.NOT_JUDGED, Reason.CLASS_UNKNOWN)),
        (number("ph", 3.9), (Outcome.FAIL, None)),
        (number("azo_amines", 21.0), (Outcome.FAIL, None)),  # the same in all classes
        (quality("odour", "none"), (Outcome.PASS, None)),
        (number("ph", None), (Outcome.NOT_JUDGED, Reason.VALUE_MISSING)),
        (grade("cf_saliva", "5", "5"), (Outcome.NOT_JUDGED, Reason.CLASS_UNKNOWN)),
    ],
)
def test_a_specimen_of_unknown_class(measurement: Measurement, expected: tuple[Outcome, Reason | None]) -> None:
    assert only(of(measurement, safety_class=SafetyClass.UNKNOWN)) == expected


def test_what_fails_in_every_class_is_shown_with_the_mildest_limit() -> None:
    verdict = of(number("formaldehyde", 301.0), safety_class=SafetyClass.UNKNOWN)
    assert verdict.items[0].limit_text == "≤ 300 mg/kg"
    assert verdict.indicators[0].safety_failed


def test_an_unknown_class_is_incomplete_where_the_classes_require_different_things() -> None:
    """GB 18401-2010, table 1: saliva is asked of class A alone. A wadding is asked for the same in every class."""
    strict = (*COMPLETE_B[:6], grade("cf_alkaline_perspiration", "4", "4"), grade("cf_dry_rubbing", None, "4"))
    unknown = of(*strict, plan=(), safety_class=SafetyClass.UNKNOWN)
    assert (unknown.verdict, unknown.missing) == (INCOMPLETE, ("cf_saliva",))
    assert Gap.CLASS_NOT_STATED in unknown.gaps
    with_all = of(*strict, grade("cf_saliva", "5", "5"), plan=(), safety_class=SafetyClass.UNKNOWN)
    assert (with_all.verdict, with_all.gaps) == (INCOMPLETE, (Gap.CLASS_NOT_STATED,))
    wadding = of(*COMPLETE_B[:3], plan=(), safety_class=SafetyClass.UNKNOWN, specimen=RAW, specimen_kind="wadding")
    assert (wadding.verdict, wadding.gaps) == (PASS, ())


# GB 31701.
def test_an_infants_product_is_judged_by_class_a_whatever_was_declared() -> None:
    verdict = of(number("formaldehyde", 30.0), safety_class=B, age_group=AgeGroup.INFANT)
    assert (verdict.verdict, verdict.safety_class) == (FAIL, A)
    assert of(number("formaldehyde", 30.0), safety_class=B, age_group=AgeGroup.CHILD).verdict is PASS


@pytest.mark.parametrize(("indicator", "limit"), [("lead", 90.0), ("cadmium", 100.0), ("phthalates", 0.1)])
def test_metals_and_phthalates_decide_for_infants_only(indicator: str, limit: float) -> None:
    above = number(indicator, limit * 2)
    assert of(number(indicator, limit), age_group=AgeGroup.INFANT).verdict is PASS
    failed = of(above, age_group=AgeGroup.INFANT)
    assert (failed.verdict, failed.indicators[0].safety_failed) == (FAIL, True)
    for_child = of(above, *COMPLETE_B, age_group=AgeGroup.CHILD)
    assert (for_child.verdict, for_child.items[0].indication) == (PASS, Outcome.FAIL)
    assert for_child.safety_failures == ()
    assert only(of(above, age_group=AgeGroup.GENERAL)) == (Outcome.NOT_JUDGED, Reason.NO_LIMIT)


def test_wet_rubbing_is_limited_for_class_a_only() -> None:
    assert of(grade("cf_wet_rubbing", None, "3"), safety_class=A, age_group=AgeGroup.CHILD).verdict is PASS
    assert of(grade("cf_wet_rubbing", None, "2-3"), safety_class=A, age_group=AgeGroup.CHILD).verdict is FAIL
    shown = of(grade("cf_wet_rubbing", None, "2"), safety_class=B, age_group=AgeGroup.CHILD)
    assert only(shown) == (Outcome.NOT_JUDGED, Reason.UNCONFIRMED_LIMIT)
    assert (shown.items[0].indication, shown.items[0].limit_text) == (Outcome.FAIL, "≥ 2-3")
    unlimited = of(grade("cf_wet_rubbing", None, "1"), safety_class=C, age_group=AgeGroup.CHILD)
    assert only(unlimited) == (Outcome.NOT_JUDGED, Reason.NO_LIMIT)


def test_what_is_asked_of_products_for_infants() -> None:
    extra = {"cf_saliva", "cf_wet_rubbing", "lead", "cadmium", "phthalates", "flammability"}
    missing = of(plan=(), age_group=AgeGroup.INFANT).missing
    assert set(missing) == {m.indicator for m in COMPLETE_B} | extra
    assert set(of(plan=(), age_group=AgeGroup.CHILD).missing) == {m.indicator for m in COMPLETE_B} | {"flammability"}


# Not detected, and numbers beside it.
@pytest.mark.parametrize(
    ("value", "limit", "cls", "expected"),
    [
        (50.0, 100.0, B, (Outcome.NOT_JUDGED, Reason.DETECTION_LIMIT_TOO_HIGH)),  # half of the detection limit, put in for it
        (99.9, 100.0, C, (Outcome.PASS, None)),
        (100.0, 100.0, B, (Outcome.FAIL, None)),
        (30.0, 20.0, B, (Outcome.PASS, None)),
        (10.0, 20.0, A, (Outcome.PASS, None)),
    ],
)
def test_a_number_below_its_own_detection_limit_is_not_detected_at_that_limit(
    value: float, limit: float, cls: SafetyClass, expected: tuple[Outcome, Reason | None]
) -> None:
    verdict = of(number("formaldehyde", value, detection_limit=limit), safety_class=cls)
    assert only(verdict) == expected
    if expected[0] is not Outcome.NOT_JUDGED:
        assert verdict.indicators[0].not_detected == (value < limit)


# What people read.
def test_the_report_for_people_and_programs() -> None:
    verdict = of(
        number("formaldehyde", 80.0, unit="mg/kg"),
        grade("cf_water", "4", "2-3"),
        quality("odour", "mould"),
        share(65.0, 60.0),
        plan=("formaldehyde", "ph"),
    )
    text = verdict_as_text(verdict, STANDARDS)
    assert text.startswith("FAIL (PARTIAL: 3 of 8 required)  class B")
    assert "甲醛含量 / formaldehyde 80 mg/kg (limit ≤ 75 mg/kg) - GB 18401-2010, table 1" in text
    assert "change 4, staining 2-3 (limit ≥ 3)" in text
    assert "(unconfirmed; it would pass)" in text
    assert "missing     pH值 / pH value" in text

    body: Any = verdict_as_json(verdict, STANDARDS)
    assert (body["verdict"], body["missing"], body["judged_at"]) == ("FAIL", ["ph"], "2026-05-04T12:00:00.000Z")
    formaldehyde = body["items"][0]
    assert (formaldehyde["standard"], formaldehyde["edition"], formaldehyde["clause"]) == (
        "GB 18401",
        "2010",
        "GB 18401-2010, table 1",
    )
    assert (formaldehyde["confidence"], formaldehyde["safety"]) == ("confirmed", True)
    assert body["indicators"][0]["name_zh"] == "甲醛含量"

    odour = verdict.deciding("odour")
    assert odour is not None
    assert (value_text_zh(odour.measurement, STANDARDS), odour.limit_text_zh) == ("霉味", "无")
    assert [item.indicator for item in verdict.safety_failures] == ["formaldehyde", "cf_water", "odour"]
