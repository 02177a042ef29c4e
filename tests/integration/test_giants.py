"""One factory with more than a step can fold: its tables become true apart and slowly, and nobody else waits for it.

The memory of the processor is set so small that a factory of fifty lots is a giant; the large ones that were measured stand in
deploy/proof.md.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from tests.integration.test_promise import until
from tests.support import tables
from tests.support.examples import CODEC, LOT, REPORT, verified_report
from tests.support.stack import FEW, stack_at, where

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.topics import key_of, partition_of, topic_of
from weftline.domain.events import InspectionEvent, Measurement
from weftline.domain.fold import Record
from weftline.domain.vocabulary import MeasurementKind
from weftline.embedded.supervisor import Stack
from weftline.warehouse.client import reader

HOUR = 3_600_000
AS_OF = REPORT.event_time + 24 * HOUR
GIANT, REPORTS, LOTS = "f-giant", 150, 200
PROBES = 6
#: Reports of one measurement.
FLOOD = 4_000


def report(factory: str, number: int, *, measurements: int = 40) -> tuple[InspectionEvent, InspectionEvent]:
    """A report that fails, and its verification."""
    name = f"{factory}-{number}"
    measured = tuple(
        Measurement(indicator="formaldehyde", component=f"c{of}", kind=MeasurementKind.NUMBER, value=400.0, unit="mg/kg")
        for of in range(measurements)
    )
    return verified_report(factory, name, REPORT.event_time + number * 1_000, measured)


def lot(factory: str, number: int) -> InspectionEvent:
    """A lot of a factory, whose lots are judged together: they are what makes it a giant."""
    name = f"{factory}-lot-{number}"
    assert LOT.lot_inspection is not None
    body = replace(LOT.lot_inspection, lot_id=name)
    return replace(LOT, factory_id=factory, event_id=name, event_time=REPORT.event_time + number * 1_000, lot_inspection=body)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_at(tmp_path, AS_OF, ("inspections",), WEFTLINE_MEMORY_MB="6") as running:
        yield running


def test_a_giant_is_folded_apart_through_a_kill_and_others_do_not_wait(stack: Stack) -> None:
    settings = where(stack)
    records: list[Record[Any]] = []

    with KafkaProducer(bootstrap_servers=settings.kafka) as producer:

        def publish(*events: InspectionEvent) -> None:
            for event in events:
                value = CODEC.encode(event)
                records.append(Record(event, rank_of(value[FRAMING:], False)))
                producer.send(topic_of(event), value=value, key=key_of(event))
            producer.flush()

        for number in range(REPORTS):
            publish(*report(GIANT, number))
        for number in range(LOTS):
            publish(lot(GIANT, number))
        assert not until(lambda: not _apart(settings, "stored"), seconds=120), "nobody noticed that it is a giant"
        overtaken = 0
        for number in range(PROBES):
            publish(*report(GIANT, REPORTS + number), lot(GIANT, LOTS + number))
            publish(*report(f"f-probe-{number}", 0, measurements=1))
            if number == PROBES // 2:
                os.kill(stack.pid("inspections"), signal.SIGKILL)
            assert not until(lambda number=number: not _alerts(settings, f"f-probe-{number}"), seconds=120)  # type: ignore[misc]
            overtaken += _apart(settings, "folded") < _apart(settings, "stored")
        # Their alerts were there while the giant, whose record had come before, was still to be folded.
        assert overtaken

    kind = tables.kinds()["inspections"]
    ought = tables.expected(kind, records, AS_OF)

    def wrong() -> dict[str, str]:
        with reader(settings) as warehouse:
            return tables.drift(tables.stored(kind, warehouse), ought)

    assert until(wrong, seconds=240) == {}
    assert until(lambda: _apart(settings, "stored") - _apart(settings, "folded"), seconds=60) == 0


def test_whoever_stands_behind_a_flood_in_its_partition_goes_before_it(tmp_path: Path) -> None:
    probe = next(name for name in map("f-probe-{}".format, range(1000)) if _partition(name) == _partition(GIANT))
    with stack_at(tmp_path, AS_OF, ()) as empty, KafkaProducer(bootstrap_servers=where(empty).kafka, linger_ms=5) as producer:
        for number in range(FLOOD):
            for event in report(GIANT, number, measurements=1):
                producer.send(topic_of(event), value=CODEC.encode(event), key=key_of(event))
        for event in report(probe, 0, measurements=1):
            producer.send(topic_of(event), value=CODEC.encode(event), key=key_of(event))
    with stack_at(tmp_path, AS_OF, ("inspections",)) as stack:
        settings = where(stack)
        assert not until(lambda: not _alerts(settings, probe), seconds=120)
        assert _records(settings, GIANT) < 2 * FLOOD, "all of the flood went before it"
        # What went before is no reason to say that what stood before it was read.
        os.kill(stack.pid("inspections"), signal.SIGKILL)
        assert not until(lambda: _records(settings, GIANT) < 2 * FLOOD, seconds=240)


def _partition(owner: str) -> int:
    return partition_of(owner.encode(), FEW)


def _records(settings: Any, owner: str) -> int:
    with reader(settings) as warehouse:
        rows = warehouse.rows("SELECT count() FROM inspection_records FINAL WHERE owner = {owner:String}", {"owner": owner})
        return int(rows[0][0])


def _apart(settings: Any, column: str) -> int:
    with reader(settings) as warehouse:
        rows = warehouse.rows(f"SELECT max({column}) FROM owners_apart WHERE owner = {{owner:String}}", {"owner": GIANT})
    return int(rows[0][0])


def _alerts(settings: Any, factory: str) -> int:
    with reader(settings) as warehouse:
        return int(
            warehouse.rows("SELECT count() FROM standing_alerts WHERE factory_id = {factory:String}", {"factory": factory})[0][0]
        )
