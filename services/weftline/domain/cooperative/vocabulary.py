"""The vocabularies of a cooperative's events, a part of :mod:`weftline.domain.vocabulary`."""

from __future__ import annotations

from enum import StrEnum


class CooperativeKind(StrEnum):
    """Which of the bodies below is set."""

    UNKNOWN = "UNKNOWN"
    MEMBERSHIP = "MEMBERSHIP"
    OFFICER = "OFFICER"
    CERTIFICATE = "CERTIFICATE"
    OFFICIAL_GRADE = "OFFICIAL_GRADE"
    FUND = "FUND"
    ENFORCEMENT = "ENFORCEMENT"
    LISTING = "LISTING"
    TRADEMARK = "TRADEMARK"
    STANDARD = "STANDARD"
    BRAND = "BRAND"
    PACK = "PACK"


class MembershipStep(StrEnum):
    """Steps of a membership."""

    UNKNOWN = "UNKNOWN"
    JOINED = "JOINED"
    PLEDGE_SIGNED = "PLEDGE_SIGNED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    LEFT = "LEFT"


class SizeClass(StrEnum):
    """Size of an enterprise as the statistics office classes it."""

    UNKNOWN = "UNKNOWN"
    MICRO = "MICRO"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class OfficerStep(StrEnum):
    """Steps of an officer."""

    UNKNOWN = "UNKNOWN"
    APPOINTED = "APPOINTED"
    TRAINED = "TRAINED"
    ENDED = "ENDED"


class OfficerRole(StrEnum):
    """Roles in the quality work of a member."""

    UNKNOWN = "UNKNOWN"
    CHIEF_QUALITY_OFFICER = "CHIEF_QUALITY_OFFICER"
    QUALITY_SPECIALIST = "QUALITY_SPECIALIST"


class CertificateStep(StrEnum):
    """Steps of a certificate."""

    UNKNOWN = "UNKNOWN"
    GRANTED = "GRANTED"
    RENEWED = "RENEWED"
    SUSPENDED = "SUSPENDED"
    WITHDRAWN = "WITHDRAWN"


class CreditGrade(StrEnum):
    """Grades of quality credit as authorities give them."""

    UNKNOWN = "UNKNOWN"
    AAA = "AAA"
    AA = "AA"
    A = "A"
    B = "B"
    C = "C"
    D = "D"


class FundStep(StrEnum):
    """Entries of the testing fund."""

    UNKNOWN = "UNKNOWN"
    BUDGET_SET = "BUDGET_SET"
    PRICE_SET = "PRICE_SET"
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    DONE = "DONE"


class EnforcementStep(StrEnum):
    """Steps of an enforcement case."""

    UNKNOWN = "UNKNOWN"
    CHECK_FAILED = "CHECK_FAILED"
    RECTIFICATION_ORDERED = "RECTIFICATION_ORDERED"
    RECTIFICATION_REPORTED = "RECTIFICATION_REPORTED"
    RECTIFICATION_ACCEPTED = "RECTIFICATION_ACCEPTED"
    REINSPECTION_FAILED = "REINSPECTION_FAILED"
    REINSPECTION_PASSED = "REINSPECTION_PASSED"


class EnforcementLevel(StrEnum):
    """Whose spot check it was."""

    UNKNOWN = "UNKNOWN"
    COOPERATIVE = "COOPERATIVE"
    COUNTY = "COUNTY"
    CITY = "CITY"
    PROVINCE = "PROVINCE"
    NATIONAL = "NATIONAL"


class ListingStep(StrEnum):
    """Steps of an entry on a list."""

    UNKNOWN = "UNKNOWN"
    PROPOSED = "PROPOSED"
    DECIDED = "DECIDED"
    APPEALED = "APPEALED"
    UPHELD = "UPHELD"
    CHANGED = "CHANGED"
    LIFTED = "LIFTED"


class QualityList(StrEnum):
    """Local lists of a cooperative."""

    UNKNOWN = "UNKNOWN"
    RED = "RED"
    BLACK = "BLACK"


class TrademarkStep(StrEnum):
    """Steps of the right to carry the collective trademark."""

    UNKNOWN = "UNKNOWN"
    APPLIED = "APPLIED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    SUSPENDED = "SUSPENDED"
    WITHDRAWN = "WITHDRAWN"


class StandardsStep(StrEnum):
    """Parts in the work on standards."""

    UNKNOWN = "UNKNOWN"
    COLLECTION_RECEIVED = "COLLECTION_RECEIVED"
    JOINED = "JOINED"
    LED = "LED"
    GROUP_STANDARD = "GROUP_STANDARD"


class BrandStep(StrEnum):
    """What became of a brand."""

    UNKNOWN = "UNKNOWN"
    MARK_REGISTERED = "MARK_REGISTERED"
    HONOURED = "HONOURED"
    ENDED = "ENDED"


class PackStep(StrEnum):
    """What became of a pack."""

    UNKNOWN = "UNKNOWN"
    MADE = "MADE"


class PackPurpose(StrEnum):
    """What a pack is to prove."""

    UNKNOWN = "UNKNOWN"
    LOAN = "LOAN"
    TRADEMARK = "TRADEMARK"
