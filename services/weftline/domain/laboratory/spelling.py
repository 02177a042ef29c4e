"""Spelling is not a result: one unit, one code, one method, however it is written.

What was sent stays as it is in the record and in what people read; only judging looks through these tables. They are data
(``schemas/standards/spellings.yaml``). What goes by rule (width, case, white space, dashes) stands here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

# Listed and not asked of Unicode's categories: which characters are dashes must not depend on the edition that a Python knows.
_SIGNS = str.maketrans(
    dict.fromkeys(
        "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2500\u2501\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d\u301c~", "-"
    )
    | dict.fromkeys("\u2044\u2215\u29f8", "/")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "")
)
_SPACES = re.compile(r"\s+")
# In a unit or a code nothing but letters, digits and the signs / and % tell two apart.
_NO_DIFFERENCE = re.compile(r"[\s_\-.·•⋅*^'’\"]+")
_DASHES = re.compile(r"\s*-[\s-]*")
_BESIDE_SIGNS = re.compile(r"\s*([/.:()])\s*")
_DIGITS_APART = re.compile(r"(?<=\d)\s(?=\d)")
_BEFORE_NUMBER = re.compile(r"^([^\d]*[^\W\d_])[\s-]?(?=\d)")
# What may follow the number of a method: its year, and whatever is no further number or part.
_AFTER_NUMBER = re.compile(r"(?:[-:(]+(?:(?:19|20)\d\d|[5-9]\d)(?!\d))?(?:$|[^0-9a-z.\-:].*)", re.DOTALL)


#: Longer texts are no names, and would fill memory.
_KEPT_LENGTH = 100


def folded(text: str) -> str:
    """``text`` without what makes no difference: width, case, kinds of dash and slash, repeated white space."""
    return _folded_name(text) if len(text) <= _KEPT_LENGTH else _fold(text)


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS).casefold()
    return _SPACES.sub(" ", plain).strip()


# The same few names of standards, methods and units stand in every event: to fold them anew was 40 % of judging a lot.
_folded_name = lru_cache(maxsize=4096)(_fold)


def key(text: str) -> str:
    """What two spellings of one unit, code or category have in common."""
    return _NO_DIFFERENCE.sub("", folded(text))


@dataclass(frozen=True, slots=True)
class Spellings:
    """The tables. ``units``, ``codes``: :func:`key` of a spelling → the name. ``no_unit``: keys of what stands for no unit.

    ``prefixes``: other letters in front of a method's number → the usual ones, the longest first; ``adopted_by``: bodies whose letters
    in front of ISO's say that they adopted it.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    no_unit: frozenset[str] = frozenset()
    codes: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    adopted_by: tuple[str, ...] = ()
    _adoption: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        bodies = "|".join(re.escape(folded(body)) for body in self.adopted_by) or "(?!)"
        object.__setattr__(self, "_adoption", re.compile(rf"^(?:(?:{bodies})[ \-/]*)+(?=iso)"))

    def unit(self, text: str) -> str:
        """The name of a unit, empty for none; a unit that is not in the table is itself."""
        found = key(text)
        return "" if not found or found in self.no_unit else self.units.get(found, text)

    def code(self, text: str) -> str:
        """The code of a qualitative result; one that is not in the table is itself."""
        return self.codes.get(key(text), text)

    def method(self, text: str) -> str:
        """A method's name, so that the names of one method begin alike."""
        plain = _BESIDE_SIGNS.sub(r"\1", _DIGITS_APART.sub("-", _DASHES.sub("-", folded(text))))
        plain = self._adoption.sub("", plain)
        for spelling, usual in self.prefixes.items():
            if plain.startswith(spelling):
                plain = usual + plain[len(spelling) :]
                break
        return _BEFORE_NUMBER.sub(r"\1", plain)

    def names(self, given: str, method: str) -> bool:
        """Whether ``given`` names ``method``: with or without its year, and with whatever title behind it, but no other part."""
        found, wanted = self.method(given), self.method(method)
        return found.startswith(wanted) and _AFTER_NUMBER.match(found, len(wanted)) is not None


def prefixes(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """(spelling, usual letters) as :class:`Spellings` takes them."""
    ready = {folded(spelling): folded(usual) for spelling, usual in pairs}
    return dict(sorted(ready.items(), key=lambda pair: -len(pair[0])))


NO_SPELLINGS = Spellings()
