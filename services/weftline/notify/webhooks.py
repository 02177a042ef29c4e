"""Webhooks as Standard Webhooks have them: an alert as JSON, three headers, and what an answer means. Pure.

``webhook-id`` is the same for one revision of one alert, however often it is sent; the body has both in the clear, and a receiver that
keeps (``alert_id``, ``revision``) knows a repeat. While a secret is being changed both sign, and the receiver may have either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import Webhook

import weftline
from weftline.notify.chat import Request
from weftline.notify.delivery import Answer, Verdict

#: What a receiver says on 410: that it wants nothing any more.
_GONE: Final = 410
_TOO_FAST: Final = (429, 503)


def message_id(alert_id: str, revision: int) -> str:
    """Made of both, and of letters that a header may have whatever an alert is called."""
    both = f"{alert_id}\x1f{revision}".encode()
    return f"msg_{hashlib.blake2b(both, digest_size=16).hexdigest()}"


def request(url: str, alert_id: str, revision: int, body: str, secrets: Sequence[str], now: float) -> Request:
    """What is posted; ``secrets``: the one in use, and for a while its predecessor."""
    name, at = message_id(alert_id, revision), datetime.fromtimestamp(int(now), UTC)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": f"weftline/{weftline.__version__}",
        "webhook-id": name,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(Webhook(secret).sign(name, at, body) for secret in secrets),
    }
    return Request(url, body.encode(), headers)


def body_of(message: Mapping[str, object]) -> str:
    """One form for ever, so that a repeat is the same bytes."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def answer(status: int, headers: Mapping[str, str]) -> Answer:
    """Any 2xx is a delivery. All else is tried again, since receivers are mended; but 410 is meant."""
    if 200 <= status < 300:
        return Answer(Verdict.DELIVERED, f"HTTP {status}")
    if status == _GONE:
        return Answer(Verdict.GONE, "HTTP 410: the receiver wants nothing any more")
    if 300 <= status < 400:
        return Answer(Verdict.LATER, f"HTTP {status}: a redirect, which is not followed; give the address that it leads to")
    after = retry_after(headers.get("retry-after", ""))
    return Answer(Verdict.LATER, f"HTTP {status}", after, too_fast=status in _TOO_FAST and after is not None)


def retry_after(text: str, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After asks for, given as such or as a date; None if it says nothing."""
    from email.utils import parsedate_to_datetime

    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text), 10**9)) if len(text) < 12 else 1e9
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
