"""One event of ours from a JSON object, wherever it stands: in a line of a file, in the body of a request."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from weftline.contracts.kinds import BY_CLASS, AnyEvent
from weftline.contracts.mapping import faults, from_json
from weftline.domain.alerts import Alert
from weftline.errors import ContractError
from weftline.sdk.common import Defaults
from weftline.sdk.values import content_id


def event_of(value: Any, defaults: Defaults) -> AnyEvent:
    """The event; what every event of a publisher says alike may be left out, and so may the identity. :class:`ContractError` names the
    first field at fault."""
    event = from_json(_filled(value, defaults))
    assert not isinstance(event, Alert)
    return event if "event_id" in value else replace(event, event_id=content_id(event))


def faults_of(value: Any, defaults: Defaults) -> list[ContractError]:
    """Every field at fault; none if and only if :func:`event_of` gives an event."""
    try:
        return faults(_filled(value, defaults))
    except ContractError as error:
        return [error]


def _filled(value: Any, defaults: Defaults) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContractError("text", f"is no JSON object but {type(value).__name__}")
    if value.get("type") == BY_CLASS[Alert].name:
        raise ContractError("type", "alerts are made by the processors and cannot be published")
    common = {name: text for name, text in asdict(defaults).items() if text is not None and name != "time_zone_offset"}
    return {"event_id": "-", **common, **value}
