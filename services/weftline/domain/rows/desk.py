"""Columns of ``desk_state``: what the rules of a cooperative say of a member, thing by thing.

A row is a member's. Of each kind of thing its columns are lists of one length, under names that begin alike, and a view shows each thing
as a row of its own (``fund_years``, ``cases``, …). So what is there no more goes with the row that said it, and all of it is of one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Code, Count, Flag, Money, Number, Small, Text, Time

_EVIDENCE = "events and reports that it rests on"
_PROPOSAL = "1 if nobody of the cooperative has confirmed the rule"


class DeskRow(NamedTuple):
    """``desk_state``: a member's desk; of what is the cooperative's own, budgets, prices and what is worth telling of them."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "member; of what is the cooperative's own, the cooperative"]
    is_member: Annotated[Flag, "1 if it is a member now, and not suspended"]
    events: Annotated[Count, "events that stand"]
    tests_passed: Annotated[Count, "verified reports that count, of all that the standards require, that passed"]
    tests_failed: Annotated[Count, "verified reports that count and failed"]
    conditions_failing: Annotated[Small, "conditions of the collective trademark that are not met"]
    mark_places: Annotated[Small, "places that the cooperative's rules give for the collective trademark"]
    test_next: Annotated[Number, "how much speaks for testing it soon; 0 if nothing does"]

    fund_year: Annotated[Sequence[Small], "year of the testing fund"]
    fund_quota: Annotated[Sequence[Count], "batches that the member may have tested in it, free of charge"]
    fund_quota_by: Annotated[Sequence[Text], "rules that make the quota, with their batches"]
    fund_reserved: Annotated[Sequence[Count], "batches that are asked for or approved, and not tested"]
    fund_used: Annotated[Sequence[Count], "batches tested that charge the quota"]
    fund_left: Annotated[Sequence[Count], "batches that may still be asked for"]
    fund_free: Annotated[Sequence[Count], "batches of re-inspections after rectification, which charge nothing"]
    fund_outside: Annotated[Sequence[Count], "reports that the fund paid and of which no request says that it is done"]

    request_id: Annotated[Sequence[Text], "free test"]
    request_year: Annotated[Sequence[Small], "year of the fund"]
    request_step: Annotated[Sequence[Code], "REQUESTED, APPROVED, REFUSED, CANCELLED or DONE"]
    request_at: Annotated[Sequence[Time], "when it was first heard of"]
    request_last_at: Annotated[Sequence[Time], "last step"]
    request_batches: Annotated[Sequence[Count], "batches"]
    request_charges: Annotated[Sequence[Count], "batches that it takes from the quota"]
    request_category: Annotated[Sequence[Code], "product category; empty if not told"]
    request_paid_minor: Annotated[Sequence[Money | None], "what was paid, in hundredths; null if nobody said"]
    request_currency: Annotated[Sequence[Code], "ISO 4217; empty if not told"]
    request_report: Annotated[Sequence[Text], "laboratory and number of its report; empty if none is told"]
    request_marks: Annotated[
        Sequence[Text], "FREE_REINSPECTION, OVER_QUOTA, BY_EXCEPTION, UNPROVEN (no report that the fund paid is known), NO_MEMBER"
    ]

    case_id: Annotated[Sequence[Text], "enforcement case; of a failed report without one, laboratory and number"]
    case_by_authority: Annotated[Sequence[Flag], "1 if an authority opened it, 0 if a failed report is one by itself"]
    case_level: Annotated[Sequence[Code], "level of the spot check"]
    case_stage: Annotated[
        Sequence[Code], "what is waited for: RECTIFY, ACCEPT, REINSPECT, SECOND_ROUND; or how it ended: PASSED, FAILED"
    ]
    case_failed_at: Annotated[Sequence[Time], "failure"]
    case_began_at: Annotated[Sequence[Time], "since when its clocks run: the order, without one the failure"]
    case_rectify_by: Annotated[Sequence[Time], "last moment to report what was put right"]
    case_reinspect_by: Annotated[Sequence[Time], "last moment to be re-inspected"]
    case_second_from: Annotated[Sequence[Time | None], "first moment of the second re-inspection"]
    case_second_by: Annotated[Sequence[Time | None], "last moment of the second re-inspection"]
    case_due: Annotated[Sequence[Time | None], "the deadline that runs now; null if nothing is due by a day"]
    case_overdue: Annotated[Sequence[Flag], "1 if something is overdue now"]
    case_rectified_at: Annotated[Sequence[Time | None], "when the member said that it was put right"]
    case_closed_at: Annotated[Sequence[Time | None], "end"]
    case_lenient: Annotated[Sequence[Code], "whether it may go unpunished, which a person decides: OPEN, MAY_BE or NO"]
    case_against: Annotated[Sequence[Text], "what speaks against that: NOT_FIRST, SAFETY_ITEM, NOT_SLIGHT, NOT_CORRECTED"]
    case_evidence: Annotated[Sequence[Text], _EVIDENCE]

    entry_id: Annotated[Sequence[Text], "entry on a list of the cooperative's own"]
    entry_list: Annotated[Sequence[Code], "RED or BLACK; never the market regulator's"]
    entry_state: Annotated[Sequence[Code], "PROPOSED, LISTED, APPEALED (suspended until it is answered), LIFTED or EXPIRED"]
    entry_ground: Annotated[Sequence[Text], "ground"]
    entry_proposed_at: Annotated[Sequence[Time | None], "proposal"]
    entry_decided_at: Annotated[Sequence[Time | None], "decision"]
    entry_decided_by: Annotated[Sequence[Text], "who decided"]
    entry_until: Annotated[Sequence[Time | None], "last moment at which it holds"]
    entry_appealed_at: Annotated[Sequence[Time | None], "appeal that is not answered"]
    entry_answer_by: Annotated[Sequence[Time | None], "by when that appeal is to be answered"]
    entry_early_removal_from: Annotated[Sequence[Time | None], "of the black list: from when early removal may be asked for"]
    entry_ended_at: Annotated[Sequence[Time | None], "when it was lifted"]
    entry_evidence_ids: Annotated[Sequence[Text], "what its events say that it rests on"]
    entry_evidence: Annotated[Sequence[Text], _EVIDENCE]

    listed_entry_id: Annotated[Sequence[Text], "entry on a list of the cooperative's own"]
    listed_list: Annotated[Sequence[Code], "RED or BLACK"]
    listed_since: Annotated[Sequence[Time], "since when the member is or was on the list by it"]
    listed_until: Annotated[Sequence[Time | None], "first moment at which it is not any more: an appeal, an end; null: for good"]

    proposal_rule: Annotated[Sequence[Code], "rule that proposes the member for a list"]
    proposal_list: Annotated[Sequence[Code], "RED or BLACK"]
    proposal_since: Annotated[Sequence[Time], "newest of what the rule rests on"]
    proposal_zh: Annotated[Sequence[Text], "the rule in Chinese"]
    proposal_en: Annotated[Sequence[Text], "the rule in English"]
    proposal_evidence: Annotated[Sequence[Text], _EVIDENCE]

    gate_rule: Annotated[Sequence[Code], "condition of the collective trademark"]
    gate_met: Annotated[Sequence[Flag], "1 if it is met"]
    gate_zh: Annotated[Sequence[Text], "the condition in Chinese"]
    gate_en: Annotated[Sequence[Text], "the condition in English"]
    gate_cure_zh: Annotated[Sequence[Text], "what would cure it, in Chinese; empty if it is met"]
    gate_cure_en: Annotated[Sequence[Text], "what would cure it, in English; empty if it is met"]
    gate_is_proposal: Annotated[Sequence[Flag], _PROPOSAL]
    gate_evidence: Annotated[Sequence[Text], _EVIDENCE]

    mark_id: Annotated[Sequence[Text], "collective trademark"]
    mark_standing: Annotated[
        Sequence[Code],
        "APPLIED, HOLDS, FELL_OUT (holds it, and does not meet its conditions), REFUSED, SUSPENDED, WITHDRAWN, EXPIRED",
    ]
    mark_since: Annotated[Sequence[Time], "last step"]
    mark_until: Annotated[Sequence[Time | None], "last moment at which the right holds"]

    row_rule: Annotated[Sequence[Code], "which of the six unifications"]
    row_done: Annotated[Sequence[Flag], "1 if it is done"]
    row_zh: Annotated[Sequence[Text], "its name in Chinese"]
    row_en: Annotated[Sequence[Text], "its name in English"]
    row_evidence: Annotated[Sequence[Text], _EVIDENCE]

    point_rule: Annotated[Sequence[Code], "rule of the cooperative's own credit"]
    point_zh: Annotated[Sequence[Text], "the rule in Chinese"]
    point_en: Annotated[Sequence[Text], "the rule in English"]
    point_points: Annotated[Sequence[Number], "points, in hundredths"]
    point_at: Annotated[Sequence[Time | None], "when what it rests on happened"]
    point_is_proposal: Annotated[Sequence[Flag], _PROPOSAL]
    point_evidence: Annotated[Sequence[Text], _EVIDENCE]

    reason_rule: Annotated[Sequence[Code], "rule by which it should be tested soon"]
    reason_zh: Annotated[Sequence[Text], "the rule in Chinese"]
    reason_en: Annotated[Sequence[Text], "the rule in English"]
    reason_weight: Annotated[Sequence[Number], "how much that weighs"]
    reason_evidence: Annotated[Sequence[Text], _EVIDENCE]

    work_task: Annotated[
        Sequence[Code],
        "RECTIFY, ACCEPT, REINSPECT, REQUEST, PROPOSAL, LISTING, APPEAL, EARLY_REMOVAL, APPLICATION, FELL_OUT, EXPIRING or RESULT",
    ]
    work_desk: Annotated[Sequence[Code], "for whom: MEMBER or OFFICER"]
    work_about: Annotated[Sequence[Text], "case, request, rule, entry, mark, certificate or report"]
    work_since: Annotated[Sequence[Time], "since when it waits"]
    work_due: Annotated[Sequence[Time | None], "by when; null: by no day"]
    work_evidence: Annotated[Sequence[Text], _EVIDENCE]

    budget_year: Annotated[Sequence[Small], "year of the fund"]
    budget_what: Annotated[Sequence[Code], "BUDGET_SET or PRICE_SET"]
    budget_category: Annotated[Sequence[Code], "product category of a price; empty: of all that have none of their own"]
    budget_amount_minor: Annotated[Sequence[Money], "budget, or price of a batch, as it was set last, in hundredths"]
    budget_currency: Annotated[Sequence[Code], "ISO 4217"]

    threshold_year: Annotated[Sequence[Small], "year of the fund"]
    threshold_rule: Annotated[Sequence[Code], "rule by which an officer is shown that the budget comes to its end"]
    threshold_zh: Annotated[Sequence[Text], "the rule in Chinese"]
    threshold_en: Annotated[Sequence[Text], "the rule in English"]
    threshold_is_proposal: Annotated[Sequence[Flag], _PROPOSAL]
    threshold_share: Annotated[Sequence[Small], "used and reserved so much of the budget, in hundredths of a percent"]
    threshold_pace_days: Annotated[Sequence[Small], "spending of so many of the last days is taken for the pace"]
    threshold_begins_at: Annotated[Sequence[Time], "first moment of the year there"]
    threshold_ends_at: Annotated[Sequence[Time], "first moment after it"]
