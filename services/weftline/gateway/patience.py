"""How long an HTTP server of uvicorn waits for a request: its own limits begin when the first header is complete, or never.

Whoever opens connections and sends a byte a minute would hold them all for ever. The head of a request has to be there within seconds;
whoever reads bodies limits these (:func:`weftline.gateway.app.body_of`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

#: From the connection, or from the first byte of a further request, to the end of its head: a slow line needs a tenth of it.
HEAD_SECONDS: Final = 15.0


class Patient(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """Uvicorn's protocol, which gives up a connection whose request does not come."""

    head_seconds = HEAD_SECONDS
    _answered: Any = None
    _until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not self._answered:
            self._answered = self.cycle
            self._stop()
        elif self._until is None and (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self._wait()

    def handle_websocket_upgrade(self, *given: Any) -> None:
        self._stop()
        super().handle_websocket_upgrade(*given)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
