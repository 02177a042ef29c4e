"""Pieces of SQL, variables and panels that several boards share."""

from __future__ import annotations

from typing import Final

from weftline.boards.macros import quoted
from weftline.boards.model import Text, Threshold, Tone, Variable
from weftline.contracts.standards import load_standards
from weftline.domain.alert_rules import RULES, Rests
from weftline.domain.vocabulary import MeasurementKind


def _named(column: str, *tables: str) -> str:
    """All values of a column that stand anywhere, in alerts too: what an alert names can be chosen, whatever else is known of it."""
    places = (place.partition(" ") for place in (*tables, "alerts"))
    found = " UNION DISTINCT ".join(f"SELECT DISTINCT {other or column} AS value FROM {table}" for table, _, other in places)
    return f"SELECT value AS {column} FROM ({found}) WHERE value != '' ORDER BY value"


COOPERATIVE: Final = Variable(
    "cooperative",
    Text("合作社", "Cooperative"),
    _named("cooperative_id", "factories", "order_state", "report_state", "lot_state", "shipment_state", "member_state"),
)
CENTER: Final = Variable(
    "center",
    Text("打样中心", "Center"),
    _named(
        "center_id",
        "order_throughput_hour",
        "inspection_throughput_hour",
        "logistics_throughput_hour",
        "cooperative_throughput_hour",
    ),
)
#: A center that has orders is shown first: one that only tests would open its board nearly empty.
ONE_CENTER: Final = Variable(
    "center",
    CENTER.title,
    f"SELECT center_id FROM ({CENTER.sql}) ORDER BY center_id NOT IN (SELECT center_id FROM order_throughput_hour), center_id",
    multi=False,
)
_FACTORIES = _named("factory_id", "order_state", "report_state owner", "lot_state owner", "shipment_state", "members")
FACTORY: Final = Variable("factory", Text("工厂", "Factory"), _FACTORIES)
ONE_FACTORY: Final = Variable("factory", FACTORY.title, _FACTORIES, multi=False)
PRODUCT: Final = Variable(
    "product", Text("产品类别", "Product"), _named("product_category", "order_state", "report_state", "lot_state")
)

# Conditions on what the reader chose. All is not a list of thousands: the condition goes away.
OF_COOPERATIVE: Final = "$__conditionalAll(cooperative_id IN (${cooperative:sqlstring}), $cooperative)"
OF_CENTER: Final = "$__conditionalAll(center_id IN (${center:sqlstring}), $center)"
OF_FACTORY: Final = "$__conditionalAll(factory_id IN (${factory:sqlstring}), $factory)"
OF_PRODUCT: Final = "$__conditionalAll(product_category IN (${product:sqlstring}), $product)"
OF_INDICATOR: Final = "indicator IN (${indicator:sqlstring})"
THE_CENTER: Final = "center_id IN (${center:sqlstring})"
THE_FACTORY: Final = "factory_id IN (${factory:sqlstring})"


#: Indicators whose values are words, or shares of several fibres: no point can be drawn of them.
_IN_WORDS: Final = ", ".join(
    quoted(code)
    for code, indicator in load_standards().indicators.items()
    if not indicator.accepts & {MeasurementKind.NUMBER, MeasurementKind.GRADE}
)


def indicator_of(factories: str) -> Variable:
    """The indicator whose values are drawn, of the factories that a condition names: the first one fails, if any does.

    What has a number comes before what is told in words (odour, a composition), of which no value can be drawn.
    """
    return Variable(
        "indicator",
        Text("检测项目", "Indicator"),
        f"SELECT indicator FROM failure_runs WHERE {factories} GROUP BY indicator "
        f"ORDER BY sum(failures) > 0 DESC, indicator IN ({_IN_WORDS}), sum(failures) DESC, indicator",
        multi=False,
    )


#: How long after it happened an alert was first told; nothing where that was in time.
TOLD_LATE: Final = "if(late_hours > 0, late_hours, NULL) AS told_late_h"


def rules_of(*rests: Rests) -> str:
    """The rules of alerts whose evidence is of one of these, as a list in SQL."""
    return f"({', '.join(quoted(rule.value) for rule, known in RULES.items() if known.rests in rests)})"


def bucket(column: str) -> str:
    """The beginning of the hour, day or week in which ``column`` lies, in the readers' zone: a day begins at their midnight."""
    return f"toDateTime(dateTrunc('${{grain:raw}}', {column}, '${{zone:raw}}'), '${{zone:raw}}')"


def rate(part: str, whole: str) -> str:
    """A share, null where nothing was counted: no reports is not a pass rate of zero."""
    return f"if({whole} > 0, {part} / ({whole}), NULL)"


# What is good and bad of a share; configuration of ours, no standard says so.
RATE: Final = (Threshold(Tone.BAD), Threshold(Tone.WARN, 0.90), Threshold(Tone.GOOD, 0.95))
PROMISES: Final = (Threshold(Tone.BAD), Threshold(Tone.WARN, 0.80), Threshold(Tone.GOOD, 0.90))
YIELD: Final = (Threshold(Tone.BAD), Threshold(Tone.WARN, 0.50), Threshold(Tone.GOOD, 0.65))
NONE_IS_GOOD: Final = (Threshold(Tone.GOOD), Threshold(Tone.BAD, 1))

#: A verdict's JSON is read only where it speaks of the indicator: 15 ms for a year's 47,000 reports, 400 to read them all.
WITH_INDICATOR: Final = "position(verdict_json, concat('\"', ${indicator:sqlstring}, '\"')) > 0"
#: More points than a screen has room for say no more.
NEWEST: Final = 1_000

CENTER_OWNS: Final = Text("打样中心负责人", "head of the sampling center")
QUALITY_OWNS: Final = Text("合作社质量专员", "the cooperative's quality officer")
EVENT_TIME: Final = Text("事件发生时间，所选区间", "event time, within the range chosen")
