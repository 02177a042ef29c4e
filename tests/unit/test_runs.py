"""Runs of failures as they are kept, against looking through all results."""

from __future__ import annotations

from itertools import groupby
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from weftline.domain.reports import Content, Result
from weftline.domain.runs import ALARMING, Runs

#: A test time, at which a result is added or, if one is there already, taken away, and whether it failed.
STEPS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from([True, True, False])), min_size=8, max_size=60)
CONTENT = cast(Content, None)  # runs do not look at it


def said(runs: Runs) -> tuple[Any, ...]:
    last = runs.last.position if runs.last else None
    return runs.results, runs.failures, runs.current, runs.longest, last, [[r.position for r in run] for run in runs.alarming]


def looked_through(results: dict[int, Result]) -> tuple[Any, ...]:
    ordered = [results[time] for time in sorted(results)]
    found = [[*same] for failed, same in groupby(ordered, key=lambda result: result.failed) if failed]
    lengths = [len(run) for run in found]
    current = lengths[-1] if ordered and ordered[-1].failed else 0
    alarming = [[result.position for result in run[:ALARMING]] for run in found if len(run) >= ALARMING]
    last = ordered[-1].position if ordered else None
    return len(ordered), sum(lengths), current, max(lengths, default=0), last, alarming


@given(STEPS)
def test_runs_are_what_all_results_say(steps: list[Any]) -> None:
    runs = Runs()
    there: dict[int, Result] = {}
    for time, failed in steps:
        if time in there:
            runs.remove(there.pop(time).position)
        else:
            there[time] = Result((time, "LAB", f"R-{time}"), failed, CONTENT, time)
            runs.insert(there[time])
        assert said(runs) == looked_through(there)
