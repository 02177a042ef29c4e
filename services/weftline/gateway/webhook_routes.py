"""The routes of webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Query, Request, Response

from weftline.contracts.partners import Caller
from weftline.gateway import openapi_webhooks as openapi
from weftline.gateway.problems import written
from weftline.gateway.webhooks import MOST_DELIVERIES, Webhooks

#: An address and two lists of words.
MAX_BYTES: Final = 16 << 10

Authorization = Annotated[str | None, Header(include_in_schema=False)]


def register(
    app: FastAPI,
    webhooks: Webhooks,
    enter: Callable[[str | None], Awaitable[Caller]],
    body_of: Callable[[Request, int], Awaitable[bytes]],
) -> None:
    """Put them into the application. ``enter`` lets a caller in, ``body_of`` reads a body up to a size."""

    async def partner(authorization: str | None) -> str:
        return (await enter(authorization)).partner.partner_id

    @app.post("/v1/webhooks", status_code=201, name="webhooks", **openapi.REGISTER)
    async def register_(request: Request, authorization: Authorization = None) -> Response:
        owner = await partner(authorization)
        told = await webhooks.register(owner, await body_of(request, MAX_BYTES))
        return _json(told, 201, {"Location": told["href"]})

    @app.get("/v1/webhooks", name="webhooks", **openapi.LIST)
    async def listed(authorization: Authorization = None) -> Response:
        return _json({"webhooks": await webhooks.listed(await partner(authorization))})

    @app.get("/v1/webhooks/{webhook_id}", name="webhook", **openapi.GET)
    async def get(webhook_id: str, authorization: Authorization = None) -> Response:
        return _json(await webhooks.get(await partner(authorization), webhook_id))

    @app.delete("/v1/webhooks/{webhook_id}", status_code=204, name="webhook", **openapi.REMOVE)
    async def remove(webhook_id: str, authorization: Authorization = None) -> Response:
        await webhooks.remove(await partner(authorization), webhook_id)
        return Response(status_code=204)

    @app.post("/v1/webhooks/{webhook_id}/rotate", name="webhook", **openapi.ROTATE)
    async def rotate(webhook_id: str, authorization: Authorization = None) -> Response:
        return _json(await webhooks.rotate(await partner(authorization), webhook_id))

    @app.get("/v1/webhooks/{webhook_id}/deliveries", name="webhook", **openapi.DELIVERIES)
    async def deliveries(
        webhook_id: str,
        state: Annotated[str, Query(pattern="^(waiting|sent|parked|superseded)?$", description=openapi.STATE)] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_DELIVERIES)] = 50,
        authorization: Authorization = None,
    ) -> Response:
        owner = await partner(authorization)
        return _json({"deliveries": await webhooks.deliveries(owner, webhook_id, state, limit)})


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(written(value), status, headers, "application/json")
