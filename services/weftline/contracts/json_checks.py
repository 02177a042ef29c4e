"""Checks of a JSON object that nobody has looked at yet: each gives every fault of a value, with the path of the field.

They are composed into the rules of EPCIS by :mod:`weftline.contracts.epcis_rules`, and know of it only how it names things: by URI, and
by terms of a vocabulary beside which everybody may have his own.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from weftline.contracts import rfc3339
from weftline.contracts.epcis_terms import is_cbv, term
from weftline.contracts.rules import nearest, shown
from weftline.contracts.rules import offset as local_offset
from weftline.errors import ContractError

Check = Callable[[str, Any], Iterator[ContractError]]

# RFC 3986 with the characters of RFC 3987: JSON-LD names things by IRI.
URI = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]*:(?:[^\x00-\x20\x7f-\x9f"<>\\^`{|}%]|%[0-9A-Fa-f]{2})+""")
_GS1_VOC = re.compile(r"https?://(?:www\.)?gs1\.org/voc/")


def text(path: str, value: Any) -> Iterator[ContractError]:
    if not isinstance(value, str):
        yield ContractError(path, f"must be text, not {shown(value)}")


def uri(path: str, value: Any) -> Iterator[ContractError]:
    if not isinstance(value, str):
        yield ContractError(path, f"must be a URI, not {shown(value)}")
    elif not URI.fullmatch(value):
        yield ContractError(
            path, f"{shown(value)} is no URI; things are named in full, like urn:epc:id:sscc:… or https://id.gs1.org/…"
        )


def time(path: str, value: Any) -> Iterator[ContractError]:
    if not isinstance(value, str):
        yield ContractError(path, f"must be a time, not {shown(value)}")
    elif rfc3339.milliseconds(value) is None:
        yield ContractError(path, f"{shown(value)} is no time with its offset (RFC 3339), like 2026-05-04T09:30:00+08:00")


def offset(path: str, value: Any) -> Iterator[ContractError]:
    try:
        local_offset(value)
    except ContractError as error:
        yield ContractError(path, error.problem)


def number(path: str, value: Any) -> Iterator[ContractError]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield ContractError(path, f"must be a number, not {shown(value)}")


def boolean(path: str, value: Any) -> Iterator[ContractError]:
    if not isinstance(value, bool):
        yield ContractError(path, f"must be true or false, not {shown(value)}")


def like(pattern: str, example: str) -> Check:
    form = re.compile(pattern)

    def check(path: str, value: Any) -> Iterator[ContractError]:
        if not isinstance(value, str) or not form.fullmatch(value):
            yield ContractError(path, f"must be text like {example}, not {shown(value)}")

    return check


def one_of(*words: str) -> Check:
    def check(path: str, value: Any) -> Iterator[ContractError]:
        if value not in words:
            yield ContractError(path, f"{shown(value)} is none of {', '.join(words)}{nearest(value, words)}")

    return check


def word(kind: str, words: frozenset[str], what: str) -> Check:
    """A term of CBV, or a URI of somebody else's vocabulary."""

    def check(path: str, value: Any) -> Iterator[ContractError]:
        name = term(value, kind)
        if name is not None and name in words:
            return
        if not isinstance(value, str):
            yield ContractError(path, f"must be text, not {shown(value)}")
        elif is_cbv(value) or not URI.fullmatch(value):
            hint = nearest(name or value, words)
            yield ContractError(path, f"{shown(value)} is not in CBV 2.0 as {what}{hint}; one of your own is a URI")

    return check


def sensor_word(words: frozenset[str]) -> Check:
    """A term of GS1's web vocabulary, or a URI of somebody else's."""

    def check(path: str, value: Any) -> Iterator[ContractError]:
        if not isinstance(value, str):
            yield ContractError(path, f"must be text, not {shown(value)}")
        elif value not in words and (_GS1_VOC.match(value) or not URI.fullmatch(value)):
            yield ContractError(path, f"{shown(value)} is no such term of GS1{nearest(value, words)}; one of your own is a URI")

    return check


def each(check: Check, least: int = 0, *, once: bool = False) -> Check:
    """A list of at least ``least``; with ``once`` nothing stands in it twice."""

    def checked(path: str, value: Any) -> Iterator[ContractError]:
        if not isinstance(value, list):
            yield ContractError(path, f"must be a list, not {shown(value)}")
            return
        if len(value) < least:
            yield ContractError(path, "must not be empty")
        for place, item in enumerate(value):
            yield from check(f"{path}[{place}]", item)
        if once:
            times = Counter(item for item in value if isinstance(item, str))
            yield from (ContractError(path, f"names {shown(twice)} more than once") for twice, count in times.items() if count > 1)

    return checked


def or_list(check: Check) -> Check:
    several = each(check)
    return lambda path, value: several(path, value) if isinstance(value, list) else check(path, value)


def fields_of(
    fields: Mapping[str, Check], required: Iterable[str] = (), *, extended: bool = True, name: str = "this object"
) -> Check:
    """An object of these fields; where it may be ``extended``, also with names of other namespaces."""
    needed = tuple(required)

    def check(path: str, value: Any) -> Iterator[ContractError]:
        if not isinstance(value, Mapping):
            yield ContractError(path or "event", f"must be an object, not {shown(value)}")
            return
        at = f"{path}." if path else ""
        yield from (ContractError(at + field, "is missing") for field in needed if field not in value)
        for field, inner in value.items():
            if field in fields:
                yield from fields[field](at + field, inner)
            elif not extended or not URI.fullmatch(field):
                what = f"is no field of {name}{nearest(field, fields)}"
                more = "; a name of your own has a prefix, like mill:rolls" if extended else ""
                yield ContractError(at + shown(field)[1:-1], what + more)

    return check


def at_least(fields: Mapping[str, Check], required: Iterable[str] = ()) -> Check:
    """An object of these fields that may hold anything else."""
    needed = tuple(required)

    def check(path: str, value: Any) -> Iterator[ContractError]:
        if not isinstance(value, Mapping):
            yield ContractError(path, f"must be an object, not {shown(value)}")
            return
        yield from (ContractError(f"{path}.{field}", "is missing") for field in needed if field not in value)
        for field in fields.keys() & value.keys():
            yield from fields[field](f"{path}.{field}", value[field])

    return check


def contexts(path: str, value: Any) -> Iterator[ContractError]:
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if isinstance(part, str):
            yield from uri(path, part)
        elif not isinstance(part, Mapping):
            yield ContractError(path, f"must be a URI or an object, or a list of them, not {shown(part)}")
    if any(part == other for place, part in enumerate(parts) for other in parts[:place]):
        yield ContractError(path, "names the same context more than once")
