"""The words of spreadsheets (``schemas/files/words.yaml``) as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from weftline.contracts.paths import schemas_root
from weftline.domain.laboratory.spelling import key


@dataclass(frozen=True, slots=True)
class Label:
    """A field, or a symbol of a vocabulary, as people call it. ``also``: other words for it; notes say what belongs there."""

    name: str
    zh: str
    en: str
    also: tuple[str, ...] = ()
    note_zh: str = ""
    note_en: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """All words for it, its name first."""
        return (self.name, self.zh, self.en, *self.also)


@dataclass(frozen=True, slots=True)
class Words:
    """``fields`` by name; ``indicators``: code → further words for it; ``symbols`` by vocabulary and symbol; ``readings``: vocabulary →
    :func:`key` of a word → symbol.

    The sets hold keys too.
    """

    fields: Mapping[str, Label]
    indicators: Mapping[str, tuple[str, ...]]
    symbols: Mapping[str, Mapping[str, Label]]
    readings: Mapping[str, Mapping[str, str]]
    yes: frozenset[str]
    no: frozenset[str]
    totals: frozenset[str]
    not_measured: frozenset[str]
    not_detected: frozenset[str]


def load_words(root: Path | None = None) -> Words:
    """The words under ``root`` (the folder ``schemas``; by default the one that is installed)."""
    return _load((root or schemas_root()) / "files" / "words.yaml")


@cache
def _load(path: Path) -> Words:
    from weftline.contracts.yaml_reading import read_yaml
    from weftline.files.words_file import Entry, WordsFile

    def _label(entry: Entry) -> Label:
        return Label(entry.name, entry.zh, entry.en, tuple(entry.also), entry.note_zh, entry.note_en)

    file = read_yaml(path, WordsFile)
    symbols = {name: {entry.name: _label(entry) for entry in entries} for name, entries in file.words.items()}
    readings = {
        name: {key(word): label.name for label in labels.values() for word in label.spellings} for name, labels in symbols.items()
    }
    sets = (
        frozenset(map(key, words)) for words in (file.affirmative, file.negative, file.totals, file.not_measured, file.not_detected)
    )
    fields = {entry.name: _label(entry) for entry in file.fields}
    indicators = {code: tuple(words) for code, words in file.indicators.items()}
    return Words(fields, indicators, symbols, readings, *sets)
