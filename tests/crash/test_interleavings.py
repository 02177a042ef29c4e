"""The promise under any interleaving: several workers, suspended, failing and killed between any two round trips, on a real ClickHouse.

``WEFTLINE_CRASH_SEED`` and ``WEFTLINE_CRASH_SCHEDULES`` choose other and more schedules.
"""

from __future__ import annotations

import os

from tests.crash.universe import Universe, told

SEED = int(os.environ.get("WEFTLINE_CRASH_SEED", "1"))
SCHEDULES = int(os.environ.get("WEFTLINE_CRASH_SCHEDULES", "150"))
#: So many are played before the tables are read: rows of more worlds make every query slower.
AT_ONCE = 75


def test_whatever_happens_in_between_the_tables_are_the_fold_of_the_records(universe: Universe) -> None:
    for number in range(SEED, SEED + -(-SCHEDULES // AT_ONCE)):
        wrong = universe.play(number, min(AT_ONCE, SCHEDULES))
        assert not wrong, told(number, wrong)
