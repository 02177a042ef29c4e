"""The lag of a processor that is dead, told by a program that is not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from kafka import KafkaProducer
from tests.e2e.commands import Program, until
from tests.support.examples import CODEC, ORDER

from weftline.contracts.topics import key_of, load_topics
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.settings import load
from weftline.warehouse.migrations import migrate

if TYPE_CHECKING:
    from tests.conftest import Server

TOPIC = "sample.orders.v1"


def test_the_lag_of_a_dead_processor_stays_and_grows(
    start_kafka: Callable[[], Server], start_clickhouse: Callable[[], Server], tmp_path: Path
) -> None:
    kafka, clickhouse = start_kafka(), start_clickhouse()
    apply_topics(kafka.address)
    migrate(load(kafka=kafka.address, clickhouse=clickhouse.address))
    processor = Program("orders", "--kafka", kafka.address, "--clickhouse", clickhouse.address, folder=tmp_path)
    exporter = Program("lag", "--kafka", kafka.address, "--every", "0.5", folder=tmp_path)
    numbers = count()

    def publish(several: int) -> None:
        producer = KafkaProducer(bootstrap_servers=kafka.address)
        for name in (f"order-{next(numbers)}" for _ in range(several)):
            event = dataclasses.replace(ORDER, order_id=name, event_id=name)
            producer.send(TOPIC, CODEC.encode(event), key_of(event))
        producer.flush()
        producer.close()

    try:
        page = exporter.wait_for("listening on").split()[-1]

        def series(name: str) -> list[float]:
            with urlopen(page, timeout=5) as answer:
                text = answer.read().decode()
            found = re.findall(rf'^{name}{{consumergroup="weftline-orders"[^}}]*}} (\S+)$', text, re.MULTILINE)
            return [float(value) for value in found]

        publish(20)
        until(lambda: sum(series("kafka_consumergroup_current_offset")) == 20, "the processor has taken them")
        assert series("kafka_consumergroup_members") == [1]
        for process in processor.family():
            process.kill()
        for sent in (7, 12):
            publish(sent - int(sum(series("kafka_consumergroup_lag"))))
            until(lambda sent=sent: sum(series("kafka_consumergroup_lag")) == sent, "the dead processor's lag")
            assert len(series("kafka_consumergroup_lag")) == load_topics()[TOPIC].partitions

        # Without a broker nobody knows; an old figure would look like a healthy one.
        kafka.kill()
        until(lambda: not series("kafka_consumergroup_lag"), "no figures")
        kafka.start()
        until(lambda: sum(series("kafka_consumergroup_lag")) == 12, "they come back by themselves")
        assert exporter.stop() == 0, exporter.lines
        assert not [line for line in exporter.lines if "Unable to decode" in line], "said of every member at every reading"
    finally:
        processor.end()
        exporter.stop()
