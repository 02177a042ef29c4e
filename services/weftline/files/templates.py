"""Empty workbooks: the right columns, lists to choose from, columns of text where Excel would make dates of grades, and a sheet of help."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import xlsxwriter

from weftline.contracts.standards import load_standards
from weftline.domain.vocabulary import MeasurementKind
from weftline.files.fields import Field, RowKind, Sort, fields_of
from weftline.files.recognizing import label_of, label_of_indicator
from weftline.files.words import load_words

ROWS: Final = 5_000
"""So far down lists and formats reach."""

_COLUMNS: Final = {
    "orders": (
        RowKind.ORDER,
        "event_time factory_id order_id style_number product_category status round sample_type promised_at quantity production_step "
        "changed_by reason",
    ),
    "reports": (
        RowKind.REPORT,
        "event_time factory_id report_number style_number product_category specimen specimen_kind purpose safety_class age_group "
        "sampled_at tested_at verified_at verified_by",
    ),
    "lots": (
        RowKind.LOT,
        "event_time factory_id lot_id style_number product_category stage submission lot_size sample_size critical_units major_units "
        "minor_units plan_standard plan_edition plan_level plan_severity critical_accept critical_reject major_aql major_accept "
        "major_reject minor_aql minor_accept minor_reject",
    ),
    "shipments": (
        RowKind.SHIPMENT,
        "event_time factory_id shipment_id business_step order_ids lot_ids carrier_id expected_departure_at expected_arrival_at partial "
        "declared_value declared_currency trade_mode",
    ),
}
_DATA, _HELP, _LISTS = "数据 Data", "说明 Help", "词表 Lists"
_PREFACE: Final = (
    ("在“数据”表中逐行填写；蓝色列必填。", "Fill in the sheet of data, a row for each event; blue columns are needed."),
    ("时间为打样中心当地时间；只知道日期就只填日期。", "Times are those of the center's clock; a date alone is a date."),
    ("“/”“—”或空白表示没有。", "A slash, a dash or a blank cell says nothing."),
    ("级数列已设为文本，请勿改格式，否则 Excel 会把 3-4 变成日期。", "Columns of grades are text; else Excel makes a date of 3-4."),
    ("请勿改动表头；列可以换位，不用的列可以删去。", "Leave the header as it is; columns may change places or go."),
)


_CHOOSE: Final = ("从下拉列表选择；未检填 /", "Choose; / where it was not tested")


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    needed: bool
    note: tuple[str, str]
    text: bool = False
    time: bool = False
    choices: tuple[str, ...] = ()


def workbook(kind: str) -> bytes:
    """The xlsx of ``orders``, ``reports``, ``lots`` or ``shipments``; the same bytes each time but for its date."""
    rows, names = _COLUMNS[kind]
    columns = [*(_of_field(fields_of(rows)[name]) for name in names.split()), *(_results() if rows is RowKind.REPORT else ())]
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        _Sheets(book).write(columns)
    return target.getvalue()


def _of_field(field: Field) -> _Column:
    label = load_words().fields[field.name]
    choices: tuple[str, ...] = ()
    if field.words is not None:
        choices = tuple(f"{one.zh}" for one in load_words().symbols[field.words.__name__].values())
    if field.sort is Sort.FLAG:
        choices = ("是", "否")
    if field.name == "product_category":
        choices = tuple(dict.fromkeys(one.zh for one in load_standards().categories.values()))
    return _Column(
        label_of(field.name),
        field.required,
        (label.note_zh, label.note_en),
        text=field.sort in (Sort.TEXT, Sort.LIST, Sort.GRADE),
        time=field.sort is Sort.TIME,
        choices=choices,
    )


def _results() -> Iterator[_Column]:
    """A column for each of the indicators that the cluster's fund proposes."""
    standards = load_standards()
    for code in (code for entry in standards.programmes[0].entries for code in entry):
        indicator = standards.indicators[code]
        if code in {one for one, _ in standards.label_shares}:
            continue  # a share has a fibre and a label beside it, and wants a row of its own
        if MeasurementKind.GRADE in indicator.accepts:
            note = ("级数，如 4 或 3-4；未检填 /", "A grade such as 4 or 3-4; / where it was not tested")
            for reading in ("change", "staining") if indicator.both_readings else (None,):
                yield _Column(label_of_indicator(indicator, reading), False, note, text=True)
        elif indicator.codes:
            choices = tuple(indicator.codes_zh.get(one, one) for one in indicator.codes)
            yield _Column(
                label_of_indicator(indicator),
                False,
                _CHOOSE,
                choices=choices,
            )
        else:
            note = (
                "数值、<20 或 未检出；未检填 /",
                f"A number{f' in {indicator.unit}' if indicator.unit else ''}, <20 or ND; / where it was not tested",
            )
            yield _Column(label_of_indicator(indicator), False, note)


class _Sheets:
    def __init__(self, book: Any) -> None:
        self._book = book
        self._needed = book.add_format({"bold": True, "bg_color": "#BDD7EE", "border": 1, "text_wrap": True, "valign": "top"})
        self._other = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1, "text_wrap": True, "valign": "top"})
        self._text = book.add_format({"num_format": "@"})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})

    def write(self, columns: list[_Column]) -> None:
        data, info, lists = (self._book.add_worksheet(name) for name in (_DATA, _HELP, _LISTS))
        data.freeze_panes(1, 0)
        data.set_row(0, 48)
        chosen = 0
        for at, column in enumerate(columns):
            data.set_column(at, at, 18, self._text if column.text and not column.choices else self._time if column.time else None)
            data.write_string(0, at, column.header, self._needed if column.needed else self._other)
            if column.choices:
                lists.write_column(0, chosen, (column.header, *column.choices))
                data.data_validation(1, at, ROWS, at, self._list(chosen, len(column.choices)))
                chosen += 1
        lists.hide()
        self._explain(info, columns)

    def _list(self, at: int, count: int) -> dict[str, Any]:
        name = xlsxwriter.utility.xl_col_to_name(at, col_abs=True)
        return {
            "validate": "list",
            "source": f"='{_LISTS}'!{name}$2:{name}${count + 1}",
            "error_type": "warning",  # another word may stand in the mapping
            "error_title": "词表 Lists",
            "error_message": "不在下拉列表中 Not in the list",
        }

    def _explain(self, info: Any, columns: list[_Column]) -> None:
        info.set_column(0, 0, 36, self._wrap)
        info.set_column(1, 2, 60, self._wrap)
        for row, (zh, en) in enumerate(_PREFACE):
            info.write_row(row, 0, ("", zh, en))
        top = len(_PREFACE) + 1
        info.write_row(top, 0, ("列 Column", "说明", "What belongs there"), self._other)
        for row, column in enumerate(columns, top + 1):
            needed = ("（必填）", " (needed)") if column.needed else ("", "")
            info.write_row(row, 0, (column.header, column.note[0] + needed[0], column.note[1] + needed[1]))
