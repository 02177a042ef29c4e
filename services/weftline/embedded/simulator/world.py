"""The world that is played: who takes part, and the clock that lets everybody act in turn.

Whoever acts is a *process*: a generator that yields the time (ms, UTC) at which it wants to go on, and emits events in between. One
random generator serves the whole world, in the order of the clock, so a seed fixes every byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Any, Final

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import InspectionEvent, LogisticsEvent, OrderEvent
from weftline.domain.vocabulary import NonconformityClass, Precision
from weftline.embedded.simulator.answers import Ledger
from weftline.embedded.simulator.catalogue import CATEGORIES, CENTERS, SAMPLES, Category
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE, UTC_OFFSET, WORKWEEK, clock, midnight, month, worked

DomainEvent = OrderEvent | InspectionEvent | LogisticsEvent | CooperativeEvent
Process = Generator[int, None, None]

_SCRAMBLE: Final = 0x9E3779B97F4A7C15  # odd, so multiplying by it modulo 2^64 maps no two numbers to one
_2_64: Final = 2**64 - 1


class Source:
    """A publishing system: how precisely it writes times, whether it numbers its events, and how it names them.

    A system without numbers of its own gives rising ids, as a database does; so the canonical order of its events of one moment,
    where the id decides last, is the order in which they happened.
    """

    __slots__ = ("_count", "_precision", "_salt", "_sequenced", "_tag", "uri")

    def __init__(self, uri: str, tag: str, precision: int = 1, *, sequenced: bool = False) -> None:
        self.uri = uri
        self._tag = tag
        self._precision = precision
        self._sequenced = sequenced
        self._count = 0
        self._salt = int.from_bytes(hashlib.blake2b(uri.encode(), digest_size=8).digest())

    def head(self, time: int) -> dict[str, Any]:
        """``source``, ``event_id``, ``event_time``, ``sequence`` and offset of the next event, which happens at ``time``."""
        self._count = count = self._count + 1
        scrambled = (count * _SCRAMBLE & _2_64) ^ self._salt
        return {
            "source": self.uri,
            "event_id": f"{self._tag}{scrambled:016x}" if self._sequenced else f"{self._tag}-{count:09d}",
            "event_time": self.written(time),
            "event_time_zone_offset": UTC_OFFSET,
            "precision": Precision.DAY if self._precision == DAY else Precision.UNKNOWN,
            "sequence": count if self._sequenced else None,
        }

    def written(self, time: int) -> int:
        """``time`` as this system writes it: a date without a time is local midnight."""
        return midnight(time) if self._precision == DAY else time - time % self._precision

    @property
    def tells_order(self) -> bool:
        """Whether it can be seen which of its events of one day came first, where the life cycle does not say."""
        return self._sequenced or self._precision != DAY

    def deadline(self, time: int) -> int:
        """A promise for ``time``: a system without times promises a day, to its last millisecond."""
        return midnight(time) + DAY - 1 if self._precision == DAY else time - time % MINUTE


@dataclass(slots=True, eq=False)
class Center:
    """A sampling center with benches that work one sample at a time; ``benches`` holds when each is free, in worked ms."""

    center_id: str
    short: str
    cooperative: int
    source: Source
    laboratory_id: str
    laboratory: Source
    shipping: Source
    benches: list[int]
    rounds: bool
    orders: int = 0
    reports: int = 0


@dataclass(slots=True, eq=False)
class Switching:
    """Where inspection of one (product category, class) of a factory stands; see :mod:`lots`."""

    severity: str = "NORMAL"
    recent: list[bool] = field(default_factory=list)
    rejected: int = 0


@dataclass(slots=True, eq=False)
class Factory:
    """A member. ``major``, ``minor``: shares of nonconforming units. ``failing``: indicator at which it fails systematically.

    ``exemplary``: its lots are always accepted. ``spotless``: from now on its specimens pass, so that no run of failures comes near
    a report that was withdrawn or amended.
    """

    factory_id: str
    cooperative_id: str
    center: Center
    categories: tuple[Category, ...]
    major: float
    minor: float
    portal: Source
    failing: str | None = None
    exemplary: bool = False
    spotless: bool = False
    failures: int = 0
    tested_at: int = 0
    verified_at: int = 0
    styles: int = 0
    lots: int = 0
    last_order: str | None = None
    stock: list[str] = field(default_factory=list)
    switching: dict[tuple[str, NonconformityClass], Switching] = field(default_factory=dict)

    def category(self, rng: Random, time: int) -> Category:
        """What it makes at this time of the year."""
        at = month(time)
        return rng.choices(self.categories, [c.season[at] for c in self.categories])[0]

    def style(self) -> str:
        """A new style number of its own."""
        self.styles += 1
        return f"{self.factory_id[-4:]}-{self.styles:04d}"


# Believable shares of what happens. An order gives about 13 events and 2.5 of its parcels, a report 3.1, a lot 1.1 and 2.6 of its
# shipments; measured, so that `events_per_day` comes out within 5 % once the first orders are through.
ORDERS_PER_EVENT: Final = 0.034
REPORTS_PER_EVENT: Final = 0.085
LOTS_PER_EVENT: Final = 0.058
#: How often a factory with systematic failures fails; it is also tested and inspected more often than the others.
BAD_FAILURE_RATE: Final = 0.9
RE_INSPECTION_FAILURE_RATE: Final = 0.08
#: Share of sound reports that an amendment turns into failed ones.
TURNED_BAD: Final = 0.002
_WEIGHT_OF_BAD_TESTS: Final = 1.2
_WEIGHT_OF_BAD_LOTS: Final = 10.0
_BAD_INDICATORS: Final = ("formaldehyde", "ph", "fibre_content", "cf_dry_rubbing")


class World:
    """Participants, clock and bookkeeping."""

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        self.rng = Random(f"weftline world {config.seed}")
        self.ledger = Ledger()
        self.now = config.start
        identity = (
            config.seed,
            config.start,
            config.events_per_day,
            config.members,
            config.bad_factories,
            config.pass_rate,
            config.namespace,
        )
        #: Stands in every id that the run gives, so that two runs never mean different things by one id.
        self.tag = hashlib.blake2b(repr(identity).encode(), digest_size=3).hexdigest()
        self.shipments = 0
        self.provincial_reports = 0
        self._heap: list[tuple[int, int, Process]] = []
        self._spawned = 0
        self._out: list[DomainEvent] = []
        self._settle()

    def _settle(self) -> None:
        """Found the centers and the factories."""
        config, rng, tag = self.config, self.rng, self.tag
        hours = sum(s.share * s.hours for s in SAMPLES) * 1.45  # rounds per order
        per_work_hour = config.events_per_day * ORDERS_PER_EVENT * 7 / (WORKWEEK / HOUR)
        begin = worked(config.start)
        self.centers: list[Center] = []
        for spec in CENTERS:
            center_id = f"{config.namespace}{spec.name}"
            benches = max(1, round(per_work_hour * spec.share * hours / spec.load))
            self.centers.append(
                Center(
                    center_id=center_id,
                    short=spec.short,
                    cooperative=spec.cooperative % len(config.members),
                    source=Source(f"urn:weftline:center:{center_id}", tag, spec.precision, sequenced=spec.sequenced),
                    laboratory_id=f"{center_id}-lab",
                    # A laboratory that writes dates numbers its reports: else nobody could tell which came first.
                    laboratory=Source(
                        f"urn:weftline:laboratory:{center_id}-lab", tag, spec.precision, sequenced=spec.precision == DAY
                    ),
                    shipping=Source(f"urn:weftline:center:{center_id}:shipping", tag, spec.precision, sequenced=spec.sequenced),
                    benches=[begin] * benches,
                    rounds=spec.rounds,
                )
            )
        self.provincial = Source(f"urn:weftline:laboratory:{config.namespace}js-textile", tag)
        self.provincial_id = f"{config.namespace}js-textile"
        self.center_shares = list(accumulate(spec.share for spec in CENTERS))
        self.factories: list[Factory] = []
        for index, (name, count) in enumerate(config.members):
            near = [c for c in self.centers if c.cooperative == index] or self.centers
            shares = [CENTERS[self.centers.index(c)].share for c in near]
            for number in range(1, count + 1):
                center = rng.choices(near, shares)[0]
                factory_id = f"{config.namespace}{name}-{number:04d}"
                self.factories.append(
                    Factory(
                        factory_id=factory_id,
                        cooperative_id=f"{config.namespace}{name}",
                        center=center,
                        categories=tuple(rng.sample(CATEGORIES, rng.choice((2, 3, 3, 4)))),
                        major=min(0.009 * rng.lognormvariate(0, 0.45), 0.022),
                        minor=min(0.017 * rng.lognormvariate(0, 0.4), 0.036),
                        portal=Source(f"urn:weftline:factory:{factory_id}", tag),
                        exemplary=rng.random() < 0.3,
                    )
                )
        self._spoil()

    def _spoil(self) -> None:
        """Make the bad factories: half fail an indicator again and again, half deliver bad lots."""
        rng = self.rng
        bad = rng.sample(self.factories, self.config.bad_factories)
        tests = [1.0] * len(self.factories)
        lots = [1.0] * len(self.factories)
        at = {factory.factory_id: place for place, factory in enumerate(self.factories)}
        chemists = 0
        for place, factory in enumerate(bad):
            factory.exemplary = False
            if place % 2 == 0:
                factory.failing = _BAD_INDICATORS[chemists % len(_BAD_INDICATORS)]
                chemists += 1
                tests[at[factory.factory_id]] = _WEIGHT_OF_BAD_TESTS
                # Goods that are tested for everything at which a factory may fail.
                factory.categories = tuple(c for c in CATEGORIES if c.code in ("quilt", "pillow", "cushion"))
            else:
                factory.major, factory.minor = rng.uniform(0.06, 0.10), rng.uniform(0.03, 0.11)
                factory.categories = factory.categories[:1]
                lots[at[factory.factory_id]] = _WEIGHT_OF_BAD_LOTS
        self.test_weights = list(accumulate(tests))
        self.lot_weights = list(accumulate(lots))
        # Solved for the pass rate of all reports: the bad factories' tests and re-inspections, the others' failures and theirs, and
        # what amendments turn. With a few dozen members the bad factories alone fail more than that; then the others hardly fail.
        bad_share = chemists * _WEIGHT_OF_BAD_TESTS / self.test_weights[-1]
        fails = bad_share * BAD_FAILURE_RATE
        room = (1 - self.config.pass_rate) * (1 + fails) - fails * (1 + BAD_FAILURE_RATE) - (1 - bad_share) * TURNED_BAD
        self.failure_rate = max(room / ((1 - bad_share) * (self.config.pass_rate + RE_INSPECTION_FAILURE_RATE)), 0.002)

    def spawn(self, process: Process, at: int | None = None) -> None:
        """Let a process begin at ``at``, or now."""
        self._spawned += 1
        heappush(self._heap, (self.now if at is None else max(at, self.now), self._spawned, process))

    def emit(self, event: DomainEvent) -> None:
        """Something happened."""
        self.ledger.happened(event)
        self._out.append(event)

    def run(self) -> Iterator[tuple[int, list[DomainEvent]]]:
        """(time of happening, events) until the end of the span; a source may write a time less precise than that."""
        heap, end = self._heap, self.config.end
        while heap and heap[0][0] <= end:
            self.now, number, process = heappop(heap)
            wake = next(process, None)
            if wake is not None:
                heappush(heap, (max(wake, self.now), number, process))
            if self._out:
                out, self._out = self._out, []
                yield self.now, out

    def arrivals(self, per_day: float, begin: Callable[[], Process]) -> Process:
        """Random arrivals in working hours, ``per_day`` on an average day of the week."""
        mean = WORKWEEK / 7 / per_day
        work = float(worked(self.config.start))
        while True:
            work += self.rng.expovariate(1.0) * mean
            yield clock(int(work))
            self.spawn(begin())

    def next_bench(self, center: Center) -> int:
        """When the first bench of ``center`` is free, in worked ms."""
        return center.benches[0]

    def occupy(self, center: Center, work: int) -> tuple[int, int]:
        """Queue for a bench; (start, end) of the ``work``, in worked ms. First come, first served."""
        start = max(heappop(center.benches), worked(self.now))
        heappush(center.benches, start + work)
        return start, start + work
