"""SQL as text: where statements end, and how parameters get into one. Pure functions.

**Parameters** are written into the statement as literals, at ClickHouse's own placeholders ``{name:Type}``, and not sent beside it:

* ClickHouse takes them from the address (1 MiB at most) or from form fields, of which the server refuses any above
  ``http_max_field_value_size`` (128 KiB; one request cannot raise it), while the text of a statement may be as long as
  ``max_query_size``, which a request sets for itself. 10,000 owners are 300 KB.
* It is quicker. One literal that the engine parses as *data* costs next to nothing in its SQL parser. Reading the records of
  10,000 owners out of 10^6, engine only: tuple of literals 58 ms, ``Array(String)`` parameter 48 ms, one string that is split
  35 ms. A window filter with 5,000 minutes: tuple of ``toDateTime`` 210-400 ms, array of literals cast 10 ms, one text cast
  6 ms. Writing out the 10,000 owners takes clickhouse-connect's own binder 21 ms and :func:`bind` 0.6 ms.

Both forms are constants to the planner: primary key and partitions are pruned by them as by a tuple (``EXPLAIN indexes = 1``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

# What ClickHouse's lexer reads as one piece, so that a semicolon or a brace inside of it means nothing. Block comments nest,
# and // and # begin comments too (tried on the engine). Possessive, so that a missing quote is found in linear time.
_PIECE = re.compile(
    r"""
      (?P<quoted> '(?:[^'\\]++|\\.|'')*+' | "(?:[^"\\]++|\\.|"")*+" | `(?:[^`\\]++|\\.|``)*+` | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<comment> (?: -- | // | \#[ !] ) [^\n]* )
    | (?P<block> /\* )
    | (?P<open> ['"`] )
    | (?P<end> ; )
    | (?P<brace> \{ \s*\w+\s* (?: : [^{}]* )? \} )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_PLACEHOLDER = re.compile(r"\{\s*(\w+)\s*:\s*(.*?)\s*\}", re.DOTALL)
_TYPE = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


class SqlError(ValueError):
    """A text that cannot be cut into pieces, or parameters that do not fit it; the message says which."""


class Piece(NamedTuple):
    """``kind``: ``quoted``, ``comment``, ``end`` (a semicolon) or ``brace``; ``start`` and ``stop`` are offsets into the text."""

    kind: str
    start: int
    stop: int


def pieces(text: str) -> Iterator[Piece]:
    """What is not plain SQL in a text, in order. Raises :class:`SqlError` where a string, name or comment does not end."""
    position = 0
    while match := _PIECE.search(text, position):
        kind, start, position = match.lastgroup or "", match.start(), match.end()
        if kind == "open":
            raise SqlError(f"line {line_of(text, start)}: {text[start]} opens a string or name that does not end")
        if kind == "block":
            kind, position = "comment", _block_end(text, start)
        yield Piece(kind, start, position)


def _block_end(text: str, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise SqlError(f"line {line_of(text, start)}: /* opens a comment that does not end")


def line_of(text: str, offset: int) -> int:
    """The line, from 1, on which an offset lies."""
    return text.count("\n", 0, offset) + 1


def split_statements(text: str) -> list[str]:
    """The statements of a script, without their semicolons. What is only blanks and comments is no statement.

    >>> split_statements("SELECT ';' -- one; two\\n; /* nothing */ ;")
    ["SELECT ';' -- one; two"]
    """
    statements: list[str] = []
    begin = at = 0
    code = False
    for piece in [*pieces(text), Piece("end", len(text), len(text))]:
        code = code or piece.kind in ("quoted", "brace") or bool(text[at : piece.start].strip())
        at = piece.stop
        if piece.kind == "end":
            if code:
                statements.append(text[begin : piece.start].strip())
            begin, code = at, False
    return statements


def bind(statement: str, parameters: Mapping[str, Any] | None = None) -> str:
    """The statement with every placeholder ``{name:Type}`` outside of strings and comments replaced by a literal of that type.

    Values by type: text for String, Enum, UUID, Date; int of any size; for DateTime and DateTime64 a ``datetime`` with an offset or
    an int in the column's own unit (seconds; milliseconds for ``DateTime64(3)``); sequences for Array and Tuple; None for Nullable;
    a name for ``Identifier``. Raises :class:`SqlError` for a placeholder without a value and a value without a placeholder.
    """
    given = parameters or {}
    used: set[str] = set()
    parts: list[str] = []
    at = 0
    for piece in pieces(statement):
        placeholder = _PLACEHOLDER.fullmatch(statement, piece.start, piece.stop) if piece.kind == "brace" else None
        if placeholder is None:
            continue
        name, kind = placeholder.groups()
        if name not in given:
            raise SqlError(f"no value for {{{name}:{kind}}}")
        used.add(name)
        try:
            written = literal(given[name], kind)
        except (TypeError, ValueError) as error:
            raise SqlError(f"{{{name}:{kind}}}: {error}") from None
        parts += statement[at : piece.start], written
        at = piece.stop
    if used != given.keys():
        raise SqlError(f"no placeholder for {', '.join(sorted(given.keys() - used))}")
    return "".join(parts) + statement[at:]


def quote(text: str) -> str:
    """A string literal."""
    # Not str.translate, which is forty times slower on the text of ten thousand owners.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def identifier(name: str) -> str:
    """A name of a database, table, column or cluster as ClickHouse reads it whatever it contains."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(value: Any, kind: str) -> str:
    """One constant expression of the type ``kind``."""
    if kind == "Identifier":
        return identifier(value)
    if value is None:
        return f"CAST(NULL, {quote(kind)})"
    if kind == "String":
        return quote(value)
    if kind == "Array(String)" and value:
        joined = "\0".join(value)
        if joined.count("\0") == len(value) - 1:
            return f"splitByChar('\\0', {quote(joined)})"
    return f"CAST({quote(_writer(kind, nested=False)(value))}, {quote(kind)})"


@lru_cache(maxsize=256)
def _writer(kind: str, *, nested: bool) -> Callable[[Any], str]:
    """How values of a type are written in ClickHouse's text formats; ``nested`` in an array or tuple, where strings are quoted."""
    name, inner = _parse_type(kind)
    if name in ("Nullable", "LowCardinality"):
        write = _writer(inner[0], nested=nested)
        return lambda value: "NULL" if value is None else write(value)
    if name == "Array":
        write_item = _writer(inner[0], nested=True)
        return lambda items: f"[{','.join(map(write_item, items))}]"
    if name == "Tuple":
        parts = [_writer(part, nested=True) for part in inner]
        return lambda items: f"({','.join([write(item) for write, item in zip(parts, items, strict=True)])})"
    if name in ("DateTime", "DateTime64"):
        time = partial(_time, scale=int(inner[0]) if name == "DateTime64" else 0)
        return (lambda value: f"'{time(value)}'") if nested else time
    quoted = nested and name not in _NUMBERS
    return lambda value: quote(_plain(value)) if quoted and not isinstance(value, int) else _plain(value)


_NUMBERS = frozenset({"Float32", "Float64", "Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256"})


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _time(value: Any, scale: int) -> str:
    """A time since the epoch, with ten digits at least: ClickHouse takes the first four of less for a year."""
    ticks = _ticks(value, scale) if isinstance(value, datetime) else int(value)
    if ticks < 0:
        raise ValueError(f"{value} lies before 1970")
    if scale == 0:
        return f"{ticks:010d}"
    whole, part = divmod(ticks, 10**scale)
    return f"{whole:010d}.{part:0{scale}d}"


def _ticks(moment: datetime, scale: int) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return int(microseconds * 10**scale // 1_000_000)


def _parse_type(kind: str) -> tuple[str, tuple[str, ...]]:
    """``Array(Tuple(String, UInt8))`` as ``("Array", ("Tuple(String, UInt8)",))``."""
    match = _TYPE.fullmatch(kind.strip())
    if match is None:
        raise ValueError(f"{kind} is no type")
    name, inside = match.groups()
    arguments: list[str] = []
    depth = begin = 0
    for at, character in enumerate((inside or "") + ","):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            arguments.append((inside or "")[begin:at].strip())
            begin = at + 1
    return name, tuple(argument for argument in arguments if argument)
