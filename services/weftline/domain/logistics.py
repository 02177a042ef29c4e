"""Rules of shipments: judged facts, the state row and the alert of one shipment; what each step makes of it stands in :mod:`.shipments`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from weftline.domain import texts
from weftline.domain.alert_rules import severity_of
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.events import LogisticsEvent
from weftline.domain.fold import StateRow, Subject
from weftline.domain.rows.logistics import ShipmentAmounts, ShipmentRow
from weftline.domain.shipments import (
    ARRIVAL_BEFORE_DEPARTURE,
    MOVED,
    NOT_APPLIED,
    ODD,
    Expectation,
    Milestone,
    Shipment,
    advance,
    between,
    mark_of,
)
from weftline.domain.vocabulary import AlertRule, BusinessStep, Disposition


class ShipmentRules:
    """Rules of one shipment, which is its only strand (see :class:`weftline.domain.fold.StrandRules`)."""

    def __init__(self) -> None:
        self._shipment = Shipment()
        self._seen: LogisticsEvent | None = None

    def strand(self, name: str) -> ShipmentRules:
        """A shipment is judged as one."""
        return self

    def mark(self) -> tuple[Shipment, LogisticsEvent | None]:
        """The shipment as it is."""
        return self._shipment, self._seen

    def rewind(self, mark: tuple[Shipment, LogisticsEvent | None]) -> None:
        """The shipment as it was."""
        self._shipment, self._seen = mark

    def forget(self) -> None:
        """A mark holds nothing alive that would not be."""

    def note(self, event: LogisticsEvent, rank: int) -> None:
        """Keeps one event of the shipment, so that a row can name it even if no event stands."""
        self._seen = event

    def subjects(self, event: LogisticsEvent) -> Iterable[Subject]:
        """A shipment is one subject."""
        return (("shipment_state",),)

    def void(self, event: LogisticsEvent) -> ShipmentAmounts:
        """Amounts of an event that counts zero."""
        return _amounts(event)

    def apply(self, event: LogisticsEvent, rank: int) -> tuple[int, str, ShipmentAmounts]:
        """Judge the next event of the shipment."""
        before = self._shipment
        mark = mark_of(before, event)
        marks = before.marks | {mark} if mark in ODD else before.marks
        if mark in NOT_APPLIED:
            self._shipment = replace(before, events=before.events + 1, marks=marks)
            return 0, mark, self.void(event)
        after = replace(advance(before, event, mark), marks=marks)
        step = event.business_step
        moved = mark in MOVED
        whole_void = step is BusinessStep.VOID_SHIPPING and moved and after.legs < before.legs
        departed = after.legs - before.legs
        arrived = int(before.awaited and not after.awaited and not whole_void)
        delivered = int(after.milestone is Milestone.DELIVERED and before.milestone is not Milestone.DELIVERED)
        damaged = int(after.damaged and not before.damaged)
        leg = None
        if arrived and mark != ARRIVAL_BEFORE_DEPARTURE and before.departure_told:
            leg = between(before.departed_at, after.arrived_at)
        self._shipment = after
        amounts = _amounts(
            event, departed=departed, arrived=arrived, delivered=delivered, voided=int(whole_void), damaged=damaged, leg=leg
        )
        return 1, mark, amounts

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The shipment's state row, with an alert if it is past its expected arrival."""
        shipment = self._shipment
        shown = shipment.last or self._seen
        if shown is None:
            raise LookupError("a row of a shipment that has no record")
        overdue, by_deadline, next_deadline = shipment.overdue, False, None
        if overdue is None and shipment.awaited and shipment.expected is not None:
            if shipment.expected.at < as_of:
                overdue, by_deadline = shipment.expected, True
            else:
                next_deadline = shipment.expected.at
        alerts = (_overdue(shown, shipment, overdue, by_deadline),) if overdue else ()
        values = ShipmentRow(
            center_id=shown.center_id,
            factory_id=shown.factory_id,
            cooperative_id=shown.cooperative_id,
            milestone=shipment.milestone.value if shipment.last else "",
            disposition=(shipment.disposition or Disposition.UNKNOWN).value,
            order_ids=sorted(shipment.order_ids),
            lot_ids=sorted(shipment.lot_ids),
            carrier_id=shipment.carrier_id or "",
            trade_mode=shipment.trade_mode.value,
            declared_value_minor=shipment.declared_value_minor,
            declared_currency=shipment.declared_currency or "",
            legs=shipment.legs,
            first_departed_at=shipment.first_departed_at,
            departed_at=shipment.departed_at,
            arrived_at=shipment.arrived_at,
            delivered_at=shipment.delivered_at,
            expected_arrival_at=shipment.expected.at if shipment.expected else None,
            damaged=int(shipment.damaged),
            last_event_time=shipment.last.event_time if shipment.last else None,
            events=shipment.events,
            delivered_ids=sorted(shipment.delivered_ids),
            marks=sorted(shipment.marks),
        )
        return StateRow("shipment_state", (), values, alerts, next_deadline, int(by_deadline))


def _amounts(
    event: LogisticsEvent,
    *,
    departed: int = 0,
    arrived: int = 0,
    delivered: int = 0,
    voided: int = 0,
    damaged: int = 0,
    leg: int | None = None,
) -> ShipmentAmounts:
    return ShipmentAmounts(
        cooperative_id=event.cooperative_id,
        factory_id=event.factory_id,
        business_step=event.business_step.value,
        trade_mode=event.trade_mode.value,
        read_point_id=event.read_point_id or "",
        departed=departed,
        arrived=arrived,
        delivered=delivered,
        voided=voided,
        damaged=damaged,
        leg_time_ms=leg,
    )


def _overdue(event: LogisticsEvent, shipment: Shipment, expected: Expectation, by_deadline: bool) -> StandingAlert:
    text_zh, text_en = texts.shipment_overdue(event.shipment_id, expected.at, event.event_time_zone_offset)
    return StandingAlert(
        alert_id=alert_id(AlertRule.SHIPMENT_OVERDUE, event.shipment_id),
        rule=AlertRule.SHIPMENT_OVERDUE,
        severity=severity_of(AlertRule.SHIPMENT_OVERDUE),
        occurred_at=expected.at,
        cooperative_id=event.cooperative_id,
        center_id=event.center_id,
        factory_id=event.factory_id,
        lot_ids=tuple(sorted(shipment.lot_ids)),
        shipment_id=event.shipment_id,
        subject=f"shipment {event.shipment_id}",
        evidence=(
            Evidence(
                source=expected.source,
                event_id=expected.event_id,
                event_time=expected.event_time,
                subject=event.shipment_id,
                indicator="expected_arrival_at",
                limit=texts.local_time(expected.at, event.event_time_zone_offset),
            ),
        ),
        text_zh=text_zh,
        text_en=text_en,
        by_deadline=by_deadline,
    )
