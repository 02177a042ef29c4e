"""Standards are data: confidence and editions decide, and a fault in a file names its place."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.laboratory import (
    FAIL,
    INCOMPLETE,
    PASS,
    STANDARDS,
    at,
    grade,
    number,
    of,
)

from weftline.contracts.paths import schemas_root
from weftline.contracts.standards import load_standards
from weftline.domain.laboratory import (
    Gap,
    Outcome,
)
from weftline.domain.vocabulary import AgeGroup
from weftline.errors import UserError


# Confidence and editions are data.
@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    shutil.copytree(schemas_root() / "standards", tmp_path / "standards")
    return tmp_path


def edit(schemas: Path, name: str, old: str, new: str) -> None:
    path = schemas / "standards" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_confirming_a_limit_in_the_data_makes_it_decide(schemas: Path) -> None:
    pilling = grade("pilling", "2")
    shown = of(pilling, number("ph", 7.0), specimen_kind="filled")
    assert (shown.verdict, shown.items[0].indication) == (PASS, Outcome.FAIL)
    edit(schemas, "gb-t-22796-2021.yaml", "confidence: example", "confidence: confirmed")
    decided = of(pilling, number("ph", 7.0), specimen_kind="filled", standards=load_standards(schemas))
    assert decided.verdict is FAIL
    assert decided.safety_failures == ()  # not a clause about safety


def test_an_unconfirmed_exception_frees_nothing(schemas: Path) -> None:
    undyed: dict[str, Any] = {"traits": ("undyed",), "age_group": AgeGroup.INFANT, "plan": ()}
    assert "cf_wet_rubbing" not in of(**undyed).missing
    edit(schemas, "gb-31701-2015.yaml", "confidence: confirmed\n    source: m.bai", "confidence: unconfirmed\n    source: m.bai")
    assert "cf_wet_rubbing" in of(standards=load_standards(schemas), **undyed).missing


def test_nothing_in_the_bedding_standard_decides() -> None:
    (bedding,) = [s for s in STANDARDS.editions if s.name == "GB/T 22796"]
    limits = [limit for rule in bedding.limits for limit in rule.limits.values()]
    assert limits
    assert not any(limit.clause.decides for limit in limits if not hasattr(limit, "trace"))


def test_a_report_is_judged_by_the_edition_valid_when_it_was_tested(schemas: Path) -> None:
    edit(schemas, "gb-18401-2010.yaml", "valid_to:\n", "valid_to: 2027-12-31\n")
    newer = (schemas / "standards" / "gb-18401-2010.yaml").read_text(encoding="utf-8")
    newer = newer.replace('edition: "2010"', 'edition: "2027"').replace("B: 75", "B: 50")
    newer = newer.replace("valid_from: 2011-08-01", "valid_from: 2028-01-01").replace("valid_to: 2027-12-31", "valid_to:")
    (schemas / "standards" / "gb-18401-2027.yaml").write_text(newer, encoding="utf-8")
    standards = load_standards(schemas)

    measured = number("formaldehyde", 60.0)
    midnight_in_china = round(datetime(2027, 12, 31, 16, tzinfo=UTC).timestamp() * 1000)
    last, first = (
        of(measured, time=midnight_in_china - 1, standards=standards),
        of(measured, time=midnight_in_china, standards=standards),
    )
    assert (last.verdict, last.items[0].clause_text) == (PASS, "GB 18401-2010, table 1")
    assert (first.verdict, first.items[0].clause_text) == (FAIL, "GB 18401-2027, table 1")
    # The day of the test decides, whenever the report was sent.
    assert of(measured, time=at("2030-01-01"), tested_at=at("2026-01-01"), standards=standards).verdict is PASS
    assert of(measured, time=at("2026-01-01"), tested_at=at("2030-01-01"), standards=standards).verdict is FAIL


def test_before_the_standard_was_in_force_nothing_is_judged() -> None:
    verdict = of(number("formaldehyde", 500.0), time=at("2011-07-31"), plan=())
    assert (verdict.verdict, verdict.editions) == (INCOMPLETE, ())
    assert verdict.gaps == (Gap.REQUIREMENTS_UNKNOWN, Gap.NOTHING_JUDGED)
    assert of(number("formaldehyde", 500.0), time=at("2011-08-01"), plan=()).verdict is FAIL


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        (
            "gb-18401-2010.yaml",
            "maximum: {A: 20",
            "maximun: {A: 20",
            r"limits\[0\] \(formaldehyde\): unknown key maximun \(did you mean maximum",
        ),
        (
            "gb-18401-2010.yaml",
            "A: 20, B",
            "A: twenty, B",
            r"limits\[0\] \(formaldehyde\): maximum: A: must be a number, not twenty",
        ),
        ("gb-18401-2010.yaml", "A: 20, B", "A: 20, D", r"limits\[0\] \(formaldehyde\): maximum: D: must be one of A, B, C, not D"),
        ("gb-18401-2010.yaml", "indicator: ph,", "indicator: pH,", r"indicator: must be a code of indicators\.yaml, not pH"),
        ("gb-18401-2010.yaml", 'B: "3", C', "B: 3, C", "least_grade: B: must be a quoted grade"),
        ("gb-18401-2010.yaml", 'B: "3", C', 'B: "5-6", C', "least_grade: B: must be a quoted grade, one of 1, 1-2"),
        ("gb-18401-2010.yaml", "acceptable: true}", "maximum: 3}", "maximum: does not fit odour, which takes acceptable"),
        ("gb-18401-2010.yaml", "acceptable: true}", "acceptable: false}", "acceptable: must be true, not false"),
        ("gb-18401-2010.yaml", "acceptable: true}", "acceptable: true, maximum: 3}", "must state one of .*; it states 2"),
        ("gb-18401-2010.yaml", "valid_from: 2011-08-01", "valid_from: soon", "valid_from: must be a day"),
        ("gb-18401-2010.yaml", "valid_from: 2011-08-01", "valid_from: 2011-08-01T00:00:00Z", "valid_from: must be a day"),
        ("gb-18401-2010.yaml", "valid_to:\n", "valid_to: 2011-07-31\n", "valid_to: must not be before valid_from"),
        (
            "gb-18401-2010.yaml",
            "confidence: confirmed\n",
            "confidence: sure\n",
            "confidence: must be one of confirmed, .*, not sure",
        ),
        ("gb-18401-2010.yaml", "safety: true\n", "safety: true\nsafty: true\n", "unknown key safty"),
        ("gb-18401-2010.yaml", "  waived: true\n", "  waived: false\n", "is for one indicator"),
        (
            "gb-18401-2010.yaml",
            "    range: [4.0, 10.5]\n",
            "    range: {A: [4.0, 10.5]}\n",
            "range: an exception sets one limit, for every class",
        ),
        (
            "gb-18401-2010.yaml",
            "    range: [4.0, 10.5]\n",
            "    range: [10.5, 4.0]\n",
            "range: must be two numbers, the smaller first",
        ),
        ("gb-18401-2010.yaml", "    range: [4.0, 10.5]\n", "", "must state one of .*; it states 0"),
        (
            "gb-18401-2010.yaml",
            "    range: [4.0, 10.5]\n",
            "    range: [4.0, 10.5]\n    waived: true\n",
            "range: is set, though the indicators are waived",
        ),
        (
            "gb-18401-2010.yaml",
            "categories: [carpet,",
            "categories: [carpt,",
            r"categories\[0\]: must be a code of categories\.yaml, not carpt",
        ),
        ("gb-t-29862-2013.yaml", "{up_to: 10,", "{up_to: 100,", "label_share: textile: up_to must grow"),
        (
            "gb-t-29862-2013.yaml",
            "indicator: fibre_content",
            "indicator: lead",
            "label_share: is for shares, but lead is not possible",
        ),
        ("gb-t-29862-2013.yaml", "    label_share:", "    clause: x\n    label_share:", "clause: is not for a label_share"),
        ("gb-t-29862-2013.yaml", "; cashmere of 95 % may", "\n        safety: 1 #", "pure: safety: must be true or false, not 1"),
        ("gb-31701-2015.yaml", "    source: &scope", "    sauce: &scope", "unknown key sauce"),
        (
            "gb-t-29862-2013.yaml",
            'filling", source: bbs.wtoqc.net 17649}',
            'filling", confidence: example}',
            "confidence: a confidence of its own needs a source of its own",
        ),
        (
            "gb-31701-2015.yaml",
            "    sum_of: [DEHP, DBP, BBP]\n    clause",
            "    sum_of: [DEHP, DBP, BBP]\n    # ",
            "clause is missing",
        ),
        (
            "gb-31701-2015.yaml",
            "indicator: down_microbiology,",
            "indicator: down_microbiology, sum_of: [a],",
            "sum_of: only numbers can be summed",
        ),
        ("indicators.yaml", "fish: false, ", "fish: false, moth: false, ", "codes: moth: code_names gives no name for moth"),
        ("indicators.yaml", "code: ph\n", "code: odour\n", "indicator odour is in line .* as well"),
        (
            "indicators.yaml",
            "    readings: both\n    methods: [{name: GB/T 5713}]",
            "    readings: all\n",
            "readings: must be one of both, any, not all",
        ),
        ("indicators.yaml", "    readings: both\n    methods: [{name: GB/T 5713}]", "", "readings is missing; GRADE needs it"),
        ("indicators.yaml", "    unit: N\n", "    unit: N\n    scale: grey\n", "scale: is not for NUMBER"),
        (
            "indicators.yaml",
            "      - [formaldehyde]",
            "      - [formaldehide]",
            r"indicators\[0\]\[0\]: must be a code of an indicator above",
        ),
        ("categories.yaml", "spellings: [夏被]", "spellings: [夏被, quilt]", r"spellings\[1\]: 'quilt' is quilt and summer-quilt"),
        ("categories.yaml", "usual_class: A,", "usual_class: NONE,", "usual_class: must be one of A, B, C, not NONE"),
        ("spellings.yaml", "also: [percent,", 'also: ["-", percent,', "is nothing but signs that make no difference"),
        ("spellings.yaml", "no_unit: [", "no_unit: [percent, ", r"no_unit\[0\]: 'percent' is a unit above"),
        ("spellings.yaml", "{name: mould,", "{name: mold,", "code_names of the indicators does not know mold"),
    ],
)
def test_a_fault_in_the_data_names_its_file_and_its_place(schemas: Path, name: str, old: str, new: str, problem: str) -> None:
    path = schemas / "standards" / name
    changed = path.read_text("utf-8").partition(old)[0].count("\n") + 1
    edit(schemas, name, old, new)
    with pytest.raises(UserError, match=problem) as caught:
        load_standards(schemas)
    said = re.match(re.escape(str(path)) + r", line (\d+)", str(caught.value)) or re.search(
        r"^  line (\d+)", str(caught.value), re.M
    )
    assert said is not None
    assert str(caught.value).startswith(str(path))
    assert abs(int(said[1]) - changed) <= 6, "within the entry"


def test_two_editions_may_not_be_valid_at_once(schemas: Path) -> None:
    text = (schemas / "standards" / "gb-18401-2010.yaml").read_text(encoding="utf-8")
    newer = text.replace('edition: "2010"', 'edition: "2027"').replace("2011-08-01", "2027-01-01")
    (schemas / "standards" / "gb-18401-2027.yaml").write_text(newer, encoding="utf-8")
    with pytest.raises(UserError, match="GB 18401-2010 is still valid when GB 18401-2027 comes into force"):
        load_standards(schemas)


def test_the_fifteen_indicators_are_a_proposal() -> None:
    (programme,) = STANDARDS.programmes
    assert (programme.status, len(programme.entries)) == ("proposal", 15)
