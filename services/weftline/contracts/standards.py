"""Standards from ``schemas/standards``: YAML in, the pure types of :mod:`weftline.domain.laboratory` out.

The files are edited by people who know textiles, so every fault is a :class:`UserError` that names the file, the line and the place in it.
The modules that know how they are written are imported when they are needed: every publisher imports this one, and pydantic takes 0.1 s.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from weftline.contracts.paths import schemas_root
from weftline.domain.cooperative.rules import Rulebook
from weftline.domain.laboratory.standards import Standard, Standards
from weftline.domain.remedies import Remedy
from weftline.domain.sampling.plans import SamplingStandard
from weftline.errors import UserError

INDICATORS: Final = "indicators.yaml"
SPELLINGS: Final = "spellings.yaml"
CATEGORIES: Final = "categories.yaml"
SAMPLING: Final = "iso-2859-1.yaml"
REMEDIES: Final = "remedies.yaml"
COOPERATIVE: Final = "cooperative.yaml"


def load_standards(root: Path | None = None) -> Standards:
    """Indicators and all editions under ``root`` (the folder ``schemas``; by default the one that is installed).

    Raises :class:`UserError` that lists every fault of the first file that has any.
    """
    from weftline.contracts.indicators_file import IndicatorsFile
    from weftline.contracts.standard_file import StandardFile
    from weftline.contracts.vocabularies_file import CategoriesFile, SpellingsFile
    from weftline.contracts.yaml_reading import read_yaml

    folder = (root or schemas_root()) / "standards"
    categories = read_yaml(folder / CATEGORIES, CategoriesFile).by_key()
    catalogue = read_yaml(folder / INDICATORS, IndicatorsFile)
    names = catalogue.code_names
    spellings = read_yaml(folder / SPELLINGS, SpellingsFile, context={"code_names": names}).spellings(names)
    indicators = {entry.code: entry.indicator(names, spellings) for entry in catalogue.indicators}
    context = {"indicators": indicators, "categories": categories}
    editions = [
        read_yaml(path, StandardFile, context=context).edition_of(indicators)
        for path in sorted(folder.glob("*.yaml"))
        if path.name not in (INDICATORS, SAMPLING, SPELLINGS, CATEGORIES, REMEDIES, COOPERATIVE)
    ]
    _refuse_overlaps(editions)
    programmes = tuple(entry.programme() for entry in catalogue.programmes)
    return Standards(indicators, tuple(sorted(editions, key=lambda s: (s.name, s.valid_from))), programmes, categories)


def load_sampling_standard(root: Path | None = None) -> SamplingStandard:
    """ISO 2859-1 as :mod:`weftline.domain.sampling` reads it."""
    from weftline.contracts.sampling_file import SamplingFile
    from weftline.contracts.yaml_reading import read_yaml

    return read_yaml((root or schemas_root()) / "standards" / SAMPLING, SamplingFile).standard()


def load_remedies(root: Path | None = None) -> tuple[Remedy, ...]:
    """What a factory may do about a lot that was not accepted."""
    from weftline.contracts.remedies_file import RemediesFile
    from weftline.contracts.yaml_reading import read_yaml

    read = read_yaml((root or schemas_root()) / "standards" / REMEDIES, RemediesFile)
    return tuple(entry.remedy() for entry in read.remedies)


def load_cooperative_rules(standards: Standards, root: Path | None = None) -> Rulebook:
    """The rules of cooperatives; ``standards`` say which indicators protect people."""
    from weftline.contracts.cooperative_file import CooperativeFile
    from weftline.contracts.yaml_reading import read_yaml

    return read_yaml((root or schemas_root()) / "standards" / COOPERATIVE, CooperativeFile).rulebook(standards.safety_indicators)


def _refuse_overlaps(editions: list[Standard]) -> None:
    """No time may have two editions of one standard."""
    ordered = sorted(editions, key=lambda s: (s.name, s.valid_from))
    for earlier, later in pairwise(ordered):
        if earlier.name == later.name and (earlier.valid_to is None or earlier.valid_to > later.valid_from):
            raise UserError(f"{earlier.label} is still valid when {later.label} comes into force: give it a valid_to")
