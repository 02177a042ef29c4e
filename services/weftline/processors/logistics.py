"""``weftline logistics``: the processor of shipments: legs, arrivals, deliveries."""

from __future__ import annotations

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.logistics import ShipmentRules
from weftline.domain.rows.logistics import ShipmentAmounts, ShipmentRow
from weftline.processors.kinds import Kind, Says, StateTable, View, tables

LOGISTICS = Kind(
    of=BY_PROCESSOR["logistics"],
    start=ShipmentRules,
    amounts=ShipmentAmounts,
    says=Says(
        owner="shipment_id",
        facts="One judged fact per logistics event.",
        judgement="applied, step_skipped, repeated, noted, partly (a part arrived or was delivered, the rest is still to come), "
        "arrival_before_departure; of what counts zero why: after_delivery, nothing_to_void, unknown_step, superseded, "
        "declared_erroneous, not_judged",
        events="events that stand and applied or were noted; what did not apply (after_delivery, nothing_to_void, unknown_step) is not "
        "among them",
        throughput="Movements of shipments",
        view="movements",
        view_says="Movements of shipments",
    ),
    states=tables(
        StateTable(
            "shipment_state",
            "State of each shipment.",
            ShipmentRow,
            View("shipments", "Shipments as they stand.", "milestone != ''", owner=("shipment_id", "shipment")),
            deadlines=True,
        )
    ),
)
