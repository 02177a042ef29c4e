"""Results as laboratories type them, and what Excel makes of them."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.spreadsheets import publish, write_csv, write_xlsx

from weftline.contracts.standards import load_standards
from weftline.domain.events import InspectionEvent
from weftline.domain.laboratory.grades import HALF_STEPS, Scale
from weftline.domain.vocabulary import InspectionKind, MeasurementKind, Precision, ReportStatus
from weftline.errors import UserError
from weftline.files.cells import CellError, column_of, letters
from weftline.files.fields import Field, Sort
from weftline.files.results import is_not_measured, result_of
from weftline.files.values import Decimals, Notation, grade, moment, offset_of, parsed, said, value_of, zone_of
from weftline.files.words import load_words

WORDS = load_words()
PLAIN = Notation(zone_of("+08:00"), None, WORDS)
COMMA = Notation(zone_of("+08:00"), Decimals.COMMA, WORDS)
INDICATORS = load_standards().indicators


@pytest.mark.parametrize(
    ("indicator", "cell", "found"),
    [
        ("formaldehyde", 96.0, {"kind": "NUMBER", "value": 96.0}),
        ("formaldehyde", " 96.5 ", {"kind": "NUMBER", "value": 96.5}),
        ("formaldehyde", "９６", {"kind": "NUMBER", "value": 96.0}),
        ("formaldehyde", "96 mg/kg", {"kind": "NUMBER", "value": 96.0, "unit": "mg/kg"}),
        ("formaldehyde", "<20", {"kind": "NOT_DETECTED", "detection_limit": 20.0}),
        ("formaldehyde", "＜ 20 mg/kg", {"kind": "NOT_DETECTED", "detection_limit": 20.0, "unit": "mg/kg"}),
        ("formaldehyde", "ND", {"kind": "NOT_DETECTED"}),
        ("formaldehyde", "n.d.", {"kind": "NOT_DETECTED"}),
        ("formaldehyde", "未检出", {"kind": "NOT_DETECTED"}),
        ("formaldehyde", "未检出（<20）", {"kind": "NOT_DETECTED", "detection_limit": 20.0}),
        ("cf_water", "3-4", {"kind": "GRADE", "change_grade": "3-4"}),
        ("cf_water", "3—4级", {"kind": "GRADE", "change_grade": "3-4"}),
        ("cf_water", 4.0, {"kind": "GRADE", "change_grade": "4"}),
        ("cf_water", 3.5, {"kind": "GRADE", "change_grade": "3-4"}),
        ("odour", "无", {"kind": "QUALITATIVE", "text": "无"}),
        ("washing_dimensional_change", "-2.5", {"kind": "NUMBER", "value": -2.5}),
    ],
)
def test_what_a_cell_says(indicator: str, cell: Any, found: dict[str, Any]) -> None:
    assert result_of(cell, INDICATORS[indicator], PLAIN, {}) == found


@pytest.mark.parametrize("cell", [None, "", "  ", "/", "／", "—", "——", "-", "–", "未检", "N/A"])
def test_what_was_not_measured(cell: Any) -> None:
    assert is_not_measured(cell, PLAIN)


@pytest.mark.parametrize("cell", [0.0, "0", "ND", "<20", "无", "3-4", "1"])
def test_what_was_measured(cell: Any) -> None:
    assert not is_not_measured(cell, PLAIN)


@pytest.mark.parametrize(
    ("indicator", "cell", "problem"),
    [
        ("formaldehyde", "1,234", "can be read in two ways; say `decimal: comma` or `decimal: point`"),
        ("formaldehyde", "12 cm", "'cm' is no unit of formaldehyde"),
        ("formaldehyde", ">3500", "give the number that was measured"),
        ("formaldehyde", "viel", "no word for a result"),
        ("formaldehyde", "#DIV/0!", "holds the error #DIV/0!"),
        ("formaldehyde", date(2026, 3, 4), "holds the date 2026-03-04, and a number belongs here"),
        (
            "cf_water",
            date(2026, 3, 4),
            "Excel took a grade for a date. Format the column as text first, then type 3-4",
        ),
        ("cf_water", "4-Mar", "'4-Mar', a date: Excel took a grade for one. Format the column as text"),
        ("cf_water", "3月4日", "a date: Excel took a grade for one"),
        ("cf_water", "2026/3/4", "a date: Excel took a grade for one"),
        ("cf_water", 46085.0, "Excel's number of 2026-03-04"),
    ],
)
def test_what_no_cell_may_say(indicator: str, cell: Any, problem: str) -> None:
    with pytest.raises(CellError) as told:
        result_of(cell, INDICATORS[indicator], PLAIN, {})
    assert problem in str(told.value)


def test_the_unit_in_a_cell_may_not_contradict_the_mapping() -> None:
    assert result_of("96mg/kg", INDICATORS["formaldehyde"], PLAIN, {"unit": "毫克/千克"})["value"] == 96.0
    with pytest.raises(CellError, match="elsewhere the unit is 'mg/kg'"):
        result_of("96 ppb", INDICATORS["formaldehyde"], PLAIN, {"unit": "mg/kg"})


@given(st.sampled_from(sorted(HALF_STEPS[Scale.GREY])), st.sampled_from("-–—~－"), st.sampled_from(["", "级", " 级"]))
def test_every_grade_however_its_dash_is_written(step: str, dash: str, behind: str) -> None:
    assert grade(step.replace("-", dash) + behind) == step
    number = HALF_STEPS[Scale.GREY][step] / 2
    assert grade(number) == step


@given(st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 3)))
def test_a_number_is_the_same_with_either_sign(number: float) -> None:
    assert parsed(f"{number:.3f}", None) == parsed(f"{number:,.3f}", Decimals.POINT) == number
    swapped = f"{number:,.3f}".replace(",", "_").replace(".", ",").replace("_", ".")
    assert parsed(swapped, Decimals.COMMA) == number


@pytest.mark.parametrize("given_", ["1e999x", "nan", "inf", "--1", "1.2.3", "0x10", "", "1_000"])
def test_what_is_no_number(given_: str) -> None:
    with pytest.raises(CellError):
        parsed(given_, Decimals.POINT)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("2026/11/27 14:30", "2026-11-27T14:30:00+08:00"),
        ("2026年11月27日 下午2:30", "2026-11-27T14:30:00+08:00"),
        ("2026年11月27日14时30分", "2026-11-27T14:30:00+08:00"),
        ("2026.11.27", "2026-11-27"),
        ("2026-11-27T14:30:05+01:00", "2026-11-27T14:30:05+01:00"),
        ("2026-11-27T06:30:00Z", "2026-11-27T06:30:00+00:00"),
        (datetime(2026, 11, 27, 14, 30), "2026-11-27T14:30:00+08:00"),
        (date(2026, 11, 27), "2026-11-27"),
    ],
)
def test_times(cell: Any, found: str) -> None:
    assert said(moment(cell), "event_time", zone_of("Asia/Shanghai")) == found


@pytest.mark.parametrize("cell", ["03/04/2026", "27.11.2026", "2026-11-31", "yesterday", 46353.0, True, time(9, 0)])
def test_what_is_no_date_that_can_be_read_in_one_way_only(cell: Any) -> None:
    with pytest.raises(CellError):
        moment(cell)


def test_dates_by_pattern() -> None:
    assert moment("27.11.2026", "%d.%m.%Y") == date(2026, 11, 27)
    assert moment("27.11.2026 9:05", "%d.%m.%Y %H:%M") == datetime(2026, 11, 27, 9, 5)
    with pytest.raises(CellError, match="not written as the mapping says"):
        moment("2026-11-27", "%d.%m.%Y")


def test_a_time_that_a_clock_shows_twice_or_never() -> None:
    berlin = zone_of("Europe/Berlin")
    with pytest.raises(CellError, match="comes twice"):
        said(datetime(2026, 10, 25, 2, 30), "event_time", berlin)
    with pytest.raises(CellError, match="left out"):
        said(datetime(2026, 3, 29, 2, 30), "event_time", berlin)
    assert offset_of(date(2026, 7, 1), berlin) == "+02:00"


def test_a_date_where_the_contract_wants_a_time_is_its_beginning() -> None:
    assert said(date(2026, 11, 27), "tested_at", zone_of("+08:00")) == "2026-11-27T00:00:00+08:00"
    assert said(date(2026, 11, 27), "promised_at", zone_of("+08:00")) == "2026-11-27"


def test_numbers_that_excel_has_cut_are_no_identifiers() -> None:
    text = Field("order_id", Sort.TEXT, ("order_id",))
    assert value_of(20261127001.0, text, PLAIN) == "20261127001"
    with pytest.raises(CellError, match="of which Excel keeps 15"):
        value_of(1.2345678901234567e17, text, PLAIN)
    with pytest.raises(CellError, match="holds the date 2026-12-03"):
        value_of(date(2026, 12, 3), text, PLAIN)


def test_an_amount_is_in_hundredths() -> None:
    money = Field("declared_value", Sort.MONEY, ("declared_value_minor",))
    assert value_of("1.234,50", money, COMMA) == 123_450
    with pytest.raises(CellError, match="two decimals at most"):
        value_of(1.005, money, PLAIN)


@given(st.integers(0, 16_383))
def test_letters_of_columns(column: int) -> None:
    assert column_of(letters(column)) == column


def test_letters_as_spreadsheets_have_them() -> None:
    assert [letters(column) for column in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert column_of("XFE") is None


# -- Reports

COMMON = """
rows: report
time_zone: "+08:00"
key: [报告编号]
constants:
  {source: "https://lims.example/c1", cooperative_id: haimen, center_id: c1, laboratory_id: lab-1, purpose: 委托检测, specimen: 成品}
columns:
  日期: event_time
  工厂: factory_id
  品类: product_category
  报告编号: report_number
"""
WIDE = (
    COMMON
    + """
  审核日期: {field: verified_at, optional: true}
  甲醛: {indicator: formaldehyde, unit: mg/kg, method: GB/T 2912.1-2009, detection_limit: 20}
  pH: {indicator: ph}
  耐水变色: {indicator: cf_water, reading: change}
  耐水沾色: {indicator: cf_water, reading: staining}
"""
)
LONG = (
    COMMON
    + """
  项目: indicator
  结果: result
  单位: unit
  方法: {field: method, optional: true}
  检出限: {field: detection_limit, optional: true}
"""
)
HEAD = ["日期", "工厂", "品类", "报告编号"]
FIRST = [date(2026, 11, 20), "f-204", "sheet", "R-1"]
SECOND = [date(2026, 11, 21), "f-205", "sheet", "R-2"]


def test_one_column_for_each_indicator(tmp_path: Path) -> None:
    head = [*HEAD, "审核日期", "甲醛", "pH", "耐水变色", "耐水沾色"]
    rows = [[*FIRST, date(2026, 11, 22), "未检出", 7.1, "4", "3-4"], [*SECOND, None, 96, "/", None, "—"]]
    outcome, broker, _ = publish(write_xlsx(tmp_path / "t.xlsx", [head, *rows]), WIDE, tmp_path / "l")
    assert outcome.new == 3
    report, verified, other = broker.events
    assert isinstance(report, InspectionEvent)
    assert isinstance(verified, InspectionEvent)
    assert isinstance(other, InspectionEvent)
    assert report.laboratory_report is not None
    found = {one.indicator: one for one in report.laboratory_report.measurements}
    assert found.keys() == {"formaldehyde", "ph", "cf_water"}
    assert (found["formaldehyde"].kind, found["formaldehyde"].detection_limit) == (MeasurementKind.NOT_DETECTED, 20.0)
    assert (found["cf_water"].change_grade, found["cf_water"].staining_grade) == ("4", "3-4")
    assert (verified.kind, verified.precision) == (InspectionKind.REPORT_STATUS, Precision.DAY)
    assert verified.report_status is not None
    assert (verified.report_status.status, verified.report_status.report_number) == (ReportStatus.VERIFIED, "R-1")
    assert other.laboratory_report is not None
    assert [one.indicator for one in other.laboratory_report.measurements] == ["formaldehyde"], (
        "what is not measured is no measurement"
    )


def test_one_row_for_each_measurement_is_the_same_report_in_any_order(tmp_path: Path) -> None:
    head = [*HEAD, "项目", "结果", "单位", "方法", "检出限"]
    rows = [
        [*FIRST, "甲醛含量", "<20", "mg/kg", "GB/T 2912.1-2009", None],
        [*SECOND, "pH值", "7,1", None, None, None],
        [*FIRST, "ph", "6,9", "/", None, None],
        [*FIRST, "耐水色牢度", "4", None, None, None],
    ]
    text = LONG + "decimal: comma\n"
    _, broker, _ = publish(write_csv(tmp_path / "t.csv", [head, *rows], separator=";"), text, tmp_path / "l")
    first, second = broker.events
    assert isinstance(first, InspectionEvent)
    assert first.laboratory_report is not None
    assert sorted(one.indicator for one in first.laboratory_report.measurements) == ["cf_water", "formaldehyde", "ph"]
    outcome, _, _ = publish(write_csv(tmp_path / "u.csv", [head, *reversed(rows)]), text, tmp_path / "l")
    assert (outcome.new, outcome.edited, outcome.unchanged) == (0, 0, 2)
    assert second.factory_id == "f-205"


def test_rows_of_one_report_must_agree(tmp_path: Path) -> None:
    rows = [[*FIRST, "ph", 7, None], [FIRST[0], "f-205", *FIRST[2:], "formaldehyde", 30, "mg/kg"]]
    with pytest.raises(UserError, match="B3 \\(工厂\\): says 'f-205', and row 2 of the same key says 'f-204'"):
        publish(write_csv(tmp_path / "t.csv", [[*HEAD, "项目", "结果", "单位"], *rows]), LONG, tmp_path / "l")


def test_cells_that_are_merged_say_what_stands_above(tmp_path: Path) -> None:
    text = LONG
    for name in ("日期: event_time", "工厂: factory_id", "品类: product_category", "报告编号: report_number"):
        header, field = name.split(": ")
        text = text.replace(f"  {name}\n", f"  {header}: {{field: {field}, fill_down: true}}\n")
    rows = [[*FIRST, "ph", 7, None], [None] * 4 + ["甲醛含量", 30, "mg/kg"], [*SECOND, "ph", 6.5, None]]
    _, broker, _ = publish(write_xlsx(tmp_path / "t.xlsx", [[*HEAD, "项目", "结果", "单位"], *rows]), text, tmp_path / "l")
    assert [len(event.laboratory_report.measurements) for event in broker.events] == [2, 1]  # type: ignore[attr-defined]


def test_a_grade_that_excel_made_a_date_names_cell_and_excel(tmp_path: Path) -> None:
    head = [*HEAD, "甲醛", "pH", "耐水变色", "耐水沾色"]
    file = write_xlsx(tmp_path / "t.xlsx", [head, [*FIRST, 30, 7, date(2026, 3, 4), "4"]])
    with pytest.raises(UserError) as told:
        publish(file, WIDE, tmp_path / "l")
    assert "G2 (耐水变色): holds the date 2026-03-04: Excel took a grade for a date" in str(told.value)
    assert "type 3-4 again" in str(told.value)


def test_what_breaks_the_contract_is_told_of_its_cell(tmp_path: Path) -> None:
    head = [*HEAD, "甲醛", "pH", "耐水变色", "耐水沾色"]
    file = write_csv(tmp_path / "t.csv", [head, [*FIRST, 30, 7, "9", "4"], [SECOND[0], "f\u200b", *SECOND[2:], 30, 7, "4", "4"]])
    with pytest.raises(UserError) as told:
        publish(file, WIDE, tmp_path / "l")
    assert "G2 (耐水变色): change_grade must be a grade" in str(told.value)
    assert "B3 (工厂): factory_id must not contain U+200B" in str(told.value)


def test_a_lot_with_the_plan_in_hand(tmp_path: Path) -> None:
    text = """
rows: lot
time_zone: "+08:00"
key: [批号, 提交次数]
constants:
  {source: s, cooperative_id: haimen, center_id: c1, factory_id: f-204, product_category: sheet, stage: 最终检验, plan_standard: ISO 2859-1,
   plan_edition: "1999", plan_level: II, plan_severity: 正常}
columns:
  {日期: event_time, 批号: lot_id, 提交次数: submission, 批量: lot_size, 样本量: sample_size, 严重: major_units, AQL: major_aql,
   Ac: major_accept, Re: major_reject}
"""
    head = ["日期", "批号", "提交次数", "批量", "样本量", "严重", "AQL", "Ac", "Re"]
    file = write_xlsx(tmp_path / "t.xlsx", [head, [datetime(2026, 11, 20, 9), "L-1", "初检", 1000, 80, 6, 2.5, 5, 6]])
    _, broker, _ = publish(file, text, tmp_path / "l")
    (event,) = broker.events
    assert isinstance(event, InspectionEvent)
    assert event.lot_inspection is not None
    (plan,) = event.lot_inspection.plans
    assert (plan.nonconformity_class, plan.sample_size, plan.accept, plan.reject, plan.aql) == ("MAJOR", 80, 5, 6, 2.5)
