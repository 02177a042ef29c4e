"""The audit log: who published and who read what, a row of ``partner_log`` for each request of a known partner.

A request only leaves its entry in memory; entries are written together, every few seconds. While ClickHouse is away nobody is let in, so
what waits for it is what came shortly before. A gateway that is killed loses the seconds since it last wrote. What it published is known
even then: the records are in Kafka, with their source.

Requests without a token that holds are counted in the metrics and not noted: else anybody could fill the table.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weftline.contracts.partners import Caller
from weftline.errors import WeftlineError
from weftline.gateway.tables import Tables
from weftline.warehouse.partners import LOG_COLUMNS

#: Entries are written down so often.
WRITE_SECONDS: Final = 5.0
#: Entries in memory: a minute of 1,600 requests a second.
KEPT: Final = 100_000
#: Of what was asked for, so much is kept: a cursor has some hundred characters.
MOST_CHARACTERS: Final = 2_000


@dataclass(slots=True)
class Entry:
    """A request as it is noted. ``asked``: path and query; ``events``: how many were acknowledged to a publisher."""

    at: int
    address: str
    method: str
    asked: str
    partner_id: str = ""
    token_id: str = ""
    status: int = 0
    events: int = 0


#: The entry of the request that is being answered; the routes need not hand it on.
_current: ContextVar[Entry | None] = ContextVar("entry", default=None)


def address() -> str:
    """From where the request comes that is being answered; empty if nobody knows."""
    entry = _current.get()
    return "" if entry is None else entry.address


def known(caller: Caller) -> None:
    """Note whose the request is that is being answered."""
    if (entry := _current.get()) is not None:
        entry.partner_id, entry.token_id = caller.partner.partner_id, caller.token.token_id


def published(events: int) -> None:
    """Note how many events the request that is being answered has published."""
    if (entry := _current.get()) is not None:
        entry.events += events


@dataclass(slots=True)
class Journal:
    """What waits to be written. ``now``: ms; ``lost``: called for each entry that found no room."""

    now: Callable[[], int]
    lost: Callable[[], None] = lambda: None
    _waiting: deque[tuple[str, Entry]] = field(default_factory=deque)
    _process: str = field(default_factory=lambda: secrets.token_hex(6))
    _number: int = 0

    def put(self, entry: Entry) -> None:
        """Leave an entry."""
        if len(self._waiting) == KEPT:
            self._waiting.popleft()
            self.lost()
        self._number += 1
        self._waiting.append((f"{self._process}-{self._number}", entry))

    async def write(self, source: Tables) -> None:
        """Write what waits. What was not stored, or not known to be, stays and is written again: an entry has an id, and is one row."""
        batch = tuple(self._waiting)
        if not batch:
            return
        self._waiting.clear()
        rows = [
            (entry.at, of, entry.partner_id, entry.token_id, entry.address, entry.method, entry.asked, entry.status, entry.events)
            for of, entry in batch
        ]
        try:
            await source.insert("partner_log", list(zip(*rows, strict=True)), LOG_COLUMNS)
        except WeftlineError:
            self._waiting.extendleft(reversed(batch))
            while len(self._waiting) > KEPT:
                self._waiting.popleft()
                self.lost()
            raise


class Noted:
    """ASGI middleware: leaves an entry of each request of a partner when its answer begins. A stream is noted when it is opened."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        # As it was sent: decoded it could hold anything, and is printed to whoever reads the log.
        asked = (scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""))[:MOST_CHARACTERS]
        client = scope.get("client")
        entry = Entry(self._journal.now(), client[0] if client else "", scope["method"], asked)

        def note(status: int) -> None:
            if entry.partner_id and not entry.status:
                entry.status = status
                self._journal.put(entry)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])
            await send(message)

        token = _current.set(entry)
        try:
            await self._app(scope, receive, noted)
        finally:
            note(500)  # what fails in an unforeseen way is answered further out
            _current.reset(token)
