"""Webhooks that partners register with the gateway: what is kept of one, whose alerts it is told, and how it is signed.

No secret is stored. It is made of a key that gateway and dispatcher share (``WEFTLINE_LINK_KEY``), of the webhook's id and of a number
that grows when it is rotated: whoever reads the tables can sign nothing. Another key makes other secrets, of all webhooks at once; so each
row bears a mark of the key of which its secret was made when it was last shown, and its owner is told that he must rotate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, NamedTuple

from weftline.contracts.partners import Partner
from weftline.errors import UserError

#: The former secret signs beside the new one for so long: whoever changes it in an ERP need not do so within the minute.
OVERLAP_MS: Final = 86_400_000
#: Of one partner. Each costs the dispatcher a connection and a task.
MOST: Final = 20
#: As of links (:mod:`weftline.pages.links`), whose key it is.
_LEAST_KEY: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A webhook as it is kept. Times in ms; empty ``severities`` and ``rules`` stand for all; ``rotated_at``: None for the first secret."""

    webhook_id: str
    partner_id: str
    url: str
    severities: tuple[str, ...]
    rules: tuple[str, ...]
    generation: int
    key_id: str
    made_at: int
    rotated_at: int | None
    removed: bool
    changed_at: int

    def former_until(self, now: int) -> int | None:
        """Until when the former secret signs too; None if there is none, or it does not any more."""
        until = None if self.rotated_at is None else self.rotated_at + OVERLAP_MS
        return until if until is not None and now < until else None


class Bound(NamedTuple):
    """A webhook with its partner; ``ends_at``: when the last of the partner's tokens ends (ms), None if one holds for good."""

    webhook: Registered
    partner: Partner
    ends_at: int | None

    def let_in(self, now: int) -> bool:
        """Whether the partner would be let in, so that anything is sent at all."""
        return not self.partner.disabled and (self.ends_at is None or now < self.ends_at)


class Told(NamedTuple):
    """Where a delivery stands, as its partner is told. Times in ms."""

    webhook_id: str
    alert_id: str
    revision: int
    state: str
    attempts: int
    arrived_at: int
    last_at: int | None
    next_at: int | None
    answer: str


def new_id() -> str:
    """An id that nobody else has."""
    return f"wh_{secrets.token_hex(12)}"


class Secrets:
    """Secrets of webhooks, as Standard Webhooks writes them. :class:`~weftline.errors.UserError` for a key that could be guessed."""

    def __init__(self, key: str) -> None:
        if len(key) < _LEAST_KEY:
            raise UserError(
                f"WEFTLINE_LINK_KEY has {len(key)} characters and needs {_LEAST_KEY} at least to make secrets of webhooks; "
                "`python -c 'import secrets; print(secrets.token_hex(32))'` makes one"
            )
        self._key = key.encode()
        self.key_id = self._made("key").hex()[:16]

    def of(self, webhook_id: str, generation: int) -> str:
        """The secret of a webhook."""
        return f"whsec_{base64.b64encode(self._made('secret', webhook_id, str(generation))).decode()}"

    def signing(self, webhook: Registered, now: int) -> tuple[str, ...]:
        """With what its deliveries are signed: its secret, and for a while the former one."""
        generations = [webhook.generation, *([webhook.generation - 1] if webhook.former_until(now) is not None else [])]
        return tuple(self.of(webhook.webhook_id, generation) for generation in generations)

    def _made(self, *of: str) -> bytes:
        # The first word keeps these apart from all that is signed with the same key.
        return hmac.digest(self._key, "\x1f".join(("weftline-webhook", *of)).encode(), hashlib.sha256)
