"""Single sampling plans of ISO 2859-1: code letters, master tables with their arrows followed, editions.

The standard is data (``schemas/standards/iso-2859-1.yaml``); :meth:`SamplingStandard.from_mapping` takes the parsed file and
derives every cell once, so that a lookup is one dictionary access and a table with a hole cannot be loaded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from weftline.domain.sampling.reading import Node, StandardError
from weftline.domain.sampling.switching import Due, SwitchingRules
from weftline.domain.vocabulary import Severity

_TABLES: Final = (Severity.NORMAL, Severity.TIGHTENED)
_DIRECTIONS: Final = {"up": -1, "down": 1}

Aql = Decimal | float | int | str


class PlanError(ValueError):
    """A plan was asked for that the standard does not have; ``argument`` is the name of the parameter at fault.

    The one-line message names the argument, the value, and what is allowed.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of a master table after its arrows were followed: draw ``sample_size`` units."""

    letter: str
    sample_size: int
    accept: int

    @property
    def reject(self) -> int:
        """Re; in normal and tightened single sampling always Ac + 1."""
        return self.accept + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for a lot.

    ``code_letter`` is the letter of the lot's size and level, ``plan_letter`` the row to which the arrows led. ``sample_size`` is
    what is drawn: the row's ``table_sample_size``, or the whole lot where that is not larger (``full_inspection``; Ac is kept).
    ``per_hundred_units``: the AQL counts nonconformities per hundred units and has no meaning as percent nonconforming.
    """

    lot_size: int
    level: str
    aql: str
    severity: Severity
    code_letter: str
    plan_letter: str
    sample_size: int
    table_sample_size: int
    accept: int
    reject: int
    full_inspection: bool
    per_hundred_units: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition and its days of validity, both included, counted from 1970-01-01; no ``valid_to``: still in force."""

    standard: str
    edition: str
    valid_from: int
    valid_to: int | None
    confidence: str
    source: str
    note: str | None

    def in_force(self, day: int) -> bool:
        """Whether it was in force on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class SamplingStandard:
    """A sampling standard, ready for lookups. Tables are keyed by (severity, code letter, AQL)."""

    id: str
    source: str
    confidence: str
    editions: tuple[Edition, ...]
    lot_sizes: tuple[int, ...]  # the smallest lot of each range, ascending
    code_letters: Mapping[str, str]  # level -> one letter per range
    aqls: Mapping[Decimal, str]  # step -> how it is printed, ascending
    percent_up_to: Decimal
    cells: Mapping[tuple[Severity, str, Decimal], Cell]
    reduced_reason: str
    common_sample: bool
    switching: SwitchingRules
    critical_accept: int

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> SamplingStandard:
        """From the parsed data file. Raises :class:`StandardError` that names the key at fault."""
        root = Node(mapping, "sampling standard")
        root = Node(mapping, root["id"].text())
        lots, letters = _read_code_letters(root["code_letters"])
        rows = [(letter, size.integer(1)) for letter, size in root["sample_sizes"].items()]
        known = {letter for letter, _ in rows}
        for level, per_range in letters.items():
            if strange := set(per_range) - known:
                raise root["sample_sizes"].fail(f"has no {min(strange)}, to which level {level} leads")
        steps = {step.decimal(): step.text() for step in root["aql"]["steps"].entries()}
        if list(steps) != sorted(steps):
            raise root["aql"]["steps"].fail("must ascend")
        extra = root.get("extra_sample_sizes")
        extras = [(letter, size.integer(1)) for letter, size in extra.items()] if extra else []
        cells: dict[tuple[Severity, str, Decimal], Cell] = {}
        for severity in _TABLES:
            table = _Table(root["tables"][severity], rows, extras, list(steps))
            for letter, _ in rows:
                for aql in steps:
                    cells[severity, letter, aql] = table.resolve(letter, aql)
        if root["reduced"]["enabled"].flag():
            raise root["reduced"]["enabled"].fail("cannot be true: there is no table of reduced plans here")
        return cls(
            id=root["id"].text(),
            source=root["source"].text(),
            confidence=root["confidence"].choice("confirmed", "unconfirmed"),
            editions=tuple(_read_edition(node) for node in root["editions"].entries()),
            lot_sizes=lots,
            code_letters=letters,
            aqls=steps,
            percent_up_to=root["aql"]["percent_up_to"].decimal(),
            cells=cells,
            reduced_reason=root["reduced"]["reason"].text(),
            common_sample=root["common_sample"]["allowed"].flag(),
            switching=SwitchingRules.read(root["switching"]),
            critical_accept=root["critical"]["accept"].integer(0),
        )

    def plan(self, lot_size: int, level: str, aql: Aql, severity: Severity | Due | str = Severity.NORMAL) -> Plan:
        """The plan for a lot of ``lot_size`` units; level and severity in any case. Raises :class:`PlanError`."""
        table = self.severity(severity)
        step = self.aql(aql)
        level = self.level(level)
        letter = self.code_letter(lot_size, level)
        cell = self.cells[table, letter, step]
        return Plan(
            lot_size=lot_size,
            level=level,
            aql=self.aqls[step],
            severity=table,
            code_letter=letter,
            plan_letter=cell.letter,
            sample_size=min(cell.sample_size, lot_size),
            table_sample_size=cell.sample_size,
            accept=cell.accept,
            reject=cell.reject,
            full_inspection=cell.sample_size >= lot_size,
            per_hundred_units=step > self.percent_up_to,
        )

    def code_letter(self, lot_size: int, level: str) -> str:
        """The sample size code letter.

        A lot of one unit is below the table and is an error, not a guess: there is nothing to sample.
        """
        if isinstance(lot_size, bool) or not isinstance(lot_size, int):
            raise PlanError("lot_size", f"must be a whole number of units, not {lot_size!r}")
        if lot_size < self.lot_sizes[0]:
            advice = "; inspect the unit itself, no sampling plan applies" if lot_size == 1 else ""
            raise PlanError("lot_size", f"{lot_size} is below the tables, which begin at {self.lot_sizes[0]}{advice}")
        return self.code_letters[self.level(level)][bisect_right(self.lot_sizes, lot_size) - 1]

    def level(self, level: str) -> str:
        """The inspection level as the standard writes it."""
        name = str(level).strip().upper()
        if name not in self.code_letters:
            raise PlanError("level", f"{level!r} is no inspection level; use one of {', '.join(self.code_letters)}")
        return name

    def aql(self, aql: Aql) -> Decimal:
        """The AQL step, exactly; a float is read as the shortest decimal that denotes it (2.5, 0.065)."""
        try:
            step = Decimal(repr(aql) if isinstance(aql, float) else aql)
            known = step.is_finite() and step in self.aqls and not isinstance(aql, bool)
        except (InvalidOperation, TypeError, ValueError):
            known = False
        if not known:
            raise PlanError("aql", f"{aql!r} is no AQL of the tables; use one of {', '.join(self.aqls.values())}")
        return step

    def severity(self, severity: Severity | Due | str) -> Severity:
        """The severity whose table is asked for."""
        name = str(severity).strip().upper()
        if name == Severity.REDUCED:
            raise PlanError("severity", f"reduced inspection is switched off; use normal or tightened. {self.reduced_reason}")
        if name == Due.DISCONTINUED:
            raise PlanError(
                "severity", "inspection is discontinued; there is no plan until a corrective action is accepted, then tightened"
            )
        if name not in _TABLES:
            raise PlanError("severity", f"{str(severity)!r} is no severity; use normal or tightened")
        return Severity(name)

    def edition_in_force(self, day: int, standard: str | None = None) -> Edition | None:
        """The newest edition in force on a day (days since 1970-01-01), of ``standard`` or else of the first one listed."""
        name = self.editions[0].standard if standard is None else standard
        valid = [edition for edition in self.editions if edition.standard == name and edition.in_force(day)]
        return max(valid, key=lambda edition: edition.valid_from, default=None)


class _Table:
    """One master table, cell by cell as it is printed: a number, or an arrow."""

    def __init__(self, node: Node, rows: list[tuple[str, int]], extras: list[tuple[str, int]], steps: list[Decimal]) -> None:
        self._node = node
        self._rows = rows + extras
        self._row_of = {letter: row for row, (letter, _) in enumerate(self._rows)}
        self._column_of = {step: column for column, step in enumerate(steps)}
        self._diagonal = [self._read_cell(entry) for entry in node["diagonal"].entries()]
        self._longer = [*self._diagonal, *(accept.integer(0) for accept in node["beyond"]["accept"].entries())]
        self._beyond_letters = set(node["beyond"]["letters"].text())
        if strange := self._beyond_letters - self._row_of.keys():
            raise node["beyond"]["letters"].fail(f"has {min(strange)}, which is no row of the table")
        self._before = node["before"].choice(*_DIRECTIONS)
        self._after = node["after"].choice(*_DIRECTIONS)
        self._on_diagonals = len(rows)
        row, column = self._place(node["zero_at"])
        self._first = row + column
        self._exceptions = {self._place(entry): self._read_cell(entry["cell"]) for entry in node["cells"].entries()}

    def resolve(self, letter: str, aql: Decimal) -> Cell:
        """The plan to which the arrows lead from a letter's row."""
        row, column = self._row_of[letter], self._column_of[aql]
        cell = self._cell(row, column)
        direction = _DIRECTIONS.get(cell, 0) if isinstance(cell, str) else 0
        while isinstance(cell, str):
            row += direction
            if not 0 <= row < len(self._rows):
                raise self._node.fail(f"from letter {letter} at AQL {aql} the arrows lead out of the table")
            cell = self._cell(row, column)
        return Cell(*self._rows[row], cell)

    def _cell(self, row: int, column: int) -> int | str:
        if (row, column) in self._exceptions:
            return self._exceptions[row, column]
        if row >= self._on_diagonals:
            return self._after  # an extra row has the cells that are listed and no others: the arrow leads on, out of the table
        place = row + column - self._first
        if place < 0:
            return self._before
        cells = self._longer if self._rows[row][0] in self._beyond_letters else self._diagonal
        return cells[place] if place < len(cells) else self._after

    def _read_cell(self, node: Node) -> int | str:
        return node.choice(*_DIRECTIONS) if isinstance(node.value, str) else node.integer(0)

    def _place(self, node: Node) -> tuple[int, int]:
        letter, aql = node["letter"].choice(*self._row_of), node["aql"].decimal()
        if aql not in self._column_of:
            raise node["aql"].fail(f"{aql} is no AQL step")
        return self._row_of[letter], self._column_of[aql]


def _read_code_letters(node: Node) -> tuple[tuple[int, ...], dict[str, str]]:
    levels = [level.text() for level in node["levels"].entries()]
    starts: list[int] = []
    ranges: list[str] = []
    for entry in node["lots"].entries():
        starts.append(entry["from"].integer(starts[-1] + 1 if starts else 1))
        ranges.append(entry["letters"].text())
        if len(ranges[-1]) != len(levels):
            raise entry["letters"].fail(f"must have one letter for each of the {len(levels)} levels, not {ranges[-1]!r}")
    return tuple(starts), {level: "".join(letters[place] for letters in ranges) for place, level in enumerate(levels)}


def _read_edition(node: Node) -> Edition:
    valid_to, note = node.get("valid_to"), node.get("note")
    edition = Edition(
        standard=node["standard"].text(),
        edition=node["edition"].text(),
        valid_from=node["valid_from"].day(),
        valid_to=None if valid_to is None else valid_to.day(),
        confidence=node["confidence"].choice("confirmed", "unconfirmed"),
        source=node["source"].text(),
        note=None if note is None else note.text(),
    )
    if valid_to is not None and valid_to.day() < edition.valid_from:
        raise valid_to.fail("is before valid_from")
    return edition


__all__ = ["Aql", "Cell", "Edition", "Plan", "PlanError", "SamplingStandard", "StandardError"]
