"""A table panel and what its query gave, as columns and rows of a Quasar table (quasar.dev/vue-components/table). Pure.

A row has, for each column, the value by which it is sorted under the column's name, and under ``name_`` what is shown.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final

from weftline.boards.fields import FIELDS
from weftline.boards.model import Field, Text, Unit
from weftline.boards.web.address import Address
from weftline.boards.web.look import TONE_ICONS, Look
from weftline.boards.web.source import Found
from weftline.pages.reader import NOTHING, moment, number, sentence, written

#: Columns that are a link and no text; what happened leads there instead.
HIDDEN: Final = frozenset({"alert_id"})
#: The names of who stands in another column as an id; they lead where that leads.
NAMES: Final = {"center": "center_id", "factory": "factory_id"}
#: Columns that are a sentence: they take the room that is left, and more than one line.
ALERT_TEXT: Final = "alert_text"
LONG: Final = frozenset({ALERT_TEXT})

#: Codes that stand beside another one of the same tone: two chips in a row say no more than one.
UNTONED: Final = frozenset({"rule"})

_PLAIN = Field(Text("", ""))
_COUNTED = frozenset({Unit.COUNT, Unit.RATIO, Unit.HOURS, Unit.SECONDS, Unit.PER_SECOND, Unit.BYTES})

Cell = dict[str, Any]
Row = dict[str, Any]


def columns(found: Found, look: Look) -> list[dict[str, Any]]:
    """The columns of a table. Names that nobody has stated (no reference data) are no column."""
    told = []
    for name in found.names:
        if name in HIDDEN or (name in NAMES and not any(found.of(name))):
            continue
        values = found.of(name)
        counted = FIELDS.get(name, _PLAIN).unit in _COUNTED or any(isinstance(value, (int, float)) for value in values)
        is_time = FIELDS.get(name, _PLAIN).unit is Unit.TIME
        told.append(
            {
                "name": name,
                "label": look.title(name),
                "field": name,
                "sortable": True,
                "align": "right" if counted and not is_time else "left",
                "classes": "long" if name in LONG else "",
                "headerClasses": "long" if name in LONG else "",
            }
        )
    return told


def rows(found: Found, look: Look, here: Address, boards: frozenset[str]) -> list[Row]:
    """The rows of a table. ``boards``: the boards that there are to lead to."""
    told = []
    seen: dict[str, int] = {}
    for at in range(found.rows):
        values = found.row(at)
        row: Row = {}
        for name, value in values.items():
            row[name] = str(value) if isinstance(value, (list, tuple)) else value
            row[f"{name}_"] = _cell(name, values, look, here, boards)
        # A row keeps its identity, and the reader's focus, when others come before it.
        key = str(values.get("alert_id") or "|".join(str(value) for value in values.values() if isinstance(value, str)))
        seen[key] = seen.get(key, 0) + 1
        row["id"] = f"{key}#{seen[key]}"
        told.append(row)
    return told


#: What a spreadsheet would take for a formula, though a publisher wrote it as a name.
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")


def as_csv(found: Found, look: Look) -> str:
    """The table as a spreadsheet reads it (RFC 4180): headings, codes and moments as they are shown, figures as plain numbers.

    Columns that the page shows as links have their text, and an alert its number.
    """
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\r\n")
    out.writerow([look.title(name) for name in found.names])
    for at in range(found.rows):
        out.writerow([_plain_value(name, value, look) for name, value in found.row(at).items()])
    return written.getvalue()


def _plain_value(name: str, value: Any, look: Look) -> Any:
    field = FIELDS.get(name, _PLAIN)
    if value is None:
        return ""
    if field.unit is Unit.TIME:
        return moment(int(value), look)
    if isinstance(value, (int, float)):
        return value
    text = look.of(look.word(field.words, value).text) if field.words and isinstance(value, str) else _text(field, value, look)
    if text == NOTHING:
        return ""
    return f"'{text}" if _FORMULA.match(text) else text


def _cell(name: str, values: dict[str, Any], look: Look, here: Address, boards: frozenset[str]) -> Cell:
    field = FIELDS.get(name, _PLAIN)
    value = values[name]
    text = sentence(value, look) if name == ALERT_TEXT and isinstance(value, str) else _text(field, value, look)
    cell: Cell = {"text": text, "href": _href(name, field, values, here, boards)}
    if field.words and isinstance(value, str) and value:
        word = look.word(field.words, value)
        cell["text"] = look.of(word.text)
        if word.tone and name not in UNTONED:
            cell |= {"tone": word.tone.value, "icon": TONE_ICONS.get(word.tone, "")}
    return cell


def _text(field: Field, value: Any, look: Look) -> str:
    if value is None or value == "":
        return NOTHING
    if field.unit is Unit.TIME:
        return moment(int(value), look)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return number(value) if field.unit is Unit.NONE else written(value, field.unit, look)


def _href(name: str, field: Field, values: dict[str, Any], here: Address, boards: frozenset[str]) -> str:
    alert = values.get("alert_id")
    if name == ALERT_TEXT and alert:
        return here.alert(str(alert)).href
    named = NAMES.get(name, name)
    link, value = FIELDS.get(named, _PLAIN).link, values.get(named)
    if link is None or not value or link.board not in boards:
        return ""
    return here.to(f"/{link.board}", **{link.variable: (str(value),)}).href
