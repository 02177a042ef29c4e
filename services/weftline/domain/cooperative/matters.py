"""A matter of a member, and what each step makes of it: a membership, a certificate, a free test, an enforcement case, an entry on a list.

What was told happened, so a step applies also where the one before it was not told; it is then marked. Two things are no such steps:
one that is told again, and one of a matter that has ended, which counts zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from weftline.domain.cooperative.events import Body, CooperativeEvent
from weftline.domain.vocabulary import BrandStep as Br
from weftline.domain.vocabulary import CertificateStep as Ce
from weftline.domain.vocabulary import CooperativeKind as Kind
from weftline.domain.vocabulary import EnforcementStep as En
from weftline.domain.vocabulary import FundStep as Fu
from weftline.domain.vocabulary import ListingStep as Li
from weftline.domain.vocabulary import MembershipStep as Me
from weftline.domain.vocabulary import OfficerStep as Of
from weftline.domain.vocabulary import TrademarkStep as Tr

APPLIED = "applied"
OUT_OF_STEP = "out_of_step"
REPEATED = "repeated"
AFTER_END = "after_end"
UNKNOWN_STEP = "unknown_step"

NOT_APPLIED = frozenset({AFTER_END, UNKNOWN_STEP})
MOVED = frozenset({APPLIED, OUT_OF_STEP})
#: Marks that stand in the rows, for somebody to look at.
ODD = frozenset({OUT_OF_STEP, *NOT_APPLIED})

_NEW: Final = ""
#: After which steps of its matter a step naturally comes; one that is not named may come at any time.
_AFTER: Final[Mapping[Kind, Mapping[str, frozenset[str]]]] = {
    Kind.MEMBERSHIP: {
        Me.JOINED: frozenset({_NEW, Me.LEFT}),
        Me.PLEDGE_SIGNED: frozenset({Me.JOINED, Me.PLEDGE_SIGNED, Me.RESUMED}),
        Me.SUSPENDED: frozenset({Me.JOINED, Me.PLEDGE_SIGNED, Me.RESUMED}),
        Me.RESUMED: frozenset({Me.SUSPENDED}),
        Me.LEFT: frozenset({Me.JOINED, Me.PLEDGE_SIGNED, Me.SUSPENDED, Me.RESUMED}),
    },
    Kind.OFFICER: {
        Of.APPOINTED: frozenset({_NEW, Of.ENDED}),
        Of.TRAINED: frozenset({Of.APPOINTED, Of.TRAINED}),
        Of.ENDED: frozenset({Of.APPOINTED, Of.TRAINED}),
    },
    Kind.CERTIFICATE: {
        Ce.GRANTED: frozenset({_NEW}),
        Ce.RENEWED: frozenset({Ce.GRANTED, Ce.RENEWED, Ce.SUSPENDED}),
        Ce.SUSPENDED: frozenset({Ce.GRANTED, Ce.RENEWED}),
        Ce.WITHDRAWN: frozenset({Ce.GRANTED, Ce.RENEWED, Ce.SUSPENDED}),
    },
    Kind.FUND: {
        Fu.REQUESTED: frozenset({_NEW}),
        Fu.APPROVED: frozenset({Fu.REQUESTED}),
        Fu.REFUSED: frozenset({Fu.REQUESTED}),
        Fu.CANCELLED: frozenset({Fu.REQUESTED, Fu.APPROVED}),
        Fu.DONE: frozenset({Fu.APPROVED}),
    },
    Kind.ENFORCEMENT: {
        En.CHECK_FAILED: frozenset({_NEW}),
        En.RECTIFICATION_ORDERED: frozenset({En.CHECK_FAILED, En.REINSPECTION_FAILED}),
        En.RECTIFICATION_REPORTED: frozenset({En.RECTIFICATION_ORDERED}),
        En.RECTIFICATION_ACCEPTED: frozenset({En.RECTIFICATION_REPORTED}),
        En.REINSPECTION_FAILED: frozenset({En.RECTIFICATION_ORDERED, En.RECTIFICATION_REPORTED, En.RECTIFICATION_ACCEPTED}),
        En.REINSPECTION_PASSED: frozenset({En.RECTIFICATION_ORDERED, En.RECTIFICATION_REPORTED, En.RECTIFICATION_ACCEPTED}),
    },
    Kind.LISTING: {
        Li.PROPOSED: frozenset({_NEW}),
        Li.DECIDED: frozenset({Li.PROPOSED}),
        Li.APPEALED: frozenset({Li.DECIDED, Li.CHANGED}),
        Li.UPHELD: frozenset({Li.APPEALED}),
        Li.CHANGED: frozenset({Li.DECIDED, Li.APPEALED}),
        Li.LIFTED: frozenset({Li.PROPOSED, Li.DECIDED, Li.APPEALED, Li.UPHELD, Li.CHANGED}),
    },
    Kind.TRADEMARK: {
        Tr.APPLIED: frozenset({_NEW, Tr.REFUSED, Tr.WITHDRAWN}),
        Tr.GRANTED: frozenset({Tr.APPLIED, Tr.SUSPENDED}),
        Tr.REFUSED: frozenset({Tr.APPLIED}),
        Tr.SUSPENDED: frozenset({Tr.GRANTED}),
        Tr.WITHDRAWN: frozenset({Tr.GRANTED, Tr.SUSPENDED}),
    },
    Kind.BRAND: {
        Br.MARK_REGISTERED: frozenset({_NEW, Br.ENDED}),
        Br.HONOURED: frozenset({_NEW, Br.MARK_REGISTERED, Br.HONOURED, Br.ENDED}),
        Br.ENDED: frozenset({Br.MARK_REGISTERED, Br.HONOURED}),
    },
}
#: Steps that end a matter. What naturally follows one of them all the same begins it anew.
_ENDS: Final = frozenset(
    {
        (Kind.CERTIFICATE, Ce.WITHDRAWN.value),
        (Kind.FUND, Fu.REFUSED.value),
        (Kind.FUND, Fu.CANCELLED.value),
        (Kind.FUND, Fu.DONE.value),
        (Kind.ENFORCEMENT, En.REINSPECTION_PASSED.value),
        (Kind.LISTING, Li.LIFTED.value),
        (Kind.MEMBERSHIP, Me.LEFT.value),
        (Kind.OFFICER, Of.ENDED.value),
        (Kind.TRADEMARK, Tr.REFUSED.value),
        (Kind.TRADEMARK, Tr.WITHDRAWN.value),
        (Kind.BRAND, Br.ENDED.value),
    }
)


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter after the events that stand; times in ms.

    ``step``: the last that applied, empty before the first. ``times``: when each step applied last. ``said``: of each field of its
    bodies what was last said. ``events``: how many stand, whether or not they applied.
    """

    step: str = _NEW
    opened_at: int | None = None
    changed_at: int | None = None
    times: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    said: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    last: CooperativeEvent | None = None
    events: int = 0
    marks: frozenset[str] = frozenset()

    def ended(self, kind: Kind) -> bool:
        """Whether nothing more is to come of it."""
        return (kind, self.step) in _ENDS

    @property
    def until(self) -> int | None:
        """When what stands ends by itself or is due, as was last said."""
        said = self.said
        found: int | None = said.get("valid_until") or said.get("expires_at") or said.get("due_at")
        return found


NO_MATTER: Final = Matter()


def mark_of(matter: Matter, event: CooperativeEvent) -> str:
    """Whether and how an event applies to its matter."""
    step = event.step
    if step == "UNKNOWN":
        return UNKNOWN_STEP
    after = _AFTER.get(event.kind, {}).get(step)
    if after is None or matter.step in after:
        return APPLIED
    if step == matter.step:
        return REPEATED
    return AFTER_END if matter.ended(event.kind) else OUT_OF_STEP


def advance(matter: Matter, event: CooperativeEvent, mark: str) -> Matter:
    """The matter after an event with this mark."""
    moved, time = mark in MOVED, event.event_time
    told = mark not in NOT_APPLIED and event.body is not None
    return Matter(
        step=event.step if moved else matter.step,
        opened_at=time if moved and matter.opened_at is None else matter.opened_at,
        changed_at=time if moved else matter.changed_at,
        times=MappingProxyType({**matter.times, event.step: time}) if moved else matter.times,
        said=MappingProxyType({**matter.said, **_said(event.body)}) if told and event.body is not None else matter.said,
        last=event,
        events=matter.events + 1,
        marks=matter.marks | {mark} if mark in ODD else matter.marks,
    )


def _said(body: Body) -> dict[str, Any]:
    """What a body says: of its fields those that are not left at their default."""
    return {each.name: value for each in fields(body) if (value := getattr(body, each.name)) != each.default}
