"""The watchdog on a real Kafka: a consumer that stands still for good is found, told of, and ended; the next one goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_batches import PARTITIONS, Bench, Worker, until

from weftline.embedded.ports import free_ports
from weftline.runtime.groups import Position
from weftline.runtime.watchdog import CONFIRM_SECONDS, Patience, Sight

PATIENCE_SECONDS = 5


class FreezingWorker(Worker):
    """A worker whose standstill begins with :meth:`freeze`."""

    def __init__(self, bench: Bench, how: str) -> None:
        self.bench = bench
        (self.port,) = free_ports(1)
        self.log = bench.folder / f"worker-{len(bench.workers)}.log"
        settings = {
            "WEFTLINE_KAFKA": bench.bootstrap,
            "WEFTLINE_HTTP_PORT": str(self.port),
            "WEFTLINE_SETTLE_SECONDS": "0.1",
            "WEFTLINE_WATCHDOG_SECONDS": str(PATIENCE_SECONDS),
            "TEST_FREEZE": how,
        }
        script = str(Path(__file__).with_name("frozen_worker.py"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, script, bench.topic, str(PARTITIONS), str(bench.folder)],
                env={**os.environ, **settings},
                stdout=log,
                stderr=log,
                cwd=bench.folder,
            )
        bench.workers.append(self)

    def freeze(self) -> None:
        (self.bench.folder / "frozen").touch()

    def thaw(self) -> None:
        (self.bench.folder / "frozen").unlink()


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(kafka, tmp_path)
    bench.create_topic()
    yield bench
    bench.close()


@pytest.mark.parametrize("how", ["fetcher", "step", "event loop"])
def test_a_standstill_is_found_and_the_next_start_goes_on(how: str, bench: Bench) -> None:
    bench.produce(500)
    worker = FreezingWorker(bench, how)
    until(lambda: sum(bench.committed().values()) == 500, "the worker works")
    worker.freeze()
    if how == "fetcher":  # a fetch under way may still bring something
        until(lambda: worker.ready().get("waiting_for") == "kafka", "no fetch is answered any more")
    bench.produce(500)

    if how != "event loop":  # whose pages nobody serves any more
        until(lambda: worker.ready().get("state") == "stalled", "/readyz says so")
        assert worker.ready()["stalled"]
    until(lambda: worker.process.poll() is not None, "it ends by itself")
    assert worker.process.returncode == 1, worker.log.read_text()
    said = worker.log.read_text()
    assert "stalled" in said
    # A hanging step, whether it blocks the event loop or not, shows in two ways, and whichever is seen first is said.
    reasons = ["records lie beyond it"] if how == "fetcher" else ["records lie beyond it", "work is in hand and nothing has ended"]
    assert any(reason in said for reason in reasons)
    bench.check_committed()

    worker.thaw()
    after = bench.worker()
    until(lambda: sum(bench.committed().values()) == bench.sent, "the next one goes on")
    bench.check_all_handled()
    after.stop()


def test_a_dependency_that_hangs_is_waited_for(bench: Bench) -> None:
    """ClickHouse, stopped with its connections open: nothing raises, and yet there is nothing to be mended by a restart."""
    bench.produce(500)
    worker = FreezingWorker(bench, "dependency")
    until(lambda: sum(bench.committed().values()) == 500, "the worker works")
    worker.freeze()
    bench.produce(500)
    until(lambda: worker.ready().get("waiting_for") == "clickhouse", "/readyz says whom it waits for")
    frozen_until = time.monotonic() + PATIENCE_SECONDS + 2 * CONFIRM_SECONDS
    until(lambda: time.monotonic() > frozen_until or worker.process.poll() is not None, "longer than any patience")
    assert worker.process.poll() is None, worker.log.read_text()
    worker.thaw()
    until(lambda: sum(bench.committed().values()) == bench.sent, "it goes on by itself")
    until(lambda: worker.ready().get("state") in ("idle", "active"), "and says so")
    bench.check_all_handled()
    worker.stop()


def test_patience() -> None:
    """Only a place that does not move though something lies beyond it, and only while nothing is waited for."""

    def sight(
        committed: int,
        end: int,
        *,
        held: set[int] | None = None,
        standing: float | None = None,
        step: float = 0,
        members: bool = True,
    ) -> Sight:
        positions = {0: Position(0, committed, end), 1: Position(1, 0, 1000)}
        return Sight(frozenset({0} if held is None else held), standing, step, positions, members)

    patience = Patience(10, now=0)
    assert patience.judge(0, sight(5, 5)) is None
    assert patience.judge(100, sight(5, 5)) is None, "idle"
    assert patience.judge(101, sight(5, 9)) is None, "work has just come"
    assert patience.judge(112, sight(6, 9)) is None, "it moves"
    assert patience.judge(121, sight(6, 9)) is None
    assert "offset 6 of partition 0" in str(patience.judge(123, sight(6, 9)))
    patience.forgive(124)
    assert patience.judge(125, sight(6, 9, standing=30)) is None, "what was before is forgiven"
    assert patience.judge(134, sight(6, 9, held=set())) is None, "a standby"
    assert patience.judge(150, sight(6, 9)) is None, "newly held"
    assert patience.judge(150.5, sight(6, 9, standing=1, step=30)) is None, "a long step of which parts end"
    assert "nothing has ended" in str(patience.judge(151, sight(9, 9, standing=11)))
    assert patience.judge(152, sight(9, 9, held=set(), members=False)) is None
    assert "no member" in str(patience.judge(163, sight(9, 9, held=set(), members=False)))
