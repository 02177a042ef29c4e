"""EPCIS 2.0 JSON-LD documents as logistics events, in the terms of GS1's Core Business Vocabulary (CBV 2.0).

:func:`map_document` takes an ``EPCISDocument``, an ``EPCISQueryDocument`` or a single event. An event becomes ours when it names
a CBV business step and one shipment; anything else is returned with the reason, never guessed. What ours carry and EPCIS does not
(cooperative, center, factory, source) comes from :class:`EpcisDefaults`.

=====================  ==========================================================================================================
LogisticsEvent         from
=====================  ==========================================================================================================
event_id               ``eventID``, else the CBV 2.0 hash id (extra ``epcis``), which is the same for every way to write the event
event_time             ``eventTime``; a fraction of a millisecond is cut off
business_step          ``bizStep``: short name, CBV URN or CBV web URI
disposition            ``disposition``; one outside CBV is ``UNKNOWN``
read_point_id          ``readPoint.id``, an SGLN as Digital Link
business_location_id   ``bizLocation.id``, likewise
shipment_id            by ``EpcisDefaults.shipment_from``: ``desadv``, an SSCC, ``bol``
order_ids              business transactions of type ``po`` and ``prodorder``
lot_ids                the lot of each LGTIN (AI 10) and ``cbvmda:lotNumber``
error_declaration      ``errorDeclaration``: an EPCIS correction is ours (same identity, same event time)
=====================  ==========================================================================================================

Lists are sorted, so that an event written in another order is not another content. Sensor readings, single items (SGTIN), sources
and destinations, persistent dispositions and vendor extensions have no place in a logistics event and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from weftline.contracts.epcis_hash import hash_id
from weftline.contracts.mapping import to_avro
from weftline.domain.events import ErrorDeclaration, LogisticsEvent
from weftline.domain.vocabulary import BusinessStep, Disposition, ErrorReason
from weftline.errors import ContractError

Json = Mapping[str, Any]

_DOCUMENTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})
_MAPPED = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent"})
_EVENTS = _MAPPED | {"TransformationEvent", "AssociationEvent"}


class ShipmentKey(StrEnum):
    """What in an EPCIS event may name the shipment."""

    DESADV = "desadv"
    SSCC = "sscc"
    BOL = "bol"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpcisDefaults:
    """What an EPCIS event does not say and a logistics event must.

    ``shipment_from``: where the shipment's identity is looked for, first hit wins. A shipment must be named alike on all its
    events, so a partner whose events carry now one key and now another should narrow this to the key that they share.
    ``own_prefixes``: URI prefixes behind which stands a number of our own (``urn:epcglobal:cbv:bt:9529999999991:``); they are
    taken off order, shipment and lot identifiers. Other URIs stay whole: whose number is in them cannot be known.
    """

    cooperative_id: str
    center_id: str
    factory_id: str
    source: str
    shipment_from: tuple[ShipmentKey, ...] = (ShipmentKey.DESADV, ShipmentKey.SSCC, ShipmentKey.BOL)
    own_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """An event that did not become ours: its place in the document (from 0), its ``eventID`` if it has one, and why.

    ``fault`` tells an event that breaks EPCIS or our contract from one that is right and says nothing of ours.
    """

    index: int
    event_id: str | None
    reason: str
    fault: bool


@dataclass(frozen=True, slots=True)
class MappedDocument:
    """What became of a document's events, in their order."""

    events: tuple[LogisticsEvent, ...]
    skipped: tuple[Skipped, ...]


class _NotOursError(Exception):
    """Why an event maps to nothing of ours."""


def is_epcis(document: object) -> bool:
    """Whether ``document`` claims to be EPCIS 2.0: by its type, and for a single event also by its event time."""
    if not isinstance(document, Mapping):
        return False
    kind = document.get("type")
    return kind in _DOCUMENTS or (kind in _EVENTS and "eventTime" in document)


def map_document(document: object, defaults: EpcisDefaults) -> MappedDocument:
    """The logistics events of ``document`` and what was skipped. Raises :class:`ContractError` if it is no EPCIS 2.0 document and
    :class:`UserError` if an event needs a hash id and the extra ``epcis`` is not installed."""
    events: list[LogisticsEvent] = []
    skipped: list[Skipped] = []
    context, found = _open(document)
    for index, event in enumerate(found):
        try:
            if not isinstance(event, Mapping):
                raise ContractError("event", "is no JSON object")
            events.append(_map(event, context, defaults))
        except (_NotOursError, ContractError) as why:
            event_id = event.get("eventID") if isinstance(event, Mapping) else None
            identity = event_id if isinstance(event_id, str) else None
            skipped.append(Skipped(index, identity, str(why), isinstance(why, ContractError)))
    return MappedDocument(tuple(events), tuple(skipped))


def _open(document: object) -> tuple[object, list[object]]:
    """The JSON-LD context of a document and its list of events."""
    if not isinstance(document, Mapping):
        raise ContractError("document", "is no JSON object")
    kind = document.get("type")
    if kind in _EVENTS:
        return document.get("@context"), [document]
    path = {"EPCISDocument": ("epcisBody",), "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody")}.get(str(kind))
    if path is None:
        raise ContractError("type", f"{kind!r} is no EPCIS 2.0 document or event")
    body: object = document
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    events = body.get("eventList") if isinstance(body, Mapping) else None
    if not isinstance(events, list):
        raise ContractError(".".join((*path, "eventList")), "is missing or no list")
    return document.get("@context"), events


def _map(event: Json, context: object, defaults: EpcisDefaults) -> LogisticsEvent:
    kind = event.get("type")
    if kind not in _MAPPED:
        raise _NotOursError(f"{kind} says nothing about a shipment")
    if kind == "TransactionEvent" and event.get("action") == "DELETE":
        raise _NotOursError("a TransactionEvent with action DELETE takes goods out of a transaction; it observes no shipment")
    step = _business_step(event)
    shipment, whole_unit = _shipment(event, defaults)
    lots = tuple(sorted(set(_lots(event, defaults))))
    orders = tuple(sorted({_own(value, defaults) for key in ("po", "prodorder") for value in _transactions(event, key)}))
    partial = False
    if step is BusinessStep.VOID_SHIPPING and not whole_unit and any(True for _ in _things(event)):
        # CBV: void_shipping undoes the objects that it names. Ours can name orders and lots, not single items, and a purchase
        # order on such an event says what the goods belong to, not that all of it is undone.
        if not lots:
            raise _NotOursError("void_shipping names items but no lot, so which part of the shipment is undone cannot be told")
        partial, orders = True, ()
    mapped = LogisticsEvent(
        source=defaults.source,
        event_id=_text(event, "eventID") or hash_id(event, context),
        event_time=_milliseconds(event, "eventTime"),
        event_time_zone_offset=_text(event, "eventTimeZoneOffset") or "",
        cooperative_id=defaults.cooperative_id,
        center_id=defaults.center_id,
        factory_id=defaults.factory_id,
        error_declaration=_error_declaration(event),
        shipment_id=shipment,
        business_step=step,
        disposition=_disposition(event),
        read_point_id=_place(event, "readPoint"),
        business_location_id=_place(event, "bizLocation"),
        order_ids=orders,
        lot_ids=lots,
        partial=partial,
    )
    to_avro(mapped)  # the contract is checked here, so that what is returned can be sent
    return mapped


# -- CBV terms. The standard allows the short name, the URN of CBV 1.x and the web URI; in JSON-LD also its prefix `cbv:`.
_TERM = re.compile(
    r"(?:urn:epcglobal:cbv:(?P<urn>bizstep|disp|btt|er):"
    r"|(?:https?://(?:ref|ns)\.gs1\.org/cbv/|cbv:)(?P<web>BizStep|Disp|BTT|ER)-)?"
    r"(?P<name>[a-z_]+)"
)


def _term(value: object, kind: str) -> str | None:
    """The CBV short name of ``value`` if it is written as a term of ``kind`` (bizstep, disp, btt, er), else None."""
    match = _TERM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    written = match["urn"] or match["web"]
    return match["name"] if written is None or written.lower() == kind else None


def _business_step(event: Json) -> BusinessStep:
    value = event.get("bizStep")
    if value is None:
        raise _NotOursError("no bizStep: what happened to the goods is not said")
    name = (_term(value, "bizstep") or "").upper()
    if name not in BusinessStep.__members__ or name == BusinessStep.UNKNOWN:
        raise _NotOursError(f"bizStep {value!r} is not in CBV 2.0")
    return BusinessStep[name]


def _disposition(event: Json) -> Disposition | None:
    value = event.get("disposition")
    if value is None:
        return None
    name = (_term(value, "disp") or "").upper()
    return Disposition[name] if name in Disposition.__members__ else Disposition.UNKNOWN


def _error_declaration(event: Json) -> ErrorDeclaration | None:
    value = event.get("errorDeclaration")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ContractError("errorDeclaration", "is no JSON object")
    name = (_term(value.get("reason"), "er") or "").upper()
    reason = ErrorReason[name] if name in ErrorReason.__members__ else ErrorReason.UNKNOWN
    corrective = value.get("correctiveEventIDs") or ()
    if not (isinstance(corrective, list | tuple) and all(isinstance(item, str) for item in corrective)):
        raise ContractError("errorDeclaration.correctiveEventIDs", "is no list of strings")
    return ErrorDeclaration(_milliseconds(value, "declarationTime"), reason, tuple(sorted(set(corrective))))


# -- GS1 keys, as EPC URN or as Digital Link (any domain). A key is brought to the Digital Link form, because the company prefix of
# the URN cannot be found again from a Digital Link, and one shipment must have one id.
_NUMERIC_URN = re.compile(r"urn:epc:id:(?P<scheme>sscc|gsin):(?P<prefix>\d{6,12})\.(?P<rest>\d+)")
_NUMERIC_LINK = re.compile(r"https?://[^/]+/(?:.*/)?(?P<ai>00|402)/(?P<digits>\d+)/?(?:[?#].*)?")
_AI = {"sscc": ("00", 18), "gsin": ("402", 17)}
_LENGTH = dict(_AI.values())
_PLACE_URN = re.compile(r"urn:epc:id:sgln:(?P<prefix>\d{6,12})\.(?P<rest>\d*)\.(?P<extension>[^.]+)")
_PLACE_LINK = re.compile(r"https?://[^/]+/(?:.*/)?414/(?P<digits>\d{13})(?:/254/(?P<extension>[^/?#]+))?/?(?:[?#].*)?")
_LOT_URN = re.compile(r"urn:epc:class:lgtin:\d+\.\d+\.(?P<lot>[^.]+)")
_LOT_LINK = re.compile(r"https?://[^/]+/(?:.*/)?01/\d{8,14}/(?:22/[^/?#]+/)?10/(?P<lot>[^/?#]+).*")


def check_digit(digits: str) -> str:
    """GS1 check digit of the key ``digits`` (without one): weights 3, 1, 3 … from the right (GS1 General Specifications 7.9.1)."""
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))) % 10)


def _numeric_key(value: str) -> tuple[str, str] | None:
    """(application identifier, canonical Digital Link) if ``value`` is an SSCC or GSIN, else None."""
    if match := _NUMERIC_URN.fullmatch(value):
        ai, length = _AI[match["scheme"]]
        rest = match["rest"]
        # The SSCC's extension digit stands before the company prefix, but at the head of the serial reference in the URN.
        body = rest[0] + match["prefix"] + rest[1:] if ai == "00" else match["prefix"] + rest
        digits = body + check_digit(body)
    elif match := _NUMERIC_LINK.fullmatch(value):
        ai, digits = match["ai"], match["digits"]
        length = _LENGTH[ai]
    else:
        return None
    if len(digits) != length or check_digit(digits[:-1]) != digits[-1]:
        raise ContractError("event", f"{value!r} is no valid GS1 key: its length or its check digit is wrong")
    return ai, f"https://id.gs1.org/{ai}/{digits}"


def _location(value: str) -> str:
    if match := _PLACE_URN.fullmatch(value):
        digits = match["prefix"] + match["rest"]
        if len(digits) != 12:
            return value
        digits += check_digit(digits)
    elif not (match := _PLACE_LINK.fullmatch(value)):
        return value
    else:
        digits = match["digits"]
    extension = match["extension"]
    return f"https://id.gs1.org/414/{digits}" + (f"/254/{extension}" if extension and extension != "0" else "")


def _shipment(event: Json, defaults: EpcisDefaults) -> tuple[str, bool]:
    """(shipment id, whether it is the very logistic unit that the event names)."""
    for key in defaults.shipment_from:
        if key is ShipmentKey.SSCC:
            parent = _text(event, "parentID")
            values = [parent] if parent and _is_sscc(parent) else [item for item in _epcs(event) if _is_sscc(item)]
        else:
            values = list(_transactions(event, key.value))
        found = sorted({_shipment_id(value, defaults) for value in values})
        if len(found) > 1:
            raise _NotOursError(f"{len(found)} values of {key.value}: which of them is the shipment cannot be told")
        if found:
            return found[0], key is ShipmentKey.SSCC
    looked = ", ".join(key.value for key in defaults.shipment_from)
    if event.get("sensorElementList") and not any(True for _ in _things(event)):
        raise _NotOursError("sensor readings only")
    raise _NotOursError(f"names no shipment (looked for {looked})")


def _shipment_id(value: str, defaults: EpcisDefaults) -> str:
    key = _numeric_key(value)
    return key[1] if key else _own(value, defaults)


def _is_sscc(value: str) -> bool:
    key = _numeric_key(value)
    return key is not None and key[0] == "00"


def _lots(event: Json, defaults: EpcisDefaults) -> Iterator[str]:
    for name in ("quantityList", "childQuantityList"):
        for element in _items(event, name):
            value = element.get("epcClass") if isinstance(element, Mapping) else None
            if not isinstance(value, str):
                raise ContractError(f"{name}.epcClass", "is missing or no string")
            if match := _LOT_URN.fullmatch(value) or _LOT_LINK.fullmatch(value):
                yield unquote(match["lot"])
            elif (own := _own(value, defaults)) != value:
                yield own
    master_data = event.get("ilmd")
    if isinstance(master_data, Mapping):
        numbers = master_data.get("cbvmda:lotNumber", [])
        yield from (str(number) for number in (numbers if isinstance(numbers, list) else [numbers]))


def _own(value: str, defaults: EpcisDefaults) -> str:
    for prefix in defaults.own_prefixes:
        if value.startswith(prefix) and len(value) > len(prefix):
            return value[len(prefix) :]
    return value


# -- Reading a JSON object whose shape nobody has checked yet.
def _text(event: Json, name: str) -> str | None:
    value = event.get(name)
    if value is not None and not isinstance(value, str):
        raise ContractError(name, f"is {type(value).__name__}, not a string")
    return value


def _place(event: Json, name: str) -> str | None:
    value = event.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ContractError(name, "is no JSON object with an id")
    found = _text(value, "id")
    return None if found is None else _location(found)


def _items(event: Json, name: str) -> list[object]:
    value = event.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ContractError(name, f"is {type(value).__name__}, not a list")
    return value


def _epcs(event: Json) -> Iterator[str]:
    for name in ("epcList", "childEPCs"):
        for item in _items(event, name):
            if not isinstance(item, str):
                raise ContractError(name, "holds something that is no string")
            yield item


def _things(event: Json) -> Iterator[object]:
    """Whatever goods an event names, but for its parent."""
    for name in ("epcList", "childEPCs", "quantityList", "childQuantityList"):
        yield from _items(event, name)


def _transactions(event: Json, kind: str) -> Iterator[str]:
    for item in _items(event, "bizTransactionList"):
        if not isinstance(item, Mapping) or not isinstance(item.get("bizTransaction"), str):
            raise ContractError("bizTransactionList.bizTransaction", "is missing or no string")
        if _term(item.get("type"), "btt") == kind:
            yield item["bizTransaction"]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _milliseconds(event: Json, name: str) -> int:
    value = _text(event, name)
    if value is None:
        raise ContractError(name, "is missing")
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ContractError(name, f"{value!r} is no ISO 8601 time") from None
    if time.tzinfo is None:
        raise ContractError(name, f"{value!r} has no offset from UTC")
    return (time - _EPOCH) // timedelta(milliseconds=1)
