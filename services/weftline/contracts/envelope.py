"""CloudEvents 1.0 attributes as Kafka headers, binary mode: readable without the schema, by any CloudEvents tool."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from weftline.contracts.kinds import Message, kind_of
from weftline.contracts.rules import iso
from weftline.domain.alerts import Alert
from weftline.errors import ContractError

CONTENT_TYPE = "application/avro"
ALERT_SOURCE = "urn:weftline:quality-alerts"

Headers = list[tuple[str, bytes]]


class Envelope(NamedTuple):
    """The CloudEvents attributes of a record; ``time`` as it was written."""

    id: str
    source: str
    type: str
    time: str | None
    subject: str | None
    content_type: str | None


def cloudevents_headers(message: Message) -> Headers:
    """Headers of an event or alert.

    ``ce_id`` and ``ce_source`` are the event's identity, which a correction shares with the event that it corrects. An alert's id
    is (id, revision), which a repeat shares. ``ce_subject`` is the business subject: order, factory, shipment, or alert.
    """
    if isinstance(message, Alert):
        identity, source, subject = f"{message.alert_id}/{message.revision}", ALERT_SOURCE, message.alert_id
        time = message.occurred_at
    else:
        identity, source, subject = message.event_id, message.source, message.owner
        time = message.event_time
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind_of(message).ce_type.encode()),
        ("ce_time", iso(time).encode()),
        ("ce_subject", subject.encode()),
        ("content-type", CONTENT_TYPE.encode()),
    ]


def read_envelope(headers: Iterable[tuple[str, bytes | None]]) -> Envelope | None:
    """The attributes in ``headers``, or none where there are no CloudEvents headers at all.

    :class:`ContractError` names the attribute that is missing or wrong. Of a header given twice the last counts, as in Kafka.
    """
    try:
        found = {name.lower(): value.decode() for name, value in headers if value is not None and _ours(name)}
    except UnicodeDecodeError:
        raise ContractError("headers", "are not UTF-8") from None
    if not any(name.startswith("ce_") for name in found):
        return None
    if found.get("ce_specversion") != "1.0":
        raise ContractError("ce_specversion", f"must be 1.0, not {found.get('ce_specversion')!r}")
    for name in ("ce_id", "ce_source", "ce_type"):
        if not found.get(name):
            raise ContractError(name, "is missing")
    time = found.get("ce_time")
    if time is not None and not _is_rfc3339(time):
        raise ContractError("ce_time", f"must be a time with its offset as RFC 3339 writes it, not {time!r}")
    return Envelope(found["ce_id"], found["ce_source"], found["ce_type"], time, found.get("ce_subject"), found.get("content-type"))


def _ours(name: str) -> bool:
    return name.lower().startswith("ce_") or name.lower() == "content-type"


def _is_rfc3339(time: str) -> bool:
    try:
        return datetime.fromisoformat(time).tzinfo is not None
    except ValueError:
        return False
