"""Dead letters back to the topics they came from, once what was wrong is mended.

The original bytes go with the original key to the original partition, so the same processor reads them as if they had just come.
Nothing can be counted twice by that: records are a set, known by source and event id. Hence the order here: publish, have it
acknowledged, then note it. A crash in between leaves a letter open that may be replayed again, and that does no harm.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.topics import key_of, load_topics, partition_of
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.runtime.credentials import credentials
from weftline.runtime.settings import Settings
from weftline.warehouse.dead_letters import Address, DeadLetters, Letter, Selection

#: Added to a replayed record: the address it had before. For people; no program decides by it.
REPLAY_HEADER: Final = "weftline_replay_of"
SECONDS: Final = 30.0
#: For one record that lies on the broker or does not.
LOOKUP_SECONDS: Final = 5.0
MAX_REQUEST_BYTES: Final = 1_500_000
EXAMPLES: Final = 5


@dataclass(slots=True)
class Replayed:
    """What a replay did: records published again, and those left open because they would fail again, with the first few of them."""

    published: int = 0
    left: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


def still_wrong(codec: Codec, letter: Letter) -> str | None:
    """Why a processor would refuse the record again, or None. By the same rules as its first step."""
    topic, partition, _ = letter.address
    try:
        event = codec.decode(topic, letter.value)
    except ContractError as error:
        return str(error)
    owner = key_of(event)
    if letter.key != owner and partition != partition_of(owner, load_topics()[topic].partitions):
        return f"key: is not {owner.decode()!r}, so that another partition handles this owner; have the source send it again"
    return None


def replay(letters: DeadLetters, selection: Selection, settings: Settings, codec: Codec) -> Replayed:
    """Publish the selected open letters that a processor can read now; the others stay open."""
    done = Replayed()
    producer: Any = None
    try:
        for page in letters.pages(selection):
            sound = []
            for letter in page:
                if (problem := still_wrong(codec, letter)) is None:
                    sound.append(letter)
                    continue
                done.left += 1
                if len(done.examples) < EXAMPLES:
                    done.examples.append((str(letter.address), problem))
            if sound:
                producer = producer or _producer(settings)
                _publish(producer, sound, codec, settings.kafka)
                letters.act([letter.address for letter in sound], "replayed")
                done.published += len(sound)
    finally:
        if producer is not None:
            producer.close(timeout=SECONDS)
    return done


def drop(letters: DeadLetters, selection: Selection, because: str) -> int:
    """Mark the selected open letters as dropped; how many. The bytes stay."""
    dropped = 0
    for page in letters.pages(selection):
        letters.act([letter.address for letter in page], "dropped", because)
        dropped += len(page)
    return dropped


def original_headers(settings: Settings, address: Address) -> list[tuple[str, bytes]] | None:
    """The headers with which the record came, read from its topic; None if it is no longer kept there, or Kafka is away."""
    place = TopicPartition(address.topic, address.partition)
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.split(","), bootstrap_timeout_ms=int(LOOKUP_SECONDS * 1000), **credentials(settings)
        )
        with closing(consumer):
            consumer.assign([place])
            if not consumer.beginning_offsets([place])[place] <= address.offset < consumer.end_offsets([place])[place]:
                return None
            consumer.seek(place, address.offset)
            for records in consumer.poll(timeout_ms=int(LOOKUP_SECONDS * 1000), max_records=1).values():
                for record in records:
                    if record.offset == address.offset:
                        return list(record.headers)
    except KafkaError:
        return None
    return None


def _producer(settings: Settings) -> KafkaProducer:
    try:
        return KafkaProducer(
            bootstrap_servers=settings.kafka.split(","),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_request_size=MAX_REQUEST_BYTES,
            bootstrap_timeout_ms=int(SECONDS * 1000),
            delivery_timeout_ms=int(SECONDS * 1000),
            request_timeout_ms=int(SECONDS * 500),
            max_block_ms=int(SECONDS * 1000),
            client_id="weftline-replay",
            **credentials(settings),
        )
    except KafkaError as error:
        raise DependencyDown("kafka", f"{settings.kafka} does not answer as a Kafka broker: {error}") from None


def _publish(producer: KafkaProducer, letters: list[Letter], codec: Codec, kafka: str) -> None:
    """Returns when all are acknowledged; otherwise raises, and which of them arrived is unknown."""
    try:
        sending = []
        for letter in letters:
            topic, partition, _ = letter.address
            # The headers are a function of the content; the table of dead letters does not hold them.
            headers = [*cloudevents_headers(codec.decode(topic, letter.value)), (REPLAY_HEADER, str(letter.address).encode())]
            sending.append(producer.send(topic, value=letter.value, key=letter.key, headers=headers, partition=partition))
        producer.flush(SECONDS)
        for future in sending:
            future.get(SECONDS)
    except KafkaError as error:
        problem = f"not all of {len(letters)} records were acknowledged ({error}); they stay open, replay them again"
        if error.retriable:
            raise DependencyDown("kafka", f"{kafka}: {problem}") from None
        raise UserError(f"Kafka at {kafka}: {problem}") from None
