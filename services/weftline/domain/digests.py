"""Which alerts wait for a digest, and the digest: one message for what a center tells a factory many days late.

A center that hands in a month of paper at once would ring a factory's phone for every lot of it. What is CRITICAL is told at once however
late it comes; so is what takes the place of a told alert, which must come before the end of that one. All else that was told so late
waits for the next digest, every later revision of it too: so the last that is said of it is what stands. An alert that waits alone is
a message of its own.

A digest is nothing but a way to send: each alert that it lists has its own row, id and revision, and is marked as published like any
other. Sent again after a crash, with others besides or without some of them, it is another digest of the same revisions.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from weftline.domain import texts
from weftline.domain.alerts import Alert, ListedAlert
from weftline.domain.revisions import StoredAlert, message_of, standing_of
from weftline.domain.vocabulary import AlertSeverity, AlertStatus

#: Alerts in one digest, and bytes of their content as JSON, which takes more than Avro: a message takes a megabyte at most.
MOST_LISTED, MOST_BYTES = 500, 600_000
_GRAVITY = tuple(AlertSeverity)  # in this order


def waits(row: StoredAlert, hours: int) -> bool:
    """Whether a row is told by a digest: it was told first so many hours late or more, is not critical and takes nobody's place."""
    return row.late_hours >= hours and not row.replaces and standing_of(row.content).severity is not AlertSeverity.CRITICAL


def digests(rows: Iterable[StoredAlert]) -> Iterator[Alert]:
    """Messages that tell these revisions: a digest for each center and factory, or several if it is too large for one."""
    pairs = [(message_of(row), len(row.content.encode())) for row in rows]

    def parties(pair: tuple[Alert, int]) -> tuple[str, str, str]:
        return pair[0].factory_id, pair[0].cooperative_id, pair[0].center_id

    # What ends comes last, as in any other sending.
    pairs.sort(key=lambda pair: (parties(pair), pair[0].status is AlertStatus.WITHDRAWN, pair[0].occurred_at, pair[0].alert_id))
    for _, group in groupby(pairs, parties):
        taken: list[Alert] = []
        total = 0
        for alert, size in group:
            if taken and (len(taken) >= MOST_LISTED or total + size > MOST_BYTES):
                yield _message(taken)
                taken, total = [], 0
            taken.append(alert)
            total += size
        yield _message(taken)


def _message(alerts: Sequence[Alert]) -> Alert:
    if len(alerts) == 1:
        return alerts[0]
    gravest = max(alerts, key=lambda alert: (_GRAVITY.index(alert.severity), alert.occurred_at))
    days = [alert.late_hours // 24 for alert in alerts]
    zh, en = texts.digest(len(alerts), (min(days), max(days)), Counter(alert.rule for alert in alerts))
    pairs = "\x1f".join(f"{alert.alert_id}\x1f{alert.revision}" for alert in alerts)
    return Alert(
        alert_id=f"digest:{hashlib.blake2b(pairs.encode(), digest_size=13).hexdigest()}",
        revision=max(alert.revision for alert in alerts),
        status=AlertStatus.RAISED,
        rule=gravest.rule,
        severity=gravest.severity,
        occurred_at=max(alert.occurred_at for alert in alerts),
        cooperative_id=gravest.cooperative_id,
        center_id=gravest.center_id,
        factory_id=gravest.factory_id,
        product_category="",
        style_number=None,
        lot_ids=(),
        order_id=None,
        shipment_id=None,
        subject=f"{len(alerts)} alerts",
        evidence=(),
        text_zh=zh,
        text_en=en,
        late_hours=max(alert.late_hours for alert in alerts),
        listed=tuple(map(listed, alerts)),
    )


def listed(alert: ListedAlert) -> ListedAlert:
    """An alert as a digest lists it."""
    return ListedAlert(**{name: getattr(alert, name) for name in ListedAlert.__slots__})
