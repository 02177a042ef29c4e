"""From what happened to what is sent: repeats, disorder, lateness, corrections, conflicts, corruption.

The world has a random generator of its own, so turning a dial moves no event of it. What is added here counts zero by the rules: a
wrong event is declared erroneous, and a conflicting one is either later under the same identity, or at the same time with a lesser
rank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple, TypeVar

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import ErrorDeclaration, LogisticsEvent, OrderEvent
from weftline.domain.vocabulary import BusinessStep, ErrorReason, NonconformityClass, OrderStatus, Precision, ReportStatus
from weftline.embedded.simulator.answers import KINDS
from weftline.embedded.simulator.config import Disturbances
from weftline.embedded.simulator.cooperative.slips import slip
from weftline.embedded.simulator.workdays import DAY, HOUR, MINUTE
from weftline.embedded.simulator.world import DomainEvent

Rank = Callable[[DomainEvent], int]
E = TypeVar("E", bound=DomainEvent)

# Of two random ranks either is the greater in half of all cases: after so many tries only an event of a very small rank is left.
_TRIES: Final = 12


class Role(StrEnum):
    """Why a record is sent."""

    TRUE = "true"
    DUPLICATE = "duplicate"
    WRONG = "wrong"
    DECLARATION = "declaration"
    CONFLICT = "conflict"
    CORRUPT = "corrupt"


class Emission(NamedTuple):
    """A record to send. ``turn``: its place in event time (ms). CORRUPT: a damaged copy of ``event`` is to be sent."""

    turn: int
    event: DomainEvent
    role: Role


@dataclass(slots=True)
class Tally:
    """What was sent, per kind and role; and identities that have several contents, none of them declared erroneous."""

    sent: Counter[tuple[str, Role]] = field(default_factory=Counter)

    def of(self, kind: str, *roles: Role) -> int:
        """Records of a kind in these roles."""
        return sum(self.sent[kind, role] for role in roles)

    def as_json(self) -> dict[str, dict[str, int]]:
        """Per kind; ``records`` are distinct contents at distinct event times, as the tables of records hold them."""
        return {
            kind: {
                "messages": self.of(kind, *Role),
                "records": self.of(kind, Role.TRUE, Role.WRONG, Role.DECLARATION, Role.CONFLICT),
                "identities": self.of(kind, Role.TRUE, Role.WRONG),
                "duplicates": self.of(kind, Role.DUPLICATE),
                "declared_erroneous": self.of(kind, Role.DECLARATION),
                "identity_conflicts": self.of(kind, Role.CONFLICT),
                "corrupt": self.of(kind, Role.CORRUPT),
            }
            for kind in KINDS.values()
        }


class Disturber:
    """Turns the world's steps into records to send.

    ``rank``: which of two contents under one identity stands (the greater). Without it a conflicting event is always later. What is
    late is sent at ``end`` at the latest.
    """

    def __init__(self, dials: Disturbances, seed: int, end: int, tally: Tally, rank: Rank | None = None) -> None:
        self._dials, self._end, self._tally, self._rank = dials, end, tally, rank
        self._rng = Random(f"weftline disturbances {seed}")
        self._heap: list[tuple[int, int, Emission]] = []
        self._count = 0

    def run(self, steps: Iterator[tuple[int, list[DomainEvent]]]) -> Iterator[Emission]:
        """Every record, in the order in which it is sent."""
        heap = self._heap
        for time, events in steps:
            for event in events:
                self._add(time, event)
            while heap and heap[0][0] <= time:
                yield self._count_out(heappop(heap)[2])
        while heap:
            yield self._count_out(heappop(heap)[2])

    def _count_out(self, emission: Emission) -> Emission:
        self._tally.sent[KINDS[type(emission.event)], emission.role] += 1
        return emission

    def _add(self, time: int, event: DomainEvent) -> None:
        """An event of the world, and what goes wrong with it."""
        rng, dials = self._rng, self._dials
        luck = rng.random()
        if luck < dials.corrections:
            self._correct(time, event)
        elif luck < dials.corrections + dials.conflicts:
            self._conflict(time, event)
        if dials.corrupt and rng.random() < dials.corrupt:
            self._push(time, event, Role.CORRUPT)
        self._send(time, event, Role.TRUE)

    def _send(self, time: int, event: DomainEvent, role: Role) -> None:
        """Send on time, out of order, or late; and perhaps again."""
        rng, dials = self._rng, self._dials
        turn = time
        luck = rng.random()
        if luck < dials.lateness:
            turn += rng.randint(dials.late_at_least, dials.late_at_most)
        elif luck < dials.lateness + dials.disorder:
            turn += rng.randint(0, dials.disorder_window)
        self._push(turn, event, role)
        if dials.duplicates and rng.random() < dials.duplicates:
            self._push(turn + rng.randrange(6 * HOUR), event, Role.DUPLICATE)

    def _push(self, turn: int, event: DomainEvent, role: Role) -> None:
        self._count += 1
        turn = min(turn, self._end)
        heappush(self._heap, (turn, self._count, Emission(turn, event, role)))

    def _correct(self, time: int, event: DomainEvent) -> None:
        """A wrong event that ``event`` replaces, or one that did not occur at all; its declaration may come first."""
        rng = self._rng
        wrong = replace(_spoilt(event, rng), event_id=f"{event.event_id}-e")
        replaced = rng.random() < 0.7
        sent = time + rng.randrange(2 * HOUR)
        declared = max(sent - rng.randrange(HOUR), time) if rng.random() < 0.3 else sent + rng.randrange(MINUTE, 2 * DAY)
        declaration = replace(
            wrong,
            error_declaration=ErrorDeclaration(
                max(declared, wrong.event_time),
                ErrorReason.INCORRECT_DATA if replaced else ErrorReason.DID_NOT_OCCUR,
                (event.event_id,) if replaced else (),
            ),
        )
        self._send(sent, wrong, Role.WRONG)
        self._send(declared, declaration, Role.DECLARATION)

    def _conflict(self, time: int, event: DomainEvent) -> None:
        """Another content under the same identity, which must not stand."""
        rng = self._rng
        if self._rank is not None and rng.random() < 0.5:
            rank = self._rank(event)
            for _ in range(_TRIES):
                twin = _spoilt(event, rng)
                if twin != event and self._rank(twin) < rank:
                    self._send(time, twin, Role.CONFLICT)
                    return
        later = event.event_time + rng.randrange(MINUTE, DAY)
        self._send(time, replace(_spoilt(event, rng), event_time=later, precision=Precision.UNKNOWN), Role.CONFLICT)


def _spoilt(event: E, rng: Random) -> E:
    """``event`` with content that would change tables and alerts, if it stood."""
    if isinstance(event, OrderEvent):
        return replace(
            event,
            status=rng.choice((OrderStatus.CANCELLED, OrderStatus.DISPATCHED, OrderStatus.REJECTED, event.status)),
            quantity=event.quantity + rng.randint(1, 500),
            promised_at=event.event_time - HOUR if event.promised_at else None,
        )
    if isinstance(event, LogisticsEvent):
        return replace(
            event,
            business_step=rng.choice((BusinessStep.RECEIVING, BusinessStep.VOID_SHIPPING, event.business_step)),
            expected_arrival_at=event.event_time + rng.randint(1, 12) * HOUR,
        )
    if isinstance(event, CooperativeEvent):
        return replace(event, **slip(event, rng))
    if event.laboratory_report is not None:
        report = event.laboratory_report
        measured = tuple(
            replace(m, value=round(rng.uniform(11.0, 13.0), 2)) if m.indicator == "ph" else m for m in report.measurements
        )
        return replace(event, laboratory_report=replace(report, measurements=measured, amendment=report.amendment + 1))
    if event.report_status is not None:
        return replace(
            event, report_status=replace(event.report_status, status=ReportStatus.WITHDRAWN, reason=f"slip {rng.randrange(1000)}")
        )
    if event.lot_inspection is not None:
        lot = event.lot_inspection
        return replace(event, lot_inspection=replace(lot, major_units=min(lot.sample_size, 24 + rng.randrange(8))))
    if event.corrective_action is not None:
        wrong = NonconformityClass.MINOR if event.corrective_action.nonconformity_class == "MAJOR" else NonconformityClass.MAJOR
        return replace(event, corrective_action=replace(event.corrective_action, nonconformity_class=wrong))
    return event
