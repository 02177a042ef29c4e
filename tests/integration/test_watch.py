"""``weftline watch``: what it reads, against rows made for it, and that an old reading is shown to nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from tests.e2e.commands import Program, until

from weftline.runtime.exporter import KEPT_READINGS, Kept
from weftline.runtime.settings import load
from weftline.warehouse import watch
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.watch import Newest, Watch

if TYPE_CHECKING:
    from tests.conftest import Server

FRIDAY = datetime(2026, 11, 20, 18, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_numbers = count(1)


@pytest.fixture
def tables(clickhouse: str) -> Iterator[Reader]:
    where = load(clickhouse=clickhouse, clickhouse_database=f"watch_{next(_numbers)}")
    migrate(where)
    with reader(where) as server:
        yield server


def worked(server: Reader, center: str, last: datetime, first: datetime = FRIDAY - 30 * DAY, rollup: str = "order") -> None:
    """Something happened at the center in every working hour, Monday to Friday, 9 to 17 o'clock, up to ``last`` (excluded)."""
    hours = [first.replace(hour=0) + number * HOUR for number in range(int((last - first.replace(hour=0)) / HOUR))]
    hours = [hour for hour in hours if first <= hour < last and hour.weekday() < 5 and 9 <= hour.hour < 17]
    server.command(
        f"INSERT INTO {rollup}_throughput_hour (hour, center_id, version, events) "
        "SELECT arrayJoin({hours:Array(DateTime('UTC'))}), {center:String}, 1, 3",
        {"hours": hours, "center": center},
    )


def test_a_center_is_silent_that_misses_its_own_usual_hours(tables: Reader) -> None:
    worked(tables, "steady", FRIDAY)
    worked(tables, "silent", FRIDAY - 2 * DAY)
    worked(tables, "at lunch", FRIDAY.replace(hour=12), rollup="logistics")
    worked(tables, "gone", FRIDAY - 9 * DAY)
    worked(tables, "new", FRIDAY - DAY, first=FRIDAY.replace(hour=0) - 2 * DAY)
    # Two kinds of events are one center, and hours whose events were all declared erroneous are no sign of life.
    worked(tables, "silent", FRIDAY - 2 * DAY, rollup="inspection")
    tables.command(
        "INSERT INTO order_throughput_hour (hour, center_id, version, events) VALUES ('2026-11-20 10:00:00', 'silent', 9, 0)"
    )

    def at(moment: datetime) -> tuple[int, int]:
        return watch.centers(tables, int(moment.timestamp()), 8)

    assert at(FRIDAY) == (4, 1), "steady, silent, at lunch and new; only one has missed eight hours"
    assert at(FRIDAY + 2 * DAY) == (4, 1), "Sunday: nobody works, and nobody is expected to"
    # By Monday evening those miss a day who worked on Friday, and `new` has worked a Thursday only.
    assert at(FRIDAY + 3 * DAY) == (4, 3)
    assert watch.centers(tables, int(FRIDAY.timestamp()), 17) == (4, 0), "the setting decides"


def test_the_newest_record_is_found_whatever_merges(tables: Reader) -> None:
    newest = Newest("order_records")
    assert newest.read(tables) is None

    def store(owner: str, stored_at: str) -> None:
        tables.command(
            "INSERT INTO order_records (owner, event_time, source, event_id, rank, value, stored_at) "
            "SELECT {owner:String}, now64(3), 's', 'e', 1, '', toDateTime64({at:String}, 3, 'UTC')",
            {"owner": owner, "at": stored_at},
        )

    def seconds(text: str) -> float:
        return datetime.fromisoformat(f"{text}+00:00").timestamp()

    store("a", "2026-11-20 10:00:00.000")
    store("b", "2026-11-20 09:00:00.000")
    assert newest.read(tables) == seconds("2026-11-20 10:00:00.000")
    tables.command("OPTIMIZE TABLE order_records FINAL")
    assert newest.read(tables) == seconds("2026-11-20 10:00:00.000"), "parts that were merged away are not asked for again"
    store("c", "2026-11-20 11:00:00.250")
    assert newest.read(tables) == seconds("2026-11-20 11:00:00.250")
    assert Newest("order_records").read(tables) == newest.read(tables)


def test_a_clock_that_runs_ahead_makes_no_table_fresh(tables: Reader) -> None:
    now = int(FRIDAY.timestamp())
    assert watch.newest_minute(tables, "order_facts", now) is None
    for minute in (FRIDAY - 40 * DAY, FRIDAY - HOUR, FRIDAY + DAY):
        tables.command(
            "INSERT INTO order_throughput_minute (minute, center_id, version) SELECT {minute:DateTime('UTC')}, 'c', 1",
            {"minute": minute},
        )
    assert watch.newest_minute(tables, "order_throughput_minute", now) == (FRIDAY - HOUR).timestamp()


def test_the_rollup_is_behind_the_facts_until_it_is_refreshed(tables: Reader) -> None:
    looking = Watch(tables, lambda: int(FRIDAY.timestamp() * 1000), 8, lambda: 0.0)
    tables.command(
        "INSERT INTO order_facts (event_time, owner, source, event_id, rev) SELECT {at:DateTime64(3, 'UTC')}, 'o', 's', 'e', 1",
        {"at": FRIDAY - HOUR},
    )
    insert = "INSERT INTO order_throughput_minute (minute, center_id, version) SELECT {minute:DateTime('UTC')}, 'c', 1"
    tables.command(insert, {"minute": FRIDAY - 2 * HOUR})
    assert looking.read().kinds["orders"].behind_seconds == 3600
    tables.command(insert, {"minute": FRIDAY - HOUR})
    assert looking.read().kinds["orders"].behind_seconds == 0
    assert looking.read().kinds["logistics"].behind_seconds == 0, "nothing is behind nothing"


def test_an_alert_is_undelivered_until_it_is_marked(tables: Reader) -> None:
    def put(owner: str, version: int, age: int, *, published: int = 0, historic: int = 0) -> None:
        tables.command(
            "INSERT INTO alerts (kind, owner, alert_id, version, status, published, historic, stored_at) SELECT 'orders', {owner:String}, "
            "'a', {version:UInt256}, 'RAISED', {published:UInt8}, {historic:UInt8}, now64(3) - toIntervalSecond({age:UInt32})",
            {"owner": owner, "version": version, "age": age, "published": published, "historic": historic},
        )

    put("stuck", 2, 600)
    put("just now", 2, 5)
    put("history", 2, 600, historic=1)
    put("told", 2, 600)
    put("told", 3, 590, published=1)
    ((number, seconds),) = watch.undelivered(tables).values()
    assert number == 1
    assert 600 <= seconds < 660
    put("stuck", 3, 0, published=1)
    assert watch.undelivered(tables) == {}


def test_open_dead_letters_by_kind_and_reason(tables: Reader) -> None:
    for offset, reason in enumerate(("contract", "contract", "undecodable")):
        tables.command(
            "INSERT INTO dead_letters (topic, partition, offset, reason, received_at) "
            "SELECT 'sample.orders.v1', 0, {offset:Int64}, {reason:String}, now64(3)",
            {"offset": offset, "reason": reason},
        )
    assert watch.dead_letters(tables) == {("orders", "contract"): 2, ("orders", "undecodable"): 1}
    tables.command("INSERT INTO dead_letter_actions (topic, partition, offset, action) SELECT 'sample.orders.v1', 0, 0, 'dropped'")
    assert watch.dead_letters(tables) == {("orders", "contract"): 1, ("orders", "undecodable"): 1}


def test_a_reading_is_kept_for_so_long() -> None:
    now = 0.0
    kept: Kept[str] = Kept(5, lambda: now)
    assert kept.get() is None
    kept.put("healthy")
    now = KEPT_READINGS * 5.0
    assert kept.get() == "healthy"
    now += 0.1
    assert kept.get() is None


def test_without_clickhouse_no_figure_is_shown(start_clickhouse: Callable[[], Server], tmp_path: Path) -> None:
    server = start_clickhouse()
    program = Program("watch", "--clickhouse", server.address, "--every", "0.5", folder=tmp_path)
    try:
        page = program.wait_for("listening on").split()[-1]

        def series() -> dict[str, float]:
            with urlopen(page, timeout=5) as answer:
                return {
                    name: float(value)
                    for name, value in re.findall(r"^(weftline_\S+) (\S+)$", answer.read().decode(), re.MULTILINE)
                }

        program.wait_for("waiting")
        assert series()["weftline_watch_up"] == 0, "there are no tables"
        migrate(load(clickhouse=server.address))
        until(lambda: series()["weftline_watch_up"] == 1, "it goes on by itself")
        assert series()['weftline_outbox_alerts{kind="orders"}'] == 0

        server.kill()
        until(lambda: series()["weftline_watch_up"] == 0, "it says so")
        assert {name.split("{")[0] for name in series()} == {"weftline_build_info", "weftline_watch_up"}
        server.start()
        until(lambda: series()["weftline_watch_up"] == 1, "it goes on by itself")
        assert program.stop() == 0, program.lines
    finally:
        program.stop()
