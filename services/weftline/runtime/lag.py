"""The groups' lag as metrics, told by a program that is not the consumer.

The lag that a consumer tells of itself vanishes with it, just when it is wanted. Names and labels are those of the exporters that
Kafka's operators know, so that boards and alert rules made for them work.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Final

from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weftline.errors import UserError, WeftlineError
from weftline.runtime import logging
from weftline.runtime.groups import GROUP, Group, Groups, open_groups
from weftline.runtime.settings import Settings

log = logging.get(__name__)

#: Without an answer for so many readings, figures are not shown any more: an old lag looks like a healthy one.
KEPT_READINGS: Final = 3


class LagCollector(Collector):
    """The last reading as metrics. ``seconds``: from one reading to the next."""

    def __init__(self, seconds: float) -> None:
        self._kept_seconds = KEPT_READINGS * seconds
        self._groups: list[Group] = []
        self._read_at: float | None = None

    def put(self, groups: list[Group]) -> None:
        """A new reading."""
        self._groups, self._read_at = groups, time.monotonic()

    def collect(self) -> Iterable[Metric]:
        """Called for each scrape, in the server's thread."""
        by_partition = ("consumergroup", "topic", "partition")
        up = GaugeMetricFamily("weftline_lag_exporter_up", "1 while Kafka answers the lag exporter")
        lag = GaugeMetricFamily("kafka_consumergroup_lag", "Records not yet acknowledged by the group", labels=by_partition)
        place = GaugeMetricFamily(
            "kafka_consumergroup_current_offset", "Next offset that the group would read after a crash", labels=by_partition
        )
        end = GaugeMetricFamily(
            "kafka_topic_partition_current_offset", "Next offset that will be written", labels=("topic", "partition")
        )
        members = GaugeMetricFamily("kafka_consumergroup_members", "Members of the group", labels=("consumergroup",))
        fresh = self._read_at is not None and time.monotonic() - self._read_at <= self._kept_seconds
        up.add_metric((), float(fresh))
        for group in self._groups if fresh else ():
            name = GROUP.format(group.name)
            if group.members is not None:
                members.add_metric((name,), len(group.members))
            for position in group.positions:
                labels = (name, group.topic, str(position.partition))
                lag.add_metric(labels, position.lag)
                place.add_metric(labels, position.committed)
                end.add_metric(labels[1:], position.end)
        return (up, lag, place, end, members)


class LagExporter:
    """``/metrics`` on the settings' address, read anew every so many seconds; ``port`` is the one it listens on."""

    def __init__(self, settings: Settings, topics: Mapping[str, str], seconds: float) -> None:
        self._settings = settings
        self._topics = topics
        self._seconds = seconds
        self._collector = LagCollector(seconds)
        registry = CollectorRegistry()
        registry.register(self._collector)
        host, port = settings.http_host, settings.http_port
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} ({error.strerror}); set WEFTLINE_HTTP_HOST, WEFTLINE_HTTP_PORT (0: any free port)"
            ) from None
        self.port = self._server.server_port

    def run(self) -> None:
        """Read again and again, until a signal's handler raises. A broker that does not answer is waited for."""
        connection, groups = ExitStack(), None
        try:
            answering = True
            while True:
                try:
                    groups = groups or self._open(connection)
                    self._collector.put(groups.read())
                    if not answering:
                        log.info("going on", dependency="kafka")
                    answering = True
                except (WeftlineError, KafkaError, OSError) as error:
                    if answering:
                        log.warning("waiting", dependency="kafka", error=str(error))
                    answering, groups = False, None
                    connection.close()
                time.sleep(self._seconds)
        finally:
            connection.close()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _open(self, connection: ExitStack) -> Groups:
        return connection.enter_context(open_groups(self._settings, self._topics))
