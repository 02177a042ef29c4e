"""Ten thousand mutated records through a live processor: nothing crashes, nothing that cannot be read is lost, nothing sound is.

The codec is the judge of what is sound, so each mutation is decoded here as well. What it says must be what the processor did.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random
from typing import Any, NamedTuple

import pytest
from fastavro import parse_schema, schemaless_writer
from kafka import KafkaProducer
from tests.e2e.commands import until
from tests.support import tables
from tests.support.examples import ACTION, CODEC, LOT, REGISTRY, REPORT
from tests.support.stack import FEW, stack_at

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.mapping import to_avro
from weftline.contracts.topics import key_of, partition_of
from weftline.domain.fold import Record
from weftline.embedded.supervisor import Stack
from weftline.errors import ContractError
from weftline.processors.step import LOGGED_LETTERS
from weftline.runtime.settings import load
from weftline.warehouse.client import reader

TOPIC = "inspection.results.v1"
PARTITIONS = FEW
AS_OF = max(REPORT.event_time, LOT.event_time, ACTION.event_time) + 3_600_000
MUTATED, SOUND = 11_000, 500
FACTORIES = 40
SCHEMA = parse_schema(REGISTRY.schema(2))
YEARS = {"1970": 0, "1970 and a second": 1_000, "2106": 4_291_747_200_000, "before": -(1 << 40), "the end": (1 << 63) - 1}


class Message(NamedTuple):
    """A record as it is sent, and what it is: an event, or what is wrong with it."""

    key: bytes
    partition: int
    value: bytes
    event: Any
    way: str


class Mutator:
    """Damages reports, lots and corrective actions, each way as often as the others; deterministic from the seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"bad input {seed}")
        self.ways: dict[str, Callable[[Any, bytes], bytes]] = {
            "flipped": self._flipped,
            "cut": lambda _, value: value[: self.random.randrange(len(value))],
            "longer": lambda _, value: value + self.random.randbytes(self.random.randrange(1, 200)),
            "noise": lambda _, value: self.random.randbytes(self.random.randrange(0, 400)),
            "framed noise": lambda _, value: value[:FRAMING] + self.random.randbytes(self.random.randrange(0, 400)),
            "wrong schema": lambda _, value: (
                b"\0" + self.random.choice((1, 3, 4, 5, 1 << 20, (1 << 32) - 1)).to_bytes(4, "big") + value[5:]
            ),
            "wrong magic": lambda _, value: bytes([self.random.randrange(1, 256)]) + value[1:],
            "json": lambda event, _: json.dumps(to_avro(event), default=str).encode(),
            "huge string": self._huge,
            "huge length": self._huge_length,
            "not UTF-8": self._not_utf8,
            "year": lambda event, value: self._written(value, event, event_time=self.random.choice(list(YEARS.values()))),
            "NaN": self._nan,
            "negative": self._negative,
            "deep": lambda _, value: (
                value[:FRAMING] + self.random.choice((b"\x02", b"\x01", b"\xff", b"[")) * self.random.randrange(1, 20_000)
            ),
            "empty fields": lambda event, value: self._written(
                value, event, **{self.random.choice(("event_id", "source", "factory_id")): ""}
            ),
        }

    def mutate(self, event: Any) -> tuple[str, bytes]:
        way = self.random.choice(list(self.ways))
        return way, self.ways[way](event, CODEC.encode(event))

    def _flipped(self, _: Any, value: bytes) -> bytes:
        bits = bytearray(value)
        for _ in range(self.random.randrange(1, 9)):
            bits[self.random.randrange(len(bits))] ^= 1 << self.random.randrange(8)
        return bytes(bits)

    def _huge(self, event: Any, value: bytes) -> bytes:
        """Nearly as large as Kafka takes now and then; else some kilobytes."""
        size = 900_000 if self.random.random() < 0.02 else self.random.randrange(300, 4_000)
        return self._written(value, event, **{self.random.choice(("event_id", "center_id", "factory_id")): "纺" * (size // 3)})

    def _huge_length(self, _: Any, value: bytes) -> bytes:
        """A length that says more bytes come than there are in the world."""
        at = self.random.randrange(FRAMING, len(value))
        return value[:at] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + value[at + 1 :]

    def _not_utf8(self, event: Any, value: bytes) -> bytes:
        name = event.event_id.encode()
        return value.replace(name, self.random.choice((b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80")).ljust(len(name), b"\x80"), 1)

    def _nan(self, event: Any, value: bytes) -> bytes:
        """One of a report's measurements becomes a number that is none; or the bytes of one land anywhere."""
        strange = struct.pack("<d", self.random.choice((float("nan"), float("inf"), float("-inf"), 1e308)))
        numbers = [struct.pack("<d", float(number)) for number in _numbers(to_avro(event))]
        found = [number for number in numbers if number in value]
        if found:
            return value.replace(self.random.choice(found), strange, 1)
        at = self.random.randrange(FRAMING, len(value))
        return value[:at] + strange + value[at + 8 :]

    def _negative(self, event: Any, value: bytes) -> bytes:
        """Counts below nothing."""
        body = to_avro(event)
        wrong = _with_negative(body, self.random)
        out = BytesIO()
        out.write(value[:FRAMING])
        schemaless_writer(out, SCHEMA, wrong)
        return out.getvalue()

    def _written(self, value: bytes, event: Any, **broken: object) -> bytes:
        out = BytesIO()
        out.write(value[:FRAMING])
        schemaless_writer(out, SCHEMA, to_avro(event) | broken)
        return out.getvalue()


def _numbers(node: Any) -> Iterator[float]:
    if isinstance(node, float):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _numbers(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _numbers(value)


def _with_negative(node: Any, random: Random) -> Any:
    """A copy in which every whole number, times apart, may have become negative."""
    if isinstance(node, dict):
        return {name: value if name.endswith(("_time", "_at")) else _with_negative(value, random) for name, value in node.items()}
    if isinstance(node, list):
        return [_with_negative(value, random) for value in node]
    if isinstance(node, tuple):
        return tuple(_with_negative(value, random) for value in node)
    if isinstance(node, int) and not isinstance(node, bool):
        return -abs(node) - 1
    return node


def messages() -> list[Message]:
    mutator = Mutator(7)
    found = []
    for number in range(MUTATED + SOUND):
        base = (REPORT, LOT, ACTION)[number % 3]
        event = dataclasses.replace(base, event_id=f"bad-input-{number}", factory_id=f"factory-{number % FACTORIES}")
        way, value = ("sound", CODEC.encode(event)) if number % (MUTATED // SOUND) == 0 else mutator.mutate(event)
        key = key_of(event)
        partition = partition_of(key, PARTITIONS)
        try:
            decoded: Any = CODEC.decode(TOPIC, value)
            if key != key_of(decoded):
                decoded = None  # the owner's key is part of the contract
        except ContractError:
            decoded = None
        found.append(Message(key, partition, value, decoded, way))
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF, ["inspections"]) as running:
        yield running


@pytest.mark.timeout(400)
def test_ten_thousand_mutated_records(stack: Stack) -> None:
    assert stack.addresses is not None
    settings = load(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    process = stack.pid("inspections")
    sent = messages()
    bad = [message for message in sent if message.event is None]
    ways = Counter(message.way for message in bad)
    assert len(bad) >= 10_000
    assert set(ways) == set(Mutator(0).ways), "every way of damage occurs"
    survivors = [message for message in sent if message.event is not None and message.way != "sound"]
    assert survivors, "some mutations give another sound event"

    producer = KafkaProducer(bootstrap_servers=settings.kafka, linger_ms=20, max_request_size=1_500_000)
    for message in sent:
        producer.send(TOPIC, message.value, message.key, partition=message.partition)
    producer.flush()
    producer.close()

    ought = sorted((message.key, message.value) for message in bad)

    def letters() -> list[tuple[bytes, bytes]]:
        with reader(settings) as server:
            ((count,),) = server.rows("SELECT uniqExact(partition, offset) FROM dead_letters")
            if count < len(ought):
                return []
            rows = server.rows("SELECT key, value FROM dead_letters FINAL", binary=("key", "value"))
        return sorted((key, value) for key, value in rows)

    until(lambda: letters() == ought, "each one that cannot be read lies in dead letters, byte for byte", seconds=240)

    kind = tables.kinds()["inspections"]
    records = [
        Record(m.event, rank_of(m.value[FRAMING:], m.event.error_declaration is not None)) for m in sent if m.event is not None
    ]
    expected = tables.expected(kind, records, AS_OF)

    def drift() -> dict[str, str]:
        with reader(settings) as server:
            return tables.drift(tables.stored(kind, server), expected)

    found: list[dict[str, str]] = []

    def right() -> bool:
        found[:] = [drift()]
        return not found[0]

    try:
        until(right, "all that is sound is in the tables", seconds=60)
    except AssertionError:
        raise AssertionError(found) from None
    assert stack.pid("inspections") == process, "no crash, no restart"

    with reader(settings) as server:
        reasons = dict(server.rows("SELECT reason, count() FROM dead_letters FINAL GROUP BY reason"))
    assert set(reasons) == {"undecodable", "contract"}, reasons
    log = (stack.config.folder / "logs" / "inspections.log").read_text()
    assert "Traceback" not in log
    lines = log.count("dead letter  ")
    assert LOGGED_LETTERS <= lines < len(bad) / 10, "the log stays short"
