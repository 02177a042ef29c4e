"""A stack at rest and under steady rates: ``python -m tests.bench.steady --rates 5 100 1000 --seconds 120``.

Prints how long the start takes, what the stack costs at rest, how long partitions take to change hands, and per rate: active parts
in one partition (do merges keep up?), parts made and CPU per second, and how many seconds of events were not acknowledged yet.
Timings decide no test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import psutil

from tests.bench.latency import others
from tests.support.stack import where
from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.supervisor import PROCESSORS, Addresses, Stack, StackConfig, processors
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.groups import open_groups
from weftline.runtime.settings import load
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.status import TOPICS

NAMES = ("kafka", "clickhouse", *PROCESSORS)
REST_SECONDS, SAMPLE_SECONDS = 20, 2


def cpu(stack: Stack) -> Counter[str]:
    """CPU seconds used so far, by program."""
    used = Counter[str]()
    for name in NAMES:
        used[name] = sum(psutil.Process(stack.pid(name)).cpu_times()[:2])
    return used


def parts(warehouse: Reader) -> Counter[str]:
    """Active parts by table and partition, the largest number of each table: what ClickHouse's limit is about."""
    rows = warehouse.rows(
        "SELECT table, max(n) FROM (SELECT table, partition, count() AS n FROM system.parts "
        "WHERE active AND database = currentDatabase() GROUP BY table, partition) GROUP BY table"
    )
    return Counter({table: int(n) for table, n in rows})


def inserted(warehouse: Reader) -> int:
    """Parts made so far by inserts: each has a block number of its own in its partition."""
    query = (
        "SELECT sum(last) FROM (SELECT max(max_block_number) AS last FROM system.parts "
        "WHERE database = currentDatabase() GROUP BY table, partition)"
    )
    return int(warehouse.rows(query)[0][0])


def steady(stack: Stack, warehouse: Reader, rate: int, seconds: float) -> str:
    """One line: what a rate does to the stack, in the second half of its time."""
    assert stack.addresses is not None
    with others(stack.addresses.kafka, rate, seconds + 10):
        time.sleep(seconds / 2)  # not a condition: the measurement's own length
        begun, before, made = time.monotonic(), cpu(stack), inserted(warehouse)
        most: Counter[str] = Counter()
        behind: list[float] = []
        with open_groups(where(stack), TOPICS) as groups:
            while time.monotonic() - begun < seconds / 2:
                most |= parts(warehouse)
                behind.append(sum(group.lag for group in groups.read()) / rate)
                time.sleep(SAMPLE_SECONDS)
        took = time.monotonic() - begun
        used, inserts = cpu(stack) - before, inserted(warehouse) - made
    table, number = most.most_common(1)[0]
    share = ", ".join(f"{name} {used[name] / took * 100:.0f} %" for name in NAMES)
    late = f"behind {statistics.median(behind):.1f} s, at most {max(behind):.1f}"
    return f"{rate:>5} events/s: {late}; at most {number} parts in a partition ({table}), {inserts / took:.0f} parts made/s; CPU {share}"


def rebalances(stack: Stack) -> str:
    """How long partitions take to change hands: a second worker joins, leaves in order, joins again and is killed."""
    assert stack.addresses is not None
    settings = stack.addresses.environment()
    first = json.loads((stack.config.folder / "stack.json").read_text("utf-8"))["children"]["orders"]["port"]
    every = _holds(first)

    def since(begun: float, port: int, partitions: int) -> float:
        while _holds(port) != partitions:
            time.sleep(0.02)
        return time.monotonic() - begun

    said = []
    for end in (Running.stop, Running.kill):
        (port,) = free_ports(1)
        begun = time.monotonic()
        second = Running(processor_child("orders", settings, port), stack.config.folder / "logs" / "orders-second.log")
        said.append(f"joined, with half of the partitions, {since(begun, port, every // 2):.1f} s after its start")
        begun = time.monotonic()
        end(second)
        said.append(f"{end.__name__}: the other holds all of them {since(begun, first, every):.1f} s later")
    return "a second worker: " + "; ".join(said)


def _holds(port: int) -> int:
    """Partitions that the worker behind ``port`` holds."""
    try:
        with urlopen(f"http://{HOST}:{port}/readyz", timeout=1) as answer:
            return len(json.load(answer)["partitions"])
    except (OSError, HTTPException):
        return -1


def main() -> None:
    """Start, rest, and one rate after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[5, 100, 1000])
    parser.add_argument("--seconds", type=float, default=120)
    wanted = parser.parse_args()

    def prepare(at: Addresses) -> None:
        apply_topics(at.kafka)
        migrate(load(**at.settings()))

    with tempfile.TemporaryDirectory(prefix="weftline-bench-") as folder:
        began = time.monotonic()
        with Stack(StackConfig(Path(folder), usual={}), prepare=prepare, workers=processors) as stack:
            print(f"ready {time.monotonic() - began:.1f} s after the start on an empty folder")
            assert stack.addresses is not None
            time.sleep(REST_SECONDS)
            before = cpu(stack)
            time.sleep(REST_SECONDS)
            used = cpu(stack) - before
            print(
                "at rest: " + ", ".join(f"{name} {used[name] / REST_SECONDS * 100:.1f} % of a core" for name in NAMES), flush=True
            )
            print(rebalances(stack), flush=True)
            with reader(load(**stack.addresses.settings())) as warehouse:
                for rate in wanted.rates:
                    print(steady(stack, warehouse, rate, wanted.seconds), flush=True)


if __name__ == "__main__":
    main()
