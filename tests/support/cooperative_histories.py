"""Random histories of a member: events of every kind on few days, with few names, so that they meet."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import strategies as st

from tests.support.cooperative import event, inspection, midnight
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import Inspection
from weftline.domain.days import DAY
from weftline.domain.laboratory import VerdictKind
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import (
    BrandStep,
    CertificateStep,
    EnforcementStep,
    FundStep,
    ListingStep,
    MembershipStep,
    OfficerRole,
    OfficerStep,
    PackStep,
    Payer,
    StandardsStep,
    TestPurpose,
    TrademarkStep,
)

_FIRST = datetime.date(2024, 1, 1)
_DATES = [_FIRST + datetime.timedelta(days=days) for days in (0, 1, 2, 20, 45, 60, 75, 80, 100, 150, 200, 365, 366, 500, 730, 800)]
#: The moments at which something happens.
DAYS = [midnight(day) for day in _DATES]


def _steps(steps: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([step.value for step in steps if step.value != "UNKNOWN"])


def _maybe(**said: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=said)


def _body(field: str, steps: Any, sure: dict[str, Any], **maybe: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    certain = st.fixed_dictionaries({"step": _steps(steps), **sure})
    return st.tuples(certain, _maybe(**maybe)).map(lambda both: {field: both[0] | both[1]})


_date = st.sampled_from(_DATES)
_two = st.sampled_from("xy")
_report = st.sampled_from(["a/1", "a/2", "a/3"])
_roles = st.sampled_from([role.value for role in OfficerRole if role is not OfficerRole.UNKNOWN])
_lists = st.sampled_from(["RED", "BLACK"])
_digests = {"records": st.integers(0, 9), "content_sha256": st.just("00"), "records_sha256": st.just("00")}
_BODIES = st.one_of(
    _body("membership", MembershipStep, {}, limited_means=st.booleans()),
    _body("officer", OfficerStep, {"role": _roles, "person_id": _two}, valid_until=_date),
    _body("certificate", CertificateStep, {"scheme": st.just("ISO 9001"), "certificate_number": _two}, valid_until=_date),
    _body(
        "fund",
        [FundStep.REQUESTED, FundStep.APPROVED, FundStep.REFUSED, FundStep.CANCELLED, FundStep.DONE],
        {"year": st.integers(2024, 2026), "request_id": _two},
        batches=st.integers(1, 4),
        case_id=_two,
        by_exception=st.booleans(),
        report=_report,
    ),
    _body(
        "enforcement",
        EnforcementStep,
        {"case_id": _two},
        indicators=st.sampled_from([["pilling"], ["formaldehyde"], []]),
        slight=st.booleans(),
        announced_at=_date,
        due_at=_date,
        report=_report,
    ),
    _body("listing", ListingStep, {"listing_id": _two, "list": _lists}, decided_by=st.just("board"), expires_at=_date),
    _body("trademark", TrademarkStep, {"mark_id": st.just("nantong")}, valid_until=_date),
    _body("standard", StandardsStep, {"standard_id": _two}),
    _body("brand", BrandStep, {"brand_id": _two}, valid_until=_date),
    _body("pack", PackStep, {"pack_id": _two, "purpose": st.just("LOAN"), **_digests}),
)


def events() -> st.SearchStrategy[list[CooperativeEvent]]:
    """Events of one member, each under its own name."""
    one = st.tuples(_date, _BODIES)
    return st.lists(one, max_size=14).map(
        lambda found: [event({"id": f"e{number}", "at": day, **body}) for number, (day, body) in enumerate(found)]
    )


@st.composite
def inspections(draw: st.DrawFn) -> list[Inspection]:
    """Judged reports of one member, some withdrawn, some re-inspections."""
    found = []
    for number in draw(st.lists(st.integers(1, 8), max_size=6, unique=True)):
        tested = draw(_date)
        verdict = draw(st.sampled_from([VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.INCOMPLETE]))
        failing = ("formaldehyde",) if verdict is VerdictKind.FAIL else ()
        counted = midnight(tested) + draw(st.integers(0, 5)) * DAY
        withdrawn = draw(st.none() | st.integers(1, 90))
        found.append(
            Inspection(
                report=ReportKey("a", str(number)),
                tested_at=midnight(tested),
                counted_at=counted,
                withdrawn_at=None if withdrawn is None else counted + withdrawn * DAY,
                verdict=verdict,
                whole=draw(st.booleans()),
                passing=("formaldehyde",) if verdict is VerdictKind.PASS and draw(st.booleans()) else (),
                failing=failing,
                safety=failing if draw(st.booleans()) else (),
                purpose=draw(st.sampled_from([TestPurpose.FUND, TestPurpose.COMMISSIONED, TestPurpose.RE_INSPECTION])),
                payer=draw(st.sampled_from([Payer.TESTING_FUND, Payer.FACTORY])),
                original=draw(st.none() | st.integers(1, 8).map(lambda other: ReportKey("a", str(other)))),
            )
        )
    return found


def as_of() -> st.SearchStrategy[int]:
    """A moment among those of the events, and after them."""
    return st.tuples(st.sampled_from(DAYS), st.integers(-1, 400)).map(lambda both: both[0] + both[1] * DAY)


def failed_check(time: int, indicator: str) -> CooperativeEvent:
    """A spot check that failed in one indicator."""
    body = {"step": "CHECK_FAILED", "case_id": "k1", "indicators": [indicator]}
    return event(
        {"id": "failed", "at": datetime.datetime.fromtimestamp(time / 1000 + 8 * 3600, datetime.UTC).date(), "enforcement": body}
    )


def safety_failure(time: int) -> Inspection:
    """A report that failed in a safety item, and was verified then."""
    day = datetime.datetime.fromtimestamp(time / 1000 + 8 * 3600, datetime.UTC).date()
    written = {"report": "s/1", "tested": day, "verified": day, "verdict": "FAIL", "failing": ["ph"], "safety": ["ph"]}
    return inspection({**written, "purpose": "FUND", "payer": "TESTING_FUND"})


def passed_test(number: int, time: int) -> Inspection:
    """A report that passed."""
    day = datetime.datetime.fromtimestamp(time / 1000 + 8 * 3600, datetime.UTC).date()
    written = {"report": f"p/{number}", "tested": day, "verified": day, "verdict": "PASS"}
    return inspection({**written, "purpose": "COMMISSIONED", "payer": "FACTORY"})
