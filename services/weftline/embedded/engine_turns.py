"""A line in which a user's statements stand until it is their turn."""

from __future__ import annotations

import asyncio
from typing import Final

from weftline.embedded.engine_sql import Refused
from weftline.embedded.engine_users import User

#: Whoever has waited so long is told so, rather than left without an answer.
WAIT_SECONDS: Final = 15.0


class Turns:
    """As an async context: a turn. At most ``at_once`` at one time, ``waiting`` more in the line; the next is refused at once."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._free = asyncio.Semaphore(user.at_once)
        self._waiting = 0

    async def __aenter__(self) -> None:
        if self._free.locked() and self._waiting >= self._user.waiting:
            raise self._too_many(f"and {self._waiting} more wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise self._too_many(f"and none has ended within {WAIT_SECONDS:g} s") from None
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free.release()

    def _too_many(self, how: str) -> Refused:
        return Refused(
            202,
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            f"Too many simultaneous queries: {self._user.at_once} statements of {self._user.name} run at one time {how}; try again later",
        )
