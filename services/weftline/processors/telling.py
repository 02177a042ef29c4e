"""What is said of alerts: the change against the table of alerts is stored, then published, then marked as published.

The table holds the last revision of each alert and is the outbox; :mod:`weftline.domain.revisions` says what follows from it, and why no
order of arrival, second worker or crash can make a factory believe what is not so. What comes many days late waits for a digest
(:mod:`weftline.domain.digests`), which a sweep sends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from weftline.domain.alerts import Alert
from weftline.domain.digests import digests, waits
from weftline.domain.revisions import Judged, StateSubject, StoredAlert, changes, message_of
from weftline.domain.vocabulary import AlertStatus
from weftline.processors.messenger import Messenger
from weftline.processors.rows import AlertRow
from weftline.processors.store import NEVER, Store, Swept
from weftline.processors.unchanged import Signs
from weftline.runtime import failpoints
from weftline.runtime.metrics import Metrics
from weftline.runtime.settings import Settings

#: If the owners at hand have more alerts than so many, only those of the subjects at hand are read: a year of a weak factory is thousands.
MOST_ALERTS = 2_000
#: Subjects that are compared at once.
SUBJECTS = 2_000

#: A subject's state, and which version of it.
Version: TypeAlias = tuple[StateSubject, int]


class Telling:
    """The alerts of one processor. ``most``: instead of :data:`MOST_ALERTS`."""

    def __init__(self, store: Store, messenger: Messenger, settings: Settings, metrics: Metrics, most: int | None = None) -> None:
        self._store = store
        self._messenger = messenger
        self._metrics = metrics
        self._most = most
        self._late = settings.digest_days * 24  # hours
        self._digest_seconds = settings.digest_seconds
        self._live: dict[str, int] = {}  # when centers went live (ms)
        self._owners: dict[
            str, int
        ] = {}  # about how many rows the table of alerts has of these owners; of all others it may have some
        self._published: dict[tuple[str, int], AlertRow] = {}  # alerts to be marked as published, by id and version
        self._said: set[Version] = set()  # for which the table of alerts was seen to
        self._said_since: set[Version] = set()  # the same, since the last sweep
        self._to_compare: dict[StateSubject, int] = {}  # to the version of an alert that no stored state is as new as
        self._digested, self._digested_at = NEVER, -float("inf")  # what the last digest was about; monotonic seconds

    def take_over(self) -> None:
        """Whoever held partitions before may have died between any two steps: the next sweep compares and sends everything."""
        self._said.clear()
        self._said_since.clear()
        self._to_compare.clear()
        self._digested, self._digested_at = NEVER, -float("inf")

    def forget(self, owners: Iterable[str] | None = None) -> None:
        """These owners, or all, may have alerts. To be called of whom memory does not hold: nobody would forget them later."""
        for owner in list(self._owners) if owners is None else owners:
            self._owners.pop(owner, None)

    def may_have(self, owner: str) -> bool:
        """Whether the table may have alerts of this owner. Of whom nothing is known, it may: a step can be so large that memory has
        forgotten an owner of it before its alerts are said."""
        return self._owners.get(owner) != 0

    async def read_live(self, signs: Signs) -> bool:
        """Whether centers went live on other dates than before: then what was kept back as history may be none any more."""
        before, self._live = self._live, await self._store.live(signs)
        if before == self._live:
            return False
        self._said.clear()
        self._said_since.clear()
        return True

    async def say(self, judged: Sequence[Judged], owners: Iterable[str], as_of: int) -> None:
        """Store the change of the alerts and publish it. ``owners``: those whose alerts the table may have. ``as_of``: from when on it
        is late."""
        asked = set(owners)
        if not asked:
            return
        stored: dict[StateSubject, list[AlertRow]] = {}
        for row in await self._stored(asked, judged):
            stored.setdefault((row.owner, row.subject_table, row.subject_key), []).append(row)
        rows = [
            AlertRow(source.owner, source.partition, source.table, source.key, change)
            for source in judged
            for change in changes(source, [row.alert for row in stored.get(source.subject, ())], as_of, self._live)
        ]
        if rows:
            self._count(rows)
            await self._store.put_alerts(rows)
            await failpoints.reach("alerts")
            await self.publish([row for row in rows if not row.alert.historic and not waits(row.alert, self._late)])
        self._said_since.update((source.subject, source.version) for source in judged if source.owner in asked)

    async def compare(self, held: Sequence[int], since: Swept, large: set[str], signs: Signs, as_of: int) -> set[str]:
        """Make the table of alerts agree with the stored state, as far as somebody else wrote to either since the last sweep.

        Of ``large`` owners the alerts are their own fold's to say: those of whom something is to be said are returned, to be folded again.
        A worker that does not know yet that one is large, or that was slow, may have stored its alert after the fold looked.

        What is compared is a subject and no owner: of two workers who know the same records of an owner each says what its own batch
        touched, so that one has said something at a version does not mean that all was said at it.
        """
        stored = {*await self._store.alerting(held, since, self._live, signs)}
        # What this worker has said itself need not be compared again; what another one wrote must. After a takeover all that is found may
        # disagree, whoever said something of it at that version.
        for subject, version in stored if since == NEVER else stored - self._said - self._said_since:
            self._to_compare[subject] = max(version, self._to_compare.get(subject, 0))
        newest: dict[StateSubject, int] = {}
        again: set[str] = set()
        for part in _batches(sorted(self._to_compare)):
            sources = await self._store.judged(part)
            newest |= {source.subject: source.version for source in sources}
            owners = {of[0] for of in part} - large
            await self.say([source for source in sources if source.owner not in large], owners, as_of)
            self.forget(owners)
            again |= await self._unsaid([source for source in sources if source.owner in large], as_of)
        # An alert may be newer than the stored state, which its worker was to store next: compared until a state is there that knows.
        self._to_compare = {of: version for of, version in self._to_compare.items() if version > newest.get(of, 0)}
        self._said = {pair for pair in stored | self._said_since if pair[0] not in self._to_compare}
        self._said_since = set()
        return again

    async def _unsaid(self, judged: Sequence[Judged], as_of: int) -> set[str]:
        """The owners of whom something is to be said."""
        stored: dict[StateSubject, list[StoredAlert]] = {}
        for row in await self._store.alerts_of([source.subject for source in judged]) if judged else ():
            stored.setdefault((row.owner, row.subject_table, row.subject_key), []).append(row.alert)
        return {source.owner for source in judged if changes(source, stored.get(source.subject, []), as_of, self._live)}

    async def send(self, held: Sequence[int], since: Swept, large: set[str], signs: Signs, began: Swept) -> None:
        """Publish what is not marked as published, and what waits for a digest, if the last one was long enough ago."""
        await self.publish(await self._store.unpublished(held, since, self._late, sorted(large), signs))
        now = time.monotonic()
        if now - self._digested_at >= self._digest_seconds:
            rows = await self._store.unpublished(held, self._digested, self._late, sorted(large), signs, digest=True)
            await self._send(rows, digests(row.alert for row in rows))
            self._digested, self._digested_at = began, now

    async def send_all_of(self, owner: str) -> None:
        """Publish and mark all of an owner, some at a time; it does not wait for others' digests."""
        while rows := await self._store.unpublished_of(owner, self._late):
            await self.publish(rows)
            await self.mark()
        while rows := await self._store.unpublished_of(owner, self._late, digest=True):
            await self._send(rows, digests(row.alert for row in rows))
            await self.mark()

    async def publish(self, rows: Sequence[AlertRow]) -> None:
        """Publish, each as a message; once acknowledged, they are to be marked (:meth:`mark`)."""
        # The end of an alert comes after what takes its place.
        rows = sorted(rows, key=lambda row: row.alert.status is AlertStatus.WITHDRAWN)
        await self._send(rows, (message_of(row.alert) for row in rows))

    async def mark(self) -> None:
        """Mark alerts as published: the mark has a version of its own, greater than the row's."""
        rows = list(self._published.values())
        if not rows:
            return
        await self._store.put_alerts(
            [row._replace(alert=row.alert._replace(version=row.alert.version | 1, published=True)) for row in rows]
        )
        await failpoints.reach("marked")
        for row in rows:
            del self._published[row.alert.alert_id, row.alert.version]

    async def _send(self, rows: Sequence[AlertRow], messages: Iterable[Alert]) -> None:
        if not rows:
            return
        await self._messenger.alerts(messages)
        await failpoints.reach("published")
        for row in rows:
            self._published[row.alert.alert_id, row.alert.version] = row
            self._metrics.alerts.labels(row.alert.status.lower()).inc()

    async def _stored(self, owners: set[str], judged: Sequence[Judged]) -> list[AlertRow]:
        """The table's alerts of these owners, or as many as can change by what was judged."""
        if sum(self._owners.get(owner, 0) for owner in owners) > (MOST_ALERTS if self._most is None else self._most):
            return await self._store.alerts_of([source.subject for source in judged if source.owner in owners])
        found = await self._store.alerts(sorted(owners))
        self._owners.update(dict.fromkeys(owners, 0))
        self._count(found)
        return found

    def _count(self, rows: Iterable[AlertRow]) -> None:
        for row in rows:
            self._owners[row.owner] = self._owners.get(row.owner, 0) + 1


def _batches(subjects: Sequence[StateSubject]) -> Iterator[Sequence[StateSubject]]:
    for first in range(0, len(subjects), SUBJECTS):
        yield subjects[first : first + SUBJECTS]
