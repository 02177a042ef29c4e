"""The page of an alert: what it says, what it rests on with every value against its limit, and what stands around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nicegui import ui
from nicegui.element import Element

from weftline.boards.model import Text, Tone, Unit
from weftline.boards.web.frame import Frame, Words, icon
from weftline.boards.web.keeper import Keeper
from weftline.boards.web.look import TONE_ICONS, Look
from weftline.boards.web.panels import LOADING, Card
from weftline.boards.web.source import Source
from weftline.boards.web.story import TABLES, choice_of, panels, read, span_of
from weftline.boards.web.watch import Watch
from weftline.errors import DependencyDown, WeftlineError
from weftline.pages.drawing import STATUSES, proofs_html
from weftline.pages.evidence import Story
from weftline.pages.reader import moment, sentence, written
from weftline.pages.words import Word

BACK = Text("集群总览", "Cluster overview")
UNKNOWN = Text("没有这个预警", "There is no such alert")
EVIDENCE, CONTEXT = Text("证据", "Evidence"), Text("背景", "Context")
FACTORY, CENTER, COOPERATIVE = Text("工厂", "Factory"), Text("打样中心", "Center"), Text("合作社", "Cooperative")
PRODUCT, STYLE, LOT_IDS = Text("产品类别", "Product"), Text("款号", "Style"), Text("批次", "Lots")
ORDER, SHIPMENT, OCCURRED = Text("打样单", "Order"), Text("运单", "Shipment"), Text("发生时间", "Occurred")
TOLD_LATE = Text("迟报", "Told late by")
NUMBER = Text("预警编号", "Alert")


class AlertPage:
    """One open page. ``run`` is its life, to be cancelled when the page is closed."""

    def __init__(self, alert_id: str, frame: Frame, source: Source, watch: Watch, boards: frozenset[str]) -> None:
        self._alert_id, self._frame, self._source, self._watch, self._boards = alert_id, frame, source, watch, boards
        self._again = asyncio.Event()
        self._story: Story | None = None
        self._keeper: Keeper | None = None
        frame.on_theme = self._again.set
        with frame.main:
            self._top = ui.element("div").classes("story")
            self._below = ui.element("div")
        with self._top:
            Words("p", frame.look.of(LOADING), "note", data_loading="true")

    async def run(self) -> None:
        """Live until cancelled."""
        self._watch.open()
        connecting = asyncio.create_task(self._frame.connect())
        try:
            while not self._source.marks:
                await self._watch.next()
                self._frame.tell(self._watch)
            at: object = None
            await connecting
            while True:
                self._frame.tell(self._watch)
                now = self._source.at(TABLES)
                if not self._watch.fault:
                    if now != at and await self._told():
                        at = now
                    if self._keeper is not None and self._story is not None:
                        span = span_of(self._story, time.time())
                        self._keeper.read(choice_of(self._story, span), span, self._frame.look, self._frame.here)
                await self._watch.next_or(self._again)
        finally:
            connecting.cancel()
            self._watch.close()
            if self._keeper is not None:
                self._keeper.stop()

    async def _told(self) -> bool:
        """Read the story, and tell it if it is another than before. Whether it could be read."""
        try:
            story = await read(self._source, self._alert_id)
        except DependencyDown:
            return False
        except WeftlineError as error:
            self._say(str(error))
            return True
        if story is None:
            self._say(f"{self._frame.look.of(UNKNOWN)}: {self._alert_id}")
        elif story != self._story:
            self._tell(story)
        self._story = story
        return True

    def _say(self, text: str) -> None:
        self._top.clear()
        with self._top:
            Words("h1", text)

    def _tell(self, story: Story) -> None:
        look = self._frame.look
        self._top.clear()
        with self._top:
            self._head(story, look)
            with ui.element("section").classes("row-of-cards").props("aria-labelledby=evidence"):
                Words("h2", look.of(EVIDENCE), id="evidence")
                ui.html(proofs_html(story, look, self._lead), sanitize=False)  # the template escapes all that others wrote
        if self._story is None or panels(self._story) != panels(story):
            self._below.clear()
            with self._below, ui.element("section").classes("row-of-cards").props("aria-labelledby=around"):
                Words("h2", look.of(CONTEXT), id="around")
                with ui.element("div").classes("grid"):
                    self._keeper = Keeper([Card(panel, look, self._boards) for panel in panels(story)], self._source)

    def _head(self, story: Story, look: Look) -> None:
        here = self._frame.here
        with ui.element("div").classes("head"), ui.element("div").classes("titles"):
            with ui.element("p").classes("crumbs"):
                Words("a", f"← {look.of(BACK)}", href=here.to("/overview").href)
            with ui.element("p").classes("chips"):
                chip(look.word("severity", story.severity), look)
                chip(STATUSES.get(story.status, Word(Text(story.status, story.status))), look)
            Words("h1", look.of(look.word("rule", story.rule).text))
            Words("p", sentence(look.of(story.text), look), "sentence")
        facts: Sequence[tuple[Text, str, str]] = (
            (FACTORY, story.factory_id, self._link("factory", story.factory_id)),
            (CENTER, story.center_id, self._link("center", story.center_id)),
            (COOPERATIVE, story.cooperative_id, ""),
            (OCCURRED, moment(story.occurred_at, look), ""),
            (TOLD_LATE, written(story.late_hours, Unit.HOURS, look) if story.late_hours else "", ""),
            (PRODUCT, look.of(look.word("product_category", story.product_category).text), ""),
            (STYLE, story.style_number, ""),
            (LOT_IDS, ", ".join(story.lot_ids), ""),
            (ORDER, story.order_id, ""),
            (SHIPMENT, story.shipment_id, ""),
        )
        with ui.element("dl").classes("facts card"):
            for title, text, href in facts:
                if text:
                    with ui.element("div"):
                        Words("dt", look.of(title))
                        with ui.element("dd"):
                            Words("a", text, href=href) if href else Words("span", text)
            with ui.element("div").classes("wide"):
                Words("dt", look.of(NUMBER))
                Words("dd", story.alert_id, "code")

    def _lead(self, board: str, subject: str) -> str:
        return self._frame.here.to(f"/{board}", **{board: (subject,)}).href if board != "matter" else ""

    def _link(self, board: str, value: str) -> str:
        return self._frame.here.to(f"/{board}", **{board: (value,)}).href if board in self._boards else ""


def chip(word: Word, look: Look) -> Element:
    """A code in words, with the colour of its meaning."""
    tone = word.tone or Tone.QUIET
    with ui.element("span").classes(f"chip tone-{tone.value}") as element:
        if tone in TONE_ICONS:
            icon(TONE_ICONS[tone])
        Words("span", look.of(word.text))
    return element
