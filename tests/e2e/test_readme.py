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
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    kafka, clickhouse = free_ports(2)
    folder = tmp_path_factory.mktemp("readme")
    up = Program("up", "--data", "data", "--kafka-port", str(kafka), "--clickhouse-port", str(clickhouse), folder=folder)
    try:
        up.wait_for("data, logs")
        yield kafka, clickhouse
    finally:
        up.interrupt()
        assert up.end() == 0


def here(text: str, ports: tuple[int, int]) -> str:
    assert ":9092" in text or ":8123" in text
    return text.replace(":9092", f":{ports[0]}").replace(":8123", f":{ports[1]}")


def python_paste(word: str) -> str:
    (paste,) = [paste for paste in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in paste]
    return paste


def test_a_center_publishes_a_factory_is_told_and_an_operator_sees_it(ports: tuple[int, int], tmp_path: Path) -> None:
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
        done = subprocess.run(["sh", "-c", here(curl, ports)], capture_output=True, text=True, check=False, timeout=30)
        rules = {"SAFETY_LIMIT_FAILED", "ORDER_OVERDUE"}
        return "" if done.returncode == 0 and all(rule in done.stdout for rule in rules) else done.stdout + done.stderr

    until(lambda: not unseen(), "both alerts in the view")
    status = weftline(
        "status", folder=tmp_path, WEFTLINE_KAFKA=f"127.0.0.1:{ports[0]}", WEFTLINE_CLICKHOUSE=f"http://127.0.0.1:{ports[1]}"
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
    defined = set(re.findall(r"CREATE (?:TABLE|VIEW) IF NOT EXISTS (\w+)", ddl))
    assert named
    assert {name for name in named if name not in defined} == set()
