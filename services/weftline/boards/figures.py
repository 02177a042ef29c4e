"""Panels that several boards show, each of what its board is about: the same question, figure and definition everywhere.

``where`` is the condition on what the reader chose.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from weftline.boards.common import (
    CENTER_OWNS,
    EVENT_TIME,
    NEWEST,
    NONE_IS_GOOD,
    OF_INDICATOR,
    PROMISES,
    QUALITY_OWNS,
    RATE,
    WITH_INDICATOR,
    bucket,
    rate,
)
from weftline.boards.model import Kind, Kpi, Panel, Text, Unit

PASS_RATE_KPI: Final = Kpi(
    Text("判定合格的已审核报告", "verified reports judged PASS"),
    Text("判定合格或不合格的已审核报告", "verified reports judged PASS or FAIL"),
    EVENT_TIME,
    Text(
        "不完整、不适用和已撤回的报告；修订经审核后从审核之时起重算；含部分项目的判定，全项目合格率另列",
        "incomplete, not applicable and withdrawn reports; a verified amendment restates from its verification on; verdicts on a part of "
        "what is required are in, the rate of full ones stands by itself",
    ),
    QUALITY_OWNS,
)
FULL_PASS_RATE_KPI: Final = Kpi(
    Text("判定合格、且标准要求的项目全部检测过的报告", "verified reports judged PASS on all that the standards require"),
    Text(
        "判定合格或不合格、且标准要求的项目全部检测过的报告",
        "verified reports judged PASS or FAIL on all that the standards require",
    ),
    EVENT_TIME,
    Text("部分项目的判定", "verdicts on a part of what is required"),
    QUALITY_OWNS,
)
FAIL_RATE_KPI: Final = replace(PASS_RATE_KPI, numerator=Text("判定不合格的已审核报告", "verified reports judged FAIL"))
LOT_KPI: Final = Kpi(
    Text("接收的初次检验批", "original lots accepted"),
    Text("按标准方案判定的初次检验批", "original lots judged by the standard's plan"),
    EVENT_TIME,
    Text(
        "再提交批、按买方约定判定的批、未能判定的批，均单独统计",
        "resubmitted lots, lots judged by a buyer's own plan, lots that could not be judged: each counted apart",
    ),
    QUALITY_OWNS,
)
ON_TIME_KPI: Final = Kpi(
    Text("在首次承诺日或之前完成的轮次", "rounds finished on or before their first promised date"),
    Text(
        "首次承诺日已到的轮次（到期未完成算逾期）", "rounds whose first promise is due: an open one that is overdue counts as late"
    ),
    Text("首次承诺日，所选区间", "first promised date, within the range chosen"),
    Text("完成前取消的打样单", "orders cancelled before the round ended"),
    CENTER_OWNS,
)
_PASSED: Final = rate("sum(reports_passed)", "sum(reports_passed) + sum(reports_failed)")


def work_in_progress(where: str = "1") -> Panel:
    """Orders between CONFIRMED and DISPATCHED."""
    return Panel(
        id="work-in-progress",
        title=Text("在制打样单", "Orders in progress"),
        question=Text("已确认而未寄出的打样单有多少？", "How many sample orders are confirmed and not yet dispatched?"),
        kind=Kind.STAT,
        width=4,
        height=4,
        kpi=Kpi(
            Text("进入在制减去离开在制", "entries less exits"),
            Text("—", "—"),
            Text("全部历史，与区间和产品无关", "all time and all products, whatever is chosen"),
            Text("不计数的事件", "events that do not count"),
            CENTER_OWNS,
        ),
        sql=f"SELECT sum(orders) AS work_in_progress FROM work_in_progress WHERE {where}",
    )


def on_time(where: str) -> Panel:
    """Promises kept, of those that are due."""
    return Panel(
        id="on-time",
        title=Text("按期率", "On-time rate"),
        question=Text("到期的轮次有多少按首次承诺完成？", "How many of the rounds that are due kept their first promise?"),
        kind=Kind.STAT,
        unit=Unit.RATIO,
        width=4,
        height=4,
        thresholds=PROMISES,
        kpi=ON_TIME_KPI,
        sql=f"""
SELECT {rate("countIf(r.on_time = 1)", "count()")} AS on_time_rate
FROM order_rounds AS r
WHERE $__timeFilter(first_promised_at) AND first_promised_at <= now() AND (open OR r.on_time IS NOT NULL) AND {where}""",
    )


def pass_rate(where: str) -> Panel:
    """Laboratory reports that pass."""
    return Panel(
        id="pass-rate",
        title=Text("检测合格率", "Test pass rate"),
        question=Text("已审核的检测报告有多少合格？", "How many of the verified laboratory reports pass?"),
        kind=Kind.STAT,
        unit=Unit.RATIO,
        width=4,
        height=4,
        thresholds=RATE,
        kpi=PASS_RATE_KPI,
        sql=f"SELECT {_PASSED} AS pass_rate\nFROM report_counts\nWHERE $__timeFilter(event_time) AND {where}",
    )


def full_pass_rate(where: str) -> Panel:
    """Of the reports whose verdict is of all that the standards require, those that pass."""
    return Panel(
        id="full-pass-rate",
        title=Text("全项目合格率", "Pass rate, full scope"),
        question=Text(
            "标准要求的项目全部检测过的报告有多少合格？", "Of the reports on all that the standards require, how many pass?"
        ),
        kind=Kind.STAT,
        unit=Unit.RATIO,
        width=8,
        height=4,
        thresholds=RATE,
        kpi=FULL_PASS_RATE_KPI,
        sql=f"""
SELECT {rate("sum(reports_full_passed)", "sum(reports_full_passed) + sum(reports_full_failed)")} AS full_pass_rate
FROM report_counts
WHERE $__timeFilter(event_time) AND {where}""",
    )


def lots_not_judged(where: str) -> Panel:
    """Lots that could not be judged."""
    return Panel(
        id="lots-not-judged",
        title=Text("未能判定的批", "Lots not judged"),
        question=Text(
            "多少批因样本、方案或数字不足而未能判定？", "How many lots could not be judged, for their sample, plans or figures?"
        ),
        kind=Kind.STAT,
        width=8,
        height=4,
        thresholds=NONE_IS_GOOD,
        sql=f"SELECT sum(lots_not_judged) AS lots_not_judged FROM lot_counts WHERE $__timeFilter(event_time) AND {where}",
    )


def lots_by_agreement(where: str) -> Panel:
    """Lots that a buyer's own plan judged."""
    return Panel(
        id="lots-by-agreement",
        title=Text("按买方约定判定的批", "Lots judged by agreement"),
        question=Text("多少批按买方自己的方案判定？", "How many lots were judged by a buyer's own plan?"),
        kind=Kind.STAT,
        width=8,
        height=4,
        sql=f"SELECT sum(lots_by_agreement) AS lots_by_agreement FROM lot_counts WHERE $__timeFilter(event_time) AND {where}",
    )


def pass_rate_over_time(where: str) -> Panel:
    """The same over time, a line per cooperative."""
    return Panel(
        id="pass-rate-over-time",
        title=Text("各合作社合格率", "Pass rate by cooperative"),
        question=Text("各合作社的合格率走向如何？", "Where is each cooperative's pass rate going?"),
        kind=Kind.LINES,
        unit=Unit.RATIO,
        kpi=PASS_RATE_KPI,
        sql=f"""
SELECT {bucket("event_time")} AS time, cooperative_id AS series, {_PASSED} AS value
FROM report_counts
WHERE $__timeFilter(event_time) AND {where}
GROUP BY time, series
HAVING value IS NOT NULL
ORDER BY time, series""",
    )


def lot_acceptance(where: str) -> Panel:
    """Original lots that are accepted."""
    return Panel(
        id="lot-acceptance",
        title=Text("批接收率", "Lot acceptance"),
        question=Text("初次检验的批有多少被接收？", "How many of the original lots are accepted?"),
        kind=Kind.STAT,
        unit=Unit.RATIO,
        width=4,
        height=4,
        thresholds=RATE,
        kpi=LOT_KPI,
        sql=f"""
SELECT {rate("sum(lots_accepted)", "sum(lots)")} AS lot_pass_rate
FROM lot_counts
WHERE $__timeFilter(event_time) AND {where}""",
    )


def failing_indicators(title: Text, question: Text, where: str) -> Panel:
    """Indicators by how often they fail, the worst first, with the share of all failures that they have together so far."""
    return Panel(
        id="failing-indicators",
        title=title,
        question=question,
        kind=Kind.BARS,
        horizontal=True,
        may_be_empty=True,
        sql=f"""
SELECT indicator, failed, sum(failed) OVER (ORDER BY failed DESC, indicator) / sum(failed) OVER () AS share
FROM
(
    SELECT indicator, sum(r.failed) AS failed
    FROM results AS r
    WHERE $__timeFilter(event_time) AND {where}
    GROUP BY indicator
    HAVING failed > 0
)
ORDER BY failed DESC, indicator
LIMIT 12""",
    )


def measured_values(name: str, where: str) -> Panel:
    """The values of one indicator and their limits. ``name``: SQL for what a point is called."""
    return Panel(
        id="values",
        title=Text("实测值与限值", "Measured values and their limits"),
        question=Text(
            f"所选项目最近 {NEWEST:,} 份报告的实测值离限值多远？未检出标在检出限处",
            f"How far from the limit are the newest {NEWEST:,} reports? Not detected stands at the detection limit",
        ),
        kind=Kind.POINTS,
        unit=Unit.NONE,
        width=24,
        height=9,
        may_be_empty=True,
        sql=f"""
SELECT measured_at AS time, number AS value, low, high, not_detected,
    concat({name}, ': ', value_text, if(limit_text = '', '', concat(' (', limit_text, ')'))) AS what
FROM measurements
WHERE {OF_INDICATOR} AND number IS NOT NULL AND (low IS NOT NULL OR high IS NOT NULL)
    AND (factory_id, laboratory_id, report_number) IN
    (
        SELECT factory_id, laboratory_id, report_number
        FROM reports
        WHERE counted AND $__timeFilter(reported_at) AND {WITH_INDICATOR} AND {where}
        ORDER BY reported_at DESC
        LIMIT {NEWEST}
    )
ORDER BY time""",
    )
