"""Spelling is not a result: whatever makes no difference in a unit, a code or a method makes none in a verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.laboratory import COMPLETE_B, FAIL, INCOMPLETE, PASS, STANDARDS, B, not_detected, number, of, only, quality

from weftline.contracts.paths import schemas_root
from weftline.contracts.standards import load_standards
from weftline.domain.laboratory import Outcome, Reason
from weftline.errors import UserError

SPELLINGS = STANDARDS.indicators["formaldehyde"].spellings
DASHES = "-‐‑‒–—―−－─﹣"
FULL_WIDTH = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}


@st.composite
def spelled(draw: st.DrawFn, text: str, gaps: bool = False) -> str:
    """``text`` in other case and width, with other dashes and, where ``gaps`` make no difference, white space."""
    written = ""
    for sign in text:
        sign = draw(st.sampled_from(DASHES)) if sign == "-" else sign
        sign = draw(st.sampled_from([sign, sign.upper(), sign.lower()])) if len(sign.upper()) == len(sign.lower()) == 1 else sign
        sign = draw(st.sampled_from([sign, FULL_WIDTH.get(sign, sign)]))
        written += sign + (draw(st.sampled_from(["", "", " ", "\u3000"])) if gaps else "")
    return f"{draw(st.sampled_from(['', ' ']))}{written}{draw(st.sampled_from(['', ' ']))}"


@given(data=st.data(), unit=st.sampled_from(sorted(set(SPELLINGS.units))))
def test_a_unit_is_the_same_in_every_spelling(data: st.DataObject, unit: str) -> None:
    assert SPELLINGS.unit(data.draw(spelled(unit, gaps=True))) == SPELLINGS.units[unit]


@given(data=st.data(), code=st.sampled_from(sorted(set(SPELLINGS.codes))))
def test_a_code_is_the_same_in_every_spelling(data: st.DataObject, code: str) -> None:
    assert SPELLINGS.code(data.draw(spelled(code, gaps=True))) == SPELLINGS.codes[code]


METHODS = sorted({method.name for indicator in STANDARDS.indicators.values() for method in indicator.methods})
YEARS = ["", "-2009", ":2011", "（2013）", " (2013)", "-2009 纺织品 甲醛的测定", ":2011 method A"]


@given(
    data=st.data(),
    method=st.sampled_from(METHODS),
    year=st.sampled_from(YEARS),
    body=st.sampled_from(["", "EN ", "BS EN ", "DIN EN "]),
)
def test_a_method_is_the_same_in_every_spelling(data: st.DataObject, method: str, year: str, body: str) -> None:
    letters, number_ = method.rsplit(" ", 1)
    gap = data.draw(st.sampled_from(["", " ", "\u3000", "-"]))
    letters = data.draw(st.sampled_from([letters, "GBT", "GB-T", "GB T"])) if letters == "GB/T" else letters
    body = body if letters == "ISO" else ""
    name = data.draw(spelled(f"{body}{letters}{gap}{number_}{year}"))
    assert SPELLINGS.names(name, method)
    # A further part, or one more digit, is another method.
    other = data.draw(st.sampled_from([f"{number_}1", f"{number_}.7", f"{number_}-3", f"1{number_}"]))
    assert not SPELLINGS.names(data.draw(spelled(f"{letters} {other}{year}")), method)


@given(data=st.data())
def test_no_spelling_makes_another_dimension_fit(data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(["%", "mg/L", "mg/m3", "mg/m²", "N", "g/m2", "mol/kg", "mg", "kg", "furlong"]))
    verdict = of(number("formaldehyde", 0.001, unit=data.draw(spelled(other, gaps=True)).strip()))
    assert (only(verdict), verdict.verdict) == ((Outcome.NOT_JUDGED, Reason.UNKNOWN_UNIT), INCOMPLETE)


@pytest.mark.parametrize(
    "unit", ["mg/kg", "mg/Kg", "ｍｇ／ｋｇ", "㎎/㎏", "PPM", "ppm", "µg/g", "UG/G", "毫克/千克", "毫克／公斤", "mg·kg⁻¹"]
)
def test_96_mg_per_kg_of_formaldehyde_fails_class_b_in_every_unit_of_its_kind(unit: str) -> None:
    """GB 18401-2010, table 1: 75 mg/kg. The record keeps the unit as it was sent, and so does what people read."""
    verdict = of(*COMPLETE_B[1:], number("formaldehyde", 96.0, unit=unit), plan=())
    assert verdict.verdict is FAIL
    assert verdict.items[-1].value_text == f"96 {unit}"
    assert of(*COMPLETE_B[1:], number("formaldehyde", 75.0, unit=unit), plan=()).verdict is PASS


@pytest.mark.parametrize("unit", ["-", "—", "/", "／", "无", "None", "N/A", "pH", "pH值", "", "1"])
def test_what_stands_for_no_unit_is_none(unit: str) -> None:
    assert of(number("ph", 6.5, unit=unit)).verdict is PASS
    assert only(of(number("formaldehyde", 6.5, unit=unit))) == (Outcome.NOT_JUDGED, Reason.UNIT_MISSING)


@pytest.mark.parametrize(("indicator", "text", "verdict"), [
    ("odour", "None", PASS), ("odour", "无", PASS), ("odour", "無異味", PASS), ("odour", "Ｎｏｎｅ", PASS), ("odour", "未检出", PASS),
    ("odour", "合格", PASS), ("odour", "Pass", PASS), ("odour", "符合", PASS), ("odour", "霉味", FAIL), ("odour", "有", FAIL),
    ("odour", "不合格", FAIL), ("odour", "FAILED", FAIL), ("odour", "—", INCOMPLETE), ("odour", "roses", INCOMPLETE),
    ("down_microbiology", "合格", INCOMPLETE),
])  # fmt: skip
def test_words_of_results(indicator: str, text: str, verdict: object) -> None:
    assert of(quality(indicator, text)).verdict is verdict


def test_not_detected_by_a_method_in_any_spelling_passes_where_the_method_can_see_the_limit() -> None:
    for name in (
        "GB/T 2912.1—2009",
        "ＧＢ／Ｔ　２９１２．１－２００９",
        "gbt2912.1",
        "GB/T2912.1-2009",
        "EN ISO 14184-1:2011",
        "din en iso 14184-1",
    ):
        assert only(of(not_detected("formaldehyde", method=name), safety_class=B)) == (Outcome.PASS, None), name
    for name in ("GB/T 2912.10", "ISO 14184", "EN 14184-1", "ISO 14184-2:2011", "in-house"):
        assert only(of(not_detected("formaldehyde", method=name)))[1] is Reason.DETECTION_LIMIT_UNKNOWN, name


def test_a_spelling_of_two_things_is_refused(tmp_path: Path) -> None:
    shutil.copytree(schemas_root() / "standards", tmp_path / "standards")
    path = tmp_path / "standards" / "spellings.yaml"
    path.write_text(path.read_text("utf-8").replace("[parts per million", "[mg / KG, parts per million"), "utf-8")
    with pytest.raises(
        UserError, match=r"spellings\.yaml, line 15, column 24: units\[1\] \(ppm\): also\[0\]: 'mg / KG' is mg/kg and ppm$"
    ):
        load_standards(tmp_path)
