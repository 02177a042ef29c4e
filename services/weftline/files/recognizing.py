"""What a header most likely means: a field of ours, or the results of an indicator. By the words of ``schemas/files/words.yaml``
and of the standards; whoever asks marks the answer as a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from weftline.contracts.standards import load_standards
from weftline.domain.laboratory.spelling import key
from weftline.domain.laboratory.standards import Indicator
from weftline.domain.vocabulary import MeasurementKind
from weftline.files.fields import RowKind, fields_of, measurement_fields
from weftline.files.words import load_words

_BRACKETS: Final = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
_READINGS: Final = {"change": ("变色", "change of colour", "change"), "staining": ("沾色", "staining")}
#: What a lot's inspection calls its own lot is not the list of lots that it belongs to.
_NOT_GUESSED: Final = {RowKind.LOT: frozenset(("lot_ids",))}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a header means. ``sure``: it is written as our own templates write it."""

    field: str | None = None
    indicator: Indicator | None = None
    reading: str | None = None
    unit: str | None = None
    sure: bool = False


def label_of(field: str) -> str:
    """How a template heads a field."""
    label = load_words().fields[field]
    return f"{label.zh} {label.en}"


def label_of_indicator(indicator: Indicator, reading: str | None = None) -> str:
    """How a template heads the results of an indicator; ``reading``: change or staining."""
    words = "" if reading is None else " ".join((_READINGS[reading][0], ""))
    unit = f" ({indicator.unit})" if indicator.unit else ""
    return f"{indicator.zh} {words}{indicator.en}{unit}"


def meaning_of(header: str, rows: RowKind) -> Meaning | None:
    """What a header means in such rows; None if nobody knows."""
    field = _fields(rows).get(key(header))
    if field is not None:
        label = load_words().fields[field]
        return Meaning(field, sure=header in (label.name, label.zh, label.en, label_of(field)))
    return _indicator(header) if rows is RowKind.REPORT else None


@cache
def _fields(rows: RowKind) -> Mapping[str, str]:
    words = load_words().fields
    names = [*fields_of(rows), *(measurement_fields() if rows is RowKind.REPORT else ())]
    found: dict[str, str] = {}
    for name in names:
        if name in words and name not in _NOT_GUESSED.get(rows, ()):
            for spelling in (*words[name].spellings, label_of(name)):
                found.setdefault(key(spelling), name)
    return found


@cache
def _indicators() -> Mapping[str, Indicator]:
    found: dict[str, Indicator] = {}
    also = load_words().indicators
    for one in load_standards().indicators.values():
        for word in (one.code, one.zh, one.en, f"{one.zh} {one.en}", *also.get(one.code, ())):
            found[key(word)] = one
    return found


def _indicator(header: str) -> Meaning | None:
    plain, unit = header, None
    for inside in _BRACKETS.findall(header):
        unit = inside.strip() or unit
    plain = _BRACKETS.sub(" ", plain)
    known = _indicators()
    found, reading = known.get(key(plain)), None
    if found is None:
        plain, reading = _without_reading(plain)
        found = known.get(key(plain))
    sure = found is not None and header in (label_of_indicator(found), *(label_of_indicator(found, each) for each in _READINGS))
    if found is None and len(wanted := key(plain)) >= 2:
        # 甲醛 for 甲醛含量; only where that is one of them.
        near = {
            one.code: one for name, one in known.items() if name.startswith(wanted) or (len(name) >= 3 and wanted.startswith(name))
        }
        found = next(iter(near.values())) if len(near) == 1 else None
    if found is None or (reading is not None and MeasurementKind.GRADE not in found.accepts):
        return None
    units = tuple(filter(None, (found.unit, *found.units)))
    given = unit if unit is not None and found.spellings.unit(unit) in units else None
    return Meaning(None, found, reading, given, sure)


def _without_reading(header: str) -> tuple[str, str | None]:
    """A header without its word for change of colour or staining, and which of the two it was."""
    for reading, words in _READINGS.items():
        for word in words:
            if word in header.casefold():
                return re.sub(re.escape(word), " ", header, flags=re.IGNORECASE).replace("/", " "), reading
    return header.replace("/", " "), None
