"""Debian's Prometheus and Alertmanager beside a real stack: everything is scraped, a killed processor is told of, and so is its return.

Rules and routes are those under ``deploy``; only their durations are divided (:func:`tests.support.alerting.faster`), and targets and
receivers have the addresses of this test.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka import KafkaProducer
from tests.e2e.commands import environment, until
from tests.support.alerting import ALERTMANAGER, PROMETHEUS, alerts, asked_for, blocks, faster
from tests.support.debian import program
from tests.support.examples import CODEC, ORDER
from tests.support.metric_names import PROGRAMS, listed
from tests.support.stack import stack_at

from weftline.contracts.topics import key_of
from weftline.embedded.children import Child, Running, notify_child, processor_child, says_ok
from weftline.embedded.ports import free_ports
from weftline.embedded.supervisor import PROCESSORS

pytestmark = pytest.mark.timeout(420)

#: So much faster than in production, but nothing is shorter than two seconds: the machine may be busy.
TIMES, AT_LEAST = 20, 2.0
NOW = int(time.time() * 1000)
SECRET = "it's a $ecret"
ROOT = Path(__file__).parents[2]


class Receiver:
    """Plays the webhooks, and WeCom's API as Alertmanager uses it: a token for corporation and secret, then messages."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = json.dumps(receiver.answer(self.path, json.loads(body) if body else {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = urllib.parse.urlsplit(path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/wecom/gettoken":
            known = asked == {"corpid": "corp", "corpsecret": SECRET}
            return {"errcode": 0, "access_token": "token"} if known else {"errcode": 40013, "errmsg": "invalid corpid"}
        if url.path == "/wecom/message/send" and asked != {"access_token": "token"}:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        self.told.append((url.path, body))
        return {"errcode": 0}

    def webhook(self, path: str, alert: str, status: str, since: int = 0) -> list[dict[str, Any]]:
        """What was sent to a webhook of an alert, firing or resolved. ``since``: so many messages of any kind came before."""
        sent = [body for to, body in self.told[since:] if to == path]
        return [body for body in sent if (body["status"], body["groupLabels"]["alertname"]) == (status, alert)]

    def wecom(self, party: str, *words: str, since: int = 0) -> list[str]:
        """What was sent to a department, with all these words in it."""
        sent = [body for to, body in self.told[since:] if to == "/wecom/message/send" and body["toparty"] == party]
        return [body["text"]["content"] for body in sent if all(word in body["text"]["content"] for word in words)]


class Platform:
    """The stack, the exporters, Prometheus, Alertmanager. ``orders`` has no supervisor: killed, it stays dead until it is started."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.folder = folder
        self.receiver = receiver
        self.running: dict[str, Running] = {}
        *ports, prometheus, self._alertmanager_port = free_ports(len(PROGRAMS) + 2)
        self.ports = dict(zip(PROGRAMS, ports, strict=True))
        self.prometheus = f"http://127.0.0.1:{prometheus}"
        self.alertmanager = f"http://127.0.0.1:{self._alertmanager_port}"
        self._prometheus_port = prometheus
        self.where: dict[str, str] = {}

    def start(self, child: Child) -> None:
        """Start a program and wait until it is ready."""
        self.running[child.name] = Running(child, self.folder / "logs" / f"{child.name}.log")
        self.running[child.name].wait_ready()

    def start_orders(self) -> None:
        self.start(processor_child("orders", {**self.where, "WEFTLINE_SIMULATED_CLOCK": f"0,{NOW},0"}, self.ports["orders"]))

    def start_exporter(self, *command: str) -> None:
        name, port = command[0], self.ports[command[0]]
        child = Child(
            name,
            (sys.executable, "-m", "weftline", *command),
            ready=lambda: says_ok(f"http://127.0.0.1:{port}/metrics"),
            environment={**self.where, "WEFTLINE_HTTP_PORT": str(port)},
        )
        self.start(child)

    def start_alertmanager(self) -> None:
        folder = self.folder / "alertmanager"
        folder.mkdir()
        for file in ALERTMANAGER.iterdir():
            text = file.read_text("utf-8")
            copy = folder / file.name
            copy.write_text(faster(text, TIMES, AT_LEAST) if file.suffix == ".yml" else text, "utf-8")
            copy.chmod(file.stat().st_mode)
        command = (
            *(str(folder / "start.sh"), program("prometheus-alertmanager"), f"--storage.path={folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{self._alertmanager_port}", "--cluster.listen-address="),
        )
        url = self.receiver.url
        where = {
            "RENDERED": str(folder / "rendered"),
            **{f"{name.upper()}_WEBHOOK": f"{url}/{name}" for name in ("page", "escalation", "ticket", "heartbeat")},
            **{"WECOM_CORP_ID": "corp", "WECOM_API_SECRET": SECRET, "WECOM_AGENT_ID": "7", "WECOM_API_URL": f"{url}/wecom/"},
            **{"WECOM_ON_CALL_PARTY": "on-call", "WECOM_ESCALATION_PARTY": "leaders"},
        }
        self.start(Child("alertmanager", command, ready=lambda: says_ok(f"{self.alertmanager}/-/ready"), environment=where))

    def start_prometheus(self) -> None:
        folder = self.folder / "prometheus"
        (folder / "rules").mkdir(parents=True)
        for file in (PROMETHEUS / "rules").iterdir():
            (folder / "rules" / file.name).write_text(faster(file.read_text("utf-8"), TIMES, AT_LEAST), "utf-8")
        config = yaml.safe_load(faster((PROMETHEUS / "prometheus.yml").read_text("utf-8"), TIMES, AT_LEAST))
        own = {"prometheus": self._prometheus_port, "alertmanager": self._alertmanager_port}
        config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{self._alertmanager_port}"]}]}]
        config["scrape_configs"] = [
            {
                "job_name": "weftline",
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"program": name}} for name, port in self.ports.items()
                ],
            },
            *({"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port in own.items()),
        ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        command = (
            *(program("prometheus"), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
            f"--web.listen-address=127.0.0.1:{self._prometheus_port}",
        )
        self.start(Child("prometheus", command, ready=lambda: says_ok(f"{self.prometheus}/-/ready")))

    def query(self, expression: str) -> list[dict[str, str]]:
        """The labels of every series that the expression gives now."""
        found = get(f"{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return [series["metric"] for series in found["data"]["result"]]

    def firing(self, but: str = "WeftlineWatchdog") -> set[str]:
        """Alerts that fire, in Prometheus' eyes."""
        return {series["alertname"] for series in self.query(f'ALERTS{{alertstate="firing", alertname!="{but}"}}')}

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that fire, in Alertmanager's eyes."""
        found: list[dict[str, Any]] = get(f"{self.alertmanager}/api/v2/alerts")
        return found

    def inhibited(self) -> set[str]:
        """Those of them that are kept back because their cause was told."""
        return {of["labels"]["alertname"] for of in self.alerts() if of["status"]["inhibitedBy"]}

    def publish(self, several: int, prefix: str) -> None:
        producer = KafkaProducer(bootstrap_servers=self.where["WEFTLINE_KAFKA"])
        for name in (f"{prefix}-{number}" for number in range(several)):
            event = dataclasses.replace(ORDER, order_id=name, event_id=name, event_time=NOW)
            producer.send("sample.orders.v1", CODEC.encode(event), key_of(event))
        producer.flush()
        producer.close()

    def stop(self) -> None:
        for running in reversed(list(self.running.values())):
            running.stop()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    for name in ("prometheus", "prometheus-alertmanager", "promtool", "amtool"):
        program(name)
    folder = tmp_path_factory.mktemp("alerting")
    with Receiver() as receiver:
        platform = Platform(folder, receiver)
        supervised = {name: platform.ports[name] for name in PROCESSORS if name != "orders"}
        with stack_at(folder / "stack", NOW, tuple(supervised), ports=supervised) as stack:
            assert stack.addresses is not None
            platform.where = stack.addresses.environment()
            try:
                platform.start_orders()
                platform.publish(50, "first")
                for command in (
                    ("lag", "--every", "1"),
                    ("watch", "--every", "1"),
                    ("audit", "--every", "60"),
                    ("gateway", "--port", "0"),
                ):
                    platform.start_exporter(*command)
                receivers = {
                    "WEFTLINE_RECEIVERS": str(ROOT / "deploy" / "notify" / "receivers.yaml"),
                    "WEFTLINE_DATA": str(folder / "notify"),
                }
                platform.start(notify_child({**platform.where, **receivers}, platform.ports["notify"]))
                platform.start_alertmanager()
                platform.start_prometheus()
                yield platform
            finally:
                platform.stop()


def test_everything_is_scraped_and_nothing_fires(platform: Platform) -> None:
    until(lambda: {series["program"] for series in platform.query('up{job="weftline"} == 1')} == set(PROGRAMS), "all are scraped")
    until(lambda: platform.query("weftline_audit_drift_rows"), "an audit")
    until(lambda: not platform.firing(), "what started late has settled")

    rules = [rule for group in get(f"{platform.prometheus}/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules if rule["type"] == "alerting"} == {alert["alert"] for alert in alerts()}
    assert {rule["health"] for rule in rules} == {"ok"}


def test_the_programs_export_what_is_listed_and_the_rules_ask_for(platform: Platform) -> None:
    lists = listed()
    every: set[str] = set()
    for name in PROGRAMS:
        own = f'{{job="weftline", program="{name}", __name__!~"up|scrape_.*|ALERTS.*|.*:.*"}}'
        exported = {series["__name__"] for series in platform.query(own)}
        assert exported
        assert exported - lists[name] == set(), name
        every |= exported
    never = {name for name in set().union(*lists.values()) - every if not name.endswith("_created")}
    assert never == set(), "listed, and exported by nobody"
    missing = {name for name in asked_for() if not platform.query(name)}
    assert missing == set(), "no program exports it"


@pytest.mark.parametrize("block", [block for block in blocks() if block.mark == "look"], ids=lambda block: block.page)
def test_the_commands_of_a_runbook_run(platform: Platform, block: Any) -> None:
    setup = "".join(of.text for of in blocks() if of.mark == "setup")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", setup + block.text],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=platform.folder,
        env=environment(
            **platform.where,
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            WORKER=f"http://127.0.0.1:{platform.ports['orders']}",
            PROMETHEUS=platform.prometheus,
            ALERTMANAGER=platform.alertmanager,
        ),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_killed_processor_is_told_of_escalates_and_resolves(platform: Platform) -> None:
    receiver, alert = platform.receiver, "WeftlineProcessorDown"
    until(lambda: len(receiver.webhook("/heartbeat", "WeftlineWatchdog", "firing")) >= 2, "heartbeats")
    # A busy machine may have been told of while it was starting.
    until(lambda: not platform.firing() and len(platform.alerts()) == 1, "all is well")

    began = len(receiver.told)
    platform.running["orders"].kill()
    platform.publish(50, "unread")
    told = _first(
        lambda: [of for of in receiver.webhook("/page", alert, "firing", began) if of["commonLabels"]["program"] == "orders"],
        "the webhook is told",
    )
    assert told["alerts"][0]["annotations"]["runbook"] == f"deploy/runbooks/{alert}.md"
    text = _first(lambda: receiver.wecom("on-call", "FIRING", alert, since=began), "WeCom is told")
    assert "orders 处理程序无一响应" in text

    until(lambda: "WeftlinePartitionStuck" in platform.firing(), "its partitions stand still")
    until(lambda: {"WeftlinePartitionStuck", "WeftlineWorkerDown"} <= platform.inhibited(), "its consequences are kept back")

    def told_of_this(path: str) -> list[int]:
        """Places of the messages about this very death: a processor that was slow to start may be escalated just now."""
        this = (told["alerts"][0]["fingerprint"], told["alerts"][0]["startsAt"])
        of = [(to, [(one["fingerprint"], one["startsAt"]) for one in body.get("alerts", ())]) for to, body in receiver.told]
        return [place for place, (to, those) in enumerate(of) if to == path and this in those]

    _first(lambda: told_of_this("/escalation"), "nobody took the page", seconds=120)
    _first(lambda: receiver.wecom("leaders", "ESCALATION", alert, since=began), "nobody took the page, in WeCom")
    assert told_of_this("/page")[0] < told_of_this("/escalation")[0]

    back = len(receiver.told)
    platform.start_orders()
    _first(lambda: receiver.webhook("/page", alert, "resolved", back), "the webhook is told that it is over")
    _first(lambda: receiver.wecom("on-call", "RESOLVED", alert, since=back), "WeCom is told that it is over")
    _first(lambda: receiver.webhook("/escalation", alert, "resolved", back), "whom it was escalated to is told that it is over")
    until(lambda: not platform.firing(), "all is well again")
    consequences = ("WeftlinePartitionStuck", "WeftlineLagGrowing", "WeftlineTablesStale", "WeftlineWorkerDown")
    paths = ("/page", "/ticket", "/escalation")
    assert not [name for name in consequences for path in paths if receiver.webhook(path, name, "firing", began)]

    ended = len(receiver.told)
    until(lambda: len(receiver.webhook("/heartbeat", "WeftlineWatchdog", "firing", ended)) > 1, "heartbeats go on")


def _first(found: Callable[[], list[Any]], what: str, seconds: float = 60.0) -> Any:
    until(found, what, seconds)
    return found()[0]
