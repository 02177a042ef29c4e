"""What of the alerts that stand is said to whom: go-live dates, lateness, and what comes into the place of a told alert.

The property is held over any order of arrival, for whatever rule names an alert after something that a late event can change.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.crash.histories import REPORT, run_report, run_verified
from tests.support.strategies import HOUR, START, inspection_events
from tests.support.told import last_told, misinformed

from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.domain import revisions
from weftline.domain.alerts import Alert, Evidence, StandingAlert, alert_id
from weftline.domain.cooperative.members import DESKS
from weftline.domain.events import InspectionEvent, LotInspection, PlanUsed
from weftline.domain.fold import History, Record
from weftline.domain.inspections import InspectionRules
from weftline.domain.revisions import (
    MOST_PASSED,
    Judged,
    StoredAlert,
    alert_version,
    changes,
    judged_in,
    message_of,
    state_version,
)
from weftline.domain.vocabulary import (
    AlertRule,
    AlertSeverity,
    AlertStatus,
    InspectionKind,
    InspectionStage,
    NonconformityClass,
    ReportStatus,
    Severity,
    Submission,
)
from weftline.processors.strangers import JUDGED_IN_SQL

DAY = 24 * HOUR
NOW = START + 30 * DAY


@cache
def standards() -> tuple[Any, Any]:
    return load_standards(), load_sampling_standard()


def history() -> History[InspectionEvent]:
    return History("f1", lambda: InspectionRules(*standards()))


class Factory:
    """One factory's records, its table of alerts, and all that it was told."""

    def __init__(self, live: dict[str, int] | None = None) -> None:
        self.live = live or {}
        self.history = history()
        self.table: dict[str, StoredAlert] = {}
        self.said: list[Alert] = []
        self._records: list[Record[InspectionEvent]] = []
        self._subjects: dict[str, Any] = {}

    def hears(self, *events: InspectionEvent, at: int = NOW) -> list[StoredAlert]:
        """A step: what is stored of it."""
        batch = [Record(event, _rank(event)) for event in events]
        self._records += batch
        outcome = self.history.add(batch, at)
        done = []
        for row in outcome.rows:
            version = state_version(outcome.version, row.passed)
            judged = Judged("f1", row.table, row.key, version, outcome.count, 0, row.alerts)
            of = [stored for stored in self.table.values() if self._subjects.get(stored.alert_id) == (row.table, row.key)]
            for change in changes(judged, of, at, self.live):
                self._subjects[change.alert_id] = row.table, row.key
                before = self.table.get(change.alert_id)
                assert before is None or change.version > before.version
                self.table[change.alert_id] = change
                if not change.historic:
                    self.said.append(message_of(change))
                done.append(change)
        return done

    def loses_its_records(self) -> None:
        """The table of records is gone and is read again from the log later; what was judged and told is still there."""
        self.history = history()

    def stands(self) -> dict[str, StandingAlert]:
        """By a fold of all records in one go."""
        whole = history()
        if self._records:
            whole.add(self._records, NOW)
        return {alert.alert_id: alert for row in whole.rows(NOW).rows for alert in row.alerts}


def _rank(event: InspectionEvent) -> int:
    return 1 + (hash(event) & ((1 << 62) - 1)) + ((event.error_declaration is not None) << 63)


def failing(number: int, day: int) -> tuple[InspectionEvent, InspectionEvent]:
    return run_report(number, START + day * DAY), run_verified(number, START + day * DAY)


def lot(number: int, day: int, units: int) -> tuple[InspectionEvent]:
    """A lot of 1,000, by the standard's plan: n 80, Ac 5."""
    plan = PlanUsed(
        nonconformity_class=NonconformityClass.MAJOR,
        standard="ISO 2859-1",
        edition="1999",
        level="II",
        aql=2.5,
        severity=Severity.NORMAL,
        sample_size=80,
        accept=5,
        reject=6,
    )
    inspection = LotInspection(
        lot_id=f"l{number}",
        lot_size=1000,
        stage=InspectionStage.FINAL,
        submission=Submission.ORIGINAL,
        sample_size=80,
        major_units=units,
        plans=(plan,),
    )
    event = replace(REPORT, event_id=f"l{number}", event_time=START + day * DAY, kind=InspectionKind.LOT_INSPECTION)
    return (replace(event, laboratory_report=None, lot_inspection=inspection),)


RUN = (failing(0, 18), failing(1, 20), failing(2, 25), failing(3, 30))
#: Two of five not accepted: tightened. The first two that were are others than those first known of.
LOTS = (lot(0, 17, 20), lot(1, 18, 0), lot(2, 19, 20), lot(3, 28, 20))


@pytest.mark.parametrize("story", [RUN, LOTS], ids=["three failures in a row", "switched to tightened"])
@pytest.mark.parametrize("live", [{}, {"c1": START + 27 * DAY}, {"c1": START + 29 * DAY}, {"c1": START + 60 * DAY}], ids=str)
def test_what_a_factory_was_last_told_is_what_stands_in_every_order_of_arrival(
    story: Sequence[tuple[InspectionEvent, ...]], live: dict[str, int]
) -> None:
    for order in permutations(story):
        factory = Factory(live)
        for events in order:
            factory.hears(*events)
        assert [*misinformed(factory.said, factory.stands(), live)] == [], order
        if not live:
            assert last_told(factory.said).keys() >= factory.stands().keys()


@given(st.lists(st.lists(inspection_events, min_size=1, max_size=3), max_size=8), st.one_of(st.none(), st.integers(0, 8)))
def test_nor_does_any_history_mislead(batches: list[list[InspectionEvent]], hour: int | None) -> None:
    live = {} if hour is None else {"c1": START + hour * HOUR}
    factory = Factory(live)
    for batch in batches:
        factory.hears(*batch)
    assert [*misinformed(factory.said, factory.stands(), live)] == []


def test_an_alert_that_ends_while_lost_records_are_read_again_is_over_for_whoever_was_told() -> None:
    """Between the loss and the end of reading again what is known is no part of what was known before, and ranks are chance: of fewer
    records the sum may be greater. Then the table says that the alert is over, and so must the message, whose revision counts records."""
    ended_by_less = 0
    for number in range(100):
        factory = Factory()
        factory.hears(*failing(number, 1))
        (told,) = [alert_id for alert_id, alert in last_told(factory.said).items() if alert.status == "RAISED"]
        factory.loses_its_records()
        withdrawn = replace(run_verified(number, START + 2 * DAY), event_id=f"w{number}")
        assert withdrawn.report_status is not None
        status = replace(withdrawn.report_status, status=ReportStatus.WITHDRAWN)
        factory.hears(replace(withdrawn, report_status=status))
        ended_by_less += factory.table[told].status is AlertStatus.WITHDRAWN
        factory.hears(*failing(number, 1))
        assert [*misinformed(factory.said, factory.stands(), {})] == []
    assert ended_by_less > 0


def test_the_new_name_of_a_run_is_told_before_the_old_one_is_withdrawn_and_names_it() -> None:
    """Failures 10 and 5 days ago and today; then a report that is 12 days old comes late."""
    factory = Factory({"c1": START + 29 * DAY})
    factory.hears(*RUN[1], *RUN[2])
    of_runs = lambda rows: [row for row in rows if "THREE_FAILURES" in row.content]  # noqa: E731
    (raised,) = of_runs(factory.hears(*RUN[3]))
    new, old = of_runs(factory.hears(*RUN[0]))
    assert (new.status, new.historic, new.replaces, new.late_hours) == (AlertStatus.RAISED, False, raised.alert_id, 0)
    assert (old.status, old.alert_id) == (AlertStatus.WITHDRAWN, raised.alert_id)


def test_the_property_fails_when_nothing_takes_the_place_of_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "replaced", lambda *_: None)
    factory = Factory({"c1": START + 29 * DAY})
    factory.hears(*RUN[1], *RUN[2], *RUN[3])
    factory.hears(*RUN[0])
    (wrong,) = misinformed(factory.said, factory.stands(), factory.live)
    assert wrong.startswith("stands and nobody was told")


# Who is told by the date


def alert(occurred_at: int, severity: AlertSeverity = AlertSeverity.CRITICAL, **more: Any) -> StandingAlert:
    return StandingAlert(
        alert_id=alert_id(AlertRule.SAFETY_LIMIT_FAILED, "r1"),
        rule=AlertRule.SAFETY_LIMIT_FAILED,
        severity=severity,
        occurred_at=occurred_at,
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        subject="report r1",
        evidence=(Evidence(source="lims", event_id="e1", event_time=occurred_at, indicator="ph"),),
        text_zh="。",
        text_en="R-1 failed.",
        **more,
    )


def judged(*alerts: StandingAlert, records: int = 1) -> Judged:
    return Judged("f1", "report_state", ("r1",), state_version(records, 0), records, 0, alerts)


@pytest.mark.parametrize("severity", [AlertSeverity.CRITICAL, AlertSeverity.MAJOR, AlertSeverity.MINOR])
@pytest.mark.parametrize(("hours", "late", "said"), [(1, 0, ""), (62, 62, "62 hours"), (24 * 400, 9_600, "400 days")])
def test_no_alert_lapses_by_its_age_and_a_late_one_says_how_late(severity: AlertSeverity, hours: int, late: int, said: str) -> None:
    (row,) = changes(judged(alert(NOW - hours * HOUR, severity)), [], NOW)
    assert (row.historic, row.late_hours) == (False, late)
    told = message_of(row)
    assert told.late_hours == late
    assert said in told.text_en
    assert ("迟报" in told.text_zh) == bool(said)


def test_how_late_stays_what_it_was_when_it_was_told_first() -> None:
    standing = alert(NOW - 62 * HOUR)
    (first,) = changes(judged(standing), [], NOW)
    (updated,) = changes(judged(replace(standing, text_en="Other."), records=2), [first], NOW + 100 * HOUR)
    assert (updated.status, updated.late_hours) == (AlertStatus.UPDATED, 62)
    (withdrawn,) = changes(judged(records=3), [updated], NOW + 200 * HOUR)
    assert (withdrawn.status, withdrawn.late_hours, withdrawn.historic) == (AlertStatus.WITHDRAWN, 62, False)


def test_before_its_center_went_live_all_is_history_and_when_the_date_moves_it_is_told() -> None:
    standing = alert(NOW - DAY)
    (kept,) = changes(judged(standing), [], NOW, {"c1": NOW})
    assert kept.historic
    assert changes(judged(standing), [kept], NOW, {"c1": NOW}) == []
    assert changes(judged(standing), [kept], NOW, {}) == [], "what a former version kept back stays so until somebody gives a date"
    (told,) = changes(judged(standing), [kept], NOW, {"c1": NOW - 2 * DAY})
    assert (told.historic, told.status) == (False, AlertStatus.RAISED)
    assert told.version > kept.version
    assert changes(judged(standing), [told], NOW, {"c1": NOW}) == [], "nobody takes back what was told"
    (over,) = changes(judged(records=2), [told], NOW, {"c1": NOW})
    assert not over.historic, "nor keeps its end to himself"


def test_two_indicators_of_one_report_do_not_take_each_others_place() -> None:
    ph = alert(NOW)
    other = replace(ph, alert_id="other", evidence=(replace(ph.evidence[0], indicator="formaldehyde"),))
    stored = changes(judged(ph, other), [], NOW)
    (over,) = changes(judged(ph, records=2), stored, NOW)
    assert (over.alert_id, over.status) == ("other", AlertStatus.WITHDRAWN)


def test_an_alert_comes_and_goes_by_itself_after_however_many_deadlines() -> None:
    """The records are the same all the time; only deadlines pass, of a member with many tests more than eight bits can count."""
    standing, stored, said = alert(NOW), list[StoredAlert](), list[StoredAlert]()
    for passed in (*range(252, 260), *range(1_020, 1_028)):
        alerts = (standing,) if passed % 2 == 0 else ()
        stored = changes(Judged("m1", DESKS, (), state_version(1 << 70, passed), 40, 0, alerts), stored, NOW)
        said += stored
    assert [row.status for row in said] == [AlertStatus.RAISED, AlertStatus.WITHDRAWN] * 8
    for order in (lambda row: row.version, lambda row: row.revision):
        assert sorted(said, key=order) == said
        assert len(set(map(order, said))) == len(said)


# Versions


@given(st.integers(0, 2**120 - 1), st.integers(0, MOST_PASSED), st.booleans(), st.integers(0, 2**15 - 1), st.booleans())
def test_a_version_names_its_state_and_told_comes_first(ranks: int, passed: int, told: bool, said: int, published: bool) -> None:
    state = state_version(ranks, passed)
    version = alert_version(state, told, said, published)
    assert version < 1 << 256
    assert judged_in(version) == state
    assert alert_version(state, True, said, published) > alert_version(
        state_version(2**120 - 1, MOST_PASSED), False, 2**15 - 1, True
    )
    assert revisions.known_in(state) == ranks
    assert (version >> 1) & (2**15 - 1) == said


@pytest.mark.parametrize(("table", "record_bits", "passed_bits"), [("report_state", 25, 8), (DESKS, 21, 12)])
@given(data=st.data())
def test_revisions_order_as_versions_do(table: str, record_bits: int, passed_bits: int, data: st.DataObject) -> None:
    """Records and the sum of their ranks grow together."""
    known = st.tuples(st.integers(1, (1 << record_bits) - 1), st.integers(0, (1 << passed_bits) - 1), st.integers(0, 2**15 - 1))
    both = data.draw(st.tuples(known, known))
    one, other = sorted(
        (revisions.revision(*known, table), alert_version(state_version(known[0], known[1]), True, known[2], False))
        for known in both
    )
    assert one[1] <= other[1]
    assert other[0] < 1 << 53, "JSON carries it"


def test_what_an_older_edition_knew_is_read_as_it_wrote_it() -> None:
    """It counted the deadlines that passed in eight bits."""
    ranks = 2**100 + 5
    assert revisions.known_in((4 << 240) + (ranks << 8) + 255) == ranks
    assert revisions.known_in(state_version(ranks, 255)) == ranks


def test_json_of_the_contents_is_canonical() -> None:
    content = revisions.content_of(alert(NOW))
    assert json.loads(content)["severity"] == "CRITICAL"
    assert JUDGED_IN_SQL.startswith("bitOr(")
