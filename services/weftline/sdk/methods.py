"""One typed method per kind of event, for whoever can send one (:class:`~weftline.sdk.publisher.Publisher`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar, Unpack

from weftline.contracts.dates import BY_ITS_BEGIN, BY_ITS_END
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import body_from_json, part_from_json
from weftline.contracts.rules import nearest, within
from weftline.domain.cooperative.events import BODIES, Body, CooperativeEvent
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
    AgeGroup,
    AlertSeverity,
    BusinessStep,
    CooperativeKind,
    Disposition,
    ErrorReason,
    InspectionKind,
    InspectionStage,
    NonconformityClass,
    OrderStatus,
    Payer,
    Precision,
    ProductionStep,
    ReplyKind,
    ReportStatus,
    SafetyClass,
    SampleType,
    SpecimenType,
    Submission,
    TestPurpose,
    TradeMode,
)
from weftline.errors import ContractError
from weftline.sdk.common import Common, Defaults, HasEvent
from weftline.sdk.values import (
    Day,
    Time,
    content_id,
    given,
    is_date,
    milliseconds,
    offset,
    optional_symbol,
    optional_time,
    symbol,
)

R = TypeVar("R")
P = TypeVar("P", Measurement, PlanUsed)


class EventMethods(ABC, Generic[R]):
    """Build an event from keyword arguments and publish it; :class:`ContractError` names the field that is missing or wrong.

    Enumerations take a member or its symbol (``"CONFIRMED"``).
    """

    def __init__(self, defaults: Defaults) -> None:
        self.defaults = defaults

    @abstractmethod
    def publish(self, event: AnyEvent) -> R:
        """Check one event and hand it over to be sent."""

    def order(
        self,
        *,
        order_id: str,
        status: OrderStatus | str,
        product_category: str,
        round: int = 1,
        sample_type: SampleType | str = SampleType.UNKNOWN,
        quantity: int = 0,
        style_number: str | None = None,
        promised_at: Day | None = None,
        production_step: ProductionStep | str | None = None,
        location_id: str | None = None,
        changed_by: str | None = None,
        reason: str | None = None,
        **common: Unpack[Common],
    ) -> R:
        """A step in the life of a sample order; ``promised_at`` is the promise for ``round``."""
        return self._build(
            OrderEvent,
            common,
            order_id=order_id,
            location_id=location_id,
            status=symbol("status", OrderStatus, status),
            round=round,
            sample_type=symbol("sample_type", SampleType, sample_type),
            product_category=product_category,
            quantity=quantity,
            style_number=style_number,
            promised_at=promised_at,
            production_step=optional_symbol("production_step", ProductionStep, production_step),
            changed_by=changed_by,
            reason=reason,
        )

    def laboratory_report(
        self,
        *,
        laboratory_id: str,
        report_number: str,
        product_category: str,
        specimen: SpecimenType | str,
        purpose: TestPurpose | str,
        measurements: Sequence[Measurement | Mapping[str, Any]],
        amendment: int = 0,
        specimen_kind: str | None = None,
        traits: Sequence[str] = (),
        payer: Payer | str = Payer.UNKNOWN,
        original_report_number: str | None = None,
        safety_class: SafetyClass | str = SafetyClass.UNKNOWN,
        age_group: AgeGroup | str = AgeGroup.UNKNOWN,
        sampled_at: Time | None = None,
        tested_at: Time | None = None,
        reported_at: Time | None = None,
        test_plan: Sequence[str] = (),
        style_number: str | None = None,
        order_id: str | None = None,
        lot_ids: Sequence[str] = (),
        **common: Unpack[Common],
    ) -> R:
        """The content of a laboratory report; for an amendment the whole content again. It judges nobody before it is verified
        (:meth:`report_status`). A measurement may be a mapping: ``{"indicator": "ph", "kind": "NUMBER", "value": 7.1}``."""
        report = LaboratoryReport(
            laboratory_id=laboratory_id,
            report_number=report_number,
            amendment=amendment,
            specimen=symbol("specimen", SpecimenType, specimen),
            specimen_kind=specimen_kind,
            traits=tuple(traits),
            purpose=symbol("purpose", TestPurpose, purpose),
            payer=symbol("payer", Payer, payer),
            original_report_number=original_report_number,
            safety_class=symbol("safety_class", SafetyClass, safety_class),
            age_group=symbol("age_group", AgeGroup, age_group),
            sampled_at=optional_time("sampled_at", sampled_at),
            tested_at=optional_time("tested_at", tested_at),
            reported_at=optional_time("reported_at", reported_at),
            test_plan=tuple(test_plan),
            measurements=_parts("laboratory_report.measurements", Measurement, measurements),
        )
        return self._build(
            InspectionEvent,
            common,
            kind=InspectionKind.LABORATORY_REPORT,
            product_category=product_category,
            style_number=style_number,
            order_id=order_id,
            lot_ids=tuple(lot_ids),
            laboratory_report=report,
        )

    def report_status(
        self,
        *,
        laboratory_id: str,
        report_number: str,
        status: ReportStatus | str,
        product_category: str,
        amendment: int = 0,
        verified_by: str | None = None,
        reason: str | None = None,
        style_number: str | None = None,
        order_id: str | None = None,
        lot_ids: Sequence[str] = (),
        **common: Unpack[Common],
    ) -> R:
        """A step in the life of a report: verified, published, withdrawn."""
        change = ReportStatusChange(
            laboratory_id=laboratory_id,
            report_number=report_number,
            amendment=amendment,
            status=symbol("status", ReportStatus, status),
            verified_by=verified_by,
            reason=reason,
        )
        return self._build(
            InspectionEvent,
            common,
            kind=InspectionKind.REPORT_STATUS,
            product_category=product_category,
            style_number=style_number,
            order_id=order_id,
            lot_ids=tuple(lot_ids),
            report_status=change,
        )

    def lot_inspection(
        self,
        *,
        lot_id: str,
        part_id: str | None = None,
        lot_size: int,
        sample_size: int,
        product_category: str,
        stage: InspectionStage | str,
        plans: Sequence[PlanUsed | Mapping[str, Any]],
        submission: Submission | str = Submission.ORIGINAL,
        critical_units: int = 0,
        major_units: int = 0,
        minor_units: int = 0,
        style_number: str | None = None,
        order_id: str | None = None,
        lot_ids: Sequence[str] = (),
        **common: Unpack[Common],
    ) -> R:
        """The inspection of one lot, or of its part ``part_id``, by attributes; a unit counts once, at its worst nonconformity.

        A plan is meant to be the standard's; a buyer's own says ``"basis": "BY_AGREEMENT"``."""
        inspection = LotInspection(
            lot_id=lot_id,
            part_id=part_id,
            lot_size=lot_size,
            stage=symbol("stage", InspectionStage, stage),
            submission=symbol("submission", Submission, submission),
            sample_size=sample_size,
            critical_units=critical_units,
            major_units=major_units,
            minor_units=minor_units,
            plans=_parts("lot_inspection.plans", PlanUsed, plans),
        )
        return self._build(
            InspectionEvent,
            common,
            kind=InspectionKind.LOT_INSPECTION,
            product_category=product_category,
            style_number=style_number,
            order_id=order_id,
            lot_ids=tuple(lot_ids),
            lot_inspection=inspection,
        )

    def corrective_action(
        self,
        *,
        product_category: str,
        nonconformity_class: NonconformityClass | str,
        accepted_by: str | None = None,
        action: str | None = None,
        style_number: str | None = None,
        order_id: str | None = None,
        lot_ids: Sequence[str] = (),
        **common: Unpack[Common],
    ) -> R:
        """A corrective action was accepted: inspection that was discontinued resumes on tightened."""
        accepted = CorrectiveAction(
            nonconformity_class=symbol("nonconformity_class", NonconformityClass, nonconformity_class),
            accepted_by=accepted_by,
            action=action,
        )
        return self._build(
            InspectionEvent,
            common,
            kind=InspectionKind.CORRECTIVE_ACTION,
            product_category=product_category,
            style_number=style_number,
            order_id=order_id,
            lot_ids=tuple(lot_ids),
            corrective_action=accepted,
        )

    def logistics(
        self,
        *,
        shipment_id: str,
        business_step: BusinessStep | str,
        disposition: Disposition | str | None = None,
        read_point_id: str | None = None,
        business_location_id: str | None = None,
        order_ids: Sequence[str] = (),
        lot_ids: Sequence[str] = (),
        partial: bool = False,
        carrier_id: str | None = None,
        expected_departure_at: Day | None = None,
        expected_arrival_at: Day | None = None,
        actual_departure_at: Day | None = None,
        actual_arrival_at: Day | None = None,
        declared_value_minor: int | None = None,
        declared_currency: str | None = None,
        trade_mode: TradeMode | str = TradeMode.UNKNOWN,
        **common: Unpack[Common],
    ) -> R:
        """A shipment was observed at a CBV business step; ``declared_value_minor`` is in hundredths of the currency."""
        return self._build(
            LogisticsEvent,
            common,
            shipment_id=shipment_id,
            business_step=symbol("business_step", BusinessStep, business_step),
            disposition=optional_symbol("disposition", Disposition, disposition),
            read_point_id=read_point_id,
            business_location_id=business_location_id,
            order_ids=tuple(order_ids),
            lot_ids=tuple(lot_ids),
            partial=partial,
            carrier_id=carrier_id,
            expected_departure_at=expected_departure_at,
            expected_arrival_at=expected_arrival_at,
            actual_departure_at=actual_departure_at,
            actual_arrival_at=actual_arrival_at,
            declared_value_minor=declared_value_minor,
            declared_currency=declared_currency,
            trade_mode=symbol("trade_mode", TradeMode, trade_mode),
        )

    def reply(
        self,
        *,
        reply: ReplyKind | str,
        alert_id: str | None = None,
        supplier_id: str | None = None,
        forwarded_by: str | None = None,
        lot_ids: Sequence[str] = (),
        problem_id: str | None = None,
        counterpart_problem_id: str | None = None,
        severity: AlertSeverity | str = AlertSeverity.UNKNOWN,
        target_at: Day | None = None,
        replied_by: str | None = None,
        reason: str | None = None,
        **common: Unpack[Common],
    ) -> R:
        """A factory, or a supplier of its, answers an alert; or lots are held back under a problem, or set free."""
        return self._build(
            AlertReply,
            common,
            reply=symbol("reply", ReplyKind, reply),
            alert_id=alert_id,
            supplier_id=supplier_id,
            forwarded_by=forwarded_by,
            lot_ids=tuple(lot_ids),
            problem_id=problem_id,
            counterpart_problem_id=counterpart_problem_id,
            severity=symbol("severity", AlertSeverity, severity),
            target_at=target_at,
            replied_by=replied_by,
            reason=reason,
        )

    def cooperative(
        self,
        *,
        kind: CooperativeKind | str,
        body: Body | Mapping[str, Any],
        **common: Unpack[Common],
    ) -> R:
        """A step in a matter of a member; ``body`` is what the kind's own field of the event says, as itself or as a JSON object:
        ``cooperative(kind="MEMBERSHIP", body={"step": "JOINED", "size_class": "SMALL"}, factory_id="F-0217", …)``. Of what is the
        cooperative's own (a budget, a price, a standard) ``factory_id`` is the cooperative's id."""
        of = symbol("kind", CooperativeKind, kind)
        field = BODIES.get(of)
        if field is None:
            raise ContractError("kind", f"{of} has no body; it is one of {', '.join(BODIES)}")
        try:
            said = body_from_json(field, body) if isinstance(body, Mapping) else body
        except ContractError as error:
            raise within(field, error) from None
        return self._build(CooperativeEvent, common, kind=of, **{field: said})

    def declare_erroneous(
        self,
        event: AnyEvent | HasEvent,
        reason: ErrorReason | str,
        *,
        declaration_time: Time,
        corrective_event_ids: Sequence[str] = (),
    ) -> R:
        """Declare an event of one's own erroneous, as EPCIS does: it is sent again as it was, with the declaration.

        ``event`` is what was published, or what publishing it returned (identity, event time and content unchanged). What replaces
        it is a further event with an identity of its own, published as any other and named in ``corrective_event_ids``.
        ``declaration_time`` is given rather than read from the clock, so that a call made twice says the same.
        """
        published = event if isinstance(event, Event) else event.event
        # EPCIS writes its reasons in lower case.
        why = symbol("reason", ErrorReason, reason.upper())
        declaration = ErrorDeclaration(milliseconds("declaration_time", declaration_time), why, tuple(corrective_event_ids))
        return self.publish(replace(published, error_declaration=declaration))

    def _build(self, cls: type[AnyEvent], common: Common, **body: Any) -> R:
        defaults = self.defaults
        for name in common:
            if name not in Common.__annotations__:
                # A misspelt promised_at must not vanish.
                known = [*Common.__annotations__, *body]
                raise ContractError(name, f"is no field of {cls.__name__}{nearest(name, known)}")
        moment = common["event_time"]
        event_id = common.get("event_id")
        zone = common.get("time_zone_offset") or offset(moment) or defaults.time_zone_offset
        for name in (*BY_ITS_BEGIN, *BY_ITS_END):
            if body.get(name) is not None:
                body[name] = milliseconds(name, body[name], zone)
        precision = common.get("precision", Precision.DAY if is_date(moment) else Precision.UNKNOWN)
        event = cls(
            source=given("source", common.get("source"), defaults.source),
            event_id="-" if event_id is None else event_id,
            event_time=milliseconds("event_time", moment, zone),
            event_time_zone_offset=zone,
            precision=symbol("precision", Precision, precision),
            sequence=common.get("sequence"),
            cooperative_id=given("cooperative_id", common.get("cooperative_id"), defaults.cooperative_id),
            center_id=given("center_id", common.get("center_id"), defaults.center_id),
            factory_id=common["factory_id"],
            **body,
        )
        return self.publish(replace(event, event_id=content_id(event)) if event_id is None else event)


def _parts(field: str, cls: type[P], values: Sequence[P | Mapping[str, Any]]) -> tuple[P, ...]:
    """Parts of an event, each as itself or as the JSON object that says it."""
    parts: list[P] = []
    for value in values:
        try:
            parts.append(part_from_json(cls, value) if isinstance(value, Mapping) else value)
        except ContractError as error:
            raise within(f"{field}[{len(parts)}]", error) from None
    return tuple(parts)
