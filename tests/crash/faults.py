"""What is done to a running stack: programs are killed by SIGKILL (:class:`Faults`), and beside that what :mod:`.slow_faults` can do."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random

from tests.crash.line import Line
from tests.crash.running import POLL_SECONDS, TIRED_SECONDS, Programs
from tests.crash.slow_faults import FAULTS, SlowFaults
from weftline.embedded.supervisor import PROCESSORS, Stack

VICTIMS = (*PROCESSORS, "clickhouse", "kafka")
#: How often each is killed, beside the others. A restart of the broker holds up everybody.
WEIGHTS = (*[6] * len(PROCESSORS), 4, 1)
#: A victim is killed again when it has worked again. This share is not waited for: killed while it starts or joins its group.
EARLY = 0.15
#: A fault whose victim was dead when its turn came is tried so often.
TRIES = 3


class Faults:
    """Faults of a stack, whose processors talk to ClickHouse over ``line``; ``disks`` are the small file systems under all data and
    under ClickHouse's, if there are any, and ``settings`` are the processors'. :attr:`done` counts what was done, :attr:`kills` the
    SIGKILLs in it."""

    def __init__(
        self, stack: Stack, line: Line, disks: list[Path], settings: dict[str, str], ports: dict[str, int], random: Random
    ) -> None:
        self._programs = Programs(stack, ports)
        self._slow = SlowFaults(self._programs, line, disks, settings, random)
        self._random = random
        self._names = [name for name in FAULTS if disks or "disk" not in name]
        self._deck: list[str] = []
        self._begun = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fault")  # second workers live as long as its thread
        self._under_way: Future[None] | None = None

    @property
    def kills(self) -> Counter[str]:
        return self._programs.kills

    @property
    def done(self) -> Counter[str]:
        return self._slow.done

    @property
    def left(self) -> int:
        """How many of the slow faults had no turn yet."""
        return max(len(self._names) - self._begun, 0)

    def kill_one(self) -> None:
        """SIGKILL a program that works, or one that is just starting."""
        programs = self._programs
        victim = self._random.choices(VICTIMS, WEIGHTS)[0]
        while victim in programs.spared:
            victim = self._random.choices(VICTIMS, WEIGHTS)[0]
        early = self._random.random() < EARLY
        deadline = time.monotonic() + TIRED_SECONDS
        while time.monotonic() < deadline:
            if programs.alive(victim) and (early or programs.works(victim)):
                break
            time.sleep(POLL_SECONDS)
        time.sleep(self._random.random() * 0.3)  # not a condition: any moment of its work shall be hit
        programs.kill(victim)

    def slow_one(self, *, wait: bool = False) -> None:
        """Begin the next of the faults that take some seconds, drawn as from a pack of cards; unless one is still under way, which is
        waited for or left to itself."""
        if self._under_way is not None:
            if not (wait or self._under_way.done()):
                return
            self._under_way.result()
        self._deck = self._deck or self._random.sample(self._names, len(self._names))
        self._begun += 1
        self._under_way = self._thread.submit(self._do, self._deck.pop())

    def _do(self, name: str) -> None:
        for _ in range(TRIES):
            if self._slow.do(name):
                return

    def end(self) -> None:
        """Wait for the fault that is under way, and raise what it raised."""
        if self._under_way is not None:
            self._under_way.result()
        self._thread.shutdown()
