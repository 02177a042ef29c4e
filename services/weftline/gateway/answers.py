"""How an alert was answered, as a partner sees it: statements, and what is told. Pure functions.

What is asked here is about an alert that the partner may see; whoever calls has found it in his scope before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weftline.contracts.rules import iso
from weftline.domain.answers import Answer, AnswerState, possible
from weftline.domain.blocks import Held, Problem
from weftline.domain.vocabulary import ReplyKind

_TIMES: Final = ("target_at", "acknowledged_at", "decided_at", "ended_at")
_COLUMNS: Final = (
    "receiver_id",
    "state",
    "tier",
    "sender_id",
    "severity",
    *_TIMES,
    "acknowledged_by",
    "decided_by",
    "ended_by",
    "reason",
)
_TIMES_OF_REPLY: Final = ("event_time", "target_at")
_OF_REPLY: Final = (
    *_TIMES_OF_REPLY,
    "reply",
    "supplier_id",
    "problem_id",
    "replied_by",
    "reason",
    "judgement",
    "counts",
    "source",
    "event_id",
)


def _read(columns: Sequence[str], times: Sequence[str]) -> str:
    return ", ".join(f"toUnixTimestamp64Milli({name})" if name in times else name for name in columns)


#: The notifications of an alert, the factory's first; parameters ``factory`` and ``alert``.
NOTIFICATIONS: Final = (
    f"SELECT {_read(_COLUMNS, _TIMES)}, open_problems FROM answers "
    "WHERE factory_id = {factory:String} AND alert_id = {alert:String} ORDER BY tier, receiver_id"
)
#: What was said to it, and how each reply was judged, the oldest first; the same parameters.
REPLIES: Final = (
    f"SELECT {_read(_OF_REPLY, _TIMES_OF_REPLY)} FROM reply_facts FINAL "
    "WHERE owner = {factory:String} AND alert_id = {alert:String} ORDER BY reply_facts.event_time, event_id LIMIT 500"
)
#: The lots that a problem holds back, or did; parameters ``factory`` and ``problem``.
LOTS: Final = (
    "SELECT lot_id, has(problem_ids, {problem:String}) AS held FROM blocks WHERE factory_id = {factory:String} "
    "AND (has(problem_ids, {problem:String}) OR has(lifted_ids, {problem:String}))"
)


def notifications(rows: Sequence[Sequence[Any]], factory_id: str) -> dict[str, Answer]:
    """The notifications of an alert by receiver, as the rules go by them; the factory always has one."""
    found = {str(row[0]): Answer(AnswerState(row[1]), int(row[2]), row[3] or None) for row in rows}
    return {factory_id: Answer(AnswerState.RECEIVED), **found}


def problem_of(rows: Sequence[Sequence[Any]]) -> Problem | None:
    """A problem as the rules go by it; None: it holds nothing back, and never did."""
    return Problem({str(lot): Held(0, None if held else 0) for lot, held in rows}) if rows else None


def told(factory_id: str, rows: Sequence[Sequence[Any]], replies: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The answer to an alert: state, what is possible now, suppliers to whom it was forwarded, and what was said."""
    known = {str(row[0]): _notification(row) for row in rows}
    # Nobody has answered yet: the factory has received it, which is no reply.
    own = known.pop(factory_id, {"state": AnswerState.RECEIVED.value, "severity": "UNKNOWN", "open_problems": []})
    state = AnswerState(own["state"])
    return {
        "answer": {**own, "possible": words(possible_of(state))},
        "suppliers": [{**one, "possible": words(possible(AnswerState(one["state"])))} for one in known.values()],
        "replies": [_reply(row) for row in replies],
    }


def possible_of(state: AnswerState) -> tuple[ReplyKind, ...]:
    """What a factory can say in this state: the edges, and what needs none."""
    return possible(state) if state.ended else (*possible(state), ReplyKind.FORWARD, ReplyKind.BLOCK)


def moved_at(rows: Sequence[Sequence[Any]], factory_id: str) -> int:
    """When the factory's own notification was last moved on (ms), as :data:`NOTIFICATIONS` has it; 0: not yet."""
    named = [dict(zip(_COLUMNS, row, strict=False)) for row in rows if row[0] == factory_id]
    times = (one[name] for one in named for name in ("acknowledged_at", "decided_at", "ended_at"))
    return max((int(at) for at in times if at is not None), default=0)


def replies(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """What was said, the oldest first, by the names of the columns; times in ms."""
    return [dict(zip(_OF_REPLY, row, strict=True)) for row in rows]


def words(replies: Sequence[ReplyKind]) -> list[str]:
    """Replies as they are written in JSON."""
    return [reply.value.lower() for reply in replies]


def _notification(row: Sequence[Any]) -> dict[str, Any]:
    *values, problems = row
    return {**_named(_COLUMNS, _TIMES, values), "open_problems": list(problems)}


def _reply(row: Sequence[Any]) -> dict[str, Any]:
    said = _named(_OF_REPLY, _TIMES_OF_REPLY, row)
    return {**said, "reply": str(said["reply"]).lower(), "counts": bool(said["counts"])}


def _named(columns: Sequence[str], times: Sequence[str], row: Sequence[Any]) -> Mapping[str, Any]:
    """Values by name; times as they are written, and None for what was not said."""
    return {
        name: iso(value) if name in times and value is not None else None if value == "" else value
        for name, value in zip(columns, row, strict=True)
    }
