"""What a member's judgement rests on: its standing events in canonical order, and its judged inspections.

A *past view* (:meth:`History.until`) is of what happened until then by event time, as it is known now; nothing here depends on when
anything arrived. Deadlines are passed or not at ``as_of``, which every judging function takes beside the history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.days import DAY, offset_minutes
from weftline.domain.laboratory import VerdictKind
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import Payer, SpecimenType, TestPurpose


class EventRef(NamedTuple):
    """An event that a judgement rests on."""

    source: str
    event_id: str


#: What a judgement rests on: events of the cooperative, and reports of laboratories.
Ref: TypeAlias = EventRef | ReportKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a laboratory report says of a member, by the verdict of its amendment in force. Times are ms since the epoch.

    ``counted_at``: since when it judges the member, that is the later of its content and its verification. ``whole``: the verdict is of all
    that the standards require of such a product. ``safety``: those of the ``failing`` indicators whose limit protects people.
    ``original``: the report whose failure a re-inspection answers to.
    """

    report: ReportKey
    tested_at: int
    counted_at: int
    verdict: VerdictKind
    withdrawn_at: int | None = None
    whole: bool = True
    passing: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    safety: tuple[str, ...] = ()
    purpose: TestPurpose = TestPurpose.UNKNOWN
    payer: Payer = Payer.UNKNOWN
    product_category: str = ""
    specimen: SpecimenType = SpecimenType.UNKNOWN
    original: ReportKey | None = None

    @property
    def passed(self) -> bool:
        """Whether everything required was tested, and passed. Nothing that confers anything may rest on less."""
        return self.verdict is VerdictKind.PASS and self.whole

    @property
    def failed(self) -> bool:
        """Whether something failed."""
        return self.verdict is VerdictKind.FAIL

    def clears(self, failed: Inspection) -> bool:
        """Whether it shows that what failed before is in order now; the rest of the product need not be tested again."""
        return self.verdict is VerdictKind.PASS and set(failed.failing) <= set(self.passing)


@dataclass(frozen=True, slots=True)
class History:
    """A member's events, in canonical order, and its inspections, in order of test time."""

    events: tuple[CooperativeEvent, ...] = ()
    inspections: tuple[Inspection, ...] = ()

    @classmethod
    def of(cls, events: Iterable[CooperativeEvent], inspections: Iterable[Inspection]) -> History:
        """``events``: those that stand, in canonical order. ``inspections``: in any order; withdrawn ones may be among them."""
        return cls(tuple(events), tuple(sorted(inspections, key=lambda one: (one.tested_at, one.report))))

    @property
    def standing(self) -> tuple[Inspection, ...]:
        """The inspections that were not withdrawn."""
        return tuple(one for one in self.inspections if one.withdrawn_at is None)

    def until(self, time: int) -> History:
        """What had happened then: events of that moment and before, reports that had been verified and not yet withdrawn."""
        inspections = (
            replace(one, withdrawn_at=None) if one.withdrawn_at is not None and one.withdrawn_at > time else one
            for one in self.inspections
            if one.counted_at <= time
        )
        return History(tuple(event for event in self.events if event.event_time <= time), tuple(inspections))


def ref(event: CooperativeEvent) -> EventRef:
    """The name of an event."""
    return EventRef(event.source, event.event_id)


def words_of(refs: Iterable[Ref]) -> str:
    """What a judgement rests on, as it is shown: source and id of events, laboratory and number of reports."""
    return "; ".join(
        f"{one.source} {one.event_id}" if isinstance(one, EventRef) else f"report {one.laboratory_id} {one.report_number}"
        for one in refs
    )


def last_moment(time: int, days: int, utc_offset: str) -> int:
    """The last millisecond of the day that is so many days after the day of ``time``; that day itself is not counted."""
    return begin_of_day(time, utc_offset) + (days + 1) * DAY - 1


def begin_of_day(time: int, utc_offset: str) -> int:
    """The first millisecond of its day."""
    shift = offset_minutes(utc_offset) * 60_000
    return (time + shift) // DAY * DAY - shift
