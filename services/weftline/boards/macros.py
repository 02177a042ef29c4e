"""The macros and variables of ClickHouse's Grafana data source, expanded as it does it; for the built-in board and for the tests.

Known are those that the boards use: ``$__timeFilter(column)``, ``$__fromTime``, ``$__toTime``, ``$__conditionalAll(condition, $variable)``,
``${variable:sqlstring}`` and ``${variable:raw}`` (grafana.com/grafana/plugins/grafana-clickhouse-datasource, "Macros"). Anything else
that looks like one is an error, so that no macro is left in a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from weftline.errors import WeftlineError

_CALL = re.compile(r"\$__(timeFilter|conditionalAll)\(")
_VARIABLE = re.compile(r"\$\{(\w+):(sqlstring|raw)\}")
_LEFT = re.compile(r"\$\{?\w+")


class MacroError(WeftlineError):
    """A statement uses a macro or a variable that nobody knows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader chose: a time range (seconds since 1970, both ends included) and values of every variable of the board.

    A variable without values is All in ``$__conditionalAll``; elsewhere it is the empty text, as in Grafana, which nothing is called.
    """

    begin: int
    end: int
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def expand(sql: str, choice: Choice) -> str:
    """The statement as the server gets it. Raises :class:`MacroError`."""
    text = _calls(sql, choice)
    text = text.replace("$__fromTime", f"toDateTime({choice.begin})").replace("$__toTime", f"toDateTime({choice.end})")
    text = _VARIABLE.sub(lambda match: _value(match[1], match[2], choice), text)
    # Values stand in quotes and may hold a dollar: look at what is outside of them.
    if left := _LEFT.search(re.sub(r"'(?:[^'\\]|\\.|'')*'", "''", text)):
        raise MacroError(f"unknown macro or variable {left[0]} in: {sql.strip()[:120]}")
    return text


def quoted(value: str) -> str:
    """A ClickHouse string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _calls(sql: str, choice: Choice) -> str:
    parts: list[str] = []
    at = 0
    while match := _CALL.search(sql, at):
        parts.append(sql[at : match.start()])
        inside, at = _argument(sql, match.end())
        if match[1] == "timeFilter":
            parts.append(f"{inside} >= toDateTime({choice.begin}) AND {inside} <= toDateTime({choice.end})")
        else:
            condition, _, variable = inside.rpartition(",")
            chosen = choice.values.get(variable.strip().removeprefix("$"))
            parts.append(condition.strip() if chosen else "1=1")
    return "".join(parts) + sql[at:]


def _argument(sql: str, start: int) -> tuple[str, int]:
    """The text up to the bracket that closes the call, and where the rest begins."""
    depth = 1
    for at in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        if depth == 0:
            return sql[start:at], at + 1
    raise MacroError(f"a bracket is open in: {sql.strip()[:120]}")


def _value(name: str, form: str, choice: Choice) -> str:
    if (chosen := choice.values.get(name)) is None:
        raise MacroError(f"there is no variable {name}")
    chosen = chosen or ("",)
    if form == "sqlstring":
        return ",".join(quoted(value) for value in chosen)
    if len(chosen) != 1 or re.fullmatch(r"[\w/+-]+", chosen[0]) is None:
        raise MacroError(f"the variable {name} stands in the statement as it is and may be one word only, got {list(chosen)!r}")
    return chosen[0]
