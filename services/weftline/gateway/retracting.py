"""Take an event back, knowing its identity alone: it is sent again as it was, with an error declaration."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Caller
from weftline.contracts.rules import iso
from weftline.domain.vocabulary import ErrorReason
from weftline.gateway import bodies, events
from weftline.gateway.bodies import Body, Said
from weftline.gateway.problems import Fault, Kind, Problem
from weftline.gateway.publishing import Accepted, Publishing, href
from weftline.gateway.tables import Tables

NO_EVENT: Final = (
    "There is no event of this id for this token. One that another gateway accepted a moment ago is there after a second or two"
)
_FIELDS: Final = ("reason", "corrective_event_ids", "all")


async def retract(source: Tables, publishing: Publishing, caller: Caller, event_id: str, of: str | None, data: bytes) -> Accepted:
    """Declare the event erroneous. One that was declared so before stays as it is."""
    asked = _asked(data)
    found = await events.find(source, publishing.recent, publishing.codec, caller.partner, event_id, of)
    if not found:
        raise Problem(Kind.NOT_FOUND, NO_EVENT)
    open_ = [known for known in found if not known.declared]
    if len(open_) > 1 and not asked["all"]:
        which = "; ".join(
            f"{one.kind} {one.event.owner} at {iso(one.event.event_time)} of {one.event.source}" for one in open_[:10]
        )
        problem = f"{len(open_)} events have this id: {which}. Say which source by ?source=, or all of them by {{'all': true}}"
        raise Problem(Kind.CONFLICT, problem, [Fault("id", "is that of several events")])
    before = [{"id": one.event.event_id, "href": href(one.event.source, one.event.event_id)} for one in found if one.declared]
    if not open_:
        return Accepted({"accepted": 0, "events": [], "warnings": [], "retracted_before": before}, 0)
    declaration = {
        "declaration_time": iso(time.time_ns() // 1_000_000),
        "reason": asked["reason"],
        "corrective_event_ids": asked["corrective_event_ids"],
    }
    said = [
        Said({**to_json(replace(one.event, error_declaration=None)), "error_declaration": declaration}, "", ()) for one in open_
    ]
    try:
        accepted = await publishing.publish(caller, Body(said, len(said) > 1))
    except Problem as problem:
        own = "error_declaration."  # the caller has given these fields without it
        problem.faults = tuple(fault._replace(field=fault.field.removeprefix(own)) for fault in problem.faults)
        raise
    return Accepted({**accepted.body, "retracted_before": before}, accepted.events)


def _asked(data: bytes) -> dict[str, Any]:
    """The body of the request, which may be empty: then the data were incorrect, and nothing replaces the event."""
    value = bodies.parse(data) if data.strip() else {}
    if not isinstance(value, dict):
        raise Problem(Kind.CONTRACT, "The body is an object, or empty", [Fault("body", "must be an object")])
    faults = [Fault(ascii(name)[1:-1], f"is no field here; there are {', '.join(_FIELDS)}") for name in value.keys() - {*_FIELDS}]
    reason = value.get("reason", ErrorReason.INCORRECT_DATA.value)
    # EPCIS writes its reasons in lower case.
    reason = reason.upper() if isinstance(reason, str) else reason
    if reason not in (ErrorReason.DID_NOT_OCCUR, ErrorReason.INCORRECT_DATA):
        faults.append(Fault("reason", "must be did_not_occur or incorrect_data"))
    if not isinstance(value.get("all", False), bool):
        faults.append(Fault("all", "must be true or false"))
    if faults:
        raise Problem(Kind.CONTRACT, f"{faults[0].field} {faults[0].problem}", faults)
    return {"reason": reason, "corrective_event_ids": value.get("corrective_event_ids", []), "all": value.get("all", False)}
