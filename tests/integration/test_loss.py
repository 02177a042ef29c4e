"""What is lost is told, and mended where it can be: on a real Kafka and the real engine, while the processor runs and at its start."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient
from tests.e2e.commands import until, weftline
from tests.support.hostile import Message, Played
from tests.support.stack import FEW, SWEEP, stack_at, where

from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import Stack
from weftline.warehouse.client import Reader, reader

START = 1_767_225_600_000  # 2026-01-01
TOPIC = "sample.orders.v1"
PARTITIONS = [TopicPartition(TOPIC, number) for number in range(FEW)]


class Orders:
    """A stack with one processor, and what its tests do to it."""

    def __init__(self, stack: Stack, port: int, messages: Sequence[Message], folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.messages = messages
        self._port = port
        self.settings = where(stack)

    def publish(self, messages: Sequence[Message]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka, linger_ms=5)
        for message in messages:
            producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
        producer.close()

    @property
    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self.settings.kafka)

    def readyz(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {"losses": [], "waiting_for": None, "detail": None, "partitions": []}

    def metric(self, what: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f'weftline_losses{{what="{what}"}}'))

    def told(self, what: str) -> bool:
        status, said = self.readyz()
        return status == 503 and any(loss.startswith(f"{what}: ") for loss in said["losses"])

    def run(self, *command: str) -> Any:
        at = self.settings
        servers = ["--kafka", at.kafka, "--clickhouse", at.clickhouse]
        if command[0] in ("migrate", "topics"):
            servers = ["--clickhouse", at.clickhouse] if command[0] == "migrate" else ["--kafka", at.kafka]
        assert self.stack.addresses is not None
        more = {**self.stack.addresses.environment(), "WEFTLINE_SWEEP_SECONDS": SWEEP}
        return weftline(*command, *servers, folder=self.folder, seconds=120, **more)

    def missing(self) -> int:
        """How many of the distinct records that were published are not stored."""
        wanted = {(m.event.owner, m.event.event_time, m.event.source, m.event.event_id, m.rank) for m in self.messages if m.rank}
        with reader(self.settings) as server:
            rows = set(server.rows("SELECT owner, event_time, source, event_id, rank FROM order_records"))
        return len(wanted - rows)

    def committed(self) -> dict[TopicPartition, int]:
        admin = self.admin
        try:
            return {at: place.offset for at, place in admin.list_group_offsets("weftline-orders")["weftline-orders"].items()}
        finally:
            admin.close()


def server(orders: Orders) -> Any:
    return reader(orders.settings)


def sql(warehouse: Reader, statement: str) -> Any:
    return warehouse.rows(statement)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orders]:
    played = Played(7, START, 20, 500)
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("stack")
    with stack_at(folder, played.answers["as_of"], names=("orders",), ports={"orders": port}) as stack:
        found = Orders(
            stack, port, [message for message in played.messages if message.topic == TOPIC], tmp_path_factory.mktemp("cli")
        )
        found.publish(found.messages)
        until(lambda: found.missing() == 0 and sum(found.committed().values()) == len(found.messages), "all is stored")
        status, said = found.readyz()
        assert (status, said["losses"]) == (200, [])
        yield found


@pytest.mark.timeout(600)
def test_tables_that_are_lost_while_it_runs_are_read_again(orders: Orders) -> None:
    with reader(orders.settings.model_copy(update={"clickhouse_database": "system"})) as warehouse:
        warehouse.command("DROP DATABASE weftline SYNC")
    until(lambda: "weftline migrate" in (orders.readyz()[1]["detail"] or ""), "it says what to do")
    assert orders.readyz()[0] == 503
    status = orders.run("status")
    assert status.returncode == 1
    assert "weftline migrate" in status.stderr
    assert orders.run("migrate").returncode == 0
    until(lambda: orders.missing() == 0, "all is read again")
    until(lambda: orders.readyz()[0] == 200, "what is mended is told no more")
    with server(orders) as warehouse:
        states = sql(warehouse, "SELECT DISTINCT what, state FROM losses FINAL")
    assert states == [("tables", "mended")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "how", ["TRUNCATE TABLE order_records", "DROP TABLE order_records SYNC", "TRUNCATE TABLE order_facts"], ids=lambda how: how[:17]
)
def test_one_table_that_is_lost_is_noticed(orders: Orders, how: str) -> None:
    with server(orders) as warehouse:
        warehouse.command(how)
    if how.startswith("DROP"):
        until(lambda: "weftline migrate" in (orders.readyz()[1]["detail"] or ""), "it says what to do")
        assert orders.run("migrate").returncode == 0
    if "facts" in how:
        until(lambda: orders.told("derived"), "it is told")
        assert "weftline rebuild" in str(orders.readyz()[1]["losses"])
        assert orders.run("rebuild").returncode == 0
        until(lambda: orders.readyz()[0] == 200, "a rebuild mends it")
        with server(orders) as warehouse:
            assert sql(warehouse, "SELECT count() > 0 FROM order_facts") == [(1,)]
    until(lambda: orders.missing() == 0, "all is read again")
    until(lambda: orders.readyz()[0] == 200, "what is mended is told no more")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dies", [False, True], ids=["noticed by its worker", "its worker dies of something else"])
def test_records_that_are_lost_in_the_middle_of_a_stream_are_noticed(orders: Orders, dies: bool) -> None:
    """Nobody sees the table empty: at once there are new records in it, as there are where events come all the time."""

    def blocks_known() -> bool:
        with server(orders) as warehouse:
            return sql(warehouse, "SELECT min(oldest) > 0 FROM reading_marks FINAL WHERE kind = 'orders'") == [(1,)]

    until(blocks_known, "its blocks are noted")
    worker = orders.stack.pid("orders")
    if dies:
        os.kill(worker, signal.SIGSTOP)
    with server(orders) as warehouse:
        warehouse.command("CREATE TABLE some_records ENGINE = Memory AS SELECT * FROM order_records LIMIT 5")
        warehouse.command("TRUNCATE TABLE order_records")
        warehouse.command("INSERT INTO order_records SELECT * FROM some_records")
        warehouse.command("DROP TABLE some_records SYNC")
    if dies:
        os.kill(worker, signal.SIGKILL)
    until(lambda: orders.missing() == 0, "all is read again")
    until(lambda: orders.readyz()[0] == 200, "what is mended is told no more")


@pytest.mark.timeout(600)
def test_reading_again_is_asked_for_while_it_runs(orders: Orders) -> None:
    with server(orders) as warehouse:
        ((owner,),) = sql(warehouse, "SELECT owner FROM order_records ORDER BY cityHash64(owner) LIMIT 1")
        warehouse.command(f"ALTER TABLE order_records DELETE WHERE owner = '{owner}' SETTINGS mutations_sync = 2")
    assert orders.missing() > 0
    asked = orders.run("reread", "orders", "--from", "beginning")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert f"orders: {len(orders.messages):,} records will be read again" in asked.stdout
    until(lambda: orders.missing() == 0, "the log is read again")
    assert orders.readyz()[1]["losses"] == []


@pytest.mark.timeout(600)
def test_records_that_retention_took_before_they_were_read(orders: Orders) -> None:
    frozen = orders.stack.pid("orders")
    os.kill(frozen, signal.SIGSTOP)
    orders.publish(orders.messages[:200])
    admin = orders.admin
    admin.delete_records(dict.fromkeys(PARTITIONS, -1))
    admin.close()
    os.kill(frozen, signal.SIGCONT)
    until(lambda: orders.told("retention"), "it is told")
    assert orders.metric("retention") > 0
    listed = orders.run("losses", "orders")
    assert listed.returncode == 1
    assert "were deleted from the log before they were stored" in listed.stdout
    status = orders.run("status")
    assert status.returncode == 1
    assert "weftline losses" in status.stderr
    audit = orders.run("audit", "--patience", "1")
    assert audit.returncode == 3
    assert "no drift" not in audit.stdout
    assert orders.run("losses", "orders", "--accept").returncode == 0
    until(lambda: orders.readyz()[0] == 200, "what is accepted is told no more")
    until(lambda: orders.metric("retention") == 0, "nor by the metric")


@pytest.mark.timeout(600)
def test_a_topic_that_is_deleted_and_made_anew(orders: Orders) -> None:
    admin = orders.admin
    admin.delete_topics([TOPIC])
    until(lambda: orders.told("topic"), "it is told that there is none")
    audit = orders.run("audit", "--patience", "1")
    assert (audit.returncode, "no drift" in audit.stdout) == (3, False)
    assert orders.run("topics", "apply").returncode == 0
    until(lambda: orders.told("recreated"), "it is told that it is another one")
    orders.publish(orders.messages[:50])
    until(lambda: sum(orders.committed().values()) == 50, "the new one is read")
    admin.close()
    assert orders.run("losses", "--accept").returncode == 0
    until(lambda: orders.readyz()[0] == 200, "what is accepted is told no more")


@pytest.mark.timeout(600)
def test_a_place_beyond_the_end_of_the_log(orders: Orders) -> None:
    """At a start: the group is set where the log has nothing; what comes next must not be skipped until it gets there."""
    frozen = orders.stack.pid("orders")
    os.kill(frozen, signal.SIGSTOP)
    admin = orders.admin
    until(lambda: admin.describe_groups(["weftline-orders"])["weftline-orders"]["group_state"] == "Empty", "it is thrown out")
    before = orders.committed()
    admin.alter_group_offsets("weftline-orders", {at: OffsetAndMetadata(place + 1000, "", -1) for at, place in before.items()})
    admin.close()
    os.kill(frozen, signal.SIGKILL)  # its supervisor starts it anew
    until(lambda: orders.told("truncated"), "it is told")
    until(lambda: orders.committed() == before, "it goes on at the end")
    orders.publish(orders.messages[:40])
    until(lambda: sum(orders.committed().values()) == sum(before.values()) + 40, "what comes next is read")
