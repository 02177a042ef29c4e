"""A file as rows of cells, whatever wrote it: CSV in the encodings of this world, workbooks of Excel and of LibreOffice."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from weftline.contracts.rules import shown
from weftline.contracts.text_reading import encoding_of
from weftline.errors import UserError
from weftline.files.cells import Rows, Table

WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SEPARATORS: Final = (",", ";", "\t", "|")
_SNIFFED_ROWS: Final = 50
_CHUNK: Final = 1 << 20
#: UTF-8 first, for it is never another one by chance; GB18030 holds GBK and GB 2312, and takes nearly anything.
_ENCODINGS: Final = ("utf-8", "gb18030")
#: A quotation mark that is not closed would swallow the rest of the file.
_LONGEST_CELL: Final = 100_000


class Unreadable(UserError):
    """Nothing that can be read as a table, or not yet: a file that is still being copied looks so too."""


def open_table(path: Path, sheet: str | None = None, encoding: str | None = None, separator: str | None = None) -> Table:
    """The table in a file; what it is, its first bytes say. ``sheet`` None: the first that is not hidden.

    Raises :class:`Unreadable` that names the file and what to do.
    """
    try:
        return _opened(path, sheet, encoding, separator)
    except UserError as error:
        raise Unreadable(str(error)) from None


def _opened(path: Path, sheet: str | None, encoding: str | None, separator: str | None) -> Table:
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
            if head.startswith((_ZIP, _OLE)):
                from weftline.files.workbooks import open_workbook

                return open_workbook(path, sheet)
            if sheet is not None:
                raise UserError(f"{path}: is no workbook, and the mapping names its sheet {shown(sheet)}; leave `sheet` out")
            found = encoding or _encoding(stream, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return _text_table(path, found, separator)


# -- CSV


def _encoding(stream: BinaryIO, path: Path) -> str:
    """By its mark, else by trying: the whole file is decoded once, piece by piece."""
    stream.seek(0)
    head = stream.read(4)
    marked = encoding_of(head)
    if marked != "utf-8":
        return marked
    if b"\0" in head + stream.read(4096):
        raise UserError(f"{path}: is neither text nor a workbook that can be read; save it as .xlsx, or as CSV in UTF-8")
    for encoding in _ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        stream.seek(0)
        try:
            while piece := stream.read(_CHUNK):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return "utf-8-sig" if encoding == "utf-8" else encoding
    raise UserError(
        f"{path}: is neither UTF-8, UTF-16 nor GB18030; say `encoding` in the mapping (cp1252, big5 …), or save it as UTF-8"
    )


def _text_table(path: Path, encoding: str, separator: str | None) -> Table:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise UserError(
            f"{path}: the mapping names the encoding {shown(encoding)}, which nobody knows; utf-8 or gb18030, say"
        ) from None
    first, given = _beginning(path, encoding)
    found = separator or given or _separator(first)

    def rows() -> Rows:
        # The limit is the interpreter's own; ours is smaller, and nobody else reads CSV here.
        csv.field_size_limit(_LONGEST_CELL)
        number = 0
        try:
            with path.open(encoding=encoding, newline="") as stream:
                reader = csv.reader(_without_marks(stream), delimiter=found)
                for number, cells in enumerate(reader, 1):
                    if number == 1 and given is not None:
                        cells = []
                    yield number, cells
        except UnicodeError:
            raise UserError(f"{path}: is not {encoding.upper()} to its end; say its `encoding` in the mapping") from None
        except csv.Error as error:
            raise UserError(
                f"{path}: after row {number}: {error}; perhaps a quotation mark is not closed. Mend it, or save the file as .xlsx"
            ) from None

    return Table(str(path), rows)


def _without_marks(lines: Iterator[str]) -> Iterator[str]:
    """Lines without a byte order mark at the beginning, which some encodings leave there."""
    for first in islice(lines, 1):
        yield first.removeprefix("\ufeff")
    yield from lines


def _beginning(path: Path, encoding: str) -> tuple[list[str], str | None]:
    """The first lines, and the separator where Excel's own line ``sep=;`` names it."""
    try:
        with path.open(encoding=encoding, newline="") as stream:
            first = [line[:_LONGEST_CELL] for line in islice(_without_marks(stream), _SNIFFED_ROWS)]
    except UnicodeError:
        raise UserError(f"{path}: is not {encoding.upper()}; say its `encoding` in the mapping") from None
    told = first[0].strip('\r\n"') if first else ""
    return first, told[4:5] if told.lower().startswith("sep=") and len(told) == 5 else None


def _separator(lines: Sequence[str]) -> str:
    """The one by which most rows have equally many cells, and then the one that makes the most of them."""

    def fits(separator: str) -> tuple[int, int]:
        try:
            counts = Counter(len(cells) for cells in csv.reader(lines, delimiter=separator) if len(cells) > 1)
        except csv.Error:
            return 0, 0
        (cells, rows), *_ = counts.most_common(1) or [(0, 0)]
        return rows, cells

    return max(_SEPARATORS, key=fits)
