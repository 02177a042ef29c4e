"""More partitions for the topics of events, while publishers publish and processors work; the command is killed at each of its steps.

Before, every topic has three; then five, so that most owners' later records lie in another partition than their earlier ones. Two
workers read the orders, so that an owner's partitions are not one worker's. Then every table is the fold of every event, the audit finds
nothing, nobody is told again what he was told before, and deadlines pass.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from tests.e2e.commands import environment, until, weftline
from tests.support import tables
from tests.support.examples import CODEC, ORDER
from tests.support.hostile import DAY, KINDS, Message, Played
from tests.support.stack import SWEEP, few, stack_at, where
from tests.support.told import each_told, misinformed, standing

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.topics import partition_of
from weftline.domain.fold import Record
from weftline.domain.vocabulary import OrderStatus
from weftline.embedded.children import Running, processor_child
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import Stack
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.groups import open_groups
from weftline.sdk import Subscriber
from weftline.warehouse.client import reader
from weftline.warehouse.status import TOPICS

START = 1_767_225_600_000  # 2026-01-01
FEW, MANY = 3, 5
#: Seconds, by the processors' clock, after which the orders below are overdue; so many of each.
PROMISES, OF_EACH = range(60, 361, 60), 8

pytestmark = pytest.mark.timeout(900)

#: The command as the program has it, killed after so many requests for partitions, or when it says a line that begins so.
KILLED = """
import os, signal, sys
from kafka.admin import KafkaAdminClient
from weftline.runtime.repartition import repartition
from weftline.runtime.settings import load
wanted, requests, word = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
create = KafkaAdminClient.create_partitions
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def created(*arguments, **more):
    global requests
    if requests == 0:
        die()
    create(*arguments, **more)
    requests -= 1
    if requests == 0:
        die()
KafkaAdminClient.create_partitions = created
repartition(load(), wanted, lambda line: line.startswith(word) and die())
"""


def promised(wall: int) -> list[Message]:
    """Orders that are confirmed and never dispatched, some for each promise; what is theirs alone is their order's name."""
    return [
        Message(event, CODEC.encode(event), rank_of(CODEC.encode(event)[FRAMING:], declared=False))
        for seconds in PROMISES
        for number in range(OF_EACH)
        for event in [
            dataclasses.replace(
                ORDER,
                order_id=f"due-{seconds}-{number}",
                event_id=f"due-{seconds}-{number}",
                event_time=wall - DAY,
                status=OrderStatus.CONFIRMED,
                promised_at=wall + seconds * 1000,
            )
        ]
    ]


class World:
    """The stack, its clock, and what was published."""

    def __init__(self, stack: Stack, played: Played, wall: int, folder: Path) -> None:
        assert stack.addresses is not None
        self.stack, self.settings, self.folder = stack, where(stack), folder
        self.as_of, self.wall = played.answers["as_of"], wall
        self.due = promised(self.as_of)
        half = len(played.messages) // 2
        self.first, self.second = [*played.messages[:half], *self.due], played.messages[half:]
        self.records = {name: list(records) for name, records in played.records.items()}
        self.records["orders"] += [Record(message.event, message.rank or 0) for message in self.due]
        self.environment = {**stack.addresses.environment(), "WEFTLINE_SIMULATED_CLOCK": f"{wall},{self.as_of},1"}

    def now(self) -> int:
        """By the processors' clock."""
        return self.as_of + int(time.time() * 1000) - self.wall

    def publish(self, messages: Sequence[Message], pause: float = 0.0) -> None:
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka, linger_ms=5)
        for message in messages:
            producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
            time.sleep(pause)
        producer.flush()
        producer.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return weftline(*arguments, folder=self.folder, **self.environment)

    def killed(self, requests: int, word: str = "no line begins so") -> int:
        """The exit status of the command that is killed there."""
        command = [sys.executable, "-c", KILLED, str(MANY), str(requests), word]
        return subprocess.run(command, env=environment(**self.environment), check=False, timeout=120).returncode

    def counts(self) -> dict[str, int]:
        with open_groups(self.settings, TOPICS) as groups:
            return {group.name: len(group.positions) for group in groups.read()}

    def all_read(self) -> bool:
        with open_groups(self.settings, TOPICS) as groups:
            return all(group.lag == 0 for group in groups.read())

    def held(self, group: str) -> list[int]:
        with open_groups(self.settings, TOPICS) as groups:
            (found,) = [each for each in groups.read() if each.name == group]
        return sorted(len(member.partitions) for member in found.members or ())

    def told(self) -> list[Any]:
        """What readers were told since this was asked last."""
        with Subscriber(self.settings.kafka, None, follow=False) as subscriber:
            return list(subscriber)

    def rows(self, query: str) -> list[Any]:
        with reader(self.settings) as server:
            return list(server.rows(query))

    def all_said(self) -> bool:
        return self.all_read() and self.rows("SELECT count() FROM alerts FINAL WHERE NOT published AND NOT historic") == [(0,)]

    def greatest(self) -> int:
        """The greatest partition that a row bears."""
        names = ["alerts", *(state for kind in tables.kinds().values() for state in kind.states)]
        return int(max(self.rows(f"SELECT max(partition) FROM {name}")[0][0] for name in names))

    def overdue(self, seconds: int) -> int:
        """How many of the orders that were promised for then are told to be late."""
        asked = f"rule = 'ORDER_OVERDUE' AND startsWith(subject, 'order due-{seconds}-')"
        return int(self.rows(f"SELECT count() FROM standing_alerts WHERE {asked}")[0][0])

    def misinformed(self, said: list[Any]) -> list[str]:
        """Where what was told, ``said`` and what has come since, is not what stands now."""
        said += self.told()
        ought = {
            alert_id: alert
            for name, kind in tables.kinds().items()
            for alert_id, alert in standing(tables.expected(kind, self.records[name], self.now())["alerts"]).items()
        }
        return [*misinformed(said, ought, {})]

    def wrong(self) -> dict[str, Any]:
        """What differs from a fold of all records, as of now."""
        found: dict[str, Any] = {}
        with reader(self.settings) as server:
            for name, kind in tables.kinds().items():
                found |= tables.drift(tables.stored(kind, server), tables.expected(kind, self.records[name], self.now()))
        return found

    def places(self) -> dict[bytes, set[int]]:
        """In which partitions the records of each key lie."""
        found: dict[bytes, set[int]] = {}
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka, consumer_timeout_ms=3000, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(topic, number) for topic in KINDS for number in range(MANY)])
        for record in consumer:
            found.setdefault(record.topic.encode() + record.key, set()).add(record.partition)
        consumer.close()
        return found


@contextmanager
def second_worker(world: World) -> Iterator[None]:
    (port,) = free_ports(1)
    settings = {**world.environment, "WEFTLINE_SWEEP_SECONDS": SWEEP, "WEFTLINE_DIGEST_SECONDS": "1"}
    worker = Running(processor_child("orders", settings, port), world.folder / "orders-second.log")
    try:
        worker.wait_ready()
        yield
    finally:
        worker.kill()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    played = Played(11, START, 12, 2400)
    wall = int(time.time() * 1000)
    stack = stack_at(
        tmp_path,
        0,
        partitions=None,
        before=lambda at: [*apply_topics(at.kafka, topics=few(FEW))] and None,
        WEFTLINE_SIMULATED_CLOCK=f"{wall},{played.answers['as_of']},1",
    )
    with stack:
        yield World(stack, played, wall, tmp_path)


def test_topics_get_more_partitions_while_everything_runs(world: World) -> None:
    with second_worker(world):
        world.publish(world.first)
        until(world.all_said, "the first half is read, and all is said", 240)
        until(lambda: world.held("orders") == [1, 2], "both workers have partitions", 60)
        rebuilt = world.command("rebuild")
        assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
        assert world.greatest() < FEW, "of a partition that there is not nobody would see to the rows"
        until(world.all_said, "what the rebuild said is said", 60)
        before = world.told()
        assert before

        # The second half comes while the command is at work, by a publisher that knows of three partitions, and one that comes later.
        third = len(world.second) // 3
        publishing = threading.Thread(target=world.publish, args=(world.second[:third], 0.02))
        publishing.start()
        assert world.killed(requests=0) < 0
        assert [*world.counts().values()] == [FEW] * len(KINDS)
        for requests in range(1, len(KINDS) + 1):
            # The second time the first topic is done, and so on.
            assert world.killed(requests=1) < 0
            assert sorted(world.counts().values()) == [FEW] * (len(KINDS) - requests) + [MANY] * requests
        assert world.killed(9, word="orders: ") < 0
        widened = world.command("topics", "repartition", "--to", str(MANY))
        assert widened.returncode == 0, widened.stdout + widened.stderr
        assert widened.stdout.splitlines() == [f"{name}: {MANY} partitions are read" for name in KINDS.values()]
        assert sum(world.held("orders")) == MANY
        ended = world.now()
        publishing.join()
        world.publish(world.second[third:])

        refused = world.command("topics", "repartition", "--to", str(FEW))
        assert refused.returncode != 0
        assert "Kafka takes no partitions away" in refused.stderr
        applied = world.command("topics", "apply")
        assert applied.returncode == 0, applied.stderr
        assert f"with {MANY} partitions each" in applied.stdout
        assert [*world.counts().values()] == [MANY] * len(KINDS)

        seconds = next(seconds for seconds in PROMISES if world.as_of + seconds * 1000 > ended)
        until(lambda: world.overdue(seconds) == OF_EACH, "a deadline that was to come then has passed", 240)
        until(world.all_said, "all is read and said", 240)
        until(lambda: not world.wrong(), "every table is the fold of every event", 240)
        audited = world.command("audit")
        assert (audited.returncode, audited.stdout.splitlines()[-1]) == (0, "no drift"), audited.stdout + audited.stderr

        said = [*before]
        until(lambda: not world.misinformed(said), "what was last told is what stands", 60)
        told = {(alert.alert_id, alert.revision) for alert in each_told(before)}
        assert not told & {(alert.alert_id, alert.revision) for alert in each_told(said[len(before) :])}, "nobody is told anew"

    places = world.places()
    assert any(len(found) > 1 for found in places.values()), "an owner's records lie in two partitions"
    assert {number for found in places.values() for number in found} == {*range(MANY)}
    moved = [
        order for order in range(OF_EACH) if partition_of(world.due[order].key, FEW) != partition_of(world.due[order].key, MANY)
    ]
    assert moved
