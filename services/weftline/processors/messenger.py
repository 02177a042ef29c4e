"""What a processor says on Kafka: alerts to factories, and dead letters byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from weftline.contracts.codec import Codec, schema_id_of
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.topics import key_of, load_topics, topic_of
from weftline.domain.alerts import Alert
from weftline.errors import DependencyDown
from weftline.runtime import blame, logging
from weftline.runtime.blame import Whose
from weftline.runtime.chunks import Cut, RawRecord
from weftline.runtime.clock import ServerClock
from weftline.runtime.kafka import client_options
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: Room for a record as it came (runtime.unpacking.RECORD_BYTES) and for what is said about it; topics of dead letters take as much.
MAX_REQUEST_BYTES = 2_000_000
#: Kafka's number for a timestamp that the broker gave.
LOG_APPEND_TIME = 1
#: Headers of a dead letter, the closed list: why, what, and where it came from; of one that is cut, also what is missing.
DEAD_LETTER_HEADERS = (
    "weftline_reason",
    "weftline_field",
    "weftline_detail",
    "weftline_topic",
    "weftline_partition",
    "weftline_offset",
    "weftline_timestamp",
    "weftline_schema_id",
    "weftline_cut",
    "weftline_size",
    "weftline_sha256",
    "weftline_hashed",
)
#: Of what is wrong, so many characters are told: a publisher's own text may be in it.
MOST_DETAIL, MOST_FIELD = 1_000, 200
#: Where a broker takes less than schemas/topics.yaml asks for, a letter is sent with so much of its value, then with nothing.
SHORTER_BYTES = (64 << 10, 0)


class DeadLetter(NamedTuple):
    """A record that could not be read or judged. ``reason``: undecodable, contract, not_allowed,
    not_judged or processing_failed."""

    record: RawRecord
    reason: str
    field: str
    detail: str

    @classmethod
    def of(cls, record: RawRecord, reason: str, field: str, detail: str) -> DeadLetter:
        """With texts cut to what is told."""
        return cls(record, reason, field[:MOST_FIELD], detail[:MOST_DETAIL])

    @property
    def schema_id(self) -> int | None:
        """The schema id in the framing, if there is one."""
        return schema_id_of(self.record.value or b"")

    @property
    def cut(self) -> Cut:
        """What is missing of the record; nothing, if its ``problem`` is empty."""
        value = self.record.value
        return self.record.cut or Cut("", None if value is None else len(value), "", 0)

    def shorter(self, most: int) -> DeadLetter:
        """The same with no more than ``most`` bytes of its value, and without what else it came with."""
        record, cut = self.record, self.cut
        value = record.value or b""
        if not cut.problem:
            problem = "the letter is cut: its topic takes less than schemas/topics.yaml says"
            cut = Cut(problem, cut.size, hashlib.sha256(value).hexdigest(), len(value))
        return self._replace(record=record._replace(key=None, value=value[:most] or None, headers=(), cut=cut))

    def headers(self) -> list[tuple[str, bytes | None]]:
        """The record's own headers, and ours."""
        record, cut = self.record, self.cut
        values = (
            *(self.reason, self.field, self.detail, record.topic, record.partition, record.offset, record.timestamp),
            *(self.schema_id, cut.problem, cut.size, cut.sha256, cut.hashed),
        )
        shown = len(values) if cut.problem else len(values) - 4
        own = [
            (name, b"" if value is None else str(value).encode("utf-8", "backslashreplace"))
            for name, value in zip(DEAD_LETTER_HEADERS, values, strict=True)
        ][:shown]
        return [*((name, value) for name, value in record.headers if name not in DEAD_LETTER_HEADERS), *own]


class Messenger:
    """A producer; every method returns when the broker has acknowledged all of it. Raises DependencyDown for Kafka, and passes what
    :mod:`weftline.runtime.blame` does not lay to Kafka's charge."""

    clock: ServerClock | None = None
    """Told what the broker's clock says, if there is one."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._codec = codec
        self._topics = load_topics()
        # acks=all without idempotence: a repeat is harmless (readers know it by id and revision), and the memory broker has none.
        self._producer = AIOKafkaProducer(
            acks="all",
            linger_ms=0,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=10_000,
            **client_options(settings),
        )

    async def start(self) -> None:
        """Connect."""
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self._producer.stop()
            raise DependencyDown("kafka", str(error)) from error

    async def stop(self) -> None:
        """Close the connection; nothing is pending between two calls."""
        await self._producer.stop()

    async def healthy(self) -> None:
        """Raise DependencyDown if no broker answers."""
        try:
            await asyncio.wait_for(self._producer.client.fetch_all_metadata(), 5)
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown("kafka", str(error) or "no answer within 5 s") from error

    async def partitions(self, topic: str) -> int:
        """How many the topic has now."""
        with _faults(f"the partitions of {topic}"):
            return len(await self._producer.partitions_for(topic))

    async def alerts(self, alerts: Iterable[Alert]) -> None:
        """Publish alerts, each to the partition of its factory."""
        sending = []
        sent = self._now()
        with _faults("alerts"):
            for alert in alerts:
                headers = cloudevents_headers(alert)
                value = self._codec.encode(alert)
                sending.append(await self._producer.send(topic_of(alert), value=value, key=key_of(alert), headers=headers))
            self._compare_clocks(sent, await asyncio.gather(*sending))

    async def dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Publish dead letters to the topic that belongs to their origin; one that the broker finds too large is cut."""
        sent = self._now()
        with _faults("dead letters"):
            sending = [await self._send(letter) for letter in letters]
            answers = await asyncio.gather(*sending, return_exceptions=True)
            self._compare_clocks(sent, answers)
            for letter, answer in zip(letters, answers, strict=True):
                if isinstance(answer, BaseException):
                    await self._send_shorter(letter, answer)

    async def _send_shorter(self, letter: DeadLetter, refusal: BaseException) -> None:
        for most in SHORTER_BYTES:
            if not blame.of_record("producer", refusal):
                raise refusal
            try:
                await (await self._send(letter.shorter(most)))
                return
            except Exception as error:
                refusal = error
        if not blame.of_record("producer", refusal):
            raise refusal
        # The table of dead letters holds it all the same.
        log.error("no topic takes this dead letter", letter=letter.record[:3], error=repr(refusal))

    async def _send(self, letter: DeadLetter) -> Awaitable[Any]:
        """On its way; the answer of the broker, or what kept it from being sent."""
        record = letter.record
        topic = self._topics[record.topic].dead_letters
        if topic is None:
            raise LookupError(f"topic {record.topic} has no dead-letter topic in schemas/topics.yaml")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._producer.send(topic, value=record.value, key=record.key, headers=letter.headers(), partition=0)
        except Exception as error:
            answer.set_exception(error)
        return answer

    def _now(self) -> int:
        return 0 if self.clock is None else self.clock()

    def _compare_clocks(self, sent: int, answers: Sequence[RecordMetadata | BaseException]) -> None:
        """Each answer of the broker carries the time by its clock (LogAppendTime)."""
        last = answers[-1] if answers else None
        if self.clock is not None and isinstance(last, RecordMetadata) and last.timestamp_type == LOG_APPEND_TIME:
            self.clock.stamped(last.timestamp, sent)


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """What the broker or the way to it is to blame for becomes DependencyDown."""
    try:
        yield
    except Exception as error:
        if blame.fault("producer", error).whose is not Whose.DEPENDENCY:
            raise
        raise DependencyDown("kafka", f"{what} were not acknowledged: {str(error) or 'no answer in time'}") from error
