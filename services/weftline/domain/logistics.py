"""Rules of shipments: what CBV business steps make of a shipment, legs, voids, and overdue arrival.

CBV 2.0: ``shipping`` excludes ``departing`` for the same movement, so whichever comes second is ``repeated``; ``void_shipping``
undoes ``shipping``, ``departing`` or ``consigning``, also partially; ``accepting`` is change of possession, not quality acceptance.
A shipment is *overdue* when the arrival expected by the last event that said so passes without an arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from weftline.domain import texts
from weftline.domain.alerts import Evidence, StandingAlert, alert_id
from weftline.domain.events import LogisticsEvent
from weftline.domain.fold import StateRow, Subject
from weftline.domain.vocabulary import AlertRule, AlertSeverity, BusinessStep, Disposition, TradeMode

B = BusinessStep

_DEPART = frozenset({B.SHIPPING, B.DEPARTING, B.CONSIGNING})
_ARRIVE = frozenset({B.ARRIVING})
_DELIVER = frozenset({B.RECEIVING, B.ACCEPTING})
_EN_ROUTE = frozenset({B.TRANSPORTING})

APPLIED = "applied"
STEP_SKIPPED = "step_skipped"
REPEATED = "repeated"
AFTER_DELIVERY = "after_delivery"
NOTHING_TO_VOID = "nothing_to_void"
NOTED = "noted"
UNKNOWN_STEP = "unknown_step"


class Milestone(StrEnum):
    """Where a shipment is."""

    PREPARING = "PREPARING"
    IN_TRANSIT = "IN_TRANSIT"
    ARRIVED = "ARRIVED"
    DELIVERED = "DELIVERED"


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expected arrival and the event that stated it."""

    at: int
    source: str
    event_id: str
    event_time: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """State of a shipment after the events that stand; times in ms."""

    milestone: Milestone = Milestone.PREPARING
    order_ids: frozenset[str] = frozenset()
    lot_ids: frozenset[str] = frozenset()
    voided_ids: frozenset[str] = frozenset()
    legs: int = 0
    first_departed_at: int | None = None
    departed_at: int | None = None
    arrived_at: int | None = None
    delivered_at: int | None = None
    expected: Expectation | None = None
    overdue: Expectation | None = None
    carrier_id: str | None = None
    declared_value_minor: int | None = None
    declared_currency: str | None = None
    trade_mode: TradeMode = TradeMode.UNKNOWN
    disposition: Disposition | None = None
    damaged: bool = False
    last: LogisticsEvent | None = None
    events: int = 0

    @property
    def awaited(self) -> bool:
        """Whether an arrival is still to come."""
        return self.milestone in (Milestone.PREPARING, Milestone.IN_TRANSIT)


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
        mark = _mark(before, event)
        if mark in (AFTER_DELIVERY, NOTHING_TO_VOID, UNKNOWN_STEP):
            self._shipment = replace(before, events=before.events + 1)
            return 0, mark, self.void(event)
        after = _advance(before, event, mark)
        step = event.business_step
        moved = mark in (APPLIED, STEP_SKIPPED)
        voided = int(moved and step is B.VOID_SHIPPING and not event.partial)
        departed = int(moved and step in _DEPART) - voided
        arrived = int(after.arrived_at is not None and before.arrived_at != after.arrived_at)
        delivered = int(moved and step in _DELIVER)
        damaged = int(after.damaged and not before.damaged)
        leg = None
        if arrived and before.milestone is Milestone.IN_TRANSIT and before.departed_at is not None and after.arrived_at is not None:
            leg = after.arrived_at - before.departed_at
        self._shipment = after
        return 1, mark, _amounts(event, departed, arrived, delivered, voided, damaged, leg)

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
        )
        return StateRow("shipment_state", (), values, alerts, next_deadline, int(by_deadline))


def _mark(shipment: Shipment, event: LogisticsEvent) -> str:
    """Whether and how an event applies to a shipment."""
    step, milestone = event.business_step, shipment.milestone
    if step is B.UNKNOWN:
        return UNKNOWN_STEP
    if milestone is Milestone.DELIVERED:
        return REPEATED if step in _DELIVER else AFTER_DELIVERY
    if step is B.VOID_SHIPPING:
        return APPLIED if milestone is Milestone.IN_TRANSIT else NOTHING_TO_VOID
    if step in _DEPART:
        return REPEATED if milestone is Milestone.IN_TRANSIT else APPLIED
    if step in _EN_ROUTE:
        return APPLIED if milestone is Milestone.IN_TRANSIT else NOTED
    if step in _ARRIVE:
        if milestone is Milestone.ARRIVED:
            return REPEATED
        return APPLIED if milestone is Milestone.IN_TRANSIT else STEP_SKIPPED
    if step in _DELIVER:
        # An arrival is often not reported apart from the receipt, so only a departure can have been left out.
        return STEP_SKIPPED if milestone is Milestone.PREPARING else APPLIED
    return NOTED


def _advance(shipment: Shipment, event: LogisticsEvent, mark: str) -> Shipment:
    """The shipment after an event that applies or is noted."""
    step, time = event.business_step, event.event_time
    moved = mark in (APPLIED, STEP_SKIPPED)
    arrival = event.actual_arrival_at if event.actual_arrival_at is not None else time
    reached = moved and step in _ARRIVE | _DELIVER
    overdue = shipment.overdue
    if overdue is None and shipment.awaited and shipment.expected is not None:
        passed_by = arrival if reached else time
        if shipment.expected.at < passed_by:
            overdue = shipment.expected
    expected = shipment.expected
    if event.expected_arrival_at is not None and event.expected_arrival_at != (expected.at if expected else None):
        expected = Expectation(event.expected_arrival_at, event.source, event.event_id, time)
    # What was taken off stays off, whoever names it, until it departs again.
    order_ids, lot_ids = frozenset(event.order_ids), frozenset(event.lot_ids)
    voided = shipment.voided_ids - order_ids - lot_ids if step in _DEPART else shipment.voided_ids
    after = replace(
        shipment,
        order_ids=shipment.order_ids | (order_ids - voided),
        lot_ids=shipment.lot_ids | (lot_ids - voided),
        voided_ids=voided,
        expected=expected,
        overdue=overdue,
        carrier_id=event.carrier_id or shipment.carrier_id,
        declared_value_minor=shipment.declared_value_minor if event.declared_value_minor is None else event.declared_value_minor,
        declared_currency=event.declared_currency or shipment.declared_currency,
        trade_mode=shipment.trade_mode if event.trade_mode is TradeMode.UNKNOWN else event.trade_mode,
        disposition=event.disposition or shipment.disposition,
        damaged=shipment.damaged or event.disposition is Disposition.DAMAGED,
        last=event,
        events=shipment.events + 1,
    )
    if not moved:
        return after
    if step is B.VOID_SHIPPING:
        return _void(shipment, after, event)
    if step in _DEPART:
        departed = event.actual_departure_at if event.actual_departure_at is not None else time
        first = departed if shipment.first_departed_at is None else shipment.first_departed_at
        return replace(
            after,
            milestone=Milestone.IN_TRANSIT,
            legs=shipment.legs + 1,
            departed_at=departed,
            first_departed_at=first,
            arrived_at=None,
        )
    if step in _ARRIVE:
        return replace(after, milestone=Milestone.ARRIVED, arrived_at=arrival)
    if step in _DELIVER:
        arrived = arrival if shipment.arrived_at is None else shipment.arrived_at
        return replace(after, milestone=Milestone.DELIVERED, arrived_at=arrived, delivered_at=time)
    return after


def _void(before: Shipment, after: Shipment, event: LogisticsEvent) -> Shipment:
    """Undo a departure: of all of the shipment, or of the orders and lots named."""
    if event.partial:
        named = frozenset(event.order_ids) | frozenset(event.lot_ids)
        return replace(
            after, order_ids=before.order_ids - named, lot_ids=before.lot_ids - named, voided_ids=before.voided_ids | named
        )
    legs = before.legs - 1
    return replace(
        after,
        milestone=Milestone.ARRIVED if legs else Milestone.PREPARING,
        legs=legs,
        departed_at=None,
        first_departed_at=before.first_departed_at if legs else None,
    )


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
