"""Dead letters back to the topics they came from, once what was wrong is mended.

The original bytes go with the original key to the partition in which this key's records are now, as if they had just come.
Nothing can be counted twice by that: records are a set, known by source and event id. Hence the order here: publish, have it
acknowledged, then note it. A crash in between leaves a letter open that may be replayed again, and that does no harm.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from weftline.contracts.codec import MAX_VALUE_BYTES, Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.log_reader import Unreadable, open_consumer
from weftline.contracts.publishers import Delivered, Grants
from weftline.contracts.signing import HEADER as SIGNATURE_HEADER
from weftline.contracts.topics import key_of
from weftline.domain.events import Event
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.runtime.credentials import credentials
from weftline.runtime.settings import Settings
from weftline.warehouse.dead_letters import Address, DeadLetters, Letter, Selection
from weftline.warehouse.publishers import Place

#: Added to a replayed record: the address it had before. For people; no program decides by it.
REPLAY_HEADER: Final = "weftline_replay_of"
SECONDS: Final = 30.0
#: For one record that lies on the broker or does not.
LOOKUP_SECONDS: Final = 5.0
#: A record larger than this is not fetched again to be shown: unpacked it lies in memory several times.
MOST_FETCHED_BYTES: Final = 64 << 20
MAX_REQUEST_BYTES: Final = 1_500_000
EXAMPLES: Final = 5


@dataclass(slots=True)
class Replayed:
    """What a replay did: records published again, and those left open because they would fail again, with the first few of them."""

    published: int = 0
    left: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


class Original(NamedTuple):
    """A record as its topic still has it."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def whole(settings: Settings, letter: Letter) -> tuple[Letter, Original | None, str]:
    """The letter with all of its bytes, what its topic has of it, and, if it was cut and cannot be completed, why not."""
    if (letter.size or 0) > MOST_FETCHED_BYTES:
        why = f"its {letter.size:,} bytes are not fetched; they lie at {letter.address} as long as Kafka keeps them"
        return letter, None, why
    found = original(settings, letter.address)
    if not letter.cut:
        return letter, found, ""
    if found is None:
        return letter, None, f"the rest lay at {letter.address}: Kafka no longer keeps it or cannot read it, or does not answer"
    value = found.value or b""
    if letter.sha256 and hashlib.sha256(value[: letter.hashed]).hexdigest() != letter.sha256:
        return letter, None, f"what lies at {letter.address} is another record: its SHA-256 is not that of the letter"
    return letter._replace(key=found.key, value=found.value), found, ""


def still_wrong(codec: Codec, letter: Letter, grants: Grants | None, signature: bytes | None) -> str | None:
    """Why a processor would refuse the record again, or None. By the same rules as its first step."""
    topic = letter.address.topic
    if letter.cut and (letter.size or 0) > MAX_VALUE_BYTES:
        return f"value: has {letter.size:,} bytes, at most {MAX_VALUE_BYTES:,} are allowed; have the source send it in parts"
    try:
        event = codec.decode(topic, letter.value)
    except ContractError as error:
        return str(error)
    owner = key_of(event)
    if grants is not None and isinstance(event, Event):
        # A copy is judged by the time at which the broker takes it: a key that was revoked since is refused.
        record = Delivered(topic, letter.key, letter.value or b"", signature, time.time_ns() // 1_000_000)
        if (refusal := grants.refusal(record, event)) is not None:
            return str(refusal)
    if letter.key != owner:
        return f"key: is not {owner.decode()!r}, whose events these are; have the source send it again"
    return None


def replay(letters: DeadLetters, selection: Selection, settings: Settings, codec: Codec) -> Replayed:
    """Publish the selected open letters that a processor can read now, with their signatures; the others stay open."""
    grants = letters.grants() if settings.publishers == "bound" else None
    done = Replayed()
    producer: Any = None
    try:
        for page in letters.pages(selection):
            sound = []
            signatures = letters.signatures([letter.address for letter in page])
            for letter in page:
                signature = signatures.get(letter.address)
                too_large = letter.cut and (letter.size or 0) > MAX_VALUE_BYTES
                problem = still_wrong(codec, letter, grants, signature) if too_large else ""
                if letter.cut and not problem:
                    letter, _, problem = whole(settings, letter)
                problem = problem or still_wrong(codec, letter, grants, signature)
                if problem is None:
                    sound.append(letter)
                    continue
                done.left += 1
                if len(done.examples) < EXAMPLES:
                    done.examples.append((str(letter.address), problem))
            if sound:
                producer = producer or _producer(settings)
                _publish(producer, sound, signatures, codec, settings.kafka)
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


def original(settings: Settings, address: Address) -> Original | None:
    """The record as its topic has it; None if it is no longer kept there or cannot be read, or Kafka is away."""
    place = TopicPartition(address.topic, address.partition)
    try:
        consumer = open_consumer(
            bootstrap_servers=settings.kafka.split(","), bootstrap_timeout_ms=int(LOOKUP_SECONDS * 1000), **credentials(settings)
        )
        with closing(consumer):
            consumer.assign([place])
            if not consumer.beginning_offsets([place])[place] <= address.offset < consumer.end_offsets([place])[place]:
                return None
            consumer.seek(place, address.offset)
            for records in consumer.poll(timeout_ms=int(LOOKUP_SECONDS * 1000), max_records=1).values():
                for record in records:
                    if record.offset == address.offset and not isinstance(record, Unreadable):
                        return Original(record.key, record.value, list(record.headers))
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


def _publish(producer: KafkaProducer, letters: list[Letter], signatures: dict[Place, bytes], codec: Codec, kafka: str) -> None:
    """Returns when all are acknowledged; otherwise raises, and which of them arrived is unknown."""
    try:
        sending = []
        for letter in letters:
            topic = letter.address.topic
            # The headers are a function of the content, all but the signature; the table of dead letters does not hold them.
            headers = [*cloudevents_headers(codec.decode(topic, letter.value)), (REPLAY_HEADER, str(letter.address).encode())]
            if (signature := signatures.get(letter.address)) is not None:
                headers.append((SIGNATURE_HEADER, signature))
            sending.append(producer.send(topic, value=letter.value, key=letter.key, headers=headers))
        producer.flush(SECONDS)
        for future in sending:
            future.get(SECONDS)
    except KafkaError as error:
        problem = f"not all of {len(letters)} records were acknowledged ({error}); they stay open, replay them again"
        if error.retriable:
            raise DependencyDown("kafka", f"{kafka}: {problem}") from None
        raise UserError(f"Kafka at {kafka}: {problem}") from None
