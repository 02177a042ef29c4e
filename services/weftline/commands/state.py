"""``weftline status``: how the whole is doing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from weftline.commands.common import ClickHouseOption, JsonOption, KafkaOption, located, print_json

if TYPE_CHECKING:
    from weftline.warehouse.status import Status, Tables

app = typer.Typer()


@app.command(epilog="Examples: `weftline status`, `weftline status --json | jq '.processors[].lag'`")
def status(kafka: KafkaOption = None, clickhouse: ClickHouseOption = None, as_json: JsonOption = False) -> None:
    """Lag and freshness per processor, table sizes, dead letters, the last alert.

    Ends with status 1 if something needs a person: a server that does not answer, a processor that does not run (then it says
    DEGRADED and names it), alerts that wait.
    """
    from weftline.processors.audit_loss import unseen
    from weftline.warehouse.status import read_status

    found = read_status(located(kafka, clickhouse), unseen)
    if as_json:
        print_json(found.as_json())
    else:
        for line in _lines(found):
            typer.echo(line)
    for problem in found.problems:
        typer.echo(f"weftline: {problem}", err=True)
    sys.exit(0 if found.healthy else 1)


def _lines(found: Status) -> list[str]:
    from weftline.warehouse.status import TOPICS

    lines = [
        *([f"DEGRADED    {', '.join(found.degraded)} does not run; the rest goes on"] if found.degraded else []),
        f"Kafka       {found.kafka:<32} {'answers' if found.groups is not None else 'DOES NOT ANSWER'}",
        f"ClickHouse  {found.clickhouse:<32} {'answers' if found.tables is not None else 'DOES NOT ANSWER'}",
        "",
        f"{'processor':<14}{'workers':>8}{'lag':>10}{'records':>14}   newest stored        newest event",
    ]
    groups = {group.name: group for group in found.groups or ()}
    for name in TOPICS:
        group = groups.get(name)
        workers = str(len(group.members)) if group and group.members is not None else "?"
        lag = f"{group.lag:,}" if group else "?"
        if found.tables:
            stored = found.tables.stored[name]
            fresh = (
                f"{stored.records:>14,}   {_ago(stored.newest_stored_at, found.tables.now):<21}{_time(stored.newest_event_time)}"
            )
        else:
            fresh = f"{'?':>14}"
        lines.append(f"{name:<14}{workers:>8}{lag:>10}{fresh}")
    lines.extend(
        f"{group.name}: {position.undecided:,} offsets of partition {position.partition} wait for a publisher's transaction to end"
        for group in groups.values()
        for position in group.positions
        if position.undecided
    )
    if found.tables:
        lines.extend(_table_lines(found.tables))
    return lines


def _table_lines(tables: Tables) -> list[str]:
    lines = ["", f"{'table':<34}{'rows':>12}{'MB':>10}{'parts':>8}"]
    lines.extend(
        f"{table.name:<34}{table.rows:>12,}{table.bytes / 1e6:>10.2f}{table.parts:>8}" for table in tables.sizes if table.rows
    )
    lines.append("" if any(table.rows for table in tables.sizes) else "all tables are empty")
    if tables.dead_letters:
        lines.append("open dead letters (weftline dlq list)")
        for letters in tables.dead_letters:
            what = f"{letters.topic}, {letters.reason}"
            lines.append(f"  {letters.records:>8,}  {what:<40} last {_ago(letters.last, tables.now)}: {letters.example[:100]}")
    else:
        lines.append("no open dead letters")
    alerts = tables.alerts
    standing = ", ".join(f"{count:,} {severity}" for severity, count in alerts.standing.items()) or "none"
    history = f"({alerts.historic:,} from before their center went live)"
    lines.append(f"alerts that stand: {standing} {history}, {alerts.unpublished:,} to be published")
    if alerts.last:
        last = alerts.last
        lines.append(f"last alert {_ago(last.changed_at, tables.now)}: {last.severity} {last.status} {last.factory_id}")
        lines.extend([f"  {last.text_en}", f"  {last.text_zh}"])
    return lines


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "never"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _ago(milliseconds: int | None, now: int) -> str:
    """How long ago, in the unit that fits."""
    if milliseconds is None:
        return "never"
    seconds = max(now - milliseconds, 0) / 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
