"""The inbox: who is let in and how, what he sees of his own, and that nothing of anybody else's is told."""

from __future__ import annotations

from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import pytest
from tests.support.examples import CODEC
from tests.support.gateway import NOW
from tests.support.inbox import KEY, InboxWorld, alert, refused_lot

from weftline.domain.events import AlertReply
from weftline.domain.next_steps import NEXT
from weftline.domain.vocabulary import AlertRule, AlertSeverity, ReplyKind
from weftline.gateway.inbox.answering import NAMES
from weftline.gateway.inbox.drawing import TEXTS
from weftline.gateway.inbox.reading import MOST
from weftline.gateway.inbox.routes import LANGUAGE_COOKIE, POLICY
from weftline.gateway.inbox.session import COOKIE, HOURS
from weftline.pages.links import Seal

MINE, FOREIGN, ELSEWHERE = alert(1), alert(2, "f-2"), alert(3, "f-9", cooperative_id="elsewhere")
PATH = f"/inbox/alerts/{MINE.alert_id}"


@pytest.fixture
def world() -> InboxWorld:
    world = InboxWorld()
    world.inboxes.waiting = [MINE, FOREIGN]
    return world


def cookie(answer: Any, name: str = COOKIE) -> Any:
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        found.load(line)
    return found[name]


# -- The ways in


def test_a_link_begins_a_session_and_leads_on_without_itself(world: InboxWorld) -> None:
    answer = world.get(world.link(MINE.alert_id))
    assert answer.status_code == 200
    assert f'content="0; url={PATH.replace(":", "%3A")}"' in answer.text
    assert "link=" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    kept = cookie(answer)
    assert (kept["httponly"], kept["samesite"], kept["path"], kept["secure"]) == (True, "strict", "/inbox", "")
    assert int(kept["max-age"]) == 24 * 3600
    page = world.get(PATH)
    assert page.status_code == 200
    assert MINE.text_zh in page.text
    assert world.get("/inbox").text.count('<a class="card alert') == 1


def test_the_cookie_goes_over_tls_alone_where_the_page_did(world: InboxWorld) -> None:
    assert cookie(world.get("https://127.0.0.1" + world.link()))["secure"]


def test_a_session_of_a_link_ends_when_the_link_does(world: InboxWorld) -> None:
    link = world.link(hours=2)
    world.now += 3_600_000
    assert int(cookie(world.get(link))["max-age"]) == 3600
    assert world.get(PATH).status_code == 200
    world.now += 3_600_000
    assert world.get(PATH).status_code == 403
    assert world.get(link).status_code == 403


def test_a_token_begins_a_session_that_ends_with_it(world: InboxWorld) -> None:
    world.sign_in()
    assert world.get(PATH).status_code == 200
    world.inboxes.tokens[:] = [replace(one, revoked_at=NOW) if one.partner_id == "factory" else one for one in world.inboxes.tokens]
    world.later(60)
    assert world.get(PATH).status_code == 403


def test_a_session_of_a_token_ends_after_a_day_of_work(world: InboxWorld) -> None:
    world.sign_in()
    world.now += HOURS * 3_600_000 - 1
    assert world.get(PATH).status_code == 200
    world.now += 1
    assert world.get(PATH).status_code == 403


def test_without_a_key_there_are_no_links_and_tokens_work() -> None:
    world = InboxWorld(key=None)
    world.inboxes.waiting = [MINE]
    assert world.get(world.link(key=KEY)).status_code == 403
    world.sign_in()
    assert world.get(PATH).status_code == 200


def test_whoever_signs_out_is_out(world: InboxWorld) -> None:
    world.sign_in()
    answer = world.post("/inbox/session/end")
    assert (answer.status_code, cookie(answer)["max-age"]) == (303, "0")


# -- Refusals


def refusals(world: InboxWorld) -> dict[str, Any]:
    """Every way to ask for what is not one's own, each with its answer."""
    stranger = InboxWorld()
    stranger.inboxes.waiting = [MINE, FOREIGN, ELSEWHERE]
    link = world.link(MINE.alert_id)
    found = {
        "a forged link": stranger.get(world.link(MINE.alert_id, key="f" * 64)),
        "a changed link": stranger.get(link[:-1] + ("A" if link[-1] != "A" else "B")),
        "a link for several factories": stranger.get(world.link(factory="f-*")),
        "no link": stranger.get("/inbox?link="),
        "an endless link": stranger.get("/inbox?link=" + "x" * 9_000),
        "no session": stranger.get(PATH),
        "no session, for an answer": stranger.post(f"{PATH}/replies", {"reply": "acknowledge"}),
        "a wrong token": stranger.post("/inbox/session", {"token": "wft_0123456789ab_" + "x" * 43}),
        "no token": stranger.post("/inbox/session"),
        "a center's token": stranger.post("/inbox/session", {"token": stranger.tokens["center"]}),
        "an operator's token": stranger.post("/inbox/session", {"token": stranger.tokens["operator"]}),
    }
    stranger.cookies[COOKIE] = Seal("f" * 64, "inbox-session").close(["link", "f-1", NOW * 2])
    found["a forged session"] = stranger.get(PATH)
    stranger.cookies[COOKIE] = link.rpartition("=")[2]
    found["a link as a session"] = stranger.get(PATH)
    stranger.now += 25 * 3_600_000
    found["a link that is over"] = stranger.get(link)
    world.get(world.link())
    found["another's alert"] = world.get(f"/inbox/alerts/{FOREIGN.alert_id}")
    found["an answer to another's alert"] = world.post(f"/inbox/alerts/{FOREIGN.alert_id}/replies", {"reply": "acknowledge"})
    found["lots of another's alert, none chosen"] = world.post(f"/inbox/alerts/{FOREIGN.alert_id}/replies", {"reply": "lift"})
    stranger.sign_in("officer")
    found["an officer's answer, not his to give, to no alert of his"] = stranger.post(
        f"/inbox/alerts/{ELSEWHERE.alert_id}/replies", {"reply": "accept"}
    )
    found["no alert"] = world.get("/inbox/alerts/safety-limit-failed:none")
    found["an answer to no alert"] = world.post("/inbox/alerts/none/replies", {"reply": "acknowledge"})
    return found


def test_every_refusal_is_one_page(world: InboxWorld) -> None:
    answers = refusals(world)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert {answer.content for answer in answers.values()} == {answers["no alert"].content}
    text = answers["no alert"].text
    assert TEXTS["shut"].zh in text
    assert not any(said in text for said in ("f-1", "f-2", MINE.alert_id, FOREIGN.alert_id, FOREIGN.text_zh))
    assert not any(name in answer.headers for answer in answers.values() for name in ("location", "www-authenticate"))
    assert world.outbox.sent == []


def test_a_factory_sees_its_own_alone(world: InboxWorld) -> None:
    for who, own, other in (("factory", MINE, FOREIGN), ("other-factory", FOREIGN, MINE)):
        world.sign_in(who)
        listed = world.get("/inbox").text
        assert own.alert_id.replace(":", "%3A") in listed
        assert other.alert_id.replace(":", "%3A") not in listed
        assert world.get(f"/inbox/alerts/{other.alert_id}").status_code == 403


def test_every_statement_on_alerts_carries_the_scope(world: InboxWorld) -> None:
    world.sign_in()
    world.get("/inbox")
    world.get(PATH)
    asked = [(sql, given) for sql, given in world.inboxes.seen if "FROM open_alerts WHERE NOT" in sql or "FROM alerts FINAL" in sql]
    assert len(asked) == 2
    assert all("factory_id IN {mine:Array(String)}" in sql and given["mine"] == ["f-1"] for sql, given in asked)


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"}], ids=str
)
@pytest.mark.parametrize("path", [f"{PATH}/replies", "/inbox/session", "/inbox/session/end"])
def test_a_form_of_another_site_does_nothing(world: InboxWorld, path: str, headers: dict[str, str]) -> None:
    world.sign_in()
    assert world.post(path, {"reply": "acknowledge"}, headers).status_code == 403
    assert world.outbox.sent == []


def test_a_link_of_another_site_may_open_a_page_and_nothing_else(world: InboxWorld) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert world.get(world.link(), headers=elsewhere).status_code == 200
    assert world.get("/inbox", headers={**elsewhere, "Sec-Fetch-Dest": "iframe"}).status_code == 403
    assert world.post(f"{PATH}/replies", {"reply": "close"}, elsewhere).status_code == 403
    assert world.get("/v1/alerts", headers=elsewhere).status_code == 403


def test_pages_run_no_script_and_are_kept_by_nobody(world: InboxWorld) -> None:
    world.sign_in()
    for path in ("/inbox", PATH, "/inbox/alerts/none", world.link()):
        answer = world.get(path)
        assert answer.headers["content-security-policy"] == POLICY
        assert (answer.headers["x-frame-options"], answer.headers["cache-control"]) == ("DENY", "no-store")
        assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert "<script" not in answer.text
        assert " style=" not in answer.text
    assert "unsafe" not in POLICY
    assert "max-age" in world.get("/inbox/style.css").headers["cache-control"]


# -- What is shown


def test_the_gravest_comes_first_page_by_page(world: InboxWorld) -> None:
    minor = [alert(100 + n, severity=AlertSeverity.MINOR, occurred_at=NOW + n) for n in range(MOST)]
    world.inboxes.waiting = [*minor, alert(3, occurred_at=NOW - 9), alert(4, severity=AlertSeverity.MAJOR, occurred_at=NOW - 8)]
    world.sign_in()
    first, second = world.get("/inbox").text, world.get("/inbox?page=2").text
    assert first.index(f"{3:026x}") < first.index(f"{4:026x}") < first.index(f"{100 + MOST - 1:026x}")
    assert (first.count('<a class="card alert'), second.count('<a class="card alert')) == (MOST, 2)
    assert f'<span class="count">{MOST + 2}</span>' in first
    assert 'href="?page=2"' in first
    assert 'href="?page=1"' in second


def test_an_empty_inbox_says_so(world: InboxWorld) -> None:
    world.inboxes.waiting = []
    world.sign_in()
    assert TEXTS["nothing"].zh in world.get("/inbox").text


def test_an_alert_with_evidence_next_step_and_history(world: InboxWorld) -> None:
    world.log.put(MINE, NOW)
    world.log.put(replace(MINE, revision=MINE.revision + 1, text_zh="第二次"), NOW + 60_000)
    world.sign_in()
    text = world.get(PATH).text
    step = NEXT[AlertRule(MINE.rule)].zh
    proof = MINE.evidence[0]
    for said in (step, proof.value, proof.limit, proof.clause, proof.event_id, "第二次", "2027-01-15 16:00", "2027-01-15 16:01"):
        assert said is not None
        assert said in text
    world.inboxes.waiting, world.inboxes.withdrawn = [], [MINE]
    text = world.get(PATH).text
    assert step not in text
    assert "已撤销" in text
    assert "<button" not in text.split("</header>")[1]  # nothing is to be answered


def test_what_others_wrote_is_no_markup(world: InboxWorld) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    proof = replace(MINE.evidence[0], subject=hostile, value=hostile)
    world.inboxes.waiting = [alert(1, text_zh=hostile, style_number=hostile, lot_ids=(hostile,), evidence=(proof,))]
    world.sign_in()
    for path in ("/inbox", PATH):
        assert "<img src=x" not in world.get(path).text
        assert "&lt;img src=x" in world.get(path).text


def test_the_language_is_remembered_and_chinese_comes_first(world: InboxWorld) -> None:
    world.sign_in()
    assert '<html lang="zh-CN">' in world.get("/inbox", headers={"Accept-Language": "en-GB"}).text
    answer = world.get(f"{PATH}?lang=en")
    assert '<html lang="en">' in answer.text
    assert MINE.text_en in answer.text
    assert cookie(answer, LANGUAGE_COOKIE).value == "en"
    assert TEXTS["waiting"].en in world.get("/inbox").text
    assert TEXTS["waiting"].zh in world.get("/inbox?lang=zh").text


def test_while_a_server_is_away_a_page_says_so(world: InboxWorld) -> None:
    world.sign_in()
    world.inboxes.down = True
    world.later(60)
    answer = world.get(PATH)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert TEXTS["later"].zh in answer.text
    assert "secret-host" not in answer.text


# -- Why a lot was not accepted, and what now


def test_a_refused_lot_is_explained_class_by_class(world: InboxWorld) -> None:
    event, (lot,) = refused_lot(major_units=28, minor_units=4)
    world.inboxes.waiting, world.inboxes.inspections = [lot], [event]
    world.sign_in()
    page = world.get(f"/inbox/alerts/{lot.alert_id}?lang=en").text
    table = " ".join(page[page.index("<table") : page.index("</table>")].replace("<", " <").split())
    rows = [" ".join(cells(row)) for row in table.split("<tr>")[2:]]
    assert rows == ["Critical 0 0 1 Accepted", "Major 28 5 6 Not accepted", "Minor 4 7 8 Accepted"]
    for said in (
        "ISO 2859-1:2026, level II, AQL 2.5, n 80",
        "not confirmed",
        "The tables of ISO 2859-1:2026 have not been read",
        "Tightened",
    ):
        assert said in page
    for said in ("Rework and resubmit", "Retest with the spare", "Appeal", "unconfirmed", "no rule that is known here sets a date"):
        assert said in page
    assert f"Center {lot.center_id}" in page
    assert f"Cooperative {lot.cooperative_id}" in page
    world.inboxes.over = True
    proofs = world.get(f"/inbox/alerts/{lot.alert_id}?lang=zh").text.partition('class="proofs"')[2]
    for said in ("ISO 2859-1:2026，检验水平 II，AQL 2.5，n 80", "28 件"):
        assert said in proofs
    assert "units" not in proofs
    world.get("/inbox?lang=en")
    assert TEXTS["over"].en in world.get(f"/inbox/alerts/{lot.alert_id}").text


def cells(row: str) -> list[str]:
    """The words of a row of a table, without its tags."""
    return [part.rpartition(">")[2].strip() for part in row.split("<") if part.rpartition(">")[2].strip()]


def test_a_record_that_is_gone_leaves_the_evidence(world: InboxWorld) -> None:
    _, (lot,) = refused_lot(major_units=28)
    world.inboxes.waiting = [lot]
    world.sign_in()
    page = world.get(f"/inbox/alerts/{lot.alert_id}").text
    assert TEXTS["one_class"].zh in page
    assert "28 件" in page
    assert "<table" not in page


# -- Answers


def test_an_answer_is_published_as_the_readers(world: InboxWorld) -> None:
    world.get(world.link(MINE.alert_id))
    page = world.get(PATH).text
    assert [name for name in ("acknowledge", "accept", "decline", "close") if f'value="{name}"' in page] == ["acknowledge", "close"]
    answer = world.post(f"{PATH}/replies", {"reply": "acknowledge"})
    assert answer.status_code == 303
    (record,) = world.outbox.sent
    event = CODEC.decode(record.topic, record.value)
    assert isinstance(event, AlertReply)
    assert (event.reply, event.alert_id, event.factory_id) == (ReplyKind.ACKNOWLEDGE, MINE.alert_id, "f-1")
    waiting = world.get(answer.headers["location"]).text
    assert TEXTS["sending"].zh in waiting
    assert '<meta http-equiv="refresh"' in waiting
    assert 'value="close"' not in waiting
    world.inboxes.replies = [(NOW, None, "ACKNOWLEDGE", "", "", "link:f-1", "", "applied", 1, event.source, event.event_id)]
    # A fact is stored before the state that it leads to: until then the page goes on looking.
    assert TEXTS["sending"].zh in world.get(answer.headers["location"]).text
    world.inboxes.answer, world.inboxes.moved_at = "ACKNOWLEDGED", NOW
    page = world.get(answer.headers["location"]).text
    assert TEXTS["sending"].zh not in page
    assert TEXTS["by_link"].zh in page
    assert "已确认收到" in page
    assert [name for name in ("acknowledge", "accept", "decline", "close") if f'value="{name}"' in page] == [
        "accept",
        "decline",
        "close",
    ]


def test_a_decline_says_why(world: InboxWorld) -> None:
    world.inboxes.answer = "ACKNOWLEDGED"
    world.sign_in()
    world.post(f"{PATH}/replies", {"reply": "decline", "reason": "样本抽错批次"})
    event = CODEC.decode(world.outbox.sent[0].topic, world.outbox.sent[0].value)
    assert isinstance(event, AlertReply)
    assert (event.reply, event.reason) == (ReplyKind.DECLINE, "样本抽错批次")


@pytest.mark.parametrize(
    "form", [{"reply": "accept"}, {"reply": "nothing"}, {}, {"reply": "close", "reason": "x" * 9_000}], ids=str
)
def test_what_is_not_possible_leads_back_to_the_page(world: InboxWorld, form: dict[str, str]) -> None:
    world.sign_in()
    answer = world.post(f"{PATH}/replies", form)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH.replace(":", "%3A"))
    assert world.outbox.sent == []


# -- Lots that are held back


LOTS = alert(1, lot_ids=("L-1", "L-2"))
NUMBER = f"P-{LOTS.alert_id[-10:]}"


def said(world: InboxWorld, form: dict[str, str | list[str]]) -> AlertReply | str:
    """The event that a form became; where it became none, where it led."""
    before = len(world.outbox.sent)
    answer = world.post(f"{PATH}/replies", form)
    assert answer.status_code == 303
    if len(world.outbox.sent) == before:
        return answer.headers["location"].rpartition("?")[2]
    event = CODEC.decode(world.outbox.sent[-1].topic, world.outbox.sent[-1].value)
    assert isinstance(event, AlertReply)
    return event


def offered(world: InboxWorld, names: tuple[str, ...] = ("block", "extend", "lift", "feedback")) -> list[str]:
    page = world.get(PATH).text
    return [name for name in names if f'value="{name}"' in page]


@pytest.mark.parametrize("who", ["factory", "officer"])
def test_lots_are_blocked_extended_lifted_and_spoken_of(world: InboxWorld, who: str) -> None:
    world.inboxes.waiting = [LOTS]
    world.sign_in(who)
    assert offered(world) == ["block"]
    page = world.get(PATH).text
    assert [f'name="lot" value="{lot}" checked' in page for lot in LOTS.lot_ids] == [True, True]
    assert f'name="problem_id" value="{NUMBER}"' in page
    # A tick taken away and another lot written: as it was chosen, each once.
    event = said(
        world, {"reply": "block", "lot": ["L-2"], "other_lots": "L-9\r\n L-9 \r\n", "problem_id": NUMBER, "reason": "色差"}
    )
    assert isinstance(event, AlertReply)
    assert (event.reply, event.lot_ids, event.problem_id, event.reason) == (ReplyKind.BLOCK, ("L-2", "L-9"), NUMBER, "色差")
    assert (event.alert_id, event.factory_id, event.replied_by) == (LOTS.alert_id, "f-1", who)
    world.inboxes.blocks = [("L-2", [NUMBER], ["8D-7"], []), ("L-9", [NUMBER], ["8D-7"], []), ("L-3", [], [], [NUMBER])]
    assert offered(world) == ["block", "extend", "lift", "feedback"]
    page = world.get(PATH).text
    for text in (f"{NUMBER}</h3>", "<dd>L-2, L-9</dd>", "<dd>L-3</dd>", "<dd>8D-7</dd>", f'name="problem_id" value="{NUMBER}-2"'):
        assert text in page
    assert 'value="L-2" checked' not in page.split('id="other-block"')[0].rpartition("<fieldset>")[2], "it is held back already"
    forms: list[tuple[dict[str, str | list[str]], tuple[str, ...]]] = [
        ({"reply": "extend", "other_lots": "L-5"}, ("L-5",)),
        ({"reply": "lift", "lot": ["L-9"]}, ("L-9",)),
        ({"reply": "feedback", "counterpart_problem_id": "8D-8"}, ()),
    ]
    for form, lots in forms:
        event = said(world, {**form, "problem_id": NUMBER})
        assert isinstance(event, AlertReply)
        assert (event.reply.value.lower(), event.lot_ids, event.problem_id) == (form["reply"], lots, NUMBER)
    assert event.counterpart_problem_id == "8D-8"


@pytest.mark.parametrize(
    "form",
    [
        {"reply": "lift", "problem_id": "P-1"},
        {"reply": "block", "problem_id": "P-2", "other_lots": " \r\n "},
        {"reply": "block", "lot": ["L-1"]},
        {"reply": "lift", "lot": ["L-7"], "problem_id": "P-1"},
        {"reply": "extend", "lot": ["L-7"], "problem_id": "P-3"},
        {"reply": "feedback", "problem_id": "P-1"},
    ],
    ids=["lift of no lot is not all", "block of none", "no problem", "not held", "no such problem", "no number"],
)
def test_what_cannot_be_said_of_lots_is_not_and_the_page_says_so(world: InboxWorld, form: dict[str, str | list[str]]) -> None:
    world.inboxes.waiting, world.inboxes.blocks = [LOTS], [("L-1", ["P-1"], [""], [])]
    world.sign_in()
    assert said(world, form) == "undone=1"
    assert TEXTS["undone"].zh in world.get(f"{PATH}?undone=1").text


def test_what_is_over_can_be_lifted_and_lifted_lots_be_held_again(world: InboxWorld) -> None:
    world.inboxes.waiting, world.inboxes.over, world.inboxes.blocks = [LOTS], True, [("L-1", ["P-1"], [""], [])]
    world.sign_in()
    assert offered(world, ("block", "lift", "close")) == ["lift"], "a matter that is over holds lots back until somebody lifts it"
    world.inboxes.blocks = [("L-1", [], [], ["P-1"])]
    assert TEXTS["free"].zh in world.get(PATH).text
    assert offered(world) == ["block", "feedback"]


def test_a_page_waits_until_the_lots_know_what_was_said(world: InboxWorld) -> None:
    world.inboxes.waiting = [LOTS]
    world.sign_in()
    event = said(world, {"reply": "block", "lot": ["L-1"], "problem_id": "P-1"})
    assert isinstance(event, AlertReply)
    sent = f"{PATH}?sent={event.event_id}"
    world.inboxes.replies = [(NOW, None, "BLOCK", "", "P-1", "factory", "", "applied", 1, event.source, event.event_id)]
    world.inboxes.held = {"P-1": 1}
    assert TEXTS["sending"].zh in world.get(sent).text
    world.inboxes.blocks = [("L-1", ["P-1"], [""], [])]
    assert TEXTS["sending"].zh not in world.get(sent).text
    answer = world.post(f"{PATH}/replies", {"reply": "feedback", "problem_id": "P-1", "counterpart_problem_id": "8D,7"})
    (*_, record) = world.outbox.sent
    event = CODEC.decode(record.topic, record.value)
    assert isinstance(event, AlertReply)
    world.inboxes.replies += [(NOW, None, "FEEDBACK", "", "P-1", "factory", "", "applied", 1, event.source, event.event_id)]
    assert TEXTS["sending"].zh in world.get(answer.headers["location"]).text
    world.inboxes.blocks = [("L-1", ["P-1"], ["8D,7,8D-1"], [])]
    assert TEXTS["sending"].zh not in world.get(answer.headers["location"]).text
    world.inboxes.blocks, world.inboxes.held = [("L-1", [], [], ["P-1"])], {"P-1": 0}
    assert TEXTS["sending"].zh not in world.get(answer.headers["location"]).text, "nothing to wait for"


def test_an_officer_sees_all_members_and_does_not_answer_in_their_name(world: InboxWorld) -> None:
    other = ELSEWHERE
    world.inboxes.waiting = [MINE, FOREIGN, other]
    world.sign_in("officer")
    listed = world.get("/inbox").text
    assert [f"{TEXTS['factory'].zh} {name}<" in listed for name in ("f-1", "f-2", "f-9")] == [True, True, False]
    assert f"{TEXTS['members'].zh} {MINE.cooperative_id}" in listed
    assert offered(world, ("acknowledge", "accept", "decline", "close")) == ["close"]
    world.post(f"{PATH}/replies", {"reply": "acknowledge"})
    assert world.outbox.sent == []
    assert world.get(f"/inbox/alerts/{other.alert_id}").status_code == 403
    world.post(f"/inbox/alerts/{other.alert_id}/replies", {"reply": "close"})
    assert world.outbox.sent == []


def test_every_reply_has_a_name() -> None:
    assert set(NAMES) == set(ReplyKind) - {ReplyKind.UNKNOWN}
