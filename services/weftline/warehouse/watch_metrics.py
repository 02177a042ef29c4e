"""Every metric that ``weftline watch`` exports: one closed list, as in :mod:`weftline.runtime.metrics`."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weftline.runtime.exporter import Kept
from weftline.warehouse.watch import Reading


class WatchCollector(Collector):
    """The last reading as metrics. No figures when there is none or it is old; ``weftline_watch_up`` then says 0."""

    def __init__(self, kept: Kept[Reading]) -> None:
        self._kept = kept

    def collect(self) -> Iterable[Metric]:
        """Called for each scrape, in the server's thread."""
        by_kind = ("kind",)
        up = GaugeMetricFamily("weftline_watch_up", "1 while ClickHouse answers the watch")
        #: How long a reading takes: it grows before ClickHouse is too slow for the processors.
        seconds = GaugeMetricFamily("weftline_watch_seconds", "Duration of the last reading")
        #: By the server's clock, so an alert rule compares it with time(). A kind of which nothing was ever stored has no series.
        stored = GaugeMetricFamily("weftline_newest_stored_timestamp_seconds", "When the newest record was stored", labels=by_kind)
        #: By the time at which things happened: in a quiet night it is old, and nothing is wrong.
        rollup = GaugeMetricFamily("weftline_newest_rollup_timestamp_seconds", "Newest minute of the rollup", labels=by_kind)
        #: More than 0 for some seconds while a step waits for its settle.
        behind = GaugeMetricFamily(
            "weftline_rollup_behind_seconds", "Newest minute of the facts less that of the rollup", labels=by_kind
        )
        #: Without a label for the center, of which there may be any number: the runbook has the statement that names them.
        active = GaugeMetricFamily("weftline_active_centers", "Centers at which something happened within a week")
        silent = GaugeMetricFamily(
            "weftline_silent_centers", "Of these, centers that let pass WEFTLINE_SILENT_HOURS of their hours"
        )
        #: Alerts to factories, whatever their severity; an outbox that does not empty means that somebody is not told.
        outbox = GaugeMetricFamily("weftline_outbox_alerts", "Alerts that wait for more than 60 s to be published", labels=by_kind)
        oldest = GaugeMetricFamily("weftline_outbox_oldest_seconds", "For how long the oldest of them waits", labels=by_kind)
        #: Neither replayed nor dropped (``weftline dlq``).
        dead = GaugeMetricFamily("weftline_dead_letters_open_records", "Open dead letters", labels=("kind", "reason"))
        reading = self._kept.get()
        up.add_metric((), float(reading is not None))
        if reading is not None:
            seconds.add_metric((), reading.seconds)
            active.add_metric((), reading.active)
            silent.add_metric((), reading.silent)
            for name, kind in reading.kinds.items():
                label = (name,)
                if kind.stored is not None:
                    stored.add_metric(label, kind.stored)
                if kind.rollup is not None:
                    rollup.add_metric(label, kind.rollup)
                behind.add_metric(label, kind.behind_seconds)
                outbox.add_metric(label, kind.waiting)
                oldest.add_metric(label, kind.waiting_seconds)
                for reason, number in kind.dead.items():
                    dead.add_metric((name, reason), number)
        return (up, seconds, stored, rollup, behind, active, silent, outbox, oldest, dead)
