"""``weftline notify``: what an operator types and reads; and the names of its metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.notifying import SECRET, alert, receiver
from typer.testing import CliRunner, Result

from weftline.cli import app
from weftline.embedded.stack_folder import Addresses
from weftline.embedded.supervisor import notifications
from weftline.errors import UserError
from weftline.notify.delivery import Answer, State, Verdict
from weftline.notify.metrics import NotifyMetrics
from weftline.notify.outbox import Outbox, outbox_at
from weftline.notify.receivers_file import fault_of_secret

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("WEFTLINE_DATA", str(tmp_path))
    monkeypatch.setenv("S", SECRET)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["notify", *words])


def test_check_says_who_is_told_what_and_never_a_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "receivers:\n- {id: erp, kind: webhook, url: 'https://e.example/', secret: {env: S}, factory_id: f-1}\n", "utf-8"
    )
    plain, as_json = run("check", str(file)), run("check", str(file), "--json")
    assert "erp" in plain.stdout
    assert "factory f-1: CRITICAL, MAJOR, MINOR" in plain.stdout
    assert json.loads(as_json.stdout)[0]["host"] == "e.example"
    assert SECRET not in plain.stdout + as_json.stdout
    file.write_text("receivers:\n- {id: erp, kind: webhok, factory_id: f-1}\n", "utf-8")
    assert re.search(r"line 2.*did you mean webhook", str(run("check", str(file)).exception))
    assert isinstance(run("check").exception, UserError), "no file is named"


def test_each_delivery_can_be_read_and_parked_ones_sent_again(run: Run, tmp_path: Path) -> None:
    assert "never ran on this data folder" in str(run("list").exception)
    erp = receiver("erp")
    box = Outbox(outbox_at(tmp_path))
    box.know([erp])
    box.receive([alert("a-1"), alert("a-2")], [erp], 1.0)
    box.begin("erp", [("a-1", 1)], 2.0)
    box.finish("erp", [("a-1", 1)], Answer(Verdict.GONE, "HTTP 410"), 2.0, lambda: 0.5)
    listed = run("list", "--state", "parked")
    assert "a-1 revision 1  1 attempts  HTTP 410" in listed.stdout
    assert "receiver erp: switched off since" in listed.stderr
    assert [row["alert_id"] for row in json.loads(run("list", "--json").stdout)["deliveries"]] == ["a-2", "a-1"]
    assert run("resend").exit_code == 2
    assert "2 deliveries wait to be sent again" in run("resend", "--receiver", "erp").stdout
    assert {row.state for row in box.rows()} == {"waiting"}
    assert "no such deliveries" in run("list", "--state", "parked").stderr
    box.close()


def test_a_stack_starts_it_where_a_file_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Addresses("127.0.0.1:9092", "http://127.0.0.1:8123")
    assert [*notifications(at, lambda name: 1)] == []
    monkeypatch.setenv("WEFTLINE_RECEIVERS", str(tmp_path / "r.yaml"))
    (child,) = notifications(at, lambda name: 7)
    assert child.command[-2:] == ("notify", "run")
    assert child.environment["WEFTLINE_KAFKA"] == at.kafka
    assert not child.needed
    up = CliRunner().invoke(app, ["up"])
    assert "r.yaml cannot be read" in str(up.exception), "told at once, not in a log"


def test_a_stack_starts_it_where_partners_register_webhooks_and_then_it_needs_no_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = Addresses("127.0.0.1:9092", "http://127.0.0.1:8123")
    assert "no file of receivers is named" in str(run("run").exception)
    monkeypatch.setenv("WEFTLINE_WEBHOOKS", "public")
    (child,) = notifications(at, lambda name: 7)
    assert "WEFTLINE_LINK_KEY" in child.environment
    assert "WEFTLINE_LINK_KEY is needed, the same as the gateway's" in str(run("run").exception)


def test_a_secret_that_is_made_is_one(run: Run) -> None:
    first, second = (run("secret").stdout.strip() for _ in range(2))
    assert first != second
    assert fault_of_secret(first) is None


def test_metric_names_are_a_closed_list_that_is_there_from_the_start() -> None:
    ours = {metric.name: metric for metric in NotifyMetrics().registry.collect() if metric.name.startswith("weftline_")}
    assert set(ours) == {
        *("weftline_build_info", "weftline_notify_attempts", "weftline_notify_revisions", "weftline_notify_deliveries"),
        *("weftline_notify_oldest_waiting_seconds", "weftline_notify_receivers", "weftline_notify_receivers_off"),
        "weftline_notify_waiting_for_kafka",
    }
    answers = {sample.labels["answer"] for sample in ours["weftline_notify_attempts"].samples}
    assert answers == set(Verdict)
    assert {sample.labels["state"] for sample in ours["weftline_notify_deliveries"].samples} == set(State)
