"""What an EPCIS event says of a shipment in fields that EPCIS does not have.

What EPCIS has no word for may stand in the event, under the namespace ``https://weftline.org/epcis/`` (a prefix of the
document's ``@context`` that means it; ``weftline:`` always does): ``expectedDepartureAt``, ``expectedArrivalAt``, ``actualDepartureAt``,
``actualArrivalAt`` (times with an offset), ``carrierId``, ``orderIds``, ``lotIds`` (one or a list), ``partial``, ``tradeMode``,
``declaredValueMinor``, ``declaredCurrency``, ``sequence``, and ``factoryId`` and ``centerId``, which come before the defaults. Each means
what the field of the same name means in ``schemas/avro/logistics.events.v1-value``. A name of this namespace that is none of them is a
fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weftline.contracts import rfc3339
from weftline.contracts.epcis_terms import Names, values
from weftline.contracts.rules import nearest, shown
from weftline.domain.vocabulary import TradeMode
from weftline.errors import ContractError

Json = Mapping[str, Any]


def texts(field: str, value: object) -> tuple[str, ...]:
    found = values(value)
    for item in found:
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise ContractError(field, f"must be text, not {shown(item)}")
    return tuple(str(item) for item in found)


def _text(field: str, value: object) -> str:
    found = texts(field, value)
    if len(found) != 1:
        raise ContractError(field, f"must be one value, not {len(found)}")
    return found[0]


def _time(field: str, value: object) -> int:
    text = _text(field, value)
    found = rfc3339.milliseconds(text)
    if found is None:
        raise ContractError(field, f"{shown(text)} is no time with its offset (RFC 3339), like 2026-05-04T09:30:00+08:00")
    return found


def _whole(field: str, value: object) -> int:
    text = _text(field, value)
    try:
        return int(text)
    except ValueError:
        raise ContractError(field, f"must be a whole number, not {shown(text)}") from None


def _boolean(field: str, value: object) -> bool:
    found = values(value)
    if found not in ([True], [False], ["true"], ["false"]):
        raise ContractError(field, f"must be true or false, not {shown(value)}")
    return found[0] in (True, "true")


def _trade_mode(field: str, value: object) -> TradeMode:
    text = _text(field, value)
    try:
        return TradeMode(text)
    except ValueError:
        raise ContractError(field, f"{shown(text)} is none of {', '.join(TradeMode)}{nearest(text, TradeMode)}") from None


_EXTENSION: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "expectedDepartureAt": ("expected_departure_at", _time),
    "expectedArrivalAt": ("expected_arrival_at", _time),
    "actualDepartureAt": ("actual_departure_at", _time),
    "actualArrivalAt": ("actual_arrival_at", _time),
    "carrierId": ("carrier_id", _text),
    "orderIds": ("order_ids", texts),
    "lotIds": ("lot_ids", texts),
    "partial": ("partial", _boolean),
    "tradeMode": ("trade_mode", _trade_mode),
    "declaredValueMinor": ("declared_value_minor", _whole),
    "declaredCurrency": ("declared_currency", _text),
    "sequence": ("sequence", _whole),
    "factoryId": ("factory_id", _text),
    "centerId": ("center_id", _text),
}


def extension(event: Json, names: Names) -> Iterator[tuple[str, Any]]:
    """Fields of a logistics event that stand in the extension."""
    for name, value in event.items():
        short = names.ours(name)
        if short is None:
            continue
        if short not in _EXTENSION:
            raise ContractError(name, f"is no field of the extension{nearest(short, _EXTENSION)}")
        field, read = _EXTENSION[short]
        yield field, read(name, value)
