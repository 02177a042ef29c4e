"""A mapping to begin with, guessed from a file: every guess is marked, what cannot be guessed is a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import yaml

from weftline.contracts.standards import load_standards
from weftline.domain.laboratory.spelling import key
from weftline.errors import UserError
from weftline.files.cells import Cell, CellError, Table, is_blank, letters, plain_text
from weftline.files.columns import BY_OPTION
from weftline.files.fields import RowKind, Sort, fields_of, measurement_fields
from weftline.files.header import SEARCHED_ROWS, header_names
from weftline.files.mapping_file import BY_LETTERS
from weftline.files.reading import open_table
from weftline.files.recognizing import Meaning, meaning_of
from weftline.files.values import moment
from weftline.files.words import load_words

LOOKED_AT: Final = 5_000
"""Rows from which values are guessed."""

MOST_VALUES: Final = 40
"""So many different values of a column are listed."""

_GUESS, _ASK = "# guess", "# ?"
_HEADER_LINES: Final = 3
_PATTERNS: Final = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y%m%d")
_WITH_COMMA: Final = re.compile(r"[<＜]?\s*-?\d+,(?:\d{1,2}|\d{4,})")
#: What tells one event from another, as far as the file has it.
_KEYS: Final = {
    RowKind.ORDER: ("order_id", "status", "round", "production_step"),
    RowKind.REPORT: ("laboratory_id", "report_number", "amendment"),
    RowKind.REPORT_STATUS: ("laboratory_id", "report_number", "amendment", "status"),
    RowKind.LOT: ("lot_id", "part_id", "stage", "submission"),
    RowKind.CORRECTIVE_ACTION: ("product_category", "nonconformity_class", "event_time"),
    RowKind.SHIPMENT: ("shipment_id", "business_step", "partial"),
}
#: A column of it is half of the proof.
_SIGNS: Final = {
    RowKind.ORDER: ("order_id",),
    RowKind.REPORT: ("report_number", "indicator", "result"),
    RowKind.LOT: ("lot_id", "lot_size"),
    RowKind.SHIPMENT: ("shipment_id", "business_step"),
}


@dataclass(frozen=True, slots=True)
class _Guess:
    rows: RowKind
    row: int
    lines: int
    names: tuple[str, ...]
    meanings: tuple[Meaning | None, ...]


def guessed_mapping(path: Path, sheet: str | None = None, rows: RowKind | None = None) -> str:
    """The text of a mapping file. :class:`UserError` where nothing in the file looks like a header."""
    table = open_table(path, sheet)
    top = [cells for _, cells in islice(table.rows(), SEARCHED_ROWS + _HEADER_LINES)]
    guess = max(_guesses(top, [rows] if rows else list(_SIGNS)), key=_weight, default=None)
    if guess is None or not any(guess.meanings):
        raise UserError(f"{table.name}: no row looks like a header; write the mapping by hand, with columns by letter (@A, @B …)")
    cells_below = [cells for _, cells in islice(table.rows(), guess.row + guess.lines - 1, LOOKED_AT)]
    return "\n".join(_Writing(table, sheet, _by_values(guess, cells_below), cells_below).lines()) + "\n"


def _guesses(top: Sequence[Sequence[Cell]], kinds: Iterable[RowKind]) -> Iterator[_Guess]:
    for kind in kinds:
        for lines in range(1, _HEADER_LINES + 1):
            for first in range(min(SEARCHED_ROWS, len(top) - lines + 1)):
                names = header_names(top[first : first + lines])
                yield _Guess(kind, first + 1, lines, names, _once(names, kind))


def _once(names: Sequence[str], kind: RowKind) -> tuple[Meaning | None, ...]:
    """What each header means; of two that mean the same the one that is written as we write it, else the first."""
    found = [meaning_of(name, kind) if name else None for name in names]
    if not any(one is not None and one.field == "indicator" for one in found):
        # Results of a measurement belong to rows that name its indicator.
        found = [None if one is not None and one.field in measurement_fields() else one for one in found]
    taken: dict[tuple[str | None, ...], int] = {}
    for place, one in sorted(enumerate(found), key=lambda item: not (item[1] is not None and item[1].sure)):
        if one is not None:
            what = (one.field, one.indicator.code if one.indicator else None, one.reading)
            if taken.setdefault(what, place) != place:
                found[place] = None
    return tuple(found)


def _by_values(guess: _Guess, below: Sequence[Sequence[Cell]]) -> _Guess:
    """The category of a product is in the column whose values are such, whatever it is called: 样品类别 is 床单 or 成品."""
    known, fields = load_standards().categories, fields_of(guess.rows)

    def named(at: int) -> int:
        meaning = guess.meanings[at]
        if meaning is None or (
            meaning.field != "product_category" and getattr(fields.get(meaning.field or ""), "words", None) is None
        ):
            return 0
        return sum(1 for row in below if at < len(row) and key(plain_text(row[at])) in known)

    now = next((at for at, one in enumerate(guess.meanings) if one is not None and one.field == "product_category"), None)
    best = max(range(len(guess.meanings)), key=named)
    if "product_category" not in fields or named(best) <= (0 if now is None else named(now)):
        return guess
    meanings = list(guess.meanings)
    if now is not None:
        meanings[now] = None
    meanings[best] = Meaning("product_category")
    return replace(guess, meanings=tuple(meanings))


def _weight(guess: _Guess) -> tuple[int, int, int]:
    """The better guess is greater: more columns that mean something, fewer header lines, further up."""
    fields = {one.field for one in guess.meanings if one is not None}
    known = sum(1 for one in guess.meanings if one is not None)
    signs = sum(2 for sign in _SIGNS.get(guess.rows, ()) if sign in fields)
    signs += sum(1 for one in guess.meanings if one is not None and one.indicator is not None)
    return (known + signs, -guess.lines, -guess.row)


class _Writing:
    def __init__(self, table: Table, sheet: str | None, guess: _Guess, below: Sequence[Sequence[Cell]]) -> None:
        self._table, self._sheet, self._guess = table, sheet, guess
        words = load_words()
        sums = {plain_text(cell).strip(" :：") for row in below for cell in row if isinstance(cell, str) and len(cell) < 20}
        self._totals = sorted(word for word in sums if key(word) in words.totals)
        self._below = [row for row in below if not any(plain_text(cell).strip(" :：") in self._totals for cell in row)]

    def lines(self) -> Iterator[str]:
        guess = self._guess
        yield f"# A mapping of {Path(self._table.name).name}, made by `weftline map init`. Look at every line that is marked as a guess,"
        yield "# answer what is marked with a question mark, then try it: weftline publish FILE --map THIS --dry-run"
        yield f"rows: {guess.rows}  {_GUESS}"
        yield f'time_zone: "+08:00"  {_GUESS}: on whose clock the times are; a name such as Asia/Shanghai does as well'
        if self._sheet is not None:
            yield f"sheet: {_scalar(self._sheet)}"
        if guess.lines > 1:
            yield f"header_lines: {guess.lines}  {_GUESS}: names of columns are joined from so many lines"
        if self._has_comma():
            yield f"decimal: comma  {_GUESS}"
        if self._totals:
            yield f"totals: [{', '.join(map(_scalar, self._totals))}]  {_GUESS}: rows that only sum up are left out"
        yield "# What tells one event from another. An edited row is known by it, so leave out what may be edited."
        yield f"key: [{', '.join(map(_scalar, self._key()))}]  {_GUESS}"
        yield from self._constants()
        yield "columns:"
        for at, (name, meaning) in enumerate(zip(guess.names, guess.meanings, strict=True)):
            if name:
                header = name if guess.names.count(name) == 1 else f"{BY_LETTERS}{letters(at)}"
                yield from self._column(at, header, meaning)
        if guess.rows is RowKind.REPORT and not any(one is not None and one.field == "verified_at" for one in guess.meanings):
            yield f"  {_ASK} no column is verified_at, and a report that is not verified judges nobody; which one has that day?"

    def _key(self) -> list[str]:
        by_field = {one.field: name for name, one in zip(self._guess.names, self._guess.meanings, strict=True) if one is not None}
        return [by_field[field] for field in _KEYS[self._guess.rows] if field in by_field] or [
            next(filter(None, self._guess.names))
        ]

    def _constants(self) -> Iterator[str]:
        given = {one.field for one in self._guess.meanings if one is not None}
        missing = [
            field for field in fields_of(self._guess.rows).values() if field.required and field.path and field.name not in given
        ]
        if missing:
            yield "# What is the same in every row, or stands in no column."
            yield "constants:"
        for field in missing:
            if field.sort is Sort.TIME:
                yield f'  {field.name}: ""  {_ASK} name its column below, or fill in what holds for every row'
                continue
            option = f", or give {BY_OPTION[field.name]}" if field.name in BY_OPTION else ""
            choice = f": {', '.join(one for one in field.words if one != 'UNKNOWN')}" if field.words else ""
            yield f'  {field.name}: ""  {_ASK} fill in{option}{choice}'

    def _column(self, at: int, header: str, meaning: Meaning | None) -> Iterator[str]:
        name = _scalar(header)
        if meaning is None:
            yield f"  # {name}: {_ASK[2:]} not used"
            return
        mark = "" if meaning.sure else f"  {_GUESS}"
        if meaning.indicator is not None:
            parts = {
                "indicator": meaning.indicator.code,
                "reading": meaning.reading,
                "unit": meaning.unit or meaning.indicator.unit,
            }
            inside = ", ".join(f"{part}: {_scalar(value)}" for part, value in parts.items() if value)
            unit = "" if meaning.unit or not meaning.indicator.unit or meaning.sure else "; is that the unit?"
            yield f"  {name}: {{{inside}}}{mark or (unit and f'  {_GUESS}')}{unit}"
            return
        assert meaning.field is not None
        field = {**measurement_fields(), **fields_of(self._guess.rows)}[meaning.field]
        found = self._values(at)
        more: list[str] = []
        if self._is_filled_down(at, field.name):
            more.append(f"    fill_down: true  {_GUESS}: a blank cell means what stands above it")
        if field.sort is Sort.TIME:
            more += _formats(found)
        if field.name == "factory_id":
            more += _asked(found, "the factory's id")
        if field.name == "product_category":
            more += _categories(found)
        if field.sort is Sort.WORD and field.words is not None:
            known = load_words().readings.get(field.words.__name__, {})
            strange = [
                value for value in map(plain_text, found) if key(value) not in known and value not in field.words.__members__
            ]
            more += _asked(strange, f"one of {', '.join(one for one in field.words if one != 'UNKNOWN')}")
        if more:
            yield f"  {name}:"
            yield f"    field: {field.name}{mark}"
            yield from more
        else:
            yield f"  {name}: {field.name}{mark}"

    def _values(self, at: int) -> list[Cell]:
        """The different values of a column, in the order in which they come."""
        found: dict[str, Cell] = {}
        for row in self._below:
            if at < len(row) and not is_blank(row[at]):
                found.setdefault(plain_text(row[at]), row[at])
        return list(found.values())

    def _is_filled_down(self, at: int, field: str) -> bool:
        """Whether the cells that name an event are blank below the first of several rows, as where they are merged."""
        if field not in _KEYS[self._guess.rows]:
            return False
        rows = [row for row in self._below if sum(1 for cell in row if not is_blank(cell)) >= 2]
        blank = sum(1 for row in rows if at >= len(row) or is_blank(row[at]))
        return blank * 5 > len(rows)

    def _has_comma(self) -> bool:
        places = [
            at
            for at, one in enumerate(self._guess.meanings)
            if one is not None
            and (one.indicator is not None or one.field in ("result", "value", "detection_limit", "labelled_value"))
        ]
        cells = [row[at] for row in self._below for at in places if at < len(row)]
        return any(isinstance(cell, str) and _WITH_COMMA.fullmatch(cell.strip()) for cell in cells)


def _scalar(value: Any) -> str:
    """A value as YAML has it within a line."""
    return str(yaml.safe_dump([value], allow_unicode=True, default_flow_style=True, width=10_000)).strip()[1:-1]


def _asked(values: Iterable[Cell], what: str) -> Iterator[str]:
    texts = [plain_text(value) for value in values]
    if not texts:
        return
    yield f"    # values:  {_ASK} where these are not what we call them, say what is: {what}"
    yield from (f"    #   {_scalar(text)}: " for text in texts[:MOST_VALUES])
    if len(texts) > MOST_VALUES:
        yield f"    #   and {len(texts) - MOST_VALUES} more"


def _categories(values: Iterable[Cell]) -> Iterator[str]:
    known = load_standards().categories
    texts = [plain_text(value) for value in values]
    pairs = {text: known[key(text)].code for text in texts if key(text) in known and known[key(text)].code != text}
    if pairs:
        yield "    others: keep"
        yield f"    values:  {_GUESS}"
        yield from (f"      {_scalar(text)}: {_scalar(code)}" for text, code in pairs.items())
    strange = [text for text in texts if key(text) not in known]
    yield from (f"    #   {_scalar(text)}:   {_ASK} `weftline categories` prints what rules know" for text in strange[:MOST_VALUES])


def _formats(values: Iterable[Cell]) -> Iterator[str]:
    """How dates are written, where that is not plain."""
    texts = [value.strip() for value in values if isinstance(value, str) and not isinstance(value, date)]
    if all(map(_is_plain, texts)):
        return
    fitting = [pattern for pattern in _PATTERNS if all(_is_plain(text, pattern) for text in texts)]
    if len(fitting) == 1:
        yield f'    format: "{fitting[0]}"  {_GUESS}'
    else:
        yield f"    # format:  {_ASK} say how these are written: {', '.join(texts[:3])} ({' or '.join(fitting) or 'as strptime has it'})"


def _is_plain(text: str, pattern: str | None = None) -> bool:
    try:
        moment(text, pattern)
    except CellError:
        return False
    return True
