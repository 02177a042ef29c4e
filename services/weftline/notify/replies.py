"""Reads what is answered to alerts, for the timers of :mod:`.escalations`.

Places stand in the outbox's own file, in the transaction that keeps what was read: so nothing of it is lost or read in vain, and Kafka
need not be told. Whoever never read begins at the oldest reply, for an alert may be acknowledged before the dispatcher starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError, RetriableError

from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_CLASS
from weftline.contracts.log_reader import Unreadable, last_of, open_consumer
from weftline.contracts.registry import open_registry
from weftline.domain.events import AlertReply
from weftline.errors import ContractError
from weftline.runtime import logging
from weftline.runtime.settings import Settings
from weftline.sdk.connection import missing_topic, refuse
from weftline.sdk.connection import settings as connection

log = logging.get(__name__)

TOPIC: Final = BY_CLASS[AlertReply].topic
_POLL_MS: Final = 200

Places = Mapping[int, int]


def follow(
    settings: Settings,
    places: Places,
    keep: Callable[[Sequence[AlertReply], Places], None],
    stopping: threading.Event,
    caught_up: Callable[[], None],
) -> None:
    """Hand replies to ``keep``, with the places behind them, until ``stopping``; ``caught_up`` is called when all that was there at the
    beginning has been read. :class:`~weftline.errors.DependencyDown` when Kafka goes away."""
    password = settings.kafka_password
    user = settings.kafka_username
    options = connection(settings.kafka, user, password.get_secret_value() if password else None)
    try:
        with (
            closing(open_consumer(**options, client_id="weftline-notify-replies", auto_offset_reset="earliest")) as consumer,
            closing(Codec(open_registry(settings.schema_registry))) as codec,
        ):
            numbers = consumer.partitions_for_topic(TOPIC) or ()
            if not numbers:
                raise missing_topic(settings.kafka, TOPIC, user)
            partitions = [TopicPartition(TOPIC, number) for number in sorted(numbers)]
            consumer.assign(partitions)
            begins = consumer.beginning_offsets(partitions)
            ends = dict(consumer.end_offsets(partitions))
            behind = True
            for partition in partitions:
                place = places.get(partition.partition, 0)
                # A place behind the end is of a topic that was made anew.
                consumer.seek(partition, place if begins[partition] <= place <= ends[partition] else begins[partition])
            while not stopping.is_set():
                if behind and all((consumer.position(partition) or 0) >= end for partition, end in ends.items()):
                    behind = False
                    caught_up()
                try:
                    _keep(consumer.poll(timeout_ms=_POLL_MS), codec, keep)
                except RetriableError as error:
                    log.warning("waiting", dependency="kafka", error=str(error))
                    stopping.wait(_POLL_MS / 1000)
    except KafkaError as error:
        refuse(settings.kafka, error, user)


def _keep(found: Mapping[Any, Sequence[Any]], codec: Codec, keep: Callable[[Sequence[AlertReply], Places], None]) -> None:
    places = {partition.partition: last_of(records[-1]) + 1 for partition, records in found.items() if records}
    if places:
        records = [record for of_one in found.values() for record in of_one]
        keep([reply for record in records if (reply := _read(record, codec)) is not None], places)


def _read(record: Any, codec: Codec) -> AlertReply | None:
    """The reply; None for what is none. The processor buries it; here it means that nobody is known to have acknowledged."""
    if isinstance(record, Unreadable) or record.value is None:
        return None
    try:
        reply = codec.decode(TOPIC, record.value)
    except ContractError as error:
        log.warning("a reply cannot be read", partition=record.partition, offset=record.offset, error=str(error))
        return None
    return reply if isinstance(reply, AlertReply) else None
