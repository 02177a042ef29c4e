"""From fetched bytes to records: whatever a producer can pack into a batch gives one record per offset, within bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import zstandard
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from tests.support.raw_batches import PACK, Sent, batch, field, varint

from weftline.runtime import unpacking
from weftline.runtime.unpacking import (
    BATCH_BYTES,
    CORRUPT_ATTEMPTS,
    FETCH_BYTES,
    KEPT_BYTES,
    RECORD_BYTES,
    PartitionRecords,
    Records,
)

TP = TopicPartition("t", 0)


def fetch(log: bytes, begin: int) -> tuple[list[Any], int]:
    """One fetch from ``begin`` on: the records, and where the next one begins."""
    while int.from_bytes(log[:8], "big") + int.from_bytes(log[23:27], "big", signed=True) < begin:
        log = log[12 + int.from_bytes(log[8:12], "big") :]  # a broker begins with the batch in which the offset lies
    found = PartitionRecords(TP, Records(log), None, begin, None, None, True, 0)
    return list(found), found.next_fetch_offset


def drain(log: bytes, end: int, begin: int = 0) -> Iterator[Any]:
    """Fetches until ``end``; each of them must come further, unless a damaged batch is tried again."""
    standing = 0
    while begin < end:
        records, then = fetch(log, begin)
        standing = standing + 1 if then == begin else 0
        assert standing < CORRUPT_ATTEMPTS
        assert then >= begin
        yield from records
        begin = then


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    PartitionRecords._corrupt.clear()
    yield
    PartitionRecords._corrupt.clear()


small = st.none() | st.binary(max_size=40)
sents = st.builds(
    Sent,
    small,
    small,
    st.lists(st.tuples(st.binary(max_size=8), small), max_size=3).map(tuple),
    st.sampled_from([b"", b"", b"", b"x"]),
)


@given(st.lists(sents, min_size=1, max_size=20), st.sampled_from(sorted(PACK)), st.integers(0, 2**40), st.data())
def test_every_offset_gives_one_record(packed: list[Sent], codec: int, base: int, data: st.DataObject) -> None:
    begin = base + data.draw(st.integers(0, len(packed) - 1))
    found = list(drain(batch(packed, base=base, codec=codec), base + len(packed), begin))
    assert [one.offset for one in found] == list(range(begin, base + len(packed)))
    for one, sent in zip(found, packed[begin - base :], strict=True):
        if sent.tail:
            assert "1 bytes after its end" in one.checksum.problem
            continue
        assert one.checksum is None
        assert (one.key, one.value, one.timestamp) == (sent.key, sent.value, 1_000 + one.offset - base)
        assert one.headers == tuple((name.decode("utf-8", "backslashreplace"), value) for name, value in sent.headers)


@pytest.mark.parametrize("codec", [1, 3, 4])
@pytest.mark.parametrize("part", ["value", "key", "headers"])
def test_a_bomb_costs_no_memory_and_no_neighbour(codec: int, part: str) -> None:
    huge = bytes(20 << 20)
    bomb = {"value": Sent(b"bomb", huge), "key": Sent(huge, b"v"), "headers": Sent(b"bomb", b"v", ((b"h", huge),))}[part]
    log = batch([Sent(value=b"before"), bomb, Sent(value=b"after")], codec=codec)
    tracemalloc.start()
    before, found, after = drain(log, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * RECORD_BYTES
    assert (before.value, after.value, before.checksum, after.checksum) == (b"before", b"after", None, None)
    cut = found.checksum
    assert "at most" in cut.problem
    assert len(found.key or b"") + len(found.value or b"") <= 2 * KEPT_BYTES
    if part == "value":
        assert (found.key, found.value, cut.size, cut.hashed) == (b"bomb", huge[:KEPT_BYTES], len(huge), len(huge))
        assert cut.sha256 == hashlib.sha256(huge).hexdigest()
    if part == "headers":
        assert (found.key, found.value, cut.size, cut.sha256) == (b"bomb", b"v", 1, hashlib.sha256(b"v").hexdigest())


@pytest.mark.parametrize("codec", [1, 4])
def test_beyond_its_bound_nothing_of_a_batch_is_unpacked(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 8 << 20
    monkeypatch.setattr(unpacking, "BATCH_BYTES", bound)
    size = 4 * bound
    body = b"\0" + varint(0) + varint(0) + field(b"k") + varint(size)
    whole = varint(len(body) + size + 1) + body
    if codec == 4:
        packer = zstandard.ZstdCompressor(3).compressobj()
        packed = packer.compress(whole) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    else:
        packed = gzip.compress(whole + bytes(size), 1)
    log = batch([Sent()] * 3, codec=codec, body=packed)
    giant, *behind = drain(log, 3)
    assert (giant.checksum.size, giant.value) == (size, bytes(KEPT_BYTES))
    assert bound - (1 << 20) < giant.checksum.hashed <= bound < BATCH_BYTES
    assert giant.checksum.sha256 == hashlib.sha256(bytes(giant.checksum.hashed)).hexdigest()
    assert [one.offset for one in behind] == [1, 2]
    assert all("lies behind more than" in one.checksum.problem for one in behind)


def test_many_that_are_large_together_come_in_several_fetches() -> None:
    value = Random(1).randbytes(1_000) * 900
    packed = [Sent(value=value) for _ in range(60)]
    log = batch(packed, base=7, codec=4)
    assert len(log) < 200_000
    records, then = fetch(log, 7)
    assert len(records) * len(value) < FETCH_BYTES + len(value)
    assert then == 7 + len(records)
    assert [one.offset for one in drain(log, 67, 7)] == list(range(7, 67))


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5, 7])
def test_packed_bytes_that_are_none(codec: int) -> None:
    if codec == 2:
        pytest.importorskip("cramjam")
    random = Random(codec)
    good = batch([Sent(value=b"good")], base=3)
    for body in (b"", b"\0", random.randbytes(300), b"\x82SNAPPY\0\0\0\0\1\0\0\0\1" + b"\0\0\0\5\xff\xff\xff\xff\x0f"):
        found = list(drain(batch([Sent()] * 3, codec=codec, body=body) + good, 4))
        assert [one.offset for one in found] == [0, 1, 2, 3]
        assert all("cannot be unpacked" in one.checksum.problem for one in found[:3])
        assert found[3].value == b"good"


def test_a_damaged_batch_is_fetched_again_then_given_up_and_what_comes_after_it_is_read() -> None:
    log = batch([Sent(), Sent()]) + batch([Sent(value=b"x")] * 2, base=2, damaged=True) + batch([Sent(value=b"good")], base=4)
    assert [one.offset for one in fetch(log, 0)[0]] == [0, 1]
    found = list(drain(log, 5, 2))
    assert [one.offset for one in found] == [2, 3, 4]
    assert all("checksum" in one.checksum.problem for one in found[:2])
    assert found[2].value == b"good"


def test_a_damaged_header_is_not_believed() -> None:
    """It says that two thousand million records lie in it; believed, all that comes after it would be stepped over."""
    damaged = bytearray(batch([Sent()], damaged=True))
    damaged[23:27] = (2**31 - 2).to_bytes(4, "big")
    for _ in range(CORRUPT_ATTEMPTS):
        records, then = fetch(bytes(damaged), 0)
    assert ([one.offset for one in records], then) == ([0], 1)


def test_a_missing_package_is_nobodys_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("no zstandard")

    monkeypatch.setattr(unpacking._Batch, "_open", missing)
    with pytest.raises(ImportError):
        fetch(batch([Sent()], codec=4), 0)
