"""The closed vocabularies of the events; the symbols are those of the Avro schemas.

``UNKNOWN`` is what a reader sees when a newer publisher uses a symbol that this version does not know. Those of a cooperative stand in a
module of their own, and are found here too.
"""

from __future__ import annotations

from enum import StrEnum

from weftline.domain.cooperative.vocabulary import BrandStep as BrandStep
from weftline.domain.cooperative.vocabulary import CertificateStep as CertificateStep
from weftline.domain.cooperative.vocabulary import CooperativeKind as CooperativeKind
from weftline.domain.cooperative.vocabulary import CreditGrade as CreditGrade
from weftline.domain.cooperative.vocabulary import EnforcementLevel as EnforcementLevel
from weftline.domain.cooperative.vocabulary import EnforcementStep as EnforcementStep
from weftline.domain.cooperative.vocabulary import FundStep as FundStep
from weftline.domain.cooperative.vocabulary import ListingStep as ListingStep
from weftline.domain.cooperative.vocabulary import MembershipStep as MembershipStep
from weftline.domain.cooperative.vocabulary import OfficerRole as OfficerRole
from weftline.domain.cooperative.vocabulary import OfficerStep as OfficerStep
from weftline.domain.cooperative.vocabulary import PackPurpose as PackPurpose
from weftline.domain.cooperative.vocabulary import PackStep as PackStep
from weftline.domain.cooperative.vocabulary import QualityList as QualityList
from weftline.domain.cooperative.vocabulary import SizeClass as SizeClass
from weftline.domain.cooperative.vocabulary import StandardsStep as StandardsStep
from weftline.domain.cooperative.vocabulary import TrademarkStep as TrademarkStep


class Precision(StrEnum):
    """How much of an event's time is known: DAY, its date only; UNKNOWN is taken for all of it."""

    UNKNOWN = "UNKNOWN"
    DAY = "DAY"


class OrderStatus(StrEnum):
    """Life cycle of a sample order (domain: Delogue PLM's sample request and common LIMS states)."""

    UNKNOWN = "UNKNOWN"
    DRAFTED = "DRAFTED"
    REQUESTED = "REQUESTED"
    QUOTED = "QUOTED"
    CONFIRMED = "CONFIRMED"
    MATERIAL_READY = "MATERIAL_READY"
    IN_PRODUCTION = "IN_PRODUCTION"
    INTERNAL_QC = "INTERNAL_QC"
    DISPATCHED = "DISPATCHED"
    RECEIVED = "RECEIVED"
    COMMENTED = "COMMENTED"
    APPROVED = "APPROVED"
    REVISION_REQUESTED = "REVISION_REQUESTED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    ON_HOLD = "ON_HOLD"
    RESUMED = "RESUMED"


class SampleType(StrEnum):
    """What a sample is for."""

    UNKNOWN = "UNKNOWN"
    PROTO = "PROTO"
    LAB_DIP = "LAB_DIP"
    STRIKE_OFF = "STRIKE_OFF"
    SIZE_SET = "SIZE_SET"
    PRE_PRODUCTION = "PRE_PRODUCTION"
    SALES = "SALES"
    TOP = "TOP"


class ProductionStep(StrEnum):
    """Steps within IN_PRODUCTION."""

    UNKNOWN = "UNKNOWN"
    PATTERN = "PATTERN"
    CUT = "CUT"
    PRINT = "PRINT"
    SEW = "SEW"
    FILL = "FILL"
    FINISH = "FINISH"


class ErrorReason(StrEnum):
    """CBV error reason of an EPCIS error declaration."""

    UNKNOWN = "UNKNOWN"
    DID_NOT_OCCUR = "DID_NOT_OCCUR"
    INCORRECT_DATA = "INCORRECT_DATA"


class InspectionKind(StrEnum):
    """Which body an inspection result carries."""

    UNKNOWN = "UNKNOWN"
    LABORATORY_REPORT = "LABORATORY_REPORT"
    REPORT_STATUS = "REPORT_STATUS"
    LOT_INSPECTION = "LOT_INSPECTION"
    CORRECTIVE_ACTION = "CORRECTIVE_ACTION"


class MeasurementKind(StrEnum):
    """How a measurement is expressed."""

    UNKNOWN = "UNKNOWN"
    NUMBER = "NUMBER"
    GRADE = "GRADE"
    QUALITATIVE = "QUALITATIVE"
    NOT_DETECTED = "NOT_DETECTED"


class SpecimenType(StrEnum):
    """What was tested."""

    UNKNOWN = "UNKNOWN"
    RAW_MATERIAL = "RAW_MATERIAL"
    AUXILIARY = "AUXILIARY"
    FINISHED_PRODUCT = "FINISHED_PRODUCT"


class TestPurpose(StrEnum):
    """Why it was tested; SPOT_CHECK is a same-level check by an authority."""

    __test__ = False  # pytest: not a test class

    UNKNOWN = "UNKNOWN"
    COMMISSIONED = "COMMISSIONED"
    FUND = "FUND"
    SPOT_CHECK = "SPOT_CHECK"
    RE_INSPECTION = "RE_INSPECTION"


class Payer(StrEnum):
    """Who pays for a test."""

    UNKNOWN = "UNKNOWN"
    FACTORY = "FACTORY"
    TESTING_FUND = "TESTING_FUND"
    AUTHORITY = "AUTHORITY"


class SafetyClass(StrEnum):
    """GB 18401-2010 class, chosen by use."""

    UNKNOWN = "UNKNOWN"
    A = "A"
    B = "B"
    C = "C"


class AgeGroup(StrEnum):
    """GB 31701-2015: INFANT up to 36 months, CHILD over 3 up to 14 years."""

    UNKNOWN = "UNKNOWN"
    GENERAL = "GENERAL"
    INFANT = "INFANT"
    CHILD = "CHILD"


class ReportStatus(StrEnum):
    """Life of a laboratory report; only a verified one judges anybody."""

    UNKNOWN = "UNKNOWN"
    SUBMITTED = "SUBMITTED"
    VERIFIED = "VERIFIED"
    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"


class NonconformityClass(StrEnum):
    """ISO 2859-1 class of nonconformity."""

    UNKNOWN = "UNKNOWN"
    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"


class Severity(StrEnum):
    """ISO 2859-1 severity of inspection that an inspector used."""

    UNKNOWN = "UNKNOWN"
    NORMAL = "NORMAL"
    TIGHTENED = "TIGHTENED"
    REDUCED = "REDUCED"


class PlanBasis(StrEnum):
    """By whose numbers a lot is judged; UNKNOWN is taken for STANDARD."""

    UNKNOWN = "UNKNOWN"
    STANDARD = "STANDARD"
    BY_AGREEMENT = "BY_AGREEMENT"


class InspectionStage(StrEnum):
    """Where in the flow a lot was inspected."""

    UNKNOWN = "UNKNOWN"
    INCOMING = "INCOMING"
    IN_PROCESS = "IN_PROCESS"
    FINAL = "FINAL"


class Submission(StrEnum):
    """Only original inspections count for switching."""

    UNKNOWN = "UNKNOWN"
    ORIGINAL = "ORIGINAL"
    RESUBMITTED = "RESUBMITTED"


class TradeMode(StrEnum):
    """MARKET_PROCUREMENT is customs supervision mode 1039."""

    UNKNOWN = "UNKNOWN"
    DOMESTIC = "DOMESTIC"
    GENERAL_TRADE = "GENERAL_TRADE"
    MARKET_PROCUREMENT = "MARKET_PROCUREMENT"
    CROSS_BORDER_ECOMMERCE = "CROSS_BORDER_ECOMMERCE"


class AlertRule(StrEnum):
    """Rules that alert."""

    UNKNOWN = "UNKNOWN"
    SAFETY_LIMIT_FAILED = "SAFETY_LIMIT_FAILED"
    LOT_NOT_ACCEPTED = "LOT_NOT_ACCEPTED"
    SWITCHED_TO_TIGHTENED = "SWITCHED_TO_TIGHTENED"
    INSPECTION_DISCONTINUED = "INSPECTION_DISCONTINUED"
    THREE_FAILURES_IN_A_ROW = "THREE_FAILURES_IN_A_ROW"
    ORDER_OVERDUE = "ORDER_OVERDUE"
    SHIPMENT_OVERDUE = "SHIPMENT_OVERDUE"
    RECTIFICATION_DUE = "RECTIFICATION_DUE"
    RECTIFICATION_OVERDUE = "RECTIFICATION_OVERDUE"
    TRADEMARK_FELL_OUT = "TRADEMARK_FELL_OUT"
    LISTING_PROPOSED = "LISTING_PROPOSED"


class AlertSeverity(StrEnum):
    """How grave an alert is; the terms of Catena-X CX-0125."""

    UNKNOWN = "UNKNOWN"
    MINOR = "MINOR"
    MAJOR = "MAJOR"
    CRITICAL = "CRITICAL"


class AlertStatus(StrEnum):
    """What a revision of an alert does."""

    UNKNOWN = "UNKNOWN"
    RAISED = "RAISED"
    UPDATED = "UPDATED"
    WITHDRAWN = "WITHDRAWN"


class ReplyKind(StrEnum):
    """What is said to an alert (FORWARD to CLOSE, domain/answers.py) or of lots (BLOCK to FEEDBACK, domain/blocks.py)."""

    UNKNOWN = "UNKNOWN"
    FORWARD = "FORWARD"
    SEND = "SEND"
    CANCEL = "CANCEL"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    CLOSE = "CLOSE"
    BLOCK = "BLOCK"
    EXTEND = "EXTEND"
    LIFT = "LIFT"
    FEEDBACK = "FEEDBACK"


class BusinessStep(StrEnum):
    """CBV 2.0 business steps."""

    UNKNOWN = "UNKNOWN"
    ACCEPTING = "ACCEPTING"
    ARRIVING = "ARRIVING"
    ASSEMBLING = "ASSEMBLING"
    COLLECTING = "COLLECTING"
    COMMISSIONING = "COMMISSIONING"
    CONSIGNING = "CONSIGNING"
    CREATING_CLASS_INSTANCE = "CREATING_CLASS_INSTANCE"
    CYCLE_COUNTING = "CYCLE_COUNTING"
    DECOMMISSIONING = "DECOMMISSIONING"
    DEPARTING = "DEPARTING"
    DESTROYING = "DESTROYING"
    DISASSEMBLING = "DISASSEMBLING"
    DISPENSING = "DISPENSING"
    ENCODING = "ENCODING"
    ENTERING_EXITING = "ENTERING_EXITING"
    HOLDING = "HOLDING"
    INSPECTING = "INSPECTING"
    INSTALLING = "INSTALLING"
    KILLING = "KILLING"
    LOADING = "LOADING"
    OTHER = "OTHER"
    PACKING = "PACKING"
    PICKING = "PICKING"
    RECEIVING = "RECEIVING"
    REMOVING = "REMOVING"
    REPACKAGING = "REPACKAGING"
    REPAIRING = "REPAIRING"
    REPLACING = "REPLACING"
    RESERVING = "RESERVING"
    RETAIL_SELLING = "RETAIL_SELLING"
    SAMPLING = "SAMPLING"
    SENSOR_REPORTING = "SENSOR_REPORTING"
    SHIPPING = "SHIPPING"
    STAGING_OUTBOUND = "STAGING_OUTBOUND"
    STOCKING = "STOCKING"
    STOCK_TAKING = "STOCK_TAKING"
    STORING = "STORING"
    TRANSPORTING = "TRANSPORTING"
    UNLOADING = "UNLOADING"
    UNPACKING = "UNPACKING"
    VOID_SHIPPING = "VOID_SHIPPING"


class Disposition(StrEnum):
    """CBV 2.0 dispositions; UNKNOWN is also CBV's own `unknown`."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    AVAILABLE = "AVAILABLE"
    COMPLETENESS_INFERRED = "COMPLETENESS_INFERRED"
    COMPLETENESS_VERIFIED = "COMPLETENESS_VERIFIED"
    CONFORMANT = "CONFORMANT"
    CONTAINER_CLOSED = "CONTAINER_CLOSED"
    CONTAINER_OPEN = "CONTAINER_OPEN"
    DAMAGED = "DAMAGED"
    DESTROYED = "DESTROYED"
    DISPENSED = "DISPENSED"
    DISPOSED = "DISPOSED"
    ENCODED = "ENCODED"
    EXPIRED = "EXPIRED"
    INACTIVE = "INACTIVE"
    IN_PROGRESS = "IN_PROGRESS"
    IN_TRANSIT = "IN_TRANSIT"
    MISMATCH_CLASS = "MISMATCH_CLASS"
    MISMATCH_INSTANCE = "MISMATCH_INSTANCE"
    MISMATCH_QUANTITY = "MISMATCH_QUANTITY"
    NEEDS_REPLACEMENT = "NEEDS_REPLACEMENT"
    NON_CONFORMANT = "NON_CONFORMANT"
    NON_SELLABLE_OTHER = "NON_SELLABLE_OTHER"
    NO_PEDIGREE_MATCH = "NO_PEDIGREE_MATCH"
    PARTIALLY_DISPENSED = "PARTIALLY_DISPENSED"
    RECALLED = "RECALLED"
    RESERVED = "RESERVED"
    RETAIL_SOLD = "RETAIL_SOLD"
    RETURNED = "RETURNED"
    SELLABLE_ACCESSIBLE = "SELLABLE_ACCESSIBLE"
    SELLABLE_NOT_ACCESSIBLE = "SELLABLE_NOT_ACCESSIBLE"
    STOLEN = "STOLEN"
    UNAVAILABLE = "UNAVAILABLE"
