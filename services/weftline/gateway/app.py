"""The routes. Each is a few lines: who asks, what is asked, and what is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import weftline
from weftline.contracts.partners import Caller
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.errors import ContractError, DependencyDown
from weftline.gateway import alerts, answers, bodies, events, journal, mappings, openapi, replying, retracting, uploads
from weftline.gateway.capture import Jobs, capture
from weftline.gateway.door import Door, Guarded, now_ms
from weftline.gateway.history import history
from weftline.gateway.inbox import routes as inbox
from weftline.gateway.inbox.routes import Desk
from weftline.gateway.journal import Journal, Noted
from weftline.gateway.log import AlertLog
from weftline.gateway.metrics import ROUTES, GatewayMetrics
from weftline.gateway.problems import Fault, Kind, Problem, wait, written
from weftline.gateway.publishing import Accepted, Publishing
from weftline.gateway.recent import Answers
from weftline.gateway.shared_log import SharedLog
from weftline.gateway.stream import HEARTBEAT_SECONDS, Stream, Streams
from weftline.gateway.tables import Tables
from weftline.gateway.uploads import Upload, Uploads
from weftline.gateway.webhook_routes import register as register_webhooks
from weftline.gateway.webhooks import Webhooks
from weftline.runtime import logging

log = logging.get(__name__)

#: When to come again, if a server behind is away: a broker is back some seconds after its start.
AWAY_SECONDS: Final = 5.0
#: A body has so long, and as much longer as a line of so many bytes a second needs for what has come: a slow line sends a full body,
#: while a byte now and then holds nothing for more than seconds.
BODY_SECONDS: Final = 15.0
SLOWEST_BYTES: Final = 4_096
_BY_STATUS: Final = {
    404: Kind.NOT_FOUND,
    405: Kind.METHOD,
    413: Kind.TOO_LARGE,
}

Authorization = Annotated[str | None, Header(include_in_schema=False)]


@dataclass(slots=True)
class Gateway:
    """What the routes work with; tests put something else at the edge."""

    door: Door
    source: Tables
    publishing: Publishing
    log: AlertLog
    ledgers: Path  # of partners' files
    metrics: GatewayMetrics = field(default_factory=GatewayMetrics)
    streams: Streams = field(default_factory=Streams)
    answers: Answers[Accepted] = field(default_factory=Answers)
    jobs: Jobs = field(default_factory=Jobs)
    heartbeat: float = HEARTBEAT_SECONDS
    followed: SharedLog = field(init=False)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.followed = SharedLog(self.log)
        self.journal = Journal(now_ms, self.metrics.unnoted.inc)

    async def enter(self, authorization: str | None, right: str | None = None) -> Caller:
        """Who asks, counted; :class:`Problem` if he may not ask this at all (``right``: an attribute of his partner)."""
        caller = await self.door.enter(authorization, journal.address())
        journal.known(caller)
        self.door.charge(caller, 1)
        if right is not None and not getattr(caller.partner, right):
            raise Problem(Kind.NOT_ALLOWED, f"A token with the role {caller.partner.role} is not for this; see /v1/openapi.json")
        return caller

    async def answered(
        self, caller: Caller, key: str | None, said: tuple[bytes, ...], run: Callable[[], Awaitable[Accepted]]
    ) -> Response:
        """Publish, and tell what was accepted; under one ``Idempotency-Key`` once."""
        partner = caller.partner.partner_id
        if key is not None and (known := self.answers.begin(partner, key, *said)) is not None:
            return _json(known.body, 202, {"Idempotency-Replayed": "true"})
        try:
            accepted = await run()
        except BaseException:
            if key is not None:
                self.answers.forget(partner, key)
            raise
        if key is not None:
            self.answers.end(partner, key, accepted)
        self.metrics.events.inc(accepted.events)
        journal.published(accepted.events)
        return _json(accepted.body, 202)


def make_app(
    gateway: Gateway, allowed: frozenset[str] = frozenset(), desk: Desk | None = None, webhooks: Webhooks | None = None
) -> FastAPI:
    """The application. ``allowed``: names of hosts under which it is served, beside those of the loopback and plain addresses.

    ``desk``: of the inbox; None: there is none. ``webhooks``: None: partners register none.
    """
    app = FastAPI(
        title="Weftline gateway",
        version=weftline.__version__,
        description=openapi.DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # both fetch their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    _publish(app, gateway)
    _epcis(app, gateway)
    _files(app, gateway)
    _events(app, gateway)
    _alerts(app, gateway)
    hooks = webhooks or Webhooks(gateway.source, None, allow_private=False, now=now_ms)
    register_webhooks(app, hooks, gateway.enter, body_of)
    if desk is not None:
        inbox.register(app, desk, body_of)
    _plain(app)
    _faults(app, gateway)
    app.openapi = _described(app)  # type: ignore[method-assign]
    app.add_middleware(Noted, journal=gateway.journal)
    app.add_middleware(_Timed, metrics=gateway.metrics)
    app.add_middleware(Guarded, allowed=allowed)
    return app


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(written(value), status, dict(headers or {}), "application/json")


async def body_of(request: Request, most: int = bodies.MAX_BODY_BYTES) -> bytes:
    """The body, never more of it than is taken; :class:`Problem` as soon as it is known to be larger."""
    problem = Problem(Kind.TOO_LARGE, f"A body may have {most} bytes; send it in parts", [Fault("body", "is too large")])
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > most:
        raise problem
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(Kind.MEDIA, "Content-Encoding: send the body as it is, not packed")
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS) as limit:
            began = asyncio.get_running_loop().time()
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise problem
                parts.append(part)
                limit.reschedule(began + BODY_SECONDS + size / SLOWEST_BYTES)
    except TimeoutError:
        raise Problem(
            Kind.SLOW,
            f"A body has {BODY_SECONDS:.0f} s, and one more for every {SLOWEST_BYTES:,} bytes that are there; send less at once",
        ) from None
    return b"".join(parts)


def _publish(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/v1/events", status_code=202, **openapi.PUBLISH)
    async def publish(
        request: Request,
        authorization: Authorization = None,
        idempotency_key: Annotated[str | None, Header(description=openapi.IDEMPOTENCY_KEY)] = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        data = await body_of(request)
        media = request.headers.get("content-type", "")
        return await gateway.answered(
            caller,
            idempotency_key,
            (b"publish", media.encode(), data),
            lambda: gateway.publishing.publish(caller, bodies.read(data, media)),
        )

    @app.post("/v1/events/{event_id:path}/retract", status_code=202, **openapi.RETRACT)
    async def retract(
        request: Request,
        event_id: str,
        source: Annotated[str | None, Query(description=openapi.SOURCE)] = None,
        authorization: Authorization = None,
        idempotency_key: Annotated[str | None, Header(description=openapi.IDEMPOTENCY_KEY)] = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        data = await body_of(request)
        said = (b"retract", event_id.encode("utf-8", "surrogatepass"), (source or "").encode("utf-8", "surrogatepass"), data)

        async def run() -> Accepted:
            return await retracting.retract(gateway.source, gateway.publishing, caller, event_id, source, data)

        return await gateway.answered(caller, idempotency_key, said, run)


def _epcis(app: FastAPI, gateway: Gateway) -> None:
    versions = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}

    @app.post("/v1/epcis/capture", status_code=202, name="capture", **openapi.CAPTURE)
    async def capture_(
        request: Request,
        factory_id: Annotated[str | None, Query(description=openapi.FACTORY)] = None,
        source: str | None = None,
        center_id: str | None = None,
        cooperative_id: str | None = None,
        gs1_capture_error_behaviour: Annotated[str, Header(description=openapi.BEHAVIOUR)] = "rollback",
        authorization: Authorization = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        data, media = await body_of(request), request.headers.get("content-type", "")
        asked = {"factory_id": factory_id, "source": source, "center_id": center_id, "cooperative_id": cooperative_id}
        job = await capture(gateway.publishing, caller, data, media, gs1_capture_error_behaviour, asked)
        gateway.jobs.put(job)
        gateway.metrics.events.inc(job.events)
        journal.published(job.events)
        return _json(job.body, 202, {"Location": f"/v1/epcis/capture/{job.body['captureID']}", **versions})

    @app.get("/v1/epcis/capture/{capture_id}", name="capture", **openapi.JOB)
    async def job(capture_id: str, authorization: Authorization = None) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        return _json(gateway.jobs.get(caller.partner.partner_id, capture_id).body, 200, versions)


def _files(app: FastAPI, gateway: Gateway) -> None:
    taking = Uploads(gateway.publishing, gateway.ledgers)

    @app.post("/v1/files", status_code=202, name="file", **openapi.FILE)
    async def file(
        request: Request,
        mapping: Annotated[str, Query(max_length=200, description=openapi.MAPPING_NAME)],
        name: Annotated[str, Query(max_length=200, description=openapi.FILE_NAME)] = "file",
        dry_run: Annotated[bool, Query(description=openapi.DRY_RUN)] = False,
        skip_faulty: Annotated[bool, Query(description=openapi.SKIP_FAULTY)] = False,
        authorization: Authorization = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        data = await body_of(request, uploads.MAX_BYTES)
        known = await mappings.get(gateway.source, caller.partner.partner_id, mapping)
        taken = await taking.take(caller, known, Upload(name, data, dry_run, skip_faulty))
        gateway.metrics.events.inc(taken.events)
        return _json(taken.body, 200 if dry_run else 202)

    @app.get("/v1/mappings", name="mappings", **openapi.MAPPINGS)
    async def listed(authorization: Authorization = None) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        return _json({"mappings": await mappings.listed(gateway.source, caller.partner.partner_id)})

    @app.put("/v1/mappings/{name}", name="mapping", **openapi.PUT_MAPPING)
    async def put(request: Request, name: str, authorization: Authorization = None) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        data = await body_of(request, mappings.MAX_BYTES)
        kept = await mappings.put(gateway.source, caller.partner.partner_id, name, data, now_ms())
        return _json(kept.as_json)

    @app.get("/v1/mappings/{name}", name="mapping", **openapi.MAPPING)
    async def get(name: str, authorization: Authorization = None) -> Response:
        caller = await gateway.enter(authorization, "publishes")
        kept = await mappings.get(gateway.source, caller.partner.partner_id, name)
        return Response(kept.text, headers={"ETag": f'"{kept.digest}"'}, media_type="application/yaml")


def _events(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/events/{event_id:path}", **openapi.EVENT)
    async def event(
        event_id: str,
        source: Annotated[str | None, Query(description=openapi.SOURCE)] = None,
        authorization: Authorization = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "reads_events")
        publishing = gateway.publishing
        found = await events.find(gateway.source, publishing.recent, publishing.codec, caller.partner, event_id, source)
        if not found:
            raise Problem(Kind.NOT_FOUND, retracting.NO_EVENT)
        return _json({"events": await events.tell(gateway.source, found)})


def _alerts(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/alerts", name="alerts", **openapi.ALERTS)
    async def alerts_(
        state: Annotated[alerts.State, Query(description=openapi.STATE)] = alerts.State.OPEN,
        rule: AlertRule | None = None,
        severity: AlertSeverity | None = None,
        factory_id: Annotated[str | None, Query(max_length=200)] = None,
        center_id: Annotated[str | None, Query(max_length=200)] = None,
        history: Annotated[bool, Query(description=openapi.HISTORY)] = False,
        limit: Annotated[int, Query(ge=1, le=alerts.MOST)] = 50,
        cursor: Annotated[str | None, Query(max_length=1000, description=openapi.CURSOR)] = None,
        authorization: Authorization = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "reads_alerts")
        after = None if cursor is None else alerts.cursor(cursor)
        filters = alerts.Filters(state, rule, severity, factory_id, center_id, history)
        asked = alerts.page(caller.partner, filters, after, limit)
        return _json(alerts.told_page(await gateway.source.rows(*asked), limit))

    # Before the route of one alert, which would take it for an id.
    @app.get("/v1/alerts/stream", response_class=StreamingResponse, **openapi.STREAM)
    async def stream(
        from_: Annotated[str, Query(alias="from", pattern="^(now|beginning)$", description=openapi.FROM)] = "now",
        last_event_id: Annotated[str | None, Header(description=openapi.LAST_EVENT_ID)] = None,
        authorization: Authorization = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "reads_alerts")
        opened = await Stream.open(
            caller,
            gateway.followed,
            gateway.streams,
            gateway.door.still,
            last_id=last_event_id or None,
            from_beginning=from_ == "beginning",
            heartbeat=gateway.heartbeat,
        )

        async def sent() -> AsyncIterator[bytes]:
            gateway.metrics.streams.set(gateway.streams.open)
            try:
                async with aclosing(opened.events()) as stream:  # type: ignore[type-var]
                    async for part in stream:
                        yield part
            finally:
                gateway.metrics.streams.set(gateway.streams.open)

        # A proxy must not gather what is to be there at once.
        return StreamingResponse(sent(), headers={"X-Accel-Buffering": "no"}, media_type="text/event-stream")

    @app.get("/v1/alerts/{alert_id}", **openapi.ALERT)
    async def alert(alert_id: str, authorization: Authorization = None) -> Response:
        caller = await gateway.enter(authorization, "reads_alerts")
        rows = await gateway.source.rows(*alerts.one(caller.partner, alert_id))
        if not rows:
            raise Problem(Kind.NOT_FOUND, replying.NO_ALERT)
        messages, complete = await history(gateway.log, *alerts.whose(rows[0]), alert_id)
        told = alerts.told_one(rows[0], messages, complete)
        factory_id = told["factory_id"]
        asked = {"factory": factory_id, "alert": alert_id}
        notifications = await gateway.source.rows(answers.NOTIFICATIONS, asked)
        return _json({**told, **answers.told(factory_id, notifications, await gateway.source.rows(answers.REPLIES, asked))})

    @app.post("/v1/alerts/{alert_id}/replies", status_code=202, name="reply", **openapi.REPLY)
    async def reply(
        request: Request,
        alert_id: str,
        authorization: Authorization = None,
        idempotency_key: Annotated[str | None, Header(description=openapi.IDEMPOTENCY_KEY)] = None,
    ) -> Response:
        caller = await gateway.enter(authorization, "reads_alerts")
        data = await body_of(request)
        said = (b"reply", alert_id.encode("utf-8", "surrogatepass"), data)

        async def run() -> Accepted:
            return await replying.reply(gateway.source, gateway.publishing, caller, alert_id, replying.read(data))

        return await gateway.answered(caller, idempotency_key, said, run)


def _plain(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")


def _faults(app: FastAPI, gateway: Gateway) -> None:
    """Whatever is raised becomes a problem, and none says more than its caller may know."""

    def told(problem: Problem) -> Response:
        gateway.metrics.problems.labels(problem.kind.name.lower()).inc()
        return problem.response()

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return told(error)

    async def away(_: Request, error: Exception) -> Response:
        assert isinstance(error, DependencyDown)
        log.warning("a request could not be answered", dependency=error.dependency, error=str(error))
        return told(
            wait(f"{error.dependency} does not answer now, so nothing can be promised; send the same request again", AWAY_SECONDS)
        )

    async def parameters(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [Fault(".".join(map(str, one["loc"][1:])), str(one["msg"])) for one in error.errors()]
        return told(Problem(Kind.CONTRACT, f"{found[0].field}: {found[0].problem}", found))

    async def contract(_: Request, error: Exception) -> Response:
        assert isinstance(error, ContractError)
        return told(Problem(Kind.CONTRACT, str(error), [Fault(error.field, error.problem)]))

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = _BY_STATUS.get(error.status_code, Kind.NO_JSON)
        return told(Problem(kind, "See /v1/openapi.json for what is served here", headers=error.headers))

    async def unforeseen(_: Request, error: Exception) -> Response:
        log.error("a request failed", error=repr(error), exc_info=error)
        return told(Problem(Kind.UNFORESEEN, "The request came to nothing for a reason that is ours; it is in the gateway's log"))

    for kind, handler in (
        (Problem, refused),
        (DependencyDown, away),
        (RequestValidationError, parameters),
        (ContractError, contract),
        (HTTPException, http),
        (Exception, unforeseen),
    ):
        app.add_exception_handler(kind, handler)


class _Timed:
    """ASGI middleware: how long an answer takes to begin. A stream's lasts as long as its reader, and says nothing."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = getattr(scope.get("route"), "name", "other")
                self._metrics.seconds.labels(name if name in ROUTES else "other").observe(time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, timed)


def _described(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """OpenAPI with the parts that all routes share."""
    described = app.openapi

    def openapi_() -> dict[str, Any]:
        found = described()
        for name, parts in openapi.COMPONENTS.items():
            found.setdefault("components", {}).setdefault(name, {}).update(parts)
        return found

    return openapi_
