"""Standards from ``schemas/standards``: YAML in, the pure types of :mod:`weftline.domain.laboratory` out.

The files are edited by people who know textiles, so every fault is a :class:`UserError` that names the file and the place in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from weftline.contracts.paths import schemas_root
from weftline.contracts.vocabularies import CATEGORIES, SPELLINGS, load_categories, load_spellings
from weftline.contracts.yaml_reading import (
    Node,
    at,
    decimal,
    flag,
    load,
    mapping,
    mapping_of,
    member,
    midnight,
    sequence,
    set_of,
    text,
)
from weftline.domain.laboratory.grades import HALF_STEPS, Scale
from weftline.domain.laboratory.spelling import Spellings, key
from weftline.domain.laboratory.standards import (
    SAFETY_CLASSES,
    Acceptable,
    Band,
    Bounds,
    Category,
    Clause,
    Confidence,
    Indicator,
    LabelShare,
    LeastGrades,
    Limit,
    LimitRule,
    Method,
    Programme,
    Relief,
    Requirement,
    Scope,
    Standard,
    Standards,
)
from weftline.domain.sampling.plans import SamplingStandard
from weftline.domain.vocabulary import AgeGroup, MeasurementKind, SafetyClass, SpecimenType
from weftline.errors import UserError

INDICATORS = "indicators.yaml"
SAMPLING = "iso-2859-1.yaml"
_DAY = 24 * 60 * 60 * 1000
_LIMITS = ("maximum", "minimum", "range", "least_grade", "acceptable", "label_share")


def load_standards(root: Path | None = None) -> Standards:
    """Indicators and all editions under ``root`` (the folder ``schemas``; by default the one that is installed).

    Raises :class:`UserError` that names file and place.
    """
    folder = (root or schemas_root()) / "standards"
    with at(CATEGORIES):
        categories = load_categories(folder / CATEGORIES)
    with at(INDICATORS):
        catalogue = Node(load(folder / INDICATORS))
        indicators: dict[str, Indicator] = {}
        names = catalogue.take("code_names", _names)
        with at(SPELLINGS):
            spellings = load_spellings(folder / SPELLINGS, names)
        for indicator in catalogue.each("indicators", lambda node: _indicator(node, names, spellings)):
            if indicator.code in indicators:
                raise UserError(f"indicator {indicator.code} is listed twice")
            indicators[indicator.code] = indicator
        programmes = tuple(catalogue.each("programmes", lambda node: _programme(node, indicators)))
        catalogue.done()
    editions = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name not in (INDICATORS, SAMPLING, SPELLINGS, CATEGORIES):
            with at(path.name):
                editions.append(_standard(Node(load(path)), indicators, categories))
    _refuse_overlaps(editions)
    return Standards(indicators, tuple(sorted(editions, key=lambda s: (s.name, s.valid_from))), programmes, categories)


def load_sampling_standard(root: Path | None = None) -> SamplingStandard:
    """ISO 2859-1 as :mod:`weftline.domain.sampling` reads it."""
    with at(SAMPLING):
        return SamplingStandard.from_mapping(load((root or schemas_root()) / "standards" / SAMPLING))


def _grade(scale: Scale) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        steps = HALF_STEPS[scale].get(value) if isinstance(value, str) else None
        if steps is None:
            raise UserError(f"must be a quoted grade, one of {', '.join(HALF_STEPS[scale])}; not {value!r}")
        return steps

    return read


def _known(indicators: Mapping[str, Indicator]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in indicators:
            raise UserError(f"{value!r} is no code of {INDICATORS}")
        return str(value)

    return read


def _names(value: Any) -> dict[str, str]:
    return {text(code): text(name) for code, name in mapping(value).items()}


def _indicator(node: Node, names: Mapping[str, str], spellings: Spellings) -> Indicator:
    kind = node.take("kind", member(MeasurementKind))
    if kind not in (MeasurementKind.NUMBER, MeasurementKind.GRADE, MeasurementKind.QUALITATIVE):
        raise UserError(f"kind: must be NUMBER, GRADE or QUALITATIVE, not {kind}")
    accepts = {kind} | ({MeasurementKind.NOT_DETECTED} if node.maybe("not_detected", flag, False) else set())
    indicator = Indicator(
        node.take("code", text),
        node.take("zh", text),
        node.take("en", text),
        frozenset(accepts),
        methods=tuple(node.each("methods", _method)),
        spellings=spellings,
    )
    if kind is MeasurementKind.NUMBER:
        least, most = node.maybe("possible", _pair, (None, None))
        units: dict[str, Decimal] = node.maybe("units", lambda value: {text(u): decimal(f) for u, f in mapping(value).items()}, {})
        return replace(indicator, unit=node.maybe("unit", text, None), units=units, least=least, most=most)
    if kind is MeasurementKind.GRADE:
        both = {"both": True, "any": False}.get(node.take("readings", text))
        if both is None:
            raise UserError("readings: must be both or any")
        return replace(indicator, scale=node.take("scale", member(Scale)), both_readings=both)
    codes = node.take("codes", lambda value: {text(code): flag(good) for code, good in mapping(value).items()})
    if nameless := [code for code in codes if code not in names]:
        raise UserError(f"codes: code_names gives no name for {', '.join(nameless)}")
    return replace(indicator, codes=codes, codes_zh={code: names[code] for code in codes})


def _method(node: Node) -> Method:
    node.maybe("source", text, "")
    return Method(node.take("name", text), node.maybe("detection_limit", decimal, None))


def _programme(node: Node, indicators: Mapping[str, Indicator]) -> Programme:
    known = _known(indicators)
    return Programme(
        node.take("code", text),
        node.take("zh", text),
        node.take("en", text),
        node.take("status", text),
        node.take("source", text),
        node.take("indicators", lambda value: tuple(tuple(known(code) for code in sequence(entry)) for entry in sequence(value))),
    )


def _standard(node: Node, indicators: Mapping[str, Indicator], categories: Mapping[str, Category]) -> Standard:
    name, edition, source = node.take("standard", text), node.take("edition", text), node.take("source", text)
    base = Clause(name, edition, "", source, node.take("confidence", member(Confidence)), node.take("safety", flag))
    last_day = node.maybe("valid_to", midnight, None)
    excluded = node.maybe("out_of_scope", Node, None)
    standard = Standard(
        name,
        edition,
        node.take("zh", text),
        node.take("en", text),
        node.take("valid_from", midnight),
        None if last_day is None else last_day + _DAY,
        source,
        tuple(node.each("limits", lambda one: _limit_rule(one, base, indicators))),
        tuple(node.each("exceptions", lambda one: _relief(one, base, indicators))),
        tuple(node.each("requires", lambda one: Requirement(_scope(one), one.take("indicators", _codes(indicators))))),
        node.maybe("class_of_age_group", mapping_of(member(AgeGroup), member(SafetyClass)), {}),
        frozenset() if excluded is None else excluded.take("categories", set_of(_category(categories))),
        None if excluded is None else _clause(excluded, base),
    )
    if excluded is not None:
        with at("out_of_scope"):
            excluded.done()
    if standard.valid_to is not None and standard.valid_to <= standard.valid_from:
        raise UserError("valid_to: must not be before valid_from")
    node.done()
    return standard


def _category(categories: Mapping[str, Category]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        known = categories.get(key(text(value)))
        if known is None:
            raise UserError(f"{value!r} is no code of {CATEGORIES}")
        return known.code

    return read


def _codes(indicators: Mapping[str, Indicator]) -> Callable[[Any], tuple[str, ...]]:
    return lambda value: tuple(_known(indicators)(code) for code in sequence(value))


def _clause(node: Node, base: Clause) -> Clause:
    """The clause of a node; confidence, source and safety are the file's unless the node has its own."""
    confidence = node.maybe("confidence", member(Confidence), base.confidence)
    if confidence is not base.confidence and not node.has("source"):
        raise UserError("a confidence of its own needs a source of its own")
    return replace(
        base,
        number=node.take("clause", text),
        confidence=confidence,
        source=node.maybe("source", text, base.source),
        safety=node.maybe("safety", flag, base.safety),
    )


def _scope(node: Node) -> Scope:
    return Scope(
        node.maybe("specimens", set_of(member(SpecimenType)), frozenset()),
        node.maybe("kinds", set_of(text), frozenset()),
        node.maybe("age_groups", set_of(member(AgeGroup)), frozenset()),
    )


def _limit_rule(node: Node, base: Clause, indicators: Mapping[str, Indicator]) -> LimitRule:
    code = node.take("indicator", _known(indicators))
    # The parts of a label share have clauses of their own.
    clause = base if node.has("label_share") else _clause(node, base)
    limits, by_class = _limits(node, clause, indicators[code])
    sum_of = node.maybe("sum_of", lambda value: tuple(text(one) for one in sequence(value)), ())
    if sum_of and not all(isinstance(limit, Bounds) for limit in limits.values()):
        raise UserError("sum_of: only numbers can be summed; state a maximum, a minimum or a range")
    return LimitRule(code, _scope(node), limits, by_class, sum_of)


def _relief(node: Node, base: Clause, indicators: Mapping[str, Indicator]) -> Relief:
    trait, clause, scope = node.take("trait", text), _clause(node, base), _scope(node)
    codes = node.take("indicators", _codes(indicators))
    node.maybe("note", text, "")
    if node.maybe("waived", flag, False):
        return Relief(trait, frozenset(codes), scope, clause)
    if len(codes) != 1:
        raise UserError("an exception that sets another limit is for one indicator")
    limits, by_class = _limits(node, clause, indicators[codes[0]])
    if by_class:
        raise UserError("an exception sets one limit, for every class")
    return Relief(trait, frozenset(codes), scope, clause, limits[SafetyClass.A])


def _limits(node: Node, clause: Clause, indicator: Indicator) -> tuple[dict[SafetyClass, Limit], bool]:
    """The limit of a node for each safety class, and whether it depends on the class."""
    readers = _readers(clause, indicator)
    stated = [key for key in _LIMITS if node.has(key)]
    if len(stated) != 1:
        raise UserError(f"must state one of {', '.join(_LIMITS)}; it states {len(stated)}")
    if stated[0] not in readers:
        raise UserError(f"{stated[0]} does not fit {indicator.code}; it takes {' or '.join(readers)}")
    read = readers[stated[0]]

    def each(value: Any) -> tuple[dict[SafetyClass, Limit], bool]:
        if isinstance(value, dict) and set(value) <= set(SAFETY_CLASSES):
            return mapping_of(member(SafetyClass), read)(value), True
        return dict.fromkeys(SAFETY_CLASSES, read(value)), False

    return node.take(stated[0], each)


def _readers(clause: Clause, indicator: Indicator) -> dict[str, Callable[[Any], Limit]]:
    """How the limits that fit ``indicator`` are written."""
    if indicator.scale is not None:
        return {"least_grade": lambda value: _least_grades(value, clause, _grade(indicator.scale or Scale.GREY))}
    if indicator.codes:
        return {"acceptable": lambda value: _acceptable(value, clause)}
    return {
        "maximum": lambda value: Bounds(clause, high=decimal(value)),
        "minimum": lambda value: Bounds(clause, low=decimal(value)),
        "range": lambda value: Bounds(clause, *_pair(value)),
        "label_share": lambda value: _label_share(Node(value), clause, indicator),
    }


def _pair(value: Any) -> tuple[Decimal, Decimal]:
    numbers = [decimal(one) for one in sequence(value)]
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        raise UserError(f"must be two numbers, the smaller first, not {value!r}")
    return numbers[0], numbers[1]


def _least_grades(value: Any, clause: Clause, grade: Callable[[Any], int]) -> LeastGrades:
    if not isinstance(value, dict):
        return LeastGrades(clause, grade(value), grade(value))
    node = Node(value)
    limit = LeastGrades(clause, node.take("change", grade), node.take("staining", grade))
    node.done()
    return limit


def _acceptable(value: Any, clause: Clause) -> Acceptable:
    if value is not True:
        raise UserError(f"must be true, not {value!r}")
    return Acceptable(clause)


def _label_share(node: Node, base: Clause, indicator: Indicator) -> LabelShare:
    if indicator.least != 0 or indicator.most != 100:
        raise UserError(f"is for shares, but {indicator.code} is not possible from 0 to 100")
    trace = node.take("trace", Node)
    pure = node.take("pure", Node)
    limit = LabelShare(
        textile=_bands(node, "textile", base),
        filling=_bands(node, "filling", base),
        pure=Band(_clause(pure, base), Decimal(100), pure.take("tolerance", decimal)),
        trace=_clause(trace, base),
        trace_total=trace.take("maximum", decimal),
        filling_kinds=node.take("filling_kinds", set_of(text)),
        filling_trait=node.take("filling_trait", text),
        filling_parts=node.take("filling_parts", set_of(lambda part: key(text(part)))),
        label_needed=node.take("label_needed", set_of(member(SpecimenType))),
        sum_tolerance=node.take("sum_tolerance", decimal),
    )
    for one in (trace, pure, node):
        one.done()
    return limit


def _bands(node: Node, key: str, base: Clause) -> tuple[Band, ...]:
    bands = tuple(
        node.each(
            key,
            lambda band: Band(
                _clause(band, base),
                band.take("up_to", decimal),
                band.take("tolerance", decimal),
                band.maybe("never_zero_up_to", decimal, None),
            ),
        )
    )
    ends = [band.up_to for band in bands]
    if not ends or ends != sorted(set(ends)) or ends[-1] != 100:
        raise UserError(f"{key}: up_to must grow from band to band and end at 100")
    return bands


def _refuse_overlaps(editions: list[Standard]) -> None:
    """No time may have two editions of one standard."""
    ordered = sorted(editions, key=lambda s: (s.name, s.valid_from))
    for earlier, later in pairwise(ordered):
        if earlier.name == later.name and (earlier.valid_to is None or earlier.valid_to > later.valid_from):
            raise UserError(f"{earlier.label} is still valid when {later.label} comes into force: give it a valid_to")
