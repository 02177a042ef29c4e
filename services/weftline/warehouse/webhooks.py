"""Webhooks of partners, and what became of each delivery, in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from weftline.contracts.webhooks import Bound, Registered, Told
from weftline.warehouse import partners

TABLE: Final = "partner_webhooks"
COLUMNS: Final = {
    "partner_id": "String",
    "webhook_id": "String",
    "url": "String",
    "severities": "Array(String)",
    "rules": "Array(String)",
    "generation": "UInt32",
    "key_id": "String",
    "made_at": "DateTime64(3, 'UTC')",
    "rotated_at": "Nullable(DateTime64(3, 'UTC'))",
    "removed": "UInt8",
    "changed_at": "DateTime64(3, 'UTC')",
}
_STANDING: Final = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} FINAL WHERE removed = 0"
#: Those that stand, of all partners and of one, in the order in which they were registered.
ALL: Final = f"{_STANDING} ORDER BY made_at, webhook_id"
OF_PARTNER: Final = f"{_STANDING} AND partner_id = {{partner:String}} ORDER BY made_at, webhook_id"
#: Tokens without their hashes, which the dispatcher need not know: until when each holds.
ENDS: Final = "SELECT partner_id, token_id, expires_at, revoked_at FROM partner_tokens FINAL"

TOLD_TABLE: Final = "partner_deliveries"
TOLD_COLUMNS: Final = {
    "webhook_id": "String",
    "alert_id": "String",
    "revision": "UInt64",
    "state": "String",
    "attempts": "UInt32",
    "arrived_at": "DateTime64(3, 'UTC')",
    "last_at": "Nullable(DateTime64(3, 'UTC'))",
    "next_at": "Nullable(DateTime64(3, 'UTC'))",
    "answer": "String",
}
#: The newest deliveries to a webhook; an empty state stands for all.
DELIVERIES: Final = (
    f"SELECT {', '.join(TOLD_COLUMNS)} FROM {TOLD_TABLE} FINAL WHERE webhook_id = {{webhook:String}} "
    "AND ({state:String} = '' OR state = {state:String}) ORDER BY arrived_at DESC, alert_id, revision DESC LIMIT {most:UInt32}"
)


class Inserting(Protocol):
    """Whoever stores rows that are given by column."""

    async def insert(self, table: str, columns: Sequence[Sequence[Any]], types: Mapping[str, str]) -> None: ...


class Tables(Protocol):
    """A connection, as the gateway has one."""

    async def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]: ...

    async def insert(self, table: str, columns: Sequence[Sequence[Any]], types: Mapping[str, str]) -> None: ...

    async def close(self) -> None: ...


def webhook_of(row: Sequence[Any]) -> Registered:
    """A webhook, from a row of :data:`ALL` or :data:`OF_PARTNER`."""
    cells = dict(zip(COLUMNS, row, strict=True))
    lists = {name: tuple(cells[name]) for name in ("severities", "rules")}
    return Registered(**{**cells, **lists, "removed": bool(cells["removed"])})


async def put(source: Inserting, webhook: Registered) -> None:
    """Store a webhook in place of what was stored of it."""
    values = {name: getattr(webhook, name) for name in COLUMNS}
    lists = {name: list(values[name]) for name in ("severities", "rules")}
    row = {**values, **lists, "removed": int(webhook.removed)}
    await source.insert(TABLE, [[value] for value in row.values()], COLUMNS)


class Registry:
    """What the dispatcher asks of ClickHouse, and tells it."""

    def __init__(self, source: Tables) -> None:
        self._source = source

    async def registered(self) -> list[Bound]:
        """Every webhook that stands, with its partner; one whose partner is not there is nobody's."""
        found = [webhook_of(row) for row in await self._source.rows(ALL)]
        if not found:
            return []
        ends = [(partner, token, "", 0, *of) for partner, token, *of in await self._source.rows(ENDS)]
        known = partners.partners_of(await self._source.rows(partners.PARTNERS), ends)
        return [
            Bound(one, partner, known.ends_at(one.partner_id))
            for one in found
            if (partner := known.partners.get(one.partner_id)) is not None
        ]

    async def tell(self, told: Iterable[Told], now: int) -> None:
        """Store where deliveries stand."""
        rows = [(*one, now) for one in told]
        if rows:
            types = {**TOLD_COLUMNS, "changed_at": "DateTime64(3, 'UTC')"}
            await self._source.insert(TOLD_TABLE, list(zip(*rows, strict=True)), types)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._source.close()
