"""The golden examples of ``schemas/examples`` as events, the codec that reads them, and the ones that tests name."""

from __future__ import annotations

import json
from typing import Any

from weftline.contracts.codec import Codec
from weftline.contracts.mapping import from_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry

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
ALERT = EXAMPLES["quality.alerts.v1-value/v1/safety-raised.json"]
