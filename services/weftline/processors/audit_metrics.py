"""Every metric that ``weftline audit --every`` exports: one closed list, as in :mod:`weftline.runtime.metrics`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from weftline.runtime.metrics import program_registry

if TYPE_CHECKING:
    from weftline.processors.audit import Report


class AuditMetrics:
    """The list, over its own registry. All of it is of the last audit that came to its end."""

    def __init__(self) -> None:
        self.registry = registry = program_registry("audit")
        #: Rows missing, extra or different, by table; 0 for a table without any. More than 0 needs a person. Absent before the first
        #: audit has ended: a 0 would say that it found nothing.
        self.drift = Gauge("weftline_audit_drift_rows", "Rows that are not as the records say", ["table"], registry=registry)
        #: Owners and windows that could not be judged: their processor does not run, is behind, or they never rested.
        self.unsettled = Gauge("weftline_audit_unsettled", "Owners and windows that could not be judged", registry=registry)
        #: What no audit can see any more: losses that are open, in the log or in the tables. Their own alert says more.
        self.unseen = Gauge("weftline_audit_unseen", "Losses that keep the audit from seeing all", registry=registry)
        #: Wall clock at its end; an alert rule compares it with time(), since an audit that cannot run finds no drift either.
        self.last = Gauge("weftline_audit_last_timestamp_seconds", "When an audit last came to its end", registry=registry)
        #: How long it took.
        self.seconds = Gauge("weftline_audit_seconds", "Duration of the last audit", registry=registry)

    def show(self, report: Report) -> None:
        """Export this audit."""
        for table, drift in report.drift.items():
            self.drift.labels(table).set(drift.rows)
        self.unsettled.set(report.unsettled)
        self.unseen.set(len(report.unseen))
        self.seconds.set(report.seconds)
        self.last.set(time.time())
