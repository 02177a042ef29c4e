"""From publishing to the alert in a factory's hands, and to the queryable row, while other events come at a steady rate."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

from weftline.domain.alerts import Alert
from weftline.embedded.supervisor import Addresses, Stack, StackConfig, processors
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.sdk import Publisher, Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

RATE = 1_000
PROBES = 1_000
PROBES_PER_SECOND = 10.0
#: The queryable row is asked for after every so many probes: asking shall not be the load that is measured.
ROWS_OF = 10
FACTORIES = 50  # of the probes: none of them has a history that is worth mentioning
PREFIX = "bench-factory-"
WARM_UP_SECONDS = 10
PATIENCE_SECONDS = 30


def latencies() -> dict[str, Any]:
    """``alert_latency_ms`` and ``row_latency_ms`` (p50, p95, p99, max), and the rate of the other events."""

    def prepare(at: Addresses) -> None:
        apply_topics(at.kafka)
        migrate(load(**at.settings()))

    with tempfile.TemporaryDirectory(prefix="weftline-bench-") as folder:
        config = StackConfig(Path(folder), usual={})
        with Stack(config, prepare=prepare, workers=processors) as stack:
            assert stack.addresses is not None
            alerts, rows = _probe(stack.addresses)
    return {"alert_latency_ms": quantiles(alerts), "row_latency_ms": quantiles(rows), "load_events_per_second": RATE}


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """In ms, each the smallest value that so many of all do not exceed."""
    ordered = sorted(seconds)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found = {name: round(ordered[ceil(len(ordered) * share) - 1] * 1000, 1) for name, share in shares.items()}
    return found | {"probes": len(ordered)}


@contextmanager
def others(kafka: str, rate: float, seconds: float) -> Iterator[None]:
    """Other people's events at a steady rate, from a process of their own; entered once the first are sent."""
    command = [sys.executable, "-m", "tests.bench.fresh", kafka, str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sending\n"
        try:
            yield
        finally:
            sender.kill()


def _probe(at: Addresses) -> tuple[list[float], list[float]]:
    told: dict[str, float] = {}
    subscriber = Subscriber(at.kafka, None, group="bench", from_beginning=True)

    def listen() -> None:
        def handler(alert: Alert) -> None:
            if alert.factory_id.startswith(PREFIX):
                told.setdefault(alert.evidence[0].subject or "", time.perf_counter())

        subscriber.run(handler)

    listener = threading.Thread(target=listen)
    listener.start()
    seconds = WARM_UP_SECONDS + PROBES / PROBES_PER_SECOND
    try:
        with others(at.kafka, RATE, seconds * 1.5):
            time.sleep(WARM_UP_SECONDS)  # not a condition: the load shall have been there for a while
            sent, seen = publish_probes(at)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while sent.keys() - told.keys() and time.monotonic() < deadline:
                time.sleep(0.1)
    finally:
        subscriber.stop()
        listener.join()
        subscriber.close()
    if missing := sent.keys() - told.keys():
        raise SystemExit(
            f"{len(missing)} of {len(sent)} alerts did not come within {PATIENCE_SECONDS} s: the machine does too much else"
        )
    return [told[number] - sent[number] for number in sent], [seen[number] - sent[number] for number in seen]


def publish_probes(at: Addresses, rows_of: int = ROWS_OF) -> tuple[dict[str, float], dict[str, float]]:
    """Probes at their own rate: a report that fails, then its verification, whose way is timed. ``rows_of``: 0 asks for no row."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    looking: list[threading.Thread] = []
    with Publisher(at.kafka, source="bench", cooperative_id="bench", center_id="bench") as center:
        begun = time.monotonic()
        for probe in range(PROBES):
            time.sleep(max(0.0, begun + probe / PROBES_PER_SECOND - time.monotonic()))
            number, factory, now = f"probe-{probe}", f"{PREFIX}{probe % FACTORIES}", int(time.time() * 1000)
            about: dict[str, Any] = {"factory_id": factory, "product_category": "sheet", "laboratory_id": "bench"}
            center.laboratory_report(
                **about,
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
            center.report_status(**about, report_number=number, status="VERIFIED", event_time=now)
            center.flush()
            if rows_of and probe % rows_of == 0:
                looking.append(
                    threading.Thread(target=_look, args=(at, {"owner": factory, "subject": f"bench/{number}", "now": now}, seen))
                )
                looking[-1].start()
    for thread in looking:
        thread.join()
    return sent, seen


def _look(at: Addresses, asked: Mapping[str, Any], seen: dict[str, float]) -> None:
    """Ask for a fact, by its minute and not too often, until it is there."""
    query = (
        "SELECT count() FROM inspection_facts PREWHERE minute = toStartOfMinute(fromUnixTimestamp64Milli({now:Int64}, 'UTC')) "
        "WHERE owner = {owner:String} AND subject = {subject:String} AND reports = 1"
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    with reader(load(**at.settings())) as warehouse:
        while not warehouse.rows(query, asked)[0][0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"no fact of {asked} within {PATIENCE_SECONDS} s")
            time.sleep(0.025)
    seen[asked["subject"].removeprefix("bench/")] = time.perf_counter()
