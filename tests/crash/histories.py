"""Small histories: in each a record restates what was said of another, or both count in one window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.strategies import HOUR, START
from weftline.domain.events import (
    ErrorDeclaration,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    Measurement,
    OrderEvent,
    ReportStatusChange,
)
from weftline.domain.vocabulary import (
    BusinessStep,
    ErrorReason,
    InspectionKind,
    MeasurementKind,
    OrderStatus,
    Precision,
    ReportStatus,
    SafetyClass,
    SpecimenType,
    TestPurpose,
)

WHO: dict[str, Any] = {"event_time_zone_offset": "+08:00", "cooperative_id": "haimen", "center_id": "c1", "factory_id": "f1"}
ERRONEOUS = ErrorDeclaration(START + 3 * HOUR, ErrorReason.INCORRECT_DATA, ("e9",))

REQUESTED = OrderEvent(
    source="mes",
    event_id="e1",
    event_time=START,
    order_id="o1",
    status=OrderStatus.REQUESTED,
    product_category="sheet",
    **WHO,
)
CONFIRMED = replace(REQUESTED, event_id="e2", event_time=START + HOUR, status=OrderStatus.CONFIRMED, promised_at=START + 2 * HOUR)
DISPATCHED = replace(REQUESTED, event_id="e3", event_time=START + 3 * HOUR, status=OrderStatus.DISPATCHED)
LATE_EVENT = (CONFIRMED, REQUESTED)
DECLARED = (CONFIRMED, replace(CONFIRMED, error_declaration=ERRONEOUS))
# What is known by its date is judged by what came later on that day.
BY_DATE = (replace(DISPATCHED, event_time=START - 8 * HOUR, precision=Precision.DAY), CONFIRMED)
CONFLICT = (CONFIRMED, replace(CONFIRMED, status=OrderStatus.CANCELLED))

DEPARTED = LogisticsEvent(
    source="tms",
    event_id="e1",
    event_time=START,
    shipment_id="s1",
    business_step=BusinessStep.DEPARTING,
    expected_arrival_at=START + HOUR,
    **WHO,
)
DELAYED = replace(
    DEPARTED,
    event_id="e2",
    event_time=START + HOUR // 2,
    business_step=BusinessStep.TRANSPORTING,
    expected_arrival_at=START + 5 * HOUR,
)
ARRIVED = replace(
    DELAYED, event_id="e3", event_time=START + HOUR // 4, business_step=BusinessStep.ARRIVING, expected_arrival_at=None
)
POSTPONED = (DEPARTED, DELAYED)
#: Expected after its center went live, then before: who reads both at once takes it for history.
SOONER = (
    replace(DEPARTED, expected_arrival_at=START + 5 * HOUR),
    replace(DELAYED, expected_arrival_at=START + HOUR),
)

#: The same some days before: what is told of it now waits for a digest.
LONG_AGO = 5 * 24 * HOUR
OLD_POSTPONED = tuple(
    replace(event, event_time=event.event_time - LONG_AGO, expected_arrival_at=(event.expected_arrival_at or 0) - LONG_AGO)
    for event in POSTPONED
)
OLD_DECLARED = tuple(
    replace(event, event_time=event.event_time - LONG_AGO, promised_at=(event.promised_at or 0) - LONG_AGO) for event in DECLARED
)

FORMALDEHYDE = Measurement(indicator="formaldehyde", kind=MeasurementKind.NUMBER, value=400.0, unit="mg/kg")
CONTENT = LaboratoryReport(
    laboratory_id="lab",
    report_number="r1",
    specimen=SpecimenType.FINISHED_PRODUCT,
    specimen_kind="fabric",
    purpose=TestPurpose.FUND,
    safety_class=SafetyClass.B,
    test_plan=("formaldehyde",),
    measurements=(FORMALDEHYDE,),
)
REPORT = InspectionEvent(
    source="lims",
    event_id="e1",
    event_time=START,
    kind=InspectionKind.LABORATORY_REPORT,
    product_category="sheet",
    laboratory_report=CONTENT,
    **WHO,
)
VERIFIED = replace(
    REPORT,
    event_id="e2",
    event_time=START + HOUR,
    kind=InspectionKind.REPORT_STATUS,
    laboratory_report=None,
    report_status=ReportStatusChange(laboratory_id="lab", report_number="r1", status=ReportStatus.VERIFIED),
)
AMENDED = replace(
    REPORT,
    event_id="e3",
    event_time=START + 2 * HOUR,
    laboratory_report=replace(CONTENT, amendment=1, measurements=(replace(FORMALDEHYDE, value=5.0),)),
)


# A run of failures that is told, and a report that comes late and makes it begin earlier: the run has another name then, and its third
# failure was before the center went live. The reports' verifications lie before and behind them.


def run_report(number: int, at: int) -> InspectionEvent:
    """A report that fails for its pH, which is no matter of safety."""
    content = replace(
        CONTENT,
        report_number=f"r{number}",
        test_plan=("ph",),
        measurements=(Measurement(indicator="ph", kind=MeasurementKind.NUMBER, value=11.0),),
    )
    return replace(REPORT, event_id=f"e{number}", event_time=at, laboratory_report=content)


def run_verified(number: int, at: int) -> InspectionEvent:
    """Its verification."""
    status = ReportStatusChange(laboratory_id="lab", report_number=f"r{number}", status=ReportStatus.VERIFIED)
    return replace(VERIFIED, event_id=f"v{number}", event_time=at, report_status=status)


RUN_TIMES = (0, 1, 2, 5)
RUN = (
    *(
        event
        for number in (1, 2, 3)
        for event in (make(number, START + RUN_TIMES[number] * HOUR) for make in (run_report, run_verified))
    ),
    run_verified(0, START),
    run_report(0, START),
)
LIVE = {"c1": START + 4 * HOUR}
#: What is read at once: the run without its beginning, or all of it; the last failure, or the beginning, by itself.
TOLD_ENDS = (7, 8)
