"""``weftline demo`` as a newcomer runs it: to its end on a real Kafka, and on a terminal until Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import psutil

from tests.e2e.commands import Program, environment, left, until, weftline
from weftline.contracts.kinds import BY_PROCESSOR
from weftline.embedded.compare import compare
from weftline.embedded.ports import free_ports
from weftline.embedded.stack_folder import find_running
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.reference import known_centers, known_factories, unknown


def test_the_demonstration_proves_itself(tmp_path: Path) -> None:
    kafka, clickhouse = (str(port) for port in free_ports(2))
    demo = Program("demo", "--for", "15", "--kafka-port", kafka, "--clickhouse-port", clickhouse, folder=tmp_path)
    assert demo.wait_for("Board  ").endswith("/overview?range=30d")
    demo.wait_for("published ")
    # It, Kafka, ClickHouse, the board, and the processors; between the fork and the exec of one of them there may be another.
    until(lambda: len(demo.family()) == 4 + len(BY_PROCESSOR), "all processes")
    family = demo.family()
    assert demo.end(300) == 0, demo.lines
    assert left(family) == []
    (summary,) = [line for line in demo.lines if line.startswith("published ")]
    messages, records, damaged = (
        int(found.replace(",", "")) for found in re.findall(r"([\d,]+) (?:messages|records|damaged)", summary)
    )
    answers = json.loads((tmp_path / ".weftline" / "demo" / "answers.json").read_text("utf-8"))
    assert records == sum(kind["records"] for kind in answers["published"].values()) > 5_000
    assert damaged == sum(kind["corrupt"] for kind in answers["published"].values()) > 0
    assert messages > records + damaged
    assert len([line for line in demo.lines if line.startswith("  agrees ")]) == 10
    assert "Everything that was published is in the tables" in demo.lines[-2]

    # The data stay, and a comparison can fail.
    up = Program("up", "--data", ".weftline/demo", "--kafka-port", kafka, "--clickhouse-port", clickhouse, folder=tmp_path)
    up.wait_for("data, logs")
    running = find_running(tmp_path / ".weftline" / "demo")
    assert running is not None
    with reader(load(**running.settings())) as server:
        assert [of for of in compare(server, answers) if of.differing] == []
        assert (known_centers(server, 1).total, known_factories(server, 1).total) == (4, 686)
        assert unknown(server, 1).total == 0
        answers["published"]["orders"]["records"] += 1
        answers["truth"]["quality"][0]["passed"] += 1
        answers["truth"]["alerts"]["SHIPMENT_OVERDUE"].append(["W-unheard-of"])
        answers["truth"]["cooperative"]["members"][0]["score"] += 1
        assert [of.differing for of in compare(server, answers)] == [1, 0, 0, 0, 0, 1, 0, 0, 1, 1]
    assert up.stop() == 0


def test_the_view_on_a_terminal_and_ctrl_c(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        command = [sys.executable, "-m", "weftline", "demo", "--broker", "memory"]
        os.execve(sys.executable, command, environment(TERM="xterm") | {"LINES": "40", "COLUMNS": "120"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = _read_until(terminal, b"newest alerts")
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert b"the broker lives in memory" in shown
    shown += _read_until(terminal, re.compile(rb"stored +[1-9]"))
    os.write(terminal, b"\x03")
    shown = _read_until(terminal, None)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"\x1b[?1049l" in shown  # the terminal is given back
    assert shown.rstrip().endswith(b"stopping")
    assert left(family[1:]) == []


def test_only_a_folder_of_its_own_is_emptied(tmp_path: Path) -> None:
    mine = tmp_path / "demo" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work", "utf-8")
    done = weftline("demo", "--for", "5", "--data", str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"weftline: {mine.parent} holds what no demonstration has put there")
    assert mine.read_text("utf-8") == "years of work"


def _read_until(terminal: int, wanted: bytes | re.Pattern[bytes] | None) -> bytes:
    """What it shows, up to what is wanted or to its end."""
    shown = b""
    while wanted is None or not re.search(wanted, shown):
        try:
            piece = os.read(terminal, 65_536)
        except OSError:
            piece = b""
        if not piece:
            assert wanted is None, shown.decode("utf-8", "replace")
            break
        shown += piece
    return shown
