"""A panel and what its query gave, as an ECharts option. Pure: values in, a dictionary out (echarts.apache.org/en/option.html).

Axes of time are told to be UTC and are given the clocks of the board's zone, so that every browser shows the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Final

from weftline.boards.fields import FIELDS
from weftline.boards.model import Kind, Panel, Text, Tone, Unit
from weftline.boards.web.axes import CONTAIN, Option, base, category_axis, time_axis, tooltip, value_axis
from weftline.boards.web.look import Look
from weftline.boards.web.points import points
from weftline.boards.web.source import Found
from weftline.pages.palette import colour, surface
from weftline.pages.reader import NOTHING, Scale, clock, local, moment, number, scale, written

#: Series that have no tone of their own take these in turn.
TURNS: Final = (Tone.INFO, Tone.FIRST, Tone.SECOND, Tone.THIRD, Tone.WARN, Tone.GOOD, Tone.QUIET, Tone.BAD)
#: Columns that are parts of one whole, so that bars of them stand on each other.
WHOLES: Final = (
    frozenset({"critical", "major", "minor"}),
    frozenset({"passed", "failed", "incomplete", "not_judged"}),
    frozenset({"on_time", "late"}),
    frozenset({"lots_accepted", "lots_not_accepted"}),
)


@dataclass(frozen=True, slots=True)
class Span:
    """The range that is shown: seconds since 1970, cut into hours, days or weeks (``grain``)."""

    begin: int
    end: int
    grain: str


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    unit: Unit
    tone: Tone
    points: Mapping[Any, float | None]

    def largest(self) -> float:
        return max((abs(value) for value in self.points.values() if value is not None), default=0.0)


def chart(panel: Panel, found: Found, look: Look, span: Span) -> Option:
    """The option of a panel that is drawn. ``found`` is not empty."""
    if panel.kind is Kind.POINTS:
        return {**base(look), **points(found, look, span.begin, span.end)}
    if panel.kind is Kind.BARS:
        return _bars(panel, found, look)
    series = _over_time(panel, found, look)
    by = scale(panel.unit, max((one.largest() for one in series), default=0.0), look)
    drawn = _stack(series, by, look, span) if panel.kind is Kind.STACK else _lines(panel, series, by, look, span)
    return {**base(look), **_frame(look, [one.name for one in series]), **drawn, "tooltip": tooltip(look, by)}


def summary(panel: Panel, found: Found, look: Look) -> str:
    """What a chart says last, in a sentence for those who do not see it."""
    if panel.kind is Kind.POINTS:
        return look.of(Text(f"{found.rows} 个测量值", f"{found.rows} measurements"))
    if panel.kind is Kind.BARS:
        first, *rest = found.names
        said = [
            f"{_category(panel, first, found.of(first)[at], look)}: "
            + ", ".join(f"{look.title(name)} {_written(panel, name, found.of(name)[at], look)}" for name in rest)
            for at in range(min(found.rows, 12))
        ]
        return "; ".join(said)
    said = []
    for one in _over_time(panel, found, look):
        latest = max((time for time, value in one.points.items() if value is not None), default=None)
        value = None if latest is None else one.points[latest]
        said.append(f"{one.name} {written(value, panel.unit, look)}")
    when = moment(max(found.of("time"), default=None), look)
    return f"{when}: {', '.join(said)}" if said else NOTHING


def buckets(span: Span, look: Look) -> list[int]:
    """The beginnings (milliseconds) of all hours, days or weeks of a range, as ``dateTrunc`` cuts them in the board's zone."""
    at = local(span.begin * 1000, look.zone).replace(minute=0, second=0, microsecond=0)
    if span.grain != "hour":
        at = at.replace(hour=0)
    if span.grain == "week":
        at -= timedelta(days=at.weekday())
    step = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[span.grain]
    found = []
    # An hour is one of the sun's, a day one of the calendar: where clocks are moved, it has 23 or 25 hours.
    while at.timestamp() <= span.end:
        found.append(int(at.timestamp() * 1000))
        at = (at.astimezone(UTC) + step).astimezone(look.zone) if span.grain == "hour" else at + step
    return found


def _frame(look: Look, names: Sequence[str]) -> Option:
    """Legend and margins. One series needs no legend: the title of the panel says what it is."""
    legend = {
        "show": len(names) > 1,
        "type": "scroll",
        "top": 0,
        "left": 0,
        "right": 8,
        "itemWidth": 14,
        "itemHeight": 8,
        "itemGap": 14,
        "icon": "roundRect",
        "textStyle": {"color": surface("text", look.dark), "fontSize": 12},
        "pageTextStyle": {"color": surface("soft", look.dark)},
        "pageIconColor": surface("text", look.dark),
        "pageIconInactiveColor": surface("line", look.dark),
    }
    return {"legend": legend, "grid": {"left": 8, "right": 16, "top": 34 if len(names) > 1 else 12, "bottom": 8, **CONTAIN}}


def _over_time(panel: Panel, found: Found, look: Look) -> list[_Series]:
    """The series of a panel, from either form of its query."""
    times = found.of("time")
    if "series" in found.columns:
        apart: dict[str, dict[int, float | None]] = {}
        for time, name, value in zip(times, found.of("series"), found.of("value"), strict=True):
            apart.setdefault(name, {})[time] = value
        return [
            _Series(name, panel.unit, TURNS[at % len(TURNS)], points) for at, (name, points) in enumerate(sorted(apart.items()))
        ]
    names = [name for name in found.names if name != "time"]
    return [
        _Series(look.title(name), panel.unit, tone, dict(zip(times, found.of(name), strict=True)))
        for name, tone in zip(names, _tones(names), strict=True)
    ]


def _tones(columns: Sequence[str]) -> list[Tone]:
    """The tones of the columns of one chart: each its own, or the next one in turn where it has none or another has it already."""
    taken: list[Tone] = []
    for at, column in enumerate(columns):
        known = FIELDS.get(column)
        own = known.tone if known else None
        free = [tone for tone in TURNS if tone not in taken] or [TURNS[at % len(TURNS)]]
        taken.append(own if own and own not in taken else free[0])
    return taken


def _lines(panel: Panel, series: Sequence[_Series], by: Scale, look: Look, span: Span) -> Option:
    drawn = []
    # Counts that are missing are none; of a level or a share nothing is known where nothing happened.
    filled = buckets(span, look) if panel.kind is Kind.LINES and panel.unit is Unit.COUNT else []
    for one in series:
        values = {**dict.fromkeys(filled, 0.0), **one.points}
        if panel.kind is Kind.AREAS and values:
            values[span.end * 1000] = values[max(values)]  # a level holds until something happens
        line: Option = {
            "type": "line",
            "name": one.name,
            "data": [[clock(time, look.zone), _scaled(value, by)] for time, value in sorted(values.items())],
            "color": colour(one.tone, look.dark),
            "lineStyle": {"width": 2},
            "symbol": "circle",
            "symbolSize": 5,
            "showSymbol": len(values) < 3,
            "connectNulls": True,
            "emphasis": {"focus": "series"},
        }
        if panel.kind is Kind.AREAS:
            line["areaStyle"] = {"opacity": 0.16}
        drawn.append(line)
    if len(filled) > 1 and drawn:
        drawn[0]["markArea"] = _running(filled[-2], span, look)
    begin = min([span.begin * 1000, *(time for one in series for time in one.points)]) // 1000
    bounds = _shares(series) if panel.unit is Unit.RATIO and panel.kind is Kind.LINES else {}
    return {"xAxis": time_axis(look, begin, span.end), "yAxis": value_axis(look, by, **bounds), "series": drawn}


def _running(begin: int, span: Span, look: Look) -> Option:
    """The shade over the stretch that still runs: there a line falls because the day is young, not because work stops."""
    edges = [{"xAxis": clock(begin, look.zone)}, {"xAxis": clock(span.end * 1000, look.zone)}]
    return {
        "silent": True,
        "itemStyle": {"color": surface("line", look.dark), "opacity": 0.4},
        "data": [edges],
    }


def _shares(series: Sequence[_Series]) -> dict[str, float]:
    """An axis of shares that ends at 100 %, in whole steps, and begins where the figures are: a pass rate moves between 90 and 100."""
    shares = [value * 100 for one in series for value in one.points.values() if value is not None]
    if not shares or max(shares) > 100:
        return {}
    room = 100 - min(shares)
    step = next((step for step in (1, 2, 5, 10, 20) if room <= 5 * step), 25)
    return {"min": max(100 - step * -(-room // step or -1), 0), "max": 100, "interval": step}


def _stack(series: Sequence[_Series], by: Scale, look: Look, span: Span) -> Option:
    times = sorted({*buckets(span, look), *(time for one in series for time in one.points)})
    written = "%m-%d %H:%M" if span.grain == "hour" else "%m-%d"
    names = [local(time, look.zone).strftime(written) for time in times]
    bars = [
        {
            "type": "bar",
            "name": one.name,
            "stack": "all",
            # The last stretch still runs.
            "data": [
                *(_scaled(one.points.get(time), by) for time in times[:-1]),
                {"value": _scaled(one.points.get(times[-1]), by), "itemStyle": {"opacity": 0.5}},
            ],
            "color": colour(one.tone, look.dark),
            "barMaxWidth": 28,
            "emphasis": {"focus": "series"},
        }
        for one in series
    ]
    return {"xAxis": category_axis(look, names), "yAxis": value_axis(look, by), "series": bars}


def _bars(panel: Panel, found: Found, look: Look) -> Option:
    """Bars side by side, or on each other where they are parts of a whole; a share beside counts is a line on an axis of its own."""
    first, *rest = found.names
    names = [_category(panel, first, value, look) for value in found.of(first)]
    apart = [name for name in rest if panel.unit is not Unit.RATIO and name in FIELDS and FIELDS[name].unit is Unit.RATIO]
    whole = any(len(rest) > 1 and set(rest) <= parts for parts in WHOLES)
    by = scale(
        panel.unit, max((abs(v) for name in rest if name not in apart for v in found.of(name) if v is not None), default=0), look
    )
    share = scale(Unit.RATIO, 1.0, look)
    series: list[Option] = []
    for name, tone in zip(rest, _tones(rest), strict=True):
        line = name in apart
        one: Option = {
            "type": "line" if line else "bar",
            "name": look.title(name),
            "data": [_scaled(value, share if line else by) for value in found.of(name)],
            "color": colour(tone, look.dark),
        }
        if line:
            one |= {"symbolSize": 6, ("xAxisIndex" if panel.horizontal else "yAxisIndex"): 1}
        else:
            one |= {"barMaxWidth": 22, **({"stack": "all"} if whole else {})}
        series.append(one)
    figures = [value_axis(look, by)]
    if apart:
        figures.append(value_axis(look, share, min=0, max=100, splitLine={"show": False}))
    label = {"width": 150, "overflow": "truncate", "interval": 0} if panel.horizontal else {}
    categories = category_axis(look, names, inverse=panel.horizontal, axisLabel=label)
    across, up = (figures, categories) if panel.horizontal else (categories, figures)
    pointer = {"axisPointer": {"type": "shadow"}}
    axes = {"xAxis": across, "yAxis": up, "series": series, "tooltip": {**tooltip(look, by), **pointer}}
    return {**base(look), **_frame(look, [one["name"] for one in series]), **axes}


def _category(panel: Panel, column: str, value: Any, look: Look) -> str:
    known = FIELDS.get(column)
    if isinstance(value, str):
        return look.of(look.word(known.words if known else None, value).text)
    return NOTHING if value is None else number(value)


def _written(panel: Panel, column: str, value: float | None, look: Look) -> str:
    known = FIELDS.get(column)
    return written(value, known.unit if known and known.unit is Unit.RATIO else panel.unit, look)


def _scaled(value: float | None, by: Scale) -> float | None:
    return None if value is None else round(float(value) * by.factor, 3)
