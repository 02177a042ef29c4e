"""Every table of every kind is damaged in every way that there is, on the real engine and beside the processors: the audit finds each
damage, ``weftline rebuild`` mends it, and what it cannot mend it says.

The ways: a row changed in place; one with a greater version that says something else, or the same; one that is gone; and rows that no
record gives, of an owner with records and of one without.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support.hostile import Played
from tests.support.stack import SWEEP, stack_at, where

from weftline.embedded.supervisor import Stack
from weftline.processors.audit_tables import columns, rollup
from weftline.processors.kinds import GRAINS, Kind
from weftline.processors.registry import kinds
from weftline.warehouse.client import Reader, reader

START = 1_767_225_600_000  # 2026-01-01
#: A version that no records explain, and that a table of alerts can have as well.
GREATER = "bitShiftLeft(toUInt256(1), 116)"


@pytest.fixture(scope="module")
def played() -> Played:
    return Played(11, START, 20, 600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, played: Played) -> Iterator[Stack]:
    """Everything is published and audited without drift."""
    folder = tmp_path_factory.mktemp("stack")
    with stack_at(folder, played.answers["as_of"]) as running:
        producer = KafkaProducer(bootstrap_servers=where(running).kafka, linger_ms=5)
        for message in played.messages:
            producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
        producer.close()
        until(lambda: audit(running, folder)[1]["logged"] == len(played.messages), "all is acknowledged")
        assert audit(running, folder)[0] == 0
        yield running


def servers(stack: Stack) -> list[str]:
    at = where(stack)
    return ["--kafka", at.kafka, "--clickhouse", at.clickhouse]


def run(stack: Stack, folder: Path, *command: str) -> Any:
    assert stack.addresses is not None
    as_of = str(STILL[0])
    return weftline(
        *command,
        *servers(stack),
        folder=folder,
        seconds=600,
        **{**stack.addresses.environment(), "WEFTLINE_SIMULATED_CLOCK": f"0,{as_of},0", "WEFTLINE_SWEEP_SECONDS": SWEEP},
    )


STILL: list[int] = []


@pytest.fixture(scope="module", autouse=True)
def _still(played: Played) -> None:
    STILL[:] = [played.answers["as_of"]]


def audit(stack: Stack, folder: Path) -> tuple[int, dict[str, Any]]:
    ended = run(stack, folder, "audit", "--json")
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


def rebuild(stack: Stack, folder: Path, *more: str) -> Any:
    return run(stack, folder, "rebuild", *more)


class Table:
    """A table that is to be damaged: ``key`` names its rows, ``version`` decides among them, ``wrong`` says something untrue."""

    def __init__(
        self, warehouse: Reader, name: str, key: tuple[str, ...], version: str, wrong: str, owned: bool, kind: str = ""
    ) -> None:
        self.name, self.key, self.version, self.wrong, self.owned = name, key, version, wrong, owned
        self._warehouse, self._where = warehouse, f"WHERE kind = '{kind}' AND status != 'WITHDRAWN'" if kind else ""
        names = ", ".join(key)
        self._keys = warehouse.rows(f"SELECT {names} FROM {name} FINAL {self._where} ORDER BY cityHash64({names})")
        self._next = 0

    def __str__(self) -> str:
        return self.name

    def row(self) -> str | None:
        """A condition that names a row which was not damaged yet; None if there is none left."""
        if self._next >= len(self._keys):
            return None
        key = self._keys[self._next]
        self._next += 1
        return " AND ".join(f"{name} = {_literal(name, value)}" for name, value in zip(self.key, key, strict=True))

    def put(self, row: str, *replaced: str) -> None:
        """Insert a row again, with other values."""
        replace = f"REPLACE ({', '.join(replaced)})" if replaced else ""
        # The condition is about the stored columns, not about what replaces them.
        self._warehouse.command(f"INSERT INTO {self.name} SELECT * {replace} FROM (SELECT * FROM {self.name} FINAL WHERE {row})")

    def mutate(self, what: str) -> None:
        self._warehouse.command(f"ALTER TABLE {self.name} {what} SETTINGS mutations_sync = 2")


def _literal(name: str, value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if name in GRAINS:
        return f"toDateTime({value}, 'UTC')"
    return f"fromUnixTimestamp64Milli({value}, 'UTC')" if name == "event_time" else str(value)


# Each says whether there is such a damage of this table.


def in_place(table: Table, row: str) -> bool:
    value, name = table.wrong.rsplit(" AS ", 1)
    table.mutate(f"UPDATE {name} = {value} WHERE {row}")
    return True


def greater(table: Table, row: str) -> bool:
    table.put(row, f"{table.version} + {GREATER} AS {table.version}", table.wrong)
    return True


def greater_twice(table: Table, row: str) -> bool:
    return greater(table, row) and greater(table, row)


def greater_and_alike(table: Table, row: str) -> bool:
    """Says the truth, and would win against every later one."""
    table.put(row, f"{table.version} + {GREATER} AS {table.version}")
    return True


def gone(table: Table, row: str) -> bool:
    table.mutate(f"DELETE WHERE {row}")
    return True


def of_nobody(table: Table, row: str) -> bool:
    """As if of somebody without records."""
    table.put(row, "'nobody' AS owner" if table.owned else "'nowhere' AS center_id")
    return True


def of_somebody(table: Table, row: str) -> bool:
    """A second one of somebody with records."""
    for name in ("event_id", "alert_id", "lot_id", "report_number", "indicator", "nonconformity_class"):
        if name in table.key:
            table.put(row, f"'stranger' AS {name}")
            return True
    return False


def misplaced(table: Table, row: str) -> bool:
    """A fact counts in a window that is not its own."""
    if table.version == "rev":
        table.put(row, "minute + toIntervalDay(1) AS minute")
    return table.version == "rev"


DAMAGES: tuple[Callable[[Table, str], bool], ...] = (
    in_place,
    greater,
    greater_twice,
    greater_and_alike,
    gone,
    of_nobody,
    of_somebody,
    misplaced,
)


def tables_of(warehouse: Reader, kind: Kind) -> Iterator[Table]:
    shapes = columns(kind)
    yield Table(warehouse, kind.facts, shapes[kind.facts].key, "rev", "1 - counts AS counts", True)
    for state in kind.states:
        far = "toDateTime64('2099-01-01 00:00:00', 3, 'UTC') AS next_deadline"
        yield Table(warehouse, state, shapes[state].key, "version", far, True)
    for grain in GRAINS:
        name = rollup(kind, grain)
        yield Table(warehouse, name, shapes[name].key, "version", "events + 1 AS events", False)
    yield Table(warehouse, "alerts", ("owner", "alert_id"), "version", "concat(content, ' ') AS content", True, kind.name)


@pytest.mark.timeout(900)
def test_every_damage_of_every_table_is_found_and_mended(stack: Stack, tmp_path: Path) -> None:
    done: dict[str, int] = {}
    with reader(where(stack)) as warehouse:
        for kind in kinds().values():
            for table in tables_of(warehouse, kind):
                for damage in DAMAGES:
                    if (row := table.row()) and damage(table, row):
                        done[table.name] = done.get(table.name, 0) + 1
    assert all(number >= 6 for number in done.values()), done
    status, report = audit(stack, tmp_path)
    assert status == 1
    for table, number in done.items():
        found = report["tables"][table]
        # A window that a foreign fact falls into may be one that was damaged too.
        assert sum(found[what] for what in ("missing", "extra", "different")) >= number - 1, (table, number, found)
    ended = rebuild(stack, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    status, report = audit(stack, tmp_path)
    assert (status, report["drift_rows"]) == (0, 0), report["tables"]
    with reader(where(stack)) as warehouse:
        strangers = warehouse.rows("SELECT status, published FROM alerts FINAL WHERE owner = 'nobody'")
    assert {status for status, _ in strangers} <= {"WITHDRAWN"}, "its factory is told"


@pytest.mark.timeout(900)
def test_a_record_that_does_not_read_is_named_and_mended_only_when_asked(stack: Stack, tmp_path: Path) -> None:
    with reader(where(stack)) as warehouse:
        ((owner,),) = warehouse.rows("SELECT owner FROM order_records ORDER BY cityHash64(owner) LIMIT 1")
        warehouse.command(
            f"ALTER TABLE order_records UPDATE value = reverse(value) WHERE owner = {_literal('', owner)} SETTINGS mutations_sync = 2"
        )
    status, report = audit(stack, tmp_path)
    assert (status, report["tables"]["order_records"]["different"] > 0) == (1, True)
    ended = rebuild(stack, tmp_path)
    assert ended.returncode == 1
    assert "order_records" in ended.stderr
    assert "--remove-damaged" in ended.stderr
    ended = rebuild(stack, tmp_path, "--remove-damaged")
    assert "weftline reread" in ended.stdout
    _, report = audit(stack, tmp_path)
    assert report["tables"]["order_records"]["missing"] > 0
    assert report["tables"]["order_records"]["different"] == 0
