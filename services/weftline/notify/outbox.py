"""What every receiver is still to be told, and what became of it: SQLite, one file, on disk before Kafka is told.

The key is (receiver, alert id, revision), so a message that comes again after a crash changes nothing, and the first content that a
revision came with stays. An attempt is written down before it is made: who crashes in between does not know whether it arrived, and
makes it again. Each method is one transaction, safe against every other process that has the file open.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from weftline.contracts.mapping import to_json
from weftline.contracts.reference import Contact
from weftline.contracts.webhooks import Bound, Told
from weftline.domain.alerts import Alert, ListedAlert
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import AlertStatus
from weftline.notify import calls, escalations, registrations
from weftline.notify.delivery import Answer, Health, State, Verdict, after_attempt, health_after
from weftline.notify.quieting import cause_of, urgent
from weftline.notify.receivers import Receiver
from weftline.notify.webhooks import body_of
from weftline.runtime.durable import changing, open_durable

#: Beyond the 90 days for which Kafka keeps alerts: no repeat can come of what is forgotten.
KEPT_SECONDS: Final = 100 * 86_400.0
OFF: Final = "the receiver is switched off"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    alert_id TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (alert_id, revision)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL, alert_id TEXT NOT NULL, revision INTEGER NOT NULL,
    cause TEXT NOT NULL, urgent INTEGER NOT NULL, withdrawn INTEGER NOT NULL, replaces TEXT,
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    arrived_at REAL NOT NULL, first_at REAL, next_at REAL NOT NULL, last_at REAL, answer TEXT NOT NULL DEFAULT '',
    UNIQUE (receiver, alert_id, revision)
);
CREATE INDEX IF NOT EXISTS waiting ON deliveries (receiver, urgent DESC, next_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS coming ON deliveries (receiver, next_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS successors ON deliveries (receiver, replaces) WHERE state = 'waiting' AND replaces IS NOT NULL;
CREATE INDEX IF NOT EXISTS causes ON deliveries (receiver, cause, last_at);
CREATE INDEX IF NOT EXISTS states ON deliveries (state, last_at);
CREATE TABLE IF NOT EXISTS endpoints (
    receiver TEXT PRIMARY KEY, mark TEXT NOT NULL, since REAL, failures INTEGER NOT NULL DEFAULT 0, off_since REAL,
    why TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL);
"""
_VERSION: Final = 4

#: A delivery that may be tried: no earlier revision of its alert waits, and it is no end of an alert whose successor, that came before
#: it, waits. Both point to an earlier arrival, so that something is always free.
_ORDERED: Final = """
    state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.receiver = d.receiver AND e.alert_id = d.alert_id
                    AND e.revision < d.revision AND e.state = 'waiting')
"""
_FREE: Final = f"""
    {_ORDERED}
    AND NOT (d.withdrawn AND EXISTS (SELECT 1 FROM deliveries s WHERE s.receiver = d.receiver AND s.replaces = d.alert_id
                                     AND s.state = 'waiting' AND s.seq < d.seq))
"""
_ONE: Final = "receiver = ? AND alert_id = ? AND revision = ?"
_COLUMNS: Final = "receiver, alert_id, revision, state, attempts, arrived_at, first_at, next_at, last_at, answer, urgent"

Key = tuple[str, int]


class Delivery(NamedTuple):
    """One row: what a receiver is told of one revision, and how that goes. Times are seconds since the epoch."""

    receiver: str
    alert_id: str
    revision: int
    state: str
    attempts: int
    arrived_at: float
    first_at: float | None
    next_at: float
    last_at: float | None
    answer: str
    urgent: int
    body: str = ""

    @property
    def key(self) -> Key:
        return self.alert_id, self.revision


def outbox_at(data: Path) -> Path:
    """Where it lies in a data folder."""
    return data / "notify" / "outbox.db"


class Outbox:
    """The file. One object per thread at a time."""

    def __init__(self, path: Path) -> None:
        self._db = open_durable(path, _SCHEMA + escalations.SCHEMA + registrations.SCHEMA + calls.SCHEMA, _VERSION)

    def close(self) -> None:
        self._db.close()

    def _changing(self) -> AbstractContextManager[sqlite3.Connection]:
        return changing(self._db)

    @property
    def requests(self) -> int:
        """Greater when somebody has asked for something to be sent again."""
        (found,) = self._db.execute("SELECT max(id) FROM requests").fetchone()
        return int(found or 0)

    # -- What comes in

    def know(self, receivers: Iterable[Receiver]) -> None:
        """The receivers as they are now. Who has another address has not failed yet; what waits for nobody is parked."""
        known = {receiver.id: receiver.mark for receiver in receivers}
        with self._changing() as db:
            for name, mark in known.items():
                db.execute(
                    "INSERT INTO endpoints (receiver, mark) VALUES (?, ?) ON CONFLICT (receiver) DO UPDATE SET mark = excluded.mark, "
                    "since = NULL, failures = 0, off_since = NULL, why = '' WHERE mark <> excluded.mark",
                    (name, mark),
                )
            waiting = "SELECT DISTINCT receiver FROM deliveries WHERE state = 'waiting'"
            for name in [name for (name,) in db.execute(waiting) if name not in known]:
                shut_out = registrations.is_kept(db, name)
                self._park(name, registrations.SHUT_OUT if shut_out else "no receiver of this name is in the file")

    def registrations(self) -> list[Bound]:
        """Webhooks of partners as they were last read."""
        return registrations.kept(self._db)

    def keep_registrations(self, found: Sequence[Bound]) -> None:
        """Keep them; what waits for one that is not there any more is superseded."""
        if registrations.differs(self._db, found):
            with self._changing() as db:
                registrations.keep(db, found)

    def untold(self, limit: int) -> tuple[int, list[Told]]:
        """What changed of deliveries to them and was not told their partners, and up to where that reaches."""
        return registrations.untold(self._db, limit)

    def told_to_partners(self, last: int) -> None:
        """It was told up to there."""
        with self._changing() as db:
            registrations.told(db, last)

    def keep_contacts(self, found: Sequence[Contact]) -> None:
        """Keep whom the reference data name, all entries at once."""
        with self._changing() as db:
            calls.keep(db, found)

    def receive(
        self, alerts: Sequence[ListedAlert], receivers: Sequence[Receiver], now: float, contact_minutes: int | None = None
    ) -> set[str]:
        """Keep for every receiver what is for it; gives those for which something is new. ``contact_minutes``: after which contacts of
        the reference data are called."""
        wanted = [(receiver.id, alert) for receiver in receivers for alert in alerts if receiver.wants(alert)]
        if not wanted and contact_minutes is None:
            return set()
        with self._changing() as db:
            off = self._off()
            called = [] if contact_minutes is None else [alert for alert in alerts if calls.wanted(db, alert, receivers)]
            kept = [*(alert for _, alert in wanted), *called]
            for alert in {(alert.alert_id, alert.revision): alert for alert in kept}.values():
                whole = Alert(**{name: getattr(alert, name) for name in ListedAlert.__slots__})
                self._message(alert.alert_id, alert.revision, to_json(whole))
                escalations.stand(db, alert)
            for alert in called:
                calls.begin(db, alert, contact_minutes or 0, now)
            by_id = {receiver.id: receiver for receiver in receivers}
            for name, alert in wanted:
                escalations.begin(db, by_id[name], alert, now)
            return {
                name
                for name, alert in wanted
                if self._deliver(name, alert.alert_id, alert.revision, alert, now, parked=name in off, db=db)
            }

    def notice(self, name: str, revision: int, body: Mapping[str, Any], receivers: Iterable[Receiver], now: float) -> set[str]:
        """A message of our own, urgent, under a name of its own."""
        with self._changing() as db:
            off = self._off()
            self._message(name, revision, body)
            return {
                each.id for each in receivers if self._deliver(each.id, name, revision, None, now, parked=each.id in off, db=db)
            }

    @property
    def reply_places(self) -> dict[int, int]:
        """Where to read on in the replies, by partition."""
        return dict(self._db.execute("SELECT number, next FROM reply_places"))

    def replies(self, replies: Iterable[AlertReply], places: Mapping[int, int], now: float) -> None:
        """Keep who acknowledged what, and where to read on."""
        with self._changing() as db:
            escalations.acknowledge(db, replies, now)
            db.executemany("INSERT OR REPLACE INTO reply_places VALUES (?, ?)", places.items())

    def escalate(self, receivers: Iterable[Receiver], now: float, contact_minutes: int | None = None) -> set[str]:
        """Tell of what nobody acknowledged in time, and of what is over since; gives those for whom something is new."""
        known = {receiver.id: receiver for receiver in receivers}
        with self._changing() as db:
            if contact_minutes is not None:
                calls.decide(db, known, contact_minutes, now)
            notices, off = escalations.due(db, known, now), self._off()
            for notice in notices:
                self._message(notice.name, notice.revision, notice.body)
                self._deliver(notice.receiver, notice.name, notice.revision, None, now, parked=notice.receiver in off, db=db)
            return {notice.receiver for notice in notices}

    def _message(self, alert_id: str, revision: int, body: Mapping[str, Any]) -> None:
        self._db.execute("INSERT OR IGNORE INTO messages VALUES (?, ?, ?)", (alert_id, revision, body_of(body)))

    def _deliver(
        self,
        name: str,
        alert_id: str,
        revision: int,
        alert: ListedAlert | None,
        now: float,
        *,
        parked: bool,
        db: sqlite3.Connection,
    ) -> bool:
        where = "FROM deliveries WHERE receiver = ? AND alert_id = ? AND revision > ?"
        late = db.execute(f"SELECT 1 {where} LIMIT 1", (name, alert_id, revision)).fetchone() is not None
        state = State.SUPERSEDED if late else State.PARKED if parked else State.WAITING
        answer = "a later revision came first" if late else OFF if parked else ""
        cursor = db.execute(
            "INSERT OR IGNORE INTO deliveries (receiver, alert_id, revision, cause, urgent, withdrawn, replaces, state, arrived_at, "
            "next_at, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(name, alert_id, revision, cause_of(alert) if alert else alert_id, alert is None or urgent(alert)),
                *(alert is not None and alert.status is AlertStatus.WITHDRAWN, alert.replaces if alert else None),
                *(state, now, now, answer),
            ),
        )
        if alert is not None and urgent(alert):  # what it has to wait for is as urgent
            db.execute(
                "UPDATE deliveries SET urgent = 1 WHERE receiver = ? AND alert_id = ? AND revision < ? AND state = 'waiting'",
                (name, alert_id, revision),
            )
        return cursor.rowcount > 0

    # -- What goes out

    def due(self, receiver: str, now: float, limit: int, busy: Collection[str] = ()) -> tuple[list[Delivery], float | None]:
        """What may be tried now, the urgent first, without the alerts that are ``busy``; and when there is more, if so."""
        asked = f"SELECT {_COLUMNS} FROM deliveries d WHERE receiver = ? AND {_FREE} AND next_at <= ? ORDER BY urgent DESC, next_at, seq"
        found: list[Delivery] = []
        with closing(self._db.execute(asked, (receiver, now))) as rows:
            for row in rows:
                one = Delivery(*row)
                if one.alert_id not in busy:
                    found.append(one)
                if len(found) >= limit:
                    break
        coming = self._db.execute(
            f"SELECT next_at FROM deliveries d WHERE receiver = ? AND {_FREE} AND next_at > ? ORDER BY next_at LIMIT 1",
            (receiver, now),
        ).fetchone()
        return self._with_bodies(found), coming and coming[0]

    def all_waiting(self, receiver: str, limit: int) -> list[Delivery]:
        """All that waits, in the order of its arrival; if that is too much, the urgent first."""
        asked = (
            f"SELECT {_COLUMNS}, seq FROM deliveries d WHERE receiver = ? AND state = 'waiting' ORDER BY urgent DESC, seq LIMIT ?"
        )
        rows = sorted(self._db.execute(asked, (receiver, limit)), key=lambda row: row[-1])
        return self._with_bodies([Delivery(*row[:-1]) for row in rows])

    def told(self, receiver: str, alert_ids: Iterable[str]) -> dict[str, tuple[str, bool]]:
        """Of each alert the body of the greatest revision of which an attempt was made, and whether it is known to have arrived."""
        asked = (
            "SELECT body, state = 'sent' FROM deliveries JOIN messages USING (alert_id, revision) "
            "WHERE receiver = ? AND alert_id = ? AND attempts > 0 ORDER BY revision DESC LIMIT 1"
        )
        found = ((name, self._db.execute(asked, (receiver, name)).fetchone()) for name in dict.fromkeys(alert_ids))
        return {name: (row[0], bool(row[1])) for name, row in found if row}

    def last_of_causes(self, receiver: str, causes: Iterable[str]) -> dict[str, float]:
        """When of each cause the last message arrived; one that was refused nobody has read."""
        asked = "SELECT max(last_at) FROM deliveries WHERE receiver = ? AND cause = ? AND state = 'sent'"
        found = ((cause, self._db.execute(asked, (receiver, cause)).fetchone()[0]) for cause in dict.fromkeys(causes))
        return {cause: at for cause, at in found if at is not None}

    def begin(self, receiver: str, keys: Sequence[Key], now: float) -> list[Key]:
        """Write down that these are tried now; gives those that may be. Earlier revisions are not asked for after this."""
        begun = []
        with self._changing() as db:
            for alert_id, revision in keys:
                cursor = db.execute(
                    "UPDATE deliveries AS d SET attempts = attempts + 1, first_at = coalesce(first_at, ?), last_at = ? "
                    f"WHERE receiver = ? AND alert_id = ? AND revision = ? AND {_ORDERED}",
                    (now, now, receiver, alert_id, revision),
                )
                if cursor.rowcount:
                    begun.append((alert_id, revision))
        return begun

    def finish(
        self, receiver: str, keys: Sequence[Key], answer: Answer, now: float, chance: Callable[[], float]
    ) -> tuple[Health, Health]:
        """Write down what became of an attempt; gives what was known of the endpoint before, and is now."""
        with self._changing() as db:
            for alert_id, revision in keys:
                key = (receiver, alert_id, revision)
                # What another answer has parked meanwhile (410) may have arrived all the same.
                open_states = "('waiting', 'parked')" if answer.verdict is Verdict.DELIVERED else "('waiting')"
                asked = f"SELECT attempts, first_at FROM deliveries WHERE {_ONE} AND state IN {open_states}"
                row = db.execute(asked, key).fetchone()
                if row is None:
                    continue
                then = after_attempt(answer, row[0], row[1], now, chance)
                db.execute(
                    f"UPDATE deliveries SET state = ?, next_at = coalesce(?, next_at), last_at = ?, answer = ? WHERE {_ONE}",
                    (then.state, then.at, now, answer.detail, *key),
                )
            before = self._health(receiver)
            after = health_after(before, answer, now)
            if after != before:
                db.execute(
                    "UPDATE endpoints SET since = ?, failures = ?, off_since = ?, why = ? WHERE receiver = ?",
                    (after.since, after.failures, after.off_since, after.why, receiver),
                )
            if after.off and not before.off:
                self._park(receiver, OFF)
            return before, after

    def supersede(self, receiver: str, keys: Iterable[tuple[Key, str]], now: float) -> None:
        """Nobody needs these any more, for the reason that is given."""
        with self._changing() as db:
            for (alert_id, revision), why in keys:
                db.execute(
                    "UPDATE deliveries SET state = 'superseded', answer = ? WHERE receiver = ? AND alert_id = ? AND revision = ? "
                    "AND state = 'waiting'",
                    (why, receiver, alert_id, revision),
                )

    def _park(self, receiver: str, why: str) -> None:
        self._db.execute(
            "UPDATE deliveries SET state = 'parked', answer = ? || CASE answer WHEN '' THEN '' ELSE '; before: ' || answer END "
            "WHERE receiver = ? AND state = 'waiting'",
            (why, receiver),
        )

    # -- What people ask

    def resend(self, receiver: str | None, alert_id: str | None, now: float) -> tuple[int, int]:
        """Send again what is parked (of one receiver, of one alert), and switch its receivers on. Of an alert of which a later revision
        was tried since, nothing: (sent again, left out). An alert and a receiver that are both named are sent again if they were sent."""
        states = ("parked", "sent") if receiver and alert_id else ("parked",)
        chosen, values = f"state IN ({', '.join('?' * len(states))})", [*states]
        for column, value in (("receiver", receiver), ("alert_id", alert_id)):
            if value is not None:
                chosen, values = f"{chosen} AND {column} = ?", [*values, value]
        later = (
            "EXISTS (SELECT 1 FROM deliveries l WHERE l.receiver = d.receiver AND l.alert_id = d.alert_id AND l.revision > d.revision "
            "AND l.attempts > 0)"
        )
        with self._changing() as db:
            db.execute("INSERT INTO requests (at) VALUES (?)", (now,))
            names = [name for (name,) in db.execute(f"SELECT DISTINCT receiver FROM deliveries WHERE {chosen}", values)]
            left = db.execute(
                f"UPDATE deliveries AS d SET state = 'superseded', answer = 'a later revision was sent since' WHERE {chosen} "
                f"AND state = 'parked' AND {later}",
                values,
            ).rowcount
            again = db.execute(
                "UPDATE deliveries AS d SET state = 'waiting', attempts = 0, first_at = NULL, next_at = ?, "
                f"answer = 'sent again on request' WHERE {chosen} AND NOT {later}",
                (now, *values),
            ).rowcount
            for name in {*names, *([receiver] if receiver else [])}:
                db.execute(
                    "UPDATE endpoints SET since = NULL, failures = 0, off_since = NULL, why = '' WHERE receiver = ?", (name,)
                )
        return again, left

    def rows(
        self, state: str | None = None, receiver: str | None = None, alert_id: str | None = None, limit: int = 1_000
    ) -> list[Delivery]:
        """Deliveries, the latest first."""
        asked, values = "1", list[str]()
        for column, value in (("state", state), ("receiver", receiver), ("alert_id", alert_id)):
            if value is not None:
                asked, values = f"{asked} AND {column} = ?", [*values, value]
        return [
            Delivery(*row)
            for row in self._db.execute(
                f"SELECT {_COLUMNS} FROM deliveries WHERE {asked} ORDER BY seq DESC LIMIT ?", (*values, limit)
            )
        ]

    def counts(self) -> dict[tuple[str, str], int]:
        """(receiver, state) → deliveries."""
        asked = "SELECT receiver, state, count(*) FROM deliveries GROUP BY receiver, state"
        return {(name, state): count for name, state, count in self._db.execute(asked)}

    def oldest_waiting(self) -> float | None:
        """When the oldest that waits has come."""
        (found,) = self._db.execute("SELECT min(arrived_at) FROM deliveries WHERE state = 'waiting'").fetchone()
        return found if found is None else float(found)

    def endpoints(self) -> dict[str, Health]:
        """What is known of each endpoint."""
        return {
            name: Health(*row) for name, *row in self._db.execute("SELECT receiver, since, failures, off_since, why FROM endpoints")
        }

    def forget(self, now: float) -> int:
        """Delete what was sent or superseded long ago; what is parked stays."""
        with self._changing() as db:
            gone = db.execute(
                "DELETE FROM deliveries WHERE state IN ('sent', 'superseded') AND max(coalesce(last_at, 0), arrived_at) < ?",
                (now - KEPT_SECONDS,),
            ).rowcount
            escalations.forget(db, now - KEPT_SECONDS)
            calls.forget(db, now - KEPT_SECONDS)
            if gone:
                db.execute(
                    "DELETE FROM messages WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = messages.alert_id "
                    "AND d.revision = messages.revision) AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.alert_id = messages.alert_id)"
                )
        return gone

    def _health(self, receiver: str) -> Health:
        asked = "SELECT since, failures, off_since, why FROM endpoints WHERE receiver = ?"
        row = self._db.execute(asked, (receiver,)).fetchone()
        return Health(*row) if row else Health()

    def _off(self) -> set[str]:
        return {name for (name,) in self._db.execute("SELECT receiver FROM endpoints WHERE off_since IS NOT NULL")}

    def _with_bodies(self, rows: list[Delivery]) -> list[Delivery]:
        asked = "SELECT body FROM messages WHERE alert_id = ? AND revision = ?"
        return [row._replace(body=self._db.execute(asked, row.key).fetchone()[0]) for row in rows]


def message_of(body: str) -> dict[str, Any]:
    """A body as it was kept."""
    found: dict[str, Any] = json.loads(body)
    return found
