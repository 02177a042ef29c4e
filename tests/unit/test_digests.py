"""What comes very late comes together: every revision is told exactly once, whatever waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import CODEC

from weftline.domain.alerts import Evidence, StandingAlert
from weftline.domain.digests import MOST_LISTED, digests, listed, waits
from weftline.domain.revisions import Judged, StoredAlert, changes, content_of, message_of, state_version
from weftline.domain.vocabulary import AlertRule, AlertSeverity, AlertStatus

HOUR = 3_600_000
NOW = 1_790_000_000_000
WEEK = 7 * 24


def alert(number: int, severity: AlertSeverity = AlertSeverity.MAJOR, factory: str = "f1", center: str = "c1") -> StandingAlert:
    return StandingAlert(
        alert_id=f"lot-not-accepted:{number}",
        rule=AlertRule.LOT_NOT_ACCEPTED,
        severity=severity,
        occurred_at=NOW,
        cooperative_id="haimen",
        center_id=center,
        factory_id=factory,
        product_category="sheet",
        subject=f"lot {number} MAJOR",
        evidence=(Evidence(source="urn:c1", event_id=f"e{number}", event_time=NOW),),
        text_zh="批未接收。",
        text_en="Not accepted.",
    )


def first_told(standing: StandingAlert, hours: int) -> StoredAlert:
    """Its row, told so many hours after it happened."""
    judged = Judged("f1", "lots", (standing.alert_id,), state_version(1, 0), 1, 0, (standing,))
    (row,) = changes(judged, [], standing.occurred_at + hours * HOUR)
    return row


ROWS = st.lists(
    st.builds(
        lambda number, severity, factory, center, hours, status: first_told(
            alert(number, severity, factory, center), hours
        )._replace(status=status),
        st.integers(0, 10_000),
        st.sampled_from(AlertSeverity),
        st.sampled_from(["f1", "f2"]),
        st.sampled_from(["c1", "c2"]),
        st.integers(0, 3_000),
        st.sampled_from([AlertStatus.RAISED, AlertStatus.UPDATED, AlertStatus.WITHDRAWN]),
    ),
    max_size=30,
    unique_by=lambda row: row.alert_id,
)


@given(ROWS)
def test_every_revision_is_told_once_to_whom_it_is_for(rows: Sequence[StoredAlert]) -> None:
    messages = list(digests(rows))
    told = [(message, listed(each)) for message in messages for each in message.each]
    assert sorted((each.alert_id for _, each in told)) == sorted(row.alert_id for row in rows)
    ought = {row.alert_id: listed(message_of(row)) for row in rows}
    for message, each in told:
        assert each == ought[each.alert_id]
        assert (message.factory_id, message.center_id) == (each.factory_id, each.center_id)
        if message.listed:
            assert message.revision >= each.revision
            assert message.occurred_at >= each.occurred_at
            assert message.late_hours >= each.late_hours
    assert len({(message.factory_id, message.center_id) for message in messages}) == len(messages), "one for each"
    assert all(len(message.listed) != 1 for message in messages), "who waits alone is a message of its own"
    for message in messages:
        ends = [each.status is AlertStatus.WITHDRAWN for each in message.each]
        assert ends == sorted(ends), "what ends comes last"
        assert CODEC.decode("quality.alerts.v1", CODEC.encode(message)) == message


@pytest.mark.parametrize("severity", AlertSeverity)
def test_who_waits(severity: AlertSeverity) -> None:
    grave = severity is AlertSeverity.CRITICAL
    assert not waits(first_told(alert(1, severity), WEEK - 1), WEEK)
    late = first_told(alert(1, severity), WEEK)
    assert waits(late, WEEK) != grave
    assert waits(late._replace(status=AlertStatus.WITHDRAWN), WEEK) != grave, "the end waits as well, or comes before its beginning"
    assert not waits(late._replace(replaces="other"), WEEK), "or who reads that the other is over believes that it is over"


def test_a_digest_is_its_revisions() -> None:
    """The same again is a repeat, which readers leave out; with one more it is another message."""
    rows = [first_told(alert(number), WEEK + number) for number in range(3)]
    (one,), (again,), (more,) = (
        list(digests(rows)),
        list(digests(reversed(rows))),
        list(digests([*rows, first_told(alert(7), WEEK)])),
    )
    assert one == again
    assert one.alert_id != more.alert_id


def test_a_digest_says_what_it_is_in_words() -> None:
    rows = [first_told(alert(1), WEEK), first_told(alert(2), WEEK * 3), first_told(alert(3), WEEK)]
    (message,) = digests(rows)
    assert (
        message.text_en == "3 alerts are told 7 to 21 days after what happened: lot not accepted 3. Each is listed in this message."
    )
    assert message.text_zh == "迟报预警 3 条（事发 7 至 21 天后）：批不接收 3 条。逐条见本消息所列。"


def test_as_many_as_one_message_takes() -> None:
    few = list(digests([first_told(alert(number), WEEK) for number in range(MOST_LISTED + 2)]))
    assert [len(message.listed) for message in few] == [MOST_LISTED, 2]
    assert all(CODEC.encode(message) for message in few)
    long = alert(0)
    pieces = tuple(replace(long.evidence[0], event_id=f"e{number}", subject="报" * 190, clause="条" * 190) for number in range(300))
    large = [first_told(replace(alert(number), evidence=pieces), WEEK) for number in range(4)]
    assert len(content_of(replace(long, evidence=pieces)).encode()) > 300_000
    messages = list(digests(large))
    assert len(messages) == len(large)
    assert all(CODEC.encode(message) for message in messages)
