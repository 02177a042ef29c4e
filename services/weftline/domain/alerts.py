"""Quality alerts: what stands, under which id, in which words.

An alert's id is derived from the rule and the *business subject* (the report and indicator, the lot and class, the order and
round, the first result of a run), never from the event that caused it: whichever events tell the same story raise the same alert.
Evidence is frozen at what made the alert true. An alert states what happened; it is withdrawn when a late event or a correction
shows that it did not happen, and is not closed by what went well afterwards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One event that made an alert true."""

    source: str
    event_id: str
    event_time: int
    subject: str | None = None
    indicator: str | None = None
    value: str | None = None
    limit: str | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingAlert:
    """An alert that the events known make true; a pure function of them and of ``as_of``.

    ``by_deadline``: only a deadline that passed without an event makes it stand. ``severity`` is in the terms of Catena-X CX-0125.
    """

    alert_id: str
    rule: AlertRule
    severity: AlertSeverity
    occurred_at: int
    cooperative_id: str
    center_id: str
    factory_id: str
    product_category: str = ""
    style_number: str | None = None
    lot_ids: tuple[str, ...] = ()
    order_id: str | None = None
    shipment_id: str | None = None
    subject: str
    evidence: tuple[Evidence, ...]
    text_zh: str
    text_en: str
    by_deadline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAlert:
    """One revision of an alert, as a digest lists it (Avro ``ListedAlert``).

    ``late_hours``: it was first told so many hours after it happened, which the texts say too; 0: in time.
    """

    alert_id: str
    revision: int
    status: AlertStatus
    rule: AlertRule
    severity: AlertSeverity
    occurred_at: int
    cooperative_id: str
    center_id: str
    factory_id: str
    product_category: str
    style_number: str | None
    lot_ids: tuple[str, ...]
    order_id: str | None
    shipment_id: str | None
    subject: str
    evidence: tuple[Evidence, ...]
    text_zh: str
    text_en: str
    replaces: str | None = None
    late_hours: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(ListedAlert):
    """What is published of alerts (Avro ``QualityAlert``): one revision of one, or a digest, whose own fields sum up what it lists."""

    listed: tuple[ListedAlert, ...] = ()

    @property
    def each(self) -> tuple[ListedAlert, ...]:
        """The revisions that this message tells: those listed, or itself."""
        return self.listed or (self,)


def alert_id(rule: AlertRule, *subject: str) -> str:
    """The id of the alert of ``rule`` about ``subject``: 26 hexadecimal digits behind the rule's name.

    The parts are joined by U+001F, which no identifier may contain, so no two subjects share an id.
    """
    digest = hashlib.blake2b("\x1f".join((rule, *subject)).encode(), digest_size=13).hexdigest()
    return f"{rule.lower().replace('_', '-')}:{digest}"
