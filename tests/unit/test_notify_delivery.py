"""What follows from answers: any sequence of them, on a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.notify.delivery import (
    DAY_SECONDS,
    LONGEST_ASKED_SECONDS,
    LONGEST_SECONDS,
    OFF_AFTER_FAILURES,
    OFF_AFTER_SECONDS,
    Answer,
    Health,
    State,
    Verdict,
    after_attempt,
    health_after,
    pause,
)
from weftline.notify.lane import Lane
from weftline.notify.webhooks import answer, message_id, retry_after

FAILED = Answer(Verdict.LATER, "HTTP 500")
DELIVERED = Answer(Verdict.DELIVERED, "HTTP 200")
chances = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(chances, st.one_of(st.none(), st.floats(0, 10 * DAY_SECONDS)))
def test_who_fails_for_ever_is_parked_within_a_day_and_was_asked_often_enough(chance: list[float], after: float | None) -> None:
    now, attempts, state = 0.0, 0, State.WAITING
    turns = cycle(chance)
    while state is State.WAITING:
        attempts += 1
        then = after_attempt(Answer(Verdict.LATER, "HTTP 503", after), attempts, 0.0, now, lambda: next(turns))
        state = then.state
        if then.at is not None:
            assert now + 1 <= then.at < DAY_SECONDS
            assert then.at >= now + min(after or 0, LONGEST_ASKED_SECONDS)
            now = then.at
        assert attempts < 100_000
    assert state is State.PARKED
    assert attempts >= 4, "a receiver that asks for days is asked a few times all the same"
    assert after is not None or attempts >= 12


def test_pauses_grow_and_are_spread() -> None:
    bounds = [pause(attempts, lambda: 1.0) for attempts in range(1, 30)]
    assert bounds[:3] == [5, 10, 20]
    assert bounds == sorted(bounds)
    assert bounds[-1] == LONGEST_SECONDS
    assert pause(10_000, lambda: 0.5) == LONGEST_SECONDS / 2
    assert pause(5, lambda: 0.0) == 1.0


@given(st.lists(st.sampled_from([Verdict.DELIVERED, Verdict.LATER, Verdict.REFUSED]), max_size=60), st.floats(0, DAY_SECONDS))
def test_an_endpoint_is_off_only_after_days_of_nothing_but_failures(verdicts: list[Verdict], step: float) -> None:
    health, failing = Health(), list[float]()
    for number, verdict in enumerate(verdicts):
        now = number * step
        if not health.off:
            failing = [] if verdict is Verdict.DELIVERED else [*failing, now]
        health = health_after(health, Answer(verdict, "x"), now)
        long_enough = bool(failing) and failing[-1] - failing[0] >= OFF_AFTER_SECONDS and len(failing) >= OFF_AFTER_FAILURES
        assert health.off == long_enough


def test_gone_switches_off_at_once_and_nothing_switches_on() -> None:
    health = health_after(Health(), answer(410, {}), 5.0)
    assert health.off
    assert health_after(health, DELIVERED, 6.0) == health


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (301, "later"),
        (307, "later"),
        (400, "later"),
        (404, "later"),
        (410, "gone"),
        (500, "later"),
    ],
)
def test_what_a_status_means(status: int, verdict: str) -> None:
    assert answer(status, {}).verdict == verdict


def test_retry_after_is_read_in_both_forms() -> None:
    now = datetime(2026, 11, 30, 4, 0, 0, tzinfo=UTC)
    assert retry_after("120") == 120
    assert retry_after("Mon, 30 Nov 2026 04:02:00 GMT", now) == 120
    assert retry_after("Mon, 30 Nov 2026 03:02:00 GMT", now) == 0
    assert [retry_after(text) for text in ("", "soon", "-5", "1e9", "１２")] == [None] * 5
    assert retry_after("9" * 5000) == 1e9


@given(st.text(max_size=30), st.integers(0, 2**62))
def test_a_message_id_is_safe_in_a_header_and_tells_two_revisions_apart(alert_id: str, revision: int) -> None:
    assert message_id(alert_id, revision).replace("_", "").isalnum()
    assert message_id(alert_id, revision) == message_id(alert_id, revision) != message_id(alert_id, revision + 1)


# -- The pace of one receiver


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=80))
def test_nobody_is_asked_more_often_than_it_may_be(asked: list[tuple[float, bool]]) -> None:
    lane, now, begun = Lane(8, 4), 0.0, list[float]()
    for pause_, urgent in asked:
        now += pause_
        free = lane.free_at(now, 0, urgent=urgent, fresh=True)
        assert free is not None
        if free <= now:
            lane.began(now)
            begun.append(now)
        last_minute = [at for at in begun if at > now - 60]
        assert len(last_minute) <= 8


def test_a_quarter_of_the_rate_is_kept_for_what_is_urgent() -> None:
    lane = Lane(8, 4)
    for _ in range(6):
        assert lane.free_at(0.0, 0, urgent=False, fresh=True) == 0.0
        lane.began(0.0)
    assert lane.free_at(1.0, 0, urgent=False, fresh=True) == 60.0
    assert lane.free_at(1.0, 0, urgent=True, fresh=True) == 1.0


def test_a_failing_receiver_rests_but_a_new_safety_alert_does_not_wait_for_that() -> None:
    lane = Lane(100, 4)
    for _ in range(8):
        lane.ended(FAILED, 0.0, lambda: 1.0)
    assert lane.free_at(1.0, 0, urgent=False, fresh=True) == 32.0
    assert lane.free_at(1.0, 0, urgent=True, fresh=False) == 32.0
    assert lane.free_at(1.0, 0, urgent=True, fresh=True) == 1.0
    assert lane.free_at(40.0, 1, urgent=False, fresh=True) is None, "one at a time while it fails"
    lane.ended(DELIVERED, 40.0, lambda: 1.0)
    assert lane.free_at(40.0, 1, urgent=False, fresh=True) == 40.0
    lane.ended(Answer(Verdict.LATER, "too fast", 600.0, too_fast=True), 41.0, lambda: 1.0)
    assert lane.free_at(42.0, 0, urgent=True, fresh=True) == 641.0
