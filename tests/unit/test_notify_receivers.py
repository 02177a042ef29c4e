"""The file of receivers: who is told what, where secrets are, and what is said of a fault."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.notifying import SECRET, alert
from tests.support.notifying import receiver as made

from weftline.contracts.paths import schemas_root
from weftline.domain.vocabulary import AlertRule, AlertSeverity
from weftline.errors import UserError
from weftline.notify.receivers import Receivers
from weftline.notify.receivers_file import load_receivers

ENVIRONMENT = {"S": SECRET, "OLD": SECRET.replace("M", "N"), "KEY": "0000-1111", "SHORT": "whsec_YWJj", "EMPTY": " "}


def load(tmp_path: Path, text: str) -> Receivers:
    file = tmp_path / "receivers.yaml"
    file.write_text(text, "utf-8")
    return load_receivers(file, ENVIRONMENT)


def test_the_example_is_one(tmp_path: Path) -> None:
    text = (schemas_root() / "examples" / "receivers.yaml").read_text("utf-8")
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"file: (secrets/\w+)", text):
        (tmp_path / name).write_text("abc\n", "utf-8")
    file = tmp_path / "receivers.yaml"
    file.write_text(text, "utf-8")
    found = load_receivers(file, dict.fromkeys(re.findall(r"env: (\w+)", text), SECRET))
    assert [each.kind for each in found.each] == ["wecom", "webhook", "dingtalk", "feishu"]
    assert found.own_topics == ("haimen-0301",)
    group, erp, office, shift = found.each
    assert group.address == f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={SECRET}"
    assert (group.per_minute, shift.per_minute) == (20, 20)
    assert erp.secrets == (SECRET, SECRET)
    assert office.address.endswith("access_token=abc")
    assert (office.keyword, office.zh, shift.zh) == ("预警", True, False)
    assert office.rules == {AlertRule.SAFETY_LIMIT_FAILED, AlertRule.INSPECTION_DISCONTINUED}


def test_what_is_secret_does_not_show(tmp_path: Path) -> None:
    (one,) = load(tmp_path, "receivers:\n- {id: r, kind: wecom, token: {env: KEY}, all: true}\n").each
    assert "0000-1111" in one.address
    assert "0000-1111" not in repr(one)
    assert one.host == "qyapi.weixin.qq.com"


def test_factories_with_a_topic_of_their_own_may_be_all_that_a_file_names(tmp_path: Path) -> None:
    found = load(tmp_path, "own_topics: [f-204, f-301, f-204]\n")
    assert (found.each, found.own_topics) == ((), ("f-204", "f-301"))
    with pytest.raises(UserError, match=r"line 1, column 21: own_topics\[1\]: factory '海门' can have no topic of its own"):
        load(tmp_path, "own_topics: [f-204, 海门]\n")


URL = "receivers:\n- {id: r, kind: webhook, url: '%s', secret: {env: S}, all: true}\n"
WEBHOOK = "receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: S}, all: true%s}\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: receivers is missing"),
        ("receivers:\n- {id: r, kind: wechat, all: true}\n", "line 2.*must be one of webhook, wecom, dingtalk, feishu.*not wechat"),
        ("receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: S}}\n", "does not say whom it is for"),
        ("receivers:\n- {id: r, kind: webhook, all: true, secret: {env: S}}\n", "has no url"),
        ("receivers:\n- {id: r, kind: webhook, all: true, url: 'https://e.example/'}\n", "has no secret; `weftline notify secret`"),
        ("receivers:\n- {id: r, kind: wecom, all: true}\n", "has no token; it is what stands last"),
        (WEBHOOK % ", factory_id: f", "all: true beside factory_id"),
        (WEBHOOK % ", severity: [MAJOR]", "unknown key severity .did you mean severities"),
        (WEBHOOK % ", severities: [MAYOR]", "must be one of MINOR, MAJOR, CRITICAL .did you mean MAJOR"),
        (WEBHOOK % ", severities: []", "must not be empty; leave it out for all"),
        (WEBHOOK % ", rules: [UNKNOWN]", "must be one of SAFETY_LIMIT_FAILED"),
        (WEBHOOK % ", keyword: x", "keyword: is for group bots"),
        (WEBHOOK % ", per_minute: 0", "must be a whole number from 1 to 6000, not 0"),
        (
            URL % "http://e.example/",
            "is not encrypted; use https",
        ),
        (URL % "https://10.0.0.1/", "private network"),
        (
            URL % "ftp://e.example/",
            "must be an address such as",
        ),
        (
            URL % "https://u:p@e.example/",
            "carries a password",
        ),
        (
            URL % "https://e.example/?token=1",
            "carries a secret .token",
        ),
        ("receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: whsec_x, all: true}\n", "must say where it is"),
        (
            "receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: GONE}, all: true}\n",
            "the environment has no GONE",
        ),
        ("receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: EMPTY}, all: true}\n", "has no EMPTY"),
        (
            "receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {file: none}, all: true}\n",
            "none cannot be read",
        ),
        ("receivers:\n- {id: r, kind: webhook, url: 'https://e.example/', secret: {env: SHORT}, all: true}\n", "24 to 64 bytes"),
        ("receivers:\n- {id: r, kind: wecom, token: {env: KEY}, secret: {env: S}, all: true}\n", "WeCom signs nothing"),
        (
            "receivers:\n- {id: r, kind: feishu, token: {env: KEY}, all: true}\n- {id: r, kind: feishu, token: {env: KEY}, all: true}\n",
            "line 3.*r is in line 2 as well",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_to_do(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault) as caught:
        load(tmp_path, text)
    assert "0000-1111" not in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, "receivers:\n- {id: a, kind: wecom, all: true}\n- {id: b, kind: wecom, token: {env: GONE}}\n")
    assert "has no token" in str(caught.value)
    assert "no GONE" in str(caught.value)
    assert "whom it is for" in str(caught.value)


def test_whom_an_alert_is_for() -> None:
    one = made()
    assert one.wants(alert())
    assert not one.wants(alert(factory_id="f-2"))
    assert not replace(one, center_id="c-2").wants(alert())
    assert replace(one, factory_id=None, cooperative_id="haimen").wants(alert(factory_id="f-9"))
    assert not replace(one, severities=frozenset({AlertSeverity.CRITICAL})).wants(alert())
    assert not replace(one, rules=frozenset({AlertRule.ORDER_OVERDUE})).wants(alert())
    narrow = replace(one, severities=frozenset({AlertSeverity.MINOR}), rules=frozenset({AlertRule.ORDER_OVERDUE}))
    assert narrow.wants(alert(severity=AlertSeverity.UNKNOWN, rule=AlertRule.UNKNOWN)), "a newer word is not lost"
