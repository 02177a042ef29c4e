"""How figures, moments and words are written: in the reader's language, in his zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from weftline.pages.text import Language, Text, Unit
from weftline.pages.words import Word, words_of

NOTHING: Final = "–"
#: From so many hours on, a duration is told in days.
LONG_HOURS: Final = 72

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
#: What clauses, and figures that stand in evidence, say in English; the rest of them is figures and names of standards.
_IN_CHINESE: Final = (
    (re.compile(r",? table of requirements for fabrics$"), "，面料要求表"),
    (re.compile(r", table (\d+)"), r"，表 \1"),
    (re.compile(r", note ([a-z])\b"), r"，注 \1"),
    (re.compile(r", clause (\d+(?:\.\d+)*)"), r"，第 \1 条"),
    (re.compile(r", level (\S+?)(?=,|$)"), r"，检验水平 \1"),
    (re.compile(r", (AQL [\d.]+|n \d+)"), r"，\1"),
    (re.compile(r"^(\d+) units$"), r"\1 件"),
)
_DAYS, _HOURS, _MINUTES, _SECONDS = Text("天", "d"), Text("小时", "h"), Text("分钟", "min"), Text("秒", "s")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: his language, and the zone in which times are told."""

    language: Language
    zone: ZoneInfo

    def of(self, text: Text) -> str:
        return text.of(self.language)

    def word(self, enumeration: str | None, code: str) -> Word:
        """The words for a code; one that nobody has put into words stands for itself."""
        known = words_of(enumeration).get(code) if enumeration else None
        return known or Word(Text(code, code))


@dataclass(frozen=True, slots=True)
class Scale:
    """By which factor figures are shown, and the unit behind them."""

    factor: float = 1.0
    unit: str = ""
    digits: int | None = None

    def of(self, value: float) -> str:
        return f"{number(value * self.factor, self.digits)}{_behind(self.unit)}"


def scale(unit: Unit, largest: float, reader: Reader) -> Scale:
    """How figures up to ``largest`` are shown."""
    if unit is Unit.RATIO:
        return Scale(100.0, "%", 1)
    if unit is Unit.SECONDS:
        if largest < 120:
            return Scale(1.0, reader.of(_SECONDS), 0)
        return Scale(1 / 60, reader.of(_MINUTES), 0) if largest < 7200 else scale_of_hours(largest / 3600, 1 / 3600, reader)
    if unit is Unit.HOURS:
        return scale_of_hours(largest, 1.0, reader)
    if unit is Unit.PER_SECOND:
        return Scale(1.0, reader.of(Text("/秒", "/s")))
    if unit is Unit.BYTES:
        power = next((power for power in (3, 2, 1) if largest >= 1024**power), 0)
        return Scale(1 / 1024**power, ("B", "KiB", "MiB", "GiB")[power], 1 if power else 0)
    return Scale()


def scale_of_hours(hours: float, factor: float, reader: Reader) -> Scale:
    return Scale(factor / 24, reader.of(_DAYS), 1) if hours >= LONG_HOURS else Scale(factor, reader.of(_HOURS), 1)


def number(value: float, digits: int | None = None) -> str:
    """With separators of thousands; whole numbers without a fraction, others with ``digits`` or as many as tell something."""
    if digits is not None:
        return f"{value:,.{digits}f}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def figure(value: float | None, unit: Unit, reader: Reader) -> tuple[str, str]:
    """A figure and its unit, apart, for large print."""
    if value is None:
        return NOTHING, ""
    by = scale(unit, abs(value), reader)
    return number(value * by.factor, by.digits), by.unit


def written(value: float | None, unit: Unit, reader: Reader) -> str:
    """A figure with its unit, for a sentence or a cell."""
    shown, behind = figure(value, unit, reader)
    return shown + _behind(behind)


def _behind(unit: str) -> str:
    return f" {unit}" if unit else ""


def moment(time: int | None, reader: Reader, *, seconds: bool = False) -> str:
    """A moment (epoch milliseconds) on the reader's clocks."""
    if time is None:
        return NOTHING
    return local(time, reader.zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def sentence(text: str, reader: Reader) -> str:
    """A sentence of an alert, with its moments on the reader's clocks: it was written in that of the event, with the offset beside it."""
    return _MOMENT.sub(lambda found: moment(round(datetime.fromisoformat(found[0]).timestamp() * 1000), reader), text)


def cited(text: str, reader: Reader) -> str:
    """A clause, or a count of units, as evidence has it: alerts keep one spelling of it, the English one."""
    if reader.language == "zh":
        for english, chinese in _IN_CHINESE:
            text = english.sub(chinese, text)
    return text


def local(time: int, zone: ZoneInfo) -> datetime:
    """A moment (epoch milliseconds) on the clocks of a zone."""
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(zone)


def clock(time: int, zone: ZoneInfo) -> int:
    """A moment as a chart wants it whose axis is told to be UTC: so that its labels show the clocks of the zone."""
    offset = local(time, zone).utcoffset() or timedelta()
    return time + int(offset.total_seconds() * 1000)
