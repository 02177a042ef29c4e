"""A watched folder beside a real Kafka: whoever is killed, all of what was dropped arrives, and nothing under two names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from tests.e2e.commands import Program, until, weftline
from tests.support.examples import CODEC
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, write_csv

from weftline.kafka_admin.topics import apply_topics

TOPIC, FILES, EACH, KILLS = "sample.orders.v1", 12, 150, 5


def published(kafka: str) -> dict[str, bytes]:
    """Event id → content, of everything on the topic; fails where one id has two contents."""
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    try:
        partitions = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: dict[str, bytes] = {}
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=1000).values():
                for record in batch:
                    event: Any = CODEC.decode(TOPIC, record.value)
                    assert found.setdefault(event.event_id, record.value) == record.value
        return found
    finally:
        consumer.close()


def test_whoever_is_killed_loses_and_doubles_nothing(start_kafka: Callable[[], Any], tmp_path: Path) -> None:
    server = start_kafka()
    drop = tmp_path / "drop"
    drop.mkdir()
    (tmp_path / "orders.yaml").write_text(ORDERS, "utf-8")

    def put(number: int) -> None:
        rows = [[*ROWS[0][:2], f"O-{number}-{order}", *ROWS[0][3:]] for order in range(EACH)]
        write_csv(drop / f"{number:02}.csv", [HEADER, *rows])

    for number in range(FILES - 1):
        put(number)
    command = ("watch-folder", str(drop), "--map", "orders.yaml", "--rest", "0.2", "--kafka", server.address)

    early = Program(*command, folder=tmp_path)
    try:
        assert "weftline topics apply" in early.wait_for("not now: Kafka at"), "a topic that is missing is not the fault of a file"
    finally:
        early.kill()
    apply_topics(server.address)

    def done() -> int:
        return len(list((drop / "done").glob("*.csv")))

    random = Random(7)
    for kill in range(KILLS):
        program = Program(*command, folder=tmp_path)
        try:
            program.wait_for("watched")
            if kill == KILLS - 1:
                server.kill()
                put(FILES - 1)
                program.wait_for("not now")
                server.start()
            else:
                enough = min(done() + random.randint(0, 2), FILES - 1)
                until(lambda files=enough: done() >= files, "some files are done with")  # type: ignore[misc]
        finally:
            program.kill()
    ended = weftline(*command, "--once", folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(published(server.address)) == FILES * EACH
    assert sorted(path.name for path in (drop / "done").glob("*.csv")) == [f"{number:02}.csv" for number in range(FILES)]
    assert len(list((drop / "done").glob("*.report.txt"))) == FILES
    assert list(drop.glob("*.csv")) + list((drop / "failed").iterdir()) == []
