"""How an alert is answered: the states of a notification, which reply leads from one to another, and what is kept of it.

The states, their sides and the eleven edges are those of Eclipse Tractus-X Trace-X (``NotificationStatus.java`` of traceability-foss,
4cbf377f), which implements Catena-X CX-0125. It declares a twelfth, SENT to RECEIVED, that its own check of sides never lets pass: RECEIVED
is what a notification is when it arrives. So the factory's own, which the platform has told, begins as RECEIVED; one that is forwarded to a
supplier begins as CREATED, with whoever forwards it. CLOSED and CANCELED are the ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import AlertSeverity, ReplyKind

APPLIED = "applied"
NO_EDGE = "no_edge"
NOT_FORWARDED = "not_forwarded"
UNKNOWN_REPLY = "unknown_reply"


class Side(StrEnum):
    """With whom a notification is."""

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class AnswerState(StrEnum):
    """How far a notification has come."""

    CREATED = "CREATED"
    SENT = "SENT"
    RECEIVED = "RECEIVED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"
    CANCELED = "CANCELED"

    @property
    def side(self) -> Side:
        """With whom it is in this state."""
        return Side.RECEIVER if self in _WITH_RECEIVER else Side.SENDER

    @property
    def ended(self) -> bool:
        """Whether no reply leads on."""
        return self not in EDGES


_S = AnswerState
_WITH_RECEIVER: Final = frozenset({_S.RECEIVED, _S.ACKNOWLEDGED, _S.ACCEPTED, _S.DECLINED})
#: The eleven edges: from a state, by a reply, to the next one.
EDGES: Final[Mapping[AnswerState, Mapping[ReplyKind, AnswerState]]] = {
    _S.CREATED: {ReplyKind.SEND: _S.SENT, ReplyKind.CANCEL: _S.CANCELED},
    _S.SENT: {ReplyKind.ACKNOWLEDGE: _S.ACKNOWLEDGED, ReplyKind.CLOSE: _S.CLOSED},
    _S.RECEIVED: {ReplyKind.ACKNOWLEDGE: _S.ACKNOWLEDGED, ReplyKind.CLOSE: _S.CLOSED},
    _S.ACKNOWLEDGED: {ReplyKind.ACCEPT: _S.ACCEPTED, ReplyKind.DECLINE: _S.DECLINED, ReplyKind.CLOSE: _S.CLOSED},
    _S.ACCEPTED: {ReplyKind.CLOSE: _S.CLOSED},
    _S.DECLINED: {ReplyKind.CLOSE: _S.CLOSED},
}


def possible(state: AnswerState) -> tuple[ReplyKind, ...]:
    """The replies that lead on from a state."""
    return tuple(EDGES.get(state, ()))


class Said(NamedTuple):
    """When something was said (ms), and by whom."""

    at: int
    by: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A notification of an alert to one receiver, the factory or a supplier; ``state`` None: he has none.

    ``tier``: 0 for the factory, 1 for a supplier to whom it forwards, and so on; ``sender_id``: who forwarded it. ``reason``: the last that
    was given. ``replies``: those that led on, ``marks``: what was odd about others.
    """

    state: AnswerState | None = None
    tier: int = 0
    sender_id: str | None = None
    severity: AlertSeverity = AlertSeverity.UNKNOWN
    target_at: int | None = None
    acknowledged: Said | None = None
    decided: Said | None = None
    ended: Said | None = None
    reason: str | None = None
    last: AlertReply | None = None
    replies: int = 0
    marks: frozenset[str] = frozenset()

    def marked(self, mark: str) -> Answer:
        """The same, with something odd to look at."""
        return replace(self, marks=self.marks | {mark})


def forwarded(sender: Answer, sender_id: str, receiver: Answer, event: AlertReply) -> tuple[Answer, str]:
    """The receiver's notification after it was prepared for him, and how the event is judged."""
    if sender.state in (None, AnswerState.CREATED, AnswerState.CANCELED):
        return receiver.marked(NOT_FORWARDED), NOT_FORWARDED  # whoever hands it on has not got it himself
    if sender.state is AnswerState.CLOSED or receiver.state not in (None, AnswerState.CANCELED):
        return receiver.marked(NO_EDGE), NO_EDGE
    # What was taken back before it was sent may be prepared anew.
    fresh = Answer(AnswerState.CREATED, sender.tier + 1, sender_id, replies=receiver.replies, marks=receiver.marks)
    return _said(fresh, event), APPLIED


def moved(before: Answer, event: AlertReply) -> tuple[Answer, str]:
    """A notification after a reply to it, and how the reply is judged."""
    if before.state is None:
        return before.marked(NOT_FORWARDED), NOT_FORWARDED
    state = EDGES.get(before.state, {}).get(event.reply)
    if state is None:
        return before.marked(NO_EDGE), NO_EDGE
    after, said = replace(before, state=state), Said(event.event_time, event.replied_by)
    if state is AnswerState.ACKNOWLEDGED:
        after = replace(after, acknowledged=said)
    elif state in (AnswerState.ACCEPTED, AnswerState.DECLINED):
        after = replace(after, decided=said)
    elif state.ended:
        after = replace(after, ended=said)
    return _said(after, event), APPLIED


def _said(answer: Answer, event: AlertReply) -> Answer:
    target = event.deadline(event.target_at)
    return replace(
        answer,
        severity=answer.severity if event.severity is AlertSeverity.UNKNOWN else event.severity,
        target_at=answer.target_at if target is None else target,
        reason=event.reason or answer.reason,
        last=event,
        replies=answer.replies + 1,
    )
