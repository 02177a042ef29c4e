"""Webhooks of partners beside the receivers of the file: served while they stand, closed when removed, known without ClickHouse."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.support.gateway import FakeTables
from tests.support.notifying import Running, alert, delivering, receiver, until
from tests.support.receiving import receiving

from weftline.contracts.partners import Partner, Role, Token, checked
from weftline.contracts.webhooks import OVERLAP_MS, Bound, Registered, Secrets, Told
from weftline.errors import DependencyDown, UserError
from weftline.notify.outbox import Outbox
from weftline.notify.receivers import Receiver
from weftline.notify.registered import Following, Rules, party_of, rules_of
from weftline.notify.registrations import REMOVED, SHUT_OUT
from weftline.runtime.settings import Settings
from weftline.warehouse import webhooks as tables
from weftline.warehouse.webhooks import Registry

SECRETS = Secrets("a key of these tests, which is long enough")
RULES = Rules(SECRETS, allow_private=True)
FACTORY = checked(Partner(partner_id="f-1", role=Role.FACTORY, factories=("f-1",)))
DAY = OVERLAP_MS / 1000


def bound(url: str = "https://erp.example/hook", name: str = "wh_1", partner: Partner = FACTORY, **changes: Any) -> Bound:
    plain: dict[str, Any] = {
        "severities": (),
        "rules": (),
        "generation": 1,
        "key_id": SECRETS.key_id,
        "made_at": 1,
        "rotated_at": None,
    }
    kept = Registered(webhook_id=name, partner_id=partner.partner_id, url=url, removed=False, changed_at=1, **{**plain, **changes})
    return Bound(kept, partner, None)


@dataclass
class Held:
    """A registry that holds what it is given; ``down``: it does not answer."""

    found: list[Bound] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    down: bool = False

    async def registered(self) -> list[Bound]:
        if self.down:
            raise DependencyDown("clickhouse", "it is away")
        return list(self.found)

    async def tell(self, told: Iterable[Told], now: int) -> None:
        self.told += told

    async def close(self) -> None:
        """It holds nothing open."""

    def states(self) -> dict[tuple[str, str], str]:
        """As the table has them, of each delivery the last."""
        return {(one.webhook_id, one.alert_id): one.state for one in self.told}


class Looking:
    """What follows a registry beside a dispatcher that runs, at a time of the test's own."""

    def __init__(self, running: Running, held: Held, own: list[Receiver] | None = None) -> None:
        self.now = 1_000.0
        self.running = running
        found = running.outbox.registrations()
        self.following = Following(held, RULES, running.dispatcher, own or [], found, clock=lambda: self.now)

    def look(self) -> None:
        self._within(self.following.look())

    def give(self, *alerts: Any) -> None:
        running = self.running
        running.dispatcher.wake(running.outbox.receive(alerts, running.dispatcher.receivers, self.now))

    def _within(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.running._loop).result(60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notify" / "outbox.db"


def states(running: Running) -> dict[tuple[str, str], str]:
    return {(row.receiver, row.alert_id): row.state for row in running.outbox.rows()}


# -- While it runs


def test_what_is_registered_while_it_runs_is_told_beside_those_of_the_file(path: Path) -> None:
    held = Held()
    with receiving() as ours, receiving() as theirs:
        own = receiver("file", ours.url)
        with delivering(path, [own]) as running:
            looking = Looking(running, held, [own])
            looking.give(alert("before"))
            ours.wait_for(lambda got: len(got) == 1)
            held.found.append(bound(theirs.url))
            looking.look()
            looking.give(alert("a-1"), alert("foreign", factory_id="f-2"))
            (got,) = theirs.wait_for(lambda got: len(got) == 1)
            ours.wait_for(lambda got: len(got) == 2)
            assert got.json["alert_id"] == "a-1"
            Webhook(SECRETS.of("wh_1", 1)).verify(got.body, got.headers)
            until(lambda: states(running).get(("wh_1", "a-1")) == "sent")
            looking.look()
            assert held.states() == {("wh_1", "a-1"): "sent"}, "the partner reads his own, and nothing of the file's"
            assert held.told[-1].answer == "HTTP 200"


def test_a_rotated_secret_signs_beside_the_former_one_for_a_day(path: Path) -> None:
    held = Held()
    with receiving() as theirs, delivering(path, []) as running:
        held.found = [bound(theirs.url)]
        looking = Looking(running, held)
        looking.look()
        held.found = [bound(theirs.url, generation=2, rotated_at=int(looking.now * 1000))]
        looking.look()
        looking.give(alert("a-1"))
        (first,) = theirs.wait_for(lambda got: len(got) == 1)
        for generation in (1, 2):
            Webhook(SECRETS.of("wh_1", generation)).verify(first.body, first.headers)
        held.down, looking.now = True, looking.now + DAY
        looking.look()  # the day is over by the clock alone
        looking.give(alert("a-2"))
        second = theirs.wait_for(lambda got: len(got) == 2)[1]
        Webhook(SECRETS.of("wh_1", 2)).verify(second.body, second.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRETS.of("wh_1", 1)).verify(second.body, second.headers)


def test_what_waits_for_one_that_is_removed_is_closed_and_nothing_more_is_sent(path: Path) -> None:
    held = Held()
    with receiving() as theirs, receiving() as other, delivering(path, [], chance=lambda: 1.0) as running:
        theirs.reply = lambda got: (500, {}, b"")
        held.found = [bound(theirs.url), bound(other.url, "wh_2")]
        looking = Looking(running, held)
        looking.look()
        looking.give(alert("a-1"))
        until(lambda: [row.answer for row in running.outbox.rows(receiver="wh_1")] == ["HTTP 500"])
        del held.found[0]
        looking.look()
        (row,) = running.outbox.rows(receiver="wh_1")
        assert (row.state, row.answer) == ("superseded", f"{REMOVED}; before: HTTP 500")
        assert held.states()["wh_1", "a-1"] == "superseded"
        looking.give(alert("a-2"))
        other.wait_for(lambda got: len(got) == 2)
        assert len(theirs.got) == 1
        assert {row.alert_id for row in running.outbox.rows(receiver="wh_1")} == {"a-1"}
        assert [one.id for one in running.dispatcher.receivers] == ["wh_2"]


def test_what_is_in_flight_when_it_is_removed_ends_and_its_answer_changes_nothing(path: Path) -> None:
    held = Held()
    with receiving() as theirs, delivering(path, []) as running:
        theirs.reply = theirs.hang
        held.found = [bound(theirs.url)]
        looking = Looking(running, held)
        looking.look()
        looking.give(alert("a-1"))
        theirs.wait_for(lambda got: len(got) == 1)
        held.found.clear()
        looking.look()
        theirs.released.set()
        until(lambda: not running.dispatcher._leaving)
        assert states(running) == {("wh_1", "a-1"): "superseded"}


@pytest.mark.parametrize("shut", ["disabled", "expired"])
def test_a_partner_who_is_not_let_in_is_told_nothing(path: Path, shut: str) -> None:
    held = Held()
    with receiving() as theirs, delivering(path, [], chance=lambda: 1.0) as running:
        theirs.reply = lambda got: (500, {}, b"")
        held.found = [bound(theirs.url)]
        looking = Looking(running, held)
        looking.look()
        looking.give(alert("a-1"))
        theirs.wait_for(lambda got: len(got) == 1)
        until(lambda: running.outbox.rows()[0].answer == "HTTP 500")
        held.found = [
            held.found[0]._replace(partner=replace(FACTORY, disabled=True))
            if shut == "disabled"
            else held.found[0]._replace(ends_at=int(looking.now * 1000))
        ]
        looking.look()
        looking.give(alert("a-2"))
        assert running.dispatcher.receivers == ()
        (row,) = running.outbox.rows()
        assert (row.alert_id, row.state, row.answer.partition(";")[0]) == ("a-1", "parked", SHUT_OUT)
        held.found = [bound(theirs.url)]
        looking.look()
        theirs.reply = lambda got: (200, {}, b"")
        looking.give(alert("a-3"))
        assert theirs.wait_for(lambda got: len(got) == 2)[1].json["alert_id"] == "a-3"


def test_what_comes_for_one_that_was_removed_a_moment_ago_is_closed_at_the_next_look(path: Path) -> None:
    """The thread that reads alerts may have asked for the receivers just before."""
    held = Held([bound()])
    with delivering(path, []) as running:
        looking = Looking(running, held)
        looking.look()
        before = running.dispatcher.receivers
        held.found.clear()
        looking.look()
        running.outbox.receive([alert("late")], before, looking.now)
        looking.look()
        assert states(running) == {("wh_1", "late"): "parked"}


# -- Without ClickHouse


def test_it_begins_and_goes_on_with_what_it_knew(path: Path) -> None:
    held = Held()
    with receiving() as theirs:
        held.found = [bound(theirs.url, severities=("CRITICAL",), rules=("SAFETY_LIMIT_FAILED",))]
        with delivering(path, []) as running:
            Looking(running, held).look()
        held.down = True
        with delivering(path, []) as running:
            looking = Looking(running, held)
            looking.look()
            assert "away" in looking.following.fault
            looking.give(alert("minor"), alert("grave", critical=True))
            (got,) = theirs.wait_for(lambda got: len(got) == 1)
            assert got.json["alert_id"] == "grave"
            until(lambda: states(running) == {("wh_1", "grave"): "sent"})
            assert held.told == []
            held.down = False
            looking.look()
            assert held.states() == {("wh_1", "grave"): "sent"}, "what could not be told waits"
            assert looking.following.fault == ""
            looking.look()
            assert len(held.told) == len(set(held.told)), "and is told once"


def test_what_changes_while_it_is_told_is_told_again(path: Path) -> None:
    box = Outbox(path)
    box.keep_registrations([bound()])
    (one,) = RULES.receivers(box.registrations(), 0)
    assert one == RULES.receivers([bound()], 0)[0], "what is kept is what was read"
    box.receive([alert("a-1"), alert("a-2")], [one], 1.0)
    last, rows = box.untold(1)
    assert [(row.alert_id, row.state) for row in rows] == [("a-1", "waiting")]
    box.begin("wh_1", [("a-1", 1)], 2.0)
    box.told_to_partners(last)
    last, rows = box.untold(10)
    assert [(row.alert_id, row.attempts) for row in rows] == [("a-2", 0), ("a-1", 1)]
    box.told_to_partners(last)
    assert box.untold(10) == (0, [])
    box.close()


def test_an_outbox_of_before_is_taken_over(path: Path) -> None:
    before = Outbox(path)
    before.receive([alert("a-1")], [receiver("file")], 1.0)
    for what in ("TRIGGER arrived", "TRIGGER went_on", "TABLE untold", "TABLE registrations"):
        before._db.execute(f"DROP {what}")
    before._db.execute("PRAGMA user_version = 2")
    before.close()
    box = Outbox(path)
    assert [row.alert_id for row in box.rows()] == ["a-1"]
    box.keep_registrations([bound()])
    box.receive([alert("a-2")], RULES.receivers(box.registrations(), 0), 2.0)
    assert [row.alert_id for row in box.untold(10)[1]] == ["a-2"]
    box.close()


# -- What it is made of


def test_a_receiver_is_the_party_that_its_partner_is() -> None:
    several = checked(Partner(partner_id="s", role=Role.FACTORY, factories=("f-1", "f-2")))
    beginning = checked(Partner(partner_id="b", role=Role.FACTORY, factories=("f-*",)))
    operator = Partner(partner_id="o", role=Role.OPERATOR)
    officer = checked(Partner(partner_id="q", role=Role.OFFICER, cooperatives=("haimen",)))
    assert [party_of(one) for one in (FACTORY, officer, operator)] == [
        ("f-1", None, None),
        (None, "haimen", None),
        (None, None, None),
    ]
    made = {one.partner_id: RULES.receivers([bound(partner=one)], 0)[0] for one in (FACTORY, several, beginning, operator)}
    assert made["f-1"].party == receiver("file").party
    assert made["o"].party == receiver("file", factory_id=None).party
    assert made["s"].party == ("s",), "it is no operator"
    other = alert(factory_id="f-2").each[0]
    assert [name for name, one in made.items() if one.wants(other)] == ["s", "b", "o"]
    assert [name for name, one in made.items() if one.wants(alert(factory_id="g-1").each[0])] == ["o"]


def test_without_a_key_none_are_served() -> None:
    given: Any = {"_env_file": None, "webhooks": "public"}
    with pytest.raises(UserError, match="WEFTLINE_LINK_KEY is needed"):
        rules_of(Settings(**given))
    found = rules_of(Settings(**given, link_key=SecretStr("k" * 32)))
    assert found is not None
    assert not found.receivers([bound()], 0)[0].allow_private
    assert found.stale([bound()]) == ["wh_1"]
    assert rules_of(Settings(_env_file=None)) is None  # type: ignore[call-arg]


def test_the_registry_reads_who_is_let_in_and_no_hash() -> None:
    kept = bound().webhook
    source = FakeTables(
        [FACTORY], [Token(partner_id="f-1", token_id=f"t-{end}", digest="d", made_at=1, expires_at=end) for end in (5, 9)]
    )
    registry = Registry(source)

    async def found() -> list[Bound]:
        await tables.put(source, kept)
        await tables.put(source, replace(kept, webhook_id="wh_2", partner_id="nobody"))
        return await registry.registered()

    assert asyncio.run(found()) == [Bound(kept, FACTORY, 9)]
    assert [one.let_in(at) for one in asyncio.run(registry.registered()) for at in (8, 9)] == [True, False]
    asyncio.run(registry.tell([Told("wh_1", "a", 1, "sent", 1, 1, 2, None, "HTTP 200")], 3))
    assert source.inserted[-1][1][-1] == [3]
