"""What the words of an EPCIS document mean: terms of the vocabularies, names of extensions, values of JSON-LD.

A CBV term is written as its short name, as the URN of CBV 1.x, or as its web URI. An extension's name is written with a prefix that the
document's ``@context`` says in full, or in full itself; both are one name here. Nothing is fetched: of a context only what it says itself
and the prefixes of GS1's own are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]

WEFTLINE = "https://weftline.org/epcis/"
"""The namespace of our extension of EPCIS events; an identifier, not an address to call."""

_GS1_PREFIXES = {"cbvmda": "urn:epcglobal:cbv:mda:", "weftline": WEFTLINE}
"""Prefixes that need no ``@context``: GS1's own has the first, and the second is ours alone."""

_MASTER_DATA = re.compile(r"(?:urn:epcglobal:cbv:mda:|https?://(?:ref|ns)\.gs1\.org/cbv/(?:mda/|MDA-))(?P<name>\w+)")

# -- CBV terms
_TERM = re.compile(
    r"(?:urn:epcglobal:cbv:(?P<urn>[a-z_]+):"
    r"|(?:https?://(?:ref|ns)\.gs1\.org/cbv/|cbv:)(?P<web>[A-Za-z]+)-)?"
    r"(?P<name>[A-Za-z_]+)"
)
_CBV = re.compile(r"urn:epcglobal:cbv:|https?://(?:ref|ns)\.gs1\.org/cbv/|cbv:", re.I)


def term(value: object, kind: str) -> str | None:
    """The CBV short name of ``value`` if it is written as a term of ``kind`` (bizstep, disp, btt, sdt, er), else None."""
    match = _TERM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    written = match["urn"] or match["web"]
    return match["name"] if written is None or written.lower() == kind else None


def is_cbv(value: str) -> bool:
    """Whether ``value`` lies in CBV's own namespace, so that CBV alone says what may stand there."""
    return _CBV.match(value) is not None


# -- Names of extensions
class Names:
    """The full names that prefixes stand for, by the contexts in force; a later one wins, as JSON-LD has it."""

    def __init__(self, *contexts: object) -> None:
        self.prefixes = dict(_GS1_PREFIXES)
        for context in contexts:
            for part in context if isinstance(context, list) else [context]:
                if isinstance(part, Mapping):
                    self.prefixes.update(
                        {name: full for name, said in part.items() if (full := _id_of(said)) and not name.startswith("@")}
                    )

    def full(self, name: str) -> str:
        """``name`` in full: its prefix, if it has one that is known, replaced by what the prefix stands for."""
        seen = set()
        while True:
            prefix, colon, rest = name.partition(":")
            if not colon or rest.startswith("//") or prefix not in self.prefixes or prefix in seen:
                return name
            seen.add(prefix)
            name = self.prefixes[prefix] + rest

    def master_data(self, name: str) -> str | None:
        """The short name of an attribute of CBV's master data (``lotNumber``), however it is written; None for any other name."""
        match = _MASTER_DATA.fullmatch(self.full(name))
        return match["name"] if match else None

    def ours(self, name: str) -> str | None:
        """The short name of a field of our extension; None for any other name."""
        full = self.full(name)
        return full[len(WEFTLINE) :] if full.startswith(WEFTLINE) else None


def _id_of(said: object) -> str | None:
    """What a term definition maps to: a string, or the ``@id`` of an object."""
    if isinstance(said, Mapping):
        said = said.get("@id")
    return said if isinstance(said, str) else None


def ignored(document: Json, names: Names) -> frozenset[str]:
    """The full names of fields that a document tells to leave out of hash ids: extension ``…:ignoreFields``, a list of names.

    Repositories add fields of their own (an id of the capture, the hash itself), and the same event out of two repositories is the same.
    The reference implementation of the hash id (issue 109 there) has the list in the document or beside the results of a query.
    """
    found: set[str] = set()
    body = document.get("epcisBody")
    results = body.get("queryResults") if isinstance(body, Mapping) else None
    for level in (document, body, results):
        if isinstance(level, Mapping):
            for name, value in level.items():
                if re.search(r"[:/#]ignoreFields$", name):
                    found.update(names.full(item) for item in _strings(value))
    return frozenset(found)


def _strings(value: object) -> Iterable[str]:
    return (item for item in values(value) if isinstance(item, str))


# -- Values
def values(value: object) -> list[object]:
    """The values that a JSON-LD property has: none, one or several; a typed value is its value, a list or set is what is in it."""
    if value is None:
        return []
    if isinstance(value, list):
        return [inner for item in value for inner in values(item)]
    if isinstance(value, Mapping):
        for keyword in ("@value", "@list", "@set"):
            if keyword in value:
                return values(value[keyword])
    return [value]
