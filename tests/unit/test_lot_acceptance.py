"""Lots are judged by the sample that was drawn and the standard's plan; what is odd is marked, and nothing raises."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weftline.contracts.standards import load_sampling_standard
from weftline.domain.events import LotInspection, PlanUsed
from weftline.domain.sampling import MARK_WORDS, LotVerdict, Mark, Numbers, judge
from weftline.domain.vocabulary import InspectionStage, NonconformityClass, PlanBasis, Severity, Submission

STANDARD = load_sampling_standard()
CRITICAL, MAJOR, MINOR = NonconformityClass.CRITICAL, NonconformityClass.MAJOR, NonconformityClass.MINOR


def at(text: str) -> int:
    """Milliseconds since the epoch of an ISO time."""
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


JUNE_2025 = at("2025-06-01T08:00:00+08:00")

# Lot of 1000, level II, AQL 2.5 and 4.0: letter J, 80; Ac 5 and 7.
MAJOR_PLAN = PlanUsed(
    nonconformity_class=MAJOR,
    standard="ISO 2859-1",
    edition="1999",
    level="II",
    aql=2.5,
    severity=Severity.NORMAL,
    sample_size=80,
    accept=5,
    reject=6,
)
MINOR_PLAN = replace(MAJOR_PLAN, nonconformity_class=MINOR, aql=4.0, accept=7, reject=8)
CRITICAL_PLAN = replace(MAJOR_PLAN, nonconformity_class=CRITICAL, aql=None, accept=0, reject=1)


def lot(*plans: PlanUsed, lot_size: int = 1000, sample: int = 80, units: tuple[int, int, int] = (0, 0, 0)) -> LotInspection:
    critical, major, minor = units
    return LotInspection(
        lot_id="L-1",
        lot_size=lot_size,
        stage=InspectionStage.FINAL,
        submission=Submission.ORIGINAL,
        sample_size=sample,
        critical_units=critical,
        major_units=major,
        minor_units=minor,
        plans=plans,
    )


def marks_of(verdict: LotVerdict, of: NonconformityClass) -> tuple[Mark, ...]:
    found = verdict.of(of)
    assert found is not None
    return found.marks


@pytest.mark.parametrize(
    ("units", "accepted", "by_class"),
    [
        ((0, 5, 7), True, (True, True, True)),
        ((0, 6, 7), False, (True, False, True)),
        ((0, 5, 8), False, (True, True, False)),
        ((1, 0, 0), False, (False, True, True)),
        ((0, 0, 0), True, (True, True, True)),
    ],
)
def test_a_lot_is_accepted_if_every_class_is(
    units: tuple[int, int, int], accepted: bool, by_class: tuple[bool, bool, bool]
) -> None:
    verdict = judge(lot(CRITICAL_PLAN, MAJOR_PLAN, MINOR_PLAN, units=units), JUNE_2025, STANDARD)
    assert verdict.accepted is accepted
    assert tuple(found.accepted for found in verdict.classes) == by_class
    assert [found.nonconformity_class for found in verdict.classes] == [CRITICAL, MAJOR, MINOR]
    assert [(found.units, found.deciding) for found in verdict.classes] == [
        (units[0], Numbers(80, 0, 1)),
        (units[1], Numbers(80, 5, 6)),
        (units[2], Numbers(80, 7, 8)),
    ]
    assert verdict.marks == ()
    assert all(found.marks == () for found in verdict.classes)


STANDARDS_PLAN, TIGHTENED_PLAN = Numbers(80, 5, 6), Numbers(80, 3, 4)
BUYERS = replace(MAJOR_PLAN, basis=PlanBasis.BY_AGREEMENT, standard="the buyer's manual", edition="7", level="-", aql=None)


@pytest.mark.parametrize(
    ("used", "marks", "deciding"),
    [
        (MAJOR_PLAN, (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, basis=PlanBasis.STANDARD), (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, accept=7, reject=8), (Mark.PLAN_MISMATCH,), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, sample_size=50, accept=3, reject=4), (Mark.PLAN_MISMATCH,), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, severity=Severity.TIGHTENED), (Mark.PLAN_MISMATCH,), TIGHTENED_PLAN),
        (replace(MAJOR_PLAN, severity=Severity.TIGHTENED, accept=3, reject=4), (), TIGHTENED_PLAN),
        (
            replace(MAJOR_PLAN, severity=Severity.REDUCED, accept=2, reject=5),
            (Mark.SEVERITY_REDUCED, Mark.ACCEPT_REJECT_INCONSISTENT),
            None,
        ),
        (replace(MAJOR_PLAN, severity=Severity.UNKNOWN), (Mark.SEVERITY_UNKNOWN,), None),
        (replace(MAJOR_PLAN, aql=3.0), (Mark.AQL_NOT_IN_TABLE,), None),
        (replace(MAJOR_PLAN, aql=None), (Mark.AQL_NOT_IN_TABLE,), None),
        (replace(MAJOR_PLAN, aql=float("nan")), (Mark.AQL_NOT_IN_TABLE,), None),
        (replace(MAJOR_PLAN, aql=15.0, accept=21, reject=22), (Mark.AQL_PER_HUNDRED_UNITS,), Numbers(80, 21, 22)),
        (replace(MAJOR_PLAN, level="V"), (Mark.LEVEL_UNKNOWN,), None),
        (replace(MAJOR_PLAN, level="ii", standard="iso2859-1"), (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, standard="ISO 2859—1:1999"), (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, standard="ISO 2859-2"), (Mark.STANDARD_UNKNOWN,), None),
        (replace(MAJOR_PLAN, edition="1989"), (Mark.EDITION_UNKNOWN,), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, edition="2026"), (Mark.EDITION_NOT_IN_FORCE,), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, standard="GB/T 2828.1", edition="2012"), (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, standard="ＧＢＴ2828.1-2012", edition="2012"), (), STANDARDS_PLAN),
        (replace(MAJOR_PLAN, standard="GB/T 2828.1", edition="1999"), (Mark.EDITION_UNKNOWN,), STANDARDS_PLAN),
        (BUYERS, (Mark.BY_AGREEMENT,), STANDARDS_PLAN),
        (replace(BUYERS, accept=9, reject=10), (Mark.BY_AGREEMENT,), Numbers(80, 9, 10)),
        (replace(MAJOR_PLAN, standard="by agreement", accept=9, reject=10), (Mark.BY_AGREEMENT,), Numbers(80, 9, 10)),
    ],
)
def test_marks_of_a_plan_and_the_numbers_that_decide(used: PlanUsed, marks: tuple[Mark, ...], deciding: Numbers | None) -> None:
    """ISO 2859-1 gives the plan for lot size, level, AQL and severity; only a buyer's own takes its place, and says so."""
    verdict = judge(lot(used, units=(0, 2, 0)), JUNE_2025, STANDARD)
    assert set(marks_of(verdict, MAJOR)) == set(marks)
    found = verdict.of(MAJOR)
    assert found is not None
    assert (found.deciding, found.accepted) == (deciding, None if deciding is None else True)
    assert verdict.accepted is (None if deciding is None else True)
    assert found.severity_used is used.severity
    assert verdict.by_agreement == (Mark.BY_AGREEMENT in marks)


def test_a_mismatch_is_judged_by_the_plan_that_the_standard_gives() -> None:
    found = judge(lot(replace(MAJOR_PLAN, accept=10, reject=11), units=(0, 9, 0)), JUNE_2025, STANDARD).of(MAJOR)
    assert found is not None
    assert found.accepted is False
    assert found.expected is not None
    assert (found.expected.sample_size, found.expected.accept) == (80, 5)


@pytest.mark.parametrize(
    ("sample", "units", "accepted"),
    [
        (5, 5, None),  # all five nonconforming, and 75 not looked at
        (50, 4, None),
        (78, 3, True),  # even if the two that are missing were nonconforming
        (78, 4, None),
        (79, 5, None),
        (79, 6, False),
        (6, 6, False),
        (80, 5, True),
        (80, 6, False),
        (125, 5, True),
        (125, 6, None),  # without the surplus of 45 there might be none
        (125, 51, False),  # without the surplus there would still be six
        (81, 6, None),
        (81, 7, False),
    ],
)
def test_a_sample_of_another_size_judges_only_where_its_difference_could_change_nothing(
    sample: int, units: int, accepted: bool | None
) -> None:
    """Units inspected shall equal n: MIL-STD-105E 4.10.1.1, ANSI/ASQ Z1.4 10.1.1. Here n 80, Ac 5, Re 6."""
    verdict = judge(lot(MAJOR_PLAN, sample=sample, units=(0, units, 0)), JUNE_2025, STANDARD)
    found = verdict.of(MAJOR)
    assert found is not None
    assert found.accepted is accepted
    assert (Mark.SAMPLE_DIFFERS in found.marks) == (sample != 80)


@given(
    lot_size=st.integers(2, 20_000),
    sample=st.integers(1, 400),
    share=st.floats(0, 1),
    aql=st.sampled_from([0.65, 1.0, 2.5, 4.0]),
    severity=st.sampled_from([Severity.NORMAL, Severity.TIGHTENED]),
)
def test_a_verdict_is_the_one_of_every_sample_of_n_that_agrees_with_what_was_seen(
    lot_size: int, sample: int, share: float, aql: float, severity: Severity
) -> None:
    """Every way to complete a small sample, and every part of n units of a large one, decides alike; else nothing is decided."""
    sample = min(sample, lot_size)
    units = round(share * sample)
    plan = STANDARD.plan(lot_size, "II", aql, severity)
    n, accept = plan.sample_size, plan.accept
    used = replace(MAJOR_PLAN, aql=aql, severity=severity, sample_size=n, accept=accept, reject=accept + 1)
    missing, surplus = max(n - sample, 0), max(sample - n, 0)
    possible = range(max(units - surplus, 0), min(units + missing, n) + 1)
    found = judge(lot(used, lot_size=lot_size, sample=sample, units=(0, units, 0)), JUNE_2025, STANDARD).of(MAJOR)
    assert found is not None
    outcomes = {count <= accept for count in possible}
    expected = outcomes.pop() if len(outcomes) == 1 else None
    assert found.accepted is expected


def test_all_that_is_judged_by_agreement_is_counted_apart_and_critical_units_still_refuse() -> None:
    verdict = judge(lot(CRITICAL_PLAN, replace(BUYERS, accept=50, reject=51), MINOR_PLAN, units=(0, 30, 2)), JUNE_2025, STANDARD)
    assert (verdict.accepted, verdict.by_agreement) == (True, True)
    assert [found.by_agreement for found in verdict.classes] == [False, True, False]
    critical = judge(lot(replace(BUYERS, nonconformity_class=CRITICAL, accept=3, reject=4), units=(1, 0, 0)), JUNE_2025, STANDARD)
    assert critical.accepted is False


@pytest.mark.parametrize(
    ("moment", "offset", "edition", "marked"),
    [
        ("2026-01-21T23:30:00+08:00", 480, "1999", False),
        ("2026-01-22T00:30:00+08:00", 480, "1999", True),  # 16:30 the day before in UTC, but the day counts where it happened
        ("2026-01-22T00:30:00+08:00", 480, "2026", False),
        ("2026-01-22T00:30:00+08:00", 0, "2026", True),
    ],
)
def test_an_edition_is_in_force_by_the_day_at_the_place(moment: str, offset: int, edition: str, marked: bool) -> None:
    verdict = judge(lot(replace(MAJOR_PLAN, edition=edition)), at(moment), STANDARD, utc_offset_minutes=offset)
    assert (Mark.EDITION_NOT_IN_FORCE in marks_of(verdict, MAJOR)) is marked


@pytest.mark.parametrize(
    ("accept", "reject", "units", "accepted", "marks"),
    [
        (2, 5, 2, True, {Mark.ACCEPT_REJECT_INCONSISTENT}),
        (2, 5, 3, False, {Mark.ACCEPT_REJECT_INCONSISTENT, Mark.BETWEEN_ACCEPT_AND_REJECT}),
        (2, 5, 5, False, {Mark.ACCEPT_REJECT_INCONSISTENT}),
        (5, 3, 2, True, {Mark.ACCEPT_REJECT_INCONSISTENT}),
        (5, 3, 4, False, {Mark.ACCEPT_REJECT_INCONSISTENT}),  # the plan both accepts and rejects: it is not accepted
    ],
)
def test_a_gap_between_accept_and_reject(accept: int, reject: int, units: int, accepted: bool, marks: set[Mark]) -> None:
    verdict = judge(lot(replace(BUYERS, accept=accept, reject=reject), units=(0, units, 0)), JUNE_2025, STANDARD)
    assert verdict.accepted is accepted
    assert set(marks_of(verdict, MAJOR)) == marks | {Mark.BY_AGREEMENT}


def test_critical_units_never_pass_whatever_the_plan_says() -> None:
    lenient = replace(CRITICAL_PLAN, accept=1, reject=2)
    verdict = judge(lot(lenient, MAJOR_PLAN, units=(1, 0, 0)), JUNE_2025, STANDARD)
    found = verdict.of(CRITICAL)
    assert found is not None
    assert (verdict.accepted, found.accepted, found.deciding) == (False, False, Numbers(80, 0, 1))
    assert found.marks == (Mark.CRITICAL_ACCEPT_NOT_ZERO,)
    without_plan = judge(lot(MAJOR_PLAN, units=(1, 0, 0)), JUNE_2025, STANDARD).of(CRITICAL)
    assert without_plan is not None
    assert (without_plan.accepted, without_plan.marks) == (False, ())
    # One is enough, also in a sample that is too large for the rule of surplus units.
    assert judge(lot(MAJOR_PLAN, sample=125, units=(1, 0, 0)), JUNE_2025, STANDARD).accepted is False


@pytest.mark.parametrize("units", [(0, 0, 3), (0, 0, 80)])
def test_units_in_a_class_without_a_plan_leave_the_lot_unjudged(units: tuple[int, int, int]) -> None:
    verdict = judge(lot(MAJOR_PLAN, units=units), JUNE_2025, STANDARD)
    found = verdict.of(MINOR)
    assert found is not None
    assert (found.accepted, found.units, found.marks) == (None, units[2], (Mark.NO_PLAN,))
    assert verdict.accepted is None
    assert judge(lot(MAJOR_PLAN), JUNE_2025, STANDARD).of(MINOR) is None
    # What another class refuses is refused all the same.
    assert judge(lot(MAJOR_PLAN, units=(0, 6, 3)), JUNE_2025, STANDARD).accepted is False


@pytest.mark.parametrize(("units", "accepted"), [((0, 0, 0), None), ((0, 80, 0), None), ((1, 0, 0), False)])
def test_without_any_plan_nothing_is_accepted(units: tuple[int, int, int], accepted: bool | None) -> None:
    verdict = judge(lot(units=units), JUNE_2025, STANDARD)
    assert verdict.accepted is accepted
    assert Mark.NO_PLAN in verdict.all_marks


@pytest.mark.parametrize("units", [0, 4, 9, 60])
@pytest.mark.parametrize("turned", [False, True])
def test_two_plans_for_one_class_are_a_contradiction(units: int, turned: bool) -> None:
    """Neither the kinder nor the first of them decides."""
    two = (MAJOR_PLAN, replace(MAJOR_PLAN, severity=Severity.TIGHTENED, accept=3, reject=4))
    verdict = judge(lot(*(two[::-1] if turned else two), units=(0, units, 0)), JUNE_2025, STANDARD)
    assert verdict.accepted is None
    assert Mark.SEVERAL_PLANS in marks_of(verdict, MAJOR)
    # The same plan written twice contradicts nothing.
    assert judge(lot(MAJOR_PLAN, MAJOR_PLAN, units=(0, 4, 0)), JUNE_2025, STANDARD).accepted is True


def test_a_lot_no_larger_than_the_sample_is_inspected_as_a_whole() -> None:
    # Lot of 10 at AQL 1.0: the table has 13, Ac 0. Either number may stand in the plan; the sample is the lot.
    for size in (13, 10):
        used = replace(MAJOR_PLAN, aql=1.0, sample_size=size, accept=0, reject=1)
        verdict = judge(lot(used, lot_size=10, sample=10), JUNE_2025, STANDARD)
        assert verdict.accepted is True
        assert marks_of(verdict, MAJOR) == ()
    short = judge(lot(used, lot_size=10, sample=9), JUNE_2025, STANDARD)
    assert (short.accepted, marks_of(short, MAJOR)) == (None, (Mark.SAMPLE_DIFFERS,))


def test_the_plans_of_the_larger_sample_may_serve_all_classes() -> None:
    # Lot of 80, AQL 2.5 and 4.0: F with 20, Ac 1, and E with 13, Ac 1. Row F at 4.0 has 20, Ac 2.
    major = replace(MAJOR_PLAN, sample_size=20, accept=1, reject=2)
    common = replace(MINOR_PLAN, sample_size=20, accept=2, reject=3)
    verdict = judge(lot(major, common, lot_size=80, sample=20), JUNE_2025, STANDARD)
    assert marks_of(verdict, MAJOR) == ()
    assert marks_of(verdict, MINOR) == (Mark.COMMON_SAMPLE,)
    alone = judge(lot(common, lot_size=80, sample=20), JUNE_2025, STANDARD)
    assert marks_of(alone, MINOR) == (Mark.PLAN_MISMATCH, Mark.SAMPLE_DIFFERS)


@pytest.mark.parametrize(
    ("inspected", "accepted", "marks"),
    [
        (lot(MAJOR_PLAN, lot_size=60), None, {Mark.SAMPLE_EXCEEDS_LOT}),
        (lot(MAJOR_PLAN, MINOR_PLAN, sample=3, units=(0, 2, 2)), None, {Mark.UNITS_EXCEED_SAMPLE}),
        (lot(MAJOR_PLAN, sample=0), None, {Mark.NOTHING_INSPECTED}),
        (lot(MAJOR_PLAN, sample=0, units=(0, 9, 0)), False, {Mark.NOTHING_INSPECTED, Mark.UNITS_EXCEED_SAMPLE}),
        (lot(MAJOR_PLAN, lot_size=1, sample=1), None, {Mark.LOT_SIZE_NOT_IN_TABLE}),
        (lot(MAJOR_PLAN, replace(MAJOR_PLAN, nonconformity_class=NonconformityClass.UNKNOWN)), True, {Mark.UNKNOWN_CLASS}),
    ],
)
def test_marks_of_a_lot(inspected: LotInspection, accepted: bool | None, marks: set[Mark]) -> None:
    verdict = judge(inspected, JUNE_2025, STANDARD)
    assert verdict.accepted is accepted
    assert set(verdict.marks) == marks


numbers = st.integers(-5, 3000)
plans_used = st.builds(
    PlanUsed,
    nonconformity_class=st.sampled_from(NonconformityClass),
    basis=st.sampled_from(PlanBasis),
    standard=st.sampled_from(["ISO 2859-1", "GB/T 2828.1", "", "AQL"]),
    edition=st.sampled_from(["1999", "2026", "2012", ""]),
    level=st.sampled_from(["II", "S-1", "", "9"]),
    aql=st.one_of(st.none(), st.floats(), st.sampled_from([1.0, 2.5, 650.0])),
    severity=st.sampled_from(Severity),
    sample_size=numbers,
    accept=numbers,
    reject=numbers,
)


@given(
    plans=st.lists(plans_used, max_size=4),
    lot_size=numbers,
    sample=numbers,
    units=st.tuples(numbers, numbers, numbers),
    inspected_at=st.integers(-(10**12), 10**13),
)
def test_judging_is_total_and_accepts_only_what_was_shown_to_pass(
    plans: list[PlanUsed], lot_size: int, sample: int, units: tuple[int, int, int], inspected_at: int
) -> None:
    verdict = judge(lot(*plans, lot_size=lot_size, sample=sample, units=units), inspected_at, STANDARD)
    for found in verdict.classes:
        if found.accepted:
            assert found.deciding is not None
            assert found.units <= found.deciding.accept
            assert found.units + max(found.deciding.sample_size - sample, 0) <= found.deciding.accept
            assert sample > 0
        of_class = {plan for plan in plans if plan.nonconformity_class is found.nonconformity_class}
        if len(of_class) > 1 and found.nonconformity_class is not CRITICAL:
            assert found.accepted is None
        assert len(set(found.marks)) == len(found.marks)
    if verdict.accepted:
        assert all(found.accepted for found in verdict.classes)
        assert any(plan.nonconformity_class is not NonconformityClass.UNKNOWN for plan in plans)


def test_every_mark_has_words_in_both_languages() -> None:
    assert set(MARK_WORDS) == set(Mark)
