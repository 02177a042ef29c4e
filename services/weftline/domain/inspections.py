"""Rules of a factory's inspection results: each report a strand, all else another.

One factory is one owner, since switching and runs of failures are a factory's.
"""

from __future__ import annotations

from weftline.domain.events import LOTS, InspectionEvent
from weftline.domain.fold import StrandRules
from weftline.domain.laboratory import Standards
from weftline.domain.lot_rules import LotRules
from weftline.domain.report_rules import Factory, ReportRules
from weftline.domain.sampling import SamplingStandard


class InspectionRules:
    """Rules of one factory (see :class:`weftline.domain.fold.Rules`)."""

    def __init__(self, standards: Standards, sampling: SamplingStandard, *, lean: bool = False) -> None:
        """``lean``: contents of reports are kept as bytes, for a factory too large to be kept otherwise."""
        self._sampling = sampling
        self._factory = Factory(standards, lean=lean)

    def strand(self, name: str) -> StrandRules[InspectionEvent]:
        """The rules of a report, or of all lots."""
        return LotRules(self._factory.standards, self._sampling) if name == LOTS else ReportRules(self._factory)
