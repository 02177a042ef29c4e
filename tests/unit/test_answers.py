"""The rules against a truth that they did not compute: the simulator's answer file, whatever the disturbance."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from tests.support import truth

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.registry import FileRegistry
from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.events import Event, InspectionEvent, LogisticsEvent, OrderEvent
from weftline.domain.fold import Fact, History, Record, StateRow
from weftline.domain.inspections import InspectionRules
from weftline.domain.logistics import ShipmentRules
from weftline.domain.orders import OrderRules
from weftline.embedded.simulator.config import Disturbances, SimulationConfig
from weftline.embedded.simulator.simulation import Role, Simulation

START = 1_767_225_600_000  # 2026-01-01
DAY = 86_400_000

HOSTILE = Disturbances(duplicates=0.1, disorder=0.2, lateness=0.1, corrections=0.05, conflicts=0.03, corrupt=0.02)

OF_ITEMS = ("item_tested", "item_passed", "item_failed", "item_incomplete", "item_not_detected")


class World:
    """Everything that a simulation published, folded owner by owner."""

    def __init__(self, seed: int, disturbances: Disturbances) -> None:
        codec = Codec(FileRegistry())
        standards, sampling = load_standards(), load_sampling_standard()
        starts: dict[type[Event], Any] = {
            OrderEvent: OrderRules,
            InspectionEvent: lambda: InspectionRules(standards, sampling),
            LogisticsEvent: ShipmentRules,
        }

        def record(event: Any) -> Record[Any]:
            return Record(event, rank_of(codec.encode(event)[FRAMING:], event.error_declaration is not None))

        config = SimulationConfig(seed=seed, start=START, end=START + 30 * DAY, events_per_day=250, disturbances=disturbances)
        simulation = Simulation(config, rank=lambda event: record(event).rank)
        batches: dict[tuple[type[Event], str], list[Record[Any]]] = defaultdict(list)
        for emission in simulation:
            if emission.role is not Role.CORRUPT:
                batches[type(emission.event), emission.event.owner].append(record(emission.event))
        self.answers = simulation.answers()
        self.facts: list[tuple[str, Fact]] = []
        self.rows: list[tuple[str, StateRow]] = []
        for (cls, owner), records in batches.items():
            outcome = History(owner, starts[cls]).add(records, self.answers["as_of"])
            assert not outcome.failures
            self.facts.extend((cls.__name__, fact) for fact in outcome.facts)
            self.rows.extend((owner, row) for row in outcome.rows)

    def of(self, table: str) -> list[tuple[str, StateRow]]:
        return [(owner, row) for owner, row in self.rows if row.table == table]


@pytest.fixture(scope="module", params=["calm", "hostile"])
def world(request: pytest.FixtureRequest) -> World:
    return World(7, HOSTILE if request.param == "hostile" else Disturbances())


def test_alerts_that_stand(world: World) -> None:
    found = truth.standing(alert for _, row in world.rows for alert in row.alerts)
    expected = truth.expected_alerts(world.answers["truth"])
    assert {rule for rule, *_ in expected} >= {"SAFETY_LIMIT_FAILED", "LOT_NOT_ACCEPTED", "ORDER_OVERDUE", "SHIPMENT_OVERDUE"}
    assert found == expected


def test_quality_per_factory_and_indicator(world: World) -> None:
    sums: dict[Any, list[int]] = defaultdict(lambda: [0] * 5)
    for kind, fact in world.facts:
        if kind == "InspectionEvent" and fact.counts:
            amounts = fact.amounts
            for at, item in enumerate(zip(amounts.item_category, amounts.item_indicator, strict=True)):
                for index, column in enumerate(OF_ITEMS):
                    sums[amounts.factory_id, *item][index] += getattr(amounts, column)[at]
    assert truth.nonzero(sums) == truth.expected_quality(world.answers["truth"])


def test_throughput_per_center_and_day(world: World) -> None:
    sums: dict[Any, list[int]] = defaultdict(lambda: [0] * 4)
    for kind, fact in world.facts:
        if kind == "OrderEvent" and fact.counts:
            for index, column in enumerate(("requested", "confirmed", "dispatched", "approved")):
                sums[fact.center_id, fact.event_time // DAY * DAY][index] += getattr(fact.amounts, column)
    assert truth.nonzero(sums) == truth.expected_centers(world.answers["truth"])


def test_orders_and_their_rounds(world: World) -> None:
    found = {}
    for _, row in world.of("order_state"):
        order = row.values
        times = zip(order.round_confirmed_at, order.round_first_promised_at, order.round_finished_at, strict=True)
        rounds = tuple(each for each in times if each != (None, None, None))
        if order.status:
            found[order.center_id, order.order_id] = (order.status, bool(order.on_hold), rounds)
    assert found == truth.expected_orders(world.answers["truth"])


def test_work_in_progress(world: World) -> None:
    sums: dict[str, int] = defaultdict(int)
    for kind, fact in world.facts:
        if kind == "OrderEvent":
            sums[fact.center_id] += fact.amounts.entries - fact.amounts.exits
    assert {center: count for center, count in sums.items() if count} == world.answers["truth"]["work_in_progress"]


def test_lots_per_class(world: World) -> None:
    sums: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for kind, fact in world.facts:
        if kind == "InspectionEvent" and fact.counts:
            amounts = fact.amounts
            for of, accepted in zip(amounts.class_name, amounts.class_accepted, strict=True):
                sums[amounts.factory_id, amounts.product_category, of][accepted == "no"] += 1
    assert truth.nonzero(sums) == truth.expected_lots(world.answers["truth"])
