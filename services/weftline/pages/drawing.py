"""The evidence of an alert as HTML: each value on a line with its limit, by which clause, and the milestones of what came too late.

One drawing for every page that shows it. It needs no script, and no style within a tag, which a strict Content-Security-Policy would
refuse: a place on a line is a percentage in SVG. What others wrote is escaped by the template engine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from weftline.domain.vocabulary import AlertRule
from weftline.pages.evidence import DEADLINES, LABORATORY, MILESTONES, OF_MEMBERS, Proof, Story
from weftline.pages.palette import colour, surface
from weftline.pages.reader import Reader, cited, moment, number, written
from weftline.pages.text import Text, Tone, Unit
from weftline.pages.words import Word

TEMPLATES: Final = Path(__file__).parent / "templates"
STYLE: Final = Path(__file__).parent / "assets" / "evidence.css"

#: What stands on the page beside what the tables say.
SAID: Final = {
    "report": Text("检测报告", "Report"),
    "lot": Text("批", "Lot"),
    "matter": Text("事项", "Matter"),
    "step": Text("情况", "What happened"),
    "due": Text("期限", "Due"),
    "order": Text("打样单", "Order"),
    "shipment": Text("运单", "Shipment"),
    "measured": Text("实测", "Measured"),
    "limit": Text("限值", "Limit"),
    "passes": Text("合格范围", "passes"),
    "clause": Text("依据", "Clause"),
    "confidence": Text("限值可信度", "Confidence of the limit"),
    "where": Text("限值出处", "Where the limit stands"),
    "event": Text("事件", "Event"),
    "not_yet": Text("尚未", "not yet"),
    "promised": Text("承诺", "Promised"),
    "expected": Text("预计", "Expected"),
    "finished": Text("完成", "Finished"),
    "arrived": Text("到达", "Arrived"),
}
KEEPS, FAILS = Word(Text("在限值内", "Within the limit"), Tone.GOOD), Word(Text("超出限值", "Beyond the limit"), Tone.BAD)
LATE_BY: Final = Text("逾期", "Late by")
CONFIDENCES: Final = {
    "confirmed": Text("已由多个独立来源证实", "confirmed by several independent publications"),
    "unconfirmed": Text("未经证实", "not confirmed"),
}
STATUSES: Final = {
    "RAISED": Word(Text("成立", "Stands"), Tone.INFO),
    "UPDATED": Word(Text("成立（证据已更新）", "Stands (evidence updated)"), Tone.INFO),
    "WITHDRAWN": Word(Text("已撤销", "Withdrawn"), Tone.QUIET),
}
#: Where a subject of evidence leads: (``report``, ``lot`` or ``matter``, its name) → an address, or nothing.
Lead = Callable[[str, str], str]


def environment(*folders: Path) -> Environment:
    """Templates of pages, in ``folders`` and here. Everything is escaped; a name that nobody gave is an error."""
    return Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_TEMPLATE: Final = environment().get_template("evidence.html")


def proofs_html(story: Story, reader: Reader, lead: Lead | None = None) -> str:
    """All pieces of evidence of an alert, as cards."""
    return _TEMPLATE.render(
        story=story,
        said={name: reader.of(text) for name, text in SAID.items()},
        of=reader.of,
        moment=lambda time: moment(time, reader),
        number=number,
        cited=lambda text: cited(text, reader),
        deadline=_Deadline(story, reader) if story.rule in DEADLINES and story.proofs else None,
        kind="matter" if story.rule in OF_MEMBERS else "report" if story.rule in LABORATORY else "lot",
        name=lambda proof: reader.of(_named(story, proof, reader).text),
        verdict=lambda proof: KEEPS if proof.measure.passes else FAILS,
        confidence=lambda proof: reader.of(CONFIDENCES.get(proof.confidence, Text(proof.confidence, proof.confidence))),
        lead=lead or (lambda _kind, _subject: ""),
    )


def properties(dark: bool) -> str:
    """The palette as custom properties of CSS."""
    tones = "".join(f"--{tone.value}:{colour(tone, dark)};" for tone in Tone)
    names: tuple[str, ...] = ("page", "card", "line", "text", "soft")
    return tones + "".join(f"--{name}:{surface(name, dark)};" for name in names)  # type: ignore[arg-type]


def _named(story: Story, proof: Proof, reader: Reader) -> Word:
    return reader.word("indicator" if story.rule in LABORATORY else "nonconformity_class", proof.indicator)


class _Deadline:
    """What was promised, and what came of it."""

    def __init__(self, story: Story, reader: Reader) -> None:
        self.is_order = story.rule == AlertRule.ORDER_OVERDUE
        self.due = int(datetime.fromisoformat(story.proofs[0].limit).timestamp() * 1000)
        ends = {milestone.title: milestone.at for milestone in story.milestones}
        self.done = ends.get(MILESTONES["finished_at" if self.is_order else "arrived_at"])
        self.late: Word | None = None
        if self.done is not None and self.done > self.due:
            late = written((self.done - self.due) / 3_600_000, Unit.HOURS, reader)
            self.late = Word(Text(f"{LATE_BY.zh} {late}", f"{LATE_BY.en} {late}"), Tone.WARN)
        self.round = "" if story.round is None else reader.of(Text(f"第 {story.round} 轮", f"round {story.round}"))
