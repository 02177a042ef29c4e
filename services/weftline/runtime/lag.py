"""The groups' lag as metrics, told by a program that is not the consumer.

The lag that a consumer tells of itself vanishes with it, just when it is wanted. Names and labels are those of the exporters that
Kafka's operators know, so that boards and alert rules made for them work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weftline.runtime.exporter import Kept
from weftline.runtime.groups import GROUP, Group


class LagCollector(Collector):
    """The last reading as metrics: the closed list of ``weftline lag``."""

    def __init__(self, kept: Kept[Sequence[Group]]) -> None:
        self._kept = kept

    def collect(self) -> Iterable[Metric]:
        """Called for each scrape, in the server's thread."""
        by_partition = ("consumergroup", "topic", "partition")
        up = GaugeMetricFamily("weftline_lag_exporter_up", "1 while Kafka answers the lag exporter")
        lag = GaugeMetricFamily(
            "kafka_consumergroup_lag", "Offsets that may be read and are not yet acknowledged by the group", labels=by_partition
        )
        place = GaugeMetricFamily(
            "kafka_consumergroup_current_offset", "Next offset that the group would read after a crash", labels=by_partition
        )
        end = GaugeMetricFamily(
            "kafka_topic_partition_current_offset", "Next offset that will be written", labels=("topic", "partition")
        )
        # Lower than the end while a transaction is open; where it stays so, nobody reads what lies behind it.
        stable = GaugeMetricFamily(
            "weftline_stable_offset",
            "Last stable offset: where the first transaction begins that is still open, else the next offset that will be written",
            labels=("topic", "partition"),
        )
        members = GaugeMetricFamily("kafka_consumergroup_members", "Members of the group", labels=("consumergroup",))
        groups = self._kept.get()
        up.add_metric((), float(groups is not None))
        for group in groups or ():
            name = GROUP.format(group.name)
            if group.members is not None:
                members.add_metric((name,), len(group.members))
            for position in group.positions:
                labels = (name, group.topic, str(position.partition))
                lag.add_metric(labels, position.lag)
                place.add_metric(labels, position.committed)
                end.add_metric(labels[1:], position.end)
                stable.add_metric(labels[1:], position.stable)
        return (up, lag, place, end, stable, members)
