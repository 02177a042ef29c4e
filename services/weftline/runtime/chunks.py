"""Records as they come from Kafka, and the bounded queue in which they wait for their step."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import Gauge

#: Whoever has so many records in the queue of a partition is a crowd.
CROWDED = 64
#: What a record takes in memory besides its bytes.
RECORD_BYTES = 700


class Cut(NamedTuple):
    """Why a record is not, or not wholly, here. ``size``: bytes of the value (of the whole record where nobody knows where its value
    begins), None if unknown; ``sha256`` (hexadecimal, or empty) of its first ``hashed`` bytes."""

    problem: str
    size: int | None
    sha256: str
    hashed: int


class RawRecord(NamedTuple):
    """One record as Kafka has it. ``timestamp`` in ms since the epoch. A NamedTuple: a frozen dataclass takes longer to make.

    ``cut``: it could not be read, or is too large to be kept; key and value are then the beginnings of what came, or None.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    cut: Cut | None = None

    @property
    def size(self) -> int:
        """Bytes in memory, nearly."""
        names = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + names


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition, in offset order, that are acknowledged together; none where there is nothing to be read.

    ``end`` is the first offset beyond it.
    """

    partition: int
    records: Sequence[RawRecord]
    size: int  # bytes of keys, values and headers
    ack: Callable[[], None]
    lost: bool = field(default=False)  # its partition was taken away: never to be acknowledged
    end: int = field(default=-1)
    to_step: int = field(default=0)  # parts of it that were not stepped yet
    to_settle: int = field(default=0)

    def __post_init__(self) -> None:
        if self.end < 0:
            self.end = self.records[-1].offset + 1

    def parts(self, crowd: Collection[bytes | None]) -> list[Part]:
        """What is stepped together, once: all of it, or the records with the keys of a crowd and the others."""
        theirs = [record for record in self.records if record.key in crowd] if crowd else []
        if 0 < len(theirs) < len(self.records):
            others = [record for record in self.records if record.key not in crowd]
            parts = [Part(self, several, sum(r.size for r in several), several is theirs) for several in (others, theirs)]
        else:
            parts = [Part(self, self.records, self.size, behind=bool(theirs))]
        self.records = ()
        self.to_step = self.to_settle = len(parts)
        return parts


@dataclass(slots=True, eq=False)
class Part:
    """Records of a chunk. ``behind``: of those who send so much that others need not wait for them."""

    chunk: Chunk
    records: Sequence[RawRecord]
    size: int  # as of a chunk
    behind: bool


class ChunkQueue:
    """Chunks by partition. ``records`` and ``size`` (bytes) bound one step; ``gauge`` shows the records that wait.

    Kafka has one order in a partition, and one owner's flood stands in it before everybody else's next record. The tables are the same
    in any order, so nobody has to wait for that: records of a crowd stand in a line of their own, from which steps take in turn with the
    lines of all others. To get at the others, so much of crowds is held back: ``ahead`` (bytes in memory).
    """

    def __init__(self, records: int, size: int, ahead: int, gauge: Gauge) -> None:
        self.most_records = records  # may be changed at any time
        self._most_size = size
        self._most_ahead = ahead
        self._gauge = gauge
        self._keys: dict[int, dict[bytes | None, int]] = {}  # by partition: how many records each key has here
        self._others_had_theirs = False  # the last step was without a crowd
        self._lines: OrderedDict[_Line, deque[Part]] = OrderedDict()  # the one to be taken from next comes first
        self._records = 0  # in lines that are no crowd's
        self._size = 0
        self._ahead = 0  # bytes in the lines of crowds
        self._behind = 0  # records there
        self._less = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def has_room(self) -> bool:
        """Whether less than a full step is queued, and of crowds less than may be held back."""
        return self._records < self.most_records and self._size < self._most_size and self._ahead <= self._most_ahead

    @property
    def full(self) -> bool:
        """Whether there is a full step."""
        return self._records + self._behind >= self.most_records or self._size >= self._most_size or not self.has_room

    @property
    def others_first(self) -> bool:
        """Whether the next step is without the crowd that waits too."""
        return bool(self._records and self._behind) and not self._others_had_theirs

    async def room(self) -> None:
        """Return when :attr:`has_room`."""
        while not self.has_room:
            self._less.clear()
            await self._less.wait()

    def put(self, chunk: Chunk) -> None:
        keys = self._keys.get(chunk.partition, {})
        crowd = [
            key for key, count in Counter(record.key for record in chunk.records).items() if count + keys.get(key, 0) >= CROWDED
        ]
        for part in chunk.parts(crowd):
            self._lines.setdefault(_line(part), deque()).append(part)
            self._count(part, 1)

    def put_back(self, parts: Iterable[Part]) -> None:
        """Undo a :meth:`take`: these come first again, in the order in which they were taken."""
        for part in reversed(list(parts)):
            self._lines.setdefault(_line(part), deque()).appendleft(part)
            self._count(part, 1)

    def drop(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            for behind in (False, True):
                for part in self._lines.pop(_Line(partition, behind), ()):
                    self._count(part, -1)

    def take(self, in_order: Collection[int] = ()) -> list[Part]:
        """Parts for one step: in turn from every line, while they fit; at least one, if there is any. Those of the partitions
        ``in_order`` come as they were put, a chunk's at once."""
        without_crowds = self._others_had_theirs = self.others_first
        # Where order must be kept, the others of a partition may all stand behind its crowd.
        return (self._take(in_order, without_crowds=True) if without_crowds else []) or self._take(in_order, without_crowds=False)

    def _take(self, in_order: Collection[int], *, without_crowds: bool) -> list[Part]:
        batch: list[Part] = []
        records = size = left_out = 0
        while left_out < len(self._lines):
            lines = self._next(in_order)
            if without_crowds and any(line.behind for line in lines):
                self._lines.move_to_end(next(iter(self._lines)))
                left_out += 1
                continue
            left_out = 0
            parts = [self._lines[line][0] for line in lines]
            records += sum(len(part.records) for part in parts)
            size += sum(part.size for part in parts)
            if batch and (records > self.most_records or size > self._most_size):
                break
            batch += parts
            for line, part in zip(lines, parts, strict=True):
                queue = self._lines[line]
                queue.popleft()
                self._count(part, -1)
                if queue:
                    self._lines.move_to_end(line)
                else:
                    del self._lines[line]
        return batch

    def _next(self, in_order: Collection[int]) -> list[_Line]:
        line = next(iter(self._lines))
        other = _Line(line.partition, not line.behind)
        if line.partition not in in_order or other not in self._lines:
            return [line]
        ends = {each: self._lines[each][0].chunk.end for each in (line, other)}
        return [each for each in (line, other) if ends[each] == min(ends.values())]

    def _count(self, part: Part, sign: int) -> None:
        if part.behind:
            self._behind += sign * len(part.records)
            self._ahead += sign * (part.size + RECORD_BYTES * len(part.records))
        else:
            self._records += sign * len(part.records)
            self._size += sign * part.size
        self._count_keys(part, sign)
        self._gauge.set(self._records + self._behind)
        if sign < 0:
            self._less.set()

    def _count_keys(self, part: Part, sign: int) -> None:
        keys = self._keys.setdefault(part.chunk.partition, {})
        for key, count in Counter(record.key for record in part.records).items():
            keys[key] = keys.get(key, 0) + sign * count
            if not keys[key]:
                del keys[key]


class _Line(NamedTuple):
    partition: int
    behind: bool


def _line(part: Part) -> _Line:
    return _Line(part.chunk.partition, part.behind)
