"""Rules of a member: judged facts, the state of each of its matters, and of the member as a whole.

A member is one strand. It has some hundred events in ten years, so to judge all of them again costs nothing, and whatever comes to rest
on several of its matters (a list on a case, a mark on a list) sees them in one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from weftline.domain.cooperative.desk import desk_of, desk_turns, fund_years
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.cooperative.matters import MOVED, NO_MATTER, NOT_APPLIED, Matter, advance, mark_of
from weftline.domain.cooperative.member import Judgement, judge_member, turns
from weftline.domain.cooperative.rules import Editions, Rulebook
from weftline.domain.cooperative.tellings import alerts_of
from weftline.domain.cooperative.trademark import Standing
from weftline.domain.fold import StateRow, Subject
from weftline.domain.rows.cooperative import CooperativeAmounts, MatterKey, MatterRow, MemberRow
from weftline.domain.undo import UndoLog
from weftline.domain.vocabulary import (
    CertificateStep,
    CooperativeKind,
    EnforcementStep,
    FundStep,
    ListingStep,
    MembershipStep,
    OfficerRole,
    OfficerStep,
    QualityList,
    StandardsStep,
)

MEMBERS: Final = "member_state"
MATTERS: Final = "matter_state"
DESKS: Final = "desk_state"

#: Whoever fell out holds the mark until a person takes it away.
_CARRIED: Final = frozenset({Standing.HOLDS, Standing.FELL_OUT})
_IN_OFFICE: Final = frozenset({OfficerStep.APPOINTED, OfficerStep.TRAINED})
_CERTIFIED: Final = frozenset({CertificateStep.GRANTED, CertificateStep.RENEWED})
#: Of which field of its body a row of a matter says what it is about.
_ABOUT: Final = {
    CooperativeKind.MEMBERSHIP: "size_class",
    CooperativeKind.OFFICER: "role",
    CooperativeKind.CERTIFICATE: "scheme",
    CooperativeKind.OFFICIAL_GRADE: "issuer",
    CooperativeKind.FUND: "product_category",
    CooperativeKind.ENFORCEMENT: "level",
    CooperativeKind.LISTING: "list",
    CooperativeKind.TRADEMARK: "mark_id",
    CooperativeKind.STANDARD: "edition",
    CooperativeKind.BRAND: "issuer",
    CooperativeKind.PACK: "purpose",
}


class MemberRules:
    """Rules of one member, which is its only strand (see :class:`weftline.domain.fold.StrandRules`)."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._standing: list[CooperativeEvent] = []  # in canonical order
        self._matters: dict[MatterKey, Matter] = {}
        self._undo = UndoLog()
        self._seen: CooperativeEvent | None = None
        self._inspections: tuple[Inspection, ...] = ()

    def draw(self, rows: tuple[Inspection, ...]) -> None:
        """The reports of the member's factory that were in force, as they stand."""
        self._inspections = rows

    def strand(self, name: str) -> MemberRules:
        """A member is judged as one."""
        return self

    def mark(self) -> tuple[int, int]:
        """The member as it is."""
        return self._undo.mark(), len(self._standing)

    def rewind(self, mark: tuple[int, int]) -> None:
        """The member as it was."""
        changes, events = mark
        self._undo.rewind(changes)
        del self._standing[events:]

    def forget(self) -> None:
        """Nobody returns to what was before."""
        self._undo.forget()

    def note(self, event: CooperativeEvent, rank: int) -> None:
        """Keeps one event, for whose it is is the same in all of them."""
        self._seen = event

    def subjects(self, event: CooperativeEvent) -> Iterable[Subject]:
        """The member, its desk, and the matter of the event."""
        return (MEMBERS,), (DESKS,), (MATTERS, *event.matter)

    def void(self, event: CooperativeEvent) -> CooperativeAmounts:
        """Amounts of an event that counts zero."""
        return _amounts(event)

    def apply(self, event: CooperativeEvent, rank: int) -> tuple[int, str, CooperativeAmounts]:
        """Judge the next event of the member."""
        key = event.matter
        before = self._matters.get(key, NO_MATTER)
        mark = mark_of(before, event)
        after = advance(before, event, mark)
        self._undo.put(self._matters, key, after)
        self._standing.append(event)
        if mark in NOT_APPLIED:
            return 0, mark, self.void(event)
        return 1, mark, _added(event, after) if mark in MOVED else self.void(event)

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The member, its desk, or one of its matters."""
        table, *key = subject
        if table == MATTERS:
            return StateRow(table, tuple(key), self._matter(MatterKey(*key)))
        history = History.of(self._standing, self._inspections)
        book = self._book.of(self._seen.cooperative_id if self._seen else "")
        if table == DESKS:
            return self._desk(history, book, as_of)
        passed, to_come = _parted(turns(history, book), as_of)
        judged = judge_member(history, book, _moment(passed, to_come, as_of))
        return StateRow(table, (), self._member(judged), (), to_come[0] if to_come else None, len(passed))

    def _desk(self, history: History, book: Editions, as_of: int) -> StateRow:
        found = desk_turns(history, book, as_of)
        passed, to_come = _parted(found, as_of)
        moment = _moment(passed, to_come, as_of)
        judged = judge_member(history, book, moment, fund_years(history, book, moment))
        seen = self._seen
        desk = desk_of(judged, book, (seen.cooperative_id, seen.factory_id) if seen else ("", ""))
        return StateRow(DESKS, (), desk, alerts_of(judged, book, found), to_come[0] if to_come else None, len(passed))

    def _matter(self, key: MatterKey) -> MatterRow:
        matter, seen = self._matters.get(key, NO_MATTER), self._seen
        kind, said = CooperativeKind(key.kind), matter.said
        return MatterRow(
            cooperative_id=seen.cooperative_id if seen else "",
            factory_id=seen.factory_id if seen else "",
            center_id=matter.last.center_id if matter.last else "",
            step=matter.step,
            ended=int(matter.ended(kind)),
            about=str(said.get(_ABOUT.get(kind, ""), "")),
            opened_at=matter.opened_at,
            changed_at=matter.changed_at,
            until=matter.until,
            year=said.get("year", 0),
            batches=_batches(matter) if "request_id" in said else 0,
            amount_minor=said.get("amount_minor"),
            currency=said.get("currency", ""),
            by_exception=int(said.get("by_exception", False)),
            case_id=said.get("case_id", ""),
            laboratory_id=said.get("laboratory_id", ""),
            report_number=said.get("report_number", ""),
            indicators=list(said.get("indicators", ())),
            evidence_ids=list(said.get("evidence_ids", ())),
            reason=said.get("reason", ""),
            events=matter.events,
            marks=sorted(matter.marks),
        )

    def _member(self, judged: Judgement) -> MemberRow:
        seen, of = self._seen, self._of
        membership = self._matters.get(MatterKey(CooperativeKind.MEMBERSHIP.value, ""), NO_MATTER)
        officers = [matter for matter in of(CooperativeKind.OFFICER) if matter.step in _IN_OFFICE]
        grades = sorted((m.said["year"], m.changed_at or 0, m.step) for m in of(CooperativeKind.OFFICIAL_GRADE) if m.step)
        listed = {entry.list for entry in judged.listed}
        cases = (matter.step for matter in of(CooperativeKind.ENFORCEMENT))
        works = (matter.step for matter in of(CooperativeKind.STANDARD))
        reports = judged.history.standing
        year, _, grade = grades[-1] if grades else (0, 0, "")
        return MemberRow(
            cooperative_id=seen.cooperative_id if seen else "",
            factory_id=seen.factory_id if seen else "",
            membership=membership.step,
            joined_at=membership.times.get(MembershipStep.JOINED),
            pledge_signed_at=membership.times.get(MembershipStep.PLEDGE_SIGNED),
            left_at=membership.times.get(MembershipStep.LEFT),
            size_class=membership.said.get("size_class", ""),
            sells_online=int(membership.said.get("sells_online", False)),
            limited_means=int(membership.said.get("limited_means", False)),
            chief_quality_officers=_in_role(officers, OfficerRole.CHIEF_QUALITY_OFFICER),
            quality_specialists=_in_role(officers, OfficerRole.QUALITY_SPECIALIST),
            trained=sum(OfficerStep.TRAINED in matter.times for matter in officers),
            certificates=sorted({m.said["scheme"] for m in of(CooperativeKind.CERTIFICATE) if m.step in _CERTIFIED}),
            official_grade=grade,
            official_grade_year=year,
            tests_waiting=self._tests(FundStep.REQUESTED),
            tests_reserved=self._tests(FundStep.APPROVED),
            tests_done=self._tests(FundStep.DONE),
            reports=len(reports),
            reports_failed=sum(report.failed for report in reports),
            last_tested_at=max((report.tested_at for report in reports), default=None),
            credit_score=round(judged.credit.score * 100),
            credit_grade=judged.credit.grade.code,
            trademark_eligible=int(judged.eligibility.eligible),
            rules_edition=judged.rules.edition,
            open_cases=sum(step not in ("", EnforcementStep.REINSPECTION_PASSED) for step in cases),
            red_listed=int(QualityList.RED in listed),
            black_listed=int(QualityList.BLACK in listed),
            trademarks=sorted(mark.mark_id for mark, where in judged.marks if where in _CARRIED),
            standards=sum(step not in ("", StandardsStep.COLLECTION_RECEIVED) for step in works),
            brands=sum(bool(m.step) and not m.ended(CooperativeKind.BRAND) for m in of(CooperativeKind.BRAND)),
            last_event_time=max((m.last.event_time for m in self._matters.values() if m.last), default=None),
            events=sum(matter.events for matter in self._matters.values()),
            marks=sorted({mark for matter in self._matters.values() for mark in matter.marks}),
        )

    def _of(self, kind: CooperativeKind) -> Iterator[Matter]:
        return (matter for key, matter in self._matters.items() if key.kind == kind)

    def _tests(self, step: FundStep) -> int:
        """Batches of the free tests at a step."""
        return sum(_batches(matter) for matter in self._of(CooperativeKind.FUND) if matter.step == step)


def _parted(found: tuple[int, ...], as_of: int) -> tuple[list[int], list[int]]:
    """Moments at which a judgement may change by itself: those that have passed, and those to come."""
    return [time for time in found if time < as_of], [time for time in found if time >= as_of]


def _moment(passed: list[int], to_come: list[int], as_of: int) -> int:
    """As of when to judge. Between two turns nothing changes, so all who ask between them judge as of the same moment."""
    return passed[-1] if passed else to_come[0] - 1 if to_come else as_of


def _in_role(officers: Iterable[Matter], role: OfficerRole) -> int:
    return sum(matter.said.get("role") == role for matter in officers)


def _batches(matter: Matter) -> int:
    """Batches of a free test: one, unless it says otherwise."""
    found: int = matter.said.get("batches", 1)
    return found


def _added(event: CooperativeEvent, matter: Matter) -> CooperativeAmounts:
    step, batches = event.step, _batches(matter)
    match event.kind:
        case CooperativeKind.MEMBERSHIP:
            return _amounts(event, joined=step == MembershipStep.JOINED, left=step == MembershipStep.LEFT)
        case CooperativeKind.FUND:
            return _amounts(
                event,
                tests_requested=batches * (step == FundStep.REQUESTED),
                tests_approved=batches * (step == FundStep.APPROVED),
                tests_given_back=batches * (step in (FundStep.REFUSED, FundStep.CANCELLED)),
                tests_done=batches * (step == FundStep.DONE),
            )
        case CooperativeKind.ENFORCEMENT:
            passed = step == EnforcementStep.REINSPECTION_PASSED
            return _amounts(event, checks_failed=step == EnforcementStep.CHECK_FAILED, reinspections_passed=passed)
        case CooperativeKind.LISTING:
            return _amounts(event, listed=step == ListingStep.DECIDED, lifted=step == ListingStep.LIFTED)
        case _:
            return _amounts(event)


def _amounts(event: CooperativeEvent, **added: int) -> CooperativeAmounts:
    return CooperativeAmounts(
        event.cooperative_id,
        event.factory_id,
        event.kind.value,
        event.step,
        event.matter.matter_id,
        **{name: int(value) for name, value in added.items()},
    )
