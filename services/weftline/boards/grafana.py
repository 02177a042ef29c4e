"""The boards for Grafana: classic dashboard JSON, one dashboard for each board and language, made with Grafana's foundation SDK.

The rule of time: buckets begin at the local midnight (or Monday, or hour) of the zone that the hidden variable ``zone`` names, and the
board's clock is the same zone, so that a bar stands over the day that it counts. An event's own local time is shown only where a
column says so.

Values that a reader chooses are quoted by Grafana (``sqlstring``), which doubles quotes and leaves backslashes as they are: the
data source needs a user of ClickHouse that can only read, as the provisioned one is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders import barchart, common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as drawing
from grafana_foundation_sdk.models import dashboard as models

from weftline.boards import BOARDS
from weftline.boards.columns import columns_of
from weftline.boards.fields import FIELDS
from weftline.boards.layout import Place, lay_out
from weftline.boards.model import LANGUAGES, Board, Field, Kind, Language, Panel, Text, Tone, Unit
from weftline.boards.targets import (
    CLICKHOUSE,
    PROMETHEUS,
    ZONE,
    annotation,
    asks_clickhouse,
    legend_text,
    statement,
    targets,
    variables,
)
from weftline.pages.palette import PALETTE
from weftline.pages.words import words_of

_Drawn = barchart.Panel | stat.Panel | table.Panel | timeseries.Panel

#: Units as Grafana calls them. A count is written out, never 1.2 K; times without seconds, alike in both languages.
_UNITS: Final[Mapping[Unit, str]] = {
    Unit.COUNT: "locale",
    Unit.RATIO: "percentunit",
    Unit.HOURS: "h",
    Unit.SECONDS: "s",
    Unit.PER_SECOND: "suffix:/s",
    Unit.BYTES: "bytes",
    Unit.TIME: "time:YYYY-MM-DD HH:mm",
    Unit.NONE: "none",
}
_WITH_DECIMALS: Final = (Unit.RATIO, Unit.HOURS, Unit.SECONDS)
_KPI: Final = (
    ("numerator", Text("分子", "Numerator")),
    ("denominator", Text("分母", "Denominator")),
    ("time_base", Text("时间口径", "Time base")),
    ("exclusions", Text("不计", "Leaves out")),
    ("owner", Text("负责人", "Owner")),
)


def uid_of(board_id: str, language: Language) -> str:
    return f"weftline-{board_id}" + ("-zh" if language == "zh" else "")


def render(boards: Collection[Board] = BOARDS) -> dict[Path, str]:
    """Every dashboard's file, by its path below the folder of dashboards: ``en/overview.json``."""
    return {
        Path(language, f"{board.id}.json"): json.dumps(dashboard(board, language, boards), ensure_ascii=False, indent=2) + "\n"
        for language in LANGUAGES
        for board in boards
    }


def dashboard(board: Board, language: Language, boards: Collection[Board] = BOARDS) -> dict[str, Any]:
    """The board as Grafana imports it. ``boards``: those that its cells may lead to."""
    found = build.Dashboard(board.title.of(language)).uid(uid_of(board.id, language)).description(board.question.of(language))
    found.tags(["weftline", f"weftline-{language}"]).timezone(ZONE).week_start("monday").refresh("1m")
    found.time(f"now-{board.days}d", "now").tooltip(models.DashboardCursorSync.CROSSHAIR)
    found.variables(variables(board, language))
    if asks_clickhouse(board):
        found.annotation(annotation(board, language).icon_color(PALETTE[Tone.BAD].both))
    for link in _links(board, language):
        found.link(link)
    linked = {other.id for other in boards}
    number = 0
    for placed in lay_out(board):
        number += 1
        found.with_row(build.Row(placed.row.title.of(language)).id(number).grid_pos(_grid(placed.heading)))
        for panel, place in placed.panels:
            number += 1
            found.with_panel(_panel(panel, language, linked).id(number).grid_pos(_grid(place)))
    plain: dict[str, Any] = json.loads(JSONEncoder().encode(found.build()))
    for entry in plain["links"]:
        # The SDK's only placement hides links in a menu; without one they stand above the board.
        del entry["placement"]
    return plain


def _links(board: Board, language: Language) -> tuple[build.DashboardLink, ...]:
    """To the other boards, and to this one in the other language; the reader's time and choices come along."""
    other: Language = "en" if language == "zh" else "zh"
    boards = build.DashboardLink(Text("看板", "Boards").of(language)).type(models.DashboardLinkType.DASHBOARDS)
    boards.tags([f"weftline-{language}"]).as_dropdown(True)
    same = build.DashboardLink(Text("中文", "English").of(other)).type(models.DashboardLinkType.LINK).icon("external link")
    same.tooltip(board.title.of(other)).url(f"/d/{uid_of(board.id, other)}")
    return boards.include_vars(True).keep_time(True), same.include_vars(True).keep_time(True)


def _grid(place: Place) -> models.GridPos:
    return models.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)


def _panel(panel: Panel, language: Language, linked: Collection[str]) -> _Drawn:
    drawn = _DRAW[panel.kind](panel)
    drawn.title(panel.title.of(language)).description(_description(panel, language))
    drawn.datasource(PROMETHEUS if panel.promql else CLICKHOUSE).targets(targets(panel, language))
    drawn.unit(_UNITS[panel.unit]).no_value("—")
    if panel.unit in _WITH_DECIMALS:
        drawn.decimals(1)
    if panel.thresholds:
        steps = [models.Threshold(value=step.at, color=PALETTE[step.tone].both) for step in panel.thresholds]
        drawn.thresholds(build.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    by_threshold = panel.kind is Kind.STAT and panel.thresholds
    scheme = models.FieldColorModeId.THRESHOLDS if by_threshold else models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    drawn.color_scheme(build.FieldColor().mode(scheme))
    for name, field in _fields(panel, language):
        drawn.override_by_name(name, _properties(name, field, panel, language, linked))
    return drawn


def _description(panel: Panel, language: Language) -> str:
    question = panel.question.of(language)
    if panel.kpi is None:
        return question
    colon = Text("：", ": ").of(language)
    lines = [f"- **{name.of(language)}**{colon}{getattr(panel.kpi, part).of(language)}" for part, name in _KPI]
    return "\n".join((question, "", *lines))


def _fields(panel: Panel, language: Language) -> list[tuple[str, Field]]:
    """The panel's columns, as the data source names them, that boards know; of PromQL the legends."""
    if panel.promql is not None:
        return [(legend_text(legend, language), FIELDS[legend]) for legend in panel.promql if legend in FIELDS]
    return [(name, FIELDS[name]) for name in columns_of(statement(panel, language)) if name in FIELDS]


def _properties(
    name: str, field: Field, panel: Panel, language: Language, linked: Collection[str]
) -> list[models.DynamicConfigValue]:
    """What Grafana is told of one column: its heading, unit, colour, words and where its cells lead."""
    if name == "value" and panel.kind is not Kind.TABLE:
        # Long rows: the source makes a column "value" of every series, with the series as a label.
        return [models.DynamicConfigValue("displayName", "${__field.labels.series}")]
    found: dict[str, object] = {"displayName": field.title.of(language)}
    # An axis of time chooses the form of its times by its length; of points the unit differs from one to the next.
    if panel.kind is not Kind.POINTS and not (name == "time" and panel.kind is not Kind.TABLE):
        found["unit"] = _UNITS[field.unit]
        if field.unit in _WITH_DECIMALS:
            found["decimals"] = 1
    if field.tone and not (panel.kind is Kind.STAT and panel.thresholds):
        found["color"] = {"mode": "fixed", "fixedColor": PALETTE[field.tone].both}
    if panel.kind is Kind.POINTS and name in ("low", "high"):
        found |= {"custom.drawStyle": "line", "custom.lineInterpolation": "stepAfter", "custom.showPoints": "never"}
        found |= {"custom.spanNulls": True, "custom.lineStyle": {"fill": "dash", "dash": [8, 6]}}
    if panel.kind is Kind.BARS and field.unit is Unit.RATIO and panel.unit is not Unit.RATIO:
        # Grafana has no line among bars: a share beside counts is told by the tooltip alone.
        found["custom.hideFrom"] = {"viz": True, "legend": True, "tooltip": False}
    if field.words is not None:
        found["mappings"] = [{"type": "value", "options": _mapping(field.words, language)}]
        if any(word.tone for word in words_of(field.words).values()) and panel.kind is Kind.TABLE:
            found["custom.cellOptions"] = {"type": "color-text"}
    if field.link and field.link.board in linked:
        url = f"/d/{uid_of(field.link.board, language)}?var-{field.link.variable}=${{__value.raw:percentencode}}&${{__url_time_range}}"
        found["links"] = [{"title": Text("打开看板", "Open its board").of(language), "url": url}]
    return [models.DynamicConfigValue(key, value) for key, value in found.items()]


def _mapping(enumeration: str, language: Language) -> dict[str, dict[str, object]]:
    return {
        code: {"index": index, "text": word.text.of(language)} | ({"color": PALETTE[word.tone].both} if word.tone else {})
        for index, (code, word) in enumerate(words_of(enumeration).items())
    }


def _stat(panel: Panel) -> _Drawn:
    reduce = common.ReduceDataOptions().values(False).calcs(["lastNotNull"]).fields("")
    drawn = stat.Panel().reduce_options(reduce).graph_mode(drawing.BigValueGraphMode.NONE)
    drawn.justify_mode(drawing.BigValueJustifyMode.AUTO).text_mode(drawing.BigValueTextMode.AUTO)
    return drawn.color_mode(drawing.BigValueColorMode.VALUE if panel.thresholds else drawing.BigValueColorMode.NONE)


def _over_time(panel: Panel) -> _Drawn:
    drawn = timeseries.Panel().legend(_legend()).tooltip(_tooltip()).span_nulls(False)
    if panel.thresholds:
        drawn.thresholds_style(common.GraphThresholdsStyleConfig().mode(drawing.GraphThresholdsStyleMode.DASHED))
    match panel.kind:
        case Kind.STACK:
            # A bucket's time is its beginning, so its bar stands to the right of it.
            drawn.draw_style(drawing.GraphDrawStyle.BARS).bar_alignment(drawing.BarAlignment.AFTER).fill_opacity(80).line_width(0)
            drawn.stacking(common.StackingConfig().mode(drawing.StackingMode.NORMAL).group("A"))
        case Kind.POINTS:
            drawn.draw_style(drawing.GraphDrawStyle.POINTS).point_size(6)
        case _:
            drawn.draw_style(drawing.GraphDrawStyle.LINE).line_width(2).show_points(drawing.VisibilityMode.AUTO)
            drawn.fill_opacity(25 if panel.kind is Kind.AREAS else 0)
    return drawn


def _bars(panel: Panel) -> _Drawn:
    if panel.promql is not None:
        raise ValueError(f"panel {panel.id}: bars need a column of names, which PromQL does not give")
    drawn = barchart.Panel().legend(_legend()).tooltip(_tooltip()).stacking(drawing.StackingMode.NONE)
    drawn.orientation(drawing.VizOrientation.HORIZONTAL if panel.horizontal else drawing.VizOrientation.VERTICAL)
    return drawn.fill_opacity(80).line_width(0).show_value(drawing.VisibilityMode.AUTO)


def _table(_panel: Panel) -> _Drawn:
    return table.Panel().show_header(True).cell_height(drawing.TableCellHeight.SM)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(drawing.LegendDisplayMode.LIST)
        .placement(drawing.LegendPlacement.BOTTOM)
        .calcs([])
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(drawing.TooltipDisplayMode.MULTI).sort(drawing.SortOrder.NONE)


_DRAW: Final = {
    Kind.STAT: _stat,
    Kind.LINES: _over_time,
    Kind.AREAS: _over_time,
    Kind.STACK: _over_time,
    Kind.POINTS: _over_time,
    Kind.BARS: _bars,
    Kind.TABLE: _table,
}
