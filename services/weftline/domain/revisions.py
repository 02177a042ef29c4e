"""From what should stand to what is said: the changes of alerts, and the versions under which they and all else are stored.

Which alerts *stand* follows from the records and ``as_of`` alone. What was said on the way (raised, updated, withdrawn, which id
replaced which) is history and depends on the order of arrival. What a factory was *last told* does not: it is what stands.

**Who is told.** An alert of what happened before its center's go-live date (reference data) is *historic* and told to nobody: that is
backfill. Everything else is told, however late it comes; a late alert says how late. And what takes the place of an alert that was told
is told, whenever it happened, and names it. It does so if it rests on a piece of evidence (event and indicator) of a told alert of the
same rule and subject that no longer stands: a report that comes late makes a run of failures begin earlier and so gives it
another name, a lot that comes late does the same to a switch of severity. Otherwise the factory would read WITHDRAWN and believe that
it is over.

**The protocol.** The table of alerts holds the last revision of each alert, and is the outbox. Any number of workers write to it, each of
which knows a snapshot of one growing set of records, looked at the table some time ago, and may die between any two round trips. They
need no lock, since every row is ordered by what was known when it was written:

1. *Told* is the topmost bit of a row's version. Whoever did not see that an alert was told cannot write over the row that says so, however
   much more he knows. His content is lost with his row; the sweep compares every row that somebody else wrote with the stored state and
   says it again, told. So an alert that was told once is told of its end.
2. Then the *state* in which it was judged: edition, records, deadlines passed. Who knows less never writes over who knows more.
3. Then what is *said* of it in that state: first a count, of those who saw the row and had something else to say in the same state (told
   after all, or under another name); then whether it is an update; then a digest of everything that is said. Two workers of whom one read
   two records at once and the other one by one say RAISED and UPDATED of one state: these are two revisions, and the table and
   every reader keep the same one of the two.
4. Last, that Kafka *acknowledged* it.

A revision is the same order without the first and the last: of edition, number of records, deadlines passed and what is said. So one
revision says one thing, and the greatest revision is what the table holds. (Of two different things said in one state by workers who did
not see each other the digests are equal once in 2,048 times; then the later row stands, and a reader of both has seen one of them.)
While records that were lost are read again, what is known is no part of what was known before. Ranks are chance, so of fewer records
the sum may be greater, and the row that is written then has the greater version and the smaller number of records. So whoever writes
over a row that he saw takes a revision beyond it, or else no reader would hear of it.

Nothing else is remembered of what was told, so a crash needs no case of its own: before the row is stored, the next comparison finds the
same difference; after it, the outbox has it; after it was sent, it is sent again under the same revision. What comes into the place of
another is stored and sent before the end of that other. If only one of the two got into the table, the next comparison
finds a told alert that does not stand beside one that stands, and says what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from weftline.domain import texts
from weftline.domain.alerts import Alert, Evidence, StandingAlert
from weftline.domain.fold import EDITION, Subject
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus

_HOUR_MS = 3_600_000
#: What was told later than this after it happened says how late. Laboratories and centers hand in once a day.
LATE_MS = 24 * _HOUR_MS

# A fact's version is UInt128: ranks are below 2^64, so 2^56 records of one owner fit below the edition.
_FACT_EDITION = EDITION << 120
# A state row's is UInt256: edition, sum of ranks (below 2^120), 24 bits of deadlines passed. Of an order few pass; of a member each test
# grows old at three or four moments, so that eight bits, which there were before edition 5, were full after some eighty tests.
_EDITION_BITS = 240
_PASSED_BITS = 24
_PASSED_BITS_BEFORE = (5, 8)
#: The most deadlines that a version can count.
MOST_PASSED = (1 << _PASSED_BITS) - 1
# An alert's is UInt256 too: told, 14 bits of edition, the rest of the state's version, what is said, published.
_TOLD = 1 << 255
_ALERT_EDITION_BITS = 241
_SAID_BITS, _COUNT_BITS, _DIGEST_BITS = 15, 3, 11
# A revision is a long below 2^53, which JSON carries everywhere: edition, 33 bits of records and of deadlines passed, what is said.
_REVISION_EDITION_BITS, _KNOWN_BITS = 48, 33
#: How many of these bits are for deadlines. Some owners have 10^7 records, and of these rows few deadlines pass. A desk has many, and
#: of records it counts those that were known of its factory when each of its reports was judged: of a thousand reports, two million.
_FEW_PASSED_BITS = 8
_MANY_PASSED_BITS = {"desk_state": 12}


def fact_version(rank_sum: int) -> int:
    """``rev`` of a fact, UInt128."""
    return _FACT_EDITION + rank_sum


def state_version(rank_sum: int, passed: int) -> int:
    """Version of a state row, UInt256. For one set of records a deadline only goes from open to passed, so it only grows."""
    return (EDITION << _EDITION_BITS) + (rank_sum << _PASSED_BITS) + min(passed, MOST_PASSED)


def known_in(state: int) -> int:
    """The sum of the ranks that the version of a state row is of, in whatever edition."""
    edition, known = divmod(state, 1 << _EDITION_BITS)
    until, bits = _PASSED_BITS_BEFORE
    return known >> (bits if edition < until else _PASSED_BITS)


def alert_version(state: int, told: bool, said: int, published: bool) -> int:
    """Version of an alert's row, UInt256; see the module for what it orders."""
    edition, known = divmod(state, 1 << _EDITION_BITS)
    return told * _TOLD + (edition << _ALERT_EDITION_BITS) + (((known << _SAID_BITS) + said) << 1) + published


def judged_in(alert_version: int) -> int:
    """The version of the state in which an alert's row was judged. (Rows of before there was something said: less than that.)"""
    edition, rest = divmod(alert_version & ~_TOLD, 1 << _ALERT_EDITION_BITS)
    return (edition << _EDITION_BITS) + (rest >> (_SAID_BITS + 1))


#: The same as ClickHouse computes it from the column ``version``.
JUDGED_IN_SQL = (
    f"bitOr(bitShiftLeft(bitShiftRight(bitAnd(version, toUInt256('{_TOLD - 1}')), {_ALERT_EDITION_BITS}), {_EDITION_BITS}), "
    f"bitShiftRight(bitAnd(version, toUInt256('{(1 << _ALERT_EDITION_BITS) - 1}')), {_SAID_BITS + 1}))"
)


def revision(records: int, passed: int, said: int, table: str = "") -> int:
    """Revision of an alert: edition of the rules, number of distinct records known, deadlines passed, what is said of it.

    ``table``: in a row of which it was judged. An alert is of one table, so its revisions are of one division of the bits.
    """
    bits = _MANY_PASSED_BITS.get(table, _FEW_PASSED_BITS)
    known = min(records, (1 << (_KNOWN_BITS - bits)) - 1) << bits | min(passed, (1 << bits) - 1)
    return (EDITION << _REVISION_EDITION_BITS) + (known << _SAID_BITS) + said


class StoredAlert(NamedTuple):
    """A row of the table ``alerts``, as far as changes are concerned. ``content`` is :func:`content_of` the alert; ``late_hours``: it was
    first told so many hours after it happened, 0 if that was in time."""

    alert_id: str
    version: int
    revision: int
    status: AlertStatus
    published: bool
    historic: bool
    replaces: str
    content: str
    late_hours: int = 0


#: Which row of state: its owner, its table and its key below the owner.
StateSubject: TypeAlias = tuple[str, str, Subject]


class Judged(NamedTuple):
    """A state row as a source of alerts: what stands by it, and how much it knows."""

    owner: str
    table: str
    key: Subject
    version: int
    records: int
    partition: int
    alerts: tuple[StandingAlert, ...]

    @property
    def subject(self) -> StateSubject:
        """Which row it is."""
        return self.owner, self.table, self.key


_CONTENT = tuple(field.name for field in fields(StandingAlert) if field.name != "by_deadline")
_EVIDENCE = tuple(field.name for field in fields(Evidence))
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def content_of(alert: StandingAlert) -> str:
    """Canonical JSON of an alert without ``by_deadline``: that a deadline made it stand is no part of what it says."""
    # Field by field: dataclasses.asdict copies deeply, which took ten times as long.
    said = {name: getattr(alert, name) for name in _CONTENT}
    said["evidence"] = [{name: getattr(piece, name) for name in _EVIDENCE} for piece in alert.evidence]
    return _ENCODER.encode(said)


# An alert is stored, published and marked within a second, and each asks.
@lru_cache(maxsize=2_048)
def standing_of(content: str, by_deadline: bool = False) -> StandingAlert:
    """The alert from :func:`content_of`."""
    said: dict[str, Any] = json.loads(content)
    said["rule"] = AlertRule(said["rule"])
    said["severity"] = AlertSeverity(said["severity"])
    said["lot_ids"] = tuple(said["lot_ids"])
    said["evidence"] = tuple(Evidence(**_ours(evidence, _EVIDENCE)) for evidence in said["evidence"])
    return StandingAlert(**_ours(said, _CONTENT), by_deadline=by_deadline)


def _ours(said: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """Without a newer release's fields in which it says nothing: this one says the same."""
    return {name: value for name, value in said.items() if name in names or value is not None}


def readable(content: str) -> bool:
    """Whether :func:`standing_of` knows every word of it; a newer release, which works beside this one while it is upgraded, may have used
    one more. What it says of an alert is left to it: its edition is greater, so nothing that this one writes is newer.
    """
    try:
        standing_of(content)
    except (TypeError, ValueError):
        return False
    return True


def changes(
    judged: Judged, stored: Sequence[StoredAlert], as_of: int, live: Mapping[str, int] = MappingProxyType({})
) -> list[StoredAlert]:
    """The rows to store, so that the table ``alerts`` says of this subject what ``judged`` says.

    Nothing where the table knows more. ``stored`` are the table's rows of the same subject; ``live`` is when centers went live
    (ms, by center). What comes into the place of another stands before that other.
    """
    known = {row.alert_id: row for row in stored}
    standing = {alert.alert_id for alert in judged.alerts}
    leaving = [
        row
        for row in stored
        if row.alert_id not in standing and row.status is not AlertStatus.WITHDRAWN and judged.version > judged_in(row.version)
    ]
    gone = _told_of(row for row in stored if row.alert_id not in standing and row.status is AlertStatus.WITHDRAWN)
    rows = []
    for alert in judged.alerts:
        row = known.get(alert.alert_id)
        if row is not None and _knows_no_less(row, judged):
            continue
        change = _said(judged, alert, row, replaced(alert, row, _told_of(leaving), gone), as_of, live)
        if change is not None:
            rows.append(change)
    rows.extend(_stored(judged, row, row._replace(status=AlertStatus.WITHDRAWN, published=False)) for row in leaving)
    return rows


def agrees(judged: Judged, stored: Sequence[StoredAlert], live: Mapping[str, int] = MappingProxyType({})) -> bool:
    """Whether the table plainly says of this subject what ``judged`` says and knows no more: then :func:`changes` finds nothing.

    If not, that may find nothing either. So plain that ClickHouse can ask it of all subjects at once
    (:func:`weftline.processors.comparing.disagreeing`).
    """
    said = [row for row in stored if row.status is not AlertStatus.WITHDRAWN]
    return (
        all(judged_in(row.version) <= judged.version for row in stored)
        and sorted(map(content_of, judged.alerts)) == sorted(row.content for row in said)
        and not any(row.historic and _concerns(standing_of(row.content), row, live) for row in said)
        # What stands may have to say in whose place it does.
        and not (said and any(not row.historic for row in stored if row.status is AlertStatus.WITHDRAWN))
    )


def _knows_no_less(row: StoredAlert, judged: Judged) -> bool:
    """In one state what stands is one thing: only who was told of it, and under which name, may be left to say."""
    known = judged_in(row.version)
    return known > judged.version or (known == judged.version and row.status is AlertStatus.WITHDRAWN)


def _told_of(rows: Any) -> list[StoredAlert]:
    return [row for row in rows if not row.historic]


def replaced(
    alert: StandingAlert, row: StoredAlert | None, leaving: Sequence[StoredAlert], gone: Sequence[StoredAlert]
) -> StoredAlert | None:
    """The told alert in whose place this one stands, if there is one: of those that are withdrawn now or were withdrawn before.

    One that leaves now goes before all others; then what ``row`` says already, so that it is not said twice.
    """
    if not leaving and not gone:
        return None
    own = _evidence_of(alert)

    def shared(rows: Sequence[StoredAlert]) -> list[StoredAlert]:
        pairs = ((row, standing_of(row.content)) for row in rows if readable(row.content))
        return [row for row, other in pairs if other.rule is alert.rule and own & _evidence_of(other)]

    for some in (shared(leaving), shared(gone)):
        if some:
            named = [other for other in some if row is not None and other.alert_id == row.replaces]
            return named[0] if named else max(some, key=lambda other: (other.version, other.alert_id))
    return None


def _evidence_of(alert: StandingAlert) -> set[tuple[str, str, str | None]]:
    return {(evidence.source, evidence.event_id, evidence.indicator) for evidence in alert.evidence}


def _said(
    judged: Judged, alert: StandingAlert, row: StoredAlert | None, place_of: StoredAlert | None, as_of: int, live: Mapping[str, int]
) -> StoredAlert | None:
    """What is to be said of an alert that stands; nothing if ``row`` says it."""
    content = content_of(alert)
    stands = row is not None and row.status is not AlertStatus.WITHDRAWN
    told = row is not None and not row.historic
    tell = told or place_of is not None or _concerns(alert, row, live)
    replaces = place_of.alert_id if place_of is not None else ""
    same = stands and row is not None and (row.content == content or judged.version == judged_in(row.version))
    if same and tell == told and (not replaces or (row is not None and replaces == row.replaces)):
        return None
    if told and stands and row is not None:
        status, late = AlertStatus.UPDATED, row.late_hours
    else:
        status = AlertStatus.UPDATED if stands and not tell else AlertStatus.RAISED
        late = place_of.late_hours if place_of is not None else _late_hours(alert, as_of)
    change = StoredAlert(alert.alert_id, 0, 0, status, False, not tell, replaces, content, late)
    return _stored(judged, row, change)


def _concerns(alert: StandingAlert, row: StoredAlert | None, live: Mapping[str, int]) -> bool:
    """Whether the factory is told because of when it happened. Where nobody said when the center went live, whatever is new is told,
    and what was kept back once stays so."""
    since = live.get(alert.center_id)
    return row is None if since is None else alert.occurred_at >= since


def _late_hours(alert: StandingAlert, as_of: int) -> int:
    late = as_of - alert.occurred_at
    return late // _HOUR_MS if late > LATE_MS else 0


def _stored(judged: Judged, row: StoredAlert | None, change: StoredAlert) -> StoredAlert:
    """``change`` with its version and revision, as somebody says it who saw ``row``."""
    count = 0
    if row is not None and judged_in(row.version) == judged.version:
        count = min((row.version >> 1 & ((1 << _SAID_BITS) - 1)) >> (_SAID_BITS - _COUNT_BITS), (1 << _COUNT_BITS) - 2) + 1
    whole = "\x1f".join((change.status, change.replaces, str(change.late_hours), change.content))
    digest = int.from_bytes(hashlib.blake2b(whole.encode(), digest_size=2).digest()) >> (16 - _DIGEST_BITS)
    said = count << (_SAID_BITS - _COUNT_BITS) | (change.status is AlertStatus.UPDATED) << _DIGEST_BITS | digest
    number = revision(judged.records, judged.version & MOST_PASSED, said, judged.table)
    if row is not None and number <= row.revision:
        number = ((row.revision >> _SAID_BITS) + 1 << _SAID_BITS) + said
    return change._replace(version=alert_version(judged.version, not change.historic, said, False), revision=number)


def message_of(row: StoredAlert) -> Alert:
    """The message of a stored row; the same row gives the same message however often it is sent."""
    alert = standing_of(row.content)
    late_zh, late_en = texts.late(row.late_hours)
    return Alert(
        alert_id=row.alert_id,
        revision=row.revision,
        status=row.status,
        rule=alert.rule,
        severity=alert.severity,
        occurred_at=alert.occurred_at,
        cooperative_id=alert.cooperative_id,
        center_id=alert.center_id,
        factory_id=alert.factory_id,
        product_category=alert.product_category,
        style_number=alert.style_number,
        lot_ids=alert.lot_ids,
        order_id=alert.order_id,
        shipment_id=alert.shipment_id,
        subject=alert.subject,
        evidence=alert.evidence,
        text_zh=alert.text_zh + late_zh,
        text_en=alert.text_en + late_en,
        replaces=row.replaces or None,
        late_hours=row.late_hours,
    )
