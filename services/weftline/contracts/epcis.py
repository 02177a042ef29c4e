"""EPCIS 2.0 JSON-LD documents as logistics events, in the terms of GS1's Core Business Vocabulary (CBV 2.0).

:func:`map_document` takes an ``EPCISDocument``, an ``EPCISQueryDocument`` or a single event. First it is asked whether it is valid
(:mod:`weftline.contracts.epcis_rules`): what is not is refused with every field at fault. Then whether it is ours: an event that names a
CBV business step and one shipment. Anything else is returned with the reason, never guessed. What ours carry and EPCIS does not
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
shipment_id            by ``EpcisDefaults.shipment_from``: the one SSCC that the event names, else ``desadv``, else ``bol``
order_ids              business transactions of type ``po`` and ``prodorder``; ``weftline:orderIds``
lot_ids                the lot of each LGTIN (AI 10), ``cbvmda:lotNumber`` and ``weftline:lotIds``
error_declaration      ``errorDeclaration``: an EPCIS correction is ours (same identity, same event time)
partial                a ``void_shipping`` of some lots only; ``weftline:partial``
the others             fields of our extension (:mod:`weftline.contracts.epcis_extension`)
=====================  ==========================================================================================================

Lists are sorted, so that an event written in another order is not another content. Sensor readings, single items (SGTIN), sources
and destinations, persistent dispositions and others' extensions have no place in a logistics event and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from weftline.contracts import gs1_keys, rfc3339
from weftline.contracts.epcis_extension import extension, texts
from weftline.contracts.epcis_hash import hash_id
from weftline.contracts.epcis_rules import DOCUMENTS, EVENTS, document_faults, event_faults
from weftline.contracts.epcis_terms import Names, ignored, term
from weftline.contracts.mapping import to_avro
from weftline.contracts.rules import nearest, shown
from weftline.domain.events import ErrorDeclaration, LogisticsEvent
from weftline.domain.vocabulary import BusinessStep, Disposition, ErrorReason
from weftline.errors import ContractError

Json = Mapping[str, Any]

_MAPPED = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent"})

MOST_FAULTS = 5
"""So many faults of one event are told; a document that is of another kind altogether has one at every field."""


class ShipmentKey(StrEnum):
    """What in an EPCIS event may name the shipment."""

    DESADV = "desadv"
    SSCC = "sscc"
    BOL = "bol"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpcisDefaults:
    """What an EPCIS event does not say and a logistics event must.

    ``shipment_from``: where the shipment's identity is looked for, first hit wins. The logistic unit comes first, because it is what
    everybody names from packing to receiving, while a despatch advice is often not known to who packs or receives; an event that names
    several units is of the shipment that its advice names. A shipment must be named alike on all its events, so a partner
    whose events carry now one key and now another should narrow this to the key that they share.
    ``own_prefixes``: URI prefixes behind which stands a number of our own (``urn:epcglobal:cbv:bt:9529999999991:``); they are
    taken off order, shipment and lot identifiers. Other URIs stay whole: whose number is in them cannot be known.
    """

    cooperative_id: str
    center_id: str
    factory_id: str
    source: str
    shipment_from: tuple[ShipmentKey, ...] = (ShipmentKey.SSCC, ShipmentKey.DESADV, ShipmentKey.BOL)
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


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a document says for all its events: its JSON-LD context, and which fields take no part in a hash id."""

    context: object
    unhashed: frozenset[str]


def is_epcis(document: object) -> bool:
    """Whether ``document`` is meant to be EPCIS 2.0: by its type, or by a field that nothing else here has."""
    if not isinstance(document, Mapping):
        return False
    kind = document.get("type")
    return (isinstance(kind, str) and kind in DOCUMENTS | EVENTS) or bool({"epcisBody", "eventTimeZoneOffset"} & document.keys())


def map_document(document: object, defaults: EpcisDefaults) -> MappedDocument:
    """The logistics events of ``document`` and what was skipped. Raises :class:`ContractError` if it is no EPCIS 2.0 document, or one
    whose head is not valid, and :class:`UserError` if an event needs a hash id and the extra ``epcis`` is not installed."""
    events: list[LogisticsEvent] = []
    skipped: list[Skipped] = []
    setting, found = _open(document)
    for index, event in enumerate(found):
        try:
            if not isinstance(event, Mapping):
                raise ContractError("event", "is no JSON object")
            _refuse(event_faults(event))
            events.append(_map(event, setting, defaults))
        except (_NotOursError, ContractError) as why:
            event_id = event.get("eventID") if isinstance(event, Mapping) else None
            identity = event_id if isinstance(event_id, str) else None
            skipped.append(Skipped(index, identity, str(why), isinstance(why, ContractError)))
    return MappedDocument(tuple(events), tuple(skipped))


def _refuse(faults: Iterable[ContractError]) -> None:
    """One :class:`ContractError` that names all faults, if there are any."""
    found = list(faults)
    if found:
        more = f"; and {len(found) - MOST_FAULTS} more" if len(found) > MOST_FAULTS else ""
        rest = "".join(f"; {fault}" for fault in found[1:MOST_FAULTS])
        raise ContractError(found[0].field, f"{found[0].problem}{rest}{more}")


def _open(document: object) -> tuple[_Setting, list[object]]:
    """What a document says for all its events, and the list of them."""
    if not isinstance(document, Mapping):
        raise ContractError("document", "is no JSON object")
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in DOCUMENTS | EVENTS:
        raise ContractError("type", f"{shown(kind)} is no EPCIS 2.0 document or event{nearest(kind, DOCUMENTS | EVENTS)}")
    _refuse(document_faults(document))
    context = document.get("@context")
    if kind in EVENTS:
        return _Setting(context, frozenset()), [document]
    body = document["epcisBody"]
    events = body["eventList"] if kind == "EPCISDocument" else body["queryResults"]["resultsBody"]["eventList"]
    return _Setting(context, ignored(document, Names(context))), events


def _map(event: Json, setting: _Setting, defaults: EpcisDefaults) -> LogisticsEvent:
    """A valid event as ours."""
    kind = event["type"]
    if kind not in _MAPPED:
        raise _NotOursError(f"{kind} says nothing about a shipment")
    if kind == "TransactionEvent" and event["action"] == "DELETE":
        raise _NotOursError("a TransactionEvent with action DELETE takes goods out of a transaction; it observes no shipment")
    names = Names(setting.context, event.get("@context"))
    step = _business_step(event)
    shipment, whole_unit = _shipment(event, defaults)
    more = dict(extension(event, names))
    lots = {*_lots(event, names, defaults), *more.pop("lot_ids", ())}
    orders = {_number(value, defaults) for key in ("po", "prodorder") for value in _transactions(event, key)}
    orders |= {*more.pop("order_ids", ())}
    if step is BusinessStep.VOID_SHIPPING and not whole_unit and any(True for _ in _things(event)):
        # CBV: void_shipping undoes the objects that it names. Ours can name orders and lots, not single items, and a purchase
        # order on such an event says what the goods belong to, not that all of it is undone.
        if not lots:
            raise _NotOursError("void_shipping names items but no lot, so which part of the shipment is undone cannot be told")
        more["partial"], orders = True, set()
    context = {
        "source": defaults.source,
        "cooperative_id": defaults.cooperative_id,
        "center_id": defaults.center_id,
        "factory_id": defaults.factory_id,
    }
    mapped = LogisticsEvent(
        **{**context, **more},
        event_id=event.get("eventID") or hash_id(_hashed(event, names, setting.unhashed), setting.context),
        event_time=_milliseconds(event["eventTime"]),
        event_time_zone_offset=event["eventTimeZoneOffset"],
        error_declaration=_error_declaration(event),
        shipment_id=shipment,
        business_step=step,
        disposition=_disposition(event),
        read_point_id=_place(event, "readPoint"),
        business_location_id=_place(event, "bizLocation"),
        order_ids=tuple(sorted(orders)),
        lot_ids=tuple(sorted(lots)),
    )
    to_avro(mapped)  # the contract is checked here, so that what is returned can be sent
    return mapped


def _milliseconds(text: str) -> int:
    found = rfc3339.milliseconds(text)
    assert found is not None  # the rules have let it pass
    return found


def _hashed(value: Any, names: Names, without: frozenset[str]) -> Any:
    """An event as far as it takes part in its hash id."""
    if isinstance(value, Mapping):
        return {name: _hashed(inner, names, without) for name, inner in value.items() if names.full(name) not in without}
    return [_hashed(item, names, without) for item in value] if isinstance(value, list) else value


def _business_step(event: Json) -> BusinessStep:
    value = event.get("bizStep")
    if value is None:
        raise _NotOursError("no bizStep: what happened to the goods is not said")
    name = (term(value, "bizstep") or "").upper()
    if name not in BusinessStep.__members__:
        raise _NotOursError(f"bizStep {shown(value)} is not in CBV 2.0")
    return BusinessStep[name]


def _disposition(event: Json) -> Disposition | None:
    value = event.get("disposition")
    if value is None:
        return None
    name = (term(value, "disp") or "").upper()
    return Disposition[name] if name in Disposition.__members__ else Disposition.UNKNOWN


def _error_declaration(event: Json) -> ErrorDeclaration | None:
    value = event.get("errorDeclaration")
    if value is None:
        return None
    name = (term(value.get("reason"), "er") or "").upper()
    reason = ErrorReason[name] if name in ErrorReason.__members__ else ErrorReason.UNKNOWN
    corrective = value.get("correctiveEventIDs") or ()
    return ErrorDeclaration(_milliseconds(value["declarationTime"]), reason, tuple(sorted(set(corrective))))


def _place(event: Json, name: str) -> str | None:
    if name not in event:
        return None
    value: str = event[name]["id"]
    key = gs1_keys.parse(value)
    return key.link if key is not None and key.ai == "414" and key.sound else value


# -- Identities
_SHIPPED = frozenset({"00", "253", "401", "402"})
"""Keys of logistic units, documents, consignments and shipments."""


def _shipment(event: Json, defaults: EpcisDefaults) -> tuple[str, bool]:
    """(shipment id, whether it is the very logistic unit that the event names)."""
    several = ""
    for key in defaults.shipment_from:
        if key is ShipmentKey.SSCC:
            parent = [event["parentID"]] if _is_sscc(event.get("parentID", "")) else []
            found_in = parent or [item for item in _epcs(event) if _is_sscc(item)]
        else:
            found_in = list(_transactions(event, key.value))
        found = sorted({_number(value, defaults) for value in found_in})
        if len(found) == 1:
            return found[0], key is ShipmentKey.SSCC
        if found:
            several = several or f"{len(found)} values of {key.value}: which of them is the shipment cannot be told"
            if key is not ShipmentKey.SSCC:  # several units may be of one shipment, several advices are several shipments
                break
    if several:
        raise _NotOursError(several)
    looked = ", ".join(key.value for key in defaults.shipment_from)
    if event.get("sensorElementList") and not any(True for _ in _things(event)):
        raise _NotOursError("sensor readings only")
    raise _NotOursError(f"names no shipment (looked for {looked})")


def _number(value: str, defaults: EpcisDefaults) -> str:
    """The identity of a shipment or an order: a number of our own, a GS1 key in its one form, or the URI as it is."""
    own = _own(value, defaults)
    key = gs1_keys.parse(value) if own == value else None
    if key is None or key.ai not in _SHIPPED:
        return own
    if not key.sound:
        raise ContractError("event", f"{shown(value)} is no valid GS1 key: its length or its check digit is wrong")
    return _own(key.link, defaults)


def _is_sscc(value: str) -> bool:
    key = gs1_keys.parse(value)
    return key is not None and key.ai == "00"


def _lots(event: Json, names: Names, defaults: EpcisDefaults) -> Iterator[str]:
    for name in ("quantityList", "childQuantityList"):
        for element in event.get(name, ()):
            value: str = element["epcClass"]
            key = gs1_keys.parse(value)
            if key is not None and key.ai == "01" and key.extension:
                yield key.extension
            elif (own := _own(value, defaults)) != value:
                yield own
    for name, value in event.get("ilmd", {}).items():
        if names.master_data(name) == "lotNumber":
            yield from texts(f"ilmd.{name}", value)


def _own(value: str, defaults: EpcisDefaults) -> str:
    for prefix in defaults.own_prefixes:
        if value.startswith(prefix) and len(value) > len(prefix):
            return value[len(prefix) :]
    return value


# -- What an event names
def _epcs(event: Json) -> Iterator[str]:
    for name in ("epcList", "childEPCs"):
        yield from event.get(name, ())


def _things(event: Json) -> Iterator[object]:
    """Whatever goods an event names, but for its parent."""
    for name in ("epcList", "childEPCs", "quantityList", "childQuantityList"):
        yield from event.get(name, ())


def _transactions(event: Json, kind: str) -> Iterator[str]:
    for item in event.get("bizTransactionList", ()):
        if term(item.get("type"), "btt") == kind:
            yield item["bizTransaction"]
