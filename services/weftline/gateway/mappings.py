"""What the columns of a partner's spreadsheets mean: mappings as `weftline map init` writes them, kept under a name of the partner's."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final, NamedTuple

from weftline.contracts.rules import iso
from weftline.errors import UserError
from weftline.files.mapping_file import MappingFile, parse_mapping
from weftline.gateway.problems import Kind, Problem, of_field
from weftline.gateway.tables import Tables
from weftline.warehouse import mappings as tables

#: The largest that was met has 4 kB.
MAX_BYTES: Final = 256 << 10
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Mapping(NamedTuple):
    """A mapping as it is kept; ``changed_at``: ms."""

    name: str
    text: str
    digest: str
    changed_at: int

    @property
    def as_json(self) -> dict[str, Any]:
        """As it is told, without its text."""
        return _told(self.name, self.digest, self.changed_at)


def _told(name: str, digest: str, changed_at: int) -> dict[str, Any]:
    return {"name": name, "sha256": digest, "changed_at": iso(changed_at), "href": f"/v1/mappings/{name}"}


def checked_name(name: str) -> str:
    """A name that a mapping may have."""
    if not _NAME.fullmatch(name):
        raise of_field("name", "a mapping is called by up to 64 letters, digits, dots, dashes and underscores")
    return name


def parsed(name: str, data: bytes) -> MappingFile:
    """What a mapping says; :class:`Problem` with every fault and its line."""
    try:
        return parse_mapping(data, name)
    except UserError as error:
        raise of_field("mapping", str(error)) from None


async def put(source: Tables, partner: str, name: str, data: bytes, now: int) -> Mapping:
    """Keep a mapping in place of the one of that name. What is wrong with it is told now, not with the first file."""
    checked_name(name)
    if len(data) > MAX_BYTES:
        raise Problem(Kind.TOO_LARGE, f"A mapping may have {MAX_BYTES >> 10} kB")
    parsed(name, data)
    kept = Mapping(name, data.decode("utf-8-sig", "replace"), hashlib.sha256(data).hexdigest(), now)
    await source.insert(tables.TABLE, [[partner], [name], [kept.text], [kept.digest], [now]], tables.COLUMNS)
    return kept


async def get(source: Tables, partner: str, name: str) -> Mapping:
    """A mapping of the partner."""
    rows = await source.rows(tables.ONE, {"partner": partner, "name": checked_name(name)})
    if not rows:
        raise Problem(
            Kind.NOT_FOUND, "There is no mapping of this name for this token; GET /v1/mappings names those that there are"
        )
    text, digest, changed_at = rows[0]
    return Mapping(name, text, digest, changed_at)


async def listed(source: Tables, partner: str) -> list[dict[str, Any]]:
    """All mappings of the partner, by name."""
    return [_told(*row) for row in await source.rows(tables.ALL, {"partner": partner})]
