"""``weftline audit`` on real servers: silent beside processors at work, and finds each row that somebody damages by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import Program, environment, until, weftline
from tests.support.stack import SWEEP, stack_at, where

from weftline.contracts.codec import Codec
from weftline.contracts.envelope import cloudevents_headers
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import key_of, topic_of
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.corrupt import Damager
from weftline.embedded.simulator.simulation import Role, Simulation
from weftline.embedded.supervisor import Stack
from weftline.processors.registry import kinds
from weftline.warehouse.client import Reader, reader

START = 1_767_225_600_000  # 2026-01-01
AS_OF = START + 20 * 86_400_000
DISTURBANCES = Disturbances(duplicates=0.05, disorder=0.1, lateness=0.05, corrections=0.03, conflicts=0.02, corrupt=0.02)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, ClickHouse and the processors; their clock stands still."""
    with stack_at(tmp_path_factory.mktemp("stack"), AS_OF) as running:
        yield running


def arguments(stack: Stack, *more: str) -> list[str]:
    settings = where(stack)
    return ["audit", "--as-of", str(AS_OF), "--kafka", settings.kafka, "--clickhouse", settings.clickhouse, *more]


def audit(stack: Stack, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit status and JSON of one audit."""
    ended = weftline(*arguments(stack, "--json", *more), folder=folder, WEFTLINE_SWEEP_SECONDS=SWEEP)
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


@pytest.fixture(scope="module")
def published(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, dict[str, Any]]]:
    """A hostile simulation, published while one audit after the other is run; what these said, the last one after the end."""
    codec = Codec(FileRegistry())
    config = SimulationConfig(seed=5, start=START, end=AS_OF, events_per_day=150, disturbances=DISTURBANCES)
    damager = Damager(codec, config.seed)
    messages = [
        (emission.event, damager.damage(emission.event)[0] if emission.role is Role.CORRUPT else codec.encode(emission.event))
        for emission in Simulation(config)
    ]
    done = threading.Event()
    enough = threading.Event()

    def publish() -> None:
        producer = KafkaProducer(bootstrap_servers=where(stack).kafka, linger_ms=5)
        try:
            for index, (event, value) in enumerate(messages):
                producer.send(topic_of(event), value=value, key=key_of(event), headers=cloudevents_headers(event))
                if index > len(messages) // 10:
                    # Spread over some seconds, so that audits meet processors in the middle of their work.
                    enough.set()
                    time.sleep(0.004)
            producer.flush()
        finally:
            producer.close()
            enough.set()
            done.set()

    folder = tmp_path_factory.mktemp("audits")
    publisher = threading.Thread(target=publish)
    publisher.start()
    said = []
    try:
        enough.wait()
        while not done.is_set():
            said.append(audit(stack, folder))
    finally:
        publisher.join()
    until(lambda: audit(stack, folder)[1]["logged"] == len(messages), "all that was published is acknowledged")
    said.append(audit(stack, folder))
    return said


def test_it_is_silent_beside_processors_at_work(published: list[tuple[int, dict[str, Any]]]) -> None:
    *beside, (status, last) = published
    assert beside
    for code, report in [*beside, (status, last)]:
        wrong = {table: drift for table, drift in report["tables"].items() if drift["first"]}
        assert wrong == {}
        assert code == (3 if report["unsettled"] else 0)
    assert beside[0][1]["logged"] < last["logged"], "the first one ran in the middle of it"
    assert status == 0
    assert last["unsettled"] == 0
    assert last["dead_letters"] > 0
    assert last["records"] > 1000
    assert last["drift_rows"] == 0


@pytest.fixture(scope="module")
def damaged(stack: Stack, published: object) -> dict[tuple[str, str], list[Any]]:
    """One row of each sort is damaged; what and in which table, and the beginning of its key."""
    with reader(where(stack)) as warehouse:
        return _damage(warehouse)


def _damage(warehouse: Reader) -> dict[tuple[str, str], list[Any]]:
    def one(query: str) -> list[Any]:
        return list(warehouse.rows(query)[0])

    def delete(table: str, condition: str) -> None:
        warehouse.command(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2")

    # A fact judged otherwise, with a greater version; it does not count any more, while its window stays as it is.
    fact = one("SELECT owner, event_time, center_id, source, event_id FROM order_facts FINAL WHERE counts ORDER BY ALL LIMIT 1")
    warehouse.command(
        "INSERT INTO order_facts SELECT * REPLACE (rev + 1 AS rev, 0 AS counts) FROM order_facts FINAL "
        f"WHERE owner = '{fact[0]}' AND event_id = '{fact[4]}'"
    )
    # A state row that is gone, and one of somebody who has no record.
    order = one(f"SELECT owner FROM order_state FINAL WHERE owner != '{fact[0]}' ORDER BY owner LIMIT 1")
    delete("order_state", f"owner = '{order[0]}'")
    lot = one("SELECT 'nobody', lot_id FROM lot_state FINAL ORDER BY ALL LIMIT 1")
    warehouse.command(f"INSERT INTO lot_state SELECT * REPLACE ('nobody' AS owner) FROM lot_state FINAL WHERE lot_id = '{lot[1]}'")
    # A record that is gone, of a shipment with more of them, and without an alert that would rest on it.
    record = one(
        "SELECT owner, event_time, source, event_id, rank FROM logistics_records "
        "WHERE owner IN (SELECT owner FROM logistics_records GROUP BY owner HAVING uniqExact(event_id) > 2) "
        "AND owner NOT IN (SELECT owner FROM alerts) ORDER BY ALL LIMIT 1"
    )
    delete("logistics_records", f"owner = '{record[0]}' AND rank = {record[4]}")
    # A letter that is gone.
    letter = one("SELECT topic, partition, offset FROM dead_letters ORDER BY ALL LIMIT 1")
    delete("dead_letters", f"topic = '{letter[0]}' AND partition = {letter[1]} AND offset = {letter[2]}")
    # An alert that says something else, and a window that counts one too many. The alert is as if of far more records than there
    # are: a sweep mends an alert of which the state knows more.
    alert = one(
        "SELECT owner, alert_id FROM alerts FINAL WHERE kind = 'inspections' AND status != 'WITHDRAWN' ORDER BY ALL LIMIT 1"
    )
    warehouse.command(
        "INSERT INTO alerts SELECT * REPLACE (version + bitShiftLeft(toUInt256(1), 200) AS version, "
        "replaceOne(content, 'text_en\":\"', 'text_en\":\"Not: ') AS content) "
        f"FROM alerts FINAL WHERE alert_id = '{alert[1]}'"
    )
    window = one("SELECT hour, center_id FROM inspection_throughput_hour FINAL WHERE reports > 0 ORDER BY ALL LIMIT 1")
    warehouse.command(
        "INSERT INTO inspection_throughput_hour SELECT * REPLACE (version + 1 AS version, reports + 1 AS reports) "
        f"FROM inspection_throughput_hour FINAL WHERE hour = toDateTime({window[0]}, 'UTC') AND center_id = '{window[1]}'"
    )
    return {
        ("order_facts", "different"): fact,
        ("order_state", "missing"): order,
        ("lot_state", "extra"): lot,
        ("logistics_records", "missing"): record,
        ("dead_letters", "missing"): letter,
        ("alerts", "different"): alert,
        ("inspection_throughput_hour", "different"): window,
    }


def _found(report: dict[str, Any], table: str, what: str) -> list[list[Any]]:
    return [list(row["key"].values()) for row in report["tables"][table]["first"] if row["what"] == what]


def test_each_damage_is_found_in_its_table(stack: Stack, damaged: dict[tuple[str, str], list[Any]], tmp_path: Path) -> None:
    status, report = audit(stack, tmp_path)
    assert status == 1
    for (table, what), key in damaged.items():
        assert key in _found(report, table, what)
    assert {of: report["tables"][of[0]][of[1]] for of in damaged} == dict.fromkeys(damaged, 1), json.dumps(report["tables"])
    assert report["unsettled"] == 0
    # Nothing else of the kinds whose records are all there.
    whole = [table for table, drift in report["tables"].items() if drift["first"] and not _logistics(table)]
    assert sorted(whole) == sorted({table for table, _ in damaged if not _logistics(table)})
    assert report["tables"]["order_facts"]["first"][0]["columns"] == {"counts": {"is": 0, "ought": 1}}


def test_what_was_stored_since_is_audited_by_the_owners_and_windows_it_touched(
    stack: Stack, damaged: dict[tuple[str, str], list[Any]], tmp_path: Path
) -> None:
    """All owners by way of ``--since``: the fact that does not count any more must not make its windows look wrong."""
    status, report = audit(stack, tmp_path, "--since", "2020-01-01T00:00:00Z")
    assert status == 1
    for (table, what), key in damaged.items():
        assert (key in _found(report, table, what)) == (key[0] != "nobody")
    assert [table for table in report["tables"] if table.startswith("order_throughput") and report["tables"][table]["first"]] == []
    status, report = audit(stack, tmp_path, "--since", "2100-01-01T00:00:00Z")
    assert (status, report["owners"], report["logged"], report["drift_rows"]) == (0, 0, 0, 0)


def test_the_drift_is_a_metric(stack: Stack, damaged: dict[tuple[str, str], list[Any]], tmp_path: Path) -> None:
    program = Program(*arguments(stack, "--every", "600"), folder=tmp_path)
    try:
        address = program.wait_for("metrics on ").removeprefix("metrics on ")
        assert "is 0, ought to be 1" in program.wait_for("counts is ")
        program.wait_for("DRIFT")
        with urllib.request.urlopen(address, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    finally:
        program.stop()
    drift = {line.split('"')[1]: float(line.split()[-1]) for line in lines if line.startswith("weftline_audit_drift_rows{")}
    assert drift["order_facts"] == drift["order_state"] == drift["lot_state"] == 1
    assert drift["report_state"] == drift["order_throughput_hour"] == 0
    assert any(line.startswith("weftline_audit_last_timestamp_seconds ") for line in lines)


#: The program with other rules: a new edition, in which an alert says something else.
NEW_RULES = """
from weftline.domain import fold, texts
fold.EDITION += 1
old = texts.lot_not_accepted
texts.lot_not_accepted = lambda *told: (old(*told)[0], "Under new rules: " + old(*told)[1])
from weftline.cli import main
main()
"""


def under_new_rules(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", NEW_RULES, *command],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=folder,
        env=environment(*command, WEFTLINE_SIMULATED_CLOCK=f"0,{AS_OF},0", WEFTLINE_SWEEP_SECONDS=SWEEP),
    )


def test_a_rebuild_under_new_rules_mends_what_it_judges_anew_and_revises_alerts(
    stack: Stack, damaged: dict[tuple[str, str], list[Any]], tmp_path: Path
) -> None:
    servers = arguments(stack)[3:]

    def alerts() -> dict[str, tuple[int, str, str]]:
        with reader(where(stack)) as warehouse:
            rows = warehouse.rows(
                "SELECT alert_id, revision, status, text_en FROM alerts FINAL WHERE rule = 'LOT_NOT_ACCEPTED' AND status != 'WITHDRAWN'"
            )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    before = alerts()
    assert len(before) > 1
    dry = under_new_rules(tmp_path, "rebuild", "--dry-run", "--show", *servers)
    assert (dry.returncode, dry.stderr) == (0, "")
    changed = re.search(r"^alerts: (\d+) rows would change$", dry.stdout, re.MULTILINE)
    assert changed
    assert int(changed[1]) >= len(before)
    order = damaged["order_state", "missing"][0]
    assert f"order_state: missing   owner={order}" in dry.stdout
    assert alerts() == before

    assert under_new_rules(tmp_path, "rebuild", *servers).returncode == 0
    after = alerts()
    assert after.keys() == before.keys()
    for alert_id, (revision, status, text) in after.items():
        assert revision > before[alert_id][0]
        assert status == "UPDATED"
        assert text.startswith("Under new rules: ")
    ended = under_new_rules(tmp_path, *arguments(stack, "--json"))
    report = json.loads(ended.stdout)
    left = {table: drift for table, drift in report["tables"].items() if drift["first"] and not _logistics(table)}
    assert left.keys() == {"dead_letters"}, "what no record can tell"


def _logistics(table: str) -> bool:
    kind = kinds()["logistics"]
    return table in (kind.records, kind.facts, *kind.states) or table.startswith(kind.rollup)
