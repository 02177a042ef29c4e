"""Text in both languages, the units of figures, and the tones of meaning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Unit(StrEnum):
    """Of a figure. RATIO is 0 to 1 and shown in per cent."""

    COUNT = "count"
    RATIO = "ratio"
    HOURS = "hours"
    SECONDS = "seconds"
    PER_SECOND = "per second"
    BYTES = "bytes"
    TIME = "time"
    """A moment: epoch milliseconds for Grafana, a DateTime in SQL."""
    NONE = "none"
    """Text, or a number whose unit differs from row to row."""


class Tone(StrEnum):
    """One colour for one meaning, on every board."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"
    QUIET = "quiet"
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
