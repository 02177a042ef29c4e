"""What every page has around its content: the head with its tabs, the state of the connection, language, theme, and the skip link."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from weftline.boards.model import Board, Language, Text
from weftline.boards.web.address import Address
from weftline.boards.web.look import Look
from weftline.boards.web.watch import Watch
from weftline.pages.drawing import STYLE, properties

ASSETS: Final = Path(__file__).parent / "assets"
_VERSION: Final = hashlib.sha256((ASSETS / "style.css").read_bytes() + STYLE.read_bytes()).hexdigest()[:12]
#: A year; the choice of a reader, kept in the browser only.
_KEEP: Final = "path=/;max-age=31536000;SameSite=Lax"

LIVE, WAITING = Text("实时", "live"), Text("等待 ClickHouse", "waiting for ClickHouse")
AWAY = Text(
    "ClickHouse 暂时没有应答。下面是最后一次读到的数字；恢复后会自动更新。",
    "ClickHouse does not answer. What you see is what was read last; it goes on by itself.",
)
DEGRADED = Text("部分停止", "degraded")
STOPPED = Text(
    "{names} 反复退出，已停用；由它计算的数字停在原处，其余照常。详情见 weftline status。",
    "{names} keeps ending and was stopped: figures that come from it stand still, all else goes on. `weftline status` says why.",
)
SKIP, BOARDS_NAV = Text("跳到正文", "Skip to content"), Text("看板", "Boards")
TO_DARK, TO_LIGHT = Text("深色外观", "Dark appearance"), Text("浅色外观", "Light appearance")
CHOICES = Text("筛选", "Filters")
LANGUAGE_NAMES: Final[dict[Language, str]] = {"zh": "中文", "en": "English"}
QUASAR_LANGUAGES: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en-US"}


class Words(TextElement):
    """A tag with text: ``Words("h1", "Overview")``."""

    def __init__(self, tag: str, text: str, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        for name, value in attributes.items():
            self.props[name.strip("_").replace("_", "-")] = value


def icon(name: str, classes: str = "") -> Element:
    """An icon of the font that comes with the library; it says nothing to a screen reader."""
    return ui.icon(name).classes(classes).props("aria-hidden=true")


def styles() -> str:
    """The colours of the palette as custom properties, for both themes, and the style sheets."""
    return (
        f"<style>:root{{{properties(False)}}}body.body--dark{{{properties(True)}}}</style>"
        f'<link rel="stylesheet" href="/assets/pages/{STYLE.name}?{_VERSION}">'
        f'<link rel="stylesheet" href="/assets/board/style.css?{_VERSION}">'
    )


class Frame:
    """The head of a page; ``main`` takes its content. ``on_theme`` is called with whether it is dark, once known and on every change."""

    def __init__(self, here: Address, boards: Sequence[Board], theme: bool | None, zone: ZoneInfo) -> None:
        self.look = Look(here.language, zone, bool(theme))
        self.here = here
        self._client = ui.context.client
        self.on_theme: Callable[[], None] = lambda: None
        self._theme = ui.dark_mode(theme)
        self._known = theme is not None
        self._boards = boards
        ui.add_head_html(styles())
        # With the page itself: on a busy machine a reader is on the next one before this one has its connection.
        ui.add_head_html(f"<script>document.cookie='weftline_lang={self.look.language};{_KEEP}'</script>")
        self._build()

    def _build(self) -> None:
        look = self.look
        # The library's page is the landmark `main`: the head stands beside it.
        with self._client.layout, ui.element("header").classes("top") as top, ui.element("div").classes("bar"):
            with ui.element("a").props(f'href="/overview?lang={look.language}" aria-label="Weftline"').classes("brand"):
                ui.element("span").classes("mark").props("aria-hidden=true")
                Words("span", "Weftline")
            with ui.element("nav").classes("tabs").props(f'aria-label="{look.of(BOARDS_NAV)}"'):
                self._tabs = {board.id: Words("a", look.of(board.title)) for board in self._boards if board.listed}
            with ui.element("div").classes("tools"):
                with ui.element("div").classes("live") as self._live:
                    ui.element("span").classes("dot").props("aria-hidden=true")
                    self._state = Words("span", "…")
                other: Language = "en" if look.language == "zh" else "zh"
                self._other = Words("a", LANGUAGE_NAMES[other], "tool", lang=QUASAR_LANGUAGES[other], hreflang=other)
                with ui.element("button").classes("tool").props("type=button") as self._switch:
                    self._switch_icon = ui.icon("dark_mode").props("aria-hidden=true")
                self._switch.on("click", self._turn)
        top.move(self._client.layout, target_index=0)
        self.banner = Words("p", "", "banner hidden", role="status")
        self.main = ui.element("div").classes("main")
        ui.skip_link(look.of(SKIP), target=self.main)
        self.go(self.here)
        self._show_theme()

    async def connect(self) -> None:
        """Wait for the browser, and ask it whether it is dark unless the reader has said so."""
        await self._client.connected(timeout=30)
        dark = await self._client.run_javascript("return matchMedia('(prefers-color-scheme: dark)').matches", timeout=5)
        if not self._known:
            self.look = replace(self.look, dark=bool(dark))
        self._show_theme()

    def go(self, here: Address) -> None:
        """Another address of this page: the links lead on from it."""
        self.here = here
        for name, tab in self._tabs.items():
            tab.props["href"] = here.to(f"/{name}").href
            if here.path == f"/{name}":
                tab.props["aria-current"] = "page"
            tab.update()
        other: Language = "en" if here.language == "zh" else "zh"
        self._other.props["href"] = replace(here, language=other).href
        self._other.update()

    def tell(self, watch: Watch) -> None:
        """Say whether the figures are live."""
        look = self.look
        if watch.fault:
            self._state.text = look.of(WAITING)
            self.banner.text = f"{look.of(AWAY)} ({watch.fault[:200]})"
        else:
            seen = datetime.fromtimestamp(int(watch.seen_at), look.zone)
            self._state.text = f"{look.of(DEGRADED if watch.degraded else LIVE)} · {seen:%H:%M:%S}"
            self.banner.text = look.of(STOPPED).format(names=", ".join(watch.degraded)) if watch.degraded else ""
        wrong = bool(watch.fault or watch.degraded)
        self._live.classes(add="away" if wrong else "", remove="" if wrong else "away")
        self.banner.classes(add="" if wrong else "hidden", remove="hidden" if wrong else "")

    def _turn(self) -> None:
        self.look = replace(self.look, dark=not self.look.dark)
        self._theme.value = self.look.dark
        chosen = "dark" if self.look.dark else "light"
        ui.run_javascript(f"document.cookie='weftline_theme={chosen};{_KEEP}'")
        self._show_theme()
        self.on_theme()

    def _show_theme(self) -> None:
        dark = self.look.dark
        self._switch.props["aria-label"] = self._switch.props["title"] = self.look.of(TO_LIGHT if dark else TO_DARK)
        self._switch.update()
        self._switch_icon.name = "light_mode" if dark else "dark_mode"
