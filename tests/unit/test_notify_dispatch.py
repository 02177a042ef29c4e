"""The dispatcher against real sockets: 200 receivers of which 20 hang, bots that refuse, secrets that change, an end at any time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from tests.support.notifying import SECRET, alert, delivering, receiver, speech, until
from tests.support.receiving import Bots, Endpoint, Got, receiving

from weftline.contracts.mapping import from_json
from weftline.domain.vocabulary import AlertStatus
from weftline.notify import quieting
from weftline.notify.delivery import OFF_AFTER_FAILURES, OFF_AFTER_SECONDS
from weftline.notify.dispatcher import Dispatcher
from weftline.notify.metrics import NotifyMetrics
from weftline.notify.outbox import Outbox
from weftline.notify.receivers import Receivers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notify" / "outbox.db"


def said(got: Got) -> Any:
    return from_json(got.json)


def key(got: Got) -> tuple[str, int]:
    return got.json["alert_id"], got.json["revision"]


def test_a_program_is_sent_every_revision_signed_and_in_order(path: Path) -> None:
    with receiving() as endpoint, delivering(path, [receiver(address=f"{endpoint.url}/hook")]) as running:
        alerts = [alert(f"a-{number % 7}", number) for number in range(70)]
        for one in alerts:
            running.give(one, now=time.time())
        got = endpoint.wait_for(lambda got: len(got) >= 70)
        assert {key(one): said(one) for one in got} == {(one.alert_id, one.revision): one for one in alerts}
        for name in {one.alert_id for one in alerts}:
            revisions = [key(one)[1] for one in got if key(one)[0] == name]
            assert revisions == sorted(revisions)
        for one in got:
            Webhook(SECRET).verify(one.body, one.headers)
        assert len({one.headers["webhook-id"] for one in got}) == 70
        until(lambda: running.outbox.counts() == {("r", "sent"): 70})


def test_200_receivers_of_which_20_hang_and_20_are_dead_and_nobody_else_waits(path: Path) -> None:
    with receiving() as good, receiving() as bad, receiving() as gone:
        dead = gone.url
        bad.reply = bad.hang
        receivers = [
            receiver(f"r-{number}", f"{bad.url if number < 20 else dead if number < 40 else good.url}/{number}", per_minute=10_000)
            for number in range(200)
        ]
        gone.reply = lambda got: (503, {"Retry-After": "3600"}, b"")
        began = time.monotonic()
        with delivering(path, receivers, answer_seconds=120.0) as running:
            for number in range(5):
                running.give(alert(f"a-{number}", critical=number == 4), now=time.time())
            got = good.wait_for(lambda got: len(got) >= 160 * 5, seconds=110.0)
            took = time.monotonic() - began
            counts = Counter(one.path for one in got)
            assert set(counts.values()) == {5}
            assert len(counts) == 160
            until(lambda: sum(n for (_, state), n in running.outbox.counts().items() if state == "sent") == 800)
            # None of those that hang has had its answer, so nobody can have waited for one.
            assert {state for (name, state) in running.outbox.counts() if int(name[2:]) < 20} == {"waiting"}
            assert took < 110
            assert bad.got, "they were asked"
            assert max(Counter(one.path for one in bad.got).values()) <= 5


def test_a_name_server_that_hangs_holds_up_its_own_receiver_alone(path: Path) -> None:
    with receiving() as endpoint, ExitStack() as held:
        import threading

        hold = threading.Event()
        held.callback(hold.set)

        def resolve(host: str, port: int) -> list[str]:
            if host == "slow.example":
                hold.wait(100)
            return ["127.0.0.1"]

        port = endpoint.url.rpartition(":")[2]
        receivers = [receiver(f"slow-{number}", f"http://slow.example:{port}/slow") for number in range(40)]
        receivers.append(receiver("quick", f"http://quick.example:{port}/quick"))
        with delivering(path, receivers, resolve=resolve) as running:
            running.give(alert(), now=time.time())
            endpoint.wait_for(lambda got: [one.path for one in got] == ["/quick"])
            until(lambda: ("quick", "sent") in running.outbox.counts())


def test_a_failing_receiver_is_tried_again_and_what_it_says_can_be_read(path: Path) -> None:
    with receiving() as endpoint, delivering(path, [receiver(address=endpoint.url)], chance=lambda: 0.0) as running:
        answers = iter([(500, {}, b""), (302, {"Location": "http://127.0.0.1:1/"}, b""), (404, {}, b"")])
        endpoint.reply = lambda got: next(answers, (204, {}, b""))
        running.give(alert(), now=time.time())
        got = endpoint.wait_for(lambda got: len(got) == 4)
        until(lambda: [row.state for row in running.outbox.rows()] == ["sent"])
        assert len({one.headers["webhook-id"] for one in got}) == 1
        assert len({one.body for one in got}) == 1
        (row,) = running.outbox.rows()
        assert (row.attempts, row.answer) == (4, "HTTP 204")


def test_while_a_secret_changes_a_receiver_may_have_either(path: Path) -> None:
    new = "whsec_" + "bmV3" * 10
    with receiving() as endpoint, delivering(path, [receiver(address=endpoint.url, secrets=(new, SECRET))]) as running:
        running.give(alert(), now=time.time())
        (got,) = endpoint.wait_for(lambda got: len(got) == 1)
        for secret in (new, SECRET):
            Webhook(secret).verify(got.body, got.headers)


def test_a_receiver_that_is_gone_is_switched_off_and_its_owner_told_by_another_way(path: Path) -> None:
    with receiving() as old, receiving() as group:
        old.reply = lambda got: (410, {}, b"")
        bots = Bots("T")
        group.reply = bots.reply
        receivers = [receiver("erp", old.url), bot("group", group, "wecom"), bot("others", group, "wecom", factory_id="f-2")]
        with delivering(path, receivers) as running:
            running.give(alert(critical=True), now=time.time())
            until(lambda: any("已于" in text for text in bots.taken))
            assert running.outbox.endpoints()["erp"].off
            assert [(row.receiver, row.state) for row in running.outbox.rows("parked")] == [("erp", "parked")]
            running.give(alert("a-2"), now=time.time())
            assert [row.alert_id for row in running.outbox.rows("parked")] == ["a-2", "a-1"]
            # Mended, and asked for again, as `weftline notify resend` does it from another process.
            old.reply = lambda got: (200, {}, b"")
            other = Outbox(path)
            assert other.resend("erp", None, time.time()) == (2, 0)
            other.close()
            old.wait_for(lambda got: len(got) == 3)
            until(lambda: not running.outbox.rows("parked"))
        assert len([text for text in bots.taken if "已于" in text]) == 1
        assert all(row.receiver != "others" for row in running_rows(path))


def running_rows(path: Path) -> list[Any]:
    box = Outbox(path)
    try:
        return box.rows()
    finally:
        box.close()


def test_days_of_failures_switch_an_endpoint_off(path: Path) -> None:
    """On a clock that runs: every look at it is an hour later."""
    ticks = [time.time()]

    def clock() -> float:
        ticks[0] += 60.0
        return ticks[0]

    with receiving() as endpoint:
        endpoint.reply = lambda got: (500, {}, b"")
        with delivering(path, [receiver(address=endpoint.url)], clock=clock, chance=lambda: 0.0) as running:
            for number in range(12):
                running.give(alert(f"a-{number}"), now=ticks[0])
                until(lambda number=number: running.outbox.counts().get(("r", "parked"), 0) == number + 1, 120.0)  # type: ignore[misc]
                ticks[0] += OFF_AFTER_SECONDS / 10
            health = running.outbox.endpoints()["r"]
            assert health.off
            assert health.failures >= OFF_AFTER_FAILURES
            assert "nothing but failures" in health.why


# -- Bots


def bot(name: str, endpoint: Endpoint, kind: str, **changes: Any) -> Any:
    path = {"wecom": "/cgi-bin/webhook/send?key=", "dingtalk": "/robot/send?access_token=", "feishu": "/open-apis/bot/v2/hook/"}[
        kind
    ]
    return receiver(name, f"{endpoint.url}{path}T", kind, **changes)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quieting, "SETTLE_SECONDS", 0.3)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_a_group_reads_a_safety_alert_alone_and_a_burst_as_one(path: Path, kind: str) -> None:
    with receiving() as endpoint:
        bots = Bots("T", secret="" if kind == "wecom" else "SEC", keyword="" if kind == "wecom" else "预警词")
        endpoint.reply = bots.reply
        group = bot("group", endpoint, kind, secrets=() if kind == "wecom" else ("SEC",), keyword=bots.keyword)
        with delivering(path, [group]) as running:
            running.give(*(alert(f"a-{number}") for number in range(6)), alert("fire", critical=True), now=time.time())
            until(lambda: running.outbox.counts() == {("group", "sent"): 7})
            assert len(bots.taken) == 2
            assert "危急" in bots.taken[0]
            assert "×6" in bots.taken[1]
            # What says nothing new is not told; what never went out ends unheard.
            running.give(alert("a-1", 2, status=AlertStatus.UPDATED), alert("b", 1), now=time.time())
            running.give(alert("b", 2, status=AlertStatus.WITHDRAWN), now=time.time())
            until(lambda: running.outbox.counts() == {("group", "sent"): 7, ("group", "superseded"): 3})
            assert len(bots.taken) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("kind", "bots", "state", "words"),
    [
        ("wecom", Bots("another"), "parked", "93000"),
        ("dingtalk", Bots("T", keyword="别的"), "parked", "310000"),
        ("dingtalk", Bots("T", secret="SEC"), "parked", "sign not match"),
        ("dingtalk", Bots("T", most=0), "waiting", "130101"),
        ("feishu", Bots("another"), "parked", "19001"),
        ("feishu", Bots("T", secret="SEC"), "parked", "19021"),
        ("feishu", Bots("T", keyword="别的"), "parked", "19024"),
        ("wecom", Bots("T", most=0), "waiting", "45009"),
    ],
)
def test_a_refusal_with_status_200_is_none_that_is_called_sent(path: Path, kind: str, bots: Bots, state: str, words: str) -> None:
    with receiving() as endpoint:
        endpoint.reply = bots.reply
        with delivering(path, [bot("group", endpoint, kind)]) as running:
            running.give(alert(critical=True), now=time.time())
            until(lambda: bool(running.outbox.rows()[0].answer))
            (row,) = running.outbox.rows()
            assert (row.state, row.attempts) == (state, 1)
            assert words in row.answer
            assert "key=T" not in row.answer
            if state == "waiting":
                assert row.next_at > time.time() + 30, "whoever is too fast waits as long as the platform asks"
        assert bots.taken == []


# -- Ends


def test_what_was_on_its_way_at_the_end_goes_out_after_the_next_start(path: Path) -> None:
    with receiving() as endpoint:
        one = receiver(address=endpoint.url)
        endpoint.reply = endpoint.hang
        with delivering(path, [one], answer_seconds=300.0) as running:
            running.give(alert("a", 1), alert("a", 2), now=time.time())
            endpoint.wait_for(lambda got: len(got) == 1)
        endpoint.reply = lambda got: (200, {}, b"")
        with delivering(path, [one]) as running:
            got = endpoint.wait_for(lambda got: len(got) == 3)
            assert [key(each) for each in got] == [("a", 1), ("a", 1), ("a", 2)]
            until(lambda: running.outbox.counts() == {("r", "sent"): 2})


def test_a_message_that_cannot_be_written_stops_nobody(path: Path) -> None:
    with receiving() as endpoint:
        broken = replace(receiver("broken", endpoint.url), secrets=("whsec_",))
        with delivering(path, [broken, receiver("sound", endpoint.url)]) as running:
            running.give(alert(), now=time.time())
            until(lambda: running.outbox.counts() == {("broken", "parked"): 1, ("sound", "sent"): 1})
            assert "cannot be written" in running.outbox.rows("parked")[0].answer


@pytest.mark.parametrize("ticks", range(6))
def test_it_ends_though_it_is_woken_just_then(path: Path, ticks: int) -> None:
    """A cancellation that comes as somebody is woken was lost: the program did not end by itself any more."""
    one = receiver()

    async def play() -> None:
        dispatcher = Dispatcher(Receivers("", (one,)), box, speech, NotifyMetrics())
        running = asyncio.create_task(dispatcher.run())
        # Nobody tells that it waits to be woken.
        while not dispatcher._serving[one.id].woken._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0)
        dispatcher.wake([one.id])
        for _ in range(ticks):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=30)
        assert done

    with closing(Outbox(path)) as box:
        asyncio.run(play())
