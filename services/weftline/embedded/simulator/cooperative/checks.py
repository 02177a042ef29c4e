"""Spot checks that failed, and what members made of it: put right in time or late, again and again, or not at all."""

from __future__ import annotations

from typing import Final

from weftline.domain.vocabulary import EnforcementLevel, Payer, TestPurpose
from weftline.embedded.simulator.cooperative.config import SLOT_DAYS
from weftline.embedded.simulator.cooperative.diary import Diary
from weftline.embedded.simulator.cooperative.lives import Case, Member
from weftline.embedded.simulator.workdays import DAY

_LEVELS: Final = (EnforcementLevel.COOPERATIVE, EnforcementLevel.COUNTY, EnforcementLevel.CITY, EnforcementLevel.PROVINCE)
_COURSES: Final = {"in time": 52, "late": 12, "again": 14, "twice": 10, "ignored": 12}
_WITH_A_REPORT: Final = 0.5
_BY_THE_FUND: Final = 0.7
_A_DATE_OF_ITS_OWN: Final = 0.1


def plan_checks(plan: Diary) -> None:
    """As many cases as are wanted; nobody has two at once."""
    rng = plan.rng
    busy: dict[str, int] = {}
    for number in range(1, plan.play.checks + 1):
        slot = rng.randrange(2, plan.slots - 2)
        free = [m for m in plan.active(slot) if slot in m.free and busy.get(m.factory_id, 0) <= slot]
        if free:
            member = rng.choice(free)
            case = _check(plan, member, slot, f"K{plan.tag}-{number:04d}")
            last = case.retested[-1][0] if case.retested else plan.play.end
            busy[member.factory_id] = (last - plan.play.first_day) // DAY // SLOT_DAYS + 1


def _check(plan: Diary, member: Member, slot: int, case_id: str) -> Case:
    rng, indicators = plan.rng, plan.fails()
    failed = (slot + 1) * SLOT_DAYS - 1
    ordered = failed + rng.randrange(2, 9)
    case = Case(
        case_id,
        rng.choices(_LEVELS, (30, 35, 25, 10))[0],
        plan.day(failed),
        tuple(sorted(indicators)),
        rng.random() < 0.5,
        plan.day(ordered),
    )
    member.cases.append(case)
    if rng.random() < _WITH_A_REPORT:
        case.spot_check = plan.test(member, slot, TestPurpose.SPOT_CHECK, Payer.AUTHORITY, indicators)
    member.free.discard(slot)
    if rng.random() < _A_DATE_OF_ITS_OWN:
        case.due = plan.day(ordered + rng.choice((30, 45, 90)))
    course = rng.choices([*_COURSES], [*_COURSES.values()])[0]
    if course == "ignored":
        if rng.random() < 0.5:
            _put_right(plan, case, ordered + rng.randrange(120, 200))
            _retest(plan, member, case, passed=True)
        return case
    _put_right(plan, case, ordered + (rng.randrange(64, 100) if course == "late" else rng.randrange(12, 40)))
    _retest(plan, member, case, passed=course in ("in time", "late"))
    if course in ("again", "twice"):
        first = (case.retested[0][0] - plan.play.first_day) // DAY
        announced = first + rng.randrange(2, 9)
        case.announced = plan.day(announced)
        case.retested.append((plan.day(announced + rng.randrange(61, 90)), course == "again"))
    return case


def _put_right(plan: Diary, case: Case, day: int) -> None:
    case.reported = plan.day(day)
    case.accepted = plan.day(day + plan.rng.randrange(1, 7))


def _retest(plan: Diary, member: Member, case: Case, *, passed: bool) -> None:
    """The first re-inspection; what passes may be a free test, in the next slot in which the member is not tested."""
    assert case.accepted is not None
    accepted = (case.accepted - plan.play.first_day) // DAY
    slot = accepted // SLOT_DAYS + 1
    if passed and slot in member.free and slot < plan.slots and member in plan.active(slot) and plan.rng.random() < _BY_THE_FUND:
        request = plan.ask(member, slot, case_id=case.case_id)
        case.free_test = plan.do(member, slot, request, TestPurpose.RE_INSPECTION)
        if case.spot_check is not None:
            case.free_test.original, case.free_test.category = case.spot_check.number, case.spot_check.category
        case.retested.append((plan.day(slot * SLOT_DAYS + 13), True))
    else:
        case.retested.append((plan.day(accepted + plan.rng.randrange(2, 14)), passed))
