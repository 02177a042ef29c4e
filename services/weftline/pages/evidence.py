"""What an alert rests on: the alert, its evidence with the value as a number, and the milestones of an order or a shipment.

Reads through whatever :data:`Ask` its page gives it; draws nothing (:mod:`.drawing` does).
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, NamedTuple

from weftline.domain.alert_rules import Rests, resting_on
from weftline.domain.orders import round_alert
from weftline.domain.vocabulary import AlertRule
from weftline.pages.strip import Line, Measure, line_of, measure, of_count
from weftline.pages.text import Text

LABORATORY: Final = resting_on(Rests.REPORTS)
DEADLINES: Final = resting_on(Rests.A_PROMISE)
LOTS: Final = resting_on(Rests.LOTS)
OF_MEMBERS: Final = resting_on(Rests.A_MEMBER)


class Question(NamedTuple):
    """A SELECT of ``columns``; ``rest`` is what follows them. Moments come as epoch milliseconds."""

    columns: tuple[str, ...]
    rest: str

    @property
    def sql(self) -> str:
        return f"SELECT {', '.join(self.columns)} {self.rest}"


#: How a page asks: gives rows by the names of their columns.
Ask = Callable[[Question, Mapping[str, Any]], Awaitable[Sequence[Mapping[str, Any]]]]

_MEASURED: Final = Question(
    ("report_number", "value_text", "limit_text", "number", "low", "high", "confidence", "clause", "clause_source"),
    """
FROM measurements
WHERE factory_id = {factory:String} AND indicator = {indicator:String} AND has({reports:Array(String)}, report_number)""",
)
_ROUNDS: Final = Question(
    ("round", "confirmed_at", "first_promised_at", "promised_at", "finished_at", "verdict_at"),
    "FROM order_rounds WHERE center_id = {center:String} AND order_id = {order:String}",
)
_SHIPMENT: Final = Question(
    ("first_departed_at", "departed_at", "expected_arrival_at", "arrived_at", "delivered_at"),
    "FROM shipments WHERE shipment_id = {shipment:String} LIMIT 1",
)

MILESTONES: Final[Mapping[str, Text]] = {
    "confirmed_at": Text("确认", "Confirmed"),
    "first_promised_at": Text("首次承诺", "First promise"),
    "promised_at": Text("承诺", "Promised"),
    "finished_at": Text("完成", "Finished"),
    "verdict_at": Text("评审", "Verdict"),
    "first_departed_at": Text("首次发运", "First departure"),
    "departed_at": Text("发运", "Departed"),
    "expected_arrival_at": Text("预计到达", "Expected"),
    "arrived_at": Text("到达", "Arrived"),
    "delivered_at": Text("签收", "Delivered"),
}


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence. ``measure`` is None where the value is no number; ``confidence`` and ``clause_source`` are of the limit."""

    subject: str
    indicator: str
    value: str
    limit: str
    clause: str
    event_id: str
    source: str
    event_time: int
    measure: Measure | None = None
    confidence: str = ""
    clause_source: str = ""


@dataclass(frozen=True, slots=True)
class Milestone:
    """What was to happen when. ``at`` is None while it has not happened."""

    title: Text
    at: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """An alert as its page tells it. Times are epoch milliseconds.

    ``late_hours``: first told so long after it happened; 0: in time. ``round``: of an overdue order, while there still is such a round.
    """

    #: Of ``alerts``, or of a view of it, which a row for :func:`story_of` has.
    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("alert_id", "status", "rule", "severity", "occurred_at", "cooperative_id", "center_id", "factory_id"),
        *("product_category", "text_zh", "text_en", "content", "late_hours"),
    )

    alert_id: str
    status: str
    rule: str
    severity: str
    occurred_at: int
    cooperative_id: str
    center_id: str
    factory_id: str
    product_category: str
    style_number: str
    lot_ids: tuple[str, ...]
    order_id: str
    shipment_id: str
    text: Text
    late_hours: int
    proofs: tuple[Proof, ...]
    milestones: tuple[Milestone, ...] = ()
    round: int | None = None

    @property
    def line(self) -> Line:
        """The line on which all of its evidence lies, so that one value can be told from another by its place."""
        return line_of([proof.measure for proof in self.proofs if proof.measure is not None])


async def story_of(ask: Ask, row: Mapping[str, Any]) -> Story:
    """The story of the alert in ``row`` (:attr:`Story.COLUMNS`)."""
    content = json.loads(row["content"])
    number, milestones = await _milestones(ask, row, content)
    return Story(
        alert_id=row["alert_id"],
        status=row["status"],
        rule=row["rule"],
        severity=row["severity"],
        occurred_at=row["occurred_at"],
        cooperative_id=row["cooperative_id"],
        center_id=row["center_id"],
        factory_id=row["factory_id"],
        product_category=row["product_category"],
        style_number=content.get("style_number") or "",
        lot_ids=tuple(content.get("lot_ids") or ()),
        order_id=content.get("order_id") or "",
        shipment_id=content.get("shipment_id") or "",
        text=Text(row["text_zh"], row["text_en"]),
        late_hours=row["late_hours"],
        proofs=await _proofs(ask, row, content["evidence"]),
        milestones=milestones,
        round=number,
    )


async def _proofs(ask: Ask, alert: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> tuple[Proof, ...]:
    told = [
        Proof(
            subject=one.get("subject") or "",
            indicator=one.get("indicator") or "",
            value=one.get("value") or "",
            limit=one.get("limit") or "",
            clause=one.get("clause") or "",
            event_id=one["event_id"],
            source=one["source"],
            event_time=one["event_time"],
            measure=of_count(one.get("value") or "", one.get("limit") or "") if alert["rule"] in LOTS else None,
        )
        for one in evidence
    ]
    if alert["rule"] not in LABORATORY or not told:
        return tuple(told)
    asked = {"factory": alert["factory_id"], "indicator": told[0].indicator, "reports": [proof.subject for proof in told]}
    rows = await ask(_MEASURED, asked)
    return tuple(_with_number(proof, rows) for proof in told)


def _with_number(proof: Proof, rows: Sequence[Mapping[str, Any]]) -> Proof:
    """The evidence with its value as a number, if the report still says what it said when the alert was raised."""
    said = (proof.subject, proof.value, proof.limit, proof.clause)
    for row in rows:
        if (row["report_number"], row["value_text"], row["limit_text"], row["clause"]) == said:
            measured = measure(_finite(row["number"]), _finite(row["low"]), _finite(row["high"]))
            return replace(proof, measure=measured, confidence=row["confidence"], clause_source=row["clause_source"])
    return proof


def _finite(value: Any) -> float | None:
    """A number as pages use it, whatever type the column has."""
    return None if value is None or not math.isfinite(value) else float(value)


async def _milestones(ask: Ask, alert: Mapping[str, Any], content: Mapping[str, Any]) -> tuple[int | None, tuple[Milestone, ...]]:
    """The round that an overdue order is about, and what was to happen when."""
    if alert["rule"] == AlertRule.ORDER_OVERDUE:
        center, order = alert["center_id"], content["order_id"]
        rounds = await ask(_ROUNDS, {"center": center, "order": order})
        of = next((row for row in rounds if round_alert(center, order, row["round"]) == alert["alert_id"]), {})
    elif alert["rule"] == AlertRule.SHIPMENT_OVERDUE:
        found = await ask(_SHIPMENT, {"shipment": content["shipment_id"]})
        of = found[0] if found else {}
    else:
        return None, ()
    return of.get("round"), tuple(Milestone(MILESTONES[name], at) for name, at in of.items() if name in MILESTONES)
