"""The guard of :mod:`weftline.runtime.guard` in front of an aiohttp application."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from weftline.runtime import guard


def guarded(allowed: Collection[str] = ()) -> web.Application:
    """An application that refuses what the guard refuses, on every address, and marks every answer."""
    app = web.Application(middlewares=[_refusing(allowed)])
    app.on_response_prepare.append(_mark)
    return app


def _refusing(allowed: Collection[str]) -> Middleware:
    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = guard.refusal(request.headers, request.headers.getall("Host", []), allowed)
        return await handler(request) if refused is None else web.Response(status=403, text=f"{refused}\n")

    return refuse


async def _mark(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(guard.HEADERS)
