"""The life of a report and of a lot in the fold: verification per amendment, parts, second originals; and their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.laboratory import COMPLETE_B, NOW, number, report
from tests.support.tables import kinds
from tests.unit.test_fold import AS_OF, record_of
from tests.unit.test_lot_acceptance import BUYERS, MAJOR_PLAN, lot

from weftline.domain.events import InspectionEvent, ReportStatusChange
from weftline.domain.fold import History, Outcome
from weftline.domain.vocabulary import InspectionKind, ReportStatus, Severity, Submission

KIND = kinds()["inspections"]
VERIFIED, PUBLISHED, WITHDRAWN = ReportStatus.VERIFIED, ReportStatus.PUBLISHED, ReportStatus.WITHDRAWN


def event(at: int, body: str, value: Any, **more: Any) -> InspectionEvent:
    given: dict[str, Any] = {"source": "lims", "event_id": f"e{at}-{body}", "product_category": "sheet", **more}
    return InspectionEvent(
        event_time=NOW + at * 60_000,
        event_time_zone_offset="+08:00",
        cooperative_id="haimen",
        center_id="c1",
        factory_id="f1",
        kind=InspectionKind(body.upper()),
        **{body: value},
        **given,
    )


def content(at: int, amendment: int, ph: float, **more: Any) -> InspectionEvent:
    return event(at, "laboratory_report", replace(report(number("ph", ph)), amendment=amendment, **more))


def step(at: int, amendment: int, status: ReportStatus) -> InspectionEvent:
    change = ReportStatusChange(laboratory_id="LAB", report_number="R-1", amendment=amendment, status=status)
    return event(at, "report_status", change)


def inspected(at: int, **more: Any) -> InspectionEvent:
    made = replace(lot(replace(MAJOR_PLAN, edition="2026")), **more)
    return event(at, "lot_inspection", made)


def fold(*events: InspectionEvent) -> Outcome:
    return History("f1", KIND.start).add([record_of(one) for one in events], AS_OF)


def row(outcome: Outcome, table: str) -> dict[str, Any]:
    (found,) = [one for one in outcome.rows if one.table == table]
    return {
        **found.values._asdict(),
        "alerts": [alert.rule.value for alert in found.alerts],
    }


def totals(outcome: Outcome) -> Counter[str]:
    """The sums of the signed amounts over all facts, as rollups have them."""
    found: Counter[str] = Counter()
    for fact in outcome.facts:
        amounts = fact.amounts._asdict()
        found.update({name: value for name, value in amounts.items() if isinstance(value, int)})
    return +found


@pytest.mark.parametrize(
    ("events", "amendment", "counted", "verdict"),
    [
        # An unverified amendment changes nothing.
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(5, 1, 7.0)], 0, 1, "FAIL"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(5, 1, 7.0), step(6, 1, PUBLISHED)], 0, 1, "FAIL"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(5, 1, 7.0), step(6, 1, VERIFIED)], 1, 1, "PASS"),
        # Withdrawing a lower one changes nothing; withdrawing the one in force lets no lower one rise.
        ([content(0, 0, 7.0), step(1, 0, VERIFIED), content(2, 1, 9.9), step(3, 1, VERIFIED), step(4, 0, WITHDRAWN)], 1, 1, "FAIL"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(2, 1, 7.0), step(3, 1, VERIFIED), step(4, 1, WITHDRAWN)], 1, 0, "PASS"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), step(2, 0, WITHDRAWN), content(3, 1, 7.0)], 0, 0, "FAIL"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), step(2, 0, WITHDRAWN), content(3, 1, 7.0), step(4, 1, VERIFIED)], 1, 1, "PASS"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(2, 1, 7.0), step(3, 1, WITHDRAWN)], 0, 1, "FAIL"),
        # A step about an amendment that has not come waits for it.
        ([content(0, 0, 9.9), step(1, 7, VERIFIED)], 0, 0, "FAIL"),
        ([content(0, 0, 9.9), step(1, 7, VERIFIED), content(2, 7, 7.0)], 7, 1, "PASS"),
        ([step(0, 1, WITHDRAWN), content(1, 1, 9.9), step(2, 1, VERIFIED)], 1, 0, "FAIL"),
        ([step(0, 0, VERIFIED), content(1, 0, 9.9)], 0, 1, "FAIL"),
        # A lower amendment that comes late, and other content under a verified number.
        ([content(0, 1, 7.0), step(1, 1, VERIFIED), content(2, 0, 9.9), step(3, 0, VERIFIED)], 1, 1, "PASS"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(2, 0, 7.0)], 0, 1, "FAIL"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(2, 0, 7.0), step(3, 0, VERIFIED)], 0, 1, "PASS"),
        ([content(0, 0, 9.9), step(1, 0, VERIFIED), content(2, 0, 9.9)], 0, 1, "FAIL"),
    ],
)
def test_the_greatest_verified_amendment_judges(events: list[InspectionEvent], amendment: int, counted: int, verdict: str) -> None:
    outcome = fold(*events)
    found = row(outcome, "report_state")
    assert (found["amendment"], found["counted"], found["verdict"]) == (amendment, counted, verdict)
    assert found["alerts"] == (["SAFETY_LIMIT_FAILED"] if counted and verdict == "FAIL" else [])
    sums = totals(outcome)
    assert (sums["reports"], sums["reports_failed"], sums["reports_passed"]) == (
        counted,
        counted * (verdict == "FAIL"),
        counted * (verdict == "PASS"),
    )


@settings(max_examples=300, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([7.0, 9.9, VERIFIED, WITHDRAWN, PUBLISHED])), min_size=1, max_size=7
    )
)
def test_against_the_rule_as_it_is_written(events: list[tuple[int, Any]]) -> None:
    """A second reading of the rule: whole histories at once, from the last event backwards, without a running state."""
    outcome = fold(
        *(
            content(at, number_, what) if isinstance(what, float) else step(at, number_, what)
            for at, (number_, what) in enumerate(events)
        )
    )

    def life(number_: int) -> list[Any]:
        """What was said of an amendment up to its withdrawal, which is final; content may still come once, if none had."""
        said = [what for of, what in events if of == number_]
        if WITHDRAWN not in said:
            return said
        before = said[: said.index(WITHDRAWN)]
        late = [what for what in said[said.index(WITHDRAWN) :] if isinstance(what, float)]
        return before + (late[:1] if not any(isinstance(what, float) for what in before) else [])

    def verified_content(number_: int) -> float | None:
        newest: float | None = None
        verified: float | None = None
        waiting = False
        for what in life(number_):
            if isinstance(what, float):
                if newest is None and waiting:
                    verified = what
                if what not in (newest, verified) or newest is None:
                    newest = what
            elif what is VERIFIED:
                waiting, verified = True, newest
        return verified

    standing = {number_: verified_content(number_) for number_ in range(3)}
    force = max((number_ for number_, ph in standing.items() if ph is not None), default=None)
    counted = force is not None and (force, WITHDRAWN) not in events
    sums = totals(outcome)
    assert sums["reports"] == counted
    assert sums["reports_failed"] == (counted and standing[force or 0] == 9.9)


def test_the_scope_is_counted_and_shown() -> None:
    full = event(0, "laboratory_report", report(*COMPLETE_B, plan=(), original_report_number="R-0"))
    found = row(fold(full), "report_state")
    assert (found["scope"], found["required_by_standards"], found["tested_of_required"]) == ("FULL", 8, 8)
    assert found["original_report_number"] == "R-0"
    sums = totals(fold(full, step(1, 0, VERIFIED)))
    assert (sums["reports_passed"], sums["reports_full"], sums["reports_full_passed"]) == (1, 1, 1)
    sums = totals(fold(content(0, 0, 7.0), step(1, 0, VERIFIED)))
    assert (sums["reports_passed"], sums["reports_full"]) == (1, 0)
    carpet = replace(content(0, 0, 9.9), product_category="carpet")
    sums = totals(fold(carpet, replace(step(1, 0, VERIFIED), product_category="carpet")))
    assert (sums["reports"], sums["reports_not_applicable"], sums["reports_failed"]) == (1, 1, 0)


GOOD: dict[str, Any] = {"major_units": 2}
BAD: dict[str, Any] = {"major_units": 9}
UNCLEAR: dict[str, Any] = {"major_units": 3, "sample_size": 50}
RESULT = {"ACCEPTED": "lots_accepted", "NOT_ACCEPTED": "lots_not_accepted", "NOT_JUDGED": "lots_not_judged"}


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (GOOD, BAD, "NOT_ACCEPTED"),
        (BAD, GOOD, "NOT_ACCEPTED"),
        (GOOD, UNCLEAR, "NOT_JUDGED"),
        (UNCLEAR, GOOD, "NOT_JUDGED"),
        (UNCLEAR, BAD, "NOT_ACCEPTED"),
        (BAD, BAD, "NOT_ACCEPTED"),
        (GOOD, GOOD, "ACCEPTED"),
    ],
)
def test_of_two_originals_the_worse_stands_until_one_is_declared_erroneous(
    first: dict[str, Any], second: dict[str, Any], result: str
) -> None:
    events = (inspected(0, **first), inspected(5, **second))
    outcome = fold(*events)
    found = row(outcome, "lot_state")
    assert (found["original_result"], found["inspections"], found["resubmissions"]) == (result, 2, 0)
    assert "second_original" in found["marks"]
    assert any("original" in words for words in found["remarks_en"])
    sums = totals(outcome)
    assert {name: sums[name] for name in RESULT.values()} == {name: int(name == RESULT[result]) for name in RESULT.values()}
    assert sums["lots"] == (result != "NOT_JUDGED")
    assert sums["lots_resubmitted"] == 0
    assert [fact.judgement for fact in outcome.facts] == ["applied", "second_original"]


def test_parts_of_a_lot_have_originals_of_their_own() -> None:
    outcome = fold(inspected(0, part_id="a", **GOOD), inspected(1, part_id="b", **BAD), inspected(2, **GOOD))
    found = row(outcome, "lot_state")
    assert (found["part_ids"], found["original_result"], found["marks"]) == (["a", "b"], "NOT_ACCEPTED", [])
    assert totals(outcome)["lots"] == 3
    again = fold(inspected(0, part_id="a", **BAD), inspected(1, part_id="a", submission=Submission.RESUBMITTED, **GOOD))
    assert (totals(again)["lots"], totals(again)["lots_resubmitted_accepted"]) == (1, 1)


def switching(*events: InspectionEvent) -> dict[str, Any]:
    found = [one for one in fold(*events).rows if one.table == "switching_state" and one.key[1] == "MAJOR"]
    return found[0].values._asdict()


def of_lot(at: int, lot_id: str, **more: Any) -> InspectionEvent:
    return inspected(at, lot_id=lot_id, **more)


def test_a_second_original_takes_back_what_the_first_meant_for_switching() -> None:
    """ISO 2859-1 9.3: two of five not accepted. The second original of L2 is the second failure; its first acceptance is forgotten."""
    events = [of_lot(0, "L1", **BAD), of_lot(1, "L2", **GOOD)]
    assert switching(*events)["recent_accepted"] == [0, 1]
    assert switching(*events, of_lot(2, "L2", **BAD))["severity_due"] == "TIGHTENED"
    assert switching(*events, of_lot(2, "L2", **GOOD))["recent_accepted"] == [0, 1]
    unclear = switching(*events, of_lot(2, "L2", **UNCLEAR))
    assert (unclear["recent_accepted"], unclear["lots"]) == ([0], 1)


@pytest.mark.parametrize(
    "more", [UNCLEAR, {"plans": (), **GOOD}, {"plans": (replace(BUYERS, severity=Severity.TIGHTENED),), **GOOD}]
)
def test_what_is_not_judged_or_judged_by_agreement_ends_no_tightened_inspection(more: dict[str, Any]) -> None:
    """ISO 2859-1 9.3.2: five consecutive lots accepted *on original tightened inspection* by the standard."""
    tightened = (replace(MAJOR_PLAN, severity=Severity.TIGHTENED, accept=3, reject=4),)
    events = [of_lot(at, f"L{at}", **BAD) for at in (0, 1)]
    assert switching(*events)["severity_due"] == "TIGHTENED"
    assert switching(*events, *(of_lot(at, f"L{at}", **more) for at in range(2, 7)))["severity_due"] == "TIGHTENED"
    good = {"plans": tightened, **GOOD}
    assert switching(*events, *(of_lot(at, f"L{at}", **good) for at in range(2, 7)))["severity_due"] == "NORMAL"


def test_a_lot_by_agreement_is_counted_apart_and_told_if_it_is_refused() -> None:
    outcome = fold(inspected(0, plans=(BUYERS,), **BAD))
    found = row(outcome, "lot_state")
    assert (found["last_result"], found["by_agreement"], found["alerts"]) == ("NOT_ACCEPTED", 1, ["LOT_NOT_ACCEPTED"])
    sums = totals(outcome)
    assert (sums["lots"], sums["lots_by_agreement"], sums["lots_by_agreement_accepted"]) == (0, 1, 0)


def test_alerts_and_lots_name_the_figures_of_both_plans() -> None:
    wrong = replace(MAJOR_PLAN, sample_size=50, accept=7, reject=8)
    outcome = fold(inspected(0, plans=(wrong,), **BAD))
    (found,) = [one for one in outcome.rows if one.table == "lot_state"]
    said = " ".join(row(outcome, "lot_state")["remarks_en"])
    (alert,) = found.alerts
    for figures in ("n 50, Ac 7, Re 8", "n 80, Ac 5, Re 6"):
        assert figures in said
        assert figures in alert.text_en
        assert figures in alert.text_zh


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_order_of_arrival_of_two_originals_changes_nothing(data: st.DataObject) -> None:
    events = [
        of_lot(at, data.draw(st.sampled_from(["L1", "L2"])), **data.draw(st.sampled_from([GOOD, BAD, UNCLEAR]))) for at in range(4)
    ]
    results = []
    for order in permutations(events):
        history = History("f1", KIND.start)
        facts: dict[str, Any] = {}
        for one in order:
            outcome = history.add([record_of(one)], AS_OF)
            facts |= {fact.event_id: fact for fact in outcome.facts}
        results.append((facts, history.rows(AS_OF).rows))
    assert all(facts == results[0][0] for facts, _ in results)
    assert all({(r.table, r.key): r for r in rows} == {(r.table, r.key): r for r in results[0][1]} for _, rows in results)
