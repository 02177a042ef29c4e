"""``weftline inspections``: the processor of laboratory reports and lot inspections: verdicts, switching, quality."""

from __future__ import annotations

from typing import Final

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.inspections import InspectionRules
from weftline.domain.laboratory import Standards
from weftline.domain.rows.inspections import (
    InspectionAmounts,
    LotKey,
    LotRow,
    ReportKey,
    ReportRow,
    RunKey,
    RunRow,
    SeriesKey,
    StrandKey,
    StrandRow,
    SwitchingRow,
)
from weftline.domain.sampling import SamplingStandard
from weftline.processors.inspection_runs import runs_across
from weftline.processors.kinds import Kind, Says, StateTable, View, tables

_FACTORY: Final = ("factory_id", "factory")
_SAYS = Says(
    owner="factory_id",
    facts="One judged fact per inspection event: a report counts once, signed amounts restate it.",
    judgement="how it was judged; the marks are listed in the domain module of the kind",
    events="events that stand, also those that changed nothing: a step after a withdrawal, an amendment that is not in force, a status "
    "that nobody knows",
    throughput="Tests and lots",
    view="tests",
    view_says="Tests and lots",
)
_REPORTS = View(
    "reports",
    "Laboratory reports as they stand. Nothing that confers anything may rest on a verdict whose scope is PARTIAL.",
    "status != ''",
    owner=_FACTORY,
)
_LOTS = View(
    "lots",
    "Lots as they stand. NOT_JUDGED: the sample, the plans or the figures do not show whether the lot would be accepted; it is in no rate "
    "and no switching.",
    "inspections > 0",
    owner=_FACTORY,
)
_RUNS = View("failure_runs", "Runs of failures per factory and indicator.", "results > 0", owner=_FACTORY)
_SWITCHING = View("switching", "Severity of inspection due, per factory, product category and class.", "lots > 0", owner=_FACTORY)
_RESULTS = View(
    "report_results",
    "What each report of a factory counts for in runs of failures.",
    "notEmpty(indicators)",
    owner=_FACTORY,
    without=("strand", "ranks", "told"),
)
_STATES = tables(
    StateTable(
        "strand_state",
        "What each report of a factory says of runs of failures, and how much of it is known.",
        StrandRow,
        _RESULTS,
        StrandKey,
        at_once=True,
    ),
    StateTable("report_state", "State of each laboratory report.", ReportRow, _REPORTS, ReportKey),
    StateTable("lot_state", "State of each inspected lot.", LotRow, _LOTS, LotKey),
    StateTable("run_state", "Runs of failures of one indicator at a factory.", RunRow, _RUNS, RunKey),
    StateTable(
        "switching_state",
        "Severity of inspection that is due, per product category and class (ISO 2859-1).",
        SwitchingRow,
        _SWITCHING,
        SeriesKey,
    ),
)


def inspections(standards: Standards, sampling: SamplingStandard) -> Kind:
    """The kind of the inspection results, judged by these standards."""
    return Kind(
        of=BY_PROCESSOR["inspections"],
        start=lambda: InspectionRules(standards, sampling),
        start_lean=lambda: InspectionRules(standards, sampling, lean=True),
        # A measurement of 20 bytes becomes an object, a finding for each limit, and evidence of an alert.
        per_byte=30,
        amounts=InspectionAmounts,
        says=_SAYS,
        states=_STATES,
        across=runs_across(standards),
    )
