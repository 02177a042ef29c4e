"""Who reads an inbox: known by a signed link or by the token of a factory or an officer once, and then by a cookie that names neither.

The cookie is HttpOnly and SameSite=Strict, so no other site's page can use it. One from a link ends when the link does. One from a token
ends after :data:`HOURS`, and at once when the token is revoked or its partner disabled, since it is looked up with every request.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

from weftline.contracts.partners import Caller, Partner, Role, Token
from weftline.gateway import journal
from weftline.gateway.door import Door, now_ms
from weftline.gateway.problems import Problem
from weftline.pages.links import Links, Seal

COOKIE: Final = "weftline_inbox"
#: A working day: whoever signs in with a token is asked for it once in the morning.
HOURS: Final = 12
#: How a reader's name begins who is known by a link alone, as answers have it.
LINK_NAME: Final = "link:"
_MS_PER_HOUR: Final = 3_600_000


class Opened(NamedTuple):
    """A session that begins. ``cookie``: what the browser keeps, for ``seconds``; ``alert_id``: where it was to lead, or empty."""

    cookie: str
    seconds: int
    alert_id: str = ""


class Sessions:
    """``key`` None: nobody can have signed a link, so none opens, and sessions end with this process."""

    def __init__(self, door: Door, key: str | None, now: Callable[[], int] = now_ms) -> None:
        self._door = door
        self._links = None if key is None else Links(key)
        self._seal = Seal(key or secrets.token_hex(32), "inbox-session")
        self._now = now

    def by_link(self, text: str) -> Opened | None:
        """The session that a link opens; None if it is none of ours, or over."""
        link = None if self._links is None else self._links.read(text, self._now())
        if link is None:
            return None
        cookie = self._seal.close(["link", link.factory_id, link.expires_at])
        return Opened(cookie, (link.expires_at - self._now()) // 1000, link.alert_id)

    async def by_token(self, text: str) -> Opened | None:
        """The session of whoever has the token of a factory or of a cooperative's officer; None for anybody else."""
        try:
            caller = await self._door.enter(f"Bearer {text}", journal.address())
        except Problem:
            return None
        if caller.partner.role not in (Role.FACTORY, Role.OFFICER):
            return None
        ends = self._now() + HOURS * _MS_PER_HOUR
        return Opened(self._seal.close(["token", caller.token.token_id, ends]), HOURS * 3600)

    async def caller(self, cookie: str | None) -> Caller | None:
        """Who reads; None if the cookie is none of ours or over, or its token is not taken any more."""
        match self._seal.open(cookie or ""):
            case [str(kind), str(name), int(end)] if self._now() < end:
                return await self._door.known(name) if kind == "token" else _by_link(name, end)
        return None


def _by_link(factory_id: str, ends: int) -> Caller:
    """A reader who is no partner: he may see what that one factory may, for as long as the link holds."""
    name = f"{LINK_NAME}{factory_id}"
    reader = Partner(partner_id=name, role=Role.FACTORY, factories=(factory_id,))
    return Caller(reader, Token(partner_id=name, token_id=name, digest="", made_at=0, expires_at=ends))
