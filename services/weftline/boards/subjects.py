"""Boards of one laboratory report and of one lot: where a number in a table leads."""

from __future__ import annotations

from typing import Final

from weftline.boards.common import TOLD_LATE, rules_of
from weftline.boards.model import Board, Kind, Panel, Row, Text, Variable
from weftline.domain.alert_rules import Rests

#: Numbers on offer; a link leads to any other too.
NEWEST: Final = 500
REPORT: Final = Variable(
    "report",
    Text("报告编号", "Report"),
    f"SELECT report_number FROM reports GROUP BY report_number ORDER BY max(reported_at) DESC, report_number LIMIT {NEWEST}",
    multi=False,
    free=True,
)
LOT: Final = Variable(
    "lot",
    Text("批号", "Lot"),
    f"SELECT lot_id FROM lots GROUP BY lot_id ORDER BY max(last_inspected_at) DESC, lot_id LIMIT {NEWEST}",
    multi=False,
    free=True,
)
_THE_REPORT: Final = "report_number IN (${report:sqlstring})"
_THE_LOT: Final = "lot_id IN (${lot:sqlstring})"
_WITH_THE_LOT: Final = "hasAny(lot_ids, [${lot:sqlstring}])"
_REPORT_RULES: Final = f"rule IN {rules_of(Rests.REPORTS)}"
_LOT_RULES: Final = f"rule IN {rules_of(Rests.LOTS)}"


def _alerts(rules: str, variable: str) -> Panel:
    """What stands and rests on the subject."""
    return Panel(
        id="alerts",
        title=Text("相关预警", "Alerts that rest on it"),
        question=Text("它引起了哪些预警？", "Which alerts does it give evidence for?"),
        kind=Kind.TABLE,
        width=24,
        height=7,
        may_be_empty=True,
        sql=f"""
SELECT occurred_at, severity, rule, factory_id, text_{{lang}} AS alert_text, {TOLD_LATE},
    alert_id
FROM standing_alerts
WHERE {rules} AND arrayExists(one -> JSONExtractString(one, 'subject') IN (${{{variable}:sqlstring}}), JSONExtractArrayRaw(evidence))
ORDER BY occurred_at DESC, alert_id
LIMIT 50""",
    )


def _reports(where: str, *, may_be_empty: bool) -> Panel:
    return Panel(
        id="reports",
        title=Text("检测报告", "Laboratory reports"),
        question=Text("报告的结论与现状", "What was judged, and where does it stand?"),
        kind=Kind.TABLE,
        width=24,
        height=5,
        may_be_empty=may_be_empty,
        sql=f"""
SELECT report_number, factory_id, laboratory_id, product_category, style_number, verdict, scope, status AS report_status, tested_at,
    arrayStringConcat(remarks_{{lang}}, ' · ') AS remark_text
FROM reports
WHERE {where}
ORDER BY tested_at DESC, factory_id, laboratory_id, report_number
LIMIT 50""",
    )


REPORT_BOARD: Final = Board(
    id="report",
    title=Text("检测报告", "Laboratory report"),
    question=Text(
        "一份报告的全部：结论、实测值与限值、由它而来的预警",
        "All of one report: verdict, values and limits, alerts that rest on it",
    ),
    variables=(REPORT,),
    rows=(
        Row(
            Text("结论与依据", "Verdict and grounds"),
            (
                _reports(_THE_REPORT, may_be_empty=False),
                Panel(
                    id="measurements",
                    title=Text("实测值与限值", "Measured values and their limits"),
                    question=Text("测了什么，按哪条判定？", "What was measured, and by which clause was it judged?"),
                    kind=Kind.TABLE,
                    width=24,
                    height=10,
                    may_be_empty=True,
                    sql=f"""
SELECT indicator, value_text, limit_text, outcome, clause, factory_id, laboratory_id
FROM measurements
WHERE {_THE_REPORT}
ORDER BY outcome != 'FAIL', indicator, clause, factory_id
LIMIT 200""",
                ),
                _alerts(_REPORT_RULES, "report"),
            ),
        ),
    ),
    listed=False,
)

LOT_BOARD: Final = Board(
    id="lot",
    title=Text("检验批", "Lot"),
    question=Text(
        "一批货的全部：检验结论、检测报告、运单、预警", "All of one lot: how it was judged, its reports, shipments and alerts"
    ),
    variables=(LOT,),
    rows=(
        Row(
            Text("结论与去向", "Result and whereabouts"),
            (
                Panel(
                    id="lots",
                    title=Text("检验", "Inspection"),
                    question=Text("结论如何，重新提交之后呢？", "How was it judged, and after a resubmission?"),
                    kind=Kind.TABLE,
                    width=24,
                    height=5,
                    sql=f"""
SELECT lot_id, factory_id, product_category, style_number, lot_size, last_result AS lot_result, inspections,
    resubmissions AS lots_resubmitted, last_inspected_at AS inspected_at, arrayStringConcat(remarks_{{lang}}, ' · ') AS remark_text
FROM lots
WHERE {_THE_LOT}
ORDER BY inspected_at DESC, factory_id""",
                ),
                _alerts(_LOT_RULES, "lot"),
                _reports(_WITH_THE_LOT, may_be_empty=True),
                Panel(
                    id="shipments",
                    title=Text("运单", "Shipments"),
                    question=Text("这批货在哪里？", "Where are its goods?"),
                    kind=Kind.TABLE,
                    width=24,
                    height=5,
                    may_be_empty=True,
                    sql=f"""
SELECT shipment_id, factory_id, milestone, carrier_id, departed_at, expected_arrival_at AS expected_at, arrived_at
FROM shipments
WHERE {_WITH_THE_LOT}
ORDER BY departed_at DESC, shipment_id
LIMIT 50""",
                ),
            ),
        ),
    ),
    listed=False,
)
