"""The log as everybody reads it who is not a processor: only what is committed, and nothing raised for what cannot be unpacked.

Stock kafka-python reads aborted transactions too unless told otherwise, and raises at a batch that it cannot unpack (a codec of the
future, bytes that rotted), again at each poll, with an error that looks like Kafka's. Here the batch comes as an :class:`Unreadable`
among the records, in its place, and reading goes on behind it.

Private hooks of kafka-python 3.0.12, to be read again whenever its pin changes: ``Fetcher.PartitionRecords``, made anew for each
partition of a fetch; its ``_unpack_records``, a generator that keeps ``next_fetch_offset``; ``drain``, called at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord, Fetcher


class Unreadable(ConsumerRecord):  # type: ignore[misc]
    """A batch that cannot be unpacked, as one record at its first offset, without key and value."""

    last: int
    why: str


def open_consumer(**options: Any) -> KafkaConsumer:
    """A consumer with kafka-python's options, without commits of its own."""
    consumer = KafkaConsumer(**{"enable_auto_commit": False, **options}, isolation_level="read_committed")
    consumer._fetcher.PartitionRecords = _Records
    return consumer


def last_of(record: Any) -> int:
    """The last offset that this record covers."""
    return int(record.last if isinstance(record, Unreadable) else record.offset)


class _One:
    """A single batch, as batches."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def next_batch(self) -> Any:
        batch, self._batch = self._batch, None
        return batch


class _Records(Fetcher.PartitionRecords):  # type: ignore[misc]
    """A partition's records of one fetch."""

    next_fetch_offset: int
    _more = False

    def _unpack_records(self, tp: Any, records: Any, key_deserializer: Any, value_deserializer: Any) -> Iterator[Any]:
        self._more = True
        while (batch := records.next_batch()) is not None:
            try:
                yield from super()._unpack_records(tp, _One(batch), key_deserializer, value_deserializer)
            except Exception as error:
                first, self.next_fetch_offset = max(self.next_fetch_offset, batch.base_offset), batch.next_offset
                nothing = (None, None, (), None, -1, -1, -1)
                found = Unreadable(tp.topic, tp.partition, self.leader_epoch, first, batch.max_timestamp, 0, *nothing)
                found.last = batch.next_offset - 1
                found.why = f"offsets {first} to {found.last} are a batch that cannot be unpacked: {error!r}"
                yield found
        self._more = False
        self.drain()

    def drain(self) -> None:
        if not self._more:  # kafka-python's generator ends with each batch, and the rest is not to be thrown away
            super().drain()
