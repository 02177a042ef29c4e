"""Alerts that nobody acknowledges go to the next receiver: timers in the outbox's file, and what is known of acknowledgements.

A timer begins when the first revision of an alert comes in for a receiver that escalates, and stands on disk, so a restart delays it and
loses none. It ends when the factory acknowledges or closes the alert (the two replies that lead on from RECEIVED), or when the alert is
withdrawn; a reply that is declared erroneous is none, and its timer goes on. What is escalated is a message of its own beside the alert:
who was told of the alert anyway reads that nobody answered. Whoever was called is told when it is over.

A safety alert escalates by itself and at once. Others that fall due together are one message, and the next comes after the receiver's
window.

Every function is part of a transaction of the caller's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

from weftline.contracts.mapping import from_json
from weftline.domain.alerts import Alert, ListedAlert
from weftline.domain.answers import EDGES, AnswerState
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import AlertStatus
from weftline.notify.notices import ESCALATED, ESCALATION_OVER
from weftline.notify.quieting import urgent
from weftline.notify.receivers import Receiver

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS escalations (
    target TEXT NOT NULL, alert_id TEXT NOT NULL, origin TEXT NOT NULL, after_minutes INTEGER NOT NULL,
    revision INTEGER NOT NULL, urgent INTEGER NOT NULL, withdrawn INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', due_at REAL NOT NULL, fired_at REAL,
    PRIMARY KEY (target, alert_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timers ON escalations (state, due_at);
CREATE INDEX IF NOT EXISTS escalated ON escalations (alert_id);
CREATE TABLE IF NOT EXISTS acknowledgements (
    source TEXT NOT NULL, event_id TEXT NOT NULL, alert_id TEXT NOT NULL, said_by TEXT NOT NULL,
    declared INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (source, event_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS acknowledged ON acknowledgements (alert_id);
CREATE TABLE IF NOT EXISTS reply_places (number INTEGER PRIMARY KEY, next INTEGER NOT NULL);
"""
#: So many are looked at in one turn; turns come every second.
_AT_ONCE: Final = 500
#: So many of those who did not answer are named; the alerts themselves all are.
_MOST_ORIGINS: Final = 3
_BY: Final = "(SELECT said_by FROM acknowledgements a WHERE a.alert_id = e.alert_id AND NOT declared ORDER BY at LIMIT 1)"


class Notice(NamedTuple):
    """A message of our own for one receiver."""

    receiver: str
    name: str
    revision: int
    body: Mapping[str, Any]


class _Timer(NamedTuple):
    target: str
    alert_id: str
    origin: str
    after_minutes: int
    urgent: int
    withdrawn: int
    acknowledged_by: str | None
    body: str

    @property
    def over(self) -> bool:
        return bool(self.withdrawn) or self.acknowledged_by is not None


def stand(db: sqlite3.Connection, alert: ListedAlert) -> None:
    """Keep what stands now, for all timers that an alert has."""
    grave, gone = urgent(alert), alert.status is AlertStatus.WITHDRAWN
    db.execute(
        "UPDATE escalations SET revision = ?, urgent = max(urgent, ?), withdrawn = ? WHERE alert_id = ? AND revision < ?",
        (alert.revision, grave, gone, alert.alert_id, alert.revision),
    )


def begin(db: sqlite3.Connection, receiver: Receiver, alert: ListedAlert, now: float) -> None:
    """Start the timer of an alert that a receiver was told of."""
    if receiver.escalates_to is not None:
        minutes = receiver.after_minutes
        schedule(db, receiver.escalates_to, alert, receiver.id, minutes, now + 60.0 * minutes)


def schedule(db: sqlite3.Connection, target: str, alert: ListedAlert, origin: str, after_minutes: int, due_at: float) -> None:
    """Call a receiver at a time, once; ``origin``: who did not answer within ``after_minutes``."""
    db.execute(
        "INSERT OR IGNORE INTO escalations (target, alert_id, origin, after_minutes, revision, urgent, withdrawn, due_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(target, alert.alert_id, origin, after_minutes, alert.revision, urgent(alert)),
            *(alert.status is AlertStatus.WITHDRAWN, due_at),
        ),
    )


def acknowledge(db: sqlite3.Connection, replies: Iterable[AlertReply], now: float) -> None:
    """Keep the factory's own replies that acknowledge; in any order, and as often as they come."""
    for reply in replies:
        if reply.alert_id is None or reply.supplier_id is not None or reply.reply not in EDGES[AnswerState.RECEIVED]:
            continue
        declared = reply.error_declaration is not None
        db.execute(
            "INSERT INTO acknowledgements VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, event_id) "
            "DO UPDATE SET declared = max(declared, excluded.declared)",
            (reply.source, reply.event_id, reply.alert_id, reply.replied_by or "", declared, now),
        )
        if declared:
            db.execute(
                "UPDATE escalations AS e SET state = 'waiting' WHERE alert_id = ? AND state = 'ended' AND fired_at IS NULL "
                f"AND {_BY} IS NULL",
                (reply.alert_id,),
            )


def is_acknowledged(db: sqlite3.Connection, alert_id: str) -> bool:
    """Whether the factory is known to have acknowledged or closed an alert."""
    asked = "SELECT 1 FROM acknowledgements WHERE alert_id = ? AND NOT declared"
    return db.execute(asked, (alert_id,)).fetchone() is not None


def due(db: sqlite3.Connection, receivers: Mapping[str, Receiver], now: float) -> list[Notice]:
    """What is to be told now. Whatever is given was written down as told, and its next timers were begun."""
    found = []
    for target, timers in groupby(_timers(db, "waiting", now), key=lambda timer: timer.target):
        left = [timer for timer in timers if not _ended(db, timer, receivers)]
        grave, quiet = [one for one in left if one.urgent], [one for one in left if not one.urgent]
        found += [_fire(db, receivers, [timer], now) for timer in grave]
        if quiet and (at := _next_window(db, receivers[target])) <= now:
            found.append(_fire(db, receivers, quiet, now))
        elif quiet:
            _set(db, quiet, "due_at = ?", at)
    for timer in _timers(db, "fired", now):
        if timer.over:
            _set(db, [timer], "state = 'ended'")
            found.append(_over(timer, now))
    return [notice for notice in found if notice.receiver in receivers]


def forget(db: sqlite3.Connection, before: float) -> None:
    """Delete what was due, and said, before a time."""
    db.execute("DELETE FROM escalations WHERE due_at < ?", (before,))
    db.execute("DELETE FROM acknowledgements WHERE at < ?", (before,))


def _timers(db: sqlite3.Connection, state: str, now: float) -> list[_Timer]:
    over = "" if state == "waiting" else f"AND (withdrawn OR {_BY} IS NOT NULL)"
    asked = (
        f"SELECT target, alert_id, origin, after_minutes, urgent, withdrawn, {_BY}, body FROM escalations e "
        f"JOIN messages USING (alert_id, revision) WHERE state = ? AND due_at <= ? {over} ORDER BY target, due_at LIMIT {_AT_ONCE}"
    )
    return [_Timer(*row) for row in db.execute(asked, (state, now)).fetchall()]


def _ended(db: sqlite3.Connection, timer: _Timer, receivers: Mapping[str, Receiver]) -> bool:
    """Whether nobody has to be called: it is over, or the file has no such receiver any more."""
    if not timer.over and timer.target in receivers:
        return False
    _set(db, [timer], "state = 'ended'")
    return True


def _next_window(db: sqlite3.Connection, target: Receiver) -> float:
    asked = "SELECT max(fired_at) FROM escalations WHERE target = ? AND NOT urgent"
    (last,) = db.execute(asked, (target.id,)).fetchone()
    return 0.0 if last is None else float(last) + 60.0 * target.digest_minutes


def _fire(db: sqlite3.Connection, receivers: Mapping[str, Receiver], timers: Sequence[_Timer], now: float) -> Notice:
    first = timers[0]
    _set(db, timers, "state = 'fired', fired_at = ?", now)
    for timer in timers:
        begin(db, receivers[timer.target], cast(Alert, from_json(json.loads(timer.body))), now)
    name = f"{ESCALATED}:{first.alert_id}:{first.target}"
    origins = [*dict.fromkeys(timer.origin for timer in timers)]
    told = ", ".join(origins[:_MOST_ORIGINS]) + (", …" if len(origins) > _MOST_ORIGINS else "")
    said = {"from": told, "after_minutes": first.after_minutes, "alerts": [json.loads(one.body) for one in timers]}
    return _notice(first.target, name, ESCALATED, said, now)


def _over(timer: _Timer, now: float) -> Notice:
    name = f"{ESCALATION_OVER}:{timer.alert_id}:{timer.target}"
    why = "withdrawn" if timer.withdrawn else "acknowledged"
    said = {"why": why, "by": timer.acknowledged_by or "", "alerts": [json.loads(timer.body)]}
    return _notice(timer.target, name, ESCALATION_OVER, said, now)


def _notice(receiver: str, name: str, kind: str, said: Mapping[str, Any], now: float) -> Notice:
    revision = int(now * 1000)
    return Notice(receiver, name, revision, {"type": kind, "alert_id": name, "revision": revision, **said})


def _set(db: sqlite3.Connection, timers: Sequence[_Timer], change: str, *values: Any) -> None:
    db.executemany(
        f"UPDATE escalations SET {change} WHERE target = ? AND alert_id = ?",
        [(*values, timer.target, timer.alert_id) for timer in timers],
    )
