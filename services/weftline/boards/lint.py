"""Looks at Grafana dashboards as JSON, whoever made them, and says what is not as it should be. Pure: findings are values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from weftline.boards.layout import Place
from weftline.boards.model import COLUMNS

#: As Grafana finds variables: $name, ${name}, ${name.path:format}, [[name]]; those of its own begin with two underscores.
_VARIABLE: Final = re.compile(r"\$(\w+)|\$\{(\w+)(?:\.[^:}]+)?(?::[^}]+)?\}|\[\[(\w+?)(?::\w+)?\]\]")
_LINK: Final = re.compile(r"^(?:https?://[^/]+)?/d/([^/?#]+)")
#: What draws no figure.
_WITHOUT_FIGURES: Final = frozenset({"row", "text"})
#: Grafana's own data source, which is everywhere.
_BUILT_IN: Final = frozenset({"-- Grafana --", "-- Mixed --", "-- Dashboard --", "grafana"})

Dashboard = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """``where``: the dashboard, with the panel's title if it is about one."""

    where: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.text}"


def lint(dashboards: Mapping[str, Dashboard]) -> tuple[Finding, ...]:
    """What is wrong with these dashboards, by their names; links may lead from one to another."""
    uids = Counter(str(board.get("uid") or "") for board in dashboards.values())
    found: list[Finding] = []
    for name, board in dashboards.items():
        uid = str(board.get("uid") or "")
        if not uid or uids[uid] > 1:
            found.append(Finding(name, "uid", f"{uid!r} is {'no uid' if not uid else 'the uid of another dashboard too'}"))
        found += _texts(name, board)
        found += _time(name, board)
        found += _grid(name, board)
        found += _sources(name, board)
        found += _variables(name, board)
        found += (
            Finding(name, "link", f"{link} leads to no dashboard")
            for link in _links(board)
            if (match := _LINK.match(link)) and match[1] not in uids
        )
        for panel in panels_of(board):
            found += _panel(f"{name}, {panel.get('title') or panel.get('id')}", panel)
    return tuple(found)


def panels_of(board: Dashboard) -> tuple[Mapping[str, Any], ...]:
    """All panels, rows and what is folded into them included."""
    outer: Sequence[Mapping[str, Any]] = board.get("panels") or ()
    return tuple(found for panel in outer for found in (panel, *(panel.get("panels") or ())))


def _texts(name: str, board: Dashboard) -> Iterator[Finding]:
    for key in ("title", "description"):
        if not board.get(key):
            yield Finding(name, key, "is missing")


def _time(name: str, board: Dashboard) -> Iterator[Finding]:
    """The clock has a zone that is named, the same as that of the buckets."""
    zone = board.get("timezone")
    if zone in (None, "", "browser", "default"):
        yield Finding(name, "timezone", f"{zone!r} differs from reader to reader")
    for variable in _defined(board):
        if variable.get("name") == "zone" and variable.get("query") != zone:
            yield Finding(name, "timezone", f"the clock is in {zone}, buckets begin in {variable.get('query')}")


def _panel(where: str, panel: Mapping[str, Any]) -> Iterator[Finding]:
    if not panel.get("title"):
        yield Finding(where, "title", "is missing")
    if panel.get("type") in _WITHOUT_FIGURES:
        return
    if not panel.get("description"):
        yield Finding(where, "description", "is missing")
    config = panel.get("fieldConfig") or {}
    overrides = (entry for override in config.get("overrides") or () for entry in override.get("properties") or ())
    if not (config.get("defaults") or {}).get("unit") and not any(entry.get("id") == "unit" for entry in overrides):
        yield Finding(where, "unit", "is said of no figure")
    queries = panel.get("targets") or ()
    if not queries:
        yield Finding(where, "query", "there is none")
    for query in queries:
        if not str(query.get("rawSql") or query.get("expr") or "").strip():
            yield Finding(where, "query", f"{query.get('refId')} is empty")


def _grid(name: str, board: Dashboard) -> Iterator[Finding]:
    """Panels that lie in the grid, none on another; those folded into a closed row are not drawn until it opens."""
    ids = Counter(panel.get("id") for panel in panels_of(board))
    for number, times in ids.items():
        if number is None or times > 1:
            yield Finding(name, "panel id", f"{number} is that of {times} panels")
    places: list[tuple[str, Place]] = []
    for panel in board.get("panels") or ():
        title = str(panel.get("title") or panel.get("id"))
        grid = panel.get("gridPos") or {}
        if {"x", "y", "w", "h"} - grid.keys():
            yield Finding(f"{name}, {title}", "grid", "has no place")
            continue
        place = Place(grid["x"], grid["y"], grid["w"], grid["h"])
        if place.x < 0 or place.y < 0 or place.width < 1 or place.height < 1 or place.x + place.width > COLUMNS:
            yield Finding(f"{name}, {title}", "grid", f"lies outside of {COLUMNS} columns: {grid}")
        places.append((title, place))
    for (one, here), (other, there) in combinations(places, 2):
        if here.overlaps(there):
            yield Finding(f"{name}, {one}", "grid", f"lies on {other}")


def _sources(name: str, board: Dashboard) -> Iterator[Finding]:
    """Whatever asks a data source asks one that stands behind a variable."""
    templated = {f"${{{variable.get('name')}}}" for variable in _defined(board) if variable.get("type") == "datasource"}
    asking: list[tuple[str, Mapping[str, Any]]] = []
    for panel in panels_of(board):
        if panel.get("type") not in _WITHOUT_FIGURES:
            asking.append((f"panel {panel.get('title')}", panel))
            asking += ((f"panel {panel.get('title')}, query {query.get('refId')}", query) for query in panel.get("targets") or ())
    asking += ((f"variable {v.get('name')}", v) for v in _defined(board) if v.get("type") == "query")
    asking += ((f"annotation {a.get('name')}", a) for a in (board.get("annotations") or {}).get("list") or ())
    for what, entry in asking:
        source = entry.get("datasource")
        uid = source.get("uid") if isinstance(source, Mapping) else source
        if uid not in templated and uid not in _BUILT_IN:
            yield Finding(name, "data source", f"{what}: {uid!r} is no variable of the dashboard")


def _variables(name: str, board: Dashboard) -> Iterator[Finding]:
    """Variables that are used are defined, and those that ask have a question."""
    defined = _defined(board)
    names = {str(variable.get("name")) for variable in defined}
    used = {
        found
        for text in _strings(board)
        for match in _VARIABLE.finditer(text)
        if not (found := match[1] or match[2] or match[3]).startswith("__") and not found.isdigit()
    }
    for missing in sorted(used - names):
        yield Finding(name, "variable", f"${missing} is used and not defined")
    for variable in defined:
        query = variable.get("query")
        asked = query.get("rawSql") or query.get("query") if isinstance(query, Mapping) else query
        if variable.get("type") in ("query", "custom", "constant", "datasource") and not str(asked or "").strip():
            yield Finding(name, "variable", f"${variable.get('name')} has no values")


def _defined(board: Dashboard) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (board.get("templating") or {}).get("list") or ()
    return found


def _links(value: Any) -> Iterator[str]:
    """Every ``url`` in the dashboard."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key == "url" and isinstance(entry, str):
                yield entry
            else:
                yield from _links(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _links(entry)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)
