"""The processors' groups as Kafka sees them: who is a member, and how far behind each partition is. For ``weftline status``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import stamina
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NoError, NotCoordinatorError
from kafka.protocol.consumer import IsolationLevel

from weftline.kafka_admin.client import open_admin
from weftline.runtime.credentials import credentials
from weftline.runtime.settings import Settings

#: The group of a processor, by its name.
GROUP = "weftline-{}"
#: What a worker calls itself towards Kafka. One that does follows its topic when that gets partitions; versions before left Faust's name.
CLIENT: Final = "weftline-processor"
#: What brokers answer that have no ids.
_NO_ID = UUID(int=0)
#: Whoever asks how things are does not want to wait for a broker that hangs.
SECONDS = 10.0
#: What a broker says about groups for a moment after its start, or while another one takes them over.
NOT_YET = (NotCoordinatorError, CoordinatorNotAvailableError, CoordinatorLoadInProgressError)


@dataclass(frozen=True, slots=True)
class Member:
    """A worker of a group: where it runs, the partitions that it holds, and what it calls itself."""

    host: str
    partitions: tuple[int, ...]
    client: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A partition: offsets of the next record to read (as committed) and of the next one to come.

    ``undecided``: offsets before the end that nobody may read yet, since a transaction begins there that is still open. ``start``: the
    oldest offset that the log still has. A group without a place begins there: ``place`` is then None.
    """

    partition: int
    committed: int
    end: int
    undecided: int = 0
    start: int = 0
    place: int | None = None

    @property
    def stable(self) -> int:
        """Kafka's last stable offset: what lies before it is committed, or aborted and never read."""
        return self.end - self.undecided

    @property
    def lag(self) -> int:
        """Offsets that may be read and are not yet acknowledged."""
        return max(self.stable - self.committed, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """A processor's group. ``state`` is Kafka's (Stable, Empty, PreparingRebalance …); no ``positions``: the topic is missing.

    ``members`` None: the broker does not say. ``topic_id`` is what Kafka calls the topic since it was made; empty if it does not say.
    """

    name: str
    topic: str
    state: str
    members: tuple[Member, ...] | None
    positions: tuple[Position, ...]
    topic_id: str = ""

    @property
    def lag(self) -> int:
        """Offsets of all partitions that may be read and are not yet acknowledged."""
        return sum(position.lag for position in self.positions)

    @property
    def undecided(self) -> int:
        """Offsets of all partitions that wait for a transaction to end."""
        return sum(position.undecided for position in self.positions)


class Groups:
    """A connection that can be asked again and again."""

    def __init__(self, admin: KafkaAdminClient, topics: Mapping[str, str]) -> None:
        self._admin = admin
        self._topics = topics
        self._names = {name: GROUP.format(name) for name in topics}

    def read(self) -> list[Group]:
        """The groups as they are now, in the order of the topics given. A broker that just started is asked again for a while."""
        partitions, ids = self._partitions()
        described, places = self._groups()
        starts, ends = self._offsets(partitions, OffsetSpec.EARLIEST), self._offsets(partitions, OffsetSpec.LATEST)
        # Asked for after the ends, so that what arrives between the two questions is not taken for undecided.
        stable = self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        found = []
        for name, of in self._by_name(partitions):
            committed = {p: place.offset for p, place in places.get(self._names[name], {}).items() if place.offset >= 0}
            found.append(
                Group(
                    name=name,
                    topic=self._topics[name],
                    state=described[self._names[name]]["group_state"] if described else "unknown",
                    members=tuple(_members(described[self._names[name]], self._topics[name])) if described else None,
                    positions=tuple(
                        Position(
                            p.partition,
                            committed.get(p, starts[p]),
                            ends[p],
                            max(ends[p] - stable[p], 0),
                            starts[p],
                            committed.get(p),
                        )
                        for p in of
                    ),
                    topic_id=ids.get(self._topics[name], ""),
                )
            )
        return found

    def move(self, name: str, places: Mapping[int, int]) -> None:
        """Have a group without members begin at these offsets, by partition. Raises KafkaError if it has one."""
        topic = self._topics[name]
        offsets = {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1) for partition, offset in places.items()}
        for problem in self._admin.alter_group_offsets(self._names[name], offsets).values():
            if problem is not NoError:
                raise problem()

    @stamina.retry(on=NOT_YET, attempts=None, timeout=SECONDS, wait_initial=0.1, wait_max=1.0)
    def _groups(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The groups as Kafka describes them, and their places by group and partition."""
        return self._described(), self._admin.list_group_offsets(dict.fromkeys(self._names.values()))

    def _described(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._admin.describe_groups(list(self._names.values()))
        except ValueError:
            # The memory broker sets bits among the authorized operations that Kafka has not, and kafka-python fails on them.
            return {}
        return found

    def _partitions(self) -> tuple[list[TopicPartition], dict[str, str]]:
        """All partitions, and the ids of the topics."""
        found = self._admin.describe_topics(list(self._topics.values()))
        ids = {of["name"]: str(of["topic_id"]) for of in found if of.get("topic_id") and of["topic_id"] != _NO_ID}
        return sorted(
            TopicPartition(of["name"], partition["partition_index"]) for of in found for partition in of["partitions"]
        ), ids

    def _by_name(self, partitions: list[TopicPartition]) -> Iterator[tuple[str, list[TopicPartition]]]:
        for name, topic in self._topics.items():
            yield name, [partition for partition in partitions if partition.topic == topic]

    def _offsets(
        self, partitions: list[TopicPartition], spec: OffsetSpec, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        found = self._admin.list_partition_offsets(dict.fromkeys(partitions, spec), isolation_level=isolation)
        return {partition: place.offset for partition, place in found.items()}


def _members(described: Mapping[str, Any], topic: str) -> Iterator[Member]:
    for member in described["members"]:
        assignment = member["member_assignment"] or {"assigned_partitions": []}
        held = [p for of in assignment["assigned_partitions"] if of["topic"] == topic for p in of["partitions"]]
        yield Member(member["client_host"].lstrip("/"), tuple(sorted(held)), member["client_id"])


@contextmanager
def open_groups(settings: Settings, topics: Mapping[str, str]) -> Iterator[Groups]:
    """Groups by processor name, for the topics by processor name. Raises DependencyDown when Kafka does not answer."""
    with open_admin(settings.kafka, SECONDS, credentials(settings)) as admin:
        yield Groups(admin, topics)
