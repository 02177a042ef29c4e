"""The pages of an inbox as HTML, in Chinese or English, for a screen that is 390 pixels wide. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from weftline.contracts.partners import Partner, Role
from weftline.domain.next_steps import NEXT
from weftline.domain.remedies import Asked
from weftline.domain.vocabulary import AlertRule
from weftline.gateway.inbox.answering import BUTTONS, WITH_REASON
from weftline.gateway.inbox.holding import BUTTONS as LOT_BUTTONS
from weftline.gateway.inbox.reading import Listing, Page
from weftline.gateway.inbox.session import LINK_NAME
from weftline.pages.drawing import CONFIDENCES, SAID, STATUSES, STYLE, environment, proofs_html, properties
from weftline.pages.links import PATH
from weftline.pages.reader import Reader, moment, sentence, written
from weftline.pages.text import Language, Text, Tone, Unit
from weftline.pages.words import Word

_FOLDER: Final = Path(__file__).parent
_ICON: Final = (_FOLDER / "assets" / "icon.svg").read_bytes()
#: One style sheet for all pages: the palette for both themes, evidence, and what is the inbox's own.
STYLES: Final = (
    f":root{{color-scheme:light dark;{properties(False)}}}@media (prefers-color-scheme:dark){{:root{{{properties(True)}}}}}\n"
    + STYLE.read_text("utf-8")
    + (_FOLDER / "assets" / "inbox.css").read_text("utf-8")
).encode()
VERSION: Final = hashlib.sha256(STYLES + _ICON).hexdigest()[:12]
ICON: Final = _ICON

STATES: Final = {
    "open": Word(Text("待处理", "Open"), Tone.WARN),
    "over": Word(Text("已了结", "Over"), Tone.GOOD),
    "withdrawn": STATUSES["WITHDRAWN"],
}
TEXTS: Final = {
    **SAID,
    "inbox": Text("收件箱", "Inbox"),
    "other_language": Text("English", "中文"),
    "leave": Text("退出", "Sign out"),
    "skip": Text("跳到正文", "Skip to content"),
    "waiting": Text("待处理预警", "Open alerts"),
    "nothing": Text("没有待处理的预警。", "No open alerts."),
    "newer": Text("上一页", "Previous"),
    "older": Text("下一页", "Next"),
    "back": Text("返回收件箱", "Back to the inbox"),
    "now_what": Text("现在怎么办", "What to do now"),
    "evidence": Text("证据", "Evidence"),
    "about": Text("相关信息", "About"),
    "history": Text("历史", "History"),
    "more_history": Text("更早的记录未能读到。", "Earlier entries could not be read."),
    "no_history": Text("暂时没有记录。", "There is no entry yet."),
    "answer": Text("答复", "Answer"),
    "answered": Text("已有答复", "Answers so far"),
    "sending": Text(
        "您的答复已收到，正在处理，本页会自动更新。",
        "Your answer has arrived and is being dealt with; this page will follow.",
    ),
    "not_counted": Text("未生效：此前已有其他答复", "without effect: another answer came before it"),
    "by_link": Text("凭消息中的链接", "by the link of a message"),
    "reason": Text("理由", "Reason"),
    "reason_if_any": Text("理由（可不填）", "Reason (optional)"),
    "members": Text("全体成员 · 合作社", "All members of cooperative"),
    "held_lots": Text("批次封存", "Lots held back"),
    "no_block": Text("目前没有因本预警封存的批次。", "No lot is held back because of this alert."),
    "problem": Text("问题编号", "Problem"),
    "held": Text("封存中", "Held back"),
    "free": Text("已全部解除", "All lifted"),
    "lifted": Text("已解除", "Lifted"),
    "counterpart": Text("对方编号", "Their number"),
    "their_number": Text("对方的问题编号", "Number of the problem on the other side"),
    "which_lots": Text("选择批次", "Choose lots"),
    "is_held": Text("封存中", "held back"),
    "other_lots": Text("其他批次（每行一个）", "Other lots (one in each line)"),
    "undone": Text(
        "未发出。请至少选择一个批次；如果刚才有人已处理，请看下面的最新状态。",
        "Nothing was sent. Choose a lot at least; if somebody else came first, what stands now is below.",
    ),
    "why": Text("本批为什么不接收", "Why this lot was not accepted"),
    "class": Text("类别", "Class"),
    "found": Text("不合格品", "Found"),
    "verdict": Text("结论", "Verdict"),
    "sample": Text("样本量", "Sample"),
    "lot_size": Text("批量", "Lot size"),
    "part": Text("部分", "Part"),
    "explain": Text(
        "不合格品数不超过接收数 Ac 即接收，达到拒收数 Re 即不接收；致命不合格一件也不接收。",
        "Up to Ac units are accepted, from Re units on the lot is not; no critical unit is ever accepted.",
    ),
    "one_class": Text(
        "检验记录现在读不到，下面的证据只有一个类别。",
        "The record of the inspection cannot be read now; the evidence below has one class.",
    ),
    "over": Text("本批再次提交后已接收，本事项已了结。", "The lot was submitted again and accepted; the matter is over."),
    "due": Text("后续批次的检验严格度", "Severity for the next lots"),
    "standard": Text("标准的可信度", "Confidence of the standard"),
    "may": Text("您可以做什么", "What you may do"),
    "by_when": Text("期限", "By when"),
    "no_term": Text("未查到规定的期限，请与对方约定", "no rule that is known here sets a date; agree on one"),
    "ask": Text("联系", "Ask"),
    "unconfirmed": Text("未经证实", "unconfirmed"),
    "source": Text("出处", "Source"),
    "center": Text("检测中心", "Center"),
    "cooperative": Text("合作社", "Cooperative"),
    "factory": Text("工厂", "Factory"),
    "product": Text("产品类别", "Product"),
    "style": Text("款号", "Style"),
    "lots": Text("批次", "Lots"),
    "occurred": Text("发生时间", "Occurred"),
    "late": Text("迟报", "Told late by"),
    "number": Text("预警编号", "Alert"),
    "sign_in": Text("登录收件箱", "Sign in"),
    "how_in": Text(
        "请打开预警消息中的链接，或输入工厂、合作社的令牌。链接只在一段时间内有效。",
        "Open the link in a message of an alert, or enter the token of your factory or cooperative. A link holds for a while only.",
    ),
    "shut": Text("打不开这一页", "This page does not open"),
    "why_shut": Text(
        "链接已过期或不完整，令牌无效，或者这里没有您可以看的内容。",
        "The link is over or incomplete, the token is not valid, or there is nothing here for you to see.",
    ),
    "token": Text("令牌", "Token"),
    "enter": Text("进入", "Enter"),
    "lost": Text(
        "没有令牌？请向 Weftline 的运行方索取（weftline partner rotate）。",
        "No token? Whoever runs Weftline makes one (weftline partner rotate).",
    ),
    "opening": Text("正在打开…", "Opening…"),
    "go_on": Text("继续", "Go on"),
    "later": Text("请稍后再试", "Try again in a moment"),
    "why_later": Text(
        "数据暂时读不到，没有丢失任何内容。请稍后重新打开本页。",
        "The data cannot be read now; nothing is lost. Open this page again in a moment.",
    ),
}
_JUDGED: Final = {
    True: Word(Text("接收", "Accepted"), Tone.GOOD),
    False: Word(Text("不接收", "Not accepted"), Tone.BAD),
    None: Word(Text("未判定", "Not judged"), Tone.QUIET),
}


class Pages:
    """``zone``: in which times are told."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._environment = environment(_FOLDER / "templates")

    def door(self, language: Language, *, refused: bool) -> str:
        """The way in. ``refused``: whoever asks was not let in, or there is nothing for him; it says neither which nor why."""
        return self._page("door.html", language, refused=refused)

    def opening(self, language: Language, target: str) -> str:
        """Leads on to ``target``, so that the link does not stay in the address bar."""
        return self._page("opening.html", language, target=target)

    def later(self, language: Language) -> str:
        """A server behind is away, or too much was asked."""
        return self._page("later.html", language)

    def listing(self, language: Language, listing: Listing, reader: Partner) -> str:
        """The open alerts of a factory, or of all members of an officer's cooperatives."""
        members = reader.role is Role.OFFICER
        whose = ", ".join(reader.cooperatives if members else reader.factories)
        return self._page("listing.html", language, listing=listing, whose=whose, members=members, inside=True)

    def alert(
        self, language: Language, page: Page, sent: str = "", fed_back: tuple[str, str] = ("", ""), *, undone: bool = False
    ) -> str:
        """One alert. ``sent``: id of an answer that was just given, which the page looks for until it is among those that were;
        ``fed_back``: the problem and the number of the other side that it gave, if it did;
        ``undone``: what was just said of lots was not taken."""
        reader = Reader(language, self._zone)
        story, step = page.story, NEXT.get(AlertRule(page.story.rule)) if page.story.rule in AlertRule.__members__ else None
        facts = (
            ("factory", story.factory_id),
            ("center", story.center_id),
            ("cooperative", story.cooperative_id),
            ("occurred", moment(story.occurred_at, reader)),
            ("late", written(story.late_hours, Unit.HOURS, reader) if story.late_hours else ""),
            ("product", reader.of(reader.word("product_category", story.product_category).text)),
            ("style", story.style_number),
            ("lots", ", ".join(story.lot_ids)),
            ("order", story.order_id),
            ("shipment", story.shipment_id),
            ("number", story.alert_id),
        )
        return self._page(
            "alert.html",
            language,
            page=page,
            story=story,
            step=None if step is None or page.state != "open" else Text(step.zh, step.en),
            state=STATES[page.state],
            facts=[(name, text) for name, text in facts if text],
            proofs=proofs_html(story, reader),
            answered=page.answered,
            sent=bool(sent) and not page.answered.knows(sent, *fed_back),
            buttons=BUTTONS,
            with_reason=WITH_REASON,
            lots=page.answered.holding,
            lot_buttons={kind.value.lower(): text for kind, text in LOT_BUTTONS.items()},
            undone=undone,
            link_name=LINK_NAME,
            statuses=STATUSES,
            judged=lambda accepted: _JUDGED[accepted],
            confidences=CONFIDENCES,
            pair=lambda words: words[0] if language == "zh" else words[1],
            asked=lambda whom: (
                (reader.of(TEXTS["center"]), story.center_id)
                if whom is Asked.CENTER
                else (reader.of(TEXTS["cooperative"]), story.cooperative_id)
            ),
            inside=True,
        )

    def _page(self, template: str, language: Language, **more: Any) -> str:
        reader = Reader(language, self._zone)
        texts = {name: reader.of(text) for name, text in TEXTS.items()}
        tell: dict[str, Callable[..., Any]] = {
            "of": reader.of,
            "word": reader.word,
            "moment": lambda time: moment(time, reader),
            "sentence": lambda text: sentence(reader.of(text), reader),
            "alert_path": lambda alert_id: f"{PATH}/alerts/{quote(alert_id, safe='')}",
        }
        known = {
            "path": PATH,
            "version": VERSION,
            "language": language,
            "other": "en" if language == "zh" else "zh",
            "inside": False,
        }
        return self._environment.get_template(template).render({**known, **tell, "t": texts, **more})
