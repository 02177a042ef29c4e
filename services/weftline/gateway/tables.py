"""The edge to ClickHouse: one connection that is made again after ClickHouse was away.

Who asks is told within seconds: a caller of ours waits for the answer, and comes again by himself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from weftline.errors import DependencyDown, UserError, WeftlineError
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse
from weftline.warehouse.faults import NAME, NotReady

#: A statement that takes longer is given up, and its caller told to come again.
SECONDS: Final = 10.0


class Tables(Protocol):
    """What the gateway asks of ClickHouse."""

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """As :meth:`weftline.warehouse.client.Warehouse.rows`."""

    async def insert(self, table: str, columns: Sequence[Sequence[Any]], types: Mapping[str, str]) -> None:
        """Store rows given by column."""


class ClickHouse:
    """The same, for good."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._warehouse: Warehouse | None = None
        self._connecting = asyncio.Lock()

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return await (await self._connected()).rows(statement, parameters)

    async def insert(self, table: str, columns: Sequence[Sequence[Any]], types: Mapping[str, str]) -> None:
        await (await self._connected()).insert(table, columns, list(types), list(types.values()))

    async def close(self) -> None:
        """Let go of the connection."""
        if self._warehouse is not None:
            with suppress(WeftlineError):
                await self._warehouse.close()

    async def _connected(self) -> Warehouse:
        async with self._connecting:
            if self._warehouse is None:
                try:
                    self._warehouse = await Warehouse.connect(self._settings, seconds=SECONDS)
                except DependencyDown:
                    raise
                except UserError as error:  # who runs the gateway must mend it; a caller can only wait
                    raise NotReady(NAME, str(error)) from error
            return self._warehouse
