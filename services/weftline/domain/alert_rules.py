"""The rules of alerts: what each is called, how grave it is, what it rests on. One line per rule; all that differs by rule is here.

Sentences stand in :mod:`.texts`; when its matter is over, in the view ``waiting_alerts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.domain.vocabulary import AlertRule, AlertSeverity, NonconformityClass


class Rests(StrEnum):
    """What the evidence of an alert is of."""

    REPORTS = "reports"
    LOTS = "lots"
    A_PROMISE = "a promise"  # of a date, which nothing but the clock may have broken
    A_MEMBER = "a member"  # events of its cooperative, and verdicts of its reports


class RuleOfAlerts(NamedTuple):
    """One rule. ``severity`` None: as the class of nonconformity has it.

    ``moves``: its name is a matter of what came before (the first report of a run, the last lot of a series, the number of a round), so
    a late event can rename it: the alert is withdrawn, and another one takes its place. ``ends``: it tells of what is so now, and its
    withdrawal says that it is over; of all others, that it did not happen.
    """

    zh: str
    en: str
    severity: AlertSeverity | None
    rests: Rests
    moves: bool = False
    ends: bool = False


_CRITICAL, _MAJOR, _MINOR = AlertSeverity.CRITICAL, AlertSeverity.MAJOR, AlertSeverity.MINOR

RULES: Final[Mapping[AlertRule, RuleOfAlerts]] = {
    AlertRule.SAFETY_LIMIT_FAILED: RuleOfAlerts("安全指标不合格", "safety limit failed", _CRITICAL, Rests.REPORTS),
    AlertRule.LOT_NOT_ACCEPTED: RuleOfAlerts("批不接收", "lot not accepted", None, Rests.LOTS),
    AlertRule.SWITCHED_TO_TIGHTENED: RuleOfAlerts("转入加严检验", "switched to tightened", _MAJOR, Rests.LOTS, moves=True),
    AlertRule.INSPECTION_DISCONTINUED: RuleOfAlerts("检验暂停", "inspection discontinued", _CRITICAL, Rests.LOTS, moves=True),
    AlertRule.THREE_FAILURES_IN_A_ROW: RuleOfAlerts("连续三次不合格", "three failures in a row", _MAJOR, Rests.REPORTS, moves=True),
    AlertRule.ORDER_OVERDUE: RuleOfAlerts("打样逾期", "order overdue", _MINOR, Rests.A_PROMISE, moves=True),
    AlertRule.SHIPMENT_OVERDUE: RuleOfAlerts("运输逾期", "shipment overdue", _MINOR, Rests.A_PROMISE),
    AlertRule.RECTIFICATION_DUE: RuleOfAlerts("整改期限临近", "rectification due soon", _MINOR, Rests.A_MEMBER),
    AlertRule.RECTIFICATION_OVERDUE: RuleOfAlerts("整改逾期", "rectification overdue", _MAJOR, Rests.A_MEMBER),
    AlertRule.TRADEMARK_FELL_OUT: RuleOfAlerts(
        "不再符合集体商标条件", "fell out of the trademark", _MAJOR, Rests.A_MEMBER, ends=True
    ),
    AlertRule.LISTING_PROPOSED: RuleOfAlerts("列榜提议待决定", "listing waits for a decision", _MINOR, Rests.A_MEMBER, ends=True),
}

_OF_CLASS: Final = {
    NonconformityClass.CRITICAL: _CRITICAL,
    NonconformityClass.MAJOR: _MAJOR,
    NonconformityClass.MINOR: _MINOR,
}


def severity_of(rule: AlertRule, of: NonconformityClass | None = None) -> AlertSeverity:
    """How grave an alert is, in the terms of Catena-X CX-0125; ``of``: the class of nonconformity that it is about, if it is."""
    known = RULES[rule].severity
    if known is not None:
        return known
    if of is None:
        raise ValueError(f"{rule} is as grave as the class of nonconformity, and none is given")
    return _OF_CLASS[of]


def resting_on(rests: Rests) -> frozenset[AlertRule]:
    """The rules whose evidence is of that."""
    return frozenset(rule for rule, known in RULES.items() if known.rests is rests)
