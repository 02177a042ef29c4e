"""Avro as other programs write it: one content in any of its spellings. Written from the specification, without our codec."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Any

from weftline.contracts.versions import named


class _Plainly(Random):
    """Chooses what every usual client does: one block, no sizes, no idle bytes."""

    def random(self) -> float:
        return 1.0

    def randint(self, a: int, b: int) -> int:
        return b

    def choice(self, seq: Any) -> Any:
        return seq[0]


PLAINLY = _Plainly()


class Writer:
    """Writes a body by a schema; ``chosen`` decides wherever Avro leaves a choice.

    Lists come in blocks of any length, each with the size of its bytes or without; a number has idle bytes at its end.
    """

    def __init__(self, schema: dict[str, Any], chosen: Random) -> None:
        self._schema = schema
        self._names = dict(named(schema))
        self._random = chosen

    def write(self, body: dict[str, Any]) -> bytes:
        return self._write(self._schema, body)

    def _write(self, node: Any, value: Any) -> bytes:
        if isinstance(node, list):
            index = next(index for index, branch in enumerate(node) if self._fits(branch, value))
            return self._number(index) + self._write(node[index], value)
        if isinstance(node, str) and node.rpartition(".")[2] in self._names:
            node = self._names[node.rpartition(".")[2]]
        kind = node if isinstance(node, str) else node["type"]
        if isinstance(kind, dict | list):
            return self._write(kind, value)
        return self._of_kind(kind, node, value)

    def _of_kind(self, kind: str, node: Any, value: Any) -> bytes:
        writers: dict[str, Callable[[], bytes]] = {
            "null": lambda: b"",
            "boolean": lambda: bytes([value and self._random.choice([1, 1, 255])]),
            "int": lambda: self._number(value),
            "long": lambda: self._number(value),
            "float": lambda: struct.pack("<f", value),
            "double": lambda: struct.pack("<d", value),
            "string": lambda: self._number(len(value.encode())) + value.encode(),
            "enum": lambda: self._number(node["symbols"].index(value)),
            "array": lambda: self._blocks(node["items"], value),
            "record": lambda: b"".join(
                self._write(field["type"], value[field["name"]] if field["name"] in value else field["default"])
                for field in node["fields"]
            ),
        }
        return writers[kind]()

    def _fits(self, branch: Any, value: Any) -> bool:
        return (branch == "null") == (value is None)  # in our schemas a union is an option

    def _blocks(self, items: Any, values: list[Any]) -> bytes:
        out, at = b"", 0
        while at < len(values):
            count = self._random.randint(1, len(values) - at)
            block = b"".join(self._write(items, value) for value in values[at : at + count])
            sized = self._random.random() < 0.5
            out += self._number(-count) + self._number(len(block)) + block if sized else self._number(count) + block
            at += count
        return out + self._number(0)

    def _number(self, number: int) -> bytes:
        zigzag = (number << 1) ^ (number >> 63)
        out = bytearray()
        while zigzag > 127:
            out.append(zigzag & 127 | 128)
            zigzag >>= 7
        out.append(zigzag)
        if len(out) < 9 and self._random.random() < 0.2:
            out[-1] |= 128
            out.append(0)
        return bytes(out)
