"""The page of an alert beside what :mod:`weftline.pages.evidence` tells of it: the panels that show the rest, and the time around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.boards.common import THE_FACTORY, TOLD_LATE
from weftline.boards.macros import Choice
from weftline.boards.model import Kind, Panel, Text, Unit
from weftline.boards.web.address import DAY
from weftline.boards.web.charts import Span
from weftline.boards.web.source import Source
from weftline.pages.evidence import LABORATORY, LOTS, Question, Story, story_of
from weftline.pages.words import words_of

#: How far the history of an indicator reaches back from the alert, and on from it.
BACK_DAYS: Final = 90
ON_DAYS: Final = 14

#: Tables whose change can change what :func:`read` gives.
TABLES: Final = ("alerts", "report_state", "order_state", "shipment_state")

_ALERT: Final = Question(Story.COLUMNS, "FROM alerts FINAL WHERE alert_id = {alert:String} LIMIT 1")


async def read(source: Source, alert_id: str) -> Story | None:
    """The story of an alert, or None if there is no such alert."""

    async def ask(question: Question, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = await source.fresh(question.sql, parameters)
        return [found.row(at) for at in range(found.rows)]

    found = await ask(_ALERT, {"alert": alert_id})
    return await story_of(ask, found[0]) if found else None


def span_of(story: Story, now: float) -> Span:
    """The time around the alert, up to the end of today (``now`` in seconds)."""
    at = story.occurred_at // 1000
    return Span(at - BACK_DAYS * DAY, min(at + ON_DAYS * DAY, (int(now) // DAY + 1) * DAY), "day")


def choice_of(story: Story, span: Span) -> Choice:
    """The values with which the statements of :func:`panels` are expanded."""
    values: dict[str, Sequence[str]] = {
        "factory": [story.factory_id],
        "alert": [story.alert_id],
        "indicator": [story.proofs[0].indicator] if story.proofs else [],
        "subjects": [proof.subject for proof in story.proofs if proof.subject],
        "lots": story.lot_ids,
        "product": [story.product_category],
    }
    return Choice(span.begin, span.end, values)


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
