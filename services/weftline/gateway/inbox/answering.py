"""How an alert was answered and what can be answered now, as its page shows it; and a form of that page as a reply.

What is possible, and what an answer leads to, say the rules of the processor (:mod:`weftline.gateway.replying`). Blocks of lots and
forwarding to a supplier name things that no button knows; they are for programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from weftline.domain.answers import AnswerState
from weftline.domain.vocabulary import ReplyKind
from weftline.gateway import answers
from weftline.gateway.tables import Tables
from weftline.pages.text import Text

#: What has a button. A decline says why.
BUTTONS: Final[Mapping[ReplyKind, Text]] = {
    ReplyKind.ACKNOWLEDGE: Text("确认收到", "Acknowledge"),
    ReplyKind.ACCEPT: Text("认可", "Accept"),
    ReplyKind.DECLINE: Text("有异议", "Decline"),
    ReplyKind.CLOSE: Text("关闭", "Close"),
}
WITH_REASON: Final = frozenset({ReplyKind.DECLINE})
#: All that may have been said, by whatever way.
NAMES: Final[Mapping[ReplyKind, Text]] = {
    **BUTTONS,
    ReplyKind.FORWARD: Text("转给供应商", "Prepare for a supplier"),
    ReplyKind.SEND: Text("发送给供应商", "Send to a supplier"),
    ReplyKind.CANCEL: Text("取消转发", "Take back"),
    ReplyKind.BLOCK: Text("封存批次", "Block lots"),
    ReplyKind.EXTEND: Text("扩大封存", "Extend the block"),
    ReplyKind.LIFT: Text("解除封存", "Lift the block"),
    ReplyKind.FEEDBACK: Text("反馈", "Feedback"),
}


class Given(NamedTuple):
    """Something that was said, when (ms) and by whom. ``counts``: it led on; else another answer came before it."""

    event_id: str
    name: Text
    at: int
    by: str
    about: str
    reason: str
    counts: bool


class Answered(NamedTuple):
    """``state``: a word of the enumeration ``answer``; ``possible``: the buttons; ``given``: what was said, the oldest first.

    ``behind``: what was said is judged, and the state does not know it yet: it is stored within seconds of it.
    """

    state: str
    possible: tuple[ReplyKind, ...]
    given: tuple[Given, ...]
    behind: bool

    def knows(self, event_id: str) -> bool:
        """Whether the state is what it is after this answer."""
        return not self.behind and any(one.event_id == event_id for one in self.given)


async def answered(tables: Tables, factory_id: str, alert_id: str) -> Answered:
    """The answers to an alert that the reader may see."""
    asked = {"factory": factory_id, "alert": alert_id}
    # The replies first: a state that is read after them knows as much, or is behind.
    replies = answers.replies(await tables.rows(answers.REPLIES, asked))
    rows = await tables.rows(answers.NOTIFICATIONS, asked)
    state = answers.notifications(rows, factory_id)[factory_id].state or AnswerState.RECEIVED
    possible = tuple(kind for kind in answers.possible_of(state) if kind in BUTTONS)
    own = [row["event_time"] for row in replies if row["counts"] and not row["supplier_id"] and row["reply"] in BUTTONS]
    return Answered(state.value, possible, tuple(map(_given, replies)), max(own, default=0) > answers.moved_at(rows, factory_id))


def said(form: Mapping[str, str]) -> dict[str, Any]:
    """A form as the body of a reply."""
    return {name: text for name in ("reply", "reason") if (text := form.get(name, "").strip())}


def _given(row: Mapping[str, Any]) -> Given:
    kind = ReplyKind(row["reply"]) if row["reply"] in ReplyKind.__members__ else ReplyKind.UNKNOWN
    return Given(
        row["event_id"],
        NAMES.get(kind, Text(row["reply"], row["reply"])),
        row["event_time"],
        row["replied_by"] or "",
        row["supplier_id"] or row["problem_id"] or "",
        row["reason"] or "",
        bool(row["counts"]),
    )
