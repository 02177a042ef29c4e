"""Queries and variables of a Grafana board: the part that speaks to data sources, which stand behind variables of the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from weftline.boards.fields import FIELDS
from weftline.boards.model import Board, Kind, Language, Panel, Text, Variable

ZONE: Final = "Asia/Shanghai"
CLICKHOUSE_TYPE: Final = "grafana-clickhouse-datasource"
#: Sources of a board: a board's variable of that name leads to the provisioned uid, or to what the reader chooses.
CLICKHOUSE: Final = DataSourceRef(type_val=CLICKHOUSE_TYPE, uid="${clickhouse}")
PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="${prometheus}")
_SOURCES: Final = (
    ("clickhouse", CLICKHOUSE_TYPE, "weftline-clickhouse", Text("ClickHouse 数据源", "ClickHouse")),
    ("prometheus", "prometheus", "weftline-prometheus", Text("Prometheus 数据源", "Prometheus")),
)
_GRAINS: Final = (("hour", Text("小时", "hour")), ("day", Text("天", "day")), ("week", Text("周", "week")))
#: What a board's variable means in the view of alerts.
_ALERT_COLUMNS: Final = {
    "cooperative": "cooperative_id",
    "center": "center_id",
    "factory": "factory_id",
    "product": "product_category",
}
_TIME_SERIES, _TABLE = 0, 1


@dataclass(frozen=True, slots=True)
class ClickHouseQuery(Dataquery):
    """A statement as version 4 of ClickHouse's data source keeps it in a board (its ``src/types/sql.ts``: CHSqlQuery).

    ``format`` 0: time series, whose rows of (time, text, number) the source turns into a series per text; 1: a table.
    """

    sql: str
    format: int
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": CLICKHOUSE,
            "editorType": "sql",
            "format": self.format,
            "pluginVersion": "4.20.0",
            "queryType": "timeseries" if self.format == _TIME_SERIES else "table",
            "rawSql": self.sql,
            "refId": self.ref_id,
        }


@dataclass(frozen=True, slots=True)
class _Ready(Builder[Dataquery]):
    """The SDK's builders take builders."""

    query: Dataquery

    def build(self) -> Dataquery:
        return self.query


def statement(panel: Panel, language: Language) -> str:
    """The panel's SQL as Grafana gets it, macros and all. Points come in the order of time, those not detected as a series of their own."""
    sql = panel.sql.replace("{lang}", language).strip()
    if panel.kind is not Kind.POINTS:
        return sql
    return (
        "SELECT time, if(p.not_detected, NULL, p.value) AS number, if(p.not_detected, p.value, NULL) AS not_detected, low, high\n"
        f"FROM\n(\n{sql}\n) AS p\nORDER BY time"
    )


def targets(panel: Panel, language: Language) -> list[Builder[Dataquery]]:
    """The panel's queries. A legend that names a field is shown in the language of the board."""
    if panel.promql is None:
        timed = panel.kind in (Kind.LINES, Kind.AREAS, Kind.STACK, Kind.POINTS)
        return [_Ready(ClickHouseQuery(statement(panel, language), _TIME_SERIES if timed else _TABLE))]
    queries: list[Builder[Dataquery]] = []
    for number, (legend, expression) in enumerate(panel.promql.items()):
        query = prometheus.Dataquery().datasource(PROMETHEUS).ref_id(chr(ord("A") + number)).expr(expression)
        query.legend_format(legend_text(legend, language))
        if panel.kind in (Kind.STAT, Kind.TABLE):
            query.instant()
        else:
            query.range()
        if panel.kind is Kind.TABLE:
            query.format(PromQueryFormat.TABLE)
        queries.append(query)
    return queries


def legend_text(legend: str, language: Language) -> str:
    return FIELDS[legend].title.of(language) if legend in FIELDS else legend


def annotation(board: Board, language: Language) -> build.AnnotationQuery:
    """Critical alerts that stand, of what the board is about."""
    conditions = ["severity = 'CRITICAL'", "$__timeFilter(occurred_at)"]
    for variable in board.variables:
        if column := _ALERT_COLUMNS.get(variable.name):
            chosen = f"{column} IN (${{{variable.name}:sqlstring}})"
            conditions.append(f"$__conditionalAll({chosen}, ${variable.name})" if variable.multi else chosen)
    sql = (
        f"SELECT occurred_at AS time, text_{language} AS text, concat(rule, ',', factory_id) AS tags\n"
        f"FROM standing_alerts\nWHERE {' AND '.join(conditions)}\nORDER BY time DESC\nLIMIT 200"
    )
    name = Text("危急预警", "Critical alerts").of(language)
    return build.AnnotationQuery().name(name).datasource(CLICKHOUSE).enable(True).target(_Ready(ClickHouseQuery(sql, _TABLE)))


def variables(board: Board, language: Language) -> list[Builder[models.VariableModel]]:
    """Data sources, what the reader chooses, the grain of time, and the zone in which days begin."""
    wanted = {name for name, needed in (("clickhouse", asks_clickhouse(board)), ("prometheus", asks_prometheus(board))) if needed}
    found: list[Builder[models.VariableModel]] = [
        build.DatasourceVariable(name)
        .label(title.of(language))
        .type(kind)
        .current(models.VariableOption(selected=True, text=uid, value=uid))
        for name, kind, uid, title in _SOURCES
        if name in wanted
    ]
    found += [_query_variable(variable, language) for variable in board.variables]
    if any("${grain" in panel.sql for panel in board.panels):
        found.append(_grain("day" if board.days > 2 else "hour", language))
    if any("${zone" in panel.sql for panel in board.panels):
        found.append(build.ConstantVariable("zone").label(Text("时区", "Zone").of(language)).value(ZONE))
    return found


def asks_clickhouse(board: Board) -> bool:
    return any(panel.sql for panel in board.panels) or bool(board.variables)


def asks_prometheus(board: Board) -> bool:
    return any(panel.promql for panel in board.panels)


def _query_variable(variable: Variable, language: Language) -> build.QueryVariable:
    """``All`` has no value of its own: the source's ``$__conditionalAll`` then drops the condition."""
    query: dict[str, object] = {"editorType": "sql", "queryType": "sql", "rawSql": variable.sql, "refId": variable.name}
    found = build.QueryVariable(variable.name).label(variable.title.of(language)).datasource(CLICKHOUSE).query(query)
    found.definition(variable.sql).multi(variable.multi).include_all(variable.multi).allow_custom_value(variable.free)
    found.refresh(models.VariableRefresh.ON_DASHBOARD_LOAD).sort(models.VariableSort.DISABLED)
    if variable.multi:
        found.current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    return found


def _grain(usual: str, language: Language) -> build.CustomVariable:
    options = [models.VariableOption(selected=grain == usual, text=text.of(language), value=grain) for grain, text in _GRAINS]
    found = build.CustomVariable("grain").label(Text("粒度", "By").of(language)).options(options)
    return found.values(", ".join(f"{option.text} : {option.value}" for option in options)).current(
        next(option for option in options if option.selected)
    )
