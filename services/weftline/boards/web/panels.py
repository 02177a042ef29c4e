"""A panel as a card: its figure, chart or table, and what is said when there is none. Updates what changed, in place."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.element import Element

from weftline.boards.model import Kind, Panel, Text, Unit
from weftline.boards.web import tables
from weftline.boards.web.address import Address
from weftline.boards.web.charts import Span, chart, summary
from weftline.boards.web.frame import Words, icon
from weftline.boards.web.look import TONE_ICONS, TONE_WORDS, Look, tone_of
from weftline.boards.web.source import Found
from weftline.pages.reader import NOTHING, figure

LOADING = Text("读取中…", "Loading …")
EMPTY = Text("此区间内没有数据", "No data in this range")
NONE = Text("此区间内没有", "None in this range")
FAILED = Text("这一块读取失败", "This panel could not be read")
DEFINITION = Text("指标定义", "Definition")
SAVE = Text("存为 CSV", "Save as CSV")
QUESTION, NUMERATOR, DENOMINATOR = Text("回答的问题", "Question"), Text("分子", "Numerator"), Text("分母", "Denominator")
TIME_BASE, EXCLUSIONS, OWNER = Text("时间口径", "Time base"), Text("不计入", "Left out"), Text("负责人", "Owner")

# Cells are what .tables makes of them; a sort button can be reached by keyboard, which Quasar's own heading cannot.
_HEAD_CELL = """
<q-th :props="props" scope="col"
  :aria-sort="props.col.__thClass.includes('sorted') ? (props.col.__thClass.includes('sort-desc') ? 'descending' : 'ascending') : 'none'">
  <button type="button" class="sort" @click.stop="props.sort(props.col)">{{ props.col.label }}</button>
</q-th>"""
_CELL = """
<q-td :props="props" :data-label="props.col.label">
  <template v-for="cell in [props.row[props.col.name + '_']]">
    <a v-if="cell.href" :href="cell.href">{{ cell.text }}</a>
    <span v-else-if="cell.tone" :class="'chip tone-' + cell.tone">
      <q-icon v-if="cell.icon" :name="cell.icon" aria-hidden="true" />{{ cell.text }}
    </span>
    <template v-else>{{ cell.text }}</template>
  </template>
</q-td>"""


class Card:
    """The card of a panel. ``show`` with what was found, ``fail`` with why nothing was; each may come again and again."""

    def __init__(self, panel: Panel, look: Look, boards: frozenset[str]) -> None:
        self.panel = panel
        self._boards = boards
        self._shown: Any = None
        self._table: tuple[Found, Look] | None = None
        self._content: Element | None = None
        kind = panel.kind.value
        with (
            ui.element("article")
            .classes(f"card {kind}")
            .style(f"--width:{panel.width};--height:{panel.height}")
            .props(f'id="{panel.id}" aria-labelledby="{panel.id}-title" tabindex=-1') as self.element
        ):
            with ui.element("div").classes("card-head"):
                Words("h3", look.of(panel.title), id=f"{panel.id}-title")
                _definition(panel, look)
                if panel.kind is Kind.TABLE:
                    self._csv = ui.element("button").classes("info csv hidden")
                    self._csv.props(f'type=button aria-label="{look.of(SAVE)}: {look.of(panel.title)}"')
                    self._csv.on("click", self._save)
                    with self._csv:
                        icon("download")
                        Words("span", "CSV")
            Words("p", look.of(panel.question), "question")
            self._note = Words("p", look.of(LOADING), "note", data_loading="true")
            self._body = ui.element("div").classes("body")

    def fail(self, why: str, look: Look) -> None:
        """Say that there is nothing to see, and why."""
        if self._is_new(("fault", why, look)):
            self._clear(f"{look.of(FAILED)}: {why}", "fault")

    def show(self, found: Found, look: Look, span: Span, here: Address) -> None:
        """Show what was found; what is the same as before is left alone."""
        if found.rows == 0 and self.panel.kind is not Kind.STAT:
            if self._is_new(("empty", look)):
                self._clear(look.of(NONE if self.panel.may_be_empty else EMPTY))
        elif self.panel.kind is Kind.STAT:
            row = found.row(0) if found.rows else {"": None}
            if self._is_new((row, look)):
                self._show_figures(row, look)
        elif self.panel.kind is Kind.TABLE:
            self._table = (found, look)
            self._csv.classes(remove="hidden")
            shown = (tables.columns(found, look), tables.rows(found, look, here, self._boards))
            if self._is_new(shown):
                self._show_table(*shown)
        else:
            option = chart(self.panel, found, look, span)
            if self._is_new(option):
                self._show_chart(option, f"{look.of(self.panel.title)}. {summary(self.panel, found, look)}")

    def _is_new(self, shown: Any) -> bool:
        same = self._shown == shown
        if self._shown is None:
            del self._note.props["data-loading"]
            self._note.update()
        self._shown = shown
        return not same

    def _save(self) -> None:
        """Give the reader the table as a file, as it stands now."""
        if self._table is not None:
            # With a byte order mark, by which Excel knows that it is UTF-8.
            ui.download.content(tables.as_csv(*self._table).encode("utf-8-sig"), f"{self.panel.id}.csv", "text/csv")

    def _clear(self, note: str, classes: str = "") -> None:
        self._body.clear()
        self._content = None
        if self.panel.kind is Kind.TABLE:
            self._csv.classes(add="hidden")
        self._note.text = note
        self._note.classes(replace=f"note {classes}")

    def _show_chart(self, option: dict[str, Any], told: str) -> None:
        self._note.classes(replace="hidden")
        if not isinstance(self._content, ui.echart):
            self._body.clear()
            with self._body:
                self._content = ui.echart(option).classes("chart").props("role=img")
        self._content.options.clear()
        self._content.options.update(option)
        self._content.props["aria-label"] = told
        self._content.update()

    def _show_table(self, columns: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
        self._note.classes(replace="hidden")
        if not isinstance(self._content, ui.table):
            self._body.clear()
            with self._body:
                table = ui.table(columns=columns, rows=rows, row_key="id", pagination={"rowsPerPage": 0})
                table.classes("rows").props("flat dense hide-bottom binary-state-sort")
                table.add_slot("header-cell", _HEAD_CELL)
                table.add_slot("body-cell", _CELL)
                self._content = table
        elif self._content.columns != columns:
            self._content.columns = columns
        self._content.rows = rows

    def _show_figures(self, row: dict[str, Any], look: Look) -> None:
        """The figures are few words: they are written anew as a whole."""
        self._note.classes(replace="hidden")
        self._body.clear()
        with self._body:
            for name, value in row.items():
                shown, unit = figure(value, self.panel.unit, look)
                tone = tone_of(value, self.panel.thresholds)
                with ui.element("p").classes("figure"):
                    Words("span", shown, "number")
                    if unit:
                        Words("span", unit, "unit")
                    if len(row) > 1:
                        Words("span", look.title(name), "unit")
                if value is None and self.panel.unit is not Unit.TIME:
                    Words("p", look.of(EMPTY), "verdict")
                elif tone in TONE_WORDS:
                    with ui.element("p").classes(f"verdict tone-{tone.value}"):
                        icon(TONE_ICONS[tone])
                        Words("span", look.of(TONE_WORDS[tone]))
                else:
                    ui.element("p").classes("verdict")  # the figures of a row of cards stand on one line


def _definition(panel: Panel, look: Look) -> None:
    """The definition of a figure, behind a button."""
    kpi = panel.kpi
    if kpi is None:
        return
    name = f"{look.of(DEFINITION)}: {look.of(panel.title)}"
    parts = (
        (QUESTION, panel.question),
        (NUMERATOR, kpi.numerator),
        (DENOMINATOR, kpi.denominator),
        (TIME_BASE, kpi.time_base),
        (EXCLUSIONS, kpi.exclusions),
        (OWNER, kpi.owner),
    )
    with ui.element("button").classes("info").props(f'type=button aria-haspopup=dialog aria-label="{name}"'):
        icon("info_outline")
        with ui.menu().props(f'role=dialog aria-label="{name}" max-width=360px') as menu:
            menu.classes("definition")
            with ui.element("dl"):
                for title, text in parts:
                    if look.of(text) != NOTHING and look.of(text) != "—":
                        Words("dt", look.of(title))
                        Words("dd", look.of(text))
