"""The link in a message: into the inbox of the factory that reads it, and of nobody else."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from tests.support.notifying import alert, receiver

from weftline.embedded.passwords import ensure_link_key, ensure_passwords
from weftline.embedded.stack_folder import Addresses
from weftline.embedded.supervisor import everything
from weftline.errors import UserError
from weftline.notify.chat import BOTS
from weftline.notify.program import inbox_of
from weftline.notify.receivers import Receiver, Receivers
from weftline.notify.words import Speech, say
from weftline.pages.links import Inbox, Link, Links
from weftline.runtime.settings import Settings

KEY = "k" * 40
HOUR = 3_600_000
INBOX = Inbox("https://gateway.example", Links(KEY), "f-1", 24)


def opened(href: str, now: int = 0) -> Link | None:
    return Links(KEY).read(parse_qs(urlsplit(href).query)["link"][0], now)


@pytest.mark.parametrize(
    ("zh", "language", "words"), [(True, "zh", "查看证据并处理"), (False, "en", "See the evidence, and answer")]
)
def test_a_message_leads_to_its_alert_for_a_while(zh: bool, language: str, words: str) -> None:
    said = say([alert("a:1")], Speech(zh=zh, board="https://board.example", inbox=INBOX), now=7.0)
    assert said.link_words == words
    assert said.link.startswith(f"https://gateway.example/inbox?lang={language}&link=")
    assert opened(said.link) == Link("f-1", "a:1", 7_000 + 24 * HOUR)


def test_several_alerts_lead_to_the_list() -> None:
    said = say([alert("a-1"), alert("a-2")], Speech(inbox=INBOX), now=1.0)
    assert said.link_words == "打开收件箱"
    assert opened(said.link) == Link("f-1", "", 1_000 + 24 * HOUR)


@pytest.mark.parametrize("kind", BOTS)
def test_every_bot_carries_the_link_whole(kind: str) -> None:
    said = say([alert("lot-not-accepted:35ffaa11ded76ccda252310662")], Speech(inbox=INBOX))
    body = BOTS[kind].request(said, f"{BOTS[kind].base}token", None, 0.0).body.decode()
    assert said.link in body


def of(party: Receiver, **settings: Any) -> Inbox | None:
    given = Settings(_env_file=None, **{"link_key": SecretStr(KEY), **settings})  # type: ignore[call-arg]
    return inbox_of(given, Receivers("", (party,), "https://gateway.example"))(party)


def test_a_group_of_one_factory_has_its_inbox_and_nobody_else() -> None:
    made = of(receiver(kind="wecom"), link_hours=5)
    assert made is not None
    assert (made.factory_id, made.hours, made.address) == ("f-1", 5, "https://gateway.example")
    for other in (
        {"factory_id": None, "cooperative_id": "haimen"},
        {"factory_id": None, "center_id": "c-1"},
        {"center_id": "c-1"},  # a center's group, which is told of one factory
        {"factory_id": None},
        {"kind": "webhook"},
    ):
        assert of(receiver(**{"kind": "wecom", **other})) is None


def test_an_inbox_without_a_key_is_refused() -> None:
    with pytest.raises(UserError, match="WEFTLINE_LINK_KEY is needed, the same as the gateway's"):
        of(receiver(kind="wecom"), link_key=None)


def test_without_an_inbox_the_board_is_where_links_lead() -> None:
    receivers = Receivers("https://board.example", (receiver(kind="wecom"),))
    assert inbox_of(Settings(_env_file=None), receivers)(receivers.each[0]) is None  # type: ignore[call-arg]


def test_a_stack_has_a_key_of_its_own_for_those_two_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_passwords(tmp_path)
    key = ensure_link_key(tmp_path)
    assert ensure_link_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "passwords" / "links").stat().st_mode) == 0o600
    Links(key)  # long enough
    monkeypatch.setenv("WEFTLINE_RECEIVERS", str(tmp_path / "r.yaml"))
    at = Addresses("127.0.0.1:9092", "http://127.0.0.1:8123", link_key=key)
    having = [child.name for child in everything(at, lambda _: 1) if "WEFTLINE_LINK_KEY" in child.environment]
    assert having == ["gateway", "notify"]
    assert key not in repr(at)
