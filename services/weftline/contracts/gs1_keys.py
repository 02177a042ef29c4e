"""GS1 keys, as EPC URN or as Digital Link, brought to one form.

That form is the Digital Link of ``id.gs1.org``: the company prefix that parts a URN cannot be found again in a Digital Link, so the way
leads only there. A part that is free text (a lot, a serial number, an extension) may hold dots, and is the same whether its characters
are written plainly or as escapes.

==============  ==========================  ============  ==================================================================
key             URN ``urn:epc:…``           AI            what follows
==============  ==========================  ============  ==================================================================
SSCC            ``id:sscc:``                ``00``        18 digits; the extension digit leads the serial reference in the URN
GTIN and lot    ``class:lgtin:``            ``01`` ``10``  14 digits; the indicator leads the item reference in the URN; the lot
GDTI            ``id:gdti:``                ``253``       13 digits and a serial number: a document
GINC            ``id:ginc:``                ``401``       company prefix and a reference: a consignment
GSIN            ``id:gsin:``                ``402``       17 digits: a shipment
GLN             ``id:sgln:``                ``414`` ``254``  13 digits and an extension, of which ``0`` is none: a place
==============  ==========================  ============  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

# The words that version 1.1 of the Digital Link standard allowed for application identifiers.
_ALPHA = {
    "sscc": "00",
    "gtin": "01",
    "lot": "10",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "gln": "414",
    "loc": "414",
    "glnx": "254",
}
_DIGITS = {"00": 18, "01": 14, "253": 13, "402": 17, "414": 13}
"""How many digits a key begins with, of which the last checks the others. GINC has none."""

_ENDS_IN_TEXT = frozenset({"253", "401"})
_AI_OF = {"sscc": "00", "lgtin": "01", "gdti": "253", "ginc": "401", "gsin": "402", "sgln": "414"}
_URN = re.compile(
    r"urn:epc:(?:id:(?P<id>sscc|gdti|ginc|gsin|sgln)|class:(?P<class>lgtin)):(?P<prefix>\d{6,12})\.(?P<rest>.+)", re.I | re.A
)
_LINK = re.compile(r"https?://(?P<host>[^/?#]+)(?P<path>/[^?#]*)", re.I)
_UNRESERVED = "-._~!$&'()*+,;=:@"  # what a path segment may hold plainly (RFC 3986)


class Key(NamedTuple):
    """A key: its application identifier, its value as far as it identifies (``extension`` beside it), and whether it is well made.

    ``extension`` is the lot of a GTIN or the extension of a place, without escapes.
    """

    ai: str
    value: str
    extension: str | None
    sound: bool

    @property
    def link(self) -> str:
        """The canonical Digital Link."""
        base = f"https://id.gs1.org/{self.ai}/{quote(self.value, safe=_UNRESERVED)}"
        qualifier = {"01": "10", "414": "254"}.get(self.ai)
        return f"{base}/{qualifier}/{quote(self.extension, safe=_UNRESERVED)}" if qualifier and self.extension else base


def check_digit(digits: str) -> str:
    """GS1 check digit of the key ``digits`` (without one): weights 3, 1, 3 … from the right (GS1 General Specifications 7.9.1)."""
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))) % 10)


def parse(text: str) -> Key | None:
    """The key that ``text`` is in whatever form, or None if it is no key of the table above."""
    if match := _URN.fullmatch(text):
        return _of_urn((match["id"] or match["class"]).lower(), match["prefix"], match["rest"])
    if match := _LINK.match(text):
        key = _of_link([unquote(segment) for segment in match["path"].strip("/").split("/")])
        # A path of somebody else's may only look like a key; at GS1's own address it is meant to be one.
        return key if key is None or key.sound or match["host"].lower() == "id.gs1.org" else None
    return None


def _of_urn(scheme: str, prefix: str, rest: str) -> Key | None:
    ai = _AI_OF[scheme]
    if scheme == "ginc":
        return _made(ai, prefix + unquote(rest), None)
    reference, dot, text = rest.partition(".") if scheme in ("sgln", "gdti", "lgtin") else (rest, "", "")
    if not (reference.isascii() and reference.isdigit()) and not (scheme == "sgln" and not reference):
        return None
    leads = 1 if scheme in ("sscc", "lgtin") else 0  # the digit that leads the reference stands before the company prefix
    body = reference[:leads] + prefix + reference[leads:]
    digits = body + check_digit(body)
    if scheme in ("gdti", "lgtin") and not (dot and text):
        return None
    if scheme == "gdti":
        return _made(ai, digits + unquote(text), None, len(digits) == _DIGITS[ai])
    return _made(ai, digits, unquote(text) or None, len(digits) == _DIGITS[ai])


def _of_link(segments: list[str]) -> Key | None:
    for place, name in enumerate(segments[:-1]):
        ai, value = _ALPHA.get(name, name), segments[place + 1]
        if ai not in _AI_OF.values() or not _shaped(ai, value):
            continue
        qualifiers = dict(_pairs(segments[place + 2 :]))
        return _made(ai, value.zfill(14) if ai == "01" else value, qualifiers.get({"01": "10", "414": "254"}.get(ai, "")))
    return None


def _pairs(segments: list[str]) -> Iterator[tuple[str, str]]:
    for name, value in zip(segments[::2], segments[1::2], strict=False):
        yield _ALPHA.get(name, name), value


def _shaped(ai: str, value: str) -> bool:
    """Whether ``value`` can be meant for a key of ``ai``: what is not may be any other path."""
    if ai == "401":
        return value[:6].isdigit()
    if ai == "253":
        return len(value) > 13 and value[:13].isdigit()
    return value.isascii() and value.isdigit() and (ai != "01" or len(value) in (8, 12, 13, 14))


def _made(ai: str, value: str, extension: str | None, sound: bool = True) -> Key:
    count = _DIGITS.get(ai)
    if count is not None:
        head = value[:count]
        whole = len(value) >= count if ai in _ENDS_IN_TEXT else len(value) == count
        sound = sound and whole and head.isdigit() and check_digit(head[:-1]) == head[-1]
    return Key(ai, value, None if ai == "414" and extension == "0" else extension, sound)
