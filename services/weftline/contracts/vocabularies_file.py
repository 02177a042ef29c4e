"""The tables of words under ``schemas/standards``: how units, codes and methods are spelled, and which product categories there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import ValidationInfo, model_validator

from weftline.contracts.yaml_types import Fault, Faults, Model, Text, member, one_of
from weftline.domain.laboratory.spelling import Spellings, folded, key, prefixes
from weftline.domain.laboratory.standards import SAFETY_CLASSES, Category, Confidence
from weftline.domain.vocabulary import SafetyClass


class _Spelled(Model):
    name: Text
    also: list[Text] = []

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.name, *self.also)


class _Methods(Model):
    prefixes: list[_Spelled] = []
    adopted_by: list[Text]


class SpellingsFile(Model):
    """``context``: ``code_names``, the Chinese name of each code of a result, which is one more spelling of it."""

    source: Text
    units: list[_Spelled] = []
    no_unit: list[Text]
    codes: list[_Spelled] = []
    methods: _Methods

    @model_validator(mode="after")
    def _each_spelling_means_one_thing(self, info: ValidationInfo) -> SpellingsFile:
        names: Mapping[str, str] = info.context["code_names"] if info.context else {}
        units = _by_key(self.units)
        faults = [*_clashes("units", self.units, {}), *_clashes("codes", self.codes, names)]
        faults += [
            Fault(f"{one!r} is a unit above", "no_unit", place) for place, one in enumerate(self.no_unit) if key(one) in units
        ]
        faults += [
            Fault(f"code_names of the indicators does not know {entry.name}", "codes", place, "name")
            for place, entry in enumerate(self.codes)
            if entry.name not in names
        ]
        Faults.raise_any(faults)
        return self

    def spellings(self, code_names: Mapping[str, str]) -> Spellings:
        """The value of the domain."""
        codes = _by_key(self.codes) | {key(name): code for code, names in code_names.items() for name in (code, names)}
        usual = prefixes((spelling, entry.name) for entry in self.methods.prefixes for spelling in (entry.name, *entry.also))
        bodies = tuple(map(folded, self.methods.adopted_by))
        return Spellings(_by_key(self.units), frozenset(map(key, self.no_unit)), codes, usual, bodies)


def _by_key(entries: Iterable[_Spelled]) -> dict[str, str]:
    return {key(spelling): entry.name for entry in entries for spelling in entry.spellings}


def _clashes(part: str, entries: Iterable[_Spelled], further: Mapping[str, str]) -> Iterator[Fault]:
    """Spellings that mean nothing, or two things; ``further``: what else is spelled so, by name."""
    found: dict[str, str] = {}
    for place, entry in enumerate(entries):
        for number, spelling in enumerate(entry.spellings):
            steps = (part, place, "name") if number == 0 else (part, place, "also", number - 1)
            if not key(spelling):
                yield Fault(f"{spelling!r} of {entry.name} is nothing but signs that make no difference", *steps)
            elif found.setdefault(key(spelling), entry.name) != entry.name:
                yield Fault(f"{spelling!r} is {found[key(spelling)]} and {entry.name}", *steps)
    for code, name in further.items():
        for spelling in (code, name):
            if found.setdefault(key(spelling), code) != code:
                yield Fault(f"{spelling!r} is {found[key(spelling)]} and, by code_names of the indicators, {code}", part)


class _Category(Model):
    code: Text
    zh: Text
    en: Text
    #: Left out where nobody says.
    usual_class: Annotated[SafetyClass, one_of({one.value: one for one in SAFETY_CLASSES})] | None = None
    spellings: list[Text] = []


class CategoriesFile(Model):
    source: Text
    confidence: Annotated[Confidence, member(Confidence)]
    categories: list[_Category] = []

    @model_validator(mode="after")
    def _each_spelling_is_one_category(self) -> CategoriesFile:
        found: dict[str, tuple[int, str]] = {}
        faults = []
        for place, entry in enumerate(self.categories):
            spelled = [(entry.code, ("code",)), (entry.zh, ("zh",)), (entry.en, ("en",))]
            for spelling, steps in (*spelled, *((one, ("spellings", number)) for number, one in enumerate(entry.spellings))):
                first, code = found.setdefault(key(spelling), (place, entry.code))
                if first != place:
                    faults.append(Fault(f"{spelling!r} is {code} and {entry.code}", "categories", place, *steps))
        Faults.raise_any(faults)
        return self

    def by_key(self) -> dict[str, Category]:
        """The product categories, by the :func:`key` of every spelling."""
        found: dict[str, Category] = {}
        for entry in self.categories:
            category = Category(entry.code, entry.zh, entry.en, entry.usual_class)
            found |= {key(spelling): category for spelling in (entry.code, entry.zh, entry.en, *entry.spellings)}
        return found
