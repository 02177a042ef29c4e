"""Rules of one laboratory report, and the runs of failures to which a factory's reports add up.

Runs are ordered by test time, which a late report can move; so they stand in a state row, and follow from which results count, whatever
the order in which the reports were judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from weftline.domain.alerts import StandingAlert
from weftline.domain.events import InspectionEvent
from weftline.domain.fold import StateRow, Subject
from weftline.domain.inspection_alerts import failed_of, run_alert, safety_alerts
from weftline.domain.inspection_amounts import NOTHING, amounts_of, report_key
from weftline.domain.laboratory import Standards, Verdict, judge
from weftline.domain.reports import Content, Counts, Report, Result, Shelf, difference, results_of, with_content, with_status
from weftline.domain.rows.columns import MODULUS
from weftline.domain.rows.inspections import InspectionAmounts, ReportKey, ReportRow, RunKey, RunRow, StrandKey, StrandRow
from weftline.domain.runs import Runs


class Factory:
    """What the reports of a factory share. ``lean``: contents are kept as bytes, for a factory too large to be kept otherwise."""

    def __init__(self, standards: Standards, *, lean: bool) -> None:
        self.standards = standards
        self._shelf = Shelf(self._judge) if lean else None
        # By rank. They follow from the content alone, and are a third of what judging an event again would cost.
        self._verdicts: dict[int, Verdict] = {}
        self._runs: dict[str, Runs] = {}  # by indicator
        # By what they rest on, from which alone they follow: a row is asked for with every report, and shows all that ever alerted.
        self._run_alerts: dict[tuple[str, tuple[Result, ...]], StandingAlert] = {}

    @property
    def lean(self) -> bool:
        """Whether contents are kept as bytes."""
        return self._shelf is not None

    def content(self, event: InspectionEvent, rank: int) -> Content:
        """The content of an event with its verdict."""
        verdict = self._verdicts.get(rank) or self._judge(event)
        if self._shelf is not None:
            return self._shelf.put(event, verdict)
        self._verdicts[rank] = verdict
        return Content(event, verdict)

    def _judge(self, event: InspectionEvent) -> Verdict:
        if event.laboratory_report is None:
            raise ValueError("a laboratory report without content")
        return judge(event.laboratory_report, event.event_time, self.standards, event.product_category)

    def restate(self, before: Report, after: Report) -> None:
        """Let the results that a report counts for take the place of those that it counted for before."""
        if before.counted is after.counted:
            return
        gone, come = [*results_of(before)], [*results_of(after)]
        for indicator, result in gone:
            self._runs[indicator].remove(result.position)
        for indicator, result in come:
            if indicator not in self._runs:
                self._runs[indicator] = Runs()
            self._runs[indicator].insert(result)

    def run_row(self, factory: str, indicator: str) -> StateRow:
        """The state row of the runs of an indicator. All reports of the factory must be here."""
        runs = self._runs.get(indicator) or Runs()
        said = RunRow(
            results=runs.results,
            failures=runs.failures,
            current_run=runs.current,
            longest_run=runs.longest,
            last_result_at=runs.last.position[0] if runs.last else None,
        )
        return run_state(indicator, said, (self._run_alert(factory, indicator, run) for run in runs.alarming))

    def _run_alert(self, factory: str, indicator: str, first_three: tuple[Result, ...]) -> StandingAlert:
        known = self._run_alerts.get((indicator, first_three))
        alert = known or run_alert(factory, indicator, [failed_of(indicator, result) for result in first_three], self.standards)
        if self._shelf is None:
            self._run_alerts[indicator, first_three] = alert
        return alert


def run_state(indicator: str, said: RunRow, alerts: Iterable[StandingAlert]) -> StateRow:
    """The state row of the runs of an indicator."""
    return StateRow("run_state", RunKey(indicator), said, tuple(alerts))


class _State(NamedTuple):
    """A report as it stands, and what was ever said of it, standing or not, which decides which rows a further word could affect."""

    report: Report = Report()
    seen: InspectionEvent | None = None
    indicators: tuple[str, ...] = ()
    ranks: int = 0


class ReportRules:
    """Rules of one report (see :class:`weftline.domain.fold.StrandRules`)."""

    __slots__ = ("_factory", "_state")

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._state = _State()

    def mark(self) -> _State:
        """The report as it is."""
        return self._state

    def rewind(self, mark: _State) -> None:
        """The report as it was."""
        self._factory.restate(self._state.report, mark.report)
        self._state = mark

    def forget(self) -> None:
        """A mark holds nothing alive that would not be."""

    def note(self, event: InspectionEvent, rank: int) -> None:
        """Remembers which subjects there are."""
        measured = event.laboratory_report.measurements if event.laboratory_report is not None else ()
        known = self._state.indicators
        indicators = tuple(dict.fromkeys((*known, *(measurement.indicator for measurement in measured)))) if measured else known
        seen = replace(event, laboratory_report=None) if self._factory.lean else event
        self._state = self._state._replace(
            seen=seen, indicators=known if indicators == known else indicators, ranks=(self._state.ranks + rank) % MODULUS
        )

    def subjects(self, event: InspectionEvent) -> Iterable[Subject]:
        """The report, and the runs of all its indicators."""
        if (report := report_key(event)) is not None:
            yield ("strand_state", *StrandKey(event.strand))
            yield ("report_state", *report)
            for indicator in self._state.indicators:
                yield ("run_state", *RunKey(indicator))

    def void(self, event: InspectionEvent) -> InspectionAmounts:
        """Amounts of an event that counts zero."""
        return amounts_of(event)

    def apply(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        """Judge the next event of the report."""
        before = self._state.report
        if event.laboratory_report is not None:
            content = self._factory.content(event, rank)
            after, mark = with_content(before, content)
            return 1, mark, amounts_of(event, content.verdict.verdict.value, self._become(after))
        after, mark = with_status(before, event)
        return 1, mark, amounts_of(event, counts=self._become(after))

    def _become(self, after: Report) -> Counts:
        """Put the report's new state in place; the signed amounts that this makes."""
        before = self._state.report
        self._factory.restate(before, after)
        self._state = self._state._replace(report=after)
        return NOTHING if before.counted is after.counted else difference(before.counted, after.counted)

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of the report, or of the runs of an indicator."""
        table, *key = subject
        seen = self._state.seen
        if seen is None:
            raise LookupError("a row of a report that has no record")
        if table == "report_state":
            return self._row(ReportKey(*key), seen)
        return self._strand_row(StrandKey(*key)) if table == "strand_state" else self._factory.run_row(seen.factory_id, key[0])

    def _strand_row(self, key: StrandKey) -> StateRow:
        report = self._state.report
        results = [*results_of(report)]
        values = StrandRow(ranks=self._state.ranks)
        if results:
            tested_at, laboratory_id, report_number = results[0][1].position
            values = StrandRow(
                ranks=self._state.ranks,
                tested_at=tested_at,
                laboratory_id=laboratory_id,
                report_number=report_number,
                indicators=[indicator for indicator, _ in results],
                failed=[int(result.failed) for _, result in results],
                told=[failed_of(indicator, result).as_json() if result.failed else "" for indicator, result in results],
            )
        return StateRow("strand_state", key, values)

    def _row(self, key: ReportKey, seen: InspectionEvent) -> StateRow:
        report = self._state.report
        shown = report.content.event if report.content else seen
        body = report.content.event.laboratory_report if report.content else None
        verdict = report.content.verdict if report.content else None
        amendment = report.shown[1] if report.shown else None
        remarks = verdict.remarks if verdict else ()
        values = ReportRow(
            center_id=shown.center_id,
            cooperative_id=shown.cooperative_id,
            product_category=shown.product_category,
            style_number=shown.style_number or "",
            order_id=shown.order_id or "",
            lot_ids=list(shown.lot_ids),
            status=amendment.status.value if amendment else "",
            amendment=body.amendment if body else -1,
            latest_amendment=report.latest,
            specimen=body.specimen.value if body else "",
            purpose=body.purpose.value if body else "",
            payer=body.payer.value if body else "",
            original_report_number=(body.original_report_number or "") if body else "",
            safety_class=verdict.safety_class.value if verdict else "",
            verdict=verdict.verdict.value if verdict else "",
            scope=verdict.coverage.value if verdict else "",
            required_by_standards=verdict.required_by_standards if verdict else None,
            tested_of_required=verdict.of_them_tested if verdict else 0,
            counted=int(report.counted is not None),
            failed_indicators=[item.indicator for item in verdict.indicators if item.failed] if verdict else [],
            missing_indicators=list(verdict.missing) if verdict else [],
            remarks=[remark.code.value for remark in remarks],
            remarks_zh=[remark.zh for remark in remarks],
            remarks_en=[remark.en for remark in remarks],
            verdict_json=report.content.verdict_json if report.content else "",
            reported_at=report.content.event.event_time if report.content else None,
            tested_at=verdict.judged_at if verdict else None,
            verified_at=amendment.verified_at if amendment else None,
            published_at=amendment.published_at if amendment else None,
            withdrawn_at=amendment.withdrawn_at if amendment else None,
            events=report.events,
        )
        return StateRow("report_state", key, values, safety_alerts(report, self._factory.standards))
