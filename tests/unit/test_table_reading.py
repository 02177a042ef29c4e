"""Files as people have them: any encoding, titles and sums around the table, headers of two lines; and what is said of those that cannot be
read."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, mapping, publish, write_csv, write_ods, write_xlsx

from weftline.errors import UserError
from weftline.files import workbooks
from weftline.files.header import find_header, header_names
from weftline.files.mapping_file import read_mapping
from weftline.files.reading import open_table

DATA = Path(__file__).parents[1] / "data" / "files"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030", "gbk"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    # Without a mark UTF-16 is known by the zeros of its first characters, which are ASCII then.
    header = ["id" if encoding == "utf-16-le" else "单号", "备注"]
    table = open_table(
        write_csv(tmp_path / "t.csv", [header, ["A-1", "海门，叠石桥"], ["x,y;z", "多行\n文字"]], encoding, separator)
    )
    assert list(table.rows()) == [(1, header), (2, ["A-1", "海门，叠石桥"]), (3, ["x,y;z", "多行\n文字"])]
    assert list(table.rows()) == list(table.rows()), "each time anew"


def test_the_separator_that_excel_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\na;b,c\n1;2,5\n", "utf-8")
    assert list(open_table(path).rows()) == [(1, []), (2, ["a", "b,c"]), (3, ["1", "2,5"])]


def test_decimal_commas_do_not_make_a_separator(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("pH;ppm\n7,1;20,5\n6,9;30,5\n", "utf-8")
    assert [cells for _, cells in open_table(path).rows()] == [["pH", "ppm"], ["7,1", "20,5"], ["6,9", "30,5"]]


def test_a_file_of_gb18030_as_it_lies(tmp_path: Path) -> None:
    """Bytes that a Chinese Excel wrote, with characters that only GB18030 has."""
    _, broker, _ = publish(DATA / "orders-gb18030.csv", ORDERS, tmp_path / "l")
    assert [event.style_number for event in broker.events] == ["ST-1", "ST-𠮷1", None]  # type: ignore[attr-defined]


def test_an_old_workbook_as_it_lies(tmp_path: Path) -> None:
    _, broker, _ = publish(DATA / "orders.xls", ORDERS, tmp_path / "l")
    _, other, _ = publish(write_xlsx(tmp_path / "t.xlsx", [HEADER, *ROWS]), ORDERS, tmp_path / "m")
    assert broker.events == other.events


def messy(path: Path) -> Path:
    """What a center's own workbook looks like: merged titles, two header lines, blanks, a hidden row, the header again, sums, text numbers,
    a hidden sheet before it."""
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("旧数据").hide()
        page = book.add_worksheet("检测")
        book.worksheets_objs[1].activate()
        days = book.add_format({"num_format": "yyyy/m/d"})
        page.merge_range("B1:I1", "海门检测中心 2026 年 11 月检测结果")
        page.merge_range("B2:I2", "制表：张三")

        def header(row: int) -> None:
            for column, name in ((1, "报告编号"), (2, "日期"), (3, "工厂"), (4, "品类"), (5, "甲醛"), (8, "备注")):
                page.merge_range(row, column, row + 1, column, name)
            page.merge_range(row, 6, row, 7, "耐水色牢度")
            page.write_row(row + 1, 6, ("变色", "沾色"))

        header(3)
        rows: list[list[Any]] = [
            ["R-1", date(2026, 11, 20), "f-204", "床单", "26.5", "4", "3-4", "加急"],
            ["R-2", date(2026, 11, 21), "f-204", "床单", "未检出", "4-5", 4, None],
            [None] * 8,
            ["R-3", date(2026, 11, 22), "f-205", "被套", "<20", "/", "—", "隐藏行"],
        ]
        for at, row in enumerate(rows, 5):
            for column, cell in enumerate(row, 1):
                if isinstance(cell, date):
                    page.write_datetime(at, column, datetime(cell.year, cell.month, cell.day), days)
                elif cell is not None:
                    page.write(at, column, cell)
        page.set_row(8, None, None, {"hidden": True})
        page.write(9, 1, "合计：")
        page.write_formula(9, 5, "=SUM(F6:F9)", None, 26.5)
    return path


MESSY = """
rows: report
time_zone: Asia/Shanghai
key: [报告编号]
header_lines: 2
totals: [合计]
constants:
  {source: "https://lims.example/c1", cooperative_id: haimen, center_id: c1, laboratory_id: lab-1, purpose: FUND, specimen: 成品}
columns:
  报告编号: report_number
  日期: event_time
  工厂: factory_id
  品类: product_category
  甲醛: {indicator: formaldehyde, unit: mg/kg}
  耐水色牢度/变色: {indicator: cf_water, reading: change}
  耐水色牢度/沾色: {indicator: cf_water, reading: staining}
"""


def test_a_workbook_as_it_grew(tmp_path: Path) -> None:
    outcome, broker, _ = publish(messy(tmp_path / "m.xlsx"), MESSY, tmp_path / "l")
    found = {event.laboratory_report.report_number: event.laboratory_report.measurements for event in broker.events}  # type: ignore[attr-defined]
    assert {number: len(measured) for number, measured in found.items()} == {"R-1": 2, "R-2": 2, "R-3": 1}
    assert [one.value for one in found["R-1"] if one.indicator == "formaldehyde"] == [26.5]
    assert [(one.change_grade, one.staining_grade) for one in found["R-2"] if one.indicator == "cf_water"] == [("4-5", "4")]
    assert (outcome.left_out.blank, outcome.left_out.totals) == (1, 1)
    assert outcome.unused == ["备注"]
    assert outcome.notes == ["1 hidden rows are read like the others; delete what shall not be sent"]


def test_a_row_of_sums_is_a_fault_where_the_mapping_does_not_name_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"C10 \(日期\): event_time is missing"):
        publish(messy(tmp_path / "m.xlsx"), MESSY.replace("totals: [合计]\n", ""), tmp_path / "l")


def test_a_header_that_stands_again_is_no_row(tmp_path: Path) -> None:
    outcome, _, _ = publish(write_csv(tmp_path / "t.csv", [HEADER, ROWS[0], HEADER, ROWS[1]]), ORDERS, tmp_path / "l")
    assert (outcome.new, outcome.left_out.headers) == (2, 1)


def test_formulas_without_a_value_are_no_blanks(tmp_path: Path) -> None:
    """The reader gives an error as an empty cell, which would be nothing measured."""
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        page = book.add_worksheet()
        page.write_row(0, 0, HEADER)
        page.write_row(1, 0, ["2026-11-20", "f-204", "A-1", None, "床单", "已确认", 1, "2026-11-22"])
        page.write_formula(1, 8, "=1/0", None, "#DIV/0!")
    with pytest.raises(UserError, match=r"I2 \(数量\): holds the error #DIV/0!; mend the formula"):
        publish(tmp_path / "t.xlsx", ORDERS, tmp_path / "l")


def test_a_formula_that_was_never_calculated(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", [HEADER, *ROWS])
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b'<c r="I2"><v>3</v></c>', b'<c r="I2"><f>1+2</f><v></v></c>')
    assert parts["xl/worksheets/sheet1.xml"] != sheet
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    with pytest.raises(UserError, match=r"I2 \(数量\): has a formula that was never calculated"):
        publish(path, ORDERS, tmp_path / "l")


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([["a", "b"]], ("a", "b")),
        ([["R", "CF", None, "N"], [None, "change", "staining", None]], ("R", "CF/change", "CF/staining", "N")),
        ([["R", None], [None, "pH"]], ("R", "pH")),
        ([["单\n号", " x  y "]], ("单 号", "x y")),
    ],
)
def test_names_of_columns(lines: list[list[str | None]], names: tuple[str, ...]) -> None:
    assert header_names(lines) == names


def test_a_header_that_lacks_something(tmp_path: Path) -> None:
    rows = [["某某中心"], [one.replace("承诺日期", "承诺日") for one in HEADER], *ROWS]
    with pytest.raises(UserError, match=r"nearest comes row 2, which lacks 承诺日期 \(did you mean 承诺日\?\)"):
        find_header(open_table(write_csv(tmp_path / "t.csv", rows)), mapping(ORDERS))


def test_one_name_twice_in_a_header(tmp_path: Path) -> None:
    table = open_table(write_csv(tmp_path / "t.csv", [[*HEADER, "数量"], *ROWS]))
    with pytest.raises(UserError, match="数量 heads the columns I and J; name the one that is meant by its letter, as @I"):
        find_header(table, mapping(ORDERS))
    assert find_header(table, mapping(ORDERS.replace("  数量:", "  '@J':"))).columns["@J"] == 9


def test_what_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "b.csv").write_bytes(b"\x81\xff\xfe\xff" * 9)
    (tmp_path / "c.csv").write_bytes(b"abcd\0\1\2")
    (tmp_path / "d.csv").write_text('a,b\n1,"2\n' + "x,y\n" * 40_000, "utf-8")
    for name, said in (
        ("a.xlsx", "cannot be read as a workbook"),
        ("b.csv", "neither UTF-8"),
        ("c.csv", "neither text nor a workbook"),
    ):
        with pytest.raises(UserError, match=f"{name}: .*{said}"):
            open_table(tmp_path / name)
    with pytest.raises(UserError, match=r"after row 1: .*perhaps a quotation mark is not closed"):
        list(open_table(tmp_path / "d.csv").rows())
    with pytest.raises(UserError, match="No such file"):
        open_table(tmp_path / "e.csv")
    with pytest.raises(UserError, match="has no sheet '检侧' \\(did you mean 检测\\?\\)"):
        open_table(messy(tmp_path / "m.xlsx"), "检侧")


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 1000)
    for path in (write_xlsx(tmp_path / "t.xlsx", [HEADER, *ROWS]), write_ods(tmp_path / "t.ods", [HEADER, *ROWS])):
        if path.suffix == ".xlsx":
            with pytest.raises(UserError, match="unpacks to"):
                open_table(path)


def test_faults_of_a_mapping_have_lines(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        """rows: order
time_zone: Mars
key: [单号, 款]
constants: {centre_id: c1}
columns:
  单号: order_id
  单 号: style_number
  状态: {field: statos}
  甲醛: {indicator: formaldehyde}
  备注: {values: {a: b}}
""",
        "utf-8",
    )
    with pytest.raises(UserError) as told:
        read_mapping(path)
    assert "line 2: time_zone: 'Mars' is no time zone" in str(told.value)
    path.write_text(path.read_text("utf-8").replace("Mars", "+08:00"), "utf-8")
    with pytest.raises(UserError) as told:
        read_mapping(path)
    lines = str(told.value).splitlines()[1:]
    assert [line.strip().partition(":")[0].split(",")[0] for line in lines] == [
        "line 3",
        "line 4",
        "line 7",
        "line 8",
        "line 9",
        "line 10",
    ]
    assert "centre_id is no field of such a row (did you mean center_id?)" in str(told.value)
    assert "statos is no field of such a row (did you mean status?)" in str(told.value)
    path.write_text(path.read_text("utf-8").replace("statos", "lot_size"), "utf-8")
    with pytest.raises(UserError, match=r"lot_size is no field of such a row, but of others \(lot\)"):
        read_mapping(path)
    path.write_text(path.read_text("utf-8").replace("rows: order", "rows: report").replace("lot_size", "status"), "utf-8")
    with pytest.raises(UserError, match=r"status is no field of such a row; .* give that column as verified_at"):
        read_mapping(path)


def test_what_nothing_gives_is_one_fault(tmp_path: Path) -> None:
    text = ORDERS.replace("cooperative_id: haimen, ", "").replace("  状态: status\n", "  状态: {values: {}}\n")
    with pytest.raises(UserError, match=r"the mapping gives no cooperative_id \(or --cooperative\), status; add a column"):
        publish(write_csv(tmp_path / "t.csv", [HEADER, *ROWS]), text, tmp_path / "l")
