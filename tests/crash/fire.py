"""``make crash``: the promise under fire, on the real programs.

A hostile simulation (duplicates, disorder, late events, corrections before and after what they correct, conflicts, damaged
records) is published while processors, ClickHouse and the broker are killed, frozen, joined by second workers, cut off and left
without disk. Then the tables are held against a fold, in memory, of what was *published*, and ``weftline audit`` looks too.

``--kills`` SIGKILLs are spread over the events; the seed decides who, when and what else. ``--for`` stretches it to so many seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from kafka import KafkaProducer

from tests import tables
from tests.crash.faults import Faults
from tests.crash.line import Line
from tests.e2e.commands import environment
from tests.hostile import Message, Played
from tests.stack import stack_at, where
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import PROCESSORS, Stack
from weftline.errors import WeftlineError
from weftline.runtime.settings import Settings
from weftline.sdk import Subscriber
from weftline.warehouse.client import reader

START = 1_767_225_600_000  # 2026-01-01
DAY = 86_400_000
DAYS = 30
EVENTS_PER_KILL = 150
#: One of the slow faults is begun after so many kills, if the last one has ended.
SLOW_EVERY = 4
#: What a kill takes, as far as the clock of the simulation is concerned: deadlines shall pass all the time.
SECONDS_PER_KILL = 2.5
DISK_MB = 768
#: Catching up afterwards takes seconds; minutes mean that somebody hangs.
PATIENCE_SECONDS = 240.0


@dataclass
class Report:
    """What was done and what was found. ``drift``: table → rows that are missing, extra or different, in words."""

    seed: int
    kills: Counter[str]
    faults: Counter[str]
    broken_statements: Counter[str]
    seconds: float
    messages: int = 0
    records: int = 0
    damaged: int = 0
    facts: int = 0
    drift: dict[str, str] = field(default_factory=dict)
    audit: str = ""
    standing: int = 0
    told: int = 0
    contradicted: int = 0
    missing: int = 0
    extra: int = 0
    dead_letters_wrong: int = 0

    @property
    def right(self) -> bool:
        """Whether the promise was kept."""
        return not (self.drift or self.audit or self.contradicted or self.missing or self.extra or self.dead_letters_wrong)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"seed {self.seed}, {self.seconds:.0f} s"
        yield f"kills done            {self.kills.total()} ({_counts(self.kills)})"
        yield f"other faults          {_counts(self.faults)}; {_counts(self.broken_statements) or 'no statement broken'}"
        yield f"events published      {self.messages:,} messages, {self.records:,} distinct records, {self.damaged:,} damaged"
        yield f"facts                 {self.facts:,}"
        yield f"drift                 {self.drift or 'none'}"
        yield f"audit                 {self.audit or 'no drift'}"
        yield f"alerts standing       {self.standing:,}, of them told to factories {self.told:,} (the others are historic)"
        yield f"published twice with different content   {self.contradicted}"
        yield f"missing               {self.missing} alerts that stand and were not told, {self.extra} told that do not stand"
        yield f"dead letters wrong    {self.dead_letters_wrong}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


def crash_run(kills: int, seed: int, folder: Path, seconds: float = 0.0, say: Callable[[str], None] = print) -> Report:
    """Play, break, compare. ``seconds``: at least so long."""
    played = Played(seed, START, DAYS, kills * EVENTS_PER_KILL)
    as_of = played.answers["as_of"]
    random = Random(seed)
    lasts = max(seconds, kills * SECONDS_PER_KILL)
    wall = int(time.time() * 1000)
    ports = dict(zip((*PROCESSORS, "clickhouse"), free_ports(len(PROCESSORS) + 1), strict=True))
    with small_disk(folder / "clickhouse", say) as disk, Line(ports["clickhouse"], seed) as line:
        settings = {
            "WEFTLINE_CLICKHOUSE": f"http://127.0.0.1:{line.port}",
            "WEFTLINE_SIMULATED_CLOCK": f"{wall},{START},{(as_of - START) / (lasts * 1000)};{wall + int(lasts * 1000)},{as_of},0",
            "WEFTLINE_SESSION_TIMEOUT_SECONDS": "6",
        }
        with stack_at(folder, as_of, ports=ports, steady_seconds=0.0, **settings) as stack:
            began = time.monotonic()
            at = where(stack)
            faults = Faults(stack, line, disk, {"WEFTLINE_KAFKA": at.kafka, **settings}, ports, random)
            with Publishing(at.kafka, played.messages) as publishing:
                for number in range(1, kills + 1):
                    publishing.upto(number / kills)
                    while faults.kills.total() < number:
                        stack.wait(0)  # raises if the supervisor gave up
                        faults.kill_one()
                    if number % SLOW_EVERY == 0:
                        faults.slow_one()
                    time.sleep(max(number / kills * seconds - (time.monotonic() - began), 0))  # not a condition: --for
                    if number % 50 == 0:
                        say(f"  {number} kills, {publishing.sent:,} messages, {time.monotonic() - began:.0f} s")
                publishing.upto(1.0)
                faults.end()
            report = Report(seed, faults.kills, faults.done, line.broken, time.monotonic() - began)
            time.sleep(max(wall / 1000 + lasts - time.time(), 0))  # until the simulated clock stands
            judge(report, stack, played, settings)
    return report


class Publishing:
    """Messages on their way, as fast as :meth:`upto` lets them; each is sent until Kafka has it."""

    def __init__(self, kafka: str, messages: Sequence[Message]) -> None:
        self.sent = 0
        self._messages = messages
        self._producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=5, acks="all", delivery_timeout_ms=600_000)
        self._futures: list[tuple[Message, Any]] = []

    def __enter__(self) -> Publishing:
        return self

    def upto(self, share: float) -> None:
        """Hand over messages until this share of all is on its way."""
        while self.sent < int(share * len(self._messages)):
            self._send(self._messages[self.sent])
            self.sent += 1

    def _send(self, message: Message) -> None:
        future = self._producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
        self._futures.append((message, future))

    def __exit__(self, *_: object) -> None:
        while self._futures:
            under_way, self._futures = self._futures, []
            self._producer.flush(timeout=PATIENCE_SECONDS)
            for message, future in under_way:
                if future.failed():
                    self._send(message)  # a repeat does no harm
        self._producer.close()


def judge(report: Report, stack: Stack, played: Played, settings: dict[str, str]) -> None:
    """Hold tables, alerts and dead letters against what was published, once the processors have caught up."""
    at = where(stack)
    report.messages, report.damaged = len(played.messages), sum(m.rank is None for m in played.messages)
    report.records = sum(len(records) for records in played.records.values())
    ought = {name: tables.expected(kind, played.records[name], played.answers["as_of"]) for name, kind in tables.kinds().items()}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            _compare(report, at, played, ought)
        except WeftlineError as error:  # ClickHouse or Kafka is still starting
            report.audit = str(error)
        if report.right or time.monotonic() > deadline:
            break
        time.sleep(1)
    report.audit = _audit(at, settings)


def _compare(report: Report, at: Settings, played: Played, ought: dict[str, tables.Tables]) -> None:
    report.audit = ""
    with reader(at) as warehouse:
        stored = {name: tables.stored(kind, warehouse) for name, kind in tables.kinds().items()}
        rows = warehouse.rows("SELECT alert_id, historic FROM alerts FINAL WHERE status != 'WITHDRAWN'")
        letters = warehouse.rows("SELECT topic, key, value FROM dead_letters FINAL", binary=("key", "value"))
    report.drift = {table: words for name in stored for table, words in tables.drift(stored[name], ought[name]).items()}
    report.facts = sum(len(stored[name][kind.facts]) for name, kind in tables.kinds().items())
    sent = Counter((m.topic, m.key, m.value) for m in played.messages if m.rank is None)
    found = Counter((topic, key, value or b"") for topic, key, value in letters)
    # A message that was sent again after a lost acknowledgement lies there twice.
    report.dead_letters_wrong = len(set(sent) ^ set(found)) + (sent - found).total()

    contents: dict[tuple[str, int], set[Any]] = defaultdict(set)
    last: dict[str, Any] = {}
    # Under a new name each time, for a group goes on from where it was.
    with Subscriber(at.kafka, None, group=f"judge-{uuid4()}", follow=False) as subscriber:
        for alert in subscriber:
            contents[alert.alert_id, alert.revision].add(alert)
            if alert.alert_id not in last or last[alert.alert_id].revision < alert.revision:
                last[alert.alert_id] = alert
    told = {alert_id for alert_id, alert in last.items() if alert.status != "WITHDRAWN"}
    report.standing = len(rows)
    report.told = len(told)
    report.contradicted = sum(len(several) > 1 for several in contents.values())
    report.missing = len({alert_id for alert_id, historic in rows if not historic} - told)
    report.extra = len(told - {alert_id for alert_id, _ in rows})


def _audit(at: Settings, settings: dict[str, str]) -> str:
    """What ``weftline audit`` finds, nothing if all is well."""
    command = [sys.executable, "-m", "weftline", "audit", "--json", "--kafka", at.kafka, "--clickhouse", at.clickhouse]
    more = {name: value for name, value in settings.items() if name != "WEFTLINE_CLICKHOUSE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(**more))
    if done.returncode == 0:
        return ""
    with contextlib.suppress(ValueError):
        said = json.loads(done.stdout)
        wrong = {
            name: table for name, table in said["tables"].items() if any(table[what] for what in ("missing", "extra", "different"))
        }
        return f"status {done.returncode}: {wrong}, {said['unsettled']} not judged"
    return f"status {done.returncode}: {done.stderr[-500:]}"


@contextlib.contextmanager
def small_disk(folder: Path, say: Callable[[str], None]) -> Iterator[Path | None]:
    """A small file system at ``folder``, which one can fill; none where the machine does not let us mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        say(f"no full disk in this run: a small file system cannot be mounted here ({reason})")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--for", dest="seconds", type=float, default=0.0, help="at least so many seconds")
    parser.add_argument("--keep", type=Path, help="keep data and logs in this new folder")
    wanted = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = wanted.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weftline-crash-")))
        report = crash_run(wanted.kills, wanted.seed, folder, wanted.seconds)
    print("\n".join(report.lines()))
    return 0 if report.right else 1


if __name__ == "__main__":
    sys.exit(main())
