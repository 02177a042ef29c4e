"""A short run of ``make crash``; longer ones are a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.fire import crash_run

KILLS = 24


@pytest.mark.timeout(600)
def test_the_tables_are_what_was_published_whoever_was_killed(tmp_path: Path) -> None:
    said: list[str] = []
    report = crash_run(KILLS, seed=20_261_122, folder=tmp_path / "stack", say=said.append)
    assert report.right, "\n".join([*said, *report.lines()])
    assert report.kills.total() >= KILLS
    assert report.faults.total() > 1
    assert report.facts
    assert report.damaged
    assert report.told
