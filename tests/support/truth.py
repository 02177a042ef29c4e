"""What the simulator's answer file says, in the words of the tables; and the same drawn from outcomes of the fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from weftline.domain.alert_rules import Rests, resting_on
from weftline.domain.alerts import StandingAlert

Truth = Mapping[str, Any]


def expected_alerts(truth: Truth) -> set[tuple[str, ...]]:
    """(rule, whose, subject) of every alert that must stand; ``whose`` is the factory or center where the answer file names it."""
    alerts = truth["alerts"]
    return {
        *(
            ("SAFETY_LIMIT_FAILED", f"report {lab}/{number} {indicator}")
            for lab, number, indicator in alerts["SAFETY_LIMIT_FAILED"]
        ),
        *(("LOT_NOT_ACCEPTED", factory, f"lot {lot} {of}") for factory, lot, of in alerts["LOT_NOT_ACCEPTED"]),
        *(
            (rule, factory, f"{category} {of} at lot {lot}")
            for rule in ("SWITCHED_TO_TIGHTENED", "INSPECTION_DISCONTINUED")
            for factory, category, of, lot in alerts[rule]
        ),
        *(
            ("THREE_FAILURES_IN_A_ROW", factory, f"{indicator} from report {lab}/{number}")
            for factory, indicator, lab, number in alerts["THREE_FAILURES_IN_A_ROW"]
        ),
        *(("ORDER_OVERDUE", center, f"order {order} round {number}") for center, order, number in alerts["ORDER_OVERDUE"]),
        *(("SHIPMENT_OVERDUE", f"shipment {shipment}") for (shipment,) in alerts["SHIPMENT_OVERDUE"]),
    }


def alert_subject(rule: str, center_id: str, factory_id: str, subject: str) -> tuple[str, ...]:
    """The same of an alert that stands."""
    if rule in ("SAFETY_LIMIT_FAILED", "SHIPMENT_OVERDUE"):
        return rule, subject
    return rule, center_id if rule == "ORDER_OVERDUE" else factory_id, subject


def standing(alerts: Iterable[StandingAlert]) -> set[tuple[str, ...]]:
    """Subjects of alerts from state rows, but for those of members, of which the simulator writes down no truth."""
    told = (alert for alert in alerts if alert.rule not in resting_on(Rests.A_MEMBER))
    return {alert_subject(alert.rule, alert.center_id, alert.factory_id, alert.subject) for alert in told}


def expected_quality(truth: Truth) -> dict[tuple[str, str, str], tuple[int, ...]]:
    """(factory, product category, indicator) → tested, passed, failed, incomplete, not detected."""
    keys = ("tested", "passed", "failed", "incomplete", "not_detected")
    return {(q["factory_id"], q["product_category"], q["indicator"]): tuple(q[key] for key in keys) for q in truth["quality"]}


def expected_centers(truth: Truth) -> dict[tuple[str, int], tuple[int, ...]]:
    """(center, day in ms) → requested, confirmed, dispatched, approved."""
    keys = ("requested", "confirmed", "dispatched", "approved")
    return {(c["center_id"], c["day"]): tuple(c[key] for key in keys) for c in truth["centers"] if any(c[key] for key in keys)}


def expected_lots(truth: Truth) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(factory, product category, class) → inspections accepted and not accepted, original and resubmitted together."""
    return {
        (lot["factory_id"], lot["product_category"], lot["class"]): (
            lot["accepted"] + lot["accepted_resubmitted"],
            lot["not_accepted"] + lot["not_accepted_resubmitted"],
        )
        for lot in truth["lots"]
    }


def expected_orders(truth: Truth) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(center, order) → status, on hold, and per round promise and dispatch."""
    return {
        (order["center_id"], order["order_id"]): (
            order["status"],
            order["on_hold"],
            tuple((r["confirmed_at"], r["promised_at"], r["dispatched_at"]) for r in order["rounds"]),
        )
        for order in truth["orders"]
    }


def nonzero(counts: Mapping[Any, Counter[str] | list[int]]) -> dict[Any, tuple[int, ...]]:
    """Only what was counted at all."""
    return {key: tuple(found) for key, found in counts.items() if any(found)}  # type: ignore[arg-type]
