"""Columns of inspections: what one event adds, and reports, lots, runs of failures and switching as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Check, Code, Count, Flag, Number, Summed, Text, Time


class InspectionAmounts(NamedTuple):
    """``inspection_facts``: what an event is about, and what it adds, signed: a correction takes back what stood before."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "factory"]
    kind: Annotated[Code, "kind of inspection result"]
    product_category: Annotated[Code, "product category of the event"]
    subject: Annotated[Text, "report (laboratory/number) or lot"]
    verdict: Annotated[
        Code,
        "verdict of the content of this very event: PASS, FAIL, INCOMPLETE, NOT_APPLICABLE, ACCEPTED, NOT_ACCEPTED, NOT_JUDGED",
    ]
    reports: Annotated[Number, "verified reports counted by this event, signed", Summed("verified reports")]
    reports_passed: Annotated[Number, "of them PASS", Summed()]
    reports_failed: Annotated[Number, "of them FAIL", Summed()]
    reports_incomplete: Annotated[Number, "of them INCOMPLETE", Summed()]
    reports_not_applicable: Annotated[Number, "of them NOT_APPLICABLE: no standard is about such a product", Summed()]
    reports_full: Annotated[Number, "of them with a verdict on all that the standards require (scope FULL)", Summed()]
    reports_full_passed: Annotated[Number, "of those PASS", Summed()]
    reports_full_failed: Annotated[Number, "of those FAIL", Summed()]
    item_category: Annotated[Sequence[Code], "product category of each item"]
    item_indicator: Annotated[Sequence[Code], "indicator of each item"]
    item_tested: Annotated[Sequence[Number], "tested, signed"]
    item_passed: Annotated[Sequence[Number], "passed, signed"]
    item_failed: Annotated[Sequence[Number], "failed, signed"]
    item_incomplete: Annotated[Sequence[Number], "required and not tested, signed"]
    item_not_detected: Annotated[Sequence[Number], "not detected, signed"]
    lots: Annotated[
        Number,
        "original lots and parts judged by the standard's plan, signed",
        Summed("original lots and parts judged by the standard's plan"),
    ] = 0
    lots_accepted: Annotated[Number, "of them accepted", Summed()] = 0
    lots_not_accepted: Annotated[Number, "of them not accepted", Summed()] = 0
    lots_resubmitted: Annotated[Number, "resubmitted ones, judged likewise", Summed()] = 0
    lots_resubmitted_accepted: Annotated[Number, "of them accepted", Summed()] = 0
    lots_not_judged: Annotated[Number, "lots and parts that could not be judged; in no other count of lots", Summed()] = 0
    lots_by_agreement: Annotated[Number, "lots and parts judged by a buyer's own plan; in no other count of lots", Summed()] = 0
    lots_by_agreement_accepted: Annotated[Number, "of them accepted", Summed()] = 0
    units_inspected: Annotated[Number, "units inspected", Summed()] = 0
    units_critical: Annotated[Number, "units whose worst nonconformity is critical", Summed("units critical")] = 0
    units_major: Annotated[Number, "units whose worst nonconformity is major", Summed("units major")] = 0
    units_minor: Annotated[Number, "units whose worst nonconformity is minor", Summed("units minor")] = 0
    class_name: Annotated[Sequence[Code], "classes of nonconformity of the lot"] = ()
    class_accepted: Annotated[Sequence[Code], "yes, no or not_judged, per class"] = ()
    class_severity_used: Annotated[Sequence[Code], "severity of the plan used, per class"] = ()
    class_severity_due: Annotated[Sequence[Code], "severity that the switching rules ask for, per class"] = ()
    class_marks: Annotated[Sequence[Text], "what is odd about the plan used, comma separated, per class"] = ()


class ReportKey(NamedTuple):
    """Which report of a factory."""

    laboratory_id: Annotated[Code, "laboratory"]
    report_number: Annotated[Text, "number of the report"]


class ReportRow(NamedTuple):
    """``report_state``: a laboratory report as it stands."""

    center_id: Annotated[Code, "sampling center"]
    cooperative_id: Annotated[Code, "cooperative"]
    product_category: Annotated[Code, "product category"]
    style_number: Annotated[Text, "the factory's style number"]
    order_id: Annotated[Text, "sample order"]
    lot_ids: Annotated[Sequence[Text], "lots"]
    status: Annotated[
        Code,
        "of that amendment: SUBMITTED, VERIFIED, PUBLISHED or WITHDRAWN (VERIFIED after PUBLISHED stays PUBLISHED); "
        "empty if no event stands",
    ]
    amendment: Annotated[
        Number,
        "amendment in force: the greatest that is verified; without one, the greatest that has come; -1 without content",
    ]
    latest_amendment: Annotated[Number, "greatest amendment that has come, verified or not; -1 without content"]
    specimen: Annotated[Code, "type of specimen"]
    purpose: Annotated[Code, "why it was tested"]
    payer: Annotated[Code, "who pays"]
    original_report_number: Annotated[Text, "re-inspection: the report of the same laboratory whose failure led to this one"]
    safety_class: Annotated[
        Code,
        "class by which it was judged: A for an infant's product, whatever was declared; else as declared",
    ]
    verdict: Annotated[Code, "PASS, FAIL, INCOMPLETE or NOT_APPLICABLE, of what scope says; empty without content"]
    scope: Annotated[
        Code,
        "of what it is a verdict: FULL, all that the standards require of such a product and class; PARTIAL, "
        "tested_of_required of required_by_standards; empty without content",
    ]
    required_by_standards: Annotated[
        Number | None,
        "indicators that the standards require of such a product and class; null if none says",
    ]
    tested_of_required: Annotated[Number, "of them with a result"]
    counted: Annotated[Flag, "1 if an amendment is in force and not withdrawn"]
    failed_indicators: Annotated[Sequence[Code], "indicators that fail"]
    missing_indicators: Annotated[Sequence[Code], "required and without a result"]
    remarks: Annotated[Sequence[Code], "what is odd and decides nothing, as codes"]
    remarks_zh: Annotated[Sequence[Text], "the same in Chinese, with its figures"]
    remarks_en: Annotated[Sequence[Text], "the same in English"]
    verdict_json: Annotated[Text, "the verdict, item by item, with clauses"]
    reported_at: Annotated[Time | None, "event time of the content in force"]
    tested_at: Annotated[Time | None, "when it was tested; where nobody said, event time of the content"]
    verified_at: Annotated[Time | None, "verification of that amendment"]
    published_at: Annotated[Time | None, "its first publication"]
    withdrawn_at: Annotated[Time | None, "its withdrawal"]
    events: Annotated[Count, "events that stand, whether or not they changed anything"]


class StrandKey(NamedTuple):
    """Which strand of a factory."""

    strand: Annotated[Text, "which of the factory's events are judged together: laboratory and number of a report, or lots"]


class StrandRow(NamedTuple):
    """``strand_state``: what a report counts for in runs of failures. Of lots there is only how much of them is known."""

    ranks: Annotated[Check, "sum of the ranks of the records it was judged from, modulo 2^64 (bookkeeping)"]
    tested_at: Annotated[Time | None, "when it was tested; null if it counts for nothing"] = None
    laboratory_id: Annotated[Code, "laboratory"] = ""
    report_number: Annotated[Text, "number of the report"] = ""
    indicators: Annotated[Sequence[Code], "indicators that passed or failed"] = ()
    failed: Annotated[Sequence[Flag], "of each, whether it failed"] = ()
    told: Annotated[Sequence[Text], "of each that failed, what an alert would say of it, as JSON; else empty"] = ()


class LotKey(NamedTuple):
    """Which lot of a factory."""

    lot_id: Annotated[Text, "the factory's lot number"]


class LotRow(NamedTuple):
    """``lot_state``: an inspected lot as it stands."""

    center_id: Annotated[Code, "sampling center"]
    cooperative_id: Annotated[Code, "cooperative"]
    product_category: Annotated[Code, "product category"]
    style_number: Annotated[Text, "the factory's style number"]
    order_id: Annotated[Text, "sample order"]
    lot_size: Annotated[Number, "units in the lot"]
    stage: Annotated[Code, "stage of the last inspection"]
    original_result: Annotated[
        Code,
        "ACCEPTED, NOT_ACCEPTED, NOT_JUDGED, or empty: the worst of the original inspections of its parts and stages",
    ]
    last_result: Annotated[Code, "the same of the last inspection"]
    inspections: Annotated[Count, "inspections that stand"]
    resubmissions: Annotated[Count, "of them those that said so"]
    not_accepted_classes: Annotated[Sequence[Code], "classes not accepted at any inspection"]
    part_ids: Annotated[Sequence[Text], "parts in which the lot was presented"]
    by_agreement: Annotated[Flag, "1 if a buyer's own plan judged an inspection of it"]
    marks: Annotated[Sequence[Code], "what is odd about its inspections, as codes"]
    remarks_zh: Annotated[Sequence[Text], "the same in Chinese, with the figures of both plans"]
    remarks_en: Annotated[Sequence[Text], "the same in English"]
    last_inspected_at: Annotated[Time | None, "last inspection"]


class RunKey(NamedTuple):
    """Which runs of a factory."""

    indicator: Annotated[Code, "indicator"]


class RunRow(NamedTuple):
    """``run_state``: the runs of failures of one indicator at a factory."""

    results: Annotated[Count, "verified results that were judged"]
    failures: Annotated[Count, "of them failed"]
    current_run: Annotated[Count, "failures in a row up to the last result"]
    longest_run: Annotated[Count, "longest run of failures"]
    last_result_at: Annotated[Time | None, "test time of the last result"]


class SeriesKey(NamedTuple):
    """Which series of lots of a factory."""

    product_category: Annotated[Code, "product category"]
    nonconformity_class: Annotated[Code, "class of nonconformity"]


class SwitchingRow(NamedTuple):
    """``switching_state``: the severity of inspection that is due (ISO 2859-1)."""

    severity_due: Annotated[Code, "NORMAL, TIGHTENED or DISCONTINUED"]
    since: Annotated[Time | None, "event time of the last switch"]
    lots: Annotated[
        Count,
        "original lots and parts that counted: judged by the standard's plan, while inspection was not discontinued, and "
        "not accepted by a plan more lenient than was due",
    ]
    switches: Annotated[Count, "switches so far"]
    recent_accepted: Annotated[
        Sequence[Flag],
        "acceptance of the lots that are remembered, oldest first: on normal the last four at most, on tightened the "
        "present run of accepted ones",
    ]
    not_accepted_on_tightened: Annotated[Count, "lots not accepted since tightened inspection began"]
