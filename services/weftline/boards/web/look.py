"""How figures, moments and words are written: in the reader's language, in the board's zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from weftline.boards.fields import FIELDS
from weftline.boards.model import Language, Text, Threshold, Tone, Unit
from weftline.boards.words import Word, words_of

NOTHING: Final = "–"
#: From so many hours on, a duration is told in days.
LONG_HOURS: Final = 72

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_DAYS, _HOURS, _MINUTES, _SECONDS = Text("天", "d"), Text("小时", "h"), Text("分钟", "min"), Text("秒", "s")
#: What a tone says of a figure; beside the colour there is always the word.
TONE_WORDS: Final = {Tone.GOOD: Text("正常", "Good"), Tone.WARN: Text("留意", "Watch"), Tone.BAD: Text("处理", "Act")}
TONE_ICONS: Final = {Tone.GOOD: "check_circle", Tone.WARN: "error_outline", Tone.BAD: "report"}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks: language, dark or light, and the zone in which times are told."""

    language: Language
    dark: bool
    zone: ZoneInfo

    def of(self, text: Text) -> str:
        return text.of(self.language)

    def title(self, column: str) -> str:
        """The name of a column, a series or a figure; one that nobody has named stands for itself."""
        field = FIELDS.get(column)
        return self.of(field.title) if field else column

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


def scale(unit: Unit, largest: float, look: Look) -> Scale:
    """How figures up to ``largest`` are shown."""
    if unit is Unit.RATIO:
        return Scale(100.0, "%", 1)
    if unit is Unit.SECONDS:
        if largest < 120:
            return Scale(1.0, look.of(_SECONDS), 0)
        return Scale(1 / 60, look.of(_MINUTES), 0) if largest < 7200 else scale_of_hours(largest / 3600, 1 / 3600, look)
    if unit is Unit.HOURS:
        return scale_of_hours(largest, 1.0, look)
    if unit is Unit.PER_SECOND:
        return Scale(1.0, look.of(Text("/秒", "/s")))
    if unit is Unit.BYTES:
        power = next((power for power in (3, 2, 1) if largest >= 1024**power), 0)
        return Scale(1 / 1024**power, ("B", "KiB", "MiB", "GiB")[power], 1 if power else 0)
    return Scale()


def scale_of_hours(hours: float, factor: float, look: Look) -> Scale:
    return Scale(factor / 24, look.of(_DAYS), 1) if hours >= LONG_HOURS else Scale(factor, look.of(_HOURS), 1)


def number(value: float, digits: int | None = None) -> str:
    """With separators of thousands; whole numbers without a fraction, others with ``digits`` or as many as tell something."""
    if digits is not None:
        return f"{value:,.{digits}f}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def figure(value: float | None, unit: Unit, look: Look) -> tuple[str, str]:
    """A figure and its unit, apart, for large print."""
    if value is None:
        return NOTHING, ""
    by = scale(unit, abs(value), look)
    return number(value * by.factor, by.digits), by.unit


def written(value: float | None, unit: Unit, look: Look) -> str:
    """A figure with its unit, for a sentence or a cell."""
    shown, behind = figure(value, unit, look)
    return shown + _behind(behind)


def _behind(unit: str) -> str:
    return f" {unit}" if unit else ""


def tone_of(value: float | None, thresholds: Sequence[Threshold]) -> Tone | None:
    """What the thresholds of a panel say of its figure."""
    reached = [limit.tone for limit in thresholds if value is not None and (limit.at is None or value >= limit.at)]
    return reached[-1] if reached else None


def moment(time: int | None, look: Look, *, seconds: bool = False) -> str:
    """A moment (epoch milliseconds) in the board's zone."""
    if time is None:
        return NOTHING
    return local(time, look.zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def sentence(text: str, look: Look) -> str:
    """A sentence of an alert, with its moments in the board's zone: it was written in that of the event, with the offset beside it."""
    return _MOMENT.sub(lambda found: moment(round(datetime.fromisoformat(found[0]).timestamp() * 1000), look), text)


def local(time: int, zone: ZoneInfo) -> datetime:
    """A moment (epoch milliseconds) on the clocks of a zone."""
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(zone)


def clock(time: int, zone: ZoneInfo) -> int:
    """A moment as a chart wants it whose axis is told to be UTC: so that its labels show the clocks of the zone."""
    offset = local(time, zone).utcoffset() or timedelta()
    return time + int(offset.total_seconds() * 1000)
