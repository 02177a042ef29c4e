"""Rules of shipments: judged facts, the state row and the alert of one shipment; what each step makes of it stands in :mod:`.shipments`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from weftline.domain import texts
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.events import LogisticsEvent
from weftline.domain.fold import StateRow, Subject
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
from weftline.domain.vocabulary import AlertRule, AlertSeverity, BusinessStep, Disposition


class ShipmentRules:
    """Rules of one shipment (see :class:`weftline.domain.fold.Rules`)."""

    def __init__(self) -> None:
        self._shipment = Shipment()
        self._seen: LogisticsEvent | None = None

    def mark(self) -> tuple[Shipment, LogisticsEvent | None]:
        """The shipment as it is."""
        return self._shipment, self._seen

    def rewind(self, mark: tuple[Shipment, LogisticsEvent | None]) -> None:
        """The shipment as it was."""
        self._shipment, self._seen = mark

    def forget(self) -> None:
        """A mark holds nothing alive that would not be."""

    def note(self, event: LogisticsEvent) -> None:
        """Keeps one event of the shipment, so that a row can name it even if no event stands."""
        self._seen = event

    def subjects(self, event: LogisticsEvent) -> Iterable[Subject]:
        """A shipment is one subject."""
        return (("shipment_state",),)

    def void(self, event: LogisticsEvent) -> tuple[Any, ...]:
        """Amounts of an event that counts zero."""
        return _amounts(event, 0, 0, 0, 0, 0, None)

    def apply(self, event: LogisticsEvent, rank: int) -> tuple[int, str, tuple[Any, ...]]:
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
        return 1, mark, _amounts(event, departed, arrived, delivered, int(whole_void), damaged, leg)

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
        values = (
            shown.center_id,
            shown.factory_id,
            shown.cooperative_id,
            shipment.milestone.value if shipment.last else "",
            (shipment.disposition or Disposition.UNKNOWN).value,
            sorted(shipment.order_ids),
            sorted(shipment.lot_ids),
            shipment.carrier_id or "",
            shipment.trade_mode.value,
            shipment.declared_value_minor,
            shipment.declared_currency or "",
            shipment.legs,
            shipment.first_departed_at,
            shipment.departed_at,
            shipment.arrived_at,
            shipment.delivered_at,
            shipment.expected.at if shipment.expected else None,
            int(shipment.damaged),
            shipment.last.event_time if shipment.last else None,
            shipment.events,
            sorted(shipment.delivered_ids),
            sorted(shipment.marks),
        )
        return StateRow("shipment_state", (), values, alerts, next_deadline, int(by_deadline))


def _amounts(
    event: LogisticsEvent, departed: int, arrived: int, delivered: int, voided: int, damaged: int, leg: int | None
) -> tuple[Any, ...]:
    return (
        event.cooperative_id,
        event.factory_id,
        event.business_step.value,
        event.trade_mode.value,
        event.read_point_id or "",
        departed,
        arrived,
        delivered,
        voided,
        damaged,
        leg,
    )


def _overdue(event: LogisticsEvent, shipment: Shipment, expected: Expectation, by_deadline: bool) -> StandingAlert:
    text_zh, text_en = texts.shipment_overdue(event.shipment_id, expected.at, event.event_time_zone_offset)
    return StandingAlert(
        alert_id=alert_id(AlertRule.SHIPMENT_OVERDUE, event.shipment_id),
        rule=AlertRule.SHIPMENT_OVERDUE,
        severity=AlertSeverity.MINOR,
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
