"""The events, as the rules see them.

Times are integers: milliseconds since the epoch, UTC. Fields carry the names of the Avro schemas under ``schemas/avro``, where each
is documented. An ``owner`` is the subject whose events are folded together, and the Kafka key.
"""

from __future__ import annotations

from dataclasses import dataclass

from weftline.domain import life_cycle
from weftline.domain.days import DAY, begins_a_day, last_of_day
from weftline.domain.life_cycle import LifeCycle
from weftline.domain.vocabulary import (
    AgeGroup,
    AlertSeverity,
    BusinessStep,
    Disposition,
    ErrorReason,
    InspectionKind,
    InspectionStage,
    MeasurementKind,
    NonconformityClass,
    OrderStatus,
    Payer,
    PlanBasis,
    Precision,
    ProductionStep,
    ReplyKind,
    ReportStatus,
    SafetyClass,
    SampleType,
    Severity,
    SpecimenType,
    Submission,
    TestPurpose,
    TradeMode,
)


@dataclass(frozen=True, slots=True)
class ErrorDeclaration:
    """The source declares the event that carries this erroneous (EPCIS 2.0)."""

    declaration_time: int
    reason: ErrorReason
    corrective_event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries."""

    source: str
    event_id: str
    event_time: int
    event_time_zone_offset: str
    precision: Precision = Precision.UNKNOWN
    sequence: int | None = None
    cooperative_id: str
    center_id: str
    factory_id: str
    error_declaration: ErrorDeclaration | None = None

    @property
    def owner(self) -> str:
        """Whose events are folded together; the Kafka key."""
        raise NotImplementedError

    @property
    def strand(self) -> str:
        """Which of its owner's events it is judged together with. What rests on several strands does not depend on the order between
        them."""
        return ""

    @property
    def life_cycle(self) -> LifeCycle:
        """Orders events whose times do not tell them apart: what naturally comes first is smaller."""
        return ()

    @property
    def until(self) -> int:
        """The end, exclusive, of the time in which it happened (ms); its beginning is ``event_time``."""
        return self.event_time + (DAY if self.precision is Precision.DAY else 1)

    def deadline(self, time: int | None) -> int | None:
        """A promised or expected time as the event means it: of one that knows dates only, a date ends with its day."""
        if time is None or self.precision is not Precision.DAY or not begins_a_day(time, self.event_time_zone_offset):
            return time
        return last_of_day(time)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    """One step in the life of a sample order."""

    order_id: str
    location_id: str | None = None
    status: OrderStatus
    round: int = 1
    sample_type: SampleType = SampleType.UNKNOWN
    product_category: str
    quantity: int = 0
    style_number: str | None = None
    promised_at: int | None = None
    production_step: ProductionStep | None = None
    changed_by: str | None = None
    reason: str | None = None

    @property
    def owner(self) -> str:
        # A center's numbers are its own; `|` may not stand in a center's id, so the two parts cannot be confused.
        return f"{self.center_id}|{self.order_id}"

    @property
    def life_cycle(self) -> LifeCycle:
        return life_cycle.of_order(self.round, self.status, self.production_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measured indicator; ``kind`` says which of the value fields speaks."""

    indicator: str
    kind: MeasurementKind
    component: str | None = None
    method: str | None = None
    value: float | None = None
    change_grade: str | None = None
    staining_grade: str | None = None
    text: str | None = None
    detection_limit: float | None = None
    labelled_value: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaboratoryReport:
    """The content of a report; sent again as a whole for every amendment."""

    laboratory_id: str
    report_number: str
    amendment: int = 0
    specimen: SpecimenType
    specimen_kind: str | None = None
    traits: tuple[str, ...] = ()
    purpose: TestPurpose
    payer: Payer = Payer.UNKNOWN
    original_report_number: str | None = None
    safety_class: SafetyClass = SafetyClass.UNKNOWN
    age_group: AgeGroup = AgeGroup.UNKNOWN
    sampled_at: int | None = None
    tested_at: int | None = None
    reported_at: int | None = None
    test_plan: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStatusChange:
    """A step in the life of a report."""

    laboratory_id: str
    report_number: str
    amendment: int = 0
    status: ReportStatus
    verified_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanUsed:
    """The sampling plan that the inspector had in hand, for one class of nonconformity."""

    nonconformity_class: NonconformityClass
    basis: PlanBasis = PlanBasis.UNKNOWN
    standard: str
    edition: str
    level: str
    aql: float | None = None
    severity: Severity
    sample_size: int
    accept: int
    reject: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotInspection:
    """Inspection of one lot, or of a part of it, by attributes; a unit counts once, at its worst nonconformity."""

    lot_id: str
    part_id: str | None = None
    lot_size: int
    stage: InspectionStage
    submission: Submission
    sample_size: int
    critical_units: int = 0
    major_units: int = 0
    minor_units: int = 0
    plans: tuple[PlanUsed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectiveAction:
    """An accepted corrective action: discontinued inspection resumes on tightened."""

    nonconformity_class: NonconformityClass
    accepted_by: str | None = None
    action: str | None = None


#: The strand of all inspection events of a factory that are about no report.
LOTS = "lots"


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionEvent(Event):
    """A laboratory report, a step in a report's life, a lot inspection or a corrective action."""

    kind: InspectionKind
    product_category: str
    style_number: str | None = None
    order_id: str | None = None
    lot_ids: tuple[str, ...] = ()
    laboratory_report: LaboratoryReport | None = None
    report_status: ReportStatusChange | None = None
    lot_inspection: LotInspection | None = None
    corrective_action: CorrectiveAction | None = None

    @property
    def owner(self) -> str:
        return self.factory_id

    @property
    def strand(self) -> str:
        # Reports do not look at one another. Lots do: switching follows their order, and one lot may be called by two categories.
        body = self.laboratory_report or self.report_status
        return LOTS if body is None else f"{body.laboratory_id}\x1f{body.report_number}"

    @property
    def life_cycle(self) -> LifeCycle:
        if self.laboratory_report is not None:
            return life_cycle.of_report(None, self.laboratory_report.amendment)
        if self.report_status is not None:
            return life_cycle.of_report(self.report_status.status, self.report_status.amendment)
        if self.lot_inspection is not None:
            return life_cycle.of_lot(self.lot_inspection.submission)
        return life_cycle.of_action()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticsEvent(Event):
    """A shipment was observed at a business step (CBV 2.0)."""

    shipment_id: str
    business_step: BusinessStep
    disposition: Disposition | None = None
    read_point_id: str | None = None
    business_location_id: str | None = None
    order_ids: tuple[str, ...] = ()
    lot_ids: tuple[str, ...] = ()
    partial: bool = False
    carrier_id: str | None = None
    expected_departure_at: int | None = None
    expected_arrival_at: int | None = None
    actual_departure_at: int | None = None
    actual_arrival_at: int | None = None
    declared_value_minor: int | None = None
    declared_currency: str | None = None
    trade_mode: TradeMode = TradeMode.UNKNOWN

    @property
    def owner(self) -> str:
        return self.shipment_id

    @property
    def life_cycle(self) -> LifeCycle:
        return life_cycle.of_shipment(self.business_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReply(Event):
    """What a factory, or a supplier of its, says to a quality alert, or about lots that a problem holds back."""

    reply: ReplyKind
    alert_id: str | None = None
    supplier_id: str | None = None
    forwarded_by: str | None = None
    lot_ids: tuple[str, ...] = ()
    problem_id: str | None = None
    counterpart_problem_id: str | None = None
    severity: AlertSeverity = AlertSeverity.UNKNOWN
    target_at: int | None = None
    replied_by: str | None = None
    reason: str | None = None

    @property
    def owner(self) -> str:
        return self.factory_id

    @property
    def life_cycle(self) -> LifeCycle:
        return life_cycle.of_reply(self.reply, self.forwarded_by is not None)
