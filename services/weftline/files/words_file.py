"""How the words of spreadsheets are written."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import model_validator

from weftline.contracts.yaml_types import Fault, Faults, Model, Text
from weftline.domain.laboratory.spelling import key


class Entry(Model):
    name: Text
    zh: Text
    en: Text
    also: list[Text] = []
    note_zh: str = ""
    note_en: str = ""


class WordsFile(Model):
    source: Text
    fields: list[Entry]
    indicators: dict[str, list[Text]]
    words: dict[str, list[Entry]]
    affirmative: list[Text]
    negative: list[Text]
    totals: list[Text]
    not_measured: list[Text]
    not_detected: list[Text]

    @model_validator(mode="after")
    def _each_word_means_one_thing(self) -> WordsFile:
        Faults.raise_any(fault for name, entries in self.words.items() for fault in _clashes(name, entries))
        return self


def _clashes(vocabulary: str, entries: list[Entry]) -> Iterator[Fault]:
    found: dict[str, str] = {}
    for place, entry in enumerate(entries):
        for word in (entry.name, entry.zh, entry.en, *entry.also):
            if found.setdefault(key(word), entry.name) != entry.name:
                yield Fault(f"{word!r} is {found[key(word)]} and {entry.name}", "words", vocabulary, place)
