"""EPCIS documents as logistics events, and the hash id of events without an identity.

GS1's own example documents, input that nobody here wrote, are read from the folder that ``WEFTLINE_GS1_EXAMPLES`` names
(github.com/gs1/EPCIS at 2b888bef).
"""

from __future__ import annotations

import copy
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from weftline.contracts.epcis import EpcisDefaults, MappedDocument, ShipmentKey, is_epcis, map_document
from weftline.contracts.epcis_hash import hash_id
from weftline.contracts.gs1_keys import check_digit
from weftline.domain.vocabulary import BusinessStep, Disposition, ErrorReason
from weftline.errors import ContractError, UserError

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "epcis"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
MINE = EpcisDefaults(
    cooperative_id="nantong",
    center_id="c-1",
    factory_id="f-204",
    source="https://mill.example/epcis",
    own_prefixes=("urn:epcglobal:cbv:bt:6901234000016:",),
)


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


def receiving(**changes: Any) -> dict[str, Any]:
    """A single event that maps; ``changes`` with the value None take a field away."""
    event = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "eventID": "urn:uuid:1",
        "eventTime": "2026-05-06T09:30:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "epcList": [],
        "bizTransactionList": [{"type": "desadv", "bizTransaction": "urn:example:da:1"}],
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


def document_of(*events: object, **changes: Any) -> dict[str, Any]:
    """A document around ``events``; ``changes`` as above."""
    document = {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-05-06T18:00:00+08:00",
        "epcisBody": {"eventList": list(events)},
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def only_skipped(mapped: MappedDocument) -> str:
    assert mapped.events == ()
    (skipped,) = mapped.skipped
    return skipped.reason


def test_a_shipment_with_all_that_it_says() -> None:
    mapped = map_document(load("shipment.jsonld"), MINE)
    shipped, received, corrected = mapped.events
    assert (shipped.source, shipped.cooperative_id, shipped.center_id, shipped.factory_id) == (
        "https://mill.example/epcis",
        "nantong",
        "c-1",
        "f-204",
    )
    assert shipped.event_time == 1_778_031_000_250
    assert shipped.event_time_zone_offset == "+08:00"
    assert (shipped.business_step, shipped.disposition) == (BusinessStep.SHIPPING, Disposition.IN_TRANSIT)
    assert shipped.shipment_id == "DA-4711"
    assert shipped.order_ids == ("A-17", "A-18")
    assert shipped.lot_ids == ("L2026-05-A", "L2026/05-B")
    assert shipped.read_point_id == "https://id.gs1.org/414/6901234000016"
    assert shipped.event_id.startswith("ni:///sha-256;")
    assert shipped.error_declaration is None

    assert received.shipment_id == "https://id.gs1.org/00/169012340000000174"
    assert received.disposition is Disposition.UNKNOWN  # a vendor's own

    declaration = corrected.error_declaration
    assert declaration is not None
    assert declaration.reason is ErrorReason.INCORRECT_DATA
    assert declaration.declaration_time == 1_778_065_200_000
    assert declaration.corrective_event_ids == ("urn:uuid:5d1f9b53-8a2e-4a57-9f0e-000000000003",)
    assert (corrected.event_id, corrected.event_time, corrected.shipment_id) == (
        received.event_id,
        received.event_time,
        received.shipment_id,
    )

    (skipped,) = mapped.skipped
    assert (skipped.index, skipped.event_id, skipped.fault) == (3, "urn:uuid:5d1f9b53-8a2e-4a57-9f0e-000000000004", False)
    assert "TransformationEvent" in skipped.reason


def test_the_same_event_in_other_words_is_the_same_event() -> None:
    """URN or Digital Link, other order, other time zone, 40 or 40.0, a query's result: same identity and same content."""
    (again,) = map_document(load("query.jsonld"), MINE).events
    assert again == map_document(load("shipment.jsonld"), MINE).events[0]


@pytest.mark.parametrize("prefix", ["", "urn:epcglobal:cbv:bizstep:", "https://ref.gs1.org/cbv/BizStep-", "cbv:BizStep-"])
def test_every_spelling_of_a_business_step(prefix: str) -> None:
    (event,) = map_document(receiving(bizStep=f"{prefix}void_shipping"), MINE).events
    assert event.business_step is BusinessStep.VOID_SHIPPING


def test_a_known_check_digit() -> None:
    # GS1 General Specifications 7.9.1, worked example of a GTIN-13 and of an SSCC
    assert check_digit("629104150021") == "3"
    assert check_digit("37610425002123456") == "9"


@pytest.mark.parametrize(
    ("changes", "reason", "fault"),
    [
        (
            {"type": "AssociationEvent", "epcList": None, "parentID": "urn:x:1", "childEPCs": ["urn:x:2"]},
            "AssociationEvent says nothing",
            False,
        ),
        ({"bizStep": None}, "no bizStep", False),
        ({"bizStep": "https://mill.example/step/folding"}, "not in CBV", False),
        ({"bizTransactionList": None}, "names no shipment", False),
        (
            {"bizTransactionList": None, "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 21}]}]},
            "sensor readings only",
            False,
        ),
        (
            {"bizTransactionList": None, "epcList": ["urn:epc:id:sscc:6901234.1000000017", "urn:epc:id:sscc:6901234.1000000018"]},
            "2 values of sscc",
            False,
        ),
        ({"bizTransactionList": None, "epcList": ["https://id.gs1.org/00/169012340000000175"]}, "check digit is wrong", True),
        ({"type": "TransactionEvent", "action": "DELETE"}, "takes goods out", False),
        ({"bizStep": "void_shipping", "epcList": ["urn:epc:id:sgtin:6901234.012346.1"]}, "which part of the shipment", False),
        ({"eventTime": "2026-05-06T09:30:00"}, "eventTime: ", True),
        ({"eventTime": "yesterday"}, "eventTime: ", True),
        ({"eventTime": "1999-12-31T23:59:59Z"}, "event_time: ", True),
        ({"eventTimeZoneOffset": None}, "eventTimeZoneOffset: is missing", True),
        ({"eventID": 7}, "eventID: ", True),
        ({"epcList": "urn:epc:id:sgtin:1.2.3", "bizTransactionList": None}, "epcList: ", True),
        ({"errorDeclaration": {"reason": "did_not_occur"}}, "declarationTime: is missing", True),
    ],
)
def test_what_maps_to_nothing_says_why(changes: dict[str, Any], reason: str, fault: bool) -> None:
    mapped = map_document(receiving(**changes), MINE)
    assert reason in only_skipped(mapped)
    assert mapped.skipped[0].fault is fault


def test_part_of_a_shipment_is_undone_by_lots_and_leaves_its_orders_alone() -> None:
    event = receiving(
        bizStep="void_shipping",
        quantityList=[{"epcClass": "urn:epc:class:lgtin:6901234.012345.L1"}],
        bizTransactionList=[
            {"type": "urn:epcglobal:cbv:btt:desadv", "bizTransaction": "urn:example:da:1"},
            {"type": "po", "bizTransaction": "urn:example:po:1"},
        ],
    )
    (partly,) = map_document(event, MINE).events
    assert (partly.partial, partly.lot_ids, partly.order_ids) == (True, ("L1",), ())
    unit = receiving(bizStep="void_shipping", bizTransactionList=None, epcList=["urn:epc:id:sscc:6901234.1000000017"])
    (whole,) = map_document(unit, MINE).events
    assert whole.partial is False


def test_where_the_shipment_is_looked_for_can_be_said() -> None:
    event = receiving(epcList=["urn:epc:id:sscc:6901234.1000000017"])
    by_advice = replace(MINE, shipment_from=(ShipmentKey.DESADV, ShipmentKey.SSCC))
    assert map_document(event, MINE).events[0].shipment_id == "https://id.gs1.org/00/169012340000000174"
    assert map_document(event, by_advice).events[0].shipment_id == "urn:example:da:1"


def test_packing_departing_and_receiving_of_one_unit_are_one_shipment_whoever_knows_of_the_advice() -> None:
    unit = "urn:epc:id:sscc:6901234.1000000017"
    packed = receiving(
        type="AggregationEvent", action="ADD", bizStep="packing", epcList=None, parentID=unit, childEPCs=["urn:epc:id:sgtin:1.2.3"]
    )
    departed = receiving(bizStep="departing", epcList=[unit])
    scanned = receiving(epcList=["https://dc.example/scan/00/169012340000000174?linkType=all"])
    del packed["bizTransactionList"], scanned["bizTransactionList"]
    (shipment,) = {map_document(event, MINE).events[0].shipment_id for event in (packed, departed, scanned)}
    assert shipment == "https://id.gs1.org/00/169012340000000174"
    # Several units of one advice are its shipment.
    several = receiving(bizStep="departing", epcList=[unit, "urn:epc:id:sscc:6901234.1000000018"])
    assert map_document(several, MINE).events[0].shipment_id == "urn:example:da:1"


@pytest.mark.parametrize(
    "document",
    [
        7,
        [],
        {"type": "EPCISDocument"},
        {"type": "EPCISDocument", "epcisBody": {"eventList": {}}},
        {"type": "EPCISQueryDocument", "epcisBody": {"eventList": []}},
        {"type": "order"},
    ],
)
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(ContractError):
        map_document(document, MINE)


def test_a_list_holds_anything_and_its_good_events_go_on() -> None:
    document = document_of(None, receiving(), "x", receiving(bizTransactionList=7))
    mapped = map_document(document, MINE)
    assert [event.event_id for event in mapped.events] == ["urn:uuid:1"]
    assert [(skipped.index, skipped.fault) for skipped in mapped.skipped] == [(0, True), (2, True), (3, True)]


# -- Hash ids


def test_an_id_depends_on_the_event_alone() -> None:
    event = receiving(eventID=None, **{"ext:colour": "ecru"})
    before = hash_id(event, CONTEXT)
    hash_id(event, [CONTEXT, {"ext": "https://other.example/"}])  # the package remembers prefixes from one document to the next
    assert hash_id(event, CONTEXT) == before
    assert hash_id(event | {"eventTime": "2026-05-06T01:30:00.000Z", "recordTime": "2027-01-01T00:00:00Z"}, CONTEXT) == before
    assert hash_id(event | {"bizStep": "https://ref.gs1.org/cbv/BizStep-receiving"}, [CONTEXT]) == before
    assert hash_id(event | {"bizStep": "shipping"}, CONTEXT) != before
    assert event == receiving(eventID=None, **{"ext:colour": "ecru"})  # and it was not changed


@pytest.mark.parametrize("where", ["document", "results"])
def test_fields_that_a_repository_adds_take_no_part_if_the_document_says_so(where: str) -> None:
    """By the reference implementation of the hash id, issue 109."""
    plain = receiving(eventID=None)
    del plain["@context"]
    captured = {**plain, "r:hash": "ni:1", "x:captureID": 7, "readPoint": {"id": "urn:epc:id:sgln:6901234.00001.0"}}
    inside = {**captured, "readPoint": {"id": "urn:epc:id:sgln:6901234.00001.0", "x:captureID": 8}}
    context = [CONTEXT, {"r": "https://repository.example/", "x": "https://x.example/"}]
    words = {"r:ignoreFields": ["https://repository.example/hash", "x:captureID"]}
    if where == "document":
        document = document_of(captured, inside, **{"@context": context, **words})
    else:
        results = {"queryName": "q", "resultsBody": {"eventList": [captured, inside]}, **words}
        document = document_of(**{"@context": context, "type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}})
    first, second = map_document(document, MINE).events
    (bare,) = map_document(document_of({**plain, "readPoint": {"id": "urn:epc:id:sgln:6901234.00001.0"}}), MINE).events
    assert first.event_id == second.event_id == bare.event_id
    (told,) = map_document(document_of(captured, **{"@context": context}), MINE).events
    assert told.event_id != bare.event_id


def test_a_correction_has_the_id_of_its_event() -> None:
    event = receiving(eventID=None)
    wrong = event | {"errorDeclaration": {"declarationTime": "2026-05-07T00:00:00Z", "reason": "did_not_occur"}}
    (first,), (second,) = map_document(event, MINE).events, map_document(wrong, MINE).events
    assert first.event_id == second.event_id
    assert second.error_declaration is not None


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        yield server


@pytest.mark.parametrize("where", ["document", "event", "inside"])
def test_no_address_of_a_document_is_called(trap: socket.socket, where: str) -> None:
    address = f"http://127.0.0.1:{trap.getsockname()[1]}/context.jsonld"
    event = receiving(eventID=None)
    del event["@context"]
    document = document_of(event)
    if where == "document":
        document["@context"] = [CONTEXT, address]
    elif where == "event":
        event["@context"] = address
    else:
        event["readPoint"] = {"@context": address, "id": "urn:epc:id:sgln:6901234.00001.0"}
    assert "no hash id can be made" in only_skipped(map_document(document, MINE))
    with pytest.raises(BlockingIOError):
        trap.accept()


def test_without_the_extra_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "epcis_event_hash_generator", None)
    assert map_document(receiving(), MINE).events  # not needed
    with pytest.raises(UserError, match=r"pip install '\.\[epcis\]'"):
        map_document(receiving(eventID=None), MINE)


# -- GS1's own examples

DESADV = "urn:epcglobal:cbv:bt:0614141073467:1152"
UUID = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
GS1_EXAMPLES: dict[str, list[str]] = {
    # per event: the shipment and step that it maps to, or a part of the reason why it does not
    "AssociationEvent-a.jsonld": ["AssociationEvent says"],
    "AssociationEvent-b.jsonld": ["AssociationEvent says"],
    "ErrorDeclarationAndCorrectiveEvent.jsonld": ["TransformationEvent says", "TransformationEvent says"],
    "Example-TransactionEvents-2020_07_03y.jsonld": ["is not in CBV 2.0", "names no shipment"],
    "Example_9.6.1-ObjectEvent.jsonld": ["names no shipment", f"{DESADV} RECEIVING"],
    "Example_9.6.1-ObjectEventWithDigitalLink.jsonld": ["names no shipment", f"{DESADV} RECEIVING"],
    "Example_9.6.1-with-comment.jsonld": ["names no shipment", f"{DESADV} RECEIVING"],
    "Example_9.6.2-ObjectEvent.jsonld": ["names no shipment"],
    "Example_9.6.3-AggregationEvent.jsonld": ["https://id.gs1.org/00/106141412345678908 RECEIVING"],
    "Example_9.6.4-TransformationEvent.jsonld": ["TransformationEvent says"],
    "PersistentDisposition-example.jsonld": [f"{UUID} RECEIVING", f"{UUID} INSPECTING"],
    "SensorDataExample1.jsonld": ["names no shipment"],
    "SensorDataExample2.jsonld": ["names no shipment"],
    "SensorDataExample3.jsonld": ["sensor readings only"],
    "object_event_all_possible_fields.jsonld": ["names no shipment"],
}


@pytest.fixture(scope="module")
def gs1() -> Path:
    folder = os.environ.get("WEFTLINE_GS1_EXAMPLES")
    if not folder:
        pytest.skip("WEFTLINE_GS1_EXAMPLES names no folder with GS1's EPCIS examples")
    return Path(folder)


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_all_of_gs1s_examples_are_valid_and_known_here(gs1: Path) -> None:
    schema = jsonschema.Draft7Validator(read(gs1 / "EPCIS-JSON-Schema.json"))
    assert {path.name for path in gs1.glob("*.jsonld")} == set(GS1_EXAMPLES)
    for name in GS1_EXAMPLES:
        assert is_epcis(read(gs1 / name))
        assert [error.message for error in schema.iter_errors(read(gs1 / name))] == [], name


@pytest.mark.parametrize("name", ["shipment.jsonld", "query.jsonld"])
def test_our_own_documents_are_valid_by_gs1s_schema(gs1: Path, name: str) -> None:
    schema = jsonschema.Draft7Validator(read(gs1 / "EPCIS-JSON-Schema.json"))
    assert [error.message for error in schema.iter_errors(load(name))] == []


@pytest.mark.parametrize("name", GS1_EXAMPLES)
def test_what_gs1s_examples_map_to(gs1: Path, name: str) -> None:
    document = read(gs1 / name)
    mapped = map_document(document, MINE)
    reasons = {skipped.index: skipped.reason for skipped in mapped.skipped}
    events = iter(mapped.events)
    assert all(not skipped.fault for skipped in mapped.skipped)
    for index, expected in enumerate(GS1_EXAMPLES[name]):
        if index in reasons:
            assert expected in reasons[index]
        else:
            event = next(events)
            assert f"{event.shipment_id} {event.business_step}" == expected
            assert event.event_id == document["epcisBody"]["eventList"][index]["eventID"]
    assert next(events, None) is None


def hashes(path: Path) -> list[str]:
    document = read(path)
    return [hash_id(event, document["@context"]) for event in document["epcisBody"]["eventList"]]


def test_hash_ids_of_gs1s_examples(gs1: Path) -> None:
    from epcis_event_hash_generator.hash_generator import epcis_hashes_from_events
    from epcis_event_hash_generator.json_to_py import event_list_from_epcis_document_json

    plain = hashes(gs1 / "Example_9.6.1-ObjectEvent.jsonld")
    assert hashes(gs1 / "Example_9.6.1-with-comment.jsonld") == plain  # a comment is no content
    # Other goods (GTIN 70614141123451, not 10614141073464), so another event, in spite of the name.
    assert not set(hashes(gs1 / "Example_9.6.1-ObjectEventWithDigitalLink.jsonld")) & set(plain)

    seen: list[str] = []
    for name in sorted(set(GS1_EXAMPLES) - {"Example_9.6.1-with-comment.jsonld", "Example-TransactionEvents-2020_07_03y.jsonld"}):
        document = read(gs1 / name)
        ours = hashes(gs1 / name)
        # Hashing one event at a time is what the package does with the whole document.
        assert ours == epcis_hashes_from_events(event_list_from_epcis_document_json(copy.deepcopy(document))), name
        seen += ours
    assert len(set(seen)) == len(seen)


def test_the_package_cannot_hash_a_transaction_without_a_type_and_that_is_said(gs1: Path) -> None:
    document = read(gs1 / "Example-TransactionEvents-2020_07_03y.jsonld")
    first, second = document["epcisBody"]["eventList"]
    with pytest.raises(ContractError, match="no hash id can be made"):
        hash_id(first, document["@context"])
    assert hash_id(second, document["@context"]).startswith("ni:///sha-256;")  # with terms that are objects in its context
