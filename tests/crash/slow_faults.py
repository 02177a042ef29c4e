"""Faults of a running stack that take some seconds, one at a time, beside the kills (:class:`SlowFaults`)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tests.crash.line import Line
from tests.crash.publishing import PATIENCE_SECONDS
from tests.crash.running import TIRED_SECONDS, Programs, records_of, wait
from tests.support.shifted_clock import with_clock
from tests.support.small_disk import filled
from tests.support.stack import where
from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import PROCESSORS
from weftline.errors import WeftlineError
from weftline.processors.registry import kinds
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

DAYS_AHEAD = 3

FROZEN = "frozen for longer than the session, then woken"
JOINED = "a second worker joined and left"
BROKEN = "a time of broken statements"
FULL = "a full disk"
ALL_FULL = "a full disk of the data folder"
AHEAD = "a clock three days ahead"
EMPTIED = "a table of records emptied"
DROPPED = "a table of records dropped"
FAULTS = (FROZEN, JOINED, BROKEN, FULL, ALL_FULL, AHEAD, EMPTIED, DROPPED)


class SlowFaults:
    """See :class:`tests.crash.faults.Faults`. :attr:`done` counts them."""

    def __init__(self, programs: Programs, line: Line, disks: list[Path], settings: dict[str, str], random: Random) -> None:
        self.done: Counter[str] = Counter()
        self._programs, self._line, self._disks, self._settings = programs, line, disks, settings
        self._random = random
        self._workers = 0
        self._faults: dict[str, Callable[[], bool]] = {
            FROZEN: self._freeze,
            JOINED: self._join_and_leave,
            BROKEN: self._break_line,
            FULL: lambda: self._fill(*self._disks[1:]),
            ALL_FULL: lambda: self._fill(*self._disks),
            AHEAD: self._join_with_a_wrong_clock,
            EMPTIED: lambda: self._lose("TRUNCATE TABLE {table}"),
            DROPPED: lambda: self._lose("DROP TABLE IF EXISTS {table} SYNC"),
        }

    def do(self, name: str) -> bool:
        """Whether it could be done: a program that it takes may be dead."""
        done = self._faults[name]()
        self.done[name] += done
        return done

    @contextlib.contextmanager
    def _second_worker(self, name: str, *, ahead: int = 0) -> Iterator[Running]:
        self._workers += 1
        (port,) = free_ports(1)
        child = processor_child(name, self._settings, port)
        child = with_clock(child, ahead) if ahead else child
        worker = Running(child, self._programs.stack.config.folder / "logs" / f"{name}-second-{self._workers}.log")
        try:
            wait(lambda: not worker.alive or records_of(port) > 0, TIRED_SECONDS)
            yield worker
        finally:
            if self._random.random() < 0.5 and worker.alive:
                self._programs.kill_process(worker.pid, f"second {name}")
            worker.stop()

    def _join_and_leave(self, ahead: int = 0) -> bool:
        with self._second_worker(self._random.choice(PROCESSORS), ahead=ahead) as worker:
            time.sleep(self._random.random() * 3)  # not a condition: it shall work for a while
            return worker.alive

    def _join_with_a_wrong_clock(self) -> bool:
        return self._join_and_leave(DAYS_AHEAD * 86_400)

    def _freeze(self) -> bool:
        """A worker stands still for longer than its group waits for it, another takes its partitions; then it wakes, and writes on."""
        name = self._random.choice(PROCESSORS)
        self._programs.spared.add(name)
        try:
            with self._second_worker(name):
                if not self._programs.alive(name):
                    return False
                pid = self._programs.stack.pid(name)
                frozen = float(self._settings["WEFTLINE_SESSION_TIMEOUT_SECONDS"]) + 3
                os.kill(pid, signal.SIGSTOP)
                try:
                    time.sleep(frozen)  # not a condition: it is the fault
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                return True
        finally:
            self._programs.spared.discard(name)

    def _break_line(self) -> bool:
        self._line.share = 0.1
        try:
            time.sleep(2 + self._random.random() * 3)  # not a condition: it is the fault
        finally:
            self._line.share = 0.0
        return True

    def _fill(self, *disks: Path) -> bool:
        """Not a byte is left for some seconds."""
        with filled(*disks):
            time.sleep(2 + self._random.random() * 3)  # not a condition: it is the fault
        return True

    def _lose(self, statement: str) -> bool:
        """A table of records is gone while its worker lives, or dies of something else just then; a missing one is made anew."""
        name = self._random.choice(PROCESSORS)
        at = where(self._programs.stack)

        def known() -> bool:
            with contextlib.suppress(WeftlineError), reader(at) as warehouse:
                blocks = warehouse.rows("SELECT max(newest) FROM reading_marks FINAL WHERE kind = {kind:String}", {"kind": name})
                return bool(blocks != [(0,)])
            return False

        def lose() -> None:
            with reader(at) as warehouse:
                warehouse.command(statement.format(table=kinds()[name].records))

        # Of what is gone before the first look at a table that was empty nobody can know.
        if not wait(known, TIRED_SECONDS):
            return False
        _insist(lose)
        if self._random.random() < 0.5:
            self._programs.kill(name)
        _insist(lambda: migrate(at))
        return True


def _insist(action: Callable[[], object]) -> None:
    """Until ClickHouse does it; it may be dead, or have no room."""

    def done() -> bool:
        with contextlib.suppress(WeftlineError):
            action()
            return True
        return False

    assert wait(done, PATIENCE_SECONDS), "ClickHouse does not come back"
