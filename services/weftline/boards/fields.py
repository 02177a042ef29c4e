"""Every column that a panel's query may give: one closed list, so that a figure has one name, unit and colour on every board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weftline.boards.model import Field, Link, Text, Tone, Unit

_CENTER, _FACTORY, _ALERT = Link("center", "center"), Link("factory", "factory"), Link("alert", "alert_id")
_REPORT, _LOT = Link("report", "report"), Link("lot", "lot")


def _count(zh: str, en: str, tone: Tone | None = None) -> Field:
    return Field(Text(zh, en), Unit.COUNT, tone)


def _ratio(zh: str, en: str, tone: Tone | None = None) -> Field:
    return Field(Text(zh, en), Unit.RATIO, tone)


def _hours(zh: str, en: str, tone: Tone | None = None) -> Field:
    return Field(Text(zh, en), Unit.HOURS, tone)


def _time(zh: str, en: str) -> Field:
    return Field(Text(zh, en), Unit.TIME)


def _code(zh: str, en: str, words: str, link: Link | None = None) -> Field:
    return Field(Text(zh, en), words=words, link=link)


def _text(zh: str, en: str, link: Link | None = None) -> Field:
    return Field(Text(zh, en), link=link)


FIELDS: Final[Mapping[str, Field]] = {
    # Who and what.
    "time": _time("时间", "Time"),
    "series": _text("系列", "Series"),
    "value": Field(Text("数值", "Value")),
    "center_id": _text("打样中心", "Center", _CENTER),
    "center": _text("中心名称", "Center's name"),
    "factory_id": _text("工厂", "Factory", _FACTORY),
    "factory": _text("工厂名称", "Factory's name"),
    "product_category": _code("产品类别", "Product", "product_category"),
    "indicator": _code("检测项目", "Indicator", "indicator"),
    "rule": _code("规则", "Rule", "rule"),
    "severity": _code("级别", "Severity", "severity"),
    "alert_text": _text("内容", "What happened"),
    "answer": _code("答复", "Answer", "answer"),
    "alert_id": _text("预警", "Alert", _ALERT),
    "order_id": _text("打样单", "Order"),
    "shipment_id": _text("运单", "Shipment"),
    "lot_id": _text("批号", "Lot", _LOT),
    "report_number": _text("报告编号", "Report", _REPORT),
    "value_text": _text("实测值", "Measured"),
    "limit_text": _text("限值", "Limit"),
    "outcome": _code("判定", "Outcome", "outcome"),
    "clause": _text("依据", "Clause"),
    "laboratory_id": _text("实验室", "Laboratory"),
    "style_number": _text("款号", "Style"),
    "carrier_id": _text("承运人", "Carrier"),
    "place": _text("地点", "Place"),
    "sample_type": _code("样品类型", "Sample type", "sample_type"),
    "order_status": _code("状态", "Status", "order_status"),
    "report_status": _code("报告状态", "Report status", "report_status"),
    "verdict": _code("判定", "Verdict", "verdict"),
    "scope": _code("判定范围", "Scope", "scope"),
    "remark_text": _text("备注", "Remarks"),
    "lot_result": _code("结论", "Result", "lot_result"),
    "severity_due": _code("应用严格度", "Severity due", "severity_due"),
    "nonconformity_class": _code("不合格类别", "Class", "nonconformity_class"),
    "milestone": _code("环节", "Milestone", "milestone"),
    "trade_mode": _code("贸易方式", "Trade mode", "trade_mode"),
    "what": _text("说明", "What"),
    "source": _text("来源", "Source"),
    "event_id": _text("事件编号", "Event"),
    "owner": _text("对象", "Of what"),
    "declaration": _code("问题", "What is wrong", "declaration"),
    # When.
    "occurred_at": _time("发生时间", "Occurred"),
    "promised_at": _time("承诺日期", "Promised"),
    "tested_at": _time("检测时间", "Tested"),
    "last_event": _time("最近事件", "Last event"),
    "since": _time("始于", "Since"),
    "expected_at": _time("预计到达", "Expected"),
    "departed_at": _time("发运", "Departed"),
    "arrived_at": _time("到达", "Arrived"),
    "inspected_at": _time("检验时间", "Inspected"),
    "confirmed_at": _time("确认时间", "Confirmed at"),
    "meant_at": _time("声明所指时间", "Time it names"),
    "happened_at": _time("事件实际时间", "Time of the event"),
    # Events and orders.
    "order_events": _count("打样事件", "Order events", Tone.FIRST),
    "test_events": _count("检测事件", "Test events", Tone.SECOND),
    "movement_events": _count("物流事件", "Movements", Tone.THIRD),
    "requested": _count("申请", "Requested", Tone.QUIET),
    "confirmed": _count("确认", "Confirmed", Tone.INFO),
    "dispatched": _count("寄出", "Dispatched", Tone.FIRST),
    "approved": _count("确认样", "Approved", Tone.GOOD),
    "revision_requested": _count("需修改", "Revision requested", Tone.WARN),
    "cancelled": _count("取消", "Cancelled", Tone.QUIET),
    "work_in_progress": _count("在制", "In progress", Tone.INFO),
    "open_orders": _count("未结打样单", "Open orders", Tone.INFO),
    "round": _count("轮次", "Round"),
    "orders": _count("打样单", "Orders", Tone.INFO),
    "on_time": _count("按期", "On time", Tone.GOOD),
    "late": _count("逾期", "Late", Tone.BAD),
    "on_time_rate": _ratio("按期率", "On-time rate", Tone.GOOD),
    "first_pass_yield": _ratio("一次确认率", "First-pass yield", Tone.GOOD),
    "lead_time_p50": _hours("打样周期 P50", "Lead time p50", Tone.INFO),
    "lead_time_p90": _hours("打样周期 P90", "Lead time p90", Tone.WARN),
    "capacity_use": _ratio("产能利用率", "Use of capacity", Tone.INFO),
    # Quality.
    "reports": _count("检测报告", "Reports", Tone.INFO),
    "passed": _count("合格", "Passed", Tone.GOOD),
    "failed": _count("不合格", "Failed", Tone.BAD),
    "incomplete": _count("不完整", "Incomplete", Tone.WARN),
    "not_judged": _count("未判定", "Not judged", Tone.QUIET),
    "tested": _count("检测项次", "Results", Tone.INFO),
    "not_detected": _count("未检出", "Not detected", Tone.QUIET),
    "pass_rate": _ratio("合格率", "Pass rate", Tone.GOOD),
    "fail_rate": _ratio("不合格率", "Failure rate", Tone.BAD),
    "share": _ratio("累计占比", "Cumulative share", Tone.QUIET),
    "lots": _count("批", "Lots", Tone.INFO),
    "lots_accepted": _count("接收批", "Accepted", Tone.GOOD),
    "lots_not_accepted": _count("不接收批", "Not accepted", Tone.BAD),
    "lots_resubmitted": _count("再提交批", "Resubmitted", Tone.WARN),
    "lots_not_judged": _count("未判定批", "Not judged", Tone.QUIET),
    "lots_by_agreement": _count("按约定判定批", "By agreement", Tone.INFO),
    "full_pass_rate": _ratio("全项目合格率", "Pass rate, full scope", Tone.GOOD),
    "lot_pass_rate": _ratio("批接收率", "Lot acceptance", Tone.GOOD),
    "lot_size": _count("批量", "Lot size"),
    "inspections": _count("检验次数", "Inspections"),
    "alerts": _count("预警", "Alerts", Tone.WARN),
    "critical": _count("危急", "Critical", Tone.BAD),
    "major": _count("重要", "Major", Tone.WARN),
    "minor": _count("一般", "Minor", Tone.INFO),
    "current_run": _count("连续不合格", "Failures in a row", Tone.BAD),
    "number": Field(Text("实测值", "Measured"), Unit.NONE, Tone.INFO),
    "low": Field(Text("下限", "Lower limit"), Unit.NONE, Tone.BAD),
    "high": Field(Text("上限", "Upper limit"), Unit.NONE, Tone.BAD),
    # Logistics.
    "shipments": _count("运单", "Shipments", Tone.INFO),
    "in_transit": _count("在途", "In transit", Tone.INFO),
    "departed": _count("发运", "Departed", Tone.INFO),
    "arrived": _count("到达", "Arrived", Tone.FIRST),
    "delivered": _count("签收", "Delivered", Tone.GOOD),
    "damaged": _count("破损", "Damaged", Tone.BAD),
    "overdue": _count("逾期未到", "Overdue", Tone.BAD),
    "dwelling": _count("滞留", "Dwelling", Tone.WARN),
    "dwell_h": _hours("停留", "Dwelling for", Tone.WARN),
    "told_late_h": _hours("迟报", "Told late by", Tone.WARN),
    "late_h": _hours("已逾期", "Late by", Tone.BAD),
    "leg_p50": _hours("运输 P50", "Leg p50", Tone.INFO),
    "leg_p90": _hours("运输 P90", "Leg p90", Tone.WARN),
    # The cooperative.
    "due_at": _time("期限", "Due"),
    "rectify_by": _time("整改期限", "Rectify by"),
    "reinspect_by": _time("复检期限", "Re-inspect by"),
    "decided_at": _time("决定时间", "Decided"),
    "until": _time("有效至", "Until"),
    "task": _code("事项", "What waits", "task"),
    "desk": _code("对象", "For whom", "desk"),
    "about": _text("关于", "About"),
    "details": _text("说明", "To be seen"),
    "case_id": _text("案件", "Case"),
    "stage": _code("阶段", "Stage", "stage"),
    "is_late": _code("逾期", "Overdue", "bad_if_yes"),
    "lenient_so_far": _code("可否不予处罚", "May go unpunished", "lenient"),
    "against_it": _text("不利因素", "What speaks against it"),
    "list": _code("榜单", "List", "list"),
    "entry_state": _code("状态", "State", "entry_state"),
    "entry_id": _text("条目", "Entry"),
    "ground": _text("理由", "Ground"),
    "proposed_at": _time("提议时间", "Proposed"),
    "on_since": _time("上榜", "From"),
    "off_since": _time("下榜", "Until"),
    "members": _count("成员", "Members", Tone.INFO),
    "members_within": _count("年内成员", "Members within it"),
    "clocks_overdue": _count("逾期案件", "Overdue cases", Tone.BAD),
    "requests_waiting": _count("待审批检测", "Tests to grant", Tone.INFO),
    "proposals_waiting": _count("待决定列榜", "Listings to decide", Tone.INFO),
    "fell_out": _count("不再符合条件", "Fell out", Tone.BAD),
    "quota": _count("额度", "Quota"),
    "quota_by": _text("额度依据", "Quota by rule"),
    "tests_used": _count("已用", "Used"),
    "tests_reserved": _count("已预留", "Reserved"),
    "tests_left": _count("剩余", "Left", Tone.INFO),
    "test_next": _count("优先程度", "Test next"),
    "why": _text("原因", "Why"),
    "use_of_quota": _ratio("额度使用率", "Use of the quota", Tone.INFO),
    "fund_year": _text("年度", "Year"),
    "currency": _text("货币", "Currency"),
    "budget": Field(Text("预算", "Budget")),
    "spent": Field(Text("已支出", "Spent")),
    "committed": Field(Text("已承诺", "Committed")),
    "budget_left": Field(Text("余额", "Left of it")),
    "budget_share": _ratio("已用和预留", "Used and reserved", Tone.INFO),
    "unpriced": _count("价格不明的批次", "Batches without a price", Tone.WARN),
    "budget_ends_at": _time("按进度用完", "Ends at this pace"),
    "pace_days": _count("按近几日推算", "Pace of so many days"),
    "price_per_batch": Field(Text("每批价格", "Price per batch")),
    "figure": _code("指标", "Figure", "figure"),
    "here": _text("本合作社", "Here"),
    "founding": _text("成立文件", "Founding documents"),
    "standing_at": _count("名次", "Place"),
    "may_carry": _code("可使用商标", "May carry it", "good_if_yes"),
    "credit_grade": _code("信用等级", "Grade", "credit_grade"),
    "score": Field(Text("信用分", "Score")),
    "conditions_failing": _count("未满足条件", "Conditions failing", Tone.WARN),
    "failing_conditions": _text("哪些未满足", "Which fail"),
    "reports_passed": _count("合格报告", "Reports passed"),
    "reports_failed": _count("不合格报告", "Reports failed"),
    "behind": _code("落后于", "Behind by", "behind"),
    "unification": _text("统一事项", "Unification"),
    "done": _count("已落实", "Done", Tone.GOOD),
    "not_done": _count("未落实", "Not done", Tone.QUIET),
    "membership": _code("成员资格", "Membership", "membership"),
    "official_grade": _text("官方等级", "Official grade"),
    "official_year": _text("官方年度", "Official year"),
    "points": Field(Text("分值", "Points")),
    "rule_text": _text("规则", "Rule"),
    "is_met": _code("满足", "Met", "good_if_yes"),
    "cure": _text("如何补齐", "What would cure it"),
    "is_proposal": _code("建议稿", "Proposal", "yes"),
    "evidence": _text("依据事件", "Rests on"),
    # Freshness.
    "age": Field(Text("距最近事件", "Since the last event"), Unit.SECONDS, Tone.INFO),
}
