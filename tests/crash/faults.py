"""What is done to a running stack: programs killed and frozen, second workers, a broken line, a full disk (:class:`Faults`)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from random import Random

import psutil

from tests.crash.line import Line
from weftline.embedded import broker
from weftline.embedded.children import Running, processor_child, says_ok
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.supervisor import PROCESSORS, Stack

VICTIMS = (*PROCESSORS, "clickhouse", "kafka")
#: How often each is killed, beside the others. A restart of the broker holds up everybody.
WEIGHTS = (6, 6, 6, 4, 1)
#: A victim is killed again when it has worked again. This share is not waited for: killed while it starts or joins its group.
EARLY = 0.15
#: After so long it is killed in any case: it may have nothing to do.
TIRED_SECONDS = 15.0
POLL_SECONDS = 0.05

_RECORDS = re.compile(r"^weftline_records_total (\S+)$", re.MULTILINE)


class Faults:
    """Faults of a stack, whose processors talk to ClickHouse over ``line``; ``disk`` is the small file system under ClickHouse, if there is
    one, and ``settings`` are the processors'. :attr:`done` counts what was done, :attr:`kills` the SIGKILLs in it."""

    def __init__(
        self, stack: Stack, line: Line, disk: Path | None, settings: dict[str, str], ports: dict[str, int], random: Random
    ) -> None:
        self.done: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self._stack, self._line, self._disk, self._settings, self._ports = stack, line, disk, settings, ports
        self._random = random
        self._spared: set[str] = set()  # of whom a slow fault makes use
        self._workers = 0
        self._slow_ones = ThreadPoolExecutor(1, thread_name_prefix="fault")  # second workers live as long as its thread
        self._under_way: Future[None] | None = None
        self._turn = 0

    # kills

    def kill_one(self) -> None:
        """SIGKILL a program that works, or one that is just starting."""
        victim = self._random.choices(VICTIMS, WEIGHTS)[0]
        while victim in self._spared:
            victim = self._random.choices(VICTIMS, WEIGHTS)[0]
        early = self._random.random() < EARLY
        deadline = time.monotonic() + TIRED_SECONDS
        while time.monotonic() < deadline:
            if self._alive(victim) and (early or self._works(victim)):
                break
            time.sleep(POLL_SECONDS)
        time.sleep(self._random.random() * 0.3)  # not a condition: any moment of its work shall be hit
        if victim not in self._spared and self._alive(victim):
            self._kill(self._stack.pid(victim), victim)

    def _kill(self, pid: int, name: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[name] += 1

    def _alive(self, name: str) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._stack.pid(name)).status() != psutil.STATUS_ZOMBIE
        return False

    def _works(self, name: str) -> bool:
        assert self._stack.addresses is not None
        if name == "kafka":
            return broker.answers(self._stack.addresses.kafka)
        if name == "clickhouse":
            return says_ok(f"{self._stack.addresses.clickhouse}/ping")
        return _records_of(self._ports[name]) > 0

    # what takes longer, one at a time, beside the kills

    def slow_one(self) -> None:
        """Begin the next of the faults that take some seconds, unless one is still under way."""
        if self._under_way is not None:
            if not self._under_way.done():
                return
            self._under_way.result()
        kinds: list[Callable[[], None]] = [self._freeze, self._join_and_leave, self._break_line]
        if self._disk is not None:
            kinds.append(self._fill_disk)
        self._turn += 1
        self._under_way = self._slow_ones.submit(kinds[self._turn % len(kinds)])

    def end(self) -> None:
        """Wait for the fault that is under way, and raise what it raised."""
        if self._under_way is not None:
            self._under_way.result()
        self._slow_ones.shutdown()

    @contextlib.contextmanager
    def _second_worker(self, name: str) -> Iterator[Running]:
        self._workers += 1
        (port,) = free_ports(1)
        child = processor_child(name, self._settings, port)
        worker = Running(child, self._stack.config.folder / "logs" / f"{name}-second-{self._workers}.log")
        try:
            self._wait(lambda: not worker.alive or _records_of(port) > 0, TIRED_SECONDS)
            yield worker
        finally:
            if self._random.random() < 0.5 and worker.alive:
                self._kill(worker.pid, f"second {name}")
            worker.stop()

    def _join_and_leave(self) -> None:
        with self._second_worker(self._random.choice(PROCESSORS)):
            time.sleep(self._random.random() * 3)  # not a condition: it shall work for a while
        self.done["a second worker joined and left"] += 1

    def _freeze(self) -> None:
        """A worker stands still for longer than its group waits for it, another takes its partitions; then it wakes, and writes on."""
        name = self._random.choice(PROCESSORS)
        self._spared.add(name)
        try:
            with self._second_worker(name):
                if not self._alive(name):
                    return
                pid = self._stack.pid(name)
                frozen = float(self._settings["WEFTLINE_SESSION_TIMEOUT_SECONDS"]) + 3
                os.kill(pid, signal.SIGSTOP)
                try:
                    time.sleep(frozen)  # not a condition: it is the fault
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                self.done["frozen for longer than the session, then woken"] += 1
        finally:
            self._spared.discard(name)

    def _break_line(self) -> None:
        self._line.share = 0.1
        try:
            time.sleep(2 + self._random.random() * 3)  # not a condition: it is the fault
        finally:
            self._line.share = 0.0
        self.done["a time of broken statements"] += 1

    def _fill_disk(self) -> None:
        """Not a byte is left for ClickHouse for some seconds."""
        assert self._disk is not None
        ballast = self._disk / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                piece = b"\0" * (1 << 20)
                while True:
                    file.write(piece)
            with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * 512)
            time.sleep(2 + self._random.random() * 3)  # not a condition: it is the fault
        finally:
            ballast.unlink()
        self.done["a full disk"] += 1

    @staticmethod
    def _wait(found: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not found() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def _records_of(port: int) -> float:
    """Records that the processor behind ``port`` has taken since it started; 0 if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=1) as answer:
            found = _RECORDS.search(answer.read().decode())
    except (OSError, HTTPException):
        return 0.0
    return float(found[1]) if found else 0.0
