"""``weftline inspections``: the processor of laboratory reports and lot inspections: verdicts, switching, quality."""

from __future__ import annotations

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.inspections import InspectionRules
from weftline.domain.laboratory import Standards
from weftline.domain.sampling import SamplingStandard
from weftline.processors.kinds import Kind, StateTable, summed, tables

_LOT_COUNTS = (
    *("lots", "lots_accepted", "lots_not_accepted", "lots_resubmitted", "lots_resubmitted_accepted"),
    *("lots_not_judged", "lots_by_agreement", "lots_by_agreement_accepted"),
)
_UNITS = ("units_inspected", "units_critical", "units_major", "units_minor")
_REPORT_COUNTS = (
    *("reports", "reports_passed", "reports_failed", "reports_incomplete", "reports_not_applicable"),
    *("reports_full", "reports_full_passed", "reports_full_failed"),
)


def inspections(standards: Standards, sampling: SamplingStandard) -> Kind:
    """The kind of the inspection results, judged by these standards."""
    return Kind(
        of=BY_PROCESSOR["inspections"],
        start=lambda: InspectionRules(standards, sampling),
        start_lean=lambda: InspectionRules(standards, sampling, lean=True),
        # A measurement of 20 bytes becomes an object, a finding for each limit, and evidence of an alert.
        per_byte=30,
        amounts=(
            *("cooperative_id", "factory_id", "kind", "product_category", "subject", "verdict"),
            *_REPORT_COUNTS,
            *("item_category", "item_indicator", "item_tested", "item_passed", "item_failed", "item_incomplete"),
            "item_not_detected",
            *_LOT_COUNTS,
            *_UNITS,
            *("class_name", "class_accepted", "class_severity_used", "class_severity_due", "class_marks"),
        ),
        measures=summed(*_REPORT_COUNTS, *_LOT_COUNTS, *_UNITS),
        states=tables(
            StateTable(
                "report_state",
                ("laboratory_id", "report_number"),
                (
                    *("center_id", "cooperative_id", "product_category", "style_number", "order_id", "lot_ids", "status"),
                    *("amendment", "latest_amendment", "specimen", "purpose", "payer", "original_report_number", "safety_class"),
                    *("verdict", "scope", "required_by_standards", "tested_of_required", "counted", "failed_indicators"),
                    *("missing_indicators", "remarks", "remarks_zh", "remarks_en", "verdict_json", "reported_at", "tested_at"),
                    *("verified_at", "published_at", "withdrawn_at", "events"),
                ),
            ),
            StateTable(
                "lot_state",
                ("lot_id",),
                (
                    *("center_id", "cooperative_id", "product_category", "style_number", "order_id", "lot_size", "stage"),
                    *("original_result", "last_result", "inspections", "resubmissions", "not_accepted_classes", "part_ids"),
                    *("by_agreement", "marks", "remarks_zh", "remarks_en", "last_inspected_at"),
                ),
            ),
            StateTable("run_state", ("indicator",), ("results", "failures", "current_run", "longest_run", "last_result_at")),
            StateTable(
                "switching_state",
                ("product_category", "nonconformity_class"),
                ("severity_due", "since", "lots", "switches", "recent_accepted", "not_accepted_on_tightened"),
            ),
        ),
    )
