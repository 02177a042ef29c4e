"""Sampling center: throughput, work in progress, lead times, promises kept, rounds, use of capacity."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import (
    CENTER_OWNS,
    EVENT_TIME,
    NONE_IS_GOOD,
    OF_PRODUCT,
    ONE_CENTER,
    PRODUCT,
    THE_CENTER,
    YIELD,
    bucket,
    rate,
)
from weftline.boards.figures import ON_TIME_KPI, on_time, work_in_progress
from weftline.boards.model import Board, Kind, Kpi, Panel, Row, Text, Unit

_LEAD_TIME: Final = Kpi(
    Text("轮次完成（寄出或之后）减去确认", "end of the round (dispatched or later) less CONFIRMED"),
    Text("区间内完成的轮次", "rounds that ended within the range"),
    EVENT_TIME,
    Text("没有确认事件的轮次；不计数的事件", "rounds that were never confirmed; events that do not count"),
    CENTER_OWNS,
)
_YIELD: Final = Kpi(
    Text("第 1 轮即确认样的打样单", "orders approved in round 1"),
    Text("得到首次评审的打样单", "orders that reached a first verdict"),
    Text("首次评审时间，所选区间", "time of the first verdict, within the range chosen"),
    Text("尚无评审的打样单", "orders without a verdict"),
    CENTER_OWNS,
)
_HERE = f"{THE_CENTER} AND {OF_PRODUCT}"

NOW: Final = Row(
    Text("现在", "Now"),
    (
        work_in_progress(THE_CENTER),
        on_time(_HERE),
        Panel(
            id="overdue",
            title=Text("逾期未完成", "Overdue and open"),
            question=Text("多少轮次过了承诺日仍未完成？", "How many rounds are past their promise and still open?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"""
SELECT count() AS late
FROM order_rounds
WHERE promised_at < now() AND open AND {_HERE}""",
        ),
        Panel(
            id="lead-time-median",
            title=Text("打样周期 P50", "Lead time p50"),
            question=Text("一半的轮次多久完成？", "How long do half of the rounds take?"),
            kind=Kind.STAT,
            unit=Unit.HOURS,
            width=4,
            height=4,
            kpi=_LEAD_TIME,
            sql=f"""
SELECT quantileExact(0.5)(lead_time_h) AS lead_time_p50
FROM finished_rounds
WHERE $__timeFilter(event_time) AND {_HERE}""",
        ),
        Panel(
            id="first-pass-yield",
            title=Text("一次确认率", "First-pass yield"),
            question=Text("多少打样单第一轮就确认？", "How many orders are approved in their first round?"),
            kind=Kind.STAT,
            unit=Unit.RATIO,
            width=4,
            height=4,
            thresholds=YIELD,
            kpi=_YIELD,
            sql=f"""
SELECT {rate("countIf(approved_in_round_1)", "count()")} AS first_pass_yield
FROM first_verdicts
WHERE $__timeFilter(decided_at) AND {_HERE}""",
        ),
        Panel(
            id="capacity",
            title=Text("产能利用率", "Use of capacity"),
            question=Text("近 7 天完成的轮次占产能多少？", "What share of its capacity did the center finish in the last 7 days?"),
            kind=Kind.STAT,
            unit=Unit.RATIO,
            width=4,
            height=4,
            may_be_empty=True,
            kpi=Kpi(
                Text("近 7 天完成的轮次", "rounds that ended in the last 7 days"),
                Text("日产能 × 有轮次完成的日数", "rounds per working day × days on which rounds ended"),
                Text("近 7 天，与区间无关", "the last 7 days, whatever the range"),
                Text(
                    "参考数据没有产能的中心；超过 100 % 说明参考数据有误",
                    "centers whose capacity nobody stated; above 100 % the reference data are wrong",
                ),
                CENTER_OWNS,
            ),
            sql=f"""
SELECT count() / (uniqExact(toDate(event_time, '${{zone:raw}}')) * any(c.rounds_per_day)) AS capacity_use
FROM finished_rounds AS r
INNER JOIN centers AS c ON r.center_id = c.center_id
WHERE event_time >= $__toTime - INTERVAL 7 DAY AND event_time <= $__toTime AND r.{THE_CENTER} AND c.rounds_per_day > 0
HAVING count() > 0""",
        ),
    ),
)

FLOW: Final = Row(
    Text("流量", "Flow"),
    (
        Panel(
            id="throughput",
            title=Text("各状态流量", "Throughput by state"),
            question=Text("每个时段有多少打样单进入各状态？", "How many orders reach each state?"),
            kind=Kind.LINES,
            sql=f"""
SELECT {bucket("hour")} AS time, sum(requested) AS requested, sum(confirmed) AS confirmed, sum(dispatched) AS dispatched,
    sum(approved) AS approved, sum(revision_requested) AS revision_requested, sum(cancelled) AS cancelled
FROM throughput_per_hour
WHERE $__timeFilter(hour) AND {THE_CENTER}
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="work-in-progress-over-time",
            title=Text("在制走势", "Work in progress"),
            question=Text("在制是在堆积还是在消化？", "Is work piling up or being worked off?"),
            kind=Kind.AREAS,
            sql=f"""
SELECT time, work_in_progress
FROM
(
    SELECT time, sum(change) OVER (ORDER BY time) AS work_in_progress
    FROM
    (
        SELECT {bucket("greatest(hour, toStartOfHour($__fromTime))")} AS time, sum(entries) - sum(exits) AS change
        FROM throughput_per_hour
        WHERE hour <= $__toTime AND {THE_CENTER}
        GROUP BY time
    )
)
ORDER BY time""",
        ),
        Panel(
            id="lead-time",
            title=Text("打样周期", "Lead time"),
            question=Text("周期是在变长吗？", "Are lead times growing?"),
            kind=Kind.LINES,
            unit=Unit.HOURS,
            kpi=_LEAD_TIME,
            sql=f"""
SELECT {bucket("event_time")} AS time, quantileExact(0.5)(lead_time_h) AS lead_time_p50, quantileExact(0.9)(lead_time_h) AS lead_time_p90
FROM finished_rounds
WHERE $__timeFilter(event_time) AND lead_time_h IS NOT NULL AND {_HERE}
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="promises",
            title=Text("承诺兑现", "Promises kept"),
            question=Text(
                "每个时段到期的轮次中多少按期、多少逾期？", "Of the rounds that fell due, how many were on time, how many late?"
            ),
            kind=Kind.STACK,
            kpi=ON_TIME_KPI,
            sql=f"""
SELECT {bucket("assumeNotNull(first_promised_at)")} AS time, countIf(r.on_time = 1) AS on_time, countIf(ifNull(r.on_time, 0) = 0) AS late
FROM order_rounds AS r
WHERE $__timeFilter(first_promised_at) AND first_promised_at <= now() AND (open OR r.on_time IS NOT NULL) AND {_HERE}
GROUP BY time
ORDER BY time""",
        ),
    ),
)

ROUNDS: Final = Row(
    Text("轮次与订单", "Rounds and orders"),
    (
        Panel(
            id="rounds",
            title=Text("确认样所需轮次", "Rounds to approval"),
            question=Text("打样单在第几轮得到确认？", "In which round are orders approved?"),
            kind=Kind.BARS,
            width=8,
            sql=f"""
SELECT toString(round) AS round, count() AS orders
FROM orders
WHERE status = 'APPROVED' AND $__timeFilter(ended_at) AND {_HERE}
GROUP BY round
ORDER BY toInt32(round)""",
        ),
        Panel(
            id="lead-time-by-type",
            title=Text("各样品类型的周期", "Lead time by sample type"),
            question=Text("哪类样品最费时间？", "Which type of sample takes longest?"),
            kind=Kind.BARS,
            unit=Unit.HOURS,
            width=8,
            horizontal=True,
            kpi=_LEAD_TIME,
            sql=f"""
SELECT sample_type, quantileExact(0.5)(lead_time_h) AS lead_time_p50, quantileExact(0.9)(lead_time_h) AS lead_time_p90
FROM finished_rounds
WHERE $__timeFilter(event_time) AND lead_time_h IS NOT NULL AND {_HERE}
GROUP BY sample_type
ORDER BY lead_time_p50 DESC, sample_type""",
        ),
        Panel(
            id="tests",
            title=Text("检测与验货", "Tests and lots"),
            question=Text("中心为多少报告、多少批次工作？", "For how many reports and lots does the center work?"),
            kind=Kind.LINES,
            width=8,
            sql=f"""
SELECT {bucket("hour")} AS time, sum(reports) AS reports, sum(lots) AS lots
FROM tests_per_hour
WHERE $__timeFilter(hour) AND {THE_CENTER}
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="open-orders",
            title=Text("下一批到期的打样单", "Orders due next"),
            question=Text("接下来要交什么，什么已经逾期？", "What has to go out next, and what is late already?"),
            kind=Kind.TABLE,
            width=24,
            height=9,
            may_be_empty=True,
            sql=f"""
SELECT promised_at, order_id, factory_id, product_category, sample_type, round, confirmed_at,
    if(promised_at < now(), dateDiff('hour', promised_at, now()), NULL) AS late_h
FROM order_rounds
WHERE open AND promised_at IS NOT NULL AND {_HERE}
ORDER BY promised_at, order_id
LIMIT 50""",
        ),
    ),
)

CENTER_BOARD: Final = Board(
    id="center",
    title=Text("打样中心", "Sampling center"),
    question=Text("中心做了多少、多快、是否守时", "How much the center does, how fast, and whether it keeps its word"),
    variables=(ONE_CENTER, PRODUCT),
    rows=(NOW, FLOW, ROUNDS),
    days=30,
)
