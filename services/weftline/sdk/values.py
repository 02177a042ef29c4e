"""Times and symbols as publishers give them, and the identity of an event that was given none."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, TypeVar

from weftline.contracts.dates import time_of
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import to_json
from weftline.errors import ContractError

Symbol = TypeVar("Symbol", bound=StrEnum)

Time: TypeAlias = datetime | int
"""An aware datetime, or milliseconds since the epoch, UTC."""

Day: TypeAlias = Time | date
"""A time; or a date, where only that is known: a day in the zone of the event. A promise or expectation by date ends with its day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def content_id(event: AnyEvent) -> str:
    """``content:`` and 40 hexadecimal digits of the SHA-256 of everything that the event says, but its identity.

    The same call made again gives the same event, so that a retry is harmless. The price: two events that happened in the same
    millisecond and say the same are one. Where that can be (exports that give dates only), give ``event_id`` or ``sequence``.
    Fields at their default take no part, so that a field added by a later version of a schema changes no id.
    """
    content = to_json(replace(event, event_id="-"))
    del content["event_id"]
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"content:{hashlib.sha256(canonical.encode()).hexdigest()[:40]}"


def milliseconds(field: str, value: Day, zone: str | None = None) -> int:
    """Milliseconds since the epoch; a fraction of one is cut off. ``zone``: the offset in which a date is a day, if one may stand here."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ContractError(
                field, f"{value.isoformat()} has no time zone; give an aware datetime or milliseconds since the epoch"
            )
        return (value - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, date):
        if zone is None:
            raise ContractError(field, f"{value.isoformat()} has no time; give an aware datetime or milliseconds since the epoch")
        return time_of(field, value, zone)
    return value


def is_date(value: object) -> bool:
    """Whether it is a date without a time."""
    return isinstance(value, date) and not isinstance(value, datetime)


def offset(value: Day) -> str | None:
    """Local offset of an aware datetime as EPCIS writes it, ``+08:00``; None for milliseconds and dates."""
    if not isinstance(value, datetime):
        return None
    text = value.strftime("%z")  # +0800; seconds of historic local times have no place in an EPCIS offset
    return f"{text[:3]}:{text[3:5]}"


def optional_time(field: str, value: Time | None) -> int | None:
    """:func:`milliseconds` of a time that need not be given."""
    return None if value is None else milliseconds(field, value)


def given(field: str, value: str | None, default: str | None) -> str:
    """What is said with an event, else ``default``; :class:`ContractError` if neither is."""
    found = default if value is None else value
    if found is None:
        raise ContractError(field, "is given neither with the event nor to the Publisher")
    return found


def symbol(field: str, kind: type[Symbol], value: Symbol | str) -> Symbol:
    """A member of an enumeration, given as itself or as its symbol; :class:`ContractError` lists the symbols."""
    try:
        return kind(value)
    except ValueError:
        raise ContractError(field, f"{value!r} is none of {', '.join(kind)}") from None


def optional_symbol(field: str, kind: type[Symbol], value: Symbol | str | None) -> Symbol | None:
    """:func:`symbol` of what need not be given."""
    return None if value is None else symbol(field, kind, value)
