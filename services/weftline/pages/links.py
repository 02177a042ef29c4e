"""Links that open one factory's inbox for a while: made by whoever tells alerts, opened by the gateway.

Both have the key ``WEFTLINE_LINK_KEY``. What a link says can be read by everybody who has it, and changed or made by nobody without the
key. It names one factory, the alert that it was sent with, and its own end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer

from weftline.errors import UserError
from weftline.pages.text import Language

#: As many as `secrets.token_hex(16)` gives: 128 bits cannot be guessed.
LEAST_KEY: Final = 32
PATH: Final = "/inbox"
_MS_PER_HOUR: Final = 3_600_000


class Seal:
    """Values that come back unchanged, or not at all. ``purpose``: what was sealed for another one does not open here.

    :class:`~weftline.errors.UserError` for a key that is too short.
    """

    def __init__(self, key: str, purpose: str) -> None:
        if len(key) < LEAST_KEY:
            raise UserError(
                f"WEFTLINE_LINK_KEY has {len(key)} characters and needs {LEAST_KEY} at least; "
                "`python -c 'import secrets; print(secrets.token_hex(32))'` makes one"
            )
        self._serializer = URLSafeSerializer(
            key, salt=f"weftline-{purpose}", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def close(self, values: Sequence[str | int]) -> str:
        """As letters that a URL and a cookie may have."""
        return str(self._serializer.dumps(list(values)))

    def open(self, text: str) -> list[Any] | None:
        """What :meth:`close` was given; None for anything that is not exactly what it gave."""
        try:
            values = self._serializer.loads(text)
        except BadData:
            return None
        # The last character of base64 holds two idle bits, so that four texts would be one signature.
        return values if isinstance(values, list) and self.close(values) == text else None


class Link(NamedTuple):
    """What a link opens. ``alert_id``: where it leads first, empty for the list; ``expires_at`` in ms."""

    factory_id: str
    alert_id: str
    expires_at: int


class Links:
    """Links as text."""

    def __init__(self, key: str) -> None:
        self._seal = Seal(key, "inbox-link")

    def written(self, link: Link) -> str:
        """The signed text."""
        return self._seal.close(link)

    def read(self, text: str, now: int) -> Link | None:
        """The link, if it is one and has not ended at ``now`` (ms)."""
        match self._seal.open(text):
            # A name with * at its end would stand for several factories (contracts/partners.py).
            case [str(factory), str(alert), int(end)] if factory and not factory.endswith("*") and now < end:
                return Link(factory, alert, end)
        return None


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where a factory's inbox is. ``address``: of the gateway, as a phone reaches it; ``hours``: how long a link holds."""

    address: str
    links: Links
    factory_id: str
    hours: int

    def href(self, alert_id: str, now: float, language: Language) -> str:
        """The link to an alert, or to the list; ``now`` in seconds."""
        link = Link(self.factory_id, alert_id, int(now * 1000) + self.hours * _MS_PER_HOUR)
        return f"{self.address.rstrip('/')}{PATH}?{urlencode({'lang': language, 'link': self.links.written(link)})}"
