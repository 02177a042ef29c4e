"""`topics apply` on a real Kafka: creates, changes, does nothing the second time, and refuses to lose data."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from weftline.contracts.topics import Topic, load_topics, partition_of
from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.topics import apply_topics

DAY = 86_400_000


@contextmanager
def admin_of(kafka: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        yield admin
    finally:
        admin.close()


def configs(kafka: str, topic: str) -> dict[str, str]:
    with admin_of(kafka) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    return {key: entry["value"] for key, entry in found["topic"][topic].items()}


def renamed(prefix: str) -> dict[str, Topic]:
    """The real list under names of this test, so that tests on one Kafka do not meet."""
    topics = [dataclasses.replace(topic, name=f"{prefix}.{topic.name}") for topic in load_topics().values()]
    return {topic.name: topic for topic in topics}


def test_the_list_is_created_and_then_stands(kafka: str) -> None:
    topics = renamed("created")
    lines = apply_topics(kafka, topics=topics)
    assert [line.split(":")[0] for line in lines] == [f"created {name}" for name in topics]
    assert apply_topics(kafka, topics=topics) == []

    with admin_of(kafka) as admin:
        counts = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(topics))}
    assert counts == {topic.name: topic.partitions for topic in topics.values()}
    for topic in topics.values():
        found = configs(kafka, topic.name)
        assert {key: found[key] for key in topic.configs} == topic.configs


def test_an_event_of_long_ago_is_kept_and_lies_where_its_key_says(kafka: str) -> None:
    """With CreateTime Kafka would take a record of 1970 for older than the retention."""
    topics = {"old.events": Topic("old.events", "d", "k", 8, 1)}
    apply_topics(kafka, topics=topics)
    producer = KafkaProducer(bootstrap_servers=kafka)
    keys = [f"center|{number}".encode() for number in range(40)]
    sent = [producer.send("old.events", key=key, value=key, timestamp_ms=1).get(timeout=30) for key in keys]
    producer.close()
    assert [meta.partition for meta in sent] == [partition_of(key, 8) for key in keys]

    consumer = KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition("old.events", partition) for partition in range(8)])
    found: list[tuple[bytes, int]] = []
    while len(found) < len(keys):
        for records in consumer.poll(timeout_ms=10_000).values():
            found += [(record.key, record.timestamp_type) for record in records]
    consumer.close()
    assert sorted(found) == sorted((key, 1) for key in keys), "1 is LogAppendTime"


def test_what_differs_is_changed_and_what_would_lose_data_is_refused(kafka: str) -> None:
    with admin_of(kafka) as admin:
        told = {"retention.ms": str(2 * DAY), "message.timestamp.type": "CreateTime"}
        options = {"num_partitions": 2, "replication_factor": 1, "configs": told}
        admin.create_topics({"differs.a": options, "differs.b": options}, wait_for_metadata=True)
    a, b = (Topic(f"differs.{name}", "d", "k", 2, 7) for name in "ab")

    lines = apply_topics(kafka, topics={a.name: a})
    assert sorted(lines) == [
        "changed differs.a: kept 7 days instead of 2 days",
        "changed differs.a: message.timestamp.type from CreateTime to LogAppendTime",
    ]
    assert apply_topics(kafka, topics={a.name: a}) == []

    shorter = dataclasses.replace(a, retention_days=1)
    wider = dataclasses.replace(b, partitions=3)
    new = Topic("differs.c", "d", "k", 1, 1)
    with pytest.raises(UserError) as caught:
        apply_topics(kafka, topics={topic.name: topic for topic in (shorter, wider, new)})
    assert "differs.a is kept 7 days, the list says 1 day:" in str(caught.value)
    assert "differs.b has 2 partitions, the list says 3" in str(caught.value)
    with admin_of(kafka) as admin:
        found = {of["name"]: len(of["partitions"]) for of in admin.describe_topics() if of["name"].startswith("differs")}
    assert found == {"differs.a": 2, "differs.b": 2}, "nothing was changed, nothing was created"
    assert configs(kafka, "differs.a")["retention.ms"] == str(7 * DAY)

    assert apply_topics(kafka, topics={shorter.name: shorter}, allow_shorter_retention=True) == [
        "changed differs.a: kept 1 day instead of 7 days"
    ]
    assert configs(kafka, "differs.a")["retention.ms"] == str(DAY)


def test_what_kafka_refuses_is_told_in_its_words(kafka: str) -> None:
    topic = Topic("no.such.replicas", "d", "k", 1, 1)
    with pytest.raises(UserError, match="refused"):
        apply_topics(kafka, topics={topic.name: topic}, replication_factor=3)


def test_something_that_is_no_kafka() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{server.getsockname()[1]}"

    def hang_up() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        with pytest.raises(DependencyDown, match=f"^kafka: {address} does not answer as a Kafka broker"):
            apply_topics(address, timeout=2)
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
