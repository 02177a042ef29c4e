"""The login of the board: asked for wherever more than this machine can reach it.

Who looks is an operator (:mod:`weftline.contracts.partners`), since the board shows every center and factory. The token is sent once, by a
form; the browser then keeps the name of a session, 256 random bits that no script can read and no other site can send. A session lasts
as long as the browser, half a day at most, and no longer than its token: whoever is disabled is out within seconds, open pages included.
Sessions are this process's alone, so a board that starts anew asks again.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope

from weftline.contracts.partners import Caller, Role
from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.gateway.door import Door as Partners
from weftline.gateway.problems import Problem
from weftline.runtime import guard

PATH: Final = "/login"
COOKIE: Final = "weftline_board"
#: A working day with its handover.
SESSION_SECONDS: Final = 12 * 3600
#: Sessions at one time; the oldest ends first.
KEPT: Final = 1_000
#: A token and where it leads; whatever is larger is no login.
MOST_BYTES: Final = 8_192
FORM_HEADERS: Final = {
    **guard.HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
}
_PAGE: Final = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>登录 · Weftline</title>{again}
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem}}
input,button{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;margin:.4rem 0}}[role=alert]{{color:#c0392b}}</style></head>
<body><h1>Weftline</h1>{said}<form method="post" action="/login"><label for="token">运维口令 <span lang="en">Operator's token</span></label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="to" value="{to}"><button>登录 <span lang="en">Log in</span></button></form>
<p>口令由平台管理员发放。<span lang="en">Whoever runs Weftline makes one: <code>weftline partner add NAME --role operator</code></span></p>
</body></html>
"""
_WRONG: Final = '<p role="alert">口令无效。<span lang="en">This token is not an operator\'s, or does not hold.</span></p>'
_LATER: Final = '<p role="alert">请稍候再试。<span lang="en">Nobody can be let in now; try again in a while.</span></p>'
#: The browser sends no cookie when a link elsewhere led here; asked once more by this page itself, it does.
_AGAIN: Final = '<meta http-equiv="refresh" content="0">'


class Login:
    """Sessions of those who are logged in. ``encrypted``: the browser is told to send its session by TLS alone."""

    def __init__(self, partners: Partners, *, encrypted: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._partners = partners
        self._encrypted = encrypted
        self._clock = clock
        self._sessions: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    async def must_be_possible(self, host: str) -> None:
        """:class:`UserError` unless there is an operator who could log in."""
        what = f"whoever reaches the board on {host} must log in with an operator's token"
        try:
            possible = await self._partners.knows(Role.OPERATOR)
        except WeftlineError as error:
            raise UserError(f"{what}, and the tables of partners cannot be read: {error}") from None
        if not possible:
            raise UserError(f"{what}, and there is none that holds; `weftline partner add NAME --role operator` makes one")

    async def lets_in(self, headers: Headers) -> bool:
        """Whether a request belongs to a session, and its token still holds."""
        name = _cookie(headers)
        found = self._sessions.get(name)
        if found is None:
            return False
        caller, ends = found
        still = await self._partners.still(caller) if self._clock() < ends else None
        if still is None or still.partner.role is not Role.OPERATOR:
            self._sessions.pop(name, None)
            return False
        return True

    def who(self, headers: Headers) -> str | None:
        """Whose session a request belongs to that was let in, by the name of the partner."""
        found = self._sessions.get(_cookie(headers))
        return None if found is None else found[0].partner.partner_id

    async def answer(self, scope: Scope, receive: Receive, pages: Collection[str]) -> Response:
        """What somebody without a session is told: the form, or, if it is what he sends, where it leads him."""
        headers = Headers(scope=scope)
        if scope["method"] == "POST" and scope["path"] == PATH:
            return await self._enter(scope, await form_of(receive), pages)
        query = scope["query_string"].decode("latin-1")
        here = scope["path"] + (f"?{query}" if query else "")
        elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and COOKIE not in headers.get("cookie", "")
        return _page(401, to="/" if scope["path"] == PATH else here, again=_AGAIN if elsewhere else "")

    async def _enter(self, scope: Scope, form: dict[str, str], pages: Collection[str]) -> Response:
        to = form.get("to", "/")
        path = to.partition("?")[0]
        # Only to a page of ours: a form that another site filled in must not lead to that site.
        to = to if path in pages or path.startswith("/alert/") else "/"
        address = scope["client"][0] if scope.get("client") else ""
        try:
            caller = await self._partners.enter(f"Bearer {form.get('token', '')}", address)
        except Problem as problem:
            return _page(problem.kind.status, to=to, said=_WRONG if problem.kind.status == 401 else _LATER)
        except DependencyDown:
            return _page(503, to=to, said=_LATER)
        if caller.partner.role is not Role.OPERATOR:
            return _page(401, to=to, said=_WRONG)
        name = secrets.token_urlsafe(32)
        self._sessions[name] = caller, self._clock() + SESSION_SECONDS
        if len(self._sessions) > KEPT:
            self._sessions.popitem(last=False)
        answer = RedirectResponse(to, 303, headers=FORM_HEADERS)
        answer.set_cookie(COOKIE, name, httponly=True, samesite="strict", secure=self._encrypted)
        return answer

    def while_let_in(self, receive: Receive, headers: Headers) -> Receive:
        """What a websocket receives for as long as its session holds; a page's pulse comes every few seconds."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not await self.lets_in(headers):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return received


def _page(status: int, *, to: str, said: str = "", again: str = "") -> Response:
    return HTMLResponse(_PAGE.format(to=escape(to), said=said, again=again), status, FORM_HEADERS)


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


async def form_of(receive: Receive) -> dict[str, str]:
    """The fields of a form that is sent; none if it is larger than any of ours."""
    body, more = b"", True
    while more and len(body) <= MOST_BYTES:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    fields = parse_qs(body.decode("ascii", "replace")) if len(body) <= MOST_BYTES else {}
    return {name: values[0] for name, values in fields.items()}
