"""What one giant factory costs the others: alert latency of probes beside it, and the memory of the processor and of its folds apart.

    python -m tests.bench.giants --reports 1800 --measurements 300 --seconds 60

A stack of its own is filled with reports of one factory, each with its verification; meanwhile and afterwards other factories publish a
failing verified report each, and the time until their alert is stored is taken.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaProducer

from tests.support.examples import CODEC, REPORT, verified_report
from tests.support.stack import stack_at, where
from weftline.contracts.topics import key_of, partition_of, topic_of
from weftline.domain.events import InspectionEvent, Measurement
from weftline.domain.vocabulary import MeasurementKind
from weftline.embedded.supervisor import Stack
from weftline.warehouse.client import reader

AS_OF = REPORT.event_time + 40 * 3_600_000
PAUSE_SECONDS = 0.25


def report(factory: str, number: int, measurements: int) -> tuple[InspectionEvent, InspectionEvent]:
    """A report that fails half of its measurements, and its verification."""
    name = f"{factory}-{number}"
    measured = tuple(
        Measurement(
            indicator="ph" if of % 2 else "formaldehyde",
            component=f"c{number}-{of}",
            kind=MeasurementKind.NUMBER,
            value=400.0 if of % 2 == 0 else 7.0,
            unit=None if of % 2 else "mg/kg",
        )
        for of in range(measurements)
    )
    return verified_report(factory, name, REPORT.event_time + number * 1_000, measured)


class Publishing:
    """Events, each in the broker when :meth:`publish` returns or, with ``linger_ms``, when this is left."""

    def __init__(self, kafka: str, linger_ms: int = 0) -> None:
        self._producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=linger_ms)
        self._lingers = linger_ms > 0

    def publish(self, *events: InspectionEvent) -> None:
        for event in events:
            self._producer.send(topic_of(event), value=CODEC.encode(event), key=key_of(event))
        if not self._lingers:
            self._producer.flush()

    def __enter__(self) -> Publishing:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()


def _fill(kafka: str, reports: int, measurements: int) -> None:
    with Publishing(kafka, linger_ms=5) as publishing:
        for number in range(reports):
            publishing.publish(*report("f-giant", number, measurements))


class Memory:
    """The greatest resident size of the processor and of its folds apart, looked at five times a second."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.processor = self.apart = 0
        self.starts: set[int] = set()
        self.ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.ended.wait(0.2):
            try:
                process = psutil.Process(self._stack.pid("inspections"))
                self.starts.add(process.pid)
                self.processor = max(self.processor, process.memory_info().rss)
                for child in process.children():
                    self.apart = max(self.apart, child.memory_info().rss)
            except (psutil.Error, LookupError):
                continue


def main() -> None:
    """Run, and print one line for each phase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=1_800)
    parser.add_argument("--measurements", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0, help="probes after the giant was published")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stack_at(Path(folder), AS_OF, ("inspections",)) as stack:
        settings, memory = where(stack), Memory(stack)
        # A process of its own: what is measured is not to wait for the one that fills.
        filling = get_context("spawn").Process(target=_fill, args=(settings.kafka, options.reports, options.measurements))
        sent: dict[str, float] = {}
        filling.start()
        until = float("inf")
        with Publishing(settings.kafka) as publishing:
            while time.monotonic() < until:
                name = f"f-probe-{len(sent)}"
                sent[name] = time.time()
                publishing.publish(*report(name, 0, 1))
                if until == float("inf") and filling.exitcode is not None:
                    until = time.monotonic() + options.seconds
                if filling.exitcode is not None:  # what keeps a giant at work: a record of its own with every probe
                    publishing.publish(*report("f-giant", options.reports + len(sent), 1))
                time.sleep(PAUSE_SECONDS)
        heard = _heard(settings, set(sent))
        latencies = sorted(heard[name] - at for name, at in sent.items() if name in heard)
        theirs = partition_of(b"f-giant", 8)
        elsewhere = sorted(
            heard[name] - at for name, at in sent.items() if name in heard and partition_of(name.encode(), 8) != theirs
        )
        with reader(settings) as warehouse:
            apart = warehouse.rows("SELECT owner, max(stored), max(folded) FROM owners_apart GROUP BY owner")
        memory.ended.set()
        first = min(sent.values())
        slow = sorted(((heard[name] - at, at - first, name) for name, at in sent.items() if name in heard), reverse=True)[:6]
        print("the slowest (s, sent after s, in the giant's partition):")
        for seconds, after, name in slow:
            print(f"  {seconds:6.2f} {after:6.1f}  {partition_of(name.encode(), 8) == theirs}")
        print(
            f"{options.reports} reports of {options.measurements}: {len(heard)} of {len(sent)} probes heard, median "
            f"{statistics.median(latencies):.2f} s, p99 {latencies[int(len(latencies) * 0.99)]:.2f} s (those in other partitions than the "
            f"giant's: p99 {elsewhere[int(len(elsewhere) * 0.99)]:.2f} s); processor {memory.processor >> 20} "
            f"MB, folds apart {memory.apart >> 20} MB, starts {len(memory.starts)}; apart (owner, stored, folded): {apart}"
        )


def _heard(settings: Any, names: set[str]) -> dict[str, float]:
    """When the alert of each of these factories was stored (s), after all of them are, or two minutes."""
    deadline = time.monotonic() + 120
    found: dict[str, float] = {}
    while names - found.keys() and time.monotonic() < deadline:
        time.sleep(1.0)
        with reader(settings) as warehouse:
            rows = warehouse.rows(
                "SELECT factory_id, toUnixTimestamp64Milli(min(stored_at)) / 1000 FROM alerts WHERE factory_id LIKE 'f-probe-%' "
                "AND NOT published GROUP BY factory_id"
            )
            found |= {name: at for name, at in rows if name not in found}
            rows = warehouse.rows(
                "SELECT factory_id, toUnixTimestamp64Milli(min(stored_at)) / 1000 FROM alerts WHERE factory_id LIKE 'f-probe-%' "
                "GROUP BY factory_id"
            )
            found |= {name: at for name, at in rows if name not in found}  # the mark, a second later at most
    return found


if __name__ == "__main__":
    main()
