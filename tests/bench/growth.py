"""What a step costs the more is stored: ``python -m tests.bench.growth``. Prints a table; timings decide no test.

ClickHouse is filled with the records, facts, rollups and state of other orders over one year; then real steps of the orders processor
run over new events of the last minutes, of the last day and of the whole year. Medians of some steps, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.support.examples import ORDER
from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import load_topics, partition_of
from weftline.domain.alerts import Alert, Evidence, StandingAlert
from weftline.domain.events import OrderEvent
from weftline.domain.fold import Record
from weftline.domain.revisions import alert_version, content_of
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.embedded.supervisor import Addresses, Stack, StackConfig
from weftline.processors.memory import Memory
from weftline.processors.messenger import DeadLetter
from weftline.processors.orders import ORDERS
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import load
from weftline.warehouse.client import Reader, Warehouse, reader
from weftline.warehouse.migrations import migrate

NOW = 1_798_761_600_000  # 2027-01-01
YEAR, DAY, MINUTE = 365 * 86_400_000, 86_400_000, 60_000
SPREADS = {"last 5 minutes": 5 * MINUTE, "last day": DAY, "whole year": YEAR}
EVENTS, STEPS, EVENTS_PER_ORDER = 1_000, 7, 10
CENTERS = 20
ORDERS_PER_ALERT = 100
#: An alert as it stands in the state of an order, and, in SQL, that of another one. Each was told, and marked as published.
OVERDUE = StandingAlert(
    alert_id="NUMBER",
    rule=AlertRule.ORDER_OVERDUE,
    severity=AlertSeverity.MAJOR,
    occurred_at=NOW - YEAR,
    cooperative_id="haimen",
    center_id="c1",
    factory_id="f1",
    order_id="NUMBER",
    subject="order NUMBER",
    evidence=(Evidence(source="https://lims.example/bench", event_id="NUMBER", event_time=NOW - YEAR),),
    text_zh="。",
    text_en="Sample order NUMBER is overdue: it was promised for a day that has passed, and nothing was dispatched.",
)
CONTENT = "replaceAll({content:String}, 'NUMBER', toString(o))"
TOLD = alert_version(1, True, 0, True)
PHASES = ("store", "fold", "facts", "rollups", "state", "sweep")
PARTITIONS = load_topics()[ORDERS.topic].partitions


class Silent:
    """A messenger without a listener."""

    async def alerts(self, alerts: Iterable[Alert]) -> None:
        list(alerts)

    async def dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        list(letters)

    async def healthy(self) -> None: ...


def fill(warehouse: Reader, before: int, after: int) -> None:
    """Rows of other orders, from event number ``before`` to ``after``, spread evenly over the year before NOW."""
    measures = ", ".join(ORDERS.measures)
    summed = ", ".join("count()" if name == "events" else f"sum({name})" for name in ORDERS.measures)
    for begin in range(before, after, 5_000_000):
        rows = min(5_000_000, after - begin)
        # The events of an order lie within some days of each other; cityHash64 scatters everything else.
        source = (
            f"(SELECT number + {begin} AS n, intDiv(n, {EVENTS_PER_ORDER}) AS o, "
            f"{NOW - YEAR} + cityHash64(o) % {YEAR - 10 * DAY} + n % {EVENTS_PER_ORDER} * {DAY} AS ms, "
            "fromUnixTimestamp64Milli(toInt64(ms), 'UTC') AS t, "
            f"concat('c', toString(cityHash64(o) % {CENTERS})) AS c, concat(c, '|o', toString(o)) AS w FROM numbers({rows}))"
        )
        warehouse.command(
            "INSERT INTO order_records (owner, event_time, source, event_id, rank, value) "
            f"SELECT w, t, 'https://lims.example/bench', toString(n), cityHash64(n), repeat('x', 120) FROM {source}"
        )
        warehouse.command(
            "INSERT INTO order_facts (center_id, owner, event_time, source, event_id, rev, counts, judgement, status, requested) "
            "SELECT c, w, t, 'https://lims.example/bench', toString(n), cityHash64(n), 1, 'applied', 'REQUESTED', n % 8 = 0 "
            f"FROM {source}"
        )
        warehouse.command(
            "INSERT INTO order_state (owner, version, records, partition, next_deadline, alerts, center_id, order_id, status) "
            f"SELECT w, 1, {EVENTS_PER_ORDER}, o % {PARTITIONS}, if(o % 10 = 0, t + toIntervalDay(400), NULL), "
            f"if(o % {ORDERS_PER_ALERT} = 0, [concat('{{\"by_deadline\": true, \"content\": ', toJSONString({CONTENT}), '}}')], []), "
            f"c, toString(o), 'CONFIRMED' FROM {source} WHERE n % {EVENTS_PER_ORDER} = 0",
            {"content": content_of(OVERDUE)},
        )
        warehouse.command(
            "INSERT INTO alerts (kind, owner, alert_id, version, partition, subject_table, status, published, occurred_at, content) "
            f"SELECT 'orders', w, toString(o), toUInt256('{TOLD}'), o % {PARTITIONS}, 'order_state', 'RAISED', 1, t, {CONTENT} "
            f"FROM {source} WHERE n % {EVENTS_PER_ORDER * ORDERS_PER_ALERT} = 0",
            {"content": content_of(OVERDUE)},
        )
    for month in range(12):
        first, end = NOW - YEAR + month * YEAR // 12, NOW - YEAR + (month + 1) * YEAR // 12
        warehouse.command(
            f"INSERT INTO order_throughput_minute (minute, center_id, version, {measures}) "
            f"SELECT minute, center_id, sum(toUInt256(rev)), {summed} FROM order_facts "
            f"WHERE minute >= toDateTime({first // 1000}, 'UTC') AND minute < toDateTime({end // 1000}, 'UTC') GROUP BY minute, center_id"
        )
    names = ", ".join(f"sum({name})" for name in ORDERS.measures)
    warehouse.command(
        f"INSERT INTO order_throughput_hour (hour, center_id, version, {measures}) SELECT toStartOfHour(minute, 'UTC') AS window, "
        f"center_id, sum(version), {names} FROM order_throughput_minute FINAL GROUP BY window, center_id"
    )


def batches(codec: Codec, spread: int, random: Random, tag: str) -> Iterator[list[RawRecord]]:
    """Steps of new orders' events, whose times lie evenly within ``spread`` ms before NOW."""
    for step in range(STEPS):
        batch = []
        for number in range(EVENTS):
            event = replace(
                ORDER,
                center_id=f"c{random.randrange(CENTERS)}",
                order_id=f"new-{tag}-{step}-{number}",
                event_id=f"new-{tag}-{step}-{number}",
                event_time=NOW - 1 - random.randrange(spread),
                promised_at=NOW + DAY,
            )
            batch.append(raw(codec, event, number))
        yield batch


def raw(codec: Codec, event: OrderEvent, offset: int) -> RawRecord:
    """A record as Kafka gives it."""
    key = event.owner.encode()
    return RawRecord(ORDERS.topic, partition_of(key, PARTITIONS), offset, 0, key, codec.encode(event), ())


async def measure(at: Addresses, spread: int, random: Random, tag: str) -> dict[str, float]:
    """Median milliseconds of each phase; ``takeover`` is the first sweep, which looks at everything."""
    codec = Codec(FileRegistry())
    settings = load(**at.settings())
    async with await Warehouse.connect(settings) as warehouse:
        metrics = Metrics("bench")
        store = await Store.open(ORDERS, warehouse, codec)
        silent: Any = Silent()
        processor = Processor(ORDERS, PARTITIONS, store, silent, codec, lambda: NOW, settings, metrics)
        await processor.assigned(frozenset(range(PARTITIONS)))
        began = time.perf_counter()
        await processor.sweep()
        takeover = (time.perf_counter() - began) * 1000
        found: dict[str, list[float]] = {phase: [] for phase in PHASES}
        for batch in batches(codec, spread, random, tag):
            before = {phase: _sum(metrics, phase) for phase in PHASES}
            await processor.step(batch)
            await processor.settle()
            began = time.perf_counter()
            await processor.sweep()
            for phase in PHASES[:-1]:
                found[phase].append((_sum(metrics, phase) - before[phase]) * 1000)
            found["sweep"].append((time.perf_counter() - began) * 1000)
    return {"takeover": takeover, **{phase: statistics.median(values) for phase, values in found.items()}}


def _sum(metrics: Metrics, phase: str) -> float:
    return float(metrics.registry.get_sample_value("weftline_phase_seconds_sum", {"phase": phase}) or 0.0)


def memory() -> None:
    """The memory of a worker by live orders, with the bound on memory switched off and on."""
    codec = Codec(FileRegistry())
    print("\nlive orders (5 records each)   kept      resident MB")
    for bound in (100_000, load().memory_mb):
        gc.collect()
        remembered = Memory(ORDERS, bound << 20)
        start = psutil.Process().memory_info().rss
        for number in range(100_000):
            history = remembered.get("") or remembered.fresh(f"c1|{number}")
            events = (
                replace(ORDER, order_id=str(number), event_id=f"{number}-{step}", event_time=NOW - DAY + step) for step in range(5)
            )
            values = [codec.encode(event) for event in events]
            decoded = [(codec.decode(ORDERS.topic, value), rank_of(value[FRAMING:], False)) for value in values]
            history.add([Record(event, rank) for event, rank in decoded if isinstance(event, OrderEvent)], NOW)
            remembered.keep(history, sum(map(len, values)))
            remembered.trim()
            if number + 1 in (10_000, 40_000, 100_000):
                used = (psutil.Process().memory_info().rss - start) / 1e6
                print(f"{number + 1:12,}            {len(remembered):9,} {used:12,.0f}   (bound: {bound:,} MB)")
        del remembered


def main() -> None:
    """Fill, measure, print, and again with ten times as much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upto", type=int, default=7, help="as power of ten; 8 needs some 8 GB of disk and a quarter of an hour")
    wanted = parser.parse_args()
    random = Random(1)

    def prepare(at: Addresses) -> None:
        migrate(load(**at.settings()))

    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="weftline-bench-")))
        at = opened.enter_context(Stack(StackConfig(folder, usual={}, sync=False), prepare=prepare)).addresses
        assert at is not None
        before = 0
        for power in range(5, wanted.upto + 1):
            began = time.perf_counter()
            with reader(load(**at.settings()), seconds=3600) as warehouse:
                fill(warehouse, before, 10**power)
            before = 10**power
            print(f"\n{before:,} records stored (filled in {time.perf_counter() - began:.0f} s); a step of {EVENTS:,} events, ms")
            print(f"{'events of the':<16}" + "".join(f"{name:>10}" for name in ("takeover", *PHASES)))
            for name, spread in SPREADS.items():
                found = asyncio.run(measure(at, spread, random, f"{power}-{name}"))
                print(f"{name:<16}" + "".join(f"{ms:10.0f}" for ms in found.values()), flush=True)
    memory()


if __name__ == "__main__":
    main()
