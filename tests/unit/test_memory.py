"""What a history is estimated to take in memory is held against what it takes, so that a bound on bytes is one."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support import tables
from tests.support.examples import CODEC, LOT, ORDER, REPORT, SHIPMENT, VERIFIED

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.limits import LIMITS
from weftline.domain.events import Event, Measurement
from weftline.domain.fold import History, Record
from weftline.domain.vocabulary import MeasurementKind
from weftline.processors.memory import Memory, weight


def orders(number: int) -> Iterator[Event]:
    yield replace(ORDER, event_id=f"e{number}", event_time=ORDER.event_time + number)


def movements(number: int) -> Iterator[Event]:
    yield replace(SHIPMENT, event_id=f"e{number}", event_time=SHIPMENT.event_time + number)


def lots(number: int) -> Iterator[Event]:
    at = LOT.event_time + number
    yield replace(LOT, event_id=f"e{number}", event_time=at, lot_inspection=replace(LOT.lot_inspection, lot_id=f"lot {number}"))


def reports(measurements: int) -> Callable[[int], Iterator[Event]]:
    def make(number: int) -> Iterator[Event]:
        measured = tuple(
            Measurement(
                indicator="formaldehyde" if of % 2 else "ph",
                component=f"part {number}-{of}",
                kind=MeasurementKind.NUMBER,
                value=90.0 + of % 50,
                unit="mg/kg" if of % 2 else None,
            )
            for of in range(measurements)
        )
        body = replace(
            REPORT.laboratory_report, report_number=f"r{number}", test_plan=("ph", "formaldehyde"), measurements=measured
        )
        at = REPORT.event_time + number * 1_000
        yield replace(REPORT, event_id=f"e{number}", event_time=at, laboratory_report=body)
        told = replace(
            VERIFIED.report_status, laboratory_id=body.laboratory_id, report_number=f"r{number}", amendment=body.amendment
        )
        yield replace(VERIFIED, event_id=f"v{number}", event_time=at + 500, report_status=told)

    return make


HISTORIES: dict[str, tuple[str, Callable[[int], Iterator[Event]], int]] = {
    "orders": ("orders", orders, 300),
    "shipments": ("logistics", movements, 300),
    "lots": ("inspections", lots, 200),
    "small reports": ("inspections", reports(3), 200),
    "reports": ("inspections", reports(12), 100),
    "the largest reports": ("inspections", reports(LIMITS.measurements), 12),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_an_estimate_is_never_too_small_and_never_far_too_large(name: str) -> None:
    kind_name, make, count = HISTORIES[name]
    kind = tables.kinds()[kind_name]
    values = [CODEC.encode(event) for number in range(-3, count) for event in make(number)]
    for value in values[:4]:  # what is made once for all
        CODEC.decode(kind.topic, value)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        records: list[Record[Any]] = [Record(CODEC.decode(kind.topic, value), rank_of(value[FRAMING:], False)) for value in values]  # type: ignore[type-var]
        history: History[Any] = History(records[0].event.owner, kind.start)
        history.add(records, REPORT.event_time + 10**9)
        history.rows(REPORT.event_time + 10**9)  # as if all had been written once: what is rendered may be kept
        count = len(records)
        del records
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    estimated = weight(kind, count, sum(map(len, values)))
    assert taken <= estimated <= 5 * taken, f"{taken / count:.0f} bytes a record, estimated {estimated / count:.0f}"


def test_forgets_the_longest_unused_and_refuses_the_too_large() -> None:
    kind = tables.kinds()["orders"]
    memory = Memory(kind, 100_000)

    def history(owner: str, records: int) -> History[Any]:
        made = memory.fresh(owner)
        values = [CODEC.encode(event) for number in range(records) for event in orders(number)]
        made.add([Record(CODEC.decode(kind.topic, value), rank_of(value[FRAMING:], False)) for value in values], 0)  # type: ignore[type-var]
        return made

    for number in range(20):
        assert memory.keep(history(f"o{number}", 3), 600)
        memory.trim()
        assert memory.weight <= 100_000
    assert memory.get("o0") is None
    assert memory.get("o19") is not None
    kept = memory.records, memory.weight
    assert not memory.keep(history("large", 9), 1_800)
    assert (memory.records, memory.weight) == kept
    memory.clear()
    assert (len(memory), memory.records, memory.weight) == (0, 0, 0)
