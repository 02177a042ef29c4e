"""Webhooks that partners registered with the gateway, as receivers beside those of the file.

They are read from ClickHouse every few seconds. While it is away the dispatcher goes on with what it knew, which is in its outbox; tokens
that end and secrets whose day is over are judged by the clock all the same. On the way back it writes down where deliveries stand, for the
partner to read.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from weftline.contracts.partners import Partner, Role
from weftline.contracts.webhooks import Bound, Secrets, Told
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.errors import UserError, WeftlineError
from weftline.notify.dispatcher import Dispatcher
from weftline.notify.receivers import WEBHOOK, Receiver
from weftline.notify.receivers_file import WEBHOOK_PER_MINUTE
from weftline.runtime import logging
from weftline.runtime.settings import Settings

log = logging.get(__name__)
Word = TypeVar("Word", AlertSeverity, AlertRule)

#: What was registered, rotated or removed is known after so long.
LOOK_SECONDS: Final = 3.0
#: Rows of one insert, of which there is one at each look at most.
MOST_TOLD: Final = 2_000


class Registry(Protocol):
    """Where partners' webhooks stand, and where it is told what became of deliveries to them."""

    async def registered(self) -> list[Bound]:
        """Every webhook that stands."""

    async def tell(self, told: Iterable[Told], now: int) -> None:
        """Keep where deliveries stand; ``now``: ms."""

    async def close(self) -> None:
        """Let go of whatever it holds."""


class Rules:
    """How a registration becomes a receiver. ``allow_private``: whether it may be in a network of one's own."""

    def __init__(self, secrets: Secrets, *, allow_private: bool) -> None:
        self._secrets = secrets
        self._allow_private = allow_private

    def receivers(self, found: Iterable[Bound], now: int) -> tuple[Receiver, ...]:
        """Those whose partner is let in at ``now`` (ms)."""
        return tuple(self._receiver(one, now) for one in found if one.let_in(now))

    def stale(self, found: Iterable[Bound]) -> list[str]:
        """Webhooks whose owner was shown a secret that another key made."""
        return [one.webhook.webhook_id for one in found if one.webhook.key_id != self._secrets.key_id]

    def _receiver(self, one: Bound, now: int) -> Receiver:
        webhook, (factory_id, cooperative_id, center_id) = one.webhook, party_of(one.partner)
        return Receiver(
            id=webhook.webhook_id,
            kind=WEBHOOK,
            address=webhook.url,
            factory_id=factory_id,
            cooperative_id=cooperative_id,
            center_id=center_id,
            severities=_words(AlertSeverity, webhook.severities),
            rules=_words(AlertRule, webhook.rules),
            zh=True,
            secrets=self._secrets.signing(webhook, now),
            allow_private=self._allow_private,
            per_minute=WEBHOOK_PER_MINUTE,
            digest_minutes=0,
            keyword="",
            partner=one.partner,
        )


def rules_of(settings: Settings) -> Rules | None:
    """None where partners register none. :class:`UserError` where they do, and there is no key to make their secrets of."""
    if settings.webhooks == "off":
        return None
    if settings.link_key is None:
        raise UserError(
            "WEFTLINE_WEBHOOKS lets partners register webhooks, so WEFTLINE_LINK_KEY is needed, the same as the gateway's"
        )
    return Rules(Secrets(settings.link_key.get_secret_value()), allow_private=settings.webhooks == "private")


def party_of(partner: Partner) -> tuple[str | None, str | None, str | None]:
    """The one factory, cooperative or center that a partner is; nobody where it is several, of whom its rights alone decide."""

    def only(names: Sequence[str]) -> str | None:
        return names[0] if len(names) == 1 and not names[0].endswith("*") else None

    if partner.role is Role.FACTORY:
        return only(partner.factories), None, None
    if partner.role is Role.OFFICER:
        return None, only(partner.cooperatives), None
    if partner.role is Role.CENTER:
        return None, None, only(partner.centers)
    return None, None, None


def _words(of: type[Word], chosen: Sequence[str]) -> frozenset[Word]:
    """Those that were chosen, all if none were. One that this version does not know is for a newer one, which registered it."""
    return frozenset(word for word in of if (not chosen or word.value in chosen) and word.value != "UNKNOWN")


class Following:
    """Keeps the dispatcher's receivers as the tables have them: :meth:`run`, until it is cancelled.

    ``own``: those of the file; ``fault``: why nothing can be read now, empty while it can; ``looks``: how often it was looked.
    """

    def __init__(
        self,
        registry: Registry,
        rules: Rules,
        dispatcher: Dispatcher,
        own: Sequence[Receiver],
        found: Sequence[Bound],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._registry = registry
        self._rules = rules
        self._dispatcher = dispatcher
        self._own = tuple(own)
        self._found = list(found)
        self._clock = clock
        self._stale: list[str] = []
        self.fault = "they were not read yet"
        self.looks = 0

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Read them, serve them, and tell what became of deliveries to them. Whatever fails is said, and waits for the next time."""
        try:
            await self._read()
            self._says("")
        except (WeftlineError, sqlite3.Error) as error:
            self._says(str(error))
        try:
            await self._dispatcher.serve((*self._own, *self._rules.receivers(self._found, self._now)))
            if not self.fault:
                await self._tell()
        except (WeftlineError, sqlite3.Error) as error:
            self._says(str(error))
        self.looks += 1

    async def _read(self) -> None:
        found = await self._registry.registered()
        await self._dispatcher.ask(lambda box: box.keep_registrations(found))
        self._found = found
        stale = self._rules.stale(found)
        if stale != self._stale and stale:
            log.warning(
                "secrets were shown that another key made; their partners must rotate", webhooks=stale[:20], count=len(stale)
            )
        self._stale = stale

    async def _tell(self) -> None:
        last, rows = await self._dispatcher.ask(lambda box: box.untold(MOST_TOLD))
        if last:
            await self._registry.tell(rows, self._now)
            await self._dispatcher.ask(lambda box: box.told_to_partners(last))

    def _says(self, fault: str) -> None:
        if fault and fault != self.fault:
            log.warning("waiting", dependency="registered webhooks", error=fault)
        elif self.fault and not fault:
            log.info("reading registered webhooks", count=len(self._found))
        self.fault = fault

    @property
    def _now(self) -> int:
        return int(self._clock() * 1000)
