"""Columns of logistics: what one event adds to the movements, and the shipment as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Change, Code, Count, Flag, Money, Small, Span, Summed, Text, Time


class ShipmentAmounts(NamedTuple):
    """``logistics_facts``: what an event is about, and what it adds."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "factory"]
    business_step: Annotated[Code, "CBV business step"]
    trade_mode: Annotated[Code, "trade mode"]
    read_point_id: Annotated[Code, "EPCIS read point"]
    departed: Annotated[Change, "departures, -1 where void_shipping undoes one", Summed("departures, less those undone")]
    arrived: Annotated[Change, "arrivals", Summed("arrivals")]
    delivered: Annotated[Change, "deliveries", Summed("deliveries")]
    voided: Annotated[Change, "1 if the shipping was undone", Summed("shippings undone")]
    damaged: Annotated[Change, "1 if damage was first seen here", Summed("shipments first seen damaged")]
    leg_time_ms: Annotated[
        Span | None,
        "milliseconds from the departure of the leg to its arrival, on the event by which all of it has arrived; null "
        "where the departure was only implied, or is told to be later than the arrival",
    ]


class ShipmentRow(NamedTuple):
    """``shipment_state``: a shipment as it stands."""

    center_id: Annotated[Code, "sampling center or dispatching point"]
    factory_id: Annotated[Code, "factory"]
    cooperative_id: Annotated[Code, "cooperative"]
    milestone: Annotated[Code, "PREPARING, IN_TRANSIT, ARRIVED or DELIVERED; empty if no event stands"]
    disposition: Annotated[Code, "last CBV disposition"]
    order_ids: Annotated[Sequence[Text], "sample orders on board"]
    lot_ids: Annotated[Sequence[Text], "lots on board"]
    carrier_id: Annotated[Code, "carrier"]
    trade_mode: Annotated[Code, "trade mode"]
    declared_value_minor: Annotated[Money | None, "declared value in hundredths"]
    declared_currency: Annotated[Code, "ISO 4217"]
    legs: Annotated[Small, "legs begun and not undone"]
    first_departed_at: Annotated[Time | None, "first departure"]
    departed_at: Annotated[Time | None, "departure of the last leg; where only the way or an arrival was told, of its first sign"]
    arrived_at: Annotated[Time | None, "arrival of all of it in the last leg; null while that is under way"]
    delivered_at: Annotated[Time | None, "delivery of all of it"]
    expected_arrival_at: Annotated[
        Time | None,
        "arrival expected by the last event that said so; null after the departure was undone",
    ]
    damaged: Annotated[Flag, "1 if ever seen damaged"]
    last_event_time: Annotated[Time | None, "last event"]
    events: Annotated[Count, "events that stand, whether or not they applied"]
    delivered_ids: Annotated[Sequence[Text], "lots and orders delivered by parts; empty where it was delivered as a whole"]
    marks: Annotated[
        Sequence[Code],
        "what is odd about its events, each once: step_skipped, arrival_before_departure, after_delivery, "
        "nothing_to_void, unknown_step",
    ]
