"""What stands in the address of a page: the board, the range, the values of its variables, the language. A link shows the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlencode

from weftline.boards.model import LANGUAGES, Board, Language, Text, Variable

DAY: Final = 86_400
#: The ranges on offer, with their length in days.
RANGES: Final[Mapping[str, int]] = {"24h": 1, "7d": 7, "30d": 30, "90d": 90, "1y": 365}
RANGE_TEXTS: Final[Mapping[str, Text]] = {
    "24h": Text("24 小时", "24 h"),
    "7d": Text("7 天", "7 d"),
    "30d": Text("30 天", "30 d"),
    "90d": Text("90 天", "90 d"),
    "1y": Text("1 年", "1 y"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A page and what its reader chose. ``span``: a name of :data:`RANGES`, empty for the board's own."""

    path: str
    language: Language
    span: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def href(self) -> str:
        """The address as text, without the host."""
        query: list[tuple[str, str]] = [(name, value) for name, chosen in self.values.items() for value in chosen]
        if self.span:
            query.append(("range", self.span))
        query.append(("lang", self.language))
        return f"{quote(self.path)}?{urlencode(query)}"

    def to(self, path: str, **values: Sequence[str]) -> Address:
        """Another page for the same reader, with the same range."""
        return replace(self, path=path, values=values)

    def alert(self, alert_id: str) -> Address:
        """The page of an alert."""
        return replace(self, path=f"/alert/{alert_id}", values={}, span="")


def span_of(board: Board, span: str) -> str:
    """The range to show: the one chosen, else the shortest on offer that has the board's own length."""
    return span or next((name for name, days in RANGES.items() if days >= board.days), "1y")


def grain_of(seconds: int) -> str:
    """How long the stretches are into which a range is cut, so that a chart has some 20 to 100 of them."""
    if seconds <= 2 * DAY:
        return "hour"
    return "day" if seconds <= 92 * DAY else "week"


def read(path: str, query: Sequence[tuple[str, str]], variables: Sequence[Variable], language: Language) -> Address:
    """The address that was asked for. What is not known is left out, and one value is enough where one is chosen."""
    span = next((value for name, value in query if name == "range" and value in RANGES), "")
    values: dict[str, Sequence[str]] = {}
    for variable in variables:
        chosen = [value for name, value in query if name == variable.name and value]
        if chosen:
            values[variable.name] = chosen if variable.multi else chosen[:1]
    return Address(path, language, span, values)


def language_of(query: Mapping[str, str], cookies: Mapping[str, str], accepted: str) -> Language:
    """The language that the address names, else the one chosen before, else the browser's, else English."""
    for said in (query.get("lang"), cookies.get("weftline_lang")):
        for known in LANGUAGES:
            if said == known:
                return known
    first = accepted.split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
