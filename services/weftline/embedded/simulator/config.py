"""What is played: the span, the size of the cluster, the dials of disturbance, and the pace."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, fields

from weftline.embedded.simulator.cooperative.config import CooperativePlay
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE, worked
from weftline.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbances:
    """What goes wrong between a center and the broker. Shares are of the events of the undisturbed world, 0 to 1.

    None of it changes what is true: a wrong event is declared erroneous, a conflicting one loses by the rule of ranks, a corrupt
    record is a damaged copy beside the sound one.
    """

    duplicates: float = 0.0
    """Sent again, byte for byte."""
    disorder: float = 0.0
    """Sent up to ``disorder_window`` ms (event time) after its turn."""
    disorder_window: int = 10 * MINUTE
    lateness: float = 0.0
    """Sent ``late_at_least`` to ``late_at_most`` ms (event time) after its turn."""
    late_at_least: int = 6 * HOUR
    late_at_most: int = 5 * DAY
    corrections: float = 0.0
    """Preceded or followed by a wrong event, which is declared erroneous before or after it is sent."""
    conflicts: float = 0.0
    """Sent twice under one identity with different content."""
    corrupt: float = 0.0
    """Accompanied by a damaged copy that nobody can read, or that breaks its contract."""

    @classmethod
    def demo(cls) -> Disturbances:
        """A little of everything."""
        return cls(duplicates=0.02, disorder=0.05, lateness=0.01, corrections=0.005, conflicts=0.002, corrupt=0.002)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationConfig:
    """A world and its disturbances; two runs of one configuration give the same bytes.

    ``start`` and ``end``: event time, ms UTC. ``events_per_day``: how much happens on an average simulated day, within 10 % once the
    first orders are through; the capacity of the centers grows with it. ``events``: stop after so many events of the undisturbed
    world. ``namespace`` stands before the ids of cooperatives, centers and factories, so that runs on one broker can be told apart.
    ``cooperative``: a quality cooperative to be played beside it, with members of its own; it moves no event of the others.
    """

    seed: int
    start: int
    end: int
    events_per_day: float = 1_500.0
    events: int | None = None
    members: tuple[tuple[str, int], ...] = (("haimen", 553), ("tongzhou", 116))
    bad_factories: int = 8
    pass_rate: float = 0.975
    namespace: str = ""
    cooperative: CooperativePlay | None = None
    disturbances: Disturbances = Disturbances()

    def __post_init__(self) -> None:
        faults = []
        if self.end <= self.start:
            faults.append("end must be after start")
        if not 1 <= self.events_per_day <= 5_000_000:
            faults.append(f"events_per_day must be 1 to 5,000,000, got {self.events_per_day:g}")
        if self.events is not None and self.events < 1:
            faults.append(f"events must be at least 1, got {self.events}")
        if not self.members or any(count < 1 for _, count in self.members):
            faults.append("every cooperative needs at least one member")
        elif not 0 <= self.bad_factories <= sum(count for _, count in self.members):
            faults.append(f"bad_factories must be 0 to the number of members, got {self.bad_factories}")
        if "|" in self.namespace or self.namespace != self.namespace.strip() or not self.namespace.isprintable():
            faults.append(
                f"namespace must not contain '|' or control characters, nor begin or end with a space, got {self.namespace!r}"
            )
        if not 0.5 <= self.pass_rate <= 1:
            faults.append(f"pass_rate must be 0.5 to 1, got {self.pass_rate:g}")
        for field in fields(self.disturbances):
            value = getattr(self.disturbances, field.name)
            if isinstance(value, float) and not 0 <= value <= 1:
                faults.append(f"{field.name} must be 0 to 1, got {value:g}")
            elif value < 0:
                faults.append(f"{field.name} must not be negative, got {value}")
        if self.disturbances.late_at_most < self.disturbances.late_at_least:
            faults.append("late_at_most must not be smaller than late_at_least")
        if faults:
            raise UserError("the simulation cannot be set up: " + "; ".join(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When an event is sent, in seconds after the beginning of the run.

    ``rate``: records per second. ``points``: (event time in ms, seconds) in rising order, straight lines between them. Neither: as
    fast as it goes. ``seconds``: stop playing after so much time, whatever is left of the world.
    """

    rate: float | None = None
    points: tuple[tuple[int, float], ...] = ()
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and self.rate <= 0:
            raise UserError(f"rate must be greater than 0 records per second, got {self.rate:g}")
        if self.rate is not None and self.points:
            raise UserError("give a rate or a speed, not both")
        if len(self.points) == 1 or any(b[0] <= a[0] or b[1] < a[1] for a, b in zip(self.points, self.points[1:], strict=False)):
            raise UserError("a pace needs at least two points that rise")

    @classmethod
    def at_speed(cls, config: SimulationConfig, speed: float, seconds: float | None = None) -> Pace:
        """``speed`` simulated seconds per second."""
        if speed <= 0:
            raise UserError(f"speed must be greater than 0 simulated seconds per second, got {speed:g}")
        return cls(points=((config.start, 0.0), (config.end, (config.end - config.start) / 1000 / speed)), seconds=seconds)

    def due(self, time: int, index: int) -> float:
        """Seconds after the beginning at which record ``index``, whose turn is at ``time`` (ms, event time), is sent."""
        if self.rate is not None:
            return index / self.rate
        if not self.points:
            return 0.0
        at = min(max(bisect_right(self.points, (time, float("inf"))), 1), len(self.points) - 1)
        (t0, s0), (t1, s1) = self.points[at - 1], self.points[at]
        return s0 + (s1 - s0) * min(max((time - t0) / (t1 - t0), 0.0), 1.0)


def demo_config(
    now_ms: int,
    seconds: float,
    seed: int = 1,
    *,
    days: float = 30.0,
    events_per_day: float | None = None,
    namespace: str = "",
    disturbances: Disturbances | None = None,
) -> tuple[SimulationConfig, Pace]:
    """The last ``days`` up to ``now_ms``, played in ``seconds``: first history, caught up fast, then the last two days, slowly.

    Two thirds of the time go to the last two days, because only what is younger than 48 h is sent to a factory as an alert; in
    them nights and Sundays pass quickly. What happened in two years of a small cooperative is told at the beginning.
    ``events_per_day`` is 25 per second of the demo if not given, at most 1,500: history then comes at about 2,000 records per second.
    """
    per_day = min(1_500.0, max(25.0 * seconds, 100.0)) if events_per_day is None else events_per_day
    config = SimulationConfig(
        seed=seed,
        start=now_ms - int(days * DAY),
        end=now_ms,
        events_per_day=per_day,
        namespace=namespace,
        cooperative=CooperativePlay.small(now_ms, name=f"{namespace}nantong"),
        disturbances=Disturbances.demo() if disturbances is None else disturbances,
    )
    live = config.end - min(2 * DAY, (config.end - config.start) // 2)
    hours = range(live, config.end, HOUR)
    # An hour off takes a twentieth of a working hour.
    weights = [0.05 + (worked(min(hour + HOUR, config.end)) - worked(hour)) / HOUR for hour in hours]
    points = [(config.start, 0.0), (live, seconds / 3)]
    for hour, weight in zip(hours, weights, strict=True):
        points.append((min(hour + HOUR, config.end), points[-1][1] + seconds * 2 / 3 * weight / sum(weights)))
    return config, Pace(points=tuple(points))
