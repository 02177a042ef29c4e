"""The programs of a stack under fire: which of them live, which work, and SIGKILL (:class:`Programs`)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException

import psutil

from weftline.embedded import broker
from weftline.embedded.children import says_ok
from weftline.embedded.ports import HOST
from weftline.embedded.supervisor import Stack

#: After so long nobody is waited for any more: it may have nothing to do.
TIRED_SECONDS = 15.0
POLL_SECONDS = 0.05

_RECORDS = re.compile(r"^weftline_records_total (\S+)$", re.MULTILINE)


class Programs:
    """Programs of ``stack`` by name, with their ``ports``. :attr:`spared` are not killed: a slow fault makes use of them."""

    def __init__(self, stack: Stack, ports: dict[str, int]) -> None:
        self.stack = stack
        self.kills: Counter[str] = Counter()
        self.spared: set[str] = set()
        self._ports = ports

    def alive(self, name: str) -> bool:
        """Whether it runs now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.stack.pid(name)).status() != psutil.STATUS_ZOMBIE
        return False

    def works(self, name: str) -> bool:
        """Whether it does what it is there for."""
        assert self.stack.addresses is not None
        if name == "kafka":
            return broker.answers(self.stack.addresses.kafka)
        if name == "clickhouse":
            return says_ok(f"{self.stack.addresses.clickhouse}/ping")
        return records_of(self._ports[name]) > 0

    def kill(self, name: str) -> None:
        """SIGKILL, unless it is spared or dead."""
        if name not in self.spared and self.alive(name):
            self.kill_process(self.stack.pid(name), name)

    def kill_process(self, pid: int, name: str) -> None:
        """SIGKILL, counted under this name."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[name] += 1


def wait(found: Callable[[], bool], seconds: float) -> bool:
    """Wait until it is so; False after so many seconds."""
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def records_of(port: int) -> float:
    """Records that the processor behind ``port`` has taken since it started; 0 if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=1) as answer:
            found = _RECORDS.search(answer.read().decode())
    except (OSError, HTTPException):
        return 0.0
    return float(found[1]) if found else 0.0
