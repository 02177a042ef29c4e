"""Play a simulation into Kafka at a wanted pace, keep the answer file, and say what was done."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.registry import open_registry
from weftline.contracts.topics import key_of, topic_of
from weftline.embedded.simulator.config import Pace, SimulationConfig
from weftline.embedded.simulator.corrupt import Damager
from weftline.embedded.simulator.disturb import Rank, Role
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.sinks import BulkSink, Connection, Encoded, PublisherSink, Sink

_PROGRESS_SECONDS: Final = 0.25
_ANSWERS_SECONDS: Final = 5.0
# Adding the answers up takes about 0.1 s for 40,000 events; it may take a twentieth of the time.
_ANSWERS_SHARE: Final = 20.0
_LONGEST_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: records sent, events that happened in the world, the simulated time (ms), seconds."""

    sent: int
    happened: int
    simulated_time: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What was played. ``records``: distinct contents, as the tables of records will hold them; ``corrupt``: dead letters to come."""

    as_of: int
    messages: int
    events: int
    records: int
    corrupt: int
    seconds: float
    answers: Path | None

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0


def rank_by(codec: Codec) -> Rank:
    """Which of two contents under one identity stands, by the contract's rule."""
    return lambda event: rank_of(codec.encode(event)[FRAMING:], event.error_declaration is not None)


def simulate(
    config: SimulationConfig,
    connection: Connection,
    *,
    pace: Pace | None = None,
    answers: Path | None = None,
    bulk: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Summary:
    """Play ``config`` into Kafka; ends at the end of its span, after ``pace.seconds``, or soon after ``stop`` is set.

    However it ends, what was on its way is still sent, so that the answer file holds for what is in Kafka. ``bulk``: the fast
    way for load; otherwise the SDK's Publisher. An interrupt (Ctrl-C) ends the run like ``stop``; a second one at once.
    Raises :class:`DependencyDown` or :class:`DeliveryError` if Kafka does not take it; the answer file then stays incomplete.
    """
    pace = pace or Pace()
    codec = Codec(open_registry(connection.schema_registry))
    simulation = Simulation(config, rank_by(codec))
    sink: Sink = BulkSink(connection) if bulk else PublisherSink(connection)
    stop = stop or threading.Event()
    run = _Run(simulation, sink, Damager(codec, config.seed), pace, answers, progress, stop)
    with _interruptible(stop):
        try:
            run.play()
        finally:
            sink.close()
    if answers is not None:
        write_answers(simulation, answers)
    return run.summary()


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C sets ``stop``, the second one does what it always does. Python lets only the main thread listen."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop.set()

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Run:
    """One run: the loop with its pacing and reporting."""

    def __init__(
        self,
        simulation: Simulation,
        sink: Sink,
        damager: Damager,
        pace: Pace,
        answers: Path | None,
        progress: Callable[[Progress], None] | None,
        stop: threading.Event,
    ) -> None:
        self._simulation, self._sink, self._damager, self._pace = simulation, sink, damager, pace
        self._answers, self._progress, self._stop = answers, progress, stop
        self._sent = 0
        self._begun = time.monotonic()
        self._report_at = self._answers_at = 0.0

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def play(self) -> None:
        for emission in self._simulation:
            self._wait(emission.turn)
            if self._stop.is_set():
                self._simulation.stop()
            event = emission.event
            if emission.role is Role.CORRUPT:
                value, _ = self._damager.damage(event)
                self._sink.raw(Encoded(topic_of(event), key_of(event), value, []))
            else:
                self._sink.publish(event)
            self._sent += 1
            if self._sent % 64 == 0:
                self._tell()
        self._tell(final=True)

    def _wait(self, turn: int) -> None:
        """Until the record is due; not at all once the run has been stopped."""
        pace = self._pace
        if pace.seconds is not None and self._seconds >= pace.seconds:
            self._stop.set()
        due = pace.due(turn, self._sent)
        while not self._stop.is_set() and (left := due - self._seconds) > 0.001:
            self._tell()
            self._sink.pause(min(left, _LONGEST_PAUSE))
            if pace.seconds is not None and self._seconds >= pace.seconds:
                self._stop.set()

    def _tell(self, *, final: bool = False) -> None:
        seconds = self._seconds
        if self._progress is not None and (final or seconds >= self._report_at):
            self._report_at = seconds + _PROGRESS_SECONDS
            world = self._simulation.world
            self._progress(Progress(self._sent, world.ledger.events.total(), world.now, seconds))
        if self._answers is not None and seconds >= self._answers_at:
            write_answers(self._simulation, self._answers)
            took = self._seconds - seconds
            self._answers_at = self._seconds + max(_ANSWERS_SECONDS, took * _ANSWERS_SHARE)

    def summary(self) -> Summary:
        simulation = self._simulation
        published = simulation.tally.as_json().values()
        return Summary(
            as_of=simulation.as_of,
            messages=self._sent,
            events=simulation.world.ledger.events.total(),
            records=sum(kind["records"] for kind in published),
            corrupt=sum(kind["corrupt"] for kind in published),
            seconds=self._seconds,
            answers=self._answers,
        )


def write_answers(simulation: Simulation, path: Path) -> None:
    """Replace the answer file as a whole: a reader never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(simulation.answers(), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
