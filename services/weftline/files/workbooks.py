"""Workbooks: xlsx, xls and ods by calamine, and what calamine does not tell of xlsx: hidden rows, and formulas without a value.

A workbook is held in memory by calamine, without Python objects: about 40 bytes a cell, and a sheet has at most 1,048,576 rows. What it
unpacks to is bounded, since a file of kilobytes can hold gigabytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    XmlError,
    ZipError,
)

from weftline.contracts.rules import nearest, shown
from weftline.errors import UserError
from weftline.files.cells import CellFault, Place, Rows, Table, column_of

MAX_UNPACKED: Final = 1 << 30
"""Bytes. A sheet of 1,048,576 rows and 20 columns unpacks to about 700 MB."""

_PIECE: Final = 1 << 20
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b[^>]*?\bhidden=\"(?:1|true)\"[^>]*>")
# A cell with an error, and one with a formula and no value: whoever wrote the file never calculated it.
_ERROR: Final = re.compile(
    rb"<(?:\w+:)?c\b(?=[^>]*?\br=\"([A-Z]{1,3})(\d+)\")[^>]*?\bt=\"e\"[^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<", re.DOTALL
)
_UNCALCULATED: Final = re.compile(
    rb"<(?:\w+:)?c\b[^>]*?\br=\"([A-Z]{1,3})(\d+)\"[^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def open_workbook(path: Path, sheet: str | None) -> Table:
    """A sheet of a workbook. Raises :class:`UserError` that names the file, and the sheets that there are."""
    _refuse_bombs(path)
    try:
        book = CalamineWorkbook.from_path(path)
        name = _sheet(book, path, sheet)
        found = book.get_sheet_by_name(name)
    except PasswordError:
        raise UserError(f"{path}: is protected by a password; save it without one") from None
    except (CalamineError, ZipError, XmlError) as error:
        raise UserError(f"{path}: cannot be read as a workbook: {error}; save it as .xlsx again") from None
    hidden, faults = _oddities(path, name)
    notes = (f"{hidden} hidden rows are read like the others; delete what shall not be sent",) if hidden else ()
    start = found.start
    return Table(f"{path}, sheet {name}", lambda: _rows(found), start[0] + found.height if start else 0, notes, faults)


def sheets(path: Path) -> list[str]:
    """The sheets of a workbook that can be seen, in their order."""
    _refuse_bombs(path)
    try:
        found = CalamineWorkbook.from_path(path).sheets_metadata
    except PasswordError:
        raise UserError(f"{path}: is protected by a password; save it without one") from None
    except (CalamineError, ZipError, XmlError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a workbook: {error}; save it as .xlsx again") from None
    return [one.name for one in found if one.typ is SheetTypeEnum.WorkSheet and one.visible is SheetVisibleEnum.Visible]


def _rows(sheet: CalamineSheet) -> Rows:
    """Rows from the first of the sheet on; calamine begins with it, but with the first column that is not empty."""
    before = [""] * (sheet.start[1] if sheet.start else 0)
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [*before, *cells] if before else cells


def _sheet(book: CalamineWorkbook, path: Path, wanted: str | None) -> str:
    names = [one.name for one in book.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
    if wanted is not None:
        if wanted not in names:
            raise UserError(f"{path}: has no sheet {shown(wanted)}{nearest(wanted, names)}; it has {', '.join(map(shown, names))}")
        return wanted
    seen = [one.name for one in book.sheets_metadata if one.visible is SheetVisibleEnum.Visible and one.name in names]
    if not seen:
        raise UserError(f"{path}: has no sheet that can be seen; name one as `sheet` in the mapping")
    return seen[0]


def _refuse_bombs(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        unpacked = sum(entry.file_size for entry in packed.infolist())
    if unpacked > MAX_UNPACKED:
        raise UserError(f"{path}: unpacks to {unpacked >> 20} MB, more than {MAX_UNPACKED >> 20}; cut it into several files")


# -- What calamine does not tell


def _oddities(path: Path, sheet: str) -> tuple[int, tuple[CellFault, ...]]:
    """How many rows of a sheet of xlsx are hidden, and its cells without a value that should have one: calamine gives them as empty."""
    if not zipfile.is_zipfile(path):
        return 0, ()
    hidden, faults = 0, []
    with zipfile.ZipFile(path) as packed:
        part = _part(packed, sheet)
        if part is None:
            return 0, ()
        for piece in _pieces(packed, part):
            hidden += len(_ROW.findall(piece))
            for column, row, error in _ERROR.findall(piece):
                value = error.decode("ascii", "replace")
                faults.append(_fault(column, row, f"holds the error {value}; mend the formula, or empty the cell"))
            for column, row in _UNCALCULATED.findall(piece):
                faults.append(_fault(column, row, "has a formula that was never calculated; open the file in Excel and save it"))
    return hidden, tuple(faults)


def _fault(column: bytes, row: bytes, problem: str) -> CellFault:
    return CellFault(Place(int(row), column_of(column.decode())), problem)


def _pieces(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The XML of a sheet in pieces that end with a row, so that no cell is cut in two."""
    rest = b""
    with packed.open(part) as stream:
        while piece := stream.read(_PIECE):
            rest += piece
            cut = rest.rfind(b"<", 0, rest.rfind(b"row>") + 1)
            if cut > 0:
                yield rest[:cut]
                rest = rest[cut:]
    yield rest


def _part(packed: zipfile.ZipFile, sheet: str) -> str | None:
    """Where the XML of a sheet lies; None where this is no xlsx, or none that we understand."""
    try:
        book = ElementTree.fromstring(packed.read("xl/workbook.xml"))
        relations = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
        name = next(one.get(_RELATION) for one in book.iter() if one.tag.endswith("}sheet") and one.get("name") == sheet)
        target = next(one.get("Target", "") for one in relations if one.get("Id") == name)
    except (KeyError, StopIteration, ElementTree.ParseError):
        return None
    part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return part if part in packed.namelist() else None
