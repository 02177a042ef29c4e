"""EPCIS capture: a document as it is, with faults in it, for somebody else; and its job."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.support.examples import CODEC, ORDER
from tests.support.gateway import World
from tests.unit.test_gateway_publishing import problem

from weftline.contracts.paths import schemas_root
from weftline.domain.events import LogisticsEvent

DOCUMENT: dict[str, Any] = json.loads((schemas_root() / "examples" / "epcis-shipment.jsonld").read_text("utf-8"))
URL = "/v1/epcis/capture"


def capture(world: World, document: Any, query: str = "?factory_id=f-1", who: str = "center", **headers: str) -> Any:
    given = {"Content-Type": "application/ld+json", **headers}
    return world.ask(who, "POST", URL + query, content=json.dumps(document), headers=given)


@pytest.fixture
def world() -> World:
    return World()


def spoilt() -> Any:
    document = copy.deepcopy(DOCUMENT)
    document["epcisBody"]["eventList"][0]["bizStep"] = "packng"
    return document


def test_a_document_is_captured_and_its_job_is_done(world: World) -> None:
    answer = capture(world, DOCUMENT)
    assert answer.status_code == 202, answer.text
    events = [CODEC.decode(record.topic, record.value) for record in world.outbox.sent]
    assert events
    assert all(isinstance(event, LogisticsEvent) and event.factory_id == "f-1" and event.source == ORDER.source for event in events)
    job = world.ask("center", "GET", answer.headers["location"])
    assert (job.status_code, job.json()) == (200, answer.json())
    assert (job.json()["running"], job.json()["success"], job.json()["weftline:accepted"]) == (False, True, len(events))
    assert answer.headers["gs1-epcis-version"] == "2.0.0"
    problem(world.ask("other", "GET", answer.headers["location"]), 404, "not-found")
    assert capture(world, DOCUMENT).status_code == 202  # again


def test_all_or_nothing_unless_told_to_proceed(world: World) -> None:
    answer = capture(world, spoilt())
    assert problem(answer, 422, "contract") == ["bizStep"]
    assert answer.json()["faults"][0]["event"] == 0
    assert world.outbox.sent == []
    answer = capture(world, spoilt(), **{"GS1-Capture-Error-Behaviour": "proceed"})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["success"], len(answer.json()["errors"])) == (False, 1)
    assert world.outbox.sent
    assert problem(capture(world, DOCUMENT, **{"GS1-Capture-Error-Behaviour": "perhaps"}), 422, "contract") != []


def test_what_epcis_cannot_say_must_be_given(world: World) -> None:
    assert problem(capture(world, DOCUMENT, ""), 422, "contract") == ["factory_id"]
    assert "center_id" in problem(capture(world, DOCUMENT, "?factory_id=f&center_id=another"), 403, "not-allowed")
    problem(capture(world, DOCUMENT, who="factory"), 403, "not-allowed")
    assert world.outbox.sent == []


@pytest.mark.parametrize("document", [{}, [], 7, {"type": "EPCISDocument"}, {**DOCUMENT, "epcisBody": []}])
def test_what_is_no_document(world: World, document: Any) -> None:
    assert problem(capture(world, document), 422, "contract")
    problem(capture(world, DOCUMENT, **{"Content-Type": "application/xml"}), 415, "media")
