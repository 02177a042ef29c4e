"""Child processes of the embedded stack: what they are (:class:`Child`), and one that runs (:class:`Running`)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from weftline.embedded import broker, memory_broker
from weftline.embedded.broker import BrokerConfig
from weftline.embedded.deathwatch import guarded
from weftline.embedded.engine_chdb import EngineConfig
from weftline.embedded.interrupt import Interrupted, never
from weftline.embedded.jars import Classpath
from weftline.embedded.memory_broker import MemoryBrokerConfig
from weftline.embedded.ports import HOST
from weftline.errors import UserError
from weftline.runtime.tls import shown_by

# A log beyond this size is set aside as NAME.log.1 when its process starts: two of them at most, whatever the number of restarts.
LOG_BYTES = 32 << 20
POLL_SECONDS = 0.05


class DidNotStart(UserError):
    """A child ended while it was starting, or was not ready in time; the message ends with its last words and its log."""


def always() -> bool:
    """Ready as soon as it runs: for a child that is not waited for."""
    return True


@dataclass(frozen=True, slots=True)
class Child:
    """A program to run. ``prepare`` is called before every start; ``ready`` is asked again and again after it.

    ``stop_seconds``: how long it may take to stop after SIGTERM before SIGKILL; ``ready_seconds``: how long to get ready.
    ``replaceable``: whether a new process can take over where a dead one was. ``needed``: whether a stack is none without it, as it
    is without its servers; of the others it says that they are missing, and goes on.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] = always
    prepare: Callable[[], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0
    ready_seconds: float = 60.0
    replaceable: bool = True
    needed: bool = True


def broker_child(config: BrokerConfig, classpath: Classpath) -> Child:
    """Apache Kafka."""
    login = None if config.security is None else config.security.broker_login()
    return Child(
        "kafka",
        tuple(broker.command(config, classpath)),
        ready=lambda: broker.answers(config.bootstrap, cluster=broker.cluster_of(config), login=login),
        prepare=lambda: broker.prepare(config, classpath),
        # JAVA_TOOL_OPTIONS and the like of whoever types the command must not reach this JVM.
        environment={"JAVA_TOOL_OPTIONS": "", "JDK_JAVA_OPTIONS": ""},
    )


def memory_broker_child(config: MemoryBrokerConfig) -> Child:
    """The broker in memory: when it dies, the topics are gone with it."""
    return Child(
        "kafka",
        tuple(memory_broker.command(config)),
        ready=lambda: broker.answers(config.bootstrap, cluster=config.cluster),
        replaceable=False,
    )


def engine_child(config: EngineConfig) -> Child:
    """The ClickHouse engine."""
    shown = config.shown
    return Child(
        "clickhouse",
        (
            *(sys.executable, "-m", "weftline.embedded.engine", "--folder", str(config.folder)),
            *("--port", str(config.port), "--memory-mb", str(config.memory_mb), "--database", config.database),
            *("--passwords", str(config.passwords or config.folder)),
            *(() if shown is None else ("--certificate", str(shown[0]), "--key", str(shown[1]))),
        ),
        ready=partial(says_ok, f"{config.url}/ping", None if shown is None else shown_by(shown[0])),
    )


def processor_child(name: str, addresses: Mapping[str, str], port: int) -> Child:
    """One of the processors as a program; ``addresses``: the environment variables that tell it where the servers are."""
    return Child(
        name,
        (sys.executable, "-m", "weftline", name),
        ready=lambda: works(f"http://{HOST}:{port}/readyz"),
        environment={**addresses, "WEFTLINE_HTTP_HOST": HOST, "WEFTLINE_HTTP_PORT": str(port)},
        # It has 10 s to finish its batch, commit and leave the group.
        stop_seconds=15.0,
        needed=False,
    )


def board_child(addresses: Mapping[str, str], port: int, shows: Path | None = None) -> Child:
    """The built-in board; a stack works without it. ``shows``: the certificate by which it is served."""
    context = None if shows is None else shown_by(shows)
    return Child(
        "board",
        (sys.executable, "-m", "weftline", "board"),
        ready=partial(says_ok, f"http{'' if context is None else 's'}://{HOST}:{port}/readyz", context),
        environment={**addresses, "WEFTLINE_HTTP_HOST": HOST, "WEFTLINE_HTTP_PORT": str(port)},
        needed=False,
    )


def gateway_child(addresses: Mapping[str, str], port: int, pages: int) -> Child:
    """The HTTP gateway, with the port for partners and that of its own pages; a stack works without it."""
    return Child(
        "gateway",
        (sys.executable, "-m", "weftline", "gateway"),
        ready=lambda: says_ok(f"http://{HOST}:{pages}/readyz"),
        environment={
            **addresses,
            **{"WEFTLINE_GATEWAY_HOST": HOST, "WEFTLINE_GATEWAY_PORT": str(port)},
            **{"WEFTLINE_HTTP_HOST": HOST, "WEFTLINE_HTTP_PORT": str(pages)},
        },
        needed=False,
    )


def notify_child(addresses: Mapping[str, str], port: int) -> Child:
    """What tells receivers of alerts; a stack works without it."""
    return Child(
        "notify",
        (sys.executable, "-m", "weftline", "notify", "run"),
        ready=lambda: says_ok(f"http://{HOST}:{port}/readyz"),
        environment={**addresses, "WEFTLINE_HTTP_HOST": HOST, "WEFTLINE_HTTP_PORT": str(port)},
        stop_seconds=15.0,
        needed=False,
    )


def says_ok(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether ``url`` answers with status 200 now; ``context``: whom to trust, by https."""
    try:
        with urllib.request.urlopen(url, timeout=1.0, context=context) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def works(url: str) -> bool:
    """Whether a processor works now: it may, and yet not be ready, because something was lost that nobody has seen to."""
    try:
        with urllib.request.urlopen(url, timeout=1.0):
            return True
    except HTTPError as error:
        with error, contextlib.suppress(ValueError, OSError, HTTPException):
            return json.load(error).get("state") in ("idle", "active")
    except (OSError, HTTPException):
        pass
    return False


class Running:
    """One process of a :class:`Child`, with its output in ``log``. Dies with the thread that started it (:mod:`.deathwatch`)."""

    def __init__(self, child: Child, log: Path) -> None:
        self.child = child
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        if child.prepare is not None:
            child.prepare()
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(log.name + ".1"))
        self._output: IO[bytes] = open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                guarded(child.command),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **child.environment},
                # What a stack knows is its owner's: nobody else on the machine reads its folder.
                umask=0o077,
                # Ctrl-C goes to the group of the terminal: the children are to be stopped in order, not all at once.
                start_new_session=True,
            )
        finally:
            self._output.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, or ``None`` while it runs."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        return self.returncode is None

    def wait_ready(self, interrupted: Callable[[], bool] = never) -> None:
        """Return when the child is ready; raise :class:`DidNotStart`, or :class:`Interrupted` when ``interrupted`` says so."""
        deadline = time.monotonic() + self.child.ready_seconds
        while not self.child.ready():
            if interrupted():
                raise Interrupted(f"{self.child.name} was still starting")
            if not self.alive:
                raise DidNotStart(f"{self.child.name} ended with status {self.returncode} while it was starting{self.last_words()}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{self.child.name} was not ready after {self.child.ready_seconds:.0f} s{self.last_words()}")
            time.sleep(POLL_SECONDS)

    def last_words(self) -> str:
        """The last line of the log, and where the rest is."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 4096))
            lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return f": {lines[-1].strip()[:300]} (see {self.log})" if lines else f" (see {self.log})"

    def terminate(self) -> None:
        """Ask it to stop."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; ``False`` when ``seconds`` are over before."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> bool:
        """Ask, wait ``stop_seconds``, then kill. Whether it went by itself."""
        self.terminate()
        if self.wait(self.child.stop_seconds):
            return True
        self.kill()
        return False

    def _signal(self, number: int) -> None:
        # The group, which is the child's own: where deathwatch stays in between, both have to get it.
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
