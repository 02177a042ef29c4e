"""EPCIS 2.0 capture: a document's events of shipments, published like any others; the job of a capture is done when it is answered.

EPCIS takes a capture as a whole (``rollback``, the default) or as far as it goes (``proceed``). Both are about events that break the
standard or our contract; an event that is right and says nothing of a shipment is left out either way, and the job says so. What EPCIS has
no word for comes from the token, and from the query where the token leaves a choice.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from weftline.contracts.codec import Codec
from weftline.contracts.epcis import EpcisDefaults, MappedDocument, map_document
from weftline.contracts.partners import Caller
from weftline.contracts.rules import iso
from weftline.errors import ContractError, UserError
from weftline.gateway import bodies
from weftline.gateway.checking import Checked, defaults_of
from weftline.gateway.problems import Fault, Kind, Problem, of_field
from weftline.gateway.publishing import Publishing

MEDIA: Final = ("application/json", "application/ld+json")
BEHAVIOURS: Final = ("rollback", "proceed")
#: Jobs that are remembered; a capture that is repeated changes nothing.
KEPT: Final = 1_000
_ASKED: Final = ("source", "cooperative_id", "center_id", "factory_id")


class Job(NamedTuple):
    """A capture, as EPCIS tells of it, and how many events were published."""

    partner_id: str
    body: dict[str, Any]
    events: int


class Jobs:
    """The captures of this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Job] = OrderedDict()

    def put(self, job: Job) -> None:
        """A new one."""
        self._kept[job.body["captureID"]] = job
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def get(self, partner_id: str, capture_id: str) -> Job:
        """One of a partner's own; :class:`Problem` if there is none."""
        job = self._kept.get(capture_id)
        if job is None or job.partner_id != partner_id:
            raise Problem(Kind.NOT_FOUND, "There is no capture of this id for this token; they are remembered for some time only")
        return job


async def capture(
    publishing: Publishing, caller: Caller, data: bytes, media: str, behaviour: str, asked: Mapping[str, str | None]
) -> Job:
    """Publish what a document says of shipments. :class:`Problem` where nothing of it was."""
    began = time.time_ns() // 1_000_000
    if media.partition(";")[0].strip().lower() not in MEDIA:
        raise Problem(Kind.MEDIA, f"Content-Type: send {' or '.join(MEDIA)}, without encoding")
    if behaviour not in BEHAVIOURS:
        raise of_field("GS1-Capture-Error-Behaviour", f"must be {' or '.join(BEHAVIOURS)}")
    document = _mapped(bodies.parse(data), _defaults(caller, asked))
    faults = [Fault(_field(one.reason), one.reason, one.index) for one in document.skipped if one.fault]
    if faults and behaviour == "rollback":
        raise Problem(Kind.CONTRACT, f"{len(faults)} events are at fault; nothing was accepted", faults)
    events = _checked(document, publishing.codec)
    accepted = await publishing.publish_events(caller, events, True) if events else None
    body = {
        "captureID": secrets.token_hex(16),
        "createdAt": iso(began),
        "finishedAt": iso(time.time_ns() // 1_000_000),
        "running": False,
        "success": not faults,
        "captureErrorBehaviour": behaviour,
        "errors": [_error(fault) for fault in faults],
        "weftline:accepted": len(events),
        "weftline:events": accepted.body["events"] if accepted else [],
        "weftline:leftOut": [
            {"event": one.index, "eventID": one.event_id, "reason": one.reason} for one in document.skipped if not one.fault
        ],
    }
    return Job(caller.partner.partner_id, body, len(events))


def _error(fault: Fault) -> dict[str, Any]:
    return {"type": Kind.CONTRACT.uri, "title": Kind.CONTRACT.title, "detail": fault.problem, **fault.as_json()}


def _defaults(caller: Caller, asked: Mapping[str, str | None]) -> EpcisDefaults:
    own = defaults_of(caller.partner)
    known = {"source": own.source, "cooperative_id": own.cooperative_id, "center_id": own.center_id, "factory_id": None}
    said = {name: asked.get(name) or known[name] for name in _ASKED}
    missing = [Fault(name, "is missing: EPCIS has no word for it, so give it in the query") for name in _ASKED if not said[name]]
    if missing:
        raise Problem(Kind.CONTRACT, f"{missing[0].field} {missing[0].problem}", missing)
    source, cooperative_id, center_id, factory_id = (said[name] or "" for name in _ASKED)
    return EpcisDefaults(source=source, cooperative_id=cooperative_id, center_id=center_id, factory_id=factory_id)


def _mapped(value: Any, defaults: EpcisDefaults) -> MappedDocument:
    try:
        return map_document(value, defaults)
    except ContractError as error:
        raise Problem(Kind.CONTRACT, str(error), [Fault(error.field, error.problem)]) from None
    except UserError:  # the extra that makes hash ids is not installed here
        raise of_field("eventID", "is missing, and this gateway makes none; give every event its eventID") from None


def _field(reason: str) -> str:
    """The field with which the text of a fault begins."""
    return reason.partition(": ")[0]


def _checked(document: MappedDocument, codec: Codec) -> list[Checked]:
    return [Checked(place, event, codec.encode(event)) for place, event in enumerate(document.events)]
