"""From the bytes of a fetch to records, whatever a producer has packed: within bounds, and one bad record costs no other one.

A broker looks into a batch only as far as it must: it takes a megabyte that unpacks to gigabytes, and header names that are no
UTF-8. aiokafka unpacks a batch as a whole and raises at the first record that it cannot read, so that one of either kind stops its
partition for good. These two classes stand in the place of aiokafka's own (see :mod:`.faust_batches`, which puts them there):

- A batch of up to :data:`RECORD_BYTES` unpacked bytes takes aiokafka's own compiled path, as nearly all do.
- Any other is read as a stream, record by record by their length prefixes. What is larger than :data:`RECORD_BYTES` passes by piece
  by piece; its beginning is kept, the whole is counted and hashed.
- Beyond :data:`BATCH_BYTES` nothing of a batch is unpacked. One fetch gives at most ``FETCH_BYTES``; the next one goes on in the middle.
- A record that cannot be read bears a :class:`~weftline.runtime.chunks.Cut` and is a dead letter. So is each record of a batch whose
  checksum is wrong, fetched :data:`CORRUPT_ATTEMPTS` times, since a disk or a wire may be at fault for a moment.

Measured: gzip and SHA-256 of zeros 260 MB/s, so a batch at the bound holds up the consumer's thread for half a second; the slow path
takes 4 µs a record where aiokafka's takes 0.6.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBase, DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords as Slices

from weftline.runtime import blame, logging
from weftline.runtime.chunks import Cut

log = logging.get(__name__)

#: A record up to this size is kept as it came: more than any that came uncompressed, whose limit is the topic's ``max.message.bytes``.
RECORD_BYTES: Final = 1_200_000
#: Of each part (key, value, headers) of a larger one.
KEPT_BYTES: Final = 64 << 10
#: Of one batch. The largest that ordinary producers make, a megabyte of compressed JSON, unpack to a tenth of it.
BATCH_BYTES: Final = 128 << 20
#: Out of one partition by one fetch: as much as a step takes by default.
FETCH_BYTES: Final = 16 << 20
#: A batch with a wrong checksum is fetched so often before its records are given up.
CORRUPT_ATTEMPTS: Final = 3
_PIECE: Final = 256 << 10
_HEADER: Final = DefaultRecordBase.HEADER_STRUCT
_ATTRIBUTES: Final = DefaultRecordBase.ATTRIBUTES_OFFSET
_CODECS: Final = DefaultRecordBase.CODEC_MASK


class Record(NamedTuple):
    """A record as aiokafka's consumer takes it. ``checksum``, which no record has any more, carries a :class:`Cut` or None."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    checksum: Cut | None


def nameless(offset: int) -> Record:
    """A record of which nothing can be read, since what lies at its offset has no sound beginning."""
    return Record(offset, 0, 0, None, None, (), Cut("what lies there is no batch of records", None, "", 0))


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Batch:
    """One batch: what the fetcher asks of it is answered by aiokafka's own, except for its records."""

    def __init__(self, data: memoryview, owner: Records) -> None:
        self._data = data
        self._owner = owner
        self._plain = DefaultRecordBatch(data)
        header = _HEADER.unpack_from(data)
        self.base_offset: int = header[0]
        self._attributes, self._last_delta, self._count = header[5], header[6], header[12]
        self._first_timestamp, self._max_timestamp = header[7], header[8]
        self._stopped_at: int | None = None
        self._lost = range(0)

    def __getattr__(self, name: str) -> Any:  # producer_id
        return getattr(self._plain, name)

    def __next__(self) -> Any:  # the marker of a control batch
        return next(self._plain)

    @property
    def next_offset(self) -> int:
        return int(self._plain.next_offset) if self._stopped_at is None else self._stopped_at

    # Asked in this order: the checksum, then whether it is a transaction's, then the records, then where the next batch begins.
    # Nothing may be raised on the way: what the fetcher has taken of other partitions in the same call would be lost.

    def validate_crc(self) -> bool:
        """True. A batch that is not as it was written gives no records and comes again, or is given up."""
        if not self._plain.validate_crc():
            first = max(self.base_offset, self._owner.begin)
            # What a damaged header says is believed only where it agrees with itself; else one offset at a time is given up.
            sound = self._count == self._last_delta + 1 and 0 < self._count <= len(self._data)
            last = self.base_offset + self._last_delta if sound else first
            self._lost = range(first, last + 1) if self._owner.corrupt(self.base_offset) >= CORRUPT_ATTEMPTS else range(0)
            self._stopped_at = self._lost.stop or first
            self._owner.handed_out = FETCH_BYTES  # and fetch anew
        return True

    @property
    def is_control_batch(self) -> bool:
        return self._stopped_at is None and bool(self._plain.is_control_batch)

    @property
    def is_transactional(self) -> bool:
        return self._stopped_at is None and bool(self._plain.is_transactional)

    def __iter__(self) -> Iterator[Any]:
        if self._stopped_at is None:
            return self._bounded(self._records())
        problem = f"the checksum of its batch is wrong ({len(self._data)} bytes from offset {self.base_offset} on)"
        return iter([self._unread(offset, problem) for offset in self._lost])

    def _bounded(self, records: Iterator[Any]) -> Iterator[Any]:
        owner = self._owner
        for record in records:
            if record.offset >= owner.begin:
                if owner.handed_out >= FETCH_BYTES:
                    self._stopped_at = record.offset
                    return
                owner.handed_out += 100 + len(record.key or b"") + len(record.value or b"")
            yield record

    def _records(self) -> Iterator[Any]:
        packed = self._attributes & _CODECS
        try:
            body = self._open(packed).read(RECORD_BYTES + 1) if packed else self._data[_HEADER.size :]
            if len(body) <= RECORD_BYTES:
                header = bytearray(self._data[: _HEADER.size])
                header[_ATTRIBUTES + 1] &= ~_CODECS & 0xFF
                # As a list: what a generator had given before it raised could not be taken back.
                return iter(list(DefaultRecordBatch(bytes(header) + bytes(body))))
        except Exception as error:
            if not blame.of_record("consumer", error):
                raise
        return self._streamed(packed)

    def _open(self, packed: int) -> _Readable:
        """The records' bytes as a stream that unpacks no more than is read."""
        data = self._data[_HEADER.size :].tobytes()
        match packed:
            case DefaultRecordBase.CODEC_NONE:
                return BytesIO(data)
            case DefaultRecordBase.CODEC_GZIP:
                return gzip.GzipFile(fileobj=BytesIO(data))
            case DefaultRecordBase.CODEC_SNAPPY:
                return BytesIO(_snappy(data))
            case DefaultRecordBase.CODEC_LZ4:
                import lz4.frame  # type: ignore[import-untyped]

                return lz4.frame.LZ4FrameFile(BytesIO(data))  # type: ignore[no-any-return]
            case DefaultRecordBase.CODEC_ZSTD:
                import zstandard

                return zstandard.ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True)
        raise ValueError(f"the codec {packed} is unknown")

    def _streamed(self, packed: int) -> Iterator[Record]:
        """One by one. What cannot be read ends the batch only where nobody knows any more at which byte the next record begins."""
        place = 0
        try:
            stream = _Stream(self._open(packed))
            for place in range(self._count):
                length = stream.varint()
                if length < 0:
                    raise ValueError(f"a record of {length} bytes")
                if length <= RECORD_BYTES and length <= stream.left:
                    yield self._whole(place, stream.take(length))
                else:
                    yield self._giant(place, length, stream)
        except Exception as error:
            if not blame.of_record("consumer", error):
                raise
            problem = f"cannot be unpacked: {type(error).__name__}: {error}"[:500]
            yield from (self._unread(self.base_offset + at, problem) for at in range(place, self._last_delta + 1))

    def _whole(self, place: int, body: bytes) -> Record:
        try:
            at, timestamp, offset = self._head(body)
            key, at = _bytes(body, at)
            value, at = _bytes(body, at)
            headers, at = _headers(body, at)
            if at != len(body):
                raise ValueError(f"{len(body) - at} bytes after its end")
        except Exception as error:
            if not blame.of_record("consumer", error):
                raise
            problem = f"is no record of Kafka: {type(error).__name__}: {error}"[:500]
            return self._unread(self.base_offset + place, problem, body, len(body), hashlib.sha256(body).hexdigest(), len(body))
        return Record(offset, timestamp, self._stamp, key, value, headers, None)

    def _giant(self, place: int, length: int, stream: _Stream) -> Record:
        """The beginning of a record larger than is kept, and what is known of the rest, which passes by."""
        begin = stream.take(min(length, _PIECE, stream.left))
        offset, key, value, size, at = self.base_offset + place, None, None, length, 0
        what = "record"
        try:
            at, _, offset = self._head(begin)
            key_size, at = _varint(begin, at)
            key, at = begin[at : at + max(key_size, 0)][:KEPT_BYTES] if key_size >= 0 else None, at + max(key_size, 0)
            size, at = _varint(begin, at)
            what, value = "value", begin[at : at + max(size, 0)][:KEPT_BYTES] if size >= 0 else None
        except IndexError:  # its key alone is larger than what is kept
            size, at = length, 0
        size = max(size, 0)
        digest = hashlib.sha256(begin[at : at + size])
        hashed, left = len(begin[at : at + size]), length - len(begin)
        while left and stream.left:
            piece = stream.take(min(left, _PIECE, stream.left))
            left -= len(piece)
            digest.update(piece[: size - hashed])
            hashed += len(piece[: size - hashed])
        problem = f"has {length} bytes unpacked, at most {RECORD_BYTES} are read"
        if left:
            # The next record cannot be found: the stream ends here, and the others say so.
            stream.refusal = f"lies behind more than {BATCH_BYTES} unpacked bytes of its batch"
        cut = Cut(f"the {what} is cut: the record {problem}", size, digest.hexdigest(), hashed)
        return Record(offset, self._max_timestamp, self._stamp, key, value, (), cut)

    def _head(self, body: bytes) -> tuple[int, int, int]:
        """Where the key begins, the timestamp and the offset."""
        delta, at = _varint(body, 1)
        offset, at = _varint(body, at)
        return at, self._max_timestamp if self._stamp else self._first_timestamp + delta, self.base_offset + offset

    @property
    def _stamp(self) -> int:
        return int(bool(self._attributes & DefaultRecordBase.TIMESTAMP_TYPE_MASK))

    def _unread(
        self, offset: int, problem: str, body: bytes | None = None, size: int | None = None, sha256: str = "", hashed: int = 0
    ) -> Record:
        kept = None if body is None else body[:KEPT_BYTES]
        return Record(offset, self._max_timestamp, self._stamp, None, kept, (), Cut(problem, size, sha256, hashed))


class Records:
    """Stands in for aiokafka's ``MemoryRecords``: the batches of one partition out of one fetch."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._slices = Slices(data)  # finds the batches; one that is cut off at the end it leaves out
        self._at = 0
        self.begin = 0  # offset from which on records are wanted
        self.handed_out = 0
        self.corrupt: Callable[[int], int] = lambda _: CORRUPT_ATTEMPTS

    def size_in_bytes(self) -> int:
        return len(self._data)

    def has_next(self) -> bool:
        return self.handed_out < FETCH_BYTES and bool(self._slices.has_next())

    def next_batch(self) -> Any:
        batch = self._slices.next_batch()
        length = 12 + int.from_bytes(self._data[self._at + 8 : self._at + 12], "big")
        data = self._data[self._at : self._at + length]
        self._at += length
        return batch if data[16] < 2 else _Batch(data, self)  # older formats hold one record or were unpacked by the broker


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's own, which tells the batches where reading begins, and counts how often one came damaged."""

    #: By partition and first offset.
    _corrupt: dict[tuple[Any, int], int] = {}  # noqa: RUF012

    def __init__(self, tp: Any, records: Records, aborted: Any, fetch_offset: int, *more: Any) -> None:
        records.begin = fetch_offset
        records.corrupt = lambda base: self._count(tp, base)
        super().__init__(tp, records, aborted, fetch_offset, *more)

    @classmethod
    def _count(cls, tp: Any, base: int) -> int:
        times = cls._corrupt[tp, base] = cls._corrupt.get((tp, base), 0) + 1
        log.error("a batch came with a wrong checksum", topic=tp.topic, partition=tp.partition, offset=base, times=times)
        return times


class _Stream:
    """Reads exactly what is asked for; EOFError where there is less. ``left``: bytes that may still be unpacked."""

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self.left = BATCH_BYTES
        self.refusal = ""  # set: nothing more is read, and why

    def take(self, size: int) -> bytes:
        if self.refusal:
            raise ValueError(self.refusal)
        self.left -= size
        found = self._source.read(size)
        while len(found) < size:
            more = self._source.read(size - len(found))
            if not more:
                raise EOFError(f"{size - len(found)} bytes are missing")
            found += more
        return found

    def varint(self) -> int:
        raw = b""
        while len(raw) < 10:
            raw += self.take(1)
            if raw[-1] < 0x80:
                return int(_varint(raw, 0)[0])
        raise ValueError("a length of more than ten bytes")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; IndexError beyond the end (where aiokafka's compiled one reads on, and may end the process)."""
    number = 0
    for shift in range(0, 70, 7):
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
    raise ValueError("a number of more than ten bytes")


def _bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    """Bytes with their length before them, and where they end."""
    size, at = _varint(body, at)
    if size < 0:
        return None, at
    if at + size > len(body):
        raise ValueError(f"{size} bytes are said to follow, {len(body) - at} do")
    return body[at : at + size], at + size


def _headers(body: bytes, at: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    """Names need not be UTF-8 for a broker, and for us it does not matter: no program decides by another's header."""
    count, at = _varint(body, at)
    if not 0 <= count <= len(body):
        raise ValueError(f"{count} headers")
    headers = []
    for _ in range(count):
        name, at = _bytes(body, at)
        value, at = _bytes(body, at)
        headers.append(((name or b"").decode("utf-8", "backslashreplace"), value))
    return tuple(headers), at


def _snappy(data: bytes) -> bytes:
    """Unpacked. Snappy cannot grow by more than 22 times, but believes a length that says so before it looks."""
    at = 16 if data[:8] == b"\x82SNAPPY\0" else 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big") if data[:8] == b"\x82SNAPPY\0" else len(data)
        at += 4 if data[:8] == b"\x82SNAPPY\0" else 0
        said = 0
        for place, byte in enumerate(data[at : at + 5]):
            said |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                break
        if size <= 0 or said > 32 * size + 64:
            raise ValueError(f"{size} bytes of snappy cannot hold {said}")
        at += size
    return bytes(codec.snappy_decode(data))
