"""What a column can hold, and what is read out of a NamedTuple that describes columns.

>>> class Row(NamedTuple):
...     opened: Annotated[Change, "1 if it was opened", Summed("opened")]
...     due_at: Annotated[Time | None, "when it is due"]
>>> [(column.name, column.optional, column.summed) for column in columns_of(Row)]
[('opened', False, 'opened'), ('due_at', True, None)]
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cache
from types import NoneType
from typing import Annotated, Any, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

#: Sums of ranks that are kept to be compared (``CHECK``) are kept modulo this, as ClickHouse adds UInt64 up.
MODULUS = 1 << 64


class Holds(Enum):
    """What a value is, as far as it matters for how it is kept."""

    CODE = "a word of which there are few"
    TEXT = "any text"
    FLAG = "0 or 1"
    CHANGE = "-1, 0 or 1"
    NUMBER = "a figure, or a signed amount"
    COUNT = "how many"
    SMALL = "how many, of which there are few"
    MONEY = "hundredths of a currency"
    SPAN = "milliseconds"
    TIME = "milliseconds since the epoch"
    CHECK = "a sum of ranks, modulo 2^64"


Code: TypeAlias = Annotated[str, Holds.CODE]
Text: TypeAlias = Annotated[str, Holds.TEXT]
Flag: TypeAlias = Annotated[int, Holds.FLAG]
Change: TypeAlias = Annotated[int, Holds.CHANGE]
Number: TypeAlias = Annotated[int, Holds.NUMBER]
Count: TypeAlias = Annotated[int, Holds.COUNT]
Small: TypeAlias = Annotated[int, Holds.SMALL]
Money: TypeAlias = Annotated[int, Holds.MONEY]
Span: TypeAlias = Annotated[int, Holds.SPAN]
Time: TypeAlias = Annotated[int, Holds.TIME]
Check: TypeAlias = Annotated[int, Holds.CHECK]


class Summed(NamedTuple):
    """A measure: rollups hold its sum over the facts that count. ``says``: in words, of a window; left out, the words of the column."""

    says: str = ""


class Column(NamedTuple):
    """One column. ``several``: an array of such values; ``optional``: a value may be missing; ``summed``: what its sum says, if it is a
    measure."""

    name: str
    holds: Holds
    says: str
    optional: bool = False
    several: bool = False
    summed: str | None = None


#: A NamedTuple whose fields are columns.
Described: TypeAlias = type[tuple[Any, ...]]


@cache
def columns_of(described: Described) -> tuple[Column, ...]:
    """The columns that a NamedTuple describes, in the order of its fields. Raises :class:`TypeError` for a field that is not described."""
    return tuple(_column(described, name, hint) for name, hint in get_type_hints(described, include_extras=True).items())


def names_of(described: Described) -> tuple[str, ...]:
    """The names of the columns that a NamedTuple describes."""
    return tuple(column.name for column in columns_of(described))


def _column(described: Described, name: str, hint: Any) -> Column:
    said = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    words = [each for each in said if isinstance(each, str)]
    # Annotated[Code, "…"] is flattened to Annotated[str, CODE, "…"]; within a list or beside None it is not.
    holds = [each for each in said if isinstance(each, Holds)]
    inner, several = get_args(hint)[0] if said else hint, False
    if get_origin(inner) is Sequence:
        (inner,), several = get_args(inner), True
    choices = [choice for choice in get_args(inner) if choice is not NoneType] if NoneType in get_args(inner) else []
    optional = bool(choices)
    if choices:
        inner = choices[0]
    holds += [each for each in get_args(inner)[1:] if isinstance(each, Holds)]
    if len(words) != 1 or len(holds) != 1:
        raise TypeError(f"{described.__name__}.{name}: say what it holds and what it says, as Annotated[Code, 'the factory']")
    summed = next((each.says or words[0] for each in said if isinstance(each, Summed)), None)
    return Column(name, holds[0], words[0], optional, several, summed)
