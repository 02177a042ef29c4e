"""What the dispatcher itself tells: that a receiver was switched off, to another one of the same party; that nobody acknowledged an alert,
and that this is over, to whoever is called then. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from weftline.contracts.mapping import from_json
from weftline.domain.alerts import Alert
from weftline.notify.delivery import Health
from weftline.notify.receivers import Receiver
from weftline.notify.words import Said, Speech, say, when

TYPE: Final = "receiver_off"
ESCALATED: Final = "alert_escalated"
ESCALATION_OVER: Final = "alert_escalation_over"
TYPES: Final = frozenset({TYPE, ESCALATED, ESCALATION_OVER})


def switched_off(receiver: Receiver, health: Health) -> tuple[str, int, dict[str, Any]]:
    """Its name, its revision (a receiver may be switched off more than once), and what a program is sent."""
    revision = int((health.off_since or 0.0) * 1000)
    name = f"{TYPE}:{receiver.id}"
    body = {"type": TYPE, "alert_id": name, "revision": revision, "receiver": receiver.id, "host": receiver.host, "why": health.why}
    return name, revision, body


def said(body: Mapping[str, Any], speech: Speech) -> Said:
    """What a person is told."""
    if body["type"] in (ESCALATED, ESCALATION_OVER):
        return _of_alerts(body, speech)
    at = when(int(body["revision"]), speech)
    if speech.zh:
        lines = (
            f"预警接收端“{body['receiver']}”（{body['host']}）已于 {at} 停用：{body['why']}。",
            f"怎么办：修复该接收端，然后运行 weftline notify resend --receiver {body['receiver']}，未送达的预警会重新发送。",
        )
        return Said(f"{speech.keyword} 【通知】预警接收端已停用".strip(), lines, speech.board, "打开看板" if speech.board else "")
    lines = (
        f"The receiver {body['receiver']} ({body['host']}) was switched off at {at}: {body['why']}.",
        f"To do: mend it, then run weftline notify resend --receiver {body['receiver']}; what was not delivered is sent again.",
    )
    return Said(
        f"{speech.keyword} [Notice] A receiver was switched off".strip(),
        lines,
        speech.board,
        "Open the board" if speech.board else "",
    )


def _of_alerts(body: Mapping[str, Any], speech: Speech) -> Said:
    """Why it is told, then the alerts as anybody reads them."""
    alerts = [cast(Alert, from_json(alert)) for alert in body["alerts"]]
    told = say(alerts, speech)
    if body["type"] == ESCALATED:
        title = speech.of(("【升级】无人确认", "[Escalated] Nobody has acknowledged"))
        minutes, first = body["after_minutes"], body["from"]
        why = speech.of(
            (f"{first} 收到后 {minutes} 分钟内无人确认。", f"{first} was told, and nobody acknowledged within {minutes} minutes.")
        )
    else:
        title, by = speech.of(("【升级结束】", "[Escalation over]")), body["by"]
        acknowledged = (f"已由 {by or '工厂'} 确认。", f"It was acknowledged by {by or 'the factory'}.")
        why = speech.of(acknowledged if body["why"] == "acknowledged" else ("此预警已撤销。", "The alert was withdrawn."))
    return replace(told, title=f"{speech.keyword} {title} {told.title}".strip(), lines=(why, *told.lines))
