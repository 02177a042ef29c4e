"""Batches of records byte by byte, as no client would build them, and a way to a broker that does not look at them either."""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

import lz4.frame  # type: ignore[import-untyped]
import zstandard
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.util import calc_crc32c, encode_varint

HEADER = DefaultRecordBase.HEADER_STRUCT
PACK: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lambda data: gzip.compress(data, 6),
    3: lz4.frame.compress,
    4: zstandard.ZstdCompressor(3).compress,
}


class Sent(NamedTuple):
    """What a producer puts into a batch; names of headers are bytes here, since nothing obliges it to UTF-8."""

    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: tuple[tuple[bytes, bytes | None], ...] = ()
    tail: bytes = b""


def varint(value: int) -> bytes:
    out = bytearray()
    encode_varint(value, out.append)
    return bytes(out)


def field(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


def record(place: int, sent: Sent) -> bytes:
    headers = b"".join(field(name) + field(value) for name, value in sent.headers)
    body = b"\0" + varint(place) + varint(place) + field(sent.key) + field(sent.value) + varint(len(sent.headers)) + headers
    return varint(len(body + sent.tail)) + body + sent.tail


def batch(records: list[Sent], *, base: int = 0, codec: int = 0, body: bytes | None = None, damaged: bool = False) -> bytes:
    """As a broker hands it out. ``body``: in place of the packed records; ``damaged``: its checksum is of other bytes."""
    if body is None:
        body = PACK[codec](b"".join(record(place, sent) for place, sent in enumerate(records)))
    last = len(records) - 1
    length = HEADER.size - 12 + len(body)
    after = HEADER.pack(base, length, 0, 2, 0, codec, last, 1_000, 1_000 + last, -1, -1, -1, len(records))[21:] + body
    crc = calc_crc32c(after)
    head = HEADER.pack(base, length, 0, 2, crc ^ damaged, codec, last, 0, 0, -1, -1, -1, len(records))[:21]
    return head + after


def produce(address: str, topic: str, partition: int, records: bytes) -> tuple[int, int]:
    """Send a batch as it is (Produce, version 7); the broker's error code and the offset that it gave."""
    host, port = address.rsplit(":", 1)

    def text(value: str | None) -> bytes:
        return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()

    body = struct.pack(">hhi", 0, 7, 1) + text("raw") + text(None) + struct.pack(">hi", -1, 30_000)
    body += struct.pack(">i", 1) + text(topic) + struct.pack(">iii", 1, partition, len(records)) + records
    with socket.create_connection((host, int(port)), timeout=30) as broker, broker.makefile("rb") as answers:
        broker.sendall(struct.pack(">i", len(body)) + body)
        (length,) = struct.unpack(">i", answers.read(4))
        answer = answers.read(length)
    at = 4 + 4 + 2 + len(topic) + 4 + 4
    error, offset = struct.unpack(">hq", answer[at : at + 10])
    return error, offset
