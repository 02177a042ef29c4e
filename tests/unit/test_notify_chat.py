"""Words and bots: what a person reads, how it is signed, and what an answer means. HTTP 200 alone is no success."""

from __future__ import annotations

import json
import time
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.support.notifying import SECRET, alert
from tests.support.receiving import Bots, Got

from weftline.contracts.mapping import from_json, to_json
from weftline.domain.alert_rules import RULES
from weftline.domain.next_steps import NEXT
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus
from weftline.notify.chat import BOTS, Request, cut
from weftline.notify.delivery import Verdict
from weftline.notify.webhooks import body_of, request
from weftline.notify.words import Speech, say

ZH, EN = Speech(board="https://board.example/"), Speech(zh=False, board="https://board.example/")
TOKEN = "0000-1111"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)


def address(kind: str) -> str:
    return f"{BOTS[kind].base}{TOKEN}"


def got(of: Request) -> Got:
    return Got(of.url, {name.lower(): value for name, value in of.headers.items()}, of.body)


# -- Words


def test_a_person_reads_what_limit_value_lot_since_when_and_what_to_do() -> None:
    said = say(
        [alert(critical=True, order_id="A-17")], Speech(board="https://b.example", names={"formaldehyde": ("甲醛", "formaldehyde")})
    )
    assert said.title == "【危急】安全指标不合格"
    assert said.lines == (
        "批次 a-1：不接收。",
        "甲醛：实测 96 mg/kg，限量 ≤ 75 mg/kg，GB 18401-2010 5.1",
        "批次：L-7；款号：ST-9；打样单：A-17；工厂：f-1；检测中心：c-1",
        "自 2026-05-06 01:30",
        f"怎么办：{NEXT[AlertRule.SAFETY_LIMIT_FAILED].short[0]}",
    )
    assert said.link == "https://b.example/alert/a-1"


def test_every_rule_has_words() -> None:
    assert NEXT.keys() == RULES.keys()


def test_a_withdrawn_alert_asks_for_nothing() -> None:
    said = say([alert(status=AlertStatus.WITHDRAWN)], EN)
    assert said.title == "[MAJOR] lot not accepted (withdrawn)"
    assert "Withdrawn: later data show that it did not happen." in said.lines
    assert not any("To do" in line or "measured" in line for line in said.lines)


def test_what_tells_of_now_is_over_and_not_untrue() -> None:
    said = say([alert(rule=AlertRule.LISTING_PROPOSED, status=AlertStatus.WITHDRAWN)], EN)
    assert "Over: what it told of is so no more." in said.lines
    assert not any("did not happen" in line or "To do" in line for line in said.lines)


def test_what_this_version_has_no_word_for_is_told_all_the_same() -> None:
    said = say([alert(rule=AlertRule.UNKNOWN, severity=AlertSeverity.UNKNOWN, status=AlertStatus.UNKNOWN)], ZH)
    assert said.title == "【未知级别】UNKNOWN"


def test_a_digest_counts_what_it_has_no_room_for() -> None:
    said = say([alert(f"a-{number}") for number in range(30)], ZH)
    assert said.title == "【重要】批不接收 ×30"
    assert said.lines[0] == "1. 批次 a-0：不接收。"
    assert "另有 10 条" in said.lines
    assert said.link == "https://board.example/"


@pytest.mark.parametrize("kind", BOTS)
def test_a_key_word_is_in_every_message(kind: str) -> None:
    speech = Speech(keyword="质量预警")
    body = BOTS[kind].request(say([alert()], speech), address(kind), None, 0.0).body.decode()
    assert body.count("质量预警") >= 1
    assert "质量预警" not in BOTS[kind].request(say([alert()], Speech()), address(kind), None, 0.0).body.decode()


# -- Bytes


@given(st.text(max_size=200), st.integers(0, 100))
def test_a_text_is_cut_between_characters(text: str, most: int) -> None:
    short = cut(text, most)
    assert len(short.encode()) <= most
    assert short == text or (most < 3 and not short) or text.startswith(short.removesuffix("…"))


@pytest.mark.parametrize("kind", BOTS)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
    st.integers(1, 40),
    st.lists(st.text("床单🧵<[", max_size=60), max_size=5),
)
def test_no_text_is_larger_than_a_bot_takes_and_the_link_is_whole(kind: str, text: str, repeat: int, lots: list[str]) -> None:
    said = say([alert(text_zh=text * repeat, lot_ids=tuple(lots), style_number=text[:100] or None)], ZH)
    sent = json.loads(BOTS[kind].request(said, address(kind), None, 0.0).body)
    whole = json.dumps(sent, ensure_ascii=False)
    if kind == "wecom":
        assert len(sent["markdown"]["content"].encode()) <= 4096
    else:
        assert len(whole.encode()) <= 20_000
    assert "https://board.example/alert/a-1" in whole


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_what_others_write_is_no_link_mention_or_heading(kind: str) -> None:
    hostile = "L-1 [点这里](https://evil.example) <@all> \n# 大字 **x**"
    sent = json.loads(BOTS[kind].request(say([alert(lot_ids=(hostile,))], ZH), address(kind), None, 0.0).body)
    text = sent["markdown"].get("content") or sent["markdown"]["text"]
    assert "](https://evil" not in text
    assert "<@all>" not in text
    assert "\n# " not in text


# -- Signatures, held against servers that check them


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_a_signed_message_is_taken_and_an_unsigned_or_old_one_is_not(kind: str) -> None:
    bot, bots, said = BOTS[kind], Bots(TOKEN, secret="SEC123"), say([alert()], ZH)
    now = time.time()
    for secret, at, taken in (("SEC123", now, True), (None, now, False), ("SEC124", now, False), ("SEC123", now - 4_000, False)):
        status, _, body = bots.reply(got(bot.request(said, address(kind), secret, at)))
        assert (bot.answer(status, body).verdict is Verdict.DELIVERED) == taken
    assert len(bots.taken) == 1


@pytest.mark.parametrize("kind", BOTS)
def test_each_refusal_is_one_though_the_status_is_200(kind: str) -> None:
    bot, said = BOTS[kind], say([alert()], ZH)
    sent = got(bot.request(said, address(kind), None, time.time()))
    cases: list[tuple[Bots, Verdict]] = [
        (Bots(TOKEN), Verdict.DELIVERED),
        (Bots("another"), Verdict.REFUSED),
        (Bots(TOKEN, most=0), Verdict.LATER),
    ]
    if bot.signed:
        cases += [(Bots(TOKEN, keyword="别的词"), Verdict.REFUSED), (Bots(TOKEN, secret="SEC"), Verdict.REFUSED)]
    for bots, verdict in cases:
        status, _, body = bots.reply(sent)
        assert status == 200
        answer = bot.answer(status, body)
        assert answer.verdict is verdict, answer
        assert answer.too_fast == (verdict is Verdict.LATER)


@pytest.mark.parametrize("kind", BOTS)
@pytest.mark.parametrize(
    "body", [b"", b"ok", b"[]", b"{}", b"null", b'{"errmsg":"ok","msg":"success"}', b'{"StatusCode":0}', b"\xff"]
)
def test_a_200_that_does_not_say_0_is_no_success(kind: str, body: bytes) -> None:
    assert BOTS[kind].answer(200, body).verdict is Verdict.LATER


@pytest.mark.parametrize("kind", BOTS)
@pytest.mark.parametrize("code", [False, "0", 0.0, None, [0]])
def test_a_code_of_another_type_is_no_success(kind: str, code: Any) -> None:
    bot = BOTS[kind]
    assert bot.answer(200, json.dumps({bot.code: code}).encode()).verdict is Verdict.LATER
    assert bot.answer(200, json.dumps({bot.code: 0}).encode()).verdict is Verdict.DELIVERED
    assert bot.answer(500, json.dumps({bot.code: 0}).encode()).verdict is Verdict.LATER


# -- Webhooks


def test_a_signature_is_what_the_verifier_of_the_standard_takes_with_either_secret() -> None:
    old, other = "whsec_" + "b2xk" * 10, "whsec_" + "b3Ro" * 10
    body = body_of(to_json(alert()))
    sent = request("https://e.example", "a-1", 1, body, (SECRET, old), time.time())
    for secret in (SECRET, old):
        assert from_json(Webhook(secret).verify(sent.body, dict(sent.headers))) == alert()
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(sent.body, dict(sent.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(sent.body.replace(b"MAJOR", b"MINOR"), dict(sent.headers))
    stale = request("https://e.example", "a-1", 1, body, (SECRET,), time.time() - 600)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(SECRET).verify(stale.body, dict(stale.headers))
    assert sent.headers["webhook-id"] == request("https://f.example", "a-1", 1, "", (SECRET,), 0.0).headers["webhook-id"]


def test_when_an_alert_began_is_on_the_receivers_clock() -> None:
    assert "自 2026-05-06 09:30" in say([alert()], Speech(zone=timezone(timedelta(hours=8)))).lines
