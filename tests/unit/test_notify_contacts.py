"""Contacts of the reference data: who is called of a factory without steps in the file, on which day, and who never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.notifying import AT, SECRET, alert, delivering, receiver, until
from tests.unit.test_notify_escalations import called, declared, reply

from weftline.contracts.reference import Contact
from weftline.domain.vocabulary import AlertSeverity, AlertStatus
from weftline.errors import DependencyDown, UserError
from weftline.notify.contacts import Following, calls_on, day_of
from weftline.notify.outbox import KEPT_SECONDS, Outbox
from weftline.notify.receivers import Receiver
from weftline.notify.receivers_file import load_receivers

GROUP = receiver("group")
CHIEF = receiver("chief", kind="wecom", escalations_only=True)
OFFICE = receiver("office", kind="dingtalk", factory_id=None, cooperative_id="haimen", escalations_only=True)
RIVAL = receiver("rival", factory_id="f-2")
ALL = [GROUP, CHIEF, OFFICE, RIVAL]
NOW = AT / 1000
TODAY = day_of(NOW)
MINUTE, WAIT = 60.0, 45


def contact(which: str, reached_by: str, since: date = TODAY, name: str = "", **party: str) -> Contact:
    return Contact(**(party or {"factory_id": "f-1"}), contact=which, valid_from=since, receiver=reached_by, name=name, source="s")


THREE = [
    contact("first", "group", name="质量主管"),
    contact("second", "chief", name="厂长"),
    contact("first", "office", cooperative_id="haimen"),
]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    found = Outbox(tmp_path / "outbox.db")
    found.know(ALL)
    yield found
    found.close()


def after(box: Outbox, minutes: float, receivers: Sequence[Receiver] = ALL) -> set[str]:
    return box.escalate(receivers, NOW + minutes * MINUTE, WAIT)


def test_the_second_contact_is_called_and_then_the_cooperative(box: Outbox) -> None:
    box.keep_contacts(THREE)
    assert box.receive([alert()], ALL, NOW, WAIT) == {"group"}
    assert after(box, WAIT - 0.1) == set()
    assert after(box, WAIT) == {"chief"}
    assert after(box, 2 * WAIT - 0.1) == set()
    assert after(box, 2 * WAIT) == {"office"}
    assert after(box, 1_000) == set(), "nobody is behind the cooperative, and nobody is called twice"
    ((chief,), (office,)) = called(box, "chief"), called(box, "office")
    assert (chief["from"], chief["after_minutes"], chief["alerts"][0]["alert_id"]) == ("f-1 质量主管", WAIT, "a-1")
    assert office["from"] == "f-1 厂长", "whose it is stands there: the office is told of all its members' alerts"


@pytest.mark.parametrize("when", ["before the alert", "before the second", "before the cooperative"])
def test_an_acknowledgement_ends_it_whenever_it_comes(box: Outbox, when: str) -> None:
    box.keep_contacts(THREE)
    told = []
    for step in ("before the alert", "before the second", "before the cooperative"):
        if step == when:
            box.replies([reply()], {0: 1}, NOW)
        if step == "before the alert":
            box.receive([alert()], ALL, NOW, WAIT)
        else:
            told.append(after(box, WAIT if step == "before the second" else 2 * WAIT))
    # Whoever was called reads that it is over; the cooperative was not, and is told nothing.
    assert told == ([{"chief"}, {"chief"}] if when == "before the cooperative" else [set(), set()])
    assert called(box, "office") == []


@given(st.permutations(["alert", "reply", "declaration", "contacts"]), st.booleans())
def test_an_acknowledgement_that_was_none_in_any_order(tmp_path_factory: Any, order: list[str], looked: bool) -> None:
    box = Outbox(tmp_path_factory.mktemp("box") / "outbox.db")
    steps = {
        "alert": lambda: box.receive([alert()], ALL, NOW, WAIT),
        "reply": lambda: box.replies([reply()], {0: 1}, NOW),
        "declaration": lambda: box.replies([declared(reply())], {0: 1}, NOW),
        "contacts": lambda: box.keep_contacts(THREE),
    }
    for step in order:
        steps[step]()
        if looked and "reply" in order[: order.index(step) + 1] and step != order[-1]:
            after(box, WAIT - 1)
    assert after(box, WAIT) == {"chief"}
    assert after(box, 2 * WAIT) == {"office"}
    box.close()


def test_a_timer_ended_by_an_answer_that_was_none_goes_on(box: Outbox) -> None:
    box.keep_contacts(THREE)
    box.receive([alert()], ALL, NOW, WAIT)
    box.replies([reply()], {0: 1}, NOW)
    assert after(box, WAIT) == set()
    box.replies([declared(reply())], {0: 2}, NOW)
    assert after(box, WAIT + 1) == {"chief"}


def test_what_is_decided_outlives_a_restart_and_other_contacts(box: Outbox, tmp_path: Path) -> None:
    box.keep_contacts(THREE)
    box.receive([alert()], ALL, NOW, WAIT)
    assert after(box, WAIT) == {"chief"}
    box.close()
    again = Outbox(tmp_path / "outbox.db")
    again.keep_contacts([contact("second", "office"), THREE[2]])
    again.receive([alert(), alert(revision=2, status=AlertStatus.UPDATED)], ALL, NOW + 46 * MINUTE, WAIT)
    assert after(again, WAIT + 2) == set(), "neither a repeat from the log nor a revision begins another call"
    assert [len(called(again, name)) for name in ("chief", "office")] == [1, 0]
    assert after(again, 2 * WAIT) == {"office"}, "the next step goes by who is the contact then"
    assert called(again, "office")[0]["alerts"][0]["revision"] == 2, "what stands now is told"
    again.close()


def test_who_is_the_contact_on_the_day_is_called(box: Outbox) -> None:
    later = date.fromordinal(TODAY.toordinal() + 1)
    box.keep_contacts([*THREE, contact("second", "group", later)])
    box.receive([alert()], ALL, NOW, WAIT)
    box.receive([alert("a-2")], ALL, NOW + 1_440 * MINUTE, WAIT)
    assert after(box, WAIT) == {"chief"}
    assert "group" in after(box, 1_440 + WAIT)
    box.keep_contacts([*THREE, contact("second", "", later), contact("first", "", later, cooperative_id="haimen")])
    box.receive([alert("a-3")], ALL, NOW + 1_500 * MINUTE, WAIT)
    assert after(box, 9_000) == set(), "an entry without a receiver ends the one before"


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("nobody", "no receiver of this id"),
        ("rival", "for factory f-2 alone"),
        ("", ""),
    ],
    ids=["not in the file", "of a competitor", "nobody any more"],
)
def test_where_a_contact_cannot_be_called_the_cooperative_is_at_once_and_it_is_said(box: Outbox, second: str, why: str) -> None:
    contacts = [THREE[0], contact("second", second), THREE[2]]
    box.keep_contacts(contacts)
    box.receive([alert()], ALL, NOW, WAIT)
    assert after(box, WAIT) == {"office"}
    assert called(box, "rival") == []
    said = [str(one) for one in calls_on(contacts, ALL, TODAY) if one.why]
    assert len(said) == bool(why)
    assert all(why in one and "factory f-1, second contact" in one for one in said)


def test_a_first_contact_that_is_told_of_no_alert_is_said() -> None:
    (wrong,) = [one for one in calls_on([contact("first", "chief")], ALL, TODAY) if one.why]
    assert "escalations alone" in wrong.why


def test_a_factory_whose_steps_stand_in_the_file_goes_by_them(box: Outbox) -> None:
    own = [receiver("group", escalates_to="third", after_minutes=5), receiver("third", escalations_only=True), CHIEF, OFFICE]
    box.keep_contacts(THREE)
    box.receive([alert()], own, NOW, WAIT)
    assert after(box, 5, own) == {"third"}
    assert after(box, 500, own) == set()
    assert [one.party for one in calls_on(THREE, own, TODAY)] == ["cooperative"], "other factories may need it"


def test_nobody_is_called_for_what_the_first_contact_does_not_want_to_hear(box: Outbox) -> None:
    grave = [receiver("group", severities=frozenset({AlertSeverity.CRITICAL})), CHIEF, OFFICE]
    box.keep_contacts(THREE)
    box.receive([alert("plain"), alert("grave", critical=True)], grave, NOW, WAIT)
    after(box, WAIT, grave)
    assert [one["alert_id"] for body in called(box, "chief") for one in body["alerts"]] == ["grave"]


def test_an_alert_of_which_nobody_could_be_told_is_called_for_too_and_its_end_is_known(box: Outbox) -> None:
    few = [CHIEF, OFFICE]
    box.keep_contacts(THREE)
    assert box.receive([alert(), alert("gone")], few, NOW, WAIT) == set()
    box.receive([alert("gone", revision=2, status=AlertStatus.WITHDRAWN)], few, NOW, WAIT)
    assert after(box, WAIT, few) == {"chief"}
    assert [one["alert_id"] for one in called(box, "chief")[0]["alerts"]] == ["a-1"]


def test_whoever_was_called_is_told_of_the_end_and_nobody_is_called_after_it(box: Outbox) -> None:
    few = [CHIEF, OFFICE]
    box.keep_contacts(THREE)
    box.receive([alert()], few, NOW, WAIT)
    assert after(box, WAIT, few) == {"chief"}
    box.receive([alert(revision=2, status=AlertStatus.WITHDRAWN)], few, NOW + (WAIT + 1) * MINUTE, WAIT)
    assert after(box, WAIT + 1, few) == {"chief"}
    assert called(box, "chief")[-1]["why"] == "withdrawn"
    assert after(box, 1_000, few) == set()


def test_before_contacts_were_ever_read_nobody_is_passed_over(box: Outbox) -> None:
    box.receive([alert()], ALL, NOW, WAIT)
    assert after(box, 10 * WAIT) == set()
    box.keep_contacts(THREE)
    assert after(box, 10 * WAIT + 1) == {"chief"}


def test_without_contacts_nothing_is_kept_for_a_factory(box: Outbox) -> None:
    box.keep_contacts([])
    assert box.receive([alert(factory_id="f-9", cooperative_id="other")], ALL, NOW, WAIT) == set()
    assert after(box, 10 * WAIT) == set()


def test_what_is_old_is_forgotten(box: Outbox) -> None:
    box.keep_contacts(THREE)
    box.receive([alert()], ALL, NOW, WAIT)
    box.forget(NOW + KEPT_SECONDS + (WAIT + 1) * MINUTE)
    assert after(box, KEPT_SECONDS) == set()


class Held:
    """Contacts in the place of ClickHouse's, and an outbox in the place of the dispatcher."""

    receivers = tuple(ALL)

    def __init__(self, box: Outbox) -> None:
        self.box = box
        self.found: list[Contact] | None = THREE

    async def contacts(self) -> list[Contact]:
        if self.found is None:
            raise DependencyDown("ClickHouse", "it is away")
        return self.found

    async def keep_contacts(self, found: Sequence[Contact]) -> None:
        self.box.keep_contacts(found)

    async def close(self) -> None: ...


def test_the_dispatcher_calls_who_is_the_contact(tmp_path: Path) -> None:
    nearby = [replace(each, address="http://127.0.0.1:9/") for each in ALL]  # where nobody listens: what is asked is who is called
    with delivering(tmp_path / "outbox.db", nearby, clock=lambda: NOW + 2 * WAIT * MINUTE, contact_minutes=WAIT) as running:
        running.outbox.keep_contacts(THREE)
        running.give(alert(), now=NOW)
        until(lambda: any(row.receiver == "chief" for row in running.outbox.rows()))


def test_while_clickhouse_is_away_the_last_contacts_hold_and_who_cannot_be_called_is_said(box: Outbox) -> None:
    held = Held(box)
    following = Following(held, held, lambda: NOW)
    assert following.fault
    asyncio.run(following.look())
    assert (following.fault, following.unreached) == ("", [])
    held.found = [*THREE, contact("second", "nobody", factory_id="f-3")]
    asyncio.run(following.look())
    assert [one.id for one in following.unreached] == ["f-3"]
    held.found = None
    asyncio.run(following.look())
    assert "away" in following.fault
    assert following.looks == 3
    box.receive([alert()], ALL, NOW, WAIT)
    assert after(box, WAIT) == {"chief"}


def test_a_file_says_after_how_long(tmp_path: Path) -> None:
    file = tmp_path / "receivers.yaml"
    body = {"receivers": [], "own_topics": ["f-1"]}
    file.write_text(json.dumps({**body, "contacts_after_minutes": 30}), "utf-8")
    assert load_receivers(file, {"S": SECRET}).contact_minutes == 30
    file.write_text(json.dumps(body), "utf-8")
    assert load_receivers(file, {"S": SECRET}).contact_minutes is None
    file.write_text(json.dumps({**body, "contacts_after_minutes": 0}), "utf-8")
    with pytest.raises(UserError, match="must be a whole number from 1 to 10080"):
        load_receivers(file, {"S": SECRET})
