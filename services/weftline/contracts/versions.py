"""Versions of one schema: what a newer one added, and whether an event uses it.

An event goes out in the oldest version that can say it. So an event that uses nothing new has the same bytes, and so the same rank, from
every version of a publisher: sending it again after an upgrade is a repeat, not a second content of its identity. And who still runs an
older version reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

Schema = Mapping[str, Any]


class Added(NamedTuple):
    """What a newer version of a record has that an older one lacks: ``fields`` with their defaults, and what is added ``within``."""

    fields: dict[str, Any]
    within: dict[str, Added]

    def __bool__(self) -> bool:
        return bool(self.fields or self.within)

    def unused(self, body: Mapping[str, Any]) -> bool:
        """Whether ``body`` has the default wherever something was added."""
        if any(body[name] != default for name, default in self.fields.items()):
            return False
        return all(inner.unused(part) for name, inner in self.within.items() for part in _parts(body[name]))

    def complete(self, body: dict[str, Any]) -> None:
        """Put the defaults into a body that was read by the older version."""
        for name, default in self.fields.items():
            body[name] = copy(default)
        for name, inner in self.within.items():
            for part in _parts(body[name]):
                inner.complete(part)


def added(older: Schema, newer: Schema) -> Added:
    """What ``newer``, a record, added to ``older``. Only fields with a default can be: the schemas are compatible in both directions."""
    known = {field["name"]: field for field in older["fields"]}
    fields: dict[str, Any] = {}
    within: dict[str, Added] = {}
    for field in newer["fields"]:
        name = field["name"]
        if name not in known:
            fields[name] = field["default"]
            continue
        before, after = _record(known[name]["type"]), _record(field["type"])
        if before is not None and after is not None and (inner := added(before, after)):
            within[name] = inner
    return Added(fields, within)


def _record(node: Any) -> Schema | None:
    """The record that is defined in a field's type, by itself, as an option or as an item."""
    if isinstance(node, list):
        return next((found for branch in node if (found := _record(branch)) is not None), None)
    if not isinstance(node, dict):
        return None
    return node if node["type"] == "record" else _record(node.get("items"))


def _parts(value: Any) -> list[Any]:
    """The records at a field that may be empty, one, or a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
