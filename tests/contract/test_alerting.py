"""Rules, routes and runbooks hold together, and with the names that the programs export. Prometheus' own tools judge them."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from tests.support.alerting import ALERTMANAGER, DEPLOY, FOREIGN, PROMETHEUS, RUNBOOKS, alerts, asked_for, blocks, faster
from tests.support.debian import program
from tests.support.metric_names import PROGRAMS, exported, listed

from weftline import errors
from weftline.cli import app
from weftline.runtime.loop import Handler
from weftline.runtime.metrics import APART, CALLS, CHANGES, CLOCKS, DEPENDENCIES, FOLDS, LOSSES, PHASES, REASONS, Metrics

SERVICES = Path(errors.__file__).parent
WECOM = {"WECOM_CORP_ID": "corp", "WECOM_API_SECRET": "it's a $e\\cret & more", "WECOM_AGENT_ID": "7", "WECOM_ON_CALL_PARTY": "2"}


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


# --- names


def test_every_series_of_a_closed_set_is_there_from_the_start() -> None:
    metrics = Metrics("orders")
    found: dict[str, set[str]] = {}
    for metric in metrics.registry.collect():
        for sample in metric.samples:
            for label in set(sample.labels) - {"le", "version", "processor"}:
                found.setdefault(f"{metric.name} {label}", set()).add(sample.labels[label])
    assert found == {
        "weftline_phase_seconds phase": set(PHASES),
        "weftline_dead_letters reason": set(REASONS),
        "weftline_waiting dependency": set(DEPENDENCIES),
        "weftline_faults call": set(CALLS),
        "weftline_alerts_published change": set(CHANGES),
        "weftline_clock_skew_seconds clock": set(CLOCKS),
        "weftline_apart_owners state": set(APART),
        "weftline_folds_apart result": set(FOLDS),
        "weftline_losses what": set(LOSSES),
    }


def test_the_closed_sets_are_what_the_programs_say() -> None:
    said: dict[str, set[str]] = {"DependencyDown": set(), "DeadLetter": set()}
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "of" else node.func
            if isinstance(called, ast.Name) and called.id in said:
                at = 0 if called.id == "DependencyDown" else 1
                word = node.args[at] if len(node.args) > at else None
                if isinstance(word, ast.Constant):
                    said[called.id].add(word.value)
    contract = {cls.reason for cls in (errors.ContractError, errors.DecodeError, errors.NotAllowed)}
    assert said["DeadLetter"] | contract == set(REASONS)
    assert said["DependencyDown"] | {"clickhouse"} == set(DEPENDENCIES)
    handler = {name for name in vars(Handler) if not name.startswith("_")}
    assert handler == set(CALLS)


def test_what_the_rules_ask_for_is_exported() -> None:
    assert set(listed()) == set(PROGRAMS)
    asked = asked_for()
    assert len(asked) > 15
    assert {name for name in asked - exported() if not FOREIGN.fullmatch(name)} == set()


# --- rules


def test_prometheus_accepts_configuration_and_rules() -> None:
    done = run(program("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("cases", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda path: path.stem)
def test_each_alert_fires_when_it_shall(cases: Path) -> None:
    done = run(program("promtool"), "test", "rules", cases)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_cases_in_which_it_does_and_does_not_fire() -> None:
    fires: dict[str, set[bool]] = {}
    for file in (PROMETHEUS / "tests").glob("*.yml"):
        for case in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            for look in case.get("promql_expr_test", ()):
                (name,) = re.findall(r'alertname="(\w+)"', look["expr"])
                fires.setdefault(name, set()).add(bool(look["exp_samples"]))
    for alert in alerts():
        wanted = {True} if alert["alert"] == "WeftlineWatchdog" else {True, False}
        assert fires.get(alert["alert"]) == wanted, alert["alert"]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_says_what_somebody_needs(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket", "watchdog")
    notes = alert["annotations"]
    assert set(notes) == {"summary", "summary_zh", "description", "runbook", "board"}
    assert "\n" not in notes["summary"] + notes["summary_zh"]
    assert re.search(r"[\u4e00-\u9fff]", notes["summary_zh"])
    assert notes["runbook"] == f"deploy/runbooks/{alert['alert']}.md"
    assert (DEPLOY.parent / notes["runbook"]).is_file()
    assert notes["board"] == "/d/weftline-platform"


# --- routes


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=WeftlineDrift severity=page", "escalation,pages"),
        ("alertname=WeftlineWorkerDown severity=ticket", "tickets"),
        ("alertname=WeftlineWatchdog severity=watchdog", "heartbeat"),
        ("alertname=SomethingElse", "tickets"),
    ],
)
def test_who_is_told(labels: str, receivers: str) -> None:
    config = ALERTMANAGER / "alertmanager.yml"
    assert run(program("amtool"), "check-config", config).returncode == 0
    done = run(program("amtool"), "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert done.stdout.strip() == receivers, done.stdout + done.stderr


def test_causes_keep_quiet_only_alerts_that_exist() -> None:
    names = {alert["alert"] for alert in alerts()}
    config = yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text("utf-8"))
    for rule in config["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            (matcher,) = rule[side]
            pattern = matcher.split("=", 1)[1].strip("~ ").strip('"')
            ends = re.fullmatch(r"(\w+)(?:\((.*)\))?", pattern)
            assert ends
            assert {ends[1] + end for end in (ends[2] or "").split("|")} <= names


@pytest.mark.parametrize("given", [{}, WECOM, {"PAGE_WEBHOOK": "https://hooks.example/?a=1&b=2"}], ids=["none", "wecom", "webhook"])
def test_addresses_and_secrets_come_in_at_start(given: dict[str, str], tmp_path: Path) -> None:
    amtool = program("amtool")
    files = {}
    for name, value in given.items():
        (tmp_path / name).write_text(value + "\n", "utf-8")
        files[f"{name}_FILE"] = str(tmp_path / name)
    done = run(ALERTMANAGER / "start.sh", "echo", "--more", RENDERED=str(tmp_path / "rendered"), **files)
    assert done.returncode == 0, done.stderr
    rendered = tmp_path / "rendered" / "alertmanager.yml"
    assert done.stdout.strip() == f"--more --config.file={rendered}"
    assert ("nobody will be paged" in done.stderr) == (not given)
    assert rendered.stat().st_mode & 0o077 == 0
    text = rendered.read_text("utf-8")
    assert not re.search(r"\.invalid|\$\{", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    config = yaml.safe_load(text)
    pages = next(receiver for receiver in config["receivers"] if receiver["name"] == "pages")
    assert pages.get("webhook_configs", [{}])[0].get("url") == given.get("PAGE_WEBHOOK")
    assert config["global"].get("wechat_api_secret") == given.get("WECOM_API_SECRET")
    assert run(amtool, "check-config", rendered).returncode == 0


def test_half_of_wecom_is_refused(tmp_path: Path) -> None:
    done = run(ALERTMANAGER / "start.sh", "echo", RENDERED=str(tmp_path / "rendered"), WECOM_CORP_ID="corp")
    assert done.returncode == 1
    assert "WECOM_API_SECRET" in done.stderr
    assert not (tmp_path / "rendered").exists()


def test_only_durations_are_made_shorter() -> None:
    text = "for: 10m\nexpr: rate(x[5m]) > 300\nwait: 0s\nname: p99_5m\nquick: 3s\n"
    assert faster(text, 20, 2) == "for: 30000ms\nexpr: rate(x[15000ms]) > 300\nwait: 0s\nname: p99_5m\nquick: 2000ms\n"


# --- runbooks


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {alert["alert"] for alert in alerts()} | {"README"}
    looks = {block.page for block in blocks() if block.mark == "look"}
    assert looks == {page.stem for page in RUNBOOKS.glob("*.md")}
    assert {block.mark for block in blocks()} == {"setup", "look", "act"}


def commands() -> list[str]:
    found = [part.strip() for block in blocks() for line in block.text.splitlines() for part in re.split(r"\||>", line)]
    return sorted(
        {re.sub(r"^(WEFTLINE_\w+=\S+ )+", "", part) for part in found if re.match(r"(WEFTLINE_\w+=\S+ )*weftline ", part)}
    )


@pytest.mark.parametrize("command", commands())
def test_every_weftline_command_in_a_runbook_is_one(command: str) -> None:
    text = re.sub(r'"\$\(date .*\)"', "2026-11-20T00:00:00Z", command)
    group: Any = typer.main.get_command(app)
    arguments = shlex.split(text)[1:]
    parent = None
    while True:
        context = group.make_context(group.name or "weftline", arguments, parent=parent)
        if not hasattr(group, "resolve_command"):
            break
        _, group, arguments = group.resolve_command(context, [*context._protected_args, *context.args])
        parent = context
    assert not context.args
