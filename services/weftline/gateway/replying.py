"""Answer an alert over HTTP: find it in the partner's scope, ask the rules whether this reply leads on, publish it.

The rules are those of the processor (:mod:`weftline.domain.answers`, :mod:`weftline.domain.blocks`), asked of what the tables have now. Two
who answer within the same second may both be accepted; the processor then lets one of them count, and marks the other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from weftline.contracts.partners import Caller
from weftline.contracts.rules import iso, shown
from weftline.domain import blocks
from weftline.domain.answers import APPLIED, Answer, AnswerState, forwarded, moved, possible
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import ReplyKind
from weftline.gateway import alerts, answers, bodies
from weftline.gateway.bodies import Body, Said
from weftline.gateway.checking import check
from weftline.gateway.problems import Fault, Kind, Problem
from weftline.gateway.publishing import Accepted, Publishing
from weftline.gateway.tables import Tables
from weftline.sdk.common import Defaults

NO_ALERT: Final = "There is no alert of this id for this token; GET /v1/alerts names those that there are"
#: Fields of the body that an event calls otherwise.
_CALLED: Final = {"target_date": "target_at", "by": "replied_by"}
_CALLED_HERE: Final = {ours: theirs for theirs, ours in _CALLED.items()}
_FIELDS: Final = (
    *("reply", "reason", "target_date", "by", "severity", "supplier_id", "forwarded_by", "lot_ids", "problem_id"),
    "counterpart_problem_id",
)
_ABOUT_LOTS: Final = frozenset({ReplyKind.BLOCK, ReplyKind.EXTEND, ReplyKind.LIFT, ReplyKind.FEEDBACK})


class Answered(NamedTuple):
    """The alert that is answered."""

    alert_id: str
    factory_id: str
    center_id: str
    cooperative_id: str
    lot_ids: tuple[str, ...]


async def reply(
    source: Tables, publishing: Publishing, caller: Caller, alert_id: str, said: Mapping[str, Any], now: int | None = None
) -> Accepted:
    """Publish one reply of a partner to an alert; ``now``: ms, the wall clock if it is left out.

    ``said``: ``reply``, and what belongs to it (``reason``, ``target_date``, ``by``, …). Raises :class:`Problem`: not found, also for an
    alert that is not the partner's to see; the contract's faults; no edge, with the state and what is possible.
    """
    alert = await _alert(source, caller, alert_id)
    at = time.time_ns() // 1_000_000 if now is None else now
    try:
        (checked,) = check(Body([Said(_event(alert, caller, said, at))], False), caller.partner, publishing.codec)
    except Problem as problem:
        problem.faults = tuple(fault._replace(field=_CALLED_HERE.get(fault.field, fault.field)) for fault in problem.faults)
        raise
    event = checked.event
    assert isinstance(event, AlertReply)
    await (_refuse_problem if event.reply in _ABOUT_LOTS else _refuse_answer)(source, alert, event)
    accepted = await publishing.publish_events(caller, [checked], False)
    return Accepted({**accepted.body, "alert_id": alert.alert_id, "reply": event.reply.value.lower()}, accepted.events)


def read(data: bytes) -> dict[str, Any]:
    """The body of the request; :class:`Problem` where it is no object of known fields."""
    value = bodies.parse(data)
    if not isinstance(value, dict):
        raise Problem(Kind.CONTRACT, "The body is an object", [Fault("body", f"must be an object, not {shown(value)}")])
    unknown = [
        Fault(ascii(name)[1:-1], f"is no field here; there are {', '.join(_FIELDS)}") for name in value if name not in _FIELDS
    ]
    if unknown:
        raise Problem(Kind.CONTRACT, f"{unknown[0].field} {unknown[0].problem}", unknown)
    return value


def source_of(partner_id: str) -> str:
    """Under which source the gateway publishes what a partner replies; who checks publishers grants it to the gateway's key."""
    return f"urn:weftline:partner:{partner_id}"


async def _alert(source: Tables, caller: Caller, alert_id: str) -> Answered:
    rows = await source.rows(*alerts.one(caller.partner, alert_id))
    if not rows:
        raise Problem(Kind.NOT_FOUND, NO_ALERT)
    found = alerts.told_one(rows[0], (), True)
    lots = tuple(map(str, found["lot_ids"]))
    return Answered(found["alert_id"], found["factory_id"], found["center_id"], found["cooperative_id"], lots)


def _event(alert: Answered, caller: Caller, said: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The event as JSON, bound to the alert and to who speaks."""
    given = {_CALLED.get(name, name): value for name, value in said.items() if value is not None}
    kind = given.get("reply")
    given["reply"] = kind = kind.upper() if isinstance(kind, str) else kind
    if kind == ReplyKind.BLOCK and "lot_ids" not in given:
        given["lot_ids"] = list(alert.lot_ids)
    given.setdefault("replied_by", caller.partner.partner_id)
    return {
        **given,
        "type": "reply",
        "source": source_of(caller.partner.partner_id),
        "event_time": iso(now),
        "event_time_zone_offset": Defaults().time_zone_offset,
        "cooperative_id": alert.cooperative_id,
        "center_id": alert.center_id,
        "factory_id": alert.factory_id,
        "alert_id": alert.alert_id,
    }


async def _refuse_answer(source: Tables, alert: Answered, event: AlertReply) -> None:
    known = answers.notifications(await source.rows(answers.NOTIFICATIONS, _asked(alert)), alert.factory_id)
    receiver_id = event.supplier_id or alert.factory_id
    receiver = known.get(receiver_id, Answer())
    if event.reply is ReplyKind.FORWARD:
        sender_id = event.forwarded_by or alert.factory_id
        _, mark = forwarded(known.get(sender_id, Answer()), sender_id, receiver, event)
    else:
        _, mark = moved(receiver, event)
    if mark == APPLIED:
        return
    who = "this alert" if event.supplier_id is None else f"the notification of {shown(event.supplier_id)}"
    if receiver.state is None:
        raise _no_edge(f"{who} was not forwarded by anybody who has it; `forward` and `send` come first", None, ())
    ways = answers.possible_of(receiver.state) if event.supplier_id is None else possible(receiver.state)
    detail = f"{who} is {receiver.state.value}; from there `{event.reply.value.lower()}` leads nowhere"
    raise _no_edge(detail, receiver.state, ways)


async def _refuse_problem(source: Tables, alert: Answered, event: AlertReply) -> None:
    rows = await source.rows(answers.LOTS, {"factory": alert.factory_id, "problem": event.problem_id})
    problem = answers.problem_of(rows)
    _, mark = blocks.advance(problem, event)
    if mark == APPLIED:
        return
    name = shown(event.problem_id)
    if problem is None:
        raise _no_edge(f"problem {name} holds no lot back; `block` comes first", None, (ReplyKind.BLOCK,))
    held = ", ".join(sorted(problem.held)) or "no lot"
    ways = (ReplyKind.EXTEND, ReplyKind.LIFT, ReplyKind.FEEDBACK) if problem.held else (ReplyKind.BLOCK, ReplyKind.FEEDBACK)
    raise _no_edge(f"problem {name} holds {held} back, so `{event.reply.value.lower()}` changes nothing", None, ways)


def _asked(alert: Answered) -> dict[str, Any]:
    return {"factory": alert.factory_id, "alert": alert.alert_id}


def _no_edge(detail: str, state: AnswerState | None, ways: Sequence[ReplyKind]) -> Problem:
    told = ", ".join(answers.words(ways))
    problem = Problem(
        Kind.NO_EDGE, f"{detail}. Possible now: {told or 'nothing'}", [Fault("reply", "leads nowhere from this state")]
    )
    problem.more = {"state": None if state is None else state.value, "possible": answers.words(ways)}
    return problem
