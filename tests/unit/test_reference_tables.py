"""Reference data as a clerk keeps them: a workbook with a sheet for each list, or a CSV file; the same entries, the same words."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from weftline.contracts.reference import Alias, Center, Contact, Factory, read_reference
from weftline.errors import UserError
from weftline.files.reference_tables import LISTS, read_tables

CENTERS: list[list[Any]] = [
    [
        "id",
        "valid_from",
        "name_zh",
        "name_en",
        "source",
        "rounds_per_day",
        "live_from",
        "capacity/sewing",
        "capacity/digital printer",
    ],
    ["c1", date(2026, 3, 1), "中心", "Center", "register", 52.5, date(2026, 4, 1), 40, 12.5],
    [],
    [7, date(2026, 3, 1), "中心", "Center", "register"],
]
FACTORIES = [["id", "valid_from", "cooperative_id", "name_zh", "name_en", "source"], ["f", date(2026, 3, 1), "co", "厂", "F", "s"]]


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, date):
                        sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), days)
                    else:
                        sheet.write(row, column, cell)
    return path


def test_a_workbook_says_what_yaml_says(tmp_path: Path) -> None:
    found = read_tables(workbook(tmp_path / "parties.xlsx", {"centers": CENTERS, "notes": [["id"]], "factories": FACTORIES}))
    assert found == read_reference(
        """
        centers:
          - {id: c1, valid_from: 2026-03-01, name_zh: 中心, name_en: Center, source: register, rounds_per_day: 52.5,
             live_from: 2026-04-01, capacity: {sewing: 40, digital printer: 12.5}}
          - {id: "7", valid_from: 2026-03-01, name_zh: 中心, name_en: Center, source: register}
        factories:
          - {id: f, valid_from: 2026-03-01, cooperative_id: co, name_zh: 厂, name_en: F, source: s}
        """
    )
    assert isinstance(found.centers[0], Center)
    assert isinstance(found.factories[0], Factory)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_file_is_one_list(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("factory_id;contact;valid_from;receiver;name;source\n0204;first;2026-01-01;群;质量主管;登记册\n", encoding)
    assert read_tables(path).contacts == (
        Contact(factory_id="0204", contact="first", valid_from=date(2026, 1, 1), receiver="群", name="质量主管", source="登记册"),
    )
    other = tmp_path / "names.csv"
    other.write_text("kind,used_by,alias,id,valid_from,source\nfactory,urn:c1,No,f,2026-01-01,s\n", encoding)
    assert read_tables(other, "aliases").aliases == (
        Alias(kind="factory", used_by="urn:c1", alias="No", id="f", valid_from=date(2026, 1, 1), source="s"),
    )
    with pytest.raises(UserError, match=r"names\.csv: which list is it\? Call the file cooperatives\.csv, "):
        read_tables(other)


def test_every_fault_is_told_with_its_row_and_column(tmp_path: Path) -> None:
    rows = [FACTORIES[0], *FACTORIES[1:], *FACTORIES[1:], ["g", "soon", "co", "厂", "", "s", "left over"]]
    with pytest.raises(UserError) as caught:
        read_tables(workbook(tmp_path / "p.xlsx", {"factories": rows}))
    head, *faults = str(caught.value).splitlines()
    assert head.endswith("p.xlsx is wrong (schemas/examples/reference.yaml shows what each list says):")
    assert [fault.strip() for fault in faults] == [
        "row 3, column A: factories[1] (f): 2026-03-01 is in line 2 as well; leave one, or change its valid_from",
        "row 4, column A: factories[2] (g): name_en is missing; where there is none, repeat name_zh",
        "row 4, column B: factories[2] (g): valid_from: must be a day like 2026-03-01, without quotes, 1970-01-01 to 2149-06-06, "
        "not soon",
        "row 4, column G: factories[2] (g): unknown key (column G, which has no name); known are id, valid_from, name_zh, "
        "name_en, source, cooperative_id",
    ]


@pytest.mark.parametrize("sheet", ["Sheet1", "factoris"])
def test_a_workbook_without_a_list_says_what_sheets_are_called(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(UserError, match=", ".join(LISTS)):
        read_tables(workbook(tmp_path / "p.xlsx", {sheet: FACTORIES}))
    with pytest.raises(UserError, match=r"the sheet factoris is called after no list \(did you mean factories\?\)"):
        read_tables(workbook(tmp_path / "p.xlsx", {"factories": FACTORIES, "factoris": FACTORIES}))
