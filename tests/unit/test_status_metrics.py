"""States of a processor and names of its metrics: closed lists that operators see."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from weftline.runtime.health import STATES, Status
from weftline.runtime.metrics import Metrics


def test_the_states_of_a_processor() -> None:
    now = 0.0
    status = Status("orders", Metrics("orders"), lambda: now)
    seen = [status.state]
    assert status.describe()["waiting_for"] == "kafka group"
    status.joined(frozenset({1}))
    seen.append(status.state)
    now = 1000
    status.work(True)
    seen.append(status.state)
    now += 61
    assert status.standing_seconds == 61
    status.wait_for("clickhouse")
    seen.append(status.state)
    assert not status.ready
    status.wait_for(None)
    assert (status.state, status.standing_seconds) == ("active", 0), "time spent waiting is not time spent standing still"
    status.stalled("nothing goes on")
    seen.append(status.state)
    assert not status.ready
    assert seen == ["starting", "idle", "active", "waiting", "stalled"]
    assert set(seen) == set(STATES)


def test_metric_names_are_a_closed_list_in_base_units() -> None:
    registry: CollectorRegistry = Metrics("orders").registry
    ours = {metric.name: metric for metric in registry.collect() if metric.name.startswith("weftline_")}
    assert {"weftline_steps", "weftline_lag_records", "weftline_waiting"} <= set(ours)
    for name, metric in ours.items():
        assert metric.documentation
        unit = name.rsplit("_", 1)[1]
        assert metric.type == "counter" or unit in (
            "info",
            "bytes",
            "seconds",
            "offset",
            "records",
            "owners",
            "partitions",
            "waiting",
            "losses",
        ), name
    foreign = {metric.name for metric in registry.collect()} - set(ours)
    assert all(name.startswith("process_") for name in foreign)
