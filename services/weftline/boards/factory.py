"""Factory: everything of one factory, as its own chief quality officer opens it each morning."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import (
    NONE_IS_GOOD,
    ONE_FACTORY,
    THE_FACTORY,
    TOLD_LATE,
    bucket,
    indicator_of,
)
from weftline.boards.cooperative import of_a_member
from weftline.boards.figures import (
    failing_indicators,
    full_pass_rate,
    lot_acceptance,
    lots_by_agreement,
    lots_not_judged,
    measured_values,
    pass_rate,
)
from weftline.boards.model import Board, Kind, Panel, Row, Text, Threshold, Tone

MORNING: Final = Row(
    Text("今早", "This morning"),
    (
        Panel(
            id="alerts",
            title=Text("预警", "Alerts"),
            question=Text("区间内发生了多少预警？", "How many alerts arose within the range?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"SELECT count() AS alerts FROM standing_alerts WHERE $__timeFilter(occurred_at) AND {THE_FACTORY}",
        ),
        pass_rate(THE_FACTORY),
        lot_acceptance(THE_FACTORY),
        Panel(
            id="worst-run",
            title=Text("连续不合格", "Failures in a row"),
            question=Text("最长的、尚未中断的连续不合格有几次？", "How long is the longest run of failures that has not ended?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 1), Threshold(Tone.BAD, 3)),
            sql=f"SELECT max(current_run) AS current_run FROM failure_runs WHERE {THE_FACTORY}",
        ),
        Panel(
            id="open-orders",
            title=Text("在打样单", "Open orders"),
            question=Text("多少轮次已确认、尚未完成？", "How many rounds are confirmed and not finished?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            sql=f"""
SELECT count() AS open_orders
FROM order_rounds
WHERE open AND confirmed_at IS NOT NULL AND {THE_FACTORY}""",
        ),
        Panel(
            id="on-its-way",
            title=Text("在途运单", "Shipments on their way"),
            question=Text("多少运单还没有到？", "How many shipments are not there yet?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            sql=f"SELECT countIf(milestone = 'IN_TRANSIT') AS in_transit FROM shipments WHERE {THE_FACTORY}",
        ),
        full_pass_rate(THE_FACTORY),
        lots_not_judged(THE_FACTORY),
        lots_by_agreement(THE_FACTORY),
        Panel(
            id="newest-alerts",
            title=Text("待处理的预警", "What waits"),
            question=Text("什么问题等着处理？", "What waits to be dealt with?"),
            kind=Kind.TABLE,
            width=24,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT occurred_at, severity, rule, product_category, text_{{lang}} AS alert_text, {TOLD_LATE},
    answer, alert_id
FROM open_alerts
WHERE $__timeFilter(occurred_at) AND {THE_FACTORY}
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
        ),
        Panel(
            id="over-alerts",
            title=Text("已了结的预警", "What is over"),
            question=Text(
                "哪些问题已经了结：迟到的已寄出或到达，重新提交的批已接收，连续不合格已中断，或答复已关闭？",
                "What is over: late and sent or arrived since, resubmitted and accepted, a run that ended, closed by an answer?",
            ),
            kind=Kind.TABLE,
            width=24,
            height=6,
            may_be_empty=True,
            sql=f"""
SELECT occurred_at, severity, rule, product_category, text_{{lang}} AS alert_text, {TOLD_LATE},
    alert_id
FROM standing_alerts
WHERE $__timeFilter(occurred_at) AND {THE_FACTORY} AND alert_id NOT IN (SELECT alert_id FROM open_alerts WHERE {THE_FACTORY})
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
        ),
    ),
)

TESTS: Final = Row(
    Text("检测", "Tests"),
    (
        Panel(
            id="results",
            title=Text("检测结果", "Results"),
            question=Text("合格与不合格的走向如何？", "Where are passes and failures going?"),
            kind=Kind.STACK,
            may_be_empty=True,
            sql=f"""
SELECT {bucket("event_time")} AS time, sum(r.passed) AS passed, sum(r.failed) AS failed, sum(r.tested - r.passed - r.failed) AS not_judged
FROM results AS r
WHERE $__timeFilter(event_time) AND {THE_FACTORY}
GROUP BY time
ORDER BY time""",
        ),
        failing_indicators(
            Text("不合格项目", "What fails"), Text("先改哪一项？", "Which indicator to work on first?"), THE_FACTORY
        ),
        measured_values("report_number", THE_FACTORY),
        Panel(
            id="reports",
            title=Text("检测报告", "Laboratory reports"),
            question=Text("最近的报告怎么说？", "What do the latest reports say?"),
            kind=Kind.TABLE,
            width=24,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT reported_at AS tested_at, report_number, laboratory_id, product_category, style_number, verdict, scope,
    status AS report_status, length(failed_indicators) AS failed, arrayStringConcat(remarks_{{lang}}, ' · ') AS remark_text
FROM reports
WHERE $__timeFilter(reported_at) AND {THE_FACTORY}
ORDER BY tested_at DESC, report_number
LIMIT 50""",
        ),
    ),
)

LOTS: Final = Row(
    Text("批与打样", "Lots and samples"),
    (
        Panel(
            id="switching",
            title=Text("检验严格度", "Severity of inspection"),
            question=Text("下一批按什么严格度检验？", "By which severity will the next lot be inspected?"),
            kind=Kind.TABLE,
            width=10,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT product_category, nonconformity_class, severity_due, since, lots, not_accepted_on_tightened AS lots_not_accepted
FROM switching
WHERE {THE_FACTORY}
ORDER BY severity_due = 'NORMAL', product_category, nonconformity_class""",
        ),
        Panel(
            id="lots",
            title=Text("检验批", "Lots"),
            question=Text("最近的批结论如何？", "How did the latest lots end?"),
            kind=Kind.TABLE,
            width=14,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT last_inspected_at AS inspected_at, lot_id, product_category, style_number, lot_size, last_result AS lot_result, inspections,
    arrayStringConcat(remarks_{{lang}}, ' · ') AS remark_text
FROM lots
WHERE $__timeFilter(last_inspected_at) AND {THE_FACTORY}
ORDER BY inspected_at DESC, lot_id
LIMIT 50""",
        ),
        Panel(
            id="orders",
            title=Text("打样单", "Sample orders"),
            question=Text("样品到哪一步了？", "How far have the samples come?"),
            kind=Kind.TABLE,
            width=12,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT last_event_time AS last_event, order_id, center_id, product_category, sample_type, status AS order_status, round
FROM orders
WHERE $__timeFilter(last_event_time) AND {THE_FACTORY}
ORDER BY last_event DESC, order_id
LIMIT 50""",
        ),
        Panel(
            id="shipments",
            title=Text("运单", "Shipments"),
            question=Text("货在哪里？", "Where are the goods?"),
            kind=Kind.TABLE,
            width=12,
            height=8,
            may_be_empty=True,
            sql=f"""
SELECT last_event_time AS last_event, shipment_id, milestone, trade_mode, carrier_id, departed_at, expected_arrival_at AS expected_at
FROM shipments
WHERE $__timeFilter(last_event_time) AND {THE_FACTORY}
ORDER BY last_event DESC, shipment_id
LIMIT 50""",
        ),
    ),
)

FACTORY_BOARD: Final = Board(
    id="factory",
    title=Text("工厂", "Factory"),
    question=Text(
        "一家工厂的全部：质量负责人每天早上看的一页", "All of one factory: what its chief quality officer opens each morning"
    ),
    variables=(ONE_FACTORY, indicator_of(THE_FACTORY)),
    rows=(MORNING, of_a_member(THE_FACTORY), TESTS, LOTS),
    days=90,
)
