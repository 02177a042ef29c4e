"""Rules of shipments: what CBV business steps make of a shipment, legs, voids, parts, and overdue arrival.

CBV 2.0: ``shipping`` excludes ``departing`` for the same movement, so whichever comes second is ``repeated``; ``void_shipping``
undoes ``shipping``, ``departing`` or ``consigning``, also partially; ``accepting`` is change of possession, not quality acceptance.
``transporting`` implies a departure, ``unloading`` an arrival, a receipt both.

* A departure that is undone leaves the shipment as it was before it, and nothing of it can be late.
* An arrival or receipt that says it is **partial** is one of the lots and orders that it names; the rest is still to come. Where lots are
  on board the whole is there when all lots are, else when all orders are; of a shipment whose contents nobody named, never by parts.
* A shipment is *overdue* when the arrival expected by the last event that said so passes without an arrival. Other events that come after
  that say so for the time being; the arrival itself decides, by when it happened and not by when it was told.
* An arrival before its departure is a contradiction: it is marked, and in no lead time. So is one whose departure is only implied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from weftline.domain.events import LogisticsEvent
from weftline.domain.vocabulary import BusinessStep, Disposition, TradeMode

B = BusinessStep

_DEPART = frozenset({B.SHIPPING, B.DEPARTING, B.CONSIGNING})
_ARRIVE = frozenset({B.ARRIVING, B.UNLOADING})
_DELIVER = frozenset({B.RECEIVING, B.ACCEPTING})

APPLIED = "applied"
STEP_SKIPPED = "step_skipped"
REPEATED = "repeated"
PARTLY = "partly"
ARRIVAL_BEFORE_DEPARTURE = "arrival_before_departure"
AFTER_DELIVERY = "after_delivery"
NOTHING_TO_VOID = "nothing_to_void"
NOTED = "noted"
UNKNOWN_STEP = "unknown_step"

NOT_APPLIED = frozenset({AFTER_DELIVERY, NOTHING_TO_VOID, UNKNOWN_STEP})
MOVED = frozenset({APPLIED, STEP_SKIPPED, ARRIVAL_BEFORE_DEPARTURE})
#: Marks that stand in the shipment's row, for somebody to look at.
ODD = frozenset({STEP_SKIPPED, ARRIVAL_BEFORE_DEPARTURE, *NOT_APPLIED})


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
    """State of a shipment after the events that stand; times in ms.

    ``before_leg``: the shipment before the departure in force. ``arrived_ids``, ``delivered_ids``: what arrived in this leg, and was
    delivered, by parts. ``part_at``: the last such arrival.
    """

    milestone: Milestone = Milestone.PREPARING
    order_ids: frozenset[str] = frozenset()
    lot_ids: frozenset[str] = frozenset()
    voided_ids: frozenset[str] = frozenset()
    arrived_ids: frozenset[str] = frozenset()
    delivered_ids: frozenset[str] = frozenset()
    part_at: int | None = None
    legs: int = 0
    before_leg: Shipment | None = None
    departure_told: bool = False
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
    marks: frozenset[str] = frozenset()

    @property
    def awaited(self) -> bool:
        """Whether an arrival is still to come."""
        return self.milestone in (Milestone.PREPARING, Milestone.IN_TRANSIT)

    def rest(self, come: frozenset[str]) -> frozenset[str]:
        """What of the shipment is missing when ``come`` is there: lots, or orders where no lot is on board."""
        return (self.lot_ids or self.order_ids) - come


def _named(event: LogisticsEvent) -> frozenset[str]:
    return frozenset(event.order_ids) | frozenset(event.lot_ids)


def _arrival(event: LogisticsEvent) -> int:
    return event.event_time if event.actual_arrival_at is None else event.actual_arrival_at


def between(begin: int | None, end: int | None) -> int | None:
    """Milliseconds from one to the other; what happened on one day, of which only the date is known, took none."""
    return None if begin is None or end is None else max(end - begin, 0)


def mark_of(shipment: Shipment, event: LogisticsEvent) -> str:
    """Whether and how an event applies to a shipment."""
    step, milestone = event.business_step, shipment.milestone
    if step is B.UNKNOWN:
        return UNKNOWN_STEP
    if milestone is Milestone.DELIVERED:
        return REPEATED if step in _DELIVER else AFTER_DELIVERY
    if step is B.VOID_SHIPPING:
        if milestone is not Milestone.IN_TRANSIT:
            return NOTHING_TO_VOID
        return NOTED if event.partial and not _named(event) else APPLIED
    if step in _DEPART:
        return REPEATED if milestone is Milestone.IN_TRANSIT else APPLIED
    if step is B.TRANSPORTING:
        return NOTED if milestone is Milestone.IN_TRANSIT else STEP_SKIPPED
    if step in _ARRIVE | _DELIVER:
        return _mark_arrival(shipment, event)
    return NOTED


def _mark_arrival(shipment: Shipment, event: LogisticsEvent) -> str:
    step, milestone = event.business_step, shipment.milestone
    if step in _ARRIVE and milestone is Milestone.ARRIVED:
        return REPEATED if step is B.ARRIVING else NOTED
    if event.partial:
        come = _named(event) | (shipment.delivered_ids if step in _DELIVER else shipment.delivered_ids | shipment.arrived_ids)
        if not (shipment.lot_ids or shipment.order_ids) or shipment.rest(come):
            return PARTLY
    # What is known only by its date may have happened at any time of the day.
    latest = event.until - 1 if event.actual_arrival_at is None else event.actual_arrival_at
    if milestone is Milestone.IN_TRANSIT and shipment.departed_at is not None and latest < shipment.departed_at:
        return ARRIVAL_BEFORE_DEPARTURE
    # An arrival is often not reported apart from the receipt, so only a departure can have been left out.
    return STEP_SKIPPED if milestone is Milestone.PREPARING else APPLIED


def advance(shipment: Shipment, event: LogisticsEvent, mark: str) -> Shipment:
    """The shipment after an event that applies or is noted."""
    step, time = event.business_step, event.event_time
    moved = mark in MOVED
    overdue = shipment.overdue
    # When an arrival is told is no matter, so it is decided below.
    reached = moved and step in _ARRIVE | _DELIVER
    if overdue is None and shipment.awaited and not reached and shipment.expected is not None and shipment.expected.at < time:
        overdue = shipment.expected
    expected = shipment.expected
    stated = event.deadline(event.expected_arrival_at)
    if stated is not None and stated != (expected.at if expected else None):
        expected = Expectation(stated, event.source, event.event_id, time)
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
    if mark == PARTLY:
        named = _named(event)
        return replace(
            after,
            arrived_ids=after.arrived_ids | named,
            delivered_ids=after.delivered_ids | named if step in _DELIVER else after.delivered_ids,
            part_at=max(_arrival(event), after.part_at or 0) if named else after.part_at,
        )
    if not moved:
        return after
    if step is B.VOID_SHIPPING:
        return _void(shipment, after, event)
    if step in _DEPART or step is B.TRANSPORTING:
        return _depart(shipment, after, event)
    return _arrive(shipment, after, event)


def _depart(before: Shipment, after: Shipment, event: LogisticsEvent) -> Shipment:
    """A leg begins."""
    departed = event.actual_departure_at if event.actual_departure_at is not None else event.event_time
    return replace(
        after,
        milestone=Milestone.IN_TRANSIT,
        legs=before.legs + 1,
        before_leg=replace(before, before_leg=None),  # a leg before that one has arrived: nothing can undo it
        departure_told=event.business_step in _DEPART or event.actual_departure_at is not None,
        departed_at=departed,
        first_departed_at=departed if before.first_departed_at is None else before.first_departed_at,
        arrived_at=None,
        arrived_ids=frozenset(),
        part_at=None,
    )


def _arrive(before: Shipment, after: Shipment, event: LogisticsEvent) -> Shipment:
    """All of it that had not come yet has arrived, and with a receipt is delivered."""
    if before.awaited:
        arrived = max(_arrival(event), before.part_at or 0)
        after = replace(after, arrived_at=arrived, overdue=_missed(before, after.overdue, arrived))
    if event.business_step in _ARRIVE:
        return replace(after, milestone=Milestone.ARRIVED)
    return replace(after, milestone=Milestone.DELIVERED, delivered_at=event.event_time)


def _missed(before: Shipment, overdue: Expectation | None, arrived: int) -> Expectation | None:
    """The expectation that an arrival at that time missed. ``overdue``: by what other events say, of this leg or of an earlier one."""
    if before.before_leg is not None and before.before_leg.overdue is not None:
        return before.before_leg.overdue
    missed = overdue or before.expected
    return missed if missed is not None and missed.at < arrived else None


def _void(before: Shipment, after: Shipment, event: LogisticsEvent) -> Shipment:
    """Undo a departure: of all of the shipment, or of the orders and lots named."""
    if not event.partial:
        return _undo(before, after)
    named = _named(event)
    rest = replace(after, order_ids=before.order_ids - named, lot_ids=before.lot_ids - named, voided_ids=before.voided_ids | named)
    if rest.lot_ids or rest.order_ids:
        return _all_come(before, rest, event)
    # Nothing of it departed after all. What was named is still what the shipment is about.
    known = bool(before.lot_ids or before.order_ids)
    return _undo(before, replace(rest, order_ids=before.order_ids, lot_ids=before.lot_ids)) if known else rest


def _all_come(before: Shipment, rest: Shipment, event: LogisticsEvent) -> Shipment:
    """A shipment of which a part was taken off: there, if all the rest has come by parts."""
    if rest.part_at is None or rest.rest(rest.delivered_ids | rest.arrived_ids):
        return rest
    there = replace(rest, arrived_at=rest.part_at, overdue=_missed(before, rest.overdue, rest.part_at))
    if rest.rest(rest.delivered_ids):
        return replace(there, milestone=Milestone.ARRIVED)
    return replace(there, milestone=Milestone.DELIVERED, delivered_at=event.event_time)


def _undo(before: Shipment, after: Shipment) -> Shipment:
    """The shipment as it was before its departure. What did not depart is not expected."""
    stood = before.before_leg or Shipment()
    return replace(
        after,
        milestone=stood.milestone,
        legs=stood.legs,
        before_leg=None,
        departure_told=stood.departure_told,
        first_departed_at=stood.first_departed_at,
        departed_at=stood.departed_at,
        arrived_at=stood.arrived_at,
        arrived_ids=stood.arrived_ids,
        part_at=stood.part_at,
        expected=None if stood.awaited else stood.expected,
        overdue=stood.overdue,
    )
