"""How many records a step takes, held against machines whose costs are known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weftline.runtime.pace import FIRST, FIXED_SHARE, STEP_SECONDS, Pace

MOST = 10_000
#: Now and then a step is larger than it should be, to find out what a larger one costs.
TRIES = 1.3
COSTS = st.tuples(st.floats(0.0005, 2.0), st.floats(1e-6, 0.05))  # seconds of a step whatever it takes, and of each record


def played(pace: Pace, fixed: float, each: float, steps: int = 60) -> list[int]:
    """The sizes of full steps on a machine with these costs."""
    taken = []
    for _ in range(steps):
        taken.append(pace.records)
        pace.took(pace.records, fixed + each * pace.records)
    return taken


@given(COSTS)
def test_a_step_is_as_long_as_it_shall_be_or_mostly_records(costs: tuple[float, float]) -> None:
    fixed, each = costs
    pace = Pace(MOST)
    last = played(pace, fixed, each)[-1]
    seconds = fixed + each * last
    assert 1 <= last <= MOST
    if last > 1:
        assert seconds <= max(STEP_SECONDS, fixed / FIXED_SHARE) * TRIES + each
    if fixed + each * MOST <= STEP_SECONDS * 0.8:
        assert last == MOST, "nothing is gained by smaller ones"
    if fixed <= STEP_SECONDS * FIXED_SHARE and last < MOST:
        assert seconds >= STEP_SECONDS * 0.7 - each


@given(COSTS, COSTS)
def test_it_follows_when_records_become_dearer_or_cheaper(before: tuple[float, float], after: tuple[float, float]) -> None:
    pace = Pace(MOST)
    played(pace, *before)
    fixed, each = after
    last = played(pace, fixed, each, 120)[-1]
    if last > 1:
        assert fixed + each * last <= max(STEP_SECONDS, fixed / FIXED_SHARE) * TRIES + each
    if fixed + each * MOST <= STEP_SECONDS * 0.8:
        assert last == MOST


def test_a_busy_machine_is_not_given_more_steps_than_it_needs() -> None:
    """Half a second of every step is spent whatever it takes: a step of 300 records would take as long as one of 2,000, nearly."""
    assert played(Pace(MOST), 0.5, 0.0002)[-1] > 2_000


def test_the_first_step_is_not_a_leap_in_the_dark() -> None:
    pace = Pace(MOST)
    assert pace.records == FIRST < MOST
    assert played(pace, 0.02, 0.00001, 10)[-1] == MOST
    assert Pace(100).records == 100


def test_nothing_is_learnt_of_a_step_without_records() -> None:
    pace = Pace(MOST)
    pace.took(0, 5.0)
    assert pace.records == FIRST
