"""Names of the columns that a statement gives, read from its text: the outermost SELECT says them. Tests compare them with the engine's."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'|\w+|[()\[\],*]")
_ENDS: Final = frozenset({"FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "UNION", "SETTINGS"})


def columns_of(sql: str) -> tuple[str, ...]:
    """In their order: the alias of each item, or the last part of its name. Raises :class:`ValueError` where an item has neither."""
    items: list[str] = []
    depth, inside, last = 0, False, ""
    for match in _TOKEN.finditer(sql):
        token = match[0]
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token, 0)
        outer = depth == 0
        if not inside:
            inside = outer and token.upper() == "SELECT"
        elif outer and (token == "," or token.upper() in _ENDS):
            items.append(last)
            if token != ",":
                break
        elif token.upper() != "DISTINCT" or last:
            last = token
    else:
        items.append(last)
    if unnamed := [item for item in items if re.fullmatch(r"[^\W\d]\w*", item) is None]:
        raise ValueError(f"{len(unnamed)} columns without a name in: {sql.strip()[:120]}")
    return tuple(items)
