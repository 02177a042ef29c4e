"""Every metric of ``weftline notify run``: one closed list.

No receiver is a label: they are as many as factories, and ``weftline notify list`` has them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from weftline.notify.delivery import State, Verdict
from weftline.runtime.metrics import program_registry


class NotifyMetrics:
    """The list, over its own registry."""

    def __init__(self) -> None:
        self.registry = registry = program_registry("notify")
        #: Requests by what their answer means: :class:`Verdict`.
        self.attempts = Counter("weftline_notify_attempts", "Requests to receivers, by their answer", ["answer"], registry=registry)
        #: Revisions taken from Kafka, whether or not they are for somebody.
        self.revisions = Counter("weftline_notify_revisions", "Revisions of alerts read from Kafka", registry=registry)
        #: Deliveries by where they stand: :class:`State`.
        self.deliveries = Gauge("weftline_notify_deliveries", "Deliveries, by their state", ["state"], registry=registry)
        #: Age of the oldest that waits; 0 if none does.
        self.oldest = Gauge("weftline_notify_oldest_waiting_seconds", "Age of the oldest delivery that waits", registry=registry)
        #: Receivers that are switched off, and all that are served: those of the file, and webhooks of partners.
        self.off = Gauge("weftline_notify_receivers_off", "Receivers that are switched off", registry=registry)
        self.receivers = Gauge("weftline_notify_receivers", "Receivers, of the file and of partners", registry=registry)
        #: 1 while Kafka is waited for.
        self.waiting = Gauge("weftline_notify_waiting_for_kafka", "1 while Kafka is waited for", registry=registry)
        for verdict in Verdict:
            self.attempts.labels(verdict)
        for state in State:
            self.deliveries.labels(state)
