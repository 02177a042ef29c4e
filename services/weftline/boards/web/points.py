"""Measured values over time with their limits, as an ECharts option: the kind POINTS. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weftline.boards.model import Text, Tone, Unit
from weftline.boards.web.axes import CONTAIN, Option, time_axis, tooltip, value_axis
from weftline.boards.web.look import Look
from weftline.boards.web.source import Found
from weftline.pages.palette import colour, surface
from weftline.pages.reader import clock, number, scale
from weftline.pages.strip import is_beyond

WITHIN, BEYOND, NOT_DETECTED = (
    Text("限值内", "Within the limit"),
    Text("超出限值", "Beyond the limit"),
    Text("未检出", "Not detected (ND)"),
)
_LINE = "path://M0 4h14v2H0z"
LOW, HIGH = Text("下限", "Lower limit"), Text("上限", "Upper limit")


def points(found: Found, look: Look, begin: int, end: int) -> Option:
    """Values as points, by shape and colour: circles within the limit, diamonds beyond, hollow triangles at the detection limit.

    A column ``marked``, if there is one, says which of them to point out.
    """
    by = scale(Unit.NONE, 0.0, look)
    rows = sorted((row for row in map(found.row, range(found.rows)) if row["value"] is not None), key=lambda row: row["time"])
    shapes = (
        (WITHIN, Tone.INFO, "circle", 8, [row for row in rows if not row["not_detected"] and not _beyond(row)]),
        (BEYOND, Tone.BAD, "diamond", 12, [row for row in rows if not row["not_detected"] and _beyond(row)]),
        (NOT_DETECTED, Tone.QUIET, "emptyTriangle", 9, [row for row in rows if row["not_detected"]]),
    )
    series: list[Option] = []
    for title, tone, symbol, size, shown in shapes:
        one = _shown(look.of(title), colour(tone, look.dark), symbol, size, shown, look)
        if title is NOT_DETECTED and len(shown) <= 24:
            one["label"] = {"show": True, "formatter": "ND", "position": "top", "fontSize": 10, "color": surface("soft", look.dark)}
        series.append(one)
    for title, name in ((LOW, "low"), (HIGH, "high")):
        series += _limits(look.of(title), [(row["time"], row[name]) for row in rows if row[name] is not None], look)
    present = {one["name"]: one for one in series if one["data"]}
    legend = {
        "type": "scroll",
        "top": 0,
        "left": 0,
        "data": [{"name": name, **({"icon": _LINE} if one["type"] == "line" else {})} for name, one in present.items()],
        "itemWidth": 14,
        "itemHeight": 10,
        "textStyle": {"color": surface("text", look.dark), "fontSize": 12},
    }
    return {
        "legend": legend,
        "grid": {"left": 8, "right": 40, "top": 34, "bottom": 8, **CONTAIN},
        "xAxis": time_axis(look, begin, end),
        "yAxis": value_axis(look, by, minInterval=0, scale=_far_from_zero(rows)),
        "tooltip": {**tooltip(look, by), "trigger": "item"},
        "series": series,
    }


def _beyond(row: dict[str, Any]) -> bool:
    return is_beyond(row["value"], row["low"], row["high"])


def _far_from_zero(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether the axis may begin elsewhere than at zero: where a lower limit stands, such as of pH or of a grade."""
    return any(row["low"] is not None for row in rows)


def _shown(name: str, tone: str, symbol: str, size: int, rows: Sequence[dict[str, Any]], look: Look) -> Option:
    ring = {"itemStyle": {"borderColor": surface("text", look.dark), "borderWidth": 2}, "symbolSize": size + 5}
    data = [
        {"name": row["what"], "value": [clock(row["time"], look.zone), row["value"]], **(ring if row.get("marked") else {})}
        for row in rows
    ]
    return {
        "type": "scatter",
        "name": name,
        "symbol": symbol,
        "symbolSize": size,
        "color": tone,
        "data": data,
        "encode": {"x": 0, "y": 1, "tooltip": [1]},
        "z": 3,
    }


def _limits(name: str, at: Sequence[tuple[int, float]], look: Look) -> list[Option]:
    """A line for each limit, from the first to the last measurement to which it applied, with its figure at the end.

    Under one name, and not as one line that leaps: products of different classes have different limits at the same time.
    """
    times: dict[float, list[int]] = {}
    for time, limit in at:
        times.setdefault(limit, []).append(time)
    return [_limit(name, limit, min(of), max(of), look) for limit, of in sorted(times.items())]


def _limit(name: str, limit: float, first: int, last: int, look: Look) -> Option:
    tone = colour(Tone.BAD, look.dark)
    label = {"show": True, "formatter": number(limit), "color": tone, "fontSize": 11, "distance": 4}
    return {
        "type": "line",
        "name": name,
        "silent": True,
        "color": tone,
        "symbol": "none",
        "lineStyle": {"width": 1.5, "type": "dashed"},
        "endLabel": label,
        "data": [[clock(first, look.zone), limit], [clock(last, look.zone), limit]],
        "tooltip": {"show": False},
    }
