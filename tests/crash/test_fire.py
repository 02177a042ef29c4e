"""A short run of ``make crash``, as the command that it is; longer ones are for people."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.crash.publishing import GIANT_LOTS, GIANT_REPORTS
from tests.crash.slow_faults import FAULTS
from tests.support.poison import POISON
from weftline.embedded.children import Child, Running

KILLS = 6
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(1000)
def test_the_tables_are_what_was_published_whoever_was_killed(tmp_path: Path) -> None:
    # A program of its own: kafka-python leaves a socket behind whenever it asks a broker that is not there.
    command = (sys.executable, "-W", "ignore", "-m", "tests.crash.fire", "--kills", str(KILLS), "--seed", "20261122")
    running = Running(Child("fire", command, environment={"PYTHONPATH": str(ROOT)}), tmp_path / "fire.log")
    try:
        assert running.wait(900), "it does not come to its end"
    finally:
        running.kill()
    said = running.log.read_text("utf-8")
    assert running.returncode == 0, said
    assert int(found(r"kills done +(\d+)", said)) >= KILLS
    faults = found(r"other faults +(.*)", said)
    without_disks = "no full disks in this run" in said
    missing = [name for name in FAULTS if not re.search(rf"{name} \d", faults) and not (without_disks and "disk" in name)]
    assert not missing, said
    assert int(found(r"poison +(\d+) kinds", said)) == len(POISON)
    assert int(found(r"giant factory +folded apart, ([\d,]+)", said).replace(",", "")) == 2 * GIANT_REPORTS + GIANT_LOTS
    assert int(found(r"transactions +(\d+) committed", said)) > 0
    assert found(r"drift +(.*)", said) == "none"
    assert found(r"audit +(.*)", said) == "no drift"
    assert int(found(r"facts +(\d+)", said)) > 0
    assert int(found(r"told to factories (\d+)", said)) > 0


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]
