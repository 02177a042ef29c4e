"""Keeps cards true: reads the panels whose tables have changed, whose statement is another, or whose figure ages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from weftline.boards.macros import Choice, expand
from weftline.boards.web.address import Address
from weftline.boards.web.charts import Span
from weftline.boards.web.look import Look
from weftline.boards.web.panels import Card
from weftline.boards.web.source import AGED_SECONDS, Marks, Source, ages
from weftline.errors import DependencyDown, WeftlineError
from weftline.runtime import logging

log = logging.get(__name__)

#: A panel is read again at most so often, however much is published; one that takes long, after ten times as long as it took.
PAUSE_SECONDS: Final = 0.8
PAUSE_TIMES: Final = 10


@dataclass(slots=True)
class _Kept:
    """A card, what was asked for it, what its tables were at, and when."""

    card: Card
    asked: tuple[str, Look, Address] | None = None
    at: Marks = field(default_factory=dict)
    read_at: float = 0.0
    pause: float = PAUSE_SECONDS
    reading: asyncio.Task[None] | None = None


class Keeper:
    """The cards of one page."""

    def __init__(self, cards: Sequence[Card], source: Source) -> None:
        self._kept = [_Kept(card) for card in cards]
        self._source = source

    def read(self, choice: Choice, span: Span, look: Look, here: Address) -> None:
        """Begin to read what is due. Returns at once; a card that is being read is left alone."""
        for kept in self._kept:
            if kept.reading is None or kept.reading.done():
                kept.reading = self._due(kept, choice, span, look, here)

    def stop(self) -> None:
        """Forget what is being read."""
        for kept in self._kept:
            if kept.reading is not None:
                kept.reading.cancel()

    def _due(self, kept: _Kept, choice: Choice, span: Span, look: Look, here: Address) -> asyncio.Task[None] | None:
        now = time.monotonic()
        try:
            statement = expand(kept.card.panel.sql.replace("{lang}", look.language), choice)
        except WeftlineError as error:
            kept.card.fail(str(error), look)
            return None
        asked = (statement, look, here)
        at = self._source.at(self._source.tables(statement))
        waited = now - kept.read_at
        changed = at != kept.at and waited > kept.pause
        if asked == kept.asked and not changed and not (ages(statement) and waited > AGED_SECONDS):
            return None
        kept.asked, kept.at, kept.read_at = asked, at, now
        return asyncio.create_task(self._show(kept, statement, span, look, here))

    async def _show(self, kept: _Kept, statement: str, span: Span, look: Look, here: Address) -> None:
        try:
            found = await self._source.find(statement)
            kept.pause = max(PAUSE_SECONDS, PAUSE_TIMES * (time.monotonic() - kept.read_at))
            kept.card.show(found, look, span, here)
        except DependencyDown:
            kept.asked = None  # asked again when ClickHouse is back
        except WeftlineError as error:
            kept.card.fail(str(error), look)
        except Exception as error:
            # One panel that cannot be drawn is no reason for an empty page.
            log.exception("panel", panel=kept.card.panel.id)
            kept.card.fail(f"{type(error).__name__}: {error}", look)
