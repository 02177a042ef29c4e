"""One colour for one meaning: a tone's colour on light ground, on dark ground, and one that reads well on both, for Grafana.

Figures and lines want a contrast of 3 to 1 with their ground (WCAG 2.1, 1.4.11), text one of 4.5 to 1 (1.4.3): a test counts it. Good
and bad differ in lightness too, and a word always stands beside the colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from weftline.boards.model import Tone


@dataclass(frozen=True, slots=True)
class Colour:
    """``light``: on white, ``dark``: on near black, ``both``: on either. Each is ``#rrggbb``."""

    light: str
    dark: str
    both: str


#: The grounds: white, and the panels of Grafana's dark theme.
LIGHT_GROUND: Final = "#ffffff"
DARK_GROUND: Final = "#181b1f"

PALETTE: Final[Mapping[Tone, Colour]] = {
    Tone.GOOD: Colour("#1a7f4b", "#34c27b", "#229e61"),
    Tone.WARN: Colour("#a35b00", "#f0a030", "#c9780a"),
    Tone.BAD: Colour("#c0262d", "#ff6b6b", "#e0464c"),
    Tone.INFO: Colour("#1f6fc4", "#5aa9f5", "#3a86d8"),
    Tone.QUIET: Colour("#6b7280", "#9aa3b0", "#7d8694"),
    Tone.FIRST: Colour("#6d4bc4", "#a98bf5", "#8a68de"),
    Tone.SECOND: Colour("#0e7c86", "#35bcc8", "#1898a4"),
    Tone.THIRD: Colour("#b0338a", "#ee7ac8", "#cc54a6"),
}
