"""What the ClickHouse HTTP protocol asks of a statement before it can be run: pure functions, no engine, no network.

Sources: the HTTP interface and INSERT chapters of ClickHouse's documentation; error codes are ClickHouse's own, public and stable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from weftline.errors import WeftlineError

DEFAULT_FORMAT = "TabSeparated"

# Formats without header and footer: the engine encodes block by block, and blocks of these can be put one after another.
# Measured: of eleven formats only such ones came out of the block stream byte for byte as out of a whole query.
STREAMABLE = frozenset({"Native", "RowBinary", "JSONEachRow", "TabSeparated", "TSV", "CSV"})

CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8; header=present",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Parquet": "application/octet-stream",
}

# Parameters of a request that are not settings of the engine. The progress and compression settings exist, but concern the
# HTTP server that this process replaces.
_NOT_SETTINGS = frozenset(
    (
        *("query", "database", "default_format", "query_id", "user", "password", "quota_key", "role", "stacktrace"),
        *("session_id", "session_timeout", "session_check", "close_session"),
        *("compress", "decompress", "enable_http_compression", "http_zlib_compression_level"),
        *("buffer_size", "wait_end_of_query", "client_protocol_version", "add_http_cors_header"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
    )
)

_READ_WORDS = frozenset(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "FROM", "VALUES"])

_TOKEN = re.compile(
    rb"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|[A-Za-z_][A-Za-z0-9_]*|\s+|.", re.DOTALL
)
_FIRST = re.compile(rb"(?:\s+|--[^\n]*\n|#[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:SETTINGS\b[^;]*)?;?\s*\Z", re.IGNORECASE)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_ERROR_CODE = re.compile(r"Code: (\d+)\.")


class Refused(WeftlineError):
    """A request that the engine never sees, with ClickHouse's code and name for it."""

    def __init__(self, code: int, name: str, problem: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {problem}. ({name})")


class Kind(Enum):
    """How a statement has to be run."""

    READ = "read"
    WRITE = "write"
    INSERT_DATA = "insert"


class Statement(NamedTuple):
    """``head`` is what the engine gets as SQL; for :attr:`Kind.INSERT_DATA` the rest from ``data_at`` is data in ``format``.

    ``tail``: the SETTINGS of an insert with data, which the grammar wants behind the name of a file.
    """

    kind: Kind
    head: bytes
    format: str | None
    data_at: int
    word: str
    tail: bytes = b""

    def without_data(self) -> bytes:
        """What stands before the data, as a statement that can be parsed."""
        return self.head + b" " + self.tail + f" FORMAT {self.format}".encode()

    def from_file(self, path: str) -> bytes:
        """An insert with data as an insert from a file."""
        source = f" FROM INFILE {quote(path)} COMPRESSION 'none' "
        return self.head + source.encode() + self.tail + f" FORMAT {self.format}".encode()


def parse(text: bytes) -> Statement:
    """Tell reads, writes and inserts with data apart. ``text`` may be cut short after the head of an insert."""
    first = _FIRST.match(text)
    word = first.group(1).decode().upper() if first else ""
    if word == "INSERT":
        return _parse_insert(text)
    if word not in _READ_WORDS:
        return Statement(Kind.WRITE, text, None, len(text), word)
    tail = _TRAILING_FORMAT.search(text, max(0, len(text) - 2048))
    return Statement(Kind.READ, text, tail.group(1).decode() if tail else None, len(text), word)


def _parse_insert(text: bytes) -> Statement:
    """Data follows VALUES, or the name of a format that stands before any SELECT or WITH, outside of brackets.

    ``INSERT INTO t FORMAT TSV<blanks><one newline>data``: blanks and the first newline do not belong to the data. What is data is
    never read as SQL, so it cannot hold a further statement.
    """
    depth, position, settings_at, before = 0, 0, None, b""
    while match := _TOKEN.match(text, position):
        token, position = match.group(), match.end()
        if token == b"(":
            depth += 1
        elif token == b")":
            depth -= 1
        elif depth == 0 and token[:1].isalpha():
            word = token.upper()
            if word in (b"SELECT", b"WITH"):
                break
            if word == b"VALUES" and before not in (b"INTO", b"TABLE", b"FUNCTION", b"."):
                end = match.start() if settings_at is None else settings_at
                return Statement(Kind.INSERT_DATA, text[:end], "Values", position, "INSERT", text[end : match.start()])
            if word == b"FORMAT":
                name = re.compile(rb"\s+([A-Za-z0-9_]+)[ \t\f]*\r?\n?").match(text, position)
                if name:
                    end = match.start() if settings_at is None else settings_at
                    tail = text[end : match.start()]
                    return Statement(Kind.INSERT_DATA, text[:end], name.group(1).decode(), name.end(), "INSERT", tail)
            if word == b"SETTINGS" and settings_at is None and before not in (b"INTO", b"TABLE", b"FUNCTION", b"."):
                settings_at = match.start()
            before = word
        elif depth == 0 and token == b".":
            before = token
        elif depth == 0 and token == b";":
            break
    return Statement(Kind.WRITE, text, None, len(text), "INSERT")


def settings_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """The engine's settings among the parameters of a request."""
    return {
        name: value
        for name, value in parameters.items()
        if name not in _NOT_SETTINGS and not name.startswith("param_") and _SETTING_NAME.match(name)
    }


def set_statement(values: Mapping[str, str]) -> str:
    """``SET a = 'x', b = 'y'``; every setting takes its value as a string."""
    return "SET " + ", ".join(f"{name} = {quote(value)}" for name, value in values.items())


def reset_statement(names: Iterable[str]) -> str:
    """The same settings back to what they were compiled with."""
    return "SET " + ", ".join(f"{name} = DEFAULT" for name in names)


def quote(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_bytes(value: bytes) -> bytes:
    """The same of text that need not be UTF-8."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def quote_identifier(name: str) -> str:
    """The name of a database or table."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def error_code(message: str) -> int:
    """ClickHouse's number in ``Code: 60. DB::Exception: …``; 1002 (UNKNOWN_EXCEPTION) where there is none."""
    match = _ERROR_CODE.search(message)
    return int(match.group(1)) if match else 1002


# Unknown table, function, column, type, storage, database, format and setting, missing columns; then text that cannot be parsed,
# syntax, wrong types and arguments; the rest is an internal error, as far as a client is concerned.
_NOT_FOUND = frozenset({16, 46, 47, 50, 56, 60, 63, 71, 73, 81, 115, 141})
_BAD_REQUEST = frozenset({6, 26, 27, 36, 38, 41, 42, 43, 53, 57, 62, 70, 72, 82, 117, 130, 131, 321, 386, 432, 456, 457, 636})
_FORBIDDEN = frozenset({164, 192, 193, 452, 497})


def http_status(code: int) -> int:
    """The HTTP status that goes with an error. Clients read the code from its own header; proxies and curl see only this."""
    if code in _NOT_FOUND:
        return 404
    if code in _BAD_REQUEST:
        return 400
    if code in _FORBIDDEN:
        return 403
    return {516: 401, 48: 501, 202: 503, 307: 413, 373: 500, 159: 408}.get(code, 500)
