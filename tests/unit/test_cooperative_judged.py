"""What a cooperative takes from stored records is what the tables of the other kinds say of them; and the commands that ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cooperative import event, history, in_canonical_order, midnight, rulebook, story
from tests.support.examples import REPORT, verified_report
from tests.support.strategies import AS_OF, EVENTS
from typer.testing import CliRunner

from weftline.cli import app
from weftline.commands.cooperative import changes, explained, explanation
from weftline.contracts.codec import Codec
from weftline.contracts.kinds import BY_PROCESSOR
from weftline.contracts.registry import open_registry
from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain.cooperative.history import EventRef
from weftline.domain.cooperative.judged import history_of
from weftline.domain.cooperative.member import judge_member
from weftline.domain.cooperative.what_if import difference
from weftline.domain.events import InspectionEvent
from weftline.domain.fold import History, Record
from weftline.domain.inspections import InspectionRules
from weftline.domain.rows.inspections import ReportRow
from weftline.errors import UserError
from weftline.processors.member_records import MemberRecords, members, read_members

STANDARDS, SAMPLING = load_standards(), load_sampling_standard()
CODEC = Codec(open_registry(None))
STORY = story("05-safety-cannot-be-outweighed.yaml")


@st.composite
def of_a_factory(draw: st.DrawFn) -> list[Record[InspectionEvent]]:
    """Inspection records of one factory, some of them under one identity."""
    found = draw(st.lists(EVENTS["inspections"], min_size=1, max_size=10))
    ranks = draw(st.lists(st.integers(1, 1 << 40), min_size=len(found), max_size=len(found), unique=True))
    return [Record(one, rank) for one, rank in zip(found, ranks, strict=True) if one.owner == found[0].owner]


@given(of_a_factory(), st.randoms(use_true_random=False))
def test_reports_say_what_the_table_of_reports_says(records: list[Record[InspectionEvent]], random: Any) -> None:
    fold = History(records[0].event.owner, lambda: InspectionRules(STANDARDS, SAMPLING))
    fold.add(records, AS_OF)
    rows = {row.key: row.values for row in fold.rows(AS_OF).rows if row.table == "report_state"}
    random.shuffle(records)
    told = {one.report: one for one in history_of((), records, STANDARDS).inspections}
    for key, row in rows.items():
        assert isinstance(row, ReportRow)
        one = told.get(key)  # type: ignore[call-overload]
        assert (one is not None) == (row.verified_at is not None and row.verdict != "")
        if one is not None:
            assert (one.withdrawn_at is None) == bool(row.counted)
            assert (one.verdict, list(one.failing), one.tested_at) == (row.verdict, row.failed_indicators, row.tested_at)
            assert (one.purpose, one.payer, one.whole) == (row.purpose, row.payer, row.scope == "FULL")
            assert set(one.safety) <= set(one.failing)


class _Stored:
    """A reader of ClickHouse that holds these records."""

    def __init__(self, events: Sequence[Any]) -> None:
        self._events = events

    def __enter__(self) -> _Stored:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def clock(self) -> Callable[[], int]:
        return lambda: midnight(STORY["expect"][0]["as_of"])

    def rows(self, statement: str, parameters: Any = None, *, binary: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        owners = (parameters or {}).get("owners")
        table = next(kind.records for kind in BY_PROCESSOR.values() if f" {kind.records} " in statement)
        if owners is None:
            return sorted({(one.owner,) for one in self._events})
        if table != BY_PROCESSOR["cooperative"].records:
            return []
        topic = BY_PROCESSOR["cooperative"].topic
        return [(one.owner, CODEC.accept(topic, CODEC.encode(one)).value) for one in self._events if one.owner in owners]


def test_stored_records_tell_the_history_that_was_sent() -> None:
    sent = [event(written) for written in STORY["events"]]
    reader: Any = _Stored(sent)
    named = members(reader, "haimen")
    assert named == [("haimen", "f-1")]
    assert members(reader, factory_id="f-2") == []
    (found,) = read_members(reader, CODEC, named)
    assert found.history(STANDARDS).events == in_canonical_order(sent)
    early = midnight(STORY["events"][1]["at"])
    assert [one.event_id for one in found.history(STANDARDS, early).events] == ["joined", "pledge"]


def test_what_if_an_event_had_never_been() -> None:
    reader: Any = _Stored([event(written) for written in STORY["events"]])
    (found,) = read_members(reader, CODEC, [("haimen", "f-1")])
    book, time = rulebook().of("haimen"), midnight(STORY["expect"][0]["as_of"])
    before = judge_member(found.history(STANDARDS), book, time)
    without = found.without([EventRef("test", "pledge"), EventRef("test", "iso")])
    changed = difference(before, judge_member(without.history(STANDARDS), book, time))
    # 60 + 4 pledge + 4 chief officer + 6 certificate; without two of them 64.
    assert [str(score) for score in changed.score] == ["74", "64"]
    assert [grade.code for grade in changed.grade] == ["good", "fair"]
    lines = list(changes(changed))
    assert "  score   74 -> 64, grade good -> fair" in lines
    assert any(line.startswith("  -       +4  It signed the pledge [pledged, proposal]") for line in lines)


def test_an_event_that_nobody_sent_is_named() -> None:
    nothing = MemberRecords("haimen", "f-1")
    with pytest.raises(UserError, match="f-1 has no event test e9"):
        nothing.without([EventRef("test", "e9")])


def test_a_report_is_named_by_its_laboratory_and_number_as_an_explanation_names_it() -> None:
    told = [Record(one, 1) for name in ("r-1", "r-2") for one in verified_report("f-1", name, AS_OF, ())]
    found = MemberRecords("haimen", "f-1", (), told)
    laboratory = REPORT.laboratory_report.laboratory_id
    left = found.without([EventRef(laboratory, "r-1")])
    assert [one.event.event_id for one in left.inspections] == ["r-2", "r-2-v"], "content and verification go together"
    with pytest.raises(UserError, match="f-1 has no event lab-of-nobody r-1"):
        found.without([EventRef("lab-of-nobody", "r-1")])


def test_an_explanation_names_rule_evidence_and_what_is_a_proposal() -> None:
    told, time = history(STORY), midnight(STORY["expect"][1]["as_of"])
    judged = judge_member(told, rulebook().of("haimen"), time)
    lines = list(explanation("f-1", judged))
    assert lines[0] == "f-1  49 points, watch (警), as of 2026-06-30 00:00+0800"
    assert "     -20  A safety item failed [safety_failed, proposal]" in lines
    assert lines[lines.index("     -20  A safety item failed [safety_failed, proposal]") + 1].strip() == "report a 1"
    assert "the cooperative's own lists: on none" in lines
    said = explained("f-1", judged, None)
    assert json.loads(json.dumps(said))["points"][0]["source"] == "proposal of this project"
    assert sum(float(point["points"]) for point in said["points"]) == float(said["score"]) == 49


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands read the events of the story."""
    events = [event(written) for written in STORY["events"]]
    monkeypatch.setattr("weftline.processors.member_asking.reader", lambda settings: _Stored(events))


def ask(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("stored")
def test_the_commands_answer_from_stored_records() -> None:
    said = json.loads(ask("credit", "explain", "f-1", "--json", "--without", "test", "pledge", "iso"))
    assert (said["score"], said["without"]["score"]) == ("74", ["74", "64"])
    assert said["points"][1]["evidence"] == [["test", "pledge"]]
    assert "  score   74 -> 64, grade good -> fair" in ask("credit", "explain", "f-1", "--without", "test", "pledge", "iso")
    # When it had only joined: 60 points, and 4 for the pledge of the day after.
    assert json.loads(ask("credit", "explain", "f-1", "--json", "--as-of", "2020-01-03T00:00:00+08:00"))["score"] == "64"
    plan = json.loads(ask("fund", "plan", "--json", "--year", "2026"))
    assert (plan["members"], plan["quota"], plan["next"][0]["factory_id"]) == (1, 3, "f-1")
    # A large member, not new, not weak: only that nobody tested it speaks for it.
    assert [reason["rule"] for reason in plan["next"][0]["reasons"]] == ["next_untested"]


@pytest.mark.usefixtures("stored")
def test_the_year_of_the_fund_is_the_one_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # In UTC it is 2025 for eight hours more; and no event names the year, so that only who asks does.
    monkeypatch.setattr(_Stored, "clock", lambda self: lambda: midnight(date(2026, 1, 1)))
    plan = json.loads(ask("fund", "plan", "--json"))
    assert plan == json.loads(ask("fund", "plan", "--json", "--year", "2026"))
    assert (plan["year"], plan["quota"]) == (2026, 3)
    left = json.loads(ask("members", "fund", "--json"))
    assert (left["year"], left["members"][0]["fund"][0]["left"]) == (2026, 3)


@pytest.mark.usefixtures("stored")
def test_the_questions_of_an_officer_are_answered_of_all_members() -> None:
    def asked(*command: str) -> Any:
        said = json.loads(ask("members", *command, "--json"))
        return said.get("work") or said["members"][0]

    assert asked("fund", "--year", "2020")["fund"][0]["left"] == 4  # three, and one as a new member
    assert asked("grades")["credit"]["grade"] == "good"
    assert asked("grades", "--as-of", "2020-01-03T00:00:00+08:00")["credit"]["grade"] == "fair"
    gate = asked("trademark")["trademark"]
    failing = [one["rule"] for one in gate["conditions"] if not one["met"]]
    assert (gate["eligible"], gate["place"], gate["within"]) == (False, 1, False)
    assert failing == ["mark_tests", "mark_pass_share"]
    assert all(one["cure_en"] for one in gate["conditions"] if one["rule"] in failing)
    assert json.loads(ask("members", "lists", "--json"))["members"] == []
    # As of a day is as of its end, on the cooperative's clock.
    assert json.loads(ask("members", "lists", "--json", "--as-of", "2020-01-02"))["as_of"] == midnight(date(2020, 1, 3)) - 1
    assert [one["done"] for one in asked("unifications")["rows"]] == [0, 0, 1, 1, 0, 1]
    for command in ("fund", "grades", "lists", "trademark", "unifications", "work"):
        ask("members", command)
    assert "cure: Ask for free tests, and pass them" in ask("members", "trademark")
    # Whoever reads figures is told of when they are and by whose rules, and sees which of them are proposals.
    assert "by edition 2026-11 of Rules of a quality cooperative (proposal of this project)" in ask("members", "grades")
    assert "One more for a new member [quota_new, proposal] 1" in ask("members", "fund", "--year", "2020")


def test_an_officer_sees_that_the_budget_comes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = {"step": "BUDGET_SET", "year": 2026, "amount_minor": 100_000, "currency": "CNY"}
    own = replace(event({"id": "budget", "at": date(2026, 1, 1), "fund": budget}), factory_id="haimen")
    asked_for = {"step": "REQUESTED", "year": 2026, "request_id": "r1", "amount_minor": 85_000, "currency": "CNY"}
    test = event({"id": "r1", "at": date(2026, 3, 1), "fund": asked_for})
    events = [*(event(written) for written in STORY["events"]), own, test]
    monkeypatch.setattr("weftline.processors.member_asking.reader", lambda settings: _Stored(events))
    monkeypatch.setattr(_Stored, "clock", lambda self: lambda: midnight(date(2026, 4, 1)))
    plan = json.loads(ask("fund", "plan", "--json"))
    assert (plan["used_share"], plan["reached"]["rule"], plan["reached"]["confidence"]) == (
        "0.8500",
        "budget_nearly_used",
        "unconfirmed",
    )
    assert (plan["reached"]["since"], plan["pace"]["days"], plan["ends_at"]) == (midnight(date(2026, 3, 1)), 90, None)
    lines = ask("fund", "plan")
    assert "85.0% of the budget, with what is reserved; since 2026-03-01" in lines
    assert "it lasts for the year [budget_pace, proposal]" in lines
    whole = [one for one in json.loads(ask("members", "work", "--json"))["work"] if one["task"] == "BUDGET"]
    assert [(one["factory_id"], one["desk"], one["about"], one["rule"]["confidence"]) for one in whole] == [
        ("haimen", "OFFICER", "2026 budget_nearly_used", "unconfirmed")
    ]
    assert "decide who still tests (unconfirmed)" in ask("members", "work", "--desk", "officer")
    for nobodys in (("--desk", "member"), ("--factory", "f-1"), ("--as-of", "2026-02-28T00:00:00+08:00")):
        assert "BUDGET" not in ask("members", "work", *nobodys)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["credit", "explain", "f-1", "--without", "test"], "--without wants a source and the ids of its events"),
        (["credit", "explain", "f-1", "pledge"], "--without wants a source and the ids of its events"),
        (["credit", "explain", "f-1", "--without", "test", "e9"], "f-1 has no event test e9"),
        (["credit", "explain", "nobody"], "there is no event of any member nobody"),
        (["fund", "plan", "--cooperative", "elsewhere"], "there is no event of any member of cooperative elsewhere"),
    ],
)
def test_what_nobody_can_answer_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
