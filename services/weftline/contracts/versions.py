"""Versions of one schema: what a newer one added, whether an event uses it, and whether reading another's schema loses something.

An event goes out in the oldest version that can say it. So an event that uses nothing new has the same bytes, and so the same rank, from
every version of a publisher: sending it again after an upgrade is a repeat, not a second content of its identity. And who still runs an
older version reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
Names = Mapping[str, Schema]


class Added(NamedTuple):
    """What a newer version of a record has that an older one lacks: ``fields`` with their defaults, ``symbols`` of the enums that both
    have, by field, and what is added ``within``."""

    fields: dict[str, Any]
    symbols: dict[str, frozenset[str]]
    within: dict[str, Added]

    def __bool__(self) -> bool:
        return bool(self.fields or self.symbols or self.within)

    def unused(self, body: Mapping[str, Any]) -> bool:
        """Whether ``body`` has the default wherever something was added, and none of the added symbols."""
        if any(body[name] != default for name, default in self.fields.items()):
            return False
        if any(not symbols.isdisjoint(_parts(body[name])) for name, symbols in self.symbols.items()):
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
    """What ``newer``, a record, added to ``older``. Only fields with a default and symbols can be: the schemas are compatible in both
    directions."""
    return _added(older, newer, dict(named(older)), dict(named(newer)))


def _added(older: Schema, newer: Schema, old_names: Names, new_names: Names) -> Added:
    known = {field["name"]: field for field in older["fields"]}
    found = Added({}, {}, {})
    for field in newer["fields"]:
        name = field["name"]
        if name not in known:
            found.fields[name] = field["default"]
            continue
        before, after = _named(known[name]["type"], old_names), _named(field["type"], new_names)
        if before is None or after is None:
            continue
        if after["type"] == "enum":
            if symbols := frozenset(after["symbols"]) - frozenset(before["symbols"]):
                found.symbols[name] = symbols
        elif inner := _added(before, after, old_names, new_names):
            found.within[name] = inner
    return found


def lost(written: Mapping[str, Any], read: Mapping[str, Any], schema: Schema) -> bool:
    """Whether ``written``, a body of ``schema``, says something that is not in ``read``, which our own schema made of it.

    What we do not know is lost unless it is at its default: then our schema says the same by leaving it out. In doubt, it is lost.
    """
    return _lost(written, read, schema, dict(named(schema)))


def _lost(written: Any, read: Any, node: Any, names: Names) -> bool:
    if isinstance(written, list):
        if not isinstance(read, list) or len(written) != len(read):
            return True
        return any(_lost(one, other, node, names) for one, other in zip(written, read, strict=True))
    if not isinstance(written, dict):
        return bool(written != read)  # a number that was made wider is equal; a symbol that we lack was made UNKNOWN
    record = _named(node, names)
    if record is None or not isinstance(read, dict):
        return bool(written != read)
    fields = {field["name"]: field for field in record.get("fields", ())}
    if fields.keys() != written.keys():
        return True  # of several records in one union it is another
    return any(
        _lost(value, read[name], fields[name]["type"], names) if name in read else value != fields[name].get("default", _lost)
        for name, value in written.items()
    )


def named(node: Any) -> Iterator[tuple[str, Schema]]:
    """Every named type that a schema defines, by its name without namespace; in one schema of ours none stands twice."""
    if isinstance(node, list):
        for branch in node:
            yield from named(branch)
    elif isinstance(node, dict):
        if "name" in node and node.get("type") in ("record", "enum", "fixed"):
            yield _short(node["name"]), node
        for field in node.get("fields", ()):
            yield from named(field["type"])
        for key in ("type", "items", "values"):
            if isinstance(node.get(key), dict | list):
                yield from named(node[key])


def _named(node: Any, names: Names) -> Schema | None:
    """The record or enum in a field's type, by itself, by name, as an option or as an item."""
    if isinstance(node, str):
        node = names.get(_short(node))
    if isinstance(node, list):
        return next((found for branch in node if (found := _named(branch, names)) is not None), None)
    if not isinstance(node, Mapping):
        return None
    return node if node["type"] in ("record", "enum") else _named(node.get("items"), names)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _parts(value: Any) -> list[Any]:
    """The values at a field that may be empty, one, or a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
