"""How large a statement may be, and how what is larger is cut. Pure functions.

ClickHouse refuses an INSERT that touches more than 100 partitions (``max_partitions_per_insert_block``), and every part that it makes is
a folder with a sync of its own; a statement's text and a result lie in memory as a whole, on both sides. So nothing that a
publisher or an operator decides (months, windows, owners, bytes) goes into one statement unbounded:

=====================================  =====================================  ==========================  ==========================
statement                              the contract allows in one step        cut into statements of      tested with
=====================================  =====================================  ==========================  ==========================
facts                                  1,200 months (2000 to 2100)            MONTHS, BLOCK_ROWS, _BYTES  1,200 months
rollup per minute                      20,000 windows, 1,200 months           WINDOWS, MONTHS             1,200 months
rollup per hour                        20,000 windows, 1,200 months           WINDOWS, MONTHS             1,200 months
records, state, alerts, dead letters   one step's bytes; not partitioned      BLOCK_ROWS, BLOCK_BYTES     40 blocks
reads of some owners                   20,000 owners of 1.6 kB (counts,       OWNERS, TEXT_BYTES          20,000 of 1.6 kB
                                       records, judged, alerts; alerts
                                       of some subjects)
audit of the log                       20,000 owners and ranks                OWNERS, TEXT_BYTES          20,000 of 1.6 kB
audit, rebuild                         all windows and owners there are       OWNERS, TEXT_BYTES          1,200 months
dead letters, replayed or dropped      a page of 500 addresses (40 kB)        (one statement)             a page
reference data                         a file of any length                   BLOCK_ROWS, TEXT_BYTES      5,000 factories
boards                                 lists of their own, some dozen names   (one statement)
=====================================  =====================================  ==========================  ==========================

**An insert that was cut is not atomic, and need not be.** Every row replaces itself by its version and stands at an address that follows
from the event alone, so a repeat changes nothing, and no row needs another one to be true. A batch is acknowledged only after the last
statement of its last settle was answered: a crash between two statements has the whole batch read again, and all of them sent again. That
was so before, for each month of an insert is stored by itself anyway. A rollup that read the facts between two of their inserts has
fewer of them, and so a smaller version than the one that is made once they all are there. (``tests/crash`` dies between any two.)
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

Name = TypeVar("Name")

#: Half of what the engine takes by default. Measured for 1,200 months: see tests/integration/test_largest.py.
MONTHS: Final = 50
#: Some 200 MB in memory at 400 bytes a row, on either side. Steps are far smaller.
BLOCK_ROWS: Final = 500_000
#: Characters and bytes of the texts of one block; a character takes four bytes at most.
BLOCK_BYTES: Final = 16 << 20
#: Windows of one refresh.
WINDOWS: Final = 10_000
#: Owners asked for in one query; more are asked in turns.
OWNERS: Final = 5_000
#: Characters of the names in one query. Each takes four bytes at most, or two when it must be escaped.
TEXT_BYTES: Final = 4 << 20

_DAY = 86_400


@lru_cache(maxsize=50_000)
def _month_of_day(day: int) -> int:
    when = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
    return when.year * 12 + when.month


def month(seconds: int) -> int:
    """A number for the month (UTC) of a time, ascending."""
    return _month_of_day(seconds // _DAY)


def windows(starts: Iterable[int]) -> Iterator[list[int]]:
    """Starts of windows (seconds) in order, each once, so many at a time that they touch at most :data:`MONTHS` partitions."""
    taken: list[int] = []
    parts: set[int] = set()
    for start in sorted(set(starts)):
        if len(taken) >= WINDOWS or (len(parts) >= MONTHS and month(start) not in parts):
            yield taken
            taken, parts = [], set()
        taken.append(start)
        parts.add(month(start))
    if taken:
        yield taken


def texts(names: Iterable[Name], most: int = OWNERS, size: Callable[[Any], int] = len) -> Iterator[list[Name]]:
    """Names, so many at a time as one query takes; ``size`` is the length of one."""
    taken: list[Name] = []
    total = 0
    for name in names:
        length = size(name)
        if taken and (len(taken) >= most or total + length > TEXT_BYTES):
            yield taken
            taken, total = [], 0
        taken.append(name)
        total += length
    if taken:
        yield taken


def blocks(columns: Sequence[Sequence[Any]], types: Sequence[str], times: Sequence[int] | None = None) -> Iterator[Sequence[Any]]:
    """Columns of equal length, cut into blocks. ``times`` (ms): the table is parted by their month.

    What fits into one block, and that is nearly everything, is given back as it came: looking takes 60 ns a row and text column.
    """
    rows = len(columns[0]) if columns else 0
    if not rows:
        return
    order: Sequence[int] | None = None
    days = {time // 86_400_000 for time in times} if times is not None else set()
    if times is not None and len({_month_of_day(day) for day in days}) > MONTHS:
        order = sorted(range(rows), key=lambda row: times[row] // 86_400_000)
    weights = [_weights(column, kind) for column, kind in zip(columns, types, strict=True) if "String" in kind]
    total = sum(map(sum, weights))
    if order is None and rows <= BLOCK_ROWS and total <= BLOCK_BYTES:
        yield columns
        return
    size = 0
    taken: list[int] = []
    months: set[int] = set()
    for row in order or range(rows):
        weight = sum(column[row] for column in weights)
        of = _month_of_day(times[row] // 86_400_000) if times is not None else 0
        full = len(taken) >= BLOCK_ROWS or size + weight > BLOCK_BYTES or (len(months) >= MONTHS and of not in months)
        if taken and full:
            yield [[column[index] for index in taken] for column in columns]
            taken, months, size = [], set(), 0
        taken.append(row)
        months.add(of)
        size += weight
    yield [[column[index] for index in taken] for column in columns]


def _weights(column: Sequence[Any], kind: str) -> list[int]:
    """The length of each value of a column of texts, or of lists of them."""
    if kind.startswith("Array("):
        return [sum(map(len, value)) + 8 * len(value) for value in column]
    return [0 if value is None else len(value) for value in column]
