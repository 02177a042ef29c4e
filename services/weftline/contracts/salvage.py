"""What can still be read of a value that no longer decodes: for people who look for what is wrong with it."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader

from weftline.contracts.codec import FRAMING, schema_id_of
from weftline.contracts.registry import SchemaRegistry
from weftline.errors import ContractError


class Salvaged(NamedTuple):
    """Fields read before the first that could not be, its name, and the byte of the value at which it begins.

    ``stopped_at`` None: all fields were read, and what is wrong is their content or what follows them.
    """

    fields: dict[str, Any]
    stopped_at: str | None
    byte: int


def salvage(registry: SchemaRegistry, value: bytes | None) -> Salvaged | None:
    """Read as far as possible; None if not even the schema is known.

    A record's first k fields make a schema of their own, in which whatever they refer to is defined. So k grows until reading fails.
    """
    schema_id = schema_id_of(value or b"")
    if value is None or schema_id is None:
        return None
    try:
        schema = registry.schema(schema_id)
    except ContractError:
        return None
    fields = schema.get("fields")
    if schema.get("type") != "record" or not isinstance(fields, list):
        return None
    found: dict[str, Any] = {}
    byte = FRAMING
    for count, described in enumerate(fields, start=1):
        data = BytesIO(value)
        data.seek(FRAMING)
        try:
            read = schemaless_reader(data, parse_schema({**schema, "fields": fields[:count]}), None)
        except Exception:  # fastavro lets IndexError, EOFError, UnicodeDecodeError, OverflowError ... through
            return Salvaged(found, str(described["name"]), byte)
        assert isinstance(read, dict)
        found, byte = read, data.tell()
    return Salvaged(found, None, byte)
