"""The page of a board: its variables and range, its panels, and the task that keeps them true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from nicegui import ui

from weftline.boards.macros import Choice, expand
from weftline.boards.model import Board, Text, Variable
from weftline.boards.web.address import DAY, RANGE_TEXTS, RANGES, Address, grain_of, span_of
from weftline.boards.web.charts import Span
from weftline.boards.web.frame import CHOICES, Frame, Words
from weftline.boards.web.keeper import Keeper
from weftline.boards.web.packing import PackForm, Packs
from weftline.boards.web.panels import Card
from weftline.boards.web.source import Source
from weftline.boards.web.watch import Watch
from weftline.errors import DependencyDown, WeftlineError
from weftline.pages.words import words_of
from weftline.runtime import logging

log = logging.get(__name__)

ALL, RANGE = Text("全部", "All"), Text("时间范围", "Time range")
#: The range moves on in steps of its thousandth, so that pages that show the same ask the same.
STEPS: Final = 1000
_OPEN: Final = """(event) => {
  const open = event.currentTarget.parentElement.classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", open);
}"""
#: Values that somebody publishes for the first time are on offer after so long.
FILL_SECONDS: Final = 30.0
#: Variables whose values are codes, with the enumeration that puts them into words.
WORDED: Final[Mapping[str, str]] = {"indicator": "indicator", "product": "product_category"}


def span_at(now: float, days: int) -> Span:
    """The range of so many days that ends now. Its end lies up to a step ahead, so that what comes is within it."""
    length = days * DAY
    step = max(length // STEPS, 1)
    end = (int(now) // step + 1) * step
    return Span(end - length, end, grain_of(length))


class BoardPage:
    """One open page. ``run`` is its life, to be cancelled when the page is closed."""

    def __init__(
        self, board: Board, frame: Frame, source: Source, watch: Watch, boards: frozenset[str], packs: Packs | None = None
    ) -> None:
        """``packs``: made of the factory that is chosen; None: there is no button."""
        self._board, self._frame, self._source, self._watch = board, frame, source, watch
        self._selects: dict[str, ui.select] = {}
        self._ranges: dict[str, Words] = {}
        #: Variables whose value the page chose and not its reader: it follows when others change, and stands in no address.
        self._ours: set[str] = set()
        self._filling = False
        self._filled_at = 0.0
        self._again = asyncio.Event()
        frame.on_theme = self._again.set
        look = frame.look
        with frame.main:
            with ui.element("div").classes("head"):
                with ui.element("div").classes("titles"):
                    Words("h1", look.of(board.title))
                    Words("p", look.of(board.question), "question")
                with ui.element("div").classes("filters"):
                    # For phones, where the choices would fill half of the screen.
                    opener = Words(
                        "button", look.of(CHOICES), "opener", type="button", aria_expanded="false", aria_controls="choices"
                    )
                    opener.on("click", js_handler=_OPEN)
                    with ui.element("div").classes("choices").props("id=choices"):
                        self._choices()
            self._keeper = Keeper(self._rows(boards), source)
            self._pack = None if packs is None else PackForm(packs, look)

    def _rows(self, boards: frozenset[str]) -> list[Card]:
        look, cards = self._frame.look, []
        for at, row in enumerate(self._board.rows):
            with ui.element("section").classes("row-of-cards").props(f'aria-labelledby="row-{at}"'):
                Words("h2", look.of(row.title), id=f"row-{at}")
                with ui.element("div").classes("grid"):
                    cards += [Card(panel, look, boards) for panel in row.panels]
        return cards

    def _choices(self) -> None:
        look, here = self._frame.look, self._frame.here
        for variable in self._board.variables:
            chosen = list(here.values.get(variable.name, ()))
            select = ui.select(
                {value: value for value in chosen},
                label=look.of(variable.title),
                value=chosen if variable.multi else (chosen[0] if chosen else None),
                with_input=True,
                multiple=variable.multi,
                clearable=variable.multi,
                on_change=self._changed,
            )
            select.classes("variable").props("dense outlined options-dense behavior=menu virtual-scroll-slice-size=30")
            self._selects[variable.name] = select
            self._say_all(variable)
        with ui.element("div").classes("ranges").props(f'role=group aria-label="{look.of(RANGE)}"'):
            for name, text in RANGE_TEXTS.items():
                button = Words("button", look.of(text), type="button")
                button.on("click", lambda _, name=name: self._go(replace(self._frame.here, span=name)))
                self._ranges[name] = button
        self._mark_range()

    def _say_all(self, variable: Variable) -> None:
        """Nothing chosen means all, and says so."""
        if variable.multi:
            select = self._selects[variable.name]
            select.props["stack-label"] = True
            select.props["placeholder"] = "" if select.value else self._frame.look.of(ALL)

    def _mark_range(self) -> None:
        chosen = span_of(self._board, self._frame.here.span)
        for name, button in self._ranges.items():
            button.props["aria-pressed"] = str(name == chosen).lower()
            button.update()

    def _changed(self) -> None:
        if self._filling:
            return
        values: dict[str, Sequence[str]] = {}
        for variable in self._board.variables:
            value = self._selects[variable.name].value
            self._say_all(variable)
            if variable.name in self._ours and [value] == self._frame.here.values.get(variable.name):
                continue
            self._ours.discard(variable.name)
            if value:
                values[variable.name] = tuple(value) if variable.multi else (value,)
        self._filled_at = 0.0  # what is on offer may depend on what was chosen
        self._go(replace(self._frame.here, values=values))

    def _go(self, here: Address) -> None:
        """Show another range or other values; the address in the browser follows."""
        if here == self._frame.here:
            return
        self._frame.go(here)
        self._mark_range()
        self._tell_pack()
        ui.navigate.history.replace(here.href)
        self._again.set()

    async def run(self) -> None:
        """Live until cancelled."""
        self._watch.open()
        connecting = asyncio.create_task(self._frame.connect())
        try:
            while not self._source.marks or not await self._filled():
                self._frame.tell(self._watch)
                await self._watch.next()
            self._read()  # the queries run while the browser is still loading
            await connecting
            while True:
                self._frame.tell(self._watch)
                if not self._watch.fault:
                    if self._lacks() or time.monotonic() - self._filled_at > FILL_SECONDS:
                        await self._filled()
                    self._read()
                await self._watch.next_or(self._again)
        finally:
            connecting.cancel()
            self._watch.close()
            self._keeper.stop()

    def _lacks(self) -> bool:
        """Whether a value that has to be chosen is not there: nothing has been published yet."""
        return any(not variable.multi and not self._frame.here.values.get(variable.name) for variable in self._board.variables)

    async def _filled(self) -> bool:
        """Fill the choices. Whether ClickHouse answered."""
        self._filled_at = time.monotonic()
        for variable in self._board.variables:
            try:
                found = await self._source.find(expand(variable.sql, Choice(0, 0, self._values())))
                self._fill(variable, [str(value) for value in next(iter(found.columns.values()), ())])
            except DependencyDown:
                return False
            except WeftlineError:
                log.exception("choices", board=self._board.id, variable=variable.name)  # the others are filled all the same
        return True

    def _values(self) -> dict[str, Sequence[str]]:
        """The values of every variable of the board, none where nothing is chosen."""
        return {variable.name: self._frame.here.values.get(variable.name, ()) for variable in self._board.variables}

    def _fill(self, variable: Variable, values: Sequence[str]) -> None:
        look, here = self._frame.look, self._frame.here
        chosen = list(here.values.get(variable.name, ()))
        if not variable.multi and (not chosen or (variable.name in self._ours and chosen[0] not in values)):
            # Chosen by us and not by the reader: it stands in no address, yet panels need it.
            chosen = list(values[:1])
            self._ours.add(variable.name)
            self._frame.here = replace(here, values={**here.values, variable.name: chosen})
        enumeration = WORDED.get(variable.name)
        words = words_of(enumeration) if enumeration else {}
        options = {value: look.of(words[value].text) if value in words else value for value in [*values, *chosen]}
        select = self._selects[variable.name]
        value = chosen if variable.multi else (chosen[0] if chosen else None)
        # The order counts too: what is worst comes first.
        if list(dict(select.options).items()) == list(options.items()) and select.value == value:
            return
        self._filling = True
        select.set_options(options, value=value)
        self._filling = False
        self._say_all(variable)

    def _tell_pack(self) -> None:
        if self._pack is not None:
            self._pack.about(next(iter(self._frame.here.values.get("factory", ())), ""))

    def _read(self) -> None:
        self._tell_pack()
        here, look = self._frame.here, self._frame.look
        span = span_at(time.time(), RANGES[span_of(self._board, here.span)])
        choice = Choice(span.begin, span.end, {**self._values(), "grain": [span.grain], "zone": [look.zone.key]})
        self._keeper.read(choice, span, look, here)
