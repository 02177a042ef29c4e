"""Where to read a partition from, and what is lost: judged whenever one is taken over. Pure.

Three things say how far the log was read, and each can be lost by itself: Kafka's committed offset; the log, which retention, a new
topic or a lost disk may cut at either end; and the tables, which may be lost or restored older. So with every settle a *mark* is
stored beside the tables, before Kafka is told: all below it is in them. Kafka's offset can only be behind it. Hence

- the mark is behind Kafka's offset: the tables were restored older. They are read on from the mark, which does no harm;
- a table of the records is another one than when the mark was made, or is empty: all that the log still has is read again. (If the
  table of marks is another one too, all were restored together, and the mark holds.)
- the log begins beyond the place: retention was quicker than the processor;
- the place lies beyond the log's end: the log was cut;
- the topic's id is another one: it was deleted and made anew. The new log is read from its beginning.

Nobody skips anything in silence: what cannot be read any more is a :class:`Loss` of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: The closed set of losses. ``topic``: it does not exist now; told while it lasts, and stored nowhere.
WHAT: Final = ("retention", "recreated", "truncated", "tables", "derived", "topic")

MARKS: Final = "reading_marks"


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as Kafka has it. ``committed`` None: the group has no place there. ``topic_id`` empty: the broker has none."""

    topic_id: str
    start: int
    end: int
    committed: int | None


class Table(NamedTuple):
    """A table as ClickHouse has it: the id that it gave it when it was made, whether it is empty, and the numbers of its oldest and
    newest block (0: not known).

    Merges keep them. The oldest grows when the oldest rows are gone, also when others have come since; the newest shrinks when
    ClickHouse was started anew after that and counts from 1 again, or has lost the newest. ``emptied``: that was seen.
    """

    id: str
    empty: bool
    first: int = 0
    last: int = 0
    emptied: bool = False

    def lost_since(self, before: Table) -> bool:
        """Whether it is another table than before, or has lost what it had."""
        return self.id != before.id or self.empty > before.empty or self.lacks(before.first, before.last)

    def lacks(self, first: int, last: int) -> bool:
        """Whether rows stand in it, but not those of these blocks."""
        return not self.empty and (self.first > first > 0 or self.last < last)


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of ``reading_marks``. ``reread_at`` (ms): the last request that was heeded; ``oldest`` and ``newest``: numbers of blocks of the
    table of records when it was last looked at, 0 as long as there were none."""

    topic_id: str
    offset: int
    records: int
    tables: Mapping[str, str] = field(default_factory=dict)
    reread_at: int = 0
    oldest: int = 0
    newest: int = 0


class Reread(NamedTuple):
    """A request to read again from an offset on; ``asked_at`` in ms."""

    offset: int
    asked_at: int


class Loss(NamedTuple):
    """Offsets from ``first`` up to below ``last`` of a partition, and what happened to them."""

    partition: int
    what: str
    first: int
    last: int
    detail: str


class Verdict(NamedTuple):
    """Read from ``offset``; what is lost; and the mark that is true of the tables as they are now."""

    offset: int
    losses: tuple[Loss, ...]
    mark: Mark


def judge(
    partition: int,
    log: Log,
    mark: Mark | None,
    records: str,
    made_of_each: Sequence[str],
    tables: Mapping[str, Table],
    reread: Reread | None = None,
) -> Verdict:
    """Where to read a partition from. ``mark`` None: there never was one (the tables are new, or older than marks).

    ``records`` is the kind's table of records, ``made_of_each`` the tables in which every record has a part, ``tables`` all of the kind
    by name, and that of the marks.
    """
    losses: list[Loss] = []

    def lose(what: str, first: int, last: int, detail: str) -> None:
        losses.append(Loss(partition, what, first, last, detail))

    place = log.start if log.committed is None else log.committed
    new_log = mark is not None and "" not in (mark.topic_id, log.topic_id) and mark.topic_id != log.topic_id
    if place > log.end and not new_log:
        lose(
            "truncated",
            log.end,
            place,
            f"the log ends at offset {log.end}, but was read up to {place}: Kafka lost its end; what was read is in the tables",
        )
        place = log.end
    if new_log and mark is not None:
        lose(
            "recreated",
            mark.offset,
            mark.offset,
            f"the topic was deleted and made anew; what may have lain in the old one from offset {mark.offset} on was not read: "
            "publish it again",
        )
        place = min(place, log.start)
    elif mark is None:
        if tables[records].empty and place > log.start:
            lose(
                "tables",
                log.start,
                place,
                "the tables of records are empty though the log was read; read again as far as the log goes",
            )
            place = 0
    elif lost := _lost(mark, records, tables):
        lose("tables", log.start, max(place, min(mark.offset, log.end)), f"{lost}; read again as far as the log goes")
        place = 0
    elif mark.offset < place:
        lose("tables", mark.offset, place, "the tables are older than what Kafka says was read; read again from there")
        place = mark.offset
    heeded = mark.reread_at if mark is not None else 0
    if reread is not None and reread.asked_at > heeded:
        again = max(reread.offset, log.start)
        if again >= place:
            heeded = reread.asked_at  # Kafka has been told
        place = min(place, again)
    sound = mark is not None and not new_log and not any(loss.what in ("tables", "truncated") for loss in losses)
    stored = mark.offset if sound and mark is not None else 0
    if place < log.start:
        if max(place, stored) < log.start and (log.committed is not None or mark is not None):
            lose(
                "retention",
                max(place, stored),
                log.start,
                f"offsets {max(place, stored)} to {log.start - 1} were deleted from the log before they were stored; publish them again",
            )
        place = log.start
    derived = [name for name in _replaced(mark, tables) if name != records] if mark is not None else []
    if mark is not None and mark.records:
        derived += [name for name in made_of_each if tables[name].empty and name not in derived]
    if derived and not any(loss.what == "tables" for loss in losses):
        lose("derived", 0, 0, f"{', '.join(derived)}: lost; `weftline rebuild` makes them anew from the records")
    return Verdict(
        place,
        tuple(losses),
        Mark(
            log.topic_id,
            max(place, stored),
            mark.records if sound and mark is not None else 0,
            {name: table.id for name, table in tables.items()},
            heeded,
            tables[records].first,
            tables[records].last,
        ),
    )


def _replaced(mark: Mark, tables: Mapping[str, Table]) -> list[str]:
    """Tables that are others than when the mark was made, unless that of the marks is too: then all were restored together."""
    if mark.tables.get(MARKS) != tables[MARKS].id:
        return []
    return [name for name, table in tables.items() if mark.tables.get(name, table.id) != table.id]


def _lost(mark: Mark, records: str, tables: Mapping[str, Table]) -> str:
    if records in _replaced(mark, tables):
        return f"{records} is another table than the one that was written"
    # Whoever saw it empty may be dead, and others have filled it since.
    known = mark.tables.get(records) == tables[records].id
    if tables[records].emptied or (known and tables[records].lacks(mark.oldest, mark.newest)):
        return f"{records} has lost what was in it"
    if tables[records].empty and (mark.records or (known and mark.oldest)):
        return f"{records} is empty, though records were stored"
    return ""
