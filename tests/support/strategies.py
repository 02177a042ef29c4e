"""Small and hostile events of every kind: few identities, few moments, conflicts, corrections before and after what they correct,
one identity at several event times. All of one order, one factory, one shipment, one member, in the first eight hours of 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from weftline.domain.cooperative import events as of
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import (
    AlertReply,
    CorrectiveAction,
    ErrorDeclaration,
    Event,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    LotInspection,
    Measurement,
    OrderEvent,
    PlanUsed,
    ReportStatusChange,
)
from weftline.domain.vocabulary import (
    BusinessStep,
    CertificateStep,
    CooperativeKind,
    CreditGrade,
    EnforcementStep,
    ErrorReason,
    FundStep,
    InspectionKind,
    InspectionStage,
    ListingStep,
    MeasurementKind,
    MembershipStep,
    NonconformityClass,
    OfficerRole,
    OfficerStep,
    OrderStatus,
    PlanBasis,
    Precision,
    QualityList,
    ReplyKind,
    ReportStatus,
    SafetyClass,
    Severity,
    SizeClass,
    SpecimenType,
    Submission,
    TestPurpose,
    TrademarkStep,
)

E = TypeVar("E", bound=Event)

HOUR = 3_600_000
START = 1_767_225_600_000  # 2026-01-01
AS_OF = START + 100 * HOUR

times = st.integers(0, 7).map(lambda hour: START + hour * HOUR)
declarations = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.just(ErrorDeclaration(START, ErrorReason.DID_NOT_OCCUR, ())),
    st.just(ErrorDeclaration(START + 1, ErrorReason.INCORRECT_DATA, ("e9",))),
)
envelope: dict[str, Any] = {
    "source": st.sampled_from(["mes", "lims"]),
    "event_id": st.sampled_from([f"e{n}" for n in range(6)]),
    "event_time": times,
    "event_time_zone_offset": st.just("+08:00"),
    "sequence": st.one_of(st.none(), st.integers(0, 3)),
    "cooperative_id": st.just("haimen"),
    "error_declaration": declarations,
}


def dated(events: st.SearchStrategy[E]) -> st.SearchStrategy[E]:
    """Some of them with a date only: of a day that holds all the hours, in either of two zones, or of the day after."""
    return st.tuples(events, st.sampled_from([None] * 6 + [(-8, "+08:00"), (0, "+00:00"), (16, "+08:00")])).map(_dated)


def _dated(pair: tuple[E, tuple[int, str] | None]) -> E:
    event, day = pair
    if day is None:
        return event
    return replace(event, precision=Precision.DAY, event_time=START + day[0] * HOUR, event_time_zone_offset=day[1])


order_events = st.builds(
    OrderEvent,
    **envelope,
    center_id=st.just("c1"),
    factory_id=st.sampled_from(["f1", "f2"]),
    order_id=st.just("o1"),
    status=st.sampled_from(OrderStatus),
    round=st.integers(1, 3),
    product_category=st.sampled_from(["sheet", "quilt"]),
    quantity=st.integers(0, 2),
    promised_at=st.one_of(st.none(), times, st.just(AS_OF + HOUR)),
)

logistics_events = st.builds(
    LogisticsEvent,
    **envelope,
    center_id=st.sampled_from(["c1", "c2"]),
    factory_id=st.just("f1"),
    shipment_id=st.just("s1"),
    business_step=st.sampled_from(
        [
            BusinessStep.LOADING,
            BusinessStep.DEPARTING,
            BusinessStep.SHIPPING,
            BusinessStep.TRANSPORTING,
            BusinessStep.ARRIVING,
            BusinessStep.UNLOADING,
            BusinessStep.RECEIVING,
            BusinessStep.VOID_SHIPPING,
            BusinessStep.UNKNOWN,
        ]
    ),
    partial=st.booleans(),
    lot_ids=st.lists(st.sampled_from(["l1", "l2"]), unique=True, max_size=2).map(tuple),
    expected_arrival_at=st.one_of(st.none(), times, st.just(AS_OF + HOUR)),
)

measurements = st.lists(
    st.one_of(
        st.builds(
            Measurement,
            indicator=st.sampled_from(["formaldehyde", "ph"]),
            kind=st.just(MeasurementKind.NUMBER),
            value=st.sampled_from([5.0, 60.0, 400.0]),
            unit=st.sampled_from(["mg/kg", None]),
        ),
        st.just(Measurement(indicator="odour", kind=MeasurementKind.QUALITATIVE, text="mould")),
    ),
    max_size=2,
).map(tuple)
reports = st.builds(
    LaboratoryReport,
    laboratory_id=st.just("lab"),
    report_number=st.sampled_from(["r1", "r2", "r3", "r4"]),
    amendment=st.integers(0, 2),
    specimen=st.just(SpecimenType.FINISHED_PRODUCT),
    specimen_kind=st.just("fabric"),
    purpose=st.just(TestPurpose.FUND),
    safety_class=st.just(SafetyClass.B),
    tested_at=st.one_of(st.none(), times),
    test_plan=st.just(("ph",)),
    measurements=measurements,
)
statuses = st.builds(
    ReportStatusChange,
    laboratory_id=st.just("lab"),
    report_number=st.sampled_from(["r1", "r2", "r3", "r4"]),
    amendment=st.integers(0, 2),
    status=st.sampled_from([ReportStatus.VERIFIED, ReportStatus.VERIFIED, ReportStatus.PUBLISHED, ReportStatus.WITHDRAWN]),
)
lots = st.builds(
    LotInspection,
    lot_id=st.sampled_from(["l1", "l2", "l3", "l4"]),
    lot_size=st.just(1000),
    stage=st.just(InspectionStage.FINAL),
    submission=st.sampled_from([Submission.ORIGINAL, Submission.ORIGINAL, Submission.RESUBMITTED]),
    part_id=st.sampled_from([None, None, "a", "b"]),
    sample_size=st.sampled_from([80, 80, 50]),
    major_units=st.sampled_from([0, 3, 20]),
    plans=st.builds(
        PlanUsed,
        nonconformity_class=st.just(NonconformityClass.MAJOR),
        basis=st.sampled_from([PlanBasis.UNKNOWN, PlanBasis.UNKNOWN, PlanBasis.BY_AGREEMENT]),
        standard=st.just("ISO 2859-1"),
        edition=st.just("1999"),
        level=st.just("II"),
        aql=st.just(2.5),
        severity=st.sampled_from([Severity.NORMAL, Severity.NORMAL, Severity.TIGHTENED]),
        sample_size=st.just(80),
        accept=st.just(5),
        reject=st.just(6),
    ).map(lambda plan: (plan,)),
)
actions = st.just(CorrectiveAction(nonconformity_class=NonconformityClass.MAJOR))


def _inspection(kind: InspectionKind, body: str, bodies: st.SearchStrategy[Any]) -> st.SearchStrategy[InspectionEvent]:
    return st.builds(
        InspectionEvent,
        **envelope,
        center_id=st.just("c1"),
        factory_id=st.just("f1"),
        kind=st.just(kind),
        product_category=st.sampled_from(["sheet", "quilt"]),
        **{body: bodies},
    )


inspection_events = st.one_of(
    _inspection(InspectionKind.LABORATORY_REPORT, "laboratory_report", reports),
    _inspection(InspectionKind.REPORT_STATUS, "report_status", statuses),
    _inspection(InspectionKind.LOT_INSPECTION, "lot_inspection", lots),
    _inspection(InspectionKind.CORRECTIVE_ACTION, "corrective_action", actions),
)

# Two alerts and two suppliers, who forward to one another; two problems that share lots and name the alerts.
reply_events = st.builds(
    AlertReply,
    **envelope,
    center_id=st.sampled_from(["c1", "c2"]),
    factory_id=st.just("f1"),
    reply=st.sampled_from(ReplyKind),
    alert_id=st.sampled_from([None, "a1", "a1", "a2"]),
    supplier_id=st.sampled_from([None, None, "s1", "s2"]),
    forwarded_by=st.sampled_from([None, None, "s1", "s2"]),
    lot_ids=st.lists(st.sampled_from(["l1", "l2", "l3"]), unique=True, max_size=2).map(tuple),
    problem_id=st.sampled_from([None, "p1", "p1", "p2"]),
    counterpart_problem_id=st.sampled_from([None, "q1", "q2"]),
    target_at=st.one_of(st.none(), times),
    reason=st.sampled_from([None, "rework", "ours is in order"]),
)


def _matter(kind: CooperativeKind, body: type[Any], **said: Any) -> st.SearchStrategy[CooperativeEvent]:
    return st.builds(
        CooperativeEvent,
        **envelope,
        center_id=st.sampled_from(["c1", "c2"]),
        factory_id=st.just("f1"),
        kind=st.just(kind),
        **{of.BODIES[kind]: st.builds(body, **said)},
    )


cooperative_events = st.one_of(
    _matter(
        CooperativeKind.MEMBERSHIP,
        of.Membership,
        step=st.sampled_from(MembershipStep),
        size_class=st.sampled_from([SizeClass.UNKNOWN, SizeClass.MICRO, SizeClass.LARGE]),
        limited_means=st.sampled_from([None, True, False]),
    ),
    _matter(
        CooperativeKind.OFFICER,
        of.Officer,
        step=st.sampled_from(OfficerStep),
        role=st.just(OfficerRole.CHIEF_QUALITY_OFFICER),
        person_id=st.sampled_from(["p1", "p2"]),
    ),
    _matter(
        CooperativeKind.CERTIFICATE,
        of.Certificate,
        step=st.sampled_from(CertificateStep),
        scheme=st.just("ISO 9001"),
        certificate_number=st.just("n1"),
        valid_until=st.one_of(st.none(), times),
    ),
    _matter(
        CooperativeKind.OFFICIAL_GRADE,
        of.OfficialGrade,
        grade=st.sampled_from([CreditGrade.AA, CreditGrade.B]),
        year=st.sampled_from([2024, 2025]),
        issuer=st.just("market regulator"),
    ),
    _matter(
        CooperativeKind.FUND,
        of.Fund,
        step=st.sampled_from([FundStep.REQUESTED, FundStep.APPROVED, FundStep.CANCELLED, FundStep.DONE]),
        year=st.just(2026),
        request_id=st.sampled_from(["t1", "t2"]),
        batches=st.integers(1, 2),
    ),
    _matter(
        CooperativeKind.ENFORCEMENT,
        of.Enforcement,
        step=st.sampled_from(EnforcementStep),
        case_id=st.sampled_from(["k1", "k2"]),
        indicators=st.sampled_from([(), ("ph",)]),
    ),
    _matter(
        CooperativeKind.LISTING,
        of.Listing,
        step=st.sampled_from(ListingStep),
        listing_id=st.sampled_from(["b1", "b2"]),
        list=st.sampled_from([QualityList.RED, QualityList.BLACK]),
    ),
    _matter(CooperativeKind.TRADEMARK, of.Trademark, step=st.sampled_from(TrademarkStep), mark_id=st.just("m1")),
)

#: Events by the name of their kind.
EVENTS: dict[str, st.SearchStrategy[Any]] = {
    "orders": dated(order_events),
    "inspections": dated(inspection_events),
    "logistics": dated(logistics_events),
    "replies": dated(reply_events),
    "cooperative": dated(cooperative_events),
}
