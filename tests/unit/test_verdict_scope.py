"""Of what a verdict is: all that is required or a part of it, of which products, by which class; and what is shown beside it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.laboratory import (
    AUXILIARY,
    COMPLETE_B,
    FAIL,
    NOW,
    PASS,
    STANDARDS,
    A,
    B,
    C,
    grade,
    number,
    of,
    only,
    report,
    share,
)

from weftline.domain.laboratory import Coverage, Outcome, Reason, RemarkCode, VerdictKind, coverage_text, judge
from weftline.domain.vocabulary import AgeGroup, SafetyClass


def test_a_verdict_says_of_what() -> None:
    """GB 18401-2010, table 1: eight of class B; ordered and tested was one."""
    whole = of(*COMPLETE_B, plan=())
    assert (whole.coverage, whole.required_by_standards, whole.of_them_tested) == (Coverage.FULL, 8, 8)
    part = of(number("ph", 7.0), plan=("ph",))
    assert (part.verdict, part.coverage, coverage_text(part)) == (PASS, Coverage.PARTIAL, "PARTIAL: 1 of 8 required")
    infant = of(number("ph", 7.0), plan=("ph",), age_group=AgeGroup.INFANT, safety_class=A)
    assert (infant.verdict, coverage_text(infant)) == (PASS, "PARTIAL: 1 of 14 required")
    unreadable = of(*COMPLETE_B[1:], number("formaldehyde", 5.0, unit="%"), plan=("ph",))
    assert (unreadable.verdict, unreadable.of_them_tested) == (PASS, 7)
    unknown = of(number("ph", 7.0), plan=("ph",), specimen=AUXILIARY, specimen_kind="gizmo")
    assert (unknown.coverage, unknown.required_by_standards) == (Coverage.PARTIAL, None)
    failed = of(number("ph", 9.9), plan=())
    assert (failed.verdict, failed.coverage) == (FAIL, Coverage.PARTIAL)


@pytest.mark.parametrize("category", ["carpet", "Carpets", "地毯", "rug", "toy", "箱包"])
def test_what_is_out_of_scope_is_not_judged_by_the_standard(category: str) -> None:
    """GB 18401-2010 and GB 31701-2015 are not about carpets, toys and bags, by their own scope."""
    given = report(number("formaldehyde", 500.0), number("lead", 500.0), plan=(), age_group=AgeGroup.INFANT)
    verdict = judge(given, NOW, STANDARDS, category)
    assert (verdict.verdict, verdict.gaps, verdict.safety_failures) == (VerdictKind.NOT_APPLICABLE, (), ())
    assert {(item.outcome, item.reason) for item in verdict.items} == {(Outcome.NOT_APPLICABLE, Reason.OUT_OF_SCOPE)}
    assert judge(given, NOW, STANDARDS, "sheet").verdict is FAIL
    assert judge(given, NOW, STANDARDS, "something else").verdict is FAIL
    # What another standard says of it still holds: GB/T 29862-2013 is about every label.
    assert judge(report(share(3.0, 0.0)), NOW, STANDARDS, category).verdict is FAIL


@pytest.mark.parametrize(
    ("category", "cls", "usual"),
    [("sheet", C, "B"), ("Quilt_Cover", C, "B"), ("床单", C, "B"), ("infant-set", B, "A"), ("sheet", B, None), ("sheet", A, None),
     ("curtain", C, None), ("something else", C, None), ("sheet", SafetyClass.UNKNOWN, None)],
)  # fmt: skip
def test_a_class_below_the_usual_use_is_judged_as_declared_and_remarked(category: str, cls: SafetyClass, usual: str | None) -> None:
    """GB 18401-2010: the class follows from the use; bed sheets are B, curtains C."""
    verdict = judge(report(number("formaldehyde", 250.0), safety_class=cls), NOW, STANDARDS, category)
    assert verdict.items[0].outcome is (Outcome.PASS if cls is C else verdict.items[0].outcome)
    assert [remark.code for remark in verdict.remarks] == ([RemarkCode.CLASS_BELOW_USUAL_USE] if usual else [])
    assert all(f"class {usual}" in remark.en and f"{usual} 类" in remark.zh for remark in verdict.remarks)


def test_undyed_products_are_not_asked_for_wet_rubbing() -> None:
    """GB 31701-2015, note a of the table for fabrics: not for natural or bleached products."""
    infant: dict[str, Any] = {"age_group": AgeGroup.INFANT, "safety_class": A}
    assert only(of(grade("cf_wet_rubbing", None, "2-3"), **infant)) == (Outcome.FAIL, None)
    undyed = of(grade("cf_wet_rubbing", None, "2-3"), traits=("Undyed",), **infant)
    assert only(undyed) == (Outcome.NOT_APPLICABLE, Reason.WAIVED)


def test_groups_of_phthalates_are_summed_and_shown() -> None:
    """GB 31701-2015: 0.1 % of DEHP, DBP and BBP together, says one secondary page: shown, and decides nothing."""
    infant: dict[str, Any] = {"age_group": AgeGroup.INFANT, "safety_class": A}
    three = [number("phthalates", 0.05, component=name) for name in ("DEHP", "dbp", "ＢＢＰ")]
    verdict = of(*three, number("phthalates", 500.0, component="DINP", unit="mg/kg"), **infant)
    shown = verdict.items[-1]
    assert (verdict.verdict, shown.component, shown.value_text) == (PASS, "DEHP + DBP + BBP", "0.15 %")
    assert (shown.outcome, shown.reason, shown.indication) == (Outcome.NOT_JUDGED, Reason.UNCONFIRMED_LIMIT, Outcome.FAIL)
    below = of(*(number("phthalates", 0.03, component=name) for name in ("DEHP", "DBP", "DEHP")), **infant)
    assert below.items[-1].value_text == "0.06 %"
    assert below.items[-1].indication is Outcome.PASS
    assert len(of(three[0], **infant).items) == 1
    assert of(number("phthalates", 0.11, component="DEHP"), **infant).verdict is FAIL
