"""The promise under any interleaving: several workers, suspended, failing and killed between any two round trips, on a real ClickHouse.

``WEFTLINE_CRASH_SEED`` and ``WEFTLINE_CRASH_SCHEDULES`` choose other and more schedules.
"""

from __future__ import annotations

import os

import pytest

from tests.crash.universe import Universe, told
from weftline.processors import telling
from weftline.warehouse import cuts

SEED = int(os.environ.get("WEFTLINE_CRASH_SEED", "1"))
SCHEDULES = int(os.environ.get("WEFTLINE_CRASH_SCHEDULES", "60"))
#: So many are played before the tables are read: rows of more worlds make every query slower.
AT_ONCE = 60
#: Of those in which each row is a statement, and takes the engine as long as a thousand.
CUT = 8


@pytest.mark.parametrize("most_alerts", [telling.MOST_ALERTS, -1], ids=["all alerts read", "those at hand read"])
def test_whatever_happens_in_between_the_tables_are_the_fold_of_the_records(
    universe: Universe, most_alerts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_ALERTS", most_alerts)
    first, schedules = (SEED, SCHEDULES // 2) if most_alerts < 0 else (SEED + 1_000, SCHEDULES - SCHEDULES // 2)
    for number in range(first, first + -(-schedules // AT_ONCE)):
        wrong = universe.play(number, min(AT_ONCE, schedules))
        assert not wrong, told(number, wrong)


def test_nor_does_it_matter_where_statements_are_cut(universe: Universe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row is an insert of its own, every window a refresh, every owner a query, and workers die between any two."""
    monkeypatch.setattr(cuts, "BLOCK_ROWS", 1)
    monkeypatch.setattr(cuts, "WINDOWS", 1)
    monkeypatch.setattr(cuts.texts, "__defaults__", (1, len))
    monkeypatch.setattr(telling, "MOST_ALERTS", -1)
    wrong = universe.play(SEED, min(CUT, SCHEDULES))
    assert not wrong, told(SEED, wrong)
