"""Asking for the log to be read again, and saying that a loss is known.

Whoever holds a partition goes back by itself: a request is a row of ``reread_requests``, which it looks for with every sweep. So nothing
has to be stopped, and no worker is moved while it works. A group without members is set back at once as well, so that any tool of
Kafka's shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from weftline.errors import DependencyDown, UserError
from weftline.kafka_admin.client import open_admin
from weftline.processors import audit_loss
from weftline.processors.kinds import Kind
from weftline.processors.reading import Loss
from weftline.processors.registry import kinds
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import SECONDS, Group, Groups, open_groups
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.status import TOPICS


@dataclass(frozen=True, slots=True)
class Place:
    """Where to read from, in every partition: an offset, a time (ms, the broker's), or neither for the oldest record."""

    offset: int | None = None
    time: int | None = None

    @classmethod
    def beginning(cls) -> Self:
        """The oldest record."""
        return cls()

    @classmethod
    def at(cls, offset: int) -> Self:
        """An offset."""
        return cls(offset=offset)

    @classmethod
    def since(cls, time: int) -> Self:
        """The first record that the broker took from this time on."""
        return cls(time=time)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of one processor: so many records will be read again, from these offsets; ``running``: it has members."""

    kind: str
    records: int
    offsets: Mapping[int, int]
    asked_at: int
    running: bool

    @property
    def partitions(self) -> int:
        """Partitions in which something is read again."""
        return len(self.offsets)

    def taken_up(self, settings: Settings) -> bool:
        """Whether the workers have gone back."""
        with reader(settings) as server:
            rows = server.rows(
                "SELECT count() FROM reading_marks FINAL WHERE kind = {kind:String} AND partition IN {partitions:Array(UInt16)} "
                "AND reread_at < fromUnixTimestamp64Milli({asked_at:Int64}, 'UTC')",
                {"kind": self.kind, "partitions": list(self.offsets), "asked_at": self.asked_at},
            )
        return rows == [(0,)]


def ask(settings: Settings, name: str | None, place: Place) -> list[Asked]:
    """Ask one processor, or all, to read again from a place on. Raises DependencyDown, and UserError where there is no topic."""
    topics = {kind: topic for kind, topic in TOPICS.items() if name in (None, kind)}
    with reader(settings) as server, open_groups(settings, topics) as groups:
        try:
            return [_ask(settings, group, place, groups, server) for group in groups.read()]
        except KafkaError as error:
            raise DependencyDown("kafka", f"{settings.kafka}: {error}") from error


def _ask(settings: Settings, group: Group, place: Place, groups: Groups, server: Reader) -> Asked:
    if not group.positions:
        raise UserError(f"{group.name}: Kafka has no topic {group.topic}; run `weftline topics apply`")
    found = _offsets(settings, group, place)
    again = {at.partition: found[at.partition] for at in group.positions if found[at.partition] < at.committed}
    records = sum(at.committed - again[at.partition] for at in group.positions if at.partition in again)
    running = group.members is None or bool(group.members)
    ((asked_at,),) = server.rows("SELECT toUnixTimestamp64Milli(now64(3))")
    for partition, offset in again.items():
        server.command(
            "INSERT INTO reread_requests (kind, partition, `offset`, asked_at) SELECT {kind:String}, {partition:UInt16}, {offset:Int64}, "
            "fromUnixTimestamp64Milli({asked_at:Int64}, 'UTC')",
            {"kind": group.name, "partition": partition, "offset": offset, "asked_at": asked_at},
        )
    if again and not running:
        groups.move(group.name, again)
    return Asked(group.name, records, again, asked_at, running)


def _offsets(settings: Settings, group: Group, place: Place) -> dict[int, int]:
    """The place in each partition, within what the log still has."""
    starts = {at.partition: at.start for at in group.positions}
    if place.offset is not None:
        return {partition: max(start, place.offset) for partition, start in starts.items()}
    if place.time is None:
        return starts
    with open_admin(settings.kafka, SECONDS, credentials(settings)) as admin:
        found = admin.list_partition_offsets({TopicPartition(group.topic, partition): place.time for partition in starts})
    at_time = {of.partition: at.offset for of, at in found.items()}
    ends = {at.partition: at.end for at in group.positions}
    return {partition: at_time[partition] if at_time[partition] >= 0 else ends[partition] for partition in starts}


def open_losses(settings: Settings, name: str | None) -> list[tuple[str, Loss]]:
    """Losses by processor: those that were found, and those that the next worker will find."""
    topics = {kind: topic for kind, topic in TOPICS.items() if name in (None, kind)}
    found: list[tuple[str, Loss]] = []
    with reader(settings) as server, open_groups(settings, topics) as groups:
        for group in _read(groups, settings):
            if not group.positions:
                problem = f"Kafka has no topic {group.topic}; `weftline topics apply` makes it anew"
                found.append((group.name, Loss(0, "topic", 0, 0, problem)))
                continue
            found += [(group.name, loss) for loss in audit_loss.losses(kinds()[group.name], group, server)]
    return found


def _read(groups: Groups, settings: Settings) -> Iterable[Group]:
    try:
        return groups.read()
    except KafkaError as error:
        raise DependencyDown("kafka", f"{settings.kafka}: {error}") from error


def accept_losses(settings: Settings, name: str | None) -> int:
    """Say that what is open is known; how many losses that are. What no worker has found yet is not among them."""
    every: dict[str, Kind] = kinds()
    with reader(settings) as server:
        names = [kind for kind in every if name in (None, kind)]
        ((number,),) = server.rows("SELECT count() FROM open_losses WHERE kind IN {kinds:Array(String)}", {"kinds": names})
        server.command(
            "INSERT INTO losses SELECT * REPLACE ('accepted' AS state, now64(3) AS changed_at) FROM (SELECT * FROM losses FINAL "
            "WHERE state = 'open' AND kind IN {kinds:Array(String)})",
            {"kinds": names},
        )
    return int(number)
