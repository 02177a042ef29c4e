"""A workbook through a real stack: its rows are in the tables, again nothing changes, an edited row is corrected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import Program, until, weftline
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, write_xlsx
from weftline.embedded.ports import free_ports
from weftline.embedded.stack_folder import find_running
from weftline.runtime.settings import load
from weftline.warehouse.client import Reader, reader

FACTS = "SELECT order_id, status, counts, event_id FROM order_facts FINAL ORDER BY order_id, event_time, counts"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("spreadsheet")
    kafka, clickhouse = free_ports(2)
    up = Program("up", "--kafka-port", str(kafka), "--clickhouse-port", str(clickhouse), folder=folder)
    try:
        up.wait_for("data, logs", seconds=300)
        yield folder
    finally:
        up.interrupt()
        assert up.end() == 0


@pytest.fixture
def server(folder: Path) -> Iterator[Reader]:
    running = find_running(folder / ".weftline")
    assert running is not None
    with reader(load(clickhouse=running.clickhouse, **running.credentials("weftline"))) as found:
        yield found


def test_a_workbook_is_published_again_and_again(folder: Path, server: Reader) -> None:
    (folder / "orders.yaml").write_text(ORDERS, "utf-8")
    write_xlsx(folder / "orders.xlsx", [HEADER, *ROWS])

    def published() -> str:
        done = weftline("publish", "orders.xlsx", "--map", "orders.yaml", folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def facts() -> list[Any]:
        return [tuple(row) for row in server.rows(FACTS)]

    assert published() == "3 new\n"
    until(lambda: len(facts()) == 3, "three facts")
    first = facts()
    assert [(order, str(status), bool(counts)) for order, status, counts, _ in first] == [
        ("0031", "REQUESTED", True),
        ("A-30", "CONFIRMED", True),
        ("A-30", "DISPATCHED", True),
    ]
    assert published() == "0 new, 3 published before and unchanged\n"

    rows = [list(row) for row in ROWS]
    rows[1][HEADER.index("数量")] = 30
    write_xlsx(folder / "orders.xlsx", [HEADER, *rows])
    assert published() == "0 new, 1 edited: the old event declared erroneous, a new one sent, 2 published before and unchanged\n"
    until(lambda: len(facts()) == 4 and sum(bool(row[2]) for row in facts()) == 3, "the old event counts nothing, a new one does")
    erroneous = [row[3] for row in facts() if not row[2]]
    assert erroneous == [row[3] for row in first if row[1] == "DISPATCHED"]
    quantities = "SELECT DISTINCT event_id FROM order_records WHERE owner = 'c1|A-30'"
    assert len(server.rows(quantities)) == 3
    assert published() == "0 new, 3 published before and unchanged\n"
