"""Sessions of the engine that outlive a request: those that a client holds by a name, and those that go from one statement of our own
programs to the next.

To open a session and to give it database and settings costs more than a small statement in it: 2.7 ms of CPU in all, of which
``SELECT 1`` is 0.9. A processor sends all of its statements with the same settings. Measured over HTTP, two cores: ``SELECT 1`` takes
3.7 ms of the engine's CPU instead of 6.1.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from weftline.embedded.engine_chdb import Session
from weftline.embedded.engine_request import Request
from weftline.embedded.engine_sql import Kind, Refused, Statement, settings_of

SESSION_SECONDS: Final = 60.0
LONGEST_SESSION_SECONDS: Final = 3600.0
#: Idle ones that are kept for the next statement, of all settings together.
KEPT: Final = 24


@dataclass(slots=True)
class Held:
    """A session that a client keeps by its ``session_id``; ``settings`` are the SET statements that it has sent."""

    session: Session
    expires: float = 0.0
    busy: bool = False
    settings: list[bytes] = field(default_factory=list)


class NamedSessions:
    """Sessions of our own programs by their names; readers can set nothing and make nothing that one could keep for them."""

    def __init__(self, begin: Callable[[], Session], aside: Executor) -> None:
        """``begin`` opens a session, in a thread of ``aside``."""
        self._begin = begin
        self._aside = aside
        self._held: dict[str, Held] = {}

    @asynccontextmanager
    async def hold(self, request: Request, statement: Statement) -> AsyncIterator[Held | None]:
        """The session that the client has named, kept from all other requests meanwhile; ``None`` if it has named none."""
        name = request.parameters.get("session_id")
        if not name or not request.user.trusted:
            yield None
            return
        held = self._held.get(name)
        if held is None:
            if request.parameters.get("session_check") == "1":
                raise Refused(372, "SESSION_NOT_FOUND", f"Session {name} not found")
            session = await asyncio.get_running_loop().run_in_executor(self._aside, self._begin)
            held = self._held.setdefault(name, Held(session))
            if held.session is not session:  # somebody was quicker
                session.close()
        if held.busy:
            raise Refused(373, "SESSION_IS_LOCKED", f"Session {name} is locked by a concurrent client")
        wanted = request.parameters.get("session_timeout", "")
        held.busy = True
        try:
            yield held
            if statement.word == "SET":
                held.settings.append(statement.head)
        finally:
            held.busy = False
            held.expires = time.monotonic() + (min(float(wanted), LONGEST_SESSION_SECONDS) if wanted.isdigit() else SESSION_SECONDS)
            if request.parameters.get("close_session") == "1":
                held.expires = 0.0

    async def sweep(self) -> None:
        """Close, again and again, those that nobody has used for their time."""
        while True:
            await asyncio.sleep(5)
            now = time.monotonic()
            for name in [name for name, held in self._held.items() if not held.busy and held.expires < now]:
                held = self._held.pop(name)
                await asyncio.get_running_loop().run_in_executor(self._aside, held.session.close)

    def close(self) -> None:
        """Close all."""
        for held in self._held.values():
            held.session.close()


@dataclass(slots=True)
class Kept:
    """A session, once it is open, with the settings that ``key`` stands for, and ``mark`` as the engine's ``log_comment``."""

    key: Hashable
    mark: str
    session: Session | None = None

    def close(self) -> None:
        """Close it if it is open."""
        if self.session is not None:
            self.session.close()
            self.session = None


class Sessions:
    """Sessions that go from one request to the next of the same settings, if a statement of the kind leaves them as they were.

    After one that failed or was cancelled nothing goes on: a running statement is cancelled by the mark that stands in the session's
    settings, and somebody may still be about to do that. Entered and left in the event loop alone, so that nobody needs a lock.
    """

    def __init__(self, aside: Executor) -> None:
        """``aside``: where sessions are closed."""
        self._aside = aside
        self._idle: list[Kept] = []

    @asynccontextmanager
    async def lend(self, request: Request, statement: Statement, limit: Mapping[str, str]) -> AsyncIterator[Kept | None]:
        """The session in which the request runs, with its mark in ``request``; None if it needs one that nobody else gets.

        ``limit``: settings besides those that it came with.
        """
        changes_nothing = statement.kind is not Kind.WRITE or statement.word == "INSERT"
        plain = request.user.trusted and request.method == "POST" and "session_id" not in request.parameters
        if request.mark is None or request.bound or not (plain and changes_nothing):
            yield None
            return
        settings = tuple((settings_of(request.parameters) | dict(limit)).items())
        kept = self._take((request.user.role, request.parameters.get("database"), settings), request.mark)
        request.mark = kept.mark
        try:
            yield kept
        except BaseException:
            self._aside.submit(kept.close)
            raise
        if kept.session is not None:
            self._idle.append(kept)
        if len(self._idle) > KEPT:
            self._aside.submit(self._idle.pop(0).close)

    def _take(self, key: Hashable, mark: str) -> Kept:
        """The one of these settings that was used last, for what it has in its caches; else one that is to be opened."""
        for place in reversed(range(len(self._idle))):
            if self._idle[place].key == key:
                return self._idle.pop(place)
        return Kept(key, mark)

    def close(self) -> None:
        """Close all that are idle."""
        for kept in self._idle:
            kept.close()
