"""Alerts that a month of few events need not have, published so that they are there on any date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.e2e.commands import until
from weftline.sdk import Publisher
from weftline.warehouse.client import Reader


def publish_rare(kafka: str, tables: Reader) -> None:
    """What a month of few events need not have: three reports in a row that fail one indicator, a series of lots that is stopped."""
    with Publisher(kafka, source="urn:test:run", cooperative_id="haimen", center_id="c-board") as center:
        _three_failures(center)
        _discontinued(center)
        _of_a_member(center)
    until(lambda: _stands(tables, "THREE_FAILURES_IN_A_ROW", "f-run"), "three failures are told", 60)
    until(lambda: _stands(tables, "INSPECTION_DISCONTINUED", "f-stopped"), "the series is stopped", 60)
    for rule in ("RECTIFICATION_DUE", "RECTIFICATION_OVERDUE", "TRADEMARK_FELL_OUT", "LISTING_PROPOSED"):
        until(lambda rule=rule: _stands(tables, rule, "f-member"), f"{rule} is told of the member", 60)  # type: ignore[misc]


def _stands(tables: Reader, rule: str, factory: str) -> bool:
    return bool(tables.rows(f"SELECT 1 FROM standing_alerts WHERE rule = '{rule}' AND factory_id = '{factory}'"))


def _three_failures(center: Publisher) -> None:
    for number in (1, 2, 3):
        at = datetime.now(UTC) - timedelta(hours=4 - number)
        about = {
            "factory_id": "f-run",
            "product_category": "sheet",
            "laboratory_id": "lab-1",
            "report_number": f"R-RUN-{number}",
        }
        center.laboratory_report(
            **about, event_time=at, specimen="FINISHED_PRODUCT", specimen_kind="fabric", purpose="FUND", safety_class="B",
            test_plan=["ph"], measurements=[{"indicator": "ph", "kind": "NUMBER", "value": 9.1}],
        )  # fmt: skip
        center.report_status(**about, event_time=at + timedelta(minutes=5), status="VERIFIED")


def _discontinued(center: Publisher) -> None:
    """Two lots that are not accepted lead to tightened inspection, five more to none (ISO 2859-1:1999, 9.3.1 and 9.4)."""
    for number in range(7):
        severity, accept = ("NORMAL", 5) if number < 2 else ("TIGHTENED", 3)
        plan = {
            "nonconformity_class": "MAJOR", "standard": "ISO 2859-1", "edition": "1999", "level": "II", "aql": 2.5,
            "severity": severity, "sample_size": 80, "accept": accept, "reject": accept + 1,
        }  # fmt: skip
        center.lot_inspection(
            factory_id="f-stopped", product_category="sheet", event_time=datetime.now(UTC) - timedelta(hours=8 - number),
            lot_id=f"L-STOPPED-{number}", lot_size=1000, sample_size=80, stage="FINAL", plans=[plan], major_units=9,
        )  # fmt: skip


def _of_a_member(center: Publisher) -> None:
    """A check that failed and was never put right: its clocks ran out, a rule proposes the member for a list, and it holds a mark."""
    steps: list[tuple[int, str, dict[str, object]]] = [
        (400, "MEMBERSHIP", {"step": "JOINED", "size_class": "SMALL"}),
        (390, "TRADEMARK", {"step": "GRANTED", "mark_id": "nantong", "decided_by": "p-1"}),
        (120, "ENFORCEMENT", {"step": "CHECK_FAILED", "case_id": "HM-1", "level": "CITY", "indicators": ["ph"]}),
        (30, "FUND", {"step": "REQUESTED", "year": datetime.now(UTC).year, "request_id": "T-1", "batches": 1}),
    ]
    for days, kind, body in steps:
        center.cooperative(kind=kind, body=body, factory_id="f-member", event_time=datetime.now(UTC) - timedelta(days=days))
