"""A cooperative's events: what may be said of whom, what a step makes of its matter, and what a member comes to."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.cooperative import rulebook
from tests.unit.test_sdk_light import AT, CENTER

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json
from weftline.contracts.registry import FileRegistry
from weftline.domain import vocabulary
from weftline.domain.cooperative.events import BODIES, CooperativeEvent, Membership
from weftline.domain.cooperative.matters import AFTER_END, APPLIED, OUT_OF_STEP, REPEATED, UNKNOWN_STEP
from weftline.domain.cooperative.members import DESKS, MATTERS, MEMBERS, MemberRules
from weftline.domain.fold import DECLARED_ERRONEOUS, History, Record
from weftline.domain.vocabulary import CooperativeKind, ErrorReason, MembershipStep, SizeClass
from weftline.errors import ContractError

CODEC = Codec(FileRegistry())
OWN = "nantong"


def said(kind: str, body: dict[str, Any], day: int = 1, **more: Any) -> dict[str, Any]:
    told = {"event_id": f"{kind}-{day}-{body.get('step', body.get('grade'))}", "event_time": f"2026-03-{day:02}T09:00:00+08:00"}
    whose = {"source": "https://office.example", "cooperative_id": OWN, "center_id": "station", "factory_id": "f-1"}
    return {"type": "cooperative", **told, **whose, "kind": kind, kind.lower(): body, **more}


def free_test(step: str, day: int, number: str = "T-1", **more: Any) -> dict[str, Any]:
    return said("FUND", {"step": step, "year": 2026, "request_id": number, **more}, day)


def folded(*events: dict[str, Any]) -> tuple[dict[tuple[str, ...], Any], list[str]]:
    """State by table and key, and the judgements in order of event time."""
    records: list[Record[Any]] = []
    for each in events:
        event: Any = from_json(each)
        records.append(Record(event, rank_of(CODEC.encode(event)[FRAMING:], event.error_declaration is not None)))
    outcome = History(records[0].event.owner, lambda: MemberRules(rulebook())).add(records, 0)
    assert not outcome.failures
    facts = sorted(outcome.facts, key=lambda fact: fact.event_time)
    return {(row.table, *row.key): row.values for row in outcome.rows}, [fact.judgement for fact in facts]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (said("FUND", {"step": "BUDGET_SET", "year": 2026, "amount_minor": 1, "currency": "CNY"}), "factory_id: must be the coop"),
        (said("FUND", {"step": "BUDGET_SET", "year": 2026}, factory_id=OWN), "fund.amount_minor: is missing"),
        (said("FUND", {"step": "REQUESTED", "year": 2026}), "fund.request_id: is missing"),
        (said("FUND", {"step": "DONE", "year": 2026, "request_id": "T", "amount_minor": 5}), "fund.currency: is missing"),
        (said("FUND", {"step": "PRICE_SET", "year": 26, "amount_minor": 1, "currency": "CNY"}), "fund.year"),
        (said("MEMBERSHIP", {"step": "JOINED"}, factory_id=OWN), "factory_id: is the cooperative's own id"),
        (said("MEMBERSHIP", {"step": "JOINED"}, cooperative_id="a|b"), r"cooperative_id: must not contain '\|'"),
        (said("MEMBERSHIP", {"step": "JOINED"}) | {"kind": "LISTING"}, "must not be set when kind is LISTING"),
        (said("MEMBERSHIP", {"step": "MARRIED"}), "membership.step"),
    ],
)
def test_what_may_not_be_said(event: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        from_json(event)


def test_every_kind_has_a_body_with_steps() -> None:
    """So that a kind that is added has its matter, its step and its place in the life cycle."""
    assert set(BODIES) == set(CooperativeKind) - {CooperativeKind.UNKNOWN}
    assert set(BODIES.values()) < {*CooperativeEvent.__dataclass_fields__}
    for name in ("MembershipStep", "OfficerStep", "FundStep", "EnforcementStep", "ListingStep", "TrademarkStep"):
        assert next(iter(getattr(vocabulary, name))) == "UNKNOWN"


def test_a_free_test_from_request_to_report() -> None:
    rows, judged = folded(
        free_test("REQUESTED", 1, batches=2),
        free_test("APPROVED", 2, by_exception=True, decided_by="p-7"),
        free_test("APPROVED", 3),
        free_test("DONE", 4, laboratory_id="lab", report_number="r-1", amount_minor=118_400, currency="CNY"),
        free_test("CANCELLED", 5),
    )
    assert judged == [APPLIED, APPLIED, REPEATED, APPLIED, AFTER_END]
    row = rows[MATTERS, "FUND", "T-1"]
    assert (row.step, row.ended, row.batches, row.by_exception, row.report_number) == ("DONE", 1, 2, 1, "r-1")
    assert row.marks == [AFTER_END]
    assert (rows[MEMBERS,].tests_waiting, rows[MEMBERS,].tests_reserved, rows[MEMBERS,].tests_done) == (0, 0, 2)


def own_amount(step: str, day: int, amount_minor: int, **more: Any) -> dict[str, Any]:
    return said("FUND", {"step": step, "year": 2026, "amount_minor": amount_minor, "currency": "CNY", **more}, day, factory_id=OWN)


@pytest.mark.parametrize("budget_day", [1, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_a_price_does_not_overwrite_the_budget(budget_day: int, turned: bool) -> None:
    """Whichever was set first, and in whichever order they arrive."""
    events = [
        own_amount("BUDGET_SET", budget_day, 45_000_000),
        own_amount("PRICE_SET", 2, 59_200),
        own_amount("PRICE_SET", 2, 62_000, product_category="towel") | {"event_id": "towel"},
    ]
    rows, judged = folded(*(reversed(events) if turned else events))
    assert judged == [APPLIED] * 3
    found = {key[2]: (row.step, row.about, row.amount_minor) for key, row in rows.items() if key[:2] == (MATTERS, "FUND")}
    assert found == {
        "BUDGET_SET/2026": ("BUDGET_SET", "", 45_000_000),
        "PRICE_SET/2026/": ("PRICE_SET", "", 59_200),
        "PRICE_SET/2026/towel": ("PRICE_SET", "towel", 62_000),
    }
    desk = rows[DESKS,]
    assert list(zip(desk.budget_what, desk.budget_category, desk.budget_amount_minor, strict=True)) == [
        ("BUDGET_SET", "", 45_000_000),
        ("PRICE_SET", "", 59_200),
        ("PRICE_SET", "towel", 62_000),
    ]


def test_a_budget_that_is_set_again_is_one_matter() -> None:
    rows, _ = folded(own_amount("BUDGET_SET", 1, 45_000_000), own_amount("BUDGET_SET", 2, 50_000_000))
    row = rows[MATTERS, "FUND", "BUDGET_SET/2026"]
    assert (row.amount_minor, row.events) == (50_000_000, 2)


@pytest.mark.parametrize("turned", [False, True])
def test_two_authorities_may_grade_one_year(turned: bool) -> None:
    """Neither overwrites the other; the member shows the last year's grade that was told last, whichever letter that is."""
    grades = [
        said("OFFICIAL_GRADE", {"grade": grade, "year": 2025, "issuer": issuer}, day, event_id=issuer)
        for day, grade, issuer in ((1, "C", "city"), (2, "A", "province"))
    ]
    rows, judged = folded(*(reversed(grades) if turned else grades))
    assert judged == [APPLIED, APPLIED]
    found = {key[2]: (row.step, row.about) for key, row in rows.items() if key[:2] == (MATTERS, "OFFICIAL_GRADE")}
    assert found == {"2025/city": ("C", "city"), "2025/province": ("A", "province")}
    assert (rows[MEMBERS,].official_grade, rows[MEMBERS,].official_grade_year) == ("A", 2025)


@pytest.mark.parametrize("back", ["CANCELLED", "REFUSED"])
def test_what_is_not_tested_is_given_back(back: str) -> None:
    before, _ = folded(free_test("REQUESTED", 1), free_test("APPROVED", 2))
    after, _ = folded(free_test("REQUESTED", 1), free_test("APPROVED", 2), free_test(back, 3))
    assert (before[MEMBERS,].tests_reserved, after[MEMBERS,].tests_reserved, after[MEMBERS,].tests_done) == (1, 0, 0)


def test_a_step_applies_where_the_one_before_was_not_told() -> None:
    rows, judged = folded(said("LISTING", {"step": "DECIDED", "listing_id": "b", "list": "BLACK", "decided_by": "p-1"}))
    assert judged == [OUT_OF_STEP]
    assert rows[MEMBERS,].black_listed == 1
    assert rows[MEMBERS,].marks == [OUT_OF_STEP]


def test_an_appeal_suspends_an_entry_until_it_is_upheld() -> None:
    steps = ["PROPOSED", "DECIDED", "APPEALED", "UPHELD", "LIFTED"]
    told = [
        said("LISTING", {"step": step, "listing_id": "b", "list": "BLACK", "decided_by": "p-1"}, day)
        for day, step in enumerate(steps, 1)
    ]
    found = [folded(*told[: day + 1])[0][MEMBERS,].black_listed for day in range(len(told))]
    assert found == [0, 1, 0, 1, 0]


def test_a_decision_of_nobody_lists_nobody() -> None:
    rows, _ = folded(said("LISTING", {"step": "DECIDED", "listing_id": "b", "list": "BLACK"}))
    assert rows[MEMBERS,].black_listed == 0


def test_a_spot_check_alone_lists_nobody() -> None:
    rows, _ = folded(said("ENFORCEMENT", {"step": "CHECK_FAILED", "case_id": "k", "indicators": ["ph"]}))
    assert (rows[MEMBERS,].open_cases, rows[MEMBERS,].black_listed) == (1, 0)


def test_an_unknown_step_moves_nothing() -> None:
    rows, judged = folded(said("MEMBERSHIP", {"step": "JOINED"}), said("MEMBERSHIP", {"step": "UNKNOWN", "size_class": "LARGE"}, 2))
    assert judged == [APPLIED, UNKNOWN_STEP]
    assert (rows[MEMBERS,].membership, rows[MEMBERS,].size_class) == ("JOINED", "")


def test_who_left_may_join_again() -> None:
    rows, judged = folded(*(said("MEMBERSHIP", {"step": step}, day) for day, step in enumerate(["JOINED", "LEFT", "JOINED"], 1)))
    assert judged == [APPLIED] * 3
    assert rows[MEMBERS,].membership == "JOINED"


def test_of_one_day_the_life_cycle_decides() -> None:
    day = {"event_time": "2026-03-01"}
    pledge = said("MEMBERSHIP", {"step": "PLEDGE_SIGNED"}) | day | {"event_id": "a", "event_time_zone_offset": "+08:00"}
    joined = said("MEMBERSHIP", {"step": "JOINED"}) | day | {"event_id": "b", "event_time_zone_offset": "+08:00"}
    rows, judged = folded(pledge, joined)
    assert judged == [APPLIED, APPLIED]
    assert rows[MEMBERS,].membership == "PLEDGE_SIGNED"


def test_a_step_that_is_declared_erroneous_did_not_happen() -> None:
    left = said("MEMBERSHIP", {"step": "LEFT"}, 5)
    declared = {**left, "error_declaration": {"declaration_time": "2026-03-09T09:00:00+08:00", "reason": "DID_NOT_OCCUR"}}
    rows, judged = folded(said("MEMBERSHIP", {"step": "JOINED"}), left, declared)
    assert judged == [APPLIED, DECLARED_ERRONEOUS]
    assert rows[MEMBERS,].membership == "JOINED"
    assert rows[MEMBERS,].left_at is None


def test_the_same_factory_in_two_cooperatives_is_two_members() -> None:
    one, other = (from_json(said("MEMBERSHIP", {"step": "JOINED"}, cooperative_id=name)) for name in ("a", "b"))
    assert isinstance(one, CooperativeEvent)
    assert isinstance(other, CooperativeEvent)
    assert (one.owner, other.owner) == ("a|f-1", "b|f-1")


def test_a_step_as_the_sdk_says_it() -> None:
    body = Membership(step=MembershipStep.JOINED, size_class=SizeClass.SMALL)
    event = CENTER.cooperative(kind="MEMBERSHIP", body=body, factory_id="f-1", event_time=AT)
    assert isinstance(event, CooperativeEvent)
    assert event.membership == body
    again: AnyEvent = CENTER.cooperative(
        kind="MEMBERSHIP", body={"step": "JOINED", "size_class": "SMALL"}, factory_id="f-1", event_time=AT
    )
    assert again == event
    declared = CENTER.declare_erroneous(event, ErrorReason.DID_NOT_OCCUR, declaration_time=AT)
    assert declared.error_declaration is not None
    with pytest.raises(ContractError, match=r"membership\.size_clas"):
        CENTER.cooperative(kind="MEMBERSHIP", body={"step": "JOINED", "size_clas": "SMALL"}, factory_id="f-1", event_time=AT)
    with pytest.raises(ContractError, match="kind: UNKNOWN has no body"):
        CENTER.cooperative(kind="UNKNOWN", body=body, factory_id="f-1", event_time=AT)
