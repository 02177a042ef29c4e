"""How the board is looked at: what its columns are called, and what its figures say by their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from weftline.boards.fields import FIELDS
from weftline.boards.model import Text, Threshold, Tone
from weftline.pages.reader import Reader

#: What a tone says of a figure; beside the colour there is always the word.
TONE_WORDS: Final = {Tone.GOOD: Text("正常", "Good"), Tone.WARN: Text("留意", "Watch"), Tone.BAD: Text("处理", "Act")}
TONE_ICONS: Final = {Tone.GOOD: "check_circle", Tone.WARN: "error_outline", Tone.BAD: "report"}


@dataclass(frozen=True, slots=True)
class Look(Reader):
    """Who looks, and whether at a dark board."""

    dark: bool

    def title(self, column: str) -> str:
        """The name of a column, a series or a figure; one that nobody has named stands for itself."""
        field = FIELDS.get(column)
        return self.of(field.title) if field else column


def tone_of(value: float | None, thresholds: Sequence[Threshold]) -> Tone | None:
    """What the thresholds of a panel say of its figure."""
    reached = [limit.tone for limit in thresholds if value is not None and (limit.at is None or value >= limit.at)]
    return reached[-1] if reached else None
