"""The gateway as a program: from settings to an exit status.

It listens twice. Partners reach the routes and ``/healthz``, on ``WEFTLINE_GATEWAY_HOST`` and ``_PORT``. What is for those who look after
it, ``/metrics``, ``/healthz`` and ``/readyz``, stands where every program of ours has it, on ``WEFTLINE_HTTP_HOST`` and ``_PORT``: no
partner needs to see how much the others send. ``/readyz`` answers 200 only while Kafka and ClickHouse answer too.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import uvicorn
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.standards import load_remedies, load_sampling_standard
from weftline.contracts.webhooks import Secrets
from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.gateway.app import Gateway, make_app
from weftline.gateway.door import USES_SECONDS, Door, now_ms
from weftline.gateway.inbox.drawing import Pages
from weftline.gateway.inbox.refused import Rules
from weftline.gateway.inbox.routes import Desk
from weftline.gateway.inbox.session import Sessions
from weftline.gateway.journal import WRITE_SECONDS
from weftline.gateway.log import KafkaLog
from weftline.gateway.metrics import GatewayMetrics
from weftline.gateway.outbox import Kafka, Outbox
from weftline.gateway.patience import Patient
from weftline.gateway.publishing import Publishing
from weftline.gateway.tables import ClickHouse, Tables
from weftline.gateway.webhooks import Webhooks
from weftline.runtime import guard, logging
from weftline.runtime.guard_aiohttp import guarded
from weftline.runtime.keys import signing_key
from weftline.runtime.settings import Settings
from weftline.runtime.tls import serving

log = logging.get(__name__)

#: Streams hold their connection open; they are not waited for.
STOP_SECONDS: Final = 2


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. Raises UserError if a port is taken."""
    logging.configure(settings)
    return asyncio.run(_serve(settings))


def desk_of(settings: Settings, gateway: Gateway) -> Desk:
    """The inbox; :class:`UserError` for a key of links that is too short."""
    key = None if settings.link_key is None else settings.link_key.get_secret_value()
    return Desk(
        gateway.door,
        gateway.source,
        gateway.log,
        Sessions(gateway.door, key),
        Pages(ZoneInfo(settings.time_zone)),
        Rules(gateway.publishing.codec, load_sampling_standard(), load_remedies()),
        gateway.publishing,
    )


def webhooks_of(settings: Settings, source: Tables) -> Webhooks:
    """What partners register; :class:`UserError` where they may, and there is no key to make secrets of."""
    secrets = None
    if settings.webhooks != "off":
        if settings.link_key is None:
            raise UserError(
                "WEFTLINE_WEBHOOKS lets partners register webhooks, so WEFTLINE_LINK_KEY is needed, the same for `notify run`"
            )
        secrets = Secrets(settings.link_key.get_secret_value())
    return Webhooks(source, secrets, allow_private=settings.webhooks == "private", now=now_ms)


async def _serve(settings: Settings) -> int:
    codec = Codec(open_registry(settings.schema_registry))
    key = signing_key(settings.publisher_key)
    tls = serving(settings.tls_certificate, settings.tls_key)
    source, outbox = ClickHouse(settings), Kafka(settings)
    door = Door(source, bound=settings.publishers == "bound")
    publishing = Publishing(door, source, outbox, codec, key=key, bound=settings.publishers == "bound")
    gateway = Gateway(door, source, publishing, KafkaLog(settings, codec), settings.data / "gateway", GatewayMetrics())
    names, desk, webhooks = guard.names(settings.http_allowed_hosts), desk_of(settings, gateway), webhooks_of(settings, source)
    app = make_app(gateway, names, desk, webhooks)
    host, port = settings.gateway_host, settings.gateway_port
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_GATEWAY_HOST, WEFTLINE_GATEWAY_PORT (0: any free port)"
        ) from None
    # Uvicorn stops in order on these signals and raises them once more when it has; then they have done their work.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    config = uvicorn.Config(
        app, http=Patient, log_config=None, **tls, access_log=False, timeout_graceful_shutdown=STOP_SECONDS, server_header=False
    )
    writing = [
        asyncio.create_task(_repeat(USES_SECONDS, door.write_uses, "when tokens were last taken")),
        asyncio.create_task(_repeat(WRITE_SECONDS, partial(gateway.journal.write, source), "the audit log")),
    ]
    try:
        async with _looked_after(settings, gateway.metrics, source, outbox) as pages:
            if not guard.is_loopback(host) and not settings.http_allowed_hosts:
                log.warning("served under addresses only", listening=host, names=f"set {guard.VARIABLE} to the names in use")
            log.info(
                "gateway",
                url=f"http{'s' if tls else ''}://{host}:{listening.getsockname()[1]}",
                pages=pages,
                publishers=settings.publishers,
                signs_with=key.public if key else "nothing",
            )
            await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        for task in writing:
            task.cancel()
        with suppress(WeftlineError):
            await door.write_uses()
            await gateway.journal.write(source)
        await outbox.close()
        await source.close()
        codec.close()
        listening.close()
    return 0


async def _repeat(seconds: float, write: Callable[[], Awaitable[None]], what: str) -> None:
    """Write again and again; what could not be written waits for the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await write()
        except WeftlineError as error:
            log.warning("could not be written down yet", what=what, error=str(error))


async def waiting_for(source: Tables, outbox: Outbox) -> DependencyDown | None:
    """What does not answer now; None if all do."""
    try:
        await source.rows("SELECT 1")
        await outbox.healthy()
    except DependencyDown as error:
        return error
    return None


@asynccontextmanager
async def _looked_after(settings: Settings, metrics: GatewayMetrics, source: Tables, outbox: Outbox) -> AsyncIterator[str]:
    """The pages for those who look after it; gives their address."""

    async def metrics_page(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        error = await waiting_for(source, outbox)
        state = {
            "gateway": "idle" if error is None else "waiting",
            "waiting_for": None if error is None else error.dependency,
            "detail": None if error is None else str(error),
        }
        return web.json_response(state, status=200 if error is None else 503)

    app = guarded(guard.names(settings.http_allowed_hosts))
    for path, page in (("/metrics", metrics_page), ("/healthz", healthz), ("/readyz", readyz)):
        app.router.add_get(path, page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, port = settings.http_host, settings.http_port
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_HTTP_HOST, WEFTLINE_HTTP_PORT (0: any free port)"
        ) from None
    finally:
        await runner.cleanup()
