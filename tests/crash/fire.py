"""``make crash``: the promise under fire, on the real programs.

A hostile simulation (duplicates, disorder, late events, corrections before and after what they correct, conflicts, damaged
records, poison, a giant factory, orders of 130 months, a cooperative whose members rest on reports) is published while processors,
ClickHouse and the broker are killed, frozen, joined by second workers and by one with a wrong clock, cut off, robbed of tables and left
without disk. Then the tables are held against a fold, in memory, of what was *published*, and ``weftline audit`` looks too.

``--kills`` SIGKILLs are spread over the events; the seed decides who, when and what else: every fault once, before any comes twice.
``--for`` stretches it to so many seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

from tests.crash.faults import FAULTS, Faults
from tests.crash.judge import Report, judge
from tests.crash.line import Line
from tests.crash.publishing import MEMORY_MB, Poisoning, Publishing, worsened
from tests.support.hostile import Played
from tests.support.small_disk import small_disk
from tests.support.stack import stack_at, where
from weftline.contracts.reference import Center, Reference
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import PROCESSORS
from weftline.warehouse.client import reader
from weftline.warehouse.reference import load

START = 1_767_225_600_000  # 2026-01-01
DAY = 86_400_000
DAYS = 30
EVENTS_PER_KILL = 150
#: What a kill takes, as far as the clock of the simulation is concerned: deadlines shall pass all the time.
SECONDS_PER_KILL = 2.5
#: ClickHouse has a disk of its own, so that it can be full while Kafka takes what comes.
DISK_MB, CLICKHOUSE_MB = 1536, 768
#: Published after the kills, beside those faults that had no turn before.
LAST_SHARE = 0.2
#: One of the centers went live in the middle of what is played: what happened there before is history.
WENT_LIVE = Center(
    id="dieshiqiao",
    valid_from=date(2025, 1, 1),
    name_zh="叠石桥",
    name_en="Dieshiqiao",
    source="make crash",
    live_from=START + DAYS // 2 * DAY,
)


def crash_run(kills: int, seed: int, folder: Path, seconds: float = 0.0, say: Callable[[str], None] = print) -> Report:
    """Play, break, compare. ``seconds``: at least so long. Logs of all programs are left in ``folder``."""
    played = worsened(Played(seed, START, DAYS, kills * EVENTS_PER_KILL, members=True), seed)
    as_of = played.answers["as_of"]
    lasts = max(seconds, kills * SECONDS_PER_KILL)
    wall = int(time.time() * 1000)
    ports = dict(zip((*PROCESSORS, "clickhouse"), free_ports(len(PROCESSORS) + 1), strict=True))
    with contextlib.ExitStack() as closing:
        data = folder / "data"
        disks = {}
        for name, mb in (("data", DISK_MB), ("data/clickhouse", CLICKHOUSE_MB)):
            (folder / name).mkdir(parents=True)
            disk = closing.enter_context(small_disk(folder / name, mb))
            if isinstance(disk, str):
                say(f"no full disks in this run: {disk}")
                break
            disks[name] = disk
        (data / "logs").mkdir()
        closing.callback(shutil.copytree, data / "logs", folder / "logs")
        line = closing.enter_context(Line(ports["clickhouse"], seed))
        settings = {
            "WEFTLINE_CLICKHOUSE": f"http://127.0.0.1:{line.port}",
            "WEFTLINE_SIMULATED_CLOCK": f"{wall},{START},{(as_of - START) / (lasts * 1000)};{wall + int(lasts * 1000)},{as_of},0",
            "WEFTLINE_SESSION_TIMEOUT_SECONDS": "6",
            "WEFTLINE_MEMORY_MB": str(MEMORY_MB),
        }
        stack = closing.enter_context(stack_at(data, as_of, ports=ports, partitions=None, steady_seconds=0.0, **settings))
        began = time.monotonic()
        at = where(stack)
        with reader(at) as warehouse:
            load(warehouse, Reference(centers=(WENT_LIVE,)))
        assert stack.addresses is not None
        environment = {**stack.addresses.environment(), **settings}
        faults = Faults(stack, line, [*disks.values()], environment, ports, Random(seed))
        poisoning = Poisoning(at.kafka, played.messages, seed)
        with Publishing(at.kafka, played.messages, seed) as publishing:
            for number in range(1, kills + 1):
                publishing.upto(number / kills * (1 - LAST_SHARE))
                poisoning.upto(number / kills)
                while faults.kills.total() < number:
                    stack.wait(0)  # raises if the supervisor gave up
                    faults.kill_one()
                faults.slow_one()
                time.sleep(max(number / kills * seconds - (time.monotonic() - began), 0))  # not a condition: --for
                if number % 50 == 0:
                    say(f"  {number} kills, {publishing.sent:,} messages, {time.monotonic() - began:.0f} s")
            while faults.left:
                publishing.upto(1 - LAST_SHARE * faults.left / len(FAULTS))
                faults.slow_one(wait=True)
            publishing.upto(1.0)
            faults.end()
            transactions = publishing.transactions
        report = Report(seed, faults.kills, faults.done, line.broken, time.monotonic() - began)
        report.committed, report.aborted = transactions.committed, transactions.aborted
        time.sleep(max(wall / 1000 + lasts - time.time(), 0))  # until the simulated clock stands
        judge(report, stack, played, poisoning, settings)
        report.seconds_in_all = time.monotonic() - began
    return report


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--for", dest="seconds", type=float, default=0.0, help="at least so many seconds")
    parser.add_argument("--keep", type=Path, help="keep the logs in this new folder")
    wanted = parser.parse_args()
    logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # that ClickHouse is dead is no news here
    with contextlib.ExitStack() as stack:
        folder = wanted.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weftline-crash-")))
        report = crash_run(wanted.kills, wanted.seed, folder, wanted.seconds)
    print("\n".join(report.lines()))
    return 0 if report.right else 1


if __name__ == "__main__":
    sys.exit(main())
