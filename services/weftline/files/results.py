"""What stands in the column of a result: a number, ``<20``, ND, a grade, a word, or nothing that was measured."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from weftline.contracts.rules import shown
from weftline.domain.laboratory.spelling import key
from weftline.domain.laboratory.standards import Indicator
from weftline.domain.vocabulary import MeasurementKind
from weftline.files.cells import Cell, CellError, is_blank
from weftline.files.values import Notation, grade, number, parsed, text

# A number and what stands behind it, which may be a unit; a word for nothing, and behind it perhaps the limit in brackets.
_WITH_UNIT: Final = re.compile(r"([+-]?[\d.,]+(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_BRACKETED: Final = re.compile(r"(.+?)\s*[(\[]\s*<?\s*([^()\[\]]+?)\s*[)\]]")


def is_not_measured(cell: Cell, notation: Notation) -> bool:
    """Whether nothing was measured: blank, dashes, a slash, 未测."""
    return is_blank(cell) or (isinstance(cell, str) and key(cell) in notation.words.not_measured)


def result_of(cell: Cell, indicator: Indicator | None, notation: Notation, known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a measurement that a cell says; ``indicator`` is None for one that the standards do not know.

    ``known``: what is said of it elsewhere (unit, detection limit). A detection limit in the cell comes before one of the mapping. Without
    either, what was not found is judged by the method's limit, or not at all.
    """
    accepts = indicator.accepts if indicator is not None else frozenset((MeasurementKind.NUMBER, MeasurementKind.QUALITATIVE))
    if MeasurementKind.GRADE in accepts:
        return {"kind": "GRADE", "change_grade": grade(cell)}
    if isinstance(cell, str):
        given = unicodedata.normalize("NFKC", text(cell))
        if MeasurementKind.NUMBER not in accepts:
            return {"kind": "QUALITATIVE", "text": text(cell)}
        if given.startswith("<"):
            return _below(given.lstrip("<=").strip(), indicator, notation, known)
        nothing = _not_found(given, indicator, notation, known)
        if nothing is not None:
            return nothing
        if given[:1] in (">", "≥", "≤", "≧", "≦"):
            raise CellError(
                f"{shown(given)} is no result: no contract has a word for it; give the number that was measured, or <20"
            )
        if indicator is None and not _WITH_UNIT.fullmatch(given):
            return {"kind": "QUALITATIVE", "text": text(cell)}
        value, unit = _amount(given, indicator, notation, known)
        return {"kind": "NUMBER", "value": value, **unit}
    if MeasurementKind.NUMBER not in accepts:
        return {"kind": "QUALITATIVE", "text": text(cell)}
    return {"kind": "NUMBER", "value": number(cell, notation.decimals)}


def _not_found(given: str, indicator: Indicator | None, notation: Notation, known: Mapping[str, Any]) -> dict[str, Any] | None:
    if key(given) in notation.words.not_detected:
        return {"kind": "NOT_DETECTED"}
    bracketed = _BRACKETED.fullmatch(given)
    if bracketed is not None and key(bracketed[1]) in notation.words.not_detected:
        return _below(bracketed[2], indicator, notation, known)
    return None


def _below(given: str, indicator: Indicator | None, notation: Notation, known: Mapping[str, Any]) -> dict[str, Any]:
    limit, unit = _amount(given, indicator, notation, known)
    return {"kind": "NOT_DETECTED", "detection_limit": limit, **unit}


def _amount(given: str, indicator: Indicator | None, notation: Notation, known: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """A number, and the unit that stands behind it: one that the indicator knows and that nothing else contradicts."""
    found = _WITH_UNIT.fullmatch(given)
    if found is None:
        raise CellError(
            f"{shown(given)} is no number, no grade and no word for a result; `weftline indicators` says how each is given"
        )
    value, unit = parsed(found[1], notation.decimals), found[2].strip()
    if not unit:
        return value, {}
    units = () if indicator is None else tuple(filter(None, (indicator.unit, *indicator.units)))
    name = unit if indicator is None else indicator.spellings.unit(unit)
    if name not in units:
        raise CellError(f"{shown(given)} is no number: {shown(unit)} is no unit of {indicator.code if indicator else 'it'}")
    other = known.get("unit")
    if other is not None and indicator is not None and indicator.spellings.unit(str(other)) != name:
        raise CellError(f"says {shown(unit)}, and elsewhere the unit is {shown(other)}; leave one")
    return value, {"unit": unit}
