"""The four kinds of message: which class, which schema, which topic, which CloudEvents type."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from weftline.domain.alerts import Alert
from weftline.domain.events import InspectionEvent, LogisticsEvent, OrderEvent

Message: TypeAlias = OrderEvent | InspectionEvent | LogisticsEvent | Alert


class Kind(NamedTuple):
    """One kind of message.

    ``name`` is its ``type`` in JSON, ``record`` the full name of its Avro record, ``version`` of the schema that ``cls`` mirrors.
    """

    name: str
    cls: type[Message]
    topic: str
    subject: str
    version: int
    record: str
    ce_type: str


KINDS = (
    Kind(
        "order",
        OrderEvent,
        "sample.orders.v1",
        "sample.orders.v1-value",
        1,
        "org.weftline.v1.SampleOrderEvent",
        "org.weftline.sample.order.v1",
    ),
    Kind(
        "inspection",
        InspectionEvent,
        "inspection.results.v1",
        "inspection.results.v1-value",
        1,
        "org.weftline.v1.InspectionResult",
        "org.weftline.inspection.result.v1",
    ),
    Kind(
        "logistics",
        LogisticsEvent,
        "logistics.events.v1",
        "logistics.events.v1-value",
        1,
        "org.weftline.v1.LogisticsEvent",
        "org.weftline.logistics.event.v1",
    ),
    Kind(
        "alert",
        Alert,
        "quality.alerts.v1",
        "quality.alerts.v1-value",
        1,
        "org.weftline.v1.QualityAlert",
        "org.weftline.quality.alert.v1",
    ),
)

BY_TYPE = {kind.name: kind for kind in KINDS}
BY_TOPIC = {kind.topic: kind for kind in KINDS}
BY_CLASS: dict[type, Kind] = {kind.cls: kind for kind in KINDS}


def kind_of(message: Message) -> Kind:
    """The kind of an event or alert; :class:`TypeError` for anything else."""
    try:
        return BY_CLASS[type(message)]
    except KeyError:
        raise TypeError(f"{type(message).__name__} is no event and no alert of Weftline") from None
