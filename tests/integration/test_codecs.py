"""Whatever codec a publisher's client compresses with, everybody here reads it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, TopicPartition
from test_batches import Bench, until
from tests.support.examples import ALERT, CODEC
from tests.support.foreign import CLIENTS, CODECS

from weftline.contracts.log_reader import open_consumer
from weftline.contracts.topics import key_of, load_topics, partition_of, topic_of
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.sdk import Subscriber
from weftline.warehouse.dead_letters import Address
from weftline.warehouse.replay import original

if TYPE_CHECKING:
    from tests.conftest import Server

RECORDS = 20
#: So that a codec has something to do.
PADDING = b" " * 500


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(kafka, tmp_path)
    bench.create_topic()
    yield bench
    bench.close()


def test_a_processor_reads_every_codec_of_every_client(bench: Bench) -> None:
    worker = bench.worker()
    for publish in CLIENTS.values():
        for codec in CODECS:
            values = [b"%d" % next(bench.values) for _ in range(RECORDS)]
            publish(bench.bootstrap, bench.topic, codec, [(value, value + PADDING) for value in values])
            bench.sent += RECORDS
    until(lambda: bench.handled == bench.sent, "all of them are handled")
    until(lambda: bench.check_committed() == bench.sent, "and acknowledged")
    bench.check_all_handled()
    worker.stop()


def test_subscriber_and_replay_read_every_codec_of_every_client(kafka: str) -> None:
    apply_topics(kafka)
    factory = f"f-{uuid.uuid4().hex[:8]}"
    published: dict[tuple[str, str], set[str]] = {}
    for client, publish in CLIENTS.items():
        for codec in CODECS:
            alerts = [dataclasses.replace(ALERT, alert_id=uuid.uuid4().hex, factory_id=factory) for _ in range(RECORDS)]
            publish(kafka, topic_of(ALERT), codec, [(key_of(alert), CODEC.encode(alert)) for alert in alerts])
            published[client, codec] = {alert.alert_id for alert in alerts}
    with Subscriber(kafka, factory, follow=False) as subscriber:
        read = {alert.alert_id for alert in subscriber}
    assert {by: len(ids & read) for by, ids in published.items()} == dict.fromkeys(published, RECORDS)
    # Where a dead letter lies, it is looked up, whatever it was compressed with.
    place = partition_of(factory.encode(), load_topics()[topic_of(ALERT)].partitions)
    with closing(open_consumer(bootstrap_servers=kafka, auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition(topic_of(ALERT), place)])
        offsets: list[int] = []
        until(
            lambda: len(offsets.extend(_offsets(consumer, factory)) or offsets) == len(published) * RECORDS,
            "all of them, by kafka-python",
        )
    for offset in offsets[:: RECORDS // 2]:
        found = original(load(kafka=kafka), Address(topic_of(ALERT), place, offset))
        assert found is not None
        assert (found.key, found.headers) == (factory.encode(), [])


def _offsets(consumer: KafkaConsumer, factory: str) -> list[int]:
    return [record.offset for of in consumer.poll(timeout_ms=200).values() for record in of if record.key == factory.encode()]


def test_the_broker_loads_its_codecs_from_its_own_folder(start_kafka: Callable[[], Server]) -> None:
    """From /tmp it could not where that is mounted without the right to execute, and refused snappy and zstd."""
    server = start_kafka()
    apply_topics(server.address)
    for codec in CODECS:
        CLIENTS["confluent-kafka"](server.address, topic_of(ALERT), codec, [(b"key", PADDING)])
    assert server.running is not None
    loaded = {Path(line.split()[5]) for line in Path(f"/proc/{server.running.pid}/maps").read_text().splitlines() if ".so" in line}
    for name in ("snappy", "zstd"):
        (library,) = {path for path in loaded if name in path.name}
        assert library.parent.parent == server.log.parent / "kafka"
