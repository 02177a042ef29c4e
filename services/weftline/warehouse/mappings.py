"""Mappings of partners' spreadsheets, in ClickHouse."""

from __future__ import annotations

from typing import Final

TABLE: Final = "partner_mappings"
#: One mapping: its text, digest, and when it was said (ms).
ONE: Final = f"""
SELECT mapping, digest, toUnixTimestamp64Milli(changed_at) FROM {TABLE} FINAL
WHERE partner_id = {{partner:String}} AND name = {{name:String}}"""
#: All of a partner: name, digest, and when it was said (ms).
ALL: Final = f"""
SELECT name, digest, toUnixTimestamp64Milli(changed_at) FROM {TABLE} FINAL WHERE partner_id = {{partner:String}} ORDER BY name"""
COLUMNS: Final = {
    "partner_id": "String",
    "name": "String",
    "mapping": "String",
    "digest": "String",
    "changed_at": "DateTime64(3, 'UTC')",
}
