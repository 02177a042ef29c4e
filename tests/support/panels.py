"""Panels on the real engine: the statements that Grafana would send, for several choices of a reader, and what is wrong with answers."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from weftline.boards.columns import columns_of
from weftline.boards.fields import FIELDS
from weftline.boards.macros import Choice, expand
from weftline.boards.model import LANGUAGES, Board, Kind, Language, Panel, Unit
from weftline.boards.targets import ZONE, annotation, statement

DAY = 86_400
TIMED = (Kind.LINES, Kind.AREAS, Kind.STACK, Kind.POINTS)
NUMBERS = ("UInt", "Int", "Float", "Decimal")
#: (grain, days back from the end).
RANGES = (("hour", 1), ("day", 7), ("week", 365))


@dataclass(frozen=True)
class Answer:
    """``columns``: (name, type), as the engine says; ``seconds`` on the wire."""

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]
    seconds: float


class Engine:
    """A ClickHouse, read only."""

    def __init__(self, url: str, database: str = "weftline") -> None:
        self._client = httpx.Client(
            base_url=url,
            params={"database": database, "default_format": "JSONCompact", "readonly": "2"},
            headers={"X-ClickHouse-Key": os.environ.get("WEFTLINE_CLICKHOUSE_PASSWORD", "")},
            timeout=120,
        )

    def ask(self, sql: str) -> Answer:
        began = time.perf_counter()
        answer = self._client.post("/", content=sql.encode())
        seconds = time.perf_counter() - began
        assert answer.status_code == 200, f"{answer.text[:400]}\n{sql}"
        said = answer.json()
        return Answer(tuple((column["name"], column["type"]) for column in said["meta"]), said["data"], seconds)

    def values(self, sql: str) -> list[str]:
        return [str(row[0]) for row in self.ask(sql).rows]

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def choices(engine: Engine, board: Board, end: int) -> Iterator[tuple[str, Choice]]:
    """What a reader may choose, with words for it: all and each range; then one value and two values of every variable."""
    # It depends on the hour whether the first factory has been tested already.
    tried = (_found(engine, board, first) for first in range(3))
    found = next((values for values in tried if all(values.values())), None)
    assert found is not None, f"board {board.id}: not every variable has values"
    single = {variable.name: found[variable.name][:1] for variable in board.variables if not variable.multi}

    def choice(grain: str, days: int, values: Mapping[str, Sequence[str]]) -> Choice:
        return Choice(end - days * DAY, end, {**values, "grain": [grain], "zone": [ZONE]})

    nothing: dict[str, Sequence[str]] = {variable.name: () for variable in board.variables}
    for grain, days in (*RANGES, ("day", board.days)):
        yield f"all, by {grain}, {days} d", choice(grain, days, {**nothing, **single})
    yield "no selector has a value, by day, 365 d", choice("day", 365, nothing)
    if any(variable.multi for variable in board.variables):
        for count, text in ((1, "one value"), (2, "two values")):
            some = {variable.name: found[variable.name][: count if variable.multi else 1] for variable in board.variables}
            yield f"{text}, by day, 365 d", choice("day", 365, some)


def _found(engine: Engine, board: Board, first: int) -> dict[str, list[str]]:
    """The values of each variable; what depends on a variable of which one value is chosen, with its ``first``."""
    found: dict[str, list[str]] = {}
    for variable in board.variables:
        before = {other.name: () if other.multi else found.get(other.name, ())[:1] for other in board.variables}
        values = engine.values(expand(variable.sql, Choice(0, 0, before)))
        found[variable.name] = values if variable.multi else values[first:]
    return found


def sent(panel: Panel, language: Language, choice: Choice) -> str:
    """The statement as the server gets it from Grafana."""
    return expand(statement(panel, language), choice)


def annotations(board: Board, choice: Choice) -> Iterator[str]:
    """The board's annotations, in both languages, as the server gets them."""
    for language in LANGUAGES:
        target: Any = annotation(board, language).build().target
        yield expand(target.sql, choice)


def faults(panel: Panel, language: Language, answer: Answer) -> Iterator[str]:
    """What of an answer would not be drawn, or drawn wrong."""
    names = [name for name, _ in answer.columns]
    types = dict(answer.columns)
    if tuple(names) != columns_of(statement(panel, language)):
        yield f"columns {names}, read from the text {columns_of(statement(panel, language))}"
    if unknown := [name for name in names if name not in FIELDS]:
        yield f"columns without a field: {unknown}"
        return
    yield from _types(panel, types)
    match panel.kind:
        case Kind.STAT:
            if len(answer.rows) != 1 and not (panel.may_be_empty and not answer.rows):
                yield f"{len(answer.rows)} rows instead of one"
        case Kind.BARS:
            if plain(types[names[0]]) != "String" or len(names) < 2:
                yield f"bars need a text and figures, got {answer.columns}"
        case kind if kind in TIMED:
            moments = [row[0] for row in answer.rows]
            if names[0] != "time" or not plain(types["time"]).startswith("DateTime"):
                yield f"the first column is {answer.columns[0]}"
            if None in moments:
                yield "a row has no time"
            elif moments != sorted(moments):
                yield "not in the order of time"
            if "series" in names and names != ["time", "series", "value"]:
                yield f"long rows are time, series, value, got {names}"
            if "series" in names and len({(row[0], row[1]) for row in answer.rows}) < len(answer.rows):
                yield "a series has two values at one time"


def _types(panel: Panel, types: Mapping[str, str]) -> Iterator[str]:
    for number, (name, kind) in enumerate(types.items()):
        if panel.kind is Kind.BARS and number == 0:
            continue
        unit = panel.unit if name == "value" or panel.kind is Kind.POINTS else FIELDS[name].unit
        bare = plain(kind)
        if name == "time" or (unit is Unit.TIME and name != "value"):
            wanted: tuple[str, ...] = ("DateTime",)
        elif unit in (Unit.COUNT, Unit.RATIO, Unit.HOURS, Unit.SECONDS, Unit.BYTES, Unit.PER_SECOND):
            wanted = NUMBERS
        else:
            wanted = (*NUMBERS, "String", "Bool")
        if name == "value" or (panel.kind is Kind.POINTS and name != "time"):
            wanted = NUMBERS
        if name == "series":
            wanted = ("String",)
        if not bare.startswith(wanted):
            yield f"{name} is {kind}, which is not {unit}"


def plain(kind: str) -> str:
    """A type without its wrappings."""
    for wrapping in ("Nullable(", "LowCardinality("):
        if kind.startswith(wrapping):
            return plain(kind[len(wrapping) : -1])
    return kind


def percentile(values: Sequence[float], share: float) -> float:
    """By the nearest rank."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
