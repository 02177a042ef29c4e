"""The promise on the real thing: Kafka, ClickHouse, the processors, a hostile simulation, and SIGKILL in the middle of it.

Two truths are held against the tables: a fold of all records in memory (every fact, state row, rollup and standing alert), and the
simulator's answer file, which no code of ours computed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from tests.support import tables, truth
from tests.support.hostile import KINDS, Played
from tests.support.stack import stack_at, where
from tests.support.told import last_told, misinformed, standing

from weftline.contracts.reference import Center, Reference
from weftline.embedded.compare import compare
from weftline.embedded.supervisor import PROCESSORS, Stack
from weftline.errors import WeftlineError
from weftline.sdk import Subscriber
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.reference import load

START = 1_767_225_600_000  # 2026-01-01
#: One center went live in the middle of what is played.
LIVE = {"dieshiqiao": START + 15 * 86_400_000}


@pytest.fixture(scope="module")
def played() -> Played:
    return Played(3, START, 30, 6000, members=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, played: Played) -> Iterator[Stack]:
    """Kafka, ClickHouse and the processors; their clock stands still at the moment for which the answers hold."""
    with stack_at(tmp_path_factory.mktemp("stack"), played.answers["as_of"]) as running:
        with reader(where(running)) as warehouse:
            load(warehouse, Reference(centers=tuple(_went_live(center, since) for center, since in LIVE.items())))
        yield running


def _went_live(center: str, since: int) -> Center:
    return Center(id=center, valid_from=date(2025, 1, 1), name_zh=center, name_en=center, source="test", live_from=since)


def until(check: Callable[[], Any], *, seconds: float = 90) -> Any:
    """Call ``check`` until it finds nothing wrong, or the same for so long; give back what it found last."""
    deadline, last = time.monotonic() + seconds, None
    while (found := check()) and time.monotonic() < deadline:
        if found != last:
            deadline, last = time.monotonic() + seconds, found
        time.sleep(0.5)
    return found


def stored(stack: Stack) -> dict[str, int]:
    """Distinct records that each processor has stored; nothing while ClickHouse is being killed."""
    distinct = "uniqExact(owner, event_time, source, event_id, rank)"
    try:
        with reader(where(stack)) as warehouse:
            return {name: warehouse.rows(f"SELECT {distinct} FROM {kind.records}")[0][0] for name, kind in tables.kinds().items()}
    except WeftlineError:
        return {}


def kill_at_work(stack: Stack, victim: str, before: dict[str, int]) -> dict[str, int]:
    """SIGKILL a program once it has stored something since ``before``; what is stored now."""

    def idle() -> bool:
        now = stored(stack)
        return now.get(victim, sum(now.values())) <= before.get(victim, sum(before.values()))

    assert not until(idle), f"{victim} does no work that could be interrupted: {before} {stored(stack)}"
    os.kill(stack.pid(victim), signal.SIGKILL)
    return stored(stack) or before


@pytest.fixture(scope="module")
def survived(stack: Stack, played: Played) -> Played:
    """The simulation, published while one program after the other is killed in the middle; the supervisor starts them again."""
    every = [*PROCESSORS, "clickhouse", *(name for name in PROCESSORS if name != "cooperative")]
    victims, part = iter(every), len(played.messages) // (len(every) + 1)
    before = dict.fromkeys(PROCESSORS, 0)
    producer = KafkaProducer(bootstrap_servers=where(stack).kafka, linger_ms=5)
    try:
        for index, message in enumerate(played.messages):
            producer.send(message.topic, value=message.value, key=message.key, headers=message.headers)
            if index % part == part - 1 and (victim := next(victims, None)) is not None:
                producer.flush()
                before = kill_at_work(stack, victim, before)
        producer.flush()
    finally:
        producer.close()
    assert next(victims, None) is None
    return played


@pytest.fixture(scope="module")
def ought_to_be(survived: Played) -> dict[str, tables.Tables]:
    """A fold in memory of what was published."""
    return tables.expected_of_all(survived.records, survived.answers["as_of"])


@pytest.mark.parametrize("kind", PROCESSORS)
def test_every_table_is_the_fold_of_the_records(kind: str, stack: Stack, ought_to_be: dict[str, tables.Tables]) -> None:
    described = tables.kinds()[kind]
    ought = ought_to_be[kind]
    # Nothing that is answered raises an alert, and of members none need stand.
    quiet = ("replies", "cooperative")
    assert all(rows for name, rows in ought.items() if name != "alerts" or kind not in quiet), (
        "every table has something to be wrong about"
    )
    assert kind != "replies" or not ought["alerts"]

    def wrong() -> dict[str, str]:
        with reader(where(stack)) as warehouse:
            return tables.drift(tables.stored(described, warehouse), ought)

    assert until(wrong) == {}


def _answers(warehouse: Reader, query: str) -> dict[Any, tuple[Any, ...]]:
    rows = warehouse.rows(query)
    return {row[0]: tuple(row[1:]) for row in rows}


def test_the_views_say_what_the_simulator_knows(stack: Stack, survived: Played) -> None:
    expected = {
        "centers": truth.expected_centers(survived.truth),
        "quality": truth.expected_quality(survived.truth),
        "work in progress": survived.truth["work_in_progress"],
        "alerts": truth.expected_alerts(survived.truth),
        "conflicts": {kind: n["identity_conflicts"] for kind, n in survived.answers["published"].items()},
    }

    def views(warehouse: Reader) -> dict[str, Any]:
        centers = warehouse.rows("SELECT center_id, day, requested, confirmed, dispatched, approved FROM throughput_per_day")
        quality = warehouse.rows(
            "SELECT factory_id, product_category, indicator, tested, passed, failed, incomplete, not_detected FROM quality"
        )
        alerts = warehouse.rows("SELECT rule, center_id, factory_id, subject FROM standing_alerts")
        conflicts = warehouse.rows("SELECT kind, count() FROM identity_conflicts GROUP BY kind")
        return {
            "centers": {(center, day * 1000): tuple(counts) for center, day, *counts in centers if any(counts)},
            "quality": {tuple(row[:3]): tuple(row[3:]) for row in quality if any(row[3:])},
            "work in progress": dict(warehouse.rows("SELECT center_id, orders FROM work_in_progress WHERE orders != 0")),
            # Of members it writes down what stands, and not what is told of them.
            "alerts": {truth.alert_subject(*row) for row in alerts if row[0] in survived.truth["alerts"]},
            "conflicts": {**dict.fromkeys(PROCESSORS, 0), **dict(conflicts)},
        }

    def wrong() -> dict[str, Any]:
        with reader(where(stack)) as warehouse:
            found = views(warehouse)
        return {name: (found[name], ought) for name, ought in expected.items() if found[name] != ought}

    assert until(wrong) == {}


def test_members_are_as_the_simulator_knows_them(stack: Stack, survived: Played) -> None:
    """Score, grade, eligibility, officers, free tests and reports of each, through the real programs, whatever came first."""

    def wrong() -> tuple[str, ...]:
        with reader(where(stack)) as warehouse:
            (members,) = [of for of in compare(warehouse, survived.answers) if of.what == "members of the cooperative"]
        assert members.keys == len(survived.truth["cooperative"]["members"])
        return members.shown

    assert until(wrong) == ()


def test_what_cannot_be_read_lies_in_dead_letters_byte_for_byte(stack: Stack, survived: Played) -> None:
    sent = sorted((m.topic, m.key, m.value) for m in survived.messages if m.rank is None)
    assert sent

    def wrong() -> Any:
        with reader(where(stack)) as warehouse:
            rows = warehouse.rows("SELECT topic, key, value FROM dead_letters FINAL", binary=("key", "value"))
        found = sorted((topic, key, value or b"") for topic, key, value in rows)
        return None if found == sent else (len(found), len(sent))

    assert until(wrong) is None

    # At least once on their topics, which say why and where from.
    told = set()
    consumer = KafkaConsumer(bootstrap_servers=where(stack).kafka, consumer_timeout_ms=3000, auto_offset_reset="earliest")
    with closing(consumer):
        consumer.assign([TopicPartition(f"{topic}.dlq", 0) for topic in KINDS])
        for letter in consumer:
            headers = dict(letter.headers)
            assert headers["weftline_reason"] in (b"undecodable", b"contract")
            assert headers["weftline_detail"]
            assert letter.topic == f"{headers['weftline_topic'].decode()}.dlq"
            origin = (headers["weftline_topic"], headers["weftline_partition"], headers["weftline_offset"])
            told.add((*origin, letter.key, letter.value or b""))
    assert sorted((topic.decode(), key, value) for topic, _, _, key, value in told) == sent


def test_factories_were_last_told_what_stands(stack: Stack, ought_to_be: dict[str, tables.Tables]) -> None:
    """All that stands, of a month; but of one center, that went live in the middle of it, no history."""
    with reader(where(stack)) as warehouse:
        unsent = "SELECT count() FROM alerts FINAL WHERE NOT published AND NOT historic"
        assert until(lambda: warehouse.rows(unsent)[0][0]) == 0, "the last digest is sent"
        rows = warehouse.rows("SELECT center_id, alert_id, historic, occurred_at FROM alerts FINAL WHERE status != 'WITHDRAWN'")
    kept_back = [(center, occurred_at) for center, _, historic, occurred_at in rows if historic]
    assert kept_back
    assert all(center in LIVE and occurred_at < LIVE[center] for center, occurred_at in kept_back)

    ought = {alert_id: alert for of in ought_to_be.values() for alert_id, alert in standing(of["alerts"]).items()}
    with Subscriber(where(stack).kafka, None, follow=False) as subscriber:
        said = list(subscriber)
    assert [*misinformed(said, ought, LIVE)] == []
    # For the processors it is the end of the month: what happened in its first weeks is told late, and together.
    assert any(message.listed for message in said)
    assert not [alert for message in said for alert in message.listed if alert.severity == "CRITICAL"]
    assert {alert.alert_id for alert in last_told(said).values() if alert.status != "WITHDRAWN"} == {
        alert_id for _, alert_id, historic, _ in rows if not historic
    }
