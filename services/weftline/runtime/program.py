"""A processor as a program: from settings to an exit status."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import structlog

from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.runtime import logging
from weftline.runtime.faust_batches import KafkaGroup
from weftline.runtime.health import HealthServer, Status
from weftline.runtime.kafka import check_topic, place_group
from weftline.runtime.loop import BatchLoop, Handler
from weftline.runtime.metrics import Metrics
from weftline.runtime.retry import Backoff
from weftline.runtime.settings import Settings
from weftline.runtime.watchdog import Stalled, Watchdog

log = logging.get(__name__)

#: From the signal to the end of the process. Whatever hangs then (the broker died meanwhile) is cut off; nothing is lost by that.
STOP_SECONDS = 10.0
#: Of these, for the step in flight and its settle; the rest is for the commit and for leaving the group.
FINISH_SECONDS = 6.0

#: How long a step may compute while another thread waits; Python's own 5 ms.
SWITCH_SECONDS = 0.001

#: A broker that has left fetches unanswered for so long is told as waited for: three of its longest answers (1.5 s), and some.
SILENT_SECONDS = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a handler is given."""

    name: str
    topic: str
    settings: Settings
    metrics: Metrics
    status: Status
    partitions: int = 0  # of the topic, when this started


#: Entered before the group is joined, left after it was left. May raise DependencyDown: then it is made and entered again.
HandlerFactory = Callable[[Runtime], AbstractAsyncContextManager[Handler]]


class _StopRequested(Exception):
    """A signal came before there was anything to finish."""


def run(name: str, topic: str, handler_factory: HandlerFactory, settings: Settings) -> int:
    """Run processor ``name`` on ``topic`` in the group ``weftline-NAME`` until SIGTERM or SIGINT.

    Returns the exit status: 0 after a signal, 1 when a supervisor shall start it anew. Raises UserError for what only a person can
    mend: a topic that is missing, a port that is taken.
    """
    logging.configure(settings)
    # On Python's own event loop. Under uvloop a write to a connection that the broker has just closed raises RuntimeError, which aiokafka
    # does not expect (its issue 1038): the task that keeps its metadata ended, no coordinator was found again, and nothing was committed
    # any more, of which nobody was told. What it saved was 0.1 of 2.2 µs of CPU per event.
    # The consumer's thread has a hundred small things to do for a fetch. While a step computes, it waited 5 ms for each: 1.5 s in all.
    sys.setswitchinterval(SWITCH_SECONDS)
    metrics = Metrics(name)
    runtime = Runtime(name, topic, settings, metrics, Status(name, metrics))
    with tempfile.TemporaryDirectory(prefix="weftline-") as datadir:  # Faust makes folders for tables that we do not have
        return asyncio.run(_main(runtime, handler_factory, Path(datadir)))


async def _main(runtime: Runtime, handler_factory: HandlerFactory, datadir: Path) -> int:
    structlog.contextvars.bind_contextvars(processor=runtime.name)
    stopping = asyncio.Event()
    guard = _Guard()

    def on_signal() -> None:
        guard.start()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await _serve(runtime, handler_factory, datadir, stopping, guard)
    except _StopRequested:
        pass
    except UserError:
        raise
    except WeftlineError as error:
        log.error("processor stopped", error=str(error))
        return 1
    finally:
        guard.cancel()
    log.info("stopped")
    return 0


class _Guard:
    """Ends the process when stopping takes too long. A thread of its own: the event loop may hang joining Faust's consumer thread."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """From now on STOP_SECONDS are left; a second call changes nothing."""
        if self._timer is None:
            log.info("stopping")
            self._timer = threading.Timer(STOP_SECONDS, self._give_up)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        log.error("not stopped in time; ended without a last commit, which only means that some records are read again")
        os._exit(1)


async def _serve(runtime: Runtime, handler_factory: HandlerFactory, datadir: Path, stopping: asyncio.Event, guard: _Guard) -> None:
    """Work until ``stopping`` is set; raises what ended it before."""
    settings, metrics, status = runtime.settings, runtime.metrics, runtime.status
    group: KafkaGroup | None = None

    def refresh() -> None:
        metrics.position.clear()
        metrics.lag.clear()
        for partition, (position, lag) in (group.lags() if group else {}).items():
            metrics.position.labels(partition).set(position)
            metrics.lag.labels(partition).set(lag)

    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(HealthServer(settings, status, metrics, refresh))
        log.info("listening", url=f"http://{settings.http_host}:{health.port}/readyz")
        runtime = replace(runtime, partitions=await _unless(stopping, check_topic(runtime.topic, settings, status)))
        await _unless(stopping, place_group(runtime.name, runtime.topic, settings))
        handler = await _unless(stopping, _enter(stack, handler_factory, runtime))
        loop = BatchLoop(handler, settings, metrics, status)
        group = KafkaGroup(f"weftline-{runtime.name}", runtime.topic, settings, loop, datadir)
        loop.move = group.move
        tune_gc()
        working, member = asyncio.create_task(loop.run()), asyncio.create_task(group.run())
        stop, watch = asyncio.create_task(stopping.wait()), asyncio.create_task(_watch(group, status))
        stalled = asyncio.get_running_loop().create_future()
        watchdog = _watchdog(runtime, handler, guard, stalled)
        await asyncio.wait({working, member, stop, stalled}, return_when=asyncio.FIRST_COMPLETED)
        watchdog.stop()
        guard.start()
        loop.stop()
        await asyncio.wait({working}, timeout=FINISH_SECONDS)
        working.cancel()  # changes nothing if it has ended; else what was in flight is read again
        await group.stop()
        stop.cancel()
        watch.cancel()
        await asyncio.wait({working, member})
        for task in (working, member):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        if stalled.done():
            raise Stalled(stalled.result())


def _watchdog(runtime: Runtime, handler: Handler, guard: _Guard, stalled: asyncio.Future[str]) -> Watchdog:
    """A watchdog at work. What it finds becomes the result of ``stalled``, and the time to stop begins to run."""
    loop = asyncio.get_running_loop()

    def found(reason: str) -> None:
        if not stalled.done():
            stalled.set_result(reason)

    def give_up(reason: str) -> None:
        guard.start()  # here and not in the event loop, which may be what stands still
        loop.call_soon_threadsafe(found, reason)

    watchdog = Watchdog(runtime.name, runtime.topic, runtime.settings, runtime.status, handler.healthy, give_up)
    watchdog.start()
    return watchdog


async def _watch(group: KafkaGroup, status: Status) -> None:
    while True:
        status.kafka_silent(group.silent_seconds() > SILENT_SECONDS)
        await asyncio.sleep(1)


async def _unless(stopping: asyncio.Event, work: Awaitable[T]) -> T:
    """The result of the work, or _StopRequested as soon as the program shall stop."""
    task = asyncio.ensure_future(work)
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise _StopRequested
    finally:
        stop.cancel()
        task.cancel()


async def _enter(stack: AsyncExitStack, handler_factory: HandlerFactory, runtime: Runtime) -> Handler:
    backoff = Backoff()
    while True:
        try:
            handler = await stack.enter_async_context(handler_factory(runtime))
        except DependencyDown as down:
            runtime.status.wait_for(down.dependency)
            if backoff.attempts % 10 == 0:
                log.warning("waiting", dependency=down.dependency, error=str(down))
        else:
            runtime.status.wait_for(None)
            return handler
        await asyncio.sleep(backoff.next())


def tune_gc() -> None:
    """Python's own thresholds spend half of the CPU on looking again through rows that a step holds anyway: with a handler that keeps
    ten steps of small dicts, 4.3 µs per event against 2.1 (400,000 events of 100 bytes, two cores)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
