"""``weftline orders``: the processor of sample orders: life cycle, throughput, lead times."""

from __future__ import annotations

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.orders import OrderRules
from weftline.domain.rows.orders import OrderAmounts, OrderRow
from weftline.processors.kinds import Kind, Says, StateTable, View, tables

ORDERS = Kind(
    of=BY_PROCESSOR["orders"],
    start=OrderRules,
    amounts=OrderAmounts,
    says=Says(
        owner="center_id|order_id",
        facts="One judged fact per order event.",
        judgement="applied, step_skipped, repeated, counter_proposal, confirmed_again; of what counts zero why: backward, earlier_round, "
        "after_verdict, after_end, not_on_hold, unknown_status, superseded, declared_erroneous, not_judged",
        events="events that stand and applied; what did not apply (backward, earlier_round, after_verdict, after_end, not_on_hold, "
        "unknown_status) is not among them",
        throughput="Throughput of sample orders",
        view="throughput",
        view_says="Sample orders",
    ),
    states=tables(
        StateTable(
            "order_state",
            "State of each sample order.",
            OrderRow,
            View(
                "orders",
                "Sample orders as they stand.",
                "status != ''",
                without=tuple(name for name in OrderRow._fields if name.startswith("round_")),  # the view order_rounds has them
            ),
            deadlines=True,
        )
    ),
)
