"""Other people's events as they happen: a simulated world of twelve days, whose last days pass while they are sent.

Events that are days old would mislead: promises among them have passed already, so that 6 % of the order events and 13 % of the logistics
events raised an alert at once. Here all times of a world are mapped onto the time of sending, so that a promise passes when it would.

``python -m tests.bench.fresh KAFKA RATE SECONDS`` sends at a steady rate, in a process of its own, until it is killed or at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.registry import FileRegistry
from weftline.domain.events import Event
from weftline.domain.vocabulary import Precision
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.simulation import Role, Simulation
from weftline.embedded.simulator.sinks import BulkSink, Connection, encode

DAY = 86_400_000
MEMBERS = (("haimen", 5_530), ("tongzhou", 1_160))


def last_events(count: int) -> list[Event]:
    """The last events of a cluster of thousands of factories, each once, when orders, inspections and shipments have come to their usual
    proportion (10 to 7 to 4)."""
    config = SimulationConfig(seed=2, start=0, end=12 * DAY, events_per_day=max(20_000, count // 8), members=MEMBERS)
    return [emission.event for emission in Simulation(config) if emission.role is not Role.CORRUPT][-count:]


def at_times(message: Any, mapped: Callable[[int], int]) -> Any:
    """The same event with each of its times mapped."""
    changed: dict[str, Any] = {"precision": Precision.UNKNOWN} if isinstance(message, Event) else {}
    for field in fields(message):
        value = getattr(message, field.name)
        if is_dataclass(value):
            changed[field.name] = at_times(value, mapped)
        elif isinstance(value, int) and field.name.endswith(("_time", "_at")):
            changed[field.name] = mapped(value)
    return replace(message, **changed)


def send(kafka: str, events: Sequence[Event], rate: float) -> None:
    """Send them at a steady rate, each at the time that it is of, nearly: a day has busier hours."""
    codec, sink = Codec(FileRegistry()), BulkSink(Connection(kafka))
    first, last = events[0].event_time, events[-1].event_time
    begun = time.time()
    shrink = len(events) / rate * 1000 / (last - first)

    def mapped(at: int) -> int:
        return round(begun * 1000 + (at - first) * shrink)

    for number, event in enumerate(events):
        while (early := begun + number / rate - time.time()) > 0:
            sink.pause(min(early, 0.02))
        sink.raw(encode(codec, at_times(event, mapped)))
    sink.close()


def main() -> None:
    """Makes the events, says so, and sends them."""
    kafka, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    events = last_events(int(rate * seconds))
    print("sending", flush=True)
    send(kafka, events, rate)


if __name__ == "__main__":
    main()
