"""Records as other people's clients publish them: each client with each codec that Kafka has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import confluent_kafka
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

#: Kafka's codecs; a broker refuses a batch with any other.
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LINGER_MS = 50  # several records get into a batch

Message = tuple[bytes | None, bytes | None]


def confluent(kafka: str, topic: str, codec: str, messages: Iterable[Message]) -> None:
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": kafka,
            "compression.type": codec,
            "linger.ms": LINGER_MS,
            "partitioner": "murmur2_random",
            "log_level": 0,
        }
    )
    for key, value in messages:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(30) == 0


def kafka_python(kafka: str, topic: str, codec: str, messages: Iterable[Message]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=kafka, linger_ms=LINGER_MS, compression_type=None if codec == "none" else codec, retry_backoff_ms=50
    )
    sending = [producer.send(topic, value=value, key=key) for key, value in messages]
    producer.flush(30)
    producer.close()
    for future in sending:
        future.get(0)


def aiokafka(kafka: str, topic: str, codec: str, messages: Iterable[Message]) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=kafka, linger_ms=LINGER_MS, compression_type=None if codec == "none" else codec
        ) as producer:
            await asyncio.gather(*[await producer.send(topic, value=value, key=key) for key, value in messages])

    asyncio.run(send())


#: By its name: publishes the messages (key, value) of a topic, and returns when all of them are acknowledged.
CLIENTS: Mapping[str, Callable[[str, str, str, Iterable[Message]], None]] = {
    "confluent-kafka": confluent,
    "kafka-python": kafka_python,
    "aiokafka": aiokafka,
}
