"""Rules of answers: edges, tiers of suppliers, and lots under several problems; event after event."""

from __future__ import annotations

from typing import Any

import pytest

from weftline.domain.answers import EDGES, AnswerState, Side
from weftline.domain.events import AlertReply
from weftline.domain.fold import History, Record
from weftline.domain.replies import ReplyRules
from weftline.domain.rows.replies import AnswerRow, BlockRow
from weftline.domain.vocabulary import AlertSeverity, Precision, ReplyKind

K, S = ReplyKind, AnswerState
HOUR = 3_600_000
START = 1_767_225_600_000


class Factory:
    """Says one thing after the other, an hour apart, and shows what stands."""

    def __init__(self) -> None:
        self._history: History[AlertReply] = History("f1", ReplyRules)
        self._said = 0
        self.marks: list[str] = []

    def say(self, kind: ReplyKind, alert_id: str | None = "a1", **more: Any) -> str:
        own: dict[str, Any] = {"source": "s", "event_id": f"e{self._said}", "event_time": START + self._said * HOUR}
        whose = {"event_time_zone_offset": "+00:00", "cooperative_id": "coop", "center_id": "c1", "factory_id": "f1"}
        event = AlertReply(**{**own, **whose, "reply": kind, "alert_id": alert_id, **more})
        self._said += 1
        outcome = self._history.add([Record(event, self._said)], START)
        assert not outcome.failures
        (fact,) = [fact for fact in outcome.facts if fact.event_id == event.event_id]
        assert fact.counts == (fact.judgement == "applied")
        self.marks.append(fact.judgement)
        return fact.judgement

    def rows(self) -> dict[tuple[str, ...], Any]:
        return {row.key: row.values for row in self._history.rows(START).rows}

    def answer(self, receiver: str = "f1", alert_id: str = "a1") -> AnswerRow:
        found = self.rows()[alert_id, receiver]
        assert isinstance(found, AnswerRow)
        return found

    def lot(self, name: str) -> BlockRow:
        found = self.rows()[(name,)]
        assert isinstance(found, BlockRow)
        return found


@pytest.fixture
def factory() -> Factory:
    return Factory()


def test_the_edges_are_the_eleven_of_trace_x() -> None:
    edges = {(state, to) for state, ways in EDGES.items() for to in ways.values()}
    assert edges == {
        *((S.CREATED, S.SENT), (S.CREATED, S.CANCELED), (S.SENT, S.ACKNOWLEDGED), (S.SENT, S.CLOSED)),
        *((S.RECEIVED, S.ACKNOWLEDGED), (S.RECEIVED, S.CLOSED), (S.ACKNOWLEDGED, S.ACCEPTED), (S.ACKNOWLEDGED, S.DECLINED)),
        *((S.ACKNOWLEDGED, S.CLOSED), (S.ACCEPTED, S.CLOSED), (S.DECLINED, S.CLOSED)),
    }
    receiver = {S.RECEIVED, S.ACKNOWLEDGED, S.ACCEPTED, S.DECLINED}
    assert {state for state in S if state.side is Side.RECEIVER} == receiver


def test_an_alert_is_answered(factory: Factory) -> None:
    assert factory.say(K.ACCEPT) == "no_edge"
    assert factory.say(K.ACKNOWLEDGE, severity=AlertSeverity.MAJOR, target_at=START + 99 * HOUR, replied_by="mei") == "applied"
    assert factory.say(K.ACKNOWLEDGE) == "no_edge"
    assert factory.say(K.DECLINE, reason="not ours", replied_by="li") == "applied"
    assert factory.say(K.ACCEPT) == "no_edge", "declined is decided"
    assert factory.answer().state == "DECLINED"
    assert factory.say(K.CLOSE, replied_by="office") == "applied"
    assert factory.say(K.CLOSE) == "no_edge"
    row = factory.answer()
    assert (row.state, row.severity, row.target_at, row.reason) == ("CLOSED", "MAJOR", START + 99 * HOUR, "not ours")
    assert (row.acknowledged_by, row.decided_by, row.ended_by) == ("mei", "li", "office")
    assert (row.acknowledged_at, row.decided_at, row.ended_at) == (START + HOUR, START + 3 * HOUR, START + 5 * HOUR)
    assert (row.replies, row.marks, row.last_reply_at) == (3, ["no_edge"], START + 5 * HOUR)


def test_a_target_by_date_ends_with_its_day(factory: Factory) -> None:
    factory.say(K.ACKNOWLEDGE, precision=Precision.DAY, event_time=START, target_at=START + 24 * HOUR)
    assert factory.answer().target_at == START + 48 * HOUR - 1


def test_each_tier_answers_for_itself(factory: Factory) -> None:
    assert factory.say(K.ACKNOWLEDGE, supplier_id="s1") == "not_forwarded"
    assert factory.say(K.FORWARD, supplier_id="s1") == "applied"
    assert factory.say(K.FORWARD, supplier_id="s2", forwarded_by="s1") == "not_forwarded", "it was not sent to him yet"
    assert factory.say(K.ACKNOWLEDGE, supplier_id="s1") == "no_edge"
    assert factory.say(K.SEND, supplier_id="s1") == "applied"
    assert factory.say(K.FORWARD, supplier_id="s1") == "no_edge", "he has it"
    assert factory.say(K.FORWARD, supplier_id="s2", forwarded_by="s1") == "applied"
    assert factory.say(K.SEND, supplier_id="s2") == "applied"
    assert factory.say(K.ACKNOWLEDGE, supplier_id="s2") == "applied"
    first, second = factory.answer("s1"), factory.answer("s2")
    assert (first.state, first.tier, first.sender_id) == ("SENT", 1, "f1")
    assert (second.state, second.tier, second.sender_id) == ("ACKNOWLEDGED", 2, "s1")


def test_what_was_taken_back_before_it_was_sent_may_be_forwarded_anew(factory: Factory) -> None:
    for kind in (K.FORWARD, K.CANCEL, K.FORWARD, K.SEND):
        assert factory.say(kind, supplier_id="s1") == "applied"
    assert factory.say(K.CANCEL, supplier_id="s1") == "no_edge"
    assert factory.answer("s1").state == "SENT"
    factory.say(K.CLOSE)
    assert factory.say(K.FORWARD, supplier_id="s2") == "no_edge", "what is closed is handed on no more"


def test_a_lot_is_free_when_the_last_problem_is_lifted(factory: Factory) -> None:
    assert factory.say(K.BLOCK, lot_ids=("l1", "l2"), problem_id="p1", reason="azo", severity=AlertSeverity.CRITICAL) == "applied"
    assert factory.say(K.BLOCK, None, lot_ids=("l1",), problem_id="p2", target_at=START + 50 * HOUR) == "applied"
    assert factory.say(K.BLOCK, None, lot_ids=("l1",), problem_id="p2") == "no_edge"
    assert factory.answer().open_problems == ["p1"]
    row = factory.lot("l1")
    assert (row.problem_ids, row.problem_reasons, row.alert_ids) == (["p1", "p2"], ["azo", ""], ["a1"])
    assert (row.severity, row.target_at, row.blocked_since) == ("CRITICAL", START + 50 * HOUR, START)
    assert factory.say(K.LIFT, None, problem_id="p1") == "applied"
    assert factory.answer().open_problems == []
    assert (factory.lot("l1").blocked, factory.lot("l2").blocked) == (1, 0)
    assert factory.say(K.LIFT, None, problem_id="p1") == "no_edge"
    assert factory.say(K.LIFT, None, lot_ids=("l1",), problem_id="p2") == "applied"
    row = factory.lot("l1")
    assert (row.blocked, row.problem_ids, row.lifted_ids, row.blocked_since) == (0, [], ["p1", "p2"], None)
    assert factory.say(K.BLOCK, None, lot_ids=("l1",), problem_id="p1") == "applied", "a lift can be taken back"
    assert factory.lot("l1").problem_ids == ["p1"]


def test_a_problem_is_extended_and_answered_by_the_other_side(factory: Factory) -> None:
    assert factory.say(K.EXTEND, None, lot_ids=("l2",), problem_id="p1") == "no_such_problem"
    assert factory.say(K.FEEDBACK, None, problem_id="p1", counterpart_problem_id="q") == "no_such_problem"
    factory.say(K.BLOCK, lot_ids=("l1",), problem_id="p1")
    assert factory.say(K.EXTEND, None, lot_ids=("l2",), problem_id="p1") == "applied"
    assert factory.say(K.EXTEND, None, problem_id="p1", target_at=START + 70 * HOUR) == "applied"
    assert factory.say(K.FEEDBACK, None, problem_id="p1", counterpart_problem_id="q-2") == "applied"
    assert factory.say(K.FEEDBACK, None, problem_id="p1", counterpart_problem_id="q-1") == "applied"
    for lot in ("l1", "l2"):
        row = factory.lot(lot)
        assert (row.problem_ids, row.counterpart_ids, row.target_at) == (["p1"], ["q-1,q-2"], START + 70 * HOUR)
    factory.say(K.LIFT, None, problem_id="p1")
    assert factory.say(K.EXTEND, None, lot_ids=("l3",), problem_id="p1") == "no_edge"


def test_a_reply_that_this_version_does_not_know_changes_nothing(factory: Factory) -> None:
    assert factory.say(K.UNKNOWN) == "unknown_reply"
    assert factory.answer().state == ""
