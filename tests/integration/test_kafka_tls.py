"""A real Kafka that shows partners a certificate: our clients speak TLS to it, trust its authority alone, and say what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import secured
from tests.support.examples import ORDER

from weftline.contracts.topics import topic_of
from weftline.errors import KafkaRefuses
from weftline.kafka_admin.access import grant
from weftline.kafka_admin.topics import apply_topics
from weftline.runtime.certificates import Files, make
from weftline.runtime.credentials import sasl
from weftline.runtime.health import Status
from weftline.runtime.kafka import check_topic
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings, load
from weftline.sdk import Publisher, Subscriber

PASSWORD = "word-of-a-center"


@dataclass(frozen=True)
class Place:
    """The broker and its certificate."""

    kafka: secured.Secured
    files: Files

    def settings(self, user: str, password: str) -> Settings:
        return load(kafka=self.kafka.external, kafka_username=user, kafka_password=password, kafka_ca=str(self.files.authority))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    files = make(folder / "certificate", [], 30)
    kafka = secured.start(folder, tls=files)
    try:
        admin = sasl("admin", (kafka.secrets / "kafka_admin_password").read_text("utf-8").strip(), files.authority)
        apply_topics(kafka.external, **admin)
        for role, user in (("publisher", "center-7"), ("subscriber", "f-204")):
            grant(kafka.external, role, user, PASSWORD, **admin)
        yield Place(kafka, files)
    finally:
        kafka.kill()


def test_an_event_goes_by_tls(place: Place) -> None:
    with Publisher(place.kafka.external, username="center-7", password=PASSWORD, ca=place.files.authority) as center:
        center.publish(ORDER)
        assert center.flush() == 1
    topic = topic_of(ORDER)
    assert asyncio.run(check_topic(topic, place.settings("center-7", PASSWORD), Status("test", Metrics("test")))) > 0


def test_whoever_may_only_read_does_not_write(place: Place) -> None:
    factory = Publisher(place.kafka.external, username="f-204", password=PASSWORD, ca=place.files.authority, delivery_timeout=5)
    with pytest.raises(KafkaRefuses, match="does not allow user f-204"):
        factory.publish(ORDER)
    factory.close()


def test_what_is_wrong_is_said(place: Place, tmp_path: Path) -> None:
    other = make(tmp_path, [], 30).authority
    for ca, address, password, words in (
        (other, place.kafka.external, PASSWORD, "not trusted"),
        ("system", place.kafka.external, PASSWORD, "not trusted"),
        (place.files.authority, place.kafka.internal, PASSWORD, "does not speak TLS"),
        (place.files.authority, place.kafka.external, "guessed", "password is wrong"),
    ):
        with pytest.raises(KafkaRefuses, match=words):
            Publisher(address, username="center-7", password=password, ca=ca)
        with pytest.raises(KafkaRefuses, match=words):
            Subscriber(address, "f-204", username="f-204", password=password, ca=ca)
        settings = load(kafka=address, kafka_username="center-7", kafka_password=password, kafka_ca=str(ca))
        with pytest.raises(KafkaRefuses, match=words):
            asyncio.run(check_topic(topic_of(ORDER), settings, Status("test", Metrics("test"))))
