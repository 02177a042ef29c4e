"""``weftline up --secure`` as a program, and whoever speaks to it: partners of its gateway, and users of its Kafka."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.commands import Program, until, weftline
from tests.support.examples import verified_report
from tests.support.migrated import begin_migrated
from tests.support.refusals import MAPPING, OTHER_SOURCE, PARTNERS, SOURCE, STRANGERS, THIRD, Outcome, Request, Things
from weftline.contracts.mapping import to_json
from weftline.contracts.partners import Partner, Role, new_token
from weftline.contracts.paths import schemas_root
from weftline.contracts.signing import SigningKey
from weftline.domain.events import Measurement
from weftline.domain.vocabulary import MeasurementKind
from weftline.embedded.ports import free_ports
from weftline.embedded.security import Security, read_security
from weftline.embedded.stack_folder import Addresses, find_running
from weftline.runtime.settings import Settings, load
from weftline.runtime.tls import trusting
from weftline.warehouse import partners as tables
from weftline.warehouse.client import reader

#: The cooperative's, with which the board signs packs.
PACK_KEY = "cooperative.pem"
#: Factories that have a topic of their own.
OWN = ("f-204", "f-301")
NAMES = ("kafka", "clickhouse", "board", "gateway")
FAILED = (Measurement(indicator="formaldehyde", kind=MeasurementKind.NUMBER, value=96.0, unit="mg/kg"),)
#: A machine with other things to do takes so long to start eight programs and to make the tables.
READY_SECONDS = 420.0


class Place:
    """The stack."""

    def __init__(self, folder: Path, program: Program | None = None) -> None:
        self.folder = folder
        self.stack = folder / "stack"
        self.program = program
        self.tokens: dict[str, str] = {}
        self.context = trusting(self.security.authority)
        self._clients: dict[str, httpx.Client] = {}

    @cached_property
    def security(self) -> Security:
        return read_security(self.stack)

    @cached_property
    def addresses(self) -> Addresses:
        found = find_running(self.stack)
        assert found is not None
        return found

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.stack / "stack.json").read_text("utf-8")))

    def url(self, name: str) -> str:
        return f"https://127.0.0.1:{self.state['children'][name]['port']}"

    def settings(self, kafka_user: str = "operator") -> Settings:
        return load(**self.addresses.settings("weftline", kafka_user))

    def command(self, *arguments: str, **more: str) -> Any:
        return weftline(*arguments, folder=self.folder, WEFTLINE_DATA=str(self.stack), **more)

    def client(self, caller: str) -> httpx.Client:
        """Of a partner's program. Strangers come from an address of their own, since they are bounded by it."""
        if caller not in self._clients:
            transport = httpx.HTTPTransport(verify=self.context, local_address=_address(caller))
            headers = {"Authorization": f"Bearer {self.tokens[caller]}"} if caller in self.tokens else {}
            self._clients[caller] = httpx.Client(base_url=self.url("gateway"), transport=transport, headers=headers, timeout=60)
        return self._clients[caller]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def signed_in(self, caller: str) -> httpx.Client:
        """The browser of whoever enters his token in the inbox."""
        name = f"page of {caller}"
        if name not in self._clients:
            client = httpx.Client(
                base_url=self.url("gateway"),
                transport=self.client(caller)._transport,
                headers={"Origin": self.url("gateway")},
                timeout=60,
            )
            client.post("/inbox/session", data={"token": self.tokens.get(caller, "")})
            self._clients[name] = client
        return self._clients[name]

    def let_in(self) -> None:
        """The partners of the table, and tokens of those who are not let in any more."""
        with reader(self.settings()) as server:
            now = server.clock()()
            for partner in (*PARTNERS, THIRD, Partner(partner_id="disabled", role=Role.OPERATOR, disabled=True)):
                made = new_token(partner.partner_id, now, None)
                tables.put_partner(server, partner)
                tables.put_token(server, made.token)
                self.tokens[partner.partner_id] = made.text
            made = new_token("operator", now, None)
            tables.put_token(server, dataclasses.replace(made.token, expires_at=now))
            self.tokens["expired"] = made.text

    def publish(self, caller: str, factory: str, name: str, at: int, laboratory: str, **own: str) -> None:
        """A report that fails, and its verification: a safety alert."""
        report, verified = (dataclasses.replace(event, **own) for event in verified_report(factory, name, at, FAILED))
        told = [to_json(report), to_json(verified)]
        for event, part in zip(told, ("laboratory_report", "report_status"), strict=True):
            event[part]["laboratory_id"] = laboratory
        answer = self.client(caller).post("/v1/events", json=told)
        assert answer.status_code == 202, answer.text

    def alerts(self, caller: str = "operator") -> dict[str, str]:
        """Alert by factory, of those that it has."""
        answer = self.client(caller).get("/v1/alerts")
        assert answer.status_code == 200, answer.text
        return {one["factory_id"]: one["alert_id"] for one in answer.json()["alerts"]}

    def looks(self) -> int:
        """How often the dispatcher has looked for webhooks of partners."""
        answer = httpx.get(f"http://127.0.0.1:{self.state['children']['notify']['port']}/readyz", timeout=60)
        return int(answer.json()["registered_webhooks"]["looks"])

    def looked(self) -> None:
        """What was said of webhooks until now the dispatcher knows: a look that began later has ended."""
        before = self.looks()
        until(lambda: self.looks() >= before + 2, "the dispatcher has looked again")

    def kill(self, name: str) -> int:
        """SIGKILL for one of its programs; the process it was."""
        pid = int(self.state["children"][name]["pid"])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return pid


def _address(caller: str) -> str:
    return f"127.0.0.{2 + STRANGERS.index(caller)}" if caller in STRANGERS else "127.0.0.1"


def started(folder: Path) -> Iterator[Place]:
    """One that runs until the test is over."""
    (folder / "receivers.yaml").write_text(f"own_topics: [{', '.join(OWN)}]\n", "utf-8")
    begin_migrated(folder / "stack")
    ports = [word for name, port in zip(NAMES, free_ports(len(NAMES)), strict=True) for word in (f"--{name}-port", str(port))]
    SigningKey.new().save(folder / PACK_KEY)
    # The receivers of these tests listen on 127.0.0.1.
    given = {"WEFTLINE_RECEIVERS": str(folder / "receivers.yaml"), "WEFTLINE_WEBHOOKS": "private"}
    given["WEFTLINE_PACK_KEY"] = str(folder / PACK_KEY)
    program = Program("up", "--secure", "--data", str(folder / "stack"), *ports, folder=folder, **given)
    try:
        program.wait_for("Ctrl-C stops all", READY_SECONDS)
        place = Place(folder, program)
        try:
            yield place
        finally:
            place.close()
    finally:
        assert program.stop() == 0


def _names(of: Partner) -> tuple[str, str, str]:
    return of.sources[0], of.centers[0], of.laboratories[0]


def things(place: Place, at: int) -> tuple[Things, dict[str, str]]:
    """What the table asks for, made; and every factory's alert."""
    own = {"source": SOURCE, "center_id": "c1", "cooperative_id": "haimen"}
    for factory in ("f-1", "f-2", "SUP-42"):
        place.publish("center", factory, f"R-{factory}", at, "lab-1", **own)
    other = {"source": OTHER_SOURCE, "center_id": "c9", "cooperative_id": "nantong"}
    place.publish("other center", "f-9", "R-f-9", at, "lab-9", **other)
    until(lambda: place.alerts().keys() >= {"f-1", "f-2", "SUP-42", "f-9"}, "every factory has its alert")
    center = place.client("center")
    assert center.put("/v1/mappings/orders", content=MAPPING.encode()).status_code == 200
    document = json.loads((schemas_root() / "examples" / "epcis-shipment.jsonld").read_text("utf-8"))
    captured = center.post("/v1/epcis/capture?factory_id=f-1", json=document)
    assert captured.status_code == 202, captured.text
    webhook = place.client("factory").post("/v1/webhooks", json={"url": "https://erp.invalid/hook"})
    assert webhook.status_code == 201, webhook.text
    alerts, captured_as = place.alerts(), captured.json()["captureID"]
    return Things(alerts["f-1"], "R-f-1", "orders", captured_as, *_names(THIRD), "f-1", webhook.json()["id"]), alerts


def outcome_of(answer: httpx.Response, done: int, told: str | None) -> Outcome:
    """What an answer is, in the words of the table."""
    if answer.status_code in (200, 403) and 'action="/inbox/session"' in answer.text:
        return Outcome.DOOR
    if answer.status_code == done:
        return Outcome.DONE if told is None or told in answer.text else Outcome.EMPTY
    if answer.status_code == 403:
        return Outcome.NAME if answer.json().get("faults") else Outcome.ROLE
    return {404: Outcome.NOT_THERE, 401: Outcome.UNKNOWN}[answer.status_code]


def ask(place: Place, caller: str, request: Request) -> httpx.Response:
    """The answer to a request of the table."""
    client = place.signed_in(caller) if request.by_page else place.client(caller)
    return client.request(request.method, request.path, json=request.json, content=request.content)


def follow(
    place: Place, caller: str, path: str, enough: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]] | httpx.Response:
    """What a stream tells until it is enough; the answer of one that is refused."""
    found: list[dict[str, Any]] = []
    with place.client(caller).stream("GET", path, timeout=httpx.Timeout(60, read=120)) as answer:
        if answer.status_code != 200:
            answer.read()
            return answer
        for line in answer.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if enough(found):
                    break
    return found
