"""Partners of the gateway and the hashes of their tokens, in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from weftline.contracts.partners import Partner, Partners, Role, Token
from weftline.warehouse.client import Reader

_PARTNER: Final = {
    "partner_id": "String",
    "role": "String",
    "sources": "Array(String)",
    "centers": "Array(String)",
    "cooperatives": "Array(String)",
    "laboratories": "Array(String)",
    "factories": "Array(String)",
    "per_minute": "UInt32",
    "disabled": "UInt8",
}
_TOKEN: Final = {
    "partner_id": "String",
    "token_id": "String",
    "digest": "String",
    "made_at": "DateTime64(3, 'UTC')",
    "expires_at": "Nullable(DateTime64(3, 'UTC'))",
    "revoked_at": "Nullable(DateTime64(3, 'UTC'))",
}
#: What the door is made of: some hundred rows, which a gateway reads every few seconds.
PARTNERS: Final = f"SELECT {', '.join(_PARTNER)} FROM partners FINAL ORDER BY partner_id"
TOKENS: Final = f"SELECT {', '.join(_TOKEN)} FROM partner_tokens FINAL ORDER BY partner_id, token_id"
#: When tokens were last taken (ms).
USES: Final = "SELECT token_id, toUnixTimestamp64Milli(max(used_at)) FROM partner_uses GROUP BY token_id"
#: Columns of ``partner_uses`` with their types, for whoever writes them down.
USE_COLUMNS: Final = {"token_id": "String", "used_at": "DateTime64(3, 'UTC')"}

#: Columns of ``partner_log`` with their types, likewise.
LOG_COLUMNS: Final = {
    "at": "DateTime64(3, 'UTC')",
    "entry_id": "String",
    "partner_id": "String",
    "token_id": "String",
    "address": "String",
    "method": "String",
    "asked": "String",
    "status": "UInt16",
    "events": "UInt32",
}
#: What partners asked for, the newest first; an empty partner stands for all.
_LOG: Final = (
    f"SELECT {', '.join(LOG_COLUMNS)} FROM partner_log FINAL WHERE ({{partner:String}} = '' OR partner_id = {{partner:String}}) "
    "AND at >= {since:DateTime64(3, 'UTC')} ORDER BY at DESC, entry_id DESC LIMIT {most:UInt32}"
)


def partners_of(partners: Iterable[Sequence[Any]], tokens: Iterable[Sequence[Any]]) -> Partners:
    """The door, from what :data:`PARTNERS` and :data:`TOKENS` give."""
    return Partners(map(_partner, partners), (Token(**dict(zip(_TOKEN, row, strict=True))) for row in tokens))


def _partner(row: Sequence[Any]) -> Partner:
    cells: dict[str, Any] = {
        n: tuple(cell) if isinstance(cell, list | tuple) else cell for n, cell in zip(_PARTNER, row, strict=True)
    }
    return Partner(**{**cells, "role": Role(cells["role"]), "disabled": bool(cells["disabled"])})


def read_partners(server: Reader) -> Partners:
    """The door as it stands now."""
    return partners_of(server.rows(PARTNERS), server.rows(TOKENS))


def last_uses(server: Reader) -> Mapping[str, int]:
    """When each token was last taken (ms), of those that were."""
    return dict(server.rows(USES))


def read_log(server: Reader, partner_id: str, since: int, most: int) -> list[dict[str, Any]]:
    """The newest ``most`` entries of the audit log since a time (ms), of one partner or ("") of all."""
    rows = server.rows(_LOG, {"partner": partner_id, "since": since, "most": most})
    return [dict(zip(LOG_COLUMNS, row, strict=True)) for row in rows]


def put_partner(server: Reader, partner: Partner) -> None:
    """Store a partner in place of what was stored of him."""
    values = {name: getattr(partner, name) for name in _PARTNER}
    _put(server, "partners", _PARTNER, {**values, "role": partner.role.value, "disabled": int(partner.disabled)})


def put_token(server: Reader, token: Token) -> None:
    """Store a token, likewise."""
    _put(server, "partner_tokens", _TOKEN, {name: getattr(token, name) for name in _TOKEN})


def _put(server: Reader, table: str, types: Mapping[str, str], values: Mapping[str, Any]) -> None:
    places = ", ".join(f"{{{name}:{kind}}}" for name, kind in types.items())
    # Not VALUES, which would be an asynchronous insert by default.
    server.command(f"INSERT INTO {table} ({', '.join(types)}) SELECT {places}", values)
