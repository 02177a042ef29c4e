"""The door of the board: who is let in (:mod:`weftline.runtime.guard`, :mod:`.login`), and how many pages there may be.

NiceGUI builds a page for whoever asks for its address, 1.2 MB of it, and waits a minute for the browser to come back with its
websocket. Whoever asks and never comes back, a crawler or a loop around curl, would cost memory without end: 400 requests took
500 MB. So pages that nobody has come back for are few, the oldest goes first, and pages altogether are bounded too.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from nicegui import Client
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weftline.boards.web.login import Login
from weftline.runtime import guard

#: Pages that were asked for and whose browser has not come back yet, which takes it a second: ten people at one time, and some.
LOOSE: Final = 24
#: Pages with a browser. A board of a cooperative has some dozen readers.
OPEN: Final = 100
#: Where no page is built.
_PLAIN: Final = ("/_nicegui", "/assets/", "/healthz", "/readyz")
#: What says nothing of anybody, and is asked by programs.
_FOR_ALL: Final = ("/healthz", "/readyz")


class Door:
    """ASGI middleware around the whole application: pages, files, polling and websocket."""

    def __init__(
        self,
        app: ASGIApp,
        allowed: Collection[str],
        pages: Collection[str],
        login: Login | None = None,
        forms: Collection[str] = (),
    ) -> None:
        """``pages``: the paths of all pages. Others are not found here: NiceGUI would build a page that says so.

        ``login``: none on an address that this machine alone reaches. ``forms``: paths to which forms of pages are sent, and to which no
        link from elsewhere leads.
        """
        self._app = app
        self._allowed = allowed
        self._pages = pages
        self._login = login
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        websocket = scope["type"] == "websocket"
        plain = scope["path"].startswith(_PLAIN) or scope["path"] in self._forms
        refused = guard.refusal(headers, headers.getlist("host"), self._allowed, pages=not plain, websocket=websocket)
        if refused is not None and websocket:
            await send({"type": "websocket.close", "code": 1008, "reason": refused[:120]})
        elif refused is not None:
            await PlainTextResponse(f"{refused}\n", 403, dict(guard.HEADERS))(scope, receive, send)
        elif self._login is not None and scope["path"] not in _FOR_ALL and not await self._login.lets_in(headers):
            if websocket:
                await send({"type": "websocket.close", "code": 1008, "reason": "log in first"})
            else:
                await (await self._login.answer(scope, receive, self._pages))(scope, receive, send)
        elif not plain and not websocket and scope["path"] not in self._pages and not scope["path"].startswith("/alert/"):
            await PlainTextResponse("There is no such page.\n", 404, dict(guard.HEADERS))(scope, receive, send)
        elif not plain and not websocket and not make_room():
            await PlainTextResponse("Too many pages are open; close some.\n", 503, dict(guard.HEADERS))(scope, receive, send)
        else:
            held = receive if self._login is None or not websocket else self._login.while_let_in(receive, headers)
            await self._app(scope, held, _marked(send))


def make_room() -> bool:
    """Give up pages that no browser has come back for until there is room for one more; False if there is none."""
    # A page without a path belongs to the process itself. One that had its browser has an environment, and ends by itself.
    pages = [client for client in Client.instances.values() if client.page.path]
    loose = sorted((client for client in pages if client.environ is None), key=lambda client: client.created)
    for client in loose[: max(len(loose) - LOOSE + 1, 0)]:
        client.delete()
    return len(pages) - len(loose) < OPEN


def _marked(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            headers.update(guard.HEADERS)
        await send(message)

    return marked
