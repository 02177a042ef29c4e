"""What an inspection event adds: the columns of ``inspection_facts`` (:class:`weftline.domain.rows.inspections.InspectionAmounts`)."""

from __future__ import annotations

from weftline.domain.events import InspectionEvent, LaboratoryReport, ReportStatusChange
from weftline.domain.reports import Counts
from weftline.domain.rows.inspections import InspectionAmounts, ReportKey

#: What does not change what a report counts for.
NOTHING = Counts()


def amounts_of(event: InspectionEvent, verdict: str = "", counts: Counts = NOTHING) -> InspectionAmounts:
    """What an event is about and what it adds. ``verdict``: of its own content; ``counts``: signed, of its report."""
    items = counts.items
    return InspectionAmounts(
        cooperative_id=event.cooperative_id,
        factory_id=event.factory_id,
        kind=event.kind.value,
        product_category=event.product_category,
        subject=_subject(event),
        verdict=verdict,
        reports=counts.reports,
        reports_passed=counts.passed,
        reports_failed=counts.failed,
        reports_incomplete=counts.incomplete,
        reports_not_applicable=counts.not_applicable,
        reports_full=counts.full,
        reports_full_passed=counts.full_passed,
        reports_full_failed=counts.full_failed,
        item_category=[item.category for item in items],
        item_indicator=[item.indicator for item in items],
        item_tested=[item.tested for item in items],
        item_passed=[item.passed for item in items],
        item_failed=[item.failed for item in items],
        item_incomplete=[item.incomplete for item in items],
        item_not_detected=[item.not_detected for item in items],
    )


def report_key(event: InspectionEvent) -> ReportKey | None:
    """The report that an event is about."""
    body = event.laboratory_report or event.report_status
    return key_of(body) if body is not None else None


def key_of(body: LaboratoryReport | ReportStatusChange) -> ReportKey:
    """The report of which this is a content or a step."""
    return ReportKey(laboratory_id=body.laboratory_id, report_number=body.report_number)


def _subject(event: InspectionEvent) -> str:
    if (report := report_key(event)) is not None:
        return "/".join(report)
    return event.lot_inspection.lot_id if event.lot_inspection else ""
