"""A time as RFC 3339 has it: the internet's profile of ISO 8601, which EPCIS and JSON Schema ask for.

What the standard library reads is another set: it knows forms that RFC 3339 has not (week dates, no colons), and not all that it has
(a leap second, letters in lower case).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt](?P<minute>\d\d:\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(text: str) -> int | None:
    """Milliseconds since the epoch, a fraction of one cut off; None if ``text`` is no time of RFC 3339.

    A leap second is the first second after it, as POSIX counts: it can only be the last of a month in UTC.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    leap = match["second"] == "60"
    offset = "+00:00" if match["offset"] in "Zz" else match["offset"]
    try:
        when = datetime.fromisoformat(f"{match['date']}T{match['minute']}:{'59' if leap else match['second']}{offset}")
        when = when.astimezone(UTC)
        if leap:
            when += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    if leap and (when.day, when.hour, when.minute, when.second) != (1, 0, 0, 0):
        return None
    return (when - _EPOCH) // _MILLISECOND + int((match["fraction"] or "")[:3].ljust(3, "0"))
