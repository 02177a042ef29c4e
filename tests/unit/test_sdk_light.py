"""The SDK needs its base dependencies and nothing of the servers; and what it builds before anything is sent."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import weftline.sdk
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import to_avro
from weftline.domain.events import (
    CorrectiveAction,
    Event,
    InspectionEvent,
    LaboratoryReport,
    LogisticsEvent,
    LotInspection,
    Measurement,
    OrderEvent,
    PlanUsed,
    ReportStatusChange,
)
from weftline.domain.vocabulary import MeasurementKind, NonconformityClass, OrderStatus, Severity
from weftline.errors import ContractError, DependencyDown, UserError
from weftline.sdk import Publisher, Subscriber, content_id
from weftline.sdk.common import Defaults
from weftline.sdk.methods import EventMethods

HEAVY = ["faust", "mode", "aiokafka", "aiohttp", "clickhouse_connect", "fastapi", "uvicorn", "chdb", "pandas", "numpy"]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False)


def test_the_sdk_works_where_no_server_package_is_installed() -> None:
    done = python(f"""
        import sys
        heavy = {[*HEAVY, "epcis_event_hash_generator", "prometheus_client", "uvloop"]!r}
        sys.modules.update(dict.fromkeys(heavy))  # None: an import of it fails, as if it were not installed
        from weftline.sdk import *
        from weftline.sdk import DependencyDown, Publisher
        try:
            Publisher("127.0.0.1:1")
        except DependencyDown as error:
            print(error)
    """)
    assert done.returncode == 0, done.stderr
    assert "Connection refused" in done.stdout


def test_the_sdk_imports_nothing_heavy() -> None:
    done = python(f"""
        import sys, weftline.sdk
        print(*[name for name in {HEAVY!r} if name in sys.modules])
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_public_names_are_those_that_are_listed() -> None:
    assert weftline.sdk.__all__ == sorted(weftline.sdk.__all__)
    assert all(hasattr(weftline.sdk, name) for name in weftline.sdk.__all__)


# -- Typed methods


@pytest.mark.parametrize(
    ("method", "event", "part"),
    [
        ("order", OrderEvent, None),
        ("laboratory_report", InspectionEvent, LaboratoryReport),
        ("report_status", InspectionEvent, ReportStatusChange),
        ("lot_inspection", InspectionEvent, LotInspection),
        ("corrective_action", InspectionEvent, CorrectiveAction),
        ("logistics", LogisticsEvent, None),
    ],
)
def test_whatever_an_event_may_say_its_method_takes(method: str, event: type, part: type | None) -> None:
    bodies = {"kind", "laboratory_report", "report_status", "lot_inspection", "corrective_action"}
    common = {field.name for field in dataclasses.fields(Event)}
    wanted = {field.name for field in dataclasses.fields(event)} - common - bodies
    wanted |= {field.name for field in dataclasses.fields(part)} if part else set()
    assert wanted <= inspect.signature(getattr(EventMethods, method)).parameters.keys()


class Collected(EventMethods[AnyEvent]):
    """Builds and checks events like a Publisher, and keeps them."""

    def publish(self, event: AnyEvent) -> AnyEvent:
        to_avro(event)
        return event


CENTER = Collected(Defaults(source="https://center.example", cooperative_id="nantong", center_id="c-1"))
AT = datetime(2026, 5, 6, 9, 30, 0, 250_900, tzinfo=timezone(timedelta(hours=8)))
ORDER: dict[str, Any] = {
    "order_id": "A-17",
    "status": "CONFIRMED",
    "product_category": "duvet-cover",
    "factory_id": "f-204",
    "event_time": AT,
}


def test_an_order_as_it_is_said() -> None:
    event = CENTER.order(**ORDER, promised_at=datetime(2026, 5, 20, tzinfo=UTC), event_id="e-1", sequence=9)
    assert event == OrderEvent(
        source="https://center.example",
        event_id="e-1",
        event_time=1_778_031_000_250,
        event_time_zone_offset="+08:00",
        sequence=9,
        cooperative_id="nantong",
        center_id="c-1",
        factory_id="f-204",
        order_id="A-17",
        status=OrderStatus.CONFIRMED,
        product_category="duvet-cover",
        promised_at=1_779_235_200_000,
    )


def test_a_measurement_may_be_a_mapping() -> None:
    report = {
        "factory_id": "f-204",
        "product_category": "sheet",
        "event_time": 1_778_031_000_250,
        "laboratory_id": "lab-1",
        "report_number": "R-1",
        "specimen": "FINISHED_PRODUCT",
        "purpose": "FUND",
    }
    said = CENTER.laboratory_report(**report, measurements=[{"indicator": "ph", "kind": "NUMBER", "value": 7.1}])
    meant = CENTER.laboratory_report(**report, measurements=[Measurement(indicator="ph", kind=MeasurementKind.NUMBER, value=7.1)])
    assert said == meant
    with pytest.raises(ContractError, match=r"laboratory_report\.measurements\[1\]\.kind"):
        CENTER.laboratory_report(**report, measurements=[{"indicator": "ph", "kind": "NUMBER", "value": 7}, {"indicator": "ph"}])


def test_a_misspelt_field_does_not_vanish() -> None:
    with pytest.raises(ContractError, match=r"promissed_at: is no field of OrderEvent \(did you mean promised_at\?\)"):
        CENTER.order(**ORDER, promissed_at=datetime(2026, 5, 20, tzinfo=UTC))  # type: ignore[call-arg]


def test_every_kind_of_event_can_be_said() -> None:
    common: dict[str, Any] = {"factory_id": "f-204", "event_time": 1_778_031_000_250}
    inspected: dict[str, Any] = {**common, "product_category": "duvet-cover"}
    plan = PlanUsed(
        nonconformity_class=NonconformityClass.MAJOR,
        standard="ISO 2859-1",
        edition="1999",
        level="II",
        aql=2.5,
        severity=Severity.NORMAL,
        sample_size=80,
        accept=5,
        reject=6,
    )
    formaldehyde = Measurement(indicator="formaldehyde", kind=MeasurementKind.NOT_DETECTED, detection_limit=20.0)
    events = [
        CENTER.laboratory_report(
            laboratory_id="lab-1",
            report_number="R-1",
            specimen="FINISHED_PRODUCT",
            purpose="FUND",
            measurements=[formaldehyde],
            safety_class="B",
            tested_at=AT,
            **inspected,
        ),
        CENTER.report_status(laboratory_id="lab-1", report_number="R-1", status="VERIFIED", **inspected),
        CENTER.lot_inspection(lot_id="L-1", lot_size=1000, sample_size=80, stage="FINAL", plans=[plan], major_units=6, **inspected),
        CENTER.corrective_action(nonconformity_class="MAJOR", accepted_by="chief quality officer", **inspected),
    ]
    assert all(isinstance(event, InspectionEvent) for event in events)
    shipped = CENTER.logistics(shipment_id="S-1", business_step="SHIPPING", order_ids=["A-17"], expected_arrival_at=AT, **common)
    assert isinstance(shipped, LogisticsEvent)
    assert shipped.event_time_zone_offset == "+08:00"  # the default for times in milliseconds
    assert len({event.event_id for event in [*events, shipped]}) == 5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "CONFIRMD"}, "status"),
        ({"event_time": datetime(2026, 5, 6)}, "event_time"),
        ({"event_time": 1_778_031}, "event_time"),
        ({"promised_at": datetime(2026, 5, 6)}, "promised_at"),
        ({"factory_id": ""}, "factory_id"),
        ({"round": 0}, "round"),
        ({"quantity": 1.5}, "quantity"),
        ({"center_id": "c|1"}, "center_id"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError) as raised:
        CENTER.order(**{**ORDER, **changes})
    assert raised.value.field == field


@pytest.mark.parametrize("missing", ["source", "cooperative_id", "center_id"])
def test_what_neither_the_event_nor_the_publisher_says_is_named(missing: str) -> None:
    said = {"source": "s", "cooperative_id": "n", "center_id": "c"}
    del said[missing]
    with pytest.raises(ContractError) as raised:
        Collected(Defaults(**said)).order(**ORDER)
    assert raised.value.field == missing


def test_an_identity_is_made_of_the_content() -> None:
    """The same call again is the same event; any other content is another."""
    first = CENTER.order(**ORDER)
    assert first.event_id == "content:4bb6496eb09764bb8cfc95bf35455a66d61263f0"  # stored for ever: it must not change
    assert CENTER.order(**ORDER) == first
    assert content_id(first) == first.event_id
    variants: Sequence[dict[str, Any]] = [
        {"round": 2},
        {"sequence": 1},
        {"event_time": AT + timedelta(milliseconds=1)},
        {"source": "https://other.example"},
        {"factory_id": "f-205"},
    ]
    ids = {CENTER.order(**{**ORDER, **variant}).event_id for variant in variants}
    assert len(ids | {first.event_id}) == len(variants) + 1


def test_a_declaration_keeps_identity_time_and_content() -> None:
    event = CENTER.order(**ORDER)
    declared = CENTER.declare_erroneous(event, "DID_NOT_OCCUR", declaration_time=AT, corrective_event_ids=["e-2"])
    assert declared.error_declaration is not None
    assert declared.error_declaration.corrective_event_ids == ("e-2",)
    assert (declared.source, declared.event_id, declared.event_time, declared.owner) == (
        event.source,
        event.event_id,
        event.event_time,
        event.owner,
    )


# -- Addresses


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":9092", "localhost:kafka", "localhost:0", "localhost:70000"])
def test_what_is_no_address_is_a_users_error(address: str) -> None:
    with pytest.raises(UserError, match="host:port"):
        Publisher(address)
    with pytest.raises(UserError, match="host:port"):
        Subscriber(address, "f-204")


def test_half_a_credential_is_a_users_error() -> None:
    with pytest.raises(UserError, match="username and password"):
        Publisher("127.0.0.1:1", username="alice")


def test_nobody_at_the_address_is_said_at_once() -> None:
    with pytest.raises(DependencyDown, match="Connection refused"):
        Subscriber("127.0.0.1:1", "f-204")


@pytest.mark.parametrize("command", ["status", "audit", "rebuild", "dlq", "alerts", "publish"])
def test_no_command_but_a_processor_waits_for_faust(command: str) -> None:
    done = python(f"""
        import sys
        sys.modules["faust"] = None
        sys.argv = ["weftline", "{command}", "--help"]
        from weftline.cli import main
        main()
    """)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
