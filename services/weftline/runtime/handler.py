"""What a processor is for the batch loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from weftline.runtime.caution import Attempt
from weftline.runtime.chunks import RawRecord


class Handler(Protocol):
    """What a processor is. No two of these calls ever overlap, but for ``healthy``, which the watchdog may call at any time."""

    async def assigned(self, partitions: frozenset[int]) -> Mapping[int, int] | None:
        """These partitions are newly held, or in doubt; none of their records is in a step. A sweep follows. Gives the offsets from
        which partitions must be read, where Kafka says otherwise."""

    async def revoked(self, partitions: frozenset[int]) -> None:
        """These partitions are gone: forget what is in memory of them, and what was gathered for the next settle. Also called
        for partitions whose ``assigned`` was called and did not return."""

    async def step(self, records: Sequence[RawRecord]) -> None:
        """Decode, store, fold, judge, alert. When it returns, the effects are stored. After an exception it is called again with the same
        records, or with a part of them."""

    async def settle(self, read: Mapping[int, int]) -> None:
        """Refresh rollups and store state gathered since the last settle that returned. ``read``: the first offset, by partition,
        that was not in a step yet."""

    async def sweep(self) -> None:
        """Compare alerts with the stored state, publish what is not marked."""

    async def reject(self, record: RawRecord, error: BaseException) -> None:
        """Send this record to dead letters as ``processing_failed``."""

    async def healthy(self) -> None:
        """Raise DependencyDown if ClickHouse or Kafka does not answer."""

    async def tried(self, partitions: frozenset[int]) -> Sequence[Attempt]:
        """What was last noted of these partitions (:mod:`weftline.runtime.caution`)."""

    async def trying(self, notes: Sequence[Attempt]) -> None:
        """Note this, in a place that outlives the program and its machine."""
