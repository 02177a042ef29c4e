"""Pieces of SQL, variables and panels that several boards share."""

from __future__ import annotations

from typing import Final

from weftline.boards.model import Text, Threshold, Tone, Variable

COOPERATIVE: Final = Variable(
    "cooperative",
    Text("合作社", "Cooperative"),
    "SELECT DISTINCT cooperative_id FROM factories WHERE cooperative_id != '' "
    "UNION DISTINCT SELECT DISTINCT cooperative_id FROM report_state WHERE cooperative_id != '' ORDER BY 1",
)
CENTER: Final = Variable(
    "center", Text("打样中心", "Center"), "SELECT DISTINCT center_id FROM order_throughput_day WHERE center_id != '' ORDER BY 1"
)
ONE_CENTER: Final = Variable("center", CENTER.title, CENTER.sql, multi=False)
_FACTORIES = (
    "SELECT DISTINCT factory_id FROM order_state WHERE factory_id != '' "
    "UNION DISTINCT SELECT DISTINCT owner FROM report_state WHERE owner != '' ORDER BY 1"
)
FACTORY: Final = Variable("factory", Text("工厂", "Factory"), _FACTORIES)
ONE_FACTORY: Final = Variable("factory", FACTORY.title, _FACTORIES, multi=False)
PRODUCT: Final = Variable(
    "product",
    Text("产品类别", "Product"),
    "SELECT DISTINCT product_category FROM order_state WHERE product_category != '' ORDER BY 1",
)
INDICATOR: Final = Variable(
    "indicator",
    Text("检测项目", "Indicator"),
    "SELECT indicator FROM run_state GROUP BY indicator ORDER BY sum(failures) DESC, indicator",
    False,
)

# Conditions on what the reader chose. All is not a list of thousands: the condition goes away.
OF_COOPERATIVE: Final = "$__conditionalAll(cooperative_id IN (${cooperative:sqlstring}), $cooperative)"
OF_CENTER: Final = "$__conditionalAll(center_id IN (${center:sqlstring}), $center)"
OF_FACTORY: Final = "$__conditionalAll(factory_id IN (${factory:sqlstring}), $factory)"
OF_PRODUCT: Final = "$__conditionalAll(product_category IN (${product:sqlstring}), $product)"
OF_INDICATOR: Final = "indicator IN (${indicator:sqlstring})"
THE_CENTER: Final = "center_id IN (${center:sqlstring})"
THE_FACTORY: Final = "factory_id IN (${factory:sqlstring})"


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
