"""What is true of the world that was played: the simulator's own bookkeeping, and the answer file made of it.

Nothing here looks at an event to find out what it means. Each process writes down what it decided when it acts (this report fails
on formaldehyde; this round was dispatched late), and :func:`truth` adds it up. No fold, verdict or plan of the domain is used, so
the answer file is something to hold the tables against.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import InspectionEvent, LogisticsEvent, OrderEvent
from weftline.embedded.simulator.measuring import SAFETY

_DAY: Final = 86_400_000
KINDS: Final[Mapping[type, str]] = {kind.cls: name for name, kind in BY_PROCESSOR.items()}
#: Order of the counts per center and day.
STEPS: Final = ("REQUESTED", "CONFIRMED", "DISPATCHED", "APPROVED")


@dataclass(slots=True)
class RoundTruth:
    """A round of an order; times in ms, as the source wrote them."""

    confirmed_at: int
    promised_at: int
    dispatched_at: int | None = None
    dropped: bool = False

    def on_time(self, as_of: int) -> bool | None:
        """Whether the promise was kept; None while that is open, or when the order was cancelled before it was due."""
        if self.dispatched_at is not None:
            return self.dispatched_at <= self.promised_at
        return False if not self.dropped and self.promised_at < as_of else None


@dataclass(slots=True)
class OrderTruth:
    """A sample order. ``status`` is the step of the life cycle; a hold does not change it."""

    center_id: str
    order_id: str
    factory_id: str
    cooperative_id: str
    product_category: str
    status: str = ""
    on_hold: bool = False
    not_applied: int = 0
    rounds: list[RoundTruth] = field(default_factory=list)


@dataclass(slots=True)
class ReportTruth:
    """A laboratory report as its latest amendment has it; ``place`` orders the reports of a factory."""

    laboratory_id: str
    report_number: str
    factory_id: str
    product_category: str
    place: tuple[int, int, str]
    plan: tuple[str, ...]
    failing: frozenset[str]
    not_detected: frozenset[str]
    left_out: frozenset[str] = frozenset()
    verified: bool = False
    withdrawn: bool = False

    @property
    def verdict(self) -> str:
        """FAIL before INCOMPLETE before PASS."""
        return "FAIL" if self.failing else "INCOMPLETE" if self.left_out else "PASS"


@dataclass(slots=True)
class LotTruth:
    """One inspection of a lot: what each class of nonconformity said."""

    factory_id: str
    product_category: str
    lot_id: str
    original: bool
    accepted: dict[str, bool]
    units: dict[str, int]
    mismatch: bool = False


@dataclass(slots=True)
class ShipmentTruth:
    """A shipment; ``expected_at`` is the arrival expected of the departure that was not voided."""

    shipment_id: str
    factory_id: str
    expected_at: int
    arrived_at: int | None = None
    status: str = "IN_TRANSIT"

    def overdue(self, as_of: int) -> bool:
        """Whether the expected arrival passed without an arrival."""
        return self.expected_at < (as_of if self.arrived_at is None else self.arrived_at)


@dataclass(slots=True)
class Ledger:
    """Everything that is known, kept up as the processes act."""

    events: Counter[str] = field(default_factory=Counter)
    days: defaultdict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * len(STEPS)))
    orders: list[OrderTruth] = field(default_factory=list)
    reports: list[ReportTruth] = field(default_factory=list)
    lots: list[LotTruth] = field(default_factory=list)
    #: (factory, category, class, to, lot) of every switch, in order.
    switches: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    corrective_actions: int = 0
    shipments: list[ShipmentTruth] = field(default_factory=list)

    def happened(self, event: OrderEvent | InspectionEvent | LogisticsEvent | CooperativeEvent) -> None:
        """One more event of its kind."""
        self.events[KINDS[type(event)]] += 1

    def count(self, center_id: str, time: int, step: str) -> None:
        """A step that throughput counts, by the UTC day of the time that the source wrote."""
        self.days[center_id, time // _DAY * _DAY][STEPS.index(step)] += 1


def truth(ledger: Ledger, as_of: int) -> dict[str, Any]:
    """All that is true at ``as_of`` (ms), as JSON; the meaning of each part stands in ``definitions`` of the answer file."""
    verified = [report for report in ledger.reports if report.verified and not report.withdrawn]
    return {
        "as_of": as_of,
        "events": {kind: ledger.events[kind] for kind in KINDS.values()},
        "orders": [_order(order, as_of) for order in ledger.orders],
        "work_in_progress": _work_in_progress(ledger),
        "centers": [
            {"center_id": center, "day": day, **dict(zip((s.lower() for s in STEPS), counts, strict=True))}
            for (center, day), counts in sorted(ledger.days.items())
        ],
        "reports": {
            "issued": len(ledger.reports),
            "verified": len(verified),
            "withdrawn": sum(report.withdrawn for report in ledger.reports),
            **Counter(report.verdict.lower() for report in verified),
        },
        "quality": _quality(verified),
        "lots": _lots(ledger),
        "corrective_actions": ledger.corrective_actions,
        "shipments": [
            {
                "shipment_id": s.shipment_id,
                "factory_id": s.factory_id,
                "status": s.status,
                "expected_arrival_at": s.expected_at,
                "arrived_at": s.arrived_at,
            }
            for s in ledger.shipments
        ],
        "alerts": _alerts(ledger, verified, as_of),
    }


def _order(order: OrderTruth, as_of: int) -> dict[str, Any]:
    return {
        "center_id": order.center_id,
        "order_id": order.order_id,
        "factory_id": order.factory_id,
        "cooperative_id": order.cooperative_id,
        "product_category": order.product_category,
        "status": order.status,
        "on_hold": order.on_hold,
        "not_applied": order.not_applied,
        "rounds": [
            {
                "round": number,
                "confirmed_at": r.confirmed_at,
                "promised_at": r.promised_at,
                "dispatched_at": r.dispatched_at,
                "on_time": r.on_time(as_of),
            }
            for number, r in enumerate(order.rounds, 1)
        ],
    }


def _work_in_progress(ledger: Ledger) -> dict[str, int]:
    """Orders confirmed and not yet dispatched, on hold or not, per center."""
    return dict(
        sorted(
            Counter(
                order.center_id
                for order in ledger.orders
                if order.rounds and order.rounds[-1].dispatched_at is None and not order.rounds[-1].dropped
            ).items()
        )
    )


def _quality(verified: list[ReportTruth]) -> list[dict[str, Any]]:
    counts: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for report in verified:
        for indicator in report.plan:
            found = counts[report.factory_id, report.product_category, indicator]
            if indicator in report.left_out:
                found["incomplete"] += 1
                continue
            found["tested"] += 1
            found["failed" if indicator in report.failing else "passed"] += 1
            found["not_detected"] += indicator in report.not_detected
    keys = ("tested", "passed", "failed", "incomplete", "not_detected")
    return [
        {"factory_id": f, "product_category": c, "indicator": i, **{key: found[key] for key in keys}}
        for (f, c, i), found in sorted(counts.items())
    ]


def _lots(ledger: Ledger) -> list[dict[str, Any]]:
    counts: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for lot in ledger.lots:
        for of, accepted in lot.accepted.items():
            found = counts[lot.factory_id, lot.product_category, of]
            found[("accepted" if accepted else "not_accepted") + ("" if lot.original else "_resubmitted")] += 1
            found["nonconforming_units"] += lot.units[of]
            found["plan_mismatch"] += lot.mismatch and of != "CRITICAL"
    keys = (
        "accepted",
        "not_accepted",
        "accepted_resubmitted",
        "not_accepted_resubmitted",
        "nonconforming_units",
        "plan_mismatch",
    )
    return [
        {"factory_id": f, "product_category": c, "class": of, **{key: found[key] for key in keys}}
        for (f, c, of), found in sorted(counts.items())
    ]


def runs_of_three(reports: list[ReportTruth]) -> list[tuple[str, str, str, str]]:
    """(factory, indicator, laboratory, number of the first report) of every run of three or more failures in a row.

    In the order in which the reports were issued; a report that did not test the indicator neither makes nor breaks a run.
    """
    results: defaultdict[tuple[str, str], list[ReportTruth]] = defaultdict(list)
    for report in reports:
        for indicator in report.plan:
            if indicator not in report.left_out:
                results[report.factory_id, indicator].append(report)
    found = []
    for (factory, indicator), tested in results.items():
        run: list[ReportTruth] = []
        for report in sorted(tested, key=lambda r: r.place):
            run = [*run, report] if indicator in report.failing else []
            if len(run) == 3:
                found.append((factory, indicator, run[0].laboratory_id, run[0].report_number))
    return sorted(found)


def _alerts(ledger: Ledger, verified: list[ReportTruth], as_of: int) -> dict[str, list[list[str | int]]]:
    switched = [(to, (factory, category, of, lot)) for factory, category, of, to, lot in ledger.switches]
    found: dict[str, list[list[str | int]]] = {
        "SAFETY_LIMIT_FAILED": [[r.laboratory_id, r.report_number, i] for r in verified for i in sorted(r.failing & SAFETY)],
        "LOT_NOT_ACCEPTED": [
            [f, lot, of]
            for f, lot, of in {
                (lot.factory_id, lot.lot_id, of) for lot in ledger.lots for of, accepted in lot.accepted.items() if not accepted
            }
        ],
        "SWITCHED_TO_TIGHTENED": [[*subject] for to, subject in switched if to == "TIGHTENED"],
        "INSPECTION_DISCONTINUED": [[*subject] for to, subject in switched if to == "DISCONTINUED"],
        "THREE_FAILURES_IN_A_ROW": [[*run] for run in runs_of_three(verified)],
        "ORDER_OVERDUE": [
            [order.center_id, order.order_id, number]
            for order in ledger.orders
            for number, r in enumerate(order.rounds, 1)
            if r.on_time(as_of) is False
        ],
        "SHIPMENT_OVERDUE": [[s.shipment_id] for s in ledger.shipments if s.overdue(as_of)],
    }
    return {rule: sorted(subjects) for rule, subjects in found.items()}
