"""Contacts of the reference data, for whoever calls them: every entry with its day, since a day that comes changes who is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from weftline.contracts.reference import Contact
from weftline.warehouse.client import Reader

_COLUMNS: Final = ("factory_id", "cooperative_id", "center_id", "contact", "valid_from", "receiver", "name", "source")
ALL: Final = f"SELECT {', '.join(_COLUMNS)} FROM contact_reference FINAL ORDER BY {', '.join(_COLUMNS[:5])}"


class Tables(Protocol):
    """A connection, as the gateway has one."""

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]: ...

    async def close(self) -> None: ...


class Contacts:
    """What the dispatcher asks of ClickHouse."""

    def __init__(self, source: Tables) -> None:
        self._source = source

    async def contacts(self) -> list[Contact]:
        """Every entry, of all days."""
        return [_contact(row) for row in await self._source.rows(ALL)]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._source.close()


def contacts(server: Reader) -> list[Contact]:
    """The same for a command."""
    return [_contact(row) for row in server.rows(ALL)]


def _contact(row: Sequence[Any]) -> Contact:
    return Contact(**dict(zip(_COLUMNS, row, strict=True)))
