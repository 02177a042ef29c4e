"""The processors' groups as Kafka sees them: who is a member, and how far behind each partition is. For ``weftline status``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from weftline.contracts.topics import open_admin
from weftline.runtime.credentials import credentials
from weftline.runtime.settings import Settings

#: The group of a processor, by its name.
GROUP = "weftline-{}"
#: Whoever asks how things are does not want to wait for a broker that hangs.
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Member:
    """A worker of a group: where it runs, and the partitions that it holds."""

    host: str
    partitions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A partition: offsets of the next record to read (as committed) and of the next one to come; ``lag`` is between them."""

    partition: int
    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Records that are there and not yet acknowledged."""
        return max(self.end - self.committed, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A processor's group. ``state`` is Kafka's (Stable, Empty, PreparingRebalance …); no ``positions``: the topic is missing.

    ``members`` None: the broker does not say.
    """

    name: str
    topic: str
    state: str
    members: tuple[Member, ...] | None
    positions: tuple[Position, ...]

    @property
    def lag(self) -> int:
        """Records of all partitions that are there and not yet acknowledged."""
        return sum(position.lag for position in self.positions)


class Groups:
    """A connection that can be asked again and again."""

    def __init__(self, admin: KafkaAdminClient, topics: Mapping[str, str]) -> None:
        self._admin = admin
        self._topics = topics
        self._names = {name: GROUP.format(name) for name in topics}

    def read(self) -> list[Group]:
        """The groups as they are now, in the order of the topics given."""
        partitions = self._partitions()
        described = self._described()
        committed = self._admin.list_group_offsets(dict.fromkeys(self._names.values()))
        ends = self._offsets(partitions, OffsetSpec.LATEST)
        # A group without a place begins at the oldest record.
        fresh = [p for name, of in self._by_name(partitions) for p in of if p not in committed.get(self._names[name], {})]
        starts = self._offsets(fresh, OffsetSpec.EARLIEST)
        return [
            Group(
                name=name,
                topic=self._topics[name],
                state=described[self._names[name]]["group_state"] if described else "unknown",
                members=tuple(_members(described[self._names[name]], self._topics[name])) if described else None,
                positions=tuple(
                    Position(p.partition, starts[p] if p in starts else committed[self._names[name]][p].offset, ends[p]) for p in of
                ),
            )
            for name, of in self._by_name(partitions)
        ]

    def _described(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._admin.describe_groups(list(self._names.values()))
        except ValueError:
            # The memory broker sets bits among the authorized operations that Kafka has not, and kafka-python fails on them.
            return {}
        return found

    def _partitions(self) -> list[TopicPartition]:
        found = self._admin.describe_topics(list(self._topics.values()))
        return sorted(TopicPartition(of["name"], partition["partition_index"]) for of in found for partition in of["partitions"])

    def _by_name(self, partitions: list[TopicPartition]) -> Iterator[tuple[str, list[TopicPartition]]]:
        for name, topic in self._topics.items():
            yield name, [partition for partition in partitions if partition.topic == topic]

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        found = self._admin.list_partition_offsets(dict.fromkeys(partitions, spec))
        return {partition: place.offset for partition, place in found.items()}


def _members(described: Mapping[str, Any], topic: str) -> Iterator[Member]:
    for member in described["members"]:
        assignment = member["member_assignment"] or {"assigned_partitions": []}
        held = [p for of in assignment["assigned_partitions"] if of["topic"] == topic for p in of["partitions"]]
        yield Member(member["client_host"].lstrip("/"), tuple(sorted(held)))


@contextmanager
def open_groups(settings: Settings, topics: Mapping[str, str]) -> Iterator[Groups]:
    """Groups by processor name, for the topics by processor name. Raises DependencyDown when Kafka does not answer."""
    with open_admin(settings.kafka, SECONDS, credentials(settings)) as admin:
        yield Groups(admin, topics)
