"""The contract of a cooperative's events: what each of their eleven bodies may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weftline.contracts.limits import LIMITS
from weftline.contracts.rules import (
    INT32_MAX,
    INT64_MAX,
    Rule,
    boolean,
    currency,
    identifier,
    optional,
    record,
    scalar,
    several,
    symbol,
    text,
    whole,
)
from weftline.domain import vocabulary as v
from weftline.domain.cooperative.events import (
    BODIES,
    Brand,
    Certificate,
    CooperativeEvent,
    Enforcement,
    Fund,
    Listing,
    Membership,
    Officer,
    OfficialGrade,
    Pack,
    StandardsWork,
    Trademark,
)
from weftline.errors import ContractError

#: Entries of the fund that are the cooperative's own.
_OWN: Final = frozenset({v.FundStep.BUDGET_SET, v.FundStep.PRICE_SET})
_EARLIEST_YEAR, _LATEST_YEAR = 2000, 2100


def bodies_of(time: Rule) -> Mapping[str, Rule]:
    """The rule of each body by the name of its field; ``time`` is that of a time."""
    name, words, flag = scalar(identifier), scalar(text), scalar(boolean)
    year = scalar(whole(_EARLIEST_YEAR, _LATEST_YEAR))
    money = scalar(whole(0, INT64_MAX))
    decided = {"decided_by": optional(name), "reason": optional(words)}
    report = {"laboratory_id": optional(name), "report_number": optional(name)}
    fields: Mapping[str, tuple[type[Any], Mapping[str, Rule]]] = {
        "membership": (
            Membership,
            {
                "step": symbol(v.MembershipStep),
                "size_class": symbol(v.SizeClass),
                "sells_online": optional(flag),
                "limited_means": optional(flag),
                "reason": optional(words),
            },
        ),
        "officer": (
            Officer,
            {
                "step": symbol(v.OfficerStep),
                "role": symbol(v.OfficerRole),
                "person_id": name,
                "course": optional(words),
                "valid_until": optional(time),
            },
        ),
        "certificate": (
            Certificate,
            {
                "step": symbol(v.CertificateStep),
                "scheme": name,
                "certificate_number": name,
                "issuer": optional(name),
                "valid_from": optional(time),
                "valid_until": optional(time),
            },
        ),
        "official_grade": (OfficialGrade, {"grade": symbol(v.CreditGrade), "year": year, "issuer": name}),
        "fund": (
            Fund,
            {
                "step": symbol(v.FundStep),
                "year": year,
                "request_id": optional(name),
                "batches": scalar(whole(1, INT32_MAX)),
                "amount_minor": optional(money),
                "currency": optional(scalar(currency)),
                "product_category": optional(name),
                "case_id": optional(name),
                "by_exception": flag,
                **report,
                **decided,
            },
        ),
        "enforcement": (
            Enforcement,
            {
                "step": symbol(v.EnforcementStep),
                "case_id": name,
                "level": symbol(v.EnforcementLevel),
                "authority": optional(name),
                "product_category": optional(name),
                "indicators": several(name, LIMITS.test_plan),
                "slight": flag,
                "announced_at": optional(time),
                "due_at": optional(time),
                **report,
                "reason": optional(words),
            },
        ),
        "listing": (
            Listing,
            {
                "step": symbol(v.ListingStep),
                "listing_id": name,
                "list": symbol(v.QualityList),
                "ground": optional(words),
                "evidence_ids": several(name, LIMITS.evidence),
                "expires_at": optional(time),
                **decided,
            },
        ),
        "trademark": (
            Trademark,
            {"step": symbol(v.TrademarkStep), "mark_id": name, "valid_until": optional(time), **decided},
        ),
        "standard": (StandardsWork, {"step": symbol(v.StandardsStep), "standard_id": name, "edition": optional(name)}),
        "brand": (
            Brand,
            {"step": symbol(v.BrandStep), "brand_id": name, "issuer": optional(name), "valid_until": optional(time)},
        ),
        "pack": (
            Pack,
            {
                "step": symbol(v.PackStep),
                "pack_id": name,
                "purpose": symbol(v.PackPurpose),
                "made_for": optional(words),
                "content_sha256": name,
                "records": scalar(whole(0, INT64_MAX)),
                "records_sha256": name,
            },
        ),
    }
    agreeing = {"fund": _fund}
    return {field: record(cls, rules, agreeing.get(field)) for field, (cls, rules) in fields.items()}


def _fund(fund: Fund) -> None:
    if fund.step in _OWN:
        for field, missing in (("amount_minor", fund.amount_minor is None), ("currency", fund.currency is None)):
            if missing:
                raise ContractError(field, f"is missing when step is {fund.step}")
        if fund.request_id is not None:
            raise ContractError("request_id", f"must not be set when step is {fund.step}: it is of no single test")
    elif fund.request_id is None and fund.step is not v.FundStep.UNKNOWN:
        raise ContractError("request_id", f"is missing when step is {fund.step}")
    if fund.amount_minor is not None and fund.currency is None:
        raise ContractError("currency", "is missing beside amount_minor")


def body_of_its_kind(event: CooperativeEvent) -> None:
    """Raise :class:`ContractError` unless exactly the body of the event's kind is set, and it is about whom such a thing can be."""
    expected = BODIES.get(event.kind)
    if expected is None:
        return  # UNKNOWN: a newer publisher's kind, whose body this version cannot see
    for body in BODIES.values():
        if (getattr(event, body) is not None) != (body == expected):
            problem = "is missing" if body == expected else "must not be set"
            raise ContractError(body, f"{problem} when kind is {event.kind}")
    own = event.fund is not None and event.fund.step in _OWN
    if own and not event.of_cooperative:
        raise ContractError(
            "factory_id", f"must be the cooperative's own id, {event.cooperative_id!r}: a budget or price is no member's"
        )
    if event.of_cooperative and not own and event.standard is None:
        raise ContractError("factory_id", f"is the cooperative's own id; whose {expected} it is must be a member's")
