"""Every series that a Weftline program exports, read from the programs' own registries; and the names in a PromQL expression."""

from __future__ import annotations

import re
from typing import Final

from prometheus_client import CollectorRegistry

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.gateway.metrics import GatewayMetrics
from weftline.notify.metrics import NotifyMetrics
from weftline.processors.audit_metrics import AuditMetrics
from weftline.runtime.exporter import Kept
from weftline.runtime.lag import LagCollector
from weftline.runtime.metrics import Metrics, program_registry
from weftline.warehouse.watch_metrics import WatchCollector

PROGRAMS: Final = (*BY_PROCESSOR, "lag", "audit", "watch", "gateway", "notify")

#: What Prometheus itself says of a target.
SCRAPE: Final = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped"})
_SUFFIXES: Final = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
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


def listed() -> dict[str, set[str]]:
    """By program, the names of all series that its closed list allows."""
    registries = {name: Metrics(name).registry for name in BY_PROCESSOR}
    registries |= {"lag": program_registry("lag"), "watch": program_registry("watch"), "audit": AuditMetrics().registry}
    registries |= {"gateway": GatewayMetrics().registry, "notify": NotifyMetrics().registry}
    registries["lag"].register(LagCollector(Kept(1)))
    registries["watch"].register(WatchCollector(Kept(1)))
    return {name: _names(registry) for name, registry in registries.items()}


def _names(registry: CollectorRegistry) -> set[str]:
    return {metric.name + ending for metric in registry.collect() for ending in _SUFFIXES.get(metric.type, ("",))}


def exported() -> set[str]:
    """The names of all programs, and what Prometheus says of a target."""
    return SCRAPE.union(*listed().values())


def used(expression: str) -> frozenset[str]:
    """The metrics that a PromQL expression names: identifiers that are no function, keyword, label, string or duration."""
    text = _STRING.sub('""', expression)
    for pattern in (_BRACES, _RANGE, _LABELS):
        text = pattern.sub(" ", text)
    text = re.sub(r"\b(offset)\s+-?[\w.]+", " ", text, flags=re.IGNORECASE)
    return frozenset(name for name in _NAME.findall(text) if name.lower() not in _KEYWORDS)
