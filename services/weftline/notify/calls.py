"""Whom the reference data name is called: timers beside those of :mod:`.escalations`, which these fill.

A timer begins when an alert comes in of a factory for which the file has no steps, whether anybody was told or not. Who is called is
decided when it is due, by the contacts of that day as they were last read, and written down in the same transaction: a restart calls
nobody else. Where a contact cannot be called, the next one is, at once. What is then owed to whoever is called (that it is over; that a
declared acknowledgement was none) is the matter of :mod:`.escalations`.

Every function is part of a transaction of the caller's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, cast

from weftline.contracts.mapping import from_json
from weftline.contracts.reference import Contact
from weftline.domain.alerts import Alert, ListedAlert
from weftline.notify import escalations
from weftline.notify.contacts import COOPERATIVE, FACTORY, FIRST, SECOND, day_of, fault_of, has_own_steps, in_force, key_of
from weftline.notify.receivers import Receiver
from weftline.runtime import logging

log = logging.get(__name__)

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS contacts (
    factory_id TEXT NOT NULL, cooperative_id TEXT NOT NULL, contact TEXT NOT NULL, valid_from TEXT NOT NULL,
    receiver TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (factory_id, cooperative_id, contact, valid_from)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contacts_read (number INTEGER PRIMARY KEY CHECK (number = 1));
CREATE TABLE IF NOT EXISTS calls (
    alert_id TEXT PRIMARY KEY, step INTEGER NOT NULL DEFAULT 0, told TEXT NOT NULL DEFAULT '', due_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_due ON calls (due_at) WHERE step < 2;
"""
#: Who is called, one after the other. The steps of a call that is over are as many.
_STEPS: Final = ((FACTORY, SECOND), (COOPERATIVE, FIRST))
#: As in :mod:`.escalations`.
_AT_ONCE: Final = 500


class _Call(NamedTuple):
    alert_id: str
    step: int
    told: str
    body: str


def keep(db: sqlite3.Connection, found: Iterable[Contact]) -> None:
    """Keep the contacts as they were read."""
    rows = {_row(contact) for contact in found if key_of(contact) is not None}
    db.execute("INSERT OR IGNORE INTO contacts_read VALUES (1)")
    if rows != set(db.execute(_KEPT)):
        db.execute("DELETE FROM contacts")
        db.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?)", rows)


def wanted(db: sqlite3.Connection, alert: ListedAlert, receivers: Sequence[Receiver]) -> bool:
    """Whether somebody may have to be called for an alert by the reference data; before they were read first, that is not known. What
    comes later of an alert that has a timer always is: it may be its end."""
    if db.execute("SELECT 1 FROM calls WHERE alert_id = ?", (alert.alert_id,)).fetchone() is not None:
        return True
    if not alert.factory_id or has_own_steps(alert.factory_id, receivers):
        return False
    of = "SELECT 1 FROM contacts WHERE factory_id = ? OR (factory_id = '' AND cooperative_id = ?)"
    return not _read(db) or db.execute(of, (alert.factory_id, alert.cooperative_id)).fetchone() is not None


def begin(db: sqlite3.Connection, alert: ListedAlert, minutes: int, now: float) -> None:
    """Start the timer of an alert, once."""
    db.execute("INSERT OR IGNORE INTO calls (alert_id, due_at) VALUES (?, ?)", (alert.alert_id, now + 60.0 * minutes))


def decide(db: sqlite3.Connection, receivers: Mapping[str, Receiver], minutes: int, now: float) -> None:
    """Decide of each alert whose time has come who is called, and leave it to :func:`.escalations.due`, which comes after this."""
    if not _read(db):
        return
    asked = (
        "SELECT alert_id, step, told, (SELECT body FROM messages m WHERE m.alert_id = c.alert_id ORDER BY revision DESC LIMIT 1) "
        f"FROM calls c WHERE step < {len(_STEPS)} AND due_at <= ? ORDER BY due_at LIMIT {_AT_ONCE}"
    )
    for row in db.execute(asked, (now,)).fetchall():
        call = _Call(*row)
        step, told = _decided(db, receivers, call, minutes, now)
        db.execute(
            "UPDATE calls SET step = ?, told = ?, due_at = ? WHERE alert_id = ?", (step, told, now + 60.0 * minutes, call.alert_id)
        )


def forget(db: sqlite3.Connection, before: float) -> None:
    """Delete what was due before a time."""
    db.execute("DELETE FROM calls WHERE due_at < ?", (before,))


def _decided(db: sqlite3.Connection, receivers: Mapping[str, Receiver], call: _Call, minutes: int, now: float) -> tuple[int, str]:
    """Which step is next, and who was told last."""
    alert = cast(Alert, from_json(json.loads(call.body)))
    day = day_of(now)
    contacts = in_force(_contacts(db, alert), day)
    first = contacts.get((FACTORY, alert.factory_id, FIRST))
    if (
        call.step == 0
        and first is not None
        and not fault_of(first, receivers, alert)
        and not receivers[first.receiver].wants(alert)
    ):
        return len(_STEPS), call.told  # the factory does not want to be told of such alerts
    told = call.told or (_called(first, alert) if first is not None else alert.factory_id)
    for step in range(call.step, len(_STEPS)):
        kind, which = _STEPS[step]
        party = alert.factory_id if kind == FACTORY else alert.cooperative_id
        contact = contacts.get((kind, party, which))
        if contact is None:
            continue
        if not (fault := fault_of(contact, receivers, alert)):
            # Even if it was acknowledged: that may be declared to have been none, and then the timer goes on.
            escalations.schedule(db, contact.receiver, alert, told, minutes, now)
            return step + 1, _called(contact, alert)
        if not escalations.is_acknowledged(db, alert.alert_id):
            log.warning("a contact cannot be called", contact=f"{kind} {party}, {which}", why=fault, alert=alert.alert_id)
    return len(_STEPS), told


def _called(contact: Contact, alert: ListedAlert) -> str:
    """A name such as 厂长 alone would be anybody's to a cooperative, which is told of all its members' alerts."""
    return f"{alert.factory_id} {contact.name}" if contact.name else contact.receiver


_KEPT: Final = "SELECT factory_id, cooperative_id, contact, valid_from, receiver, name FROM contacts"


def _read(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM contacts_read").fetchone() is not None


def _contacts(db: sqlite3.Connection, alert: ListedAlert) -> list[Contact]:
    of = f"{_KEPT} WHERE factory_id = ? OR (factory_id = '' AND cooperative_id = ?)"
    return [
        Contact(
            factory_id=factory_id,
            cooperative_id=cooperative_id,
            contact=contact,
            valid_from=date.fromisoformat(day),
            receiver=receiver,
            name=name,
            source="",
        )
        for factory_id, cooperative_id, contact, day, receiver, name in db.execute(of, (alert.factory_id, alert.cooperative_id))
    ]


def _row(contact: Contact) -> tuple[str, ...]:
    day = contact.valid_from.isoformat()
    return contact.factory_id, contact.cooperative_id, contact.contact, day, contact.receiver, contact.name
