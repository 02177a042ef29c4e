"""Columns of a cooperative: what one event adds, a member, and each of its matters, as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Code, Count, Flag, Money, Number, Small, Summed, Text, Time


class CooperativeAmounts(NamedTuple):
    """``cooperative_facts``: what an event is about, and what it adds."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "member; of what is the cooperative's own, the cooperative"]
    kind: Annotated[Code, "kind of matter"]
    step: Annotated[Code, "what happened in it"]
    matter_id: Annotated[Text, "the matter among those of its kind; empty for the membership"]
    joined: Annotated[Number, "1 if the member joined", Summed("members that joined")] = 0
    left: Annotated[Number, "1 if the member left", Summed("members that left")] = 0
    tests_requested: Annotated[Number, "batches requested of the testing fund", Summed()] = 0
    tests_approved: Annotated[Number, "batches approved", Summed()] = 0
    tests_given_back: Annotated[Number, "batches refused, or cancelled", Summed()] = 0
    tests_done: Annotated[Number, "batches tested", Summed()] = 0
    checks_failed: Annotated[Number, "1 if a spot check failed", Summed("spot checks that failed")] = 0
    reinspections_passed: Annotated[Number, "1 if a re-inspection was passed", Summed("re-inspections passed")] = 0
    listed: Annotated[Number, "1 if an entry on a list was decided", Summed("entries on lists decided")] = 0
    lifted: Annotated[Number, "1 if an entry on a list was lifted", Summed("entries on lists lifted")] = 0


class MemberRow(NamedTuple):
    """``member_state``: a member as it stands, or what is the cooperative's own."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "member; of what is the cooperative's own, the cooperative"]
    membership: Annotated[
        Code, "last step of the membership: JOINED, PLEDGE_SIGNED, SUSPENDED, RESUMED, LEFT; empty if none is told"
    ]
    joined_at: Annotated[Time | None, "when it joined last"]
    pledge_signed_at: Annotated[Time | None, "when it signed the pledge last"]
    left_at: Annotated[Time | None, "when it left last"]
    size_class: Annotated[Code, "MICRO, SMALL, MEDIUM or LARGE; empty if not told"]
    sells_online: Annotated[Flag, "1 if it sells in electronic commerce"]
    limited_means: Annotated[Flag, "1 if it is counted among those without means of their own for testing"]
    chief_quality_officers: Annotated[Small, "chief quality officers in office"]
    quality_specialists: Annotated[Small, "quality specialists in office"]
    trained: Annotated[Small, "of both those who passed a training"]
    certificates: Annotated[Sequence[Text], "schemes of certificates that were not suspended or withdrawn; expiry stands with each"]
    official_grade: Annotated[Code, "official grade of the last year that has one; no score of Weftline"]
    official_grade_year: Annotated[Small, "that year; 0 if there is none"]
    tests_waiting: Annotated[Count, "batches requested of the fund and not decided"]
    tests_reserved: Annotated[Count, "batches approved and not tested"]
    tests_done: Annotated[Count, "batches tested"]
    reports: Annotated[Count, "verified laboratory reports of the factory that count, of whatever center"]
    reports_failed: Annotated[Count, "of them FAIL"]
    last_tested_at: Annotated[Time | None, "when the last of them was tested"]
    credit_score: Annotated[
        Number, "score of the cooperative's own credit, in hundredths of a point; a proposal where its rules are"
    ]
    credit_grade: Annotated[Code, "grade of that score; never mixed with the official one"]
    trademark_eligible: Annotated[Flag, "1 if it meets all conditions of the collective trademark"]
    rules_edition: Annotated[Code, "edition of the cooperative's rules by which it is judged"]
    open_cases: Annotated[Small, "enforcement cases that no re-inspection has ended"]
    red_listed: Annotated[Flag, "1 if on the cooperative's own red list; an appeal suspends"]
    black_listed: Annotated[
        Flag, "1 if on the cooperative's own black list, which is not the market regulator's; an appeal suspends"
    ]
    trademarks: Annotated[Sequence[Text], "collective trademarks that it may carry"]
    standards: Annotated[Small, "standards that it led, joined or issued"]
    brands: Annotated[Small, "registered marks and honours"]
    last_event_time: Annotated[Time | None, "last event"]
    events: Annotated[Count, "events that stand, whether or not they applied"]
    marks: Annotated[Sequence[Code], "what is odd about its events, each once: out_of_step, after_end, unknown_step"]


class MatterKey(NamedTuple):
    """The key of ``matter_state``: one matter of a member, as its membership, a certificate, a free test, a case, an entry on a list."""

    kind: Annotated[Code, "kind of matter"]
    matter_id: Annotated[Text, "the matter among those of its kind; empty for the membership"]


class MatterRow(NamedTuple):
    """``matter_state``: a matter as it stands; of what its events say, what was said last."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "member; of what is the cooperative's own, the cooperative"]
    center_id: Annotated[Code, "station or center of the last event"]
    step: Annotated[Code, "last step that applied; empty if no event stands"]
    ended: Annotated[Flag, "1 if nothing more is to come of it"]
    about: Annotated[Code, "size class, role, scheme, grade, product category, level, list or mark, as its kind has it"]
    opened_at: Annotated[Time | None, "first step"]
    changed_at: Annotated[Time | None, "last step"]
    until: Annotated[Time | None, "when it expires, or its next step is due, as was last said"]
    year: Annotated[Small, "year of the fund, or of an official grade; 0 for what has none"]
    batches: Annotated[Count, "batches of a free test"]
    amount_minor: Annotated[Money | None, "budget, price per batch or what was paid, in hundredths"]
    currency: Annotated[Code, "ISO 4217"]
    by_exception: Annotated[Flag, "1 if a free test was approved beyond quota or budget"]
    case_id: Annotated[Text, "enforcement case whose re-inspection a free test is"]
    laboratory_id: Annotated[Code, "laboratory of the report that it rests on"]
    report_number: Annotated[Text, "number of that report"]
    indicators: Annotated[Sequence[Code], "indicators that failed a spot check"]
    evidence_ids: Annotated[Sequence[Text], "what an entry on a list rests on"]
    reason: Annotated[Text, "why, in words"]
    events: Annotated[Count, "events that stand, whether or not they applied"]
    marks: Annotated[Sequence[Code], "what is odd about its events, each once: out_of_step, after_end, unknown_step"]
