"""What EPCIS 2.0 requires of a document and of an event, field by field; whether it is of any use to us is not asked here.

:func:`document_faults` and :func:`event_faults` give every fault with its field. The rules are those of the standard's JSON binding
(that a test holds them against, where GS1's own schema is at hand) and those that its text adds: the parent of an aggregation that is
made or undone (7.4.3), a quantity that is more than zero, whole unless it has a unit, and without which there is no unit (7.3.3.3).
They are written here because a user needs to hear what is wrong and what to do about it, and because GS1's schema is not ours to hand
on.

Two spellings are read although the JSON binding wants short names: CBV terms as URN of CBV 1.x and as web URI, which say the same.
What stands in CBV's own namespace and is no term of it is a fault; another namespace may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weftline.contracts.json_checks import (
    URI,
    Check,
    at_least,
    boolean,
    contexts,
    each,
    fields_of,
    like,
    number,
    offset,
    one_of,
    or_list,
    sensor_word,
    text,
    time,
    uri,
    word,
)
from weftline.contracts.rules import nearest, shown
from weftline.domain.vocabulary import BusinessStep, Disposition
from weftline.errors import ContractError

Json = Mapping[str, Any]

EVENTS = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"})
DOCUMENTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STEPS = frozenset(step.lower() for step in BusinessStep) - {"unknown"}
_DISPOSITIONS = frozenset(disposition.lower() for disposition in Disposition)
_TRANSACTIONS = _words("""
    bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt
""")
_PARTIES = frozenset({"owning_party", "possessing_party", "location"})
_REASONS = frozenset({"did_not_occur", "incorrect_data"})
_COMPONENTS = _words("""
    x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude longitude altitude
""")
# GS1 web vocabulary, gs1:MeasurementType.
_MEASURED = _words("""
    AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance AmountOfSubstancePerUnitVolume Angle
    AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance Conductivity Count Density Dimensionless
    DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength
    Energy Exposure Force Frequency Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance
    LuminousFlux LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
    MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity
    Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension
    Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber
""")
_ALARMS = frozenset({"ALARM_CONDITION", "ERROR_CONDITION"})
_ACTIONS = ("ADD", "OBSERVE", "DELETE")


# -- Parts of an event
def _quantity(path: str, value: Any) -> Iterator[ContractError]:
    yield from _QUANTITY(path, value)
    if not isinstance(value, Mapping):
        return
    quantity: Any = value.get("quantity")
    counted = isinstance(quantity, int | float) and not isinstance(quantity, bool)
    if "uom" in value and "quantity" not in value:
        yield ContractError(f"{path}.quantity", "is missing: a unit of measure says nothing without it")
    elif counted and quantity <= 0:
        yield ContractError(f"{path}.quantity", f"must be more than zero, not {shown(quantity)}; one that is not known is left out")
    elif counted and "uom" not in value and quantity % 1:
        yield ContractError(f"{path}.quantity", f"{shown(quantity)} is no number of pieces; what is measured has its unit in uom")


_QUANTITY = fields_of(
    {"epcClass": uri, "quantity": number, "uom": like("[A-Z0-9]{2,3}", "MTR (UN/ECE Rec. 20)")},
    ["epcClass"],
    extended=False,
    name="a quantity element",
)
_PLACE = at_least({"id": uri}, ["id"])
_EPCS = each(uri)
_EPCS_ONCE = each(uri, once=True)
_QUANTITIES = each(_quantity)
_BUSINESS_TRANSACTION = fields_of(
    {"type": word("btt", _TRANSACTIONS, "type of business transaction"), "bizTransaction": uri},
    ["bizTransaction"],
    extended=False,
    name="a business transaction",
)


def _party(name: str) -> Check:
    fields = {"type": word("sdt", _PARTIES, "type of source or destination"), name: uri}
    return each(fields_of(fields, fields, extended=False, name=f"a {name}"))


_DISPOSITION = word("disp", _DISPOSITIONS, "disposition")


def _persistent(path: str, value: Any) -> Iterator[ContractError]:
    words = each(_DISPOSITION, 1, once=True)
    yield from fields_of({"set": words, "unset": words}, extended=False, name="a persistent disposition")(path, value)
    if isinstance(value, Mapping) and not value.keys() & {"set", "unset"}:
        yield ContractError(path, "must have set or unset")


_SENSOR_COMMON: dict[str, Check] = {
    "time": time,
    "deviceID": uri,
    "deviceMetadata": uri,
    "rawData": uri,
    "dataProcessingMethod": uri,
    "bizRules": uri,
}
_SENSOR_REPORT = fields_of(
    {
        **_SENSOR_COMMON,
        "type": sensor_word(_MEASURED),
        "exception": sensor_word(_ALARMS),
        "microorganism": uri,
        "chemicalSubstance": uri,
        "coordinateReferenceSystem": uri,
        "component": word("comp", _COMPONENTS, "component"),
        "stringValue": text,
        "booleanValue": boolean,
        "hexBinaryValue": like("[A-Fa-f0-9]+", "F0A1"),
        "uriValue": uri,
        **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), number),
        "uom": text,
    },
    ["type"],
    name="a sensor report",
)
_SENSOR = fields_of(
    {
        "sensorMetadata": fields_of({**_SENSOR_COMMON, "startTime": time, "endTime": time}, name="sensor metadata"),
        "sensorReport": each(_SENSOR_REPORT, 1),
    },
    ["sensorReport"],
    name="a sensor element",
)
_ERROR = fields_of(
    {
        "declarationTime": time,
        "reason": word("er", _REASONS, "reason of an error declaration"),
        "correctiveEventIDs": each(uri),
    },
    ["declarationTime"],
    name="an error declaration",
)

# -- Events
_COMMON: dict[str, Check] = {
    "@context": contexts,
    "type": text,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": offset,
    "eventID": uri,
    "certificationInfo": or_list(uri),
    "errorDeclaration": _ERROR,
}
_WHY_AND_WHERE: dict[str, Check] = {
    "bizStep": word("bizstep", _STEPS, "business step"),
    "disposition": _DISPOSITION,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "sourceList": _party("source"),
    "destinationList": _party("destination"),
    "sensorElementList": each(_SENSOR),
}
_ACTION = {"action": one_of(*_ACTIONS)}
_TRANSACTION_LIST = {"bizTransactionList": each(_BUSINESS_TRANSACTION)}
_CHILDREN = {"parentID": uri, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES}
_MASTER_DATA = {"ilmd": fields_of({}, name="ilmd")}

_FIELDS: dict[str, dict[str, Check]] = {
    "ObjectEvent": {
        **_ACTION,
        **_TRANSACTION_LIST,
        **_MASTER_DATA,
        "epcList": _EPCS_ONCE,
        "quantityList": _QUANTITIES,
        "persistentDisposition": _persistent,
    },
    "AggregationEvent": {**_ACTION, **_TRANSACTION_LIST, **_CHILDREN},
    "AssociationEvent": {**_ACTION, **_TRANSACTION_LIST, **_CHILDREN},
    "TransactionEvent": {
        **_ACTION,
        "bizTransactionList": each(_BUSINESS_TRANSACTION, 1),
        "parentID": uri,
        "epcList": _EPCS,
        "quantityList": _QUANTITIES,
    },
    "TransformationEvent": {
        **_TRANSACTION_LIST,
        **_MASTER_DATA,
        "persistentDisposition": _persistent,
        "transformationID": uri,
        "inputEPCList": _EPCS_ONCE,
        "inputQuantityList": _QUANTITIES,
        "outputEPCList": _EPCS_ONCE,
        "outputQuantityList": _QUANTITIES,
    },
}
_REQUIRED = {
    "ObjectEvent": ("action",),
    "AggregationEvent": ("action",),
    "AssociationEvent": ("action", "parentID"),
    "TransactionEvent": ("action", "bizTransactionList"),
    "TransformationEvent": (),
}
_EVENT = {
    kind: fields_of(
        {**_COMMON, **_WHY_AND_WHERE, **fields}, ("eventTime", "eventTimeZoneOffset", *_REQUIRED[kind]), name=f"an {kind}"
    )
    for kind, fields in _FIELDS.items()
}
_FOREIGN = at_least(_COMMON, ("eventTime", "eventTimeZoneOffset"))


def event_faults(event: Json) -> Iterator[ContractError]:
    """The faults of one event."""
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        if isinstance(kind, str) and URI.fullmatch(kind):  # an event type of somebody else's, which EPCIS allows
            yield from (ContractError(error.field.removeprefix("."), error.problem) for error in _FOREIGN("", event))
        else:
            problem = "is missing" if kind is None else f"{shown(kind)} is no EPCIS 2.0 event{nearest(kind, EVENTS)}"
            yield ContractError("type", problem)
        return
    yield from _EVENT[kind]("", event)
    yield from _WHAT[kind](event)


def _object_event(event: Json) -> Iterator[ContractError]:
    sensed = event.get("sensorElementList") and "readPoint" in event
    if "epcList" not in event and not event.get("quantityList") and not sensed:
        yield ContractError("epcList", "is missing, and so is quantityList: an ObjectEvent says what it is about")
    if "ilmd" in event and event.get("action") in ("OBSERVE", "DELETE"):
        yield ContractError(
            "ilmd", "may only stand where the action is ADD: master data belong to the beginning of an object's life"
        )


def _family_event(event: Json) -> Iterator[ContractError]:
    action = event.get("action")
    if action != "DELETE" and not event.get("childEPCs") and not event.get("childQuantityList"):
        yield ContractError("childEPCs", "is missing or empty, and so is childQuantityList; only DELETE may leave out who is meant")
    if action in ("ADD", "DELETE") and "parentID" not in event and event.get("type") == "AggregationEvent":
        yield ContractError("parentID", f"is missing; only OBSERVE may leave it out, and the action is {action}")


def _transaction_event(event: Json) -> Iterator[ContractError]:
    if event.get("action") != "DELETE" and "epcList" not in event and not event.get("quantityList"):
        yield ContractError("epcList", "is missing, and so is quantityList; only DELETE may leave out what is meant")


def _transformation_event(event: Json) -> Iterator[ContractError]:
    went_in = event.get("inputEPCList") or event.get("inputQuantityList")
    came_out = event.get("outputEPCList") or event.get("outputQuantityList")
    if "transformationID" in event and not (went_in or came_out):
        yield ContractError("inputEPCList", "or one of the other three lists must name something")
    elif "transformationID" not in event and not (went_in and came_out):
        field = "outputEPCList" if went_in else "inputEPCList"
        yield ContractError(
            field, "or the list of quantities beside it must name something, unless a transformationID says the rest"
        )


_WHAT: dict[str, Callable[[Json], Iterator[ContractError]]] = {
    "ObjectEvent": _object_event,
    "AggregationEvent": _family_event,
    "AssociationEvent": _family_event,
    "TransactionEvent": _transaction_event,
    "TransformationEvent": _transformation_event,
}


# -- Documents
def _events(path: str, value: Any) -> Iterator[ContractError]:
    """That they are a list; each of them is judged by itself."""
    if not isinstance(value, list):
        yield ContractError(path, f"must be a list, not {shown(value)}")


_ATTRIBUTE = at_least({"id": uri}, ["id"])
_VOCABULARIES = each(
    at_least(
        {
            "type": uri,
            "vocabularyElementList": each(at_least({"id": uri, "attributes": each(_ATTRIBUTE), "children": each(uri)}, ["id"])),
        },
        ["type"],
    )
)
_HEAD: dict[str, Check] = {
    "@context": contexts,
    "id": uri,
    "type": text,
    "schemaVersion": like(r"\d+(\.\d+)*", '"2.0"'),
    "creationDate": time,
}
_DOCUMENT = {
    "EPCISDocument": fields_of(
        {
            **_HEAD,
            **dict.fromkeys(("instanceIdentifier", "sender", "receiver"), text),
            "epcisHeader": fields_of({"epcisMasterData": at_least({"vocabularyList": _VOCABULARIES})}, name="the header"),
            "epcisBody": at_least({"eventList": _events}, ["eventList"]),
        },
        ("@context", "schemaVersion", "creationDate", "epcisBody"),
        name="an EPCISDocument",
    ),
    "EPCISQueryDocument": fields_of(
        {
            **_HEAD,
            "epcisBody": fields_of(
                {
                    "queryResults": fields_of(
                        {
                            **dict.fromkeys(("queryName", "subscriptionID"), text),
                            "resultsBody": fields_of(
                                {"eventList": _events, "vocabularyList": _VOCABULARIES}, ["eventList"], name="the results"
                            ),
                        },
                        ("queryName", "resultsBody"),
                        name="the query's results",
                    )
                },
                ["queryResults"],
                name="the body",
            ),
        },
        ("@context", "epcisBody"),
        name="an EPCISQueryDocument",
    ),
}


def document_faults(document: Json) -> Iterator[ContractError]:
    """The faults of a document beside those of its events; of an event that stands alone, whether it has a context."""
    kind = document.get("type")
    if isinstance(kind, str) and kind in DOCUMENTS:
        yield from _DOCUMENT[kind]("", document)
    elif "@context" not in document:
        yield ContractError(
            "@context", 'is missing; "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld" is that of EPCIS'
        )
