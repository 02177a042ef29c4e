"""A simulation: the undisturbed world, what is sent of it, and what is true of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from weftline.embedded.simulator import lots, orders, reports
from weftline.embedded.simulator.answers import truth
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.cooperative import playing
from weftline.embedded.simulator.disturb import Disturber, Emission, Rank, Role, Tally
from weftline.embedded.simulator.world import LOTS_PER_EVENT, ORDERS_PER_EVENT, REPORTS_PER_EVENT, DomainEvent, World

#: What the parts of the answer file mean, for whoever holds tables against it.
DEFINITIONS: Final = {
    "as_of": "the moment for which all of it holds, ms UTC; no event that counts is later",
    "truth": "what the simulator decided, apart from all disturbance",
    "truth.orders": "rounds[].on_time: dispatched not later than promised by its CONFIRMED; null while open or cancelled before",
    "truth.orders.not_applied": "events that came after the end of the order, or for an earlier round, and change nothing",
    "truth.work_in_progress": "orders confirmed and not yet dispatched or cancelled, per center; orders on hold count",
    "truth.centers": "events per center and UTC day of event_time, all rounds",
    "truth.reports": "pass, fail, incomplete: verified and not withdrawn, by the latest amendment",
    "truth.quality": "one count per verified, not withdrawn report and indicator; incomplete (required, not tested) is not tested",
    "truth.lots": "per class of nonconformity; resubmitted lots apart; plan_mismatch: inspected by a plan that is not the standard's",
    "truth.alerts.SAFETY_LIMIT_FAILED": "laboratory, report number, indicator",
    "truth.alerts.LOT_NOT_ACCEPTED": "factory, lot, class",
    "truth.alerts.SWITCHED_TO_TIGHTENED": "factory, product category, class, lot that switched",
    "truth.alerts.INSPECTION_DISCONTINUED": "factory, product category, class, lot that switched",
    "truth.alerts.THREE_FAILURES_IN_A_ROW": "factory, indicator, laboratory and report number of the run's first failure",
    "truth.alerts.ORDER_OVERDUE": "center, order, round",
    "truth.alerts.SHIPMENT_OVERDUE": "shipment",
    **playing.DEFINITIONS,
    "published": "per kind; records: distinct contents; identities: distinct (source, event_id); corrupt: dead letters to come",
    "complete": "false while the run goes on: then published is behind truth",
}


class Simulation:
    """Iterate it once to play it: records in the order in which they are sent. The bookkeeping grows meanwhile.

    ``rank``: see :class:`Disturber`. :meth:`stop` ends the world at its present moment; what is on its way still comes.
    """

    def __init__(self, config: SimulationConfig, rank: Rank | None = None) -> None:
        self.config = config
        self.world = World(config)
        #: The cooperative that is played beside the cluster, if there is one.
        self.cooperative = None if config.cooperative is None else playing.Cooperative(config.cooperative, self.world)
        self.tally = Tally()
        self._disturber = Disturber(config.disturbances, config.seed, config.end, self.tally, rank)
        self._stopped = False
        self._ran_out = False
        self._complete = False

    def __iter__(self) -> Iterator[Emission]:
        yield from self._disturber.run(self.undisturbed())
        self._complete = True

    def undisturbed(self) -> Iterator[tuple[int, list[DomainEvent]]]:
        """The world's steps: (time, the events that happened then)."""
        world, config = self.world, self.config
        per_day = config.events_per_day
        world.spawn(world.arrivals(per_day * ORDERS_PER_EVENT, lambda: orders.begin(world)))
        world.spawn(world.arrivals(per_day * REPORTS_PER_EVENT, lambda: reports.begin(world)))
        world.spawn(world.arrivals(per_day * LOTS_PER_EVENT, lambda: lots.begin(world)))
        if self.cooperative is not None:
            world.spawn(self.cooperative.live())
        happened = 0
        for step in world.run():
            yield step
            happened += len(step[1])
            if self._stopped or (config.events is not None and happened >= config.events):
                return
        self._ran_out = True

    def stop(self) -> None:
        """Let nothing more happen."""
        self._stopped = True

    @property
    def as_of(self) -> int:
        """For when the truth holds: the end of the span, or where the world was stopped."""
        return self.config.end if self._ran_out else self.world.now

    def answers(self) -> dict[str, Any]:
        """The answer file, as it stands now."""
        config = self.config
        found = truth(self.world.ledger, self.as_of)
        if self.cooperative is not None:
            found["cooperative"] = self.cooperative.answers(self.as_of)
        return {
            "definitions": DEFINITIONS,
            "seed": config.seed,
            "start": config.start,
            "namespace": config.namespace,
            "complete": self._complete,
            "as_of": self.as_of,
            "truth": found,
            "published": self.tally.as_json(),
        }


__all__ = ["Emission", "Role", "Simulation"]
