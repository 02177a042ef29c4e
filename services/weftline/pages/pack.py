"""The page of a pack, for the eyes of whoever is handed it and for paper: all that its JSON says, in Chinese and English.

It needs nothing but itself, no script and no network, so that what was signed is what is read.
"""

from __future__ import annotations

from typing import Any, Final

from weftline.pages.cooperative_words import word
from weftline.pages.drawing import environment
from weftline.pages.text import Text

_TEMPLATE: Final = environment().get_template("pack.html")


def page(pack: dict[str, Any], sha256: str, thumbprint: str) -> bytes:
    """The page of a pack. ``sha256``: of its signed JSON; ``thumbprint``: of the key that signs both."""
    return _TEMPLATE.render(pack=pack, sha256=sha256, thumbprint=thumbprint, text=_text, day=_day).encode()


def _text(of: str, code: Any) -> Text:
    return word(of, str(code).lower() if isinstance(code, bool) else str(code))


def _day(time: str | None) -> str:
    return "–" if time is None else time[:10]
