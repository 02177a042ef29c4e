"""The laboratory verdict: a report against dated standards.

:func:`judge` is pure: report, time and standards in, :class:`Verdict` out. The standards are data (``schemas/standards``), read by
:mod:`weftline.contracts.standards`.
"""

from __future__ import annotations

from weftline.domain.laboratory.findings import Finding, Flags, Outcome, Reason
from weftline.domain.laboratory.remarks import Remark, RemarkCode
from weftline.domain.laboratory.rendering import coverage_text, verdict_as_json, verdict_as_text
from weftline.domain.laboratory.spelling import Spellings
from weftline.domain.laboratory.standards import Category, Clause, Confidence, Indicator, Programme, Standard, Standards
from weftline.domain.laboratory.texts import value_text, value_text_zh
from weftline.domain.laboratory.verdict import (
    Coverage,
    Gap,
    IndicatorVerdict,
    ItemVerdict,
    Verdict,
    VerdictKind,
    judge,
)

__all__ = [
    "Category",
    "Clause",
    "Confidence",
    "Coverage",
    "Finding",
    "Flags",
    "Gap",
    "Indicator",
    "IndicatorVerdict",
    "ItemVerdict",
    "Outcome",
    "Programme",
    "Reason",
    "Remark",
    "RemarkCode",
    "Spellings",
    "Standard",
    "Standards",
    "Verdict",
    "VerdictKind",
    "coverage_text",
    "judge",
    "value_text",
    "value_text_zh",
    "verdict_as_json",
    "verdict_as_text",
]
