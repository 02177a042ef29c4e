"""The page of an alert: what it says, what it rests on with every value against its limit, and what stands around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

from nicegui import ui
from nicegui.element import Element

from weftline.boards.model import Text, Tone, Unit
from weftline.boards.web.address import Address
from weftline.boards.web.frame import Frame, Words, icon
from weftline.boards.web.keeper import Keeper
from weftline.boards.web.look import TONE_ICONS, Look, moment, number, sentence, written
from weftline.boards.web.panels import LOADING, Card
from weftline.boards.web.source import Source
from weftline.boards.web.story import DEADLINES, LABORATORY, MILESTONES, TABLES, Proof, Story, panels, read
from weftline.boards.web.strip import Line, Measure
from weftline.boards.web.watch import Watch
from weftline.boards.words import Word
from weftline.domain.vocabulary import AlertRule
from weftline.errors import DependencyDown, WeftlineError

BACK = Text("集群总览", "Cluster overview")
UNKNOWN = Text("没有这个预警", "There is no such alert")
EVIDENCE, CONTEXT = Text("证据", "Evidence"), Text("背景", "Context")
PASSES, FAILS = Text("合格范围", "passes"), Text("超出限值", "Beyond the limit")
KEEPS = Text("在限值内", "Within the limit")
MEASURED, LIMIT, CLAUSE = Text("实测", "Measured"), Text("限值", "Limit"), Text("依据", "Clause")
CONFIDENCE, SOURCE, EVENT = (
    Text("限值可信度", "Confidence of the limit"),
    Text("限值出处", "Where the limit stands"),
    Text("事件", "Event"),
)
NOT_YET = Text("尚未", "not yet")
FACTORY, CENTER, COOPERATIVE = Text("工厂", "Factory"), Text("打样中心", "Center"), Text("合作社", "Cooperative")
PRODUCT, STYLE, LOT_IDS = Text("产品类别", "Product"), Text("款号", "Style"), Text("批次", "Lots")
ORDER, SHIPMENT, OCCURRED = Text("打样单", "Order"), Text("运单", "Shipment"), Text("发生时间", "Occurred")
TOLD_LATE = Text("迟报", "Told late by")
NUMBER = Text("预警编号", "Alert")
FINISHED, ARRIVED, LATE_BY = Text("完成", "Finished"), Text("到达", "Arrived"), Text("逾期", "Late by")
PROMISED, EXPECTED = Text("承诺", "Promised"), Text("预计", "Expected")
REPORT, LOT = Text("检测报告", "Report"), Text("批", "Lot")
CONFIDENCES = {
    "confirmed": Text("已由多个独立来源证实", "confirmed by several independent publications"),
    "unconfirmed": Text("未经证实", "not confirmed"),
}
STATUSES = {
    "RAISED": Word(Text("成立", "Stands"), Tone.INFO),
    "UPDATED": Word(Text("成立（证据已更新）", "Stands (evidence updated)"), Tone.INFO),
    "WITHDRAWN": Word(Text("已撤销", "Withdrawn"), Tone.QUIET),
}


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
                        span = self._story.span(time.time())
                        self._keeper.read(self._story.choice(span), span, self._frame.look, self._frame.here)
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
                with ui.element("div").classes("proofs"):
                    for proof in story.proofs:
                        if story.rule in DEADLINES:
                            _deadline(story, proof, look)
                        else:
                            _proof(story, proof, look, self._frame.here)
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


def _proof(story: Story, proof: Proof, look: Look, here: Address) -> None:
    """One piece of evidence: what was measured, on a line with its limit, and by which clause."""
    of_laboratory = story.rule in LABORATORY
    href = here.to("/report", report=(proof.subject,)).href if of_laboratory else here.to("/lot", lot=(proof.subject,)).href
    name = look.word("indicator" if of_laboratory else "nonconformity_class", proof.indicator)
    with ui.element("article").classes("card proof"):
        with ui.element("div").classes("card-head"):
            with ui.element("h3"):
                Words("a", f"{look.of(REPORT if of_laboratory else LOT)} {proof.subject}", href=href)
            Words("span", look.of(name.text), "soft")
        with ui.element("div").classes("measured"):
            _said(look.of(MEASURED), proof.value)
            _said(look.of(LIMIT), proof.limit)
            if proof.measure is not None:
                tone, said = (Tone.GOOD, KEEPS) if proof.measure.passes else (Tone.BAD, FAILS)
                chip(Word(said, tone), look)
        if proof.measure is not None:
            _strip(proof, proof.measure, story.line, look)
        with ui.element("dl").classes("details"):
            _detail(look.of(CLAUSE), proof.clause)
            _detail(look.of(CONFIDENCE), look.of(CONFIDENCES.get(proof.confidence, Text(proof.confidence, proof.confidence))))
            _detail(look.of(EVENT), _event(proof, look))
        if proof.clause_source:
            with ui.element("details").classes("more"):
                Words("summary", look.of(SOURCE))
                Words("p", proof.clause_source)


def _deadline(story: Story, proof: Proof, look: Look) -> None:
    """The evidence of a deadline: what was promised, what came of it, and the milestones between."""
    is_order = story.rule == AlertRule.ORDER_OVERDUE
    due = int(datetime.fromisoformat(proof.limit).timestamp() * 1000)
    ends = {milestone.title: milestone.at for milestone in story.milestones}
    done = ends.get(MILESTONES["finished_at" if is_order else "arrived_at"])
    with ui.element("article").classes("card proof"):
        with ui.element("div").classes("card-head"):
            Words("h3", f"{look.of(ORDER)} {story.order_id}" if is_order else f"{look.of(SHIPMENT)} {story.shipment_id}")
            if story.round is not None:
                Words("span", look.of(Text(f"第 {story.round} 轮", f"round {story.round}")), "soft")
        with ui.element("div").classes("measured"):
            _said(look.of(PROMISED if is_order else EXPECTED), moment(due, look))
            _said(look.of(FINISHED if is_order else ARRIVED), look.of(NOT_YET) if done is None else moment(done, look))
            if done is not None and done > due:
                late = written((done - due) / 3_600_000, Unit.HOURS, look)
                chip(Word(Text(f"{LATE_BY.zh} {late}", f"{LATE_BY.en} {late}"), Tone.WARN), look)
        with ui.element("ol").classes("milestones"):
            for milestone in story.milestones:
                with ui.element("li").classes("" if milestone.at else "open"):
                    Words("span", look.of(milestone.title), "soft")
                    Words("strong", look.of(NOT_YET) if milestone.at is None else moment(milestone.at, look))
        with ui.element("dl").classes("details"):
            _detail(look.of(EVENT), _event(proof, look))


def _said(title: str, text: str) -> None:
    if text:
        with ui.element("p"):
            Words("span", title, "soft")
            Words("strong", text)


def _detail(title: str, text: str) -> None:
    if text:
        Words("dt", title)
        Words("dd", text)


def _event(proof: Proof, look: Look) -> str:
    return f"{moment(proof.event_time, look)} · {proof.source} · {proof.event_id}"


def _strip(proof: Proof, on: Measure, line: Line, look: Look) -> None:
    """The value on the alert's line with its limit; the side that passes is shaded."""
    said = f"{look.of(MEASURED)} {proof.value}, {look.of(LIMIT)} {proof.limit}: {look.of(KEEPS if on.passes else FAILS)}"
    begin, end = line.passing(on)
    with ui.element("div").classes("strip").props("role=img") as drawn:
        drawn.props["aria-label"] = said
        ui.element("div").classes("axis")
        passing = ui.element("div").classes("passing").style(f"left:{begin}%;width:{round(end - begin, 2)}%")
        with passing:
            Words("span", look.of(PASSES))
        for limit in (on.low, on.high):
            if limit is not None:
                with ui.element("div").classes("mark").style(f"left:{line.at(limit)}%"):
                    Words("span", number(limit))
        with ui.element("div").classes(f"value {'good' if on.passes else 'bad'}").style(f"left:{line.at(on.value)}%"):
            Words("span", number(on.value))
