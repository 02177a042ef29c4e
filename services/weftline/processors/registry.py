"""The processors that there are: for every kind of event of :mod:`weftline.contracts.kinds`, its rules and tables."""

from __future__ import annotations

from weftline.contracts.standards import load_sampling_standard, load_standards
from weftline.processors.inspections import inspections
from weftline.processors.kinds import Kind
from weftline.processors.logistics import LOGISTICS
from weftline.processors.orders import ORDERS


def kinds() -> dict[str, Kind]:
    """By name."""
    every = (ORDERS, inspections(load_standards(), load_sampling_standard()), LOGISTICS)
    return {kind.name: kind for kind in every}
