"""Alerts that nobody acknowledges: who is called and when, through restarts, in any order of alert and reply, and once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.notifying import alert, receiver, speech

from weftline.domain.events import AlertReply, ErrorDeclaration
from weftline.domain.vocabulary import AlertStatus, ErrorReason, ReplyKind
from weftline.errors import UserError
from weftline.notify import notices
from weftline.notify.outbox import KEPT_SECONDS, Outbox, message_of
from weftline.notify.receivers_file import load_receivers

FIRST = receiver("first", escalates_to="second", after_minutes=30)
SECOND = receiver("second", kind="wecom", escalations_only=True, escalates_to="office", after_minutes=60)
OFFICE = receiver("office", kind="dingtalk", factory_id=None, cooperative_id="haimen")
ALL = [FIRST, SECOND, OFFICE]
MINUTE = 60.0


def reply(kind: ReplyKind = ReplyKind.ACKNOWLEDGE, name: str = "a-1", event_id: str = "r-1", **more: Any) -> AlertReply:
    own = {"source": "urn:f-1", "event_id": event_id, "event_time": 1, "event_time_zone_offset": "+08:00", "center_id": "c-1"}
    return AlertReply(
        **{**own, "cooperative_id": "haimen", "factory_id": "f-1", "reply": kind, "alert_id": name, "replied_by": "厂长", **more}
    )


def declared(event: AlertReply) -> AlertReply:
    return replace(event, error_declaration=ErrorDeclaration(2, ErrorReason.DID_NOT_OCCUR, ()))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    found = Outbox(tmp_path / "outbox.db")
    found.know(ALL)
    yield found
    found.close()


def called(box: Outbox, name: str) -> list[dict[str, Any]]:
    """Messages of our own that wait for a receiver."""
    return [body for row in box.all_waiting(name, 100) if (body := message_of(row.body))["type"] in notices.TYPES]


def test_nobody_answers_and_one_after_the_other_is_called(box: Outbox) -> None:
    assert box.receive([alert()], ALL, 0.0) == {"first", "office"}, "the second contact is told of escalations alone"
    assert box.escalate(ALL, 30 * MINUTE - 1) == set()
    assert box.escalate(ALL, 30 * MINUTE) == {"second"}
    assert box.escalate(ALL, 30 * MINUTE) == set(), "once"
    assert box.escalate(ALL, 90 * MINUTE - 1) == set()
    assert box.escalate(ALL, 90 * MINUTE) == {"office"}
    ((second,), (office,)) = called(box, "second"), called(box, "office")
    assert (second["from"], second["after_minutes"], second["alerts"][0]["alert_id"]) == ("first", 30, "a-1")
    assert office["from"] == "second", "also who was told of the alert itself reads that nobody answered"


@pytest.mark.parametrize("kind", [ReplyKind.ACKNOWLEDGE, ReplyKind.CLOSE])
@pytest.mark.parametrize("before", [True, False], ids=["before the alert", "after it"])
def test_who_answers_ends_it_whichever_comes_first(box: Outbox, kind: ReplyKind, before: bool) -> None:
    if before:
        box.replies([reply(kind)], {0: 1}, 0.0)
    box.receive([alert()], ALL, 0.0)
    if not before:
        box.replies([reply(kind)], {0: 1}, 29 * MINUTE)
    assert box.escalate(ALL, 1000 * MINUTE) == set()


@pytest.mark.parametrize(
    "other",
    [
        reply(supplier_id="s-1"),
        reply(name="a-2"),
        reply(ReplyKind.DECLINE, reason="no"),
        reply(ReplyKind.BLOCK, lot_ids=("l",), problem_id="p"),
    ],
    ids=["a supplier", "another alert", "no edge", "about lots"],
)
def test_what_acknowledges_nothing(box: Outbox, other: AlertReply) -> None:
    box.receive([alert()], ALL, 0.0)
    box.replies([other], {0: 1}, 0.0)
    assert box.escalate(ALL, 30 * MINUTE) == {"second"}


@given(st.permutations(["alert", "reply", "declaration"]), st.booleans())
def test_an_acknowledgement_that_was_none_leaves_the_timer_running(tmp_path_factory: Any, order: list[str], looked: bool) -> None:
    box = Outbox(tmp_path_factory.mktemp("box") / "outbox.db")
    for step in order:
        if step == "alert":
            box.receive([alert()], ALL, 0.0)
        else:
            box.replies([reply() if step == "reply" else declared(reply())], {0: 1}, 0.0)
        if looked and step != order[-1] and "reply" in order[: order.index(step) + 1]:
            box.escalate(ALL, 29 * MINUTE)
    assert box.escalate(ALL, 30 * MINUTE) == {"second"}
    box.close()


def test_a_timer_ended_by_an_answer_that_was_none_goes_on(box: Outbox) -> None:
    box.receive([alert()], ALL, 0.0)
    box.replies([reply()], {0: 1}, 0.0)
    assert box.escalate(ALL, 30 * MINUTE) == set()
    box.replies([declared(reply())], {0: 2}, 31 * MINUTE)
    assert box.escalate(ALL, 32 * MINUTE) == {"second"}


def test_timers_and_places_survive_a_restart(box: Outbox, tmp_path: Path) -> None:
    box.receive([alert("a-1"), alert("a-2")], ALL, 0.0)
    box.replies([reply()], {3: 17}, 0.0)
    again = Outbox(tmp_path / "outbox.db")
    assert again.reply_places == {3: 17}
    assert again.escalate(ALL, 30 * MINUTE) == {"second"}
    (said,) = called(again, "second")
    assert [one["alert_id"] for one in said["alerts"]] == ["a-2"]
    assert box.escalate(ALL, 30 * MINUTE) == set(), "what another process has told is told"
    again.close()


def test_a_repeat_from_the_log_starts_no_second_timer(box: Outbox) -> None:
    box.receive([alert()], ALL, 0.0)
    box.receive([alert(), alert(revision=2, status=AlertStatus.UPDATED)], ALL, 29 * MINUTE)
    assert box.escalate(ALL, 30 * MINUTE) == {"second"}
    box.receive([alert()], ALL, 31 * MINUTE)
    assert box.escalate(ALL, 80 * MINUTE) == set()
    assert called(box, "second")[0]["alerts"][0]["revision"] == 2, "what stands now is told"


def test_whoever_was_called_is_told_that_it_is_over(box: Outbox) -> None:
    for name in ("a-1", "a-2", "a-3"):
        box.receive([alert(name, critical=True)], ALL, 0.0)
    box.escalate(ALL, 30 * MINUTE)
    assert len(called(box, "second")) == 3, "of a safety alert each is a message of its own"
    box.replies([reply()], {0: 1}, 31 * MINUTE)
    box.receive([alert("a-2", 2, critical=True, status=AlertStatus.WITHDRAWN)], ALL, 31 * MINUTE)
    assert box.escalate(ALL, 32 * MINUTE) == {"second"}
    over = {body["alerts"][0]["alert_id"]: body for body in called(box, "second") if body["type"] == notices.ESCALATION_OVER}
    assert {name: body["why"] for name, body in over.items()} == {"a-1": "acknowledged", "a-2": "withdrawn"}
    assert box.escalate(ALL, 90 * MINUTE) == {"office"}
    assert [body["alerts"][0]["alert_id"] for body in called(box, "office")] == ["a-3"]


def test_what_was_withdrawn_in_time_calls_nobody(box: Outbox) -> None:
    box.receive([alert()], ALL, 0.0)
    box.receive([alert(revision=2, status=AlertStatus.WITHDRAWN)], ALL, 5 * MINUTE)
    assert box.escalate(ALL, 30 * MINUTE) == set()


def test_a_flood_is_one_call_and_the_next_waits_for_the_window_but_no_safety_alert_does(box: Outbox) -> None:
    box.receive([alert(f"a-{n}") for n in range(40)], ALL, 0.0)
    box.receive([alert("later")], ALL, MINUTE)
    box.receive([alert("grave", critical=True)], ALL, MINUTE)
    assert box.escalate(ALL, 30 * MINUTE) == {"second"}
    (flood,) = called(box, "second")
    assert len(flood["alerts"]) == 40
    box.escalate(ALL, 31 * MINUTE)
    assert [[one["alert_id"] for one in body["alerts"]] for body in called(box, "second")[1:]] == [["grave"]]
    box.escalate(ALL, 40 * MINUTE)
    assert [one["alert_id"] for one in called(box, "second")[-1]["alerts"]] == ["later"]


def test_who_is_not_in_the_file_any_more_is_not_called(box: Outbox) -> None:
    box.receive([alert()], ALL, 0.0)
    assert box.escalate([FIRST, OFFICE], 30 * MINUTE) == set()


def test_what_is_old_is_forgotten(box: Outbox) -> None:
    box.receive([alert()], ALL, 0.0)
    box.replies([reply()], {0: 1}, 0.0)
    box.forget(KEPT_SECONDS + 31 * MINUTE)
    box.replies([declared(reply())], {0: 2}, 0.0)
    assert box.escalate(ALL, KEPT_SECONDS + 31 * MINUTE) == set()


@pytest.mark.parametrize("zh", [True, False])
def test_a_person_reads_why_he_is_called(box: Outbox, zh: bool) -> None:
    box.receive([alert(critical=True)], ALL, 0.0)
    box.escalate(ALL, 30 * MINUTE)
    box.replies([reply()], {0: 1}, 31 * MINUTE)
    box.escalate(ALL, 31 * MINUTE)
    said = [notices.said(body, speech(replace(SECOND, zh=zh, keyword="预警"))) for body in called(box, "second")]
    assert [one.title.split()[1] for one in said] == (
        ["【升级】无人确认", "【升级结束】"] if zh else ["[Escalated]", "[Escalation"]
    )
    assert ("30 分钟内无人确认" if zh else "nobody acknowledged within 30 minutes") in said[0].lines[0]
    assert "厂长" in said[1].lines[0]
    assert all("L-7" in " ".join(one.lines) and one.link.endswith("/alert/a-1") for one in said)


HEAD = "receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: S}, all: true, %s}\n"
SECRET = {"S": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("escalates_to: nobody", "nobody is no receiver of this file"),
        ("escalates_to: r", "r call one another without end"),
        ("after_minutes: 5", "escalates_to does not say to whom"),
        ("escalates_to: r, after_minutes: 0", "must be a whole number from 1 to 10080"),
    ],
)
def test_what_is_wrong_with_an_escalation(tmp_path: Path, said: str, fault: str) -> None:
    file = tmp_path / "receivers.yaml"
    file.write_text(HEAD % said, "utf-8")
    with pytest.raises(UserError, match=fault):
        load_receivers(file, SECRET)
