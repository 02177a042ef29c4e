"""What ClickHouse makes of the strands of an owner, against the domain; which strands are read; records of a former version."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from tests.support.examples import CODEC, REPORT, VERIFIED
from tests.support.tables import kinds

from weftline.contracts.codec import FRAMING, rank_of
from weftline.domain.events import LOTS, InspectionEvent, Measurement
from weftline.domain.fold import History, Record
from weftline.domain.vocabulary import MeasurementKind
from weftline.processors.store import Store, judged_of
from weftline.processors.store_records import Received
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse
from weftline.warehouse.migrations import migrate

KIND = kinds()["inspections"]
FACTORY = REPORT.owner
T = TypeVar("T")


@pytest.fixture
def settings(clickhouse: str) -> Iterator[Settings]:
    made = Settings(clickhouse=clickhouse, clickhouse_database=f"strands_{os.getpid()}_{random.randrange(10**9)}")
    migrate(made)
    return made


def with_store(settings: Settings, work: Callable[[Store, Warehouse], Awaitable[T]]) -> T:
    async def run() -> T:
        async with await Warehouse.connect(settings) as warehouse:
            return await work(await Store.open(KIND, warehouse, CODEC), warehouse)

    return asyncio.run(run())


def records_of(chance: random.Random, number: int, tested_at: int) -> list[InspectionEvent]:
    """A report with some indicators that pass or fail, verified or not."""
    measured = tuple(
        Measurement(indicator=indicator, component="whole", kind=MeasurementKind.NUMBER, value=value, unit=unit)
        for indicator, good, bad, unit in (("ph", 6.0, 9.5, None), ("formaldehyde", 20.0, 400.0, "mg/kg"))
        if chance.random() < 0.9
        for value in [bad if chance.random() < 0.6 else good]
    )
    content = REPORT.laboratory_report
    assert content is not None
    assert VERIFIED.report_status is not None
    body = replace(
        content, report_number=f"r{number}", tested_at=tested_at, measurements=measured, test_plan=("ph", "formaldehyde")
    )
    at = REPORT.event_time + number * 60_000
    status = replace(
        VERIFIED.report_status, laboratory_id=body.laboratory_id, report_number=body.report_number, amendment=body.amendment
    )
    found = [replace(REPORT, event_id=f"e{number}", event_time=at, laboratory_report=body)]
    if chance.random() < 0.9:
        found.append(replace(VERIFIED, event_id=f"v{number}", event_time=at + 1_000, report_status=status))
    return found


def ranked(event: InspectionEvent) -> tuple[Record[Any], bytes]:
    value = CODEC.encode(event)
    return Record(event, rank_of(value[FRAMING:], False)), value


@pytest.mark.parametrize("seed", range(8))
def test_runs_made_in_clickhouse_are_those_of_the_domain(seed: int, settings: Settings) -> None:
    chance = random.Random(seed)
    times = [REPORT.event_time - chance.randrange(1_000) * 60_000 for _ in range(chance.choice((0, 1, 4, 12, 40)))]
    events = [event for number, time in enumerate(times) for event in records_of(chance, number, time)]
    # Two of one test time are ordered by laboratory and number.
    events += [event for number in (100, 9) for event in records_of(chance, number, REPORT.event_time)]
    history: History[Any] = History(FACTORY, KIND.start)
    history.add([ranked(event)[0] for event in events], 0)
    outcome = history.rows(0)
    told = [(judged_of(FACTORY, 0, outcome.known, row), row) for row in outcome.rows]
    ought = {row.key: row for row in outcome.rows if row.table == "run_state"}
    asked = [("run_state", *key) for key in ought] + [("run_state", "seam_slippage")]

    async def made(store: Store, _: Warehouse) -> Any:
        await store.put_states(pair for pair in told if pair[1].table == "strand_state")
        return await store.across({FACTORY: asked}), await store.ranks_judged([FACTORY])

    rows, ranks = with_store(settings, made)
    *known, unheard_of = rows[FACTORY]
    assert {row.key: row for row in known} == ought
    assert unheard_of.values == (0, 0, 0, 0, None)
    assert ranks == {FACTORY: outcome.version % 2**64}


def test_only_the_strands_that_are_asked_for_are_read_and_all_that_have_no_name(settings: Settings) -> None:
    chance = random.Random(1)
    events = [event for number in range(20) for event in records_of(chance, number, REPORT.event_time)]
    received = [Received(0, FACTORY, *ranked(event)) for event in events]
    named, unnamed = received[:-6], received[-6:]
    # Content of r3 under the identity of what is about r5: it decides what stands there.
    astray = replace(
        events[0], event_id="e5", event_time=events[0].event_time - 1, laboratory_report=named[6].record.event.laboratory_report
    )
    foreign = Received(0, FACTORY, *ranked(astray))

    async def read(store: Store, warehouse: Warehouse) -> None:
        await store.put_records([*named, foreign])
        # As a version before strands stored them.
        await store.put_records(unnamed)
        for item in unnamed:
            await warehouse.command(
                f"ALTER TABLE {KIND.records} UPDATE strand = '' WHERE event_id = {{id:String}} SETTINGS mutations_sync = 2",
                {"id": item.record.event.event_id},
            )
        of_r5 = next(item.record.event.strand for item in named if item.record.event.event_id == "e5")
        found = await store.records_of({FACTORY: {of_r5}})
        assert {record.key for record in found[FACTORY]} == {
            item.record.key
            for item in (*received, foreign)
            if item.record.event.strand == of_r5 or item in unnamed or item.record.identity[1] == "e5"
        }
        assert await store.unjudged([FACTORY]) == {FACTORY: {"", *(item.record.event.strand for item in (*named, foreign))}}
        assert (await store.known_of({FACTORY: []}))[FACTORY].known == (
            len(received) + 1,
            sum(item.record.rank for item in (*received, foreign)),
        )
        # Another factory's strands may be called as this one's are.
        beside = Record(replace(foreign.record.event, factory_id="f2", laboratory_report=events[0].laboratory_report), 1)
        of_both = await store.known_of({FACTORY: [foreign.record], "f2": [beside]})
        assert of_both == await store.known_of({FACTORY: [foreign.record]})
        stored = of_both[FACTORY]
        assert stored.known.records == len(received) + 1
        assert stored.strands == {of_r5, foreign.record.event.strand}
        assert LOTS not in stored.strands
        assert await store.name_strands([FACTORY]) == len(unnamed)
        await warehouse.command(f"OPTIMIZE TABLE {KIND.records} FINAL")
        found = await store.records_of({FACTORY: {of_r5}})
        assert {record.key for record in found[FACTORY]} == {
            item.record.key for item in (*received, foreign) if item.record.event.strand == of_r5 or item.record.identity[1] == "e5"
        }

    with_store(settings, read)
