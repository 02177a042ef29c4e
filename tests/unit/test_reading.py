"""Where a partition is read from: nothing that lies in the log and not in the tables is skipped, and nothing is lost in silence.

The property is held against a simulation that knows, offset by offset, what is where: any mixture of retention, a cut log, a new topic,
lost tables and older backups, any number of times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from weftline.processors.reading import MARKS, Log, Mark, Reread, Table, judge

RECORDS, FACTS = "order_records", "order_facts"

FATES = st.lists(
    st.sampled_from(
        ("write", "read", "retain", "cut", "anew", "empty", "replace", "backup", "restore", "forget", "over", "busy", "busy_anew")
    ),
    max_size=25,
)


class Partition:
    """One partition, its group and its tables. ``log``: offset → serial number of the record; ``tables``: the numbers stored."""

    def __init__(self) -> None:
        self.serial = 0
        self.topic = 1
        self.start = 0
        self.log: list[int] = []
        self.committed: int | None = None
        self.tables: set[int] = set()
        self.block = 0
        self.first = 0
        self.mark: Mark | None = None
        self.ids = {RECORDS: 1, FACTS: 1, MARKS: 1}
        self.saved: Any = None
        self.written: set[int] = set()
        self.told = False
        self.over()  # a group begins at the oldest record that there is; what was deleted before is no loss to it

    @property
    def end(self) -> int:
        return self.start + len(self.log)

    def at(self, offset: int) -> int:
        return self.log[offset - self.start]

    def write(self) -> None:
        self.serial += 1
        self.log.append(self.serial)
        self.written.add(self.serial)

    def over(self) -> None:
        """A worker takes the partition over, until Kafka says what it says."""
        while True:
            tables = {
                name: Table(str(self.ids[name]), not self.tables and name != MARKS, self.first, self.block if self.first else 0)
                for name in self.ids
            }
            log = Log(str(self.topic), self.start, self.end, self.committed)
            verdict = judge(0, log, self.mark, RECORDS, (FACTS,), tables)
            assert self.start <= verdict.offset <= self.end
            self.told = self.told or bool(verdict.losses)
            self.mark = verdict.mark
            if verdict.offset == self.committed:
                return
            self.committed = verdict.offset

    def read(self) -> None:
        """What a worker does that holds it: half of what there is."""
        self.over()
        self.insert()

    def busy(self, *, anew: bool = False) -> None:
        """The records are gone beneath a worker that stores more of them, and dies before it looks at its tables again; another takes
        over. ``anew``: and ClickHouse is started anew before, and counts its blocks from 1 again."""
        self.write()
        self.read()
        self.over()
        self.write()
        self.empty()
        if anew:
            self.block = 0
        self.insert()
        self.over()

    def busy_anew(self) -> None:
        self.write()
        self.read()
        self.busy(anew=True)

    def insert(self) -> None:
        assert self.committed is not None
        assert self.mark is not None
        upto = self.committed + (self.end - self.committed + 1) // 2
        fresh = {self.at(offset) for offset in range(self.committed, upto)}
        self.tables |= fresh
        if fresh:
            self.block += 1
            self.first = self.first or self.block
        self.mark = replace(self.mark, offset=max(upto, self.mark.offset), records=self.mark.records + len(fresh))
        self.committed = upto

    def retain(self) -> None:
        if self.log:
            del self.log[0]
            self.start += 1

    def cut(self) -> None:
        """Kafka loses its end. What nobody had read of it nobody can miss; it is noticed before as much is written again."""
        self.written -= {self.at(offset) for offset in range(max(self.start, self.end - 2), self.end)} - self.tables
        del self.log[-2:]
        self.over()

    def anew(self) -> None:
        self.topic += 1
        self.start, self.log, self.committed = 0, [], None

    def empty(self) -> None:
        self.tables.clear()
        self.first = 0

    def replace(self) -> None:
        self.empty()
        self.block = 0
        self.ids[RECORDS] += 10

    def backup(self) -> None:
        self.saved = (set(self.tables), self.mark)

    def restore(self) -> None:
        """An older backup, of all tables at once."""
        if self.saved is not None:
            self.tables, self.mark = set(self.saved[0]), self.saved[1]
            self.block = self.first = 1 if self.tables else 0
            self.ids = {name: number + 100 for name, number in self.ids.items()}

    def forget(self) -> None:
        """The group's offsets expire."""
        self.committed = None


@settings(max_examples=80, deadline=None)
@given(FATES)
def test_what_the_log_has_gets_into_the_tables_or_is_told(fates: list[str]) -> None:
    at = Partition()
    for fate in fates:
        getattr(at, fate)()
    for _ in range(8):
        at.read()
    at.read()
    lacking = [number for number in at.log if number not in at.tables]
    assert not lacking or at.told
    # What is still in the log is in the tables: nothing there was skipped, whatever was told.
    assert not lacking, fates
    if at.written - at.tables:
        assert at.told, "records are neither in the tables nor told of"


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_without_misfortune_nothing_is_told_and_nothing_moves(start: int, read: int, more: int) -> None:
    tables = {name: Table("1", False) for name in (RECORDS, FACTS, MARKS)}
    known = Mark("t", start + read, read, dict.fromkeys(tables, "1"))
    verdict = judge(0, Log("t", start, start + read + more, start + read), known, RECORDS, (FACTS,), tables)
    assert verdict == (start + read, (), known)
    # Kafka is told after the mark was stored, so that a crash between the two leaves it behind.
    behind = judge(0, Log("t", start, start + read + more, start), known, RECORDS, (FACTS,), tables)
    assert (behind.offset, behind.losses, behind.mark) == (start, (), known)


def test_a_request_is_heeded_once_kafka_was_told() -> None:
    tables = {name: Table("1", False) for name in (RECORDS, FACTS, MARKS)}
    mark = Mark("t", 40, 40, dict.fromkeys(tables, "1"))
    asked = judge(0, Log("t", 5, 40, 40), mark, RECORDS, (FACTS,), tables, Reread(10, 1000))
    assert (asked.offset, asked.losses, asked.mark.reread_at) == (10, (), 0)
    told = judge(0, Log("t", 5, 40, 10), mark, RECORDS, (FACTS,), tables, Reread(10, 1000))
    assert (told.offset, told.losses, told.mark.reread_at) == (10, (), 1000)
    assert judge(0, Log("t", 5, 60, 55), replace(told.mark, offset=55), RECORDS, (FACTS,), tables, Reread(10, 1000)).offset == 55


def test_derived_tables_that_are_lost_are_for_the_rebuild() -> None:
    tables = {RECORDS: Table("1", False), FACTS: Table("2", True), MARKS: Table("1", False)}
    mark = Mark("t", 40, 40, dict.fromkeys(tables, "1"))
    verdict = judge(0, Log("t", 0, 40, 40), mark, RECORDS, (FACTS,), tables)
    assert verdict.offset == 40
    assert [loss.what for loss in verdict.losses] == ["derived"]
    assert "weftline rebuild" in verdict.losses[0].detail
