"""What the body of a request says: JSON events, one or several, or CloudEvents 1.0 in structured or batched mode. Pure functions.

Within a CloudEvent an event is what ``data`` says in our JSON, and may leave out what the envelope says: ``type`` (there the name that
``ce_type`` has in Kafka, :mod:`weftline.contracts.kinds`), ``source``, ``event_id`` (``id``) and ``event_time`` (``time``). What both say
must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from weftline.contracts import rfc3339
from weftline.contracts.kinds import KINDS
from weftline.contracts.rules import nearest, shown
from weftline.contracts.text_reading import json_value
from weftline.domain.alerts import Alert
from weftline.gateway.problems import Fault, Kind, Problem

#: A report of the largest kind takes 60 KB of JSON.
MAX_BODY_BYTES: Final = 4 << 20
MAX_EVENTS: Final = 1_000
#: An event of ours is four objects deep, one within a batch of CloudEvents six.
MAX_DEPTH: Final = 32

JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json"
CLOUD_EVENTS: Final = "application/cloudevents-batch+json"

_KINDS: Final = {kind.ce_type: kind for kind in KINDS if kind.cls is not Alert}
#: Attribute of a CloudEvent, and the field of ours that says the same.
_SAME: Final = {"source": "source", "id": "event_id", "time": "event_time"}
_KNOWN: Final = frozenset({"specversion", "id", "source", "type", "time", "subject", "dataschema", "datacontenttype", "data"})


class Said(NamedTuple):
    """One event of a body. ``within``: what stands before its fields in the body; ``faults``: of its envelope."""

    value: Any
    within: str = ""
    faults: tuple[Fault, ...] = ()


class Body(NamedTuple):
    """``batch``: whether it is a list, so that faults name the place of their event."""

    events: list[Said]
    batch: bool


def read(data: bytes, content_type: str) -> Body:
    """The events of a body. :class:`Problem` where it is none."""
    media = content_type.partition(";")[0].strip().lower()
    if media not in (JSON, CLOUD_EVENT, CLOUD_EVENTS):
        raise Problem(
            Kind.MEDIA,
            f"Content-Type {media[:100] or 'is missing'}: send {JSON}, {CLOUD_EVENT} or {CLOUD_EVENTS}, without encoding",
        )
    value = parse(data)
    if media == CLOUD_EVENT or (media == JSON and not isinstance(value, list)):
        found, batch = [value], False
    else:
        found, batch = _several(value, media), True
    return Body([_cloud_event(one) if media != JSON else Said(one) for one in found], batch)


def parse(data: bytes) -> Any:
    """The JSON value of a body, without a field that stands twice, and not deeper than anything of ours is."""
    try:
        value = json_value(data.decode())
    except UnicodeDecodeError:
        raise _no_json("is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise _no_json(f"is no JSON: {error}"[:300]) from None
    if _is_deeper(value, MAX_DEPTH):
        raise Problem(Kind.CONTRACT, "The body is nested too deeply", [Fault("body", f"is more than {MAX_DEPTH} levels deep")])
    return value


def _no_json(problem: str) -> Problem:
    return Problem(Kind.NO_JSON, f"The body {problem}", [Fault("body", problem)])


def _is_deeper(value: Any, levels: int) -> bool:
    """Without recursion, which the value could exhaust."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner for one in layer if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not layer:
            return False
    return any(isinstance(one, dict | list) for one in layer)


def _several(value: Any, media: str) -> list[Any]:
    if not isinstance(value, list):
        raise Problem(Kind.CONTRACT, f"{media} is a list of events", [Fault("body", f"must be a list, not {shown(value)}")])
    if not value:
        raise Problem(Kind.CONTRACT, "There is nothing to publish", [Fault("body", "holds no events")])
    if len(value) > MAX_EVENTS:
        problem = f"holds {len(value)} events, at most {MAX_EVENTS} are taken at once"
        raise Problem(Kind.TOO_LARGE, f"The body {problem}; send it in parts", [Fault("body", problem)])
    return value


def _cloud_event(value: Any) -> Said:
    if not isinstance(value, dict):
        return Said({}, "", (Fault("body", f"must be a CloudEvent, not {shown(value)}"),))
    data = value.get("data")
    faults = list(_faults(value))
    if not isinstance(data, dict):
        return Said({}, "data.", tuple(faults))
    event = dict(data)
    for attribute, field in _SAME.items():
        if isinstance(said := value.get(attribute), str) and not _agree(field, event.setdefault(field, said), said):
            faults.append(Fault(attribute, f"{shown(said)} is not what data.{field} says, {shown(event[field])}"))
    kind = _KINDS.get(value["type"]) if isinstance(value.get("type"), str) else None
    if kind is not None and event.setdefault("type", kind.name) != kind.name:
        faults.append(Fault("type", f"{kind.ce_type} is of events whose data.type is {kind.name}, not {shown(event['type'])}"))
    return Said(event, "data.", tuple(faults))


def _faults(value: Mapping[str, Any]) -> Iterator[Fault]:
    if value.get("specversion") != "1.0":
        yield Fault("specversion", f"must be 1.0, not {shown(value.get('specversion'))}")
    for name in ("id", "source", "type"):
        if not isinstance(value.get(name), str) or not value[name]:
            yield Fault(name, "is missing" if name not in value else f"must be text, not {shown(value[name])}")
    if isinstance(value.get("type"), str) and value["type"] and value["type"] not in _KINDS:
        yield Fault("type", f"{shown(value['type'])} is none of {', '.join(_KINDS)}{nearest(value['type'], _KINDS)}")
    if "time" in value and (not isinstance(value["time"], str) or rfc3339.milliseconds(value["time"]) is None):
        yield Fault("time", f"must be a time with its offset (RFC 3339), not {shown(value['time'])}")
    media = value.get("datacontenttype", JSON)
    if not isinstance(media, str) or media.partition(";")[0].strip().lower() != JSON:
        yield Fault("datacontenttype", f"must be {JSON}, not {shown(media)}")
    if "data_base64" in value:
        yield Fault("data_base64", "is not taken; give the event as JSON in data")
    elif not isinstance(value.get("data"), dict):
        yield Fault("data", "is missing" if "data" not in value else f"must be an object, not {shown(value['data'])}")
    # Extensions are anybody's, in small letters; an attribute of the standard in other letters would be one.
    for name in value.keys() - _KNOWN:
        if name.lower() in _KNOWN:
            yield Fault(shown(name)[1:-1], f"is no attribute of CloudEvents{nearest(name, _KNOWN)}")


def _agree(field: str, ours: Any, theirs: str) -> bool:
    if ours == theirs:
        return True
    if field != "event_time" or isinstance(ours, bool):
        return False
    known = rfc3339.milliseconds(ours) if isinstance(ours, str) else ours
    # A date, or what is no time at all, is told as a fault of the field itself or means another precision.
    return known is None or known == rfc3339.milliseconds(theirs)
