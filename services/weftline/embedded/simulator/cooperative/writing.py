"""From what is true of a cooperative to what is published of it, in the order in which it happens.

Five systems write: the register, the regulator and the members' laboratory are files of dates or instruments; the fund and the board
write times. A register that knows dates only makes all events of its day one moment, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from weftline.domain.cooperative.events import (
    BODIES,
    Body,
    Brand,
    Certificate,
    CooperativeEvent,
    Enforcement,
    Fund,
    Listing,
    Membership,
    OfficialGrade,
    StandardsWork,
    Trademark,
)
from weftline.domain.cooperative.events import Officer as OfficerBody
from weftline.domain.events import InspectionEvent, LaboratoryReport, ReportStatusChange
from weftline.domain.vocabulary import (
    BrandStep,
    CertificateStep,
    CooperativeKind,
    CreditGrade,
    EnforcementStep,
    FundStep,
    InspectionKind,
    ListingStep,
    MembershipStep,
    OfficerRole,
    OfficerStep,
    ReportStatus,
    SpecimenType,
    StandardsStep,
    TrademarkStep,
)
from weftline.embedded.simulator.answers import ReportTruth
from weftline.embedded.simulator.cooperative.clocks import begin_of, year_of
from weftline.embedded.simulator.cooperative.knowledge import ISO_9001
from weftline.embedded.simulator.cooperative.lives import Case, Member, Request, Test
from weftline.embedded.simulator.cooperative.planning import Plan
from weftline.embedded.simulator.measuring import measure, plan_of
from weftline.embedded.simulator.workdays import DAY, HOUR
from weftline.embedded.simulator.world import Source, World

CURRENCY: Final = "CNY"
_LEAST_PRICE: Final = 59_210
_E = EnforcementStep
_KINDS: Final = {field: kind for kind, field in BODIES.items()}
_FIELDS: Final[dict[type, str]] = {
    Membership: "membership",
    OfficerBody: "officer",
    Certificate: "certificate",
    OfficialGrade: "official_grade",
    Fund: "fund",
    Enforcement: "enforcement",
    Listing: "listing",
    Trademark: "trademark",
    StandardsWork: "standard",
    Brand: "brand",
}


class Happening(NamedTuple):
    """Something that happens: when (ms), in which place among what happens then, and what writes the event."""

    time: int
    place: int
    write: Callable[[], CooperativeEvent | InspectionEvent]


class Writer:
    """Who writes a cooperative's events."""

    def __init__(self, plan: Plan, world: World, center_id: str) -> None:
        self._plan, self._world, self._center_id = plan, world, center_id
        self._cooperative_id = plan.play.name
        at = f"urn:weftline:cooperative:{plan.play.name}"
        self._register = Source(f"{at}:register", plan.tag, DAY)
        self._regulator = Source(f"{at}:regulator", plan.tag, DAY, sequenced=True)
        self._fund = Source(f"{at}:fund", plan.tag, sequenced=True)
        self._board = Source(f"{at}:board", plan.tag)
        self._laboratory = Source(f"urn:weftline:laboratory:{plan.laboratory_id}", plan.tag)
        self._truths: dict[str, ReportTruth] = {}

    def happenings(self) -> list[Happening]:
        """All that happens, in order; what comes after the end of the play is among it."""
        found: list[tuple[int, Callable[[], CooperativeEvent | InspectionEvent]]] = [*self._own()]
        for member in self._plan.members:
            found += [*self._register_of(member), *self._of_fund(member), *self._of_cases(member), *self._of_board(member)]
            for test in member.tests:
                found += self._of_laboratory(member, test)
        return [Happening(time, place, write) for place, (time, write) in enumerate(sorted(found, key=lambda pair: pair[0]))]

    def _say(self, factory_id: str, source: Source, time: int, body: Body) -> tuple[int, Callable[[], CooperativeEvent]]:
        return time, partial(self._write, factory_id, source, time, body)

    def _write(self, factory_id: str, source: Source, time: int, body: Body) -> CooperativeEvent:
        field = _FIELDS[type(body)]
        said: dict[str, Any] = {"kind": CooperativeKind(_KINDS[field]), field: body}
        return CooperativeEvent(
            **source.head(time), cooperative_id=self._cooperative_id, center_id=self._center_id, factory_id=factory_id, **said
        )

    def _own(self) -> Iterator[tuple[int, Callable[[], CooperativeEvent]]]:
        """Budget and price of each year: together what was paid, for nobody plans so well but in a play."""
        play = self._plan.play
        paid: dict[int, int] = {}
        for member in self._plan.members:
            for request in member.requests:
                paid[request.year] = paid.get(request.year, 0) + request.paid_minor
        for year in range(year_of(play.first_day), year_of(play.end) + 1):
            time = max(begin_of(year), play.first_day) + 9 * HOUR
            for step, amount in ((FundStep.BUDGET_SET, paid.get(year, 0)), (FundStep.PRICE_SET, _LEAST_PRICE)):
                yield self._say(play.name, self._fund, time, Fund(step=step, year=year, amount_minor=amount, currency=CURRENCY))

    def _register_of(self, member: Member) -> Iterator[tuple[int, Callable[[], CooperativeEvent]]]:
        say = partial(self._say, member.factory_id, self._register)
        for time, step in member.membership:
            joined = step == "JOINED"
            yield say(
                time,
                Membership(
                    step=MembershipStep(step),
                    size_class=member.size,
                    sells_online=member.online if joined else None,
                    limited_means=member.limited if joined else None,
                ),
            )
        for officer in member.officers:
            role = OfficerRole.CHIEF_QUALITY_OFFICER if officer.chief else OfficerRole.QUALITY_SPECIALIST
            of = partial(OfficerBody, role=role, person_id=officer.person_id)
            yield say(officer.appointed, of(step=OfficerStep.APPOINTED))
            if officer.trained is not None:
                trained, holds = officer.trained
                yield say(trained, of(step=OfficerStep.TRAINED, course="quality", valid_until=holds))
            if officer.ended is not None:
                yield say(officer.ended, of(step=OfficerStep.ENDED))
        for time, step, until in member.certificate:
            number = f"ISO-{member.factory_id}"
            body = Certificate(step=CertificateStep(step), scheme=ISO_9001, certificate_number=number, valid_until=until)
            yield say(time, body)
        for told, year, grade in member.grades:
            yield say(told, OfficialGrade(grade=CreditGrade(grade), year=year, issuer="bureau"))
        for place, (time, step) in enumerate(member.standards):
            yield say(time, StandardsWork(step=StandardsStep(step), standard_id=f"T-{member.factory_id}-{place}"))
        for place, (time, step, until) in enumerate(member.brands):
            yield say(time, Brand(step=BrandStep(step), brand_id=f"{member.factory_id}-{place}", valid_until=until))

    def _of_fund(self, member: Member) -> Iterator[tuple[int, Callable[[], CooperativeEvent]]]:
        for request in member.requests:
            for time, step in request.steps:
                yield self._say(member.factory_id, self._fund, time, self._step_of(request, step))

    def _step_of(self, request: Request, step: FundStep) -> Fund:
        decided = step is not FundStep.REQUESTED
        done = request.test if step is FundStep.DONE else None
        return Fund(
            step=step,
            year=request.year,
            request_id=request.request_id,
            batches=request.batches,
            case_id=request.case_id,
            by_exception=decided and request.by_exception,
            reason=request.reason if step is FundStep.REFUSED else None,
            decided_by="fund-office" if step in (FundStep.APPROVED, FundStep.REFUSED) else None,
            laboratory_id=None if done is None else self._plan.laboratory_id,
            report_number=None if done is None else done.number,
            amount_minor=None if done is None else request.paid_minor,
            currency=None if done is None else CURRENCY,
        )

    def _of_cases(self, member: Member) -> Iterator[tuple[int, Callable[[], CooperativeEvent]]]:
        for case in member.cases:
            for time, body in self._steps_of(case):
                yield self._say(member.factory_id, self._regulator, time, body)

    def _steps_of(self, case: Case) -> Iterator[tuple[int, Enforcement]]:
        of = partial(Enforcement, case_id=case.case_id, level=case.level)
        named = self._named(case.spot_check)
        yield case.failed, of(step=_E.CHECK_FAILED, indicators=case.indicators, slight=case.slight, authority="bureau", **named)
        yield case.ordered, of(step=_E.RECTIFICATION_ORDERED, due_at=case.due)
        if case.reported is not None:
            yield case.reported, of(step=_E.RECTIFICATION_REPORTED)
        if case.accepted is not None:
            yield case.accepted, of(step=_E.RECTIFICATION_ACCEPTED)
        for number, (time, passed) in enumerate(case.retested):
            announced = case.announced if number == 0 and not passed else None
            named = self._named(case.free_test)
            yield time, of(step=_E.REINSPECTION_PASSED if passed else _E.REINSPECTION_FAILED, announced_at=announced, **named)

    def _named(self, test: Test | None) -> dict[str, Any]:
        return {} if test is None else {"laboratory_id": self._plan.laboratory_id, "report_number": test.number}

    def _of_board(self, member: Member) -> Iterator[tuple[int, Callable[[], CooperativeEvent]]]:
        say = partial(self._say, member.factory_id, self._board)
        for entry in member.entries:
            for time, step in entry.steps:
                states_end = step in ("DECIDED", "CHANGED")
                yield say(
                    time,
                    Listing(
                        step=ListingStep(step),
                        listing_id=entry.listing_id,
                        list=entry.on,
                        ground=entry.ground if step == "PROPOSED" else None,
                        evidence_ids=entry.evidence if step == "PROPOSED" else (),
                        expires_at=entry.expires if states_end else None,
                        decided_by=None if step in ("PROPOSED", "APPEALED") else "board",
                    ),
                )
        for time, step, until in member.mark:
            by = None if step == "APPLIED" else "board"
            yield say(time, Trademark(step=TrademarkStep(step), mark_id=self._plan.mark_id, valid_until=until, decided_by=by))

    def _of_laboratory(self, member: Member, test: Test) -> Iterator[tuple[int, Callable[[], InspectionEvent]]]:
        yield test.issued, partial(self._issue, member, test)
        yield test.verified, partial(self._status, member, test, test.verified, ReportStatus.VERIFIED)
        if test.withdrawn is not None:
            yield test.withdrawn, partial(self._status, member, test, test.withdrawn, ReportStatus.WITHDRAWN)

    def _issue(self, member: Member, test: Test) -> InspectionEvent:
        category = test.category
        plan = plan_of(category, fabric=False, auxiliary=False)
        blends = [fibres for fibres in category.fibres if len(fibres) > 1]
        fibres = self._plan.rng.choice(blends or category.fibres)
        read = measure(self._plan.rng, category.safety_class, fibres, plan, test.failing)
        event = self._report(
            member,
            test,
            test.issued,
            InspectionKind.LABORATORY_REPORT,
            laboratory_report=LaboratoryReport(
                laboratory_id=self._plan.laboratory_id,
                report_number=test.number,
                amendment=0,
                specimen=SpecimenType.FINISHED_PRODUCT,
                specimen_kind="filled" if category.filled else "unfilled",
                traits=("filled",) if category.filled else (),
                purpose=test.purpose,
                payer=test.payer,
                original_report_number=test.original,
                safety_class=category.safety_class,
                age_group=category.age_group,
                sampled_at=test.tested - DAY,
                tested_at=test.tested,
                reported_at=test.issued,
                test_plan=plan,
                measurements=read.measurements,
            ),
        )
        place = (event.event_time, event.sequence or 0, event.event_id)
        truth = ReportTruth(
            self._plan.laboratory_id, test.number, member.factory_id, category.code, place, plan, test.failing, read.not_detected
        )
        self._truths[test.number] = truth
        self._world.ledger.reports.append(truth)
        return event

    def _status(self, member: Member, test: Test, time: int, status: ReportStatus) -> InspectionEvent:
        truth, withdrawn = self._truths[test.number], status is ReportStatus.WITHDRAWN
        truth.verified, truth.withdrawn = True, withdrawn
        change = ReportStatusChange(
            laboratory_id=self._plan.laboratory_id,
            report_number=test.number,
            amendment=0,
            status=status,
            verified_by=None if withdrawn else "authorised-signatory",
            reason="specimen was mixed up" if withdrawn else None,
        )
        return self._report(member, test, time, InspectionKind.REPORT_STATUS, report_status=change)

    def _report(self, member: Member, test: Test, time: int, kind: InspectionKind, **body: Any) -> InspectionEvent:
        return InspectionEvent(
            kind=kind,
            **self._laboratory.head(time),
            cooperative_id=self._cooperative_id,
            center_id=self._center_id,
            factory_id=member.factory_id,
            product_category=test.category.code,
            style_number=test.number,
            **body,
        )
