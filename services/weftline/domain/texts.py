"""The sentences of the alerts, in Chinese and in English, and how values are written in them.

They name what a quality officer looks for first: the factory's own style and lot numbers, the value, the limit, the clause.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from weftline.domain.vocabulary import NonconformityClass

_CLASS_ZH = {
    NonconformityClass.CRITICAL: "致命",
    NonconformityClass.MAJOR: "严重",
    NonconformityClass.MINOR: "轻微",
    NonconformityClass.UNKNOWN: "未知类别",
}


def offset_minutes(offset: str) -> int:
    """Minutes east of UTC of an EPCIS eventTimeZoneOffset such as ``+08:00``."""
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return -minutes if offset[0] == "-" else minutes


def local_time(time: int, offset: str) -> str:
    """``time`` (ms, UTC) as ISO 8601 with the local ``offset`` of the event, to the second."""
    zone = timezone(timedelta(minutes=offset_minutes(offset)))
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(zone).isoformat(timespec="seconds")


def _style(style: str | None) -> tuple[str, str]:
    return (f"（款号 {style}）", f" (style {style})") if style else ("", "")


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
    lot_id: str, style: str | None, cls: NonconformityClass, units: int, accept: int, plan: str
) -> tuple[str, str]:
    """A lot was not accepted for one class of nonconformity."""
    zh, en = _style(style)
    return (
        f"批次 {lot_id}{zh}：{_CLASS_ZH[cls]}不合格品 {units} 件，接收数 {accept}，不接收（{plan}）。",
        f"Lot {lot_id}{en} was not accepted: {units} units with {cls.lower()} nonconformities, Ac {accept} ({plan}).",
    )


def switched(category: str, cls: NonconformityClass, severity: str, lots: str) -> tuple[str, str]:
    """Inspection of a product category was switched to tightened, or discontinued."""
    zh = {"TIGHTENED": "转为加严检验", "DISCONTINUED": "暂停检验，待纠正措施认可"}[severity]
    en = {
        "TIGHTENED": "switched to tightened inspection",
        "DISCONTINUED": "inspection discontinued until a corrective action is accepted",
    }[severity]
    return (
        f"产品 {category} 的{_CLASS_ZH[cls]}不合格类：{zh}（依据批次 {lots}）。",
        f"Product {category}, {cls.lower()} nonconformities: {en} (lots {lots}).",
    )


def three_failures(name_zh: str, name_en: str, reports: str) -> tuple[str, str]:
    """An indicator failed three times in a row at a factory."""
    return (
        f"{name_zh} 连续三次不合格（报告 {reports}）。",
        f"{name_en} failed three times in a row (reports {reports}).",
    )
