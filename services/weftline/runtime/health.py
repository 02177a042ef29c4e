"""What a processor says of itself: its state, and the three pages that show it.

``/metrics`` for Prometheus; ``/healthz`` answers 200 as long as the event loop turns; ``/readyz`` answers 200 only when records
would be processed now and nothing is lost that nobody has seen to; it says in JSON what is waited for otherwise, what is lost, and
under ``degraded`` which other programs of this machine's stack were stopped since they keep dying. For people and supervisors alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from weftline.errors import UserError
from weftline.runtime import guard
from weftline.runtime.degraded import degraded
from weftline.runtime.guard_aiohttp import guarded
from weftline.runtime.metrics import LOSSES, Metrics
from weftline.runtime.settings import Settings

#: The closed set of states. ``starting``: not yet in the group. ``idle``: nothing to do. ``active``: at work. ``waiting``: for a
#: dependency that is down. ``stalled``: nothing goes on, nothing is waited for, and the program is about to end
#: (:mod:`weftline.runtime.watchdog`).
STATES = ("starting", "idle", "active", "waiting", "stalled")


class Status:
    """The state of one processor; written by whoever knows, read by the pages and by a watchdog."""

    def __init__(self, processor: str, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.processor = processor
        self.partitions: frozenset[int] = frozenset()
        self._busy = False
        self._waiting_for: str | None = None
        self._kafka_silent = False
        self._unanswered: str | None = None
        self._stalled: str | None = None
        self._lost: list[tuple[str, str]] = []
        self._topic_gone: str | None = None
        self._doubt: str | None = None
        self._detail: str | None = None
        self._step_began: float | None = None
        #: When something last ended (monotonic seconds): the one figure that a watchdog needs.
        self.last_progress = clock()
        self._joined = False
        self._metrics = metrics
        self._clock = clock

    def joined(self, partitions: frozenset[int]) -> None:
        """The group gave this worker these partitions, perhaps none (a standby)."""
        self._joined = True
        self.partitions = partitions
        self._metrics.held.set(len(partitions))

    def work(self, busy: bool) -> None:
        """There is something in hand, or there is not."""
        if busy and not self._busy:
            self.last_progress = self._clock()  # time spent idle is not time spent stalled
        self._busy = busy

    def progress(self) -> None:
        """A step or a part of one, a settle or a sweep has ended."""
        self.last_progress = self._clock()
        self._metrics.progress.set_to_current_time()

    def stepping(self, begins: bool) -> None:
        """A step begins, or has ended."""
        self._step_began = self._clock() if begins else None

    def wait_for(self, dependency: str | None, detail: str | None = None) -> None:
        """Work stands still until this dependency answers; None: it does. ``detail`` says what is wrong, and what to do."""
        before = self.waiting_for
        self._waiting_for, self._detail = dependency, detail
        self._changed(before)

    def kafka_silent(self, silent: bool) -> None:
        """The broker does not answer the fetches of a member of the group, or answers again."""
        before = self.waiting_for
        self._kafka_silent = silent
        self._changed(before)

    def unanswered(self, dependency: str | None) -> None:
        """The watchdog asked this dependency in vain; None: all answer."""
        before = self.waiting_for
        self._unanswered = dependency
        self._changed(before)

    def stalled(self, reason: str | None) -> None:
        """The watchdog found that nothing goes on though nothing is waited for, and why; None: it goes on."""
        self._stalled = reason

    def lost(self, losses: Sequence[tuple[str, str]]) -> None:
        """What is lost and not yet mended or accepted: of each its sort (``LOSSES`` of :mod:`.metrics`) and a sentence."""
        self._lost = list(losses)
        self._count_losses()

    def topic_gone(self, problem: str | None) -> None:
        """The topic does not exist any more; None: it does."""
        self._topic_gone = problem
        self._count_losses()

    def _count_losses(self) -> None:
        whats = [what for what, _ in self.losses]
        for what in LOSSES:
            self._metrics.losses.labels(what).set(whats.count(what))

    @property
    def losses(self) -> list[tuple[str, str]]:
        """Everything that is lost now."""
        return [*self._lost, *([("topic", self._topic_gone)] if self._topic_gone else [])]

    def doubt(self, reason: str) -> None:
        """Something looks odd in the log or in the tables: partitions are to be taken over again. Any thread may say so."""
        self._doubt = self._doubt or reason

    def take_doubt(self) -> str | None:
        """The doubt, once."""
        doubt, self._doubt = self._doubt, None
        return doubt

    @property
    def handler_waits(self) -> bool:
        """Whether a call of the handler waits for a dependency."""
        return self._waiting_for is not None

    @property
    def standing_seconds(self) -> float | None:
        """For how long nothing has ended though something is in hand; None if nothing is."""
        return self._clock() - self.last_progress if self._busy else None

    @property
    def step_seconds(self) -> float:
        """For how long the step in hand has been; 0 if there is none."""
        began = self._step_began
        return 0.0 if began is None else self._clock() - began

    @property
    def waiting_for(self) -> str | None:
        return self._waiting_for or self._unanswered or ("kafka" if self._kafka_silent else None)

    def _changed(self, before: str | None) -> None:
        now = self.waiting_for
        if before is not None and before != now:
            self._metrics.waiting.labels(before).set(0)
        if now is not None:
            self._metrics.waiting.labels(now).set(1)
        elif before is not None:
            self.last_progress = self._clock()  # nor is time spent waiting

    @property
    def state(self) -> str:
        if self._stalled is not None:
            return "stalled"
        if not self._joined:
            return "starting"
        if self.waiting_for is not None:
            return "waiting"
        return "active" if self._busy else "idle"

    @property
    def ready(self) -> bool:
        """Whether records would be processed now, and nothing is lost that nobody has seen to."""
        return self.state in ("idle", "active") and not self.losses

    def describe(self) -> dict[str, object]:
        """The body of ``/readyz``."""
        waiting_for = self.waiting_for
        if waiting_for is None and not self._joined:
            waiting_for = "kafka group"
        return {
            "processor": self.processor,
            "state": self.state,
            "waiting_for": waiting_for,
            "detail": self._detail,
            "stalled": self._stalled,
            "losses": [f"{what}: {text}" for what, text in self.losses],
            "partitions": sorted(self.partitions),
            "seconds_since_progress": round(self._clock() - self.last_progress, 1),
        }


class Pages:
    """``/metrics``, ``/healthz`` (the loop turns) and ``/readyz``, as an async context; ``port`` is the one it listens on.

    ``scrape`` gives the text of the first; ``ready`` what the last says, and whether it is well.
    """

    def __init__(
        self, settings: Settings, scrape: Callable[[], bytes], ready: Callable[[], tuple[Mapping[str, object], bool]]
    ) -> None:
        self._settings = settings
        self._scrape = scrape
        self._ready = ready
        self.port = 0
        app = guarded(guard.names(settings.http_allowed_hosts))
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        host, port = self._settings.http_host, self._settings.http_port
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise UserError(
                f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_HTTP_HOST, WEFTLINE_HTTP_PORT (0: any free port)"
            ) from None
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._scrape(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        said, well = self._ready()
        return web.json_response(dict(said), status=200 if well else 503)


class HealthServer(Pages):
    """The pages of a processor. ``refresh`` is called before each scrape."""

    def __init__(self, settings: Settings, status: Status, metrics: Metrics, refresh: Callable[[], None]) -> None:
        def scrape() -> bytes:
            refresh()
            return generate_latest(metrics.registry)

        def ready() -> tuple[Mapping[str, object], bool]:
            return {**status.describe(), "degraded": dict(degraded(settings.data, settings.kafka))}, status.ready

        super().__init__(settings, scrape, ready)
