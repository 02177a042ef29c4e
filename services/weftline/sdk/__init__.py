"""Weftline's SDK: publish events, subscribe to quality alerts. Needs Kafka and nothing else of Weftline's servers.

::

    from weftline.sdk import Publisher, Subscriber
"""

from weftline.contracts.advice import Advice
from weftline.contracts.epcis import EpcisDefaults, MappedDocument, ShipmentKey, Skipped, map_document
from weftline.domain.alerts import Alert, Evidence, ListedAlert
from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.events import (
    AlertReply,
    CorrectiveAction,
    ErrorDeclaration,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    LotInspection,
    Measurement,
    OrderEvent,
    PlanUsed,
    ReportStatusChange,
)
from weftline.errors import ContractError, DependencyDown, UserError, WeftlineError
from weftline.sdk.delivery import DeliveryError, Sent, Undelivered
from weftline.sdk.files import Problem, Progress, Summary, publish_file
from weftline.sdk.over_http import HttpPublisher
from weftline.sdk.publisher import Publisher
from weftline.sdk.subscriber import Subscriber
from weftline.sdk.values import content_id

__all__ = [
    "Advice",
    "Alert",
    "AlertReply",
    "ContractError",
    "CooperativeEvent",
    "CorrectiveAction",
    "DeliveryError",
    "DependencyDown",
    "EpcisDefaults",
    "ErrorDeclaration",
    "Evidence",
    "HttpPublisher",
    "InspectionEvent",
    "LaboratoryReport",
    "ListedAlert",
    "LogisticsEvent",
    "LotInspection",
    "MappedDocument",
    "Measurement",
    "OrderEvent",
    "PlanUsed",
    "Problem",
    "Progress",
    "Publisher",
    "ReportStatusChange",
    "Sent",
    "ShipmentKey",
    "Skipped",
    "Subscriber",
    "Summary",
    "Undelivered",
    "UserError",
    "WeftlineError",
    "content_id",
    "map_document",
    "publish_file",
]
