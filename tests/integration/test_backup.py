"""Backup and restore on the real programs: taken under load while processors are killed, restored beside a log that went on and beside
one that is lost, and held against a fold of all that was published."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import SECONDS, Program, until, weftline
from tests.support import tables
from tests.support.hostile import Message, Played
from tests.support.stack import SWEEP, stack_at, where

from weftline.embedded.stack_folder import find_running
from weftline.embedded.supervisor import PROCESSORS, Stack
from weftline.runtime.places import open_places
from weftline.runtime.settings import Settings, load
from weftline.sdk import Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

# Three stacks are started; a busy machine takes its time.
pytestmark = pytest.mark.timeout(900)

START = 1_767_225_600_000  # 2026-01-01


@pytest.fixture(scope="module")
def played() -> Played:
    """In any order, so that at any time some of the newest events are there, of which factories are told."""
    played = Played(13, START, 20, 700)
    Random(13).shuffle(played.messages)
    return played


def clock(played: Played) -> dict[str, str]:
    return {"WEFTLINE_SIMULATED_CLOCK": f"0,{played.answers['as_of']},0", "WEFTLINE_SWEEP_SECONDS": SWEEP}


def publish(at: Settings, messages: Sequence[Message]) -> None:
    producer = KafkaProducer(bootstrap_servers=at.kafka, linger_ms=5)
    try:
        for message in messages:
            producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
        producer.flush()
    finally:
        producer.close()


class Beside:
    """Commands of Weftline beside a running stack, on whose folder they may hold the processors."""

    def __init__(self, at: Settings, folder: Path, played: Played) -> None:
        self._folder = folder
        self._where = {
            "WEFTLINE_KAFKA": at.kafka,
            "WEFTLINE_CLICKHOUSE": at.clickhouse,
            "WEFTLINE_DATA": str(folder),
            **clock(played),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return weftline(*arguments, folder=self._folder, **self._where)

    def start(self, *arguments: str) -> Program:
        return Program(*arguments, folder=self._folder, **self._where)

    def audit(self) -> tuple[int, dict[str, Any]]:
        ended = self.run("audit", "--json")
        return ended.returncode, json.loads(ended.stdout) if ended.stdout else {"stderr": ended.stderr}

    def is_sound(self) -> None:
        """Wait until the audit is without drift."""
        deadline = time.monotonic() + SECONDS
        while (said := self.audit())[0] != 0:
            assert time.monotonic() < deadline, said


def all_read(at: Settings) -> bool:
    with open_places(at, TOPICS) as places:
        return all(log.next == log.end for log in places.read())


def is_the_fold(at: Settings, played: Played) -> bool:
    """Whether all is read, and every table is what the published records give."""
    if not all_read(at):
        return False
    with reader(at) as warehouse:
        return not any(tables.drift(tables.stored(kind, warehouse), ought(played, name)) for name, kind in tables.kinds().items())


@cache
def ought(played: Played, name: str) -> tables.Tables:
    return tables.expected(tables.kinds()[name], played.records[name], played.answers["as_of"])


def letters(at: Settings) -> Counter[tuple[str, bytes, bytes]]:
    with reader(at) as warehouse:
        rows = warehouse.rows("SELECT topic, key, value FROM dead_letters FINAL", binary=("key", "value"))
    return Counter((topic, key, value or b"") for topic, key, value in rows)


Told = Counter[tuple[str, int]]


def told(at: Settings) -> Told:
    """How often each revision of each alert was sent."""
    with Subscriber(at.kafka, None, group=f"test-{os.urandom(4).hex()}", follow=False) as subscriber:
        return Counter((alert.alert_id, alert.revision) for alert in subscriber)


def noted(at: Settings) -> set[tuple[str, int]]:
    """Revisions of alerts that are noted to have been sent."""
    with reader(at) as warehouse:
        return set(warehouse.rows("SELECT alert_id, revision FROM alerts FINAL WHERE published"))


class Taken(NamedTuple):
    """A stack's folder, a backup of it, the alerts that it knows to be told, and what was told in the end."""

    folder: Path
    backup: Path
    known: set[tuple[str, int]]
    told: Told


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory, played: Played) -> Taken:
    """A backup taken while events came in and every processor was killed; then the stack went on to the end, and was stopped."""
    folder = tmp_path_factory.mktemp("stack")
    backup = tmp_path_factory.mktemp("backups") / "taken"
    with stack_at(folder, played.answers["as_of"]) as stack:
        at, half = where(stack), len(played.messages) // 2
        publish(at, played.messages[:half])
        until(lambda: all_read(at) and noted(at), "the first half is stored, and somebody told")
        known = noted(at)
        taking = Beside(at, folder, played).start("backup", str(backup))
        for name in PROCESSORS:
            with suppress(ProcessLookupError):
                os.kill(stack.pid(name), signal.SIGKILL)
        publish(at, played.messages[half:])
        assert taking.end() == 0, taking.lines
        until(lambda: is_the_fold(at, played), "everything published is in the tables")
        return Taken(folder, backup, known, told(at))


def test_only_its_owner_can_read_it(taken: Taken) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in taken.backup.iterdir()} == {0o600}
    assert stat.S_IMODE(taken.backup.stat().st_mode) == 0o700


def test_tables_are_lost_and_the_log_went_on(taken: Taken, played: Played) -> None:
    folder, backup = taken.folder, taken.backup
    shutil.rmtree(folder / "clickhouse")
    up = Program("up", "--restore", str(backup), "--data", str(folder), folder=folder, **clock(played))
    try:
        up.wait_for("ready")
        assert not [line for line in up.lines if "careful" in line or "anew from the records" in line]
        running = find_running(folder)
        assert running is not None
        at = load(**running.settings())
        beside = Beside(at, folder, played)
        until(lambda: is_the_fold(at, played), "the rest is read again")
        beside.is_sound()
        again = told(at)
        assert taken.known
        assert {alert: again[alert] for alert in taken.known} == {alert: taken.told[alert] for alert in taken.known}, "told anew"
        assert beside.run("status").returncode == 0

        refused = beside.run("restore", str(backup))
        assert refused.returncode == 1
        assert "is not empty" in refused.stderr
    finally:
        assert up.stop() == 0, up.lines


@pytest.fixture
def elsewhere(tmp_path: Path, played: Played) -> Iterator[Stack]:
    """A clean machine: no tables, no log."""
    with stack_at(tmp_path, played.answers["as_of"]) as stack:
        yield stack


def test_the_log_is_lost_too_and_the_restore_is_killed(elsewhere: Stack, taken: Taken, played: Played) -> None:
    at, backup = where(elsewhere), str(taken.backup)
    beside = Beside(at, elsewhere.config.folder, played)
    # Kafka counts it as a member until its session ends.
    os.kill(elsewhere.pid("logistics"), signal.SIGKILL)
    restoring = beside.start("restore", backup)
    restoring.wait_for("inspection_facts")
    restoring.kill()
    ill = beside.run("status")
    assert ill.returncode == 1
    assert "restore" in ill.stderr

    done = beside.run("restore", backup)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("is not the topic of the backup") == len(PROCESSORS)
    until(lambda: beside.run("status").returncode == 0, "it is healthy again")
    status, report = beside.audit()
    assert (status, report["drift_rows"]) == (0, 0), report
    assert report["records"] > 0
    kept = letters(at)
    assert kept

    # The centers send again what they sent since the backup, and more; dead letters of the new log are apart from the old ones.
    resent = played.messages[len(played.messages) // 4 :]
    publish(at, resent)
    until(lambda: is_the_fold(at, played), "what was sent again is in the tables")
    beside.is_sound()
    dead = Counter((m.topic, m.key, m.value) for m in resent if m.rank is None)
    assert set(letters(at)) == {(m.topic, m.key, m.value) for m in played.messages if m.rank is None}
    assert letters(at) == kept + dead

    more = beside.run("restore", "--merge", backup)
    assert (more.returncode, more.stderr) == (0, "")
    beside.is_sound()
    # Places went back with the tables: what is read again changes nothing.
    until(lambda: is_the_fold(at, played), "it is read again")
