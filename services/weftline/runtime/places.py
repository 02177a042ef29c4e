"""The processors' places in the log, to be written down and to be set: per topic, with the topic's id, and partition.

A topic that was deleted and made anew, or whose broker lost its disk, has another id under the same name, and its offsets say
nothing about the old one's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import OffsetAndMetadata

from weftline.contracts.log_reader import open_consumer
from weftline.errors import UserError
from weftline.kafka_admin.client import open_admin
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import GROUP, SECONDS
from weftline.runtime.settings import Settings

T = TypeVar("T")

_NOBODY_KEEPS_GROUPS = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)


@dataclass(frozen=True, slots=True)
class Log:
    """A topic as a processor's group reads it. By partition: ``committed``, where the group has said that it is (it may have said
    nothing yet); ``first`` and ``end``, the first record that is kept and the next to come; ``stable``, up to where a group may read
    now, which is before an open transaction."""

    group: str
    topic: str
    topic_id: str
    committed: Mapping[int, int]
    first: Mapping[int, int]
    end: Mapping[int, int]
    stable: Mapping[int, int]

    @property
    def next(self) -> dict[int, int]:
        """The next record to be read, by partition: a group without a place begins at the oldest record."""
        return {**self.first, **self.committed}


class Places:
    """A connection by which places are read and set."""

    def __init__(self, admin: KafkaAdminClient, settings: Settings, topics: Mapping[str, str]) -> None:
        self._admin = admin
        self._settings = settings
        self._topics = topics

    def read(self) -> list[Log]:
        """The processors' logs, in the order of the topics given. UserError for a topic that does not exist."""
        described = {of["name"]: of for of in self._admin.describe_topics(list(self._topics.values()))}
        committed = _patiently(lambda: self._admin.list_group_offsets([GROUP.format(name) for name in self._topics]))
        logs = []
        for name, topic in self._topics.items():
            found = described.get(topic)
            if found is None or found["error_code"]:
                raise UserError(f"Kafka has no topic {topic}; run `weftline topics apply`")
            partitions = [TopicPartition(topic, of["partition_index"]) for of in found["partitions"]]
            first = self._offsets(partitions, OffsetSpec.EARLIEST)
            own = {of.partition: place.offset for of, place in committed[GROUP.format(name)].items() if of.topic == topic}
            stable = self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
            end = self._offsets(partitions, OffsetSpec.LATEST)
            logs.append(Log(name, topic, str(found["topic_id"]), own, first, end, stable))
        return logs

    def unread_since(self, logs: Iterable[Log]) -> int | None:
        """When the broker took the oldest record that a group has not acknowledged (ms, UTC); None if all have read all.

        Exact to the record: since the topics' times are the broker's own, what lies behind it came no earlier. 0 where a record ought to
        come and none does.
        """
        waiting = {
            TopicPartition(log.topic, partition): offset
            for log in logs
            for partition, offset in log.next.items()
            if offset < log.stable[partition]
        }
        if not waiting:
            return None
        found: list[int] = []
        options = {"bootstrap_servers": self._settings.kafka.split(","), **credentials(self._settings)}
        # All at once, a batch of each: one after the other they took kafka-python 10 s each.
        with closing(open_consumer(max_partition_fetch_bytes=1, auto_offset_reset="earliest", **options)) as consumer:
            consumer.assign(list(waiting))
            for place, offset in waiting.items():
                consumer.seek(place, offset)
            deadline = time.monotonic() + SECONDS
            while waiting and time.monotonic() < deadline:
                for place, records in consumer.poll(timeout_ms=500).items():
                    if records and waiting.pop(place, None) is not None:
                        found.append(records[0].timestamp)
                        consumer.pause(place)
        return 0 if waiting else min(found)

    def members(self) -> dict[str, int]:
        """How many workers each processor's group has, by the processor's name."""
        described: Mapping[str, Any] = _patiently(
            lambda: self._admin.describe_groups([GROUP.format(name) for name in self._topics])
        )
        return {name: len(described[GROUP.format(name)]["members"]) for name in self._topics}

    def set(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Put a group without members to these places. UserError if Kafka refuses, as it does where a worker runs."""
        wanted = {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}

        def alter() -> list[str]:
            answers = self._admin.alter_group_offsets(GROUP.format(group), wanted)
            refusals = {error for error in answers.values() if getattr(error, "errno", 0)}
            if nobody := refusals.intersection(_NOBODY_KEEPS_GROUPS):
                raise nobody.pop()  # said of each partition here, and not of the whole as everywhere else
            return sorted(error.__name__ for error in refusals)

        if refused := _patiently(alter):
            raise UserError(
                f"Kafka does not let the places of {GROUP.format(group)} be set: {', '.join(refused)}; is a worker running?"
            )

    def _offsets(
        self, partitions: list[TopicPartition], spec: OffsetSpec, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[int, int]:
        found = self._admin.list_partition_offsets(dict.fromkeys(partitions, spec), isolation)
        return {of.partition: place.offset for of, place in found.items()}


def _patiently(call: Callable[[], T]) -> T:
    """Ask again while nobody keeps the groups: a fresh broker makes the topic for that when it is asked first."""
    deadline = time.monotonic() + 3 * SECONDS
    while True:
        try:
            return call()
        except _NOBODY_KEEPS_GROUPS:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def open_places(settings: Settings, topics: Mapping[str, str]) -> Iterator[Places]:
    """Places of the processors that read ``topics`` (by processor). Raises DependencyDown when Kafka does not answer."""
    with open_admin(settings.kafka, SECONDS, credentials(settings)) as admin:
        yield Places(admin, settings, topics)
