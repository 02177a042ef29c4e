"""What an EPCIS event says beyond EPCIS, and its times: names and values are what they are, however JSON-LD writes them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.test_epcis import CONTEXT, MINE, ROOT, only_skipped, receiving

from weftline.contracts.epcis import map_document
from weftline.domain.vocabulary import TradeMode

# -- What the extension and master data say


def test_the_extension_says_what_epcis_cannot() -> None:
    document = json.loads((ROOT / "schemas" / "examples" / "epcis-shipment.jsonld").read_text("utf-8"))
    mapped = map_document(document, replace(MINE, own_prefixes=("urn:epcglobal:cbv:bt:6901234000016:",)))
    assert mapped.skipped == ()
    packed, departed = mapped.events
    assert packed.shipment_id == departed.shipment_id == "https://id.gs1.org/00/169012340000000174"
    assert departed.expected_arrival_at == 1_796_076_000_000
    assert (departed.carrier_id, departed.order_ids, departed.lot_ids) == ("carrier-7", ("A-17", "A-18"), ("L2026.11-A",))
    assert departed.trade_mode is TradeMode.MARKET_PROCUREMENT
    assert (departed.declared_value_minor, departed.declared_currency) == (1_250_000, "CNY")


@pytest.mark.parametrize("name", ["weftline:carrierId", "w:carrierId", "https://weftline.org/epcis/carrierId", "v:epcis/carrierId"])
@pytest.mark.parametrize("value", ["truck-7", {"@value": "truck-7"}, {"@type": "xsd:string", "@value": "truck-7"}, ["truck-7"]])
def test_a_name_and_a_value_are_what_they_are_however_json_ld_writes_them(name: str, value: object) -> None:
    context = [CONTEXT, {"w": "https://weftline.org/epcis/"}, {"v": {"@id": "https://weftline.org/", "@prefix": True}}]
    (event,) = map_document(receiving(**{"@context": context, name: value}), MINE).events
    assert event.carrier_id == "truck-7"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weftline:carierId", "x", "weftline:carierId: is no field of the extension (did you mean carrierId?)"),
        ("weftline:carrierId", ["x", "y"], "weftline:carrierId: must be one value, not 2"),
        ("weftline:carrierId", True, "weftline:carrierId: must be text, not True"),
        ("weftline:expectedArrivalAt", "2026-11-28", "weftline:expectedArrivalAt: '2026-11-28' is no time"),
        ("weftline:partial", "yes", "weftline:partial: must be true or false"),
        ("weftline:sequence", "one", "weftline:sequence: must be a whole number"),
        ("weftline:tradeMode", "DOMESTC", "did you mean DOMESTIC?"),
    ],
)
def test_the_extension_is_held_to_its_contract(name: str, value: object, reason: str) -> None:
    mapped = map_document(receiving(**{name: value}), MINE)
    assert reason in only_skipped(mapped)
    assert mapped.skipped[0].fault


@pytest.mark.parametrize(
    ("value", "lots"),
    [
        ("L-1", ["L-1"]),
        (17, ["17"]),
        (["L-3", "L-4"], ["L-3", "L-4"]),
        ({"@value": "L-5"}, ["L-5"]),
        ([{"@type": "xsd:string", "@value": "L-6"}, "L-7"], ["L-6", "L-7"]),
        ({"@list": ["L-8"]}, ["L-8"]),
        (True, None),
        ({"@value": False}, None),
        ({"lot": "L-9"}, None),
        (1.5, None),
    ],
)
@pytest.mark.parametrize("name", ["cbvmda:lotNumber", "https://ref.gs1.org/cbv/mda/lotNumber", "urn:epcglobal:cbv:mda:lotNumber"])
def test_a_lot_number_of_master_data_is_its_value(name: str, value: object, lots: list[str] | None) -> None:
    mapped = map_document(receiving(action="ADD", ilmd={name: value}), MINE)
    if lots is None:
        assert f"ilmd.{name}: must be text" in only_skipped(mapped)
    else:
        assert list(mapped.events[0].lot_ids) == lots


# -- Times


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-05-06T09:30:00+08:00", 1_778_031_000_000),
        ("2026-05-06t01:30:00z", 1_778_031_000_000),
        ("2026-05-06T01:30:00.2509Z", 1_778_031_000_250),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T07:59:60.5+08:00", 1_483_228_800_500),
        ("2026-05-06T12:00:60Z", None),  # no leap second can be there
        ("2026-05-06T24:00:00Z", None),
        ("2026-05-06T09:30:00", None),
        ("2026-05-06T09:30:00+0800", None),
        ("20260506T093000Z", None),
        ("2026-W19-3T09:30:00Z", None),
        ("2026-02-30T09:30:00Z", None),
        ("0001-01-01T00:00:00+08:00", None),
        ("2026-05-06 09:30:00Z", None),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, milliseconds: int | None) -> None:
    mapped = map_document(receiving(eventTime=text, eventID=None), MINE)
    if milliseconds is None:
        assert only_skipped(mapped).startswith("eventTime: ")
        assert mapped.skipped[0].fault
    else:
        assert mapped.events[0].event_time == milliseconds
        assert mapped.events[0].event_id.startswith("ni:///sha-256;")  # and its hash id can be made
