"""How ``schemas/standards/iso-2859-1.yaml`` is written: code letters, master tables with their arrows, editions, switching."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from weftline.contracts.yaml_types import Day, Fault, Faults, Model, NotA, Text, one_of
from weftline.domain.sampling.plans import Edition, SamplingStandard, day_number
from weftline.domain.sampling.switching import SwitchingRules
from weftline.domain.sampling.tables import ARROWS, TABLES, Cell, MasterTable, TableError, resolve
from weftline.domain.vocabulary import Severity


def _aql(text: str) -> str:
    """An exact number above zero, written as text: a bare 0.10 in YAML would lose its last digit."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise NotA("must be a quoted number") from None
    if not number.is_finite() or number <= 0:
        raise NotA("must be above zero")
    return text


def _cell(value: Any) -> int | str:
    if isinstance(value, str) and value in ARROWS:
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotA(f"must be a whole number from 0, or one of {', '.join(ARROWS)}")
    return value


def _letter(text: str) -> str:
    if len(text) != 1:
        raise NotA("must be one letter")
    return text


Whole = Annotated[int, Field(ge=1)]
Accept = Annotated[int, Field(ge=0)]
AqlText = Annotated[Text, AfterValidator(_aql)]
Letter = Annotated[Text, AfterValidator(_letter)]
CellValue = Annotated[int | str, PlainValidator(_cell)]
Arrow = Annotated[str, one_of({word: word for word in ARROWS})]
Confidence = Annotated[str, one_of({word: word for word in ("confirmed", "unconfirmed")})]


class _Edition(Model):
    standard: Text
    edition: Text
    valid_from: Day
    valid_to: Day | None = None
    confidence: Confidence
    source: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> _Edition:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise Fault(f"must not be before valid_from, {self.valid_from}", "valid_to")
        return self

    def value(self) -> Edition:
        until = None if self.valid_to is None else day_number(self.valid_to)
        return Edition(self.standard, self.edition, day_number(self.valid_from), until, self.confidence, self.source, self.note)


class _Lots(Model):
    # Not named `from`, which is a word of Python.
    from_: Whole = Field(alias="from")
    letters: Text


class _CodeLetters(Model):
    levels: Annotated[list[Text], Field(min_length=1)]
    lots: Annotated[list[_Lots], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_table(self) -> _CodeLetters:
        count = len(self.levels)
        faults = [
            NotA(f"must have one letter for each of the {count} levels", "lots", place, "letters")
            for place, lots in enumerate(self.lots)
            if len(lots.letters) != count
        ]
        starts = [lots.from_ for lots in self.lots]
        faults += [
            NotA(f"must be a whole number from {before + 1}", "lots", place, "from")
            for place, (before, start) in enumerate(pairwise(starts), 1)
            if start <= before
        ]
        Faults.raise_any(faults)
        return self

    def by_level(self) -> dict[str, str]:
        return {level: "".join(lots.letters[place] for lots in self.lots) for place, level in enumerate(self.levels)}


class _Aql(Model):
    steps: Annotated[list[AqlText], Field(min_length=1)]
    percent_up_to: AqlText

    @model_validator(mode="after")
    def _ascends(self) -> _Aql:
        found = [Decimal(step) for step in self.steps]
        if found != sorted(set(found)):
            raise Fault("must ascend", "steps")
        return self


class _Place(Model):
    letter: Letter
    aql: AqlText

    @property
    def place(self) -> tuple[str, Decimal]:
        return self.letter, Decimal(self.aql)


class _PrintedCell(_Place):
    cell: CellValue
    why: Text = ""


class _Beyond(Model):
    letters: Text
    accept: Annotated[list[Accept], Field(min_length=1)]


class _Table(Model):
    zero_at: _Place
    before: Arrow
    diagonal: Annotated[list[CellValue], Field(min_length=1)]
    after: Arrow
    beyond: _Beyond
    cells: Annotated[list[_PrintedCell], Field(min_length=1)]

    def misplaced(self, letters: Mapping[str, int], steps: list[Decimal]) -> Iterator[Fault]:
        """What names a row or a column that there is not."""
        if strange := sorted({*self.beyond.letters} - letters.keys()):
            yield Fault(f"has {strange[0]}, which is no row of the table", "beyond", "letters")
        places: list[tuple[tuple[Hashable, ...], _Place]] = [(("zero_at",), self.zero_at)]
        places += [(("cells", number), cell) for number, cell in enumerate(self.cells)]
        for at, place in places:
            if place.letter not in letters:
                yield NotA(f"must be one of {', '.join(letters)}", *at, "letter")
            if Decimal(place.aql) not in steps:
                yield NotA("must be one of the AQL steps", *at, "aql")

    def value(self) -> MasterTable:
        return MasterTable(
            zero_at=self.zero_at.place,
            before=self.before,
            diagonal=tuple(self.diagonal),
            after=self.after,
            beyond_letters=frozenset(self.beyond.letters),
            beyond=tuple(self.beyond.accept),
            cells={cell.place: cell.cell for cell in self.cells},
        )


class _Tables(Model):
    NORMAL: _Table
    TIGHTENED: _Table

    def of(self, severity: Severity) -> _Table:
        return self.NORMAL if severity is Severity.NORMAL else self.TIGHTENED


class _Reduced(Model):
    enabled: bool
    reason: Text

    @model_validator(mode="after")
    def _has_no_table(self) -> _Reduced:
        if self.enabled:
            raise Fault("cannot be true: there is no table of reduced plans here", "enabled")
        return self


class _CommonSample(Model):
    allowed: bool
    confidence: Confidence = "confirmed"
    source: Text = ""


class _Switching(Model):
    window: Whole
    not_accepted: Whole
    accepted: Whole
    discontinue_after: Whole | None = None

    @model_validator(mode="after")
    def _fits_its_window(self) -> _Switching:
        if self.not_accepted > self.window:
            raise Fault(f"cannot be more than window ({self.window})", "not_accepted")
        return self


class _Critical(Model):
    accept: Accept


class SamplingFile(Model):
    id: Text
    title: Text = ""
    confidence: Confidence
    source: Text
    editions: Annotated[list[_Edition], Field(min_length=1)]
    code_letters: _CodeLetters
    sample_sizes: dict[Letter, Whole]
    extra_sample_sizes: dict[Letter, Whole] = {}
    aql: _Aql
    tables: _Tables
    reduced: _Reduced
    common_sample: _CommonSample
    switching: _Switching
    critical: _Critical

    @model_validator(mode="after")
    def _every_cell_has_a_plan(self) -> SamplingFile:
        rows = self.sample_sizes | self.extra_sample_sizes
        faults = [
            Fault(f"has no {min(strange)}, to which level {level} leads", "sample_sizes")
            for level, letters in self.code_letters.by_level().items()
            if (strange := {*letters} - self.sample_sizes.keys())
        ]
        for severity in TABLES:
            misplaced = list(self.tables.of(severity).misplaced(rows, self._steps()))
            faults += [_below(fault, "tables", severity.value) for fault in misplaced]
            if not misplaced:
                try:
                    self._resolve(severity)
                except TableError as error:
                    faults.append(Fault(str(error), "tables", severity.value))
        Faults.raise_any(faults)
        return self

    def _steps(self) -> list[Decimal]:
        return [Decimal(step) for step in self.aql.steps]

    def _resolve(self, severity: Severity) -> dict[tuple[str, Decimal], Cell]:
        return resolve(self.tables.of(severity).value(), self.sample_sizes, self.extra_sample_sizes, self._steps())

    def standard(self) -> SamplingStandard:
        """The value of the domain."""
        switching = self.switching
        return SamplingStandard(
            id=self.id,
            source=self.source,
            confidence=self.confidence,
            editions=tuple(edition.value() for edition in self.editions),
            lot_sizes=tuple(lots.from_ for lots in self.code_letters.lots),
            code_letters=self.code_letters.by_level(),
            aqls={Decimal(step): step for step in self.aql.steps},
            percent_up_to=Decimal(self.aql.percent_up_to),
            cells={(severity, *place): cell for severity in TABLES for place, cell in self._resolve(severity).items()},
            reduced_reason=self.reduced.reason,
            common_sample=self.common_sample.allowed,
            switching=SwitchingRules(switching.window, switching.not_accepted, switching.accepted, switching.discontinue_after),
            critical_accept=self.critical.accept,
        )


def _below(fault: Fault, *steps: Hashable) -> Fault:
    """The same fault, by its steps from further above."""
    same: Callable[..., Fault] = type(fault)
    return same(fault.problem, *steps, *fault.steps)
