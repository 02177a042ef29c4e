"""What a publisher is told at once of an event that keeps its contract."""

from __future__ import annotations

import io
import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from tests.support.examples import EXAMPLES

from weftline.commands.partners import _each_once
from weftline.contracts.kinds import AnyEvent
from weftline.contracts.mapping import from_json
from weftline.domain.events import ErrorDeclaration, OrderEvent
from weftline.domain.vocabulary import ErrorReason
from weftline.sdk import files
from weftline.sdk.advice import Adviser
from weftline.sdk.common import Defaults

NOW = 1_795_850_000_000
COMMON = {
    "source": "https://c1.example",
    "cooperative_id": "haimen",
    "center_id": "c1",
    "factory_id": "f-205",
    "event_time": NOW - 1000,
}


def order(**changes: Any) -> OrderEvent:
    fields = {
        "type": "order",
        "event_id": "o",
        "order_id": "A-1",
        "status": "CONFIRMED",
        "product_category": "sheet",
        **COMMON,
        **changes,
    }
    event = from_json({"event_time_zone_offset": "+08:00", **fields})
    assert isinstance(event, OrderEvent)
    return event


def report(*measurements: dict[str, Any], **changes: Any) -> Any:
    body = {
        "laboratory_id": "lab-1",
        "report_number": "R-1",
        "specimen": "FINISHED_PRODUCT",
        "purpose": "FUND",
        "measurements": list(measurements),
        **changes,
    }
    fields = {"type": "inspection", "event_id": "i", "kind": "LABORATORY_REPORT", "product_category": "sheet", **COMMON}
    return from_json({"event_time_zone_offset": "+08:00", **fields, "laboratory_report": body})


def number(indicator: str, value: float, unit: str | None = None) -> dict[str, Any]:
    return {"indicator": indicator, "kind": "NUMBER", "value": value, "unit": unit}


@pytest.fixture(scope="module")
def shared() -> Adviser:
    return Adviser()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (order(product_category="shet"), "product_category: 'shet' is no category that a rule knows (did you mean sheet?)"),
        (order(product_category="床 单x"), "(did you mean sheet?)"),
        (order(product_category="spaceship"), "product_category: 'spaceship' is no category"),
        (order(event_time=NOW + 40 * 86_400_000), "is 40 days in the future"),
        (order(event_time=NOW + 10 * 60_000), "is 10 minutes in the future"),
        (
            report(number("formaldehide", 30)),
            "measurements[0].indicator: 'formaldehide' is no indicator that a limit knows (did you mean ",
        ),
        (
            report(number("ph", 7), number("formaldehyde", -30, "ppm")),
            "measurements[1].value: -30 ppm is not possible for formaldehyde",
        ),
        (
            report(number("formaldehyde", 30)),
            "measurements[0].unit: is missing, so 30 is no result; formaldehyde is measured in mg/kg",
        ),
        (report(number("formaldehyde", 30, "mg/kq")), "unit: 'mg/kq' is no unit of formaldehyde (did you mean mg/kg?)"),
        (report(number("formaldehyde", 0.003, "%")), "unit: '%' is no unit of formaldehyde"),
        (report({"indicator": "odour", "kind": "NUMBER", "value": 1}), "kind: NUMBER is not how odour is given"),
        (report({"indicator": "odour", "kind": "QUALITATIVE", "text": "strange"}), "text: 'strange' is no result of odour"),
        (
            report(number("ph", 7), test_plan=["ph", "odor"]),
            "test_plan[1]: 'odor' is no indicator that a limit knows (did you mean odour",
        ),
        (report(number("ph", 7), tested_at=NOW + 3 * 86_400_000), "laboratory_report.tested_at: "),
    ],
)
def test_what_will_come_to_nothing_is_told_with_the_nearest_name(shared: Adviser, event: AnyEvent, said: str) -> None:
    (advice,) = shared.advise(event, NOW)
    assert said in str(advice)


@pytest.mark.parametrize(
    "event",
    [
        order(),
        order(product_category="床单"),
        order(product_category="Duvet_Cover"),
        order(event_time=NOW + 60_000),  # clocks differ
        report(number("formaldehyde", 30, "PPM"), number("formaldehyde", 30, "毫克/千克"), number("ph", 7, "-")),
        report({"indicator": "odour", "kind": "QUALITATIVE", "text": "None"}, {"indicator": "odour", "kind": "NOT_DETECTED"}),
        report({"indicator": "formaldehyde", "kind": "NOT_DETECTED", "detection_limit": 20, "unit": "mg/kg"}),
    ],
)
def test_what_is_only_spelt_otherwise_is_not(shared: Adviser, event: AnyEvent) -> None:
    assert shared.advise(event, NOW) == ()


def test_the_examples_that_publishers_begin_with_are_beyond_reproach(shared: Adviser) -> None:
    for name, event in EXAMPLES.items():
        if not name.startswith("quality.alerts"):
            assert shared.advise(event, event.event_time) == (), name


def test_a_warning_is_said_once_and_others_each() -> None:
    said: list[files.Problem] = []
    tell = _each_once(said.append)
    for line in range(1, 6):
        tell(files.Problem(line, None, "center_id: unknown" if line % 2 else f"event_id: {line}", False))
    assert [problem.line for problem in said] == [1, 2, 4]


def declared(event: OrderEvent, **changes: Any) -> OrderEvent:
    return replace(event, error_declaration=ErrorDeclaration(NOW, ErrorReason.INCORRECT_DATA, ()), **changes)


def test_an_identity_stands_for_one_thing_and_a_declaration_for_its_event() -> None:
    adviser = Adviser()
    event = order()

    def said(event: OrderEvent) -> str:
        return "; ".join(map(str, adviser.advise(event, NOW)))

    assert said(event) == ""
    adviser.remember(event)
    assert said(event) == ""  # said again it is the same
    assert "event_id: 'o' was published here before with other content" in said(replace(event, quantity=3))
    assert "happened at 2026-11-28" in said(declared(event, event_time=event.event_time - 5))
    assert "is about 'c1|A-1' and not about 'c1|A-2'" in said(declared(event, order_id="A-2"))
    assert said(declared(event)) == ""
    adviser.remember(declared(event))
    assert "'o' was declared erroneous, so this counts nothing" in said(event)
    assert said(replace(event, event_id="o-2")) == ""
    assert said(replace(event, source="https://c2.example", quantity=3)) == ""


class Collecting:
    """What :func:`publish_file` needs of a publisher, without a Kafka behind it."""

    defaults = Defaults()

    def __init__(self) -> None:
        self.adviser = Adviser()
        self.events: list[AnyEvent] = []

    def advise(self, event: AnyEvent) -> Any:
        return self.adviser.advise(event, NOW)

    def published(self, event: AnyEvent) -> bool:
        return self.adviser.knows(event)

    def hand_over(self, event: AnyEvent) -> None:
        self.events.append(event)
        self.adviser.remember(event)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def flush(self) -> int:
        return len(self.events)


@pytest.mark.parametrize("strict", [False, True])
def test_a_file_goes_on_with_warnings_and_strictly_without(strict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"type": "order", "event_id": name, "order_id": name, "status": "CONFIRMED", "product_category": category, **COMMON}
        for name, category in (("a", "sheet"), ("b", "shet"), ("c", "towel"), ("b", "sheet"))
    ]
    text = "\n".join(json.dumps({"event_time_zone_offset": "+08:00", **line}) for line in lines)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    publisher: Any = Collecting()
    asked: list[int] = []

    def stored(events: Any) -> Any:
        asked.append(len(events))
        return [()] * len(events)

    told: list[str] = []
    summary = files.publish_file("-", publisher, on_warning=lambda one: told.append(str(one)), stored=stored, strict=strict)
    if strict:
        assert (summary.published, summary.bad, summary.warned, summary.exit_status) == (3, 1, 0, 1)
        assert [problem.line for problem in summary.problems] == [2]  # line 4 says it right, under the identity that was refused
        assert told == []
    else:
        assert (summary.published, summary.bad, summary.warned, summary.exit_status) == (4, 0, 2, 0)
        assert [warning.line for warning in summary.warnings] == [2, 4]
        assert told == [str(warning) for warning in summary.warnings]
    assert sum(asked) == 4
    assert len(asked) <= 2  # the tables are asked once for many; a last line without an end is waited for


def test_a_line_that_came_is_on_its_way_before_the_next_is_waited_for() -> None:
    """As of a program that writes into a pipe and goes on living."""
    publisher: Any = Collecting()
    seen: list[int] = []

    class Pipe(io.RawIOBase):
        left = 3

        def readable(self) -> bool:
            return True

        def read1(self, size: int = -1) -> bytes:
            seen.append(len(publisher.events))
            self.left -= 1
            line = {
                "type": "order",
                "event_id": str(self.left),
                "order_id": "A",
                "status": "CONFIRMED",
                "product_category": "sheet",
            }
            return b"" if self.left < 0 else f"{json.dumps({'event_time_zone_offset': '+08:00', **COMMON, **line})}\n".encode()

    files._Publishing(publisher, None, None, None, None, None, False).run(Pipe(), None)  # type: ignore[arg-type]
    assert seen[1:] == sorted(seen[1:])
    assert seen[2] >= 1
    assert len(publisher.events) == 3
