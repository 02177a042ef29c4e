"""Reference data: who the parties are that events name, what they are called, to whom they belong, whom to call; each from a day on.

It enriches reads and takes part in no fold, so the day on which it is loaded changes no table. (Who may publish for whom stands in the
same file, and is decided before the fold: :mod:`.publishers`.) It is edited by people who know the parties, so every fault of a file is
told at once, with its line (:mod:`.reference_file`). ``schemas/examples/reference.yaml`` explains the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import yaml

from weftline.contracts.publishers import Grant
from weftline.contracts.reference_file import ReferenceFile
from weftline.contracts.yaml_reading import parse_yaml

EXAMPLE: Final = "schemas/examples/reference.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooperative:
    """A quality cooperative from the day ``valid_from`` on, until a later entry of the same id. ``source``: who said so."""

    id: str
    valid_from: date
    name_zh: str
    name_en: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(Cooperative):
    """A party likewise. ``cooperative_id`` empty: of none, or of several."""

    cooperative_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Center(Party):
    """A sampling center. ``rounds_per_day``: sample rounds that it can finish on a working day; ``live_from``: when it went live (ms, UTC):
    what happened before is history and nobody is alerted. None if nobody said."""

    rounds_per_day: float | None = None
    live_from: int | None = None
    #: Resource → sample rounds that it can take on a working day.
    capacity: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory(Party):
    """A factory; ``cooperative_id`` is the one of which it is a member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a factory calls a style; ``product_category`` empty if nobody said."""

    factory_id: str
    style_number: str
    valid_from: date
    product_category: str = ""
    name_zh: str
    name_en: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who of a party is called first, or second: ``receiver`` is the id by which `weftline notify` knows him; empty: nobody any more.

    Of the three ids one is said. ``name``: what is shown, an office rather than a person.
    """

    factory_id: str = ""
    cooperative_id: str = ""
    center_id: str = ""
    contact: str
    valid_from: date
    receiver: str = ""
    name: str = ""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """``used_by``, a source of events, says ``alias`` and means the party ``id``; empty: nobody any more."""

    kind: str
    used_by: str
    alias: str
    valid_from: date
    id: str = ""
    source: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What one file says."""

    centers: tuple[Center, ...] = ()
    factories: tuple[Factory, ...] = ()
    publishers: tuple[Grant, ...] = ()
    cooperatives: tuple[Cooperative, ...] = ()
    products: tuple[Product, ...] = ()
    contacts: tuple[Contact, ...] = ()
    aliases: tuple[Alias, ...] = ()


def read_reference(text: str, name: str = "reference data") -> Reference:
    """The entries of a file. Raises :class:`UserError` that lists every fault with its line; ``name`` is how the file is called."""
    return said_by(parse_yaml(text, ReferenceFile, name, example=EXAMPLE))


def said_by(file: ReferenceFile) -> Reference:
    """The entries of a file that was read."""
    return Reference(
        tuple(Center(**entry.said(file.source)) for entry in file.centers),
        tuple(Factory(**entry.said(file.source)) for entry in file.factories),
        tuple(Grant(**entry.said(file.source)) for entry in file.publishers),
        tuple(Cooperative(**entry.said(file.source)) for entry in file.cooperatives),
        tuple(Product(**entry.said(file.source)) for entry in file.products),
        tuple(Contact(**entry.said(file.source)) for entry in file.contacts),
        tuple(Alias(**entry.said(file.source)) for entry in file.aliases),
    )


def write_reference(reference: Reference, note: str) -> str:
    """The file that says ``reference``; ``note`` is the comment on its first line."""
    body = {
        "centers": [_written(center) for center in reference.centers],
        "factories": [_written(factory) for factory in reference.factories],
    }
    return f"# {note}\n{yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=1_000)}"


def _written(party: Party) -> dict[str, Any]:
    body = {key: value for key, value in asdict(party).items() if value not in (None, "", {})}
    if "live_from" in body:
        body["live_from"] = datetime.fromtimestamp(body["live_from"] / 1000, UTC)
    return body
