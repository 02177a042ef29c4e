"""The simulator into a real Kafka: what the answer file says was published is what can be read."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from weftline.contracts.codec import Codec
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import load_topics
from weftline.domain.fold import Record
from weftline.embedded.simulator.config import Disturbances, Pace, SimulationConfig
from weftline.embedded.simulator.player import Progress, rank_by, simulate
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.sinks import Connection, blast, encoded
from weftline.embedded.simulator.workdays import DAY
from weftline.errors import ContractError, DependencyDown
from weftline.kafka_admin.topics import apply_topics

NOW = 1_793_900_000_123
TOPICS = {"sample.orders.v1": "orders", "inspection.results.v1": "inspections", "logistics.events.v1": "logistics"}
WILD = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.05, conflicts=0.05, corrupt=0.02)


@pytest.fixture
def topics(kafka: str) -> str:
    apply_topics(kafka)
    return kafka


def ends(consumer: KafkaConsumer) -> dict[TopicPartition, int]:
    places = [TopicPartition(t, n) for t in TOPICS for n in range(load_topics()[t].partitions)]
    found: dict[TopicPartition, int] = consumer.end_offsets(places)
    return found


def read(consumer: KafkaConsumer, since: dict[TopicPartition, int]) -> dict[str, dict[str, int]]:
    """Per kind: messages, distinct records, identities and corrupt ones behind ``since``."""
    codec = Codec(open_registry(None))
    rank = rank_by(codec)
    until = ends(consumer)
    consumer.assign(list(until))
    for place, offset in since.items():
        consumer.seek(place, offset)
    records: dict[str, set[Any]] = {kind: set() for kind in TOPICS.values()}
    found = {kind: {"messages": 0, "records": 0, "identities": 0, "corrupt": 0} for kind in TOPICS.values()}
    while any(consumer.position(place) < offset for place, offset in until.items()):
        for place, messages in consumer.poll(timeout_ms=1000).items():
            kind = TOPICS[place.topic]
            for message in messages:
                found[kind]["messages"] += 1
                try:
                    event: Any = codec.decode(place.topic, message.value)
                except ContractError:
                    found[kind]["corrupt"] += 1
                    continue
                record = Record(event, rank(event))
                records[kind].add((record.identity, event.event_time, record.rank))
    for kind, distinct in records.items():
        found[kind] |= {"records": len(distinct), "identities": len({identity for identity, *_ in distinct})}
    return found


@pytest.mark.parametrize("bulk", [False, True], ids=["publisher", "bulk"])
def test_what_is_said_to_be_published_can_be_read(topics: str, bulk: bool, tmp_path: Path) -> None:
    consumer = KafkaConsumer(bootstrap_servers=topics)
    try:
        since = ends(consumer)
        config = SimulationConfig(seed=1, start=NOW - 10 * DAY, end=NOW, events_per_day=300, disturbances=WILD)
        file = tmp_path / "answers.json"
        seen: list[Progress] = []
        summary = simulate(config, Connection(topics), answers=file, bulk=bulk, progress=seen.append)
        answers = json.loads(file.read_text(encoding="utf-8"))
        assert answers["complete"]
        assert answers["as_of"] == summary.as_of == NOW
        found = read(consumer, since)
        for kind, counts in found.items():
            assert counts == {name: answers["published"][kind][name] for name in counts}
        assert summary.messages == sum(counts["messages"] for counts in found.values()) == seen[-1].sent
        assert summary.corrupt > 0
    finally:
        consumer.close()


def test_a_run_that_is_stopped_leaves_true_answers(topics: str, tmp_path: Path) -> None:
    consumer = KafkaConsumer(bootstrap_servers=topics)
    try:
        since = ends(consumer)
        config = SimulationConfig(seed=2, start=NOW - 10 * DAY, end=NOW, events_per_day=300, disturbances=WILD)
        file = tmp_path / "answers.json"
        stop = threading.Event()

        def enough(progress: Progress) -> None:
            if progress.happened >= 500:
                stop.set()

        summary = simulate(config, Connection(topics), pace=Pace(rate=2_000), answers=file, progress=enough, stop=stop)
        answers = json.loads(file.read_text(encoding="utf-8"))
        assert answers["complete"]
        assert config.start < summary.as_of < config.end
        found = read(consumer, since)
        assert {kind: counts["records"] for kind, counts in found.items()} == {
            kind: answers["published"][kind]["records"] for kind in found
        }
    finally:
        consumer.close()


def test_a_load_can_be_made_beforehand(topics: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=topics)
    try:
        since = ends(consumer)
        simulation = Simulation(SimulationConfig(seed=3, start=NOW - 10 * DAY, end=NOW, events_per_day=300))
        records = list(encoded(simulation, Codec(open_registry(None))))
        count, seconds = blast(records, Connection(topics))
        assert seconds > 0
        found = read(consumer, since)
        assert (
            sum(counts["messages"] for counts in found.values()) == count == len(records) == simulation.world.ledger.events.total()
        )
    finally:
        consumer.close()


@pytest.mark.parametrize("bulk", [False, True])
def test_nobody_answers_is_said_in_one_line(bulk: bool) -> None:
    config = SimulationConfig(seed=1, start=NOW - DAY, end=NOW)
    with pytest.raises(DependencyDown, match="no broker answers") as caught:
        simulate(config, Connection("127.0.0.1:1"), bulk=bulk)
    assert "\n" not in str(caught.value)
