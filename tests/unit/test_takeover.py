"""What a worker notes at a look at its tables, without a record that would have it settle."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tests.support import tables

from weftline.processors.reading import MARKS, Mark
from weftline.processors.step import Processor
from weftline.processors.takeover import LOOKED_AT, STORED_MARKS, TABLES, Takeover
from weftline.runtime.health import Status
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import load
from weftline.warehouse.faults import NotReady

KIND = tables.kinds()["orders"]
NAMES = (*KIND.tables, MARKS)
#: Partition 0 was read again up to 28, partition 1 not yet.
MARK = Mark("t", 28, 28, dict.fromkeys(NAMES, "1"))
LOST = [(number, "tables", 0, 28, "read again", "t", 1) for number in (0, 1)]


class Tables:
    """ClickHouse, as far as a look asks it; ``inserted`` are rows by table."""

    def __init__(self) -> None:
        self.inserted: dict[str, list[tuple[Any, ...]]] = {}
        self.sign = "parts"
        self.blocks: tuple[int, int] | tuple[()] = (3, 9)  # of every table: the oldest and the newest; none where they are empty

    async def rows(self, statement: str, _parameters: Any = None) -> list[tuple[Any, ...]]:
        if statement == TABLES:
            first, last = self.blocks or (0, 0)
            return [(name, "1", not self.blocks, first, last, self.sign) for name in (*NAMES, *LOOKED_AT)]
        if statement == STORED_MARKS:
            raise AssertionError("a look goes by the marks that it has")
        return LOST if "open_losses" in statement else []

    async def insert(self, table: str, columns: Any, _names: Any, _types: Any) -> None:
        self.inserted.setdefault(table, []).extend(zip(*columns, strict=True))


def test_a_look_notes_what_is_mended_and_what_blocks_there_are() -> None:
    """Nothing may come any more, and who read the last record again may have died before it said so."""
    server = Tables()
    takeover = Takeover(KIND, server, load(), Status("orders", Metrics("orders")))  # type: ignore[arg-type]
    takeover._marks = {0: MARK, 1: replace(MARK, offset=14)}
    takeover._seen = {}
    asyncio.run(takeover.look())
    assert [row[:4] for row in server.inserted["losses"]] == [("orders", KIND.topic, "t", 0)]
    assert [(row[1], row[3], *row[-2:]) for row in server.inserted[MARKS]] == [(0, 28, 3, 9), (1, 14, 3, 9)]
    server.inserted.clear()
    asyncio.run(takeover.look())
    assert MARKS not in server.inserted, "known once, they are stored with what is settled"


def test_what_is_lost_before_the_first_sweep_is_noticed() -> None:
    """A new table is written, emptied and written again: by its newest rows alone nothing would tell that others were there."""
    server, status = Tables(), Status("orders", Metrics("orders"))
    takeover = Takeover(KIND, server, load(), status)  # type: ignore[arg-type]

    async def scenario() -> None:
        server.blocks = ()
        takeover._marks = {0: replace(MARK, offset=0, records=0)}
        found, _ = await takeover._tables()
        takeover._seen = found  # as it was taken over
        server.blocks = (1, 1)
        await takeover.filled()
        assert status.take_doubt() is None
        server.blocks = (2, 2)  # emptied, and others have come
        await takeover.filled()
        await takeover.look()
        assert status.take_doubt() is not None

    asyncio.run(scenario())


def test_what_is_lost_as_soon_as_it_is_written_is_noticed() -> None:
    server, status = Tables(), Status("orders", Metrics("orders"))
    takeover = Takeover(KIND, server, load(), status)  # type: ignore[arg-type]

    async def scenario() -> None:
        server.blocks = ()
        takeover._seen, _ = await takeover._tables()
        server.sign = ""  # of a replica nothing can be told
        await takeover.filled()
        assert status.take_doubt() is None
        server.sign = "parts"
        await takeover.filled()
        assert status.take_doubt() == "order_records: emptied as soon as it was written"

    asyncio.run(scenario())


def test_every_row_is_seen_to_by_one_worker_whatever_partition_it_bears() -> None:
    """Of a topic that was made anew with fewer partitions than the rows speak of, too."""
    takeover = Takeover(KIND, Tables(), load(), Status("orders", Metrics("orders")))  # type: ignore[arg-type]
    takeover.partitions, takeover._rows_end = 5, 3  # it got two more, and nothing was written since
    assert takeover.rows_of({0, 3}) == [0, 3]
    takeover.partitions, takeover._rows_end = 3, 8
    shares = [takeover.rows_of(held) for held in ({0, 2}, {1})]
    assert shares == [[0, 2, 3, 5, 6], [1, 4, 7]]


class Torn:
    """A store and the takeover of a worker; of its settle everything is done, or the rollups are not."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails
        self.done: list[str] = []

    async def refresh(self, _minutes: Any) -> None:
        for _ in range(10):  # as long as everything beside it takes
            await asyncio.sleep(0)
        if self._fails:
            raise NotReady("", "the worker is killed here")
        self.done.append("rollups")

    async def put_states(self, _rows: Any) -> None:
        self.done.append("state")

    async def keep(self, read: Any) -> None:
        assert read == {0: (7, 0)}
        self.done.append("mark")


def test_what_was_read_is_noted_when_it_is_in_every_table() -> None:
    """Whoever dies before would else leave word of records beside a rollup that is still empty, and his successor call that one lost."""

    def settled(fails: bool) -> list[str]:
        torn: Any = Torn(fails)
        given: Any = (KIND, 8, torn, None, None, lambda: 0, load(), Metrics("orders"), None, torn)
        with suppress(NotReady):
            asyncio.run(Processor(*given).settle({0: 7}))
        return torn.done  # type: ignore[no-any-return]

    assert settled(fails=False)[-2:] == ["rollups", "mark"]
    assert "mark" not in settled(fails=True)
