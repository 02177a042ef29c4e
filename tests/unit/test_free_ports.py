"""Which port a stack is given, while others start beside it and nobody listens yet."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from weftline.embedded.locks import Held
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.stack_folder import Ports, find_running, lock_of
from weftline.errors import UserError

HOLDS = (
    "import sys, weftline.embedded.ports as p; held = p.reserve(int(sys.argv[1])); print(bool(held), flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ports(folder: Path, usual: int, **wanted: int) -> Ports:
    folder.mkdir(exist_ok=True)
    return Ports(folder, wanted, {"kafka": usual})


def test_two_that_start_together_get_two(tmp_path: Path) -> None:
    (usual,) = free_ports(1)
    first, second = ports(tmp_path / "a", usual), ports(tmp_path / "b", usual)
    assert first.of("kafka") == usual
    assert second.of("kafka") != usual
    with pytest.raises(UserError, match=f"port {usual} for board is taken"):
        ports(tmp_path / "c", 0, board=usual).of("board")
    first.release()
    assert ports(tmp_path / "c", usual).of("kafka") == usual


def test_a_port_at_which_somebody_listens_is_not_given(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as server:
        usual = server.getsockname()[1]
        assert ports(tmp_path / "a", usual).of("kafka") != usual


def test_whoever_was_killed_keeps_no_port(tmp_path: Path) -> None:
    (usual,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(usual)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert ports(tmp_path / "a", usual).of("kafka") != usual
        other.send_signal(signal.SIGKILL)
    assert ports(tmp_path / "b", usual).of("kafka") == usual


def test_no_place_for_locks_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    (usual,) = free_ports(1)
    assert ports(tmp_path / "a", usual).of("kafka") == usual


def test_a_lock_that_still_names_a_dead_stack_finds_none(tmp_path: Path) -> None:
    """Who has just taken the lock of a stack that was killed has not yet written who he is."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    (tmp_path / "stack.json").write_text(json.dumps({"pid": dead.pid, "kafka": "127.0.0.1:1", "clickhouse": "http://127.0.0.1:2"}))
    with lock_of(tmp_path).acquire():
        (tmp_path / "stack.lock").write_text(f"{dead.pid}\n")
        assert find_running(tmp_path) is None


def test_who_only_looks_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(json.dumps({"pid": 0, "kafka": "", "clickhouse": ""}))
    held, tried, over = threading.Event(), threading.Event(), threading.Event()

    def look() -> None:
        with lock_of(tmp_path).acquire():
            held.set()
            tried.wait(60)
        while not over.is_set():
            find_running(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        assert held.wait(60)
        with pytest.raises(Held):
            lock_of(tmp_path).acquire()
        tried.set()
        for _ in range(50):
            lock_of(tmp_path).acquire(patience=30.0).release()
    finally:
        tried.set()
        over.set()
        looking.join()
