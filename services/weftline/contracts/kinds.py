"""The registry of kinds of message: class, schema, topic, CloudEvents type, and for a kind of event its processor and its tables.

All that has something for every kind derives it from here, or is held against this list by tests/contract/test_every_kind.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from weftline.domain.alerts import Alert
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import AlertReply, InspectionEvent, LogisticsEvent, OrderEvent

#: The classes of the kinds of event; whoever takes any event takes this.
AnyEvent: TypeAlias = OrderEvent | InspectionEvent | LogisticsEvent | AlertReply | CooperativeEvent
Message: TypeAlias = AnyEvent | Alert


class MessageKind(NamedTuple):
    """One kind of message.

    ``name`` is its ``type`` in JSON, ``record`` the full name of its Avro record, ``version`` of the schema that ``cls`` mirrors.
    ``processor`` handles it, and the names of its tables begin with ``tables``; both are empty for what we publish ourselves.
    """

    name: str
    cls: type[Message]
    topic: str
    subject: str
    version: int
    record: str
    ce_type: str
    processor: str = ""
    tables: str = ""

    @property
    def records(self) -> str:
        """The table of its records."""
        return f"{self.tables}_records"

    @property
    def facts(self) -> str:
        """The table of what its records were judged to be."""
        return f"{self.tables}_facts"

    @property
    def rollup(self) -> str:
        """How the names of its rollups begin; a grain follows."""
        return f"{self.tables}_throughput"


KINDS: Final = (
    MessageKind(
        "order",
        OrderEvent,
        "sample.orders.v1",
        "sample.orders.v1-value",
        2,
        "org.weftline.v1.SampleOrderEvent",
        "org.weftline.sample.order.v1",
        "orders",
        "order",
    ),
    MessageKind(
        "inspection",
        InspectionEvent,
        "inspection.results.v1",
        "inspection.results.v1-value",
        3,
        "org.weftline.v1.InspectionResult",
        "org.weftline.inspection.result.v1",
        "inspections",
        "inspection",
    ),
    MessageKind(
        "logistics",
        LogisticsEvent,
        "logistics.events.v1",
        "logistics.events.v1-value",
        2,
        "org.weftline.v1.LogisticsEvent",
        "org.weftline.logistics.event.v1",
        "logistics",
        "logistics",
    ),
    MessageKind(
        "reply",
        AlertReply,
        "quality.alert-replies.v1",
        "quality.alert-replies.v1-value",
        1,
        "org.weftline.v1.AlertReply",
        "org.weftline.quality.alert-reply.v1",
        "replies",
        "reply",
    ),
    MessageKind(
        "cooperative",
        CooperativeEvent,
        "cooperative.events.v1",
        "cooperative.events.v1-value",
        2,
        "org.weftline.v1.CooperativeEvent",
        "org.weftline.cooperative.event.v1",
        "cooperative",
        "cooperative",
    ),
    MessageKind(
        "alert",
        Alert,
        "quality.alerts.v1",
        "quality.alerts.v1-value",
        4,
        "org.weftline.v1.QualityAlert",
        "org.weftline.quality.alert.v1",
    ),
)

BY_TYPE = {kind.name: kind for kind in KINDS}
BY_TOPIC = {kind.topic: kind for kind in KINDS}
#: The kinds of event by the name of their processor.
BY_PROCESSOR: Final[Mapping[str, MessageKind]] = {kind.processor: kind for kind in KINDS if kind.processor}
BY_CLASS: dict[type, MessageKind] = {kind.cls: kind for kind in KINDS}


def kind_of(message: Message) -> MessageKind:
    """The kind of an event or alert; :class:`TypeError` for anything else."""
    try:
        return BY_CLASS[type(message)]
    except KeyError:
        raise TypeError(f"{type(message).__name__} is no event and no alert of Weftline") from None
