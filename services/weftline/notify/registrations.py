"""Webhooks of partners in the outbox's file: what was last read of them, and of which deliveries their partners are still to be told.

What was read stays, so that a dispatcher which starts while ClickHouse is away goes on with it. A delivery to such a webhook is noted
whenever its row changes, whoever changes it; the note goes when it was written down where the gateway reads it.

Every function is part of a transaction of the caller's, or reads.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from weftline.contracts.partners import LISTS, Partner, Role
from weftline.contracts.webhooks import Bound, Registered, Told

_OURS: Final = "WHEN EXISTS (SELECT 1 FROM registrations WHERE id = NEW.receiver)"
#: A statement of a trigger ends within its line: that is how the file is read (:mod:`weftline.runtime.durable`).
SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS registrations (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS untold (change INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL UNIQUE);
CREATE TRIGGER IF NOT EXISTS arrived AFTER INSERT ON deliveries {_OURS} BEGIN INSERT INTO untold (seq) VALUES (NEW.seq); END;
CREATE TRIGGER IF NOT EXISTS went_on AFTER UPDATE ON deliveries {_OURS} BEGIN DELETE FROM untold WHERE seq = NEW.seq; \
INSERT INTO untold (seq) VALUES (NEW.seq); END;
"""
REMOVED: Final = "its webhook was removed"
SHUT_OUT: Final = "its partner is disabled, or has no token that holds"


def kept(db: sqlite3.Connection) -> list[Bound]:
    """What was last read."""
    return [_bound(body) for (body,) in db.execute("SELECT body FROM registrations ORDER BY id")]


def differs(db: sqlite3.Connection, found: Iterable[Bound]) -> bool:
    """Whether anything else was read than is kept."""
    return dict(db.execute("SELECT id, body FROM registrations")) != {one.webhook.webhook_id: _written(one) for one in found}


def keep(db: sqlite3.Connection, found: Iterable[Bound]) -> None:
    """Keep what was read. What waits for a webhook that is not there any more nobody needs, and neither what was parked of it."""
    now = {one.webhook.webhook_id: _written(one) for one in found}
    for name in [name for (name,) in db.execute("SELECT id FROM registrations") if name not in now]:
        db.execute(
            "UPDATE deliveries SET state = 'superseded', answer = ? || CASE answer WHEN '' THEN '' ELSE '; before: ' || answer END "
            "WHERE receiver = ? AND state IN ('waiting', 'parked')",
            (REMOVED, name),
        )
        db.execute("DELETE FROM registrations WHERE id = ?", (name,))
    db.executemany("INSERT INTO registrations VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", now.items())


def is_kept(db: sqlite3.Connection, name: str) -> bool:
    """Whether a receiver is such a webhook."""
    return db.execute("SELECT 1 FROM registrations WHERE id = ?", (name,)).fetchone() is not None


def untold(db: sqlite3.Connection, limit: int) -> tuple[int, list[Told]]:
    """The oldest changes that are to be told, and up to which they reach; 0 if there are none."""
    (last,) = db.execute("SELECT max(change) FROM (SELECT change FROM untold ORDER BY change LIMIT ?)", (limit,)).fetchone()
    asked = (
        "SELECT receiver, alert_id, revision, state, attempts, arrived_at, last_at, next_at, answer FROM untold "
        "JOIN deliveries USING (seq) WHERE change <= ? ORDER BY change"
    )
    return (0, []) if last is None else (last, [_told(row) for row in db.execute(asked, (last,))])


def told(db: sqlite3.Connection, last: int) -> None:
    """They were told; what changed meanwhile has a later number."""
    db.execute("DELETE FROM untold WHERE change <= ?", (last,))


def _told(row: tuple[Any, ...]) -> Told:
    receiver, alert_id, revision, state, attempts, arrived_at, last_at, next_at, answer = row
    coming = _ms(next_at) if state == "waiting" else None
    return Told(receiver, alert_id, revision, state, attempts, int(arrived_at * 1000), _ms(last_at), coming, answer)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _written(one: Bound) -> str:
    return json.dumps({"webhook": asdict(one.webhook), "partner": asdict(one.partner), "ends_at": one.ends_at}, sort_keys=True)


def _bound(body: str) -> Bound:
    said = json.loads(body)
    webhook, partner = said["webhook"], said["partner"]
    own = {name: tuple(partner[name]) for name in LISTS}
    lists = {name: tuple(webhook[name]) for name in ("severities", "rules")}
    return Bound(Registered(**{**webhook, **lists}), Partner(**{**partner, **own, "role": Role(partner["role"])}), said["ends_at"])
