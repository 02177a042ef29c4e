"""The simulated clock, and that the demonstration's keeps to the pace of its play."""

from __future__ import annotations

import math

import pytest

from weftline.embedded.demo import simulated_clock_setting
from weftline.embedded.simulator.config import demo_config
from weftline.errors import UserError
from weftline.runtime.clock import ServerClock, Stretch, clock_of, simulated_clock, system_clock


def test_it_follows_its_stretches_and_meets_the_wall_clock() -> None:
    wall = 0
    clock = simulated_clock([Stretch(1_000, 100, 0.5), Stretch(1_200, 200, 2.0)], lambda: wall)
    shown = {}
    for wall in (900, 1_000, 1_100, 1_199, 1_200, 1_300, 2_200, 2_201):
        shown[wall] = clock()
    assert shown == {900: 100, 1_000: 100, 1_100: 150, 1_199: 199, 1_200: 200, 1_300: 400, 2_200: 2_200, 2_201: 2_201}


def test_an_event_is_due_before_the_clock_of_the_demonstration_shows_its_time() -> None:
    now = system_clock()
    config, pace = demo_config(now, 60.0)
    wall = 0
    stretches = [
        Stretch(int(a), int(b), float(c))
        for a, b, c in (part.split(",") for part in simulated_clock_setting(pace, now + 2_000).split(";"))
    ]
    clock = simulated_clock(stretches, lambda: wall)
    seen = []
    for wall in range(now - 1_000, now + 63_000, 100):
        seen.append(clock())
        assert pace.due(seen[-1], 0) <= max((wall - now - 2_000) / 1000, 0.0) + 0.01
    assert seen == sorted(seen)
    assert seen[0] == config.start
    assert config.end <= seen[-1] <= config.end + 1_100


@pytest.mark.parametrize("setting", ["1,2", "a,b,c", "5,5,1;4,6,1", "4,6,1;5,5,1", "1,1,-1"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(UserError, match="WEFTLINE_SIMULATED_CLOCK"):
        clock_of(setting, system_clock)


@pytest.mark.parametrize("ahead", [0, 3 * 86_400_000, -3 * 86_400_000])
def test_the_servers_clock_goes_on_whatever_the_machines_says(ahead: int) -> None:
    true, since_start = 1_767_225_600_000, 50.0

    def passes(seconds: float) -> None:
        nonlocal true, since_start
        true, since_start = true + int(seconds * 1000), since_start + seconds

    clock = ServerClock(local=lambda: true + ahead, monotonic=lambda: since_start)
    assert math.isnan(clock.skew("worker"))
    assert math.isnan(clock.skew("kafka"))
    asked = clock.asking()
    passes(0.25)
    said = true
    passes(0.25)
    clock.read(said, asked)
    assert clock() == true
    assert clock.skew("worker") == ahead / 1000
    passes(60)
    assert clock() == true
    ahead += 5_000  # somebody sets the machine's clock
    assert clock() == true
    assert clock_of(None, clock)() == true
    assert clock_of(f"{true},1000,1", clock)() == 1000
    sent = clock()
    passes(1)
    clock.stamped(true - 500 - 90_000, sent)
    assert clock.skew("kafka") == -90


def test_before_the_server_was_asked_there_is_no_time() -> None:
    with pytest.raises(RuntimeError, match="not read yet"):
        ServerClock()()
