"""``weftline logistics``: the processor of shipments: movements, arrivals, overdue ones."""

from __future__ import annotations

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.logistics import ShipmentRules
from weftline.processors.kinds import Kind, StateTable, summed, tables

LOGISTICS = Kind(
    of=BY_PROCESSOR["logistics"],
    start=ShipmentRules,
    amounts=(
        *("cooperative_id", "factory_id", "business_step", "trade_mode", "read_point_id"),
        *("departed", "arrived", "delivered", "voided", "damaged", "leg_time_ms"),
    ),
    measures=summed("departed", "arrived", "delivered", "voided", "damaged"),
    states=tables(
        StateTable(
            "shipment_state",
            (),
            (
                *("center_id", "factory_id", "cooperative_id", "milestone", "disposition", "order_ids", "lot_ids", "carrier_id"),
                *("trade_mode", "declared_value_minor", "declared_currency", "legs", "first_departed_at", "departed_at"),
                *("arrived_at", "delivered_at", "expected_arrival_at", "damaged", "last_event_time", "events"),
                *("delivered_ids", "marks"),
            ),
            deadlines=True,
        )
    ),
)
