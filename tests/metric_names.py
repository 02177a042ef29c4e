"""Every metric that a Weftline program exports, as Prometheus stores it, read from the programs' own registries; and those of PromQL."""

from __future__ import annotations

import re
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from weftline.processors.audit_metrics import AuditMetrics
from weftline.runtime.lag import LagCollector
from weftline.runtime.metrics import Metrics

#: What Prometheus itself says of a target.
SCRAPE: Final = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped"})
_SUFFIXES: Final = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
    "info": ("_info",),
}

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_BRACES: Final = re.compile(r"\{[^{}]*\}")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
#: Lists of labels, which look like arguments.
_LABELS: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_NAME: Final = re.compile(r"(?<![\w.])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])")
#: Operators, and aggregations, whose name may stand apart from its bracket: ``sum by (x) (y)``.
_WORDS: Final = (
    "and or unless by without on ignoring group_left group_right offset bool inf nan start end atan2 "
    "sum avg min max count topk bottomk quantile stddev stdvar group count_values"
)
_KEYWORDS: Final = frozenset(re.findall(r"\w+", _WORDS))


def exported() -> frozenset[str]:
    """All names, with the endings that counters and histograms get."""
    registries: tuple[CollectorRegistry, ...] = (Metrics("orders").registry, AuditMetrics().registry)
    metrics: list[Metric] = [metric for registry in registries for metric in registry.collect()]
    metrics += LagCollector(1.0).collect()
    names = {metric.name + suffix for metric in metrics for suffix in _SUFFIXES.get(metric.type, ("",))}
    return frozenset(names) | SCRAPE


def used(expression: str) -> frozenset[str]:
    """The metrics that a PromQL expression names: identifiers that are no function, keyword, label, string or duration."""
    text = _STRING.sub('""', expression)
    for pattern in (_BRACES, _RANGE, _LABELS):
        text = pattern.sub(" ", text)
    text = re.sub(r"\b(offset)\s+-?[\w.]+", " ", text, flags=re.IGNORECASE)
    return frozenset(name for name in _NAME.findall(text) if name.lower() not in _KEYWORDS)
