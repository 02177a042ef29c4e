"""Shipments: parcels with samples, and bulk lots to the home market and abroad.

A center that writes dates only writes them here too. Where it does not number its events either, the life cycle alone tells which of
one day came first; so nothing departs there twice. Some bulk shipments are received in two parts.
"""

from __future__ import annotations

from typing import Any, Final

from weftline.domain.events import LogisticsEvent
from weftline.domain.vocabulary import BusinessStep as B
from weftline.domain.vocabulary import Disposition as D
from weftline.domain.vocabulary import TradeMode
from weftline.embedded.simulator.answers import ShipmentTruth
from weftline.embedded.simulator.catalogue import CARRIERS, DISPATCH_HUBS, Category
from weftline.embedded.simulator.workdays import HOUR, MINUTE
from weftline.embedded.simulator.world import Center, Factory, Process, World

# Customs supervision mode 1039: at most USD 150,000 per declaration, inclusive (GACC Announcement 2019 No. 221).
_MARKET_PROCUREMENT_MAX_CENTS: Final = 15_000_000
_CENTS_PER_USD_IN_CNY: Final = 715
_MODES: Final = (
    TradeMode.DOMESTIC,
    TradeMode.MARKET_PROCUREMENT,
    TradeMode.GENERAL_TRADE,
    TradeMode.CROSS_BORDER_ECOMMERCE,
)


def parcel(world: World, factory: Factory, center: Center, order_id: str) -> Process:
    """A sample on its way to the factory or its buyer: one or two days by courier."""
    return _Shipment(world, factory, center, {"order_ids": (order_id,), "trade_mode": TradeMode.DOMESTIC}).live(
        world.rng.uniform(20, 54), abroad=False
    )


def bulk(world: World, factory: Factory, category: Category, lot_ids: tuple[str, ...], units: int) -> Process:
    """Accepted lots on their way to a customer."""
    rng = world.rng
    mode = rng.choices(_MODES, (40, 30, 18, 12))[0]
    cents = int(units * category.price_usd * 100 * rng.uniform(0.9, 1.15))
    if mode is TradeMode.MARKET_PROCUREMENT:
        cents = min(cents, _MARKET_PROCUREMENT_MAX_CENTS)
    home = mode is TradeMode.DOMESTIC
    fixed = {
        "lot_ids": lot_ids,
        "trade_mode": mode,
        "declared_value_minor": cents * _CENTS_PER_USD_IN_CNY // 100 if home else cents,
        "declared_currency": "CNY" if home else "USD",
    }
    return _Shipment(world, factory, factory.center, fixed).live(rng.uniform(30, 150), abroad=not home)


class _Shipment:
    """One shipment and what is true of it."""

    __slots__ = ("center", "common", "fixed", "shipment_id", "truth", "world")

    def __init__(self, world: World, factory: Factory, center: Center, fixed: dict[str, Any]) -> None:
        self.world, self.center, self.fixed = world, center, fixed
        world.shipments += 1
        self.shipment_id = f"W{world.tag}{world.shipments:08d}"
        self.common: dict[str, Any] = {
            "cooperative_id": factory.cooperative_id,
            "center_id": center.center_id,
            "factory_id": factory.factory_id,
            "shipment_id": self.shipment_id,
            "carrier_id": world.rng.choice(CARRIERS),
        }
        self.truth = ShipmentTruth(self.shipment_id, factory.factory_id, 0)

    def step(self, step: B, disposition: D | None = None, **more: Any) -> int:
        head = self.center.shipping.head(self.world.now)
        self.world.emit(LogisticsEvent(business_step=step, disposition=disposition, **head, **self.common, **more))
        time: int = head["event_time"]
        return time

    def depart(self, hours: float, place: str) -> int:
        """Leave with an expected arrival; when it will really arrive."""
        rng, now = self.world.rng, self.world.now
        expected = now + int((hours + rng.uniform(4, 16)) * HOUR)
        expected -= expected % (15 * MINUTE)
        self.truth.expected_at = expected
        self.step(B.DEPARTING, D.IN_TRANSIT, read_point_id=place, expected_arrival_at=expected, **self.fixed)
        late = rng.uniform(10, 60) if rng.random() < 0.05 else 0.0
        return now + int((hours * rng.uniform(0.95, 1.05) + late) * HOUR)

    def live(self, hours: float, *, abroad: bool) -> Process:
        """Depart, perhaps undo that and depart again, travel, perhaps wait for customs, arrive, be received."""
        world, rng = self.world, self.world.rng
        place, goal = f"dock:{self.center.center_id}", rng.choice(DISPATCH_HUBS)
        world.ledger.shipments.append(self.truth)
        arrival = self.depart(hours, place)
        lots = self.fixed.get("lot_ids", ())
        luck = rng.random()
        if luck < 0.02 and self.center.shipping.tells_order:
            yield world.now + rng.randrange(HOUR, 4 * HOUR)
            self.step(B.VOID_SHIPPING, read_point_id=place)
            self.truth.status = "PREPARING"
            yield world.now + rng.randrange(2 * HOUR, 8 * HOUR)
            self.truth.status = "IN_TRANSIT"
            arrival = self.depart(hours, place)
        elif luck < 0.03 and len(lots) > 1:
            yield world.now + rng.randrange(HOUR, 4 * HOUR)
            self.step(B.VOID_SHIPPING, read_point_id=place, lot_ids=lots[-1:], partial=True)
            lots = lots[:-1]
        way = arrival - world.now
        if rng.random() < 0.8:
            yield world.now + int(way * rng.uniform(0.3, 0.6))
            self.step(B.TRANSPORTING, D.IN_TRANSIT)
        if abroad:
            yield arrival - int((arrival - world.now) * rng.uniform(0.2, 0.4))
            self.step(B.HOLDING, read_point_id=f"customs:{goal.split(':')[1]}")
        yield arrival
        arrived = None
        luck = rng.random()
        if luck < 0.05:
            yield arrival + rng.randrange(HOUR, 4 * HOUR)  # recorded some hours later
            self.step(B.ARRIVING, actual_arrival_at=arrival, read_point_id=goal, business_location_id=goal)
            arrived = arrival
        elif luck < 0.9:
            arrived = self.step(B.ARRIVING, read_point_id=goal, business_location_id=goal)
        if arrived is not None:
            self._arrive(arrived)
            yield world.now + rng.randrange(30 * MINUTE, 9 * HOUR)
        if len(lots) > 1 and rng.random() < 0.2:
            # In two deliveries; what was not said to have arrived has arrived with the second.
            self.step(B.RECEIVING, read_point_id=goal, lot_ids=lots[:1], partial=True)
            yield world.now + rng.randrange(HOUR, 20 * HOUR)
        received = self.step(B.RECEIVING, D.DAMAGED if rng.random() < 0.01 else None, read_point_id=goal, business_location_id=goal)
        if arrived is None:
            self._arrive(received)
        self.truth.status = "DELIVERED"

    def _arrive(self, time: int) -> None:
        self.truth.arrived_at = time
        self.truth.status = "ARRIVED"
