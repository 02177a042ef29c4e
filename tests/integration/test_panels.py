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
from tests.support.panels import Answer, Engine, annotations, choices, faults, sent
from tests.support.stack import stack_at, where

from weftline.boards import BOARDS
from weftline.boards.macros import Choice, expand
from weftline.boards.model import LANGUAGES, Kind, Panel, Text, Unit
from weftline.boards.targets import asks_clickhouse
from weftline.embedded.compare import compare
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.sdk import Publisher
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
            _send_a_shipment_that_never_arrives(opened, at.kafka, end)
            yield opened


def _send_a_shipment_that_never_arrives(engine: Engine, kafka: str, end: int) -> None:
    """Whether a simulated shipment is on its way and late when the simulation ends, depends on the hour at which the tests run."""
    [(center, factory)] = engine.ask("SELECT center_id, factory_id FROM shipments ORDER BY ALL LIMIT 1").rows
    with Publisher(kafka, source="urn:panels", cooperative_id="haimen", center_id=center) as publisher:
        publisher.logistics(
            factory_id=factory,
            shipment_id="never-arrives",
            business_step="DEPARTING",
            event_time=end - 5 * 86_400_000,
            expected_arrival_at=end - 4 * 86_400_000,
        )
    told = "SELECT count() FROM standing_alerts WHERE subject = 'shipment never-arrives'"
    until(lambda: engine.values(told) == ["1"], "it is told as overdue", 60)


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


def test_what_an_alert_names_can_be_chosen(engine: Engine) -> None:
    columns = {"cooperative": "cooperative_id", "center": "center_id", "factory": "factory_id", "product": "product_category"}
    for board in BOARDS:
        for variable in board.variables:
            if column := columns.get(variable.name):
                named = set(engine.values(f"SELECT DISTINCT {column} FROM standing_alerts WHERE {column} != ''"))
                offered = engine.values(variable.sql)
                assert named, column
                assert named <= set(offered), f"{board.id}: {column}"


def test_the_indicator_shown_first_is_one_that_fails(engine: Engine) -> None:
    (chosen,) = (
        variable for board in BOARDS if board.id == "factory" for variable in board.variables if variable.name == "indicator"
    )
    failing: dict[str, set[str]] = {}
    for factory, indicator in engine.ask("SELECT factory_id, indicator FROM failure_runs WHERE failures > 0").rows:
        failing.setdefault(factory, set()).add(indicator)
    assert len(failing) > 10
    for factory, indicators in failing.items():
        first = engine.values(expand(chosen.sql, Choice(0, 0, {"factory": [factory]})))[0]
        assert first in indicators, factory
    firsts = {engine.values(expand(chosen.sql, Choice(0, 0, {"factory": [factory]})))[0] for factory in failing}
    assert len(firsts) > 1, "else one order for all would do"


def test_what_is_over_does_not_wait(engine: Engine) -> None:
    """By the state of each order, shipment, lot, series and run, put together here and not in SQL."""
    asked = "SELECT rule, center_id, factory_id, product_category, subject, alert_id FROM standing_alerts"
    waiting = set(engine.values("SELECT alert_id FROM waiting_alerts"))
    rounds = {
        (c, o, str(r)): is_open for c, o, r, is_open in engine.ask("SELECT center_id, order_id, round, open FROM order_rounds").rows
    }
    milestones = dict(engine.ask("SELECT shipment_id, milestone FROM shipments").rows)
    lots = {
        (f, lot): last == "ACCEPTED" and int(of) > 0 and int(every) == int(of) + 1 and not parts[1:]
        for f, lot, last, of, every, parts in engine.ask(
            "SELECT factory_id, lot_id, last_result, resubmissions, inspections, part_ids FROM lots"
        ).rows
    }
    due = {
        (f, p, c): d
        for f, p, c, d in engine.ask("SELECT factory_id, product_category, nonconformity_class, severity_due FROM switching").rows
    }
    runs = {(f, i): int(run) for f, i, run in engine.ask("SELECT factory_id, indicator, current_run FROM failure_runs").rows}
    seen: dict[str, set[bool]] = {}
    for rule, center, factory, product, subject, alert in engine.ask(asked).rows:
        words = subject.split(" ")
        match rule:
            case "ORDER_OVERDUE":
                waits = bool(rounds[center, " ".join(words[1:-2]), words[-1]])
            case "SHIPMENT_OVERDUE":
                waits = milestones[subject.removeprefix("shipment ")] not in ("ARRIVED", "DELIVERED")
            case "LOT_NOT_ACCEPTED":
                waits = not lots[factory, " ".join(words[1:-1])]
            case "SWITCHED_TO_TIGHTENED" | "INSPECTION_DISCONTINUED":
                of = subject.removeprefix(f"{product} ").split(" ")[0]
                waits = due[factory, product, of] == {"S": "TIGHTENED", "I": "DISCONTINUED"}[rule[0]]
            case "THREE_FAILURES_IN_A_ROW":
                waits = runs[factory, words[0]] >= 3
            case _:
                waits = True
        assert (alert in waiting) == waits, (rule, subject)
        seen.setdefault(rule, set()).add(waits)
    assert seen["SHIPMENT_OVERDUE"] == seen["LOT_NOT_ACCEPTED"] == {True, False}, seen
    assert False in seen["ORDER_OVERDUE"]
    assert seen["SAFETY_LIMIT_FAILED"] == {True}
    assert waiting <= set(engine.values("SELECT alert_id FROM standing_alerts"))


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
