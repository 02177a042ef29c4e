"""Tables as people keep them: the same cells as CSV of any sort, and as real bytes of xlsx and ods."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter

from weftline.contracts.yaml_reading import parse_yaml
from weftline.domain.events import Event
from weftline.files.mapping_file import MappingFile
from weftline.files.publishing import Means, Outcome, Reporting, Warned, publish_table
from weftline.sdk.advice import Adviser
from weftline.sdk.common import Defaults
from weftline.sdk.delivery import DeliveryError, Undelivered

NOW = 1_795_850_000_000
ORDERS = """
rows: order
time_zone: "+08:00"
key: [单号, 状态, 轮次]
constants: {source: "https://lims.example/c1", cooperative_id: haimen, center_id: c1}
columns:
  日期: event_time
  厂家: {field: factory_id, values: {海门叠石桥家纺厂: f-204, 通州二厂: f-205}}
  单号: order_id
  款号: {field: style_number, optional: true}
  品类: {field: product_category, values: {床单: sheet}, others: keep}
  状态: status
  轮次: round
  承诺日期: promised_at
  数量: quantity
"""
HEADER = ["日期", "厂家", "单号", "款号", "品类", "状态", "轮次", "承诺日期", "数量"]
ROWS: list[list[Any]] = [
    [datetime(2026, 11, 27, 14, 30), "海门叠石桥家纺厂", "A-30", "ST-1", "床单", "已确认", 1, date(2026, 11, 28), 3],
    [datetime(2026, 11, 28, 9, 10), "海门叠石桥家纺厂", "A-30", "ST-1", "床单", "已寄出", 1, None, 3],
    [date(2026, 11, 28), "通州二厂", "0031", None, "被套", "REQUESTED", 2, None, 1],
]


def mapping(text: str) -> MappingFile:
    return parse_yaml(text, MappingFile, "mapping.yaml")


def text_of(cell: Any) -> str:
    """As a program writes a cell into CSV."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell:%Y/%m/%d %H:%M}"
    return f"{cell:%Y/%m/%d}" if isinstance(cell, date) else str(cell)


def write_csv(path: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", separator: str = ",") -> Path:
    target = io.StringIO()
    csv.writer(target, delimiter=separator).writerows([text_of(cell) for cell in row] for row in rows)
    path.write_bytes(target.getvalue().encode(encoding))
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[Any]], *, hidden: Sequence[int] = (), sheet: str = "打样单") -> Path:
    with xlsxwriter.Workbook(path) as book:
        times, days = book.add_format({"num_format": "yyyy/m/d hh:mm"}), book.add_format({"num_format": "yyyy/m/d"})
        page = book.add_worksheet(sheet)
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    page.write_datetime(at, column, cell, times)
                elif isinstance(cell, date):
                    page.write_datetime(at, column, datetime(cell.year, cell.month, cell.day), days)
                elif isinstance(cell, str):
                    page.write_string(at, column, cell)
                elif cell is not None:
                    page.write(at, column, cell)
        for at in hidden:
            page.set_row(at - 1, None, None, {"hidden": True})
    return path


def write_ods(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """The least that a reader of OpenDocument wants."""
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Sheet1">{lines}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", kind, zipfile.ZIP_STORED)
        packed.writestr("content.xml", body)
        packed.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return path


def _ods_cell(cell: Any) -> str:
    if cell is None:
        return "<table:table-cell/>"
    shown = f"<text:p>{escape(text_of(cell))}</text:p>"
    if isinstance(cell, date):
        return f'<table:table-cell office:value-type="date" office:date-value="{cell.isoformat()}">{shown}</table:table-cell>'
    if isinstance(cell, int | float):
        return f'<table:table-cell office:value-type="float" office:value="{cell}">{shown}</table:table-cell>'
    return f'<table:table-cell office:value-type="string">{shown}</table:table-cell>'


@dataclass
class Broker:
    """Takes events as Kafka does, or refuses, or is killed; ``stands`` is what the tables would hold."""

    got: list[Any] = field(default_factory=list)
    refuse: bool = False
    killed_after: int | None = None
    flushed: int = 0

    def hand_over(self, event: Any) -> None:
        if self.killed_after is not None and len(self.got) >= self.killed_after:
            raise KeyboardInterrupt
        self.got.append(event)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def flush(self) -> int:
        if self.refuse:
            raise DeliveryError("nowhere", tuple(Undelivered(event, "topic", "away") for event in self.got), 0, len(self.got))
        self.flushed = len(self.got)
        return len(self.got)

    @property
    def events(self) -> list[Event]:
        """What was sent and is no declaration."""
        return [event for event in self.got if event.error_declaration is None]

    @property
    def declared(self) -> list[Event]:
        return [event for event in self.got if event.error_declaration is not None]

    @property
    def stands(self) -> set[str]:
        """Identities that count."""
        return {event.event_id for event in self.events} - {event.event_id for event in self.declared}


_adviser = cache(Adviser)  # it remembers nothing that is not published through it


def publish(path: Path, text: str, ledger: Path, broker: Broker | None = None, **more: Any) -> tuple[Outcome, Broker, list[Warned]]:
    """Publish a table to a broker of the tests."""
    adviser, warned, taken = _adviser(), list[Warned](), broker or Broker()
    dry = more.pop("dry_run", False)
    means = Means(
        ledger,
        Defaults(),
        lambda event: adviser.advise(event, NOW),
        None if dry else taken,
        more.pop("now", lambda: NOW),
        **more,
    )
    return publish_table(path, mapping(text), means, Reporting(warning=warned.append)), taken, warned
