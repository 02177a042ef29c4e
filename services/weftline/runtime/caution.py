"""A program that dies on the same records again and again: how the next one finds the record of which it dies.

An exception is caught, and the batch halved until the culprit is found (:mod:`.loop`). A death (SIGSEGV, the kernel that lacks memory,
the watchdog) is not: all that is left is what was written before. So for some seconds after it has taken a partition over, a worker
notes before each step which offsets it tries, and after the settle that these are through. Whoever takes over next and finds such a
note that nobody has closed steps these offsets once more as a whole, for mostly its predecessor was killed from outside. The one after
that steps them in small pieces, noting each and settling after it; if it dies again, what is noted is smaller. A single record of
which :data:`CONFIRMED` workers in a row have died goes to dead letters as ``processing_failed``.

So with a batch of up to :data:`SINGLE` records the sixth death at the latest is the last one: the first goes unnoted, the second and
third leave the batch, the fourth to sixth the record. Up to 1,024 it is the seventh, up to 20,000 the eighth.

A worker that is killed from outside at a wrong moment leaves the same note. That costs its successor one settle more, and the one
after, if that is killed too, some ten (one by one, the 100 noted records of each of eight partitions took it 90 s on a busy machine;
therefore pieces of several partitions are stepped together until they are single records, and of these there are no more than
:data:`SINGLES`, however many partitions there are). It costs no record: three in a row would have to be killed within the tens of
milliseconds in which the same single record was stepped.

The notes lie in ClickHouse, one row per partition: not on the worker's disk, which a container loses with its life; nor in the
metadata of a commit, which Faust writes over every second, and which only a member of the group may write. A note costs 9 ms, and none
is written once a worker has lived through its first seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Final, NamedTuple

from weftline.runtime.chunks import Cut, RawRecord

#: After a takeover, and after a suspicious range was passed, each step is noted for so long. A worker that dies of a record dies within
#: this time of its start: it reads on from its last commit, a second before.
WATCH_SECONDS: Final = 10.0
#: A range of which so many have died is stepped as a whole once more.
KILLED: Final = 1
#: A suspicious range of so many records is stepped one by one; a larger one in so many pieces, of no fewer than those.
SINGLE: Final = 16
PIECES: Final = 64
#: So many single records at most are stepped one by one, of however many partitions; but always two of each, else nothing would get less.
#: With eight of them it is :data:`SINGLE` of each, as before there were more. A batch is spread over all: with 48, sixteen of each would
#: be 768, some 85 s.
SINGLES: Final = 128
#: So many workers in a row have died while they stepped this record and no other.
CONFIRMED: Final = 3
#: So many more have died of burying it: then its address alone is buried.
BURYING: Final = 2
#: In place of a number of times: a record that was buried so. It may come again, since what lies beside it is not yet acknowledged, and
#: is then passed over: it is a dead letter already.
BURIED: Final = -1


class Attempt(NamedTuple):
    """A note: these offsets of a partition are being tried, for the ``times``-th time in a row. 0: they are through;
    :data:`BURIED`."""

    partition: int
    first: int
    last: int
    times: int


class DiedOf(Exception):
    """Why a record is rejected of which no exception is known."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a step. ``notes``: to be written before; ``alone``: to be settled by itself; ``deaths``: so many died of it, reject it."""

    records: Sequence[RawRecord]
    notes: tuple[Attempt, ...] = ()
    alone: bool = False
    deaths: int = 0


class Caution:
    """What is suspicious, and what is noted. Pure; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._suspects: dict[int, Attempt] = {}
        self._watched_until: dict[int, float] = {}
        self._open: dict[int, Attempt] = {}
        self._buried: set[tuple[int, int]] = set()  # partition, offset

    def take_over(self, partitions: Iterable[int], found: Iterable[Attempt], now: float) -> None:
        """Partitions newly held, and the notes that lay there."""
        self._watched_until.update(dict.fromkeys(partitions, now + WATCH_SECONDS))
        self._suspects.update({note.partition: note for note in found if note.times > 0})
        self._buried |= {(note.partition, note.first) for note in found if note.times == BURIED}

    @property
    def suspicious(self) -> Collection[int]:
        """Partitions in which something is: what is stepped before and after it is told by offsets, so it must come in their order."""
        return self._suspects.keys()

    def close(self, partitions: Iterable[int] | None = None) -> list[Attempt]:
        """Notes that what was tried is through, of these partitions or all; to be written."""
        chosen = list(self._open if partitions is None else self._open.keys() & set(partitions))
        return [self._open.pop(partition)._replace(times=0) for partition in chosen]

    def forget(self, partitions: Iterable[int]) -> None:
        """Partitions that are no longer held."""
        gone = set(partitions)
        for partition in gone:
            for kept in (self._suspects, self._watched_until, self._open):
                kept.pop(partition, None)
        self._buried = {(partition, offset) for partition, offset in self._buried if partition not in gone}

    def portions(self, records: Sequence[RawRecord], now: float) -> Iterator[Portion]:
        """A step in parts: before the suspicious ranges, these in pieces, then what comes after them. Mostly it is one."""
        if self._buried:
            records = [record for record in records if (record.partition, record.offset) not in self._buried]
        if not self._suspects and all(until <= now for until in self._watched_until.values()):
            if records:
                yield Portion(records)
            return
        before, again, suspicious, after = self._sorted(records)
        if before:
            yield Portion(before, self._noted(before, now))
        if again:
            yield self._again(again)
        for pieces in suspicious:
            yield self._pieces(pieces)
        for partition in {record.partition for record in after} & self._suspects.keys():
            del self._suspects[partition]
            self._watched_until[partition] = now + WATCH_SECONDS
        if after:
            yield Portion(after, self._noted(after, now))

    def _sorted(
        self, records: Sequence[RawRecord]
    ) -> tuple[list[RawRecord], list[RawRecord], list[list[list[RawRecord]]], list[RawRecord]]:
        """What lies before the suspicious ranges, those to be stepped as a whole, of the others the pieces that are stepped together,
        and what comes after."""
        before, again, after = [], [], []
        within: dict[int, list[RawRecord]] = defaultdict(list)
        for record in records:
            suspect = self._suspects.get(record.partition)
            if suspect is None or record.offset < suspect.first:
                before.append(record)
            elif record.offset > suspect.last:
                after.append(record)
            elif suspect.times == KILLED and suspect.first < suspect.last:
                again.append(record)
            else:
                within[record.partition].append(record)
        return before, again, list(self._rounds(within.values())), after

    def _rounds(self, within: Iterable[list[RawRecord]]) -> Iterator[list[list[RawRecord]]]:
        """Single records, each by itself, for it is to blame; of larger ranges the first piece of every partition, then the second..."""
        cut: list[list[list[RawRecord]]] = []
        within = list(within)
        single = max(2, min(SINGLE, SINGLES // max(1, len(within))))
        for several in within:
            # Not of the range: what was buried is no longer in it, and a piece must be less than all that is left.
            size = _piece_of(len(several), single)
            pieces = [several[start : start + size] for start in range(0, len(several), size)]
            if size == 1:
                yield from ([piece] for piece in pieces)
            else:
                cut.append(pieces)
        for round_ in zip_longest(*cut):
            together = [piece for piece in round_ if piece]
            if larger := [piece for piece in together if len(piece) > 1]:
                yield larger
            yield from ([piece] for piece in together if len(piece) == 1)

    def _again(self, records: list[RawRecord]) -> Portion:
        touched = sorted({record.partition for record in records})
        for partition in touched:
            self._open[partition] = self._suspects[partition]._replace(times=KILLED + 1)
        return Portion(records, tuple(self._open[partition] for partition in touched), alone=True)

    def _pieces(self, pieces: list[list[RawRecord]]) -> Portion:
        if len(pieces) == len(pieces[0]) == 1:
            return self._single(pieces[0][0])
        notes = [Attempt(piece[0].partition, piece[0].offset, piece[-1].offset, KILLED + 1) for piece in pieces]
        self._open.update((note.partition, note) for note in notes)
        return Portion(list(chain.from_iterable(pieces)), tuple(notes), alone=True)

    def _single(self, record: RawRecord) -> Portion:
        suspect = self._suspects[record.partition]
        died = suspect.times if suspect.first == suspect.last else 0
        note = self._open[record.partition] = Attempt(record.partition, record.offset, record.offset, died + 1)
        if died >= CONFIRMED + BURYING:
            record = _bare(record)
        return Portion([record], (note,), alone=True, deaths=died if died >= CONFIRMED else 0)

    def _noted(self, records: Sequence[RawRecord], now: float) -> tuple[Attempt, ...]:
        """Ranges by partition, with what was tried since the last settle.

        What lies before a suspicious range was stepped by the worker that left the note, and is not noted over it: of two partitions with
        a deadly record each, one would forget its own whenever the other's was stepped first, and workers would die for ever.
        """
        watched = {partition for partition, until in self._watched_until.items() if until > now}
        touched = {record.partition for record in records} & watched - self._suspects.keys()
        for record in records:
            partition = record.partition
            if partition in touched:
                note = self._open.get(partition) or Attempt(partition, record.offset, record.offset, 1)
                self._open[partition] = note._replace(first=min(note.first, record.offset), last=max(note.last, record.offset))
        return tuple(self._open[partition] for partition in sorted(touched))


def _piece_of(records: int, single: int) -> int:
    """How many records a piece of so many has, of which ``single`` are stepped one by one: so that two rounds of pieces are enough."""
    return 1 if records <= single else max(single, min(records // PIECES, single * PIECES))


def _bare(record: RawRecord) -> RawRecord:
    size = None if record.value is None else len(record.value)
    cut = Cut("left out: workers died of burying it", size, "", 0)
    return record._replace(key=None, value=None, headers=(), cut=record.cut or cut)
