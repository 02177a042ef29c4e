"""Every metric that ``weftline gateway`` exports: one closed list, as in :mod:`weftline.runtime.metrics`. No partner is a label."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from weftline.gateway.problems import Kind
from weftline.runtime.metrics import SECONDS_BUCKETS, program_registry

#: What is asked for; all else is ``other``.
ROUTES: Final = (
    *("publish", "capture", "event", "retract", "file", "mapping", "mappings"),
    *("alerts", "alert", "reply", "stream", "webhooks", "webhook", "inbox", "other"),
)


class GatewayMetrics:
    """The list."""

    def __init__(self) -> None:
        self.registry = registry = program_registry("gateway")
        #: Until an answer begins: a stream's lasts as long as its reader.
        self.seconds = Histogram(
            "weftline_gateway_request_seconds", "Time to an answer", ["route"], buckets=SECONDS_BUCKETS, registry=registry
        )
        #: Events that were acknowledged to a publisher.
        self.events = Counter("weftline_gateway_events", "Events accepted", registry=registry)
        #: By kind of problem: :class:`weftline.gateway.problems.Kind`, in small letters.
        self.problems = Counter("weftline_gateway_problems", "Requests refused", ["problem"], registry=registry)
        #: Entries of the audit log that found no room while ClickHouse was away.
        self.unnoted = Counter("weftline_gateway_unnoted", "Requests that the audit log lacks", registry=registry)
        #: Streams of alerts that are open, and what they sent.
        self.streams = Gauge("weftline_gateway_streams", "Streams open", registry=registry)
        for route in ROUTES:
            self.seconds.labels(route)
        for kind in Kind:
            self.problems.labels(kind.name.lower())
