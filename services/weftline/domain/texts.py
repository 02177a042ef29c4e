"""The sentences of the alerts, in Chinese and in English, and how values are written in them.

They name what a quality officer looks for first: the factory's own style and lot numbers, the value, the limit, the clause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from weftline.domain.alert_rules import RULES
from weftline.domain.days import offset_minutes
from weftline.domain.vocabulary import AlertRule, NonconformityClass

CLASS_ZH = {
    NonconformityClass.CRITICAL: "致命",
    NonconformityClass.MAJOR: "严重",
    NonconformityClass.MINOR: "轻微",
    NonconformityClass.UNKNOWN: "未知类别",
}


def local_time(time: int, offset: str) -> str:
    """``time`` (ms, UTC) as ISO 8601 with the local ``offset`` of the event, to the second."""
    zone = timezone(timedelta(minutes=offset_minutes(offset)))
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(zone).isoformat(timespec="seconds")


def _style(style: str | None) -> tuple[str, str]:
    return (f"（款号 {style}）", f" (style {style})") if style else ("", "")


def late(hours: int) -> tuple[str, str]:
    """What an alert adds that was first told so many hours after it happened; nothing if that was in time."""
    if not hours:
        return "", ""
    if hours < 72:
        return f"（迟报：事发 {hours} 小时后）", f" (Told {hours} hours after it happened.)"
    return f"（迟报：事发 {hours // 24} 天后）", f" (Told {hours // 24} days after it happened.)"


def digest(alerts: int, days: tuple[int, int], rules: Mapping[AlertRule, int]) -> tuple[str, str]:
    """So many alerts are told together, so many days (least, most) after what they tell of."""
    span = f"{days[0]}" if days[0] == days[1] else "{} 至 {}".format(*days)
    among = f"{days[0]}" if days[0] == days[1] else "{} to {}".format(*days)
    counts = sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))
    zh = "、".join(f"{RULES[rule].zh} {count} 条" for rule, count in counts)
    en = ", ".join(f"{RULES[rule].en} {count}" for rule, count in counts)
    return (
        f"迟报预警 {alerts} 条（事发 {span} 天后）：{zh}。逐条见本消息所列。",
        f"{alerts} alerts are told {among} days after what happened: {en}. Each is listed in this message.",
    )


def order_overdue(order_id: str, number: int, style: str | None, promised_at: int, offset: str) -> tuple[str, str]:
    """An order is past the promised date of its round."""
    when = local_time(promised_at, offset)
    zh, en = _style(style)
    return (
        f"打样单 {order_id}{zh}：第 {number} 轮未在承诺时间 {when} 前发出。",
        f"Sample order {order_id}{en}, round {number}, was not dispatched by the promised {when}.",
    )


def shipment_overdue(shipment_id: str, expected_at: int, offset: str) -> tuple[str, str]:
    """A shipment is past its expected arrival."""
    when = local_time(expected_at, offset)
    return (
        f"货运 {shipment_id}：未在预计时间 {when} 前到达。",
        f"Shipment {shipment_id} had not arrived by the expected {when}.",
    )


def safety_failed(
    report: str, style: str | None, names: tuple[str, str], values: tuple[str, str], limits: tuple[str, str], clause: str
) -> tuple[str, str]:
    """A verified report fails a safety limit. Pairs are Chinese and English."""
    zh, en = _style(style)
    return (
        f"检测报告 {report}{zh}：{names[0]} 实测 {values[0]}，限量 {limits[0]}，不符合 {clause}。",
        f"Report {report}{en}: {names[1]} measured {values[1]}, limit {limits[1]}, fails {clause}.",
    )


def lot_not_accepted(
    lot_id: str,
    style: str | None,
    cls: NonconformityClass,
    units: int,
    accept: int,
    plan: tuple[str, str],
    part: str | None = None,
    remarks: Sequence[tuple[str, str]] = (),
) -> tuple[str, str]:
    """A lot or part was not accepted for one class of nonconformity; ``remarks``: what is odd about its inspection.

    Pairs are Chinese and English.
    """
    zh, en = _style(style)
    part_zh, part_en = (f"（部分 {part}）", f", part {part}") if part else ("", "")
    odd_zh, odd_en = "；".join(zh for zh, _ in remarks), "; ".join(en for _, en in remarks)
    return (
        f"批次 {lot_id}{part_zh}{zh}：{CLASS_ZH[cls]}不合格品 {units} 件，接收数 {accept}，不接收（{plan[0]}）。"
        + (f"注意：{odd_zh}。" if odd_zh else ""),
        f"Lot {lot_id}{part_en}{en} was not accepted: {units} units with {cls.lower()} nonconformities, Ac {accept} ({plan[1]})."
        + (f" Note: {odd_en}." if odd_en else ""),
    )


def switched(category: tuple[str, str], cls: NonconformityClass, severity: str, lots: Sequence[str]) -> tuple[str, str]:
    """Inspection of a product category, (Chinese, English), was switched to tightened, or discontinued."""
    zh = {"TIGHTENED": "转为加严检验", "DISCONTINUED": "暂停检验，待纠正措施认可"}[severity]
    en = {
        "TIGHTENED": "switched to tightened inspection",
        "DISCONTINUED": "inspection discontinued until a corrective action is accepted",
    }[severity]
    return (
        f"产品“{category[0]}”的{CLASS_ZH[cls]}不合格类：{zh}（依据批次 {'、'.join(lots)}）。",
        f"Product {category[1]}, {cls.lower()} nonconformities: {en} (lots {', '.join(lots)}).",
    )


def three_failures(name_zh: str, name_en: str, reports: Sequence[str]) -> tuple[str, str]:
    """An indicator failed three times in a row at a factory."""
    return (
        f"{name_zh} 连续三次不合格（报告 {'、'.join(reports)}）。",
        f"{name_en} failed three times in a row (reports {', '.join(reports)}).",
    )


#: What is due by a clock of rectification; :class:`weftline.domain.cooperative.clocks.Clock` has the names.
_CLOCKS = {
    "RECTIFY": ("整改报告", "the report of what was put right"),
    "REINSPECT": ("复检", "the re-inspection"),
    "SECOND_ROUND": ("第二次复检", "the second re-inspection"),
}


def clock_runs_out(case_id: str, clock: str, due: str, days: int) -> tuple[str, str]:
    """A clock of rectification is so many days before its deadline, and nothing has come."""
    zh, en = _CLOCKS[clock]
    return (
        f"案件 {case_id}：{zh}须在 {due} 前完成，距到期 {days} 日时仍未完成。",
        f"Case {case_id}: {en} is due by {due} and had not come {days} days before.",
    )


def clock_missed(case_id: str, clock: str, due: str) -> tuple[str, str]:
    """A deadline of rectification passed."""
    zh, en = _CLOCKS[clock]
    return f"案件 {case_id}：{zh}未在期限 {due} 前完成。", f"Case {case_id}: {en} had not come by {due}."


def fell_out(mark_id: str, failing: tuple[str, str]) -> tuple[str, str]:
    """A holder of the collective trademark does not meet its conditions. A pair: Chinese and English."""
    return (
        f"集体商标 {mark_id}：持有成员不再符合条件：{failing[0]}。",
        f"Collective trademark {mark_id}: its holder does not meet: {failing[1]}.",
    )


def proposed(which: tuple[str, str], ground: tuple[str, str]) -> tuple[str, str]:
    """A member is proposed for a list of the cooperative's own. Pairs: Chinese and English."""
    return (
        f"提议列入合作社{which[0]}：{ground[0]}。须由有权者决定；与市场监管部门的名单无关。",
        f"Proposed for the cooperative's own {which[1]} list: {ground[1]}. A person decides; it is no list of the market regulator.",
    )
