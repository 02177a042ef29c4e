"""What the fire publishes: a simulation and what is added to it (:func:`worsened`), on its way (:class:`Publishing`), and poison
between (:class:`Poisoning`)."""

from __future__ import annotations

import dataclasses
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from kafka import KafkaProducer

from tests.crash.transactions import Transactions
from tests.support.examples import CODEC, LOT, ORDER, REPORT, verified_report
from tests.support.hostile import KINDS, Message, Played
from tests.support.poison import POISON, of, packed
from tests.support.raw_batches import Sent, produce
from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.topics import load_topics, partition_of
from weftline.domain.events import InspectionEvent, Measurement, OrderEvent
from weftline.domain.fold import Record
from weftline.domain.vocabulary import MeasurementKind

#: Messages handed over at once; the share of such handfuls that is committed in a transaction, and the same of those that an aborted
#: one precedes.
TOGETHER, IN_TRANSACTIONS = 10, 0.1
#: Catching up afterwards takes seconds; minutes mean that somebody hangs.
PATIENCE_SECONDS = 240.0
#: A factory with more than a worker keeps of one owner, where all that it keeps is so many MB: :class:`weftline.processors.memory.Memory`.
GIANT, GIANT_REPORTS, GIANT_MEASUREMENTS, GIANT_LOTS, MEMORY_MB = "f-giant", 100, 40, 300, 12
#: One valid order in each: more than there may be partitions in one INSERT.
MONTHS = 130
_HOUR = 3_600_000


def worsened(played: Played, seed: int) -> Played:
    """The same, and among it a giant factory and orders of 130 months."""
    random = Random(f"worsened {seed}")
    giant = list(_giant(random.randrange(10)))
    some = len(giant) * 2 // 3
    first = random.randrange(len(played.messages) // 2)
    # At once, and the rest bit by bit: it is a giant by then.
    _put(played, first, giant[:some])
    pause = (len(played.messages) - first - some) // (len(giant) - some)
    for number, event in enumerate(giant[some:]):
        _put(played, first + some + number * (pause + 1), [event])
    _put(played, random.randrange(len(played.messages)), list(_months()))
    return played


def _put(played: Played, at: int, events: Sequence[InspectionEvent | OrderEvent]) -> None:
    messages = [Message(event, value := CODEC.encode(event), rank_of(value[FRAMING:], declared=False)) for event in events]
    played.messages[at:at] = messages
    for message in messages:
        played.records[KINDS[message.topic]].append(Record(message.event, message.rank))  # type: ignore[arg-type]


def _giant(hour: int) -> Iterator[InspectionEvent]:
    """Lots, which are judged together, and among them reports that fail, each with its verification."""
    measured = tuple(
        Measurement(indicator="formaldehyde", component=f"c{of}", kind=MeasurementKind.NUMBER, value=400.0, unit="mg/kg")
        for of in range(GIANT_MEASUREMENTS)
    )
    for number in range(GIANT_REPORTS):
        name = f"giant-{number}"
        at = REPORT.event_time + hour * _HOUR + number * 1_000
        yield from verified_report(GIANT, name, at, measured)
        for part in range(number, GIANT_LOTS, GIANT_REPORTS):
            lot = dataclasses.replace(LOT.lot_inspection, lot_id=f"giant-lot-{part}")  # type: ignore[type-var]
            yield dataclasses.replace(
                LOT, factory_id=GIANT, event_id=f"giant-lot-{part}", event_time=at + 60_000 * part, lot_inspection=lot
            )


def _months() -> Iterator[OrderEvent]:
    for month in range(MONTHS):
        # Months of 30.5 days are near enough: the calendar's are 130 as well.
        at = ORDER.event_time - (month + 1) * 732 * _HOUR
        name = f"month-{month}"
        yield dataclasses.replace(ORDER, order_id=name, event_id=name, event_time=at, promised_at=at + _HOUR)


class Publishing:
    """Messages on their way, as fast as :meth:`upto` lets them; each is sent until Kafka has it, with any codec, some in transactions."""

    def __init__(self, kafka: str, messages: Sequence[Message], seed: int) -> None:
        self.sent = 0
        self.transactions = Transactions(kafka)
        self._messages = messages
        self._random = Random(f"publishing {seed}")
        self._producers = [
            KafkaProducer(bootstrap_servers=kafka, linger_ms=5, acks="all", delivery_timeout_ms=600_000, compression_type=codec)
            for codec in (None, "gzip", "snappy", "lz4", "zstd")
        ]
        # What a producer has not yet asked about a topic it can no longer ask while the broker is away, and gives the message up.
        for producer in self._producers:
            for topic in {message.topic for message in messages}:
                producer.partitions_for(topic)
        self._futures: list[tuple[Message, Any]] = []

    def __enter__(self) -> Publishing:
        return self

    def upto(self, share: float) -> None:
        """Hand over messages until this share of all is on its way."""
        while self.sent < int(share * len(self._messages)):
            some = self._messages[self.sent : self.sent + self._random.randint(1, TOGETHER)]
            chance = self._random.random()
            if chance < IN_TRANSACTIONS:
                # What is aborted differs from what is published in its name only: whoever reads it has a record too many.
                self.transactions.abort(_never(message, self.sent) for message in some if message.rank is not None)
            if chance > IN_TRANSACTIONS * 2 or chance < IN_TRANSACTIONS or not self.transactions.commit(some):
                for message in some:
                    self._send(message)
            self.sent += len(some)

    def _send(self, message: Message) -> None:
        producer = self._random.choice(self._producers)
        future = producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
        self._futures.append((message, future))

    def __exit__(self, *_: object) -> None:
        while self._futures:
            under_way, self._futures = self._futures, []
            for producer in self._producers:
                producer.flush(timeout=PATIENCE_SECONDS)
            for message, future in under_way:
                if future.failed():
                    self._send(message)  # a repeat does no harm
        for producer in self._producers:
            producer.close()
        self.transactions.end(PATIENCE_SECONDS)


def _never(message: Message, number: int) -> Message:
    event = dataclasses.replace(message.event, event_id=f"aborted-{number}")
    return Message(event, CODEC.encode(event), message.rank)


class Place(NamedTuple):
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int


class Poisoning:
    """Every kind of poison once, in an order and in topics that the seed decides; its sound events are repeats of others.

    :attr:`lies` is what lies where; :attr:`may_lie`, by topic, what Kafka may have taken though its answer was lost.
    """

    def __init__(self, kafka: str, messages: Sequence[Message], seed: int) -> None:
        self.lies: dict[Place, Sent] = {}
        self.may_lie: list[tuple[str, Sent]] = []
        self.kinds: Counter[str] = Counter()
        self._kafka = kafka
        self._random = Random(f"poison {seed}")
        self._names = self._random.sample([*POISON], len(POISON))
        sound = {topic: [m for m in messages if m.topic == topic and m.rank is not None] for topic in KINDS}
        self._sound = {topic: of for topic, of in sound.items() if of}
        self._partitions = {topic: load_topics()[topic].partitions for topic in KINDS}

    def upto(self, share: float) -> None:
        """Publish this share of all kinds."""
        for name in self._names[len(self.kinds) : int(share * len(self._names))]:
            self._publish(name)
            self.kinds[name] += 1

    def _publish(self, name: str) -> None:
        codec, records = POISON[name]
        topic = self._random.choice([*self._sound])
        # An owner's records all lie in its partition.
        sound = self._random.choice(self._sound[topic])
        sent = [of(sound.event) if one is None else one for one in records]
        partition = partition_of(sound.key, self._partitions[topic])
        batch = packed(*sent, codec=codec)
        poison = [number for number, one in enumerate(records) if one is not None]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                error, offset = produce(self._kafka, topic, partition, batch)
            except (OSError, struct.error) as fault:  # refused, or cut off in the middle of its answer
                error, offset = str(fault), -1
            if error == 0:
                break
            assert time.monotonic() < deadline, f"{name}: the broker does not take it: {error}"
            self.may_lie += [(topic, sent[number]) for number in poison]
            time.sleep(0.2)
        self.lies |= {Place(topic, partition, offset + number): sent[number] for number in poison}
