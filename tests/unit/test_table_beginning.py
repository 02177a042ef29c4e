"""How a clerk begins: a template or a file of her own, a mapping whose guesses are marked, a dry run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.commands import weftline
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, publish, write_csv, write_xlsx
from tests.unit.test_table_reading import messy

from weftline.contracts.standards import load_standards
from weftline.contracts.yaml_reading import parse_yaml
from weftline.domain import vocabulary
from weftline.domain.laboratory.spelling import key
from weftline.errors import UserError
from weftline.files.fields import RowKind, fields_of, measurement_fields
from weftline.files.guessing import guessed_mapping
from weftline.files.mapping_file import MappingFile
from weftline.files.reading import open_table
from weftline.files.templates import workbook
from weftline.files.words import load_words

NOWHERE = {"WEFTLINE_KAFKA": "127.0.0.1:1"}


def guessed(path: Path) -> tuple[str, MappingFile]:
    text = guessed_mapping(path)
    return text, parse_yaml(text, MappingFile, "guessed")


# -- Words


def test_every_field_has_words_and_no_header_two_meanings() -> None:
    words = load_words()
    for kind in RowKind:
        names = [*fields_of(kind), *(measurement_fields() if kind is RowKind.REPORT else ())]
        meanings: dict[str, set[str]] = {}
        for name in names:
            assert words.fields[name].note_zh, name
            for spelling in words.fields[name].spellings:
                meanings.setdefault(key(spelling), set()).add(name)
        allowed = [{"lot_id", "lot_ids"}] if kind is RowKind.LOT else []
        assert [found for found in meanings.values() if len(found) > 1 and found not in allowed] == []


def test_every_symbol_has_words() -> None:
    words = load_words()
    for kind in RowKind:
        for field in fields_of(kind).values():
            if field.words is not None and field.words not in (vocabulary.BusinessStep, vocabulary.Disposition):
                assert {*words.symbols[field.words.__name__]} == {*field.words} - {"UNKNOWN"}, field.words
    assert {*words.indicators} <= {*load_standards().indicators}
    for name, symbols in words.symbols.items():
        assert {*symbols} <= {*getattr(vocabulary, name)}


# -- Guesses


def test_a_guess_is_marked_and_a_question_asked(tmp_path: Path) -> None:
    text, mapping = guessed(write_xlsx(tmp_path / "t.xlsx", [["某某中心打样单"], HEADER, *ROWS]))
    assert {name: column.field for name, column in mapping.columns.items()} == {
        "日期": "event_time",
        "厂家": "factory_id",
        "单号": "order_id",
        "款号": "style_number",
        "品类": "product_category",
        "状态": "status",
        "轮次": "round",
        "承诺日期": "promised_at",
        "数量": "quantity",
    }
    assert mapping.key == ["单号", "状态", "轮次"]
    assert mapping.columns["品类"].values == {"床单": "sheet", "被套": "quilt-cover"}
    lines = {line.strip().partition(":")[0]: line for line in text.splitlines()}
    for guess in ("rows", "time_zone", "key", "日期", "单号"):
        assert "# guess" in lines[guess], guess
    assert "# guess" not in lines["状态"], "it is headed as our own templates head it"
    assert "# ?" in lines["center_id"]
    assert "海门叠石桥家纺厂" in text, "factories are listed, so that their ids can be written beside them"


def test_a_guess_of_a_workbook_as_it_grew(tmp_path: Path) -> None:
    text, mapping = guessed(messy(tmp_path / "m.xlsx"))
    assert (mapping.rows, mapping.header_lines, mapping.totals, mapping.key) == (RowKind.REPORT, 2, ["合计"], ["报告编号"])
    assert mapping.columns["甲醛"].indicator == "formaldehyde"
    assert mapping.columns["甲醛"].unit == "mg/kg"
    assert mapping.columns["耐水色牢度/沾色"].reading == "staining"
    assert "# 备注: ? not used" in text
    answered = text.replace('source: ""', "source: s").replace('cooperative_id: ""', "cooperative_id: haimen")
    answered = answered.replace('center_id: ""', "center_id: c1").replace('laboratory_id: ""', "laboratory_id: lab-1")
    answered = answered.replace('specimen: ""', "specimen: 成品").replace('purpose: ""', "purpose: FUND")
    outcome, _, _ = publish(tmp_path / "m.xlsx", answered, tmp_path / "l")
    assert (outcome.new, outcome.left_out.totals) == (3, 1)


def test_values_say_which_column_is_the_category_and_a_report_asks_for_its_verification(tmp_path: Path) -> None:
    header = ["报告编号", "委托单位", "样品名称", "样品类别", "检测完成时间", "报告状态", "签发日期", "可分解芳香胺染料"]
    row = ["R-1", "海门叠石桥家纺厂", "全棉四件套", "床单", "2026-11-28 14:30", "已签发", "2026-11-29", "未检出"]
    text, mapping = guessed(write_xlsx(tmp_path / "r.xlsx", [header, row, ["R-2", row[1], "毛巾", "被套", *row[4:]]]))
    assert {name: column.field for name, column in mapping.columns.items() if name in ("样品名称", "样品类别", "检测完成时间")} == {
        "样品类别": "product_category",
        "检测完成时间": "event_time",
    }
    assert mapping.columns["可分解芳香胺染料"].indicator == "azo_amines"
    assert "no column is verified_at" in text
    assert 'specimen: ""' in text
    kinds = write_xlsx(tmp_path / "k.xlsx", [header, [*row[:2], "床单", "成品", *row[4:]]])
    assert guessed(kinds)[1].columns["样品类别"].field == "specimen", "to another center it is what sort of specimen it is"


def test_dates_and_decimals_that_are_not_plain(tmp_path: Path) -> None:
    head = ["报告编号", "日期", "甲醛(mg/kg)"]
    _, mapping = guessed(
        write_csv(tmp_path / "t.csv", [head, ["R-1", "27.11.2026", "20,5"], ["R-2", "3.11.2026", "<20"]], separator=";")
    )
    assert mapping.columns["日期"].format == "%d.%m.%Y"
    assert mapping.decimal == "comma"
    text, mapping = guessed(write_csv(tmp_path / "u.csv", [head, ["R-1", "03/04/2026", "20.5"]]))
    assert mapping.columns["日期"].format is None
    assert "# ? say how these are written: 03/04/2026 (%d/%m/%Y or %m/%d/%Y)" in text


def test_a_file_without_a_header_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row looks like a header"):
        guessed_mapping(write_csv(tmp_path / "t.csv", [["q", "w"], ["1", "2"]]))


# -- Templates


@pytest.mark.parametrize("kind", ["orders", "reports", "lots", "shipments"])
def test_a_template_is_recognized_in_every_column(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.xlsx"
    path.write_bytes(workbook(kind))
    (_, header), *_ = open_table(path).rows()
    text, mapping = guessed(path)
    assert list(mapping.columns) == list(header)
    columns = text[text.index("columns:") :]
    assert "# guess" not in columns
    required = {field.name for field in fields_of(mapping.rows).values() if field.required and field.path}
    assert required <= {column.field for column in mapping.columns.values()} | mapping.constants.keys()
    help_sheet = [cells for _, cells in open_table(path, "说明 Help").rows()]
    assert {cells[0] for cells in help_sheet} >= set(header)
    assert all(cells[1] and cells[2] for cells in help_sheet[len(help_sheet) - len(header) :]), "each in Chinese and English"


def test_a_template_that_was_filled_in_is_events(tmp_path: Path) -> None:
    """With the words of its own lists."""
    words = load_words()
    path = tmp_path / "orders.xlsx"
    path.write_bytes(workbook("orders"))
    (_, header), *_ = open_table(path).rows()
    text, mapping = guessed(path)
    by_field = {column.field: name for name, column in mapping.columns.items()}
    rows = []
    for number, label in enumerate(words.symbols["OrderStatus"].values()):
        told: dict[str, Any] = {by_field["event_time"]: f"2026-11-20 {number:02}:00", by_field["factory_id"]: "f-204"}
        told |= {by_field["order_id"]: "A-1", by_field["product_category"]: "床单", by_field["status"]: label.zh}
        rows.append([told.get(str(name)) for name in header])
    for name, value in (("source", "s"), ("cooperative_id", "haimen"), ("center_id", "c1")):
        text = text.replace(f'{name}: ""', f"{name}: {value}")
    _, broker, _ = publish(write_xlsx(path, [header, *rows]), text, tmp_path / "l")  # type: ignore[list-item]
    assert [event.status for event in broker.events] == list(words.symbols["OrderStatus"])  # type: ignore[attr-defined]


def test_the_mapping_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (paste,) = (found for found in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "columns:" in found)
    assert parse_yaml(paste, MappingFile, "README.md").rows is RowKind.REPORT


# -- The commands, without any server


def test_the_path_of_a_clerk_up_to_the_dry_run(tmp_path: Path) -> None:
    made = weftline("map", "template", "orders", folder=tmp_path)
    assert made.stdout == "orders.xlsx: fill it in, then `weftline map init orders.xlsx`\n", made.stderr
    again = weftline("map", "template", "orders", folder=tmp_path)
    assert "orders.xlsx is there already" in again.stderr
    write_csv(tmp_path / "mine.csv", [HEADER, *ROWS], "gb18030")
    begun = weftline("map", "init", "mine.csv", folder=tmp_path)
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.startswith("mine.map.yaml: ")
    assert yaml.safe_load((tmp_path / "mine.map.yaml").read_text("utf-8"))["rows"] == "order"
    open_question = weftline("publish", "mine.csv", "--map", "mine.map.yaml", "--dry-run", folder=tmp_path, **NOWHERE)
    assert "the mapping gives no source (or --source), cooperative_id (or --cooperative), center_id" in open_question.stderr
    who = ("--source", "s", "--cooperative", "haimen", "--center", "c1")
    dry = weftline("publish", "mine.csv", "--map", "mine.map.yaml", "--dry-run", *who, folder=tmp_path, **NOWHERE)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines()[0] == "row 2: order A-30 CONFIRMED of 海门叠石桥家纺厂 at 2026-11-27T14:30:00+08:00 (new)"
    assert dry.stdout.splitlines()[-1].startswith("3 new would be sent")
    assert not (tmp_path / "mine.map.ledger").exists()


def test_a_dry_run_judges(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        """rows: report
time_zone: "+08:00"
key: [报告编号]
constants: {source: s, cooperative_id: haimen, center_id: c1, factory_id: f-204, laboratory_id: lab-1, purpose: FUND, specimen: 成品,
  product_category: sheet, safety_class: B}
columns:
  报告编号: report_number
  日期: event_time
  甲醛: {indicator: formaldehyde, unit: mg/kg}
""",
        "utf-8",
    )
    write_xlsx(tmp_path / "r.xlsx", [["报告编号", "日期", "甲醛"], ["R-1", "2026-11-20", 96], ["R-2", "2026-11-20", 30]])
    done = weftline("publish", "r.xlsx", "--map", "m.yaml", "--dry-run", folder=tmp_path, **NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "row 2: laboratory report R-1 of f-204 at 2026-11-20 (new)" in done.stdout
    assert "    FAIL" in done.stdout
    assert "verdicts: 1 FAIL, 1 INCOMPLETE" in done.stdout
    assert "2 of 2 reports are not verified" in done.stderr, "their verdicts will be told to nobody, and somebody should say so"
    listed = json.loads(weftline("publish", "r.xlsx", "--map", "m.yaml", "--dry-run", "--json", folder=tmp_path, **NOWHERE).stdout)
    assert [change["verdict"]["verdict"] for change in listed["changes"]] == ["FAIL", "INCOMPLETE"]


def test_options_that_need_a_mapping_and_files_that_do(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [HEADER, *ROWS])
    assert "weftline map init t.csv" in weftline("publish", "t.csv", folder=tmp_path, **NOWHERE).stderr
    assert "--dry-run go with --map" in weftline("publish", "e.jsonl", "--dry-run", folder=tmp_path, **NOWHERE).stderr
    (tmp_path / "m.yaml").write_text(ORDERS, "utf-8")
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text("utf-8").replace("已确认", "？"), "utf-8")
    done = weftline("publish", "t.csv", "--map", "m.yaml", "--dry-run", folder=tmp_path, **NOWHERE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("weftline: t.csv: 1 fault in 1 row; nothing would be sent")
    assert "F2 (状态): '？' stands for no status" in done.stderr
