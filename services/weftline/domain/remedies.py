"""What a factory may do about a lot that was not accepted: rules with their source, as ``schemas/standards/remedies.yaml`` has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Asked(StrEnum):
    """Who is to be asked for it."""

    CENTER = "center"
    COOPERATIVE = "cooperative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way. Pairs are (Chinese, English). ``term``: by when; None where no rule that is known sets a date."""

    code: str
    name: tuple[str, str]
    how: tuple[str, str]
    term: tuple[str, str] | None
    ask: Asked
    confidence: str
    source: str
