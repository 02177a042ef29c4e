"""WeCom, DingTalk and Feishu group bots: how a message is written and signed, and what an answer means. Pure.

All three answer HTTP 200 when they refuse (wrong key word, wrong signature, too fast, token gone) and say so in the body. So a message is
delivered when the code in the body is the number 0, and by nothing else: no body, no code, a code of another type are no success.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from weftline.notify.delivery import Answer, Verdict
from weftline.notify.words import Said

#: Of a whole request: Feishu's limit, and unconfirmed of DingTalk; WeCom's limit is on the text.
MOST_BODY_BYTES: Final = 20_000
_LEAST_ROOM: Final = 4_000


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json; charset=utf-8"})


@dataclass(frozen=True, slots=True)
class Bot:
    """One platform. ``most_bytes`` of text and ``per_minute`` messages are what one bot may be sent; ``fast_seconds``: how long it refuses
    whoever was faster. ``later`` and ``fast`` are the codes after which it is tried again; every other code is a refusal for good."""

    name: str
    base: str
    code: str
    message: str
    most_bytes: int
    per_minute: int
    fast_seconds: float
    fast: frozenset[int]
    later: frozenset[int]
    refusals: Mapping[int, str]
    signed: bool
    payload: Callable[[Said, int], dict[str, Any]]
    sign: Callable[[str, dict[str, Any], str | None, float], tuple[str, dict[str, Any]]]

    def request(self, said: Said, url: str, secret: str | None, now: float) -> Request:
        """The message, signed for the moment at which it is sent."""
        room = self.most_bytes
        while True:
            signed, body = self.sign(url, self.payload(said, room), secret, now)
            data = json.dumps(body, ensure_ascii=False).encode()
            if len(data) <= MOST_BODY_BYTES or room < _LEAST_ROOM:
                return Request(signed, data)
            room //= 2  # many quotation marks, which take twice the room in JSON

    def answer(self, status: int, body: bytes) -> Answer:
        """What an answer means."""
        if status != 200:
            fast = status == 429
            return Answer(Verdict.LATER, f"HTTP {status}", self.fast_seconds if fast else None, too_fast=fast)
        try:
            said = json.loads(body)
        except ValueError:
            said = None
        code = said.get(self.code) if isinstance(said, dict) else None
        if type(code) is not int:
            return Answer(Verdict.LATER, f"HTTP 200 without a number in {self.code}, so nobody knows what became of it")
        if code == 0:
            return Answer(Verdict.DELIVERED, f"{self.code} 0")
        detail = f"{self.code} {code}: {str(said.get(self.message, ''))[:200]}"
        if code in self.refusals:
            detail += f" ({self.refusals[code]})"
        if code in self.fast:
            return Answer(Verdict.LATER, detail, self.fast_seconds, too_fast=True)
        return Answer(Verdict.LATER if code in self.later else Verdict.REFUSED, detail)


# -- Text


#: What would be a link, a mention or a heading in somebody's lot number. Full-width forms read the same and mean nothing to a bot.
_PLAIN: Final = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "＊", "`": "｀", "#": "＃", "\n": " ", "\r": " "})


def plain(text: str) -> str:
    """Text of others within Markdown of ours."""
    return text.translate(_PLAIN)


def cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, ending with a whole character, and with … where something was left out."""
    data = text.encode()
    if len(data) <= most:
        return text
    return data[: max(0, most - 3)].decode(errors="ignore") + "…" if most >= 3 else ""


def _markdown(said: Said, most: int) -> str:
    """A title, lines, and the link, which is never cut: lines from the end give way to it."""
    head = f"**{cut(plain(said.title), most // 4)}**"
    foot = f"\n\n[{plain(said.link_words)}]({quote(said.link, safe=':/?&=%#~.-_')})" if said.link else ""
    room = most - len(head.encode()) - len(foot.encode())
    return head + cut("".join(f"\n\n{plain(line)}" for line in said.lines), room) + foot


# -- WeCom


def _wecom(said: Said, most: int) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": _markdown(said, most)}}


def _unsigned(url: str, body: dict[str, Any], secret: str | None, now: float) -> tuple[str, dict[str, Any]]:
    return url, body


# -- DingTalk


def _dingtalk(said: Said, most: int) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"title": cut(plain(said.title), 200), "text": _markdown(said, most)}}


def _sign_dingtalk(url: str, body: dict[str, Any], secret: str | None, now: float) -> tuple[str, dict[str, Any]]:
    if secret is None:
        return url, body
    at = str(int(now * 1000))
    digest = hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()
    return f"{url}&{urlencode({'timestamp': at, 'sign': base64.b64encode(digest).decode()})}", body


# -- Feishu


def _feishu(said: Said, most: int) -> dict[str, Any]:
    room = max(0, most - 2_000)  # for the title, the link, and what JSON puts around them
    text = cut("\n".join(line.replace("\n", " ") for line in said.lines), room)
    rows: list[list[dict[str, str]]] = [[{"tag": "text", "text": text}]]
    if said.link:
        rows.append([{"tag": "a", "text": said.link_words, "href": said.link}])
    return {"msg_type": "post", "content": {"post": {"zh_cn": {"title": cut(said.title, 400), "content": rows}}}}


def _sign_feishu(url: str, body: dict[str, Any], secret: str | None, now: float) -> tuple[str, dict[str, Any]]:
    if secret is None:
        return url, body
    at = str(int(now))
    # The key is what others sign, and the message is empty: that is how Feishu has it.
    digest = hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return url, {"timestamp": at, "sign": base64.b64encode(digest).decode(), **body}


# Figures and codes are from the platforms' own documentation as we know it, none was tried against the platforms themselves:
# WeCom    developer.work.weixin.qq.com/document/path/91770 (group bots: 20 messages a minute, 4,096 bytes of Markdown) and path/90313
#          (global error codes).
# DingTalk open.dingtalk.com/document/robots/custom-robot-access and "custom robots: error codes": 20 messages a minute, whoever is faster
#          is shut out for 10 minutes; 20,000 bytes of a message: unconfirmed.
# Feishu   open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: 100 messages a minute and 5 a second, 20 KB of a request.
# Codes that are marked (?) are unconfirmed; an unknown one is a refusal, which is parked, shown and sent again on request.
BOTS: Final[Mapping[str, Bot]] = {
    "wecom": Bot(
        name="WeCom",
        base="https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
        code="errcode",
        message="errmsg",
        most_bytes=4_096,
        per_minute=20,
        fast_seconds=60.0,
        fast=frozenset({45009, 45033}),
        later=frozenset({-1, 50001, 60020}),  # busy; (?); this machine's address is not in the list, until somebody adds it
        refusals={93000: "the key is wrong, or the bot was removed from its group", 40058: "something in it is not allowed"},
        signed=False,
        payload=_wecom,
        sign=_unsigned,
    ),
    "dingtalk": Bot(
        name="DingTalk",
        base="https://oapi.dingtalk.com/robot/send?access_token=",
        code="errcode",
        message="errmsg",
        most_bytes=18_000,
        per_minute=20,
        fast_seconds=600.0,
        fast=frozenset({130101, 410100, 660026}),  # the second and third (?)
        later=frozenset({-1, 15}),
        refusals={
            310000: "wrong key word, signature, clock or address: give the bot's key word and secret in the file of receivers",
            300001: "the token is unknown: was the bot removed?",
            300005: "the token is unknown: was the bot removed?",
            400101: "the token is unknown: was the bot removed?",
            400102: "the bot was switched off in its group",
            430102: "the text is not allowed there",
        },
        signed=True,
        payload=_dingtalk,
        sign=_sign_dingtalk,
    ),
    "feishu": Bot(
        name="Feishu",
        base="https://open.feishu.cn/open-apis/bot/v2/hook/",
        code="code",
        message="msg",
        most_bytes=18_000,
        per_minute=100,
        fast_seconds=60.0,
        fast=frozenset({11232, 99991400}),  # the second (?)
        later=frozenset({11206, 1500}),  # (?)
        refusals={
            9499: "the request is not as it wants it",
            19001: "the token is wrong, or the bot was removed from its group",
            19007: "the bot was switched off in its group",
            19021: "wrong signature, or a clock that is an hour off: give the bot's secret in the file of receivers",
            19022: "this machine's address is not in the bot's list",
            19024: "the key word is missing: give it in the file of receivers",
        },
        signed=True,
        payload=_feishu,
        sign=_sign_feishu,
    ),
}
