"""The laboratory verdict: a report against dated standards.

:func:`judge` is pure: report, time and standards in, :class:`Verdict` out. The standards are data (``schemas/standards``), read by
:mod:`weftline.contracts.standards`.
"""

from __future__ import annotations

from weftline.domain.laboratory.findings import Finding, Flags, Outcome, Reason
from weftline.domain.laboratory.rendering import verdict_as_json, verdict_as_text
from weftline.domain.laboratory.standards import Clause, Confidence, Indicator, Programme, Standard, Standards
from weftline.domain.laboratory.texts import value_text, value_text_zh
from weftline.domain.laboratory.verdict import (
    Gap,
    IndicatorVerdict,
    ItemVerdict,
    Verdict,
    VerdictKind,
    judge,
)

__all__ = [
    "Clause",
    "Confidence",
    "Finding",
    "Flags",
    "Gap",
    "Indicator",
    "IndicatorVerdict",
    "ItemVerdict",
    "Outcome",
    "Programme",
    "Reason",
    "Standard",
    "Standards",
    "Verdict",
    "VerdictKind",
    "judge",
    "value_text",
    "value_text_zh",
    "verdict_as_json",
    "verdict_as_text",
]
