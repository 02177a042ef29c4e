"""A cell of somebody's table as the value that the contract's JSON has for a field.

Nothing is guessed where two readings are possible: ``1,234``, ``03/04/2026`` and a local time that a clock shows twice are faults that say
what the mapping has to tell. Whether the value is one that the field may have, the contract decides (:mod:`weftline.contracts.mapping`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from weftline.contracts.dates import BY_ITS_BEGIN, BY_ITS_END
from weftline.contracts.rules import nearest, offset, shown
from weftline.domain.days import offset_minutes
from weftline.domain.laboratory.grades import grade_text
from weftline.domain.laboratory.spelling import folded, key
from weftline.errors import ContractError
from weftline.files.cells import Cell, CellError
from weftline.files.fields import VERIFIED, Field, Sort
from weftline.files.words import Words

# A table says the same words in thousands of rows, and a key takes 3 µs.
_key = lru_cache(65_536)(key)
#: From so many digits on Excel has put zeros in place of what was typed.
_EXCEL_DIGITS: Final = 10**15
#: A General cell with a date shows such a number: days since 1900, here of 1990 to 2099.
_EXCEL_DAYS: Final = range(32_874, 73_051)
_REPAIR: Final = "format the column as text, type the value again"

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_GROUPS: Final = {
    "point": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"),
    "comma": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?"),
}
_TIME: Final = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:(?:T|\s+|(?<=日))(上午|下午)?\s*(\d{1,2})\s*[:时點点]\s*(\d{1,2})?(?:\s*[:分]\s*(\d{1,2})(?:[.,](\d{1,6}))?)?\s*[分秒]?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
_CLOCK: Final = re.compile(r"(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2}))?[分秒]?")
# What Excel's CSV has where a grade was typed: 4-Mar, Mar-04, 3月4日, 2026/3/4.
_LIKE_A_DATE: Final = re.compile(
    r"\d{1,2}-?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*-?\d{1,2}"
    r"|\d{1,2}月\d{1,2}日?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}"
)
_SEVERAL: Final = re.compile(r"[,;，；、\n]")
# Of Excel and of those that calculate like it.
ERROR_VALUES: Final = frozenset(("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"))


class Decimals(StrEnum):
    """How a number is written."""

    POINT = "point"
    COMMA = "comma"


@dataclass(frozen=True, slots=True)
class Notation:
    """How a table writes what it says: the zone of its clocks, its decimal sign (None: nobody said), and the words that it may use."""

    zone: tzinfo
    decimals: Decimals | None
    words: Words


def zone_of(name: str) -> tzinfo:
    """The zone of ``+08:00``, or of a name such as ``Asia/Shanghai``. :class:`CellError` for what is neither."""
    try:
        return timezone(timedelta(minutes=offset_minutes(offset(name))))
    except ContractError:
        pass
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CellError(f"{shown(name)} is no time zone; write an offset like +08:00, or a name like Asia/Shanghai") from None


def value_of(cell: Cell, field: Field, notation: Notation, pattern: str | None = None) -> Any:
    """The JSON value of a cell that is not blank; :class:`CellError` says what is wrong.

    ``pattern``: how its times are written, as strptime has it.
    """
    if field.sort is Sort.TIME:
        return said(moment(cell, pattern), field.name, notation.zone)
    if field.sort is Sort.WORD:
        return _word(cell, field, notation.words)
    if field.sort is Sort.FLAG:
        return _flag(cell, notation.words)
    if field.sort is Sort.LIST:
        return sorted({part.strip() for part in _SEVERAL.split(text(cell)) if part.strip()})
    return _BY_SORT[field.sort](cell, notation.decimals)


# -- Text


def text(cell: Cell) -> str:
    """Text as it is, without white space around it; of a number the digits."""
    if isinstance(cell, str):
        found = cell.strip()
        if found in ERROR_VALUES:
            raise CellError(f"holds the error {found}; mend the formula, or empty the cell")
        return found
    if isinstance(cell, bool):
        raise CellError(f"holds {str(cell).upper()}, a value of a calculation; type it as text")
    if isinstance(cell, float | int):
        if abs(cell) >= _EXCEL_DIGITS:
            raise CellError(f"is a number of more than 15 digits, of which Excel keeps 15; {_REPAIR}")
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    raise CellError(f"holds {_dated(cell)}, and text belongs here; if Excel made it of what was typed, {_REPAIR}")


def _dated(cell: Cell) -> str:
    if isinstance(cell, datetime | date):
        return f"the date {cell.isoformat(' ') if isinstance(cell, datetime) else cell.isoformat()}"
    return f"the time {cell}"


def grade(cell: Cell, _: Decimals | None = None) -> str:
    """A grade as the contract writes it: ``3-4``. A number with a half, as some laboratories type it, is the step between: 3.5."""
    if isinstance(cell, bool):
        raise CellError("holds a truth value; a grade is written 4 or 3-4")
    if isinstance(cell, float | int):
        if int(cell) in _EXCEL_DAYS:
            day = date(1899, 12, 30) + timedelta(days=int(cell))
            raise CellError(f"is {cell:g}, which is Excel's number of {day}: Excel took a grade for a date. {_grade_again(day)}")
        return grade_text(round(2 * cell)) if float(2 * cell).is_integer() and cell > 0 else repr(cell)
    if isinstance(cell, date | datetime):
        raise CellError(f"holds {_dated(cell)}: Excel took a grade for a date. {_grade_again(cell)}")
    if isinstance(cell, str):
        plain = folded(text(cell))
        if _LIKE_A_DATE.fullmatch(plain):
            raise CellError(f"reads {shown(cell.strip())}, a date: Excel took a grade for one. {_grade_again(None)}")
        plain = plain.removesuffix("级").removesuffix("級").replace(" ", "")
        if re.fullmatch(r"\d\.[05]", plain):
            return grade_text(round(2 * float(plain)))
        return plain
    raise CellError(f"holds {_dated(cell)}; a grade is written 4 or 3-4")


def _grade_again(day: date | None) -> str:
    meant = f"{day.month}-{day.day}" if day is not None and day.day == day.month + 1 else "3-4, say,"
    return f"Format the column as text first, then type {meant} again; changing the format alone does not bring it back"


# -- Numbers


def number(cell: Cell, decimals: Decimals | None) -> float:
    """A finite number."""
    if isinstance(cell, bool | date | time | timedelta):
        raise CellError(f"holds {_dated(cell) if not isinstance(cell, bool) else 'a truth value'}, and a number belongs here")
    if isinstance(cell, float | int):
        return float(cell)
    return parsed(text(cell), decimals)


def parsed(given: str, decimals: Decimals | None) -> float:
    """The number that a text says."""
    plain = unicodedata.normalize("NFKC", given).replace("\u2212", "-").replace(" ", "").replace("\u00a0", "")
    if decimals is not None and _GROUPS[decimals.value].fullmatch(plain):
        plain = plain.replace("," if decimals is Decimals.POINT else ".", "")
    if decimals is Decimals.COMMA:
        if "." in plain:
            raise CellError(f"{shown(given)} has a point, and the mapping says `decimal: comma`")
        plain = plain.replace(",", ".")
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if "," in plain and _NUMBER.fullmatch(plain.replace(",", ".", 1).replace(",", "")):
        raise CellError(f"{shown(given)} can be read in two ways; say `decimal: comma` or `decimal: point` in the mapping")
    raise CellError(f"{shown(given)} is no number")


def _whole(cell: Cell, decimals: Decimals | None) -> Any:
    found = number(cell, decimals)
    if not float(found).is_integer():
        raise CellError(f"is {found:g}, and a whole number belongs here")
    return int(found)


def _hundredths(cell: Cell, decimals: Decimals | None) -> int:
    found = number(cell, decimals)
    if not abs(found) < _EXCEL_DIGITS:
        raise CellError(f"is {found:g}, which is no amount")
    if abs(found * 100 - round(found * 100)) > 1e-6:
        raise CellError(f"is {found!r}, and an amount has two decimals at most")
    return round(found * 100)


# -- Words


def _word(cell: Cell, field: Field, words: Words) -> str:
    assert field.words is not None
    given = text(cell)
    if given in field.words.__members__:
        return given
    known = words.readings.get(field.words.__name__, {})
    found = known.get(_key(given))
    if found is None:
        labels = words.symbols.get(field.words.__name__, {})
        hint = nearest(given, [word for label in labels.values() for word in label.spellings])
        raise CellError(
            f"{shown(given)} stands for no {field.name}{hint}; say under `values` of this column which of "
            f"{', '.join(member for member in field.words if member != 'UNKNOWN')} it is"
        )
    return found


def _flag(cell: Cell, words: Words) -> bool:
    if isinstance(cell, bool):
        return cell
    found = key(text(cell))
    if found in words.yes or found in words.no:
        return found in words.yes
    raise CellError(f"{shown(text(cell))} says neither yes nor no; write 是 or 否")


# -- Times


def moment(cell: Cell, pattern: str | None = None) -> date | datetime:
    """A local time, a time with its offset, or a date where only that is written.

    Of a workbook a time of exactly midnight is a date: its cells do not tell the two apart.
    """
    if isinstance(cell, datetime | date):
        return cell
    if isinstance(cell, bool) or not isinstance(cell, str):
        hint = ""
        if isinstance(cell, float | int) and int(cell) in _EXCEL_DAYS:
            hint = f": Excel's number of {date(1899, 12, 30) + timedelta(days=int(cell))}; format the column as a date"
        raise CellError(f"is {cell}, which is no date{hint or '; write it as 2026-11-28 or 2026-11-28 14:30'}")
    given = text(cell)
    if pattern is not None:
        return _by_pattern(given, pattern)
    return _by_year(given)


@lru_cache(maxsize=65_536)
def _by_year(given: str) -> date | datetime:
    found = _TIME.fullmatch(unicodedata.normalize("NFKC", given))
    if found is None:
        raise CellError(
            f"{shown(given)} is no date that can be read in one way only; write it as 2026-11-28 or 2026-11-28 14:30, or say `format` in "
            "the mapping"
        )
    year, month, day, half, hour, minute, second, fraction, zone = found.groups()
    try:
        if hour is None:
            return date(int(year), int(month), int(day))
        hours = int(hour) % 12 + (12 if half == "下午" else 0) if half else int(hour)
        microseconds = int((fraction or "").ljust(6, "0"))
        made = datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0), microseconds)
    except ValueError as error:
        raise CellError(f"{shown(given)} is no date: {error}") from None
    if zone is None:
        return made
    return made.replace(tzinfo=UTC if zone == "Z" else zone_of(f"{zone[:3]}:{zone[-2:]}"))


@lru_cache(maxsize=65_536)
def _by_pattern(given: str, pattern: str) -> date | datetime:
    try:
        found = datetime.strptime(given, pattern)
    except ValueError:
        raise CellError(f"{shown(given)} is not written as the mapping says, {pattern}") from None
    return found if any(sign in pattern for sign in ("%H", "%I", "%X", "%c")) else found.date()


def clock(cell: Cell, _: Decimals | None = None) -> time:
    """A time of day, for the column beside that of the date."""
    if isinstance(cell, time):
        return cell
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, float) and 0 <= cell < 1:  # a fraction of the day, as Excel keeps it
        return (datetime.min + timedelta(seconds=round(cell * 86_400))).time()
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text(cell)))
    try:
        if found is not None:
            hour, minute, second = (int(part or 0) for part in found.groups())
            return time(hour, minute, second)
    except ValueError:
        pass
    raise CellError(f"{shown(text(cell))} is no time of day; write it as 14:30")


def said(when: date | datetime, name: str, zone: tzinfo) -> str:
    """A time as the contract's JSON has it; a date stays one where the contract knows what a date means, else it is its beginning."""
    if not isinstance(when, datetime):
        if name in BY_ITS_BEGIN or name in BY_ITS_END or name == VERIFIED[0].name:
            return when.isoformat()
        when = datetime(when.year, when.month, when.day)
    return when.isoformat() if when.tzinfo is not None else when.replace(tzinfo=_offset_at(when, zone)).isoformat()


def offset_of(when: date | datetime, zone: tzinfo) -> str:
    """The local offset of a time as the contract writes it; of a date that of its beginning."""
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)
    found = when.tzinfo if when.tzinfo is not None else _offset_at(when, zone)
    written = datetime(2000, 1, 1, tzinfo=found).strftime("%z")
    return f"{written[:3]}:{written[3:5]}"


def _offset_at(local: datetime, zone: tzinfo) -> tzinfo:
    if isinstance(zone, timezone):
        return zone
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    if first < second:
        raise CellError(
            f"{local.isoformat(' ')} is left out by the clocks of {zone}; write the offset, as in 2026-03-29 02:30 +01:00"
        )
    if first > second:
        raise CellError(
            f"{local.isoformat(' ')} comes twice on the clocks of {zone}; write the offset, as in 2026-10-25 02:30 +01:00"
        )
    return timezone(first)


_BY_SORT: Final[Mapping[Sort, Callable[[Cell, Decimals | None], Any]]] = {
    Sort.TEXT: lambda cell, _: text(cell),
    Sort.WHOLE: _whole,
    Sort.NUMBER: number,
    Sort.MONEY: _hundredths,
    Sort.GRADE: grade,
    Sort.CLOCK: clock,
}
