"""Who is let in: Host and Origin before anything else, then the token, then how much its partner may send.

Whoever is not let in is told one thing, whatever the reason: no token, a wrong one, an expired one and one of a disabled partner look
alike, and take alike long.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weftline.contracts.partners import Caller, Partners, Role
from weftline.contracts.publishers import Grants
from weftline.errors import DependencyDown, WeftlineError
from weftline.gateway.limits import Limits
from weftline.gateway.problems import Kind, Problem, wait
from weftline.gateway.tables import Tables
from weftline.pages.links import PATH
from weftline.runtime import guard
from weftline.warehouse import partners as tables
from weftline.warehouse import publishers

#: A partner that is added, rotated or disabled is known after so long.
FRESH_SECONDS: Final = 5.0
#: While ClickHouse is away it is asked again so often.
AGAIN_SECONDS: Final = 1.0
#: Uses of tokens are written down so often; a figure for people.
USES_SECONDS: Final = 60.0
#: Requests a minute that one address may send without a token that holds: a person who tries, and a program with an old token.
STRANGERS_PER_MINUTE: Final = 60
_LET_IN: Final = 'Bearer realm="weftline"'


class Guarded:
    """ASGI middleware: what :mod:`weftline.runtime.guard` refuses is refused, on every address, and every answer is marked."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no websockets are served here"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # A link in a message, or a bookmark, leads to a page from elsewhere. It can only be opened, not asked to do anything.
        page = scope["method"] == "GET" and (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/"))
        refused = guard.refusal(headers, headers.getlist("host"), self._allowed, pages=page)
        if refused is None:
            await self._app(scope, receive, _marked(send))
        else:
            await Problem(Kind.FOREIGN_PAGE, refused).response()(scope, receive, _marked(send))


def _marked(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in (*guard.HEADERS.items(), ("Cache-Control", "no-store")):
                headers.setdefault(name, value)  # a page may be stricter
        await send(message)

    return marked


def neighbourhood(address: str) -> str:
    """What one machine can call itself: an IPv4 address, or all of IPv6 that it gets, of which it may take another each time."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def now_ms() -> int:
    """The wall clock, by which tokens expire."""
    return time.time_ns() // 1_000_000


class Door:
    """Partners as the tables have them, read again when that is some seconds ago."""

    def __init__(
        self, source: Tables, *, bound: bool = False, now: Callable[[], int] = now_ms, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._bound = bound
        self._now = now
        self._clock = clock
        self._partners = Partners((), ())
        self.grants = Grants(())
        self._read_at = -float("inf")
        self._away: tuple[float, DependencyDown] | None = None
        self._reading = asyncio.Lock()
        self._limits = Limits()
        self._strangers = Limits()
        self._used: dict[str, int] = {}

    async def enter(self, authorization: str | None, address: str) -> Caller:
        """Who asks; :class:`Problem` for whoever is not let in, :class:`~weftline.errors.DependencyDown` where nobody can tell.

        ``address``: from where. Who is known is let in however many strangers share it: all of a factory come by one address, and none
        may lock the others out by guessing.
        """
        await self._refresh()
        scheme, _, text = (authorization or "").partition(" ")
        caller = self._partners.caller(text.strip(), self._now()) if scheme.lower() == "bearer" else None
        if caller is None:
            seconds = self._strangers.take(neighbourhood(address), STRANGERS_PER_MINUTE, 1, self._clock())
            if seconds:
                raise wait(
                    f"Too many requests without a valid token come from this address; come again in {seconds:.0f} s",
                    seconds,
                    Kind.TOO_MANY,
                )
            raise Problem(
                Kind.NOT_KNOWN,
                "Send the token that you were given as `Authorization: Bearer wft_…`; whoever runs Weftline gives another with "
                "`weftline partner rotate`",
                headers={"WWW-Authenticate": _LET_IN},
            )
        self._used[caller.token.token_id] = self._now()
        return caller

    async def knows(self, role: Role) -> bool:
        """Whether anybody with this role would be let in; :class:`~weftline.errors.DependencyDown` where nobody can tell."""
        await self._refresh()
        return self._partners.has(role, self._now())

    async def still(self, caller: Caller) -> Caller | None:
        """The same caller some time later; None if he is not let in any more."""
        with suppress(WeftlineError):  # what cannot be read now was true a moment ago
            await self._refresh()
        return self._partners.still(caller, self._now())

    async def known(self, token_id: str) -> Caller | None:
        """Whose token has this name, for whoever has shown the token itself before; None if it is not taken any more."""
        await self._refresh()
        caller = self._partners.known(token_id, self._now())
        if caller is not None:
            self._used[token_id] = self._now()
        return caller

    def charge(self, caller: Caller, amount: int) -> None:
        """Count what a caller sends; :class:`Problem` if it is too much for now."""
        partner = caller.partner
        seconds = self._limits.take(partner.partner_id, partner.per_minute, amount, self._clock())
        if seconds:
            raise wait(
                f"This partner may send {partner.per_minute} requests or events a minute; come again in {seconds:.0f} s",
                seconds,
                Kind.TOO_MANY,
            )

    async def write_uses(self) -> None:
        """Write down which tokens were taken since the last time."""
        used, self._used = self._used, {}
        if used:
            try:
                await self._source.insert("partner_uses", [list(used), list(used.values())], tables.USE_COLUMNS)
            except WeftlineError:
                self._used = {**used, **self._used}
                raise

    async def _refresh(self) -> None:
        async with self._reading:
            if self._clock() - self._read_at < FRESH_SECONDS:
                return
            at = self._clock()
            if self._away is not None and at - self._away[0] < AGAIN_SECONDS:
                raise self._away[1]
            try:
                found = tables.partners_of(await self._source.rows(tables.PARTNERS), await self._source.rows(tables.TOKENS))
                if self._bound:
                    self.grants = publishers.grants_of(await self._source.rows(publishers.ALL))
            except DependencyDown as error:
                # Whoever has waited behind this one is told the same: else they would all ask, one after the other.
                self._away = self._clock(), error
                raise
            self._partners, self._read_at, self._away = found, at, None
