"""The routes of the inbox.

Whoever may not see something is shown one page, whatever the reason: no session, one that is over, a link that was changed, a token of
nobody, an alert of another factory, an alert that does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode

from fastapi import FastAPI, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from weftline.contracts.partners import Caller
from weftline.errors import DependencyDown
from weftline.gateway import journal, replying
from weftline.gateway.alerts import one
from weftline.gateway.door import Door
from weftline.gateway.inbox.answering import said
from weftline.gateway.inbox.drawing import ICON, STYLES, Pages
from weftline.gateway.inbox.holding import about_lots
from weftline.gateway.inbox.holding import first as first_of
from weftline.gateway.inbox.reading import listing, opened
from weftline.gateway.inbox.refused import Rules
from weftline.gateway.inbox.session import COOKIE, Opened, Sessions
from weftline.gateway.log import AlertLog
from weftline.gateway.problems import Kind, Problem
from weftline.gateway.publishing import Publishing
from weftline.gateway.tables import Tables
from weftline.pages.links import PATH
from weftline.pages.text import LANGUAGES, Language
from weftline.runtime import logging

log = logging.get(__name__)

LANGUAGE_COOKIE: Final = "weftline_lang"
_YEAR: Final = 31_536_000
#: No script at all, and nothing from anywhere else.
POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS: Final = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
#: Of the page that a link opens: its address is never told to anybody. Pages with forms cannot say so: browsers then send `Origin: null`
#: with a form, by which it could not be told from one of another site.
_TOLD_NOBODY: Final = {"Referrer-Policy": "no-referrer"}
_KEPT: Final = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}


@dataclass(slots=True)
class Desk:
    """What the inbox works with."""

    door: Door
    tables: Tables
    log: AlertLog
    sessions: Sessions
    pages: Pages
    rules: Rules
    publishing: Publishing


class _Refused(Exception):
    """There is nothing here for whoever asks."""


def register(app: FastAPI, desk: Desk, body_of: Callable[[Request], Awaitable[bytes]]) -> None:
    """Add the routes; ``body_of`` reads a body within bounds."""
    pages = desk.pages

    def page(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """What goes wrong becomes a page, too, and the language that the address names is remembered."""

        @wraps(handler)
        async def shown(request: Request, **arguments: Any) -> Response:
            language = _language(request)
            try:
                answer = await handler(request, **arguments)
            except _Refused:
                answer = _html(pages.door(language, refused=True), 403)
            except DependencyDown as error:
                log.warning("an inbox could not be read", dependency=error.dependency, error=str(error))
                answer = _html(pages.later(language), 503, {"Retry-After": "5"})
            except Problem as problem:
                if problem.kind is not Kind.TOO_MANY:
                    raise
                answer = _html(pages.later(language), 429, problem.headers)
            if request.query_params.get("lang") == language:
                answer.set_cookie(LANGUAGE_COOKIE, language, _YEAR, path=PATH, httponly=True, samesite="lax")
            return answer

        return shown

    async def reader(request: Request) -> Caller:
        caller = await desk.sessions.caller(request.cookies.get(COOKIE))
        if caller is None:
            raise _Refused
        journal.known(caller)
        desk.door.charge(caller, 1)
        return caller

    async def form(request: Request) -> dict[str, list[str]]:
        """A form of our own page. Browsers name the page's origin with every form, and the door has refused all others'."""
        if "origin" not in request.headers:
            raise _Refused
        return parse_qs((await body_of(request)).decode("utf-8", "replace"))

    @app.get(PATH, name="inbox", include_in_schema=False)
    @page
    async def first(request: Request, link: str | None = None) -> Response:
        language = _language(request)
        if link is not None:
            begun = desk.sessions.by_link(link)
            if begun is None:
                raise _Refused
            # A redirect would go on as the other site's request, without the cookie; a page of ours goes on as our own.
            return _begin(request, begun, _html(pages.opening(language, _target(begun)), headers=_TOLD_NOBODY))
        caller = await desk.sessions.caller(request.cookies.get(COOKIE))
        if caller is None:
            return _html(pages.door(language, refused=False))
        journal.known(caller)
        desk.door.charge(caller, 1)
        found = await listing(desk.tables, caller.partner, _number(request) - 1)
        return _html(pages.listing(language, found, caller.partner))

    @app.post(f"{PATH}/session", name="inbox", include_in_schema=False)
    @page
    async def sign_in(request: Request) -> Response:
        begun = await desk.sessions.by_token(first_of(await form(request), "token"))
        if begun is None:
            raise _Refused
        return _begin(request, begun, RedirectResponse(PATH, 303, _HEADERS))

    @app.post(f"{PATH}/session/end", name="inbox", include_in_schema=False)
    @page
    async def sign_out(request: Request) -> Response:
        await form(request)
        answer = RedirectResponse(PATH, 303, _HEADERS)
        answer.delete_cookie(COOKIE, path=PATH)
        return answer

    @app.get(f"{PATH}/alerts/{{alert_id}}", name="inbox", include_in_schema=False)
    @page
    async def alert(
        request: Request, alert_id: str, sent: str = "", problem: str = "", theirs: str = "", undone: str = ""
    ) -> Response:
        caller = await reader(request)
        found = await opened(desk.tables, desk.log, desk.rules, caller.partner, alert_id)
        if found is None:
            raise _Refused
        return _html(pages.alert(_language(request), found, sent, (problem, theirs), undone=bool(undone)))

    @app.post(f"{PATH}/alerts/{{alert_id}}/replies", name="inbox", include_in_schema=False)
    @page
    async def reply(request: Request, alert_id: str) -> Response:
        caller = await reader(request)
        here = f"{PATH}/alerts/{quote(alert_id, safe='')}"
        given = await form(request)
        try:
            # First of all whether there is anything for him to speak of, so that what he says of another's alert tells him nothing.
            if not await desk.tables.rows(*one(caller.partner, alert_id)):
                raise _Refused
            said_of = said(given, caller.partner.role)
            accepted = await replying.reply(desk.tables, desk.publishing, caller, alert_id, said_of)
        except Problem as problem:
            if problem.kind is Kind.NOT_FOUND:
                raise _Refused from None
            if problem.kind not in (Kind.NO_EDGE, Kind.CONTRACT):
                raise
            # Somebody answered in between, or a form of an old page was sent: the page says what is possible now.
            return RedirectResponse(f"{here}?undone=1" if about_lots(given) else here, 303, _HEADERS)
        journal.published(accepted.events)
        (event,) = accepted.body["events"]
        theirs = said_of.get("counterpart_problem_id")
        fed_back = {"problem": said_of["problem_id"], "theirs": theirs} if theirs else {}
        return RedirectResponse(f"{here}?{urlencode({'sent': event['id'], **fed_back})}", 303, _HEADERS)

    @app.get(f"{PATH}/style.css", name="inbox", include_in_schema=False)
    async def style() -> Response:
        return Response(STYLES, headers=_KEPT, media_type="text/css")

    @app.get(f"{PATH}/icon.svg", name="inbox", include_in_schema=False)
    async def icon() -> Response:
        return Response(ICON, headers=_KEPT, media_type="image/svg+xml")


def _html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(text, status, {**_HEADERS, **(headers or {})})


def _begin(request: Request, begun: Opened, answer: Response) -> Response:
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, begun.cookie, begun.seconds, path=PATH, secure=secure, httponly=True, samesite="strict")
    return answer


def _target(begun: Opened) -> str:
    return f"{PATH}/alerts/{quote(begun.alert_id, safe='')}" if begun.alert_id else PATH


def _number(request: Request) -> int:
    """The page of the list that is asked for; the first one where the address says none."""
    said = request.query_params.get("page", "")
    return max(1, int(said)) if said.isascii() and said.isdigit() and len(said) < 6 else 1


def _language(request: Request) -> Language:
    """What the address says, else what was chosen before, else Chinese."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for known in LANGUAGES:
            if wanted == known:
                return known
    return "zh"
