"""The outbox under any sequence of repeats, crashes, answers and requests, on a real file; and quieting: what of it a person reads.

A crash is what it is for the file: the connection is gone without a word, and whoever comes next opens it again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.notifying import alert, receiver

from weftline.contracts.mapping import from_json
from weftline.domain.vocabulary import AlertRule, AlertStatus
from weftline.errors import UserError
from weftline.notify.delivery import DAY_SECONDS, OFF_AFTER_SECONDS, Answer, Verdict
from weftline.notify.outbox import KEPT_SECONDS, OFF, Outbox, message_of
from weftline.notify.quieting import SETTLE_SECONDS, Told, Waiting, plan

PROGRAM, OTHER, GROUP = receiver("erp"), receiver("other", factory_id="f-2"), receiver("group", kind="wecom")
DELIVERED, LATER = Answer(Verdict.DELIVERED, "HTTP 200"), Answer(Verdict.LATER, "HTTP 500")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    found = Outbox(tmp_path / "outbox.db")
    found.know([PROGRAM, OTHER, GROUP])
    yield found
    found.close()


def due(box: Outbox, now: float, name: str = "erp") -> list[tuple[str, int]]:
    return [row.key for row in box.due(name, now, 100)[0]]


def attempt(box: Outbox, key: tuple[str, int], answer: Answer, now: float, name: str = "erp") -> None:
    assert box.begin(name, [key], now) == [key]
    box.finish(name, [key], answer, now, lambda: 0.5)


# -- Any sequence


@dataclass
class World:
    """A log that is read again and again from what was committed, an outbox on disk, and a receiver that remembers."""

    path: Path
    log: list[Any]
    box: Outbox = field(init=False)
    committed: int = 0
    read: int = 0
    now: float = 0.0
    arrived: list[tuple[str, int, str]] = field(default_factory=list)
    asked: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.box = Outbox(self.path)
        self.box.know([PROGRAM])
        self.read = self.committed

    def take(self) -> None:
        if self.read < len(self.log):
            self.box.receive([self.log[self.read]], [PROGRAM], self.now)
            self.read += 1

    def send(self, answer: str) -> None:
        """``lost``: it arrives, and nobody learns that; ``unsent``: the program dies after it wrote down that it will."""
        rows, at = self.box.due("erp", self.now, 1)
        if not rows:
            self.now = max(self.now, at or 0.0)
            return
        (row,) = rows
        assert self.box.begin("erp", [row.key], self.now) == [row.key]
        self.asked.setdefault(row.alert_id, []).append(row.revision)
        if answer in ("ok", "lost"):
            self.arrived.append((*row.key, row.body))
        if answer in ("lost", "unsent"):
            self.crash()
            return
        verdict = {"ok": Verdict.DELIVERED, "fail": Verdict.LATER, "refused": Verdict.REFUSED, "gone": Verdict.GONE}[answer]
        self.box.finish("erp", [row.key], Answer(verdict, answer), self.now, lambda: 0.5)

    def crash(self) -> None:
        self.box.close()
        self.open()


REVISIONS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.integers(1, 4), st.sampled_from([*AlertStatus][1:]), st.sampled_from([None, "a", "b"])
    ),
    min_size=1,
    max_size=10,
)
STEPS = st.lists(
    st.sampled_from(["take", "take", "commit", "crash", "resend", "day", "ok", "fail", "lost", "unsent", "refused", "gone"]),
    max_size=60,
)


@settings(max_examples=150)
@example(
    [("a", 1, AlertStatus.RAISED, None), ("a", 2, AlertStatus.UPDATED, None)], ["take", "take", "refused", "ok", "resend", "ok"]
)
@given(REVISIONS, STEPS)
def test_every_revision_arrives_or_is_parked_or_superseded_in_order_and_with_one_content(
    log: list[tuple[str, int, AlertStatus, str | None]], steps: list[str]
) -> None:
    said = {}
    for name, revision, status, replaces in log:  # one revision says one thing
        one = alert(name, revision, status=status, replaces=None if replaces == name else replaces)
        said.setdefault((name, revision), one)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "outbox.db", [said[name, revision] for name, revision, _, _ in log])
        try:
            for step in steps:
                match step:
                    case "take":
                        world.take()
                    case "commit":
                        world.committed = world.read
                    case "crash":
                        world.crash()
                    case "resend":
                        world.box.resend(None, None, world.now)
                    case "day":
                        world.now += DAY_SECONDS
                    case _:
                        world.send(step)
            # All is well from now on.
            while world.read < len(world.log):
                world.take()
            world.box.resend("erp", None, world.now)
            for _ in range(200):
                world.send("ok")
            rows = {row.key: row for row in world.box.rows(receiver="erp")}
        finally:
            world.box.close()
    assert rows.keys() == said.keys()
    contents: dict[tuple[str, int], str] = {}
    for name, revision, body in world.arrived:
        assert contents.setdefault((name, revision), body) == body
        assert from_json(message_of(body)) == said[name, revision]
    for key, row in rows.items():
        assert row.state in ("sent", "superseded"), "nothing waits, and what was parked was sent again"
        assert row.state != "sent" or key in contents
    for revisions in world.asked.values():
        assert revisions == sorted(revisions), "in order per alert"
    for name in {name for name, _ in said}:
        greatest = max(revision for of, revision in said if of == name)
        assert rows[name, greatest].state == "sent", "the last word is always told"


# -- One by one


def test_a_repeat_is_the_same_key_and_the_first_content_stays(box: Outbox) -> None:
    assert box.receive([alert()], [PROGRAM, OTHER], 1.0) == {"erp"}
    assert box.receive([alert(text_zh="另一个")], [PROGRAM, OTHER], 2.0) == set()
    ((row,), _) = box.due("erp", 2.0, 10)
    assert from_json(message_of(row.body)) == alert()


def test_a_revision_waits_for_the_earlier_ones_and_for_nobody_elses(box: Outbox) -> None:
    box.receive([alert("a", 1), alert("a", 2), alert("b", 1)], [PROGRAM], 0.0)
    assert due(box, 0.0) == [("a", 1), ("b", 1)]
    attempt(box, ("a", 1), LATER, 0.0)
    assert due(box, 0.0) == [("b", 1)]
    assert box.begin("erp", [("a", 2)], 0.0) == []
    attempt(box, ("a", 1), DELIVERED, 10.0)
    assert due(box, 10.0) == [("a", 2), ("b", 1)]


def test_an_older_revision_that_comes_later_is_not_told(box: Outbox) -> None:
    box.receive([alert("a", 5)], [PROGRAM], 0.0)
    box.receive([alert("a", 3)], [PROGRAM], 0.0)
    assert [(row.revision, row.state) for row in box.rows()] == [(3, "superseded"), (5, "waiting")]


def test_an_end_waits_for_what_takes_its_place(box: Outbox) -> None:
    box.receive([alert("new", 1, replaces="old"), alert("old", 2, status=AlertStatus.WITHDRAWN)], [PROGRAM], 0.0)
    assert due(box, 0.0) == [("new", 1)]
    attempt(box, ("new", 1), DELIVERED, 0.0)
    assert due(box, 0.0) == [("old", 2)]


def test_what_is_urgent_goes_first(box: Outbox) -> None:
    box.receive([alert(f"a-{number}") for number in range(5)], [PROGRAM], 0.0)
    box.receive([alert("fire", critical=True)], [PROGRAM], 1.0)
    assert [row.alert_id for row in box.due("erp", 1.0, 2)[0]] == ["fire", "a-0"]


def test_after_a_day_it_is_parked_and_sent_again_on_request(box: Outbox) -> None:
    box.receive([alert()], [PROGRAM], 0.0)
    now = 0.0
    while not (parked := box.rows("parked")):
        now = max(now, box.due("erp", now, 1)[1] or 0.0)
        attempt(box, ("a-1", 1), LATER, now)
    assert now < DAY_SECONDS
    assert parked[0].attempts > 10
    assert box.resend("erp", None, now) == (1, 0)
    attempt(box, ("a-1", 1), DELIVERED, now)
    assert box.resend("erp", None, now) == (0, 0)
    assert box.resend("erp", "a-1", now) == (1, 0), "who names it is sent it again"


def test_a_message_that_was_refused_begins_no_window(box: Outbox) -> None:
    box.receive([alert("a"), alert("b")], [GROUP], 0.0)
    cause = waiting("a").cause
    attempt(box, ("a", 1), Answer(Verdict.REFUSED, "no"), 5.0, "group")
    assert box.last_of_causes("group", [cause]) == {}
    attempt(box, ("b", 1), DELIVERED, 6.0, "group")
    assert box.last_of_causes("group", [cause]) == {cause: 6.0}


def test_of_an_alert_of_which_more_was_said_since_nothing_old_is_sent_again(box: Outbox) -> None:
    box.receive([alert("a", 1), alert("a", 2)], [PROGRAM], 0.0)
    attempt(box, ("a", 1), Answer(Verdict.REFUSED, "no"), 0.0)
    attempt(box, ("a", 2), DELIVERED, 0.0)
    assert box.resend(None, "a", 1.0) == (0, 1)
    assert [(row.revision, row.state) for row in box.rows()] == [(2, "sent"), (1, "superseded")]


def test_an_endpoint_that_is_off_is_sent_nothing_until_somebody_asks(box: Outbox) -> None:
    box.receive([alert("a"), alert("b")], [PROGRAM], 0.0)
    attempt(box, ("a", 1), Answer(Verdict.GONE, "HTTP 410"), 0.0)
    box.receive([alert("c", critical=True)], [PROGRAM], 1.0)
    assert {row.alert_id: row.state for row in box.rows()} == dict.fromkeys("abc", "parked")
    assert box.rows()[0].answer == OFF
    assert box.endpoints()["erp"].off
    assert due(box, 9e9) == []
    assert box.resend("erp", None, 2.0) == (3, 0)
    assert not box.endpoints()["erp"].off
    assert due(box, 2.0)[0] == ("c", 1)


def test_days_of_failures_switch_off_and_another_address_on(box: Outbox) -> None:
    for number in range(30):
        now = number * OFF_AFTER_SECONDS / 24
        box.receive([alert(f"a-{number}")], [PROGRAM], now)
        if not box.endpoints()["erp"].off:
            attempt(box, (f"a-{number}", 1), LATER, now)
    assert "nothing but failures for 5 days" in box.endpoints()["erp"].why
    box.know([PROGRAM])
    assert box.endpoints()["erp"].off
    box.know([receiver("erp", "https://new.example/")])
    assert not box.endpoints()["erp"].off


def test_what_arrived_while_another_answer_switched_off_is_sent(box: Outbox) -> None:
    box.receive([alert("a"), alert("b")], [PROGRAM], 0.0)
    assert len(box.begin("erp", [("a", 1)], 0.0) + box.begin("erp", [("b", 1)], 0.0)) == 2
    box.finish("erp", [("a", 1)], Answer(Verdict.GONE, "HTTP 410"), 0.0, lambda: 0.5)
    box.finish("erp", [("b", 1)], DELIVERED, 0.0, lambda: 0.5)
    assert {row.alert_id: row.state for row in box.rows()} == {"a": "parked", "b": "sent"}


def test_a_receiver_that_left_the_file_keeps_what_it_was_not_told(box: Outbox) -> None:
    box.receive([alert()], [PROGRAM], 0.0)
    box.know([OTHER])
    assert [(row.state, row.answer) for row in box.rows()] == [("parked", "no receiver of this name is in the file")]


def test_what_is_old_is_forgotten_but_not_what_is_parked(box: Outbox) -> None:
    box.receive([alert("a"), alert("b"), alert("c")], [PROGRAM], 0.0)
    attempt(box, ("a", 1), DELIVERED, 0.0)
    attempt(box, ("b", 1), Answer(Verdict.REFUSED, "no"), 0.0)
    assert box.forget(KEPT_SECONDS + 1) == 1
    assert {row.alert_id: row.state for row in box.rows()} == {"b": "parked", "c": "waiting"}
    assert box.due("erp", 9e9, 10)[0][0].body


def test_a_file_of_a_newer_version_or_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_text("no database, and more than a page of it" * 200, "utf-8")
    with pytest.raises(UserError, match="cannot be used"):
        Outbox(tmp_path / "outbox.db")
    newer = Outbox(tmp_path / "newer.db")
    newer._db.execute("PRAGMA user_version = 9")
    newer.close()
    with pytest.raises(UserError, match="newer version"):
        Outbox(tmp_path / "newer.db")


# -- Quieting


def waiting(
    name: str, revision: int = 1, arrived: float = 0.0, attempts: int = 0, next_at: float | None = None, **changes: Any
) -> Waiting:
    return Waiting(alert(name, revision, **changes), arrived, arrived if next_at is None else next_at, attempts)


def told_now(rows: list[Waiting], now: float, told: dict[str, Told] | None = None, last: float | None = None) -> list[list[str]]:
    causes = {} if last is None else {rows[0].cause: last}
    return [[row.alert.alert_id for row in message] for message in plan(rows, told or {}, causes, 600.0, now).now]


def test_many_of_one_cause_are_one_message_and_a_safety_alert_is_its_own_at_once() -> None:
    rows = [waiting("a"), waiting("fire", critical=True), waiting("b", arrived=5), waiting("spark", critical=True, arrived=6)]
    assert told_now(rows, 6.0) == [["fire"], ["spark"]]
    assert told_now(rows, SETTLE_SECONDS) == [["fire"], ["spark"], ["a", "b"]]
    quiet = [rows[0], rows[2]]
    assert told_now(quiet, 599.0, last=0.0) == []
    assert told_now(quiet, 600.0, last=0.0) == [["a", "b"]]


def test_another_factory_and_another_rule_are_another_cause_but_one_late_lorry_is_one() -> None:
    rows = [waiting("a"), waiting("b", factory_id="f-2"), waiting("c", rule=AlertRule.THREE_FAILURES_IN_A_ROW)]
    assert len(told_now(rows, 100.0)) == 3
    late = {"rule": AlertRule.SHIPMENT_OVERDUE}
    assert told_now([waiting("a", **late), waiting("b", factory_id="f-2", **late)], 100.0) == [["a", "b"]]


def test_the_last_revision_is_told_and_what_says_nothing_new_is_not() -> None:
    raised, same, other = waiting("a", 1), waiting("a", 2, status=AlertStatus.UPDATED), waiting("a", 3, text_zh="别的")
    assert told_now([raised, same, other], 100.0) == [["a"]]
    assert [key for key, _ in plan([raised, same, other], {}, {}, 600.0, 100.0).superseded] == [("a", 1), ("a", 2)]
    known = {"a": Told(raised.alert, surely=True)}
    assert plan([same], known, {}, 600.0, 100.0).superseded[0][0] == ("a", 2)
    assert plan([same], {"a": Told(raised.alert, surely=False)}, {}, 600.0, 100.0).now, "nobody knows whether it was read"
    assert plan([other], known, {}, 600.0, 100.0).now


def test_the_end_of_what_was_never_told_is_not_told_either() -> None:
    end = waiting("a", 2, status=AlertStatus.WITHDRAWN)
    assert plan([waiting("a", 1), end], {}, {}, 600.0, 100.0).now == ()
    assert plan([end], {"a": Told(alert("a"), surely=False)}, {}, 600.0, 100.0).now == ((end,),)
    fire, out = waiting("a", 1, critical=True), waiting("a", 2, critical=True, status=AlertStatus.WITHDRAWN)
    assert plan([fire, out], {}, {}, 600.0, 0.0).now == ((fire,),), "of a safety alert every revision is told, in order"


def test_what_becomes_a_safety_alert_does_not_wait_for_what_it_was_before(box: Outbox) -> None:
    held, grave, after = waiting("a", 1), waiting("a", 2, critical=True, arrived=1.0), waiting("a", 3, arrived=2.0)
    planned = plan([held, grave, after], {}, {held.cause: 0.0}, 600.0, 2.0)
    assert planned.now == ((grave,),)
    assert [key for key, _ in planned.superseded] == [("a", 1)]
    box.receive([alert("b"), alert("a", 1), alert("a", 2, critical=True)], [PROGRAM], 0.0)
    assert due(box, 0.0) == [("a", 1), ("b", 1)], "a program is sent both, before all else"


def test_an_end_is_told_with_its_successor_or_after_it() -> None:
    new, old = (
        waiting("new", replaces="old", critical=True, next_at=50.0, attempts=1),
        waiting("old", 2, status=AlertStatus.WITHDRAWN),
    )
    known = {"old": Told(alert("old"), surely=True)}
    assert told_now([new, old], 30.0, known) == []
    assert told_now([new, old], 50.0, known) == [["new"]]
    together = [waiting("new", replaces="old"), old]
    assert told_now(together, 30.0, known) == [["new", "old"]]


ANY = st.builds(
    lambda name, revision, critical, status, arrived, attempts, factory: waiting(
        name, revision, arrived, attempts, critical=critical == (name in "ab"), status=status, factory_id=factory
    ),
    *(st.sampled_from("abcdef"), st.integers(1, 3), st.just(True), st.sampled_from([*AlertStatus][1:])),
    *(st.floats(0, 100), st.integers(0, 2), st.sampled_from(["f-1", "f-2"])),
)


@given(st.lists(ANY, max_size=12, unique_by=lambda row: row.key), st.floats(0, 2000), st.floats(0, 1000))
def test_whatever_waits_safety_is_never_held_dropped_or_put_together_and_nothing_is_forgotten(
    rows: list[Waiting], now: float, last: float
) -> None:
    rows = sorted(rows, key=lambda row: row.arrived_at)
    causes = {row.cause: last for row in rows}
    planned = plan(rows, {}, causes, 600.0, now)
    safety = {row.key for row in rows if row.alert.alert_id in "ab"}
    assert not safety & {key for key, _ in planned.superseded}
    for message in planned.now:
        assert len(message) == 1 or not safety & {row.key for row in message}
    first = {min(key for key in safety if key[0] == name) for name in {name for name, _ in safety}}
    ready = {row.key for row in rows if row.key in first and row.next_at <= now}
    assert ready == {row.key for message in planned.now for row in message} & safety
    # Told now or left out or waiting for a time that comes: with time, all of it is gone.
    left = {row.key for row in rows}
    for _ in range(100):
        step = plan([row for row in rows if row.key in left], {}, causes, 600.0, now + 10_000)
        left -= {key for key, _ in step.superseded} | {row.key for message in step.now for row in message}
    assert not left
