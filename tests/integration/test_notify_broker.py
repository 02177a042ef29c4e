"""The dispatcher as a program beside a real Kafka, killed again and again: every revision arrives, signed, in order per alert."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from standardwebhooks.webhooks import Webhook
from tests.support.notifying import SECRET, alert, until
from tests.support.receiving import Bots, Endpoint, Got, receiving

from weftline.contracts.codec import Codec
from weftline.contracts.mapping import from_json
from weftline.contracts.registry import FileRegistry
from weftline.contracts.topics import key_of, topic_of
from weftline.domain.alerts import Alert
from weftline.domain.digests import listed
from weftline.domain.events import AlertReply
from weftline.domain.vocabulary import ReplyKind
from weftline.embedded.ports import free_ports
from weftline.kafka_admin.topics import apply_topics
from weftline.notify.outbox import Outbox, outbox_at
from weftline.notify.receivers_file import load_receivers

CODEC = Codec(FileRegistry())
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="module")
def broker(kafka: str) -> str:
    apply_topics(kafka)
    return kafka


class Program:
    """``weftline notify run`` on a data folder."""

    def __init__(self, broker: str, folder: Path, receivers: str) -> None:
        self.folder = folder
        (folder / "receivers.yaml").write_text(receivers, "utf-8")
        self.port = free_ports(1)[0]
        self._environment = {
            **os.environ,
            "WEFTLINE_KAFKA": broker,
            "WEFTLINE_DATA": str(folder),
            "WEFTLINE_RECEIVERS": str(folder / "receivers.yaml"),
            "WEFTLINE_HTTP_PORT": str(self.port),
            # There is no ClickHouse here: webhooks of partners cannot be read, and nothing waits for that.
            **{"WEFTLINE_WEBHOOKS": "public", "WEFTLINE_LINK_KEY": "k" * 32, "WEFTLINE_CLICKHOUSE": "http://127.0.0.1:1"},
            "SECRET": SECRET,
            "TOKEN": "T",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = (sys.executable, "-m", "weftline", "notify", "run")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=self.folder)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def page(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
            return str(answer.read().decode())

    @property
    def ready(self) -> bool:
        try:
            return bool(json.loads(self.page("readyz"))["waiting_for"] is None)
        except OSError:
            return False

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "weftline", "notify", *words)
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60, check=False)

    def outbox(self) -> Outbox:
        return Outbox(outbox_at(self.folder))


@pytest.fixture
def start(broker: str, tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    running: list[Program] = []

    def make(receivers: str) -> Program:
        running.append(Program(broker, tmp_path, receivers))
        running[-1].start()
        return running[-1]

    yield make
    for program in running:
        program.kill()


def publish(broker: str, *messages: Alert | AlertReply) -> None:
    producer = KafkaProducer(bootstrap_servers=broker)
    try:
        for message in messages:
            producer.send(topic_of(message), CODEC.encode(message), key_of(message)).get(10)
    finally:
        producer.close()


def webhook(endpoint: Endpoint, factory: str) -> str:
    return (
        f"- {{id: erp, kind: webhook, url: '{endpoint.url}/hook', secret: {{env: SECRET}}, factory_id: {factory}, "
        "allow_private: true, per_minute: 6000}\n"
    )


def key(got: Got) -> tuple[str, int]:
    return got.json["alert_id"], got.json["revision"]


def test_every_revision_arrives_in_order_through_kills(broker: str, start: Callable[[str], Program]) -> None:
    factory = f"f-{uuid.uuid4().hex[:8]}"
    chance = random.Random(1)
    with receiving() as endpoint:
        # It fails now and then, and is slow enough to be hit in the middle.
        def reply(got: Got) -> Any:
            time.sleep(0.01)
            return (500 if chance.random() < 0.1 else 200, {}, b"")

        endpoint.reply = reply
        program = start(f"receivers:\n{webhook(endpoint, factory)}")
        until(lambda: program.ready, 120)
        alerts = [
            alert(
                f"{factory}-{number % 12}", number // 12 + 1, factory_id=factory, critical=number % 3 == 0, text_en=f"no. {number}"
            )
            for number in range(300)
        ]
        for piece in range(0, 300, 60):
            publish(broker, *alerts[piece : piece + 60])
            wanted = len(endpoint.got) + chance.randrange(5, 40)
            endpoint.wait_for(lambda got, wanted=wanted: len(got) >= wanted, 120)  # type: ignore[misc]
            program.kill()
            program.start()
        ours = {(one.alert_id, one.revision): one for one in alerts}
        got = endpoint.wait_for(lambda got: {key(one) for one in got} >= ours.keys(), 240)
        until(lambda: program.ready, 120)
        box = program.outbox()
        try:
            until(lambda: box.counts() == {("erp", "sent"): 300}, 120)
        finally:
            box.close()
        assert {key(one) for one in got} == ours.keys()
        for one in got:
            Webhook(SECRET).verify(one.body, one.headers)
            assert from_json(one.json) == ours[key(one)], "one revision, one content"
        for name in {one.alert_id for one in alerts}:
            revisions = [key(one)[1] for one in got if key(one)[0] == name]
            assert revisions == sorted(revisions)
        assert 'weftline_notify_deliveries{state="sent"}' in program.page("metrics")
        assert program.page("healthz") == "ok\n"
        assert json.loads(program.page("readyz"))["registered_webhooks"]["fault"]
        assert program.stop() == 0
        program.start()


def test_a_digest_is_told_alert_by_alert_to_a_program_and_as_one_to_a_group_and_parked_ones_again(
    broker: str, start: Callable[[str], Program]
) -> None:
    factory = f"f-{uuid.uuid4().hex[:8]}"
    with receiving() as endpoint, receiving() as group:
        bots = Bots("another")
        group.reply = bots.reply
        program = start(
            f"receivers:\n{webhook(endpoint, factory)}"
            f"- {{id: group, kind: wecom, url: '{group.url}/cgi-bin/webhook/send?key=', token: {{env: TOKEN}}, "
            f"factory_id: {factory}, allow_private: true}}\n"
        )
        until(lambda: program.ready, 120)
        each = [alert(f"{factory}-{number}", factory_id=factory) for number in range(4)]
        digest = alert(f"digest:{factory}", factory_id=factory, listed=tuple(map(listed, each)), evidence=())
        publish(broker, digest)
        got = endpoint.wait_for(lambda got: len(got) == 4)
        assert {key(one) for one in got} == {(one.alert_id, 1) for one in each}
        group.wait_for(lambda got: len(got) == 1, 90)
        until(lambda: '"parked"' in program.command("list", "--state", "parked", "--json").stdout)
        shown = program.command("list", "--state", "parked")
        assert shown.stdout.count("errcode 93000") == 4, shown.stdout + shown.stderr
        bots.token = "T"
        again = program.command("resend", "--receiver", "group")
        assert "4 deliveries wait to be sent again" in again.stdout, again.stderr
        until(lambda: len(bots.taken) == 1, 90)
        assert "×4" in bots.taken[0]
        until(lambda: program.command("list", "--state", "parked", "--json").stdout.count("alert_id") == 0)


def test_what_was_acknowledged_while_the_program_stood_still_calls_nobody(
    broker: str, start: Callable[[str], Program], tmp_path: Path
) -> None:
    """Both timers are overdue when it starts; all replies are read before the first of them fires."""
    factory = f"f-{uuid.uuid4().hex[:8]}"
    answered, silent = (alert(f"{factory}-{name}", factory_id=factory) for name in ("answered", "silent"))

    def acknowledged(of: Alert) -> AlertReply:
        own = {"source": "urn:f", "event_id": of.alert_id, "event_time": of.occurred_at, "event_time_zone_offset": "+08:00"}
        whose = {"cooperative_id": of.cooperative_id, "center_id": of.center_id, "factory_id": factory}
        return AlertReply(**own, **whose, reply=ReplyKind.ACKNOWLEDGE, alert_id=of.alert_id, replied_by="厂长")  # type: ignore[arg-type]

    with receiving() as first, receiving() as second:
        file = "receivers:\n" + webhook(first, factory).replace("}\n", ", escalates_to: second}\n")
        file += webhook(second, factory).replace("id: erp", "id: second, escalations_only: true")
        (tmp_path / "receivers.yaml").write_text(file, "utf-8")
        box = Outbox(outbox_at(tmp_path))
        box.receive([answered, silent], load_receivers(tmp_path / "receivers.yaml", {"SECRET": SECRET}).each, time.time() - 7200)
        publish(broker, acknowledged(answered))
        program = start(file)
        second.wait_for(lambda got: bool(got))
        assert [one["alert_id"] for one in second.got[0].json["alerts"]] == [silent.alert_id]
        program.kill()
        publish(broker, acknowledged(silent))
        program.start()
        # What was told when it was killed may be told again, under the same name and revision.
        second.wait_for(lambda got: got[-1].json["type"] == "alert_escalation_over")
        assert second.got[-1].json["by"] == "厂长"
        assert len({key(got) for got in second.got}) == 2
        until(lambda: box.counts()["second", "sent"] == 2)
        box.close()
