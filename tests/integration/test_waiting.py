"""ClickHouse away, Kafka away, both: a processor waits, says for whom, keeps its place and its memory, and catches up by itself.

Each is away for longer than any timeout on the way: sessions, statements tried again, and the watchdog's patience. For minutes by
``WEFTLINE_TEST_AWAY_SECONDS=300``.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from kafka import KafkaProducer
from tests.conftest import Server
from tests.e2e.commands import until
from tests.support import tables
from tests.support.hostile import Message, Played

from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import HOST, free_ports
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.groups import open_groups
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

START = 1_767_225_600_000  # 2026-01-01
AWAY_SECONDS = float(os.environ.get("WEFTLINE_TEST_AWAY_SECONDS", "40"))
WATCHDOG_SECONDS = 15
#: Shorter than anything is away, longer than a busy machine leaves a process without its turn.
SESSION_SECONDS = 30
#: While it waits, a worker may hold what it had fetched, one step queued and one just fetched; that is far from a backlog in memory.
GROWTH_BYTES = 100 << 20
TOPIC = "sample.orders.v1"
#: A ceiling for what comes true within seconds on a machine that does nothing else.
PATIENCE_SECONDS = 240


class Worker:
    """The orders processor, and what it says of itself."""

    def __init__(self, at: Settings, as_of: int, folder: Path) -> None:
        (self.port,) = free_ports(1)
        environment = {
            "WEFTLINE_KAFKA": at.kafka,
            "WEFTLINE_CLICKHOUSE": at.clickhouse,
            "WEFTLINE_SIMULATED_CLOCK": f"0,{as_of},0",
            "WEFTLINE_SWEEP_SECONDS": "1",
            "WEFTLINE_WATCHDOG_SECONDS": str(WATCHDOG_SECONDS),
            "WEFTLINE_BATCH_RECORDS": "500",
            "WEFTLINE_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        }
        self.running = Running(processor_child("orders", environment, self.port), folder / "orders.log")
        self.running.wait_ready()

    def readyz(self) -> tuple[int, dict[str, Any]]:
        """Status and body of ``/readyz``; 0 if it does not answer."""
        try:
            with urlopen(f"http://{HOST}:{self.port}/readyz", timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)
        except (OSError, HTTPException):
            return 0, {}

    def metric(self, name: str) -> float:
        """A sample of ``/metrics``; 0 if there is none yet."""
        with urlopen(f"http://{HOST}:{self.port}/metrics", timeout=60) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.running.pid).memory_info().rss)


@pytest.fixture
def worker(
    start_kafka: Callable[[], Server], start_clickhouse: Callable[[], Server], tmp_path: Path
) -> Iterator[tuple[Worker, Server, Server, Played, Settings]]:
    kafka, clickhouse = start_kafka(), start_clickhouse()
    at = load(kafka=kafka.address, clickhouse=clickhouse.address)
    apply_topics(at.kafka)
    migrate(at)
    played = Played(5, START, 30, 12_000)
    worker = Worker(at, played.answers["as_of"], tmp_path)
    yield worker, kafka, clickhouse, played, at
    worker.running.kill()


def publish(kafka: str, messages: list[Message]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5)
    for message in messages:
        producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
    producer.flush()
    producer.close()


def waits(worker: Worker, whom: set[str], seconds: float) -> None:
    """It is not ready and names one of ``whom``, from soon on and all the time; it is not restarted and does not grow."""
    pid, memory = worker.running.pid, worker.memory

    def named() -> bool:
        status, said = worker.readyz()
        return status == 503 and said["waiting_for"] in whom

    until(named, f"/readyz names one of {whom}: {worker.readyz()}", PATIENCE_SECONDS)
    deadline = time.monotonic() + seconds
    answers = 0
    while time.monotonic() < deadline or not answers:
        status, said = worker.readyz()
        if not status and worker.running.alive:
            continue  # a machine that is full answers late; what it then says counts
        answers += 1
        assert worker.running.alive, worker.running.last_words()
        assert status == 503, said
        assert said["stalled"] is None, said
        assert said["waiting_for"] in whom, said
        assert sum(worker.metric(f'weftline_waiting{{dependency="{one}"}}') for one in whom) >= 1
        time.sleep(1)
    assert worker.running.pid == pid
    assert worker.memory - memory < GROWTH_BYTES


@pytest.mark.timeout(900)
def test_whoever_is_away_is_waited_for(worker: tuple[Worker, Server, Server, Played, Settings]) -> None:
    processor, kafka, clickhouse, played, at = worker
    messages = [m for m in played.messages if m.topic == TOPIC]
    part = len(messages) // 4

    def caught_up() -> bool:
        status, _ = processor.readyz()
        with open_groups(at, {"orders": TOPIC}) as groups:
            (group,) = groups.read()
        return status == 200 and group.lag == 0

    publish(at.kafka, messages[:part])
    until(caught_up, "all is well to begin with", PATIENCE_SECONDS)

    # ClickHouse away: the place in the group is kept all the time.
    rebalances = processor.metric("weftline_rebalances_total")
    clickhouse.kill()
    publish(at.kafka, messages[part : 2 * part])
    waits(processor, {"clickhouse"}, AWAY_SECONDS)
    with open_groups(at, {"orders": TOPIC}) as groups:
        (group,) = groups.read()
    assert (group.state, len(group.members or ())) == ("Stable", 1)
    assert processor.metric("weftline_rebalances_total") == rebalances
    clickhouse.start()
    until(caught_up, "it goes on after ClickHouse is back", PATIENCE_SECONDS)

    # Kafka away.
    kafka.kill()
    waits(processor, {"kafka"}, AWAY_SECONDS)
    kafka.start()
    publish(at.kafka, messages[2 * part : 3 * part])
    until(caught_up, "it goes on after Kafka is back", PATIENCE_SECONDS)

    # Both, with work in hand.
    clickhouse.kill()
    publish(at.kafka, messages[3 * part :])
    waits(processor, {"clickhouse"}, 1)
    kafka.kill()
    waits(processor, {"clickhouse", "kafka"}, AWAY_SECONDS)
    kafka.start()
    clickhouse.start()
    until(caught_up, "it goes on after both are back", PATIENCE_SECONDS)
    # No storm: a broker that comes back has forgotten its members, who join once more each time, give or take one.
    assert processor.metric("weftline_rebalances_total") - rebalances <= 4

    kind = tables.kinds()["orders"]
    ought = tables.expected(kind, played.records["orders"], played.answers["as_of"])

    def right() -> bool:
        with reader(at) as warehouse:
            return not tables.drift(tables.stored(kind, warehouse), ought)

    until(right, "the tables are the fold of what was published", PATIENCE_SECONDS)
