"""The events of a quality cooperative, of eleven kinds, each with a body of its own; the schema documents their fields.

An event is about a *member*, that is a factory in a cooperative, and a member's events are folded together: quota, lists and marks are
those of one cooperative, so a factory that belongs to two has two histories. A budget, a price or a standard is the cooperative's own
matter; it is a subject like a member, and its ``factory_id`` is the cooperative's id. What sums over members (the fund's budget burnt
down) is a view of what is stored of each, since no fold sees two owners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from weftline.domain import life_cycle
from weftline.domain.events import Event
from weftline.domain.life_cycle import LifeCycle
from weftline.domain.rows.cooperative import MatterKey
from weftline.domain.vocabulary import (
    BrandStep,
    CertificateStep,
    CooperativeKind,
    CreditGrade,
    EnforcementLevel,
    EnforcementStep,
    FundStep,
    ListingStep,
    MembershipStep,
    OfficerRole,
    OfficerStep,
    PackPurpose,
    PackStep,
    QualityList,
    SizeClass,
    StandardsStep,
    TrademarkStep,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A step of a factory's membership in the cooperative."""

    step: MembershipStep
    size_class: SizeClass = SizeClass.UNKNOWN
    sells_online: bool | None = None
    limited_means: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A person's part in the quality work of a member."""

    step: OfficerStep
    role: OfficerRole
    person_id: str
    course: str | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A step in the life of a certificate of a member."""

    step: CertificateStep
    scheme: str
    certificate_number: str
    issuer: str | None = None
    valid_from: int | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialGrade:
    """A quality credit grade that an authority gave the member; never mixed with a score of ours."""

    grade: CreditGrade
    year: int
    issuer: str

    @property
    def step(self) -> CreditGrade:
        """What became of it is the grade itself."""
        return self.grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """An entry of the testing fund: its budget and price, or a step of a free test."""

    step: FundStep
    year: int
    request_id: str | None = None
    batches: int = 1
    amount_minor: int | None = None
    currency: str | None = None
    product_category: str | None = None
    case_id: str | None = None
    by_exception: bool = False
    laboratory_id: str | None = None
    report_number: str | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """A step of an enforcement case: a spot check that failed, and what followed."""

    step: EnforcementStep
    case_id: str
    level: EnforcementLevel = EnforcementLevel.UNKNOWN
    authority: str | None = None
    product_category: str | None = None
    indicators: tuple[str, ...] = ()
    slight: bool = False
    announced_at: int | None = None
    due_at: int | None = None
    laboratory_id: str | None = None
    report_number: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A step of an entry on the cooperative's own red or black list, which is not the market regulator's."""

    step: ListingStep
    listing_id: str
    list: QualityList
    ground: str | None = None
    evidence_ids: tuple[str, ...] = ()
    expires_at: int | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trademark:
    """A step of a member's right to carry the collective trademark."""

    step: TrademarkStep
    mark_id: str
    valid_until: int | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardsWork:
    """Work on standards, of the cooperative or of a member."""

    step: StandardsStep
    standard_id: str
    edition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A brand of the member."""

    step: BrandStep
    brand_id: str
    issuer: str | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A signed pack of evidence that was made about the member; it changes nothing of what stands of it."""

    step: PackStep
    pack_id: str
    purpose: PackPurpose
    made_for: str | None = None
    content_sha256: str
    records: int
    records_sha256: str


Body: TypeAlias = (
    Membership | Officer | Certificate | OfficialGrade | Fund | Enforcement | Listing | Trademark | StandardsWork | Brand | Pack
)

#: The field that holds the body of a kind.
BODIES: Final[Mapping[CooperativeKind, str]] = {
    kind: kind.value.lower() for kind in CooperativeKind if kind is not CooperativeKind.UNKNOWN
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CooperativeEvent(Event):
    """A step in one matter of a member, or of the cooperative itself."""

    kind: CooperativeKind
    membership: Membership | None = None
    officer: Officer | None = None
    certificate: Certificate | None = None
    official_grade: OfficialGrade | None = None
    fund: Fund | None = None
    enforcement: Enforcement | None = None
    listing: Listing | None = None
    trademark: Trademark | None = None
    standard: StandardsWork | None = None
    brand: Brand | None = None
    pack: Pack | None = None

    @property
    def owner(self) -> str:
        # `|` may not stand in a cooperative's id here, so the two parts cannot be confused.
        return f"{self.cooperative_id}|{self.factory_id}"

    @property
    def of_cooperative(self) -> bool:
        """Whether it is the cooperative's own, and no member's."""
        return self.factory_id == self.cooperative_id

    @property
    def body(self) -> Body | None:
        """The body of its kind; None for a kind of a newer publisher."""
        field = BODIES.get(self.kind)
        body: Body | None = None if field is None else getattr(self, field)
        return body

    @property
    def step(self) -> str:
        """What happened in its matter; UNKNOWN if it has no body that this version knows."""
        return self.body.step.value if self.body is not None else "UNKNOWN"

    @property
    def matter(self) -> MatterKey:
        """The matter that it is a step of."""
        return MatterKey(self.kind.value, "" if self.body is None else _matter_id(self.body))

    @property
    def life_cycle(self) -> LifeCycle:
        return life_cycle.of_cooperative(self.kind, self.step)


def _matter_id(body: Body) -> str:
    match body:
        case Membership():
            return ""
        case Officer():
            return f"{body.role}/{body.person_id}"
        case Certificate():
            return f"{body.scheme}/{body.certificate_number}"
        case OfficialGrade():
            return f"{body.year}/{body.issuer}"  # two authorities may grade one year, each by its own measure
        case Fund(step=FundStep.BUDGET_SET):
            # A matter shows of each field what was said last, so a budget and a price must not be steps of one: both have an amount.
            return f"{body.step}/{body.year}"
        case Fund(step=FundStep.PRICE_SET):
            return f"{body.step}/{body.year}/{body.product_category or ''}"
        case Fund():
            return body.request_id or str(body.year)
        case Enforcement():
            return body.case_id
        case Listing():
            return body.listing_id
        case Trademark():
            return body.mark_id
        case StandardsWork():
            return body.standard_id
        case Brand():
            return body.brand_id
        case Pack():
            return body.pack_id
