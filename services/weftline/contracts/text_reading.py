"""Text as people's programs write it: UTF-8 with or without a mark, UTF-16 and UTF-32, packed by gzip or not; and JSON without a field
that stands twice, of which every reader keeps another one.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any, BinaryIO, Protocol

from weftline.errors import UserError

MAX_BYTES = 64 << 20
"""What is read as a whole is at most so large, unpacked: a gzip file of a few kilobytes can hold gigabytes."""

_GZIP = b"\x1f\x8b"
# Those of UTF-32 first: the mark of UTF-16 is how they begin.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_DAMAGED = "is cut short or damaged: gzip cannot unpack it to its end"


class Lines(Protocol):
    """A stream of UTF-8."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, or the rest."""

    def readline(self, size: int = -1, /) -> bytes:
        """The next line, or its first bytes."""


class DamagedError(ValueError):
    """A stream that cannot be read to its end, and why."""


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins with ``head`` (4 bytes or more): by its mark, else by where its first characters have zeros,
    since JSON and YAML begin with a character of ASCII (RFC 4627, 3)."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) >= 4 and 0 in head[:4]:
        zeros = "".join("0" if byte == 0 else "x" for byte in head[:4])
        return {"000x": "utf-32-be", "x000": "utf-32-le", "0x0x": "utf-16-be", "x0x0": "utf-16-le"}.get(zeros, "utf-8")
    return "utf-8"


def opened(stream: BinaryIO) -> Lines:
    """``stream`` unpacked and as UTF-8. Reading it raises :class:`DamagedError` where that cannot be gone on with."""
    found = _peekable(stream)
    if found.peek(2)[:2] == _GZIP:
        found = io.BufferedReader(gzip.GzipFile(fileobj=found))
    try:
        encoding = encoding_of(found.peek(4)[:4])
    except (EOFError, OSError, zlib.error):
        encoding = "utf-8"  # the first line says it again
    return _Safe(found, encoding)


def _peekable(stream: BinaryIO) -> io.BufferedReader:
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[arg-type]


class _Safe:
    """Lines of an unpacked stream in UTF-8, whatever it is in."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        # Line ends stay as they are; a lone carriage return is none.
        self._text = None if encoding == "utf-8" else io.TextIOWrapper(stream, encoding, newline="\n")

    def read(self, size: int = -1, /) -> bytes:
        return self._taken("read", size)

    def readline(self, size: int = -1, /) -> bytes:
        return self._taken("readline", size)

    def _taken(self, how: str, size: int) -> bytes:
        try:
            if self._text is None:
                taken: bytes = getattr(self._stream, how)(size)
                return taken
            return str(getattr(self._text, how)(size)).encode("utf-8", "surrogatepass")
        except UnicodeError:
            raise DamagedError(f"is not {self._encoding.upper()} to its end, as its beginning says") from None
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise DamagedError(_DAMAGED) from None


def decoded(data: bytes, name: str) -> str:
    """The text of a whole file. :class:`UserError` that names the file where it is none."""
    lines = opened(io.BytesIO(data))
    try:
        text = lines.read(MAX_BYTES + 1)
    except DamagedError as error:
        raise UserError(f"{name}: {error}") from None
    if len(text) > MAX_BYTES:
        raise UserError(f"{name}: is larger than {MAX_BYTES >> 20} MB, unpacked")
    try:
        return text.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is not UTF-8 text (byte {error.start})") from None


def json_value(text: str) -> Any:
    """The value of a JSON text; :class:`ValueError` also for what Python reads beyond JSON, and for a field that stands twice."""
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"the field {twice[:60]!r} stands twice in one object, and which is meant cannot be told; leave one of them out"
        )
    return found
