"""The built-in board as a program: from settings to an exit status.

``/healthz`` answers 200 as long as the event loop turns, ``/readyz`` only while ClickHouse answers too, as supervisors expect; it
says *degraded* and names whom while the stack goes on without one of its programs.
"""

from __future__ import annotations

import asyncio
import logging as standard_logging
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from nicegui import Client, app, background_tasks, ui
from nicegui.client import ClientConnectionTimeout

from weftline.boards import BOARDS
from weftline.boards.model import Board, Text
from weftline.boards.web.address import language_of, read
from weftline.boards.web.alert import AlertPage
from weftline.boards.web.board import BoardPage
from weftline.boards.web.door import Door
from weftline.boards.web.frame import ASSETS, QUASAR_LANGUAGES, Frame
from weftline.boards.web.login import Login
from weftline.boards.web.packing import BOARD as PACKS_ON
from weftline.boards.web.packing import Packs
from weftline.boards.web.source import Source
from weftline.boards.web.watch import Watch
from weftline.errors import UserError
from weftline.gateway.door import Door as Partners
from weftline.gateway.patience import Patient
from weftline.gateway.tables import ClickHouse
from weftline.pages.drawing import STYLE
from weftline.runtime import guard, logging
from weftline.runtime.keys import signing_key
from weftline.runtime.settings import Settings
from weftline.runtime.tls import serving

log = logging.get(__name__)

#: Browsers hold their connection open; they are not waited for.
STOP_SECONDS: Final = 1
#: A page whose connection broke off is kept for so long.
RECONNECT_SECONDS: Final = 8.0
#: Messages that are kept for a page whose connection broke off; one that has missed more loads anew.
HISTORY: Final = 100
ALERT: Final = Text("预警", "Alert")
FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#1f63c4"/>'
    '<path d="M2 6h12M2 10h12M6 2v12M10 2v12" stroke="#fff" stroke-width="1.6"/></svg>'
)

#: Boards whose panels are all SQL; what asks Prometheus is for Grafana.
SHOWN: Final[tuple[Board, ...]] = tuple(board for board in BOARDS if all(panel.sql for panel in board.panels))


class _Pages:
    """The pages and what they share."""

    def __init__(self, settings: Settings, packs: Packs | None = None) -> None:
        self._packs = packs
        self.source = Source(settings)
        self.watch = Watch(self.source, settings)
        self._zone = ZoneInfo(settings.time_zone)
        self._boards = frozenset(board.id for board in SHOWN)

    def register(self, server: FastAPI) -> None:
        """All routes, ours before NiceGUI's."""
        server.add_api_route("/", self._first)
        server.add_api_route("/healthz", self._healthz)
        server.add_api_route("/readyz", self._readyz)
        app.add_static_files("/assets/board", ASSETS)
        app.add_static_files("/assets/pages", STYLE.parent)
        for board in SHOWN:
            ui.page(f"/{board.id}")(self._board(board))
        if self._packs is not None:
            self._packs.register(server)
        ui.page("/alert/{alert_id}")(self._alert)

    async def _first(self) -> Response:
        return RedirectResponse(f"/{SHOWN[0].id}")

    async def _healthz(self) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self) -> Response:
        ready = await self.watch.look()
        others = dict(self.watch.degraded)
        state = {
            "board": "waiting" if not ready else "degraded" if others else "idle",
            "waiting_for": None if ready else "clickhouse",
            "fault": self.watch.fault,
            "degraded": others,
        }
        return JSONResponse(state, status_code=200 if ready else 503)

    def _board(self, board: Board) -> Callable[[Request], None]:
        def page(request: Request) -> None:
            frame = self._frame(request, board, board.title)
            packs = self._packs if board.id == PACKS_ON else None
            self._live(BoardPage(board, frame, self.source, self.watch, self._boards, packs).run())

        return page

    def _alert(self, request: Request, alert_id: str) -> None:
        frame = self._frame(request, None, ALERT)
        self._live(AlertPage(alert_id, frame, self.source, self.watch, self._boards).run())

    def _frame(self, request: Request, board: Board | None, title: Text) -> Frame:
        query = request.query_params
        language = language_of(dict(query), request.cookies, request.headers.get("accept-language", ""))
        here = read(request.url.path, query.multi_items(), board.variables if board else (), language)
        theme = {"dark": True, "light": False}.get(request.cookies.get("weftline_theme", ""))
        client = ui.context.client
        # A page of its own: language and theme are those of this reader.
        client.page = ui.page(
            request.url.path,
            title=f"{title.of(language)} · Weftline",
            dark=theme,
            language=QUASAR_LANGUAGES[language],  # type: ignore[arg-type]
            reconnect_timeout=RECONNECT_SECONDS,
        )
        return Frame(here, SHOWN, theme, self._zone)

    def _live(self, life: Awaitable[None]) -> None:
        """Run the life of the page that is being built until its browser is gone."""
        client: Client = ui.context.client

        async def live() -> None:
            with suppress(ClientConnectionTimeout), client:
                await life

        task = background_tasks.create(live(), name=f"page {client.id}")
        client.on_delete(lambda: task.cancel())


def run(settings: Settings) -> int:
    """Serve the boards until SIGTERM or SIGINT; the exit status. Raises UserError if the port is taken."""
    logging.configure(settings)
    standard_logging.getLogger("nicegui").setLevel(standard_logging.WARNING)
    return asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    host, port = settings.http_host, settings.http_port
    partners = ClickHouse(settings)
    # Nobody can listen on the loopback, where the stack of one machine asks whether its board is well.
    open_ = guard.is_loopback(host) and settings.board_login == "beyond"
    tls = {} if open_ else serving(settings.tls_certificate, settings.tls_key)
    login = None if open_ else Login(Partners(partners), encrypted=bool(tls))
    if login is not None:
        await login.must_be_possible(host)
    key = signing_key(settings.pack_key)
    packs = None if key is None else Packs.of(settings, key, login)
    pages = _Pages(settings, packs)
    server = FastAPI(openapi_url=None)
    pages.register(server)
    ui.run_with(
        server,
        title="Weftline",
        favicon=FAVICON,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_SECONDS,
        message_history_length=HISTORY,
        show_welcome_message=False,
    )
    pages_at = frozenset({"/", *(f"/{board.id}" for board in SHOWN)})
    forms = frozenset[str]() if packs is None else packs.forms
    server.add_middleware(Door, allowed=guard.names(settings.http_allowed_hosts), pages=pages_at, login=login, forms=forms)
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_HTTP_HOST, WEFTLINE_HTTP_PORT (0: any free port)"
        ) from None
    config = uvicorn.Config(server, http=Patient, **tls, log_config=None, access_log=False, timeout_graceful_shutdown=STOP_SECONDS)
    # Uvicorn stops in order on these signals and raises them once more when it has; then they have done their work.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    watching = asyncio.create_task(pages.watch.run())
    if not guard.is_loopback(host) and not settings.http_allowed_hosts:
        log.warning("pages are served under addresses only", listening=host, names=f"set {guard.VARIABLE} to the names in use")
    log.info("board", url=f"http{'s' if tls else ''}://{host}:{listening.getsockname()[1]}")
    try:
        await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        watching.cancel()
        await pages.source.close()
        await partners.close()
        listening.close()
    return 0
