"""Sample orders: from the request through up to four rounds to a verdict.

A center promises by looking at its queue; queues, late material and bad luck then decide whether the promise is kept.
"""

from __future__ import annotations

from typing import Any, Final

from weftline.domain.events import OrderEvent
from weftline.domain.vocabulary import OrderStatus as S
from weftline.embedded.simulator.answers import OrderTruth, RoundTruth
from weftline.embedded.simulator.catalogue import SAMPLES
from weftline.embedded.simulator.logistics import parcel
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE, clock, later, midnight, worked
from weftline.embedded.simulator.world import Center, Factory, Process, Source, World

# Share of the first round's revisions that a later round asks for; the fourth round is the last.
_REVISED_AGAIN: Final = (1.0, 0.75, 0.5, 0.0)
# A later round takes so much of the first one's work.
_WORK_AGAIN: Final = 0.7
_SAMPLE_SHARES: Final = [s.share for s in SAMPLES]
_REVISIONS: Final = ("colour deviates from the standard", "hand feel too stiff", "size out of tolerance", "print registration")
_HOLDS: Final = ("material not released", "artwork missing", "buyer undecided")
_CANCELLED: Final = ("buyer withdrew", "price", "style dropped")


def begin(world: World) -> Process:
    """A new sample order of a random factory, mostly at the center near it."""
    rng = world.rng
    factory = rng.choice(world.factories)
    center = factory.center if rng.random() < 0.8 else rng.choices(world.centers, cum_weights=world.center_shares)[0]
    return Order(world, factory, center).live()


def hours_per_round() -> float:
    """Hours at the bench that a round takes on average, over all sample types and rounds."""
    rounds = work = 0.0
    for sample in SAMPLES:
        share = sample.share
        for number, again in enumerate(_REVISED_AGAIN, 1):
            rounds += share
            work += share * sample.hours * (1.0 if number == 1 else _WORK_AGAIN)
            share *= sample.revised * again
    return work / rounds


class Order:
    """One order and what is true of it."""

    __slots__ = ("center", "factory", "fixed", "hours", "rng", "round", "sample", "steps", "truth", "world")

    def __init__(self, world: World, factory: Factory, center: Center) -> None:
        self.world, self.rng, self.factory, self.center = world, world.rng, factory, center
        self.sample = self.rng.choices(SAMPLES, _SAMPLE_SHARES)[0]
        category = factory.category(self.rng, world.now)
        center.orders += 1
        order_id = f"{center.short}{world.tag}-{center.orders:06d}"
        if center is factory.center:
            factory.last_order = order_id
        self.round = 1
        self.hours = self.sample.hours * self.rng.lognormvariate(-0.06, 0.35)
        steps = self.sample.steps
        self.steps = (*steps[:-1], steps[-1].FILL, steps[-1]) if category.filled and len(steps) > 1 else steps
        self.fixed: dict[str, Any] = {
            "cooperative_id": factory.cooperative_id,
            "center_id": center.center_id,
            "factory_id": factory.factory_id,
            "order_id": order_id,
            "sample_type": self.sample.type,
            "product_category": category.code,
            "style_number": factory.style(),
        }
        self.truth = OrderTruth(center.center_id, order_id, factory.factory_id, factory.cooperative_id, category.code)
        world.ledger.orders.append(self.truth)

    def step(self, status: S, source: Source | None = None, **more: Any) -> int:
        """Emit a step that applies; the time as it was written."""
        time = self._emit(status, source, **more)
        truth = self.truth
        if status is S.ON_HOLD or status is S.RESUMED:
            truth.on_hold = status is S.ON_HOLD
        else:
            truth.status = status.value
        if status in (S.REQUESTED, S.CONFIRMED, S.DISPATCHED, S.APPROVED):
            self.world.ledger.count(self.center.center_id, time, status.value)
        return time

    def stray(self, status: S, number: int) -> None:
        """Emit a step that comes too late to apply: the order has ended, or is in a later round."""
        self._emit(status, None, round=number)
        self.truth.not_applied += 1

    def _emit(self, status: S, source: Source | None, **more: Any) -> int:
        head = (source or self.center.source).head(self.world.now)
        number = more.pop("round", self.round)
        if source is None and not self.center.rounds:
            number = 1  # left out
        self.world.emit(OrderEvent(status=status, **head, **self.fixed, round=number, **more))
        time: int = head["event_time"]
        return time

    @property
    def portal(self) -> Source | None:
        """The factory's own system reports what the factory does, to the second, also of an order whose center writes dates only."""
        return self.factory.portal if self.rng.random() < 0.5 else None

    def after(self, low: float, high: float) -> int:
        """A time some working hours from now."""
        return later(self.world.now, self.rng.uniform(low, high) * HOUR)

    def promise(self, lead: float) -> int:
        """What the center believes: material, its queue, the work, and some slack; in worked ms from now, as a time."""
        now = worked(self.world.now)
        queue = max(self.world.next_bench(self.center) - now, 0)
        hours = lead + self.hours + 6.0 + self.rng.uniform(5.0, 14.0)
        return self.center.source.deadline(clock(now + queue + int(hours * HOUR)))

    def live(self) -> Process:
        """The whole life."""
        rng = self.rng
        quantity = rng.choice((1, 2, 2, 3, 4, 6))
        if rng.random() < 0.3:
            self.step(S.DRAFTED, self.portal, quantity=quantity)
            yield self.after(1, 20)
        self.step(S.REQUESTED, self.portal, quantity=quantity, changed_by="merchandiser")
        yield self.after(1, 10)
        lead = rng.uniform(3, 12)
        if rng.random() < 0.7:
            self.step(S.QUOTED, quantity=quantity, promised_at=self.promise(lead), changed_by="planner")
            yield self.after(2, 10)
            if rng.random() < 0.12:  # counter-proposal
                self.step(S.QUOTED, quantity=quantity, promised_at=self.promise(lead + 5), changed_by="planner")
                yield self.after(1, 6)
            if rng.random() < 0.03:
                self.step(S.CANCELLED, reason="price")
                return
        while True:
            truth = yield from self.confirm(lead, quantity)
            if truth is None:
                return
            yield from self.make(lead, quantity, truth)
            again = yield from self.judge(quantity)
            if not again:
                break
            lead = rng.uniform(1, 6)
        if rng.random() < 0.012:
            yield self.world.now + DAY + rng.randrange(DAY)
            self.stray(S.COMMENTED, self.round)

    def confirm(self, lead: float, quantity: int) -> Any:
        """Confirm the round with its promise; None if the order was cancelled soon after."""
        rng, now = self.rng, self.world.now
        promised = self.promise(lead)
        confirmed = self.step(S.CONFIRMED, quantity=quantity, promised_at=promised, changed_by="planner")
        truth = RoundTruth(confirmed, promised)
        self.truth.rounds.append(truth)
        if self.round > 1 and self.center.rounds and rng.random() < 0.02:
            yield now + DAY + rng.randrange(12 * HOUR)
            self.stray(S.COMMENTED, self.round - 1)
        if rng.random() < 0.03:
            # While the promise still holds, so that nobody has to ask whether a cancelled order can be late.
            yield min(self.after(1, 8), promised - HOUR)
            self.step(S.CANCELLED, reason=rng.choice(_CANCELLED))
            truth.dropped = True
            return None
        if rng.random() < 0.05:
            yield self.after(1, 4)
            self.step(S.ON_HOLD, reason=rng.choice(_HOLDS))
            yield self.after(4, 25)
            self.step(S.RESUMED)
            # On the next day at the earliest: among events of one date RESUMED would sort behind what follows it.
            yield max(midnight(self.world.now) + DAY + 9 * HOUR, self.after(1, 4))
        return truth

    def make(self, lead: float, quantity: int, truth: RoundTruth) -> Process:
        """Material, bench, inspection, dispatch."""
        rng, world, center = self.rng, self.world, self.center
        delayed = rng.uniform(12, 40) if rng.random() < 0.06 else 0.0
        yield later(world.now, (lead + delayed) * HOUR)
        if rng.random() < 0.85:
            self.step(S.MATERIAL_READY, location_id=None)
        work = int(self.hours * (1.0 if self.round == 1 else _WORK_AGAIN) * rng.lognormvariate(-0.02, 0.2) * HOUR)
        start, end = world.occupy(center, work)
        elsewhere = rng.choice(world.centers).center_id if rng.random() < 0.05 else None
        for number, production in enumerate(self.steps):
            yield clock(start + (end - start) * number // len(self.steps))
            self.step(S.IN_PRODUCTION, production_step=production, location_id=None if elsewhere == center.center_id else elsewhere)
        yield clock(end)
        if rng.random() < 0.9:
            yield self.after(0.3, 2)
            self.step(S.INTERNAL_QC, changed_by="inspector")
        yield self.after(0.5, 4)
        truth.dispatched_at = self.step(S.DISPATCHED, quantity=quantity)
        if rng.random() < 0.5:
            world.spawn(parcel(world, self.factory, center, self.truth.order_id), world.now + rng.randrange(20 * MINUTE, 4 * HOUR))

    def judge(self, quantity: int) -> Any:
        """Receipt, comments, verdict; whether another round follows."""
        rng = self.rng
        yield self.world.now + rng.randrange(12 * HOUR, 60 * HOUR)
        if rng.random() < 0.8:  # many centers never hear of the receipt
            self.step(S.RECEIVED, self.portal, quantity=quantity)
        yield self.after(2, 18)
        if rng.random() < 0.7:
            self.step(S.COMMENTED, self.portal)
            yield self.after(0.5, 5)
        luck = rng.random()
        if luck < 0.025:
            self.step(S.REJECTED, self.portal, reason=rng.choice(_REVISIONS))
            return False
        revised = self.sample.revised * _REVISED_AGAIN[self.round - 1]
        if luck < 0.025 + revised:
            self.step(S.REVISION_REQUESTED, self.portal, reason=rng.choice(_REVISIONS))
            yield self.after(3, 12)
            self.round += 1
            return True
        self.step(S.APPROVED, self.portal, changed_by="merchandiser")
        return False
