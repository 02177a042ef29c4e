"""The topics: the list in ``schemas/topics.yaml``, keys and partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import yaml

from weftline.contracts.kinds import Message, kind_of
from weftline.contracts.paths import schemas_root
from weftline.domain.alerts import Alert
from weftline.errors import UserError

#: Kafka's own default for what a producer may send as one batch, said so that a cluster with another default differs in nothing.
MAX_BATCH_BYTES = 1_048_588

DAY_MS = 86_400_000
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Topic:
    """One line of the list; ``retention_days`` -1 keeps for ever, ``schema`` is the subject of the values, ``max_bytes`` bounds a batch."""

    name: str
    doc: str
    key: str
    partitions: int
    retention_days: int
    schema: str | None = None
    dead_letters: str | None = None
    max_bytes: int = MAX_BATCH_BYTES

    @property
    def retention_ms(self) -> int:
        """As Kafka writes it: milliseconds, or -1."""
        return -1 if self.retention_days == -1 else self.retention_days * DAY_MS

    @property
    def configs(self) -> dict[str, str]:
        """What a broker is told about the topic.

        LogAppendTime, because retention goes by the record's time: with CreateTime a year-old event would be deleted at once, and a
        publisher whose clock is an hour ahead refused.
        """
        return {
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_bytes),
        }


def load_topics(path: Path | None = None) -> dict[str, Topic]:
    """The topics by name; :class:`UserError` lists every fault of the file."""
    path = path or schemas_root() / "topics.yaml"
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        entries = dict(listed.items())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} must hold a mapping 'topics': {error}") from None
    faults = [f"  {name}: {problem}" for name, entry in entries.items() for problem in _faults(entry, entries)]
    if faults:
        raise UserError(f"{path} is wrong:\n" + "\n".join(faults))
    return {name: Topic(name, **entry) for name, entry in entries.items()}


def _faults(entry: object, entries: Mapping[str, object]) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "must be a mapping"
        return
    known = {field.name for field in fields(Topic)} - {"name"}
    missing = known - {"schema", "dead_letters", "max_bytes"} - set(entry)
    if unknown := sorted(map(str, set(entry) - known)):
        yield f"unknown: {', '.join(unknown)}"
    if missing:
        yield f"missing: {', '.join(sorted(missing))}"
    partitions, days, letters = entry.get("partitions"), entry.get("retention_days"), entry.get("dead_letters")
    most = entry.get("max_bytes", MAX_BATCH_BYTES)
    if type(most) is not int or most < MAX_BATCH_BYTES:
        yield f"max_bytes must be a whole number from {MAX_BATCH_BYTES}, not {most!r}"
    if "partitions" in entry and (type(partitions) is not int or partitions < 1):
        yield f"partitions must be a whole number from 1, not {partitions!r}"
    if "retention_days" in entry and (type(days) is not int or (days < 1 and days != -1)):
        yield f"retention_days must be a whole number from 1, or -1, not {days!r}"
    if letters is not None and letters not in entries:
        yield f"dead_letters names {letters}, which is no topic of the list"


def topic_of(message: Message) -> str:
    """The topic of an event or alert."""
    return kind_of(message).topic


def key_of(message: Message) -> bytes:
    """The Kafka key: the owner of the widest state that a rule needs, for an alert the factory that it is for."""
    return (message.factory_id if isinstance(message, Alert) else message.owner).encode()


@lru_cache(maxsize=50_000)  # 5 µs, and every owner comes again and again
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``key``, as Java's default partitioner, librdkafka's ``murmur2`` and kafka-python choose it."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with the seed of Kafka's Java client."""
    multiplier = 0x5BD1E995
    whole = len(data) & ~3
    mixed = 0x9747B28C ^ len(data)
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * multiplier & _MASK
        block = (block ^ block >> 24) * multiplier & _MASK
        mixed = (mixed * multiplier & _MASK) ^ block
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * multiplier & _MASK
    mixed = (mixed ^ mixed >> 13) * multiplier & _MASK
    return mixed ^ mixed >> 15
