"""The board's button for packs: who may have one made, what he is given, what he is told, and that no other site presses it."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from tests.support.gateway import World
from tests.support.packs import key, made

from weftline.boards.web.door import Door
from weftline.boards.web.login import COOKIE, Login
from weftline.boards.web.packing import Packs
from weftline.domain.cooperative.pack import Order
from weftline.domain.vocabulary import PackPurpose
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.packs import ordering
from weftline.packs.making import event
from weftline.packs.ordering import HandedOut, Wanted
from weftline.packs.signed import check, public_of
from weftline.runtime.settings import Settings

FORM = {"content-type": "application/x-www-form-urlencoded", "origin": "http://10.0.0.9", "sec-fetch-site": "same-origin"}
PAGES = frozenset({"/", "/factory"})
DAY = datetime.date(2026, 6, 30)


def handed(purpose: PackPurpose = PackPurpose.LOAN, factory: str = "f-1") -> HandedOut:
    pack = made("01-seasoned.yaml", DAY, purpose)
    order = Order(purpose=purpose, cooperative_id="haimen", factory_id=factory, made_at=0)
    return HandedOut(pack, event(pack, order, "urn:x", "c", "+08:00"), f"{purpose.value.lower()}-海门-1")


class Board:
    """The door, the login and the route of packs of a board; what they are made from is somebody else's."""

    def __init__(self, *, login: bool = True) -> None:
        self.world = World()
        self.asked: list[tuple[PackPurpose, str, str | None]] = []
        self.fault: Exception | None = None
        self.login = Login(self.world.door, clock=lambda: self.world.seconds) if login else None
        server = FastAPI(openapi_url=None)
        packs = Packs(self.login, self._make)
        packs.register(server)
        self.app = Door(server, (), PAGES, self.login, packs.forms)

    def _make(self, purpose: PackPurpose, factory: str, made_for: str | None) -> HandedOut:
        self.asked.append((purpose, factory, made_for))
        if self.fault is not None:
            raise self.fault
        return handed(purpose, factory)

    def ask(self, method: str, path: str, cookie: str = "", **more: Any) -> httpx.Response:
        headers = {**FORM, **more.pop("headers", {}), **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://10.0.0.9") as client:
                return await client.request(method, path, headers=headers, **more)

        return self.world.runner.run(ask())

    def session(self, who: str = "operator") -> str:
        answer = self.ask("POST", "/login", content=urlencode({"token": self.world.tokens[who], "to": "/factory"}))
        return answer.cookies.get(COOKIE, "")

    def press(self, session: str, purpose: str = "loan", headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        content = urlencode({"factory": "f-1", "lang": "en", **form})
        return self.ask("POST", f"/packs/{purpose}", session, content=content, headers=headers or {})


@pytest.mark.parametrize("purpose", [PackPurpose.LOAN, PackPurpose.TRADEMARK])
def test_whoever_is_logged_in_is_given_both_signed_files(purpose: PackPurpose) -> None:
    board = Board()
    answer = board.press(board.session(), purpose.value.lower(), **{"for": " 海门银行 "})
    assert answer.status_code == 200
    assert board.asked == [(purpose, "f-1", "海门银行")]
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{purpose.value.lower()}-__-1.zip"'
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == [f"{purpose.value.lower()}-海门-1.{ending}" for ending in ("html", "json")]
        for name in archive.namelist():
            check(archive.read(name), public_of(key()))
    assert handed(purpose).archive == answer.content


@pytest.mark.parametrize("who", ["", "guessed", "officer", "factory", "center"])
def test_nobody_else_is(who: str) -> None:
    """The board is an operator's: nobody else has a session there."""
    board = Board()
    session = board.session(who) if who in board.world.tokens else who
    answer = board.press(session)
    assert (answer.status_code, board.asked) == (401, [])
    assert "口令" in answer.text


def test_a_session_that_ended_makes_nothing() -> None:
    board = Board()
    session = board.session()
    board.world.tables.partners = []
    board.world.later(5)
    assert (board.press(session).status_code, board.asked) == (401, [])


def test_a_page_of_another_site_presses_nothing() -> None:
    board = Board()
    session = board.session()
    form = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", **form},
        {"sec-fetch-site": "same-site", **form},
        {"host": "rebound.example"},
    ):
        assert board.press(session, headers=headers).status_code == 403, headers
    assert board.ask("GET", "/packs/loan?factory=f-1", session).status_code == 405
    assert board.asked == []


@pytest.mark.parametrize(
    ("purpose", "form", "status"),
    [("mortgage", {}, 404), ("unknown", {}, 404), ("loan", {"factory": ""}, 422), ("loan", {"for": "x" * 201}, 422)],
)
def test_what_cannot_be_asked_for(purpose: str, form: dict[str, str], status: int) -> None:
    board = Board()
    assert (board.press(board.session(), purpose, **form).status_code, board.asked) == (status, [])


@pytest.mark.parametrize(
    ("fault", "status"),
    [(UserError("no <b>member</b>"), 422), (ContractError("made_for", "<b>"), 422), (DependencyDown("kafka", "<b>away"), 503)],
)
def test_why_none_was_made_is_said_in_the_readers_language(fault: Exception, status: int) -> None:
    board = Board()
    board.fault = fault
    session = board.session()
    answer = board.press(session, factory='f"&1')
    assert answer.status_code == status
    assert "No pack was made" in answer.text
    assert "&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text
    assert 'href="/factory?factory=f%22%261&amp;lang=en"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "没有制作" in board.press(session, lang="zh").text


def test_where_nobody_logs_in_nothing_is_made() -> None:
    board = Board(login=False)
    answer = board.press("")
    assert (answer.status_code, answer.text) == (404, "There is no such page.\n")
    assert board.asked == []


def test_a_key_signs_for_its_own_cooperative(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[Wanted] = []

    def hand_out(_: Settings, one: Wanted, by: object) -> HandedOut:
        assert by is key()
        wanted.append(one)
        return handed()

    monkeypatch.setattr(ordering, "hand_out", hand_out)
    packs = Packs.of(Settings(pack_cooperative="haimen"), key(), None)
    packs._make(PackPurpose.LOAN, "f-1", None)
    assert wanted == [Wanted(purpose=PackPurpose.LOAN, factory_id="f-1", cooperative_id="haimen")]
    assert not packs.possible
