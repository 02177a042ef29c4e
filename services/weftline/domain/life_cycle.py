"""Life-cycle ranks: of two events whose times do not tell them apart, which naturally comes first.

Equal times are common: exports give dates without a time, and two systems write the same minute. A rank is a tuple, compared from its
left; the smaller comes first. What may happen at any time has the rank that moves the least by coming there.
"""

from __future__ import annotations

from typing import Final

from weftline.domain import vocabulary
from weftline.domain.vocabulary import BusinessStep as B
from weftline.domain.vocabulary import CooperativeKind, ProductionStep, ReplyKind, ReportStatus, Submission
from weftline.domain.vocabulary import OrderStatus as S

LifeCycle = tuple[int, ...]

# A hold stops work, so the hold of a day comes after that day's work and before what leaves the center; a cancellation is the end.
_ORDERS: Final = {
    status: place
    for place, status in enumerate(
        (
            *(S.DRAFTED, S.REQUESTED, S.QUOTED, S.CONFIRMED),
            *(S.MATERIAL_READY, S.IN_PRODUCTION, S.INTERNAL_QC, S.ON_HOLD, S.RESUMED),
            *(S.DISPATCHED, S.RECEIVED, S.COMMENTED, S.REVISION_REQUESTED, S.APPROVED, S.REJECTED, S.CANCELLED, S.UNKNOWN),
        )
    )
}
_PRODUCTION: Final = {None: 0} | {step: place for place, step in enumerate(ProductionStep, 1)}

_REPORTS: Final = {
    status: place
    for place, status in enumerate(
        (ReportStatus.SUBMITTED, ReportStatus.UNKNOWN, ReportStatus.VERIFIED, ReportStatus.PUBLISHED, ReportStatus.WITHDRAWN), 1
    )
}
_LOTS: Final = {Submission.RESUBMITTED: 1}
_ACTION: Final = 2

# What is undone is a departure, and only before the goods arrive. A step that is not named happens anywhere and moves nothing, so it comes
# first, where it raises no other event's place.
_SHIPMENTS: Final = {
    **dict.fromkeys((B.SHIPPING, B.CONSIGNING, B.DEPARTING), 1),
    B.TRANSPORTING: 2,
    B.VOID_SHIPPING: 3,
    B.ARRIVING: 4,
    B.UNLOADING: 5,
    **dict.fromkeys((B.RECEIVING, B.ACCEPTING), 6),
    **dict.fromkeys((B.UNPACKING, B.STOCKING, B.STORING, B.RETAIL_SELLING), 7),
}

# A notification is prepared, sent, acknowledged, decided and closed; a block is begun, extended, answered and lifted. What nobody knows
# moves nothing. A supplier hands on what he was sent before, so his forwarding comes after the factory's (:func:`of_reply`).
_REPLIES: Final = {
    ReplyKind.UNKNOWN: 0,
    **dict.fromkeys((ReplyKind.FORWARD, ReplyKind.BLOCK), 1),
    **dict.fromkeys((ReplyKind.CANCEL, ReplyKind.EXTEND), 2),
    **dict.fromkeys((ReplyKind.SEND, ReplyKind.FEEDBACK), 3),
    ReplyKind.ACKNOWLEDGE: 5,
    **dict.fromkeys((ReplyKind.ACCEPT, ReplyKind.DECLINE), 6),
    **dict.fromkeys((ReplyKind.CLOSE, ReplyKind.LIFT), 7),
}
_HANDED_ON: Final = 4

# The symbols of a matter's steps stand in the order in which they naturally follow one another. UNKNOWN, their first, moves nothing.
_MATTERS: Final = {
    kind: {step.value: place for place, step in enumerate(steps)}
    for kind, steps in (
        (CooperativeKind.MEMBERSHIP, vocabulary.MembershipStep),
        (CooperativeKind.OFFICER, vocabulary.OfficerStep),
        (CooperativeKind.CERTIFICATE, vocabulary.CertificateStep),
        (CooperativeKind.OFFICIAL_GRADE, vocabulary.CreditGrade),
        (CooperativeKind.FUND, vocabulary.FundStep),
        (CooperativeKind.ENFORCEMENT, vocabulary.EnforcementStep),
        (CooperativeKind.LISTING, vocabulary.ListingStep),
        (CooperativeKind.TRADEMARK, vocabulary.TrademarkStep),
        (CooperativeKind.STANDARD, vocabulary.StandardsStep),
        (CooperativeKind.BRAND, vocabulary.BrandStep),
        (CooperativeKind.PACK, vocabulary.PackStep),
    )
}


def of_order(number: int, status: S, production_step: ProductionStep | None) -> LifeCycle:
    """Round, then status in the order of a round, then production step."""
    return number, _ORDERS[status], _PRODUCTION[production_step]


def of_report(status: ReportStatus | None, amendment: int) -> LifeCycle:
    """Contents (``status`` None), then their verification, publication, withdrawal; of one step the lower amendment."""
    return 0 if status is None else _REPORTS[status], amendment


def of_lot(submission: Submission) -> LifeCycle:
    """Original inspections, then resubmissions."""
    return (_LOTS.get(submission, 0),)


def of_action() -> LifeCycle:
    """A corrective action comes after the inspections to which it answers."""
    return (_ACTION,)


def of_shipment(step: B) -> LifeCycle:
    """Departure, way, arrival, receipt; what is not named comes before all of them."""
    return (_SHIPMENTS.get(step, 0),)


def of_reply(kind: ReplyKind, handed_on: bool) -> LifeCycle:
    """The way of a notification, or of a block; ``handed_on``: forwarded by a supplier, who was sent it before."""
    return (_HANDED_ON if handed_on and kind is ReplyKind.FORWARD else _REPLIES[kind],)


def of_cooperative(kind: CooperativeKind, step: str) -> LifeCycle:
    """The place of a step in its matter; matters of a member do not look at one another."""
    return (_MATTERS[kind][step],) if kind in _MATTERS else ()
