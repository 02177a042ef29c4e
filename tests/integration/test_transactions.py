"""Transactions of foreign producers: what is aborted is never read, what is open is waited for, and neither looks like lag."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from test_batches import PARTITIONS, Bench, until

from weftline.runtime.groups import Group, open_groups
from weftline.runtime.settings import load
from weftline.runtime.watchdog import CONFIRM_SECONDS

WATCHDOG_SECONDS = 5


class Transactional:
    """A producer of whose records some stand in transactions. ``committed``: values that must be handled; ``open``: not yet decided."""

    def __init__(self, bench: Bench, name: str | None) -> None:
        self.bench = bench
        self.in_transaction = False
        self.committed: set[int] = set()
        self.open: set[int] = set()
        options: dict[str, object] = {"bootstrap.servers": bench.bootstrap, "linger.ms": 0, "log_level": 0}
        if name is not None:
            options |= {"transactional.id": f"{bench.topic}-{name}", "transaction.timeout.ms": 120_000}
        self._transactional = name is not None
        self._producer = Producer(options)
        if self._transactional:
            self._producer.init_transactions(30)

    def begin(self) -> None:
        self._producer.begin_transaction()
        self.in_transaction = True

    def produce(self, *partitions: int) -> None:
        for partition in partitions:
            value = next(self.bench.values)
            self._producer.produce(self.bench.topic, b"%d" % value, partition=partition)
            (self.open if self.in_transaction else self.committed).add(value)
        assert self._producer.flush(30) == 0

    def end(self, *, commit: bool) -> None:
        if commit:
            self._producer.commit_transaction(30)
            self.committed |= self.open
        else:
            self._producer.abort_transaction(30)
        self.open.clear()
        self.in_transaction = False


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(kafka, tmp_path)
    bench.create_topic()
    yield bench
    bench.close()


def group_of(bench: Bench) -> Group:
    """The group as ``weftline lag``, ``weftline status`` and the watchdog see it."""
    with open_groups(load(kafka=bench.bootstrap), {bench.topic: bench.topic}) as groups:
        (group,) = groups.read()
    return group


def handled(bench: Bench) -> set[int]:
    return {int(value) for (value,) in bench.query("SELECT value FROM handled")}


def caught_up(bench: Bench) -> bool:
    """Everything that may be read is acknowledged; and the committed place lies at the last stable offset, not before the markers."""
    return all(position.committed == position.stable for position in group_of(bench).positions)


def test_marks_and_aborted_records_at_the_end_are_no_lag(bench: Bench) -> None:
    """The watchdog, which looks at the broker's figures, ended a healthy processor for them."""
    worker = bench.worker(WEFTLINE_WATCHDOG_SECONDS=WATCHDOG_SECONDS)
    plain, other = Transactional(bench, None), Transactional(bench, "t")
    plain.produce(0, 1)
    for commit, partitions in ((True, (0, 0)), (False, (1, 1, 2))):  # partition 2 holds nothing else, partition 3 nothing at all
        other.begin()
        other.produce(*partitions)
        other.end(commit=commit)
    until(lambda: handled(bench) == plain.committed | other.committed, "what is committed is handled")
    until(lambda: caught_up(bench), "the place lies behind the markers")
    assert sum(position.end for position in group_of(bench).positions) == 2 + 2 + 1 + 3 + 2
    assert worker.metric("weftline_lag_records") == 0
    watched_until = time.monotonic() + WATCHDOG_SECONDS + 2 * CONFIRM_SECONDS
    until(lambda: time.monotonic() > watched_until or worker.process.poll() is not None, "longer than any patience")
    assert worker.process.poll() is None, worker.log.read_text()
    assert worker.ready()["state"] == "idle"
    # A new worker, which begins behind a marker, finds the same.
    worker.kill()
    bench.worker()
    plain.produce(2)
    until(lambda: handled(bench) == plain.committed | other.committed, "it goes on")
    until(lambda: caught_up(bench), "to the end")


@pytest.mark.parametrize("commit", [True, False])
def test_an_open_transaction_is_waited_for_and_told(commit: bool, bench: Bench) -> None:
    worker = bench.worker(WEFTLINE_WATCHDOG_SECONDS=WATCHDOG_SECONDS)
    plain, other = Transactional(bench, None), Transactional(bench, "t")
    plain.produce(0)
    other.begin()
    other.produce(0, 1)
    behind = set(plain.committed)
    plain.produce(0)  # committed, but behind the open one: Kafka keeps the order
    plain.produce(2)
    until(lambda: handled(bench) == plain.committed - {max(plain.committed - {max(plain.committed)})}, "what may be read")
    assert handled(bench) >= behind
    until(lambda: caught_up(bench), "up to the open transaction")
    group = group_of(bench)
    assert group.lag == 0
    assert {position.partition: position.undecided for position in group.positions} == {0: 2, 1: 1, 2: 0, 3: 0}
    watched_until = time.monotonic() + WATCHDOG_SECONDS + 2 * CONFIRM_SECONDS
    until(lambda: time.monotonic() > watched_until or worker.process.poll() is not None, "longer than any patience")
    assert worker.process.poll() is None, worker.log.read_text()
    other.end(commit=commit)
    until(lambda: handled(bench) == plain.committed | other.committed, "decided")
    until(lambda: caught_up(bench), "to the end")
    assert group_of(bench).undecided == 0
    worker.stop()


def test_whatever_transactions_and_kills_do(bench: Bench) -> None:
    """Three transactional producers and a plain one, interleaved, beside a worker that is killed: exactly what is committed is handled."""
    chance = random.Random(7)
    producers = [Transactional(bench, None), *(Transactional(bench, f"t{number}") for number in range(3))]
    worker = bench.worker(TEST_SECONDS_PER_STEP=0.01, WEFTLINE_BATCH_RECORDS=8)
    never: set[int] = set()
    for round_ in range(60):
        producer = chance.choice(producers)
        if producer is not producers[0] and not producer.in_transaction:
            producer.begin()
        producer.produce(*(chance.randrange(PARTITIONS) for _ in range(chance.randrange(6))))
        if producer.in_transaction and chance.random() < 0.4:
            commit = chance.random() < 0.5
            if not commit:
                never |= producer.open
            producer.end(commit=commit)
        if round_ in (20, 40):
            until(lambda before=bench.handled: bench.handled > before or caught_up(bench), "it works")
            worker.kill()
            worker = bench.worker(TEST_SECONDS_PER_STEP=0.01, WEFTLINE_BATCH_RECORDS=8)
        assert not handled(bench) & never
    for producer in producers[1:]:
        if producer.in_transaction:
            producer.end(commit=chance.random() < 0.5)
    must = set().union(*(producer.committed for producer in producers))
    until(lambda: handled(bench) >= must, "all that is committed is handled")
    until(lambda: caught_up(bench), "to the end")
    assert handled(bench) == must
    assert group_of(bench).lag == 0
    worker.stop()
