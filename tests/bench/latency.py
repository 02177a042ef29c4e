"""From publishing to the alert in a factory's hands, and to the queryable row, while other events come at a steady rate."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.domain.alerts import Alert
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.sinks import BulkSink, Connection, Encoded, encoded
from weftline.embedded.supervisor import Addresses, Stack, StackConfig, processors
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.sdk import Publisher, Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

RATE = 1_000
PROBES = 100
FACTORY = "bench-factory"
DAY = 86_400_000
WARM_UP_SECONDS = 10
LOAD_SECONDS = 120


def latencies() -> dict[str, Any]:
    """``alert_latency_ms`` and ``row_latency_ms`` (p50, p99), and the rate of the other events."""

    def prepare(at: Addresses) -> None:
        apply_topics(at.kafka)
        migrate(load(**at.settings()))

    with tempfile.TemporaryDirectory(prefix="weftline-bench-") as folder:
        config = StackConfig(Path(folder), usual={})
        with Stack(config, prepare=prepare, workers=processors) as stack:
            assert stack.addresses is not None
            alerts, rows = _probe(stack.addresses)
    return {"alert_latency_ms": _percentiles(alerts), "row_latency_ms": _percentiles(rows), "load_events_per_second": RATE}


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {"p50": round(ordered[len(ordered) // 2] * 1000, 1), "p99": round(ordered[int(len(ordered) * 0.99)] * 1000, 1)}


def _probe(at: Addresses) -> tuple[list[float], list[float]]:
    stop = threading.Event()
    load_thread = threading.Thread(target=send, args=(at.kafka, others(RATE * LOAD_SECONDS), RATE, stop))
    told: dict[str, float] = {}
    subscriber = Subscriber(at.kafka, FACTORY, group="bench", from_beginning=True)

    def listen() -> None:
        def handler(alert: Alert) -> None:
            told[alert.evidence[0].subject or ""] = time.perf_counter()

        subscriber.run(handler)

    listener = threading.Thread(target=listen)
    listener.start()
    load_thread.start()
    try:
        time.sleep(WARM_UP_SECONDS)  # not a condition: the load shall have been there for a while
        sent, seen = _publish(at, told)
    finally:
        stop.set()
        subscriber.stop()
        load_thread.join()
        listener.join()
        subscriber.close()
    return [told[number] - sent[number] for number in sent], [seen[number] - sent[number] for number in sent]


def _publish(at: Addresses, told: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Probes, one after the other: a report that fails, then its verification, whose way is timed."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    common: dict[str, Any] = {"factory_id": FACTORY, "product_category": "sheet", "laboratory_id": "bench"}
    with (
        Publisher(at.kafka, source="bench", cooperative_id="bench", center_id="bench") as center,
        reader(load(**at.settings())) as warehouse,
    ):
        for probe in range(PROBES):
            number = f"probe-{probe}"
            now = int(time.time() * 1000)
            center.laboratory_report(
                **common,
                report_number=number,
                event_time=now - 1,
                specimen="FINISHED_PRODUCT",
                specimen_kind="fabric",
                purpose="FUND",
                safety_class="B",
                test_plan=["formaldehyde"],
                measurements=[{"indicator": "formaldehyde", "kind": "NUMBER", "value": 96.0, "unit": "mg/kg"}],
            )
            center.flush()
            sent[number] = time.perf_counter()
            center.report_status(**common, report_number=number, status="VERIFIED", event_time=now)
            center.flush()
            # By its minute, and not too often: asking shall not be the load that is measured.
            query = (
                "SELECT count() FROM inspection_facts PREWHERE minute = toStartOfMinute(fromUnixTimestamp64Milli({now:Int64}, 'UTC')) "
                "WHERE owner = {owner:String} AND subject = {subject:String} AND reports = 1"
            )
            while not warehouse.rows(query, {"owner": FACTORY, "subject": f"bench/{number}", "now": now})[0][0]:
                time.sleep(0.025)
            seen[number] = time.perf_counter()
            deadline = time.monotonic() + 30
            while number not in told and time.monotonic() < deadline:
                time.sleep(0.002)
    return sent, seen


def others(count: int) -> list[Encoded]:
    """Other people's events, each once, made before they are needed: the last days of a cluster of thousands of factories, when orders,
    inspections and shipments have come to their usual proportion (10 to 7 to 4)."""
    end = int(time.time() * 1000)
    members = (("haimen", 5_530), ("tongzhou", 1_160))
    config = SimulationConfig(seed=2, start=end - 12 * DAY, end=end, events_per_day=max(20_000, count // 8), members=members)
    return list(encoded(Simulation(config), Codec(FileRegistry())))[-count:]


def send(kafka: str, records: Sequence[Encoded], rate: float, stop: threading.Event) -> None:
    """Send them at a steady rate."""
    sink = BulkSink(Connection(kafka))
    begun = time.monotonic()
    sent = 0
    while not stop.is_set():
        due = int((time.monotonic() - begun) * rate)
        while sent < due:
            sink.raw(records[sent])
            sent += 1
        stop.wait(0.02)
    sink.close()
