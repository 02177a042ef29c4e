"""Record batches as they lie in Kafka's log, sound ones and such as no producer of today writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

CODEC_NUMBERS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_CRC_AT, _ATTRIBUTES_AT, _LAST_DELTA_AT, _RECORDS_AT = 17, 21, 23, 61


def batch(first: int, values: Sequence[bytes], codec: str = "none", last: int | None = None) -> bytes:
    """A batch of records with these values; the first has the offset ``first``. ``last``: where compaction has removed those behind."""
    builder = DefaultRecordBatchBuilder(2, CODEC_NUMBERS[codec], False, -1, -1, -1, 1 << 20)
    for index, value in enumerate(values):
        assert builder.append(index, 1_767_225_600_000, b"key", value, []) is not None
    built = struct.pack(">q", first) + bytes(builder.build())[8:]
    if last is None:
        return built
    return _sealed(built[:_LAST_DELTA_AT] + struct.pack(">i", last - first) + built[_LAST_DELTA_AT + 4 :])


def of_a_future_codec(sound: bytes) -> bytes:
    """The same batch as if by a codec that nobody has yet."""
    return _sealed(sound[: _ATTRIBUTES_AT + 1] + bytes([sound[_ATTRIBUTES_AT + 1] & ~0x07 | 0x05]) + sound[_ATTRIBUTES_AT + 2 :])


def garbled(sound: bytes) -> bytes:
    """Compressed bytes that no codec can unpack; the checksum is right."""
    return _sealed(sound[:_RECORDS_AT] + bytes(byte ^ 0x5A for byte in sound[_RECORDS_AT:]))


def rotten(sound: bytes) -> bytes:
    """Bytes that changed on disk: the checksum is wrong."""
    return sound[:-1] + bytes([sound[-1] ^ 0x01])


def _sealed(changed: bytes) -> bytes:
    return changed[:_CRC_AT] + struct.pack(">I", calc_crc32c(changed[_ATTRIBUTES_AT:])) + changed[_ATTRIBUTES_AT:]
