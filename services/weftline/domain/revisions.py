"""From what should stand to what is said: the changes of alerts, and the versions under which they and all else are stored.

Which alerts *stand* follows from the records and ``as_of`` alone. What was said on the way (raised, updated, withdrawn, which id
replaced which) is history and depends on the order of arrival.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from weftline.domain.alerts import Alert, Evidence, StandingAlert
from weftline.domain.fold import EDITION, Subject
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus

#: An alert that was older than this when it was first seen is stored as historic and sent to nobody: nobody can act on it.
HISTORIC_MS = 48 * 3600 * 1000

# A fact's version is UInt128: ranks are below 2^64, so 2^56 records of one owner fit below the edition.
_FACT_EDITION = EDITION << 120
# A state row's is UInt256: edition, sum of ranks, 8 bits of deadlines passed. An alert's has one bit more: published.
_STATE_EDITION = EDITION << 240


def fact_version(rank_sum: int) -> int:
    """``rev`` of a fact, UInt128."""
    return _FACT_EDITION + rank_sum


def state_version(rank_sum: int, passed: int) -> int:
    """Version of a state row, UInt256. For one set of records a deadline only goes from open to passed, so it only grows."""
    return _STATE_EDITION + (rank_sum << 8) + min(passed, 255)


def alert_version(state: int, published: bool) -> int:
    """Version of an alert's row, UInt256: the mark that it was published is greater than the row it marks."""
    return (state << 1) + published


def judged_in(alert_version: int) -> int:
    """The version of the state in which an alert's row was judged."""
    return alert_version >> 1


def revision(records: int, by_deadline: bool) -> int:
    """Revision of an alert: edition, twice the number of distinct records known, plus 1 if a passed deadline makes it stand."""
    return (EDITION << 48) + 2 * records + by_deadline


class StoredAlert(NamedTuple):
    """A row of the table ``alerts``, as far as changes are concerned. ``content`` is :func:`content_of` the alert."""

    alert_id: str
    version: int
    revision: int
    status: AlertStatus
    published: bool
    historic: bool
    replaces: str
    content: str


class Judged(NamedTuple):
    """A state row as a source of alerts: what stands by it, and how much it knows."""

    owner: str
    table: str
    key: Subject
    version: int
    records: int
    partition: int
    alerts: tuple[StandingAlert, ...]


_CONTENT = tuple(field.name for field in fields(StandingAlert) if field.name != "by_deadline")
_EVIDENCE = tuple(field.name for field in fields(Evidence))


def content_of(alert: StandingAlert) -> str:
    """Canonical JSON of an alert without ``by_deadline``: that a deadline made it stand is no part of what it says."""
    # Field by field: dataclasses.asdict copies deeply, which took ten times as long.
    said = {name: getattr(alert, name) for name in _CONTENT}
    said["evidence"] = [{name: getattr(piece, name) for name in _EVIDENCE} for piece in alert.evidence]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def standing_of(content: str, by_deadline: bool = False) -> StandingAlert:
    """The alert from :func:`content_of`."""
    said: dict[str, Any] = json.loads(content)
    said["rule"] = AlertRule(said["rule"])
    said["severity"] = AlertSeverity(said["severity"])
    said["lot_ids"] = tuple(said["lot_ids"])
    said["evidence"] = tuple(Evidence(**evidence) for evidence in said["evidence"])
    return StandingAlert(**said, by_deadline=by_deadline)


def changes(judged: Judged, stored: Sequence[StoredAlert], as_of: int) -> list[StoredAlert]:
    """The rows to store, so that the table ``alerts`` says of this subject what ``judged`` says.

    Nothing where the table knows as much or more. ``stored`` are the table's rows of the same subject.
    """
    known = {row.alert_id: row for row in stored}
    standing = {alert.alert_id: alert for alert in judged.alerts}
    withdrawn = [
        row
        for row in stored
        if row.alert_id not in standing and row.status is not AlertStatus.WITHDRAWN and judged.version > judged_in(row.version)
    ]
    rows = []
    for alert in standing.values():
        content = content_of(alert)
        row = known.get(alert.alert_id)
        if row is not None:
            if judged.version <= judged_in(row.version):
                continue
            if row.status is not AlertStatus.WITHDRAWN and row.content == content:
                continue
        status = AlertStatus.RAISED if row is None or row.status is AlertStatus.WITHDRAWN else AlertStatus.UPDATED
        historic = row.historic if row is not None else as_of - alert.occurred_at > HISTORIC_MS
        said = revision(judged.records, alert.by_deadline)
        replaced = _replaced(alert, withdrawn)
        rows.append(
            StoredAlert(alert.alert_id, alert_version(judged.version, False), said, status, False, historic, replaced, content)
        )
    rows.extend(
        row._replace(
            version=alert_version(judged.version, False),
            revision=revision(judged.records, False),
            status=AlertStatus.WITHDRAWN,
            published=False,
        )
        for row in withdrawn
    )
    return rows


def _replaced(alert: StandingAlert, withdrawn: Iterable[StoredAlert]) -> str:
    """The withdrawn alert whose place this one takes: a run that shares a result with it."""
    if alert.rule is not AlertRule.THREE_FAILURES_IN_A_ROW:
        return ""
    own = {(evidence.source, evidence.event_id) for evidence in alert.evidence}
    for row in withdrawn:
        theirs = {(evidence.source, evidence.event_id) for evidence in standing_of(row.content).evidence}
        if own & theirs:
            return row.alert_id
    return ""


def message_of(row: StoredAlert) -> Alert:
    """The message of a stored row; the same row gives the same message however often it is sent."""
    alert = standing_of(row.content)
    return Alert(
        alert_id=row.alert_id,
        revision=row.revision,
        status=row.status,
        rule=alert.rule,
        severity=alert.severity,
        occurred_at=alert.occurred_at,
        cooperative_id=alert.cooperative_id,
        center_id=alert.center_id,
        factory_id=alert.factory_id,
        product_category=alert.product_category,
        style_number=alert.style_number,
        lot_ids=alert.lot_ids,
        order_id=alert.order_id,
        shipment_id=alert.shipment_id,
        subject=alert.subject,
        evidence=alert.evidence,
        text_zh=alert.text_zh,
        text_en=alert.text_en,
        replaces=row.replaces or None,
    )
