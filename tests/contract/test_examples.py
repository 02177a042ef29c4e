"""The golden examples: JSON to event to bytes and back; what was once written keeps its bytes, and so its rank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weftline.contracts.codec import FRAMING, Codec, rank_of, schema_id_of
from weftline.contracts.kinds import KINDS, MessageKind, kind_of
from weftline.contracts.mapping import from_avro, from_json, to_avro, to_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import topic_of
from weftline.domain.alerts import Alert
from weftline.domain.vocabulary import CooperativeKind, InspectionKind

ROOT = schemas_root() / "examples"
FILES = sorted(ROOT.glob("*/v*/*.json"))
# Ranks decide between contents of one identity (design of corrections): bytes that changed would change what stands.
RANKS = {
    "cooperative.events.v1-value/v1/certificate-granted.json": 0x0CD8D2AEACD69516,
    "cooperative.events.v1-value/v1/chief-quality-officer-appointed.json": 0x06887E1F68DDC0FC,
    "cooperative.events.v1-value/v1/free-test-approved.json": 0x245AE9EF202A13F0,
    "cooperative.events.v1-value/v1/free-test-done.json": 0x2A70630A747D2B59,
    "cooperative.events.v1-value/v1/fund-budget.json": 0x2FCA9912C63E1725,
    "cooperative.events.v1-value/v1/mark-registered.json": 0x180E39C7B1C21FFB,
    "cooperative.events.v1-value/v1/member-joined.json": 0x029054BE02324407,
    "cooperative.events.v1-value/v1/official-grade.json": 0x11554850A7D27DBA,
    "cooperative.events.v1-value/v1/red-list-decided-incorrect.json": 0xA29DFAE9812477FE,
    "cooperative.events.v1-value/v1/spot-check-failed.json": 0x2D684002F54AA318,
    "cooperative.events.v1-value/v1/standard-led.json": 0x3EEA4E5B1FF8EEC3,
    "cooperative.events.v1-value/v1/trademark-granted.json": 0x2610B7E0382FC99A,
    "cooperative.events.v1-value/v2/loan-pack-made.json": 0x18A2D0CF3F1F309D,
    "cooperative.events.v1-value/v2/trademark-pack-made-incorrect.json": 0x8A11D7C00D0E6260,
    "inspection.results.v1-value/v1/corrective-action.json": 0x0AD450B9919D9E29,
    "inspection.results.v1-value/v1/laboratory-report.json": 0x1E02FE712D7A44B8,
    "inspection.results.v1-value/v1/lot-inspection-incorrect.json": 0x91F37382DCFF7B30,
    "inspection.results.v1-value/v1/lot-inspection.json": 0x24D35E87CB7645EA,
    "inspection.results.v1-value/v1/report-verified.json": 0x3174AB73C6AC8DFB,
    "inspection.results.v1-value/v2/lot-part-by-agreement.json": 0x0287C664458E41B5,
    "inspection.results.v1-value/v2/lot-part-incorrect.json": 0x82F871F49AD76EEF,
    "inspection.results.v1-value/v3/lot-by-date.json": 0x279E5D18CB0F463F,
    "inspection.results.v1-value/v3/lot-resubmitted-by-date-incorrect.json": 0x955A24382FDD6E08,
    "logistics.events.v1-value/v1/arriving-did-not-occur.json": 0xAE23C9BF122B3C97,
    "logistics.events.v1-value/v1/departing.json": 0x217D489B9D94AE85,
    "logistics.events.v1-value/v1/void-shipping-partial.json": 0x0DE57A32200F50C9,
    "logistics.events.v1-value/v2/departing-by-date.json": 0x0E70917B4BD5FE79,
    "logistics.events.v1-value/v2/receiving-part-incorrect.json": 0x9E440A7168BE038D,
    "quality.alert-replies.v1-value/v1/acknowledged.json": 0x21A228D27624311B,
    "quality.alert-replies.v1-value/v1/blocked-by-date.json": 0x1219AA44FF49C9D1,
    "quality.alert-replies.v1-value/v1/declined-incorrect.json": 0xBA54B5DC517BE619,
    "quality.alert-replies.v1-value/v1/feedback.json": 0x39E69D5B5A30F1AB,
    "quality.alert-replies.v1-value/v1/forwarded-to-supplier.json": 0x2464BB534C378322,
    "quality.alerts.v1-value/v1/safety-raised.json": 0x32FD4D12C64BE37D,
    "quality.alerts.v1-value/v1/safety-withdrawn.json": 0x1E50E268829026CD,
    "quality.alerts.v1-value/v1/shipment-overdue.json": 0x01CE745004117699,
    "quality.alerts.v1-value/v2/safety-raised-late.json": 0x0D6ECF381B7FED41,
    "quality.alerts.v1-value/v2/safety-withdrawn-late.json": 0x1080704EE868D168,
    "quality.alerts.v1-value/v3/lots-and-order-told-late.json": 0x1B3A8744BF94361F,
    "quality.alerts.v1-value/v3/orders-told-late.json": 0x3C7406125828824B,
    "quality.alerts.v1-value/v4/listing-proposed-over.json": 0x33985E776FB42484,
    "quality.alerts.v1-value/v4/rectification-overdue.json": 0x09C45A1D6DFDB8A1,
    "sample.orders.v1-value/v1/confirmed.json": 0x00847001C65F0658,
    "sample.orders.v1-value/v1/dispatched-incorrect.json": 0xA1144EABFE47B734,
    "sample.orders.v1-value/v1/in-production-elsewhere.json": 0x0B52086B4FDAF3A0,
    "sample.orders.v1-value/v2/confirmed-by-date.json": 0x2061F11536183D20,
    "sample.orders.v1-value/v2/dispatched-by-date-incorrect.json": 0x8DA4A69BF2A1F63A,
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


by_file = pytest.mark.parametrize("path", FILES, ids=name_of)


@by_file
def test_example(path: Path) -> None:
    registry = FileRegistry()
    codec = Codec(registry)
    event = from_json(json.loads(path.read_text(encoding="utf-8")))
    kind = kind_of(event)

    assert kind.subject == path.parts[-3]
    value = codec.encode(event)
    assert registry.ids[schema_id_of(value) or 0] == (kind.subject, int(path.parent.name[1:]))
    assert codec.decode(topic_of(event), value) == event
    assert from_avro(kind.cls, to_avro(event)) == event
    assert from_json(json.loads(json.dumps(to_json(event)))) == event
    declared = not isinstance(event, Alert) and event.error_declaration is not None
    assert rank_of(value[FRAMING:], declared) == RANKS[name_of(path)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_examples_cover_every_version_and_a_correction(kind: MessageKind) -> None:
    for version in range(1, kind.version + 1):
        files = [path for path in FILES if path.parts[-3:-1] == (kind.subject, f"v{version}")]
        assert len(files) >= 2
        if kind.cls is not Alert:
            assert any("error_declaration" in json.loads(path.read_text(encoding="utf-8")) for path in files)


def test_examples_cover_every_inspection_body() -> None:
    kinds = {json.loads(path.read_text(encoding="utf-8"))["kind"] for path in FILES if "inspection" in name_of(path)}
    assert kinds == {kind.value for kind in InspectionKind} - {"UNKNOWN"}


def test_examples_cover_every_body_of_a_cooperative() -> None:
    kinds = {json.loads(path.read_text(encoding="utf-8"))["kind"] for path in FILES if name_of(path).startswith("cooperative")}
    assert kinds == {kind.value for kind in CooperativeKind} - {"UNKNOWN"}


def test_no_rank_is_left_over() -> None:
    assert sorted(RANKS) == sorted(map(name_of, FILES))
