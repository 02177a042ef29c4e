"""Cluster overview: is it flowing, is quality holding, who needs attention now."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import (
    COOPERATIVE,
    NONE_IS_GOOD,
    OF_COOPERATIVE,
    TOLD_LATE,
    bucket,
)
from weftline.boards.figures import lot_acceptance, on_time, pass_rate, pass_rate_over_time, work_in_progress
from weftline.boards.model import Board, Kind, Panel, Row, Text, Threshold, Tone, Unit

FLOW: Final = Row(
    Text("是否在流动", "Is it flowing?"),
    (
        Panel(
            id="freshness",
            title=Text("距最近事件", "Since the last event"),
            question=Text("打样中心是否仍在上报？按到达时间计", "Do centers still publish? By the time of arrival"),
            kind=Kind.STAT,
            unit=Unit.SECONDS,
            width=4,
            height=4,
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 3600), Threshold(Tone.BAD, 86400)),
            sql="""
SELECT dateDiff('second', max(newest), now()) AS age
FROM
(
    SELECT max(stored_at) AS newest FROM order_records
    UNION ALL SELECT max(stored_at) FROM inspection_records
    UNION ALL SELECT max(stored_at) FROM logistics_records
    UNION ALL SELECT max(stored_at) FROM reply_records
    UNION ALL SELECT max(stored_at) FROM cooperative_records
)""",
        ),
        work_in_progress(),
        pass_rate(OF_COOPERATIVE),
        lot_acceptance(OF_COOPERATIVE),
        on_time(OF_COOPERATIVE),
        Panel(
            id="critical-alerts",
            title=Text("危急预警", "Critical alerts"),
            question=Text("区间内发生了多少危急预警？", "How many critical alerts arose within the range?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"""
SELECT countIf(severity = 'CRITICAL') AS critical
FROM standing_alerts
WHERE $__timeFilter(occurred_at) AND {OF_COOPERATIVE}""",
        ),
        Panel(
            id="events",
            title=Text("事件流量", "Events"),
            question=Text("打样、检测、物流各有多少事件发生？", "How many order, test and logistics events happen?"),
            kind=Kind.STACK,
            width=12,
            sql=f"""
SELECT {bucket("hour")} AS time, sum(orders) AS order_events, sum(tests) AS test_events, sum(movements) AS movement_events
FROM
(
    SELECT hour, events AS orders, 0 AS tests, 0 AS movements FROM throughput_per_hour WHERE $__timeFilter(hour)
    UNION ALL SELECT hour, 0, events, 0 FROM tests_per_hour WHERE $__timeFilter(hour)
    UNION ALL SELECT hour, 0, 0, events FROM movements_per_hour WHERE $__timeFilter(hour)
)
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="orders-flow",
            title=Text("打样进出", "Orders in and out"),
            question=Text("确认的是否多于寄出的？", "Are more orders confirmed than dispatched?"),
            kind=Kind.LINES,
            width=12,
            sql=f"""
SELECT {bucket("hour")} AS time, sum(confirmed) AS confirmed, sum(dispatched) AS dispatched, sum(approved) AS approved
FROM throughput_per_hour
WHERE $__timeFilter(hour)
GROUP BY time
ORDER BY time""",
        ),
    ),
)

QUALITY: Final = Row(
    Text("质量是否稳定", "Is quality holding?"),
    (
        pass_rate_over_time(OF_COOPERATIVE),
        Panel(
            id="alerts-by-rule",
            title=Text("各类预警", "Alerts by rule"),
            question=Text("哪一类问题最多？", "Which kind of trouble is the most frequent?"),
            kind=Kind.BARS,
            width=12,
            horizontal=True,
            may_be_empty=True,
            sql=f"""
SELECT rule, countIf(severity = 'CRITICAL') AS critical, countIf(severity = 'MAJOR') AS major, countIf(severity = 'MINOR') AS minor
FROM standing_alerts
WHERE $__timeFilter(occurred_at) AND {OF_COOPERATIVE}
GROUP BY rule
ORDER BY count() DESC, rule""",
        ),
    ),
)

ATTENTION: Final = Row(
    Text("现在谁需要关注", "Who needs attention now?"),
    (
        Panel(
            id="newest-alerts",
            title=Text("最新预警", "Newest alerts"),
            question=Text("刚刚发生了什么，尚未了结？", "What has happened and is not over?"),
            kind=Kind.TABLE,
            width=24,
            height=9,
            may_be_empty=True,
            sql=f"""
SELECT occurred_at, severity, rule, factory_id, text_{{lang}} AS alert_text, {TOLD_LATE},
    answer, alert_id
FROM open_alerts
WHERE $__timeFilter(occurred_at) AND {OF_COOPERATIVE}
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
        ),
        Panel(
            id="factories",
            title=Text("需要关注的工厂", "Factories that need attention"),
            question=Text("哪些工厂未了结的严重问题最多？", "Which factories have the most serious trouble that is not over?"),
            kind=Kind.TABLE,
            width=12,
            height=10,
            may_be_empty=True,
            sql=f"""
SELECT a.factory_id AS factory_id, f.name_{{lang}} AS factory, critical, major, minor, last_event
FROM
(
    SELECT factory_id, countIf(severity = 'CRITICAL') AS critical, countIf(severity = 'MAJOR') AS major,
        countIf(severity = 'MINOR') AS minor, max(occurred_at) AS last_event
    FROM open_alerts
    WHERE $__timeFilter(occurred_at) AND {OF_COOPERATIVE}
    GROUP BY factory_id
) AS a
LEFT JOIN factories AS f ON a.factory_id = f.factory_id
ORDER BY critical DESC, major DESC, minor DESC, factory_id
LIMIT 20""",
        ),
        Panel(
            id="centers",
            title=Text("各打样中心", "Sampling centers"),
            question=Text("各中心的在制、寄出与最近事件", "What is each center working on, and when did it last report?"),
            kind=Kind.TABLE,
            width=12,
            height=10,
            sql="""
SELECT t.center_id AS center_id, c.name_{lang} AS center, w.orders AS work_in_progress, t.confirmed AS confirmed,
    t.dispatched AS dispatched,
    t.last_event AS last_event
FROM
(
    SELECT center_id, sumIf(confirmed, $__timeFilter(hour)) AS confirmed, sumIf(dispatched, $__timeFilter(hour)) AS dispatched,
        max(hour) AS last_event
    FROM throughput_per_hour
    GROUP BY center_id
) AS t
LEFT JOIN work_in_progress AS w ON t.center_id = w.center_id
LEFT JOIN centers AS c ON t.center_id = c.center_id
ORDER BY work_in_progress DESC, center_id""",
        ),
        Panel(
            id="unmatched-declarations",
            title=Text("落空的更正声明", "Declarations that point at nothing"),
            question=Text(
                "哪些“有误”声明找不到对应的事件，因而什么都没有更正？",
                "Which events were declared erroneous and are not there, so that nothing was corrected?",
            ),
            kind=Kind.TABLE,
            width=24,
            height=7,
            may_be_empty=True,
            sql="""
SELECT since, source, event_id, owner, what AS declaration, event_time AS meant_at,
    if(empty(event_times), NULL, event_times[1]) AS happened_at
FROM unmatched_declarations
ORDER BY since DESC, source, event_id
LIMIT 50""",
        ),
    ),
)

OVERVIEW: Final = Board(
    id="overview",
    title=Text("集群总览", "Cluster overview"),
    question=Text("是否在流动，质量是否稳定，现在谁需要关注", "Is it flowing, is quality holding, who needs attention now"),
    variables=(COOPERATIVE,),
    rows=(FLOW, QUALITY, ATTENTION),
)
