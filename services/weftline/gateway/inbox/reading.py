"""What an inbox shows: the open alerts, gravest first, and one with all that is about it.

The reader's scope is part of every statement on alerts; what is read beyond is about an alert that he may see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from weftline.contracts.partners import Partner
from weftline.gateway import alerts
from weftline.gateway.history import history
from weftline.gateway.inbox.answering import Answered, answered
from weftline.gateway.inbox.refused import Refusal, Rules, refusal
from weftline.gateway.log import AlertLog, Message
from weftline.gateway.tables import Tables
from weftline.pages.evidence import Question, Story, story_of
from weftline.pages.text import Text

#: Alerts of one page of the list.
MOST: Final = 50


class Listed(NamedTuple):
    """An alert as the list has it; ``occurred_at`` in ms; ``answer``: how far it was answered, empty if nothing was said;
    ``factory_id``: whose it is."""

    alert_id: str
    rule: str
    severity: str
    occurred_at: int
    text: Text
    answer: str
    factory_id: str


class Listing(NamedTuple):
    """A page of the list; ``more``: there is another one."""

    alerts: tuple[Listed, ...]
    page: int
    more: bool
    total: int


class Revision(NamedTuple):
    """What was told of an alert, and when (ms)."""

    status: str
    at: int
    text: Text


class Page(NamedTuple):
    """One alert with all that its page says. ``state``: open, over or withdrawn; ``complete``: nothing of the history is missing."""

    story: Story
    state: str
    history: tuple[Revision, ...]
    complete: bool
    refusal: Refusal | None
    answered: Answered


async def listing(tables: Tables, partner: Partner, page: int) -> Listing:
    """The open alerts of a partner, gravest first, then the newest."""
    conditions, parameters = alerts.scope(partner)
    where = " AND ".join(["NOT too_old_to_be_sent", *conditions])
    sql = (
        "SELECT alert_id, rule, severity, toInt64(toUnixTimestamp64Milli(occurred_at)) AS occurred, text_zh, text_en, answer, "
        f"factory_id, count() OVER () AS total FROM open_alerts WHERE {where} "
        "ORDER BY indexOf(['MINOR', 'MAJOR', 'CRITICAL'], toString(severity)) DESC, occurred_at DESC, alert_id "
        "LIMIT {most:UInt32} OFFSET {skipped:UInt32}"
    )
    rows = await tables.rows(sql, {**parameters, "most": MOST, "skipped": page * MOST})
    listed = tuple(
        Listed(alert_id, rule, severity, at, Text(zh, en), answer, factory)
        for alert_id, rule, severity, at, zh, en, answer, factory, _ in rows
    )
    total = int(rows[0][-1]) if rows else 0
    return Listing(listed, page, (page + 1) * MOST < total, total)


async def opened(tables: Tables, log: AlertLog, rules: Rules, partner: Partner, alert_id: str) -> Page | None:
    """One alert; None if it is not the partner's to see, as if there were none."""
    conditions, parameters = alerts.scope(partner)
    where = " AND ".join(["alert_id = {id:String}", *conditions])
    columns = (*Story.COLUMNS, "alert_id IN (SELECT alert_id FROM open_alerts WHERE alert_id = {id:String}) AS open")
    rows = await tables.rows(f"SELECT {', '.join(columns)} FROM alerts FINAL WHERE {where} LIMIT 1", {**parameters, "id": alert_id})
    if not rows:
        return None

    async def ask(question: Question, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [dict(zip(question.columns, row, strict=True)) for row in await tables.rows(question.sql, asked)]

    *row, is_open = rows[0]
    story = await story_of(ask, dict(zip(Story.COLUMNS, row, strict=True)))
    state = "withdrawn" if story.status == "WITHDRAWN" else "open" if is_open else "over"
    messages, complete = await history(log, story.factory_id, story.occurred_at, alert_id)
    told = tuple(_revisions(messages, alert_id))
    why = await refusal(tables, rules, story)
    return Page(story, state, told, complete, why, await answered(tables, partner.role, story.factory_id, alert_id, story.lot_ids))


def _revisions(messages: Sequence[Message], alert_id: str) -> Iterator[Revision]:
    seen = set()
    for message in messages:
        for told in message.alert.each if message.alert is not None else ():
            if told.alert_id == alert_id and told.revision not in seen:
                seen.add(told.revision)
                yield Revision(str(told.status), message.at, Text(told.text_zh, told.text_en))
