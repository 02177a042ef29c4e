"""The largest that the contract allows, through a processor's own statements, on a real engine."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.crash.world import Outbox
from tests.support.strategies import HOUR
from tests.support.tables import drift, expected, kinds, stored

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.registry import FileRegistry
from weftline.domain.events import Event, InspectionEvent, LogisticsEvent, OrderEvent, ReportStatusChange
from weftline.domain.fold import Record
from weftline.domain.vocabulary import BusinessStep, InspectionKind, OrderStatus, ReportStatus
from weftline.processors.audit import look, of_owners, selections
from weftline.processors.step import Processor
from weftline.processors.store import Store
from weftline.runtime.loop import RawRecord
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings, load
from weftline.warehouse.client import Warehouse, reader
from weftline.warehouse.migrations import migrate

CODEC = Codec(FileRegistry())
WHO: dict[str, Any] = {
    "source": "mes",
    "event_time_zone_offset": "+08:00",
    "cooperative_id": "haimen",
    "center_id": "c1",
    "factory_id": "f1",
}
#: Every month that the contract allows: twelve times the limit of the engine's partitions in one insert. On two busy cores a step with
#: all of them takes a minute, nearly all of it syncs of 3,600 parts; so the suite takes the first 11 years, and all of these if
#: ``WEFTLINE_LARGEST`` is set.
EVERY_MONTH = [
    int(datetime(year, month, 15, tzinfo=UTC).timestamp() * 1000) for year in range(2000, 2100) for month in range(1, 13)
]
MONTHS = EVERY_MONTH if "WEFTLINE_LARGEST" in os.environ else EVERY_MONTH[:130]
AS_OF = EVERY_MONTH[-1] + HOUR


def order(number: int, time: int) -> Event:
    return OrderEvent(
        event_id=f"e{number}", event_time=time, order_id=f"o{number}", status=OrderStatus.CONFIRMED, product_category="sheet", **WHO
    )


def verified(number: int, time: int) -> Event:
    change = ReportStatusChange(laboratory_id="lab", report_number=f"r{number}", status=ReportStatus.VERIFIED)
    return InspectionEvent(
        event_id=f"e{number}",
        event_time=time,
        kind=InspectionKind.REPORT_STATUS,
        product_category="sheet",
        report_status=change,
        **WHO,
    )


def departed(number: int, time: int) -> Event:
    return LogisticsEvent(
        event_id=f"e{number}", event_time=time, shipment_id=f"s{number}", business_step=BusinessStep.DEPARTING, **WHO
    )


@pytest.fixture
def where(clickhouse: str, request: pytest.FixtureRequest) -> Settings:
    """A database of the test's own."""
    settings = load(clickhouse=clickhouse, clickhouse_database=f"largest_{abs(hash(request.node.name)) % 10**8}")
    migrate(settings)
    return settings


def step(where: Settings, kind_name: str, events: list[Event]) -> None:
    """One step with all of these, settled and swept, as of the end of time."""
    kind = kinds()[kind_name]
    values = [CODEC.encode(event) for event in events]
    raw = [
        RawRecord(kind.topic, 0, offset, 0, event.owner.encode(), value, ())
        for offset, (event, value) in enumerate(zip(events, values, strict=True))
    ]

    async def run() -> None:
        async with await Warehouse.connect(where) as warehouse:
            outbox: Any = Outbox()
            store = await Store.open(kind, warehouse, CODEC)
            processor = Processor(kind, 1, store, outbox, CODEC, lambda: AS_OF, where, Metrics(kind_name))
            await processor.assigned(frozenset({0}))
            await processor.step(raw)
            await processor.settle()
            await processor.sweep()
            assert not outbox.letters

    asyncio.run(run())
    records = [Record(event, rank_of(value[FRAMING:], False)) for event, value in zip(events, values, strict=True)]
    with reader(where) as tables:
        assert not drift(stored(kind, tables), expected(kind, records, AS_OF))
        # The audit's own statements.
        for selection in [*selections(kind, tables, None), *of_owners(event.owner for event in events)]:
            assert not look(kind, tables, CODEC, selection, None, lambda: AS_OF).broken


@pytest.mark.parametrize(("kind", "make"), [("orders", order), ("inspections", verified), ("logistics", departed)])
def test_one_event_a_month_for_as_many_as_the_contract_allows(where: Settings, kind: str, make: Any) -> None:
    """Many owners in many months; for inspections one owner, whose facts are all stored again for the earliest of them."""
    step(where, kind, [make(number, time) for number, time in enumerate(MONTHS)])


def test_as_many_owners_with_names_as_long_as_a_step_may_bring(where: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weftline.processors.telling.MOST_ALERTS", -1)  # as if their alerts were too many to be read whole
    long = "纺" * 190
    owners = load().batch_records if "WEFTLINE_LARGEST" in os.environ else 6_000
    events = [replace(departed(number, MONTHS[0]), shipment_id=f"{long}{number:05}") for number in range(owners)]
    step(where, "logistics", events)
