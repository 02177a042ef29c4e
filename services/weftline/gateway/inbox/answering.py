"""How an alert was answered and what can be answered now, as its page shows it; and a form of that page as a reply.

What is possible, and what an answer leads to, say the rules of the processor (:mod:`weftline.gateway.replying`). What is said of lots is
in :mod:`.holding`; forwarding to a supplier names things that no button knows and is for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from weftline.contracts.partners import Role
from weftline.domain.answers import AnswerState
from weftline.domain.vocabulary import ReplyKind
from weftline.gateway import answers
from weftline.gateway.inbox.holding import BUTTONS as LOT_BUTTONS
from weftline.gateway.inbox.holding import Holding, about_lots, first, holding, said_of_lots
from weftline.gateway.problems import of_field
from weftline.gateway.tables import Tables
from weftline.pages.text import Text

#: What has a button. A decline says why.
BUTTONS: Final[Mapping[ReplyKind, Text]] = {
    ReplyKind.ACKNOWLEDGE: Text("确认收到", "Acknowledge"),
    ReplyKind.ACCEPT: Text("认可", "Accept"),
    ReplyKind.DECLINE: Text("有异议", "Decline"),
    ReplyKind.CLOSE: Text("关闭", "Close"),
}
#: The factory, on whose side a notification is once it is received, acknowledges and decides. An officer does not do so in its name; who
#: sent it may close it (:class:`~weftline.domain.answers.Side`).
BUTTONS_OF: Final[Mapping[Role, frozenset[ReplyKind]]] = {
    Role.FACTORY: frozenset(BUTTONS),
    Role.OFFICER: frozenset({ReplyKind.CLOSE}),
}
WITH_REASON: Final = frozenset({ReplyKind.DECLINE})
#: All that may have been said, by whatever way.
NAMES: Final[Mapping[ReplyKind, Text]] = {
    **BUTTONS,
    ReplyKind.FORWARD: Text("转给供应商", "Prepare for a supplier"),
    ReplyKind.SEND: Text("发送给供应商", "Send to a supplier"),
    ReplyKind.CANCEL: Text("取消转发", "Take back"),
    **LOT_BUTTONS,
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

    ``behind``: what was said is judged, and the state does not know it yet: it is stored within seconds of it. ``holding``: what was
    said of lots.
    """

    state: str
    possible: tuple[ReplyKind, ...]
    given: tuple[Given, ...]
    behind: bool
    holding: Holding

    def knows(self, event_id: str, problem_id: str = "", counterpart_id: str = "") -> bool:
        """Whether the state is what it is after this answer; where it was feedback on a problem, with the number that it gave."""
        if self.behind or self.holding.behind or not self.holding.knows(problem_id, counterpart_id):
            return False
        return any(one.event_id == event_id for one in self.given)


async def answered(tables: Tables, role: Role, factory_id: str, alert_id: str, lot_ids: Sequence[str]) -> Answered:
    """The answers to an alert that the reader may see; ``role``: what he is."""
    asked = {"factory": factory_id, "alert": alert_id}
    # The replies first: a state that is read after them knows as much, or is behind.
    replies = answers.replies(await tables.rows(answers.REPLIES, asked))
    rows = await tables.rows(answers.NOTIFICATIONS, asked)
    state = answers.notifications(rows, factory_id)[factory_id].state or AnswerState.RECEIVED
    possible = tuple(kind for kind in answers.possible_of(state) if kind in BUTTONS_OF.get(role, ()))
    own = [row["event_time"] for row in replies if row["counts"] and not row["supplier_id"] and row["reply"] in BUTTONS]
    behind = max(own, default=0) > answers.moved_at(rows, factory_id)
    held = await holding(tables, factory_id, alert_id, lot_ids, replies)
    return Answered(state.value, possible, tuple(map(_given, replies)), behind, held)


def said(form: Mapping[str, Sequence[str]], role: Role) -> dict[str, Any]:
    """A form as the body of a reply; :class:`~weftline.gateway.problems.Problem` where it names no lot, or is not ``role``'s to say."""
    if about_lots(form):
        return said_of_lots(form)
    body = {name: text for name in ("reply", "reason") if (text := first(form, name))}
    if body.get("reply") in {kind.value.lower() for kind in BUTTONS if kind not in BUTTONS_OF.get(role, ())}:
        raise of_field("reply", "is the factory's to say")
    return body


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
