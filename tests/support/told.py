"""What a factory was last told, held against what stands: nobody is told that it is over when it is not.

Knows nothing of revisions, tables or workers' states: messages on one side, a fold of all records on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from weftline.domain.alert_rules import RULES
from weftline.domain.alerts import Alert, ListedAlert, StandingAlert
from weftline.domain.digests import listed
from weftline.domain.revisions import standing_of
from weftline.domain.vocabulary import AlertRule, AlertStatus

Rests = set[tuple[str, str, str | None]]


def each_told(said: Iterable[Alert]) -> list[ListedAlert]:
    """Every revision that these messages tell, those in digests too, in the order in which a reader meets them."""
    return [listed(alert) for message in said for alert in message.each]


def last_told(said: Iterable[Alert]) -> dict[str, ListedAlert]:
    """What a reader knows who keeps the greatest revision of each alert."""
    last: dict[str, ListedAlert] = {}
    for alert in each_told(said):
        if alert.alert_id not in last or last[alert.alert_id].revision < alert.revision:
            last[alert.alert_id] = alert
    return last


def standing(alerts: Mapping[tuple[str, ...], tuple[str]]) -> dict[str, StandingAlert]:
    """What stands, by id, from the table ``alerts`` of :func:`tests.support.tables.expected`."""
    return {key[1]: standing_of(content) for key, (content,) in alerts.items()}


def misinformed(said: Iterable[Alert], stands: Mapping[str, StandingAlert], live: Mapping[str, int]) -> Iterator[str]:
    """Where what factories were last told differs from what stands. ``live``: when centers went live (ms).

    Whatever stands is told, but for history: what happened before its center went live, and rests on nothing that was ever told. What is
    told of something whose name is gone names it.
    """
    messages = list(said)
    every = each_told(messages)
    seen: dict[tuple[str, int], ListedAlert] = {}
    for alert in every:
        if seen.setdefault((alert.alert_id, alert.revision), alert) != alert:
            yield f"one revision is said in two ways: {alert} and {seen[alert.alert_id, alert.revision]}"
    last = last_told(messages)
    for alert_id, alert in last.items():
        if alert.status is not AlertStatus.WITHDRAWN and alert_id not in stands:
            yield f"told, but does not stand: {alert}"
        if alert.status is AlertStatus.WITHDRAWN and alert_id in stands:
            yield f"told that it is over, but it stands: {alert}"
    for alert_id, ought in stands.items():
        gone = {
            alert.alert_id
            for alert in every
            if alert.alert_id not in stands and _about(alert) == _about(ought) and _rests(alert) & _rests(ought)
        }
        told = last.get(alert_id)
        if told is None:
            if gone or ought.occurred_at >= live.get(ought.center_id, 0):
                yield f"stands and nobody was told: {ought}; told of it before, and over: {gone}"
        elif told.status is not AlertStatus.WITHDRAWN:
            if (told.evidence, told.subject, told.occurred_at) != (ought.evidence, ought.subject, ought.occurred_at):
                yield f"told {told}, but what stands is {ought}"
            if gone and told.replaces not in gone:
                yield f"stands in the place of {gone}, but names {told.replaces}: {told}"


def _rests(alert: ListedAlert | StandingAlert) -> Rests:
    return {(evidence.source, evidence.event_id, evidence.indicator) for evidence in alert.evidence}


_MATTERS: dict[AlertRule, Callable[[ListedAlert | StandingAlert], str]] = {
    AlertRule.THREE_FAILURES_IN_A_ROW: lambda _: "",
    AlertRule.SWITCHED_TO_TIGHTENED: lambda alert: alert.product_category,
    AlertRule.INSPECTION_DISCONTINUED: lambda alert: alert.product_category,
    AlertRule.ORDER_OVERDUE: lambda alert: f"{alert.center_id} {alert.order_id}",
}


def _about(alert: ListedAlert | StandingAlert) -> tuple[str, ...]:
    """What an alert is about, whatever it is named after: an indicator of the factory, a series of lots, an order. Others have the name
    of their subject, and two subjects are two matters even where two contents of one event contradict each other."""
    matter = _MATTERS[alert.rule](alert) if RULES[alert.rule].moves else alert.subject
    return alert.rule, alert.factory_id, matter
