"""What a person reads of alerts, in Chinese or English: what, limit, value, lot, since when, what to do, and a link. Pure.

The sentence is the alert's own (:mod:`weftline.domain.texts`), everything else comes from its fields; no text is taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import quote

from weftline.domain.alert_rules import RULES, Rests
from weftline.domain.alerts import ListedAlert
from weftline.domain.next_steps import NEXT
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus
from weftline.pages.links import Inbox
from weftline.pages.words import WORDS

#: Lines of evidence, and alerts of a digest, that anybody reads on a telephone; the rest stands behind the link.
_EVIDENCE, _LISTED, _LOTS = 3, 20, 6

#: In the words of the pages to which the link leads. 致命 and 严重 are classes of nonconformities, and say something else.
SEVERITIES: Final[Mapping[AlertSeverity, tuple[str, str]]] = {
    AlertSeverity.UNKNOWN: ("未知级别", "UNKNOWN SEVERITY"),
    **{AlertSeverity(code): (word.text.zh, word.text.en.upper()) for code, word in WORDS["severity"].items()},
}
_STATUS: Final[Mapping[AlertStatus, tuple[str, str]]] = {
    AlertStatus.UPDATED: ("（更新）", " (updated)"),
    AlertStatus.WITHDRAWN: ("（撤销）", " (withdrawn)"),
}
_OTHERWISE: Final = ("请打开链接查看详情。", "Open the link for the details.")


@dataclass(frozen=True, slots=True)
class Said:
    """A message: a title, lines, a link."""

    title: str
    lines: tuple[str, ...]
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class Speech:
    """How a receiver is spoken to. ``board``: where the board is, for links; ``names``: indicators, code → (Chinese, English).

    ``keyword``: what a bot asks every message to contain. ``inbox``: of the factory that reads it; then links lead there.
    """

    zh: bool = True
    zone: tzinfo = UTC
    board: str = ""
    names: Mapping[str, tuple[str, str]] | None = None
    keyword: str = ""
    inbox: Inbox | None = None

    def of(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.zh else pair[1]


def say(alerts: Sequence[ListedAlert], speech: Speech, now: float = 0.0) -> Said:
    """One alert, or several of one cause in one message; ``now`` (seconds): from when on a link to the inbox holds."""
    said = _one(alerts[0], speech, now) if len(alerts) == 1 else _several(alerts, speech, now)
    if speech.keyword and not any(speech.keyword in text for text in (said.title, *said.lines[:1])):
        return Said(f"{speech.keyword} {said.title}", said.lines, said.link, said.link_words)
    return said


def title(alert: ListedAlert, speech: Speech) -> str:
    """How grave, and which rule."""
    known = RULES.get(alert.rule)
    rule = speech.of((known.zh, known.en)) if known else alert.rule
    severity, status = speech.of(SEVERITIES[alert.severity]), speech.of(_STATUS.get(alert.status, ("", "")))
    return f"【{severity}】{rule}{status}" if speech.zh else f"[{severity}] {rule}{status}"


def _one(alert: ListedAlert, speech: Speech, now: float) -> Said:
    withdrawn = alert.status is AlertStatus.WITHDRAWN
    lines = [alert.text_zh if speech.zh else alert.text_en]
    known = RULES.get(alert.rule)
    if withdrawn and known is not None and known.ends:
        lines.append(speech.of(("此预警已结束：所述情况不再存在。", "Over: what it told of is so no more.")))
    elif withdrawn:
        lines.append(speech.of(("此预警已撤销：后来的数据表明没有发生。", "Withdrawn: later data show that it did not happen.")))
    else:
        lines += _values(alert, speech)
    lines += _about(alert, speech)
    if not withdrawn:
        advice = _to_do(alert.rule, speech)
        lines.append(f"怎么办：{advice}" if speech.zh else f"To do: {advice}")
    if alert.replaces:
        lines.append(speech.of(("此预警取代先前的一条预警。", "It takes the place of an earlier alert.")))
    if speech.inbox is not None:
        link, words = (
            speech.inbox.href(alert.alert_id, now, "zh" if speech.zh else "en"),
            ("查看证据并处理", "See the evidence, and answer"),
        )
    else:
        link = f"{speech.board.rstrip('/')}/alert/{quote(alert.alert_id, safe='')}" if speech.board else ""
        words = ("查看证据", "See the evidence")
    return Said(title(alert, speech), tuple(lines), link, speech.of(words))


def _to_do(rule: AlertRule, speech: Speech) -> str:
    return speech.of(NEXT[rule].short if rule in NEXT else _OTHERWISE)


def _values(alert: ListedAlert, speech: Speech) -> Iterator[str]:
    """What was measured, for alerts that rest on reports. The sentence on a lot has its figures, in either language."""
    known = RULES.get(alert.rule)
    if known is None or known.rests is not Rests.REPORTS:
        return
    for evidence in alert.evidence[:_EVIDENCE]:
        names = (speech.names or {}).get(evidence.indicator or "")
        name = speech.of(names) if names else evidence.indicator or ""
        parts = [f"{speech.of(('实测', 'measured'))} {evidence.value}"] if evidence.value else []
        parts += [f"{speech.of(('限量', 'limit'))} {evidence.limit}"] if evidence.limit else []
        parts += [evidence.clause] if evidence.clause else []
        if parts:
            yield f"{name}：{'，'.join(parts)}" if speech.zh else f"{name}: {', '.join(parts)}"
    if len(alert.evidence) > _EVIDENCE:
        more = len(alert.evidence) - _EVIDENCE
        yield speech.of((f"另有 {more} 项", f"and {more} more"))


def _about(alert: ListedAlert, speech: Speech) -> Iterator[str]:
    between, colon = ("、", "：") if speech.zh else (", ", ": ")
    lots = between.join(alert.lot_ids[:_LOTS])
    if len(alert.lot_ids) > _LOTS:
        lots += speech.of((f" 等 {len(alert.lot_ids)} 批", f" and {len(alert.lot_ids) - _LOTS} more"))
    facts = (
        (("批次", "Lots"), lots),
        (("款号", "Style"), alert.style_number),
        (("打样单", "Order"), alert.order_id),
        (("货运", "Shipment"), alert.shipment_id),
        (("工厂", "Factory"), alert.factory_id),
        (("检测中心", "Center"), alert.center_id),
    )
    known = [f"{speech.of(name)}{colon}{value}" for name, value in facts if value]
    if known:
        yield ("；" if speech.zh else "; ").join(known)
    since = min((evidence.event_time for evidence in alert.evidence), default=alert.occurred_at)
    yield f"{speech.of(('自', 'Since'))} {when(since, speech)}"


def when(time: int, speech: Speech) -> str:
    """To the minute, on the receivers' own clock."""
    return datetime.fromtimestamp(time / 1000, UTC).astimezone(speech.zone).strftime("%Y-%m-%d %H:%M")


def _several(alerts: Sequence[ListedAlert], speech: Speech, now: float) -> Said:
    counts = Counter(title(alert, speech) for alert in alerts)
    head = ("、" if speech.zh else ", ").join(f"{name} ×{count}" for name, count in counts.items())
    lines = [f"{number}. {alert.text_zh if speech.zh else alert.text_en}" for number, alert in enumerate(alerts[:_LISTED], 1)]
    lines = [f"{line}{speech.of(_STATUS.get(alert.status, ('', '')))}" for line, alert in zip(lines, alerts[:_LISTED], strict=True)]
    if len(alerts) > _LISTED:
        lines.append(speech.of((f"另有 {len(alerts) - _LISTED} 条", f"and {len(alerts) - _LISTED} more")))
    rules = dict.fromkeys(alert.rule for alert in alerts if alert.status is not AlertStatus.WITHDRAWN)
    lines += [f"怎么办：{_to_do(rule, speech)}" if speech.zh else f"To do: {_to_do(rule, speech)}" for rule in rules]
    if speech.inbox is not None:
        return Said(
            head, tuple(lines), speech.inbox.href("", now, "zh" if speech.zh else "en"), speech.of(("打开收件箱", "Open the inbox"))
        )
    return Said(head, tuple(lines), speech.board, speech.of(("打开看板", "Open the board")) if speech.board else "")
