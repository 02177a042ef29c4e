"""The button by which whoever is logged in has a pack of a member made (:mod:`weftline.packs.ordering`), and what it leads to.

A pack is signed with the cooperative's key and its making is an event, so it takes a reader who is known: where the board asks for no login
nobody is, and the button says so instead. It is a form that is sent, never a link: the door (:mod:`.door`) turns away what a page of
another site sends, and the session is kept in a cookie that no other site's page can make a browser send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from nicegui import ui
from nicegui.element import Element

from weftline.boards.model import LANGUAGES, Language, Text
from weftline.boards.web.address import Address
from weftline.boards.web.frame import QUASAR_LANGUAGES, Words
from weftline.boards.web.login import FORM_HEADERS, Login, form_of
from weftline.boards.web.look import Look
from weftline.contracts.signing import SigningKey
from weftline.domain.vocabulary import PackPurpose
from weftline.errors import ContractError, DependencyDown, UserError, WeftlineError
from weftline.runtime import logging
from weftline.runtime.settings import Settings

if TYPE_CHECKING:
    from weftline.packs.ordering import HandedOut

log = logging.get(__name__)

#: The board on which the button stands.
BOARD: Final = "factory"
_MOST_CHARACTERS: Final = 200

TITLE = Text("证明材料", "Packs of evidence")
ABOUT = Text(
    "{factory} 的签名材料（网页与 JSON），对方用合作社的公钥即可核验。每次制作都会记为一个事件，不改变任何评级。",
    "Signed evidence about {factory}, as a page and as JSON, which others check with the cooperative's public key. "
    "Its making is an event, and changes no grade.",
)
MADE_FOR = Text("出具给（如银行，可不填）", "Made for (such as a bank; may be left empty)")
BUTTONS: Final = {
    PackPurpose.LOAN: Text("制作贷款材料", "Make a loan pack"),
    PackPurpose.TRADEMARK: Text("制作集体商标申请材料", "Make a trademark pack"),
}
#: To where the form is sent, by what the pack is to prove.
PATHS: Final = {purpose: f"/packs/{purpose.value.lower()}" for purpose in BUTTONS}
NO_LOGIN = Text(
    "此看板不要求登录，无法知道是谁在制作，因此不能在这里制作。设置 WEFTLINE_BOARD_LOGIN=always，或使用命令 weftline pack。",
    "This board asks for no login, so nobody would know who makes a pack, and none can be made here. Set WEFTLINE_BOARD_LOGIN=always, "
    "or use the command weftline pack.",
)
WRONG = Text("没有指明工厂，或“出具给”过长", "No factory is named, or for whom it is made is too long")
ENDED = Text("登录已结束，请重新登录", "The login has ended; log in again")
NOT_MADE = Text("没有制作", "No pack was made")
BACK = Text("返回", "Back")
_PAGE: Final = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title} · Weftline</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;overflow-wrap:anywhere}}</style></head>
<body><h1>{title}</h1><p role="alert">{why}</p><p><a href="{href}">{back}</a></p></body></html>
"""


class Packs:
    """Makes packs for readers of one board. ``login``: None where nobody has to log in, and nothing is made.

    ``make``: of purpose, factory and for whom; called in a thread, one at a time.
    """

    def __init__(self, login: Login | None, make: Callable[[PackPurpose, str, str | None], HandedOut]) -> None:
        self._login = login
        self._make = make
        self._one = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings, key: SigningKey, login: Login | None) -> Packs:
        """Those that a program makes which has a key."""

        def make(purpose: PackPurpose, factory: str, made_for: str | None) -> HandedOut:
            from weftline.packs.ordering import Wanted, hand_out  # with it come Kafka's client and all that judges a member

            wanted = Wanted(purpose=purpose, factory_id=factory, made_for=made_for, cooperative_id=settings.pack_cooperative)
            return hand_out(settings, wanted, key)

        return cls(login, make)

    @property
    def possible(self) -> bool:
        """Whether a reader can have one made."""
        return self._login is not None

    @property
    def forms(self) -> frozenset[str]:
        """The paths to which forms are sent; none where nobody is known."""
        return frozenset(PATHS.values()) if self.possible else frozenset()

    def register(self, server: FastAPI) -> None:
        """The routes of :attr:`forms`."""
        for purpose, path in PATHS.items():
            if path in self.forms:
                server.add_route(path, partial(self._asked, purpose), methods=["POST"])

    async def _asked(self, purpose: PackPurpose, request: Request) -> Response:
        """What a form asks for. The door has let in whoever sent it."""
        form = await form_of(request.receive)
        factory, made_for = form.get("factory", ""), form.get("for", "").strip() or None
        language: Language = next((one for one in LANGUAGES if one == form.get("lang")), "en")

        def refused(status: int, why: str) -> Response:
            texts = {"title": NOT_MADE.of(language), "why": escape(why), "back": BACK.of(language)}
            href = escape(Address(f"/{BOARD}", language, values={"factory": (factory,)}).href)
            return HTMLResponse(_PAGE.format(**texts, href=href, lang=QUASAR_LANGUAGES[language]), status, FORM_HEADERS)

        if not factory or len(made_for or "") > _MOST_CHARACTERS:
            return refused(422, WRONG.of(language))
        who = None if self._login is None else self._login.who(request.headers)
        if who is None:  # the session ended on the way here
            return refused(401, ENDED.of(language))
        try:
            async with self._one:
                handed = await asyncio.to_thread(self._make, purpose, factory, made_for)
        except (UserError, ContractError) as error:
            return refused(422, str(error))
        except DependencyDown as error:
            return refused(503, str(error))
        except WeftlineError as error:
            log.error("a pack could not be made", factory=factory, error=str(error))
            return refused(500, str(error))
        log.info("a pack was made", by=who, factory=factory, purpose=purpose.value, pack_id=handed.made.said.pack_id)
        headers = {"Content-Disposition": f'attachment; filename="{_ascii(handed.name)}.zip"', "Cache-Control": "no-store"}
        return Response(handed.archive, 200, headers, "application/zip")


class PackForm:
    """The form on a page. :meth:`about` says of which factory; both its words and what is sent follow at once."""

    def __init__(self, packs: Packs, look: Look) -> None:
        self._look, self._factory = look, ""
        self._buttons: list[Words] = []
        self._sent: Element | None = None
        with ui.element("section").classes("row-of-cards").props('aria-labelledby="packs"'):
            Words("h2", look.of(TITLE), id="packs")
            with ui.element("div").classes("card pack"):
                self._about = Words("p", "", "question")
                if not packs.possible:
                    Words("p", look.of(NO_LOGIN), "note")
                with ui.element("form").props(f'method=post action="{PATHS[PackPurpose.LOAN]}"'):
                    if packs.possible:
                        self._sent = ui.element("input").props('type=hidden name=factory value=""')
                        ui.element("input").props(f"type=hidden name=lang value={look.language}")
                        Words("label", look.of(MADE_FOR), for_="pack-for")
                        ui.element("input").props(f"type=text id=pack-for name=for maxlength={_MOST_CHARACTERS} autocomplete=off")
                    for purpose, text in BUTTONS.items():
                        button = Words("button", look.of(text), "make", type="submit", formaction=PATHS[purpose])
                        self._buttons.append(button)
        self._tell()

    def about(self, factory: str) -> None:
        """Of which factory; an empty name is none."""
        if factory != self._factory:
            self._factory = factory
            self._tell()

    def _tell(self) -> None:
        self._about.text = self._look.of(ABOUT).format(factory=self._factory or "–")
        if self._sent is not None:
            self._sent.props["value"] = self._factory
            self._sent.update()
        for button in self._buttons:
            if self._factory and self._sent is not None:
                button.props.pop("disabled", None)
            else:
                button.props["disabled"] = "true"
            button.update()


def _ascii(name: str) -> str:
    """A name of a file for a header, which knows no other letters."""
    return "".join(letter if letter.isascii() else "_" for letter in name)
