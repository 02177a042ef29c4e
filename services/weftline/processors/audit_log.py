"""The log held against the tables: every record that a group has acknowledged is stored, or is a dead letter.

Where publishers are bound, each record passes the gate again, by the grants as they stand now. What is stored and still counts though
it is refused, and is let in by no other copy in the log either, is missing in the view ``not_allowed``; what is open there though it is
allowed is extra.

Only up to the committed offsets, which Kafka is asked for before the tables are read: what is acknowledged was stored before. So
nothing that is still under way can look as if it were missing.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.errors import KafkaError

from weftline.contracts.codec import Codec
from weftline.contracts.log_reader import Unreadable, open_consumer
from weftline.contracts.publishers import Delivered, Grants, signature_in
from weftline.domain.events import Event
from weftline.errors import ContractError, DependencyDown
from weftline.processors.audit_tables import Difference
from weftline.processors.kinds import Kind
from weftline.runtime.credentials import credentials
from weftline.runtime.groups import Group
from weftline.runtime.settings import Settings
from weftline.warehouse import cuts
from weftline.warehouse.client import Reader
from weftline.warehouse.publishers import read_grants

#: Records compared with the tables at once: some 20 MB of values, and two statements of a few hundred kilobytes.
BATCH = 20_000
#: A broker that gives nothing for so long although the log goes on is not asked any further.
SILENT_SECONDS = 30.0
#: Where nothing but aborted transactions is left, a poll brings nothing, and is over after this.
POLL_MILLISECONDS = 200

#: The view of what the gate refused, as a table that is audited.
NOT_ALLOWED = "not_allowed"

Identity = tuple[str, int, str, str, int]


class Place(NamedTuple):
    """A record's place in the log."""

    topic: str
    partition: int
    offset: int


class Logged(NamedTuple):
    """A record of the log: its place, its identity (none for one from which no event can be read), and whether the gate refuses it.

    ``refused``: its publisher may not say it. ``unfit``: it is beyond the limits of today's contract, so that it is a dead letter
    unless it was stored before these limits were. ``former``: its identity by its bytes as they lie in the log, where they are not those
    that are stored; a version that stored bytes as they came has it under this one.
    """

    place: Place
    identity: Identity | None
    refused: bool = False
    unfit: bool = False
    former: Identity | None = None


class LogAudit(NamedTuple):
    """What was read of a topic, how much of it is a dead letter, and what is in neither table. ``gone``: deleted by retention."""

    records: int
    dead: int
    missing: list[Difference]


def audit_log(kind: Kind, group: Group, settings: Settings, codec: Codec, reader: Reader, since: int | None) -> LogAudit:
    """Read the topic up to what the group has committed; ``since`` (ms): only what the broker took from then on.

    An event that was sent several times and is not stored is one missing record.
    """
    records = dead = 0
    absent: set[Identity] = set()
    missing: list[Difference] = []
    grants = read_grants(reader) if settings.publishers == "bound" else None
    suspects: dict[Identity, list[Place]] = {}
    for batch in _batches(kind, group, settings, codec, since, grants):
        records += len(batch)
        stored = _stored(kind, reader, [each for logged in batch for each in (logged.identity, logged.former) if each is not None])
        batch = [_as_stored(logged, stored) for logged in batch]
        lacking = [logged for logged in batch if logged.refused or logged.identity is None or logged.identity not in stored]
        letters = _letters(reader, kind.topic, [logged.place for logged in lacking])
        dead += len(letters)
        for logged in lacking:
            if logged.place in letters:
                continue
            if logged.refused and logged.identity in stored:
                suspects.setdefault(logged.identity, []).append(logged.place)
                continue
            difference = _missing(kind, logged)
            if difference.table == kind.records and logged.identity is not None:
                if logged.identity in absent:
                    continue
                absent.add(logged.identity)
            missing.append(difference)
        if grants is not None:
            allowed = [logged.place for logged in lacking if logged.place in letters and logged.identity and not logged.refused]
            missing += [Difference(NOT_ALLOWED, place, (), None) for place in _refused(reader, kind.topic, allowed)]
    if suspects:  # what another copy lets in is rightly there
        for batch in _batches(kind, group, settings, codec, None, grants):
            for logged in batch:
                identity = _as_stored(logged, suspects).identity
                if identity in suspects and not logged.refused:
                    del suspects[identity]
        effective = _effective(kind, reader, list(suspects))
        missing += [Difference(NOT_ALLOWED, place, None, ()) for identity in effective for place in suspects[identity]]
    return LogAudit(records, dead, missing)


def _as_stored(logged: Logged, stored: Container[Identity | None]) -> Logged:
    """``logged`` under the identity that it was stored with, if it was."""
    return logged._replace(identity=logged.former) if logged.identity not in stored and logged.former in stored else logged


def _missing(kind: Kind, logged: Logged) -> Difference:
    place = (logged.place.topic, logged.place.partition, logged.place.offset)
    if logged.identity is None or logged.refused or logged.unfit:
        return Difference("dead_letters", place, None, ())
    return Difference(kind.records, logged.identity, None, place)


def _batches(
    kind: Kind, group: Group, settings: Settings, codec: Codec, since: int | None, grants: Grants | None
) -> Iterator[list[Logged]]:
    ends = {TopicPartition(kind.topic, position.partition): position.committed for position in group.positions}
    try:
        consumer = open_consumer(
            bootstrap_servers=settings.kafka.split(","),
            client_id="weftline-audit",
            auto_offset_reset="earliest",  # retention may delete what is about to be read
            max_poll_records=BATCH,
            **credentials(settings),
        )
    except KafkaError as error:
        raise DependencyDown("kafka", f"{settings.kafka}: {error}") from None
    with closing(consumer):
        try:
            yield from _read(consumer, ends, codec, since, grants)
        except KafkaError as error:
            raise DependencyDown("kafka", f"{settings.kafka}: {error}") from None


def _read(
    consumer: Any, ends: dict[TopicPartition, int], codec: Codec, since: int | None, grants: Grants | None
) -> Iterator[list[Logged]]:
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
    moved = time.monotonic()
    while ends:
        before = {of: consumer.position(of) for of in ends}
        polled = consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=BATCH)
        # Aborted transactions, and the marks at the end of any, are passed without a record.
        if polled or any(consumer.position(of) != place for of, place in before.items()):
            moved = time.monotonic()
        elif time.monotonic() - moved > SILENT_SECONDS:
            raise DependencyDown("kafka", f"the log goes on, but nothing came within {SILENT_SECONDS:.0f} s")
        for of, records in polled.items():
            batch += [_logged(codec, record, grants) for record in records if of in ends and record.offset < ends[of]]
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


def _logged(codec: Codec, record: Any, grants: Grants | None) -> Logged:
    place = Place(record.topic, record.partition, record.offset)
    if isinstance(record, Unreadable):
        return Logged(place, None)
    unfit = refused = False
    try:
        event, value, rank = codec.accept(record.topic, record.value)
    except ContractError:
        unfit = True
        try:
            event, value, rank = codec.accept(record.topic, record.value, stored=True)
        except ContractError:
            return Logged(place, None)
    if not isinstance(event, Event):
        return Logged(place, None)
    if grants is not None:
        delivered = Delivered(record.topic, record.key, record.value, signature_in(record.headers), record.timestamp)
        refused = grants.refusal(delivered, event) is not None
    address = (event.owner, event.event_time, event.source, event.event_id)
    former = None if value == record.value else (*address, codec.rank(event, record.value))
    return Logged(place, (*address, rank), refused, unfit, former)


def _stored(kind: Kind, reader: Reader, identities: Sequence[Identity]) -> set[Identity]:
    """Those of the identities that are stored. A rank is all but unique, so that little else comes back."""
    ranks = list({identity[4] for identity in identities})
    return {
        (owner, event_time, source, event_id, rank)
        for owners in cuts.texts({identity[0] for identity in identities})
        for owner, event_time, source, event_id, rank in reader.rows(
            f"SELECT owner, event_time, source, event_id, rank FROM {kind.records} "
            "WHERE owner IN {owners:Array(String)} AND rank IN {ranks:Array(UInt64)}",
            {"owners": owners, "ranks": ranks},
        )
    }


def _effective(kind: Kind, reader: Reader, identities: Sequence[Identity]) -> list[Identity]:
    """Those that do harm: events that count, for they were not declared erroneous meanwhile; and declarations."""
    if not identities:
        return []
    rows = reader.rows(
        f"SELECT owner, event_time, source, event_id FROM {kind.facts} FINAL WHERE owner IN {{owners:Array(String)}} AND counts",
        {"owners": list({identity[0] for identity in identities})},
    )
    counting = {tuple(row) for row in rows}
    return [identity for identity in identities if identity[:4] in counting or identity[4] >> 63]


def _refused(reader: Reader, topic: str, places: Sequence[Place]) -> list[Place]:
    """Those of the places that are open in the view ``not_allowed``, and nothing else is wrong with them."""
    if not places:
        return []
    rows = reader.rows(
        "SELECT DISTINCT topic, partition, offset FROM not_allowed "
        "WHERE status = 'open' AND topic = {topic:String} AND (partition, offset) IN {places:Array(Tuple(Int32, Int64))}",
        {"topic": topic, "places": [(place.partition, place.offset) for place in places]},
    )
    return [Place(*row) for row in rows]


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
