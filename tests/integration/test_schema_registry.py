"""Publishers and readers with a real schema registry, Apicurio: its ids, its rules for the next version, and what an older reader does."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any
from urllib.error import HTTPError

import pytest
from fastavro import parse_schema, schemaless_writer
from kafka import KafkaConsumer, TopicPartition
from tests.support.apicurio import Apicurio, apicurio
from tests.support.examples import CODEC, EXAMPLES, ORDER

from weftline.contracts.codec import FRAMING, Codec, schema_id_of
from weftline.contracts.kinds import KINDS, kind_of
from weftline.contracts.mapping import to_avro
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import HttpRegistry, local_schema
from weftline.contracts.topics import load_topics, topic_of
from weftline.domain import vocabulary as v
from weftline.errors import DecodeError, UserError
from weftline.kafka_admin.topics import apply_topics
from weftline.sdk import Publisher

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    with apicurio(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def ids(registry: Apicurio) -> dict[tuple[str, int], int]:
    """All our versions, registered as their files stand there, under ids that are not ours."""
    registry.register("somebody-elses-value", json.dumps({"type": "record", "name": "Other", "fields": []}))
    found = {}
    for kind in reversed(KINDS):
        registry.register(kind.subject, (schemas_root() / "avro" / kind.subject / "v1.avsc").read_text("utf-8"))
        registry.must_be_compatible(kind.subject)
        for version in range(1, kind.version + 1):
            text = (schemas_root() / "avro" / kind.subject / f"v{version}.avsc").read_text("utf-8")
            found[kind.subject, version] = registry.register(kind.subject, text)
    return found


@pytest.fixture
def client(registry: Apicurio) -> Iterator[HttpRegistry]:
    """A program's own view of the registry."""
    with closing(HttpRegistry(registry.url)) as client:
        yield client


@pytest.fixture
def reader(registry: Apicurio) -> Iterator[Codec]:
    """Another program, which has asked nothing yet."""
    with closing(HttpRegistry(registry.url)) as client:
        yield Codec(client)


def test_a_subject_that_nobody_registered_says_so(client: HttpRegistry) -> None:
    with pytest.raises(UserError, match=r"does not know our schema of sample\.orders\.v1-value; register all files"):
        client.id_of("sample.orders.v1-value", {"type": "record", "name": "Unknown", "fields": []})
    with pytest.raises(DecodeError, match="4711 is unknown"):
        client.schema(4711)


def test_every_message_goes_through_the_registrys_ids(client: HttpRegistry, reader: Codec, ids: dict[tuple[str, int], int]) -> None:
    codec = Codec(client)
    for event in EXAMPLES.values():
        value = codec.encode(event)
        assert schema_id_of(value) == ids[kind_of(event).subject, 1]
        assert value[FRAMING:] == CODEC.encode(event)[FRAMING:], "one content has one rank, whatever the ids"
        assert reader.decode(topic_of(event), value) == event
    assert client.latest("sample.orders.v1-value") == ids["sample.orders.v1-value", 2]


def test_publish_and_read(registry: Apicurio, reader: Codec, ids: dict[tuple[str, int], int], kafka: str) -> None:
    apply_topics(kafka)
    event = dataclasses.replace(ORDER, event_id="through-apicurio", order_id="through-apicurio")
    with Publisher(kafka, source=event.source, cooperative_id="c", center_id="c", schema_registry=registry.url) as publisher:
        publisher.hand_over(event)
    consumer = KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    partitions = range(load_topics()["sample.orders.v1"].partitions)
    consumer.assign([TopicPartition("sample.orders.v1", number) for number in partitions])
    found = next(record for record in consumer if record.key == event.owner.encode())
    consumer.close()
    assert schema_id_of(found.value) == ids["sample.orders.v1-value", 1]
    assert reader.decode("sample.orders.v1", found.value) == event


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_registry_lets_in_a_next_version_and_no_broken_one(
    kind: Any, registry: Apicurio, ids: dict[tuple[str, int], int]
) -> None:
    newest = local_schema(kind.subject, kind.version)
    broken = copy.deepcopy(newest)
    broken["fields"].append({"name": "grown", "type": "string"})
    with pytest.raises(HTTPError) as refused:
        registry.register(kind.subject, json.dumps(broken))
    assert refused.value.code == 409
    refused.value.close()
    broken["fields"][-1] = {"name": "grown", "type": ["null", "string"], "default": None}
    assert registry.register(kind.subject, json.dumps(broken)) not in ids.values()


def test_a_next_version_is_read_by_this_one(registry: Apicurio, client: HttpRegistry, ids: dict[tuple[str, int], int]) -> None:
    """What it knows of it, that is; and both contents keep a rank of their own."""
    newer = local_schema("sample.orders.v1-value", 2)
    field: dict[str, Any] = next(field for field in newer["fields"] if field["name"] == "status")
    field["type"]["symbols"].append("REWORKED")
    number = registry.register("sample.orders.v1-value", json.dumps(newer))
    codec = Codec(client)

    def written(**changes: Any) -> bytes:
        out = BytesIO()
        schemaless_writer(out, parse_schema(newer), to_avro(ORDER) | changes)
        return b"\0" + number.to_bytes(4, "big") + out.getvalue()

    known, unknown = (codec.accept("sample.orders.v1", value) for value in (written(), written(status="REWORKED")))
    assert known[:2] == (ORDER, codec.encode(ORDER))
    assert unknown[:2] == (dataclasses.replace(ORDER, status=v.OrderStatus.UNKNOWN), written(status="REWORKED"))
