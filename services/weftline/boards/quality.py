"""Quality: pass rates, what fails, how near the limits values lie, lots and their severity of inspection, newest alerts."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import (
    COOPERATIVE,
    EVENT_TIME,
    FACTORY,
    NONE_IS_GOOD,
    OF_COOPERATIVE,
    OF_FACTORY,
    OF_PRODUCT,
    PRODUCT,
    QUALITY_OWNS,
    TOLD_LATE,
    bucket,
    indicator_of,
    rate,
    rules_of,
)
from weftline.boards.figures import (
    FAIL_RATE_KPI,
    LOT_KPI,
    failing_indicators,
    full_pass_rate,
    lot_acceptance,
    lots_by_agreement,
    lots_not_judged,
    measured_values,
    pass_rate,
    pass_rate_over_time,
)
from weftline.boards.model import Board, Kind, Kpi, Panel, Row, Text, Threshold, Tone, Unit
from weftline.domain.alert_rules import Rests

_CHOSEN: Final = f"{OF_COOPERATIVE} AND {OF_FACTORY} AND {OF_PRODUCT}"

INDICATOR_KPI: Final = Kpi(
    Text("该项目不合格的结果", "results of the indicator that failed"),
    Text("该项目按已确认限值判定的结果", "results of the indicator judged by a confirmed limit"),
    EVENT_TIME,
    Text(
        "没有已确认限值的结果（计入检测项次，不判定）", "results without a confirmed limit: they count as tested and are not judged"
    ),
    QUALITY_OWNS,
)

FIGURES: Final = Row(
    Text("合格与接收", "Passed and accepted"),
    (
        Panel(
            id="reports",
            title=Text("已审核报告", "Verified reports"),
            question=Text("区间内有多少检测报告计数？", "How many laboratory reports count within the range?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            sql=f"SELECT sum(reports) AS reports FROM report_counts WHERE $__timeFilter(event_time) AND {_CHOSEN}",
        ),
        pass_rate(_CHOSEN),
        Panel(
            id="incomplete",
            title=Text("不完整的报告", "Incomplete reports"),
            question=Text("多少报告缺少必测项目？", "How many reports lack a result that is required?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"SELECT sum(reports_incomplete) AS incomplete FROM report_counts WHERE $__timeFilter(event_time) AND {_CHOSEN}",
        ),
        lot_acceptance(_CHOSEN),
        Panel(
            id="tightened",
            title=Text("加严或暂停检验", "Tightened or discontinued"),
            question=Text("多少工厂、产品与类别的批序列不在正常检验？", "How many series of lots are not under normal inspection?"),
            kind=Kind.STAT,
            width=4,
            height=4,
            thresholds=NONE_IS_GOOD,
            sql=f"SELECT countIf(severity_due != 'NORMAL') AS alerts FROM switching WHERE {OF_FACTORY} AND {OF_PRODUCT}",
        ),
        Panel(
            id="units-nonconforming",
            title=Text("不合格品率", "Nonconforming units"),
            question=Text(
                "抽检的单位产品有多少不合格（按最严重类别各计一次）？",
                "What share of the units inspected is nonconforming?",
            ),
            kind=Kind.STAT,
            unit=Unit.RATIO,
            width=4,
            height=4,
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 0.025), Threshold(Tone.BAD, 0.04)),
            kpi=Kpi(
                Text("致命、严重或轻微不合格的单位产品", "units whose worst nonconformity is critical, major or minor"),
                Text("抽检的单位产品", "units inspected"),
                EVENT_TIME,
                Text("未抽到的产品：这是样本的比率，不是批的", "units not drawn: a rate of the samples, not of the lots"),
                QUALITY_OWNS,
            ),
            sql=f"""
SELECT {rate("sum(units_critical + units_major + units_minor)", "sum(units_inspected)")} AS fail_rate
FROM lot_counts
WHERE $__timeFilter(event_time) AND {_CHOSEN}""",
        ),
        full_pass_rate(_CHOSEN),
        lots_not_judged(_CHOSEN),
        lots_by_agreement(_CHOSEN),
    ),
)

RATES: Final = Row(
    Text("谁、什么、何时", "Who, what, when"),
    (
        pass_rate_over_time(_CHOSEN),
        failing_indicators(
            Text("不合格项目帕累托", "Pareto of failing indicators"),
            Text("少数哪几个项目造成大部分不合格？", "Which few indicators cause most of the failures?"),
            _CHOSEN,
        ),
        Panel(
            id="by-product",
            title=Text("各类产品不合格率", "Failure rate by product"),
            question=Text("哪类产品最常不合格？", "Which kind of product fails most often?"),
            kind=Kind.BARS,
            unit=Unit.RATIO,
            horizontal=True,
            kpi=FAIL_RATE_KPI,
            sql=f"""
SELECT product_category, {rate("sum(reports_failed)", "sum(reports_passed) + sum(reports_failed)")} AS fail_rate
FROM report_counts
WHERE $__timeFilter(event_time) AND {_CHOSEN}
GROUP BY product_category
HAVING fail_rate IS NOT NULL
ORDER BY fail_rate DESC, product_category""",
        ),
        Panel(
            id="lots",
            title=Text("批的接收", "Lots accepted and not"),
            question=Text("每个时段接收与不接收多少初次检验批？", "How many original lots are accepted and not?"),
            kind=Kind.STACK,
            kpi=LOT_KPI,
            sql=f"""
SELECT {bucket("event_time")} AS time, sum(lots_accepted) AS lots_accepted, sum(lots_not_accepted) AS lots_not_accepted,
    sum(lots_resubmitted) AS lots_resubmitted, sum(lots_not_judged) AS lots_not_judged, sum(lots_by_agreement) AS lots_by_agreement
FROM lot_counts
WHERE $__timeFilter(event_time) AND {_CHOSEN}
GROUP BY time
ORDER BY time""",
        ),
        Panel(
            id="factories",
            title=Text("各工厂", "Factories"),
            question=Text("哪些工厂不合格最多？", "Which factories fail most?"),
            kind=Kind.TABLE,
            width=12,
            height=9,
            sql=f"""
SELECT factory_id, sum(reports) AS reports, sum(reports_failed) AS failed,
    {rate("sum(reports_passed)", "sum(reports_passed) + sum(reports_failed)")} AS pass_rate
FROM report_counts
WHERE $__timeFilter(event_time) AND {_CHOSEN}
GROUP BY factory_id
HAVING reports > 0
ORDER BY failed DESC, pass_rate, factory_id
LIMIT 50""",
        ),
        Panel(
            id="indicators",
            title=Text("各检测项目", "Indicators"),
            question=Text(
                "每个项目检了多少，多少不合格，多少未检出？", "Of each indicator: how many results, failures, not detected?"
            ),
            kind=Kind.TABLE,
            width=12,
            height=9,
            kpi=INDICATOR_KPI,
            sql=f"""
SELECT indicator, sum(r.tested) AS tested, sum(r.passed) AS passed, sum(r.failed) AS failed,
    sum(r.tested - r.passed - r.failed) AS not_judged, sum(r.not_detected) AS not_detected,
    {rate("sum(r.failed)", "sum(r.passed) + sum(r.failed)")} AS fail_rate
FROM results AS r
WHERE $__timeFilter(event_time) AND {_CHOSEN}
GROUP BY indicator
HAVING tested > 0
ORDER BY failed DESC, tested DESC, indicator""",
        ),
    ),
)

LIMITS: Final = Row(
    Text("离限值多近", "How near to the limit"),
    (measured_values("factory_id, ' ', report_number", _CHOSEN),),
)

ALERTS: Final = Row(
    Text("预警与检验严格度", "Alerts and severity of inspection"),
    (
        Panel(
            id="newest-alerts",
            title=Text("最新质量预警", "Newest quality alerts"),
            question=Text("刚刚发生了什么，证据是什么？", "What has just happened, and by which evidence?"),
            kind=Kind.TABLE,
            width=24,
            height=9,
            may_be_empty=True,
            sql=f"""
SELECT occurred_at, severity, rule, factory_id, text_{{lang}} AS alert_text, {TOLD_LATE},
    alert_id
FROM standing_alerts
WHERE $__timeFilter(occurred_at) AND rule NOT IN {rules_of(Rests.A_PROMISE, Rests.A_MEMBER)} AND {_CHOSEN}
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
        ),
        Panel(
            id="switching",
            title=Text("不在正常检验的工厂", "Not under normal inspection"),
            question=Text(
                "谁在加严检验，离暂停还有多远？", "Who is under tightened inspection, and how near to being discontinued?"
            ),
            kind=Kind.TABLE,
            width=24,
            height=7,
            may_be_empty=True,
            sql=f"""
SELECT factory_id, product_category, nonconformity_class, severity_due, since, not_accepted_on_tightened AS lots_not_accepted
FROM switching
WHERE severity_due != 'NORMAL' AND {OF_FACTORY} AND {OF_PRODUCT}
ORDER BY severity_due, since DESC, factory_id
LIMIT 100""",
        ),
    ),
)

QUALITY_BOARD: Final = Board(
    id="quality",
    title=Text("质量", "Quality"),
    question=Text("谁的什么产品在哪个项目上不合格", "Whose goods fail, which, and by what"),
    variables=(COOPERATIVE, FACTORY, PRODUCT, indicator_of(OF_FACTORY)),
    rows=(FIGURES, RATES, LIMITS, ALERTS),
    days=30,
)
