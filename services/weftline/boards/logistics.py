"""Logistics: shipments by milestone, late and dwelling ones, lead times by leg and trade mode."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import CENTER, EVENT_TIME, NONE_IS_GOOD, OF_CENTER, bucket
from weftline.boards.model import Board, Kind, Kpi, Panel, Row, Text, Threshold, Tone, Unit

_OWNER: Final = Text("物流负责人", "head of logistics")
#: A shipment that stands in one place so long is looked after; configuration of ours, no standard says so.
DWELL_HOURS: Final = 48
_LATE: Final = f"milestone NOT IN ('ARRIVED', 'DELIVERED') AND expected_arrival_at < now() AND {OF_CENTER}"
_DWELLING: Final = f"milestone = 'ARRIVED' AND arrived_at < now() - INTERVAL {DWELL_HOURS} HOUR AND {OF_CENTER}"

NOW: Final = Row(
    Text("现在", "Now"),
    (
        Panel(
            id="in-transit",
            title=Text("在途运单", "In transit"),
            question=Text("现在有多少运单在路上？", "How many shipments are on their way?"),
            kind=Kind.STAT,
            width=5,
            height=4,
            sql=f"SELECT countIf(milestone = 'IN_TRANSIT') AS in_transit FROM shipments WHERE {OF_CENTER}",
        ),
        Panel(
            id="overdue",
            title=Text("逾期未到", "Overdue"),
            question=Text("多少运单过了预计到达时间仍未到？", "How many shipments are past their expected arrival and not there?"),
            kind=Kind.STAT,
            width=5,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"SELECT count() AS overdue FROM shipments WHERE {_LATE}",
        ),
        Panel(
            id="dwelling",
            title=Text("到达未签收", "Arrived and not delivered"),
            question=Text(
                f"多少运单到达 {DWELL_HOURS} 小时后仍未签收？",
                f"How many arrived more than {DWELL_HOURS} hours ago and are not delivered?",
            ),
            kind=Kind.STAT,
            width=5,
            height=4,
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 1)),
            sql=f"SELECT count() AS dwelling FROM shipments WHERE {_DWELLING}",
        ),
        Panel(
            id="delivered",
            title=Text("签收", "Delivered"),
            question=Text("区间内签收了多少？", "How many were delivered within the range?"),
            kind=Kind.STAT,
            width=5,
            height=4,
            sql=f"SELECT sum(delivered) AS delivered FROM movements_per_hour WHERE $__timeFilter(hour) AND {OF_CENTER}",
        ),
        Panel(
            id="damaged",
            title=Text("破损", "Damaged"),
            question=Text("区间内首次发现破损的运单", "Shipments first seen damaged within the range"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"SELECT sum(damaged) AS damaged FROM movements_per_hour WHERE $__timeFilter(hour) AND {OF_CENTER}",
        ),
    ),
)

FLOW: Final = Row(
    Text("流量与时长", "Flow and times"),
    (
        Panel(
            id="movements",
            title=Text("发运、到达、签收", "Departed, arrived, delivered"),
            question=Text("货物在流动吗？", "Do goods move?"),
            kind=Kind.LINES,
            sql=f"""
SELECT {bucket("hour")} AS time, sum(departed) AS departed, sum(arrived) AS arrived, sum(delivered) AS delivered
FROM movements_per_hour
WHERE $__timeFilter(hour) AND {OF_CENTER}
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="milestones",
            title=Text("各环节运单", "Shipments by milestone"),
            question=Text("区间内有动态的运单处于哪个环节？", "Where do the shipments stand that moved within the range?"),
            kind=Kind.BARS,
            horizontal=True,
            sql=f"""
SELECT milestone, count() AS shipments
FROM shipments
WHERE $__timeFilter(last_event_time) AND {OF_CENTER}
GROUP BY milestone
ORDER BY indexOf(['PREPARING', 'IN_TRANSIT', 'ARRIVED', 'DELIVERED'], milestone)""",
        ),
        Panel(
            id="legs",
            title=Text("各段运输时间", "Lead time by leg"),
            question=Text("到各地要多久？", "How long does it take to get to each place?"),
            kind=Kind.BARS,
            unit=Unit.HOURS,
            horizontal=True,
            kpi=Kpi(
                Text("到达减去该段发运", "arrival less the departure of the leg"),
                Text("区间内到达的运输段", "legs that arrived within the range"),
                EVENT_TIME,
                Text("没有发运或到达事件的运输段", "legs without a departure or an arrival"),
                _OWNER,
            ),
            sql=f"""
SELECT read_point_id AS place, round(quantileExact(0.5)(leg_time_ms) / 3600000, 1) AS leg_p50,
    round(quantileExact(0.9)(leg_time_ms) / 3600000, 1) AS leg_p90
FROM logistics_facts FINAL
WHERE counts AND leg_time_ms IS NOT NULL AND $__timeFilter(event_time) AND {OF_CENTER}
GROUP BY place
ORDER BY leg_p50 DESC, place
LIMIT 15""",
        ),
        Panel(
            id="trade-modes",
            title=Text("各贸易方式全程时间", "Door-to-door time by trade mode"),
            question=Text("从首次发运到签收，各贸易方式要多久？", "How long from first departure to delivery, by trade mode?"),
            kind=Kind.BARS,
            unit=Unit.HOURS,
            horizontal=True,
            kpi=Kpi(
                Text("签收减去首次发运", "delivery less the first departure"),
                Text("区间内签收的运单", "shipments delivered within the range"),
                EVENT_TIME,
                Text("未签收的运单", "shipments that are not delivered"),
                _OWNER,
            ),
            sql=f"""
SELECT trade_mode, round(quantileExact(0.5)(hours), 1) AS leg_p50, round(quantileExact(0.9)(hours), 1) AS leg_p90
FROM
(
    SELECT trade_mode, dateDiff('minute', first_departed_at, delivered_at) / 60 AS hours
    FROM shipments
    WHERE first_departed_at <= delivered_at AND NOT has(marks, 'arrival_before_departure') AND $__timeFilter(delivered_at) AND {OF_CENTER}
)
GROUP BY trade_mode
ORDER BY leg_p50 DESC, trade_mode""",
        ),
    ),
)

ATTENTION: Final = Row(
    Text("需要跟进", "To follow up"),
    (
        Panel(
            id="late-shipments",
            title=Text("逾期未到的运单", "Late shipments"),
            question=Text("哪些运单该到未到？", "Which shipments should be there and are not?"),
            kind=Kind.TABLE,
            width=12,
            height=9,
            may_be_empty=True,
            sql=f"""
SELECT shipment_id, factory_id, expected_arrival_at AS expected_at, dateDiff('hour', expected_arrival_at, now()) AS late_h, carrier_id
FROM shipments
WHERE {_LATE}
ORDER BY expected_at DESC, shipment_id
LIMIT 50""",
        ),
        Panel(
            id="dwelling-shipments",
            title=Text("到达未签收的运单", "Dwelling shipments"),
            question=Text("哪些运单停在到达地？", "Which shipments stay where they arrived?"),
            kind=Kind.TABLE,
            width=12,
            height=9,
            may_be_empty=True,
            sql=f"""
SELECT shipment_id, factory_id, arrived_at, dateDiff('hour', arrived_at, now()) AS dwell_h, carrier_id
FROM shipments
WHERE {_DWELLING}
ORDER BY arrived_at DESC, shipment_id
LIMIT 50""",
        ),
    ),
)

LOGISTICS_BOARD: Final = Board(
    id="logistics",
    title=Text("物流", "Logistics"),
    question=Text("货在哪里，什么迟了，每段要多久", "Where the goods are, what is late, how long each leg takes"),
    variables=(CENTER,),
    rows=(NOW, FLOW, ATTENTION),
    days=30,
)
