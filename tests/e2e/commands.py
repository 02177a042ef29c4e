"""The command ``weftline`` as its users run it: a program of its own, in a folder of its own, with nothing set in its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

#: A command that has not ended by then hangs; an audit alone may wait for 60 s, and a busy machine takes its time.
SECONDS = 240.0


def environment(*arguments: str, **more: str) -> dict[str, str]:
    """The environment without what somebody may have set for Weftline on this machine, but for the cache of jars.

    Who names the address of the tests' own ClickHouse, there or among a command's ``arguments``, knows its password too; an empty one in
    ``more`` is none.
    """
    if "WEFTLINE_CLICKHOUSE" in more or "--clickhouse" in arguments:
        more = {"WEFTLINE_CLICKHOUSE_PASSWORD": os.environ.get("WEFTLINE_CLICKHOUSE_PASSWORD", ""), **more}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEFTLINE_") or "MAVEN" in name}
    return {**kept, "COLUMNS": "200", "PYTHONUNBUFFERED": "1", **more}


def weftline(
    *arguments: str, folder: Path, stdin: str = "", seconds: float = SECONDS, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "weftline", *arguments]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=folder,
        env=environment(*arguments, **more),
    )


class Program:
    """A command that goes on until it is told to stop; ``lines`` is what it has said."""

    def __init__(self, *arguments: str, folder: Path, **more: str) -> None:
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "weftline", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=environment(*arguments, **more),
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def wait_for(self, word: str, seconds: float = SECONDS) -> str:
        """The first line with ``word`` in it."""
        deadline = time.monotonic() + seconds
        with self._said:
            while True:
                for line in self.lines:
                    if word in line:
                        return line
                assert self._reader.is_alive(), f"it ended without saying {word!r}: {self.lines}"
                assert self._said.wait(deadline - time.monotonic()), f"it did not say {word!r}: {self.lines}"

    def family(self) -> list[psutil.Process]:
        """It and all processes that it has started."""
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self.end()

    def end(self, seconds: float = SECONDS) -> int:
        """Wait for its end; the exit status."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._reader.join()
            if self._process.stdout is not None:
                self._process.stdout.close()
        return status

    def stop(self) -> int:
        """Ctrl-C, and wait for the end."""
        if self._process.poll() is None:
            self.interrupt()
        return self.end()


def left(family: Sequence[psutil.Process]) -> list[str]:
    """Who of a family still runs."""
    _, alive = psutil.wait_procs(list(family), timeout=5)
    return [process.name() for process in alive]


def until(found: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Ask again and again until something is found; of two cores that others need too, asking has a third of one."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found():
            return
        now = time.monotonic()
        assert now < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(max(0.2, 2 * (now - began)))
