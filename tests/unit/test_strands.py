"""What a record makes to be said again: what it can have changed, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.examples import LOT, REPORT, VERIFIED
from tests.support.tables import kinds

from weftline.domain.events import Event
from weftline.domain.fold import History, Known, Record

DAY = 86_400_000


def test_what_is_said_again_is_what_can_have_changed() -> None:
    """One factory with many reports and lots: what comes late is judged with its own report, or with the lots after it."""
    content, lot = REPORT.laboratory_report, LOT.lot_inspection
    known: list[Event] = []
    for number in range(50):
        later = {"event_id": f"e{number}", "event_time": REPORT.event_time + number * DAY}
        known.append(replace(REPORT, **later, laboratory_report=replace(content, report_number=f"r{number}")))
        known.append(replace(LOT, **{**later, "event_id": f"l{number}"}, lot_inspection=replace(lot, lot_id=f"lot {number}")))
    history: History[Any] = History(REPORT.owner, kinds()["inspections"].start)
    history.add([Record(event, 1 + rank) for rank, event in enumerate(known)], 0)

    def said(late: Event) -> list[str]:
        return sorted(fact.event_id for fact in history.add([Record(late, 1_000)], 0).facts)

    step = replace(VERIFIED.report_status, laboratory_id=content.laboratory_id, report_number="r7", amendment=content.amendment)
    assert said(replace(VERIFIED, event_id="v", event_time=known[14].event_time + 1, report_status=step)) == ["v"]
    assert said(replace(known[14], event_id="earlier", event_time=REPORT.event_time)) == ["e7", "earlier", "v"]
    again = replace(LOT, event_id="late", event_time=known[91].event_time + 1, lot_inspection=replace(lot, lot_id="another"))
    assert said(again) == ["l46", "l47", "l48", "l49", "late"]


def test_what_rests_on_all_strands_is_said_only_where_all_of_them_are() -> None:
    """As many records as are stored are not those that are stored: the sum of their ranks says so."""

    def runs_said(known: Known) -> tuple[bool, bool]:
        """In the history, and left to whoever has the others."""
        history: History[Any] = History(REPORT.owner, kinds()["inspections"].start, frozenset(["run_state"]))
        outcome = history.add([Record(REPORT, 5)], 0, known=known)
        assert {row.table for row in outcome.rows} >= {"report_state", "strand_state"}
        return any(row.table == "run_state" for row in outcome.rows), bool(outcome.across)

    assert runs_said(Known(1, 5)) == (True, False)
    assert runs_said(Known(2, 12)) == (False, True)
    assert runs_said(Known(1, 6)) == (False, True)
