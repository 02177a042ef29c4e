"""One colour for one meaning: each tone on light ground, on dark ground, and on either (Grafana knows one); and the grounds themselves.

Text wants a contrast of 4.5 to 1 with its ground (WCAG 2.2, 1.4.3), figures and lines one of 3 to 1 (1.4.11): tests count it. Good and
bad differ in lightness too, and a word always stands beside the colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from weftline.pages.text import Tone

Surface = Literal["page", "card", "line", "text", "soft"]


@dataclass(frozen=True, slots=True)
class Colour:
    """``light``: on white, ``dark``: on near black, ``both``: on either. Each is ``#rrggbb``."""

    light: str
    dark: str
    both: str


#: The grounds of Grafana's two themes.
LIGHT_GROUND: Final = "#ffffff"
DARK_GROUND: Final = "#181b1f"

PALETTE: Final[Mapping[Tone, Colour]] = {
    Tone.GOOD: Colour("#157347", "#4fc48d", "#229e61"),
    Tone.WARN: Colour("#9a5b00", "#e3a63f", "#c9780a"),
    Tone.BAD: Colour("#c02b2b", "#ff8078", "#e0464c"),
    Tone.INFO: Colour("#1f63c4", "#6fa8ff", "#3a86d8"),
    Tone.QUIET: Colour("#5b6775", "#9aa6b4", "#7d8694"),
    Tone.FIRST: Colour("#7a3fc0", "#bb97f5", "#8a68de"),
    Tone.SECOND: Colour("#0b7285", "#4fc3d4", "#1898a4"),
    Tone.THIRD: Colour("#b0306f", "#f08cbf", "#cc54a6"),
}

_SURFACES: Final[Mapping[Surface, tuple[str, str]]] = {
    "page": ("#f4f6f8", "#0f141a"),
    "card": ("#ffffff", "#171d25"),
    "line": ("#dde3ea", "#2c3540"),
    "text": ("#17202b", "#e6ebf1"),
    "soft": ("#566270", "#9ba7b5"),
}


def colour(tone: Tone, dark: bool) -> str:
    """The colour of a tone on the built-in board, as ``#rrggbb``."""
    found = PALETTE[tone]
    return found.dark if dark else found.light


def surface(name: Surface, dark: bool) -> str:
    """The colour of a page, a card, a line, of text and of soft (secondary) text, as ``#rrggbb``."""
    return _SURFACES[name][dark]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2.2 defines it: 1 (equal) to 21 (black and white)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
