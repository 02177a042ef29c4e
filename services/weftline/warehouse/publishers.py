"""Grants of publishers, and the signatures of dead letters, in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from weftline.contracts.publishers import Grant, Grants
from weftline.warehouse.client import Reader

_TYPES: Final = {
    "publisher_id": "String",
    "public_key": "String",
    "valid_from": "Date",
    "valid_until": "Nullable(Date)",
    "revoked_from": "Nullable(DateTime64(3, 'UTC'))",
    "sources": "Array(String)",
    "centers": "Array(String)",
    "cooperatives": "Array(String)",
    "laboratories": "Array(String)",
    "source": "String",
}
_COLUMNS: Final = ", ".join(_TYPES)
#: What the gate is made of: a few hundred rows, which a processor reads at every sweep.
ALL: Final = f"SELECT {_COLUMNS} FROM publisher_grants FINAL ORDER BY publisher_id, public_key, valid_from"

Place = tuple[str, int, int]  # topic, partition, offset


def grants_of(rows: Iterable[Sequence[Any]]) -> Grants:
    """The gate, from what :data:`ALL` gives."""
    return Grants(_grant(row) for row in rows)


def _grant(row: Sequence[Any]) -> Grant:
    cells: dict[str, Any] = {name: tuple(cell) if isinstance(cell, list) else cell for name, cell in zip(_TYPES, row, strict=True)}
    return Grant(**cells)


def read_grants(server: Reader) -> Grants:
    """The gate as it stands now."""
    return grants_of(server.rows(ALL))


def load(server: Reader, grants: Sequence[Grant]) -> tuple[int, int, int]:
    """Store what is not stored already: how many are new, replaced one of the same publisher, key and day, and were there."""
    stored = {_key(grant): grant for grant in read_grants(server).all}
    different = [grant for grant in grants if stored.get(_key(grant)) != grant]
    places = ", ".join(f"{{{name}:{type_}}}" for name, type_ in _TYPES.items())
    for grant in different:
        server.command(
            f"INSERT INTO publisher_grants ({_COLUMNS}) SELECT {places}", {name: getattr(grant, name) for name in _TYPES}
        )
    changed = sum(_key(grant) in stored for grant in different)
    return len(different) - changed, changed, len(grants) - len(different)


def _key(grant: Grant) -> tuple[Any, ...]:
    return (grant.publisher_id, grant.public_key, grant.valid_from)


def open_letters(server: Reader) -> int:
    """How many letters are open because nobody had granted them."""
    ((count,),) = server.rows("SELECT count() FROM not_allowed WHERE status = 'open'")
    return int(count)


def signatures(server: Reader, places: Sequence[Place]) -> dict[Place, bytes]:
    """The signatures of these dead letters, as far as they were signed."""
    if not places:
        return {}
    rows = server.rows(
        "SELECT topic, partition, offset, signature FROM dead_letter_signatures FINAL "
        "WHERE (topic, partition, offset) IN {places:Array(Tuple(String, Int32, Int64))}",
        {"places": list(places)},
        binary=("signature",),
    )
    return {(topic, partition, offset): signature for topic, partition, offset, signature in rows}
