"""``weftline orders``: the processor of sample orders: life cycle, throughput, lead times."""

from __future__ import annotations

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.orders import OrderRules
from weftline.processors.kinds import Kind, StateTable, summed, tables

_ORDER_COUNTS = ("requested", "confirmed", "dispatched", "received", "approved", "revision_requested", "rejected", "cancelled")

ORDERS = Kind(
    of=BY_PROCESSOR["orders"],
    start=OrderRules,
    amounts=(
        *("cooperative_id", "factory_id", "order_id", "product_category", "sample_type", "location_id", "status", "round"),
        *_ORDER_COUNTS,
        *("entries", "exits", "lead_time_ms", "customer_lead_time_ms", "of_round"),
    ),
    measures=summed(*_ORDER_COUNTS, "entries", "exits"),
    states=tables(
        StateTable(
            "order_state",
            (),
            (
                *("center_id", "order_id", "factory_id", "cooperative_id", "product_category", "sample_type", "style_number"),
                *("quantity", "status", "on_hold", "round", "requested_at", "ended_at", "last_event_time", "events"),
                *("round_number", "round_confirmed_at", "round_first_promised_at", "round_promised_at", "round_finished_at"),
                *("round_verdict", "round_verdict_at", "round_left_at", "not_applied", "marks"),
            ),
            deadlines=True,
        )
    ),
)
