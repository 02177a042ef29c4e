"""A verdict for people and for programs: what ``weftline judge`` prints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from weftline.domain.laboratory.findings import Outcome, Reason
from weftline.domain.laboratory.standards import Standards
from weftline.domain.laboratory.verdict import Coverage, Gap, IndicatorVerdict, ItemVerdict, Verdict

_REASONS = {
    Reason.NO_LIMIT: "no limit known for it",
    Reason.WAIVED: "the standard frees such a specimen from it",
    Reason.OUT_OF_SCOPE: "the standard is not about such a product",
    Reason.UNCONFIRMED_LIMIT: "the limit is not confirmed and does not decide",
    Reason.UNKNOWN_INDICATOR: "no such indicator in indicators.yaml",
    Reason.KIND_DOES_NOT_FIT: "this kind of result does not fit the indicator",
    Reason.VALUE_MISSING: "the value is missing",
    Reason.NOT_A_NUMBER: "the value is not a number",
    Reason.IMPOSSIBLE_VALUE: "the value is impossible",
    Reason.CONTRADICTION: "not detected, and a value beside it: one of them is wrong",
    Reason.UNKNOWN_UNIT: "the unit is not one of the indicator's",
    Reason.UNIT_MISSING: "the unit is missing, and the indicator is reported in several",
    Reason.UNKNOWN_GRADE: "no such grade on the indicator's scale",
    Reason.READING_MISSING: "change and staining are both needed",
    Reason.UNKNOWN_CODE: "no such result of the indicator",
    Reason.DETECTION_LIMIT_TOO_HIGH: "the method cannot see the limit",
    Reason.DETECTION_LIMIT_UNKNOWN: "the method's detection limit is not known",
    Reason.CLASS_UNKNOWN: "the safety class is not known, and the classes disagree",
    Reason.LABEL_MISSING: "the label's share is not stated",
}
_GAPS = {
    Gap.REQUIRED_NOT_TESTED: "required and without a result",
    Gap.REQUIREMENTS_UNKNOWN: "no standard says what such a specimen needs: name its kind, or give a test plan",
    Gap.NOTHING_JUDGED: "nothing could be judged by a confirmed limit",
    Gap.CLASS_NOT_STATED: "the safety class is not stated, and the classes require different things",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def verdict_as_json(verdict: Verdict, standards: Standards | None = None) -> dict[str, object]:
    """``verdict`` as JSON values. With ``standards``, indicators carry their names in Chinese and English.

    Shape: ``{verdict, scope: {coverage, required, tested, text}, safety_class, judged_at, editions, missing, gaps, remarks, indicators:
    [...], items: [...]}``; ``judged_at`` is ISO 8601.
    """
    return {
        "verdict": str(verdict.verdict),
        "scope": {
            "coverage": str(verdict.coverage),
            "required": verdict.required_by_standards,
            "tested": verdict.of_them_tested,
            "text": coverage_text(verdict),
        },
        "safety_class": str(verdict.safety_class),
        "judged_at": _iso(verdict.judged_at),
        "editions": list(verdict.editions),
        "missing": list(verdict.missing),
        "gaps": [{"code": str(gap), "text": _GAPS[gap]} for gap in verdict.gaps],
        "remarks": [{"code": str(remark.code), "text": remark.en, "text_zh": remark.zh} for remark in verdict.remarks],
        "indicators": [_indicator_as_json(indicator, standards) for indicator in verdict.indicators],
        "items": [_item_as_json(item, standards) for item in verdict.items],
    }


def verdict_as_text(verdict: Verdict, standards: Standards) -> str:
    """``verdict`` for a quality officer: what was decided, then a line per item, then what is missing."""
    lines = [
        f"{verdict.verdict} ({coverage_text(verdict)})  class {verdict.safety_class}, by the editions valid at {_iso(verdict.judged_at)}: "
        f"{', '.join(verdict.editions) or 'none'}"
    ]
    for item in verdict.items:
        parts = [_symbol(item), _name(item.indicator, standards)]
        if item.component:
            parts.append(f"[{item.component}]")
        parts.append(item.value_text)
        if item.limit_text:
            parts.append(f"(limit {item.limit_text})")
        if item.clause_text:
            parts.append(f"- {item.clause_text}")
        if item.reason:
            parts.append(f"- {_reason(item, standards)}{_indication(item)}")
        lines.append("  " + " ".join(parts))
    lines += [f"  missing     {_name(code, standards)}" for code in verdict.missing]
    lines += [f"  incomplete  {_GAPS[gap]}" for gap in verdict.gaps]
    lines += [f"  remark      {remark.en}" for remark in verdict.remarks]
    return "\n".join(lines)


def coverage_text(verdict: Verdict) -> str:
    """``FULL``, or ``PARTIAL: 1 of 9 required``."""
    if verdict.required_by_standards is None:
        return f"{verdict.coverage}: no standard says what is required"
    if verdict.coverage is Coverage.FULL:
        return str(verdict.coverage)
    return f"{verdict.coverage}: {verdict.of_them_tested} of {verdict.required_by_standards} required"


def _reason(item: ItemVerdict, standards: Standards | None) -> str:
    """Why it neither passed nor failed; of a unit, which ones there are."""
    text = _REASONS[item.reason] if item.reason else ""
    known = standards.indicators.get(item.indicator) if standards else None
    if known is None or item.reason not in (Reason.UNKNOWN_UNIT, Reason.UNIT_MISSING):
        return text
    return f"{text} ({', '.join((known.unit, *known.units)) if known.unit else 'it has none'})"


def _symbol(item: ItemVerdict) -> str:
    words = {Outcome.NOT_JUDGED: "not judged", Outcome.NOT_APPLICABLE: "n/a"}
    return f"{words.get(item.outcome, str(item.outcome)):<11}"


def _indication(item: ItemVerdict) -> str:
    if item.indication is None or item.clause is None:
        return ""
    return f" ({item.clause.confidence}; it would {'pass' if item.indication is Outcome.PASS else 'fail'})"


def _name(code: str, standards: Standards) -> str:
    indicator = standards.indicators.get(code)
    return code if indicator is None else f"{indicator.zh} / {indicator.en}"


def _indicator_as_json(indicator: IndicatorVerdict, standards: Standards | None) -> dict[str, object]:
    known = standards.indicators.get(indicator.indicator) if standards else None
    return {
        "indicator": indicator.indicator,
        **({"name_zh": known.zh, "name_en": known.en} if known else {}),
        "required": indicator.required,
        "tested": indicator.tested,
        "passed": indicator.passed,
        "failed": indicator.failed,
        "not_judged": indicator.not_judged,
        "incomplete": indicator.incomplete,
        "not_detected": indicator.not_detected,
        "safety_failed": indicator.safety_failed,
    }


def _item_as_json(item: ItemVerdict, standards: Standards | None) -> dict[str, object]:
    clause = item.clause
    return {
        "indicator": item.indicator,
        "component": item.component,
        "outcome": str(item.outcome),
        "reason": None if item.reason is None else str(item.reason),
        "reason_text": None if item.reason is None else _reason(item, standards),
        "indication": None if item.indication is None else str(item.indication),
        "value": item.value_text,
        "not_detected": item.not_detected,
        "limit": item.limit_text,
        "clause": item.clause_text,
        "standard": clause.standard if clause else None,
        "edition": clause.edition if clause else None,
        "confidence": str(clause.confidence) if clause else None,
        "source": clause.source if clause else None,
        "safety": item.safety,
    }


def _iso(milliseconds: int) -> str:
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
