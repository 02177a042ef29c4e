"""What an alert rests on: the alert, its evidence with the value as a number, the milestones of an order or a shipment, and the
panels that show the rest. Reads the warehouse; draws nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from weftline.boards.common import THE_FACTORY, TOLD_LATE
from weftline.boards.macros import Choice
from weftline.boards.model import Kind, Panel, Text, Unit
from weftline.boards.web.address import DAY
from weftline.boards.web.charts import Span
from weftline.boards.web.source import Source
from weftline.boards.web.strip import Line, Measure, line_of, measure, of_count
from weftline.boards.words import words_of
from weftline.domain.alert_rules import Rests, resting_on
from weftline.domain.orders import round_alert
from weftline.domain.vocabulary import AlertRule

#: How far the history of an indicator reaches back from the alert, and on from it.
BACK_DAYS: Final = 90
ON_DAYS: Final = 14

#: Tables whose change can change what :func:`read` gives.
TABLES: Final = ("alerts", "report_state", "order_state", "shipment_state")

LABORATORY: Final = resting_on(Rests.REPORTS)
DEADLINES: Final = resting_on(Rests.A_PROMISE)
LOTS: Final = resting_on(Rests.LOTS)

_ALERT = """
SELECT alert_id, status, rule, severity, toInt64(toUnixTimestamp64Milli(occurred_at)) AS occurred, cooperative_id, center_id,
    factory_id, product_category, text_zh, text_en, content, late_hours
FROM alerts FINAL
WHERE alert_id = {alert:String}
LIMIT 1"""
_MEASURED = """
SELECT report_number, value_text, limit_text, number, low, high, confidence, clause, clause_source
FROM measurements
WHERE factory_id = {factory:String} AND indicator = {indicator:String} AND has({reports:Array(String)}, report_number)"""
_ROUNDS = """
SELECT round, confirmed_at, first_promised_at, promised_at, finished_at, verdict_at
FROM order_rounds
WHERE center_id = {center:String} AND order_id = {order:String}"""
_SHIPMENT = """
SELECT first_departed_at, departed_at, expected_arrival_at, arrived_at, delivered_at
FROM shipments
WHERE shipment_id = {shipment:String}
LIMIT 1"""

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

    def span(self, now: float) -> Span:
        """The time around the alert, up to the end of today (``now`` in seconds)."""
        at = self.occurred_at // 1000
        return Span(at - BACK_DAYS * DAY, min(at + ON_DAYS * DAY, (int(now) // DAY + 1) * DAY), "day")

    def choice(self, span: Span) -> Choice:
        """The values with which the statements of :func:`panels` are expanded."""
        values: dict[str, Sequence[str]] = {
            "factory": [self.factory_id],
            "alert": [self.alert_id],
            "indicator": [self.proofs[0].indicator] if self.proofs else [],
            "subjects": [proof.subject for proof in self.proofs if proof.subject],
            "lots": self.lot_ids,
            "product": [self.product_category],
        }
        return Choice(span.begin, span.end, values)


async def read(source: Source, alert_id: str) -> Story | None:
    """The story of an alert, or None if there is no such alert."""
    found = await source.fresh(_ALERT, {"alert": alert_id})
    if not found.rows:
        return None
    row = found.row(0)
    content = json.loads(row["content"])
    number, milestones = await _milestones(source, row, content)
    return Story(
        alert_id=alert_id,
        status=row["status"],
        rule=row["rule"],
        severity=row["severity"],
        occurred_at=row["occurred"],
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
        proofs=await _proofs(source, row, content["evidence"]),
        milestones=milestones,
        round=number,
    )


async def _proofs(source: Source, alert: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> tuple[Proof, ...]:
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
    measured = await source.fresh(_MEASURED, asked)
    rows = [measured.row(at) for at in range(measured.rows)]
    return tuple(_with_number(proof, rows) for proof in told)


def _with_number(proof: Proof, rows: Sequence[Mapping[str, Any]]) -> Proof:
    """The evidence with its value as a number, if the report still says what it said when the alert was raised."""
    said = (proof.subject, proof.value, proof.limit, proof.clause)
    for row in rows:
        if (row["report_number"], row["value_text"], row["limit_text"], row["clause"]) == said:
            measured = measure(row["number"], row["low"], row["high"])
            return replace(proof, measure=measured, confidence=row["confidence"], clause_source=row["clause_source"])
    return proof


async def _milestones(
    source: Source, alert: Mapping[str, Any], content: Mapping[str, Any]
) -> tuple[int | None, tuple[Milestone, ...]]:
    """The round that an overdue order is about, and what was to happen when."""
    if alert["rule"] == AlertRule.ORDER_OVERDUE:
        center, order = alert["center_id"], content["order_id"]
        found = await source.fresh(_ROUNDS, {"center": center, "order": order})
        rounds = (found.row(at) for at in range(found.rows))
        of = next((row for row in rounds if round_alert(center, order, row["round"]) == alert["alert_id"]), {})
    elif alert["rule"] == AlertRule.SHIPMENT_OVERDUE:
        found = await source.fresh(_SHIPMENT, {"shipment": content["shipment_id"]})
        of = found.row(0) if found.rows else {}
    else:
        return None, ()
    return of.get("round"), tuple(Milestone(MILESTONES[name], at) for name, at in of.items() if name in MILESTONES)


def panels(story: Story) -> tuple[Panel, ...]:
    """What stands below the evidence: the history of the indicator, the reports or lots, and what else stands for the factory."""
    shown: list[Panel] = []
    if story.rule in LABORATORY and story.proofs:
        indicator = story.proofs[0].indicator
        word = words_of("indicator").get(indicator)
        name = word.text if word else Text(indicator, indicator)
        shown.append(
            Panel(
                id="history",
                title=Text(f"{story.factory_id} 的{name.zh}", f"{name.en} at {story.factory_id}"),
                question=Text(
                    "偶发还是常态？圈出的是本预警的证据", "A single case, or the rule? Ringed: the evidence of this alert"
                ),
                kind=Kind.POINTS,
                unit=Unit.NONE,
                width=24,
                height=9,
                sql="""
SELECT measured_at AS time, number AS value, low, high, not_detected,
    report_number IN (${subjects:sqlstring}) AS marked, concat(report_number, ': ', value_text, ' (', limit_text, ')') AS what
FROM measurements
WHERE factory_id IN (${factory:sqlstring}) AND indicator IN (${indicator:sqlstring}) AND counted AND number IS NOT NULL
    AND $__timeFilter(measured_at)
ORDER BY time, what
LIMIT 2000""",
            )
        )
        shown.append(_REPORTS)
    if story.rule in LOTS:
        shown += [_LOTS_TABLE, _SWITCHING] if story.lot_ids else [_SWITCHING]
    return (*shown, _OTHERS)


_REPORTS = Panel(
    id="reports",
    title=Text("检测报告", "Laboratory reports"),
    question=Text("证据出自哪些报告，现状如何？", "Which reports does the evidence stand in, and what became of them?"),
    kind=Kind.TABLE,
    width=24,
    height=5,
    sql="""
SELECT report_number, laboratory_id, style_number, product_category, status AS report_status, verdict, scope, tested_at,
    arrayStringConcat(remarks_{lang}, ' · ') AS remark_text
FROM reports
WHERE factory_id IN (${factory:sqlstring}) AND report_number IN (${subjects:sqlstring})
ORDER BY tested_at, report_number""",
)
_LOTS_TABLE = Panel(
    id="lots",
    title=Text("检验批", "Lots"),
    question=Text("这些批后来怎样？", "What became of these lots?"),
    kind=Kind.TABLE,
    width=24,
    height=6,
    sql="""
SELECT lot_id, style_number, product_category, lot_size, original_result AS lot_result, inspections,
    resubmissions AS lots_resubmitted, last_inspected_at AS inspected_at, arrayStringConcat(remarks_{lang}, ' · ') AS remark_text
FROM lots
WHERE factory_id IN (${factory:sqlstring}) AND lot_id IN (${lots:sqlstring})
ORDER BY inspected_at, lot_id""",
)
_SWITCHING = Panel(
    id="switching",
    title=Text("此产品的检验严格度", "Severity of inspection for this product"),
    question=Text("现在应按什么严格度检验？", "By which severity are its lots to be inspected now?"),
    kind=Kind.TABLE,
    width=24,
    height=5,
    sql="""
SELECT product_category, nonconformity_class, severity_due, since, lots
FROM switching
WHERE factory_id IN (${factory:sqlstring}) AND product_category IN (${product:sqlstring})
ORDER BY nonconformity_class""",
)
_OTHERS = Panel(
    id="others",
    title=Text("该工厂的其他预警", "What else stands for this factory"),
    question=Text("同一工厂最近的其他预警", "The newest other alerts of the same factory"),
    kind=Kind.TABLE,
    width=24,
    height=9,
    may_be_empty=True,
    sql=f"""
SELECT occurred_at, severity, rule, text_{{lang}} AS alert_text, {TOLD_LATE},
    alert_id
FROM standing_alerts
WHERE {THE_FACTORY} AND alert_id NOT IN (${{alert:sqlstring}})
ORDER BY occurred_at DESC, alert_id
LIMIT 20""",
)
