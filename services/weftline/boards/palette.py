"""Colours: one for each tone, in a light and in a dark version, and those of the surfaces on which they stand.

Every tone is legible as text on its surface (contrast of at least 4.5 to 1, WCAG 2.2 AA); a test measures it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from weftline.boards.model import Tone

Surface = Literal["page", "card", "line", "text", "soft"]

_TONES: Final[Mapping[Tone, tuple[str, str]]] = {
    Tone.GOOD: ("#157347", "#4fc48d"),
    Tone.WARN: ("#9a5b00", "#e3a63f"),
    Tone.BAD: ("#c02b2b", "#ff8078"),
    Tone.INFO: ("#1f63c4", "#6fa8ff"),
    Tone.QUIET: ("#5b6775", "#9aa6b4"),
    Tone.FIRST: ("#7a3fc0", "#bb97f5"),
    Tone.SECOND: ("#0b7285", "#4fc3d4"),
    Tone.THIRD: ("#b0306f", "#f08cbf"),
}

_SURFACES: Final[Mapping[Surface, tuple[str, str]]] = {
    "page": ("#f4f6f8", "#0f141a"),
    "card": ("#ffffff", "#171d25"),
    "line": ("#dde3ea", "#2c3540"),
    "text": ("#17202b", "#e6ebf1"),
    "soft": ("#566270", "#9ba7b5"),
}


def colour(tone: Tone, dark: bool) -> str:
    """The colour of a tone, as ``#rrggbb``."""
    return _TONES[tone][dark]


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
