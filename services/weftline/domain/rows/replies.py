"""Columns of answers to alerts: what a reply adds, the answer to an alert as it stands, and what holds a lot back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from weftline.domain.rows.columns import Code, Count, Flag, Number, Small, Summed, Text, Time


class ReplyAmounts(NamedTuple):
    """``reply_facts``: what a reply is about, and what it adds."""

    cooperative_id: Annotated[Code, "quality cooperative"]
    factory_id: Annotated[Code, "factory"]
    reply: Annotated[Code, "what was said"]
    alert_id: Annotated[Text, "alert that is answered; empty if none"]
    supplier_id: Annotated[Text, "supplier whose notification is meant; empty for the factory's own"]
    problem_id: Annotated[Text, "problem under which lots are meant; empty if none"]
    target_at: Annotated[Time | None, "by when it shall be dealt with, as said here"]
    replied_by: Annotated[Text, "who said it"]
    reason: Annotated[Text, "why"]
    acknowledged: Annotated[Flag, "1 if a notification was acknowledged", Summed("notifications acknowledged")]
    accepted: Annotated[Flag, "1 if it was accepted", Summed("notifications accepted")]
    declined: Annotated[Flag, "1 if it was declined", Summed("notifications declined")]
    closed: Annotated[Flag, "1 if it was closed", Summed("notifications closed")]
    forwarded: Annotated[Flag, "1 if it was sent to a supplier", Summed("notifications sent to suppliers")]
    lots_blocked: Annotated[Number, "lots that a problem holds back from now on", Summed("lots held back, once for each problem")]
    lots_lifted: Annotated[Number, "lots that a problem holds back no longer", Summed("lots set free, once for each problem")]


class AnswerKey(NamedTuple):
    """An alert, and who is notified of it."""

    alert_id: Annotated[Text, "alert"]
    receiver_id: Annotated[Text, "who is notified: the factory, or a supplier to whom it was forwarded"]


class AnswerRow(NamedTuple):
    """``answer_state``: a notification as it stands."""

    center_id: Annotated[Code, "sampling center"]
    cooperative_id: Annotated[Code, "cooperative"]
    state: Annotated[
        Code,
        "CREATED, SENT, RECEIVED, ACKNOWLEDGED, ACCEPTED, DECLINED, CLOSED or CANCELED; empty if no reply stands",
    ]
    tier: Annotated[Small, "0 for the factory, 1 for a supplier to whom it forwarded the alert, and so on"]
    sender_id: Annotated[Text, "who forwarded it; empty for the factory's own"]
    severity: Annotated[Code, "how grave it is held to be by the last reply that said so; UNKNOWN: not said"]
    target_at: Annotated[Time | None, "by when it shall be dealt with, as said last"]
    acknowledged_at: Annotated[Time | None, "when it was acknowledged"]
    acknowledged_by: Annotated[Text, "by whom"]
    decided_at: Annotated[Time | None, "when it was accepted or declined"]
    decided_by: Annotated[Text, "who accepted or declined it"]
    ended_at: Annotated[Time | None, "when it was closed or canceled"]
    ended_by: Annotated[Text, "who closed or canceled it"]
    reason: Annotated[Text, "the last reason that was given"]
    open_problems: Annotated[Sequence[Text], "problems that hold lots back because of the alert; of the factory's own notification"]
    replies: Annotated[Count, "replies that stand and led on"]
    last_reply_at: Annotated[Time | None, "the last of them"]
    marks: Annotated[Sequence[Code], "what is odd about other replies, each once: no_edge, not_forwarded"]


class BlockKey(NamedTuple):
    """A lot of the factory."""

    lot_id: Annotated[Text, "lot"]


class BlockRow(NamedTuple):
    """``block_state``: what holds a lot back. The lists of open problems are of one length and order."""

    center_id: Annotated[Code, "sampling center"]
    cooperative_id: Annotated[Code, "cooperative"]
    blocked: Annotated[Flag, "1 while at least one problem holds it back"]
    problem_ids: Annotated[Sequence[Text], "problems that hold it back, by the numbers of whoever began them"]
    counterpart_ids: Annotated[
        Sequence[Text], "their numbers on the other side; several are joined by commas, empty if none is known"
    ]
    problem_reasons: Annotated[Sequence[Text], "why, for each"]
    lifted_ids: Annotated[Sequence[Text], "problems that hold it back no longer"]
    alert_ids: Annotated[Sequence[Text], "alerts because of which it is held back"]
    severity: Annotated[Code, "the gravest of its open problems; UNKNOWN: not said"]
    target_at: Annotated[Time | None, "the last of their target dates"]
    blocked_since: Annotated[Time | None, "since when the oldest of its open problems holds it back; null while it is free"]
    lifted_at: Annotated[Time | None, "when a problem was last lifted from it"]
