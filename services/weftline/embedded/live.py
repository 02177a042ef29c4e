"""What the demonstration shows while it runs: figures read from ClickHouse and Kafka, as a live view or as plain lines."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from rich.console import Group as Stacked
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.embedded.simulator.player import Progress
from weftline.embedded.stack_folder import Addresses
from weftline.runtime.groups import Groups
from weftline.warehouse.client import Reader
from weftline.warehouse.status import RECORDS

#: Local time of the reference cluster.
LOCAL = timezone(timedelta(hours=8))
NEWEST = 12
#: So many of them go into a log at a time.
TOLD = 2
#: Rates are means over so many seconds: a step more or less must not make them jump.
RATE_SECONDS = 5.0
STAGES = ("published", "stored", "judged", "alerts")
_STYLE = {"CRITICAL": "bold red", "MAJOR": "yellow", "MINOR": "cyan"}


class CenterFigures(NamedTuple):
    """A sampling center: orders confirmed, dispatched, in progress; verified reports, and of them passed."""

    center_id: str
    confirmed: int
    dispatched: int
    in_progress: int
    reports: int
    passed: int


class NewestAlert(NamedTuple):
    """An alert that changed lately."""

    alert_id: str
    revision: int
    occurred_at: int
    status: str
    severity: str
    factory_id: str
    text_zh: str
    text_en: str


class Figures(NamedTuple):
    """One reading. ``totals`` by stage; ``lags`` by processor, empty where the broker does not say; ``at``: monotonic seconds."""

    at: float
    simulated_time: int
    totals: Mapping[str, int]
    dead_letters: int
    lags: Mapping[str, int]
    centers: Sequence[CenterFigures]
    newest: Sequence[NewestAlert]


class Gauge:
    """Reads figures. ``groups`` None: the broker's offsets are not to be relied on (memory broker)."""

    def __init__(self, server: Reader, groups: Groups | None) -> None:
        self._server = server
        self._groups = groups

    def read(self, played: Progress) -> Figures:
        """The figures now. Raises DependencyDown if a server does not answer."""
        ask = self._server.rows
        stored = sum(
            count
            for table in RECORDS.values()
            for (count,) in ask(f"SELECT uniqExact(owner, event_time, source, event_id, rank) FROM {table}")
        )
        judged = sum(
            count
            for table in (kind.facts for kind in BY_PROCESSOR.values())
            for (count,) in ask(f"SELECT uniqExact(minute, owner, event_time, source, event_id) FROM {table}")
        )
        ((alerts,),) = ask("SELECT count() FROM alerts FINAL WHERE status != 'WITHDRAWN'")
        ((letters,),) = ask("SELECT uniqExact(topic, partition, offset) FROM dead_letters")
        tests = {
            center: (reports, passed)
            for center, reports, passed in ask(
                "SELECT center_id, sum(reports), sum(reports_passed) FROM tests_per_day GROUP BY center_id"
            )
        }
        centers = [
            CenterFigures(center, confirmed, dispatched, in_progress, *tests.get(center, (0, 0)))
            for center, confirmed, dispatched, in_progress in ask(
                "SELECT center_id, sum(confirmed), sum(dispatched), sum(entries) - sum(exits) FROM throughput_per_day "
                "GROUP BY center_id ORDER BY center_id"
            )
        ]
        newest = ask(
            "SELECT alert_id, revision, toUnixTimestamp64Milli(occurred_at), status, severity, factory_id, text_zh, text_en "
            "FROM alerts FINAL ORDER BY stored_at DESC, occurred_at DESC LIMIT {newest:UInt32}",
            {"newest": NEWEST},
        )
        return Figures(
            time.monotonic(),
            played.simulated_time,
            dict(zip(STAGES, (played.sent, stored, judged, alerts), strict=True)),
            letters,
            {group.name: group.lag for group in self._groups.read()} if self._groups else {},
            centers,
            [NewestAlert(*row) for row in newest],
        )


class Board:
    """Readings over time, drawn. ``note`` is a line at the foot of the view; ``web`` the address of the board in the browser."""

    def __init__(self, addresses: Addresses, end: float | None, web: str = "") -> None:
        self._addresses = addresses
        self._web = f"Board {web}   " if web else ""
        self._end = end
        self._readings: deque[Figures] = deque()
        self._told: dict[str, int] = {}
        self.began = time.monotonic()
        self.note = ""

    def add(self, figures: Figures) -> None:
        """Take a reading in."""
        self._readings.append(figures)
        while len(self._readings) > 2 and figures.at - self._readings[1].at > RATE_SECONDS:
            self._readings.popleft()

    def _rate(self, stage: str) -> float:
        first, last = self._readings[0], self._readings[-1]
        return (last.totals[stage] - first.totals[stage]) / (last.at - first.at) if last.at > first.at else 0.0

    def view(self, height: int = 40) -> RenderableType:
        """For a terminal of so many lines."""
        if not self._readings:
            return Text("waiting for the first figures")
        last = self._readings[-1]
        side = Table.grid(expand=True, padding=(0, 2))
        side.add_column(ratio=2)
        side.add_column(ratio=3)
        side.add_row(self._stages(last), self._centers(last))
        above = 1 + len(STAGES) + 1 + len(last.lags)
        fit = max((height - above - 5) // 3, 1)  # frame, title and note take 5 lines, an alert 3
        return Panel(
            Stacked(side, *_alerts(last.newest[:fit]), Text(self.note, style="dim")),
            title=self._title(last),
            subtitle=f"{self._web}Kafka {self._addresses.kafka}   ClickHouse {self._addresses.clickhouse}   Ctrl-C ends",
            height=height,
        )

    def _title(self, last: Figures) -> str:
        elapsed = last.at - self.began
        of = f" of {self._end:.0f}" if self._end else ""
        return f"Weftline   simulated {_local(last.simulated_time)}   {elapsed:.0f}{of} s"

    def _stages(self, last: Figures) -> RenderableType:
        table = Table(box=None, pad_edge=False)
        table.add_column("stage")
        table.add_column("events", justify="right")
        table.add_column("per s", justify="right")
        for stage in STAGES:
            table.add_row(stage, f"{last.totals[stage]:,}", f"{self._rate(stage):,.0f}" if stage != "alerts" else "")
        table.add_row("dead letters", f"{last.dead_letters:,}", "")
        for name, lag in last.lags.items():
            table.add_row(f"lag {name}", f"{lag:,}", "")
        return table

    def _centers(self, last: Figures) -> RenderableType:
        table = Table(box=None, pad_edge=False)
        table.add_column("center")
        for title in ("confirmed", "sent", "open", "reports", "passed"):
            table.add_column(title, justify="right")
        for of in last.centers:
            rate = f"{100 * of.passed / of.reports:.1f} %" if of.reports else ""
            table.add_row(of.center_id, f"{of.confirmed:,}", f"{of.dispatched:,}", f"{of.in_progress:,}", f"{of.reports:,}", rate)
        return table

    def line(self) -> str:
        """For a log: the same in one line."""
        last = self._readings[-1]
        counted = "  ".join(
            f"{stage} {last.totals[stage]:,}" + (f" ({self._rate(stage):,.0f}/s)" if stage != "alerts" else "") for stage in STAGES
        )
        lags = "  ".join(f"{name} {lag:,}" for name, lag in last.lags.items())
        reports, passed = sum(of.reports for of in last.centers), sum(of.passed for of in last.centers)
        quality = f"  passed {100 * passed / reports:.1f} %" if reports else ""
        work = sum(of.in_progress for of in last.centers)
        return (
            f"{last.at - self.began:5.0f} s  simulated {_local(last.simulated_time)}  {counted}"
            f"{f'  lag {lags}' if lags else ''}  in progress {work:,}{quality}"
        )

    def new_alerts(self) -> Iterable[str]:
        """Alerts of the last reading that were not told before, one line each."""
        for alert in reversed(self._readings[-1].newest[:TOLD]):
            if self._told.get(alert.alert_id, -1) < alert.revision:
                self._told[alert.alert_id] = alert.revision
                yield (
                    f"         {_local(alert.occurred_at)}  {alert.severity:<8} {alert.status:<9} {alert.factory_id}: "
                    f"{alert.text_zh} {alert.text_en}"
                )


def _alerts(newest: Sequence[NewestAlert]) -> Iterable[RenderableType]:
    yield Text("newest alerts", style="bold")
    for alert in newest:
        head = Text.assemble(
            f"{_local(alert.occurred_at)}  ",
            (f"{alert.severity:<8}", _STYLE.get(alert.severity, "")),
            f"  {alert.status:<9}  {alert.factory_id}",
        )
        for line in (head, Text(f"  {alert.text_zh}"), Text(f"  {alert.text_en}", style="dim")):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line


def _local(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(LOCAL).strftime("%m-%d %H:%M")
