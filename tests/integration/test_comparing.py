"""What a takeover has to compare is found by one statement: it must be what the domain says of each subject by itself."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

from tests.support.comparing import disagreeing
from tests.support.examples import CODEC, REPORT, VERIFIED
from tests.support.tables import kinds

from weftline.domain.alerts import Evidence, StandingAlert
from weftline.domain.fold import History, Record, StateRow
from weftline.domain.revisions import Judged, StoredAlert, agrees, alert_version, changes, state_version
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus
from weftline.processors.rows import AlertRow
from weftline.processors.store import NEVER, Store
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Warehouse
from weftline.warehouse.migrations import migrate

KIND = kinds()["inspections"]
NOW = REPORT.event_time
LIVE = {"c1": NOW - 5_000, "c2": NOW + 5_000}
SUBJECTS, PARTITIONS = 400, (0, 1)
#: Partitions that are held, and when centers went live.
ASKED: tuple[tuple[tuple[int, ...], dict[str, int]], ...] = ((PARTITIONS, LIVE), ((0,), {}), ((2,), LIVE), ((7,), {}))


def alert(of: str, number: int, chance: random.Random) -> StandingAlert:
    at = NOW - chance.choice((0, 10_000))
    return StandingAlert(
        alert_id=f"{of}-{number}",
        rule=AlertRule.SAFETY_LIMIT_FAILED,
        severity=AlertSeverity.CRITICAL,
        occurred_at=at,
        cooperative_id="haimen",
        center_id=chance.choice(("c1", "c2", "c3")),
        factory_id="f1",
        subject=f"report {of}",
        evidence=(Evidence(source="lims", event_id=f"e{number}", event_time=at, indicator="ph"),),
        text_zh='"甲醛"\\超标',  # what JSON escapes, twice
        text_en="Line one.\nLine two.",
    )


def spoiled(row: StoredAlert, version: int, chance: random.Random) -> StoredAlert:
    """A row as a worker leaves it who knew more or less, or died."""
    match chance.randrange(8):
        case 0:
            return row._replace(status=AlertStatus.WITHDRAWN)
        case 1:
            return row._replace(status=AlertStatus.WITHDRAWN, historic=True)
        case 2:
            return row._replace(historic=not row.historic)
        case 3:
            return row._replace(content=row.content.replace("one", "1"))
        case 4:
            return row._replace(version=alert_version(version + chance.choice((-1, 1)), True, 5, False))
        case _:
            return row


def subjects(template: StateRow, chance: random.Random) -> tuple[list[tuple[Judged, StateRow]], list[Judged], list[AlertRow]]:
    """Rows of state as they were stored, those of them that are true, and rows of alerts."""
    stored, true, rows = [], [], []
    for number in range(SUBJECTS):
        owner, key = f"f{number % 7}", (*template.key[:-1], f"r{number}")
        alerts = [alert(f"r{number}", one, chance) for one in range(chance.choice((0, 1, 1, 1, 2)))]
        versions = sorted(chance.sample(range(1, 9), chance.choice((1, 2))))
        for version in versions:
            standing = tuple(alerts if chance.random() < 0.9 else alerts[1:])
            row = template._replace(key=key, alerts=standing)
            judged = Judged(
                owner, template.table, key, state_version(version << 60, 0), version, chance.choice((0, 0, 1, 2)), standing
            )
            stored.append((judged, row))
        if chance.random() < 0.95:
            true.append(judged)
        else:
            del stored[-len(versions) :]  # its worker died before it stored any
        said = changes(judged._replace(alerts=tuple(alerts)), [], NOW, LIVE)
        kept = [spoiled(one, judged.version, chance) if chance.random() < 0.4 else one for one in said if chance.random() < 0.95]
        rows += [AlertRow(owner, chance.choice((judged.partition, judged.partition, 0)), template.table, key, one) for one in kept]
    return stored, true, rows


def test_what_is_found_to_disagree_is_what_the_domain_says(clickhouse: str) -> None:
    settings = Settings(clickhouse=clickhouse, clickhouse_database=f"comparing_{os.getpid()}")
    migrate(settings)
    history: History[Any] = History(REPORT.owner, KIND.start)
    history.add([Record(REPORT, 1), Record(VERIFIED, 2)], 0)
    (template,) = [row for row in history.rows(0).rows if row.table == "report_state"]
    stored, true, rows = subjects(template, random.Random(1))
    replaced = {judged.subject for judged, _ in stored if judged not in true}

    async def scenario() -> None:
        async with await Warehouse.connect(settings) as warehouse:
            for kind in kinds().values():
                store = await Store.open(kind, warehouse, CODEC)
                assert await store.alerting(PARTITIONS, NEVER, {}) == []
            store = await Store.open(KIND, warehouse, CODEC)
            for pair in (stored[::2], stored[1::2]):  # an older row may lie in a part of its own
                await store.put_states(pair)
            await store.put_alerts(rows)
            for partitions, live in ASKED:
                found = {*await store.alerting(partitions, NEVER, live)}
                ought = {*disagreeing(partitions, live, true, rows)}
                assert ought <= found, "an old row that is not merged away yet hides nothing"
                assert {subject for subject, _ in found - ought} <= replaced, partitions
            await warehouse.command("OPTIMIZE TABLE report_state FINAL")
            for partitions, live in ASKED:
                assert sorted(await store.alerting(partitions, NEVER, live)) == [*disagreeing(partitions, live, true, rows)]

    asyncio.run(scenario())
    found = disagreeing(PARTITIONS, LIVE, true, rows)
    assert SUBJECTS // 5 < len(found) < SUBJECTS // 2, "some of both"
    for state in true:
        own = [row.alert for row in rows if row.subject_key == state.key]
        if agrees(state, own, LIVE):
            assert changes(state, own, NOW, LIVE) == []
