"""The tables of words under ``schemas/standards``: how units, codes and methods are spelled, and which product categories there are.

Both are edited by people, so every fault is a :class:`UserError` that names the place; whoever loads them names the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from weftline.contracts.yaml_reading import Node, load, member, sequence, text
from weftline.domain.laboratory.spelling import Spellings, folded, key, prefixes
from weftline.domain.laboratory.standards import SAFETY_CLASSES, Category, Confidence
from weftline.domain.vocabulary import SafetyClass
from weftline.errors import UserError

SPELLINGS: Final = "spellings.yaml"
CATEGORIES: Final = "categories.yaml"


def load_spellings(path: Path, code_names: Mapping[str, str]) -> Spellings:
    """The table of spellings; ``code_names``: code of a result → its Chinese name, one more spelling of it."""
    node = Node(load(path))
    node.take("source", text)
    units = _by_key(node.each("units", _spelled))
    no_unit = frozenset(key(text(one)) for one in node.take("no_unit", sequence))
    if both := sorted(no_unit & units.keys()):
        raise UserError(f"no_unit: {both[0]!r} is a unit above")
    codes = _by_key([*node.each("codes", _spelled), *((code, [name]) for code, name in code_names.items())])
    if nameless := sorted(set(codes.values()) - code_names.keys()):
        raise UserError(f"codes: code_names of the indicators does not know {nameless[0]}")
    methods = node.take("methods", Node)
    usual = methods.each("prefixes", _spelled)
    bodies = tuple(folded(text(one)) for one in methods.take("adopted_by", sequence))
    methods.done()
    node.done()
    return Spellings(units, no_unit, codes, prefixes((other, name) for name, others in usual for other in (name, *others)), bodies)


def load_categories(path: Path) -> dict[str, Category]:
    """The product categories, by the :func:`key` of every spelling."""
    node = Node(load(path))
    node.take("source", text)
    node.take("confidence", member(Confidence))
    found: dict[str, Category] = {}
    for category, spellings in node.each("categories", _category):
        for spelling in (category.code, category.zh, category.en, *spellings):
            if found.setdefault(key(spelling), category) is not category:
                raise UserError(f"categories: {spelling!r} is {found[key(spelling)].code} and {category.code}")
    node.done()
    return found


def _category(node: Node) -> tuple[Category, list[str]]:
    usual = node.maybe("usual_class", member(SafetyClass), None)
    if usual is not None and usual not in SAFETY_CLASSES:
        raise UserError("usual_class: must be A, B or C; leave it out where nobody says")
    category = Category(node.take("code", text), node.take("zh", text), node.take("en", text), usual)
    return category, [text(one) for one in node.maybe("spellings", sequence, [])]


def _spelled(node: Node) -> tuple[str, list[str]]:
    return node.take("name", text), [text(one) for one in node.maybe("also", sequence, [])]


def _by_key(entries: Iterable[tuple[str, list[Any]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, others in entries:
        for spelling in (name, *others):
            if not key(spelling):
                raise UserError(f"{spelling!r} of {name} is nothing but signs that make no difference")
            if found.setdefault(key(spelling), name) != name:
                raise UserError(f"{spelling!r} is {found[key(spelling)]} and {name}")
    return found
