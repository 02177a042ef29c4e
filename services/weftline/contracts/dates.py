"""Dates without a time where a publisher may give one: in JSON, in a file, from the SDK."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from weftline.contracts.rules import offset, shown, within
from weftline.domain.days import DAY, last_of_day, offset_minutes
from weftline.domain.vocabulary import Precision
from weftline.errors import ContractError

#: What by date ends with its day, and what begins with it: it happened at some time of the day, so it is not late within it.
BY_ITS_END: Final = ("promised_at", "expected_departure_at", "expected_arrival_at", "target_at")
BY_ITS_BEGIN: Final = ("event_time", "actual_departure_at", "actual_arrival_at")
_DATE: Final = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})")
_EPOCH: Final = date(1970, 1, 1).toordinal()


def time_of(field: str, day: date, zone: str) -> int:
    """The time (ms since the epoch) that a date gives in a field, in the zone with that offset."""
    begin = (day.toordinal() - _EPOCH) * DAY - offset_minutes(zone) * 60_000
    return last_of_day(begin) if field in BY_ITS_END else begin


def as_times(fields: dict[str, Any]) -> None:
    """Put times where an event's JSON has dates, in place. A date is written 2026-11-28 or 2026/11/28."""
    for field in (*BY_ITS_BEGIN, *BY_ITS_END):
        as_time(fields, field)


def as_time(fields: dict[str, Any], field: str) -> None:
    """The same of one field."""
    value = fields.get(field)
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return
    try:
        day = date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError as error:
        raise ContractError(field, f"{shown(value)} is no date: {error}") from None
    zone = fields.get("event_time_zone_offset")
    if zone is None:
        raise ContractError(
            "event_time_zone_offset", f"is missing: {field} {shown(value)} is a date, and whose day it is depends on the zone"
        )
    try:
        fields[field] = time_of(field, day, offset(zone))
    except ContractError as error:
        raise within("event_time_zone_offset", error) from None
    if field == "event_time":
        fields.setdefault("precision", Precision.DAY.value)
