"""Columns of orders: what one event adds to the throughput, and the order as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Change, Code, Count, Flag, Number, Span, Summed, Text, Time


class OrderAmounts(NamedTuple):
    """``order_facts``: what an event is about, and what it adds."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "factory that ordered"]
    order_id: Annotated[Text, "number of the order"]
    product_category: Annotated[Code, "product category"]
    sample_type: Annotated[Code, "type of sample"]
    location_id: Annotated[Code, "where it happened, if not at the center"]
    status: Annotated[Code, "what the order became"]
    round: Annotated[Number, "round of sampling"]
    requested: Annotated[Change, "1 if this event counts as requested", Summed("orders requested")]
    confirmed: Annotated[Change, "1 if this event counts as confirmed", Summed("orders confirmed")]
    dispatched: Annotated[Change, "1 if this event counts as dispatched", Summed("orders dispatched")]
    received: Annotated[Change, "1 if this event counts as received", Summed("orders received")]
    approved: Annotated[Change, "1 if this event counts as approved", Summed("orders approved")]
    revision_requested: Annotated[Change, "1 if this event counts as revision requested", Summed("orders revision requested")]
    rejected: Annotated[Change, "1 if this event counts as rejected", Summed("orders rejected")]
    cancelled: Annotated[Change, "1 if this event counts as cancelled", Summed("orders cancelled")]
    entries: Annotated[
        Change,
        "1 if the order entered work in progress (confirmed, not yet dispatched)",
        Summed("entries to work in progress"),
    ]
    exits: Annotated[Change, "1 if it left work in progress", Summed("exits from work in progress")]
    lead_time_ms: Annotated[
        Span | None,
        "milliseconds from CONFIRMED to the end of the round (dispatched or later), on the event that ended it",
    ]
    customer_lead_time_ms: Annotated[Span | None, "milliseconds from REQUESTED to the end of the round, on the event that ended it"]
    of_round: Annotated[Number, "round to which the event was taken to belong; round is as it was sent"]


class OrderRow(NamedTuple):
    """``order_state``: a sample order as it stands. Arrays run over its rounds."""

    center_id: Annotated[Code, "the center that promised"]
    order_id: Annotated[Text, "number of the order"]
    factory_id: Annotated[Code, "factory"]
    cooperative_id: Annotated[Code, "cooperative"]
    product_category: Annotated[Code, "product category"]
    sample_type: Annotated[Code, "type of sample"]
    style_number: Annotated[Text, "the factory's style number"]
    quantity: Annotated[Number, "pieces ordered; what was dispatched only where nobody said"]
    status: Annotated[Code, "status; empty if no event stands"]
    on_hold: Annotated[Flag, "1 while on hold"]
    round: Annotated[Number, "current round"]
    requested_at: Annotated[Time | None, "first REQUESTED"]
    ended_at: Annotated[Time | None, "APPROVED, REJECTED or CANCELLED"]
    last_event_time: Annotated[Time | None, "last event that applied"]
    events: Annotated[Count, "events that stand, whether or not they applied"]
    round_number: Annotated[Sequence[Number], "rounds so far"]
    round_confirmed_at: Annotated[Sequence[Time | None], "CONFIRMED, per round"]
    round_first_promised_at: Annotated[Sequence[Time | None], "first binding promise, per round: it decides on_time"]
    round_promised_at: Annotated[Sequence[Time | None], "promise in force, per round: it decides whether the round is overdue"]
    round_finished_at: Annotated[Sequence[Time | None], "dispatched or later, per round"]
    round_verdict: Annotated[Sequence[Code], "verdict, per round"]
    round_verdict_at: Annotated[Sequence[Time | None], "time of the verdict, per round"]
    round_left_at: Annotated[Sequence[Time | None], "left for the next round without being finished, per round"]
    not_applied: Annotated[Count, "events that stand and did not apply: order_facts says which and why"]
    marks: Annotated[
        Sequence[Code],
        "what is odd about its events, each once: step_skipped, backward, earlier_round, after_verdict, after_end, "
        "not_on_hold, unknown_status",
    ]
