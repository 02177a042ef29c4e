"""A spool before a real Kafka: whoever is killed, publisher or broker, all of what was kept arrives, in order, none with two contents.

``WEFTLINE_SPOOL_KILLS``: how often the publisher is killed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from tests.e2e.commands import weftline
from tests.support.examples import CODEC

from weftline.kafka_admin.topics import apply_topics

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
TOPIC, KEYS = "sample.orders.v1", 7
KILLS = int(os.environ.get("WEFTLINE_SPOOL_KILLS", "12"))
#: A broker is down for the lives of so many publishers, and then up for as many.
LIVES = 3


@contextmanager
def publisher(kafka: str, spool: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    """One that is killed at the end."""
    command = [sys.executable, str(Path(__file__).with_name("spool_publisher.py")), kafka, str(spool), str(first), str(KEYS)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def log_of(kafka: str) -> dict[str, list[tuple[int, bytes]]]:
    """By order, the number and content of each of its records, in the order of the log."""
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    try:
        partitions = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=1000).values():
                for record in batch:
                    event: Any = CODEC.decode(TOPIC, record.value)
                    found[event.order_id].append((event.sequence, record.value))
    finally:
        consumer.close()
    return found


def test_what_a_spool_has_kept_arrives_whoever_is_killed(start_kafka: Callable[[], Any], tmp_path: Path) -> None:
    server = start_kafka()
    apply_topics(server.address)
    spool, random, kept, up = tmp_path / "spool", Random(11), 0, True
    for kill in range(KILLS):
        if kill % LIVES == 0 and kill:
            server.kill() if up else server.start()
            up = not up
        with publisher(server.address, spool, kept) as process:
            assert process.stdout is not None
            enough = kept + random.randint(1, 200)
            for line in process.stdout:
                if int(line) >= enough:
                    break
            assert process.poll() is None, "it ended by itself"
            process.kill()
            # What it has said until it was dead counts, too.
            kept = max([enough, *(int(line) for line in process.stdout if line.endswith("\n"))]) + 1
    if up:
        server.kill()
    away = weftline("spool", "send", str(spool), "--kafka", server.address, folder=tmp_path)
    assert (away.returncode, "Connection refused" in away.stderr) == (1, True), away.stdout + away.stderr
    waits = weftline("spool", "status", str(spool), "--json", folder=tmp_path)
    assert '"waiting": 0' not in waits.stdout, waits.stdout
    server.start()
    sent = weftline("spool", "send", str(spool), "--kafka", server.address, folder=tmp_path)
    assert sent.returncode == 0, sent.stdout + sent.stderr

    log = log_of(server.address)
    logger.info("%d kills, %d events kept, %d records; at the end %s", KILLS, kept, sum(map(len, log.values())), waits.stdout)
    contents: dict[int, bytes] = {}
    for records in log.values():
        for number, content in records:
            assert contents.setdefault(number, content) == content, f"event {number} has two contents"
        order = list(dict.fromkeys(number for number, _ in records))
        assert order == sorted(order), "a later event of a key came before an earlier one"
    assert contents.keys() >= set(range(kept)), "an event that was kept is lost"
    assert len(log) == KEYS
