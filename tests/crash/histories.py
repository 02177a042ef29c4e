"""Small histories: in each a record restates what was said of another, or both count in one window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.crash.model import Put, Row
from tests.support.examples import LOT
from tests.support.strategies import HOUR, START
from weftline.domain.cooperative.events import CooperativeEvent, Fund
from weftline.domain.events import (
    AlertReply,
    ErrorDeclaration,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    Measurement,
    OrderEvent,
    ReportStatusChange,
)
from weftline.domain.revisions import state_version
from weftline.domain.vocabulary import (
    BusinessStep,
    CooperativeKind,
    ErrorReason,
    FundStep,
    InspectionKind,
    MeasurementKind,
    OrderStatus,
    Precision,
    ReplyKind,
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
# In the same hour, so that two workers who know one of them each write one window.
CONFIRMED = replace(
    REQUESTED, event_id="e2", event_time=START + HOUR // 2, status=OrderStatus.CONFIRMED, promised_at=START + 2 * HOUR
)
DISPATCHED = replace(REQUESTED, event_id="e3", event_time=START + 3 * HOUR, status=OrderStatus.DISPATCHED)
LATE_EVENT = (CONFIRMED, REQUESTED)
DECLARED = (CONFIRMED, replace(CONFIRMED, error_declaration=ERRONEOUS))
# What is known by its date is judged by what came later on that day.
MIDNIGHT = START - 8 * HOUR
BY_DATE = (replace(DISPATCHED, event_time=MIDNIGHT, precision=Precision.DAY), replace(CONFIRMED, event_time=MIDNIGHT + HOUR // 2))
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

ACKNOWLEDGED = AlertReply(source="mes", event_id="e1", event_time=START, reply=ReplyKind.ACKNOWLEDGE, alert_id="a1", **WHO)
ACCEPTED = replace(ACKNOWLEDGED, event_id="e2", event_time=START + HOUR // 2, reply=ReplyKind.ACCEPT)
#: Whoever reads the second one first judges it to lead nowhere.
ANSWERED = (ACCEPTED, ACKNOWLEDGED)
BLOCKED = replace(ACKNOWLEDGED, reply=ReplyKind.BLOCK, lot_ids=("l1",), problem_id="p1")
EXTENDED = replace(BLOCKED, event_id="e2", event_time=START + HOUR // 2, reply=ReplyKind.EXTEND, alert_id=None, lot_ids=("l2",))
#: What the second one says of another lot, and of the alert, rests on the first.
HELD_BACK = (EXTENDED, BLOCKED)
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

TEST = CooperativeEvent(
    source="office",
    event_id="e1",
    event_time=START,
    kind=CooperativeKind.FUND,
    fund=Fund(step=FundStep.REQUESTED, year=2026, request_id="t1", batches=2),
    **WHO,
)
GRANTED = replace(
    TEST, event_id="e2", event_time=START + HOUR // 2, fund=Fund(step=FundStep.APPROVED, year=2026, request_id="t1", batches=2)
)
#: Granted before the request is known; and a request that is taken back after it was granted.
GRANTED_FIRST = (GRANTED, TEST)
TAKEN_BACK = (TEST, GRANTED, replace(TEST, error_declaration=ERRONEOUS))


def report_stored(ranks: int, counted: int) -> Put:
    """The processor of inspections stores what it knows of a report by then, which counts or was withdrawn."""
    withdrawn = None if counted else START + HOUR
    says = ("lab", "r1", "FAIL", ("ph",), "FUND", "TESTING_FUND", "sheet", "FINISHED_PRODUCT", "", 1, (), (START, START, withdrawn))
    return Put("drawn", (Row(("f1", "lab", "r1"), state_version(ranks, 0), (1, *says)),))


#: A report of the member's factory that counts, and then is withdrawn.
WITHDRAWN_LATER = (report_stored(1 << 61, 1), report_stored(1 << 62, 0))

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
    event_time=START + HOUR // 2,
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


# Two lots that are not accepted, the later one first, and the earlier is taken back: who reads both at once says both, who reads them one
# by one says only the first of them from the same records.
REFUSED = replace(LOT.lot_inspection, lot_id="l1", major_units=LOT.lot_inspection.sample_size // 4)
LATER_LOT = replace(
    REPORT,
    event_id="e1",
    event_time=START + HOUR,
    kind=InspectionKind.LOT_INSPECTION,
    laboratory_report=None,
    lot_ids=("l1",),
    lot_inspection=REFUSED,
)
EARLIER_LOT = replace(LATER_LOT, event_id="e2", event_time=START, lot_ids=("l2",), lot_inspection=replace(REFUSED, lot_id="l2"))
LOT_TAKEN_BACK = (LATER_LOT, EARLIER_LOT, replace(EARLIER_LOT, error_declaration=ERRONEOUS))


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
#: Two reports of one factory and indicator, each verified.
FIRST_REPORT, SECOND_REPORT = ((run_report(n, START + n * HOUR), run_verified(n, START + n * HOUR + 1)) for n in (1, 2))
#: One identity with two contents, each about another report; both reports are verified.
ABOUT_ANOTHER = replace(
    SECOND_REPORT[0], source=FIRST_REPORT[0].source, event_id=FIRST_REPORT[0].event_id, event_time=FIRST_REPORT[0].event_time
)
#: What is read at once: the run without its beginning, or all of it; the last failure, or the beginning, by itself.
TOLD_ENDS = (7, 8)
