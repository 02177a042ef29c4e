"""Notices that something has changed: one task per process asks while a page is open, and the pages wait for what it sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from weftline.boards.web.source import Source
from weftline.errors import WeftlineError
from weftline.runtime import logging
from weftline.runtime.degraded import degraded
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: Two looks lie so far apart. A look costs the server 4 ms.
LOOK_SECONDS: Final = 0.4
#: Without an answer for so long, the page says that it is not live.
PATIENCE_SECONDS: Final = 4.0
#: While ClickHouse is away.
AWAY_SECONDS: Final = 1.0


class Watch:
    """``seen_at``: when the tables were last seen (epoch seconds); ``fault``: why they are not seen now, empty if they are;
    ``degraded``: programs that the stack goes on without, each with why."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source = source
        self._settings = settings
        self.degraded: Mapping[str, str] = {}
        self._looked = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._pages = 0
        self.seen_at = 0.0
        self.fault = ""

    def open(self) -> None:
        """A page is open."""
        self._pages += 1
        self._wanted.set()

    def close(self) -> None:
        """A page is closed; with the last one nobody asks any more."""
        self._pages -= 1
        if self._pages == 0:
            self._wanted.clear()

    async def next(self) -> None:
        """Wait for the next look, successful or not."""
        async with self._looked:
            await self._looked.wait()

    async def next_or(self, event: asyncio.Event) -> None:
        """Wait for the next look or for the event, which is cleared then."""
        waits = [asyncio.ensure_future(self.next()), asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        event.clear()

    async def look(self) -> bool:
        """Look once, and tell the pages. Whether ClickHouse answered."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._source.look()
        except (WeftlineError, TimeoutError) as error:
            fault = str(error) or f"clickhouse: no answer within {PATIENCE_SECONDS:g} s"
            if not self.fault:
                log.warning("waiting", error=fault)
            self.fault = fault
        else:
            if self.fault:
                log.info("clickhouse answers again")
            self.fault, self.seen_at = "", time.time()
        self.degraded = degraded(self._settings.data, self._settings.kafka)
        async with self._looked:
            self._looked.notify_all()
        return not self.fault

    async def run(self) -> None:
        """Look again and again while a page is open."""
        while True:
            await self._wanted.wait()
            answered = await self.look()
            await asyncio.sleep(LOOK_SECONDS if answered else AWAY_SECONDS)
