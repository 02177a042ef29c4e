"""The processors that there are: for every kind of event of :mod:`weftline.contracts.kinds`, its rules and tables."""

from __future__ import annotations

from weftline.contracts.standards import load_cooperative_rules, load_sampling_standard, load_standards
from weftline.processors.cooperative import cooperative
from weftline.processors.inspections import inspections
from weftline.processors.kinds import Kind
from weftline.processors.logistics import LOGISTICS
from weftline.processors.orders import ORDERS
from weftline.processors.replies import REPLIES


def kinds() -> dict[str, Kind]:
    """By name."""
    standards = load_standards()
    judged = inspections(standards, load_sampling_standard()), cooperative(standards, load_cooperative_rules(standards))
    every = (ORDERS, judged[0], LOGISTICS, REPLIES, judged[1])
    return {kind.name: kind for kind in every}
