"""Rules of a factory's inspection results: reports, lots, runs of failures, switching, and their alerts.

One factory is one owner, since switching and runs are a factory's. What stands where is a matter of who can still change it: a
lot's acceptance and ``severity_due`` depend on earlier events only and stand at the lot's own event; runs are ordered by test time,
which a late report can move, and stand in a state row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from weftline.domain.alerts import StandingAlert
from weftline.domain.days import offset_minutes
from weftline.domain.events import InspectionEvent, LaboratoryReport, ReportStatusChange
from weftline.domain.fold import StateRow, Subject
from weftline.domain.inspection_alerts import lot_alerts, lot_remarks, run_alert, safety_alerts, switching_alerts
from weftline.domain.laboratory import Standards, Verdict, judge
from weftline.domain.lots import (
    APPLIED,
    NOT_DISCONTINUED,
    SECOND_ORIGINAL,
    Inspected,
    Lot,
    LotRef,
    Series,
    SwitchingKey,
    is_original,
    lot_amounts,
    result_word,
)
from weftline.domain.reports import (
    Content,
    Counts,
    Report,
    Result,
    Shelf,
    difference,
    results_of,
    with_content,
    with_status,
)
from weftline.domain.rows.inspections import (
    InspectionAmounts,
    LotKey,
    LotRow,
    ReportKey,
    ReportRow,
    RunKey,
    RunRow,
    SeriesKey,
    SwitchingRow,
)
from weftline.domain.runs import Runs
from weftline.domain.sampling import Due, LotVerdict, Mark, SamplingStandard, Switching
from weftline.domain.sampling import judge as judge_lot
from weftline.domain.undo import UndoLog
from weftline.domain.vocabulary import NonconformityClass

K = TypeVar("K")
V = TypeVar("V")

UNKNOWN_KIND = "unknown_kind"

# Critical nonconformities take no part in switching.
_SWITCHING_CLASSES = (NonconformityClass.MAJOR, NonconformityClass.MINOR)
_NOTHING = Counts()


class InspectionRules:
    """Rules of one factory (see :class:`weftline.domain.fold.Rules`)."""

    def __init__(self, standards: Standards, sampling: SamplingStandard, *, lean: bool = False) -> None:
        """``lean``: contents of reports are kept as bytes, for a factory too large to be kept otherwise."""
        self._standards = standards
        self._shelf = Shelf(self._judge) if lean else None
        self._sampling = sampling
        self._log = UndoLog()
        # By rank. They follow from the content alone, and are a third of what judging an event again would cost.
        self._verdicts: dict[int, Verdict] = {}
        self._lot_verdicts: dict[int, LotVerdict] = {}
        # By what they rest on, from which alone they follow: a row is asked for with every report, and shows all that ever alerted.
        self._run_alerts: dict[tuple[str, tuple[Result, ...]], StandingAlert] = {}
        self._factory = ""
        self._reports: dict[ReportKey, Report] = {}
        self._lots: dict[str, Lot] = {}
        self._series: dict[SwitchingKey, Series] = {}
        self._runs: dict[str, Runs] = {}  # by indicator
        # What was ever said of a report or lot, standing or not: decides which rows a further word could affect.
        self._report_seen: dict[ReportKey, InspectionEvent] = {}
        self._report_indicators: dict[ReportKey, tuple[str, ...]] = {}
        self._lot_seen: dict[str, InspectionEvent] = {}
        self._lot_series: dict[str, tuple[SwitchingKey, ...]] = {}

    def mark(self) -> int:
        """The factory as it is."""
        return self._log.mark()

    def rewind(self, mark: int) -> None:
        """The factory as it was."""
        self._log.rewind(mark)

    def forget(self) -> None:
        """Nobody will return to a mark, nor judge an event again."""
        self._log.forget()
        self._verdicts.clear()
        self._lot_verdicts.clear()
        self._run_alerts.clear()

    def note(self, event: InspectionEvent) -> None:
        """Remembers which subjects there are."""
        self._factory = event.factory_id
        if (report := _report_key(event)) is not None:
            self._log.put(self._report_seen, report, event if self._shelf is None else replace(event, laboratory_report=None))
            measured = event.laboratory_report.measurements if event.laboratory_report is not None else ()
            self._note(self._report_indicators, report, (measurement.indicator for measurement in measured))
        if (lot := event.lot_inspection) is not None:
            self._log.put(self._lot_seen, lot.lot_id, event)
            self._note(self._lot_series, lot.lot_id, ((event.product_category, of) for of in _SWITCHING_CLASSES))

    def _note(self, table: dict[K, tuple[V, ...]], key: K, more: Iterable[V]) -> None:
        """Add to what is known of ``key``, each once."""
        known = table.get(key)
        every = tuple(dict.fromkeys((*(known or ()), *more)))
        if every != known:
            self._log.put(table, key, every)

    def subjects(self, event: InspectionEvent) -> Iterable[Subject]:
        """A report with the runs of all its indicators; a lot with its series; the series of a corrective action."""
        if (report := _report_key(event)) is not None:
            yield ("report_state", *report)
            for indicator in self._report_indicators[report]:
                yield ("run_state", *RunKey(indicator))
        if event.lot_inspection is not None:
            yield ("lot_state", *LotKey(event.lot_inspection.lot_id))
            for category, of in self._lot_series[event.lot_inspection.lot_id]:
                yield ("switching_state", *SeriesKey(product_category=category, nonconformity_class=of.value))
        if event.corrective_action is not None:
            of = event.corrective_action.nonconformity_class
            yield ("switching_state", *SeriesKey(product_category=event.product_category, nonconformity_class=of.value))

    def void(self, event: InspectionEvent) -> InspectionAmounts:
        """Amounts of an event that counts zero."""
        return _amounts(event)

    def apply(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        """Judge the next event of the factory."""
        if event.laboratory_report is not None:
            return self._apply_content(event, rank)
        if event.report_status is not None:
            return self._apply_status(event)
        if event.lot_inspection is not None:
            return self._apply_lot(event, rank)
        if event.corrective_action is not None:
            return self._apply_action(event)
        return 0, UNKNOWN_KIND, self.void(event)

    def row(self, subject: Subject, as_of: int) -> StateRow:
        """The state row of a report, a lot, a run of an indicator, or a series of lots."""
        table, *key = subject
        if table == "report_state":
            return self._report_row(ReportKey(*key))
        if table == "lot_state":
            return self._lot_row(key[0])
        if table == "run_state":
            return self._run_row(key[0])
        series = SeriesKey(*key)
        return self._switching_row((series.product_category, NonconformityClass(series.nonconformity_class)))

    # reports

    def _apply_content(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        if event.laboratory_report is None:
            raise ValueError("a laboratory report without content")
        verdict = self._verdicts.get(rank) or self._judge(event)
        self._verdicts[rank] = verdict
        key = _key_of(event.laboratory_report)
        before = self._reports.get(key, Report())
        content = Content(event, verdict) if self._shelf is None else self._shelf.put(event, verdict)
        after, mark = with_content(before, content)
        counts = self._restate(key, before, after)
        return 1, mark, _amounts(event, verdict.verdict.value, counts)

    def _judge(self, event: InspectionEvent) -> Verdict:
        if event.laboratory_report is None:
            raise ValueError("a laboratory report without content")
        return judge(event.laboratory_report, event.event_time, self._standards, event.product_category)

    def _apply_status(self, event: InspectionEvent) -> tuple[int, str, InspectionAmounts]:
        key = _report_key(event)
        if key is None:
            raise ValueError("a step in the life of no report")
        before = self._reports.get(key, Report())
        after, mark = with_status(before, event)
        counts = self._restate(key, before, after)
        return 1, mark, _amounts(event, counts=counts)

    def _restate(self, key: ReportKey, before: Report, after: Report) -> Counts:
        """Put a report's new state in place; the signed amounts that this makes."""
        self._log.put(self._reports, key, after)
        if before.counted is after.counted:
            return _NOTHING
        for indicator, result in results_of(before):
            self._runs[indicator].remove(result.position)
        for indicator, result in results_of(after):
            if indicator not in self._runs:
                self._runs[indicator] = Runs(self._log)
            self._runs[indicator].insert(result)
        return difference(before.counted, after.counted)

    def _report_row(self, key: ReportKey) -> StateRow:
        report = self._reports.get(key, Report())
        shown = report.content.event if report.content else self._report_seen[key]
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
        return StateRow("report_state", key, values, safety_alerts(report, self._standards))

    def _run_row(self, indicator: str) -> StateRow:
        runs = self._runs.get(indicator) or Runs(self._log)
        values = RunRow(
            results=runs.results,
            failures=runs.failures,
            current_run=runs.current,
            longest_run=runs.longest,
            last_result_at=runs.last.content.verdict.judged_at if runs.last else None,
        )
        return StateRow("run_state", RunKey(indicator), values, tuple(self._run_alert(indicator, run) for run in runs.alarming))

    def _run_alert(self, indicator: str, first_three: tuple[Result, ...]) -> StandingAlert:
        known = self._run_alerts.get((indicator, first_three))
        alert = known or run_alert(self._factory, indicator, first_three, self._standards)
        if self._shelf is None:
            self._run_alerts[indicator, first_three] = alert
        return alert

    # lots

    def _apply_lot(self, event: InspectionEvent, rank: int) -> tuple[int, str, InspectionAmounts]:
        inspection = event.lot_inspection
        if inspection is None:
            raise ValueError("a lot inspection without a lot")
        minutes = offset_minutes(event.event_time_zone_offset)
        verdict = self._lot_verdicts.get(rank) or judge_lot(
            inspection, event.event_time, self._sampling, utc_offset_minutes=minutes
        )
        self._lot_verdicts[rank] = verdict
        lot = self._lots.get(inspection.lot_id, Lot())
        original = is_original(inspection)
        before = lot.standing(inspection.part_id, inspection.stage) if original else None
        second = (Mark.SECOND_ORIGINAL,) if before is not None else ()
        due: dict[NonconformityClass, Due] = {}
        moved: dict[SwitchingKey, Series] = {}
        for judged in verdict.classes:
            of = judged.nonconformity_class
            if of in _SWITCHING_CLASSES:
                series = self._series_of((event.product_category, of))
                due[of] = series.switching.due
                ref = LotRef(event, judged)
                stood = None if before is None else before.verdict.of(of)
                moved[event.product_category, of] = (
                    series.after(ref, original)
                    if before is None
                    else series.after_second(ref, None if stood is None else LotRef(before.event, stood))
                )
        counts = lot_amounts(before, verdict, original)
        amounts = _amounts(event, verdict=result_word(verdict.accepted))._replace(
            lots=counts.lots,
            lots_accepted=counts.accepted,
            lots_not_accepted=counts.not_accepted,
            lots_resubmitted=counts.resubmitted,
            lots_resubmitted_accepted=counts.resubmitted_accepted,
            lots_not_judged=counts.not_judged,
            lots_by_agreement=counts.by_agreement,
            lots_by_agreement_accepted=counts.by_agreement_accepted,
            units_inspected=inspection.sample_size,
            units_critical=inspection.critical_units,
            units_major=inspection.major_units,
            units_minor=inspection.minor_units,
            class_name=[judged.nonconformity_class.value for judged in verdict.classes],
            class_accepted=[_yes_or_no(judged.accepted) for judged in verdict.classes],
            class_severity_used=[judged.severity_used.value if judged.severity_used else "" for judged in verdict.classes],
            class_severity_due=[due[of].value if (of := judged.nonconformity_class) in due else "" for judged in verdict.classes],
            class_marks=[",".join((*second, *verdict.marks, *judged.marks)) for judged in verdict.classes],
        )
        seen = Inspected(event, inspection, verdict, original, (*second, *verdict.all_marks))
        self._log.put(self._lots, inspection.lot_id, replace(lot, inspections=(*lot.inspections, seen)))
        for series_key, moved_on in moved.items():
            self._log.put(self._series, series_key, moved_on)
        return 1, SECOND_ORIGINAL if second else APPLIED, amounts

    def _apply_action(self, event: InspectionEvent) -> tuple[int, str, InspectionAmounts]:
        action = event.corrective_action
        if action is None:
            raise ValueError("a corrective action without a body")
        key = (event.product_category, action.nonconformity_class)
        before = self._series_of(key)
        discontinued = before.switching.due is Due.DISCONTINUED
        if discontinued:
            self._log.put(self._series, key, before.resumed(event.event_time))
        return 1, APPLIED if discontinued else NOT_DISCONTINUED, self.void(event)

    def _series_of(self, key: SwitchingKey) -> Series:
        return self._series.get(key) or Series(Switching(self._sampling.switching))

    def _lot_row(self, lot_id: str) -> StateRow:
        lot = self._lots.get(lot_id, Lot())
        last = lot.inspections[-1] if lot.inspections else None
        shown = last.event if last else self._lot_seen[lot_id]
        refused = {
            judged.nonconformity_class.value: None
            for seen in lot.inspections
            for judged in seen.verdict.classes
            if judged.accepted is False
        }
        said = list(dict.fromkeys(words for seen in lot.inspections for words in lot_remarks(seen)))
        values = LotRow(
            center_id=shown.center_id,
            cooperative_id=shown.cooperative_id,
            product_category=shown.product_category,
            style_number=shown.style_number or "",
            order_id=shown.order_id or "",
            lot_size=last.inspection.lot_size if last else 0,
            stage=last.inspection.stage.value if last else "",
            original_result=result_word(lot.original_result) if any(seen.original for seen in lot.inspections) else "",
            last_result=result_word(last.verdict.accepted) if last else "",
            inspections=len(lot.inspections),
            resubmissions=sum(not seen.original for seen in lot.inspections),
            not_accepted_classes=list(refused),
            part_ids=list(
                dict.fromkeys(seen.inspection.part_id for seen in lot.inspections if seen.inspection.part_id is not None)
            ),
            by_agreement=int(any(seen.verdict.by_agreement for seen in lot.inspections)),
            marks=list(dict.fromkeys(mark.value for seen in lot.inspections for mark in seen.marks)),
            remarks_zh=[words.zh for words in said],
            remarks_en=[words.en for words in said],
            last_inspected_at=last.event.event_time if last else None,
        )
        return StateRow("lot_state", LotKey(lot_id), values, lot_alerts(lot))

    def _switching_row(self, key: SwitchingKey) -> StateRow:
        series = self._series_of(key)
        switching = series.switching
        values = SwitchingRow(
            severity_due=switching.due.value,
            since=series.switches[-1].time if series.switches else None,
            lots=series.lots,
            switches=len(series.switches),
            recent_accepted=[int(accepted) for _, accepted in switching.recent],
            not_accepted_on_tightened=len(switching.failed),
        )
        category, of = key
        named = SeriesKey(product_category=category, nonconformity_class=of.value)
        return StateRow("switching_state", named, values, switching_alerts(category, of, series, self._standards))


def _report_key(event: InspectionEvent) -> ReportKey | None:
    body = event.laboratory_report or event.report_status
    return _key_of(body) if body is not None else None


def _key_of(body: LaboratoryReport | ReportStatusChange) -> ReportKey:
    return ReportKey(laboratory_id=body.laboratory_id, report_number=body.report_number)


def _yes_or_no(accepted: bool | None) -> str:
    return "not_judged" if accepted is None else "yes" if accepted else "no"


def _amounts(event: InspectionEvent, verdict: str = "", counts: Counts = _NOTHING) -> InspectionAmounts:
    items = counts.items
    return InspectionAmounts(
        cooperative_id=event.cooperative_id,
        factory_id=event.factory_id,
        kind=event.kind.value,
        product_category=event.product_category,
        subject=_subject(event),
        verdict=verdict,
        reports=counts.reports,
        reports_passed=counts.passed,
        reports_failed=counts.failed,
        reports_incomplete=counts.incomplete,
        reports_not_applicable=counts.not_applicable,
        reports_full=counts.full,
        reports_full_passed=counts.full_passed,
        reports_full_failed=counts.full_failed,
        item_category=[item.category for item in items],
        item_indicator=[item.indicator for item in items],
        item_tested=[item.tested for item in items],
        item_passed=[item.passed for item in items],
        item_failed=[item.failed for item in items],
        item_incomplete=[item.incomplete for item in items],
        item_not_detected=[item.not_detected for item in items],
    )


def _subject(event: InspectionEvent) -> str:
    if (report := _report_key(event)) is not None:
        return "/".join(report)
    return event.lot_inspection.lot_id if event.lot_inspection else ""
