"""The log held against the tables: every record that a group has acknowledged is stored, or is a dead letter.

Only up to the committed offsets, which Kafka is asked for before the tables are read: what is acknowledged was stored before. So
nothing that is still under way can look as if it were missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.domain.events import Event
from weftline.errors import ContractError, DependencyDown
from weftline.processors.audit_tables import Difference
from weftline.processors.kinds import Kind
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import Group
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader

#: Records compared with the tables at once: some 20 MB of values, and two statements of a few hundred kilobytes.
BATCH = 20_000
#: A broker that gives nothing for so long although the log goes on is not asked any further.
SILENT_SECONDS = 30.0

Identity = tuple[str, int, str, str, int]


class Place(NamedTuple):
    """A record's place in the log."""

    topic: str
    partition: int
    offset: int


class Logged(NamedTuple):
    """A record of the log: its place, and its identity; none for one from which no event can be read."""

    place: Place
    identity: Identity | None


class LogAudit(NamedTuple):
    """What was read of a topic, how much of it is a dead letter, and what is in neither table. ``gone``: deleted by retention."""

    records: int
    dead: int
    missing: list[Difference]


def audit_log(kind: Kind, group: Group, settings: Settings, codec: Codec, reader: Reader, since: int | None) -> LogAudit:
    """Read the topic up to what the group has committed; ``since`` (ms): only what the broker took from then on."""
    records = dead = 0
    missing: list[Difference] = []
    for batch in _batches(kind, group, settings, codec, since):
        records += len(batch)
        stored = _stored(kind, reader, [logged.identity for logged in batch if logged.identity is not None])
        lacking = [logged for logged in batch if logged.identity is None or logged.identity not in stored]
        letters = _letters(reader, kind.topic, [logged.place for logged in lacking])
        dead += len(letters)
        missing += [_missing(kind, logged) for logged in lacking if logged.place not in letters]
    return LogAudit(records, dead, missing)


def _missing(kind: Kind, logged: Logged) -> Difference:
    place = (logged.place.topic, logged.place.partition, logged.place.offset)
    if logged.identity is None:
        return Difference("dead_letters", place, None, ())
    return Difference(kind.records, logged.identity, None, place)


def _batches(kind: Kind, group: Group, settings: Settings, codec: Codec, since: int | None) -> Iterator[list[Logged]]:
    ends = {TopicPartition(kind.topic, position.partition): position.committed for position in group.positions}
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.split(","),
            client_id="weftline-audit",
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # retention may delete what is about to be read
            max_poll_records=BATCH,
            **credentials(settings),
        )
    except KafkaError as error:
        raise DependencyDown("kafka", f"{settings.kafka}: {error}") from None
    with closing(consumer):
        try:
            yield from _read(consumer, ends, codec, since)
        except KafkaError as error:
            raise DependencyDown("kafka", f"{settings.kafka}: {error}") from None


def _read(consumer: Any, ends: dict[TopicPartition, int], codec: Codec, since: int | None) -> Iterator[list[Logged]]:
    partitions = list(ends)
    consumer.assign(partitions)
    first = consumer.beginning_offsets(partitions)
    if since is not None:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, since))
        first = {of: max(first[of], found[of].offset) if found.get(of) else ends[of] for of in partitions}
    for of in partitions:
        consumer.seek(of, first[of])
    ends = {of: end for of, end in ends.items() if first[of] < end}
    consumer.assign(list(ends))
    for of in ends:
        consumer.seek(of, first[of])
    batch: list[Logged] = []
    while ends:
        polled = consumer.poll(timeout_ms=int(SILENT_SECONDS * 1000), max_records=BATCH)
        if not polled:
            raise DependencyDown("kafka", f"the log goes on, but nothing came within {SILENT_SECONDS:.0f} s")
        for of, records in polled.items():
            batch += [_logged(codec, record) for record in records if of in ends and record.offset < ends[of]]
        done = [of for of, end in ends.items() if consumer.position(of) >= end]
        for of in done:
            del ends[of]
        if done:
            places = {of: consumer.position(of) for of in ends}
            consumer.assign(list(ends))
            for of, place in places.items():
                consumer.seek(of, place)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _logged(codec: Codec, record: Any) -> Logged:
    place = Place(record.topic, record.partition, record.offset)
    try:
        event = codec.decode(record.topic, record.value)
    except ContractError:
        return Logged(place, None)
    if not isinstance(event, Event):
        return Logged(place, None)
    rank = rank_of(record.value[FRAMING:], event.error_declaration is not None)
    return Logged(place, (event.owner, event.event_time, event.source, event.event_id, rank))


def _stored(kind: Kind, reader: Reader, identities: Sequence[Identity]) -> set[Identity]:
    """Those of the identities that are stored. A rank is all but unique, so that little else comes back."""
    if not identities:
        return set()
    rows = reader.rows(
        f"SELECT owner, event_time, source, event_id, rank FROM {kind.records} "
        "WHERE owner IN {owners:Array(String)} AND rank IN {ranks:Array(UInt64)}",
        {"owners": list({identity[0] for identity in identities}), "ranks": list({identity[4] for identity in identities})},
    )
    return {(owner, event_time, source, event_id, rank) for owner, event_time, source, event_id, rank in rows}


def _letters(reader: Reader, topic: str, places: Sequence[Place]) -> set[Place]:
    """Those of the places that are dead letters."""
    if not places:
        return set()
    rows = reader.rows(
        "SELECT DISTINCT topic, partition, offset FROM dead_letters "
        "WHERE topic = {topic:String} AND (partition, offset) IN {places:Array(Tuple(Int32, Int64))}",
        {"topic": topic, "places": [(place.partition, place.offset) for place in places]},
    )
    return {Place(*row) for row in rows}
