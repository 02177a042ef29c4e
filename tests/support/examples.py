"""The golden examples of ``schemas/examples`` as events, the codec that reads them, and the ones that tests name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.mapping import from_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry
from weftline.domain.events import InspectionEvent, Measurement
from weftline.domain.vocabulary import SafetyClass

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)
EXAMPLES: dict[str, Any] = {
    path.relative_to(schemas_root() / "examples").as_posix(): from_json(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((schemas_root() / "examples").glob("*/v1/*.json"))
}
ORDER = EXAMPLES["sample.orders.v1-value/v1/confirmed.json"]
DECLARED = EXAMPLES["sample.orders.v1-value/v1/dispatched-incorrect.json"]
REPORT = EXAMPLES["inspection.results.v1-value/v1/laboratory-report.json"]
LOT = EXAMPLES["inspection.results.v1-value/v1/lot-inspection.json"]
ACTION = EXAMPLES["inspection.results.v1-value/v1/corrective-action.json"]
SHIPMENT = EXAMPLES["logistics.events.v1-value/v1/departing.json"]
MEMBER = EXAMPLES["cooperative.events.v1-value/v1/member-joined.json"]
VERIFIED = EXAMPLES["inspection.results.v1-value/v1/report-verified.json"]
ALERT = EXAMPLES["quality.alerts.v1-value/v1/safety-raised.json"]


def verified_report(
    factory: str, name: str, at: int, measurements: tuple[Measurement, ...]
) -> tuple[InspectionEvent, InspectionEvent]:
    """A report of class B on formaldehyde, at a time in ms, and its verification half a second later."""
    content = replace(
        REPORT.laboratory_report,
        report_number=name,
        tested_at=None,
        safety_class=SafetyClass.B,
        test_plan=("formaldehyde",),
        measurements=measurements,
    )
    told = replace(VERIFIED.report_status, laboratory_id=content.laboratory_id, report_number=name, amendment=content.amendment)
    return (
        replace(REPORT, factory_id=factory, event_id=name, event_time=at, laboratory_report=content),
        replace(VERIFIED, factory_id=factory, event_id=f"{name}-v", event_time=at + 500, report_status=told),
    )
