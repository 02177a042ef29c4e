"""Clocks of rectification: what is due by when after a failure, and whether the offence may go unpunished.

A *case* is opened by an authority (events ENFORCEMENT); where none was, a failed report of the purposes that the rules name is one by
itself. One failed test starts a clock and does nothing else. Its dates follow from event times and the rules of the day on which it began:

- rectify within 60 days and be re-inspected within 75, both of the order; without an order, of the failure;
- if the re-inspection fails, a second one 60 to 90 days after the announcement;
- a date that an order states goes before the rule.

(The figures are data: SAMR Order 18, Articles 44 to 49.) A date runs to the end of its day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.domain.cooperative.events import CooperativeEvent, Enforcement
from weftline.domain.cooperative.history import History, Inspection, Ref, last_moment, ref
from weftline.domain.cooperative.rules import ClockRules, CooperativeRules, Editions
from weftline.domain.days import DAY
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import EnforcementLevel, EnforcementStep


class Stage(StrEnum):
    """How far a case has come: what is waited for, or how it ended."""

    RECTIFY = "RECTIFY"  # the member's report of what it put right
    ACCEPT = "ACCEPT"  # its acceptance
    REINSPECT = "REINSPECT"  # the re-inspection
    SECOND_ROUND = "SECOND_ROUND"  # the second re-inspection
    PASSED = "PASSED"
    FAILED = "FAILED"  # the second re-inspection, too


_ENDED: Final = frozenset({Stage.PASSED, Stage.FAILED})


class Lenient(StrEnum):
    """Whether an offence may go unpunished; a person decides."""

    OPEN = "OPEN"  # nothing speaks against it, and the correction is under way
    MAY_BE = "MAY_BE"
    NO = "NO"


class Against(StrEnum):
    """What speaks against leniency."""

    NOT_FIRST = "NOT_FIRST"
    SAFETY_ITEM = "SAFETY_ITEM"
    NOT_SLIGHT = "NOT_SLIGHT"
    NOT_CORRECTED = "NOT_CORRECTED"  # in time


class Clock(StrEnum):
    """What is due by a day."""

    RECTIFY = "RECTIFY"
    REINSPECT = "REINSPECT"
    SECOND_ROUND = "SECOND_ROUND"


class Wait(NamedTuple):
    """One clock of a case: the last moment at which what is due is in time, and when it came, if it did (ms)."""

    clock: Clock
    due: int
    done: int | None

    def missed(self) -> int | None:
        """When the deadline passed without it; None if it came in time."""
        return self.due + 1 if self.done is None or self.done > self.due else None

    def warnings(self, rules: ClockRules) -> Iterator[tuple[int, int]]:
        """Days before the deadline, and when they began, as far as it had not come then."""
        for days in sorted(rules.warn_days, reverse=True):
            at = self.due - days * DAY + 1
            if self.done is None or self.done >= at:
                yield days, at


@dataclass(frozen=True, slots=True)
class Case:
    """A failure, and what became of it. Times are ms since the epoch; ``*_by`` is the last moment at which it is in time.

    ``by_authority``: an enforcement case, and not a report by itself. ``first``: the member's first of this level. ``rectified_at``:
    the member said that it was put right. ``retested_at``: times of re-inspections.
    """

    case_id: str
    by_authority: bool
    level: EnforcementLevel
    failed_at: int
    began_at: int
    rectify_by: int
    reinspect_by: int
    first: bool = True
    safety: bool = False
    slight: bool = False
    report: ReportKey | None = None
    stage: Stage = Stage.RECTIFY
    second_from: int | None = None
    second_by: int | None = None
    rectified_at: int | None = None
    retested_at: tuple[int, ...] = ()
    began: tuple[Ref, ...] = ()  # what failed, and the order
    answers: tuple[Ref, ...] = ()  # what was done about it

    @property
    def closed_at(self) -> int | None:
        """When it ended."""
        return self.retested_at[-1] if self.stage in _ENDED else None

    @property
    def due(self) -> int | None:
        """The deadline that runs now; None if nothing is due by a day."""
        match self.stage:
            case Stage.RECTIFY:
                return self.rectify_by
            case Stage.ACCEPT | Stage.REINSPECT:
                return self.reinspect_by
            case Stage.SECOND_ROUND:
                return self.second_by
        return None

    def late(self) -> tuple[tuple[int, int | None], ...]:
        """From when until when something was or will be overdue; None: until it comes."""
        return tuple(_joined((missed, wait.done) for wait in self.waits if (missed := wait.missed()) is not None))

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Its clocks, those that have stopped too."""
        first, second = [*self.retested_at[:2], None, None][:2]
        waits = [
            Wait(Clock.RECTIFY, self.rectify_by, self.rectified_at or first),
            Wait(Clock.REINSPECT, self.reinspect_by, first),
        ]
        if self.second_by is not None:
            waits.append(Wait(Clock.SECOND_ROUND, self.second_by, second))
        return tuple(waits)

    def overdue(self, as_of: int) -> bool:
        """Whether something is overdue then."""
        return any(since <= as_of and (until is None or as_of < until) for since, until in self.late())

    def was_late(self, as_of: int) -> bool:
        """Whether something was overdue then or before."""
        return any(since <= as_of for since, _ in self.late())

    def against(self, as_of: int) -> tuple[Against, ...]:
        """What speaks against leniency."""
        failed_again = len(self.retested_at) > (self.stage is Stage.PASSED)
        found = {
            Against.NOT_FIRST: not self.first,
            Against.SAFETY_ITEM: self.safety,
            Against.NOT_SLIGHT: not self.slight,
            Against.NOT_CORRECTED: failed_again or self.was_late(as_of),
        }
        return tuple(reason for reason, speaks in found.items() if speaks)

    def lenient(self, as_of: int) -> Lenient:
        """Penalty Law, Article 33(1): first, slight, no safety item, corrected in time."""
        if self.against(as_of):
            return Lenient.NO
        return Lenient.MAY_BE if self.stage is Stage.PASSED else Lenient.OPEN

    def warns_at(self, rules: ClockRules) -> tuple[int, ...]:
        """When to warn of the deadline that runs now, and when it passes."""
        return () if self.due is None else (*(self.due - days * DAY + 1 for days in rules.warn_days), self.due + 1)


def cases_of(history: History, book: Editions) -> tuple[Case, ...]:
    """A member's cases in the order in which they failed."""
    cases: dict[str, Case] = {}
    for event in history.events:
        if (step := event.enforcement) is not None:
            case = cases.get(step.case_id)
            cases[step.case_id] = _opened(event, step, book) if case is None else _after(case, event, step, book.at(case.began_at))
    known = {case.report for case in cases.values()}
    again = [one for one in history.standing if one.original is not None]
    for one in history.standing:
        rules = book.at(one.counted_at)
        if one.failed and one.purpose in rules.clocks.purposes and one.report not in known:
            by_itself = _by_report(one, again, rules)
            cases[by_itself.case_id] = by_itself
    return tuple(_marked_first(sorted(cases.values(), key=lambda case: (case.failed_at, case.case_id))))


def deadlines(cases: Iterable[Case], book: Editions) -> Iterator[int]:
    """Moments at which a case says something else by itself."""
    for case in cases:
        yield from (since for since, _ in case.late())
        yield from case.warns_at(book.at(case.began_at).clocks)


def tellings(cases: Iterable[Case], book: Editions) -> Iterator[int]:
    """Moments at which somebody is told of a clock: before its deadline, and when that has passed."""
    for case in cases:
        rules = book.at(case.began_at).clocks
        for wait in case.waits:
            yield from (at for _, at in wait.warnings(rules))
            if (missed := wait.missed()) is not None:
                yield missed


def _opened(event: CooperativeEvent, step: Enforcement, book: Editions) -> Case:
    """A case as its first event opens it, which need not be the failure: what is late to arrive, or never told, stops no clock."""
    rules = book.at(event.event_time)
    case = Case(
        case_id=step.case_id,
        by_authority=True,
        level=step.level,
        failed_at=event.event_time,
        began_at=event.event_time,
        rectify_by=last_moment(event.event_time, rules.clocks.rectify.days, rules.utc_offset),
        reinspect_by=last_moment(event.event_time, rules.clocks.reinspect.days, rules.utc_offset),
    )
    opened = _after(case, event, step, rules)
    return opened if opened.began else replace(opened, began=(ref(event),))


def _after(case: Case, event: CooperativeEvent, step: Enforcement, rules: CooperativeRules) -> Case:
    time, due = event.event_time, event.deadline(step.due_at)
    answered = replace(case, answers=(*case.answers, ref(event)))
    match step.step:
        case EnforcementStep.CHECK_FAILED:
            return replace(
                case,
                level=step.level,
                safety=case.safety or not rules.safety_indicators.isdisjoint(step.indicators),
                slight=step.slight,
                report=case.report or _report(step),
                began=(*case.began, ref(event)),
            )
        case EnforcementStep.RECTIFICATION_ORDERED:
            return replace(
                case,
                began_at=time,
                rectify_by=due or last_moment(time, rules.clocks.rectify.days, rules.utc_offset),
                reinspect_by=last_moment(time, rules.clocks.reinspect.days, rules.utc_offset),
                began=(*case.began, ref(event)),
            )
        case EnforcementStep.RECTIFICATION_REPORTED if case.stage is Stage.RECTIFY:
            return replace(answered, stage=Stage.ACCEPT, rectified_at=time)
        case EnforcementStep.RECTIFICATION_ACCEPTED if case.stage in (Stage.RECTIFY, Stage.ACCEPT):
            by = due or case.reinspect_by
            return replace(answered, stage=Stage.REINSPECT, rectified_at=case.rectified_at or time, reinspect_by=by)
        case EnforcementStep.REINSPECTION_FAILED if case.stage not in _ENDED:
            return _failed_again(answered, time, event.deadline(step.announced_at), due, rules)
        case EnforcementStep.REINSPECTION_PASSED if case.stage not in _ENDED:
            return replace(answered, stage=Stage.PASSED, retested_at=(*case.retested_at, time))
    return case if case.stage in _ENDED else answered


def _failed_again(case: Case, time: int, announced: int | None, due: int | None, rules: CooperativeRules) -> Case:
    retested = (*case.retested_at, time)
    if case.stage is Stage.SECOND_ROUND:
        return replace(case, stage=Stage.FAILED, retested_at=retested)
    clocks, by, since = rules.clocks, due, None
    if announced is not None:
        # The window opens with the first moment of its first day, and ends with the last of its last.
        since = last_moment(announced, clocks.second_from_days, rules.utc_offset) - DAY + 1
        by = due or last_moment(announced, clocks.second_to_days, rules.utc_offset)
    return replace(case, stage=Stage.SECOND_ROUND, retested_at=retested, second_from=since, second_by=by)


def _by_report(failed: Inspection, again: Iterable[Inspection], rules: CooperativeRules) -> Case:
    """A case that nobody opened: the report began it when it came to judge, and re-inspections that name it answer it."""
    time, key = failed.counted_at, failed.report
    case = Case(
        case_id=f"{key.laboratory_id}/{key.report_number}",
        by_authority=False,
        level=EnforcementLevel.UNKNOWN,
        failed_at=time,
        began_at=time,
        rectify_by=last_moment(time, rules.clocks.rectify.days, rules.utc_offset),
        reinspect_by=last_moment(time, rules.clocks.reinspect.days, rules.utc_offset),
        safety=bool(failed.safety),
        report=key,
        began=(key,),
    )
    for one in sorted((one for one in again if one.original == key), key=lambda one: (one.counted_at, one.report)):
        if case.stage in _ENDED:
            break
        answered = replace(case, answers=(*case.answers, one.report))
        if one.failed:
            case = _failed_again(answered, one.counted_at, None, None, rules)
        elif one.clears(failed):
            case = replace(answered, stage=Stage.PASSED, retested_at=(*case.retested_at, one.counted_at))
    return case


def _marked_first(cases: Iterable[Case]) -> Iterator[Case]:
    seen: set[tuple[bool, EnforcementLevel]] = set()
    for case in cases:
        key = (case.by_authority, case.level)
        yield case if key not in seen else replace(case, first=False)
        seen.add(key)


def _report(step: Enforcement) -> ReportKey | None:
    if step.laboratory_id is None or step.report_number is None:
        return None
    return ReportKey(step.laboratory_id, step.report_number)


def _joined(spans: Iterable[tuple[int, int | None]]) -> Iterator[tuple[int, int | None]]:
    """Spans of time, in order and without overlap."""
    last: tuple[int, int | None] | None = None
    for since, until in sorted(spans, key=lambda span: span[0]):
        if last is None:
            last = (since, until)
        elif last[1] is not None and since > last[1]:
            yield last
            last = (since, until)
        elif last[1] is not None:
            last = (last[0], None if until is None else max(last[1], until))
    if last is not None:
        yield last
