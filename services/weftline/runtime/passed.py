"""Where aiokafka's fetcher moves on without giving a record, it says so here.

Stock aiokafka is silent about offsets that hold nothing to be read: the markers with which transactions end, the records of aborted
ones, the gaps that compaction leaves. Whoever acknowledges records alone never gets past those at the end of a partition, and looks as
if it lagged for ever. So here what a fetch gives ends with a :class:`Passed` where its last record is not the last offset.

Private hooks, to be read again whenever aiokafka's pin changes (:mod:`.faust_batches`): ``fetcher.PartitionRecords``, made anew for
each partition of a fetch; its ``_unpack_records``, a generator that keeps ``next_fetch_offset``, which becomes the consumer's position
once what was yielded is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher


class Passed(NamedTuple):
    """Up to this offset there is nothing more to be read."""

    last: int


def telling(records: type[Any]) -> type[Any]:
    """The class ``records``, a ``PartitionRecords``, which also tells."""

    class Records(records):  # type: ignore[misc]
        next_fetch_offset: int

        def _unpack_records(self) -> Iterator[Any]:
            expected = self.next_fetch_offset
            for record in super()._unpack_records():
                expected = record.offset + 1
                yield record
            if self.next_fetch_offset > expected:
                yield Passed(self.next_fetch_offset - 1)

    return Records


def tell() -> None:
    """From now on every consumer of this process does."""
    fetcher.PartitionRecords = telling(fetcher.PartitionRecords)
