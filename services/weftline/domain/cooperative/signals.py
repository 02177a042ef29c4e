"""What a member's events come to: the signals that rules ask for.

Every signal names what it rests on. A test counts by its report, a spot check by its case; where the report of a check is known as well,
the case speaks for both, so that one failure is not counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from weftline.domain.cooperative.clocks import Case, Stage
from weftline.domain.cooperative.conditions import Signal
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import History, Ref, ref
from weftline.domain.cooperative.lists import Entry, EntryState
from weftline.domain.cooperative.rules import SignalName
from weftline.domain.cooperative.trademark import Mark
from weftline.domain.vocabulary import (
    BrandStep,
    CertificateStep,
    MembershipStep,
    OfficerRole,
    OfficerStep,
    QualityList,
    StandardsStep,
)

_ROLES: Final = {
    OfficerRole.CHIEF_QUALITY_OFFICER: SignalName.CHIEF_OFFICER,
    OfficerRole.QUALITY_SPECIALIST: SignalName.SPECIALIST,
}
_STANDARDS: Final = {
    StandardsStep.COLLECTION_RECEIVED: SignalName.COLLECTION_RECEIVED,
    StandardsStep.LED: SignalName.STANDARD_LED,
    StandardsStep.JOINED: SignalName.STANDARD_JOINED,
}
_BRANDS: Final = {BrandStep.MARK_REGISTERED: SignalName.MARK_REGISTERED, BrandStep.HONOURED: SignalName.HONOURED}


class _Open:
    """Signals that hold until something ends them."""

    def __init__(self) -> None:
        self._open: dict[tuple[SignalName, str], Signal] = {}
        self.closed: list[Signal] = []

    def begin(self, name: SignalName, event: CooperativeEvent, key: str = "", *, until: int | None = None, about: str = "") -> None:
        """It holds from now on. One that held already goes on, until the new end, and rests on both events."""
        before = self._open.pop((name, key), None)
        if before is not None and not before.holds(event.event_time):
            self.closed.append(before)
            before = None
        at, evidence = (event.event_time, ()) if before is None else (before.at, before.evidence)
        self._open[name, key] = Signal(name, at, (*evidence, ref(event)), until, about)

    def end(self, name: SignalName, event: CooperativeEvent, key: str = "") -> None:
        """It holds no longer, if it did."""
        if (before := self._open.pop((name, key), None)) is not None:
            until = event.event_time if before.until is None else min(before.until, event.event_time)
            self.closed.append(Signal(before.name, before.at, (*before.evidence, ref(event)), until, before.about))

    def all(self) -> Iterator[Signal]:
        """All that held at some time."""
        yield from self.closed
        yield from self._open.values()


def signals_of(
    history: History, cases: Iterable[Case], entries: Iterable[Entry], marks: Iterable[Mark], as_of: int
) -> tuple[Signal, ...]:
    """All signals of a member, in order of time. ``as_of`` decides which deadlines have passed."""
    cases = tuple(cases)
    found = [
        *_of_events(history),
        *_of_inspections(history, cases),
        *(signal for case in cases for signal in _of_case(case, as_of)),
        *(signal for entry in entries for signal in _of_entry(entry)),
        *(
            Signal(SignalName.TRADEMARK_HELD, mark.since, mark.events, _after(mark.until), mark.mark_id)
            for mark in marks
            if mark.held(mark.since)
        ),
    ]
    return tuple(sorted(found, key=lambda signal: (signal.at, signal.name, signal.about, signal.evidence)))


def _of_events(history: History) -> Iterator[Signal]:
    held = _Open()
    for event in history.events:
        _membership(event, held)
        _officer(event, held)
        _certificate(event, held)
        if (standard := event.standard) is not None and standard.step in _STANDARDS:
            held.begin(_STANDARDS[standard.step], event, standard.standard_id, about=standard.standard_id)
        if (brand := event.brand) is not None:
            if brand.step in _BRANDS:
                until = _after(event.deadline(brand.valid_until))
                held.begin(_BRANDS[brand.step], event, brand.brand_id, until=until, about=brand.brand_id)
            elif brand.step is BrandStep.ENDED:
                for name in _BRANDS.values():
                    held.end(name, event, brand.brand_id)
    yield from held.all()


def _membership(event: CooperativeEvent, held: _Open) -> None:
    if (body := event.membership) is None:
        return
    match body.step:
        case MembershipStep.JOINED:
            held.end(SignalName.JOINED, event)
            held.begin(SignalName.JOINED, event)
            held.begin(SignalName.MEMBER, event)
        case MembershipStep.PLEDGE_SIGNED:
            held.begin(SignalName.PLEDGED, event)
        case MembershipStep.SUSPENDED:
            held.end(SignalName.MEMBER, event)
        case MembershipStep.RESUMED:
            held.begin(SignalName.MEMBER, event)
        case MembershipStep.LEFT:
            for name in (SignalName.JOINED, SignalName.MEMBER, SignalName.PLEDGED):
                held.end(name, event)
    if body.limited_means is True:
        held.begin(SignalName.LIMITED_MEANS, event)
    elif body.limited_means is False:
        held.end(SignalName.LIMITED_MEANS, event)


def _officer(event: CooperativeEvent, held: _Open) -> None:
    if (body := event.officer) is None or body.role not in _ROLES:
        return
    role, key = _ROLES[body.role], body.person_id
    match body.step:
        case OfficerStep.APPOINTED:
            held.begin(role, event, key)
        case OfficerStep.TRAINED:
            held.begin(SignalName.TRAINED, event, f"{body.role}/{key}", until=_after(event.deadline(body.valid_until)))
        case OfficerStep.ENDED:
            held.end(role, event, key)
            held.end(SignalName.TRAINED, event, f"{body.role}/{key}")


def _certificate(event: CooperativeEvent, held: _Open) -> None:
    if (body := event.certificate) is None:
        return
    key = f"{body.scheme}/{body.certificate_number}"
    if body.step in (CertificateStep.GRANTED, CertificateStep.RENEWED):
        until = _after(event.deadline(body.valid_until))
        held.begin(SignalName.CERTIFIED, event, key, until=until, about=body.scheme)
    elif body.step in (CertificateStep.SUSPENDED, CertificateStep.WITHDRAWN):
        held.end(SignalName.CERTIFIED, event, key)


def _of_inspections(history: History, cases: Iterable[Case]) -> Iterator[Signal]:
    by_case = {case.report for case in cases if case.by_authority}
    for one in history.standing:
        evidence: tuple[Ref, ...] = (one.report,)
        if one.passed:
            yield Signal(SignalName.TEST_PASSED, one.tested_at, evidence, about=one.product_category)
        elif one.failed and one.report not in by_case:
            name = SignalName.SAFETY_FAILED if one.safety else SignalName.TEST_FAILED
            yield Signal(name, one.tested_at, evidence, about=one.product_category)


def _of_case(case: Case, as_of: int) -> Iterator[Signal]:
    if case.by_authority:
        name = SignalName.SAFETY_FAILED if case.safety else SignalName.CHECK_FAILED
        yield Signal(name, case.failed_at, case.began[:1] or case.answers[:1], about=case.case_id)
    yield Signal(SignalName.CASE_OPEN, case.failed_at, case.began, case.closed_at, case.case_id)
    for since, until in case.late():
        if since <= as_of:
            yield Signal(SignalName.OVERDUE, since, case.began, until, case.case_id)
    if case.stage is Stage.PASSED and not case.was_late(as_of):
        yield Signal(SignalName.RECTIFIED, case.retested_at[-1], case.answers[-1:], about=case.case_id)
    if case.stage is Stage.FAILED:
        yield Signal(SignalName.SECOND_ROUND_FAILED, case.retested_at[-1], (*case.began, *case.answers[-1:]), about=case.case_id)


def _of_entry(entry: Entry) -> Iterator[Signal]:
    if entry.decided_at is not None and entry.state(entry.decided_at) is EntryState.LISTED:
        name = SignalName.ON_RED_LIST if entry.list is QualityList.RED else SignalName.ON_BLACK_LIST
        yield Signal(name, entry.decided_at, entry.events, _after(entry.until), entry.listing_id)


def _after(last: int | None) -> int | None:
    """The first moment after the last one at which something holds."""
    return None if last is None else last + 1
