"""The gateway over a real Kafka and a real ClickHouse: published over HTTP, judged, told, streamed, resumed, refused, taken back.

One story on one stack, since a stack is what costs: each test goes on where the one before it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.examples import ORDER, verified_report
from tests.support.gateway import mine
from tests.support.stack import stack_at

from weftline.contracts.mapping import to_json
from weftline.contracts.paths import schemas_root
from weftline.domain.events import Measurement
from weftline.domain.vocabulary import MeasurementKind
from weftline.embedded.children import Running, gateway_child
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import Stack
from weftline.sdk import Publisher

AT = 1_772_000_000_000
AS_OF = AT + 3_600_000
FAILED = (Measurement(indicator="formaldehyde", kind=MeasurementKind.NUMBER, value=96.0, unit="mg/kg"),)
SECONDS = 60.0


@dataclass
class Place:
    """The stack with its gateway, and tokens by partner."""

    folder: Path
    environment: dict[str, str]
    port: int
    pages: int
    stack: Stack
    tokens: dict[str, str] = field(default_factory=dict)
    running: Running | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.running = Running(gateway_child(self.environment, self.port, self.pages), self.folder / "gateway.log")
        self.running.wait_ready()

    def stop(self) -> None:
        assert self.running is not None
        assert self.running.stop(), "it goes by itself"

    def ask(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}
        return httpx.request(method, self.url + path, headers={**headers, **more.pop("headers", {})}, timeout=60, **more)

    def weftline(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "weftline", *arguments],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("gateway")
    with stack_at(folder / "stack", AS_OF, ("orders", "inspections", "replies")) as stack:
        assert stack.addresses is not None
        port, pages = free_ports(2)
        found = Place(folder, dict(stack.addresses.environment()), port, pages, stack)
        own = ("--source", ORDER.source, "--center", ORDER.center_id, "--cooperative", ORDER.cooperative_id, "--laboratory", "*")
        for name, *more in (
            ("center", "--role", "center", *own),
            ("f-1", "--role", "factory", "--factory", "f-1"),
            ("f-2", "--role", "factory", "--factory", "f-2"),
            ("officer", "--role", "officer", "--cooperative", ORDER.cooperative_id),
            ("operator", "--role", "operator"),
        ):
            found.tokens[name] = found.weftline("partner", "add", name, *more)
        found.start()
        try:
            yield found
        finally:
            found.stop()


def until(look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


class Listener:
    """Reads a stream in a thread until it has what it was told to wait for."""

    def __init__(self, place: Place, who: str, last: str | None, query: str = "") -> None:
        self.opened = threading.Event()
        self.last: str | None = last
        self.alerts: list[dict[str, Any]] = []
        self._place = place
        self._who = who
        self._query = query
        self._enough = 0
        self.fault = ""
        self._thread = threading.Thread(target=self._run)

    def wait_for(self, count: int) -> Listener:
        self._enough = count
        self._thread.start()
        assert self.opened.wait(SECONDS), self.fault
        return self

    def join(self) -> list[dict[str, Any]]:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), f"{len(self.alerts)} of {self._enough} alerts came"
        assert not self.fault
        return self.alerts

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._place.tokens[self._who]}"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        url = f"{self._place.url}/v1/alerts/stream{self._query}"
        with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(10, read=SECONDS)) as answer:
            if answer.status_code != 200:
                self.fault = answer.read().decode()
                return
            identity = self.last
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    identity = value
                elif name == "data":
                    self.alerts.append(json.loads(value))
                elif not line:  # the end of an event
                    self.last = identity
                    self.opened.set()
                    if len(self.alerts) >= self._enough:
                        return


def report(factory: str, name: str, at: int) -> list[dict[str, Any]]:
    return [to_json(mine(event)) for event in verified_report(factory, name, at, FAILED)]


STATE: dict[str, Any] = {}


def test_published_over_http_judged_and_streamed(place: Place) -> None:
    listening = Listener(place, "f-1", None).wait_for(1)
    answer = place.ask("center", "POST", "/v1/events", json=[to_json(ORDER), *report("f-1", "R-1", AT), *report("f-2", "R-2", AT)])
    assert answer.status_code == 202, answer.text
    told = answer.json()["events"]
    assert [one["type"] for one in told] == ["order", *["inspection"] * 4]
    assert all(one["offset"] >= 0 for one in told)
    (alert,) = listening.join()
    assert (alert["factory_id"], alert["rule"], alert["status"]) == ("f-1", "SAFETY_LIMIT_FAILED", "RAISED")
    STATE.update(last=listening.last, alert=alert)
    href = told[0]["href"]
    found = until(lambda: _judged(place, href), "the order is judged")
    assert (found["counts"], found["retracted"], found["event"]) == (True, False, to_json(ORDER))


def _judged(place: Place, href: str) -> Any:
    answer = place.ask("center", "GET", href)
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["events"]
    return one if one["state"] == "judged" else None


def test_what_stands_and_for_whom(place: Place) -> None:
    def alerts(who: str, query: str = "") -> list[dict[str, Any]]:
        answer = place.ask(who, "GET", f"/v1/alerts{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["alerts"])

    until(lambda: len(alerts("operator")) == 2, "both factories have an alert")
    (own,) = alerts("f-1")
    assert own["alert_id"] == STATE["alert"]["alert_id"]
    assert own["evidence"][0]["value"].startswith("96")
    assert {one["factory_id"] for one in alerts("officer")} == {"f-1", "f-2"}
    assert alerts("f-1", "?factory_id=f-2") == []
    assert [one["factory_id"] for one in alerts("operator", "?state=standing&factory_id=f-2&severity=CRITICAL")] == ["f-2"]
    first = place.ask("operator", "GET", "/v1/alerts?limit=1").json()
    second = place.ask("operator", "GET", f"/v1/alerts?limit=1&cursor={first['next']}").json()
    assert second["next"] is None
    assert {one["alerts"][0]["factory_id"] for one in (first, second)} == {"f-1", "f-2"}
    found = place.ask("f-1", "GET", f"/v1/alerts/{own['alert_id']}").json()
    assert (found["state"], found["history_is_complete"]) == ("open", True)
    assert [one["revision"] for one in found["history"]] == [STATE["alert"]["revision"]]
    assert found["next_step"]["zh"]


def test_another_factory_is_told_nothing(place: Place) -> None:
    identity = STATE["alert"]["alert_id"]
    foreign, missing = (place.ask("f-2", "GET", f"/v1/alerts/{one}") for one in (identity, "safety-limit-failed:nothing"))
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert place.ask("f-2", "POST", "/v1/events", json=to_json(ORDER)).status_code == 403
    assert place.ask("f-2", "GET", f"/v1/events/{ORDER.event_id}").status_code == 403
    assert place.ask(None, "GET", f"/v1/alerts/{identity}").status_code == 401
    assert place.ask("f-1", "GET", "/v1/alerts", headers={"Host": "evil.example"}).status_code == 403
    refused = place.ask("f-2", "GET", "/v1/alerts/stream", headers={"Last-Event-ID": STATE["last"]})
    assert refused.status_code == 422  # the place of another stream, unless both lie in one partition
    assert "f-1" not in refused.text


def test_a_stream_goes_on_behind_its_last_id_across_a_restart(place: Place) -> None:
    place.stop()
    place.start()
    assert place.ask("center", "POST", "/v1/events", json=report("f-1", "R-3", AT + 1000)).status_code == 202
    (alert,) = Listener(place, "f-1", STATE["last"]).wait_for(1).join()
    assert alert["alert_id"] != STATE["alert"]["alert_id"]
    everything = Listener(place, "f-1", None, "?from=beginning").wait_for(2).join()
    assert [one["alert_id"] for one in everything] == [STATE["alert"]["alert_id"], alert["alert_id"]]


def test_an_identity_is_known_to_a_gateway_that_has_just_started(place: Place) -> None:
    again = place.ask("center", "POST", "/v1/events", json=to_json(ORDER))
    assert again.status_code == 202, again.text
    other = place.ask("center", "POST", "/v1/events", json=to_json(replace(ORDER, quantity=ORDER.quantity + 1)))
    assert other.status_code == 409, other.text
    assert other.json()["faults"][0]["field"] == "event_id"


def test_the_sdk_over_http_and_epcis(place: Place) -> None:
    with Publisher.over_http(place.url, place.tokens["center"], source=ORDER.source) as center:
        sent = center.order(
            **{"order_id": "A-99", "status": "CONFIRMED", "product_category": "sheet", "factory_id": "f-1", "event_time": AT},
            **{"cooperative_id": ORDER.cooperative_id, "center_id": ORDER.center_id},
        )
        assert center.flush() == 1
    found = until(lambda: _judged(place, f"/v1/events/{sent.event.event_id}"), "it is judged")
    assert found["counts"]
    document = json.loads((schemas_root() / "examples" / "epcis-shipment.jsonld").read_text("utf-8"))
    captured = place.ask("center", "POST", "/v1/epcis/capture?factory_id=f-1", json=document)
    assert captured.status_code == 202, captured.text
    assert place.ask("center", "GET", captured.headers["location"]).json()["success"]


def test_what_is_taken_back_is_withdrawn(place: Place) -> None:
    listening = Listener(place, "f-1", None).wait_for(1)
    answer = place.ask("center", "POST", "/v1/events/R-1-v/retract", json={"reason": "incorrect_data"})
    assert answer.status_code == 202, answer.text
    (alert,) = listening.join()
    assert (alert["alert_id"], alert["status"]) == (STATE["alert"]["alert_id"], "WITHDRAWN")
    found = until(lambda: _withdrawn(place), "the table says so too")
    assert [one["status"] for one in found["history"]] == ["RAISED", "WITHDRAWN"]
    assert found["next_step"] is None


def _withdrawn(place: Place) -> Any:
    found = place.ask("f-1", "GET", f"/v1/alerts/{STATE['alert']['alert_id']}").json()
    return found if found["state"] == "withdrawn" else None


def test_an_alert_is_answered_and_open_no_longer(place: Place) -> None:
    def alerts(query: str) -> set[str]:
        return {one["alert_id"] for one in place.ask("f-2", "GET", f"/v1/alerts?{query}").json()["alerts"]}

    def said(state: str) -> Any:
        found = place.ask("f-2", "GET", url).json()
        return found if found["answer"]["state"] == state else None

    (identity,) = alerts("state=open")
    url = f"/v1/alerts/{identity}"
    assert place.ask("f-1", "POST", f"{url}/replies", json={"reply": "close"}).status_code == 404
    assert place.ask("f-2", "POST", f"{url}/replies", json={"reply": "accept"}).status_code == 409
    assert place.ask("f-2", "POST", f"{url}/replies", json={"reply": "acknowledge", "by": "厂长"}).status_code == 202
    found = until(lambda: said("ACKNOWLEDGED"), "the acknowledgement is in the tables")
    assert (found["answer"]["acknowledged_by"], found["state"]) == ("厂长", "open")
    block = {"reply": "block", "lot_ids": ["l-1", "l-2"], "problem_id": "p-1"}
    assert place.ask("f-2", "POST", f"{url}/replies", json=block).status_code == 202
    found = until(lambda: (now := said("ACKNOWLEDGED")) and now["answer"]["open_problems"] and now, "lots are held back")
    assert found["answer"]["open_problems"] == ["p-1"]
    assert place.ask("f-2", "POST", f"{url}/replies", json=block).json()["possible"] == ["extend", "lift", "feedback"]
    assert place.ask("f-2", "POST", f"{url}/replies", json={"reply": "lift", "problem_id": "p-1"}).status_code == 202
    assert place.ask("officer", "POST", f"{url}/replies", json={"reply": "close"}).status_code == 202
    found = until(lambda: said("CLOSED"), "the alert is closed")
    assert [one["reply"] for one in found["replies"]] == ["acknowledge", "block", "lift", "close"]
    assert all(one["counts"] for one in found["replies"])
    assert (found["state"], found["answer"]["ended_by"], found["answer"]["open_problems"]) == ("over", "officer", [])
    assert (alerts("state=open"), alerts("state=over"), alerts("state=standing")) == (set(), {identity}, {identity})


def test_those_who_look_after_it_see_it_on_another_port(place: Place) -> None:
    pages = f"http://127.0.0.1:{place.pages}"
    text = httpx.get(f"{pages}/metrics").text
    assert "weftline_gateway_events_total" in text
    assert 'weftline_gateway_problems_total{problem="conflict"} 1.0' in text
    assert httpx.get(f"{pages}/readyz").json()["gateway"] == "idle"
    assert httpx.get(f"{place.url}/metrics").status_code == 404
    assert httpx.get(f"{pages}/metrics", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("server", ["kafka", "clickhouse"])
def test_while_a_server_stands_still_nothing_is_acknowledged(place: Place, server: str) -> None:
    event = to_json(replace(ORDER, event_id=f"still-{server}", order_id=f"still-{server}"))

    def send() -> httpx.Response:
        return place.ask("center", "POST", "/v1/events", json=event, headers={"Idempotency-Key": server})

    group = place.stack.pid(server)
    os.killpg(group, signal.SIGSTOP)
    try:
        answer = send()
    finally:
        os.killpg(group, signal.SIGCONT)
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    until(lambda: send().status_code == 202, "it is accepted when the server goes on")
    found = until(lambda: _judged(place, f"/v1/events/still-{server}"), "it is judged")
    assert found["counts"]
    (row,) = place.ask("operator", "GET", f"/v1/events/still-{server}").json()["events"]
    assert row["event"] == event


def test_a_partner_is_rotated_and_disabled(place: Place) -> None:
    old = place.tokens["f-2"]
    place.tokens["f-2"] = place.weftline("partner", "rotate", "f-2")
    until(lambda: place.ask("f-2", "GET", "/v1/alerts").status_code == 200, "the new token is known", 15)
    assert httpx.get(f"{place.url}/v1/alerts", headers={"Authorization": f"Bearer {old}"}).status_code == 401
    place.weftline("partner", "disable", "f-2")
    until(lambda: place.ask("f-2", "GET", "/v1/alerts").status_code == 401, "it is out", 15)
    place.stop()
    place.start()
    listed = {one["partner_id"]: one for one in json.loads(place.weftline("partner", "list", "--json"))}
    assert (listed["f-2"]["state"], listed["f-1"]["state"]) == ("disabled", "active")
    assert listed["f-1"]["last_use"] is not None
    shown = place.weftline("partner", "show", "center")
    assert place.tokens["center"] not in shown
    assert place.tokens["center"].split("_")[1] in shown


def test_who_published_and_who_read_what_stands_in_the_log(place: Place) -> None:
    noted = json.loads(place.weftline("partner", "log", "--json", "--limit", "10000"))
    published = [one for one in noted if one["partner_id"] == "center" and one["asked"] == "/v1/events" and one["status"] == 202]
    assert published
    assert all(one["events"] >= 1 for one in published)
    own = json.loads(place.weftline("partner", "log", "f-1", "--json"))
    assert {one["partner_id"] for one in own} == {"f-1"}
    assert {one["asked"].partition("?")[0] for one in own} >= {"/v1/alerts", "/v1/alerts/stream"}
    assert [one["at"] for one in own] == sorted((one["at"] for one in own), reverse=True)
    assert not any(token in json.dumps(noted) for token in place.tokens.values())
    assert place.weftline("partner", "log", "f-1", "--since", "2100-01-01T00:00:00Z") == ""
