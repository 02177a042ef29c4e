"""The README's pastes, run as they stand there; only the addresses are those of the stack that the test has started."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import Program, environment, until, weftline
from weftline.embedded.ports import free_ports

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader of the README stands: what `up` keeps lies below it in .weftline."""
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def ports(folder: Path) -> Iterator[tuple[int, int]]:
    kafka, clickhouse = free_ports(2)
    up = Program("up", "--kafka-port", str(kafka), "--clickhouse-port", str(clickhouse), folder=folder)
    try:
        up.wait_for("data, logs", seconds=300)
        yield kafka, clickhouse
    finally:
        up.interrupt()
        assert up.end() == 0


def here(text: str, ports: tuple[int, int]) -> str:
    assert ":9092" in text or "8123" in text
    return text.replace(":9092", f":{ports[0]}").replace("8123", str(ports[1]))


def python_paste(word: str) -> str:
    (paste,) = [paste for paste in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in paste]
    return paste


def test_a_center_publishes_a_factory_is_told_and_an_operator_sees_it(ports: tuple[int, int], folder: Path) -> None:
    published = subprocess.run(
        [sys.executable, "-c", here(python_paste("Publisher("), ports)], capture_output=True, text=True, check=False, timeout=60
    )
    assert published.returncode == 0, published.stderr

    # The paste goes on for ever, as a factory's program does: it is stopped once it has said what it must.
    factory = subprocess.Popen(
        [sys.executable, "-u", "-c", here(python_paste("Subscriber("), ports)], stdout=subprocess.PIPE, text=True, env=environment()
    )
    try:
        assert factory.stdout is not None
        said = {factory.stdout.readline().split()[0] for _ in range(2)}
    finally:
        factory.kill()
        factory.communicate()
    assert said == {"CRITICAL", "MINOR"}, "a safety limit failed, and an order overdue"

    curl = next(line.strip() for line in README.splitlines() if line.strip().startswith("curl "))

    def unseen() -> str:
        done = subprocess.run(["sh", "-c", here(curl, ports)], capture_output=True, text=True, check=False, timeout=30, cwd=folder)
        rules = {"SAFETY_LIMIT_FAILED", "ORDER_OVERDUE"}
        return "" if done.returncode == 0 and all(rule in done.stdout for rule in rules) else done.stdout + done.stderr

    until(lambda: not unseen(), "both alerts in the view")
    asked = subprocess.run(
        [sys.executable, "-c", here(python_paste("clickhouse_connect"), ports)],
        **{"capture_output": True, "text": True, "check": False, "timeout": 60, "cwd": folder},
    )
    assert asked.returncode == 0, asked.stderr
    assert "('f-204', 'formaldehyde', 1, 1)" in asked.stdout
    # Beside a running stack nobody types a password, wherever the addresses come from.
    assert weftline("status", folder=folder).returncode == 0
    status = weftline(
        "status",
        folder=folder,
        WEFTLINE_KAFKA=f"127.0.0.1:{ports[0]}",
        WEFTLINE_CLICKHOUSE=f"http://127.0.0.1:{ports[1]}",
        WEFTLINE_CLICKHOUSE_PASSWORD="",
    )
    assert status.returncode == 0, status.stdout + status.stderr


@pytest.mark.parametrize(
    "command", [line.strip() for line in README.splitlines() if re.match(r" +\.venv/bin/weftline (plan|judge) ", line)]
)
def test_an_officers_questions(command: str) -> None:
    arguments = command.split()[1:]
    done = weftline(*arguments, folder=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_view_and_table_that_is_named_is_there() -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", README[README.index("## Tables") : README.index("## Scale out")]))
    ddl = "".join(path.read_text("utf-8") for path in (ROOT / "schemas" / "clickhouse").glob("*.sql"))
    defined = set(re.findall(r"CREATE (?:TABLE IF NOT EXISTS|VIEW IF NOT EXISTS|OR REPLACE VIEW) (\w+)", ddl))
    assert named
    assert {name for name in named if name not in defined} == set()
