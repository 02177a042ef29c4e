"""What the board reads: statements against the warehouse, and their results for as long as the tables behind them stand still.

Connects by itself, and again after ClickHouse was away. Equal statements of several pages are run once.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse

#: A panel that takes longer is in the way of all others.
STATEMENT_SECONDS: Final = 20.0
#: Statements at one time: the two cores of a small machine, and one that waits for the disk.
AT_ONCE: Final = 3
#: Results kept: the panels of some open pages.
KEPT: Final = 256
#: A result that depends on the time of day is run again after so long.
AGED_SECONDS: Final = 5.0

_WORD = re.compile(r"\w+")

#: What every table is at: grows with each insert, stands still while parts are merged. The server keeps it in memory, 4 ms.
_MARKS = """
SELECT table, sum(newest) AS mark
FROM
(
    SELECT table, partition_id, max(max_block_number) + 1 AS newest
    FROM system.parts
    WHERE database = currentDatabase() AND active
    GROUP BY table, partition_id
)
GROUP BY table"""
_VIEWS = "SELECT name, as_select FROM system.tables WHERE database = currentDatabase()"

Marks = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a statement, by column. Moments are epoch milliseconds, and no figure is infinite or NaN."""

    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def of(self, name: str) -> Sequence[Any]:
        """A column; without rows there is none, and it is empty."""
        return self.columns.get(name, ())

    def row(self, at: int) -> dict[str, Any]:
        return {name: column[at] for name, column in self.columns.items()}


def tables_read(sql: str, views: Mapping[str, str]) -> frozenset[str]:
    """The tables that a statement reads, itself or through views. ``views``: each table and view with its SELECT (empty for tables)."""
    read: set[str] = set()
    seen: set[str] = set()
    waiting = [sql]
    while waiting:
        for name in {word for word in _WORD.findall(waiting.pop()) if word in views} - seen:
            seen.add(name)
            if views[name]:
                waiting.append(views[name])
            else:
                read.add(name)
    return frozenset(read)


def plain(values: Sequence[Any], kind: str) -> Sequence[Any]:
    """A column as pages use it: moments in milliseconds, figures that JSON knows, arrays as lists."""
    if "DateTime64" in kind:
        return values
    if "DateTime" in kind:
        return [None if value is None else value * 1000 for value in values]
    if "Float" in kind:
        return [None if value is None or not math.isfinite(value) else value for value in values]
    if "Decimal" in kind:
        return [float(value) if isinstance(value, Decimal) else value for value in values]
    return values


def ages(sql: str) -> bool:
    """Whether a statement gives another result though nothing was stored: it asks what time it is."""
    return "now()" in sql


@dataclass(frozen=True, slots=True)
class _Kept:
    at: Marks
    born: float
    task: asyncio.Task[Found]

    @property
    def age(self) -> float:
        return time.monotonic() - self.born

    @property
    def spoilt(self) -> bool:
        """It failed; one that is under way has not."""
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None)


class Source:
    """One per process. ``marks``: what the tables were at when :meth:`look` last saw them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._warehouse: Warehouse | None = None
        self._connecting = asyncio.Lock()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._views: Mapping[str, str] = {}
        self._results: OrderedDict[str, _Kept] = OrderedDict()
        self.marks: Marks = {}

    async def look(self) -> None:
        """See what the tables are at. Raises :class:`DependencyDown` while ClickHouse is away."""
        warehouse = await self._connected()
        if not self._views:
            self._views = dict(await warehouse.rows(_VIEWS))
        self.marks = {table: int(mark) for table, mark in await warehouse.rows(_MARKS)}

    def tables(self, sql: str) -> frozenset[str]:
        """The tables that a statement reads."""
        return tables_read(sql, self._views)

    def at(self, tables: Iterable[str]) -> Marks:
        """What these tables are at."""
        return {table: self.marks.get(table, 0) for table in tables}

    async def find(self, sql: str) -> Found:
        """The result of a statement, as the tables stood at the last look or later."""
        at = self.at(self.tables(sql))
        kept = self._results.get(sql)
        if kept is None or kept.at != at or kept.spoilt or (ages(sql) and kept.age > AGED_SECONDS):
            kept = self._results[sql] = _Kept(at, time.monotonic(), asyncio.create_task(self._run(sql)))
        self._results.move_to_end(sql)
        while len(self._results) > KEPT:
            self._results.popitem(last=False)
        return await asyncio.shield(kept.task)

    async def fresh(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Found:
        """The result of a statement that is run now. ``parameters`` as :func:`weftline.warehouse.sql.bind` takes them."""
        return await self._run(sql, parameters)

    async def close(self) -> None:
        if self._warehouse is not None:
            await self._warehouse.close()

    async def _run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Found:
        async with self._turns:
            warehouse = await self._connected()
            columns, kinds = await warehouse.named(sql, parameters)
        return Found({name: plain(column, kinds[name]) for name, column in columns.items()})

    async def _connected(self) -> Warehouse:
        async with self._connecting:
            if self._warehouse is None:
                self._warehouse = await Warehouse.connect(self._settings, seconds=STATEMENT_SECONDS)
            return self._warehouse
