"""What a factory costs that is not in memory: ``python -m tests.bench.cold``. Prints tables; timings decide no test.

**One large factory** has so many reports, each verified, and lots, over one year. A step of the inspections processor, with an empty memory
each time, takes in one event of it: something new, or something that comes a year late. And the same step brings another factory a
verdict that alerts: how long that alert waits for the large factory's sake.

**Many factories** publish at once, more than fit into memory, or so few that all of them do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.growth import Silent
from tests.support.examples import LOT, REPORT, VERIFIED
from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import load_topics, partition_of
from weftline.domain.events import InspectionEvent, Measurement
from weftline.domain.vocabulary import MeasurementKind
from weftline.embedded.supervisor import Addresses, Stack, StackConfig
from weftline.processors.registry import kinds
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import load
from weftline.warehouse.client import Warehouse
from weftline.warehouse.migrations import migrate

KIND = kinds()["inspections"]
CODEC = Codec(FileRegistry())
PARTITIONS = load_topics()[KIND.topic].partitions
NOW = 1_798_761_600_000  # 2027-01-01
YEAR, MINUTE = 365 * 86_400_000, 60_000
LARGE, OTHER = "F-large", "F-other"
STEP = 1_000


def report(factory: str, number: int, at: int) -> list[InspectionEvent]:
    """A report that passes, or every 30th fails, and its verification."""
    content = REPORT.laboratory_report
    assert content is not None
    assert VERIFIED.report_status is not None
    value = 400.0 if number % 30 == 0 else 20.0
    measured = (
        Measurement(indicator="formaldehyde", component="whole", kind=MeasurementKind.NUMBER, value=value, unit="mg/kg"),
        Measurement(indicator="ph", component="whole", kind=MeasurementKind.NUMBER, value=6.5),
    )
    body = replace(content, report_number=f"{factory}-{number}", tested_at=at - 60 * MINUTE, measurements=measured)
    status = replace(
        VERIFIED.report_status, laboratory_id=body.laboratory_id, report_number=body.report_number, amendment=body.amendment
    )
    named = {"factory_id": factory}
    return [
        replace(REPORT, **named, event_id=f"{factory}-r{number}", event_time=at, laboratory_report=body),
        replace(VERIFIED, **named, event_id=f"{factory}-v{number}", event_time=at + MINUTE, report_status=status),
    ]


def lot(factory: str, number: int, at: int) -> InspectionEvent:
    """A lot."""
    inspected = LOT.lot_inspection
    assert inspected is not None
    body = replace(inspected, lot_id=f"{factory}-{number}")
    return replace(LOT, factory_id=factory, event_id=f"{factory}-l{number}", event_time=at, lot_inspection=body)


def raw(event: InspectionEvent, offset: int) -> RawRecord:
    """A record as Kafka gives it."""
    key = event.owner.encode()
    return RawRecord(KIND.topic, partition_of(key, PARTITIONS), offset, 0, key, CODEC.encode(event), ())


class Bench:
    """A processor of inspections on a real engine, without a listener."""

    def __init__(self, warehouse: Warehouse, store: Store, memory_mb: int | None = None) -> None:
        settings = load(**({"memory_mb": memory_mb} if memory_mb else {}))
        silent: Any = Silent()
        self.store = store
        self.processor = Processor(KIND, PARTITIONS, store, silent, CODEC, lambda: NOW, settings, Metrics("bench"))

    async def fill(self, events: Iterator[InspectionEvent]) -> None:
        """Take events in."""
        while batch := list(islice(events, STEP)):
            await self.processor.step([raw(event, number) for number, event in enumerate(batch)])
            await self.processor.settle()

    async def cold(self, events: Sequence[InspectionEvent]) -> float:
        """Milliseconds of a step that finds nothing in memory."""
        self.processor._folding.clear()
        records = [raw(event, number) for number, event in enumerate(events)]
        began = time.perf_counter()
        await self.processor.step(records)
        taken = (time.perf_counter() - began) * 1000
        await self.processor.settle()
        return taken


def _quantiles(name: str, taken: Sequence[float], unit: str = "ms") -> None:
    ordered = sorted(taken)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{name:52} p50 {statistics.median(ordered):7.1f}   p99 {p99:7.1f}   greatest {ordered[-1]:7.1f} {unit}", flush=True)


async def large(at: Addresses, reports: int, lots: int, steps: int) -> None:
    """The large factory."""
    async with await Warehouse.connect(load(**at.settings())) as warehouse:
        bench = Bench(warehouse, await Store.open(KIND, warehouse, CODEC))
        began = time.perf_counter()
        await bench.fill(event for n in range(reports) for event in report(LARGE, n, NOW - YEAR + n * (YEAR // reports)))
        await bench.fill(lot(LARGE, n, NOW - YEAR + n * (YEAR // lots)) for n in range(lots))
        filled = time.perf_counter() - began
        print(f"{2 * reports + lots:,} records of one factory, filled in {filled:.0f} s; load {os.getloadavg()[0]:.1f}")
        new = [report(LARGE, reports + n, NOW + n * MINUTE) for n in range(steps)]
        _quantiles("a new report", [await bench.cold(events[:1]) for events in new])
        _quantiles("its verification", [await bench.cold(events[1:]) for events in new])
        late = [report(LARGE, 2 * reports + n, NOW - YEAR + n * MINUTE) for n in range(steps)]
        _quantiles("a report that comes a year late, verified", [await bench.cold(events) for events in late])
        _quantiles("a lot", [await bench.cold([lot(LARGE, lots + n, NOW + n * MINUTE)]) for n in range(steps)])
        _quantiles(
            "a lot that comes a year late",
            [await bench.cold([lot(LARGE, 2 * lots + n, NOW - YEAR + n * MINUTE)]) for n in range(steps)],
        )
        alone = [await bench.cold(report(OTHER, 30 * n, NOW + n * MINUTE)) for n in range(steps)]
        beside = [
            await bench.cold([*report(LARGE, 3 * reports + n, NOW - YEAR + n), *report(OTHER, 30 * (steps + n), NOW + n * MINUTE)])
            for n in range(steps)
        ]
        _quantiles("another factory's failure, alone", alone)
        _quantiles("the same beside a report of the large one", beside)


async def many(at: Addresses, factories: Sequence[int], each: int, events: int, memory_mb: int) -> None:
    """Many factories, each with some reports; then so many events, of factories by chance."""
    random = Random(1)
    async with await Warehouse.connect(load(**at.settings())) as warehouse:
        store = await Store.open(KIND, warehouse, CODEC)
        print(f"\n{events:,} events in steps of {STEP // 5}; memory {memory_mb} MB; load {os.getloadavg()[0]:.1f}")
        for count in factories:
            bench = Bench(warehouse, store, memory_mb)
            names = [f"F{count}-{number}" for number in range(count)]
            await bench.fill(
                event for n in range(each) for name in names for event in report(name, n, NOW - YEAR + n * (YEAR // each))
            )
            began, used = time.perf_counter(), time.process_time()
            for step in range(0, events, STEP // 5):
                batch = [
                    event
                    for n in range(STEP // 10)
                    for event in report(random.choice(names), each + step + n, NOW + (step + n) * MINUTE // 10)
                ]
                await bench.processor.step([raw(event, number) for number, event in enumerate(batch)])
                if step % STEP == 0:
                    await bench.processor.settle()
            await bench.processor.settle()
            seconds, used = time.perf_counter() - began, time.process_time() - used
            kept = len(bench.processor._folding.memory)
            print(
                f"{count:7,} factories of {2 * each} records: {events / seconds:7,.0f} events/s, {used / events * 1e6:6.0f} µs of this "
                f"process's CPU each; in memory at the end {kept:,}",
                flush=True,
            )


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=9_000)
    parser.add_argument("--lots", type=int, default=2_000)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--factories", type=int, nargs="*", default=[500, 30_000])
    parser.add_argument("--each", type=int, default=5, help="reports of each of many factories")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--memory", type=int, default=load().memory_mb)
    wanted = parser.parse_args()
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="weftline-bench-")))
        at = opened.enter_context(
            Stack(StackConfig(folder, usual={}, sync=False), prepare=lambda at: migrate(load(**at.settings())))
        ).addresses
        if wanted.reports:
            asyncio.run(large(at, wanted.reports, wanted.lots, wanted.steps))
        if wanted.factories:
            asyncio.run(many(at, wanted.factories, wanted.each, wanted.events, wanted.memory))


if __name__ == "__main__":
    main()
