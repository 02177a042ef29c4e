"""Which characters an identifier may have: whatever people can see and tell apart."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from weftline.contracts import rules
from weftline.errors import ContractError

ALL = [chr(code) for code in range(sys.maxunicode + 1)]
#: Of the property Default_Ignorable_Code_Point, what is not of the category Cf.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180f\u2065\u2800\u3164\ufe00\ufe0f\uffa0\ufff0\U000e0100\U000e01ef"


def test_what_nobody_sees_is_refused() -> None:
    unseen = [character for character in ALL if unicodedata.category(character) in ("Cf", "Cc", "Zl", "Zp", "Cs")] + list(FILLERS)
    assert len(unseen) > 2200
    for character in unseen:
        with pytest.raises(ContractError, match=rf"U\+{ord(character):04X}\b"):
            rules.identifier(f"f-2{character}04")


def test_what_people_write_is_allowed() -> None:
    seen = [character for character in ALL if unicodedata.category(character)[0] in "LNPS" and character not in FILLERS]
    assert len(seen) > 100_000
    refused = []
    for character in seen:
        try:
            assert rules.identifier(f"f-2{character}04") == f"f-2{character}04"
        except ContractError:
            refused.append(character)
    assert refused == []


@pytest.mark.parametrize("name", ["f-\u202e402", "f-204\u200b", "\u2066f-204\u2069", "南通\ufeff一厂", "f-2\u00ad04"])
def test_the_error_names_the_character_and_does_not_print_it(name: str) -> None:
    with pytest.raises(ContractError) as caught:
        rules.identifier(name)
    assert caught.value.problem.isprintable()
    assert caught.value.problem.isascii()
    assert "U+" in caught.value.problem
