"""``make bench``: our processors beside their peers, in one run, on the same events, the same broker and the same engine.

Interleaved and repeated; medians and spread are printed, ratios are what counts. CPU is the contender's own process. Orders are given to
all contenders; inspections and logistics to ours, to the hand-written loop, and to the floor below which no program can come.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from tests.bench.contenders import WAYS
from tests.bench.latency import latencies
from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_PROCESSOR, BY_TOPIC
from weftline.contracts.registry import FileRegistry
from weftline.embedded.ports import free_ports
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.sinks import Connection, Encoded, blast, encoded
from weftline.embedded.supervisor import Addresses, Stack, StackConfig
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.migrations import migrate

SCALE = (1, 2, 3)
START = 1_767_225_600_000  # 2026-01-01
DAY = 86_400_000
#: Who is given the events of which kind.
GIVEN = {"orders": tuple(WAYS), "inspections": ("confluent", "weftline", "floor"), "logistics": ("confluent", "weftline", "floor")}


def events(count: int) -> dict[str, list[Encoded]]:
    """Events of a calm simulation by kind, encoded: so many orders, and the others that come with them."""
    days = 30
    config = SimulationConfig(seed=11, start=START, end=START + days * DAY, events_per_day=count * 3 / days)
    found: dict[str, list[Encoded]] = {kind: [] for kind in GIVEN}
    for record in encoded(Simulation(config), Codec(FileRegistry())):
        found[BY_TOPIC[record.topic].processor].append(record)
    return {kind: records[:count] for kind, records in found.items()}


def measure(kind: str, way: str, number: int, count: int, at: Addresses, workers: int = 1) -> tuple[float, float]:
    """(events per second, CPU microseconds per event) of one contender, from its first stored record to its last fact."""
    database = f"bench_{kind}_{way}_{workers}_{number}"
    tables = BY_PROCESSOR[kind]
    environment = {
        **os.environ,
        **at.environment(),
        "WEFTLINE_CLICKHOUSE_DATABASE": database,
        "WEFTLINE_SIMULATED_CLOCK": f"0,{START + 31 * DAY},0",
        "BENCH_GROUP": f"weftline-{database}",
        "BENCH_KIND": kind,
        "BENCH_MOST": str(count // 10),
    }
    settings = load(**at.settings(), clickhouse_database=database)
    migrate(settings)
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.contenders", way]
    with tempfile.TemporaryFile() as log, reader(settings) as warehouse, contextlib.ExitStack() as running:
        processes = []
        for port in free_ports(workers):
            own = environment | {"BENCH_PORT": str(port)}
            processes.append(running.enter_context(subprocess.Popen(command, env=own, stdout=log, stderr=subprocess.STDOUT)))
            running.callback(processes[-1].kill)
        seen = [psutil.Process(process.pid) for process in processes]

        def stored(table: str) -> int:
            for process in processes:
                if process.poll() is not None:
                    log.seek(0)
                    raise SystemExit(f"{way} ended with status {process.returncode}:\n{log.read().decode()[-2000:]}")
            time.sleep(0.05)
            # Each once: a factory's facts are written again when a step brings what happened before them.
            return int(warehouse.rows(f"SELECT uniqExact(event_id, source) FROM {table}")[0][0])

        def cpu() -> float:
            return sum(sum(process.cpu_times()[:2]) for process in seen)

        while not stored(tables.records):
            pass
        begun, before = time.perf_counter(), cpu()
        first = stored(tables.records)
        while stored(tables.facts) < count:
            pass
        seconds, used = time.perf_counter() - begun, cpu() - before
    done = count - first
    return done / seconds, used / done * 1e6


def prepare(at: Addresses) -> None:
    """Topics; each contender makes its own database."""
    apply_topics(at.kafka)


def main() -> None:
    """Run, print a table, write ``.bench/<time>.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the JSON that is written to .bench/")
    wanted = parser.parse_args()
    given = events(wanted.events)
    runs: dict[str, dict[str, list[tuple[float, float]]]] = {kind: {way: [] for way in ways} for kind, ways in GIVEN.items()}
    with tempfile.TemporaryDirectory(prefix="weftline-bench-") as folder:
        config = StackConfig(Path(folder), usual={}, sync=False)
        with Stack(config, prepare=prepare) as stack:
            assert stack.addresses is not None
            sent, seconds = blast(chain.from_iterable(given.values()), Connection(stack.addresses.kafka))
            print(f"{sent} events published in {seconds:.1f} s; {wanted.rounds} rounds", file=sys.stderr)
            for number in range(wanted.rounds):
                for kind, by_way in runs.items():
                    for way, found in by_way.items():
                        found.append(measure(kind, way, number, len(given[kind]), stack.addresses))
                        rate, cpu = found[-1]
                        print(
                            f"  round {number + 1}  {kind:<12} {way:<12} {rate:8,.0f} events/s  {cpu:6.0f} us CPU", file=sys.stderr
                        )
            orders = len(given["orders"])
            scale = {
                workers: measure("orders", "weftline", wanted.rounds, orders, stack.addresses, workers)[0] for workers in SCALE
            }
    report: dict[str, Any] = {kind: summary(by_way) for kind, by_way in runs.items()}
    report |= {"scale_out": {f"{n} workers": round(rate) for n, rate in scale.items()}} | latencies()
    print(json.dumps(report, indent=1) if wanted.json else table(report))
    out = Path(".bench") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def summary(runs: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Medians and spread per contender, the ratios of our rate to each one's, and of our CPU to the floor's, round by round."""
    ours = runs["weftline"]
    return {
        "contenders": {
            way: {
                "events_per_second": {name: round(of(rate for rate, _ in found)) for name, of in SPREAD.items()},
                "cpu_us_per_event": {name: round(of(cpu for _, cpu in found), 1) for name, of in SPREAD.items()},
            }
            for way, found in runs.items()
        },
        "ratios": {
            way: round(statistics.median(own[0] / their[0] for own, their in zip(ours, found, strict=True)), 2)
            for way, found in runs.items()
            if way not in ("weftline", "floor")
        },
        "cpu_over_floor": round(statistics.median(own[1] / their[1] for own, their in zip(ours, runs["floor"], strict=True)), 2),
    }


SPREAD = {"min": min, "median": statistics.median, "max": max}


def table(report: dict[str, Any]) -> str:
    """For people."""
    lines = []
    for kind in GIVEN:
        lines.append(f"{kind:<13}    events/s (min … max)            us CPU per event   weftline is")
        for way, found in report[kind]["contenders"].items():
            rate, cpu, ratio = found["events_per_second"], found["cpu_us_per_event"], report[kind]["ratios"].get(way)
            said = (
                f"{report[kind]['cpu_over_floor']} times its CPU" if way == "floor" else "" if ratio is None else f"{ratio} times"
            )
            spread = f"({rate['min']:,} … {rate['max']:,})"
            lines.append(f"  {way:<12} {rate['median']:12,} {spread:<22} {cpu['median']:16}   {said}")
    lines.append("scale out: " + ", ".join(f"{name} {rate:,} events/s" for name, rate in report["scale_out"].items()))
    for name in ("alert_latency_ms", "row_latency_ms"):
        found = report[name]
        shares = ", ".join(f"{share} {found[share]}" for share in ("p50", "p95", "p99", "max"))
        lines.append(f"{name}: {shares} of {found['probes']} at {report['load_events_per_second']} events/s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
