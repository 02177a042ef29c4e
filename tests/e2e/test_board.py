"""The built-in board as its readers have it: a real stack, simulated data, and Debian's Chromium."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.support.browser import PATIENCE_MS, READ, chromium, visit
from tests.support.rare_alerts import publish_rare
from tests.support.stack import stack_at, where
from weftline.boards.web.packing import NO_LOGIN
from weftline.boards.web.program import SHOWN
from weftline.contracts.signing import SigningKey
from weftline.domain.alert_rules import RULES, Rests
from weftline.embedded.children import Running, board_child
from weftline.embedded.compare import compare
from weftline.embedded.ports import HOST, free_ports
from weftline.embedded.simulator.config import SimulationConfig
from weftline.embedded.simulator.player import simulate
from weftline.embedded.simulator.sinks import Connection
from weftline.embedded.supervisor import Stack
from weftline.sdk import Publisher
from weftline.warehouse.client import Reader, reader

DAY_MS = 86_400_000
LANGUAGES: tuple[Literal["zh", "en"], ...] = ("zh", "en")
PHONE = (390, 844)
HOSTILE = "x') OR 1=1 --"
LOT = "rule = 'LOT_NOT_ACCEPTED'"
SAFETY = "rule = 'SAFETY_LIMIT_FAILED'"

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Served:
    """A stack with a month in it, and the board that shows it."""

    stack: Stack
    url: str
    tables: Reader

    def one(self, sql: str) -> tuple[object, ...]:
        (row,) = self.tables.rows(sql)
        return row


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The processors' clock is the real one: what the tests publish happens now."""
    folder = tmp_path_factory.mktemp("board")
    now = int(time.time() * 1000)
    with stack_at(folder, now, WEFTLINE_SIMULATED_CLOCK=f"{now},{now},1.0") as stack, reader(where(stack)) as tables:
        config = SimulationConfig(seed=11, start=now - 25 * DAY_MS, end=now, events_per_day=250)
        answers = folder / "answers.json"
        simulate(config, Connection(where(stack).kafka), answers=answers, bulk=True)
        _arrived(tables, answers)
        publish_rare(where(stack).kafka, tables)
        port = free_ports(1)[0]
        assert stack.addresses is not None
        SigningKey.new().save(folder / "cooperative.pem")
        environment = {**stack.addresses.environment("board"), "WEFTLINE_PACK_KEY": str(folder / "cooperative.pem")}
        board = Running(board_child(environment, port), folder / "board.log")
        try:
            board.wait_ready()
            yield Served(stack, f"http://{HOST}:{port}", tables)
        finally:
            went = board.stop()
    assert (went, board.returncode) == (True, 0), board.last_words()


def _arrived(tables: Reader, answers: Path) -> None:
    """Wait until everything that was published is in the tables."""
    said = json.loads(answers.read_text("utf-8"))
    deadline = time.monotonic() + 120
    while any(of.differing for of in compare(tables, said)):
        assert time.monotonic() < deadline, compare(tables, said)
        time.sleep(0.3)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def center(served: Served) -> Iterator[Publisher]:
    with Publisher(where(served.stack).kafka, source="urn:test:board", cooperative_id="haimen", center_id="c-board") as publisher:
        yield publisher


def figure(page: Page, panel: str) -> float:
    """The figure of a card, as a number."""
    return float(page.locator(f"#{panel} .number").inner_text().replace(",", ""))


def saved(page: Page, table: Locator) -> bytes:
    """The file that a table's button gives. On a machine that is full a page may load anew under the click: then it is clicked again."""
    for _ in range(3):
        try:
            with page.expect_download(timeout=PATIENCE_MS / 3) as saving:
                table.locator(".csv").click()
            return Path(saving.value.path()).read_bytes()
        except TimeoutError:
            page.wait_for_function(READ)
    pytest.fail("nothing is saved")


def fits(page: Page) -> bool:
    return cast(bool, page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def an_alert(served: Served, condition: str = SAFETY) -> str:
    newest = f"SELECT alert_id FROM standing_alerts WHERE {condition} ORDER BY occurred_at DESC, alert_id LIMIT 1"
    return str(served.one(newest)[0])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("board", [board.id for board in SHOWN])
def test_each_board_loads_without_a_fault(served: Served, browser: Browser, board: str, language: Literal["zh", "en"]) -> None:
    """In Chinese on a phone in the dark, in English on a desk: a page takes a second or two of a core, and there are many."""
    device: dict[str, Any] = {"size": PHONE, "scheme": "dark"} if language == "zh" else {}
    with visit(browser, language, **device) as there:
        page = there.to(f"{served.url}/{board}" + ("" if device else "?range=30d"))
        if device:
            fits_a_phone(page)
            choose_range(page)
            assert fits(page)
            page.wait_for_function(READ)
        # Who looks at this board is not known, so the button for packs says that none can be made here.
        assert page.locator("button.make").count() == 2 * (board == "factory")
        if board == "factory":
            assert NO_LOGIN.of(language) in page.locator(".pack").inner_text()
            assert [one.is_disabled() for one in page.locator("button.make").all()] == [True, True]
        (shown,) = [one for one in SHOWN if one.id == board]
        assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en-US"}[language]
        assert page.locator("h1").inner_text() == shown.title.of(language)
        assert page.locator("h3").all_inner_texts() == [panel.title.of(language) for panel in shown.panels]
        assert page.locator(".fault").all_inner_texts() == []
        drawn = page.locator(".chart canvas, .rows tbody tr, .number").count()
        # Of one report or lot there may be little.
        assert drawn > sum(shown.listed or not panel.may_be_empty for panel in shown.panels) / 2
        # Every chart says in words what it shows, for those who do not see it.
        assert all(
            re.search(r"\d", name or "") for name in [one.get_attribute("aria-label") for one in page.locator(".chart").all()]
        )
        # Every table that has rows can be had as a file.
        tables = [one for one in page.locator(".card.table").all() if one.locator(".rows").count()]
        assert [one.locator(".csv").is_visible() for one in tables] == [True] * len(tables)
        assert there.faults == []


def test_the_first_page_is_the_overview_in_the_browsers_language(served: Served, browser: Browser) -> None:
    with visit(browser, "zh") as there:
        page = there.to(served.url)
        assert page.url == f"{served.url}/overview"
        expect(page.locator("h1")).to_have_text("集群总览")


def test_the_page_shows_what_the_tables_hold(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview?range=30d")
        (orders,) = served.one("SELECT sum(entries) - sum(exits) FROM throughput_per_day")
        assert figure(page, "work-in-progress") == orders
        (passed, failed) = served.one("SELECT sum(reports_passed), sum(reports_failed) FROM tests_per_day")
        assert figure(page, "pass-rate") == round(100 * float(str(passed)) / (float(str(passed)) + float(str(failed))), 1)
        (critical,) = served.one("SELECT count() FROM standing_alerts WHERE severity = 'CRITICAL'")
        assert figure(page, "critical-alerts") == critical
        assert page.locator("#critical-alerts .verdict span").inner_text() == "Act"
        # By their addresses: their sentences are shown with times as the page has them.
        newest = served.tables.rows("SELECT alert_id FROM waiting_alerts ORDER BY occurred_at DESC, alert_id LIMIT 3")
        shown = page.locator("#newest-alerts tbody a[href*='/alert/']").evaluate_all("links => links.map(link => link.href)")
        assert [unquote(link.partition("/alert/")[2].partition("?")[0]) for link in shown[:3]] == [
            alert_id for (alert_id,) in newest
        ]
        centers = dict(served.tables.rows("SELECT center_id, sum(confirmed) FROM throughput_per_day GROUP BY center_id"))
        rows = [row.split("\t") for row in page.locator("#centers tbody tr").all_inner_texts()]
        assert {row[0]: int(row[2].replace(",", "")) for row in rows} == centers


def test_an_event_is_on_the_page_soon_after(served: Served, browser: Browser, center: Publisher) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview?range=30d")
        before = figure(page, "work-in-progress")
        took = []
        for number in (1, 2, 3):
            center.order(
                factory_id="f-live", order_id=f"LIVE-{number}", status="CONFIRMED", product_category="sheet",
                event_time=datetime.now(UTC) - timedelta(seconds=5), promised_at=datetime.now(UTC) + timedelta(days=3),
            )  # fmt: skip
            center.flush()
            began = time.monotonic()
            seen = "([id, text]) => document.querySelector(id).innerText.replace(',', '') === text"
            page.wait_for_function(seen, arg=["#work-in-progress .number", f"{before + number:.0f}"], timeout=20_000, polling=50)
            took.append(time.monotonic() - began)
        sys.stdout.write(f"\nfrom the publisher to the page: {', '.join(f'{one:.2f}' for one in took)} s\n")
        assert min(took) < 10
        assert there.faults == []


def test_an_alert_opens_to_its_evidence(served: Served, browser: Browser, center: Publisher) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview")
        now = datetime.now(UTC)
        center.laboratory_report(
            factory_id="f-live", product_category="sheet", style_number="ST-9", event_time=now - timedelta(minutes=5),
            laboratory_id="lab-1", report_number="R-EVIDENCE", specimen="FINISHED_PRODUCT", specimen_kind="fabric",
            purpose="FUND", safety_class="B", test_plan=["formaldehyde", "ph"],
            measurements=[
                {"indicator": "formaldehyde", "kind": "NUMBER", "value": 96.0, "unit": "mg/kg"},
                {"indicator": "ph", "kind": "NUMBER", "value": 7.1},
            ],
        )  # fmt: skip
        status = {"laboratory_id": "lab-1", "report_number": "R-EVIDENCE", "status": "VERIFIED"}
        center.report_status(factory_id="f-live", product_category="sheet", event_time=now, **status)
        center.flush()
        link = page.locator("#newest-alerts a", has_text="R-EVIDENCE")
        link.wait_for()
        link.click()
        page.wait_for_function(READ)
        expect(page.locator("h1")).to_have_text("Safety limit failed")
        expect(page.locator(".chips")).to_contain_text("Critical")
        proof = page.locator(".proof")
        expect(proof).to_have_count(1)
        for said in ("R-EVIDENCE", "96 mg/kg", "≤ 75 mg/kg", "Beyond the limit", "GB 18401-2010, table 1"):
            expect(proof).to_contain_text(said)
        expect(proof.get_by_role("img")).to_have_attribute("aria-label", re.compile("96 mg/kg.*75 mg/kg.*Beyond the limit"))
        # The value lies beyond the shaded side of the line.
        value, passing = proof.locator(".value").bounding_box(), proof.locator(".passing").bounding_box()
        assert value is not None
        assert passing is not None
        assert value["x"] > passing["x"] + passing["width"]
        expect(page.locator("#history .chart")).to_have_attribute(
            "aria-label", re.compile("Formaldehyde.* at f-live.*1 meas", re.S)
        )
        expect(page.locator("#reports tbody tr")).to_have_count(1)
        page.locator(".facts a", has_text="c-board").click()
        page.wait_for_function(READ)
        assert page.url.startswith(f"{served.url}/center?center=c-board")
        expect(page.get_by_label("Center", exact=True)).to_have_value("c-board")
        assert there.faults == []


def test_what_waits_is_shown_whatever_else_is_not_known(served: Served, browser: Browser, center: Publisher) -> None:
    """Of this factory there is no report, so its board has no indicator to choose; what waits stands there, until it is over."""
    with visit(browser) as there:
        now = datetime.now(UTC)
        order = {"factory_id": "f-quiet", "order_id": "QUIET-1", "product_category": "sheet"}
        late = now - timedelta(hours=1)
        center.order(**order, status="CONFIRMED", event_time=now - timedelta(hours=5), promised_at=late)
        center.flush()
        page = there.to(f"{served.url}/factory?factory=f-quiet")
        expect(page.locator("#newest-alerts tbody a[href*='/alert/']")).to_contain_text("QUIET-1")
        expect(page.get_by_label("Indicator", exact=True)).to_have_value("")
        assert page.locator(".fault").all_inner_texts() == []
        center.order(**order, status="DISPATCHED", event_time=now)
        center.flush()
        deadline = time.monotonic() + 120
        while not served.tables.rows("SELECT 1 FROM order_rounds WHERE order_id = 'QUIET-1' AND NOT open"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        page = there.to(f"{served.url}/factory?factory=f-quiet")
        expect(page.locator("#over-alerts tbody a[href*='/alert/']")).to_contain_text("QUIET-1")
        expect(page.locator("#newest-alerts tbody a[href*='/alert/']")).to_have_count(0)
        # A page that chose for its reader chooses anew with the factory, and what it chose is in no address.
        page.goto(f"{served.url}/factory?factory=f-run")
        expect(page.get_by_label("Indicator", exact=True)).to_have_value("pH value")
        assert "indicator" not in page.url
        # A table can be had as a file, with as many rows as are shown.
        reports = page.locator("#reports")
        expect(reports.locator("tbody tr")).to_have_count(3)
        said = saved(page, reports)
        assert said.startswith(b"\xef\xbb\xbf")
        assert len(list(csv.reader(io.StringIO(said.decode("utf-8-sig"))))) == 4
        # A number of a report leads to all that there is of it.
        page.locator("#reports tbody a", has_text="R-RUN-2").click()
        page.wait_for_url("**/report?report=R-RUN-2**")
        page.wait_for_function(READ)
        expect(page.locator("#measurements tbody tr")).to_contain_text("9.1")
        expect(page.locator("#alerts tbody a[href*='/alert/']")).to_have_count(2)  # a limit of safety, and the third in a row
        # Of a lot that is not accepted likewise, from the evidence of its alert.
        page = there.to(f"{served.url}/alert/{quote(an_alert(served, LOT))}?lang=en")
        lot = page.locator(".proof h3 a").first
        name = lot.inner_text().removeprefix("Lot ")
        lot.click()
        page.wait_for_url("**/lot?lot=**")
        page.wait_for_function(READ)
        expect(page.locator("#lots tbody a").first).to_have_text(name)
        assert there.faults == []


OF_EVIDENCE = {
    Rests.REPORTS: "Beyond the limit",
    Rests.LOTS: "units",
    Rests.A_PROMISE: re.compile("Promised|Expected"),
    Rests.A_MEMBER: "Matter",
}


@pytest.mark.parametrize(("rule", "says"), [(rule.value, OF_EVIDENCE[known.rests]) for rule, known in RULES.items()])
def test_every_rule_has_its_page(served: Served, browser: Browser, rule: str, says: str | re.Pattern[str]) -> None:
    with visit(browser, size=PHONE) as there:
        page = there.to(f"{served.url}/alert/{quote(an_alert(served, f'rule = {rule!r}'))}?lang=en")
        expect(page.locator(".proof").first).to_contain_text(says)
        assert page.locator(".fault").all_inner_texts() == []
        assert fits(page)
        assert there.faults == []


def test_a_center_leads_to_its_board(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview?range=30d")
        page.locator("#centers tbody a").first.click()
        page.wait_for_function(READ)
        name = page.get_by_label("Center", exact=True).input_value()
        (open_orders,) = served.one(f"SELECT sum(entries) - sum(exits) FROM throughput_per_day WHERE center_id = '{name}'")
        assert figure(page, "work-in-progress") == open_orders
        expect(page.locator(".ranges [aria-pressed=true]")).to_have_text("30 d")


def test_an_alert_needs_no_sideways_scrolling_on_a_phone(served: Served, browser: Browser) -> None:
    with visit(browser, "zh", size=PHONE, scheme="dark") as there:
        fits_a_phone(there.to(f"{served.url}/alert/{quote(an_alert(served))}"))
        assert there.faults == []


def fits_a_phone(page: Page) -> None:
    """Nothing needs sideways scrolling."""
    assert fits(page)
    for box in (one.bounding_box() for one in page.locator(".card, .tool, h1").all() if one.is_visible()):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
    # A row of a table is a small card there, and nothing lies on the next one.
    assert (
        page.evaluate("[...document.querySelectorAll('.rows tbody tr')].filter(row => row.scrollHeight > row.offsetHeight + 1)")
        == []
    )


def choose_range(page: Page) -> None:
    """Thirty days, on a phone. A page that lost its connection on a busy machine is loaded anew, without what was pressed just then."""
    for _ in range(3):
        page.wait_for_function(READ)
        thirty = page.get_by_role("button", name="30 天")
        if not thirty.is_visible():
            page.get_by_role("button", name="筛选").click()
        thirty.click()
        try:
            page.wait_for_url("**range=30d**", timeout=PATIENCE_MS / 3)
        except TimeoutError:
            continue
        return
    pytest.fail("the range cannot be chosen")


def test_theme_and_language_are_the_browsers_and_then_the_readers(served: Served, browser: Browser) -> None:
    with visit(browser, "en", scheme="dark") as there:
        page = there.to(f"{served.url}/overview")
        background = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(background)
        page.get_by_role("button", name="Light appearance").click()
        page.wait_for_function(f"{background} !== '{dark}'")
        page.get_by_role("link", name="中文").click()
        page.wait_for_url("**lang=zh**")
        page.wait_for_function(READ)
        page = there.to(f"{served.url}/overview")  # nothing in the address: both are remembered
        expect(page.locator("h1")).to_have_text("集群总览")
        assert page.evaluate(background) != dark
        assert there.faults == []


def test_a_keyboard_reaches_everything(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.classList.contains('main')")
        _tab_to(page, lambda: page.evaluate("document.activeElement.textContent") == "30 d")
        page.keyboard.press("Enter")
        page.wait_for_url("**range=30d**")
        page.wait_for_function(READ)  # a page that is laid out anew takes the focus with it
        _tab_to(page, lambda: "Definition" in (page.evaluate("document.activeElement.getAttribute('aria-label')") or ""))
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Numerator")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        sorted_up = page.locator("#factories th").nth(1).and_(page.locator("[aria-sort=ascending]"))
        _press(page.locator("#factories th button").nth(1), sorted_up.wait_for)
        alert = page.locator("#newest-alerts tbody a[href*='/alert/']").first
        _press(alert, partial(page.wait_for_url, "**/alert/**"))


def _press(pressed: Locator, happened: Callable[..., object]) -> None:
    """Enter, until it has happened. A table that is drawn anew under the key takes the press with it."""
    for _ in range(3):
        pressed.press("Enter")
        with suppress(TimeoutError):
            happened(timeout=PATIENCE_MS / 3)
            return
    pytest.fail("Enter does nothing")


def _tab_to(page: Page, found: Callable[[], bool]) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if found():
            return
    pytest.fail("the keyboard does not get there")


@pytest.mark.parametrize("path", ["/overview", "/center", "/alert/"])
def test_whatever_can_be_used_has_a_name(served: Served, browser: Browser, path: str) -> None:
    with visit(browser) as there:
        page = there.to(served.url + (path if path != "/alert/" else path + quote(an_alert(served))))
        tree = page.locator("body").aria_snapshot()
        # In such a tree a name stands in quotes behind the role.
        nameless = [line for line in tree.splitlines() if re.match(r"\s*- (button|link|img|combobox|dialog)\s*(\[|:|$)", line)]
        assert nameless == []
        assert {"banner", "navigation", "main"} <= set(re.findall(r"- (banner|navigation|main)\b", tree))
        assert page.locator("h1").count() == 1


def test_choices_stand_in_the_address_and_narrow_the_figures(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview?range=30d&cooperative=tongzhou")
        count = "SELECT count() FROM standing_alerts WHERE severity = 'CRITICAL'"
        (own,) = served.one(f"{count} AND cooperative_id = 'tongzhou'")
        (of_all,) = served.one(count)
        assert own != of_all
        assert figure(page, "critical-alerts") == own
        page.get_by_label("Cooperative", exact=True).click()
        page.get_by_role("option", name="tongzhou").click()
        page.wait_for_url(lambda url: "cooperative" not in url)
        expect(page.locator("#critical-alerts .number")).to_have_text(str(of_all))


def test_an_unknown_alert_and_a_hostile_address(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.page
        page.goto(f"{served.url}/alert/{quote('<img src=x onerror=alert(1)>', safe='')}")
        expect(page.locator("h1")).to_contain_text("There is no such alert: <img")
        page = there.to(f"{served.url}/center?center={quote(HOSTILE)}&range=never")
        assert page.locator(".fault").all_inner_texts() == []
        assert figure(page, "overdue") == 0
        assert there.faults == []


def test_while_clickhouse_is_away_the_page_says_so_and_comes_back(served: Served, browser: Browser) -> None:
    with visit(browser) as there:
        page = there.to(f"{served.url}/overview?range=30d")
        before = page.locator("#work-in-progress .number").inner_text()
        engine = served.stack.pid("clickhouse")
        os.kill(engine, signal.SIGSTOP)
        try:
            expect(page.locator(".live")).to_contain_text("waiting for ClickHouse")
            expect(page.get_by_role("status").first).to_contain_text("does not answer")
            assert page.locator("#work-in-progress .number").inner_text() == before
        finally:
            os.kill(engine, signal.SIGCONT)
        expect(page.locator(".live")).to_contain_text("live")
        expect(page.locator(".banner")).to_be_hidden()
        assert there.faults == []
