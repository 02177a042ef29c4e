"""The batch layer on a real Kafka, workers as real processes: nothing lost, nothing committed before its effects are settled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from batch_worker import effects
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from weftline.embedded.ports import free_ports
from weftline.runtime.loop import RATIO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Server

PARTITIONS = 4
SESSION_SECONDS = 6  # the least that Kafka's group coordinator allows: a killed worker's partitions are free after that
#: Above the program's own patience, at whose end it says that it was not stopped in time.
STOP_SECONDS = 30
#: How long a condition may take to come true; a ceiling for a machine that does other things besides, waited for by nobody else.
PATIENCE_SECONDS = 240


def until(condition: Callable[[], Any], what: str) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.02)


class Bench:
    """A topic of its own, a file of effects, and workers."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.topic = f"batches-{uuid.uuid4().hex[:8]}"
        self.database = effects(folder)
        self.workers: list[Worker] = []
        self.values = count()
        self.sent = 0

    def create_topic(self, partitions: int = PARTITIONS) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics({self.topic: {"num_partitions": partitions, "replication_factor": 1}})
        admin.close()

    def produce(self, number: int, partition: int | None = None) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        for value in (b"%d" % next(self.values) for _ in range(number)):
            producer.send(self.topic, key=value, value=value, partition=partition)
        producer.flush()
        producer.close()
        self.sent += number

    def worker(self, **environment: object) -> Worker:
        worker = Worker(self, {key: str(value) for key, value in environment.items()})
        self.workers.append(worker)
        return worker

    def query(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        return self.database.execute(sql, arguments).fetchall()

    @property
    def handled(self) -> int:
        (number,) = self.query("SELECT count(*) FROM handled")[0]
        return int(number)

    def committed(self) -> dict[int, int]:
        """First offset that a restart would read, by partition."""
        group = f"weftline-{self.topic}"
        found: dict[int, int] = {}

        def answered() -> bool:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
            try:
                found.update({tp.partition: place.offset for tp, place in admin.list_group_offsets(group)[group].items()})
            except KafkaError as error:
                if not error.retriable:
                    raise
                return False  # a fresh broker makes its topic of offsets when the first group asks for it
            finally:
                admin.close()
            return True

        until(answered, "the group coordinator answers")
        return found

    def check_committed(self) -> int:
        """Everything below the committed offsets is settled. Returns how many records that are."""
        committed = self.committed()
        for partition, offset in committed.items():
            (settled,) = self.query("SELECT count(*) FROM handled WHERE part = ? AND pos < ? AND settled", partition, offset)[0]
            assert settled == offset, f"partition {partition}: committed {offset}, settled below it {settled}"
        return sum(committed.values())

    def check_all_handled(self) -> None:
        values = {int(value) for (value,) in self.query("SELECT value FROM handled")}
        assert values == set(range(self.sent))

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self.database.close()


class Worker:
    def __init__(self, bench: Bench, environment: dict[str, str]) -> None:
        (self.port,) = free_ports(1)
        self.log = bench.folder / f"worker-{len(bench.workers)}.log"
        settings = {
            "WEFTLINE_KAFKA": bench.bootstrap,
            "WEFTLINE_HTTP_PORT": str(self.port),
            "WEFTLINE_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "WEFTLINE_SETTLE_SECONDS": "0.1",
            "WEFTLINE_PAUSE_SECONDS": "0",
        }
        script = str(Path(__file__).with_name("batch_worker.py"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, script, bench.topic, str(PARTITIONS), str(bench.folder)],
                env={**os.environ, **settings, **environment},
                stdout=log,
                stderr=log,
                cwd=bench.folder,
            )

    def ready(self) -> dict[str, Any]:
        """What /readyz says; empty while the worker does not listen yet."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                return dict(json.load(error))
        except (URLError, ConnectionError):
            return {}

    def metric(self, line: str) -> float:
        """The sum of all samples whose line begins so."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(line))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM; it has to end by itself, in time and with status 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=STOP_SECONDS) == 0, self.log.read_text()
        assert "not stopped in time" not in self.log.read_text(), self.log.read_text()


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(kafka, tmp_path)
    bench.create_topic()
    yield bench
    bench.close()


def test_sigkill_in_the_middle_loses_nothing(bench: Bench) -> None:
    slow = {"WEFTLINE_BATCH_RECORDS": 200, "TEST_SECONDS_PER_STEP": 0.03}
    bench.produce(30_000)
    committed = 0
    for _ in range(2):
        worker = bench.worker(**slow)
        until(lambda before=committed: sum(bench.committed().values()) > before, "a commit in the middle")
        worker.kill()
        assert committed < bench.check_committed() < bench.sent
        committed = bench.check_committed()
    worker = bench.worker()
    until(lambda: bench.handled == bench.sent, "all records handled")
    worker.stop()
    bench.check_all_handled()
    assert bench.check_committed() == bench.sent


def test_a_second_worker_joins_and_leaves(bench: Bench) -> None:
    slow = {"WEFTLINE_BATCH_RECORDS": 200, "TEST_SECONDS_PER_STEP": 0.02}
    enough = threading.Event()

    def keep_producing() -> None:
        while not enough.is_set():
            bench.produce(500)

    producing = threading.Thread(target=keep_producing)
    producing.start()
    try:
        first = bench.worker(**slow)
        until(lambda: bench.handled > 500, "the first worker works")
        second = bench.worker(**slow)
        until(lambda: bench.query("SELECT 1 FROM handled WHERE pid = ? LIMIT 1", second.process.pid), "the second worker works")
        bench.check_committed()
        second.stop()
        bench.check_committed()
        until(lambda: len(first.ready().get("partitions", ())) == PARTITIONS, "the first worker holds all again")
        third = bench.worker(**slow)
        until(lambda: bench.query("SELECT 1 FROM handled WHERE pid = ? LIMIT 1", third.process.pid), "the third worker works")
        third.kill()
        bench.check_committed()
    finally:
        enough.set()
        producing.join()
    until(lambda: bench.handled == bench.sent, "all records handled")
    assert first.metric("weftline_rebalances_total") >= 3
    first.stop()
    bench.check_all_handled()
    assert bench.check_committed() == bench.sent

    # When the second worker was given a partition, the first one's handler had been told of the loss.
    held_by_first: set[str] = set()
    for pid, call, partitions in bench.query("SELECT pid, call, partitions FROM calls ORDER BY at"):
        if pid == first.process.pid:
            (held_by_first.update if call == "assigned" else held_by_first.difference_update)(partitions.split(","))
        elif pid == second.process.pid and call == "assigned":
            assert not held_by_first.intersection(partitions.split(","))
    assert len(held_by_first) == PARTITIONS


def test_others_do_not_wait_behind_the_flood_of_one_partition(bench: Bench) -> None:
    """One answer of the broker holds the whole flood: what comes later in another partition is not left until that is used up."""
    flood, step = 8_000, 100
    bench.produce(flood, 0)
    worker = bench.worker(WEFTLINE_BATCH_RECORDS=step, TEST_SECONDS_PER_STEP=0.05)
    until(lambda: bench.handled >= 5 * step, "the flood is at work")
    bench.produce(1, 1)
    until(lambda: bench.query("SELECT 1 FROM handled WHERE part = 1"), "the other record is handled")
    # Before it: a step at work, what is queued for the next one, and what was being fetched; and steps while it was published.
    behind = bench.handled
    assert behind < flood / 2, behind
    worker.stop()


def test_a_backlog_is_read_of_all_partitions_side_by_side(kafka: str, tmp_path: Path) -> None:
    """What is stepped together happened at about one time, as it does while everything is read as it comes."""
    bench = Bench(kafka, tmp_path)
    try:
        partitions, each, step = 16, 400, 96
        bench.create_topic(partitions)
        for partition in range(partitions):
            bench.produce(each, partition)
        worker = bench.worker(WEFTLINE_BATCH_RECORDS=step, TEST_SECONDS_PER_STEP=0.1)
        until(lambda: bench.handled >= 6 * step, "the backlog is at work")
        far = dict(bench.query("SELECT part, count(*) FROM handled GROUP BY part"))
        assert sum(far.values()) < partitions * step, "one partition after the other, a step of each could have been handled"
        assert len(far) == partitions
        # The first answer of the broker may be of one partition alone.
        assert max(far.values()) <= 2 * min(far.values()) + step, far
        worker.stop()
    finally:
        bench.close()


def test_dear_records_make_smaller_steps(bench: Bench) -> None:
    bench.produce(4_000)
    worker = bench.worker(WEFTLINE_BATCH_RECORDS=1_000, TEST_SECONDS_PER_RECORD=0.002)
    until(lambda: bench.handled == bench.sent, "all records handled")
    # The first step takes 1,000 records and two seconds; the last ones half a second and less.
    assert bench.handled / worker.metric("weftline_steps_total") < 500
    worker.stop()
    bench.check_all_handled()


def test_a_dependency_that_is_down_is_waited_for_within_the_group(bench: Bench) -> None:
    worker = bench.worker(WEFTLINE_BATCH_RECORDS=200, TEST_SECONDS_PER_STEP=0.02)
    bench.produce(5_000)
    until(lambda: bench.handled > 200, "some records handled")
    (bench.folder / "down").touch()
    until(lambda: worker.ready()["waiting_for"] == "clickhouse", "the wait is told")
    assert worker.metric('weftline_waiting{dependency="clickhouse"}') == 1
    before = bench.handled
    bench.produce(100)
    until(lambda: worker.ready()["seconds_since_progress"] > SESSION_SECONDS + 2, "longer than the session timeout")
    assert bench.check_committed() <= bench.handled == before
    (bench.folder / "down").unlink()
    until(lambda: bench.handled == bench.sent, "all records handled")
    until(lambda: worker.ready()["state"] == "idle" and worker.metric("weftline_lag_records") == 0, "idle, no lag")
    worker.stop()
    bench.check_all_handled()
    assert bench.check_committed() == bench.sent
    assert [call for (call,) in bench.query("SELECT call FROM calls")] == ["assigned"]  # no rebalance
    assert bench.query("SELECT max(times) FROM handled") == [(1,)]


def test_after_a_graceful_stop_nothing_is_read_again(bench: Bench) -> None:
    bench.produce(5_000)
    # Settles are far apart: the stop has to make one, and to commit what it covers.
    worker = bench.worker(WEFTLINE_BATCH_RECORDS=100, WEFTLINE_SETTLE_SECONDS=30, TEST_SECONDS_PER_STEP=0.02)
    until(lambda: bench.handled > 1_000, "in the middle of the work")
    worker.stop()
    assert bench.check_committed() == bench.handled < bench.sent
    worker = bench.worker()
    until(lambda: bench.handled == bench.sent, "all records handled")
    worker.stop()
    bench.check_all_handled()
    assert bench.check_committed() == bench.sent
    assert bench.query("SELECT max(times) FROM handled") == [(1,)]


def test_stop_while_a_dependency_is_down(bench: Bench) -> None:
    (bench.folder / "down").touch()
    bench.produce(100)
    worker = bench.worker()
    until(lambda: worker.ready().get("state") == "waiting", "it waits")
    worker.stop()
    assert bench.check_committed() == bench.handled == 0


def test_a_broken_processor_ends_and_commits_nothing(bench: Bench) -> None:
    bench.produce(1_000)
    worker = bench.worker(TEST_STEP_FAILS=1)
    assert worker.process.wait(timeout=PATIENCE_SECONDS) == 1
    assert "stopped rather than send the rest to dead letters" in worker.log.read_text()
    assert len(bench.query("SELECT 1 FROM calls WHERE call = 'reject'")) == RATIO_FAILURES
    assert bench.check_committed() == 0


def test_a_broker_that_comes_late_and_goes_again(start_kafka: Callable[[], Server], tmp_path: Path) -> None:
    broker = start_kafka()
    bench = Bench(broker.address, tmp_path)
    try:
        bench.create_topic()
        bench.produce(1_000)
        broker.kill()
        worker = bench.worker(WEFTLINE_BATCH_RECORDS=100, TEST_SECONDS_PER_STEP=0.02)
        until(lambda: worker.ready().get("waiting_for") == "kafka", "it waits for the broker")
        assert worker.ready()["state"] == "starting"
        broker.start()
        until(lambda: bench.handled > 300, "work has begun")
        broker.kill()
        until(lambda: worker.ready()["waiting_for"] == "kafka", "the wait is told")
        broker.start()
        bench.produce(1_000)
        until(lambda: bench.handled == bench.sent, "all records handled")
        worker.stop()
        bench.check_all_handled()
        assert bench.check_committed() == bench.sent
        assert worker.process.returncode == 0
    finally:
        bench.close()


def test_a_topic_that_is_missing_is_a_users_error(kafka: str, tmp_path: Path) -> None:
    bench = Bench(kafka, tmp_path)
    try:
        worker = bench.worker()
        assert worker.process.wait(timeout=PATIENCE_SECONDS) == 2
        last = worker.log.read_text().splitlines()[-1]
        assert "does not exist" in last
        assert "weftline topics apply" in last
    finally:
        bench.close()
