"""What somebody writes by mistake about a member: content that would change tables, clocks and grades, if it stood."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from weftline.domain.cooperative.events import BODIES, CooperativeEvent
from weftline.domain.vocabulary import (
    BrandStep,
    CertificateStep,
    CreditGrade,
    EnforcementStep,
    FundStep,
    ListingStep,
    MembershipStep,
    OfficerStep,
    QualityList,
    StandardsStep,
    TrademarkStep,
)
from weftline.embedded.simulator.workdays import DAY


def slip(event: CooperativeEvent, rng: Random) -> dict[str, Any]:
    """The event's body, by the name of its field, with something wrong in it."""
    wrong: dict[str, dict[str, Any]] = {
        "membership": {
            "step": rng.choice((MembershipStep.LEFT, MembershipStep.SUSPENDED)),
            "reason": f"slip {rng.randrange(1000)}",
        },
        "officer": {"step": OfficerStep.ENDED, "course": f"slip {rng.randrange(1000)}"},
        "certificate": {"step": CertificateStep.WITHDRAWN, "issuer": f"slip {rng.randrange(1000)}"},
        "official_grade": {"grade": rng.choice((CreditGrade.C, CreditGrade.D)), "year": 2001 + rng.randrange(90)},
        "fund": {"batches": rng.randrange(3, 3_000)}
        | ({} if event.of_cooperative else {"step": rng.choice((FundStep.DONE, FundStep.REFUSED))}),
        "enforcement": {
            "step": rng.choice((EnforcementStep.CHECK_FAILED, EnforcementStep.REINSPECTION_FAILED)),
            "indicators": ("formaldehyde",),
            "announced_at": event.event_time + rng.randrange(1, 500) * DAY,
        },
        "listing": {
            "step": rng.choice((ListingStep.DECIDED, ListingStep.LIFTED)),
            "list": QualityList.BLACK,
            "decided_by": f"slip-{rng.randrange(1000)}",
        },
        "trademark": {
            "step": rng.choice((TrademarkStep.WITHDRAWN, TrademarkStep.GRANTED)),
            "reason": f"slip {rng.randrange(1000)}",
        },
        "standard": {"step": rng.choice((StandardsStep.LED, StandardsStep.GROUP_STANDARD)), "edition": f"{rng.randrange(1000)}"},
        "brand": {"step": rng.choice((BrandStep.HONOURED, BrandStep.ENDED)), "issuer": f"slip-{rng.randrange(1000)}"},
    }
    field = BODIES[event.kind]
    return {field: replace(getattr(event, field), **wrong[field])}
