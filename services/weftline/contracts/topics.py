"""The topics: the list in ``schemas/topics.yaml``, keys and partitions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from weftline.contracts.kinds import BY_CLASS, Message, kind_of
from weftline.contracts.limits import MAX_BATCH_BYTES
from weftline.contracts.paths import schemas_root
from weftline.domain.alerts import Alert
from weftline.errors import UserError

DAY_MS = 86_400_000
_MASK = 0xFFFFFFFF
#: What a topic, and a user of Kafka, may be called.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Topic:
    """One line of the list; ``partitions`` of one that is made, ``retention_days`` -1 keeps for ever, ``schema`` is the subject of the
    values, ``max_bytes`` bounds a batch."""

    name: str
    doc: str
    key: str
    partitions: int
    retention_days: int
    schema: str | None = None
    dead_letters: str | None = None
    max_bytes: int = MAX_BATCH_BYTES

    @property
    def grows(self) -> bool:
        """Whether it may get more partitions: topics of events may, since only our own processors read them, all partitions of a topic
        and in any order. A factory reads the one partition in which its alerts are, and letters lie in partition 0."""
        return self.dead_letters is not None

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
    # Here, because every publisher imports this module and most of them never need the list: pydantic takes 0.1 s.
    from weftline.contracts.topics_file import TopicsFile
    from weftline.contracts.yaml_reading import read_yaml

    listed = read_yaml(path or schemas_root() / "topics.yaml", TopicsFile).topics
    return {name: Topic(name, **entry.model_dump(by_alias=True)) for name, entry in listed.items()}


def own_topic(factory_id: str) -> Topic:
    """The topic that has the alerts of one factory alone, in their order, so in one partition; :class:`UserError` if it cannot have one.

    Kafka's rights end at the topic, and all factories share that of the alerts: who may read this one reads no other factory's.
    """
    if not _NAME.fullmatch(factory_id):
        raise UserError(
            f"factory {factory_id!r} can have no topic of its own: that takes letters, digits, '.', '_' and '-', 64 at most; it reads its "
            "alerts from the gateway"
        )
    alerts = load_topics()[BY_CLASS[Alert].topic]
    return replace(alerts, name=f"{alerts.name}.{factory_id}", doc=f"Quality alerts of factory {factory_id} alone.", partitions=1)


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
