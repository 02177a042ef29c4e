"""The login of the board: who gets in, what the browser keeps, when it ends, and that nothing is shown before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.support.gateway import World

from weftline.boards.web.door import Door
from weftline.boards.web.login import COOKIE, KEPT, SESSION_SECONDS, Login
from weftline.errors import UserError

FORM = {"content-type": "application/x-www-form-urlencoded"}
PAGES = frozenset({"/", "/overview"})


class Board:
    """The door of a board that listens for others; behind it everything is answered."""

    def __init__(self, *, encrypted: bool = False) -> None:
        self.world = World()
        self.login = Login(self.world.door, encrypted=encrypted, clock=lambda: self.world.seconds)
        self.asked: list[str] = []
        self.app = Door(self._behind, (), PAGES, self.login)

    async def _behind(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"figures"})
            return
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            self.asked.append("pulse")

    def ask(self, method: str, path: str, cookie: str = "", **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {}), **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://10.0.0.9") as client:
                return await client.request(method, path, headers=headers, **more)

        return self.world.runner.run(ask())

    def enter(self, who: str, to: str = "/overview") -> httpx.Response:
        token = self.world.tokens.get(who, who)
        return self.ask("POST", "/login", content=urlencode({"token": token, "to": to}), headers=FORM)

    def session(self, who: str = "operator") -> str:
        return self.enter(who).cookies[COOKIE]

    def socket(self, cookie: str, pulses: int, between: Any = lambda: None) -> list[str]:
        """What is sent to a websocket that receives so many pulses; ``between`` is called after the first."""
        sent: list[str] = []
        came = 0

        async def receive() -> dict[str, Any]:
            nonlocal came
            came += 1
            if came == 2:
                between()
            return {"type": "websocket.receive"} if came <= pulses else {"type": "websocket.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        headers = [(b"host", b"10.0.0.9"), (b"cookie", f"{COOKIE}={cookie}".encode())]
        scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": headers, "query_string": b""}
        self.world.runner.run(self.app(scope, receive, send))
        return sent


@pytest.mark.parametrize("path", ["/", "/overview?from=1", "/alert/a-1", "/nothing", "/_nicegui/x.js", "/_nicegui_ws/socket.io/"])
@pytest.mark.parametrize("cookie", ["", "guessed"])
def test_nothing_is_shown_to_whoever_is_not_logged_in(path: str, cookie: str) -> None:
    board = Board()
    answer = board.ask("GET", path, cookie)
    assert answer.status_code == 401
    assert "口令" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert board.asked == []
    assert board.ask("GET", "/healthz").text == "figures"


def test_an_operator_is_let_in_and_led_to_where_he_was_going() -> None:
    board = Board()
    assert 'value="/overview?center=&quot;x"' in board.ask("GET", '/overview?center="x').text.replace("%22", "&quot;")
    answer = board.enter("operator", "/overview?from=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/overview?from=1")
    kept = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(kept.split("; "))
    assert "Secure" not in kept
    assert "Max-Age" not in kept
    assert board.world.tokens["operator"] not in kept
    assert board.ask("GET", "/overview", answer.cookies[COOKIE]).text == "figures"
    assert "Secure" in Board(encrypted=True).enter("operator").headers["set-cookie"]


@pytest.mark.parametrize("who", ["center", "factory", "officer", "wft_000000000000_" + "A" * 43, "", "x" * 20_000])
def test_nobody_else_is(who: str) -> None:
    board = Board()
    answer = board.enter(who)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "无效" in answer.text


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "/nothing", "javascript:alert(1)"])
def test_a_login_leads_nowhere_else(to: str) -> None:
    assert Board().enter("operator", to).headers["location"] == "/"


def test_a_form_of_another_site_logs_nobody_in() -> None:
    board = Board()
    body = urlencode({"token": board.world.tokens["operator"], "to": "/"})
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "rebound.example"}):
        answer = board.ask("POST", "/login", content=body, headers={**FORM, **headers})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_whoever_follows_a_link_from_elsewhere_is_asked_by_the_page_itself() -> None:
    """Browsers leave a strict cookie out then; the page asks once more, and it is there."""
    board = Board()
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert 'http-equiv="refresh"' in board.ask("GET", "/overview", headers=link).text
    assert 'http-equiv="refresh"' not in board.ask("GET", "/overview").text


def test_a_session_ends_by_itself_and_with_its_token() -> None:
    board = Board()
    session, other = board.session(), board.session()
    assert session != other
    board.world.later(SESSION_SECONDS - 1)
    assert board.ask("GET", "/overview", session).status_code == 200
    board.world.later(1)
    assert board.ask("GET", "/overview", session).status_code == 401
    session = board.session()
    board.world.tables.partners = [replace(one, disabled=True) for one in board.world.tables.partners]
    board.world.later(5)
    assert board.ask("GET", "/overview", session).status_code == 401


def test_an_open_page_ends_with_its_session() -> None:
    board = Board()
    assert board.socket("guessed", 3) == ["websocket.close"]
    session = board.session()
    assert board.socket(session, 3) == ["websocket.accept"]
    assert board.asked.count("pulse") == 3

    def disable() -> None:
        board.world.tables.partners = []
        board.world.later(5)

    board.asked.clear()
    board.socket(session, 3, disable)
    assert board.asked.count("pulse") == 1


def test_guessing_is_slowed_down() -> None:
    board = Board()
    answers = [board.enter("wft_000000000000_" + "A" * 43) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]
    assert board.enter("operator").status_code == 303


def test_while_clickhouse_is_away_nobody_is_let_in() -> None:
    board = Board()
    board.world.tables.down = True
    assert board.enter("operator").status_code == 503


def test_sessions_are_bounded() -> None:
    board = Board()
    first = board.session()
    for _ in range(KEPT):
        last = board.session()
    assert board.ask("GET", "/overview", first).status_code == 401
    assert board.ask("GET", "/overview", last).status_code == 200


def test_a_board_for_others_does_not_start_without_an_operator() -> None:
    board = Board()
    asyncio.run(board.login.must_be_possible("0.0.0.0"))
    world = World(partners=[one for one in board.world.tables.partners if one.partner_id != "operator"])
    with pytest.raises(UserError, match="weftline partner add NAME --role operator"):
        asyncio.run(Login(world.door).must_be_possible("0.0.0.0"))
    world = World()
    world.tables.down = True
    with pytest.raises(UserError, match="cannot be read"):
        asyncio.run(Login(world.door).must_be_possible("0.0.0.0"))
