"""Rows of the tables that every kind has, by the names of their columns; those of its own stand in :mod:`weftline.domain.rows`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from weftline.domain.revisions import StoredAlert, standing_of
from weftline.domain.vocabulary import AlertStatus
from weftline.processors.messenger import DeadLetter


class StateColumns(NamedTuple):
    """What every row of state has, between its key and what the rules say."""

    version: int
    records: int
    partition: int
    next_deadline: int | None
    alerts: list[str]


class AlertColumns(NamedTuple):
    """A row of ``alerts``."""

    kind: str
    owner: str
    alert_id: str
    version: int
    partition: int
    subject_table: str
    subject_key: list[str]
    revision: int
    status: str
    published: int
    historic: int
    rule: str
    severity: str
    occurred_at: int
    cooperative_id: str
    center_id: str
    factory_id: str
    product_category: str
    subject: str
    text_zh: str
    text_en: str
    replaces: str
    content: str
    late_hours: int


class OutboxColumns(NamedTuple):
    """What is read of ``alerts``: whose it is, and how far it was told."""

    owner: str
    partition: int
    subject_table: str
    subject_key: list[str]
    alert_id: str
    version: int
    revision: int
    status: str
    published: int
    historic: int
    replaces: str
    content: str
    late_hours: int


class LetterColumns(NamedTuple):
    """A row of ``dead_letters``."""

    topic: str
    partition: int
    offset: int
    reason: str
    field: str
    detail: str
    schema_id: int | None
    key: bytes | None
    value: bytes | None
    received_at: int
    cut: str
    size: int | None
    sha256: str
    hashed: int


class SignatureColumns(NamedTuple):
    """A row of ``dead_letter_signatures``."""

    topic: str
    partition: int
    offset: int
    signature: bytes


class AttemptColumns(NamedTuple):
    """A row of ``processing_attempts``."""

    kind: str
    partition: int
    first: int
    last: int
    times: int


class AlertRow(NamedTuple):
    """A row of the table of alerts with the subject it belongs to."""

    owner: str
    partition: int
    subject_table: str
    subject_key: tuple[str, ...]
    alert: StoredAlert


def alert_columns(kind: str, row: AlertRow) -> AlertColumns:
    """The row of ``alerts`` of a processor's alert."""
    stored, alert = row.alert, standing_of(row.alert.content)
    return AlertColumns(
        kind=kind,
        owner=row.owner,
        alert_id=stored.alert_id,
        version=stored.version,
        partition=row.partition,
        subject_table=row.subject_table,
        subject_key=list(row.subject_key),
        revision=stored.revision,
        status=stored.status.value,
        published=int(stored.published),
        historic=int(stored.historic),
        rule=alert.rule.value,
        severity=alert.severity.value,
        occurred_at=alert.occurred_at,
        cooperative_id=alert.cooperative_id,
        center_id=alert.center_id,
        factory_id=alert.factory_id,
        product_category=alert.product_category,
        subject=alert.subject,
        text_zh=alert.text_zh,
        text_en=alert.text_en,
        replaces=stored.replaces,
        content=stored.content,
        late_hours=stored.late_hours,
    )


def alert_row(row: Sequence[Any]) -> AlertRow:
    """What was read of ``alerts``, in the order of :class:`OutboxColumns`."""
    read = OutboxColumns(*row)
    stored = StoredAlert(
        alert_id=read.alert_id,
        version=read.version,
        revision=read.revision,
        status=AlertStatus(read.status),
        published=bool(read.published),
        historic=bool(read.historic),
        replaces=read.replaces,
        content=read.content,
        late_hours=read.late_hours,
    )
    return AlertRow(read.owner, read.partition, read.subject_table, tuple(read.subject_key), stored)


def letter_columns(letter: DeadLetter) -> LetterColumns:
    """The row of ``dead_letters`` of a letter."""
    record, cut = letter.record, letter.cut
    return LetterColumns(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=letter.reason,
        field=letter.field,
        detail=letter.detail,
        schema_id=letter.schema_id,
        key=record.key,
        value=record.value,
        received_at=record.timestamp,
        cut=cut.problem,
        size=cut.size,
        sha256=cut.sha256,
        hashed=cut.hashed,
    )
