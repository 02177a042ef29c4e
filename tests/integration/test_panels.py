"""Every panel's statement, as Grafana sends it, on a real stack that a simulated cluster has filled: columns, types, order, rows.

Prints the slowest statements (``pytest -s``); timings decide nothing here, see tests/bench/boards.py.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.e2e.commands import until
from tests.panels import Answer, Engine, annotations, choices, faults, sent
from tests.stack import stack_at, where

from weftline.boards import BOARDS
from weftline.boards.macros import Choice, expand
from weftline.boards.model import LANGUAGES, Kind, Panel, Text, Unit
from weftline.boards.targets import asks_clickhouse
from weftline.embedded.compare import compare
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.warehouse.client import reader

DAYS, EVENTS_PER_DAY = 60, 250
SHOWN = 10


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """ClickHouse with two simulated months that end now, when all that was published stands in the tables."""
    folder = tmp_path_factory.mktemp("panels")
    end = int(time.time() * 1000)
    config = SimulationConfig(
        seed=7, start=end - DAYS * 86_400_000, end=end, events_per_day=EVENTS_PER_DAY, disturbances=Disturbances.demo()
    )
    with stack_at(folder / "stack", end) as stack:
        at = where(stack)
        simulate(config, Connection(at.kafka), answers=folder / "answers.json", bulk=True)
        answers = json.loads((folder / "answers.json").read_text("utf-8"))
        with reader(at) as server:
            until(lambda: not any(of.differing for of in compare(server, answers)), "the tables agree with what was played", 120)
        with Engine(at.clickhouse) as opened:
            yield opened


@pytest.mark.timeout(400)
def test_every_panel_can_be_drawn(engine: Engine) -> None:
    end = int(time.time())
    took: list[tuple[float, str]] = []
    wrong: list[str] = []
    for board in filter(asks_clickhouse, BOARDS):
        for number, (words, choice) in enumerate(choices(engine, board, end)):
            # The languages differ in a column's name: half of the choices in each.
            language = LANGUAGES[number % 2]
            for panel in board.panels:
                if not panel.sql:
                    continue
                answer = engine.ask(sent(panel, language, choice))
                name = f"{board.id}/{panel.id}, {words}"
                took.append((answer.seconds, name))
                wrong += (f"{name}: {fault}" for fault in faults(panel, language, answer))
                if not answer.rows and not panel.may_be_empty and words.startswith("all") and "1 d" not in words:
                    wrong.append(f"{name}: no rows")
                if panel.kind is Kind.POINTS:
                    # The built-in board draws the statement as it is.
                    names = {column for column, _ in engine.ask(expand(panel.sql, choice)).columns}
                    if names != {"time", "value", "low", "high", "not_detected", "what"}:
                        wrong.append(f"{name}: {names}")
            for statement in annotations(board, choice):
                columns = dict(engine.ask(statement).columns)
                assert list(columns) == ["time", "text", "tags"]
    took.sort(reverse=True)
    lines = [f"{seconds * 1000:7.0f} ms  {name}" for seconds, name in took[:SHOWN]]
    total = sum(seconds for seconds, _ in took)
    sys.stdout.write("\n".join(("", f"{len(took)} statements in {total:.1f} s, the slowest:", *lines, "")))
    assert wrong == []


def test_there_are_critical_alerts_to_annotate(engine: Engine) -> None:
    board = next(board for board in BOARDS if board.id == "overview")
    [_, (_, choice), *_] = choices(engine, board, int(time.time()))
    month = Choice(choice.end - DAYS * 86_400, choice.end, choice.values)
    for statement in annotations(board, month):
        rows = engine.ask(statement).rows
        assert rows
        assert all(text and tags.count(",") == 1 for _, text, tags in rows)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_whatever_is_chosen_is_a_value_and_nothing_else(engine: Engine, values: list[str]) -> None:
    chosen = Choice(0, 1, {"factory": values})
    assert engine.ask(expand("SELECT arrayJoin([${factory:sqlstring}]) AS value", chosen)).rows == [[value] for value in values]


def _panel(kind: Kind, sql: str, unit: Unit = Unit.COUNT) -> Panel:
    return Panel(id="probe", title=Text("", ""), question=Text("", ""), kind=kind, sql=sql, unit=unit)


@pytest.mark.parametrize(
    ("kind", "sql", "said"),
    [
        (Kind.STAT, "SELECT number AS orders FROM numbers(2)", "2 rows instead of one"),
        (Kind.STAT, "SELECT 'many' AS orders", "is not count"),
        (Kind.STAT, "SELECT 1 AS nobody_knows_this", "without a field"),
        (Kind.BARS, "SELECT 1 AS round, 2 AS orders", "bars need a text"),
        (Kind.LINES, "SELECT now() - number AS time, 1 AS orders FROM numbers(3)", "order of time"),
        (Kind.LINES, "SELECT CAST(NULL AS Nullable(DateTime)) AS time, 1 AS orders", "no time"),
        (Kind.LINES, "SELECT 1 AS orders, now() AS time", "the first column"),
        (Kind.LINES, "SELECT toUInt32(1) AS time, 1 AS orders", "the first column"),
        (Kind.LINES, "SELECT now() AS time, 1 AS value, 'x' AS series", "long rows"),
        (Kind.LINES, "SELECT now() AS time, 'x' AS series, number AS value FROM numbers(2)", "two values at one time"),
        (Kind.LINES, "SELECT now() AS time, 'x' AS series, 'y' AS value", "value is String"),
        (Kind.TABLE, "SELECT 'yesterday' AS since", "is not time"),
        (Kind.TABLE, "SELECT [1] AS what", "what is Array"),
    ],
)
def test_the_examination_can_fail(engine: Engine, kind: Kind, sql: str, said: str) -> None:
    answer: Answer = engine.ask(sql)
    assert any(said in fault for fault in faults(_panel(kind, sql), "en", answer))
