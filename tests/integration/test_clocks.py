"""A worker whose machine's clock is days wrong: factories are told as if it were right, nobody is told too early, and it is seen.

The real program under a clock that is shifted before anything else of it runs (:mod:`tests.support.shifted_clock`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.conftest import Server
from tests.e2e.commands import until, weftline
from tests.support.shifted_clock import with_clock

from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import HOST, free_ports
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import Settings, load
from weftline.sdk import Publisher, Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate


@pytest.fixture
def at(start_kafka: Callable[[], Server], clickhouse: str, request: pytest.FixtureRequest) -> Settings:
    days = request.node.callspec.params["days"]
    where = load(
        kafka=start_kafka().address, clickhouse=clickhouse, clickhouse_database=f"clock_{'ahead' if days > 0 else 'behind'}"
    )
    apply_topics(where.kafka)
    migrate(where)
    return where


@pytest.mark.parametrize("days", [3, -3])
def test_a_worker_with_a_wrong_clock_tells_what_is_so(at: Settings, days: int, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    where = {
        "WEFTLINE_KAFKA": at.kafka,
        "WEFTLINE_CLICKHOUSE": at.clickhouse,
        "WEFTLINE_CLICKHOUSE_DATABASE": at.clickhouse_database,
    }
    child = processor_child("orders", {**where, "WEFTLINE_SWEEP_SECONDS": "1"}, port)
    shifted = Running(with_clock(child, days * 86_400), tmp_path / "orders.log")
    now = datetime.now(UTC)
    try:
        shifted.wait_ready()
        with Publisher(at.kafka, source="urn:clocks", cooperative_id="haimen", center_id="c1") as center:
            for number, promised in (("late", now - timedelta(hours=1)), ("in-time", now + timedelta(days=2))):
                center.order(
                    factory_id="f-1",
                    order_id=number,
                    status="CONFIRMED",
                    product_category="sheet",
                    event_time=now - timedelta(hours=2),
                    promised_at=promised,
                )
        with Subscriber(at.kafka, "f-1") as alerts:
            told = next(iter(alerts))
        assert told.order_id == "late"
        with reader(at) as tables:
            until(lambda: tables.rows("SELECT count() FROM order_state FINAL") == [(2,)], "both orders are in the table")
            assert tables.rows("SELECT owner, historic FROM alerts FINAL") == [("c1|late", 0)]

        def skew(clock: str) -> float:
            with urlopen(f"http://{HOST}:{port}/metrics", timeout=5) as answer:
                (found,) = re.findall(
                    rf'^weftline_clock_skew_seconds{{clock="{clock}"}} (\S+)$', answer.read().decode(), re.MULTILINE
                )
            return float(found)

        assert skew("worker") == pytest.approx(days * 86_400, abs=60)
        assert skew("kafka") == pytest.approx(0, abs=60)
        audit = weftline("audit", folder=tmp_path, **where)
        assert "no drift" in audit.stdout, audit.stdout + audit.stderr
    finally:
        shifted.stop()
