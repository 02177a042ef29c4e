"""The inbox on a telephone: a real browser, 390 pixels wide, over a real Kafka and a real ClickHouse, from the link in a message on.

One story on one stack: a center publishes a lot that is not accepted and a report that fails, the factory opens the link that a message
would carry, reads why and what now, holds its lot back and answers; an officer of the cooperative lifts that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.integration.test_gateway_stack import AS_OF, AT, report, until
from tests.support.browser import PATIENCE_MS, chromium, visit
from tests.support.examples import LOT, ORDER
from tests.support.gateway import mine
from tests.support.stack import stack_at

from weftline.contracts.mapping import to_json
from weftline.embedded.children import Running, gateway_child
from weftline.embedded.ports import free_ports
from weftline.pages.links import Inbox, Links
from weftline.pages.palette import contrast
from weftline.pages.text import Language

PHONE = (390, 844)
KEY = "a key of this test, which is long enough"
#: What a thumb hits (WCAG 2.2, 2.5.5), and the contrast that text wants (1.4.3).
THUMB, CONTRAST = 44, 4.5
#: Whatever can be pressed, with its size; a box to tick is pressed by its label, too. Links within a line of text are left out, as the
#: criterion has it.
SIZES = """() => [...document.querySelectorAll('button, summary, a, input:not([type=hidden]), textarea')]
    .filter(one => one.offsetParent && !one.classList.contains('skip'))
    .map(one => one.type === 'checkbox' ? one.closest('label') : one)
    .map(one => [one.innerText || one.name, one.getBoundingClientRect().width, one.getBoundingClientRect().height])"""
#: Every text with its colour and the ground that it stands on, as #rrggbb.
COLOURS = """() => {
    const brush = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const over = (colours) => {
        brush.clearRect(0, 0, 1, 1);
        for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
        return '#' + [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(part => part.toString(16).padStart(2, '0')).join('');
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (!text || !element.getClientRects().length || element.classList.contains('skip')) continue;
        const grounds = [];
        for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
        const style = getComputedStyle(element);
        found.push([text, over([...grounds, element.closest('svg') ? style.fill : style.color]), over(grounds)]);
    }
    return found;
}"""


@dataclass
class Phone:
    """Where the gateway is, and the alerts of f-1 by rule."""

    url: str
    tokens: dict[str, str]
    alerts: dict[str, str]

    def link(self, rule: str, language: Language) -> str:
        """As a message carries it."""
        return Inbox(self.url, Links(KEY), "f-1", 24).href(self.alerts[rule], time.time(), language)


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    folder = tmp_path_factory.mktemp("inbox")
    with stack_at(folder / "stack", AS_OF, ("inspections", "replies")) as stack:
        assert stack.addresses is not None
        environment = {**stack.addresses.environment(), "WEFTLINE_LINK_KEY": KEY}
        port, pages = free_ports(2)
        own = ("--source", ORDER.source, "--center", ORDER.center_id, "--cooperative", ORDER.cooperative_id, "--laboratory", "*")
        tokens = {
            "center": _weftline(environment, folder, "partner", "add", "center", "--role", "center", *own),
            "f-1": _weftline(environment, folder, "partner", "add", "f-1", "--role", "factory", "--factory", "f-1"),
            "officer": _weftline(environment, folder, "partner", "add", "officer", "--role", "officer", *own[4:6]),
        }
        running = Running(gateway_child(environment, port, pages), folder / "gateway.log")
        try:
            running.wait_ready()
            found = Phone(f"http://127.0.0.1:{port}", tokens, {})
            assert LOT.lot_inspection is not None
            refused = mine(LOT, factory_id="f-1", event_time=AT, lot_inspection=replace(LOT.lot_inspection, major_units=28))
            events = [to_json(refused), *report("f-1", "R-1", AT), *report("f-2", "R-2", AT)]
            sent = httpx.post(f"{found.url}/v1/events", json=events, headers=_bearer(tokens["center"]), timeout=60)
            assert sent.status_code == 202, sent.text
            found.alerts.update(until(lambda: _alerts(found), "both alerts are open"))
            yield found
        finally:
            assert running.stop(), running.last_words()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _alerts(phone: Phone) -> dict[str, str] | None:
    answer = httpx.get(f"{phone.url}/v1/alerts", headers=_bearer(phone.tokens["f-1"]), timeout=60)
    found = {one["rule"]: str(one["alert_id"]) for one in answer.json()["alerts"]}
    return found if found.keys() == {"LOT_NOT_ACCEPTED", "SAFETY_LIMIT_FAILED"} else None


def _weftline(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "weftline", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def suits_a_phone(page: Page) -> None:
    """Nothing to scroll sideways, nothing too small to press, nothing too pale to read."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    small = [one for one in page.evaluate(SIZES) if one[2] < THUMB or one[1] < THUMB]
    assert small == []
    pale = [one for one in page.evaluate(COLOURS) if contrast(one[1], one[2]) < CONTRAST]
    assert pale == []


LOOKS: list[tuple[Language, Literal["light", "dark"]]] = [("zh", "light"), ("zh", "dark"), ("en", "light"), ("en", "dark")]


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
def test_the_link_of_a_message_opens_on_a_phone(
    phone: Phone, browser: Browser, language: Language, scheme: Literal["light", "dark"]
) -> None:
    said: Callable[[str, str], str] = lambda zh, en: zh if language == "zh" else en  # noqa: E731
    with visit(browser, language, scheme=scheme, size=PHONE) as there:
        page = there.page
        page.goto(phone.link("LOT_NOT_ACCEPTED", language))
        page.wait_for_url("**/inbox/alerts/**")
        assert "link=" not in page.url
        expect(page.locator("h1")).to_have_text(said("批不接收", "Lot not accepted"))
        rows = page.locator(".counts tbody tr").all_inner_texts()
        assert [row.split() for row in rows] == [
            [said("致命", "Critical"), "0", "0", "1", said("接收", "Accepted")],
            [said("严重", "Major"), "28", "5", "6", *said("不接收", "Not accepted").split()],
            [said("轻微", "Minor"), "4", "7", "8", said("接收", "Accepted")],
        ]
        expect(page.locator(".remedy")).to_have_count(3)
        expect(page.locator(".unsure").first).to_have_text(said("未经证实", "not confirmed"))
        proof = page.locator(".proof")
        expect(proof.get_by_role("img")).to_have_count(1)
        value, passing = proof.locator(".value").bounding_box(), proof.locator(".passing").bounding_box()
        assert value is not None
        assert passing is not None
        assert value["x"] > passing["x"] + passing["width"]
        suits_a_phone(page)
        page.locator(".back").click()
        expect(page.locator(".alert")).to_have_count(2)
        expect(page.locator(".alert").first).to_contain_text(said("安全指标不合格", "Safety limit failed"))
        suits_a_phone(page)
        page.locator(".alert").first.click()
        expect(page.locator(".proof")).to_contain_text("GB 18401-2010")
        expect(page.locator(".history").last).to_contain_text("R-1")
        suits_a_phone(page)
        assert there.faults == []


def test_a_token_leads_in_and_the_language_can_be_changed(phone: Phone, browser: Browser) -> None:
    with visit(browser, "zh", size=PHONE) as there:
        page = there.page
        page.goto(f"{phone.url}/inbox")
        suits_a_phone(page)
        page.get_by_label("令牌").fill(phone.tokens["f-1"])
        page.get_by_role("button", name="进入").click()
        expect(page.locator(".alert")).to_have_count(2)
        page.get_by_role("link", name="English").click()
        expect(page.locator("h1")).to_contain_text("Open alerts")
        page.locator(".alert").first.click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert there.faults == []


def test_a_keyboard_reaches_every_button_and_shows_where_it_is(phone: Phone, browser: Browser) -> None:
    with visit(browser, "zh", size=PHONE) as there:
        page = there.page
        page.goto(phone.link("SAFETY_LIMIT_FAILED", "zh"))
        page.wait_for_url("**/inbox/alerts/**")
        reached: dict[str, str] = {}
        for _ in range(30):
            page.keyboard.press("Tab")
            name, outline = page.evaluate(
                "() => [document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]"
            )
            reached[name.strip()] = outline
        assert {"English", "退出", "确认收到", "关闭"} <= reached.keys()
        assert {reached[name] for name in ("English", "退出", "确认收到", "关闭")} == {"solid"}


def becomes(answer: Locator, state: str) -> None:
    """The page looks for the new state by itself, on a machine that may be busy."""
    expect(answer.locator(".chip")).to_have_text(state, timeout=PATIENCE_MS)
    expect(answer.locator(".sending")).to_have_count(0, timeout=PATIENCE_MS)


def test_the_factory_answers_with_its_thumb(phone: Phone, browser: Browser) -> None:
    with visit(browser, "zh", size=PHONE) as there:
        page = there.page
        page.goto(phone.link("LOT_NOT_ACCEPTED", "zh"))
        page.wait_for_url("**/inbox/alerts/**")
        answer = page.locator("section", has=page.locator("#answer"))
        page.get_by_role("button", name="确认收到").click()
        becomes(answer, "已确认收到")
        page.get_by_text("有异议…").click()
        page.get_by_label("理由", exact=True).fill("样本抽自另一批")
        suits_a_phone(page)
        page.get_by_role("button", name="有异议").click()
        becomes(answer, "有异议")
        expect(answer.locator(".history li")).to_have_count(2)
        expect(answer.locator(".history")).to_contain_text("样本抽自另一批")
        page.get_by_role("button", name="关闭").click()
        becomes(answer, "已关闭")
        expect(answer.get_by_role("button")).to_have_count(0)
        page.locator(".back").click()
        expect(page.locator(".alert")).to_have_count(1)
        assert there.faults == []
    told = httpx.get(f"{phone.url}/v1/alerts/{phone.alerts['LOT_NOT_ACCEPTED']}", headers=_bearer(phone.tokens["f-1"]), timeout=60)
    assert [one["reply"] for one in told.json()["replies"]] == ["acknowledge", "decline", "close"]


def test_a_lot_is_held_back_by_the_factory_and_lifted_by_the_cooperative(phone: Phone, browser: Browser) -> None:
    alert_id = phone.alerts["SAFETY_LIMIT_FAILED"]
    number = f"P-{alert_id[-10:]}"
    with visit(browser, "zh", size=PHONE) as there:
        page = there.page
        page.goto(phone.link("SAFETY_LIMIT_FAILED", "zh"))
        page.wait_for_url("**/inbox/alerts/**")
        page.get_by_text("封存批次…").click()
        suits_a_phone(page)
        page.get_by_label("其他批次").fill("L-EXTRA")
        page.get_by_role("button", name="封存批次", exact=True).click()
        problem = page.locator(".problem", has_text=number)
        expect(problem).to_contain_text("L-EXTRA", timeout=PATIENCE_MS)
        expect(page.locator(".sending")).to_have_count(0, timeout=PATIENCE_MS)
        problem.get_by_text("反馈…").click()
        problem.get_by_label("对方的问题编号").fill("8D-77")
        problem.get_by_role("button", name="反馈").click()
        expect(problem).to_contain_text("8D-77", timeout=PATIENCE_MS)
        expect(page.locator(".sending")).to_have_count(0, timeout=PATIENCE_MS)
        assert there.faults == []
    with visit(browser, "zh", size=PHONE) as there:
        page = there.page
        page.goto(f"{phone.url}/inbox")
        page.get_by_label("令牌").fill(phone.tokens["officer"])
        page.get_by_role("button", name="进入").click()
        for factory in ("f-1", "f-2"):
            expect(page.locator(".alert", has_text=f"工厂 {factory}").first).to_be_visible()
        suits_a_phone(page)
        page.goto(f"{phone.url}/inbox/alerts/{alert_id}")
        expect(page.get_by_role("button", name="确认收到")).to_have_count(0)
        problem = page.locator(".problem", has_text=number)
        problem.get_by_text("解除封存…").click()
        suits_a_phone(page)
        problem.get_by_role("button", name="解除封存").click()
        expect(problem).to_contain_text("已全部解除", timeout=PATIENCE_MS)
        assert there.faults == []
    told = httpx.get(f"{phone.url}/v1/alerts/{alert_id}", headers=_bearer(phone.tokens["f-1"]), timeout=60).json()
    assert [(one["reply"], one["problem_id"], one["counts"]) for one in told["replies"]] == [
        (reply, number, True) for reply in ("block", "feedback", "lift")
    ]


def test_nothing_of_another_factory_opens(phone: Phone, browser: Browser) -> None:
    foreign = Inbox(phone.url, Links(KEY), "f-2", 24).href(phone.alerts["SAFETY_LIMIT_FAILED"], time.time(), "zh")
    forged = Inbox(phone.url, Links("f" * 64), "f-1", 24).href(phone.alerts["SAFETY_LIMIT_FAILED"], time.time(), "zh")
    shown = []
    for link in (foreign, forged):
        with visit(browser, "zh", size=PHONE) as there:
            there.page.goto(link)
            expect(there.page.locator("h1")).to_have_text("打不开这一页")
            suits_a_phone(there.page)
            shown.append(there.page.content())
    assert shown[0] == shown[1]
    assert json.dumps(shown[0]).find("f-1") < 0
