"""From records to a member's history: its cooperative's events that stand, and what its laboratory reports say by their verdicts.

Reports live and are judged by the rules of inspections (:mod:`weftline.domain.reports`, :mod:`weftline.domain.laboratory`); here is only
what a cooperative takes from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import History, Inspection
from weftline.domain.events import LOTS, InspectionEvent
from weftline.domain.fold import Record
from weftline.domain.laboratory import Coverage, Flags, Standards, judge
from weftline.domain.reports import Content, Report, with_content, with_status
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.standing import standing


def history_of(
    own: Iterable[Record[CooperativeEvent]],
    inspections: Iterable[Record[InspectionEvent]],
    standards: Standards,
    until: int | None = None,
) -> History:
    """The history that the records of a member tell, with what happened until then (ms by event time; None: all of it)."""
    events = [event for strand in standing(own).values() for event in strand if until is None or event.event_time <= until]
    return History.of(events, _inspections(standing(inspections), standards, until))


def inspection_of(report: Report) -> Inspection | None:
    """What a report says of a member; None where no amendment was ever verified."""
    found = report.in_force
    if found is None or (content := found[1].verified) is None or (body := content.event.laboratory_report) is None:
        return None
    verdict, original = content.verdict, body.original_report_number
    return Inspection(
        report=ReportKey(body.laboratory_id, body.report_number),
        tested_at=verdict.judged_at,
        counted_at=report.counted_at,
        withdrawn_at=found[1].withdrawn_at,
        verdict=verdict.verdict,
        whole=verdict.coverage is Coverage.FULL,
        passing=tuple(indicator for indicator, flags in verdict.indicators if flags & Flags.PASSED),
        failing=tuple(indicator for indicator, flags in verdict.indicators if flags & Flags.FAILED),
        safety=tuple(dict.fromkeys(item.measurement.indicator for item in verdict.safety_failures)),
        purpose=body.purpose,
        payer=body.payer,
        product_category=content.event.product_category,
        specimen=body.specimen,
        original=None if original is None else ReportKey(body.laboratory_id, original),
    )


def _inspections(strands: dict[str, list[InspectionEvent]], standards: Standards, until: int | None) -> Iterator[Inspection]:
    for name, events in strands.items():
        if name != LOTS:
            report = Report()
            for event in events:
                if until is None or event.event_time <= until:
                    report = _after(report, event, standards)
            if (inspection := inspection_of(report)) is not None:
                yield inspection


def _after(report: Report, event: InspectionEvent, standards: Standards) -> Report:
    if (body := event.laboratory_report) is None:
        return with_status(report, event)[0]
    return with_content(report, Content(event, judge(body, event.event_time, standards, event.product_category)))[0]
