"""What kafka-python's consumers and aiokafka's say here of what is no record: batches that cannot be unpacked, and gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.consumer.fetcher import IsolationLevel
from kafka.record import MemoryRecords
from tests.support.record_batches import CODEC_NUMBERS, batch, garbled, of_a_future_codec, rotten

from weftline.contracts import log_reader
from weftline.runtime import faust_batches  # noqa: F401  the fetcher tells from now on
from weftline.runtime.passed import Passed

AT = TopicPartition("sample.orders.v1", 3)
WAYS: dict[str, Callable[[bytes], bytes]] = {"future codec": of_a_future_codec, "garbled": garbled, "rotten": rotten}
COMPRESSED = [codec for codec in CODEC_NUMBERS if codec != "none"]


def answer(log: bytes, start: int) -> bytes:
    """What a broker sends that is asked for ``start``: from the batch on that holds it."""
    place, batches = 0, MemoryRecords(log)
    while (found := batches.next_batch()) is not None:
        if found.next_offset > start:
            return log[place:]
        place += found.size_in_bytes
    return b""


def by_kafka_python(log: bytes, start: int = 0) -> list[Any]:
    records = MemoryRecords(answer(log, start))
    part = log_reader._Records(start, AT, records, isolation_level=IsolationLevel.READ_COMMITTED)
    found: list[Any] = []
    while part:
        found += part.take(3)
    return found


@pytest.mark.parametrize("codec", COMPRESSED)
@pytest.mark.parametrize("way", WAYS)
def test_what_stands_around_it_is_read(way: str, codec: str) -> None:
    bad = WAYS[way](batch(2, [b"lost" * 50] * 3, codec))
    one, two, unreadable, three = by_kafka_python(batch(0, [b"a", b"b"], codec) + bad + batch(5, [b"c"], codec))
    assert [record.value for record in (one, two, three)] == [b"a", b"b", b"c"]
    assert (unreadable.offset, unreadable.last, unreadable.value) == (2, 4, None)
    assert "offsets 2 to 4" in unreadable.why


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from([None, *WAYS]), st.sampled_from(COMPRESSED)), max_size=8),
    st.integers(0, 6),
)
def test_every_offset_is_covered_once_and_in_order(batches: list[tuple[int, str | None, str]], start: int) -> None:
    log, offset = b"", 0
    for size, way, codec in batches:
        sound = batch(offset, [b"%d" % (offset + index) for index in range(size)], codec)
        log, offset = log + (WAYS[way](sound) if way else sound), offset + size
    found = by_kafka_python(log, start)
    covered = [of for record in found for of in range(record.offset, log_reader.last_of(record) + 1)]
    assert covered == list(range(start, offset))
    assert all(record.value == b"%d" % record.offset for record in found if record.value is not None)


@given(st.sets(st.integers(0, 30)), st.integers(0, 5))
def test_a_gap_at_the_end_of_a_fetch_is_told(kept: set[int], behind: int) -> None:
    """As compaction leaves them: between batches, and behind the last record of one."""
    from aiokafka.consumer import fetcher

    log = b"".join(batch(offset, [b"a"], last=offset + behind) for offset in sorted(kept) if offset % (behind + 1) == 0)
    found = list(fetcher.PartitionRecords(AT, fetcher.MemoryRecords(log), [], 0, None, None, True, READ_COMMITTED))
    offsets = [record.offset for record in found if not isinstance(record, Passed)]
    assert offsets == sorted(offset for offset in kept if offset % (behind + 1) == 0)
    told = [record.last for record in found if isinstance(record, Passed)]
    assert told == ([offsets[-1] + behind] if offsets and behind else [])
